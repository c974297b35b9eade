//! Migration: a whole project in or out.
//!
//! An **export** writes one moment of the inventory ([`Store::snapshot`]) into a bundle on the
//! project library. An **import** reads the documents of a project from there; what becomes of them is
//! [`crate::import`]'s business.

mod demo;
mod error;
mod export;
mod import;
mod inspect;
mod library;
mod name;
mod report;
mod request;

use std::{fs::File, path::Path, sync::Arc};

pub use demo::Demo;
pub use error::MigrationError;
pub use inspect::{InspectedDocument, ProjectInspection, inspect, pack_folder};
pub use library::{
    BUNDLE_BYTES_MAX, BundleFile, DocumentSummary, FileProblem, Layout, LibraryError,
    ProjectSummary, Upload,
};
pub use name::{NameError, ProjectName};
pub use report::{ExportReport, ExportedKind, ImportReport, Imported};
pub use request::{EmptyFirst, ExportRequest, ImportRequest};

use library::ProjectLibrary;

use crate::{
    import::{ImportSource, Log, Reports},
    job::Progress,
    store::Store,
    wording::Chain,
};

/// The release of eNMS whose documents Satchel writes, as its `metadata.yaml` spells it.
pub const RELEASE: f64 = 4.6;

/// Projects in and out of one inventory. Everything here blocks.
#[derive(Clone)]
pub struct Migration(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    library: ProjectLibrary,
    reports: Reports,
}

impl Migration {
    /// # Errors
    /// The project library cannot be opened.
    pub fn new(store: Arc<Store>) -> Result<Self, MigrationError> {
        let directory = store.directory();
        let library = ProjectLibrary::open(directory.migrations())?;
        let reports = Reports::new(directory.reports());
        Ok(Self(Arc::new(Inner { store, library, reports })))
    }

    /// Writes a project to the project library, in the place of one of the same name.
    ///
    /// # Errors
    /// No project was written, and one of the same name is as it was.
    pub fn export(
        &self,
        request: &ExportRequest,
        progress: &Progress,
    ) -> Result<ExportReport, MigrationError> {
        export::export(&self.0.store, &self.0.library, request, progress)
    }

    /// Imports a project from the project library for the user `caller`. What is wrong in the project is in
    /// the report, and so is whether anything was changed.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn import(
        &self,
        request: &ImportRequest,
        caller: &str,
        progress: &Progress,
    ) -> Result<ImportReport, MigrationError> {
        let project = self.0.library.project(&request.name)?;
        let log = Log::new(ImportSource::Documents, &self.0.store.directory().scratch(), progress)?;
        let mut report = import::import(&self.0.store, &project, request, caller, &log)?;
        // What is imported is imported: that its report cannot be kept does not make it undone.
        match self.0.reports.write(&report, &log) {
            Ok(id) => report.report_id = Some(id),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the report of an import is not kept")
            }
        }
        Ok(report)
    }

    /// The projects in the library of a data directory that no server runs on, by name.
    ///
    /// # Errors
    /// [`MigrationError::Library`] if the folder cannot be read.
    pub fn projects_in(library: &Path) -> Result<Vec<ProjectSummary>, MigrationError> {
        Ok(ProjectLibrary::list(library)?)
    }

    /// The projects in the project library, by name.
    pub fn projects(&self) -> Result<Vec<ProjectSummary>, MigrationError> {
        Ok(self.0.library.projects()?)
    }

    /// Opens a bundle to be fetched.
    pub fn open(&self, name: &ProjectName) -> Result<BundleFile, MigrationError> {
        Ok(self.0.library.file(name)?)
    }

    /// Begins to take a bundle in.
    pub fn upload(&self, name: &ProjectName) -> Result<Upload, MigrationError> {
        Ok(self.0.library.upload(name)?)
    }

    /// Removes a project from the project library.
    pub fn remove(&self, name: &ProjectName) -> Result<(), MigrationError> {
        Ok(self.0.library.remove(name)?)
    }

    /// Opens the whole report of an import.
    pub fn report(&self, id: &str) -> Result<File, MigrationError> {
        Ok(self.0.reports.open(id)?)
    }
}
