//! Free space of a file system.

use std::{io, path::Path};

use rustix::fs::statvfs;

/// The size of a file system and its free space, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// The space that an unprivileged process can still use.
    pub free_bytes: u64,
    /// The total size of the file system.
    pub size_bytes: u64,
}

impl DiskSpace {
    /// Returns the space of the file system that holds `path`.
    ///
    /// # Errors
    /// Any error of `statvfs(3)`: `NotFound` if the path does not exist.
    pub fn of(path: &Path) -> io::Result<Self> {
        let disk = statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Ok(Self { free_bytes: bytes(disk.f_bavail), size_bytes: bytes(disk.f_blocks) })
    }
}
