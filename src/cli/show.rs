//! `satchel show`: shows one record, now or at an earlier moment.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value};

use super::{
    moment::moment,
    output::{self, OutputArgs},
    safe_text::safe,
    target::{IfMissing, TargetArgs},
};
use crate::{
    http::paths::{self, percent_encode},
    model::Kind,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel show device 'Faro 1' --data /var/lib/satchel
      shows a device with all its properties
  satchel show device 'Faro 1' --at 42
      shows the device as it was after change 42; `satchel history` lists the changes
  satchel show device 'Faro 1' --at 2026-11-20T08:00:00Z --json
      prints the device as it was at that time as JSON

Exit codes:
  0    done
  1    failed, or there is no such record
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// `satchel show`
#[derive(Args, Debug)]
pub(super) struct ShowArgs {
    /// The type of the record
    #[arg(value_name = "TYPE")]
    kind: Kind,

    /// The name of the record
    #[arg(value_name = "NAME")]
    name: String,

    /// The record as it was after the change with this number, or at this date or time
    #[arg(long, value_name = "NUMBER|TIME", value_parser = moment)]
    at: Option<String>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// Prints the record.
pub(super) fn run(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let connection = args.target.resolve("show", IfMissing::Fail)?.connect(&progress)?;
    let mut path = paths::INSTANCE.path([args.kind.as_str(), &args.name]);
    if let Some(at) = &args.at {
        path += &format!("?at={}", percent_encode(at));
    }
    let response = connection.client.get(&path)?;
    if args.out.json {
        output::print_json(&response.text)?;
    } else {
        output::print(&text(&response.read()?))?;
    }
    connection.close()?;
    Ok(ExitCode::SUCCESS)
}

/// Formats the properties, one a line. Texts are shown without quotes.
fn text(properties: &Map<String, Value>) -> String {
    let width = properties.keys().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, value) in properties {
        let value = match value {
            Value::String(text) => safe(text),
            other => safe(&other.to_string()),
        };
        text += format!("{:width$}  {value}", safe(name)).trim_end();
        text.push('\n');
    }
    text
}
