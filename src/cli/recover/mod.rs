//! `satchel recover`: shows the damage of a data directory and the methods of recovery, and recovers
//! the inventory.

mod bundle;
mod text;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, bail};
use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use super::{
    confirm,
    exit_code::EXIT_DAMAGED,
    output::{self, OutputArgs},
    owner,
};
use crate::{
    access,
    audit::{self, AuditFolder, Event, EventKind},
    inventory::Inventory,
    migration::ProjectName,
    store::{
        self, CreateDirectory, InterruptedRecovery, KeptGenerations, Options, Origin, Recovered,
        Recovery, RecoveryState, Store,
    },
};
use text::Findings;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel recover --data /var/lib/satchel
      shows what is damaged and what can be done; changes nothing
  satchel recover --salvage --dry-run --data /var/lib/satchel
      shows which records could be kept and which are lost
  satchel recover --previous --data /var/lib/satchel
      goes back to the inventory before the last import
  satchel recover --import nightly --data /var/lib/satchel
      replaces the damaged inventory with the project nightly of the project library

The damaged files are never removed: the current generation is moved to damaged-TIME in the data
directory, and the previous generation stays in place.

Exit codes:
  0    the inventory and its history are intact, or the inventory was recovered
  1    not recovered
  2    wrong arguments
  3    the inventory, its key or its history is damaged, and nothing was changed
  130  interrupted";

/// `satchel recover`
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("method"))]
pub(super) struct RecoverArgs {
    /// Go back to the generation before the damaged one: the inventory before the last import
    #[arg(long, group = "method")]
    previous: bool,

    /// Keep every readable record whose required targets are readable as well
    #[arg(long, group = "method")]
    salvage: bool,

    /// Replace the damaged inventory with a project of the project library
    #[arg(long, group = "method", value_name = "PROJECT")]
    import: Option<ProjectName>,

    /// Make a new key and remove all secrets, because the old key is lost. Keep everything else
    #[arg(long, group = "method")]
    new_key: bool,

    /// Show what would be done, change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Do not ask for confirmation
    #[arg(long, short, conflicts_with = "dry_run", requires = "method")]
    yes: bool,

    /// Data directory to work on, while no server runs
    #[arg(long, env = "SATCHEL_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,

    /// File with the key that encrypts secrets, outside of the data directory [default: key in the data
    /// directory]
    #[arg(long, env = "SATCHEL_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,

    #[command(flatten)]
    out: OutputArgs,
}

/// The method of a recovery.
#[derive(Clone, Copy, Debug)]
enum Method<'a> {
    Previous,
    Salvage,
    Import(&'a ProjectName),
    NewKey,
}

impl Method<'_> {
    /// The command, as the audit log shows it.
    fn command(self) -> String {
        match self {
            Self::Previous => "satchel recover --previous".to_owned(),
            Self::Salvage => "satchel recover --salvage".to_owned(),
            Self::Import(name) => format!("satchel recover --import {name}"),
            Self::NewKey => "satchel recover --new-key".to_owned(),
        }
    }
}

impl RecoverArgs {
    fn method(&self) -> Option<Method<'_>> {
        if self.previous {
            Some(Method::Previous)
        } else if self.salvage {
            Some(Method::Salvage)
        } else if self.new_key {
            Some(Method::NewKey)
        } else {
            self.import.as_ref().map(Method::Import)
        }
    }
}

/// Shows the damage, or recovers.
///
/// If confirmation is needed, the database is read twice: for the plan and for the recovery. The plan
/// writes a temporary generation, which is removed before the prompt. Otherwise Ctrl-C at the prompt
/// would leave it on the disk until the inventory can be opened again.
pub(super) fn run(args: &RecoverArgs) -> anyhow::Result<ExitCode> {
    owner::act_as_owner(&args.data)?;
    let options = Options {
        create: CreateDirectory::Never,
        command: "recover",
        key_file: store::key_file(args.key_file.as_deref()),
        generations: KeptGenerations::AsBefore,
        ..Options::default()
    };
    let recovery = Recovery::examine(&args.data, options)?;
    let Some(method) = args.method() else { return list(args, &recovery) };
    require_applicable(method, recovery.state(), &args.data)?;
    if !args.yes && !args.dry_run && !confirm::can_ask() {
        bail!("Not interactive: pass --yes to confirm, or --dry-run to see what would be done");
    }
    if !args.yes {
        let mut plan = plan(method, &recovery, options)?;
        plan.json["state"] = "dry_run".into();
        show(args, &plan)?;
        if args.dry_run {
            let is_intact = *recovery.state() == RecoveryState::Intact;
            return Ok(if is_intact { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DAMAGED) });
        }
        if !confirm::confirmed("Recover?")? {
            eprintln!("satchel: nothing was changed");
            return Ok(ExitCode::FAILURE);
        }
    }
    let done = recover(method, recovery, options)?;
    show(args, &done)?;
    Ok(ExitCode::SUCCESS)
}

/// The output of the command, as text for a person and as JSON.
struct RecoverOutput {
    text: String,
    json: Value,
}

/// Prints the output in the requested format.
fn show(args: &RecoverArgs, shown: &RecoverOutput) -> anyhow::Result<()> {
    if args.out.json {
        output::print_json(&shown.json.to_string())
    } else if args.out.quiet {
        Ok(())
    } else {
        output::print(&shown.text)
    }
}

/// Prints the damage and the methods of recovery. Returns the exit code.
fn list(args: &RecoverArgs, recovery: &Recovery) -> anyhow::Result<ExitCode> {
    if let RecoveryState::Intact = recovery.state() {
        let losses = recovery.history_losses()?;
        show(args, &text::render_intact(&args.data, &losses))?;
        return Ok(if losses.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(EXIT_DAMAGED)
        });
    }
    let findings = Findings {
        data: &args.data,
        state: recovery.state(),
        previous: recovery.previous()?,
        salvage: recovery.try_salvage().map_err(anyhow::Error::from),
        projects: bundle::projects(&recovery.directory().migrations())?,
    };
    show(args, &RecoverOutput { text: findings.text(), json: findings.json() })?;
    Ok(ExitCode::from(EXIT_DAMAGED))
}

/// Refuses a method that the state of the inventory does not need, and a method that needs another
/// recovery first.
fn require_applicable(
    method: Method<'_>,
    state: &RecoveryState,
    data: &Path,
) -> anyhow::Result<()> {
    match (method, state) {
        (Method::Previous | Method::Import(_), RecoveryState::Intact) => bail!(
            "The inventory is intact. To go back to the one before the last import, use `satchel \
             undo`; to import a project, `satchel import`"
        ),
        (Method::NewKey, RecoveryState::Intact) => {
            bail!("The key is correct. No new key is needed. Nothing was changed")
        }
        (Method::Import(_), RecoveryState::NoKey(problem)) => bail!(
            "{problem}. Restore the file `key` from a backup, or make a new one: satchel recover --new-key --data {}",
            data.display()
        ),
        (Method::NewKey, RecoveryState::Damaged(_)) => bail!(
            "The inventory itself is damaged. Recover it first with --previous, --salvage or --import"
        ),
        // A large database is not read when it is opened, so records in it can be damaged. Without
        // the key the inventory can be damaged as well.
        (
            Method::Salvage | Method::Previous,
            RecoveryState::Damaged(_) | RecoveryState::NoKey(_),
        )
        | (Method::Salvage, RecoveryState::Intact)
        | (Method::Import(_), RecoveryState::Damaged(_))
        | (Method::NewKey, RecoveryState::NoKey(_)) => Ok(()),
    }
}

/// Tries the recovery without changing the inventory. Returns the expected result.
fn plan(
    method: Method<'_>,
    recovery: &Recovery,
    options: Options,
) -> anyhow::Result<RecoverOutput> {
    Ok(match method {
        Method::Previous => text::render_previous_plan(&recovery.previous()?),
        Method::Salvage => text::render_salvage_report(&recovery.try_salvage()?),
        Method::Import(name) => {
            let scratch = bundle::Scratch::make(recovery, options)?;
            let report = scratch.import(name)?;
            text::render_import_report(name, &report)
        }
        Method::NewKey => text::render_new_key_plan(),
    })
}

/// Recovers the inventory. Returns the result.
fn recover(
    method: Method<'_>,
    recovery: Recovery,
    options: Options,
) -> anyhow::Result<RecoverOutput> {
    let data = recovery.directory().path().to_owned();
    let lacks_key = matches!(recovery.state(), RecoveryState::NoKey(_));
    record(&data, method)?;
    let (recovered, details) = match method {
        Method::Previous => (recovery.go_back()?, None),
        Method::Salvage => {
            let (recovered, report) = recovery.salvage()?;
            (recovered, Some(text::render_salvage_report(&report)))
        }
        Method::Import(name) => {
            let scratch = bundle::Scratch::make(&recovery, options)?;
            let report = scratch.import(name)?;
            let recovered = recovery.adopt_from(&scratch.close()?)?;
            (recovered, Some(text::render_import_report(name, &report)))
        }
        Method::NewKey => {
            let (recovered, report) = recovery.replace_key()?;
            (recovered, Some(text::render_new_key_report(&report)))
        }
    };
    if lacks_key && matches!(method, Method::Previous) {
        return Ok(text::render_previous_without_key(&data, &recovered));
    }
    let has_administrator = finish(&data, options)?;
    Ok(text::render_recovered(&data, &recovered, details, has_administrator))
}

/// Records the recovery in the audit log. The entries before it name changes that the history will not have
/// any more, so a recovery that is killed at any later moment has its entry.
fn record(data: &Path, method: Method<'_>) -> anyhow::Result<()> {
    let event = Event::new(EventKind::Recovery).with_detail(method.command());
    audit::record_now(AuditFolder::in_data(data), event)
        .context("Nothing was recovered, because the audit log cannot be written")
}

/// Computes the members of pools. Returns whether an administrator can log in.
fn finish(data: &Path, options: Options) -> anyhow::Result<bool> {
    let options = Options { interrupted: InterruptedRecovery::Open, ..options };
    let store = Arc::new(Store::open_with(data, options)?);
    Inventory::new(store.clone())
        .update_pools(None, &Origin::internal("recover"))
        .context("Cannot compute the members of the pools")?;
    store.note_current_pools()?;
    store.complete_recovery()?;
    Ok(access::has_able_administrator(&store)?)
}

/// The sentence about the newest projects in the library, for messages about a damaged inventory.
/// `None` if the library is empty or cannot be read.
pub(super) fn library_sentence(data: &Path) -> Option<String> {
    let projects = bundle::projects(&data.join("migrations")).ok()?;
    text::library_sentence(&projects)
}

/// The JSON about a recovered inventory. `aside` is the folder with the damaged files, or null.
fn recovered_json(recovered: &Recovered) -> Value {
    json!({
        "state": "recovered",
        "records": recovered.now.records,
        "version": recovered.now.version,
        "aside": recovered.damaged_files,
    })
}
