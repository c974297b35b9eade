//! `satchel undo`: undoes the last import.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::{
    confirm,
    inspect::Generation,
    output::{OutputArgs, number, table},
    safe_text::safe,
    target::{ChangeMessage, IfMissing, TargetArgs},
};
use crate::http::paths;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel undo --dry-run --data /var/lib/satchel
      shows what would be undone; changes nothing
  satchel undo --data /var/lib/satchel
      shows what would be undone, and asks
  satchel undo --yes --server https://satchel.example --user admin
      undoes without asking, for scripts

An undo also discards all changes made since that import. The discarded inventory is kept until
the next import: a second undo restores it. A small import into a large inventory is written as
one change, which cannot be undone; the undo is refused then.

Exit codes:
  0    undone
  1    not undone
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// `satchel undo`
#[derive(Args, Debug)]
pub(super) struct UndoArgs {
    /// Show what would be undone, change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Do not ask for confirmation
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,

    /// A message for the history: why the change is made
    #[arg(long, value_name = "TEXT", conflicts_with = "dry_run")]
    message: Option<ChangeMessage>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// The report of an undo or of its dry run, as the REST API returns it.
#[derive(Deserialize)]
struct UndoReport {
    summary: String,
    /// The inventory before the undo.
    before: Generation,
    /// The inventory after the undo.
    after: Generation,
}

/// Undoes the last import. Asks for confirmation unless `--yes` is given.
pub(super) fn run(args: &UndoArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let needs_confirmation = !args.yes && !args.dry_run;
    if needs_confirmation && !confirm::can_ask() {
        bail!("Not interactive: pass --yes to confirm, or --dry-run to see what would be undone");
    }
    let mut connection = args.target.resolve("undo", IfMissing::Fail)?.connect(&progress)?;
    connection.client.set_message(args.message.as_ref());
    let client = &connection.client;
    let post_undo = |dry_run: bool| {
        let path = format!("{}?dry_run={dry_run}", paths::UNDO.pattern());
        client.post(&path, &json!({}), "undoing", &progress)
    };
    if !args.yes {
        let response = post_undo(true)?;
        let text = || Ok(response.read::<UndoReport>()?.text());
        args.out.print_preview(args.dry_run, &response.text, text)?;
        if args.dry_run {
            connection.close()?;
            return Ok(ExitCode::SUCCESS);
        }
        if !confirm::confirmed("Undo?")? {
            progress.say("nothing was changed");
            return Ok(ExitCode::FAILURE);
        }
    }
    let response = post_undo(false)?;
    args.out.print_result(&response.text, || Ok(response.read::<UndoReport>()?.text()))?;
    connection.close()?;
    Ok(ExitCode::SUCCESS)
}

impl UndoReport {
    fn text(&self) -> String {
        let rows: Vec<_> = self
            .before
            .types
            .iter()
            .zip(&self.after.types)
            .map(|(before, after)| {
                vec![safe(&before.r#type), number(before.records), number(after.records)]
            })
            .collect();
        format!("{}\n\n{}", safe(&self.summary), table(&["type", "before", "after"], &rows))
    }
}
