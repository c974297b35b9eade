//! The reasons why an import or export of a workbook fails.

use std::io;

use super::WORKBOOK_BYTES_MAX;
use crate::{
    codec::workbook::{CELL_UNITS_MAX, DecodeError, WriteError},
    import::ImportError,
    job::Cancelled,
    model::Kind,
    store::StoreError,
};

/// The reason why an import or export of a workbook fails. Errors in cells are in the report of the
/// import instead.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The inventory cannot be read or changed, or the operation was cancelled.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The import as a whole is refused or fails.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The upload is not a workbook that can be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The workbook cannot be written, usually because of a limit of the format. Errors of the disk
    /// are [`TopologyError::DiskFull`], [`TopologyError::FileSizeLimit`] and [`TopologyError::Io`].
    #[error(transparent)]
    Write(WriteError),
    /// A value that is too long for a cell.
    #[error(
        "property '{property}' of {kind} '{record}' has {units} characters, but a cell holds at most \
         {CELL_UNITS_MAX}. A project export has no such limit"
    )]
    CellLong {
        /// The kind of the record.
        kind: Kind,
        /// The name of the record.
        record: String,
        /// The property with the value.
        property: String,
        /// The length of the cell, in UTF-16 code units, as spreadsheets count.
        units: usize,
    },
    /// The workbook has no sheet named `device` or `link`, and the request selects no other sheet.
    #[error(
        "the workbook has no sheet 'device' or 'link'. Its sheets: {}. To read another sheet, pass \
         its name as `sheet` (--sheet) and what its rows are as `kind` (--kind)",
        listed(sheets)
    )]
    NoSheet {
        /// The names of its sheets that have cells.
        sheets: Vec<String>,
    },
    /// The workbook has no sheet with the name in the request.
    #[error("the workbook has no sheet '{sheet}'. Its sheets: {}", listed(sheets))]
    UnknownSheet {
        /// The name in the request.
        sheet: String,
        /// The names of its sheets that have cells.
        sheets: Vec<String>,
    },
    /// The request contains a kind but no sheet, and several sheets have cells.
    #[error(
        "no sheet is named '{kind}', and several sheets have cells: {}. Pass the name of one as \
         `sheet` (--sheet)",
        listed(sheets)
    )]
    SeveralSheets {
        /// The kind in the request.
        kind: Kind,
        /// The names of the sheets that have cells.
        sheets: Vec<String>,
    },
    /// The request contains a sheet but no kind, and the name of the sheet is not a kind.
    #[error(
        "the rows of the sheet '{sheet}' can be devices or links. Pass `kind` (--kind): device or link"
    )]
    KindMissing {
        /// The name in the request.
        sheet: String,
    },
    /// The request contains a sheet, and the file is a table.
    #[error("a table (.csv) has no sheets. Leave out `sheet` (--sheet '{sheet}')")]
    SheetOfTable {
        /// The name in the request.
        sheet: String,
    },
    /// The folder of workbooks has no file of this name.
    #[error("there is no workbook named '{name}'")]
    NotFound {
        /// The requested name.
        name: String,
    },
    /// The import had no problems, or its files were deleted.
    #[error("there is no marked workbook of the import '{id}'")]
    NoReport {
        /// The identifier of the report.
        id: String,
    },
    /// The uploaded workbook has too many cells to be marked.
    #[error(
        "the workbook is too large to be marked. Use the report of the import, which lists every \
         problem"
    )]
    MarkedTooLarge,
    /// A workbook cannot be read or stored, because a folder or link has its name.
    #[error(
        "'{name}' in the folder of workbooks is not a regular file. Remove it or use another name"
    )]
    InTheWay {
        /// The name of the workbook.
        name: String,
    },
    /// The upload exceeds [`WORKBOOK_BYTES_MAX`].
    #[error("the workbook is larger than {WORKBOOK_BYTES_MAX} bytes")]
    UploadTooLarge,
    /// The file system has no space, or a quota is used up.
    #[error("the disk of the server is full. Nothing was changed")]
    DiskFull,
    /// A file would exceed the file size limit of the process.
    #[error(
        "the file would exceed the file size limit of the process (`ulimit -f`, or `LimitFSIZE=` of \
         its systemd service). Nothing was changed"
    )]
    FileSizeLimit,
    /// Any other error of the disk.
    #[error("cannot read or write a file of the workbook")]
    Io(#[source] io::Error),
}

impl From<Cancelled> for TopologyError {
    fn from(cancelled: Cancelled) -> Self {
        StoreError::from(cancelled).into()
    }
}

impl TopologyError {
    /// Converts an error of a file of a workbook. A [`TopologyError`] inside of it is returned
    /// unchanged.
    pub fn of_io(error: io::Error) -> Self {
        match error.downcast::<TopologyError>() {
            Ok(found) => found,
            Err(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    TopologyError::DiskFull
                }
                io::ErrorKind::FileTooLarge => TopologyError::FileSizeLimit,
                _ => TopologyError::Io(error),
            },
        }
    }

    /// Returns whether the cause is the workbook or the records (status 422) and not the server
    /// (status 500).
    pub fn is_of_workbook(&self) -> bool {
        match self {
            TopologyError::Decode(error) => error.is_of_workbook(),
            TopologyError::Write(error) => match error {
                WriteError::Rows { .. }
                | WriteError::Columns { .. }
                | WriteError::Text { .. }
                | WriteError::SheetName { .. }
                | WriteError::NoSheet
                | WriteError::Guides { .. }
                | WriteError::TooLarge { .. } => true,
                WriteError::Scratch(_) | WriteError::Output(_) | WriteError::Library { .. } => {
                    false
                }
            },
            TopologyError::CellLong { .. }
            | TopologyError::NoSheet { .. }
            | TopologyError::UnknownSheet { .. }
            | TopologyError::SeveralSheets { .. }
            | TopologyError::KindMissing { .. }
            | TopologyError::SheetOfTable { .. }
            | TopologyError::MarkedTooLarge => true,
            TopologyError::Store(_)
            | TopologyError::Import(_)
            | TopologyError::NotFound { .. }
            | TopologyError::NoReport { .. }
            | TopologyError::InTheWay { .. }
            | TopologyError::UploadTooLarge
            | TopologyError::DiskFull
            | TopologyError::FileSizeLimit
            | TopologyError::Io(_) => false,
        }
    }

    /// The code of the error in responses of the REST API. `None` if the cause has its own code.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            TopologyError::Store(_) | TopologyError::Import(_) => None,
            TopologyError::Decode(error) => Some(error.code()),
            TopologyError::Write(error) => Some(match error {
                WriteError::Rows { .. } => "too-many-rows",
                WriteError::Columns { .. } => "too-many-columns",
                WriteError::Text { .. } => "cell-long",
                WriteError::SheetName { .. } | WriteError::NoSheet => "sheet-name",
                WriteError::TooLarge { .. } => "workbook-long",
                WriteError::Guides { .. } => "template-format",
                WriteError::Scratch(_) | WriteError::Output(_) | WriteError::Library { .. } => "io",
            }),
            TopologyError::CellLong { .. } => Some("cell-long"),
            TopologyError::NoSheet { .. }
            | TopologyError::UnknownSheet { .. }
            | TopologyError::SeveralSheets { .. }
            | TopologyError::SheetOfTable { .. } => Some("no-sheet"),
            TopologyError::KindMissing { .. } => Some("no-kind"),
            TopologyError::NotFound { .. } => Some("no-workbook"),
            TopologyError::NoReport { .. } => Some("no-report"),
            TopologyError::MarkedTooLarge => Some("marked-large"),
            TopologyError::InTheWay { .. } => Some("in-the-way"),
            TopologyError::UploadTooLarge => Some("workbook-long"),
            TopologyError::DiskFull => Some("no-space"),
            TopologyError::FileSizeLimit => Some("file-size-limit"),
            TopologyError::Io(_) => Some("io"),
        }
    }
}

/// Lists the names of sheets for a message.
fn listed(sheets: &[String]) -> String {
    const SHOWN_MAX: usize = 10;
    if sheets.is_empty() {
        return "none with cells".to_owned();
    }
    let mut shown: Vec<String> =
        sheets.iter().take(SHOWN_MAX).map(|sheet| format!("'{sheet}'")).collect();
    if sheets.len() > SHOWN_MAX {
        shown.push(format!("{} more", sheets.len() - SHOWN_MAX));
    }
    shown.join(", ")
}

impl From<WriteError> for TopologyError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Scratch(error) | WriteError::Output(error) => TopologyError::of_io(error),
            other => TopologyError::Write(other),
        }
    }
}
