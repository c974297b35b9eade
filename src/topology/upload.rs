//! A workbook that is being sent.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use tempfile::{Builder, NamedTempFile};

use super::{SourceFormat, TopologyError};
use crate::import::ImportError;

/// The longest workbook that is taken in, in bytes. A million devices of twenty properties have
/// 100 MB as `.xlsx`.
pub const WORKBOOK_BYTES_MAX: u64 = 256 << 20;

/// What an OLE2 container begins with, and in it a `.xls`.
const OLE2: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// What a zip archive begins with.
const ZIP: &[u8] = b"PK";

/// A workbook or table that is being sent. It is written to as it comes; dropped, it was never
/// there.
#[derive(Debug)]
pub struct Upload {
    file: NamedTempFile,
    bytes: u64,
}

impl Upload {
    pub(super) fn new(scratch: &Path) -> Result<Self, TopologyError> {
        let file = Builder::new().prefix("upload-").tempfile_in(scratch)?;
        Ok(Self { file, bytes: 0 })
    }

    /// Another handle on the file, for a child that reads it from its beginning.
    pub(super) fn file(&self) -> io::Result<File> {
        self.file.as_file().try_clone()
    }

    /// What it is by its first bytes. What is no workbook is taken for a table; whether it may be
    /// one is decided elsewhere.
    pub(super) fn format(&self) -> io::Result<SourceFormat> {
        format(self.file.as_file())
    }

    /// Lets `attach` move the file from its path, and gives up its removal.
    ///
    /// # Errors
    /// That of `attach`, after which the file is removed.
    pub(super) fn keep(
        self,
        attach: impl FnOnce(&Path) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let path = self.file.into_temp_path();
        attach(&path)?;
        path.keep().map(drop).map_err(|error| ImportError::Report(error.error))
    }
}

/// What a file is by its first bytes.
pub(super) fn format(file: &File) -> io::Result<SourceFormat> {
    use std::os::unix::fs::FileExt;
    let mut first = [0; OLE2.len()];
    let read = file.read_at(&mut first, 0)?;
    let first = &first[..read];
    Ok(if first.starts_with(OLE2) {
        SourceFormat::Xls
    } else if first.starts_with(ZIP) {
        SourceFormat::Xlsx
    } else {
        SourceFormat::Csv
    })
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.saturating_add(bytes.len() as u64) > WORKBOOK_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, TopologyError::Long));
        }
        let written = self.file.as_file_mut().write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}
