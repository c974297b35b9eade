//! What is wrong with what is imported, each with its place.

use serde::Serialize;

use crate::{
    codec::json,
    model::{Kind, OverLimit, Rule, Target, Value, Violation},
};

/// The most bytes of a value that a report shows.
const VALUE_SHOWN_BYTES_MAX: usize = 200;

/// What is wrong. Equal ones are grouped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Problem {
    #[serde(flatten)]
    pub document: Document,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// The value; never a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<ShownValue>,
    /// A short word for scripts.
    pub rule: &'static str,
    /// A sentence for a person.
    pub detail: String,
}

/// Where a problem is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Counts from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// The row of a sheet, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The cell of a sheet: `device!C17`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// The record's place in its document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// What holds the records of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Document {
    /// A project's document, which is called like its file.
    #[serde(rename = "document", serialize_with = "file_name")]
    Yaml(Kind),
    /// A workbook's sheet.
    #[serde(rename = "sheet")]
    Sheet(Kind),
}

fn file_name<S: serde::Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{kind}.yaml"))
}

impl Problem {
    /// A property of a record that broke a rule.
    pub(super) fn broken(document: Document, broken: &Violation) -> Self {
        Self {
            document,
            property: broken.property.clone(),
            value: broken.value.as_ref().map(ShownValue::of),
            rule: broken.rule.code(),
            detail: broken.rule.to_string(),
        }
    }

    /// An item of a document that is no record at all.
    pub(super) fn no_record(document: Document, value: &Value) -> Self {
        let rule = Rule::NoRecord { found: value.type_name() };
        Self::broken(document, &Violation { property: None, value: Some(value.clone()), rule })
    }

    /// A record whose name another record of the same document has.
    pub(super) fn duplicate(document: Document) -> Self {
        let part = match document {
            Document::Yaml(_) => "document",
            Document::Sheet(_) => "sheet",
        };
        let detail = format!("another record of this {part} has the same name, and comes first");
        Self::of(document, Some("name"), "duplicate-name", detail)
    }

    /// A device and a network of one name.
    pub(super) fn node_taken(document: Document, other: Kind) -> Self {
        let detail =
            format!("devices and networks share their names, and a {other} of this name exists");
        Self::of(document, Some("name"), "node-name-taken", detail)
    }

    /// A relation that needs a record that is not there.
    pub(super) fn missing(document: Document, relation: &str, target: Target, name: &str) -> Self {
        let whole = match document {
            Document::Yaml(_) => "project",
            Document::Sheet(_) => "workbook",
        };
        let detail = format!(
            "there is no {target} '{name}', neither in the {whole} nor in the inventory, or it was \
             rejected"
        );
        let problem = Self::of(document, Some(relation), "missing-reference", detail);
        Self { value: Some(ShownValue::of(&Value::from(name))), ..problem }
    }

    /// A record that is too large.
    pub(super) fn large(document: Document, detail: String) -> Self {
        Self::of(document, None, "record-large", detail)
    }

    /// A record that breaks a limit.
    pub(super) fn over_limit(document: Document, over: &OverLimit) -> Self {
        Self::of(document, over.property(), "record-large", over.to_string())
    }

    /// Something that is wrong with a property, or with a document as a whole.
    pub fn of(
        document: Document,
        property: Option<&str>,
        rule: &'static str,
        detail: String,
    ) -> Self {
        let property = property.map(str::to_owned);
        Self { document, property, value: None, rule, detail }
    }
}

/// A name in a list that names nothing, and was left out of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Dangling {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub property: String,
    /// The record that is not there.
    pub missing: String,
}

/// A property whose values came in another type that says the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Conversion {
    #[serde(flatten)]
    pub document: Document,
    pub property: String,
}

/// What an import does, or would do, with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Change {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub change: ChangeKind,
}

/// A record that changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ChangedRecord {
    pub record: String,
    /// The properties that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<PropertyChange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Removed,
    Updated,
    Created,
    /// Not in the project, but it names a record that goes, or is a pool whose members change.
    Adjusted,
}

/// A property before and after. A secret is only said to differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PropertyChange {
    pub property: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<ShownValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<ShownValue>,
}

/// A value as a report shows it: its JSON, or the beginning of it as a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShownValue(String);

impl ShownValue {
    /// The value, or as much of it as a report shows.
    pub fn of(value: &Value) -> Self {
        match json::of_value(value) {
            serde_json::Value::String(text) if text.len() > VALUE_SHOWN_BYTES_MAX => {
                Self(serde_json::Value::String(shorten(text)).to_string())
            }
            whole => {
                let text = whole.to_string();
                Self(if text.len() > VALUE_SHOWN_BYTES_MAX { shorten(text) } else { text })
            }
        }
    }
}

/// The beginning of a text.
fn shorten(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(VALUE_SHOWN_BYTES_MAX));
    text.push('…');
    text
}

impl Serialize for ShownValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<serde_json::Value>(&self.0) {
            Ok(whole) => whole.serialize(serializer),
            Err(_) => self.0.serialize(serializer),
        }
    }
}
