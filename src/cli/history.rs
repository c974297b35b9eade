//! `satchel history`: lists the changes of the inventory, or shows one.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::{
    output::{self, OutputArgs, OutputState, counted},
    progress::Progress,
    safe_text::{safe, safe_json, safe_lines},
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

/// The number of names that the line of a change shows.
const NAMES_SHOWN: usize = 3;

/// The longest value that the line of a difference shows, in characters.
const VALUE_CHARS_MAX: usize = 60;

/// `satchel history`
#[derive(Args, Debug)]
pub(super) struct HistoryArgs {
    /// Show this change with all its differences, instead of a list
    #[arg(value_name = "NUMBER")]
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
    #[arg(long, value_name = "TIME", conflicts_with = "number")]
    since: Option<String>,

    /// Only changes at this date or time or earlier
    #[arg(long, value_name = "TIME", conflicts_with = "number")]
    until: Option<String>,

    /// Only changes whose message, user, operation or record names contain this text
    #[arg(long, value_name = "TEXT", conflicts_with = "number")]
    text: Option<String>,

    /// Only changes with smaller numbers than this one
    #[arg(long, value_name = "NUMBER", conflicts_with = "number")]
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
    #[arg(long, value_name = "NUMBER", requires = "follow")]
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

/// A change, as the REST API returns it.
#[derive(Deserialize)]
pub(super) struct Change {
    pub number: u64,
    time: String,
    principal: String,
    address: Option<String>,
    operation: String,
    request: Option<String>,
    message: Option<String>,
    types: Vec<KindChanges>,
    #[serde(default)]
    names: Vec<RecordName>,
    #[serde(default)]
    records: Vec<Record>,
    next: Option<String>,
    #[serde(default)]
    not_kept: bool,
}

#[derive(Deserialize)]
struct KindChanges {
    r#type: String,
    created: u64,
    updated: u64,
    removed: u64,
}

#[derive(Deserialize)]
struct RecordName {
    name: String,
}

#[derive(Deserialize)]
struct Record {
    r#type: String,
    name: String,
    effect: String,
    renamed_from: Option<String>,
    renamed_to: Option<String>,
    #[serde(default)]
    properties: Vec<Difference>,
}

#[derive(Deserialize)]
struct Difference {
    property: String,
    before: Option<Value>,
    after: Option<Value>,
    #[serde(default)]
    secret: bool,
    #[serde(default)]
    text: bool,
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
    let mut change: Change = serde_json::from_value(change)?;
    let records = change.records.drain(..);
    change.names = records.map(|record| RecordName { name: record.name }).collect();
    Ok(change)
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

/// Formats a list of changes.
fn list(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "No changes.\n".to_owned();
    }
    let width = changes.iter().map(|change| change.number.to_string().len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for change in changes {
        text += &change.lines(width);
    }
    text
}

impl Change {
    /// The change in one line, and its message in another. The number has at least this width.
    pub(super) fn lines(&self, width: usize) -> String {
        let mut text = format!(
            "{:>width$}  {}  {}  {}  {}\n",
            self.number,
            self.short_time(),
            self.user(),
            safe(&self.operation),
            self.effect()
        );
        if let Some(message) = &self.message {
            text += &format!("{:width$}  “{}”\n", "", safe(message));
        }
        if self.not_kept {
            text += &format!(
                "{:width$}  It is not known whether this change changed the record: the copy of the \
                 inventory from before it is no longer kept.\n",
                ""
            );
        }
        text
    }

    /// The user, or the word for a change that Satchel made.
    fn user(&self) -> String {
        if self.principal.is_empty() { "(satchel)".to_owned() } else { safe(&self.principal) }
    }

    /// The time without its fraction of a second.
    fn short_time(&self) -> String {
        let time = safe(&self.time);
        match time.split_once('.') {
            Some((seconds, _)) => format!("{seconds}Z"),
            None => time,
        }
    }

    /// The counts of the change and the first names.
    fn effect(&self) -> String {
        let mut parts = Vec::new();
        for one in &self.types {
            let counts =
                [("created", one.created), ("updated", one.updated), ("deleted", one.removed)];
            for (word, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
                parts.push(format!("{} {word}", counted(count, &safe(&one.r#type))));
            }
        }
        let mut text = if parts.is_empty() { "no records".to_owned() } else { parts.join(", ") };
        let names = self.names.iter().take(NAMES_SHOWN);
        let names: Vec<String> = names.map(|name| safe(&name.name)).collect();
        if !names.is_empty() {
            let more = if self.names.len() > NAMES_SHOWN { ", …" } else { "" };
            text += &format!(": {}{more}", names.join(", "));
        }
        text
    }

    /// All facts of the change, and the differences of its records.
    fn details(&self) -> String {
        let mut text = format!("Change {} at {}\n\n", self.number, self.short_time());
        text += &format!("user       {}\n", self.user());
        text += &format!("operation  {}\n", safe(&self.operation));
        for (word, value) in
            [("address", &self.address), ("request", &self.request), ("message", &self.message)]
        {
            if let Some(value) = value {
                text += &format!("{word:9}  {}\n", safe(value));
            }
        }
        text += &format!("changed    {}\n", self.effect());
        if self.not_kept {
            text += "\nThe differences are not known: the change replaced the whole inventory, and the copy \
                     from\nbefore it is no longer kept.\n";
        }
        text + &self.record_texts()
    }

    /// The records with their differences.
    fn record_texts(&self) -> String {
        self.records.iter().map(Record::text).collect()
    }
}

impl Record {
    fn text(&self) -> String {
        let effect = if self.effect == "removed" { "deleted" } else { &self.effect };
        let name = format!("{} “{}”", safe(&self.r#type), safe(&self.name));
        let mut text = match (&self.renamed_from, &self.renamed_to) {
            (Some(from), _) => format!("\n{name} renamed from “{}”\n", safe(from)),
            (None, Some(to)) => format!("\n{name} renamed to “{}”\n", safe(to)),
            (None, None) => format!("\n{name} {effect}\n"),
        };
        for difference in &self.properties {
            text += &format!("  {}\n", difference.text());
        }
        text
    }
}

impl Difference {
    fn text(&self) -> String {
        let property = safe(&self.property);
        if self.secret {
            return format!("{property}: changed (not shown)");
        }
        if self.text {
            return format!("{property}: changed");
        }
        let shown = |value: &Option<Value>| match value {
            None => "(none)".to_owned(),
            Some(value) => shortened(&value.to_string()),
        };
        format!("{property}: {} → {}", shown(&self.before), shown(&self.after))
    }
}

/// Shortens a long value.
fn shortened(text: &str) -> String {
    let safe = safe(text);
    if safe.chars().count() <= VALUE_CHARS_MAX {
        return safe;
    }
    let start: String = safe.chars().take(VALUE_CHARS_MAX).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_names_and_messages_are_escaped() {
        let change: Change = serde_json::from_value(serde_json::json!({
            "number": 7,
            "time": "2026-11-27T16:20:00.123Z",
            "principal": "e\u{1b}va",
            "operation": "put_instances",
            "message": "a\u{7}b",
            "types": [{"type": "device", "created": 1, "updated": 2, "removed": 0}],
            "names": [{"type": "device", "name": "R\u{1b}1"}],
            "records": [{
                "type": "device", "name": "R\n1", "effect": "updated",
                "properties": [
                    {"property": "vendor", "before": "A", "after": "B\u{1b}"},
                    {"property": "password", "secret": true},
                    {"property": "configuration", "text": true},
                ],
            }],
        }))
        .unwrap();
        let text = list(std::slice::from_ref(&change)) + &change.details();
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        assert!(text.contains("1 device created, 2 devices updated"), "{text}");
        assert!(text.contains("password: changed (not shown)"), "{text}");
        assert!(text.contains("vendor: \"A\" → "), "{text}");
    }
}
