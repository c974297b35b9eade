//! The first step of an import: documents become records. It looks at nothing but the bytes.

use std::{
    io,
    ops::ControlFlow,
    sync::{Mutex, PoisonError},
};

use super::{
    MigrationError,
    log::Log,
    problem::{Place, Problem},
    reference,
};
use crate::{
    codec::yaml,
    model::{Arity, Entity, Kind, KindVisitor, PerKind, Unparsed, Value},
    store::{Sorted, Sorter, StoreError, Vault, encode_body},
};

/// What the records of one kind may take in memory before they are set aside on the disk, in
/// bytes.
const RECORDS_BYTES: usize = 32 * 1024 * 1024;

/// The same for the references of all records.
const REFERENCES_BYTES: usize = 48 * 1024 * 1024;

/// The bytes before a record's bincode: its position in the document and its line.
const PREFIX_BYTES: usize = 16;

/// The records of a project, each kind's sorted by name, and what they refer to.
pub(super) struct Decoded {
    /// Of the kinds that were asked for and have a document. A key is a name.
    pub records: PerKind<Option<Sorted>>,
    /// References that their record cannot do without; a key is a target key and a posting.
    pub one: Sorted,
    /// References in lists.
    pub many: Sorted,
}

/// What stands beside a record until it is stored.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    /// Its place in the document, from 0.
    pub position: u64,
    /// From 1.
    pub line: u64,
    pub body: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// Reads a value of [`Decoded::records`].
    pub fn read(value: &'a [u8]) -> Result<Self, MigrationError> {
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).ok();
        let parts = value.split_at_checked(PREFIX_BYTES).and_then(|(prefix, body)| {
            let (position, line) = prefix.split_at(8);
            Some(Self { position: number(position)?, line: number(line)?, body })
        });
        parts.ok_or_else(MigrationError::cut_off)
    }

    /// Where the record stands in its document.
    pub fn place(&self, name: &[u8]) -> Place {
        Place {
            line: Some(self.line),
            column: None,
            position: Some(self.position + 1),
            record: Some(String::from_utf8_lossy(name).into_owned()),
        }
    }
}

/// A document that is to be decoded.
pub(super) struct Document {
    pub kind: Kind,
    pub text: Box<dyn io::Read + Send>,
    /// The records that the project says are in it.
    pub declared: Option<u64>,
}

/// Decodes the documents, several at a time.
pub(super) fn decode(
    documents: Vec<Document>,
    vault: &Vault,
    log: &Log,
) -> Result<Decoded, MigrationError> {
    let one = Mutex::new(Sorter::new(log.scratch(), REFERENCES_BYTES));
    let many = Mutex::new(Sorter::new(log.scratch(), REFERENCES_BYTES));
    let mut records = PerKind::default();
    let decoded = super::workers::run(documents, |document| {
        let kind = document.kind;
        let job = Job { document, vault, log, one: &one, many: &many };
        kind.dispatch(job).map(|sorted| (kind, sorted))
    })?;
    for (kind, sorted) in decoded {
        records[kind] = Some(sorted);
    }
    let finish = |sorter: Mutex<Sorter>| {
        sorter.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
    };
    Ok(Decoded { records, one: finish(one)?, many: finish(many)? })
}

struct Job<'a> {
    document: Document,
    vault: &'a Vault,
    log: &'a Log,
    one: &'a Mutex<Sorter>,
    many: &'a Mutex<Sorter>,
}

impl KindVisitor for Job<'_> {
    type Output = Result<Sorted, MigrationError>;

    fn visit<E: Entity>(self) -> Self::Output {
        let Self { document, vault, log, one, many } = self;
        let Document { text, declared, .. } = document;
        let mut sorter = Sorter::new(log.scratch(), RECORDS_BYTES);
        let mut failed = None;
        let read = yaml::read_records(text, |item| {
            let taken = take::<E>(item, vault, log, &mut sorter, one, many);
            match taken {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        match read {
            Ok(found) => match declared {
                Some(declared) if declared != found => {
                    log.problem(&Problem::count(E::KIND, declared, found), Place::default())?
                }
                Some(_) | None => {}
            },
            Err(error) => log.unreadable(E::KIND, error)?,
        }
        Ok(sorter.finish()?)
    }
}

fn take<E: Entity>(
    item: yaml::Item,
    vault: &Vault,
    log: &Log,
    sorter: &mut Sorter,
    one: &Mutex<Sorter>,
    many: &Mutex<Sorter>,
) -> Result<(), MigrationError> {
    let place = |record: Option<String>| Place {
        line: Some(item.line),
        column: None,
        position: Some(item.index + 1),
        record,
    };
    let parsed = match item.value {
        Value::Map(properties) => E::parse(properties),
        other => {
            log.reject(E::KIND)?;
            return log.problem(&Problem::no_record(E::KIND, &other), place(None));
        }
    };
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(Unparsed { name, broken }) => {
            log.reject(E::KIND)?;
            for broken in &broken {
                log.problem(&Problem::broken(E::KIND, broken), place(name.clone()))?;
            }
            return Ok(());
        }
    };
    let mut record = parsed.record;
    for property in parsed.converted {
        log.converted(E::KIND, property, place(Some(record.name().as_str().to_owned())))?;
    }
    vault.seal(&mut record);
    let body = match encode_body(&record) {
        Ok(body) => body,
        Err(error @ StoreError::RecordLarge { .. }) => {
            log.reject(E::KIND)?;
            let place = place(Some(record.name().as_str().to_owned()));
            return log.problem(&Problem::large(E::KIND, error.to_string()), place);
        }
        Err(error) => return Err(error.into()),
    };
    let mut value = Vec::with_capacity(PREFIX_BYTES + body.len());
    value.extend_from_slice(&item.index.to_le_bytes());
    value.extend_from_slice(&item.line.to_le_bytes());
    value.extend_from_slice(&body);
    sorter.push(record.name().as_bytes(), &value)?;

    Ok(reference::push(&record, |arity| match arity {
        Arity::One => one,
        Arity::Many => many,
    })?)
}
