//! The lines of `configurations.ndjson` and `history.ndjson`. Their format is described in the page
//! `backups.md`.

use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
};

use serde::{Deserialize, Serialize};

use super::BackupError;
use crate::{
    model::Kind,
    store::{ChangeCounts, Effect, Replacement},
};

/// A line of `configurations.ndjson`: a long text of a device. With `number` it is an earlier text.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TextLine<'a> {
    #[serde(borrow)]
    pub device: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    pub property: std::borrow::Cow<'a, str>,
    /// The number of the change that wrote an earlier text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Who wrote an earlier text, if this is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<WriterLine>,
    /// The text. Absent if the history has it.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub text: Option<std::borrow::Cow<'a, str>>,
}

/// The user who wrote an earlier text, and when.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WriterLine {
    /// RFC 3339.
    pub time: String,
    pub principal: String,
    pub operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A line of `history.ndjson` that begins a change. As many lines as `values` says follow, one for each
/// touched value.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChangeLine {
    pub number: u64,
    /// RFC 3339, in milliseconds.
    pub time: String,
    pub principal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    pub operation: String,
    /// The id of the request, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    pub counts: BTreeMap<String, CountsLine>,
    /// How the change replaced the whole inventory, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<ReplacedBy>,
    /// The number of lines about touched values that follow.
    pub values: u64,
}

/// The counts of one kind.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CountsLine {
    pub created: u64,
    pub updated: u64,
    pub removed: u64,
}

impl From<ChangeCounts> for CountsLine {
    fn from(counts: ChangeCounts) -> Self {
        let ChangeCounts { created, updated, removed } = counts;
        Self { created, updated, removed }
    }
}

/// How a change replaced the whole inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReplacedBy {
    Import,
    Undo,
    Recovery,
}

impl From<Replacement> for ReplacedBy {
    fn from(by: Replacement) -> Self {
        match by {
            Replacement::Load => Self::Import,
            Replacement::Undo => Self::Undo,
            Replacement::Recovery => Self::Recovery,
        }
    }
}

/// A line of `history.ndjson` about a touched value: a record, or with `property` a long text of a device.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ValueLine {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    pub effect: EffectLine,
    /// The other name of a renamed record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_name: Option<String>,
    /// The value before the change: a text, or a record as a YAML document with one record, as in
    /// `KIND.yaml`. Absent if the value did not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// What happened to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EffectLine {
    Created,
    Updated,
    Removed,
    RenamedTo,
    RenamedFrom,
}

impl ValueLine {
    pub(super) fn new(kind: Kind, name: &str, property: Option<&str>, effect: &Effect) -> Self {
        let (effect, other_name) = match effect {
            Effect::Created => (EffectLine::Created, None),
            Effect::Updated => (EffectLine::Updated, None),
            Effect::Removed => (EffectLine::Removed, None),
            Effect::RenamedTo(name) => (EffectLine::RenamedTo, Some(name.clone())),
            Effect::RenamedFrom(name) => (EffectLine::RenamedFrom, Some(name.clone())),
        };
        Self {
            kind: kind.to_string(),
            name: name.to_owned(),
            property: property.map(str::to_owned),
            effect,
            other_name,
            before: None,
        }
    }
}

/// Writes a line of JSON.
pub(super) fn write_line(
    out: &mut BufWriter<impl Write>,
    line: &impl Serialize,
) -> Result<(), BackupError> {
    let written = serde_json::to_writer(&mut *out, line);
    written.map_err(|error| BackupError::of_write(error.into()))?;
    out.write_all(b"\n").map_err(BackupError::of_write)
}
