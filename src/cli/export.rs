//! `satchel export`: exports a project as a bundle, or devices and links as a workbook.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

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
    /// Name of the project; with --workbook, name of the workbook, ending in .xls or .xlsx
    name: String,

    #[command(flatten)]
    kinds: KindsArgs,

    /// Leave out passwords and keys
    #[arg(long, conflicts_with = "workbook")]
    no_secrets: bool,

    /// Export devices and links as a workbook instead of a bundle
    #[arg(long, conflicts_with = "types")]
    workbook: bool,

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

impl ExportArgs {
    fn copy(&self) -> anyhow::Result<Copy> {
        let Some(path) = &self.output else { return Ok(Copy::None) };
        if path.as_os_str() == "-" {
            if io::stdout().is_terminal() {
                bail!(
                    "A {} cannot be printed on a terminal. Pass --output FILE, or pipe it",
                    self.noun()
                );
            }
            if self.out.json {
                bail!("--json and --output - both write to standard output. Use only one of them");
            }
            return Ok(Copy::StandardOutput);
        }
        if !path.is_dir() {
            return Copy::to(path);
        }
        let name = match self.workbook {
            true if self.name.contains('.') => self.name.clone(),
            true => format!("{}.xls", self.name),
            false => format!("{}.zip", self.name),
        };
        if name.contains('/') {
            bail!("“{name}” is not a valid name of a {}", self.noun())
        }
        Copy::to(&path.join(name))
    }

    /// The noun for the exported file in messages: workbook or bundle.
    fn noun(&self) -> &'static str {
        if self.workbook { "workbook" } else { "bundle" }
    }
}

/// Exports, and copies the export if `--output` is given.
pub(super) fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let copy = args.copy()?;
    let connection = args.target.resolve("export", IfMissing::Fail)?.connect(&progress)?;
    let client = &connection.client;

    let (path, body) = if args.workbook {
        (paths::EXPORT_TOPOLOGY.pattern(), json!({"name": args.name}))
    } else {
        (
            paths::EXPORT_PROJECT.pattern(),
            json!({
                "name": args.name,
                "import_export_types": args.kinds.words(),
                "export_private_properties": !args.no_secrets,
            }),
        )
    };
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
    let rows: Vec<_> = if args.workbook {
        exported
            .sheets
            .iter()
            .map(|sheet| vec![safe(&sheet.sheet), number(sheet.rows), number(sheet.columns)])
            .collect()
    } else {
        exported
            .types
            .iter()
            .map(|one| vec![safe(&one.r#type), number(one.records), number(one.bytes)])
            .collect()
    };
    let noun = args.noun();
    let mut text =
        format!("Exported the {noun} “{}”: {}.\n", args.name, counted(exported.bytes, "byte"));
    let headings =
        if args.workbook { ["sheet", "rows", "columns"] } else { ["type", "records", "bytes"] };
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
