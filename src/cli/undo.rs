//! `satchel undo`: undoes the last import, or one change.

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
    target::{ApiResponse, ChangeMessage, IfMissing, TargetArgs},
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

  satchel undo --change 1042 --dry-run --data /var/lib/satchel
      shows what the undo of one change would do, and what stands in its way

Without --change, all changes made since the last import are discarded too. The discarded
inventory is kept until the next import: a second undo restores it. A small import into a large
inventory is written as one change: undo it with --change and its number.

Exit codes:
  0    undone
  1    not undone
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// `satchel undo`
#[derive(Args, Debug)]
pub(super) struct UndoArgs {
    /// Number of the change to undo, as `satchel history` shows it. Later changes stay
    #[arg(long, value_name = "NUMBER")]
    change: Option<u64>,

    /// With --change: leave what was changed since, and undo the rest
    #[arg(long, requires = "change")]
    keep: bool,

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

/// The report of an undo of one change, as the REST API returns it.
#[derive(Deserialize)]
struct ChangeUndoReport {
    summary: String,
    records: Vec<UndoneRecord>,
    conflicts: Vec<UndoConflict>,
    left_out: Vec<LeftOutReference>,
}

#[derive(Deserialize)]
struct UndoneRecord {
    r#type: String,
    name: String,
    effect: String,
}

#[derive(Deserialize)]
struct UndoConflict {
    r#type: String,
    name: String,
    property: Option<String>,
    reason: String,
}

#[derive(Deserialize)]
struct LeftOutReference {
    r#type: String,
    name: String,
    relation: String,
    target: String,
}

/// Undoes the last import, or one change. Asks for confirmation unless `--yes` is given.
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
        let body = match args.change {
            None => json!({}),
            Some(change) if args.keep => json!({"change": change, "on_conflict": "keep"}),
            Some(change) => json!({"change": change}),
        };
        client.post(&path, &body, "undoing", &progress)
    };
    let text = |response: &ApiResponse| match args.change {
        None => Ok::<_, anyhow::Error>(response.read::<UndoReport>()?.text()),
        Some(_) => Ok(response.read::<ChangeUndoReport>()?.text()),
    };
    if !args.yes {
        let response = post_undo(true)?;
        let text = || text(&response);
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
    args.out.print_result(&response.text, || text(&response))?;
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

impl ChangeUndoReport {
    fn text(&self) -> String {
        let mut text = format!("{}\n", safe(&self.summary));
        if !self.records.is_empty() {
            text += "\n";
        }
        for UndoneRecord { r#type, name, effect } in &self.records {
            text += &format!("  {}: {} “{}”\n", safe(effect), safe(r#type), safe(name));
        }
        if !self.conflicts.is_empty() {
            text += "\nIn the way:\n";
        }
        for UndoConflict { r#type, name, property, reason } in &self.conflicts {
            let property = property.as_deref().map(|it| format!(", {}", safe(it)));
            let property = property.unwrap_or_default();
            let reason = safe(&reason.replace('_', " "));
            text += &format!("  {} “{}”{property}: {reason}\n", safe(r#type), safe(name));
        }
        if !self.left_out.is_empty() {
            text += "\nReferences that do not come back, because their target does not exist:\n";
        }
        for LeftOutReference { r#type, name, relation, target } in &self.left_out {
            text += &format!(
                "  {} “{}”, {}: “{}”\n",
                safe(r#type),
                safe(name),
                safe(relation),
                safe(target)
            );
        }
        text
    }
}
