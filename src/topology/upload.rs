//! A workbook that is being received.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use tempfile::{Builder, NamedTempFile};

use super::{SourceFormat, TopologyError, WORKBOOK_BYTES_MAX};

/// First bytes of an OLE2 container, as of a `.xls`.
const OLE2: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// First bytes of a zip archive, as of a `.xlsx`.
const ZIP: &[u8] = b"PK";

/// A workbook or table that is being received. Dropping it deletes the file.
#[derive(Debug)]
pub struct Upload {
    file: NamedTempFile,
    bytes: u64,
}

impl Upload {
    pub(super) fn new(scratch: &Path) -> Result<Self, TopologyError> {
        let file =
            Builder::new().prefix("upload-").tempfile_in(scratch).map_err(TopologyError::of_io)?;
        Ok(Self { file, bytes: 0 })
    }

    /// Another handle of the file, for the child process that decodes it.
    pub(super) fn file(&self) -> io::Result<File> {
        self.file.as_file().try_clone()
    }

    /// The format, from the first bytes. A file that is not a workbook counts as a table; the
    /// caller decides whether tables are allowed.
    pub(super) fn format(&self) -> io::Result<SourceFormat> {
        format(self.file.as_file())
    }

    /// Keeps the file: `moved` moves it from its path to another one.
    pub(super) fn keep<E>(self, moved: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
        let path = self.file.into_temp_path();
        moved(&path)?;
        // The file is no longer at this path, so there is nothing to delete. On Unix this only
        // forgets the path, and cannot fail.
        let _ = path.keep();
        Ok(())
    }
}

/// The format of a file by its first bytes.
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
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, TopologyError::UploadTooLarge));
        }
        let written = self.file.as_file_mut().write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}
