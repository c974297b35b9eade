//! The release of the system that wrote a project.

use std::fmt;

use super::error::{MetadataError, wrong_type, wrong_word};
use crate::model::Value;

/// The longest release that is a text, in bytes. eNMS's have under ten.
const RELEASE_BYTES_MAX: usize = 64;

/// The key in `metadata.yaml`.
pub(super) const KEY: &str = "version";

/// The release of the system that wrote a project (`version` in eNMS's metadata), in the type in
/// which it was written: `4.5` is a float there, and `4.6.1` a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Release(Value);

impl Release {
    /// Checks the value of `version`: a finite number or a short text.
    ///
    /// # Errors
    /// [`MetadataError::UnknownValue`] for a text of more than 64 bytes,
    /// [`MetadataError::Type`] for every other type.
    pub fn from_value(value: Value) -> Result<Self, MetadataError> {
        match value {
            Value::Int(_) => Ok(Self(value)),
            Value::Float(number) if number.is_finite() => Ok(Self(value)),
            Value::Text(text) if text.len() <= RELEASE_BYTES_MAX => Ok(Self(Value::Text(text))),
            Value::Text(text) => Err(wrong_word(KEY, &text)),
            other => Err(wrong_type(KEY, "a number or a short text", &other)),
        }
    }

    /// Returns the release in the type in which it was written.
    pub fn as_value(&self) -> &Value {
        &self.0
    }
}

impl fmt::Display for Release {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Int(number) => write!(out, "{number}"),
            Value::Float(number) => write!(out, "{number:?}"),
            Value::Text(text) => out.write_str(text),
            // `from_value` accepts no other type.
            other => out.write_str(other.type_name()),
        }
    }
}

/// A text, whatever its type in the metadata: a release is a name, and scripts compare names.
impl serde::Serialize for Release {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
