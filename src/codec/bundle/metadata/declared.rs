//! The key `satchel` of `metadata.yaml`.

use super::{
    super::{Digest, FORMAT},
    error::{MetadataError, wrong_type, wrong_word},
};
use crate::model::{Kind, Map, PerKind, Secrets, Value};

/// The key in `metadata.yaml`.
pub(super) const KEY: &str = "satchel";

/// The declaration of Satchel in the metadata of its bundles.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// From 1 to [`FORMAT`].
    pub format: u32,
    /// The presence of passwords and keys in the project.
    pub secrets: Secrets,
    /// The declared size and checksum of each document; `None` for a kind that was not exported.
    pub documents: PerKind<Option<DocumentInfo>>,
}

/// Returns the word of the metadata and of reports: `included` or `left_out`.
pub const fn secrets_word(secrets: Secrets) -> &'static str {
    match secrets {
        Secrets::Included => "included",
        Secrets::LeftOut => "left_out",
    }
}

/// The declaration of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DocumentInfo {
    /// The number of records in the document.
    pub records: u64,
    /// The length of the unpacked document.
    pub bytes: u64,
    /// The checksum of the unpacked document.
    pub sha256: Digest,
}

impl Declared {
    pub(super) fn from_value(value: &Value) -> Result<Self, MetadataError> {
        let own = map(KEY, value)?;
        // The format comes first: it decides how everything else is read.
        let format = count(own, KEY, "format")?;
        let format = u32::try_from(format)
            .ok()
            .filter(|known| (1..=FORMAT).contains(known))
            .ok_or(MetadataError::Format { format })?;
        let word = text(own, KEY, "secrets")?;
        let secrets = [Secrets::Included, Secrets::LeftOut]
            .into_iter()
            .find(|secrets| secrets_word(*secrets) == word)
            .ok_or_else(|| wrong_word("satchel.secrets", word))?;
        let mut documents = PerKind::default();
        let location = "satchel.documents";
        for (word, info) in map(location, member(own, KEY, "documents")?)?.iter() {
            let word =
                word.as_text().ok_or_else(|| wrong_type(location, "a map of kinds", word))?;
            let kind: Kind = word.parse()?;
            documents[kind] = Some(DocumentInfo::from_value(&format!("{location}.{kind}"), info)?);
        }
        Ok(Self { format, secrets, documents })
    }

    pub(super) fn to_value(&self) -> Value {
        let mut documents: Vec<(Value, Value)> = self
            .documents
            .iter()
            .filter_map(|(kind, info)| Some((kind.as_str().into(), info.as_ref()?.to_value())))
            .collect();
        documents.sort_unstable_by(|(a, _), (b, _)| a.as_text().cmp(&b.as_text()));
        Value::Map(Map::from_entries(vec![
            ("documents".into(), Value::Map(Map::from_entries(documents))),
            ("format".into(), Value::Int(self.format.into())),
            ("secrets".into(), secrets_word(self.secrets).into()),
        ]))
    }
}

impl DocumentInfo {
    fn from_value(location: &str, value: &Value) -> Result<Self, MetadataError> {
        let info = map(location, value)?;
        let digits = text(info, location, "sha256")?;
        let sha256 =
            digits.parse().map_err(|_| wrong_word(&format!("{location}.sha256"), digits))?;
        let (records, bytes) = (count(info, location, "records")?, count(info, location, "bytes")?);
        Ok(Self { records, bytes, sha256 })
    }

    fn to_value(self) -> Value {
        Value::Map(Map::from_entries(vec![
            ("bytes".into(), whole_number(self.bytes)),
            ("records".into(), whole_number(self.records)),
            ("sha256".into(), self.sha256.to_string().into()),
        ]))
    }
}

/// Returns the value of a key of the map at `location`.
fn member<'a>(map: &'a Map, location: &str, key: &str) -> Result<&'a Value, MetadataError> {
    let missing = || MetadataError::Missing { key: format!("{location}.{key}") };
    map.get(key).map(Value::plain).ok_or_else(missing)
}

/// Returns the text of a key.
fn text<'a>(map: &'a Map, location: &str, key: &str) -> Result<&'a str, MetadataError> {
    let value = member(map, location, key)?;
    value.as_text().ok_or_else(|| wrong_type(&format!("{location}.{key}"), "text", value))
}

/// Returns the non-negative integer at a key.
fn count(map: &Map, location: &str, key: &str) -> Result<u64, MetadataError> {
    let value = member(map, location, key)?;
    let number = match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    };
    number.ok_or_else(|| wrong_type(&format!("{location}.{key}"), "an integer from 0", value))
}

/// Returns the map at `key`.
pub(super) fn map<'a>(key: &str, value: &'a Value) -> Result<&'a Map, MetadataError> {
    match value.plain() {
        Value::Map(map) => Ok(map),
        other => Err(wrong_type(key, "a map", other)),
    }
}

/// Returns a count as a value.
fn whole_number(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::BigInt(number.to_string()), Value::Int)
}
