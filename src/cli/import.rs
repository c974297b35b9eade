//! `satchel import`: takes a project or a workbook in.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::{
    confirm,
    import_call::{self, ImportOptions, ReplaceScope},
    input::Input,
    kinds::KindsArgs,
    output::{self, NewFile, OutputArgs},
    progress::Progress,
    report::{Length, Outcome, Report},
    target::{Answer, Client, IfMissing, TargetArgs},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel import nightly.zip --dry-run --data /var/lib/satchel
      what would change, property by property; nothing is changed
  satchel import /opt/enms/files/migrations/backup --create
      a project's folder of eNMS, into a data directory that is made for it
  satchel import sites.xlsx --marked sites-mended.xlsx --server https://satchel.example --user admin
      a workbook, at a server; what is wrong with it is written beside its rows
  satchel import nightly.zip --replace --data /var/lib/satchel
      what the bundle says is all there is of its types; shows what would be removed, and asks
  satchel import nightly
      a project that lies in the data directory's migrations/
  satchel undo
      takes an import back

An import lands whole or changes nothing.

--replace and --replace-all show how many records would be removed, and ask. Where nobody can be
asked (no terminal), they need --yes or --dry-run, and nothing is changed without.

Exit codes:
  0    imported, or nothing is in the way of it (--dry-run)
  1    rejected, or imported without the records that were wrong (--skip-errors), or not possible
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  cut short";

/// `satchel import`
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// A bundle, a project's folder or a workbook; or the name of a project in the project library.
    /// A file or folder of that name comes first
    #[arg(value_name = "FILE|FOLDER|NAME")]
    from: OsString,

    #[command(flatten)]
    kinds: KindsArgs,

    /// Empty the types that the project has documents of (or the workbook sheets of) in the same
    /// step: their records that are not in it are removed. Asks first; other types are kept
    #[arg(long)]
    replace: bool,

    /// With --replace or --replace-all, let a document or sheet without readable records empty its
    /// type
    #[arg(long)]
    allow_empty: bool,

    /// As --replace, and empty the types without a document as well
    #[arg(long, conflicts_with = "replace")]
    replace_all: bool,

    /// Only say what would change
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Do not ask before records are removed (--replace, --replace-all)
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,

    /// Import the records that are right beside others that are not
    #[arg(long)]
    skip_errors: bool,

    /// What the rows of a table (.csv) are
    #[arg(long, value_name = "TYPE")]
    kind: Option<TableKind>,

    /// Where to write the workbook with what is wrong beside each row, when something is
    #[arg(long, value_name = "FILE")]
    marked: Option<PathBuf>,

    /// Make the data directory when it is not there
    #[arg(long)]
    create: bool,

    /// Print every entry of every list
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// What the rows of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TableKind {
    Device,
    Link,
}

impl TableKind {
    pub fn word(self) -> &'static str {
        match self {
            TableKind::Device => "device",
            TableKind::Link => "link",
        }
    }
}

/// Imports.
pub(super) fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let from = Input::parse(&args.from)?;
    match &from {
        Input::Workbook { .. } if args.kinds.are_named() => {
            bail!("A workbook holds devices and links: --types is for projects")
        }
        Input::Bundle(_) | Input::Folder(_) | Input::LibraryProject(_) if args.marked.is_some() => {
            bail!("--marked is for workbooks")
        }
        Input::Bundle(_) | Input::Folder(_) | Input::LibraryProject(_) if args.kind.is_some() => {
            bail!("--kind is for tables (.csv)")
        }
        Input::Workbook { .. } | Input::Bundle(_) | Input::Folder(_) | Input::LibraryProject(_) => {
        }
    }
    let replacing = match (args.replace, args.replace_all) {
        (_, true) => ReplaceScope::AllTypes,
        (true, false) => ReplaceScope::PresentTypes,
        (false, false) => ReplaceScope::Nothing,
    };
    if args.allow_empty && !replacing.removes() {
        bail!("--allow-empty is for --replace and --replace-all")
    }
    let asks = replacing.removes() && !args.yes && !args.dry_run;
    if asks && !confirm::can_ask() {
        bail!(
            "An import that replaces can remove records, and there is no terminal to ask on. Pass \
             --yes to import, or --dry-run to see what would be removed"
        );
    }
    from.hold()?;
    let marked = args.marked.as_deref().map(NewFile::begin).transpose()?;
    // A dry run makes nothing, no data directory either.
    let makes = args.create && !args.dry_run;
    let missing = if makes { IfMissing::Create } else { IfMissing::Fail };
    let connection = args.target.resolve("import", missing)?.connect(&progress)?;
    let wish = ImportOptions {
        types: args.kinds.words(),
        replacing,
        allow_empty: args.allow_empty,
        dry_run: args.dry_run,
        skip_errors: args.skip_errors,
        table: args.kind.map(TableKind::word),
    };
    let client = &connection.client;
    let answer = if asks {
        let consent = |preview: &Answer| consent(preview, args.out);
        import_call::import_with_consent(client, &from, &wish, consent, &progress)?
    } else {
        Some(import_call::import(client, &from, &wish, &progress)?)
    };
    let Some(answer) = answer else {
        progress.say("nothing was changed");
        connection.close()?;
        return Ok(ExitCode::FAILURE);
    };
    let mut report: Report = answer.read()?;
    // What a dry run would change was asked for; what an import changed was not.
    let is_silent = args.out.quiet && !args.dry_run && report.is_good();
    if args.out.json {
        output::print_json(&answer.text)?;
    } else if !is_silent {
        let length = if args.all { Length::All } else { Length::Short };
        report.lengthen(length, &connection.client)?;
        output::print(&report.text(length))?;
    }
    hand_back(args, marked, &report, &connection.client, &progress)?;
    connection.close()?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Shows what an import would do, where it would remove records, and asks whether it may.
fn consent(preview: &Answer, out: OutputArgs) -> anyhow::Result<bool> {
    let preview: Report = preview.read()?;
    let removed = preview.removed();
    // What is rejected removes nothing, and its report says why.
    if removed == 0 || preview.outcome == Outcome::Rejected {
        return Ok(true);
    }
    let text = preview.text(Length::Short);
    // Standard output is for the answer that a script reads.
    if out.json {
        eprint!("{text}")
    } else {
        output::print(&text)?
    }
    let records = if removed == 1 { "record" } else { "records" };
    confirm::confirmed(&format!("Remove {} {records} and import?", output::number(removed)))
}

/// Fetches the workbook that says what is wrong in it.
fn hand_back(
    args: &ImportArgs,
    file: Option<NewFile>,
    report: &Report,
    client: &Client,
    progress: &Progress,
) -> anyhow::Result<()> {
    let (Some(to), Some(file), Some(marked)) = (&args.marked, file, &report.marked_workbook) else {
        return Ok(());
    };
    client.download(marked, file.file(), "fetching the marked workbook", progress)?;
    file.settle()?;
    progress.say(&format!("what is wrong is written beside the rows in {}", to.display()));
    Ok(())
}
