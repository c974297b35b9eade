//! `satchel inspect`: shows the contents of a file or the inventory.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{
    input::{self, Input},
    output::{self, OutputArgs, counted, number, table},
    progress::Progress,
    safe_text::safe,
    target::{IfMissing, TargetArgs},
};
use crate::{
    backup::{self, Manifest},
    codec::workbook::{Cell, DecodeLimits, Decoding, Item, SourceKind, executable},
    http::paths,
    migration::{InspectedDocument, ProjectInspection, inspect},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel inspect nightly.zip
      shows the documents of a bundle
  satchel inspect sites.xlsx
      shows the sheets of a workbook
  satchel inspect --data /var/lib/satchel
      shows the inventory, and the one that an undo would restore";

/// The largest number of listed columns of a sheet.
const COLUMNS_SHOWN_MAX: usize = 100;

/// `satchel inspect`
#[derive(Args, Debug)]
pub(super) struct InspectArgs {
    /// A bundle, project folder or workbook; without it, the inventory
    #[arg(value_name = "FILE")]
    file: Option<OsString>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// The state of the inventory, as the REST API returns it.
#[derive(Deserialize)]
pub(super) struct InventoryState {
    #[serde(flatten)]
    pub now: Generation,
    pub previous: Option<Generation>,
    pub earlier: Vec<EarlierGeneration>,
    #[serde(default)]
    history_losses: Vec<HistoryLoss>,
}

/// A lost part of the history.
#[derive(Deserialize)]
struct HistoryLoss {
    detail: String,
}

/// A kept generation before the current one.
#[derive(Deserialize)]
pub(super) struct EarlierGeneration {
    bytes: u64,
}

#[derive(Deserialize)]
pub(super) struct Generation {
    generation: u64,
    version: u64,
    pub records: u64,
    bytes: u64,
    pub types: Vec<KindCount>,
}

#[derive(Deserialize)]
pub(super) struct KindCount {
    pub r#type: String,
    pub records: u64,
}

/// Prints the contents of the file or the inventory.
pub(super) fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    match &args.file {
        None => inventory(args, &progress)?,
        Some(file) => match Input::find(file)? {
            Input::Bundle(input) | Input::Folder(input) => {
                let look = ProjectLook::read(input.path(), &progress)?;
                if args.out.json {
                    output::print_json(&serde_json::to_string(&look)?)?;
                } else {
                    output::print(&look.text())?;
                }
            }
            Input::Workbook { input, .. } => {
                let look = workbook(input.path())?;
                if args.out.json {
                    output::print_json(&serde_json::to_string(&look)?)?;
                } else {
                    output::print(&look.text())?;
                }
            }
            Input::LibraryProject(name) => bail!("There is no file or folder {name}"),
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn inventory(args: &InspectArgs, progress: &Progress) -> anyhow::Result<()> {
    let connection = args.target.resolve("inspect", IfMissing::Fail)?.connect(progress)?;
    let response = connection.client.get(paths::STATE.pattern())?;
    if args.out.json {
        output::print_json(&response.text)?;
    } else {
        output::print(&response.read::<InventoryState>()?.text())?;
    }
    connection.close()
}

impl InventoryState {
    fn text(&self) -> String {
        let Self { now, previous, earlier, history_losses } = self;
        let before = |kind: &str| {
            let previous = previous.as_ref()?.types.iter().find(|one| one.r#type == kind)?;
            Some(number(previous.records))
        };
        let rows: Vec<_> = now
            .types
            .iter()
            .map(|one| {
                let before = before(&one.r#type).unwrap_or_else(|| "-".to_owned());
                vec![safe(&one.r#type), number(one.records), before]
            })
            .collect();
        let mut text = format!(
            "{} in generation {}, version {}; {} on disk.\n",
            counted(now.records, "record"),
            now.generation,
            now.version,
            counted(now.bytes, "byte")
        );
        match previous {
            Some(previous) => {
                text += &format!(
                    "Before the last import: generation {}, {}; {} on disk.\n",
                    previous.generation,
                    counted(previous.records, "record"),
                    counted(previous.bytes, "byte")
                );
            }
            None => text += "No copy of the inventory from before an import is kept.\n",
        }
        if !earlier.is_empty() {
            let bytes = earlier.iter().map(|kept| kept.bytes).sum();
            let generations = counted(earlier.len() as u64, "earlier generation");
            text += &format!("{generations} kept; {} on disk.\n", counted(bytes, "byte"));
        }
        for HistoryLoss { detail } in history_losses {
            text += &format!("Warning: {}.\n", safe(detail));
        }
        text + "\n" + &table(&["type", "records", "before"], &rows)
    }
}

/// Reads a whole project.
///
/// # Errors
/// An error if the project cannot be read at all. Damage within it is part of the result.
pub(super) fn project(path: &Path, progress: &Progress) -> anyhow::Result<ProjectInspection> {
    let bar = progress.records("reading");
    inspect(path, &mut |records| bar.add(records))
        .with_context(|| format!("Cannot read {} as a project", path.display()))
}

/// The contents of a project, and the description of the backup if the file is one.
#[derive(Serialize)]
struct ProjectLook {
    #[serde(flatten)]
    project: ProjectInspection,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<Manifest>,
}

impl ProjectLook {
    fn read(path: &Path, progress: &Progress) -> anyhow::Result<Self> {
        let context = || format!("Cannot read {} as a backup", path.display());
        let backup =
            if path.is_dir() { None } else { backup::manifest_of(path).with_context(context)? };
        Ok(Self { project: project(path, progress)?, backup })
    }

    fn text(&self) -> String {
        let project = project_text(&self.project);
        match &self.backup {
            Some(manifest) => format!("{}\n{project}", super::backup::text(manifest)),
            None => project,
        }
    }
}

/// Formats the contents of a project.
pub(super) fn project_text(inspection: &ProjectInspection) -> String {
    let mut facts = Vec::new();
    if let Some(release) = &inspection.release {
        facts.push(format!("release {}", safe(release)));
    }
    if let Some(time) = &inspection.export_time {
        facts.push(format!("exported {}", safe(time)));
    }
    facts.push(match inspection.secrets {
        Some("included") => "with passwords and keys".to_owned(),
        Some("left_out") => "without passwords and keys".to_owned(),
        Some(_) | None => "possibly with passwords and keys".to_owned(),
    });
    facts.push(match inspection.format {
        Some(format) => format!("written by Satchel (format {format})"),
        None => "not written by Satchel".to_owned(),
    });
    let mut text = format!(
        "Project “{}”: {}; {}.\n\n",
        safe(&inspection.project),
        facts.join(", "),
        counted(inspection.bytes, "byte")
    );
    let row = |one: &InspectedDocument| {
        vec![
            one.kind.to_string(),
            number(one.records),
            number(one.bytes),
            number(one.faults),
            one.sha256.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    };
    let rows: Vec<_> = inspection.types.iter().map(row).collect();
    text += &table(&["type", "records", "bytes", "errors", "sha256"], &rows);
    for one in inspection.types.iter().filter(|one| one.faults > 0) {
        text += &format!("\n{}.yaml:\n", one.kind);
        for fault in &one.shown {
            text += &format!("  {}\n", safe(fault));
        }
        let more = one.faults - one.shown.len() as u64;
        if more > 0 {
            text += &format!("  and {} more\n", number(more));
        }
    }
    for name in &inspection.ignored {
        text += &format!("\nNote: '{}' is ignored\n", safe(name));
    }
    text
}

/// The contents of a workbook.
#[derive(Debug, Serialize)]
struct WorkbookLook {
    workbook: PathBuf,
    sheets: Vec<SheetLook>,
}

#[derive(Debug, Serialize)]
struct SheetLook {
    sheet: String,
    /// Rows with cells, without the header.
    rows: u64,
    /// The texts of the first row.
    columns: Vec<String>,
}

/// Reads a workbook in a child process, which a malicious file can crash without harm.
fn workbook(path: &Path) -> anyhow::Result<WorkbookLook> {
    let file = input::open(path)?;
    let mut decoding =
        Decoding::start(&executable(), file, SourceKind::WorkbookOrTable, DecodeLimits::default())
            .with_context(|| format!("Cannot read {}", path.display()))?;
    let mut sheets: Vec<SheetLook> = Vec::new();
    let mut is_header_next = false;
    let what = || format!("Cannot read {} as a workbook", path.display());
    while let Some(item) = decoding.next_item().with_context(what)? {
        match item {
            Item::Sheet(name) => {
                sheets.push(SheetLook { sheet: name.to_owned(), rows: 0, columns: Vec::new() });
                is_header_next = true;
            }
            Item::Merged(_) => {}
            Item::Row(row) => {
                let Some(sheet) = sheets.last_mut() else { continue };
                if !std::mem::take(&mut is_header_next) {
                    sheet.rows += 1;
                    continue;
                }
                for (_, cell) in row.cells {
                    if let Cell::Text(text) = cell {
                        sheet.columns.push(text.into_owned());
                    }
                }
            }
        }
    }
    Ok(WorkbookLook { workbook: path.to_owned(), sheets })
}

impl WorkbookLook {
    fn text(&self) -> String {
        let row = |sheet: &SheetLook| {
            vec![safe(&sheet.sheet), number(sheet.rows), number(sheet.columns.len() as u64)]
        };
        let rows: Vec<_> = self.sheets.iter().map(row).collect();
        let mut text = table(&["sheet", "rows", "columns"], &rows);
        for sheet in &self.sheets {
            let columns = sheet.columns.iter().take(COLUMNS_SHOWN_MAX).map(|name| safe(name));
            let columns: Vec<_> = columns.collect();
            text += &format!("\n{}: {}\n", safe(&sheet.sheet), columns.join(", "));
        }
        text
    }
}
