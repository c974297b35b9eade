//! The files of a project library: their types, and how they are opened.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use super::error::{FileProblem, LibraryError};
use crate::disk::open_without_following;

/// The type of the file at a path. Links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileType {
    Missing,
    File,
    Folder,
    Link,
    /// A device, pipe or socket.
    Special,
}

impl FileType {
    /// The type of a file with this metadata.
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        let file_type = metadata.file_type();
        if file_type.is_file() {
            Self::File
        } else if file_type.is_dir() {
            Self::Folder
        } else if file_type.is_symlink() {
            Self::Link
        } else {
            Self::Special
        }
    }
}

/// Returns the type of the file at a path.
///
/// # Errors
/// [`LibraryError::Io`] if its metadata cannot be read.
pub(super) fn file_type(path: &Path) -> Result<FileType, LibraryError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(FileType::of(&metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(FileType::Missing),
        Err(error) => Err(LibraryError::from_io(path, error)),
    }
}

/// Returns the last part of a path as text.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns whether a file has the extension of YAML, in upper or lower case.
pub(super) fn is_yaml(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
    })
}

/// Opens a regular file for reading. Does not follow symbolic links and does not block on pipes.
///
/// # Errors
/// [`LibraryError::File`] if it is not a regular file, [`LibraryError::Io`] if it cannot be opened.
pub(super) fn open_file(path: &Path) -> Result<File, LibraryError> {
    let refused = |problem| LibraryError::File { file: file_name(path), problem };
    let check = |file_type| match file_type {
        FileType::File => Ok(()),
        FileType::Folder => Err(refused(FileProblem::Folder)),
        FileType::Link => Err(refused(FileProblem::Link)),
        FileType::Special => Err(refused(FileProblem::Special)),
        FileType::Missing => Err(refused(FileProblem::Changed)),
    };
    check(file_type(path)?)?;
    // The file may have been replaced meanwhile, so the open file is checked again.
    let file = open_without_following(path).map_err(LibraryError::at(path))?;
    check(FileType::of(&file.metadata().map_err(LibraryError::at(path))?))?;
    Ok(file)
}
