//! `satchel history`: lists the changes of the inventory, or shows one.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::{
    change::{Change, list},
    moment::{change_number, past_time, time},
    output::{self, OutputArgs, OutputState},
    progress::Progress,
    safe_text::{safe_json, safe_lines},
    target::{Client, IfMissing, Target, TargetArgs},
};
use crate::{
    http::paths::{self, percent_encode},
    model::Kind,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel history --data /var/lib/satchel
      lists the last changes, the newest first
  satchel history 42
      shows what change 42 changed, property by property; of an import only while the copy of
      the inventory from before it is kept
  satchel history --type device --name 'Faro 1' --since 2026-11-01
      lists the changes of one device since the beginning of November
  satchel history --by eva --text maintenance --server https://satchel.example --user admin
      lists the changes of the user “eva” whose message or records contain “maintenance”
  satchel history --follow --json --server https://satchel.example --user admin
      prints each change of a server as a line of JSON, from now on, until it is interrupted

The history keeps changes for `history_days` and up to `history_mib`; see `satchel docs history`.

Exit codes:
  0    done
  1    failed, or there is no such change
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// The default number of listed changes.
const CHANGES: u32 = 20;

/// The time for which a request for the next change waits, in seconds.
const FOLLOW_WAIT_SECONDS: u32 = 30;

/// The largest number of listed changes: the limit of the REST API.
const CHANGES_MAX: i64 = 1000;

/// `satchel history`
#[derive(Args, Debug)]
pub(super) struct HistoryArgs {
    /// Show this change with all its differences, instead of a list
    #[arg(value_name = "NUMBER", value_parser = change_number)]
    number: Option<u64>,

    /// Only changes of records of this type
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "number")]
    kind: Option<Kind>,

    /// Only changes of records with this name
    #[arg(long, value_name = "NAME", conflicts_with = "number")]
    name: Option<String>,

    /// Only changes of this user
    #[arg(long, value_name = "USER", conflicts_with = "number")]
    by: Option<String>,

    /// Only changes by this operation, such as put_instances
    #[arg(long, value_name = "OPERATION", conflicts_with = "number")]
    operation: Option<String>,

    /// Only changes at this date or time (2026-11-27 or 2026-11-27T16:20:00Z) or later
    #[arg(long, value_name = "TIME", conflicts_with = "number", value_parser = past_time)]
    since: Option<String>,

    /// Only changes at this date or time or earlier
    #[arg(long, value_name = "TIME", conflicts_with = "number", value_parser = time)]
    until: Option<String>,

    /// Only changes whose message, user, operation or record names contain this text
    #[arg(long, value_name = "TEXT", conflicts_with = "number")]
    text: Option<String>,

    /// Only changes with smaller numbers than this one
    #[arg(long, value_name = "NUMBER", conflicts_with = "number", value_parser = change_number)]
    below: Option<u64>,

    /// The largest number of changes, 1 to 1000
    #[arg(long, value_name = "COUNT", default_value_t = CHANGES, conflicts_with = "number",
          value_parser = clap::value_parser!(u32).range(1..=CHANGES_MAX))]
    limit: u32,

    /// Print each change of a server when it is made, until the command is interrupted
    #[arg(long, conflicts_with_all = ["number", "kind", "name", "by", "operation", "since", "until",
          "text", "below", "limit"])]
    follow: bool,

    /// With --follow: begin with the changes after this one, instead of now
    #[arg(long, value_name = "NUMBER", requires = "follow", value_parser = change_number)]
    after: Option<u64>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// The changes after a given one, as the REST API returns them.
#[derive(Deserialize)]
struct FollowedPage {
    changes: Vec<Value>,
    last: u64,
}

/// Prints the changes.
pub(super) fn run(args: &HistoryArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let target = args.target.resolve("history", IfMissing::Fail)?;
    if args.follow {
        return follow(args, &target, &progress);
    }
    let connection = target.connect(&progress)?;
    match args.number {
        Some(number) => print_change(number, args.out.json, &connection.client)?,
        None => {
            let response = connection.client.get(&args.path())?;
            if args.out.json {
                output::print_json(&response.text)?;
            } else {
                output::print(&list(&response.read::<Vec<Change>>()?))?;
            }
        }
    }
    connection.close()?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the changes of a server when they are made.
fn follow(args: &HistoryArgs, target: &Target, progress: &Progress) -> anyhow::Result<ExitCode> {
    if let Target::Local(_) = target {
        bail!(
            "--follow needs a running server, because nothing else changes a data directory that the \
             command uses. Pass --server URL and --user NAME"
        );
    }
    let connection = target.connect(progress)?;
    let mut after = args.after;
    loop {
        let mut path = format!("{}?wait={FOLLOW_WAIT_SECONDS}", paths::CHANGES.pattern());
        if let Some(after) = after {
            path += &format!("&after={after}");
        }
        let page: FollowedPage = connection.client.get(&path)?.read()?;
        after = Some(page.last);
        if page.changes.is_empty() {
            continue;
        }
        let text = if args.out.json {
            safe_json(&page.changes.iter().map(|change| format!("{change}\n")).collect::<String>())
        } else {
            let changes = page.changes.into_iter().map(followed).collect::<Result<Vec<_>, _>>()?;
            safe_lines(&list(&changes))
        };
        if output::write_out(&text)? == OutputState::Closed {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Parses a followed change. Its records are listed by their names only.
fn followed(change: Value) -> anyhow::Result<Change> {
    Ok(serde_json::from_value::<Change>(change)?.with_names_only())
}

/// Prints a change with the differences of its records, part by part. As JSON, each part is a document.
fn print_change(number: u64, as_json: bool, client: &Client) -> anyhow::Result<()> {
    let path = paths::CHANGE.path([&number.to_string()]);
    let mut after: Option<String> = None;
    loop {
        let query = after.as_ref().map(|after| format!("?after={}", percent_encode(after)));
        let response = client.get(&format!("{path}{}", query.unwrap_or_default()))?;
        let change: Change = response.read()?;
        if as_json {
            output::print_json(&response.text)?;
        } else if after.is_none() {
            output::print(&change.details())?;
        } else {
            output::print(&change.record_texts())?;
        }
        match change.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

impl HistoryArgs {
    /// The path of the request for the list, with the filters.
    fn path(&self) -> String {
        let filters = [
            ("type", self.kind.map(|kind| kind.as_str().to_owned())),
            ("name", self.name.clone()),
            ("principal", self.by.clone()),
            ("operation", self.operation.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
            ("text", self.text.clone()),
            ("below", self.below.map(|number| number.to_string())),
        ];
        let mut path = format!("{}?limit={}", paths::HISTORY.pattern(), self.limit);
        for (name, value) in filters {
            if let Some(value) = value {
                path += &format!("&{name}={}", percent_encode(&value));
            }
        }
        path
    }
}
