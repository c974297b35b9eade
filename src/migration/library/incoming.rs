//! New bundles: uploaded, or written by an export.

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{BUNDLE_BYTES_MAX, error::LibraryError, project::Project, summary::ProjectSummary};
use crate::{codec::bundle::Limits, disk::TemporaryFile};

/// A bundle that is being uploaded, in a temporary file. If it is dropped, the file is removed.
#[derive(Debug)]
pub struct Upload {
    temporary: TemporaryFile,
    path: PathBuf,
    limits: Limits,
    bytes: u64,
}

impl Upload {
    pub(super) fn new(temporary: TemporaryFile, path: PathBuf, limits: Limits) -> Self {
        Self { temporary, path, limits, bytes: 0 }
    }

    /// Sets the number of uploaded bytes, for tests.
    #[cfg(test)]
    pub(super) fn pretend_written(&mut self, bytes: u64) {
        self.bytes = bytes;
    }

    /// Verifies the bundle with all checksums, and renames it to its final name. Records are not
    /// parsed.
    ///
    /// # Errors
    /// - [`LibraryError::Bundle`] if the bundle is refused; the upload is removed.
    /// - [`LibraryError::InTheWay`] if a folder has the bundle's file name.
    /// - [`LibraryError::DiskFull`], [`LibraryError::FileSizeLimit`] or [`LibraryError::Io`] if the
    ///   file cannot be read or renamed.
    pub fn finish(self) -> Result<ProjectSummary, LibraryError> {
        let file = self.temporary.file.try_clone().map_err(LibraryError::at(&self.path))?;
        let project = Project::from_bundle(file, &self.path, self.limits)?;
        project.verify()?;
        persist(self.temporary, &self.path)?;
        Ok(project.summary())
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.saturating_add(bytes.len() as u64) > BUNDLE_BYTES_MAX {
            return Err(LibraryError::Long.into());
        }
        let written = self.temporary.file.write(bytes);
        let written = written.map_err(LibraryError::at(&self.path))?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.file.flush()
    }
}

/// A bundle that an export writes, in a temporary file. If it is dropped before
/// [`commit`](Self::commit), the file is removed. Writes are not buffered.
#[derive(Debug)]
pub(crate) struct NewBundle {
    temporary: TemporaryFile,
    path: PathBuf,
}

impl NewBundle {
    pub(super) fn new(temporary: TemporaryFile, path: PathBuf) -> Self {
        Self { temporary, path }
    }

    /// Makes the bundle durable and renames it to its final name. Replaces a bundle with that name.
    /// Returns the length of the file in bytes.
    ///
    /// # Errors
    /// - [`LibraryError::InTheWay`] if a folder has the bundle's file name.
    /// - [`LibraryError::DiskFull`] or [`LibraryError::Io`] if the file cannot be synced or renamed.
    pub(crate) fn commit(self) -> Result<u64, LibraryError> {
        let bytes = self.temporary.file.metadata().map_err(LibraryError::at(&self.path))?.len();
        persist(self.temporary, &self.path)?;
        Ok(bytes)
    }
}

/// Makes a temporary file durable and renames it to its final name.
fn persist(temporary: TemporaryFile, to: &Path) -> Result<(), LibraryError> {
    temporary.persist(to).map_err(|error| match (error.kind(), to.file_name()) {
        (io::ErrorKind::IsADirectory, Some(file)) => {
            LibraryError::InTheWay { file: file.to_string_lossy().into_owned() }
        }
        _ => LibraryError::from_io(to, error),
    })
}

impl Write for NewBundle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.file.flush()
    }
}

impl Read for NewBundle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.temporary.file.read(buffer)
    }
}

impl Seek for NewBundle {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.temporary.file.seek(to)
    }
}
