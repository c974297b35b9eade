//! `satchel export`: exports a project as a bundle, or devices and links as a workbook.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    kinds::KindsArgs,
    output::{self, NewFile, OutputArgs, counted, number, table},
    safe_text::safe,
    target::{IfMissing, JobWords, TargetArgs},
};
use crate::http::paths;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel export nightly --data /var/lib/satchel
      writes the bundle to /var/lib/satchel/migrations/nightly.zip
  satchel export nightly --output /media/stick/nightly.zip
      also copies it to a stick; never leaves a partial file
  satchel export nightly --types device,link --no-secrets --output - | ssh host 'cat > nightly.zip'
      exports two types, without passwords and keys, through a pipe
  satchel export sites.xlsx --workbook --output . --server https://satchel.example --user admin
      exports devices and links of a server as a workbook
  satchel export --template devices.xlsx
      writes a workbook to fill in: columns with notes, lists of values, an example row

A bundle unpacks into a project folder that eNMS can import.

Exit codes:
  0    exported
  1    not exported
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// `satchel export`
#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    /// Name of the project; with --workbook, name of the workbook, ending in .xls or .xlsx; with
    /// --template, the file to write, ending in .xlsx
    name: String,

    #[command(flatten)]
    kinds: KindsArgs,

    /// Leave out passwords and keys
    #[arg(long, conflicts_with = "workbook")]
    no_secrets: bool,

    /// Export devices and links as a workbook instead of a bundle
    #[arg(long, conflicts_with = "types")]
    workbook: bool,

    /// Write a workbook without records to fill in: columns with notes, lists of values, and an example
    /// row that an import leaves out
    #[arg(long, conflicts_with_all = ["types", "no_secrets", "workbook"])]
    template: bool,

    /// Copy the export to this file or folder, or to standard output (-)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// The report of an export, as the REST API returns it.
#[derive(Deserialize)]
struct Exported {
    download: String,
    bytes: u64,
    #[serde(default)]
    warnings: Vec<String>,
    /// The documents; only in the report of a bundle.
    #[serde(default)]
    types: Vec<Document>,
    #[serde(default)]
    secrets: Option<String>,
    /// The sheets; only in the report of a workbook.
    #[serde(default)]
    sheets: Vec<Sheet>,
}

#[derive(Deserialize)]
struct Document {
    r#type: String,
    records: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct Sheet {
    sheet: String,
    /// The name of the sheet, if it is not that of the kind.
    #[serde(default)]
    name: Option<String>,
    rows: u64,
    columns: u64,
}

/// The destination of the copy.
enum Copy {
    None,
    StandardOutput,
    File(PathBuf, Box<NewFile>),
}

impl Copy {
    fn to(path: &Path) -> anyhow::Result<Self> {
        Ok(Copy::File(path.to_owned(), Box::new(NewFile::create(path)?)))
    }
}

/// The content that a command exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exports {
    Bundle,
    Workbook,
    Template,
}

impl Exports {
    /// The noun for the exported file in messages.
    fn noun(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Workbook => "workbook",
            Self::Template => "template",
        }
    }
}

impl ExportArgs {
    fn exports(&self) -> Exports {
        if self.template {
            Exports::Template
        } else if self.workbook {
            Exports::Workbook
        } else {
            Exports::Bundle
        }
    }

    /// The name of the export at the target.
    fn name(&self) -> &str {
        match self.exports() {
            Exports::Bundle | Exports::Workbook => &self.name,
            // The name is the file to write.
            Exports::Template => self.name.rsplit('/').next().unwrap_or(&self.name),
        }
    }

    fn copy(&self) -> anyhow::Result<Copy> {
        let noun = self.exports().noun();
        let Some(path) = &self.output else {
            return match self.exports() {
                Exports::Bundle | Exports::Workbook => Ok(Copy::None),
                Exports::Template => self.copy_of_template(),
            };
        };
        if path.as_os_str() == "-" {
            if io::stdout().is_terminal() {
                bail!("A {noun} cannot be printed on a terminal. Pass --output FILE, or pipe it");
            }
            if self.out.json {
                bail!("--json and --output - both write to standard output. Use only one of them");
            }
            return Ok(Copy::StandardOutput);
        }
        if !path.is_dir() {
            return Copy::to(path);
        }
        let name = match self.exports() {
            Exports::Workbook | Exports::Template if self.name().contains('.') => {
                self.name().to_owned()
            }
            Exports::Workbook | Exports::Template => format!("{}.xls", self.name()),
            Exports::Bundle => format!("{}.zip", self.name()),
        };
        if name.contains('/') {
            bail!("“{name}” is not a valid name of a {noun}")
        }
        Copy::to(&path.join(name))
    }

    /// The file of a template without `--output`. An existing file is probably one that was filled in,
    /// so it is not replaced.
    fn copy_of_template(&self) -> anyhow::Result<Copy> {
        let path = Path::new(&self.name);
        if path.symlink_metadata().is_ok() {
            bail!(
                "{} exists already. Use another name, or pass --output {} to replace it",
                path.display(),
                path.display()
            );
        }
        Copy::to(path)
    }

    /// The path and the body of the REST call.
    fn call(&self) -> (&'static str, Value) {
        match self.exports() {
            Exports::Bundle => {
                let body = json!({
                    "name": self.name(),
                    "import_export_types": self.kinds.names(),
                    "export_private_properties": !self.no_secrets,
                });
                (paths::EXPORT_PROJECT.pattern(), body)
            }
            Exports::Workbook => (paths::EXPORT_TOPOLOGY.pattern(), json!({"name": self.name()})),
            Exports::Template => {
                let body = json!({"name": self.name(), "template": true});
                (paths::EXPORT_TOPOLOGY.pattern(), body)
            }
        }
    }
}

/// Exports, and copies the export if `--output` is given.
pub(super) fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let copy = args.copy()?;
    let connection = args.target.resolve("export", IfMissing::Fail)?.connect(&progress)?;
    let client = &connection.client;

    let (path, body) = args.call();
    let words = JobWords { doing: "exporting", noun: "export" };
    let response = client.post_as_job(path, &body, words, &progress)?;
    let exported: Exported = response.read()?;
    let label = "copying";
    let mut summary = text(args, &exported);
    match copy {
        Copy::None => {}
        Copy::StandardOutput => {
            client.download(&exported.download, io::stdout().lock(), label, &progress)?;
            progress.say(&summary);
            connection.close()?;
            return Ok(ExitCode::SUCCESS);
        }
        Copy::File(to, file) => {
            client.download(&exported.download, file.file(), label, &progress)?;
            file.finish()?;
            summary += &format!("\nCopied to {}\n", to.display());
        }
    }
    if args.out.json {
        output::print_json(&response.text)?;
    } else if !args.out.quiet {
        output::print(&summary)?;
    }
    connection.close()?;
    Ok(ExitCode::SUCCESS)
}

fn text(args: &ExportArgs, exported: &Exported) -> String {
    let sheets = exported.sheets.iter();
    let types = exported.types.iter();
    let (headings, rows): (_, Vec<_>) = match args.exports() {
        Exports::Workbook | Exports::Template => (
            ["sheet", "rows", "columns"],
            sheets
                .map(|sheet| {
                    let name = sheet.name.as_ref().unwrap_or(&sheet.sheet);
                    vec![safe(name), number(sheet.rows), number(sheet.columns)]
                })
                .collect(),
        ),
        Exports::Bundle => (
            ["type", "records", "bytes"],
            types
                .map(|one| vec![safe(&one.r#type), number(one.records), number(one.bytes)])
                .collect(),
        ),
    };
    let noun = args.exports().noun();
    let mut text =
        format!("Exported the {noun} “{}”: {}.\n", args.name(), counted(exported.bytes, "byte"));
    text += &format!("\n{}", table(&headings, &rows));
    match exported.secrets.as_deref() {
        Some("included") => {
            text += "\nIt contains passwords and keys. Keep it secret.\n";
        }
        Some("left_out") => text += "\nIt contains no passwords or keys.\n",
        Some(_) | None => {}
    }
    for warning in &exported.warnings {
        text += &format!("\nNote: {}\n", safe(warning));
    }
    text
}
