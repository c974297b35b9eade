//! The first step of an import, decoding: checks each record alone, and sorts the records.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::{
    DocumentLocation, ImportError, RecordPosition,
    decoded::{Decoded, DecodedForm, Incoming},
    findings::Findings,
    log::Log,
    problem::Problem,
    reference,
};
use crate::{
    disk::{Sorted, Sorter},
    model::{
        AnyRecord, Arity, InvalidRecord, Kind, OverLimit, Parsed, PerKind, Value, check_limits,
        limits::UNCHECKED_RECORD_BYTES_MAX,
    },
    store::{StoreError, Vault, encode_body},
    wording::chain,
};

/// The memory for the records of one kind, in bytes. Beyond it they are sorted on the disk.
const RECORDS_BYTES: usize = 32 * 1024 * 1024;

/// The memory for the references of all records, in bytes.
const REFERENCES_BYTES: usize = 48 * 1024 * 1024;

/// Collects the records of an import. Several threads can use it at the same time.
pub struct Intake<'a> {
    vault: &'a Vault,
    log: &'a Log,
    one: Mutex<Sorter>,
    many: Mutex<Sorter>,
    begun: Instant,
}

/// The records of one kind that are collected so far.
pub struct KindRecords {
    kind: Kind,
    sorter: Sorter,
    count: u64,
    findings: Findings,
}

/// All records of one kind, sorted by name.
pub struct SortedRecords {
    kind: Kind,
    sorted: Sorted,
    count: u64,
    findings: Findings,
}

impl KindRecords {
    /// Ends the intake of this kind.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the records cannot be sorted.
    pub fn finish(self) -> Result<SortedRecords, ImportError> {
        let sorted = self.sorter.finish().map_err(ImportError::TemporaryFile)?;
        Ok(SortedRecords { kind: self.kind, sorted, count: self.count, findings: self.findings })
    }
}

impl<'a> Intake<'a> {
    /// Begins the intake. It reports rejected records to the log.
    pub fn new(vault: &'a Vault, log: &'a Log) -> Self {
        let sorter = || Mutex::new(Sorter::new(log.scratch(), REFERENCES_BYTES));
        Self { vault, log, one: sorter(), many: sorter(), begun: Instant::now() }
    }

    /// The log of the import.
    pub fn log(&self) -> &'a Log {
        self.log
    }

    /// Begins the records of one kind.
    pub fn records(&self, kind: Kind) -> KindRecords {
        KindRecords {
            kind,
            sorter: Sorter::new(self.log.scratch(), RECORDS_BYTES),
            count: 0,
            findings: Findings::default(),
        }
    }

    /// Adds an item of a document if it is a valid record, and reports it otherwise.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the record cannot be stored, and [`StoreError::Cancelled`]
    /// within [`ImportError::Store`].
    pub fn take_item(
        &self,
        records: &mut KindRecords,
        item: Value,
        position: RecordPosition,
    ) -> Result<(), ImportError> {
        let kind = records.kind;
        match item {
            Value::Map(properties) => match AnyRecord::parse(kind, properties) {
                Ok(parsed) => self.take_record(records, parsed, position),
                Err(invalid) => self.reject_invalid(kind, invalid, position),
            },
            other => {
                self.log.progress().advance(1)?;
                self.log.count_rejected(kind);
                let problem = Problem::no_record(self.log.document(kind), &other);
                self.log.problem(&problem, self.log.location(kind, None, position, None))
            }
        }
    }

    /// Reports an item that is not a valid record.
    fn reject_invalid(
        &self,
        kind: Kind,
        invalid: InvalidRecord,
        position: RecordPosition,
    ) -> Result<(), ImportError> {
        let InvalidRecord { name, violations } = invalid;
        self.log.progress().advance(1)?;
        self.log.count_rejected(kind);
        for violation in &violations {
            let property = violation.property.as_deref();
            let location = self.log.location(kind, property, position, name.clone());
            self.log.problem(&Problem::invalid(self.log.document(kind), violation), location)?;
        }
        Ok(())
    }

    /// Adds a parsed record, or reports that it is over a limit. Reports converted values.
    ///
    /// # Errors
    /// As [`Intake::take_item`].
    pub fn take_record(
        &self,
        records: &mut KindRecords,
        parsed: Parsed,
        position: RecordPosition,
    ) -> Result<(), ImportError> {
        let Parsed { mut record, converted } = parsed;
        self.log.progress().advance(1)?;
        let kind = records.kind;
        let location = |property: Option<&str>| -> DocumentLocation {
            self.log.location(kind, property, position, Some(record.name().as_str().to_owned()))
        };
        for property in converted {
            let location = location(Some(&property));
            self.log.converted(kind, property, location)?;
        }
        let whole = location(None);
        let over_limit = |over: &OverLimit| {
            self.log.count_rejected(kind);
            let location = self.log.location(kind, over.property(), position, whole.record.clone());
            self.log.problem(&Problem::over_limit(self.log.document(kind), over), location)
        };
        // The limits of lists and maps cannot be checked when they are encrypted.
        if self.vault.hide_secrets(&mut *record)
            && let Err(over) = check_limits(&mut *record)
        {
            return over_limit(&over);
        }
        self.vault.encrypt_secrets(&mut *record);
        let body = match encode_body(&*record) {
            Ok(body) => body,
            Err(error @ StoreError::RecordLarge { .. }) => {
                self.log.count_rejected(kind);
                let problem = Problem::large(self.log.document(kind), chain(&error));
                return self.log.problem(&problem, whole);
            }
            Err(error) => return Err(error.into()),
        };
        if body.len() > UNCHECKED_RECORD_BYTES_MAX
            && let Err(over) = check_limits(&mut *record)
        {
            return over_limit(&over);
        }
        let value = Incoming::encode(position, &body);
        let name = record.name().as_bytes();
        records.sorter.push(name, &value).map_err(ImportError::TemporaryFile)?;
        records.count += 1;
        records.findings.examine(&*record);
        reference::push(&*record, |arity| match arity {
            Arity::One => &self.one,
            Arity::Many => &self.many,
        })
    }

    /// Ends the intake with the records of all kinds, each kind at most once.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the references cannot be sorted.
    pub fn finish(self, kinds: Vec<SortedRecords>) -> Result<Decoded, ImportError> {
        let mut records = PerKind::default();
        let mut count = 0;
        for kind in kinds {
            count += kind.count;
            kind.findings.warn(kind.kind, self.log);
            records[kind.kind] = Some(kind.sorted);
        }
        let finish = |sorter: Mutex<Sorter>| {
            let sorter = sorter.into_inner().unwrap_or_else(PoisonError::into_inner);
            sorter.finish().map_err(ImportError::TemporaryFile)
        };
        Ok(Decoded {
            records,
            count,
            one: finish(self.one)?,
            many: finish(self.many)?,
            form: DecodedForm::Documents,
            texts: None,
            begun: self.begun,
            decoding: self.begun.elapsed(),
        })
    }
}
