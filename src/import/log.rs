//! What an import has to say while it runs.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    ImportError,
    administrators::AdministratorChange,
    intake::At,
    listing::Listing,
    problem::{Change, ChangedRecord, Conversion, Dangling, Document, Place, Problem},
};
use crate::job::Progress;
use crate::model::{Kind, PerKind};

/// Places of a problem that an answer names.
const PLACES_SHOWN_MAX: usize = 3;

/// Records of a change that an answer names, of each kind.
const CHANGED_SHOWN_MAX: usize = 100;

/// What records come from, and how their places are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Documents of a project.
    Documents,
    /// Sheets of a workbook.
    Sheets,
}

/// The lists of a report in the making; several threads write to it.
pub struct Log {
    source: Source,
    progress: Progress,
    scratch: PathBuf,
    /// The columns of sheets, by property.
    columns: Mutex<PerKind<BTreeMap<String, String>>>,
    lists: Mutex<Lists>,
}

pub struct Lists {
    pub problems: Listing<Problem, Place>,
    pub dangling: Listing<Dangling, Place>,
    pub struck: Listing<Dangling, Place>,
    pub converted: Listing<Conversion, Place>,
    pub changes: Listing<Change, ChangedRecord>,
    pub administrators: Listing<AdministratorChange, Place>,
    pub rejected: PerKind<u64>,
    /// Documents that could not be read to their end: the rest of them is unknown.
    pub unreadable: bool,
    pub warnings: Vec<String>,
}

impl Log {
    /// A log that keeps its lists in `scratch`.
    pub fn new(source: Source, scratch: &Path, progress: &Progress) -> io::Result<Self> {
        Ok(Self {
            source,
            progress: progress.clone(),
            scratch: scratch.to_owned(),
            columns: Mutex::default(),
            lists: Mutex::new(Lists {
                problems: Listing::new(scratch, PLACES_SHOWN_MAX)?,
                dangling: Listing::new(scratch, PLACES_SHOWN_MAX)?,
                struck: Listing::new(scratch, PLACES_SHOWN_MAX)?,
                converted: Listing::new(scratch, PLACES_SHOWN_MAX)?,
                changes: Listing::new(scratch, CHANGED_SHOWN_MAX)?,
                administrators: Listing::new(scratch, CHANGED_SHOWN_MAX)?,
                rejected: PerKind::default(),
                unreadable: false,
                warnings: Vec::new(),
            }),
        })
    }

    /// How far the import is, and whether it was cancelled.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Where files can be set aside.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    pub fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn problem(&self, problem: &Problem, place: Place) -> Result<(), ImportError> {
        Ok(self.lists().problems.push(problem, place)?)
    }

    /// Counts a rejected record.
    pub fn reject(&self, kind: Kind) -> Result<(), ImportError> {
        self.lists().rejected[kind] += 1;
        Ok(())
    }

    /// What the records of a kind stand in.
    pub fn document(&self, kind: Kind) -> Document {
        match self.source {
            Source::Documents => Document::Yaml(kind),
            Source::Sheets => Document::Sheet(kind),
        }
    }

    /// Notes in which column (`AB`) of a kind's sheet a property stands.
    pub fn set_column(&self, kind: Kind, property: &str, column: String) {
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        columns[kind].insert(property.to_owned(), column);
    }

    /// The place of a record, or of one of its properties.
    pub fn place(
        &self,
        kind: Kind,
        property: Option<&str>,
        at: At,
        record: Option<String>,
    ) -> Place {
        match self.source {
            Source::Documents => Place {
                line: Some(at.line),
                position: Some(at.position + 1),
                record,
                ..Place::default()
            },
            Source::Sheets => {
                let columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
                let column = property.and_then(|property| columns[kind].get(property));
                let cell = column.map(|column| format!("{kind}!{column}{}", at.line));
                Place { row: Some(at.line), cell, record, ..Place::default() }
            }
        }
    }

    pub fn converted(&self, kind: Kind, property: String, place: Place) -> Result<(), ImportError> {
        let conversion = Conversion { document: self.document(kind), property };
        Ok(self.lists().converted.push(&conversion, place)?)
    }

    /// Takes down that a document cannot be read to its end.
    pub fn unreadable(&self, problem: &Problem, place: Place) -> Result<(), ImportError> {
        let mut lists = self.lists();
        lists.unreadable = true;
        Ok(lists.problems.push(problem, place)?)
    }

    pub fn warn(&self, warning: String) {
        self.lists().warnings.push(warning);
    }
}
