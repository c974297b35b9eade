//! The errors of the audit log.

use std::{io, path::PathBuf};

/// The reason why the audit log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file or the folder cannot be read.
    #[error("reading the audit log at {}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("writing the audit log at {}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The system provides no thread.
    #[error("starting the thread of the audit log")]
    Thread(#[source] io::Error),
}

impl AuditError {
    /// The conversion of an error of reading.
    pub(super) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Read { path, source }
    }

    /// The conversion of an error of writing.
    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }
}
