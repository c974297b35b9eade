//! `satchel undo`: undoes a change.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    change::Change,
    confirm,
    moment::change_number,
    output::{OutputArgs, number},
    report::administrator_change,
    safe_text::safe,
    target::{ApiResponse, ChangeMessage, IfMissing, TargetArgs},
};
use crate::http::paths;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel undo --dry-run --data /var/lib/satchel
      shows the last change, and what its undo would do; changes nothing
  satchel undo --data /var/lib/satchel
      shows the same, and asks
  satchel undo --change 1042 --dry-run --data /var/lib/satchel
      shows what the undo of one change would do, and what stands in its way
  satchel undo --change 1042 --keep --yes --server https://satchel.example --user admin
      undoes the change without asking, for scripts; leaves what was changed since

Later changes stay. An undo is a change, so a second undo without --change takes the first one back. An
import can be undone while the copy of the inventory from before it is kept; see the settings
`generations_kept` and `generations_mib`.

Exit codes:
  0    undone
  1    not undone
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// `satchel undo`
#[derive(Args, Debug)]
pub(super) struct UndoArgs {
    /// Number of the change to undo, as `satchel history` shows it [default: the last change]
    #[arg(long, value_name = "NUMBER", value_parser = change_number)]
    change: Option<u64>,

    /// Leave what was changed since, and undo the rest
    #[arg(long)]
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
    change: Change,
    records_total: u64,
    records: Vec<UndoneRecord>,
    conflicts_total: u64,
    conflicts: Vec<UndoConflict>,
    administrators_total: u64,
    administrators: Vec<UndoneAdministrator>,
    left_out_total: u64,
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
    renamed_to: Option<String>,
}

#[derive(Deserialize)]
struct UndoneAdministrator {
    name: String,
    change: String,
}

#[derive(Deserialize)]
struct LeftOutReference {
    r#type: String,
    name: String,
    relation: String,
    target: String,
}

/// Undoes a change. Shows it and asks for confirmation unless `--yes` is given.
pub(super) fn run(args: &UndoArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let needs_confirmation = !args.yes && !args.dry_run;
    if needs_confirmation && !confirm::can_ask() {
        bail!("Not interactive: pass --yes to confirm, or --dry-run to see what would be undone");
    }
    let mut connection = args.target.resolve("undo", IfMissing::Fail)?.connect(&progress)?;
    connection.client.set_message(args.message.as_ref());
    let client = &connection.client;
    let post_undo = |change: Option<u64>, dry_run: bool| {
        let path = format!("{}?dry_run={dry_run}", paths::UNDO.pattern());
        let mut body = Map::new();
        body.extend(change.map(|change| ("change".to_owned(), change.into())));
        if args.keep {
            body.insert("on_conflict".to_owned(), "keep".into());
        }
        client.post(&path, &Value::Object(body), "undoing", &progress)
    };
    let text =
        |response: &ApiResponse| Ok::<_, anyhow::Error>(response.read::<UndoReport>()?.text());
    let mut change = args.change;
    if !args.yes {
        let response = post_undo(change, true)?;
        args.out.print_preview(args.dry_run, &response.text, || text(&response))?;
        if args.dry_run {
            connection.close()?;
            return Ok(ExitCode::SUCCESS);
        }
        if !confirm::confirmed("Undo this change?")? {
            progress.say("nothing was changed");
            return Ok(ExitCode::FAILURE);
        }
        // Another change can be the last one by now.
        change = Some(response.read::<UndoReport>()?.change.number);
    }
    let response = post_undo(change, false)?;
    args.out.print_result(&response.text, || text(&response))?;
    connection.close()?;
    Ok(ExitCode::SUCCESS)
}

/// The line for the entries that a list does not show.
fn others(total: u64, shown: usize) -> String {
    match total.saturating_sub(shown as u64) {
        0 => String::new(),
        more => format!("  … and {} more\n", number(more)),
    }
}

impl UndoReport {
    fn text(&self) -> String {
        let mut text = format!("{}\n\n{}", safe(&self.summary), self.change.lines(0));
        if !self.records.is_empty() {
            text += "\n";
        }
        for UndoneRecord { r#type, name, effect } in &self.records {
            let effect = if effect == "removed" { "deleted" } else { effect };
            text += &format!("  {}: {} “{}”\n", safe(effect), safe(r#type), safe(name));
        }
        text += &others(self.records_total, self.records.len());
        if !self.conflicts.is_empty() {
            text += "\nIn the way:\n";
        }
        for UndoConflict { r#type, name, property, reason, renamed_to } in &self.conflicts {
            let property = property.as_deref().map(|it| format!(", {}", safe(it)));
            let property = property.unwrap_or_default();
            let reason = match renamed_to {
                Some(new) => format!("renamed since to “{}”", safe(new)),
                None => safe(&reason.replace('_', " ")),
            };
            text += &format!("  {} “{}”{property}: {reason}\n", safe(r#type), safe(name));
        }
        text += &others(self.conflicts_total, self.conflicts.len());
        if !self.administrators.is_empty() {
            text += "\nAdministrators:\n";
        }
        for UndoneAdministrator { name, change } in &self.administrators {
            text += &format!("  “{}”: {}\n", safe(name), administrator_change(change));
        }
        text += &others(self.administrators_total, self.administrators.len());
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
        text + &others(self.left_out_total, self.left_out.len())
    }
}
