//! What comes out of the first step: records, each kind's sorted by name, and what they refer to.

use std::sync::{Mutex, PoisonError};

use super::{
    ImportError,
    log::Log,
    problem::{Place, Problem},
    reference, workers,
};
use crate::{
    disk::{Sorted, Sorter},
    model::{
        AnyRecord, Arity, InvalidRecord, Kind, Parsed, PerKind, Value, check_limits,
        limits::SURELY_KEPT_BYTES,
    },
    store::{StoreError, Vault, encode_body},
    wording::chain,
};

/// What the records of one kind may take in memory before they are set aside on the disk, in
/// bytes.
const RECORDS_BYTES: usize = 32 * 1024 * 1024;

/// The same for the references of all records.
const REFERENCES_BYTES: usize = 48 * 1024 * 1024;

/// The bytes before a record's bincode: its position and its line.
const PREFIX_BYTES: usize = 16;

/// What is imported, each kind's records sorted by name, and what they refer to.
pub struct Decoded {
    /// Of the kinds that are brought. A key is a name.
    pub(super) records: PerKind<Option<Sorted>>,
    /// How many records there are.
    pub(super) count: u64,
    /// References that their record cannot do without; a key is a target key and a posting.
    pub(super) one: Sorted,
    /// References in lists.
    pub(super) many: Sorted,
}

/// Where a record stands in what it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Among the records, from 0.
    pub position: u64,
    /// The line or row, from 1.
    pub line: u64,
}

/// What stands beside a record until it is stored.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub at: At,
    pub body: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// Reads a value of [`Decoded::records`].
    pub fn read(value: &'a [u8]) -> Result<Self, ImportError> {
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).ok();
        let parts = value.split_at_checked(PREFIX_BYTES).and_then(|(prefix, body)| {
            let (position, line) = prefix.split_at(8);
            Some(Self { at: At { position: number(position)?, line: number(line)? }, body })
        });
        parts.ok_or_else(ImportError::cut_off)
    }
}

/// Takes the records of an import in.
pub struct Intake<'a> {
    vault: &'a Vault,
    log: &'a Log,
    one: Mutex<Sorter>,
    many: Mutex<Sorter>,
}

/// The records of one kind that were taken in so far.
pub struct Kindred {
    sorter: Sorter,
    count: u64,
}

impl Kindred {
    /// The records by name, and how many there are.
    fn sorted(self) -> Result<(Sorted, u64), ImportError> {
        Ok((self.sorter.finish()?, self.count))
    }
}

impl<'a> Intake<'a> {
    /// An intake that says in the log what it does not take.
    pub fn new(vault: &'a Vault, log: &'a Log) -> Self {
        let sorter = || Mutex::new(Sorter::new(log.scratch(), REFERENCES_BYTES));
        Self { vault, log, one: sorter(), many: sorter() }
    }

    pub fn log(&self) -> &'a Log {
        self.log
    }

    /// Begins with the records of one kind.
    pub fn kind(&self) -> Kindred {
        Kindred { sorter: Sorter::new(self.log.scratch(), RECORDS_BYTES), count: 0 }
    }

    /// Takes in an item that may be a record, or says in the log why not.
    ///
    /// # Errors
    /// Nothing more can be set aside.
    pub fn item(
        &self,
        kind: Kind,
        into: &mut Kindred,
        item: Value,
        at: At,
    ) -> Result<(), ImportError> {
        match item {
            Value::Map(properties) => match AnyRecord::parse(kind, properties) {
                Ok(parsed) => self.record(into, parsed, at),
                Err(invalid) => self.invalid(kind, invalid, at),
            },
            other => {
                self.log.progress().advance(1)?;
                self.log.reject(kind)?;
                let problem = Problem::no_record(self.log.document(kind), &other);
                self.log.problem(&problem, self.log.place(kind, None, at, None))
            }
        }
    }

    /// Says in the log why there is no record.
    pub fn invalid(&self, kind: Kind, invalid: InvalidRecord, at: At) -> Result<(), ImportError> {
        let InvalidRecord { name, violations } = invalid;
        self.log.progress().advance(1)?;
        self.log.reject(kind)?;
        for violation in &violations {
            let place = self.log.place(kind, violation.property.as_deref(), at, name.clone());
            self.log.problem(&Problem::broken(self.log.document(kind), violation), place)?;
        }
        Ok(())
    }

    /// Takes a record in.
    pub fn record(&self, into: &mut Kindred, parsed: Parsed, at: At) -> Result<(), ImportError> {
        let Parsed { mut record, converted } = parsed;
        self.log.progress().advance(1)?;
        let kind = record.kind();
        let place = |property: Option<&str>| -> Place {
            self.log.place(kind, property, at, Some(record.name().as_str().to_owned()))
        };
        for property in converted {
            let place = place(Some(&property));
            self.log.converted(kind, property, place)?;
        }
        let whole = place(None);
        self.vault.seal(&mut *record);
        let body = match encode_body(&*record) {
            Ok(body) => body,
            Err(error @ StoreError::RecordLarge { .. }) => {
                self.log.reject(kind)?;
                let problem = Problem::large(self.log.document(kind), chain(&error));
                return self.log.problem(&problem, whole);
            }
            Err(error) => return Err(error.into()),
        };
        if body.len() > SURELY_KEPT_BYTES
            && let Err(over) = check_limits(&mut *record)
        {
            self.log.reject(kind)?;
            let place = self.log.place(kind, over.property(), at, whole.record);
            let problem = Problem::over_limit(self.log.document(kind), &over);
            return self.log.problem(&problem, place);
        }
        let mut value = Vec::with_capacity(PREFIX_BYTES + body.len());
        value.extend_from_slice(&at.position.to_le_bytes());
        value.extend_from_slice(&at.line.to_le_bytes());
        value.extend_from_slice(&body);
        into.sorter.push(record.name().as_bytes(), &value)?;
        into.count += 1;
        Ok(reference::push(&*record, |arity| match arity {
            Arity::One => &self.one,
            Arity::Many => &self.many,
        })?)
    }

    /// Decodes parts, several at a time, with `decode`, which gives the kind of a part's records
    /// and takes them in.
    pub fn decode<P: Send, X: Send + From<ImportError>>(
        self,
        parts: Vec<P>,
        decode: impl Fn(&Self, P) -> Result<(Kind, Kindred), X> + Sync,
    ) -> Result<Decoded, X> {
        let decoded = workers::run(parts, |part| {
            let (kind, kindred) = decode(&self, part)?;
            Ok::<_, X>((kind, kindred.sorted()?))
        })?;
        Ok(self.decoded(decoded)?)
    }

    /// What was taken in, where it came in one part: each kind once.
    ///
    /// # Errors
    /// What was taken in cannot be set aside.
    pub fn finish(self, kinds: Vec<(Kind, Kindred)>) -> Result<Decoded, ImportError> {
        let sorted = kinds.into_iter().map(|(kind, kindred)| Ok((kind, kindred.sorted()?)));
        let sorted = sorted.collect::<Result<Vec<_>, ImportError>>()?;
        self.decoded(sorted)
    }

    fn decoded(self, kinds: Vec<(Kind, (Sorted, u64))>) -> Result<Decoded, ImportError> {
        let mut records = PerKind::default();
        let mut count = 0;
        for (kind, (sorted, records_count)) in kinds {
            count += records_count;
            records[kind] = Some(sorted);
        }
        let finish = |sorter: Mutex<Sorter>| -> Result<Sorted, ImportError> {
            Ok(sorter.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?)
        };
        Ok(Decoded { records, count, one: finish(self.one)?, many: finish(self.many)? })
    }
}
