//! Topology: import and export of devices and links as a workbook.
//!
//! An **export** writes a snapshot of the devices and links into a workbook: each kind is a sheet,
//! each record a row. An **import** reads such a workbook through a child process
//! ([`crate::codec::workbook`]) and passes the records to [`crate::import`]. If the import has
//! problems, the upload is kept beside its report. The **marked** workbook is that upload with a
//! column that contains the problems of each row.
//!
//! ```text
//! selection  which sheets are read, and as which kinds
//! sheet      rows become records
//!   header     the meaning of the columns of a sheet
//!   header_search  the row of the headings
//!   existing   the records of the inventory that decide about rows and cells
//!   existing_properties  the custom properties of these records
//!   custom_case  headings that differ in case from custom properties of these records
//!   mapping    headings that the request or a proposal gives a property
//!   words      headings of other languages
//!   merged     cells that cover several rows or columns
//!   notes      rows below the table that are no records
//!   filled     numbers that their format fills with zeros
//!   repeated_header  rows that repeat the headings
//!   notices    findings of many cells, counted
//!   sheet_read  the result of reading a sheet
//!   relations  the sheets of relations, which eNMS does not read
//! import     import of the sheets of a workbook
//! export     records become rows
//!   layout     the columns of an export, and in which sheet they are
//!   first_columns  the order of the columns
//! written    a workbook whose sheets are written, and how it gets into the folder
//! template   a workbook without records that a person fills in
//! marked     the marked workbook of an import with problems
//! folder     the workbooks in the folder spreadsheets/ of the data directory
//! upload     a workbook that is being received
//! ```

mod custom_case;
mod error;
mod existing;
mod existing_properties;
mod export;
mod filled;
mod first_columns;
mod folder;
mod header;
mod header_search;
mod import;
mod layout;
mod mapping;
mod marked;
mod merged;
mod name;
mod notes;
mod notices;
mod relations;
mod repeated_header;
mod report;
mod request;
mod selection;
mod sheet;
mod sheet_read;
mod template;
mod upload;
mod words;
mod written;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Instant,
};

pub use error::TopologyError;
pub use folder::WorkbookFile;
pub use mapping::{
    MAPPING_BYTES_MAX, MAPPING_HEADINGS_MAX, Mapping, MappingError, ProposedMapping,
};
pub use name::{NameError, WorkbookName};
pub use report::{
    CustomColumn, ExportReport, Ignored, IgnoredColumn, ImportReport, Imported, SheetReport,
    SourceFormat, WorkbookSummary,
};
pub use request::{ExportContent, ExportRequest, ImportRequest, ReadOptions, Replace};
pub use upload::Upload;

pub use crate::codec::workbook::READ_ROWS_MAX as SHEET_ROWS_MAX;

use folder::Folder;

use crate::{
    codec::workbook::{self, Protections},
    import::{ImportSource, Log, Reports},
    job::Progress,
    model::Kind,
    store::{Origin, Store},
    wording::Chain,
};

/// The largest workbook that is accepted, in bytes. A million devices with twenty properties take
/// 100 MB as `.xlsx`.
pub const WORKBOOK_BYTES_MAX: u64 = 256 << 20;

/// The kinds that have a sheet, in the order of the sheets.
pub(crate) const KINDS: [Kind; 2] = [Kind::Device, Kind::Link];

/// Imports and exports workbooks of one inventory. Every method blocks.
#[derive(Clone)]
pub struct Topology(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    folder: Folder,
    reports: Reports,
    /// The executable that decodes workbooks.
    decoder: PathBuf,
    /// The restrictions of the processes that decode workbooks, after the first question.
    protections: OnceLock<Option<Protections>>,
}

impl Topology {
    /// Opens the folder of workbooks, and creates it if it is missing.
    ///
    /// # Errors
    /// [`TopologyError::Io`] or [`TopologyError::DiskFull`] if the folder cannot be created or read.
    pub fn new(store: Arc<Store>) -> Result<Self, TopologyError> {
        Self::with_decoder(store, &workbook::executable())
    }

    /// Opens the folder of workbooks like `open`, with another executable that decodes workbooks:
    /// the executable of a test is not Satchel.
    pub fn with_decoder(store: Arc<Store>, decoder: &Path) -> Result<Self, TopologyError> {
        let directory = store.directory();
        let folder = Folder::open(directory.spreadsheets())?;
        let reports = Reports::new(directory.reports());
        Ok(Self(Arc::new(Inner {
            store,
            folder,
            reports,
            decoder: decoder.to_owned(),
            protections: OnceLock::new(),
        })))
    }

    /// The restrictions that the kernel enforces for the processes that decode workbooks. `None` if no such
    /// process can be started. The first call starts one, and takes milliseconds.
    pub fn decoder_protections(&self) -> Option<Protections> {
        let probe = || match workbook::probe(&self.0.decoder) {
            Ok(protections) => Some(protections),
            Err(error) => {
                tracing::warn!(%error, "Cannot start a process that decodes workbooks.");
                None
            }
        };
        *self.0.protections.get_or_init(probe)
    }

    /// Exports the devices and links, or a template for them, to a workbook in the folder. Replaces a
    /// workbook of the same name.
    ///
    /// # Errors
    /// After an error the folder is unchanged.
    /// - [`TopologyError::Write`] or [`TopologyError::CellLong`] if the records do not fit into the
    ///   format, or the format cannot hold the notes of a template.
    /// - [`TopologyError::InTheWay`] if the name belongs to a folder or link.
    /// - [`TopologyError::DiskFull`], [`TopologyError::FileSizeLimit`] or [`TopologyError::Io`] for
    ///   errors of the disk.
    /// - [`TopologyError::Store`] if the inventory cannot be read or the job was cancelled.
    pub fn export(
        &self,
        request: &ExportRequest,
        progress: &Progress,
    ) -> Result<ExportReport, TopologyError> {
        let begun = Instant::now();
        let write = match request.content {
            ExportContent::Records => export::write,
            ExportContent::Template => template::write,
        };
        let written = write(&self.0.store, request, progress)?;
        written.store(&self.0.folder, &request.name, progress, begun)
    }

    /// Begins to receive a workbook or a table.
    ///
    /// # Errors
    /// [`TopologyError::Io`] or [`TopologyError::DiskFull`] if no file can be created for it.
    pub fn upload(&self) -> Result<Upload, TopologyError> {
        Upload::new(&self.0.store.directory().scratch())
    }

    /// Imports a workbook or a table for the user of the origin. The report lists the problems of its
    /// cells, and whether the inventory was changed.
    ///
    /// # Errors
    /// After an error the inventory is unchanged.
    /// - [`TopologyError::Decode`] if the file cannot be read as a workbook or table.
    /// - [`TopologyError::NoSheet`], [`TopologyError::UnknownSheet`],
    ///   [`TopologyError::SeveralSheets`] or [`TopologyError::KindMissing`] if the request selects no
    ///   sheet of devices or links.
    /// - [`TopologyError::SheetOfTable`] if the request names a sheet and the file is a table.
    /// - [`TopologyError::Import`] or [`TopologyError::Store`] if the import fails or is cancelled.
    pub fn import(
        &self,
        upload: Upload,
        request: &ImportRequest,
        origin: &Origin,
        progress: &Progress,
    ) -> Result<ImportReport, TopologyError> {
        let log = Log::new(ImportSource::Sheets, &self.0.store.directory().scratch(), progress)?;
        let mut report =
            import::import(&self.0.store, &self.0.decoder, &upload, request, origin, &log)?;
        // The import has succeeded even if its report cannot be stored.
        match self.0.reports.write(&report, &log) {
            Ok(id) => {
                if report.problems.total > 0
                    && let Err(error) = upload.keep(|path| self.0.reports.attach(&id, path))
                {
                    tracing::warn!(error = %Chain(&error), "Cannot store the uploaded workbook of an import.");
                }
                report.report_id = Some(id);
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "Cannot store the report of an import.");
            }
        }
        Ok(report)
    }

    /// The workbooks in the folder, by name.
    ///
    /// # Errors
    /// [`TopologyError::Io`] if the folder cannot be read.
    pub fn workbooks(&self) -> Result<Vec<WorkbookSummary>, TopologyError> {
        self.0.folder.workbooks()
    }

    /// Opens a workbook of the folder for reading.
    ///
    /// # Errors
    /// [`TopologyError::NotFound`], [`TopologyError::InTheWay`] or [`TopologyError::Io`].
    pub fn open(&self, name: &WorkbookName) -> Result<WorkbookFile, TopologyError> {
        self.0.folder.file(name)
    }

    /// Removes a workbook from the folder.
    ///
    /// # Errors
    /// [`TopologyError::NotFound`], [`TopologyError::InTheWay`] or [`TopologyError::Io`].
    pub fn remove(&self, name: &WorkbookName) -> Result<(), TopologyError> {
        self.0.folder.remove(name)
    }

    /// Opens the complete report of an import, which is JSON.
    ///
    /// # Errors
    /// [`TopologyError::Import`] if no report has this id.
    pub fn report(&self, id: &str) -> Result<File, TopologyError> {
        Ok(self.0.reports.open(id)?)
    }

    /// Returns the marked workbook of an import that had problems.
    ///
    /// # Errors
    /// - [`TopologyError::NoReport`] if the import had no problems, or its files were deleted.
    /// - [`TopologyError::MarkedTooLarge`] if the workbook has too many cells.
    /// - [`TopologyError::DiskFull`], [`TopologyError::FileSizeLimit`] or [`TopologyError::Io`] for
    ///   errors of the disk.
    pub fn marked(&self, id: &str) -> Result<WorkbookFile, TopologyError> {
        let scratch = self.0.store.directory().scratch();
        marked::marked(&self.0.reports, &self.0.decoder, &scratch, id)
    }
}
