//! Bundles that come in: uploaded, or written by an export.

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{LibraryError, Project, ProjectSummary};
use crate::{
    codec::bundle::{Limits, limits::PROJECT_BYTES_MAX},
    disk::TemporaryFile,
};

/// The longest bundle, in bytes. The least effort of deflate makes random bytes longer by a
/// twentieth; no packer needs more than an eighth.
pub const BUNDLE_BYTES_MAX: u64 = PROJECT_BYTES_MAX / 8 * 9;

/// A bundle that is being sent. It is written to as it comes; dropped, it was never there.
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

    /// Counts bytes that were never sent.
    #[cfg(test)]
    pub(super) fn pretend_written(&mut self, bytes: u64) {
        self.bytes = bytes;
    }

    /// Checks the whole bundle, each document by its checksums, and takes it under its name. What
    /// the documents say is not looked at.
    ///
    /// # Errors
    /// What is wrong with it, and then it is gone; or the disk's.
    pub fn finish(self) -> Result<ProjectSummary, LibraryError> {
        let project =
            Project::from_bundle(self.temporary.file.try_clone()?, &self.path, self.limits)?;
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
        let written = self.temporary.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.file.flush()
    }
}

/// A bundle that an export writes. It takes its name when it is committed; dropped, it was never
/// there. Writes go straight to the file.
#[derive(Debug)]
pub struct NewBundle {
    temporary: TemporaryFile,
    path: PathBuf,
}

impl NewBundle {
    pub(super) fn new(temporary: TemporaryFile, path: PathBuf) -> Self {
        Self { temporary, path }
    }

    /// Makes the bundle durable, and gives it its name: a bundle that had it is replaced whole.
    /// Gives the file's length in bytes.
    ///
    /// # Errors
    /// A folder stands in the way, or the disk's.
    pub fn commit(self) -> Result<u64, LibraryError> {
        let bytes = self.temporary.file.metadata()?.len();
        persist(self.temporary, &self.path)?;
        Ok(bytes)
    }
}

/// Gives a bundle its name.
fn persist(temporary: TemporaryFile, to: &Path) -> Result<(), LibraryError> {
    temporary.persist(to).map_err(|error| match (error.kind(), to.file_name()) {
        (io::ErrorKind::IsADirectory, Some(file)) => {
            LibraryError::InTheWay { file: file.to_string_lossy().into_owned() }
        }
        _ => error.into(),
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
