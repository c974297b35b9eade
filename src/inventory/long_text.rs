//! Properties that are long texts: the configuration and the operational data of a device.
//!
//! They are stored beside the records, so that megabytes of text do not slow other work with a
//! record. [`Kind::long_texts`] lists them.

use crate::model::Kind;

/// A property that is a long text, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inventory) struct LongText(&'static str);

impl LongText {
    /// The long texts of records of a kind.
    pub(super) fn of_kind(kind: Kind) -> impl Iterator<Item = Self> {
        kind.long_texts().iter().map(|name| Self(name))
    }

    /// The name of the property.
    pub(super) fn as_str(self) -> &'static str {
        self.0
    }

    /// The long text of this kind and name.
    pub(super) fn of(kind: Kind, name: &str) -> Option<Self> {
        Self::of_kind(kind).find(|text| text.0 == name)
    }
}
