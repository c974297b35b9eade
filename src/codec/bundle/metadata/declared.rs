//! What Satchel's own metadata declares beside eNMS's.

use super::{
    super::{Digest, FORMAT},
    error::{MetadataError, wrong_type, wrong_word},
};
use crate::model::{Kind, Map, PerKind, Secrets, Value};

/// Where it stands.
pub(super) const KEY: &str = "satchel";

/// What Satchel declares about a project that it wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// From 1 to [`FORMAT`].
    pub format: u32,
    /// Whether passwords and keys are in.
    pub secrets: Secrets,
    /// What each document must be; nothing for a kind that was not exported.
    pub documents: PerKind<Option<DocumentInfo>>,
}

/// The word for whether passwords and keys are in.
pub const fn secrets_word(secrets: Secrets) -> &'static str {
    match secrets {
        Secrets::Included => "included",
        Secrets::LeftOut => "left_out",
    }
}

/// What was written as a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DocumentInfo {
    pub records: u64,
    /// The document's length, unpacked.
    pub bytes: u64,
    /// Of the document, unpacked.
    pub sha256: Digest,
}

impl Declared {
    pub(super) fn from_value(value: &Value) -> Result<Self, MetadataError> {
        let own = map(KEY, value)?;
        // The format comes first: it says how all the rest is to be understood.
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
        let place = "satchel.documents";
        for (word, info) in map(place, member(own, KEY, "documents")?)?.iter() {
            let word = word.as_text().ok_or_else(|| wrong_type(place, "a map of kinds", word))?;
            let kind: Kind = word.parse()?;
            documents[kind] = Some(DocumentInfo::from_value(&format!("{place}.{kind}"), info)?);
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
    fn from_value(place: &str, value: &Value) -> Result<Self, MetadataError> {
        let info = map(place, value)?;
        let digits = text(info, place, "sha256")?;
        let sha256 = digits.parse().map_err(|_| wrong_word(&format!("{place}.sha256"), digits))?;
        let (records, bytes) = (count(info, place, "records")?, count(info, place, "bytes")?);
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

/// What is under a key of the map at `place`.
fn member<'a>(map: &'a Map, place: &str, key: &str) -> Result<&'a Value, MetadataError> {
    let missing = || MetadataError::Missing { key: format!("{place}.{key}") };
    map.get(key).map(Value::plain).ok_or_else(missing)
}

/// A text under a key.
fn text<'a>(map: &'a Map, place: &str, key: &str) -> Result<&'a str, MetadataError> {
    let value = member(map, place, key)?;
    value.as_text().ok_or_else(|| wrong_type(&format!("{place}.{key}"), "a text", value))
}

/// A whole number from 0 under a key.
fn count(map: &Map, place: &str, key: &str) -> Result<u64, MetadataError> {
    let value = member(map, place, key)?;
    let number = match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    };
    number.ok_or_else(|| wrong_type(&format!("{place}.{key}"), "a whole number from 0", value))
}

/// A map; `key` says where it stands.
pub(super) fn map<'a>(key: &str, value: &'a Value) -> Result<&'a Map, MetadataError> {
    match value.plain() {
        Value::Map(map) => Ok(map),
        other => Err(wrong_type(key, "a map", other)),
    }
}

/// A count, as a value.
fn whole_number(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::BigInt(number.to_string()), Value::Int)
}
