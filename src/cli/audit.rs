//! `satchel audit`: lists the entries of the audit log.

use std::process::ExitCode;

use clap::{Args, builder::PossibleValuesParser};
use serde::Deserialize;

use super::{
    output::{self, OutputArgs},
    safe_text::safe,
    target::{IfMissing, TargetArgs},
};
use crate::{
    audit::{AuditEntry, EventKind},
    http::paths::{self, percent_encode},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel audit --data /var/lib/satchel
      lists the last entries, the newest first
  satchel audit --event login_failed --since 2026-11-01
      lists failed logins since the beginning of November
  satchel audit --by eva --json --server https://satchel.example --user admin
      prints the entries about the user “eva” as they are stored, with their hashes

Entries are kept for `history_days` and up to `audit_mib`; see `satchel docs audit`.
`satchel verify` checks that no entry was changed or removed.

Exit codes:
  0    done
  1    failed
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// The default number of listed entries.
const ENTRIES: u32 = 20;

/// The largest number of listed entries: the limit of the REST API.
const ENTRIES_MAX: i64 = 1000;

/// `satchel audit`
#[derive(Args, Debug)]
pub(super) struct AuditArgs {
    /// Only entries about this kind of event
    #[arg(long, value_name = "EVENT", value_parser = PossibleValuesParser::new(EventKind::WORDS))]
    event: Option<String>,

    /// Only entries about this user
    #[arg(long, value_name = "USER")]
    by: Option<String>,

    /// Only entries about clients with this IP address
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,

    /// Only entries of this date or time (2026-11-27 or 2026-11-27T16:20:00Z) or later
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only entries of this date or time or earlier
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// Only entries that contain this text
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,

    /// Only entries with smaller numbers than this one
    #[arg(long, value_name = "NUMBER")]
    below: Option<u64>,

    /// The largest number of entries, 1 to 1000
    #[arg(long, value_name = "COUNT", default_value_t = ENTRIES,
          value_parser = clap::value_parser!(u32).range(1..=ENTRIES_MAX))]
    limit: u32,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// The entries, as the REST API returns them.
#[derive(Deserialize)]
#[serde(transparent)]
struct Entries(Vec<AuditEntry>);

/// Prints the entries.
pub(super) fn run(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let connection = args.target.resolve("audit", IfMissing::Fail)?.connect(&progress)?;
    let response = connection.client.get(&args.path())?;
    if args.out.json {
        output::print_json(&response.text)?;
    } else {
        output::print(&response.read::<Entries>()?.list())?;
    }
    connection.close()?;
    Ok(ExitCode::SUCCESS)
}

impl AuditArgs {
    /// The path of the request, with the filters.
    fn path(&self) -> String {
        let filters = [
            ("event", self.event.clone()),
            ("user", self.by.clone()),
            ("address", self.address.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
            ("text", self.text.clone()),
            ("below", self.below.map(|number| number.to_string())),
        ];
        let mut path = format!("{}?limit={}", paths::AUDIT.pattern(), self.limit);
        for (name, value) in filters {
            if let Some(value) = value {
                path += &format!("&{name}={}", percent_encode(&value));
            }
        }
        path
    }
}

impl Entries {
    fn list(&self) -> String {
        if self.0.is_empty() {
            return "No entries.\n".to_owned();
        }
        let width = self.0.iter().map(|entry| entry.number.to_string().len()).max();
        let width = width.unwrap_or_default();
        self.0.iter().map(|entry| line(entry, width)).collect()
    }
}

/// The entry in one line. The number has at least this width.
fn line(entry: &AuditEntry, width: usize) -> String {
    let event = &entry.event;
    let mut words = vec![event.kind.to_string()];
    words.extend(event.user.clone());
    words.extend(event.address.map(|address| format!("from {address}")));
    words.extend(event.operation.clone());
    words.extend(event.subject.as_ref().map(|subject| format!("“{subject}”")));
    words.extend(event.status.map(|status| format!("status {status}")));
    words.extend(event.changes.as_ref().map(|link| {
        if link.first == link.last {
            format!("change {}", link.first)
        } else {
            format!("changes {} to {}", link.first, link.last)
        }
    }));
    words.extend(event.late.as_ref().map(|late| {
        if late.first == late.last {
            format!("made {}", late.last)
        } else {
            format!("made {} to {}", late.first, late.last)
        }
    }));
    words.extend(event.count.map(|count| format!("{count} times")));
    words.extend(event.removed.as_ref().map(|removed| format!("entries up to {}", removed.up_to)));
    words.extend(event.detail.clone());
    let words: Vec<_> = words.iter().map(|word| safe(word)).collect();
    format!("{:>width$}  {}  {}\n", entry.number, safe(&entry.time), words.join("  "))
}
