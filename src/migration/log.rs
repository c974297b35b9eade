//! What an import has to say while it runs.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    MigrationError,
    listing::Listing,
    problem::{Change, ChangedRecord, Conversion, Dangling, Document, Place, Problem},
};
use crate::{
    codec::yaml,
    model::{Kind, PerKind},
};

/// Places of a problem that an answer names.
const PLACES_SHOWN_MAX: usize = 3;

/// Records of a change that an answer names, of each kind.
const CHANGED_SHOWN_MAX: usize = 100;

/// The lists of a report in the making; several threads write to it.
pub(super) struct Log {
    scratch: PathBuf,
    lists: Mutex<Lists>,
}

pub(super) struct Lists {
    pub problems: Listing<Problem, Place>,
    pub dangling: Listing<Dangling, Place>,
    pub struck: Listing<Dangling, Place>,
    pub converted: Listing<Conversion, Place>,
    pub changes: Listing<Change, ChangedRecord>,
    pub rejected: PerKind<u64>,
    /// Documents that could not be read to their end: the rest of them is unknown.
    pub unreadable: bool,
    pub warnings: Vec<String>,
}

impl Log {
    /// A log that keeps its lists in `scratch`.
    pub fn new(scratch: &Path) -> io::Result<Self> {
        Ok(Self {
            scratch: scratch.to_owned(),
            lists: Mutex::new(Lists {
                problems: Listing::new(scratch, PLACES_SHOWN_MAX)?,
                dangling: Listing::new(scratch, PLACES_SHOWN_MAX)?,
                struck: Listing::new(scratch, PLACES_SHOWN_MAX)?,
                converted: Listing::new(scratch, PLACES_SHOWN_MAX)?,
                changes: Listing::new(scratch, CHANGED_SHOWN_MAX)?,
                rejected: PerKind::default(),
                unreadable: false,
                warnings: Vec::new(),
            }),
        })
    }

    /// Where files can be set aside.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    pub fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn problem(&self, problem: &Problem, place: Place) -> Result<(), MigrationError> {
        Ok(self.lists().problems.push(problem, place)?)
    }

    /// Counts a rejected record.
    pub fn reject(&self, kind: Kind) -> Result<(), MigrationError> {
        self.lists().rejected[kind] += 1;
        Ok(())
    }

    pub fn converted(
        &self,
        kind: Kind,
        property: String,
        place: Place,
    ) -> Result<(), MigrationError> {
        let conversion = Conversion { document: Document(kind), property };
        Ok(self.lists().converted.push(&conversion, place)?)
    }

    /// Takes down why a document cannot be read; an error of the disk ends the import.
    pub fn unreadable(&self, kind: Kind, error: yaml::ReadError) -> Result<(), MigrationError> {
        let (line, column) = match error {
            yaml::ReadError::Io(_) => return Err(MigrationError::of_read(kind, error)),
            yaml::ReadError::Refused { line, column, .. } => (Some(line), Some(column)),
        };
        let place = Place { line, column, ..Place::default() };
        let mut lists = self.lists();
        lists.unreadable = true;
        Ok(lists.problems.push(&Problem::unreadable(kind, &error), place)?)
    }

    pub fn warn(&self, warning: String) {
        self.lists().warnings.push(warning);
    }
}
