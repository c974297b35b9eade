//! `satchel recover`: says what is wrong with a data directory and what can be done, and does it.

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
    failure::DAMAGED,
    output::{self, OutputArgs},
    owner,
};
use crate::{
    access,
    inventory::Inventory,
    migration::ProjectName,
    store::{
        CreateDirectory, InterruptedRecovery, Options, Recovered, Recovery, RecoveryState, Store,
    },
};
use text::Findings;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel recover --data /var/lib/satchel
      what is damaged and what can be done; nothing is changed
  satchel recover --salvage --dry-run --data /var/lib/satchel
      which records could be kept and which are lost
  satchel recover --previous --data /var/lib/satchel
      go back to the inventory before the last import
  satchel recover --import nightly --data /var/lib/satchel
      replace the damaged inventory with the project nightly of the project library

The damaged files are never removed: the current generation is moved to damaged-TIME in the data
directory, and the previous generation stays in place.

Exit codes:
  0    the inventory is intact, or it was recovered
  1    not recovered
  2    wrong arguments
  3    the inventory or its key is damaged, and nothing was changed
  130  interrupted";

/// `satchel recover`
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("way"))]
pub struct RecoverArgs {
    /// Go back to the generation before the damaged one: the inventory before the last import
    #[arg(long, group = "way")]
    previous: bool,

    /// Keep every record that can be read, if the records that it needs can be read too
    #[arg(long, group = "way")]
    salvage: bool,

    /// Replace the damaged inventory with a project of the project library
    #[arg(long, group = "way", value_name = "PROJECT")]
    import: Option<ProjectName>,

    /// Make a new key; the secrets that the old one sealed are dropped, everything else is kept
    #[arg(long, group = "way")]
    new_key: bool,

    /// Only say what would be done
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Do not ask
    #[arg(long, short, conflicts_with = "dry_run", requires = "way")]
    yes: bool,

    /// The data directory to work on, while no server runs
    #[arg(long, env = "SATCHEL_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,

    #[command(flatten)]
    out: OutputArgs,
}

/// What a recovery is to do.
#[derive(Clone, Copy, Debug)]
enum Way<'a> {
    Previous,
    Salvage,
    Import(&'a ProjectName),
    NewKey,
}

impl RecoverArgs {
    fn way(&self) -> Option<Way<'_>> {
        if self.previous {
            Some(Way::Previous)
        } else if self.salvage {
            Some(Way::Salvage)
        } else if self.new_key {
            Some(Way::NewKey)
        } else {
            self.import.as_ref().map(Way::Import)
        }
    }
}

/// Says what is damaged, or recovers.
pub(super) fn run(args: &RecoverArgs) -> anyhow::Result<ExitCode> {
    owner::act_as_owner(&args.data)?;
    let options =
        Options { create: CreateDirectory::Never, command: "recover", ..Options::default() };
    let recovery = Recovery::examine(&args.data, options)?;
    let Some(way) = args.way() else { return list(args, &recovery) };
    require_reason(way, recovery.state(), &args.data)?;
    if !args.yes && !args.dry_run && !confirm::can_ask() {
        bail!(
            "There is no terminal to ask on. Pass --yes to recover, or --dry-run to see what would \
             be done"
        );
    }
    if !args.yes {
        let mut plan = plan(way, &recovery, options)?;
        plan.json["state"] = "dry_run".into();
        show(args, &plan)?;
        if args.dry_run {
            let is_intact = *recovery.state() == RecoveryState::Intact;
            return Ok(if is_intact { ExitCode::SUCCESS } else { ExitCode::from(DAMAGED) });
        }
        if !confirm::confirmed("Recover?")? {
            eprintln!("satchel: nothing was changed");
            return Ok(ExitCode::FAILURE);
        }
    }
    let done = recover(way, recovery, options)?;
    show(args, &done)?;
    Ok(ExitCode::SUCCESS)
}

/// A sentence for a person and the same as JSON.
struct Answer {
    text: String,
    json: Value,
}

fn show(args: &RecoverArgs, answer: &Answer) -> anyhow::Result<()> {
    if args.out.json {
        output::print_json(&answer.json.to_string())
    } else if args.out.quiet {
        Ok(())
    } else {
        output::print(&answer.text)
    }
}

/// Lists what is damaged and what can be done.
fn list(args: &RecoverArgs, recovery: &Recovery) -> anyhow::Result<ExitCode> {
    if let RecoveryState::Intact = recovery.state() {
        let text = format!("The inventory in {} is intact.\n", args.data.display());
        show(args, &Answer { text, json: json!({"state": "intact"}) })?;
        return Ok(ExitCode::SUCCESS);
    }
    let findings = Findings {
        data: &args.data,
        state: recovery.state(),
        previous: recovery.previous()?,
        salvage: recovery.try_salvage().map_err(anyhow::Error::from),
        projects: bundle::projects(&recovery.directory().migrations())?,
    };
    show(args, &Answer { text: findings.text(), json: findings.json() })?;
    Ok(ExitCode::from(DAMAGED))
}

/// Refuses to change an inventory for which there is a better command.
fn require_reason(way: Way<'_>, state: &RecoveryState, data: &Path) -> anyhow::Result<()> {
    match (way, state) {
        (Way::Previous | Way::Import(_), RecoveryState::Intact) => bail!(
            "The inventory is intact. To go back to the one before the last import, use `satchel \
             undo`; to import a project, `satchel import`"
        ),
        (Way::NewKey, RecoveryState::Intact) => {
            bail!("The key is correct. No new key is needed, and nothing was changed")
        }
        (Way::Import(_), RecoveryState::NoKey(problem)) => bail!(
            "{problem}. Put the right key back, or make a new one: satchel recover --new-key --data {}",
            data.display()
        ),
        (Way::NewKey, RecoveryState::Damaged(_)) => bail!(
            "The inventory itself is damaged. Recover it first with --previous, --salvage or --import"
        ),
        // A large database is not read when it is opened: records in it may be damaged.
        // Without the key the inventory may be damaged as well.
        (Way::Salvage | Way::Previous, RecoveryState::Damaged(_) | RecoveryState::NoKey(_))
        | (Way::Salvage, RecoveryState::Intact)
        | (Way::Import(_), RecoveryState::Damaged(_))
        | (Way::NewKey, RecoveryState::NoKey(_)) => Ok(()),
    }
}

/// What would be done.
fn plan(way: Way<'_>, recovery: &Recovery, options: Options) -> anyhow::Result<Answer> {
    Ok(match way {
        Way::Previous => text::of_previous(&recovery.previous()?),
        Way::Salvage => text::of_salvage(&recovery.try_salvage()?),
        Way::Import(name) => {
            let scratch = bundle::Scratch::make(recovery, options)?;
            let report = scratch.import(name)?;
            text::of_import(name, &report)
        }
        Way::NewKey => text::of_new_key_plan(),
    })
}

fn recover(way: Way<'_>, recovery: Recovery, options: Options) -> anyhow::Result<Answer> {
    let data = recovery.directory().path().to_owned();
    let lacks_key = matches!(recovery.state(), RecoveryState::NoKey(_));
    let (recovered, told) = match way {
        Way::Previous => (recovery.go_back()?, None),
        Way::Salvage => {
            let (recovered, report) = recovery.salvage()?;
            (recovered, Some(text::of_salvage(&report)))
        }
        Way::Import(name) => {
            let scratch = bundle::Scratch::make(&recovery, options)?;
            let report = scratch.import(name)?;
            let recovered = recovery.adopt_from(&scratch.close()?)?;
            (recovered, Some(text::of_import(name, &report)))
        }
        Way::NewKey => {
            let (recovered, report) = recovery.replace_key()?;
            (recovered, Some(text::of_new_key(&report)))
        }
    };
    if let (Way::Previous, true) = (way, lacks_key) {
        return Ok(text::of_previous_without_key(&data, &recovered));
    }
    let has_administrator = finish(&data, options)?;
    Ok(text::of_recovered(&data, &recovered, told, has_administrator))
}

/// Gives computed pools their members. Returns whether an administrator can log in.
fn finish(data: &Path, options: Options) -> anyhow::Result<bool> {
    let options = Options { interrupted: InterruptedRecovery::Open, ..options };
    let store = Arc::new(Store::open_with(data, options)?);
    Inventory::new(store.clone()).update_pools(None).context("The pools cannot be computed")?;
    store.complete_recovery()?;
    Ok(access::has_able_administrator(&store)?)
}

/// What a message about a damaged inventory adds: the newest projects of its library. `None` if
/// there is none.
pub(super) fn library_sentence(data: &Path) -> Option<String> {
    let projects = bundle::projects(&data.join("migrations")).ok()?;
    text::library_sentence(&projects)
}

/// What became of an inventory.
fn recovered_json(recovered: &Recovered) -> Value {
    json!({
        "state": "recovered",
        "records": recovered.now.records,
        "version": recovered.now.version,
        "aside": recovered.aside,
    })
}
