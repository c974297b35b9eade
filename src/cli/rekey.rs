//! `satchel rekey`: replaces the key and seals all secrets with the new one.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use clap::Args;

use super::{
    confirm,
    output::{self, counted},
    owner,
    safe_text::safe,
};
use crate::{
    audit::{self, AuditFolder, Event, EventKind},
    store::{self, CreateDirectory, KeptGenerations, Options, RekeyReport, key_file},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel rekey --data /var/lib/satchel
      makes a new key, and encrypts the secrets of the inventory, of the kept copies and of the
      history again
  satchel rekey --data /var/lib/satchel --key-file /etc/satchel/key --yes
      does the same with a key outside of the data directory, and does not ask

It needs space for another copy of all databases. If it is interrupted, the next command or start
either completes it, or leaves the directory as it was.

Exit codes:
  0    done
  1    failed, or not confirmed
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// `satchel rekey`
#[derive(Args, Debug)]
pub(super) struct RekeyArgs {
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,

    /// Data directory to work on, while no server runs
    #[arg(long, env = "SATCHEL_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,

    /// File with the key that encrypts secrets, outside of the data directory [default: key in the data
    /// directory]
    #[arg(long, env = "SATCHEL_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// Replaces the key.
pub(super) fn run(args: &RekeyArgs) -> anyhow::Result<ExitCode> {
    if !args.yes && !confirm::can_ask() {
        bail!("Not interactive: pass --yes to confirm");
    }
    let question = "All tokens are revoked, and older copies of the data directory need the old key. \
                    Replace the key?";
    if !args.yes && !confirm::confirmed(question)? {
        eprintln!("satchel: nothing was changed");
        return Ok(ExitCode::FAILURE);
    }
    owner::act_as_owner(&args.data)?;
    let options = Options {
        create: CreateDirectory::Never,
        command: "rekey",
        generations: KeptGenerations::AsBefore,
        key_file: key_file(args.key_file.as_deref()),
        ..Options::default()
    };
    let report = store::rekey(&args.data, options)?;
    let event = Event::new(EventKind::Rekey).with_detail(summary(&report));
    audit::record_now(AuditFolder::in_data(&args.data), event)
        .context("The key is replaced, but the audit log cannot be written")?;
    output::print(&text(&report))?;
    Ok(ExitCode::SUCCESS)
}

/// The numbers, without paths.
fn summary(report: &RekeyReport) -> String {
    format!(
        "{} and {} of the history encrypted again",
        counted(report.records, "record"),
        counted(report.before_values, "earlier value")
    )
}

fn text(report: &RekeyReport) -> String {
    let mut text = format!("The key is replaced: {}.\n", summary(report));
    if report.undecryptable > 0 {
        text += &format!(
            "The secrets of {} could not be decrypted with the old key. They stay as they are.\n",
            counted(report.undecryptable, "value")
        );
    }
    if let Some(old) = &report.old_key {
        text += &format!(
            "The old key is in {}. Older copies of the data directory need it. Delete it when you do not need \
             them any more.\n",
            safe(&old.display().to_string())
        );
    }
    text += "All tokens are revoked. Make new ones: satchel token create\n";
    text
}
