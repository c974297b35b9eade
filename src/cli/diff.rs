//! `satchel diff`: shows what an import would change, how two projects differ, or how the inventory has
//! changed (`diff_moments`).

use std::{ffi::OsString, process::ExitCode, sync::Arc};

use anyhow::{Context, bail};
use clap::Args;

use super::{
    diff_moments::{self, Comparison, Moments},
    failure,
    import_call::{self, ImportOptions, ReplaceScope},
    input::Input,
    interrupt::{self, Cleanup, Interrupted},
    kinds::KindsArgs,
    moment::moment,
    output::{self, OutputArgs, counted},
    progress::Progress,
    reading::ReadArgs,
    report::{Length, Outcome, Report},
    target::{ApiResponse, Client, IfMissing, LocalServer, TargetArgs},
};
use crate::{access, backup::BackupFolder, import::Mode, store::Store};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel diff nightly.zip --data /var/lib/satchel
      shows what an import would change, property by property
  satchel diff nightly.zip --replace --server https://satchel.example --user admin
      shows what an import with --replace would change
  satchel diff monday.zip tuesday.zip
      shows how two projects differ; no data directory is needed
  satchel diff --since 42 --data /var/lib/satchel
      shows how the inventory differs from itself after change 42
  satchel diff --since 2026-11-20 --to 2026-11-27T08:00:00Z
      shows what changed between two moments of the history

Nothing is changed.

Exit codes:
  0    no difference, as of diff(1)
  1    differences
  2    the comparison failed, or wrong arguments
  130  interrupted";

/// The exit code of diff(1) when the comparison failed.
const EXIT_TROUBLE: u8 = 2;

/// `satchel diff`
#[derive(Args, Debug)]
pub(super) struct DiffArgs {
    /// A bundle, project folder or workbook, or the name of a project in the project library
    #[arg(value_name = "FILE", required_unless_present_any = ["since", "until"])]
    from: Option<OsString>,

    /// A second bundle or project folder, to compare the first with
    #[arg(value_name = "FILE2", conflicts_with_all = ["replace", "replace_all"])]
    to: Option<OsString>,

    /// Show how the inventory differs now from the moment after the change with this number, or at this
    /// date or time
    #[arg(long, value_name = "NUMBER|TIME", value_parser = moment,
          conflicts_with_all = ["from", "types", "replace", "replace_all"])]
    since: Option<String>,

    /// With --since: the moment to compare with, instead of now
    #[arg(long = "to", value_name = "NUMBER|TIME", value_parser = moment, requires = "since")]
    until: Option<String>,

    #[command(flatten)]
    kinds: KindsArgs,

    /// Show what an import with --replace would change
    #[arg(long)]
    replace: bool,

    /// Show what an import with --replace-all would change
    #[arg(long, conflicts_with = "replace")]
    replace_all: bool,

    #[command(flatten)]
    reading: ReadArgs,

    /// Print every change, not only the first ones
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// Compares, with the exit codes of diff(1).
pub(super) fn run(args: &DiffArgs) -> anyhow::Result<ExitCode> {
    match compare(args) {
        Ok(code) => Ok(code),
        Err(error) if error.is::<Interrupted>() => Err(error),
        Err(error) => {
            failure::report(&error, args.out.format());
            Ok(ExitCode::from(EXIT_TROUBLE))
        }
    }
}

fn compare(args: &DiffArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    if let Some(since) = &args.since {
        let moments = Moments { since, to: args.until.as_deref() };
        let target = args.target.resolve("diff", IfMissing::Fail)?;
        return match diff_moments::compare(&moments, &target, args.all, args.out)? {
            Comparison::Equal => Ok(ExitCode::SUCCESS),
            Comparison::Different => Ok(ExitCode::FAILURE),
            Comparison::Incomplete => Ok(ExitCode::from(EXIT_TROUBLE)),
        };
    }
    let Some(from) = &args.from else { bail!("Pass a file, or --since") };
    let from = Input::find(from)?;
    args.reading.check(&from)?;
    match &args.to {
        None => {
            from.open()?;
            let connection = args.target.resolve("diff", IfMissing::Fail)?.connect(&progress)?;
            let replace = ReplaceScope::of_flags(args.replace, args.replace_all);
            let options = import_options(args, replace, Mode::DryRun);
            let response = import_call::import(&connection.client, &from, &options, &progress)?;
            let code = print_report(args, &response, response.read()?, &connection.client)?;
            connection.close()?;
            Ok(code)
        }
        Some(to) => between(args, &from, &Input::find(to)?, &progress),
    }
}

/// The options of the dry run that makes the comparison.
fn import_options(args: &DiffArgs, replace: ReplaceScope, mode: Mode) -> ImportOptions<'_> {
    ImportOptions {
        types: args.kinds.names(),
        replace,
        // An empty document is an ordinary difference.
        allow_empty: true,
        dry_run: mode == Mode::DryRun,
        skip_errors: true,
        reading: &args.reading,
    }
}

/// Compares two projects: imports the first into a temporary inventory, and runs a dry run of the
/// import of the second there.
fn between(
    args: &DiffArgs,
    from: &Input,
    to: &Input,
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    for source in [from, to] {
        match source {
            Input::Bundle(_) | Input::Folder(_) => {}
            Input::Workbook { .. } => {
                bail!("A workbook can only be compared with an inventory, not with a project")
            }
            Input::LibraryProject(name) => bail!("There is no file or folder {name}"),
        }
    }
    let folder = tempfile::tempdir().context("Cannot create a temporary folder")?;
    let path = folder.path().to_owned();
    let _guard =
        interrupt::clean_up_on_signal(Cleanup::Local, move || drop(std::fs::remove_dir_all(path)));
    let store = Arc::new(Store::open(folder.path())?);
    access::create_first_user(&store)?;
    let local =
        LocalServer::serve(store, access::FIRST_USER_NAME.to_owned(), BackupFolder::InData)?;
    let client = local.client()?;
    let first = import_call::import(
        &client,
        from,
        &import_options(args, ReplaceScope::AllTypes, Mode::Apply),
        progress,
    )?;
    let first: Report = first.read()?;
    match first.outcome {
        Outcome::Imported | Outcome::DryRun => {}
        Outcome::ImportedInPart => {
            progress.warn(&format!(
                "{} of the first project left out of the comparison, because they are invalid",
                counted(first.rejected(), "record")
            ));
        }
        Outcome::Rejected => {
            bail!("Cannot read the first project:\n{}", first.text(Length::Short))
        }
    }
    let response = import_call::import(
        &client,
        to,
        &import_options(args, ReplaceScope::AllTypes, Mode::DryRun),
        progress,
    )?;
    let mut second: Report = response.read()?;
    second.summarize_as_comparison();
    let code = print_report(args, &response, second, &client)?;
    drop(client);
    local.close()?;
    Ok(code)
}

/// Prints the report. Returns the exit code.
fn print_report(
    args: &DiffArgs,
    response: &ApiResponse,
    mut report: Report,
    client: &Client,
) -> anyhow::Result<ExitCode> {
    if args.out.json {
        output::print_json(&response.text)?;
    } else {
        let length = if args.all { Length::All } else { Length::Short };
        report.lengthen(length, client)?;
        output::print(&report.text(length))?;
    }
    Ok(if !report.is_good() {
        ExitCode::from(EXIT_TROUBLE)
    } else if report.differs() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
