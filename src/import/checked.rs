//! Records that an undo writes like an import: complete, with references that the caller has checked.

use std::time::Instant;

use super::{
    ImportError, RecordPosition,
    decoded::{Decoded, DecodedForm, Incoming},
    incoming_texts::EarlierTexts,
    log::Log,
};
use crate::{
    disk::Sorter,
    model::{AnyRecord, Kind, PerKind},
    store::{Vault, encode_body},
};

/// The memory for the records of one kind, in bytes. Beyond it they are sorted on the disk.
const RECORDS_BYTES: usize = 32 * 1024 * 1024;

/// Collects complete records, and the names of records to remove. All references must have targets when
/// the collected change is made.
pub struct CheckedRecords<'a> {
    vault: &'a Vault,
    log: &'a Log,
    records: PerKind<Option<Sorter>>,
    count: u64,
    begun: Instant,
}

impl<'a> CheckedRecords<'a> {
    /// Begins with no record.
    pub fn new(vault: &'a Vault, log: &'a Log) -> Self {
        Self { vault, log, records: PerKind::default(), count: 0, begun: Instant::now() }
    }

    /// Adds a record. It replaces the existing one with its name completely.
    ///
    /// # Errors
    /// [`ImportError::Store`] if it is over a limit, [`ImportError::TemporaryFile`] if it cannot be stored.
    pub fn put(&mut self, mut record: AnyRecord) -> Result<(), ImportError> {
        self.vault.encrypt_secrets(&mut *record);
        let body = encode_body(&*record)?;
        self.push(record.kind(), record.name(), &body)
    }

    /// Adds the removal of an existing record.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if it cannot be stored.
    pub fn remove(&mut self, kind: Kind, name: &str) -> Result<(), ImportError> {
        self.push(kind, name, &[])
    }

    fn push(&mut self, kind: Kind, name: &str, body: &[u8]) -> Result<(), ImportError> {
        let log = self.log;
        let sorter =
            self.records[kind].get_or_insert_with(|| Sorter::new(log.scratch(), RECORDS_BYTES));
        let value = Incoming::encode(RecordPosition { index: self.count, line: 0 }, body);
        self.count += 1;
        sorter.push(name.as_bytes(), &value).map_err(ImportError::TemporaryFile)
    }

    /// Ends with the long texts of the change.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the records cannot be sorted.
    pub fn finish(mut self, texts: EarlierTexts) -> Result<Decoded, ImportError> {
        let mut records = PerKind::default();
        let log = self.log;
        let none = || {
            Sorter::new(log.scratch(), RECORDS_BYTES).finish().map_err(ImportError::TemporaryFile)
        };
        let (one, many) = (none()?, none()?);
        for kind in Kind::ALL {
            let sorter = self.records[kind].take();
            records[kind] =
                sorter.map(Sorter::finish).transpose().map_err(ImportError::TemporaryFile)?;
        }
        Ok(Decoded {
            records,
            count: self.count,
            one,
            many,
            form: DecodedForm::Checked,
            texts: if texts.texts.is_empty() { None } else { Some(Box::new(texts)) },
            begun: self.begun,
            decoding: self.begun.elapsed(),
        })
    }
}
