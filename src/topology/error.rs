//! Why an export or an import did not happen.

use std::io;

use super::WORKBOOK_BYTES_MAX;
use crate::{
    codec::workbook::{CELL_UNITS_MAX, DecodeError, WriteError},
    import::ImportError,
    job::Cancelled,
    model::Kind,
    store::StoreError,
};

/// Why a workbook could not be moved at all. What is wrong *in* its cells is in the report.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Mostly a limit of the format.
    #[error(transparent)]
    Write(WriteError),
    /// A value that no cell can hold.
    #[error(
        "the property '{property}' of the {kind} '{record}' has {units} characters, and a cell \
         holds {CELL_UNITS_MAX}; a project's export has no such limit"
    )]
    CellLong { kind: Kind, record: String, property: String, units: usize },
    #[error("the workbook has no sheet 'device' and no sheet 'link'; it has {}", listed(sheets))]
    NoSheet { sheets: Vec<String> },
    #[error("there is no workbook named '{name}'")]
    NotFound { name: String },
    /// Nothing is kept of the import, or it had no problem.
    #[error("there is no workbook of the import '{id}' to be handed back")]
    NoReport { id: String },
    #[error("the workbook is too large to be handed back; the report of the import says all")]
    MarkedLarge,
    #[error("a folder or a special file named '{name}' stands where the workbook belongs")]
    InTheWay { name: String },
    #[error("a workbook has at most {WORKBOOK_BYTES_MAX} bytes")]
    Long,
    #[error("the disk of the appliance is full; nothing was changed")]
    NoSpace,
    #[error(
        "the file would grow beyond the size that the operating system allows this process \
         (`ulimit -f`, or `LimitFSIZE=` of its service); nothing was changed"
    )]
    FileSizeLimit,
    #[error("cannot read or write a workbook")]
    Io(#[source] io::Error),
}

impl From<Cancelled> for TopologyError {
    fn from(cancelled: Cancelled) -> Self {
        StoreError::from(cancelled).into()
    }
}

impl TopologyError {
    /// Whether what was sent or asked for is at fault, and not the appliance: the difference
    /// between an answer of 422 and one of 500.
    pub fn is_of_workbook(&self) -> bool {
        match self {
            TopologyError::Decode(error) => error.is_of_workbook(),
            TopologyError::Write(error) => match error {
                WriteError::Rows { .. }
                | WriteError::Columns { .. }
                | WriteError::Text { .. }
                | WriteError::SheetName { .. }
                | WriteError::NoSheet
                | WriteError::Long { .. } => true,
                WriteError::Io(_) => false,
            },
            TopologyError::CellLong { .. }
            | TopologyError::NoSheet { .. }
            | TopologyError::MarkedLarge => true,
            TopologyError::Store(_)
            | TopologyError::Import(_)
            | TopologyError::NotFound { .. }
            | TopologyError::NoReport { .. }
            | TopologyError::InTheWay { .. }
            | TopologyError::Long
            | TopologyError::NoSpace
            | TopologyError::FileSizeLimit
            | TopologyError::Io(_) => false,
        }
    }

    /// A short word for scripts; none where the cause has words of its own.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            TopologyError::Store(_) | TopologyError::Import(_) => None,
            TopologyError::Decode(error) => Some(error.code()),
            TopologyError::Write(error) => Some(match error {
                WriteError::Rows { .. } => "too-many-rows",
                WriteError::Columns { .. } => "too-many-columns",
                WriteError::Text { .. } => "cell-long",
                WriteError::SheetName { .. } | WriteError::NoSheet => "sheet-name",
                WriteError::Long { .. } => "workbook-long",
                WriteError::Io(_) => "io",
            }),
            TopologyError::CellLong { .. } => Some("cell-long"),
            TopologyError::NoSheet { .. } => Some("no-sheet"),
            TopologyError::NotFound { .. } => Some("no-workbook"),
            TopologyError::NoReport { .. } => Some("no-report"),
            TopologyError::MarkedLarge => Some("marked-large"),
            TopologyError::InTheWay { .. } => Some("in-the-way"),
            TopologyError::Long => Some("workbook-long"),
            TopologyError::NoSpace => Some("no-space"),
            TopologyError::FileSizeLimit => Some("file-size-limit"),
            TopologyError::Io(_) => Some("io"),
        }
    }
}

/// The names of sheets, for a sentence.
fn listed(sheets: &[String]) -> String {
    const SHOWN_MAX: usize = 10;
    if sheets.is_empty() {
        return "no sheet with cells".to_owned();
    }
    let mut shown: Vec<String> =
        sheets.iter().take(SHOWN_MAX).map(|sheet| format!("'{sheet}'")).collect();
    if sheets.len() > SHOWN_MAX {
        shown.push(format!("{} more", sheets.len() - SHOWN_MAX));
    }
    shown.join(", ")
}

/// Finds what readers and writers could only say as an [`io::Error`].
impl From<io::Error> for TopologyError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<TopologyError>() {
            Ok(found) => found,
            Err(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => TopologyError::NoSpace,
                io::ErrorKind::FileTooLarge => TopologyError::FileSizeLimit,
                _ => TopologyError::Io(error),
            },
        }
    }
}

impl From<WriteError> for TopologyError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Io(error) => error.into(),
            other => TopologyError::Write(other),
        }
    }
}
