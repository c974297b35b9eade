//! Migration: a whole project in or out.
//!
//! An **export** writes one moment of the inventory ([`Store::picture`]) into a bundle on the
//! shelf. An **import** is four steps: decode (bytes only), plan (what becomes of every record),
//! apply (a new generation of the store) and recompute (pools), of which the last two are one
//! change. Everything that has to be sorted is sorted on the disk where it is large, so memory
//! does not grow with a project:
//!
//! ```text
//! decode    documents → records by name, references by what they name
//! resolve   the references walk beside the names: who is rejected, what is struck
//! walk      what is there beside what comes: what becomes of each record
//! import    runs the steps; writes each walk into a new generation, or into a dry run's report
//! members   the devices and links that computed pools admit, found on the walk
//! ```

mod cursor;
mod decode;
mod demo;
mod diff;
mod error;
mod export;
mod import;
mod listing;
mod log;
mod members;
mod name;
mod problem;
mod reference;
mod report;
mod reports;
mod request;
mod resolve;
mod shelf;
mod walk;
mod workers;

use std::{fs::File, sync::Arc};

pub use demo::Demo;
pub use error::MigrationError;
pub use listing::{Counted, Shown};
pub use name::{NameError, PROJECT_NAME_CHARACTERS_MAX, ProjectName};
pub use problem::{
    Change, ChangeKind, ChangedRecord, Conversion, Dangling, Document, Place, Problem,
    PropertyChange, ShownValue,
};
pub use report::{
    ExportReport, ExportedKind, ImportOutcome, ImportReport, KindReport, Milliseconds,
};
pub use request::{EmptyFirst, ExportRequest, ImportRequest, Mode, OnError};
pub use shelf::{
    BUNDLE_BYTES_MAX, BundleFile, DocumentSummary, FileProblem, Layout, ProjectSummary, ShelfError,
    Upload,
};

use log::Log;
use reports::Reports;
use shelf::Shelf;

use crate::store::Store;

/// The release of eNMS whose documents Satchel writes, as its `metadata.yaml` spells it.
pub const RELEASE: f64 = 4.6;

/// Projects in and out of one inventory. Everything here blocks.
#[derive(Clone)]
pub struct Migration(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    shelf: Shelf,
    reports: Reports,
}

impl Migration {
    /// # Errors
    /// The shelf cannot be opened.
    pub fn new(store: Arc<Store>) -> Result<Self, MigrationError> {
        let directory = store.directory();
        let shelf = Shelf::open(directory.migrations())?;
        let reports = Reports::new(directory.reports());
        Ok(Self(Arc::new(Inner { store, shelf, reports })))
    }

    /// Writes a project onto the shelf, in the place of one of the same name.
    pub fn export(&self, request: &ExportRequest) -> Result<ExportReport, MigrationError> {
        export::export(&self.0.store, &self.0.shelf, request)
    }

    /// Imports a project from the shelf for the user `caller`. What is wrong in the project is in
    /// the report, and so is whether anything was changed.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn import(
        &self,
        request: &ImportRequest,
        caller: &str,
    ) -> Result<ImportReport, MigrationError> {
        let project = self.0.shelf.project(&request.name)?;
        let log = Log::new(&self.0.store.directory().scratch())?;
        let mut report = import::import(&self.0.store, &project, request, caller, &log)?;
        // What is imported is imported: that its report cannot be kept does not make it undone.
        match self.0.reports.write(&report, &log) {
            Ok(id) => report.report = Some(id),
            Err(error) => tracing::warn!(%error, "the report of an import is not kept"),
        }
        Ok(report)
    }

    /// The projects on the shelf, by name.
    pub fn projects(&self) -> Result<Vec<ProjectSummary>, MigrationError> {
        Ok(self.0.shelf.projects()?)
    }

    /// Opens a bundle to be fetched.
    pub fn open(&self, name: &ProjectName) -> Result<BundleFile, MigrationError> {
        Ok(self.0.shelf.file(name)?)
    }

    /// Begins to take a bundle in.
    pub fn upload(&self, name: &ProjectName) -> Result<Upload, MigrationError> {
        Ok(self.0.shelf.upload(name)?)
    }

    /// Removes a project from the shelf.
    pub fn remove(&self, name: &ProjectName) -> Result<(), MigrationError> {
        Ok(self.0.shelf.remove(name)?)
    }

    /// Opens the whole report of an import.
    pub fn report(&self, id: &str) -> Result<File, MigrationError> {
        self.0.reports.open(id)
    }
}
