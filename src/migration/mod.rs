//! Migration: exports and imports whole projects.
//!
//! An **export** writes a snapshot of the inventory ([`Store::snapshot`]) to a bundle in the project
//! library. An **import** reads the documents of a project in the library; [`crate::import`]
//! applies them.

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
pub use export::{DocumentsExport, bundle_info};
pub use inspect::{InspectedDocument, ProjectInspection, inspect, pack_folder};
pub use library::{
    BUNDLE_BYTES_MAX, BundleFile, DocumentSummary, FileProblem, Layout, LibraryError,
    ProjectSummary, Upload,
};
pub use name::{NameError, ProjectName};
pub use report::{ExportReport, ExportedKind, ImportReport, Imported};
pub use request::{EmptyFirst, ExportRequest, ImportRequest};

use library::{Project, ProjectLibrary};

use crate::{
    codec::bundle::Limits,
    import::{Decoded, EmptyReplacement, ImportSource, Log, Reports},
    job::Progress,
    model::Kind,
    store::{Origin, Store},
    wording::Chain,
};

/// The release of eNMS whose documents Satchel writes, as in its `metadata.yaml`.
pub const RELEASE: f64 = 4.6;

/// Replaces all records of an inventory by those of the bundle at `path`, without a job. Nothing is changed
/// if a record is rejected; the report has the reasons.
///
/// # Errors
/// - [`MigrationError::Library`] or [`MigrationError::Read`] if the bundle cannot be read.
/// - [`MigrationError::Import`] or [`MigrationError::Store`] if the import fails.
pub fn import_bundle(
    store: &Store,
    path: &Path,
    origin: &Origin,
) -> Result<ImportReport, MigrationError> {
    let project = Project::open_bundle(path, Limits::default())?;
    let progress = Progress::detached();
    let log = Log::new(ImportSource::Documents, &store.directory().scratch(), &progress)?;
    let name = "backup".parse().expect("it follows the rule of names");
    let request = ImportRequest {
        empty: EmptyFirst::Yes,
        empty_replacement: EmptyReplacement::Allowed,
        ..ImportRequest::new(name, Kind::ALL.to_vec())
    };
    import::import(store, &project, &request, origin, &log)
}

/// The documents of a bundle, which are restored. Its metadata has been read.
pub struct BundleDocuments(Project);

impl BundleDocuments {
    /// Opens the bundle in `file`. `path` is its path, for messages.
    ///
    /// # Errors
    /// [`MigrationError::Library`] if the bundle is refused or cannot be read.
    pub fn open(file: File, path: &Path) -> Result<Self, MigrationError> {
        Ok(Self(Project::from_bundle(file, path, Limits::default())?))
    }

    /// Returns the kinds that have a document.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        let documents = self.0.documents();
        Kind::ALL.into_iter().filter(move |kind| documents[*kind].is_some())
    }

    /// Decodes the records of these kinds, all or those with a name. Problems of records and warnings about
    /// the bundle are in the log.
    ///
    /// # Errors
    /// - [`MigrationError::Read`] or [`MigrationError::Library`] if a document cannot be read.
    /// - [`MigrationError::Import`] or [`MigrationError::Store`] if the records cannot be sorted, or the
    ///   operation was cancelled.
    pub fn decode(
        &self,
        store: &Store,
        kinds: &[Kind],
        name: Option<&str>,
        log: &Log,
    ) -> Result<Decoded, MigrationError> {
        let decoded = import::decode(store, &self.0, kinds, name, log)?;
        import::warn(&self.0, log);
        Ok(decoded)
    }
}

/// Exports and imports of one inventory. All functions block.
#[derive(Clone)]
pub struct Migration(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    library: ProjectLibrary,
    reports: Reports,
}

impl Migration {
    /// Opens the project library of the inventory's data directory.
    ///
    /// # Errors
    /// [`MigrationError::Library`] if the library cannot be opened.
    pub fn new(store: Arc<Store>) -> Result<Self, MigrationError> {
        let directory = store.directory();
        let library = ProjectLibrary::open(directory.migrations())?;
        let reports = Reports::new(directory.reports());
        Ok(Self(Arc::new(Inner { store, library, reports })))
    }

    /// Exports the inventory to a project in the library. Replaces a project of the same name.
    ///
    /// # Errors
    /// - [`MigrationError::Library`] or [`MigrationError::Write`] if the bundle cannot be written.
    /// - [`MigrationError::Store`] if the inventory cannot be read, or the job was cancelled.
    ///
    /// A project of the same name is then unchanged.
    pub fn export(
        &self,
        request: &ExportRequest,
        progress: &Progress,
    ) -> Result<ExportReport, MigrationError> {
        export::export(&self.0.store, &self.0.library, request, progress)
    }

    /// Imports a project from the library for the user of the origin. The report contains the problems
    /// of the records, and whether the inventory was changed.
    ///
    /// # Errors
    /// - [`MigrationError::Library`] or [`MigrationError::Read`] if the project cannot be read.
    /// - [`MigrationError::Import`] or [`MigrationError::Store`] if the import was refused, failed or
    ///   was cancelled.
    ///
    /// The inventory is then unchanged.
    pub fn import(
        &self,
        request: &ImportRequest,
        origin: &Origin,
        progress: &Progress,
    ) -> Result<ImportReport, MigrationError> {
        let project = self.0.library.project(&request.name)?;
        let log = Log::new(ImportSource::Documents, &self.0.store.directory().scratch(), progress)?;
        let mut report = import::import(&self.0.store, &project, request, origin, &log)?;
        // The import has taken effect, even if its report cannot be stored.
        match self.0.reports.write(&report, &log) {
            Ok(id) => report.report_id = Some(id),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "Cannot store the report of an import.");
            }
        }
        Ok(report)
    }

    /// Lists the projects in the library of a data directory that no server uses, by name.
    ///
    /// # Errors
    /// [`MigrationError::Library`] if the folder exists and cannot be read.
    pub fn projects_in(library: &Path) -> Result<Vec<ProjectSummary>, MigrationError> {
        Ok(ProjectLibrary::list(library)?)
    }

    /// Lists the projects in the library by name, with the problem of each damaged project.
    ///
    /// # Errors
    /// [`MigrationError::Library`] if the library cannot be read.
    pub fn projects(&self) -> Result<Vec<ProjectSummary>, MigrationError> {
        Ok(self.0.library.projects()?)
    }

    /// Opens a bundle for download.
    ///
    /// # Errors
    /// [`MigrationError::Library`] if there is no such bundle, or it cannot be read.
    pub fn open(&self, name: &ProjectName) -> Result<BundleFile, MigrationError> {
        Ok(self.0.library.file(name)?)
    }

    /// Starts the upload of a bundle.
    ///
    /// # Errors
    /// [`MigrationError::Library`] if no temporary file can be created.
    pub fn upload(&self, name: &ProjectName) -> Result<Upload, MigrationError> {
        Ok(self.0.library.upload(name)?)
    }

    /// Removes a project from the library.
    ///
    /// # Errors
    /// [`MigrationError::Library`] if there is no such project, or it cannot be removed.
    pub fn remove(&self, name: &ProjectName) -> Result<(), MigrationError> {
        Ok(self.0.library.remove(name)?)
    }

    /// Opens the complete report of an import.
    ///
    /// # Errors
    /// [`MigrationError::Import`] if there is no such report, or it cannot be read.
    pub fn report(&self, id: &str) -> Result<File, MigrationError> {
        Ok(self.0.reports.open(id)?)
    }
}
