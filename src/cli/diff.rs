//! `satchel diff`: what an import would change, or what differs between two projects.

use std::{ffi::OsString, process::ExitCode, sync::Arc};

use anyhow::{Context, bail};
use clap::Args;

use super::{
    failure,
    import_call::{self, ImportOptions, ReplaceScope},
    input::Input,
    interrupt::{self, Cleanup, Interrupted},
    kinds::KindsArgs,
    output::{self, OutputArgs, counted},
    progress::Progress,
    report::{Length, Outcome, Report},
    target::{Answer, Client, IfMissing, LocalServer, TargetArgs},
};
use crate::{access, store::Store};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel diff nightly.zip --data /var/lib/satchel
      what an import of it would change, property by property
  satchel diff nightly.zip --replace --server https://satchel.example --user admin
      and what an import with --replace would
  satchel diff monday.zip tuesday.zip
      what differs between two projects; no data directory is needed

Nothing is changed.

Exit codes:
  0    nothing differs, as of diff(1)
  1    something differs
  2    it cannot be told, or wrong arguments
  130  cut short";

/// What diff(1) ends with when it is in trouble.
const TROUBLE: u8 = 2;

/// `satchel diff`
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// A bundle, a project's folder or a workbook, or the name of a project in the project library
    #[arg(value_name = "FILE")]
    from: OsString,

    /// Another bundle or folder: what became of the first
    #[arg(value_name = "FILE2", conflicts_with_all = ["replace", "replace_all"])]
    to: Option<OsString>,

    #[command(flatten)]
    kinds: KindsArgs,

    /// As an import with --replace, which empties the types that have a document or a sheet
    #[arg(long)]
    replace: bool,

    /// As an import with --replace-all, which empties the types without a document as well
    #[arg(long, conflicts_with = "replace")]
    replace_all: bool,

    /// What the rows of a table (.csv) are
    #[arg(long, value_name = "TYPE")]
    kind: Option<super::import::TableKind>,

    /// Print every change
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// Compares.
pub(super) fn run(args: &DiffArgs) -> anyhow::Result<ExitCode> {
    match compare(args) {
        Ok(code) => Ok(code),
        Err(error) if error.is::<Interrupted>() => Err(error),
        Err(error) => {
            failure::report(&error, args.out.answers());
            Ok(ExitCode::from(TROUBLE))
        }
    }
}

fn compare(args: &DiffArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let from = Input::parse(&args.from)?;
    match &args.to {
        None => {
            from.hold()?;
            let connection = args.target.resolve("diff", IfMissing::Fail)?.connect(&progress)?;
            let replacing = match (args.replace, args.replace_all) {
                (_, true) => ReplaceScope::AllTypes,
                (true, false) => ReplaceScope::PresentTypes,
                (false, false) => ReplaceScope::Nothing,
            };
            let wish = wish(args, replacing, true);
            let answer = import_call::import(&connection.client, &from, &wish, &progress)?;
            let code = tell(args, &answer, answer.read()?, &connection.client)?;
            connection.close()?;
            Ok(code)
        }
        Some(to) => between(args, &from, &Input::parse(to)?, &progress),
    }
}

fn wish(args: &DiffArgs, replacing: ReplaceScope, dry_run: bool) -> ImportOptions<'_> {
    ImportOptions {
        types: args.kinds.words(),
        replacing,
        // Two inventories are compared: that one of them is empty is a difference like any other.
        allow_empty: true,
        dry_run,
        skip_errors: true,
        table: args.kind.map(super::import::TableKind::word),
    }
}

/// Puts the first project into an inventory of its own, and asks what the second would change there.
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
                bail!("Two projects can be compared; a workbook with an inventory only")
            }
            Input::LibraryProject(name) => bail!("There is no file or folder {name}"),
        }
    }
    let folder = tempfile::tempdir().context("No folder can be set aside")?;
    let path = folder.path().to_owned();
    let _guard = interrupt::guard(Cleanup::Local, move || drop(std::fs::remove_dir_all(path)));
    let store = Arc::new(Store::open(folder.path())?);
    access::create_first_user(&store)?;
    let local = LocalServer::serve(store, access::FIRST_USER_NAME.to_owned())?;
    let client = local.client()?;
    let first =
        import_call::import(&client, from, &wish(args, ReplaceScope::AllTypes, false), progress)?;
    let first: Report = first.read()?;
    match first.outcome {
        Outcome::Imported | Outcome::DryRun => {}
        Outcome::ImportedInPart => {
            progress.warn(&format!(
                "the comparison leaves out {} of the first project, which no import would take",
                counted(first.rejected(), "record")
            ));
        }
        Outcome::Rejected => {
            bail!("The first project cannot be read:\n{}", first.text(Length::Short))
        }
    }
    let answer =
        import_call::import(&client, to, &wish(args, ReplaceScope::AllTypes, true), progress)?;
    let mut second: Report = answer.read()?;
    second.compare();
    let code = tell(args, &answer, second, &client)?;
    drop(client);
    local.close()?;
    Ok(code)
}

fn tell(
    args: &DiffArgs,
    answer: &Answer,
    mut report: Report,
    client: &Client,
) -> anyhow::Result<ExitCode> {
    if args.out.json {
        output::print_json(&answer.text)?;
    } else {
        let length = if args.all { Length::All } else { Length::Short };
        report.lengthen(length, client)?;
        output::print(&report.text(length))?;
    }
    Ok(match (report.is_good(), report.differs()) {
        (false, _) => ExitCode::from(TROUBLE),
        (true, true) => ExitCode::FAILURE,
        (true, false) => ExitCode::SUCCESS,
    })
}
