//! `satchel import`: imports a project or a workbook.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;

use super::{
    confirm,
    exit_code::wrong_arguments,
    import_call::{self, ImportOptions, ReplaceScope},
    input::Input,
    kinds::KindsArgs,
    output::{self, NewFile, OutputArgs},
    progress::Progress,
    reading::{MappingFile, ReadArgs},
    report::{Length, Outcome, Report},
    target::{ApiResponse, ChangeMessage, Client, IfMissing, TargetArgs},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel import nightly.zip --dry-run --data /var/lib/satchel
      shows what would change, property by property; changes nothing
  satchel import /opt/enms/files/migrations/backup --create
      imports a project folder of eNMS into a new data directory
  satchel import sites.xlsx --marked sites-marked.xlsx --server https://satchel.example --user admin
      imports a workbook at a server; errors are written beside its rows in a copy
  satchel import list.xlsx --sheet Switches --kind device --header-row 4
      imports another sheet than “device”, whose headings are in row 4
  satchel import list.xlsx --kind device --save-map list.toml --dry-run
      proposes properties for headings such as “Gerätename”; --map list.toml uses them
  satchel import nightly.zip --replace --data /var/lib/satchel
      also removes records of its types that are not in the bundle; asks first
  satchel import nightly
      imports a project from the data directory's project library (migrations/)
  satchel undo
      undoes the last import

An import succeeds completely or changes nothing.

--replace and --replace-all show how many records would be removed, and ask. Without a terminal
they need --yes or --dry-run.

Exit codes:
  0    imported, or it would be (--dry-run)
  1    rejected, or imported without the invalid records (--skip-errors), or failed
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// `satchel import`
#[derive(Args, Debug)]
pub(super) struct ImportArgs {
    /// A bundle, project folder or workbook, or the name of a project in the project library. If a
    /// file or folder has the same name as a stored project, the file or folder is imported
    #[arg(value_name = "FILE|FOLDER|NAME")]
    from: OsString,

    #[command(flatten)]
    kinds: KindsArgs,

    /// Also remove existing records that are not in the project or workbook, for the types that have
    /// a document or sheet in it. Asks first; other types are kept
    #[arg(long)]
    replace: bool,

    /// With --replace or --replace-all, allow a document or sheet without valid records to remove
    /// all records of its type
    #[arg(long)]
    allow_empty: bool,

    /// Like --replace, and also remove all records of types without a document
    #[arg(long, conflicts_with = "replace")]
    replace_all: bool,

    /// Show what would change, change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Do not ask before records are removed (--replace, --replace-all)
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,

    /// Import valid records and skip invalid ones
    #[arg(long)]
    skip_errors: bool,

    #[command(flatten)]
    reading: ReadArgs,

    /// Save --map and --ignore with the mapping that the report proposes, to a .toml or .json file
    #[arg(long, value_name = "FILE")]
    save_map: Option<MappingFile>,

    /// If there are errors, write a copy of the workbook to this file, with the errors in an extra
    /// column
    #[arg(long, value_name = "FILE")]
    marked: Option<PathBuf>,

    /// Create the data directory if it is missing
    #[arg(long)]
    create: bool,

    /// Print all entries of all lists
    #[arg(long)]
    all: bool,

    /// A message for the history: why the change is made
    #[arg(long, value_name = "TEXT", conflicts_with = "dry_run")]
    message: Option<ChangeMessage>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// Imports, and prints the report.
pub(super) fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let from = Input::find(&args.from)?;
    match &from {
        Input::Workbook { .. } if args.kinds.is_given() => {
            return Err(wrong_arguments(
                "--types is for projects. A workbook contains devices and links",
            ));
        }
        Input::Bundle(_) | Input::Folder(_) | Input::LibraryProject(_) if args.marked.is_some() => {
            return Err(wrong_arguments("--marked is for workbooks"));
        }
        Input::Workbook { .. } | Input::Bundle(_) | Input::Folder(_) | Input::LibraryProject(_) => {
        }
    }
    args.reading.check(&from)?;
    if args.save_map.is_some() && !matches!(from, Input::Workbook { .. }) {
        return Err(wrong_arguments("--save-map is for workbooks and tables (.csv)"));
    }
    let replace = ReplaceScope::of_flags(args.replace, args.replace_all);
    if args.allow_empty && !replace.can_remove() {
        return Err(wrong_arguments("--allow-empty is for --replace and --replace-all"));
    }
    let asks = replace.can_remove() && !args.yes && !args.dry_run;
    if asks && !confirm::can_ask() {
        bail!(
            "Not interactive: an import with --replace can remove records. Pass --yes to confirm, or \
             --dry-run to see what would be removed"
        );
    }
    from.open()?;
    // Files that cannot be written must be found before the import changes something.
    let marked = args.marked.as_deref().map(NewFile::create).transpose()?;
    let saved = args.save_map.as_ref().map(|file| NewFile::create(file.path())).transpose()?;
    // A dry run creates nothing, and no data directory.
    let creates = args.create && !args.dry_run;
    let if_missing = if creates { IfMissing::Create } else { IfMissing::Fail };
    let mut connection = args.target.resolve("import", if_missing)?.connect(&progress)?;
    connection.client.set_message(args.message.as_ref());
    let options = ImportOptions {
        types: args.kinds.names(),
        replace,
        allow_empty: args.allow_empty,
        dry_run: args.dry_run,
        skip_errors: args.skip_errors,
        reading: &args.reading,
    };
    let client = &connection.client;
    let response = if asks {
        let confirm = |preview: &ApiResponse| confirm_removals(preview, args.out);
        import_call::import_after_confirmation(client, &from, &options, confirm, &progress)?
    } else {
        Some(import_call::import(client, &from, &options, &progress)?)
    };
    let Some(response) = response else {
        progress.say("nothing was changed");
        connection.close()?;
        return Ok(ExitCode::FAILURE);
    };
    let mut report: Report = response.read()?;
    // The report is the purpose of a dry run, so --quiet prints it.
    let is_silent = args.out.quiet && !args.dry_run && report.is_good();
    if args.out.json {
        output::print_json(&response.text)?;
    } else if !is_silent {
        let length = if args.all { Length::All } else { Length::Short };
        report.lengthen(length, &connection.client)?;
        output::print(&report.text(length))?;
    }
    if let (Some(file), Some(to)) = (&args.save_map, saved) {
        file.save(to, &args.reading, &report.proposed_mapping)?;
        progress.say(&format!("the mapping is saved in {}", file.path().display()));
    }
    download_marked(args, marked, &report, &connection.client, &progress)?;
    connection.close()?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Shows the preview of an import that would remove records, and asks for confirmation. Returns
/// whether to import.
fn confirm_removals(preview: &ApiResponse, out: OutputArgs) -> anyhow::Result<bool> {
    let preview: Report = preview.read()?;
    let removed = preview.removed();
    // A rejected import removes nothing, and its report has the reasons.
    if removed == 0 || preview.outcome == Outcome::Rejected {
        return Ok(true);
    }
    let text = preview.text(Length::Short);
    // With --json, standard output holds only the response.
    if out.json {
        output::print_aside(&text);
    } else {
        output::print(&text)?;
    }
    confirm::confirmed(&format!("Remove {} and import?", output::counted(removed, "record")))
}

/// Downloads the copy of the workbook with the errors in an extra column, if there are errors.
fn download_marked(
    args: &ImportArgs,
    file: Option<NewFile>,
    report: &Report,
    client: &Client,
    progress: &Progress,
) -> anyhow::Result<()> {
    let (Some(to), Some(file), Some(marked)) = (&args.marked, file, &report.marked_workbook) else {
        return Ok(());
    };
    client.download(marked, file.file(), "downloading the marked workbook", progress)?;
    file.finish()?;
    progress.say(&format!("the errors are in an extra column of {}", to.display()));
    Ok(())
}
