//! The entries of an import's report: problems, dangling references, conversions and changes.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    codec::json,
    model::{Kind, OverLimit, Rule, Target, Value, Violation, difference},
};

/// The largest number of bytes of a value in a report.
const VALUE_SHOWN_BYTES_MAX: usize = 200;

/// A problem of an imported record or document. Equal problems are grouped in the report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
#[schemars(rename = "ImportProblem")]
pub struct Problem {
    /// The document or sheet with the problem.
    #[serde(flatten)]
    pub document: Document,
    /// The property with the problem; absent if the problem concerns the whole record or document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// The faulty value. Never a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Json")]
    pub value: Option<ShownValue>,
    /// A short identifier for scripts.
    pub rule: &'static str,
    /// A sentence for a person.
    pub detail: String,
}

/// The document or sheet that holds the records of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
#[schemars(rename = "ImportDocument")]
pub enum Document {
    /// A document of a project, named as its file: `device.yaml`.
    #[serde(rename = "document", serialize_with = "file_name")]
    #[schemars(with = "String")]
    Yaml(Kind),
    /// A sheet of a workbook.
    #[serde(rename = "sheet")]
    Sheet(Kind),
}

fn file_name<S: serde::Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{kind}.yaml"))
}

impl Problem {
    /// A property of a record that violates a rule.
    pub(super) fn invalid(document: Document, violation: &Violation) -> Self {
        Self {
            document,
            property: violation.property.clone(),
            value: violation.value.as_ref().map(ShownValue::of),
            rule: violation.rule.code(),
            detail: violation.rule.to_string(),
        }
    }

    /// An item of a document that is not a record.
    pub(super) fn no_record(document: Document, value: &Value) -> Self {
        let rule = Rule::NoRecord { found: value.type_name() };
        Self::invalid(document, &Violation { property: None, value: Some(value.clone()), rule })
    }

    /// A record with the same name as an earlier record of the document.
    pub(super) fn duplicate(document: Document) -> Self {
        let part = match document {
            Document::Yaml(_) => "document",
            Document::Sheet(_) => "sheet",
        };
        let detail = format!("an earlier record of this {part} has the same name");
        Self::of(document, Some("name"), "duplicate-name", detail)
    }

    /// A device with the name of a network, or a network with the name of a device.
    pub(super) fn node_taken(document: Document, other: Kind) -> Self {
        let detail =
            format!("devices and networks share their names, and a {other} of this name exists");
        Self::of(document, Some("name"), "node-name-taken", detail)
    }

    /// A relation to one record that does not exist. `near` is a name that looks like `name`.
    pub(super) fn missing(
        document: Document,
        relation: &str,
        target: Target,
        name: &str,
        near: Option<&str>,
    ) -> Self {
        let source = match document {
            Document::Yaml(_) => "project",
            Document::Sheet(_) => "workbook",
        };
        let detail = format!(
            "the {target} '{name}' does not exist in the {source} or the inventory, or its record was \
             rejected{}",
            near.and_then(|near| Some((near, difference(name, near)?)))
                .map_or_else(String::new, |(near, how)| format!(
                    ". Did you mean '{near}'? The names differ {how}"
                ))
        );
        let problem = Self::of(document, Some(relation), "missing-reference", detail);
        Self { value: Some(ShownValue::of(&Value::from(name))), ..problem }
    }

    /// A record that is too large.
    pub(super) fn large(document: Document, detail: String) -> Self {
        Self::of(document, None, "record-large", detail)
    }

    /// A record that is over a limit.
    pub(super) fn over_limit(document: Document, over: &OverLimit) -> Self {
        Self::of(document, over.property(), "record-large", over.to_string())
    }

    /// A problem of a property, or of a document as a whole if `property` is `None`.
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

/// A reference without a target, which the import removes from its list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
pub struct DanglingReference {
    /// The kind of the record that contained the reference.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The list that contained the reference.
    pub property: String,
    /// The name of the missing record.
    pub missing: String,
    /// The name of a record that looks like the missing one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

/// A property whose values were converted to its type, without a change of meaning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
pub struct Conversion {
    /// The document or sheet with the converted values.
    #[serde(flatten)]
    pub document: Document,
    /// The property with the converted values.
    pub property: String,
}

/// A change that an import makes to records of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
#[schemars(rename = "RecordChange")]
pub struct Change {
    /// The kind of the changed records.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The change of the records.
    pub change: ChangeKind,
}

/// A changed record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
pub struct ChangedRecord {
    /// The name of the changed record.
    pub record: String,
    /// The properties that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<PropertyChange>,
}

/// The change that an import makes to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The record is deleted.
    Removed,
    /// The record exists and gets new values.
    Updated,
    /// The record is new.
    Created,
    /// The record is not imported, but a list of it loses a reference, or it is a pool whose
    /// members change.
    Adjusted,
}

/// A change of an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
pub struct AdministratorChange {
    /// The change of the administrator.
    pub change: AdministratorChangeKind,
}

/// The kind of change of an administrator. One user can have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdministratorChangeKind {
    /// An administrator is deleted.
    Removed,
    /// The user remains, but is no longer an administrator.
    RightsLost,
    /// A new user is an administrator.
    Created,
    /// The user exists already, and becomes an administrator.
    RightsGained,
    /// The password is changed or removed. It is never shown.
    PasswordChanged,
    /// The new password of a user, administrator or not, is the user's name. It works on the server's
    /// machine only.
    PasswordIsName,
    /// The new password hash of a user, administrator or not, cannot be used, so the user cannot log in.
    HashUnusable,
    /// The name of a new user, administrator or not, contains a colon, which HTTP cannot send, or
    /// characters that nobody sees.
    NameUnusable,
}

/// The values of a property before and after. Both are absent for a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
pub struct PropertyChange {
    /// The name of the property.
    pub property: String,
    /// The value before the change; absent if the property had none or holds a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Json")]
    pub before: Option<ShownValue>,
    /// The value after the change; absent if the property has none or holds a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Json")]
    pub after: Option<ShownValue>,
}

/// A value as a report shows it: its JSON, shortened to a text if it is long.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShownValue(String);

impl ShownValue {
    /// The JSON of the value, or its first [`VALUE_SHOWN_BYTES_MAX`] bytes.
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

/// The first [`VALUE_SHOWN_BYTES_MAX`] bytes of a text.
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
