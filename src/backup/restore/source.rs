//! A file that is restored: a backup, or a bundle without the parts of a backup.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use crate::{
    backup::{
        BackupError, Manifest, RefusedBackup,
        parts::{PartLines, READ_BYTES, check_parts},
        read::{BackupReader, TEXTS_PART},
    },
    job::Progress,
    migration::BundleDocuments,
    model::Kind,
    wording::hex,
};

/// A file whose checksums have been compared.
pub(super) struct RestoreSource {
    path: PathBuf,
    documents: BundleDocuments,
    /// `None` for a bundle.
    backup: Option<Arc<BackupReader>>,
    sha256: String,
}

impl RestoreSource {
    /// Opens the backup or bundle in `file`, and compares every checksum. `path` is its path, for messages.
    ///
    /// # Errors
    /// - [`BackupError::Refused`] if it is neither, is damaged, or has a newer format.
    /// - [`BackupError::Documents`] if the documents of a bundle are refused.
    /// - [`BackupError::Store`] if the operation was cancelled, or [`BackupError::Io`].
    pub(super) fn open(file: &File, path: &Path, progress: &Progress) -> Result<Self, BackupError> {
        let clone = || file.try_clone().map_err(BackupError::at(path));
        let backup = match BackupReader::of_file(clone()?, path) {
            Ok(reader) => {
                check_parts(path, &reader, progress)?;
                Some(Arc::new(reader))
            }
            Err(BackupError::Refused(RefusedBackup::NotABackup)) => None,
            Err(error) => return Err(error),
        };
        let sha256 = match &backup {
            Some(reader) => reader.manifest().sha256.clone(),
            None => sha256_of(clone()?, progress).map_err(BackupError::at(path))?,
        };
        let documents = BundleDocuments::open(clone()?, path);
        let documents = documents.map_err(BackupError::of_documents)?;
        progress.check()?;
        Ok(Self { path: path.to_owned(), documents, backup, sha256 })
    }

    /// The SHA-256 of the manifest's list of parts; of a bundle, that of the file.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The description of a backup. `None` for a bundle.
    pub(super) fn manifest(&self) -> Option<&Manifest> {
        self.backup.as_ref().map(|reader| reader.manifest())
    }

    /// The documents with the records.
    pub(super) fn documents(&self) -> &BundleDocuments {
        &self.documents
    }

    /// Returns the kinds that the file has records of, also if their number is 0.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        self.documents.kinds().collect()
    }

    /// Returns the lines with the long texts. `None` if the file has no such part.
    pub(super) fn texts(&self) -> Option<TextsPart> {
        let reader = self.backup.clone()?;
        let part = TextsPart { path: self.path.clone(), reader };
        part.lines().is_some().then_some(part)
    }
}

/// The part of a backup with the long texts. It can be read several times.
pub(super) struct TextsPart {
    path: PathBuf,
    reader: Arc<BackupReader>,
}

impl TextsPart {
    /// Begins with the first line.
    pub(super) fn lines(&self) -> Option<PartLines<'_>> {
        PartLines::open(&self.path, &self.reader, TEXTS_PART)
    }
}

/// Returns the SHA-256 of a file, also if its position is not at its beginning.
fn sha256_of(file: File, progress: &Progress) -> std::io::Result<String> {
    use std::io::{Seek, SeekFrom};
    let mut from = BufReader::with_capacity(READ_BYTES, file);
    from.seek(SeekFrom::Start(0))?;
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = from.read(&mut buffer)?;
        // The caller reports the cancellation.
        if read == 0 || progress.is_cancelled() {
            return Ok(hex(&sha256.finalize()));
        }
        sha256.update(&buffer[..read]);
    }
}
