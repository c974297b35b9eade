//! The log of a running import: problems, warnings and changes for its report.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    DocumentLocation, ImportError, RecordPosition,
    listing::Listing,
    problem::{
        AdministratorChange, Change, ChangedRecord, Conversion, DanglingReference, Document,
        Problem,
    },
};
use crate::{
    job::Progress,
    model::{Kind, PerKind},
};

/// The largest number of locations of one problem in a response.
const LOCATIONS_SHOWN_MAX: usize = 3;

/// The largest number of records of one kind of change in a response.
const CHANGED_SHOWN_MAX: usize = 100;

/// The source of the records. It determines the form of their locations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportSource {
    /// The documents of a project.
    Documents,
    /// The sheets of a workbook.
    Sheets,
}

/// The log of one import: the lists of its report. Several threads can write to it at once.
pub struct Log {
    source: ImportSource,
    progress: Progress,
    scratch: PathBuf,
    /// The columns of sheets, by property.
    columns: Mutex<PerKind<BTreeMap<String, String>>>,
    /// The names of sheets that are not the word of their kind.
    sheet_names: Mutex<PerKind<Option<String>>>,
    lists: Mutex<Lists>,
}

/// The lists of a report.
pub struct Lists {
    pub problems: Listing<Problem, DocumentLocation>,
    pub dangling: Listing<DanglingReference, DocumentLocation>,
    pub removed_references: Listing<DanglingReference, DocumentLocation>,
    pub converted: Listing<Conversion, DocumentLocation>,
    pub changes: Listing<Change, ChangedRecord>,
    pub administrators: Listing<AdministratorChange, DocumentLocation>,
    /// The number of rejected records.
    pub rejected: PerKind<u64>,
    /// Whether a document could not be read to its end, so that the rest of it is unknown.
    pub unreadable: bool,
    pub warnings: Vec<String>,
}

impl Log {
    /// A log that keeps its lists in temporary files in the folder `scratch`.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if a file cannot be created.
    pub fn new(
        source: ImportSource,
        scratch: &Path,
        progress: &Progress,
    ) -> Result<Self, ImportError> {
        Ok(Self {
            source,
            progress: progress.clone(),
            scratch: scratch.to_owned(),
            columns: Mutex::default(),
            sheet_names: Mutex::default(),
            lists: Mutex::new(Lists::new(scratch).map_err(ImportError::TemporaryFile)?),
        })
    }

    /// The source of the records.
    pub fn source(&self) -> ImportSource {
        self.source
    }

    /// The progress of the import, by which it is cancelled too.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The folder for temporary files.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// The lists, locked.
    pub fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a problem.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if its list cannot be written; so do the other functions
    /// that add to a list.
    pub fn problem(
        &self,
        problem: &Problem,
        location: DocumentLocation,
    ) -> Result<(), ImportError> {
        self.lists().problems.push(problem, location).map_err(ImportError::TemporaryFile)
    }

    /// Adds the problem that a document cannot be read to its end.
    pub fn unreadable(
        &self,
        problem: &Problem,
        location: DocumentLocation,
    ) -> Result<(), ImportError> {
        self.lists().unreadable = true;
        self.problem(problem, location)
    }

    /// Adds a reference in a list of an incoming record that has no target.
    pub(super) fn dangling(
        &self,
        reference: &DanglingReference,
        location: DocumentLocation,
    ) -> Result<(), ImportError> {
        self.lists().dangling.push(reference, location).map_err(ImportError::TemporaryFile)
    }

    /// Adds a reference to a removed record that is removed from a list.
    pub(super) fn removed_reference(
        &self,
        reference: &DanglingReference,
        location: DocumentLocation,
    ) -> Result<(), ImportError> {
        let mut lists = self.lists();
        lists.removed_references.push(reference, location).map_err(ImportError::TemporaryFile)
    }

    /// Adds a property whose value was converted.
    pub fn converted(
        &self,
        kind: Kind,
        property: String,
        location: DocumentLocation,
    ) -> Result<(), ImportError> {
        let conversion = Conversion { document: self.document(kind), property };
        self.lists().converted.push(&conversion, location).map_err(ImportError::TemporaryFile)
    }

    /// Adds a change that a dry run would make.
    pub(super) fn change(&self, change: &Change, record: ChangedRecord) -> Result<(), ImportError> {
        self.lists().changes.push(change, record).map_err(ImportError::TemporaryFile)
    }

    /// Adds a change of an administrator.
    pub(super) fn administrator(
        &self,
        change: &AdministratorChange,
        location: DocumentLocation,
    ) -> Result<(), ImportError> {
        self.lists().administrators.push(change, location).map_err(ImportError::TemporaryFile)
    }

    /// Empties the list of changed administrators, because the records are applied again.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the file of the list cannot be created.
    pub(super) fn restart_administrators(&self) -> Result<(), ImportError> {
        let list = Listing::new(&self.scratch, CHANGED_SHOWN_MAX);
        self.lists().administrators = list.map_err(ImportError::TemporaryFile)?;
        Ok(())
    }

    /// Counts a rejected record.
    pub fn count_rejected(&self, kind: Kind) {
        self.lists().rejected[kind] += 1;
    }

    /// Adds a warning.
    pub fn warn(&self, warning: String) {
        self.lists().warnings.push(warning);
    }

    /// The document or sheet that holds the records of a kind.
    pub fn document(&self, kind: Kind) -> Document {
        match self.source {
            ImportSource::Documents => Document::Yaml(kind),
            ImportSource::Sheets => Document::Sheet(kind),
        }
    }

    /// Sets the column (`AB`) of a property in the sheet of a kind.
    pub fn set_column(&self, kind: Kind, property: &str, column: String) {
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        columns[kind].insert(property.to_owned(), column);
    }

    /// Sets the name of the sheet of a kind, for locations. Without it, the name is the word of the
    /// kind.
    pub fn set_sheet_name(&self, kind: Kind, name: &str) {
        let mut names = self.sheet_names.lock().unwrap_or_else(PoisonError::into_inner);
        names[kind] = Some(name.to_owned());
    }

    /// The name of the sheet of a kind.
    pub fn sheet_name(&self, kind: Kind) -> String {
        let names = self.sheet_names.lock().unwrap_or_else(PoisonError::into_inner);
        names[kind].clone().unwrap_or_else(|| kind.to_string())
    }

    /// The address of a cell in the sheet of a kind: `device!AB17`.
    pub fn cell(&self, kind: Kind, column: &str, line: u64) -> String {
        format!("{}!{column}{line}", self.sheet_name(kind))
    }

    /// The location of a record, or of one of its properties.
    pub fn location(
        &self,
        kind: Kind,
        property: Option<&str>,
        position: RecordPosition,
        record: Option<String>,
    ) -> DocumentLocation {
        match self.source {
            ImportSource::Documents => DocumentLocation {
                line: Some(position.line),
                position: Some(position.index + 1),
                record,
                ..DocumentLocation::default()
            },
            ImportSource::Sheets => {
                let columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
                let column = property.and_then(|property| columns[kind].get(property));
                let cell = column.map(|column| self.cell(kind, column, position.line));
                let row = Some(position.line);
                DocumentLocation { row, cell, record, ..DocumentLocation::default() }
            }
        }
    }
}

impl Lists {
    fn new(scratch: &Path) -> io::Result<Self> {
        Ok(Self {
            problems: Listing::new(scratch, LOCATIONS_SHOWN_MAX)?,
            dangling: Listing::new(scratch, LOCATIONS_SHOWN_MAX)?,
            removed_references: Listing::new(scratch, LOCATIONS_SHOWN_MAX)?,
            converted: Listing::new(scratch, LOCATIONS_SHOWN_MAX)?,
            changes: Listing::new(scratch, CHANGED_SHOWN_MAX)?,
            administrators: Listing::new(scratch, CHANGED_SHOWN_MAX)?,
            rejected: PerKind::default(),
            unreadable: false,
            warnings: Vec::new(),
        })
    }
}
