//! Reads the parts of a backup: their checksums, and their lines.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use sha2::{Digest as _, Sha256};

use super::{
    BackupError, Manifest, RefusedBackup, TextProblem,
    manifest::sha256_of_parts,
    read::{BackupReader, of_bundle},
};
use crate::{
    codec::bundle::{BundleError, DocumentReader, PARTS_FOLDER},
    job::Progress,
    model::limits::{LONG_TEXT_BYTES_MAX, RECORD_BYTES_MAX},
    wording::hex,
};

/// The longest line, in bytes: a record or a text, whose characters JSON writes with up to six bytes each.
const LINE_BYTES_MAX: usize = 6 * max(LONG_TEXT_BYTES_MAX, RECORD_BYTES_MAX as usize) + (64 << 10);

/// The bytes of a part that are read at once.
pub(super) const READ_BYTES: usize = 128 << 10;

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// Compares every part with its checksum in the manifest, and the list of all parts with its own.
///
/// # Errors
/// - [`RefusedBackup::Checksum`] for the first part that differs, and [`RefusedBackup::Bundle`] for one that
///   cannot be unpacked.
/// - [`BackupError::Store`] if the operation was cancelled, or [`BackupError::Io`].
pub(super) fn check_parts(
    path: &Path,
    reader: &BackupReader,
    progress: &Progress,
) -> Result<(), BackupError> {
    let Manifest { parts, sha256, .. } = reader.manifest();
    let mut buffer = vec![0; READ_BYTES];
    for part in parts {
        let Some(mut from) = reader.entry(&part.name) else {
            return Err(RefusedBackup::Part { part: part.name.clone() }.into());
        };
        let mut hash = Sha256::new();
        loop {
            progress.check()?;
            let read = from.read(&mut buffer);
            let read = read.map_err(|error| of_bundle(path, BundleError::from_io(error)))?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
        }
        if hex(&hash.finalize()) != part.sha256 {
            return Err(RefusedBackup::Checksum { part: part.name.clone() }.into());
        }
    }
    if sha256_of_parts(parts) == *sha256 {
        Ok(())
    } else {
        Err(RefusedBackup::Checksum { part: "satchel/manifest.json".to_owned() }.into())
    }
}

/// Reads the lines of a part.
pub(super) struct PartLines<'b> {
    path: &'b Path,
    name: &'b str,
    from: BufReader<DocumentReader<File>>,
    /// The number of the last line, from 1.
    number: u64,
}

impl<'b> PartLines<'b> {
    /// Opens a part in the folder `satchel/`. `None` if the backup does not have it.
    pub(super) fn open(path: &'b Path, reader: &BackupReader, name: &'b str) -> Option<Self> {
        let from = reader.entry(&format!("{PARTS_FOLDER}{name}"))?;
        Some(Self { path, name, from: BufReader::with_capacity(READ_BYTES, from), number: 0 })
    }

    /// Reads the next line into `line`, with its end. Returns whether there was one.
    ///
    /// # Errors
    /// - [`RefusedBackup::Line`] for a line that is too long.
    /// - [`RefusedBackup::Bundle`] or [`BackupError::Io`] if the part cannot be read.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> Result<bool, BackupError> {
        line.clear();
        self.number += 1;
        let mut from = (&mut self.from).take(LINE_BYTES_MAX as u64 + 1);
        let read = from.read_until(b'\n', line);
        let read = read.map_err(|error| of_bundle(self.path, BundleError::from_io(error)))?;
        if read > LINE_BYTES_MAX {
            let error = io::Error::other(format!("it has more than {LINE_BYTES_MAX} bytes"));
            return Err(self.refused(serde_json::Error::io(error)).into());
        }
        Ok(read > 0)
    }

    /// Parses a line that [`next`](Self::next) has read.
    ///
    /// # Errors
    /// [`RefusedBackup::Line`] if it has another form.
    pub(super) fn parse<'l, T: serde::Deserialize<'l>>(
        &self,
        line: &'l [u8],
    ) -> Result<T, RefusedBackup> {
        serde_json::from_slice(line).map_err(|error| self.refused(error))
    }

    /// Returns the error of a text that was read last and cannot be restored.
    pub(super) fn refused_text(&self, problem: TextProblem) -> RefusedBackup {
        RefusedBackup::Text { line: self.number, problem }
    }

    fn refused(&self, source: serde_json::Error) -> RefusedBackup {
        let part = format!("{PARTS_FOLDER}{}", self.name);
        RefusedBackup::Line { part, line: self.number, source }
    }
}
