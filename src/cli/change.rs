//! Changes of the history, as the REST API returns them, and their texts.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{
    output::{counted, number},
    safe_text::safe,
};

/// The number of names that the line of a change shows.
const NAMES_SHOWN: usize = 3;

/// The longest value that the line of a difference shows, in characters.
const VALUE_CHARS_MAX: usize = 60;

/// A change, as the REST API returns it.
#[derive(Deserialize)]
pub(super) struct Change {
    pub number: u64,
    pub time: String,
    principal: String,
    address: Option<String>,
    pub operation: String,
    request: Option<String>,
    message: Option<String>,
    pub types: Vec<KindChanges>,
    #[serde(default)]
    names: Vec<RecordName>,
    #[serde(default)]
    records: Vec<Record>,
    pub next: Option<String>,
    #[serde(default)]
    not_kept: bool,
    #[serde(default)]
    changed: bool,
}

/// The numbers of changed records of one type.
#[derive(Deserialize)]
pub(super) struct KindChanges {
    r#type: String,
    created: u64,
    updated: u64,
    removed: u64,
}

#[derive(Deserialize)]
struct RecordName {
    name: String,
}

/// A record that a change changed, or that differs between two moments.
#[derive(Deserialize)]
pub(super) struct Record {
    pub r#type: String,
    name: String,
    effect: String,
    renamed_from: Option<String>,
    renamed_to: Option<String>,
    #[serde(default)]
    properties: Vec<Difference>,
}

/// The values of a property before and after a change.
#[derive(Deserialize, Serialize)]
struct Difference {
    property: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
    #[serde(default)]
    secret: bool,
    #[serde(default)]
    text: bool,
}

/// Reads a value that is there: `null` is a value as well.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Formats a list of changes.
pub(super) fn list(changes: &[Change]) -> String {
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
    /// The change with the names of its records instead of their differences, for a list.
    pub(super) fn with_names_only(mut self) -> Self {
        let records = self.records.drain(..);
        self.names = records.map(|record| RecordName { name: record.name }).collect();
        self
    }

    /// The change in one line, and its message in another. The number has at least this width.
    pub(super) fn lines(&self, width: usize) -> String {
        let mut text = format!(
            "{:>width$}  {}  {}  {}  {}\n",
            self.number,
            short_time(&self.time),
            self.user(),
            safe(&self.operation),
            self.effect()
        );
        if let Some(message) = &self.message {
            text += &format!("{:width$}  “{}”\n", "", safe(message));
        }
        if self.not_kept {
            let known = if self.changed {
                "This change changed the record, but the differences are not known"
            } else {
                "It is not known whether this change changed the record"
            };
            text += &format!(
                "{:width$}  {known}: the copy of the inventory from before it is no longer kept.\n",
                ""
            );
        }
        text
    }

    /// The user, or the word for a change that Satchel made.
    fn user(&self) -> String {
        if self.principal.is_empty() { "(satchel)".to_owned() } else { safe(&self.principal) }
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
    pub(super) fn details(&self) -> String {
        let mut text = format!("Change {} at {}\n\n", self.number, short_time(&self.time));
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
    pub(super) fn record_texts(&self) -> String {
        self.records.iter().map(Record::text).collect()
    }
}

impl KindChanges {
    /// The row of a table: the type, and the numbers of created, updated and deleted records.
    pub(super) fn cells(&self) -> Vec<String> {
        let counts = [self.created, self.updated, self.removed];
        let mut cells = vec![safe(&self.r#type)];
        cells.extend(counts.map(number));
        cells
    }
}

impl Record {
    /// The word for the effect of the change on the record.
    pub(super) fn effect(&self) -> &str {
        if self.effect == "removed" { "deleted" } else { &self.effect }
    }

    /// The record as the report of an import has it: its name and its differences.
    pub(super) fn location(&self) -> Value {
        let name = match &self.renamed_from {
            Some(from) => format!("{} (renamed from {from})", self.name),
            None => self.name.clone(),
        };
        json!({"record": name, "properties": self.properties})
    }

    fn text(&self) -> String {
        let effect = self.effect();
        let name = format!("{} “{}”", safe(&self.r#type), safe(&self.name));
        let mut text = match (&self.renamed_from, &self.renamed_to) {
            (Some(from), _) => format!("\n{name} renamed from “{}”\n", safe(from)),
            (None, Some(to)) => format!("\n{name} renamed to “{}”\n", safe(to)),
            (None, None) => format!("\n{name} {effect}\n"),
        };
        let is_renamed = self.renamed_from.is_some() || self.renamed_to.is_some();
        for difference in &self.properties {
            let line = match (self.effect.as_str(), &difference.before, &difference.after) {
                ("created", None, Some(value)) | ("removed", Some(value), None) if !is_renamed => {
                    format!("{}: {}", safe(&difference.property), shortened(&value.to_string()))
                }
                _ => difference.text(),
            };
            text += &format!("  {line}\n");
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

/// A time without its fraction of a second.
pub(super) fn short_time(time: &str) -> String {
    let time = safe(time);
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time,
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
