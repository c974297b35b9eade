//! Opens a backup and reads its manifest.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use super::{
    BackupError, Manifest, RefusedBackup,
    manifest::{BACKUP_FORMAT, MANIFEST_BYTES_MAX},
};
use crate::{
    codec::bundle::{
        BundleError, BundleReader, DocumentReader, Limits, MANIFEST_NAME, METADATA_NAME,
        PARTS_FOLDER, document_name,
    },
    disk::open_without_following,
    model::Kind,
};

/// The part with the long texts, in the folder `satchel/`.
pub(super) const TEXTS_PART: &str = "configurations.ndjson";

/// The part with the changes.
pub(super) const HISTORY_PART: &str = "history.ndjson";

/// An opened backup. Its directory and its manifest have been checked; its parts are checked as they are
/// read.
pub(super) struct BackupReader {
    bundle: BundleReader<File>,
    manifest: Manifest,
}

impl BackupReader {
    /// Opens a backup.
    ///
    /// # Errors
    /// - [`BackupError::Refused`] if the file is not a backup, is damaged, or has a newer format.
    /// - [`BackupError::Io`] if it cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self, BackupError> {
        Self::of_file(open_regular(path)?, path)
    }

    /// Opens the backup in a file. `path` is its path, for messages.
    ///
    /// # Errors
    /// As for [`BackupReader::open`].
    pub(super) fn of_file(file: File, path: &Path) -> Result<Self, BackupError> {
        let bundle = BundleReader::open(file, Limits::default());
        let bundle = bundle.map_err(|error| of_bundle(path, error))?;
        let manifest = read_manifest(path, &bundle)?;
        let reader = Self { bundle, manifest };
        reader.compare_parts()?;
        Ok(reader)
    }

    /// Returns a reader of an entry of the archive, if there is one of this name.
    pub(super) fn entry(&self, name: &str) -> Option<DocumentReader<File>> {
        if let Some(name) = name.strip_prefix(PARTS_FOLDER) {
            return self.bundle.part(name);
        }
        if name == METADATA_NAME {
            return self.bundle.metadata_document();
        }
        let kind = Kind::ALL.into_iter().find(|kind| name == document_name(*kind))?;
        self.bundle.document(kind)
    }

    /// The description of the backup.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Compares the names and lengths of the entries with the manifest.
    fn compare_parts(&self) -> Result<(), RefusedBackup> {
        let documents = self.bundle.documents();
        let documents = documents.map(|(kind, bytes)| (document_name(kind), bytes));
        let parts = self.bundle.parts().filter(|(name, _)| *name != MANIFEST_NAME);
        let parts = parts.map(|(name, bytes)| (format!("{PARTS_FOLDER}{name}"), bytes));
        let found: Vec<(String, u64)> = documents.chain(parts).collect();
        // The bundle has compared the metadata with the documents.
        let declared = self.manifest.parts.iter().filter(|part| part.name != METADATA_NAME);
        for part in declared.clone() {
            if !found.iter().any(|(name, bytes)| *name == part.name && *bytes == part.bytes) {
                return Err(RefusedBackup::Part { part: part.name.clone() });
            }
        }
        let is_declared = |name: &str| declared.clone().any(|part| part.name == name);
        match found.into_iter().find(|(name, _)| !is_declared(name)) {
            Some((part, _)) => Err(RefusedBackup::Unlisted { part }),
            None => Ok(()),
        }
    }
}

/// Opens a regular file for reading. Does not follow symbolic links.
///
/// # Errors
/// [`RefusedBackup::Special`] if it is not a regular file, [`BackupError::Io`] if it cannot be opened.
pub(super) fn open_regular(path: &Path) -> Result<File, BackupError> {
    let require_regular = |metadata: fs::Metadata| {
        if metadata.is_file() { Ok(()) } else { Err(RefusedBackup::Special) }
    };
    require_regular(fs::symlink_metadata(path).map_err(BackupError::at(path))?)?;
    // The file may have been replaced meanwhile, so the open file is checked again.
    let file = open_without_following(path).map_err(BackupError::at(path))?;
    require_regular(file.metadata().map_err(BackupError::at(path))?)?;
    Ok(file)
}

/// Returns the manifest of a backup. `None` if the file is a bundle without one.
///
/// # Errors
/// - [`BackupError::Refused`] if the file is damaged, or has a newer format.
/// - [`BackupError::Io`] if it cannot be read.
pub fn manifest_of(path: &Path) -> Result<Option<Manifest>, BackupError> {
    match BackupReader::open(path) {
        Ok(reader) => Ok(Some(reader.manifest)),
        Err(BackupError::Refused(RefusedBackup::NotABackup)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns whether the file at `path` is a backup, also one of a newer format or with damaged parts, and not a
/// bundle. A file that is no archive is neither.
///
/// # Errors
/// [`BackupError::Io`] if the file cannot be read.
pub fn has_manifest(path: &Path) -> Result<bool, BackupError> {
    match BackupReader::open(path) {
        Ok(_) => Ok(true),
        Err(BackupError::Refused(RefusedBackup::Bundle(_) | RefusedBackup::NotABackup)) => {
            Ok(false)
        }
        Err(BackupError::Refused(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Returns the manifest of the backup in an open file. `path` is its path, for messages.
///
/// # Errors
/// As for [`manifest_of`]; also [`RefusedBackup::NotABackup`].
pub fn manifest_in(file: &File, path: &Path) -> Result<Manifest, BackupError> {
    let file = file.try_clone().map_err(BackupError::at(path))?;
    Ok(BackupReader::of_file(file, path)?.manifest)
}

fn read_manifest(path: &Path, bundle: &BundleReader<File>) -> Result<Manifest, BackupError> {
    let Some(mut part) = bundle.part(MANIFEST_NAME) else {
        return Err(RefusedBackup::NotABackup.into());
    };
    let bytes = bundle.parts().find(|(name, _)| *name == MANIFEST_NAME).map_or(0, |(_, it)| it);
    if bytes > MANIFEST_BYTES_MAX {
        return Err(RefusedBackup::ManifestLong { bytes, bytes_max: MANIFEST_BYTES_MAX }.into());
    }
    let mut text = Vec::new();
    let read = part.read_to_end(&mut text);
    read.map_err(|error| of_bundle(path, BundleError::from_io(error)))?;
    /// The only member that is the same in all formats.
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_slice(&text).map_err(RefusedBackup::Manifest)?;
    if format > BACKUP_FORMAT {
        return Err(RefusedBackup::Newer { format }.into());
    }
    Ok(serde_json::from_slice(&text).map_err(RefusedBackup::Manifest)?)
}

/// Returns the error of a bundle at `path`.
pub(super) fn of_bundle(path: &Path, error: BundleError) -> BackupError {
    match error {
        BundleError::Io(source) => BackupError::Io { path: path.to_owned(), source },
        refused => RefusedBackup::Bundle(refused).into(),
    }
}
