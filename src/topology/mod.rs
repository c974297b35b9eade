//! Topology: devices and links as a workbook, in or out.
//!
//! An **export** writes one moment of the inventory's devices and links into a workbook, each kind
//! a sheet, each record a row. An **import** reads such a workbook through a child process that can
//! be lost ([`crate::codec::workbook`]); what becomes of its records is [`crate::import`]'s
//! business. Of an import with problems the upload is kept beside its report, so that it can be
//! **handed back** with what is wrong written beside each row.
//!
//! ```text
//! header    what the columns of a sheet mean
//! sheet     rows become records
//! import    a workbook's sheets, one after the other
//! export    records become rows
//! marked    the workbook that is handed back
//! folder    the workbooks in the data directory's spreadsheets/
//! ```

mod error;
mod export;
mod folder;
mod header;
mod import;
mod marked;
mod name;
mod report;
mod request;
mod sheet;
mod upload;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use error::TopologyError;
pub use folder::WorkbookFile;
pub use name::{NameError, WorkbookName};
pub use report::{
    CustomColumn, ExportReport, Ignored, IgnoredColumn, ImportReport, Imported, SheetReport,
    SourceFormat, WorkbookSummary,
};
pub use request::{ExportRequest, ImportRequest, Replace};
pub use upload::{Upload, WORKBOOK_BYTES_MAX};

use folder::Folder;

use crate::{
    codec::workbook,
    import::{ImportSource, Log, Reports},
    job::Progress,
    model::Kind,
    store::Store,
    wording::Chain,
};

/// The kinds that have a sheet, in the order of the sheets.
pub(crate) const KINDS: [Kind; 2] = [Kind::Device, Kind::Link];

/// Workbooks in and out of one inventory. Everything here blocks.
#[derive(Clone)]
pub struct Topology(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    folder: Folder,
    reports: Reports,
    /// What is started to decode workbooks.
    decoder: PathBuf,
}

impl Topology {
    /// Makes the folder of workbooks where it is missing.
    ///
    /// # Errors
    /// The disk's.
    pub fn new(store: Arc<Store>) -> Result<Self, TopologyError> {
        Self::with_decoder(store, &workbook::executable())
    }

    /// The same, with another executable that decodes workbooks: a test's own is not Satchel.
    pub fn with_decoder(store: Arc<Store>, decoder: &Path) -> Result<Self, TopologyError> {
        let directory = store.directory();
        let folder = Folder::open(directory.spreadsheets())?;
        let reports = Reports::new(directory.reports());
        Ok(Self(Arc::new(Inner { store, folder, reports, decoder: decoder.to_owned() })))
    }

    /// Writes a workbook, in the place of one of the same name.
    ///
    /// # Errors
    /// The records do not fit into the format, or the disk's. Nothing is left then.
    pub fn export(
        &self,
        request: &ExportRequest,
        progress: &Progress,
    ) -> Result<ExportReport, TopologyError> {
        export::export(&self.0.store, &self.0.folder, request, progress)
    }

    /// Begins to take a workbook or a table in.
    pub fn upload(&self) -> Result<Upload, TopologyError> {
        Upload::new(&self.0.store.directory().scratch())
    }

    /// Imports a workbook or a table for the user `caller`. What is wrong in it is in the report,
    /// and so is whether anything was changed.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn import(
        &self,
        upload: Upload,
        request: &ImportRequest,
        caller: &str,
        progress: &Progress,
    ) -> Result<ImportReport, TopologyError> {
        let log = Log::new(ImportSource::Sheets, &self.0.store.directory().scratch(), progress)?;
        let mut report =
            import::import(&self.0.store, &self.0.decoder, &upload, request, caller, &log)?;
        // What is imported is imported: that its report cannot be kept does not make it undone.
        match self.0.reports.write(&report, &log) {
            Ok(id) => {
                if report.problems.total > 0
                    && let Err(error) = upload.keep(|path| self.0.reports.attach(&id, path))
                {
                    tracing::warn!(error = %Chain(&error), "the workbook of an import is not kept");
                }
                report.report_id = Some(id);
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the report of an import is not kept")
            }
        }
        Ok(report)
    }

    /// The workbooks that were exported, by name.
    pub fn workbooks(&self) -> Result<Vec<WorkbookSummary>, TopologyError> {
        self.0.folder.workbooks()
    }

    /// Opens a workbook to be fetched.
    pub fn open(&self, name: &WorkbookName) -> Result<WorkbookFile, TopologyError> {
        self.0.folder.file(name)
    }

    /// Removes a workbook.
    pub fn remove(&self, name: &WorkbookName) -> Result<(), TopologyError> {
        self.0.folder.remove(name)
    }

    /// Opens the whole report of an import, which is JSON.
    pub fn report(&self, id: &str) -> Result<File, TopologyError> {
        Ok(self.0.reports.open(id)?)
    }

    /// The workbook of an import that had problems, with what is wrong written beside each row.
    ///
    /// # Errors
    /// [`TopologyError::NoReport`]: nothing is kept under this name, or not any more.
    pub fn marked(&self, id: &str) -> Result<WorkbookFile, TopologyError> {
        let scratch = self.0.store.directory().scratch();
        marked::marked(&self.0.reports, &self.0.decoder, &scratch, id)
    }
}
