//! The result of the first step, decoding: records sorted by name, and their references sorted by
//! target.

use std::time::{Duration, Instant};

use super::{
    ImportError, incoming_texts::IncomingTexts, location::RecordPosition,
    sorted_cursor::SortedCursor,
};
use crate::{
    disk::Sorted,
    model::{AnyRecord, Kind, PerKind},
    store::decode_any_body,
};

/// The bytes before the bincode of a record: its index and its line.
const PREFIX_BYTES: usize = 16;

/// The form of the incoming records.
pub(super) enum DecodedForm {
    /// Records of documents or sheets. They are merged into existing records, and their references are checked
    /// first.
    Documents,
    /// Complete records and removals, with checked references.
    Checked,
}

/// The decoded documents of an import.
pub struct Decoded {
    /// The records of each kind that has a document, sorted by name.
    pub(super) records: PerKind<Option<Sorted>>,
    /// The number of all records.
    pub(super) count: u64,
    /// References of single-valued relations. If the target is missing, the referring record is
    /// rejected. A key is a target key followed by a posting.
    pub(super) one: Sorted,
    /// References in lists. The keys have the same format as in `one`.
    pub(super) many: Sorted,
    /// The form of the records.
    pub(super) form: DecodedForm,
    /// The long texts to set, if there are any.
    pub(super) texts: Option<Box<dyn IncomingTexts>>,
    /// When decoding began.
    pub(super) begun: Instant,
    /// The duration of decoding.
    pub(super) decoding: Duration,
}

impl Decoded {
    /// Returns the records with long texts that are set in the same change.
    #[must_use]
    pub fn with_texts(self, texts: Option<Box<dyn IncomingTexts>>) -> Self {
        Self { texts, ..self }
    }

    /// The number of incoming records of all kinds.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the names of the incoming records of a kind.
    pub fn names(&self, kind: Kind) -> DecodedNames<'_> {
        DecodedNames(self.records[kind].as_ref().map(SortedCursor::new))
    }
}

/// The names of the incoming records of one kind. The caller must request names in ascending order.
pub struct DecodedNames<'a>(Option<SortedCursor<'a>>);

impl DecodedNames<'_> {
    /// Returns whether there is an incoming record of this name.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the records cannot be read.
    pub fn contains(&mut self, name: &str) -> Result<bool, ImportError> {
        self.0.as_mut().map_or(Ok(false), |names| names.seek(name.as_bytes()))
    }
}

/// An encoded incoming record with its position.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub position: RecordPosition,
    /// The record as the store encodes it, its secrets encrypted. Empty for a removal.
    pub body: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// Writes a value of [`Decoded::records`].
    pub(super) fn encode(position: RecordPosition, body: &[u8]) -> Vec<u8> {
        let mut value = Vec::with_capacity(PREFIX_BYTES + body.len());
        value.extend_from_slice(&position.index.to_le_bytes());
        value.extend_from_slice(&position.line.to_le_bytes());
        value.extend_from_slice(body);
        value
    }

    /// Reads a value of [`Decoded::records`].
    ///
    /// # Errors
    /// [`ImportError::TemporaryFileDamaged`] if the value is too short.
    pub(super) fn parse(value: &'a [u8]) -> Result<Self, ImportError> {
        let (index, rest) = value.split_first_chunk().ok_or(ImportError::TemporaryFileDamaged)?;
        let (line, body) = rest.split_first_chunk().ok_or(ImportError::TemporaryFileDamaged)?;
        let position =
            RecordPosition { index: u64::from_le_bytes(*index), line: u64::from_le_bytes(*line) };
        Ok(Self { position, body })
    }

    /// Returns whether it stands for the removal of the existing record.
    pub(super) fn is_removal(&self) -> bool {
        self.body.is_empty()
    }

    /// Decodes the record.
    ///
    /// # Errors
    /// [`ImportError::Undecodable`] if the bytes are not a record of this kind.
    pub(super) fn record(&self, kind: Kind) -> Result<AnyRecord, ImportError> {
        decode_any_body(kind, self.body)
            .map_err(|error| ImportError::Undecodable { kind, detail: error.to_string() })
    }
}
