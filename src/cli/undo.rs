//! `satchel undo`: takes back the last import.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::{
    confirm,
    inspect::Generation,
    output::{self, OutputArgs, number, safe, table},
    target::{IfMissing, TargetArgs},
};
use crate::http::paths;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel undo --dry-run --data /var/lib/satchel
      what would be as it was before the last import; nothing is changed
  satchel undo --data /var/lib/satchel
      says it and asks
  satchel undo --yes --server https://satchel.example --user admin
      for scripts

All changes made since that import go with it. What was undone is kept: a second undo brings it
back, until the next import.

Exit codes:
  0    undone
  1    not undone
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  cut short";

/// `satchel undo`
#[derive(Args, Debug)]
pub struct UndoArgs {
    /// Only say what would go
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Do not ask
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// What an undo did, or would do, as REST answers it.
#[derive(Deserialize)]
struct Undone {
    summary: String,
    /// As it was, or is, before the undo.
    before: Generation,
    /// As it is, or would be, after it.
    after: Generation,
}

/// Undoes.
pub(super) fn run(args: &UndoArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let asks = !args.yes && !args.dry_run;
    if asks && !confirm::can_ask() {
        bail!(
            "There is no terminal to ask on: say --yes to undo, or --dry-run to see what would go"
        );
    }
    let connection = args.target.resolve("undo", IfMissing::Fail)?.connect(&progress)?;
    let client = &connection.client;
    let ask = |dry_run: bool| {
        let path = format!("{}?dry_run={dry_run}", paths::UNDO.pattern());
        client.post(&path, &json!({}), "undoing", &progress)
    };
    if !args.yes {
        let answer = ask(true)?;
        let is_json = args.out.json;
        if is_json && args.dry_run {
            output::print_json(&answer.text)?;
        } else if is_json {
            // Standard output is for the one answer that comes when it is undone.
            eprint!("{}", answer.read::<Undone>()?.text());
        } else {
            output::print(&answer.read::<Undone>()?.text())?;
        }
        if args.dry_run {
            connection.close()?;
            return Ok(ExitCode::SUCCESS);
        }
        if !confirm::confirmed("Undo?")? {
            progress.say("nothing was changed");
            return Ok(ExitCode::FAILURE);
        }
    }
    let answer = ask(false)?;
    if args.out.json {
        output::print_json(&answer.text)?;
    } else if !args.out.quiet {
        output::print(&answer.read::<Undone>()?.text())?;
    }
    connection.close()?;
    Ok(ExitCode::SUCCESS)
}

impl Undone {
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
