//! `satchel delete`: deletes records of one type.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    confirm,
    output::{OutputArgs, counted, table},
    safe_text::safe,
    target::{ChangeMessage, IfMissing, TargetArgs},
};
use crate::{
    http::paths,
    model::{InstanceType, UnknownKind},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel delete device 'Faro 1' 'Faro 2' --data /var/lib/satchel
      shows what would be deleted, and asks
  satchel delete device --where vendor=Nokia --where 'name~^Lab ' --dry-run
      shows the devices of Nokia whose name begins with “Lab ”, and their links; changes nothing
  satchel delete link --where source='Faro 1' --yes
      deletes the links that begin at Faro 1 without asking, for scripts

A record and the records that depend on it are deleted in one step: a device with its links.

Exit codes:
  0    deleted
  1    not deleted, or a name does not exist
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// The largest number of records that are printed without `--all`.
const RECORDS_SHOWN_MAX: usize = 50;

/// `satchel delete`
#[derive(Args, Debug)]
pub(super) struct DeleteArgs {
    /// The type of the records: a kind such as device, or an exact type such as router
    #[arg(value_name = "TYPE", value_parser = record_type)]
    r#type: String,

    /// The names of the records
    #[arg(value_name = "NAME", required_unless_present = "conditions")]
    names: Vec<String>,

    /// Instead of names: a value of a property, or PROPERTY~EXPRESSION for a regular expression.
    /// Records must match all conditions
    #[arg(long = "where", value_name = "PROPERTY=VALUE", conflicts_with = "names",
        value_parser = condition)]
    conditions: Vec<Condition>,

    /// Show what would be deleted, change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Do not ask for confirmation
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,

    /// Print all records
    #[arg(long)]
    all: bool,

    /// A message for the history: why the change is made
    #[arg(long, value_name = "TEXT", conflicts_with = "dry_run")]
    message: Option<ChangeMessage>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// Checks the word for the type of the records.
fn record_type(word: &str) -> Result<String, UnknownKind> {
    word.parse::<InstanceType>().map(|_| word.to_owned())
}

/// A condition on the records to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    property: String,
    filter: &'static str,
    text: String,
}

/// Parses `PROPERTY=VALUE` or `PROPERTY~EXPRESSION`.
fn condition(word: &str) -> Result<Condition, String> {
    let Some(position) = word.find(['=', '~']) else {
        return Err("expected PROPERTY=VALUE or PROPERTY~EXPRESSION".to_owned());
    };
    let (property, text) = word.split_at(position);
    let filter = if text.starts_with('=') { "equality" } else { "regex" };
    let (property, text) = (property.trim(), text.get(1..).unwrap_or_default());
    if property.is_empty() || text.is_empty() {
        return Err("the property or the value is empty".to_owned());
    }
    Ok(Condition { property: property.to_owned(), filter, text: text.to_owned() })
}

/// The report of a deletion or of its dry run, as the REST API returns it.
#[derive(Deserialize)]
struct Deletion {
    summary: String,
    deleted: Vec<RecordName>,
    not_found: Vec<String>,
}

#[derive(Deserialize)]
struct RecordName {
    r#type: String,
    name: String,
}

/// Deletes records. Asks for confirmation unless `--yes` is given.
pub(super) fn run(args: &DeleteArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    if !args.yes && !args.dry_run && !confirm::can_ask() {
        bail!("Not interactive: pass --yes to confirm, or --dry-run to see what would be deleted");
    }
    let mut body = args.body()?;
    let mut connection = args.target.resolve("delete", IfMissing::Fail)?.connect(&progress)?;
    connection.client.set_message(args.message.as_ref());
    let client = &connection.client;
    let mut ask = |dry_run: bool| {
        body["dry_run"] = dry_run.into();
        client.post(paths::DELETE.pattern(), &body, "deleting", &progress)
    };
    if !args.yes {
        let response = ask(true)?;
        let preview: Deletion = response.read()?;
        args.out.print_preview(args.dry_run, &response.text, || Ok(preview.text(args.all)))?;
        if args.dry_run {
            connection.close()?;
            return Ok(preview.exit_code());
        }
        if preview.deleted.is_empty() || !confirm::confirmed("Delete?")? {
            connection.close()?;
            progress.say("nothing was changed");
            return Ok(ExitCode::FAILURE);
        }
    }
    let response = ask(false)?;
    let deletion: Deletion = response.read()?;
    args.out.print_result(&response.text, || Ok(deletion.text(args.all)))?;
    connection.close()?;
    Ok(deletion.exit_code())
}

impl DeleteArgs {
    /// The body of the call.
    ///
    /// # Errors
    /// An error if a property has two conditions: the call accepts one.
    fn body(&self) -> anyhow::Result<Value> {
        let mut body = json!({"type": self.r#type});
        if self.conditions.is_empty() {
            body["names"] = json!(self.names);
            return Ok(body);
        }
        let mut criteria = Map::new();
        for Condition { property, filter, text } in &self.conditions {
            if criteria.insert(property.clone(), text.as_str().into()).is_some() {
                bail!(
                    "“{}” has two conditions. Only one condition for each property is \
                       possible",
                    safe(property)
                );
            }
            criteria.insert(format!("{property}_filter"), (*filter).into());
        }
        body["search_criteria"] = criteria.into();
        Ok(body)
    }
}

impl Deletion {
    /// The text for a person. `all` prints every record.
    fn text(&self, all: bool) -> String {
        let shown = if all { self.deleted.len() } else { RECORDS_SHOWN_MAX };
        let rows: Vec<_> = self
            .deleted
            .iter()
            .take(shown)
            .map(|record| vec![safe(&record.r#type), safe(&record.name)])
            .collect();
        let mut text = format!("{}\n", safe(&self.summary));
        if !rows.is_empty() {
            text += &format!("\n{}", table(&["type", "name"], &rows));
        }
        if let Some(more @ 1..) = self.deleted.len().checked_sub(shown) {
            text += &format!("and {} (--all shows them)\n", counted(more as u64, "more record"));
        }
        for name in &self.not_found {
            text += &format!("Not found: {}\n", safe(name));
        }
        text
    }

    fn exit_code(&self) -> ExitCode {
        if self.not_found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_a_property_and_a_value_or_an_expression() {
        let parsed = |word| condition(word).map(|c| (c.property, c.filter, c.text));
        let expected =
            |property: &str, filter, text: &str| Ok((property.to_owned(), filter, text.to_owned()));
        assert_eq!(parsed("vendor=é=~ 1%"), expected("vendor", "equality", "é=~ 1%"));
        assert_eq!(parsed("name~^Lab =.*"), expected("name", "regex", "^Lab =.*"));
        for word in ["vendor", "=x", "vendor=", "~x", ""] {
            assert!(condition(word).is_err(), "{word}");
        }
    }
}
