//! The position of a record in the list of a change.

use std::{fmt, str::FromStr};

use super::ChangeRecord;
use crate::model::Kind;

/// The position of a record in the list of a change, which is sorted by kind and name: `device/R1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPosition {
    /// The kind of the record.
    pub kind: Kind,
    /// The name of the record.
    pub name: String,
}

/// The text is not the position of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the type and the name of a record are expected, such as device/R1")]
pub struct NoRecordPosition;

impl RecordPosition {
    pub(super) fn of(record: &ChangeRecord) -> Self {
        Self { kind: record.kind, name: record.name.clone() }
    }

    /// Returns whether a record follows this position.
    pub(super) fn is_before(&self, record: &ChangeRecord) -> bool {
        (self.kind.index(), self.name.as_str()) < (record.kind.index(), record.name.as_str())
    }
}

impl fmt::Display for RecordPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl FromStr for RecordPosition {
    type Err = NoRecordPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text.split_once('/').ok_or(NoRecordPosition)?;
        let kind = kind.parse().map_err(|_| NoRecordPosition)?;
        Ok(Self { kind, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_back() {
        let position = RecordPosition { kind: Kind::Device, name: "a/é 100%".to_owned() };
        assert_eq!(position.to_string().parse(), Ok(position));
        for text in ["", "device", "rack/x", "Device/x"] {
            assert_eq!(text.parse::<RecordPosition>(), Err(NoRecordPosition), "{text}");
        }
    }
}
