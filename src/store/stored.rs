//! Stored records and long texts, as reading returns them.

use super::{Raw, StoreError, error::corrupt};
use crate::model::{AnyRecord, Entity, Kind, Record};

/// A stored record.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<E> {
    /// The decoded record. Its secrets are still encrypted.
    pub record: E,
    /// Its position in the creation order of its kind.
    pub ordinal: u64,
    /// The number of the change that wrote it.
    pub version: u64,
}

/// A long text of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredText {
    /// The whole text.
    pub text: String,
    /// The number of the change that wrote it.
    pub version: u64,
}

impl<E: Entity> Stored<E> {
    /// Decodes a stored record.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the bytes are not a record of this kind and name.
    pub(super) fn read(name: &[u8], raw: &Raw) -> Result<Self, StoreError> {
        let decoded = raw.decode::<E>();
        let record = decoded.map_err(|error| corrupt(E::KIND, name, error.to_string()))?;
        check_name(&record, name)?;
        Ok(Self { record, ordinal: raw.header.ordinal, version: raw.header.version })
    }

    /// Erases the kind from the type.
    pub fn into_any(self) -> Stored<AnyRecord> {
        Stored { record: self.record.into(), ordinal: self.ordinal, version: self.version }
    }
}

impl Stored<AnyRecord> {
    /// Decodes a stored record of a kind that is not known at compile time.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the bytes are not a record of this kind and name.
    pub(super) fn read_any(kind: Kind, name: &[u8], raw: &Raw) -> Result<Self, StoreError> {
        let record = raw.record(kind, name)?;
        check_name(&*record, name)?;
        Ok(Self { record, ordinal: raw.header.ordinal, version: raw.header.version })
    }
}

/// Checks that a record has the name that is its key.
///
/// # Errors
/// [`StoreError::Corrupt`] if it has another name.
fn check_name(record: &dyn Record, name: &[u8]) -> Result<(), StoreError> {
    if record.name().as_bytes() == name {
        Ok(())
    } else {
        let detail = format!("its name in the record is '{}'", record.name());
        Err(corrupt(record.kind(), name, detail))
    }
}
