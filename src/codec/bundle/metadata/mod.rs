//! `metadata.yaml`: the release, the time and the documents of a project.
//!
//! eNMS writes `export_time` and `version`, and reads only `version`. Satchel writes both as eNMS
//! does, and adds its own key `satchel`:
//!
//! ```yaml
//! export_time: 2026-05-23 17:11:12.171765
//! satchel:
//!   documents:
//!     device:
//!       bytes: 164675
//!       records: 98
//!       sha256: "8d3c…"
//!   format: 1
//!   secrets: included
//! version: 4.5
//! ```

mod declared;
mod error;
mod release;

pub use declared::{Declared, DocumentInfo, secrets_word};
pub use error::MetadataError;
pub use release::Release;

use crate::{
    codec::yaml,
    model::{Kind, Map, Secrets, Value},
    wording::chain,
};
use declared::map;
use error::wrong_type;

/// The key of the time of export.
const KEY_TIME: &str = "export_time";

/// The longest time, in bytes: 26 are needed, and 32 with an offset from UTC.
const TIME_BYTES_MAX: usize = 64;

/// The content of `metadata.yaml`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The time of the export as eNMS writes it, without a zone: `2023-05-23 17:11:12.171765`.
    pub export_time: Option<String>,
    /// The version of eNMS that the project is for; `None` if the metadata has none.
    pub release: Option<Release>,
    /// The additional metadata of Satchel; `None` for a project that eNMS wrote.
    pub declared: Option<Declared>,
}

impl Metadata {
    /// Parses the text of `metadata.yaml`.
    ///
    /// # Errors
    /// [`MetadataError::Yaml`] if it is not YAML; otherwise as [`Metadata::from_value`].
    pub fn parse(text: &[u8]) -> Result<Self, MetadataError> {
        Self::from_value(
            &yaml::read_value(text).map_err(|error| MetadataError::Yaml(chain(&error)))?,
        )
    }

    /// Renders the text of `metadata.yaml`.
    pub fn render(&self) -> String {
        yaml::value_text(&self.to_value())
    }

    /// Reads the value of `metadata.yaml`. Unknown keys are ignored.
    ///
    /// # Errors
    /// [`MetadataError::Format`] if a newer version wrote it, and the other variants but
    /// [`MetadataError::Yaml`] if a key is missing or has a wrong value.
    pub fn from_value(value: &Value) -> Result<Self, MetadataError> {
        let map = map("metadata.yaml", value)?;
        let get = |key| map.get(key).map(Value::plain).filter(|value| **value != Value::Null);
        let declared = get(declared::KEY).map(Declared::from_value).transpose()?;
        let export_time = match get(KEY_TIME) {
            None => None,
            Some(Value::Timestamp(time) | Value::Text(time)) if time.len() <= TIME_BYTES_MAX => {
                Some(time.clone())
            }
            Some(other) => return Err(wrong_type(KEY_TIME, "a time", other)),
        };
        let release = get(release::KEY).cloned().map(Release::from_value).transpose()?;
        Ok(Self { export_time, release, declared })
    }

    /// Returns the value of `metadata.yaml`, its keys sorted as PyYAML sorts them.
    pub fn to_value(&self) -> Value {
        let time = self.export_time.clone().map(Value::Timestamp);
        let declared = self.declared.as_ref().map(Declared::to_value);
        let release = self.release.as_ref().map(|release| release.as_value().clone());
        let entries = [(KEY_TIME, time), (declared::KEY, declared), (release::KEY, release)];
        let present = entries.into_iter().filter_map(|(key, value)| Some((key.into(), value?)));
        Value::Map(Map::from_entries(present.collect()))
    }

    /// Returns whether the project contains passwords and keys; `None` if eNMS wrote it.
    pub fn secrets(&self) -> Option<Secrets> {
        self.declared.as_ref().map(|declared| declared.secrets)
    }

    /// Returns the declaration of the document of a kind, if there is one.
    pub fn document(&self, kind: Kind) -> Option<&DocumentInfo> {
        self.declared.as_ref()?.documents[kind].as_ref()
    }
}

#[cfg(test)]
mod tests;
