//! The project library: the projects in the data directory's folder `migrations/`.
//!
//! ```text
//! migrations/
//!   Backup.zip     the bundle of the project `Backup`
//!   examples/      the project `examples`, a folder as eNMS writes it, copied in by hand
//!   .aside-…       a bundle that is being uploaded or written, or a folder that is being removed
//! ```
//!
//! A bundle gets its name when it is complete and durable; until then the previous bundle keeps it.
//! A project that is open for reading does not change, even if another project gets its name.
//!
//! If a bundle and a folder have the same name, **the bundle is the project**: it was exported or
//! uploaded later, and the folder is kept. The list shows this as a problem of the folder, and an
//! import of the bundle warns ([`Project::warnings`]).

mod error;
mod file;
mod folder;
mod incoming;
mod list;
mod project;
mod summary;

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

pub use error::{FileProblem, LibraryError};
pub(super) use incoming::NewBundle;
pub use incoming::Upload;
pub(super) use project::Project;
pub use summary::{DocumentSummary, Layout, ProjectSummary};

use super::ProjectName;
use crate::{
    codec::bundle::{Limits, limits::PROJECT_BYTES_MAX},
    disk::{
        TemporaryFile, file_validator, remove_folder, remove_temporary_entries, sync_directory,
    },
};
use file::{FileType, file_type, open_file};

/// The extension of the file name of a bundle.
const BUNDLE_ENDING: &str = ".zip";

/// The longest bundle, in bytes. Deflate at its lowest level lengthens random bytes by a twentieth;
/// no compressor needs more than an eighth.
pub const BUNDLE_BYTES_MAX: u64 = PROJECT_BYTES_MAX / 8 * 9;

/// The folder's mode. Bundles contain secrets, so only the server's own user can read them.
const LIBRARY_MODE: u32 = 0o700;

/// The project library of a data directory. Only one process uses it at a time.
#[derive(Clone, Debug)]
pub(super) struct ProjectLibrary {
    dir: PathBuf,
    limits: Limits,
}

/// A bundle as a file to download.
#[derive(Debug)]
pub struct BundleFile {
    /// The open file, at its beginning.
    pub file: File,
    /// The file's length in bytes.
    pub bytes: u64,
    /// A strong validator (RFC 9110), from which the ETag is made: it differs whenever the file
    /// differs.
    pub validator: String,
    /// The time of its last change.
    pub modified: SystemTime,
}

impl ProjectLibrary {
    /// Opens the project library in `dir`, creates the folder if it is missing, and removes the
    /// temporary files that a killed process left.
    ///
    /// # Errors
    /// [`LibraryError::Io`] if the folder cannot be created or read.
    pub(super) fn open(dir: PathBuf) -> Result<Self, LibraryError> {
        DirBuilder::new()
            .recursive(true)
            .mode(LIBRARY_MODE)
            .create(&dir)
            .map_err(LibraryError::at(&dir))?;
        remove_temporary_entries(&dir).map_err(LibraryError::at(&dir))?;
        Ok(Self { dir, limits: Limits::default() })
    }

    /// Lists the projects of a library by name, with the problem of each damaged project. The
    /// folder might not exist.
    ///
    /// # Errors
    /// [`LibraryError::Io`] if the folder exists and cannot be read.
    pub(super) fn list(library: &Path) -> Result<Vec<ProjectSummary>, LibraryError> {
        if library.is_dir() { list::projects(library, Limits::default()) } else { Ok(Vec::new()) }
    }

    /// Lists all projects by name, with the problem of each damaged project.
    ///
    /// # Errors
    /// [`LibraryError::Io`] if the folder cannot be read.
    pub(super) fn projects(&self) -> Result<Vec<ProjectSummary>, LibraryError> {
        list::projects(&self.dir, self.limits)
    }

    /// Opens a project.
    ///
    /// # Errors
    /// - [`LibraryError::NotFound`] if no project has this name.
    /// - [`LibraryError::Bundle`] or [`LibraryError::File`] if the project is refused.
    /// - [`LibraryError::Io`] if it cannot be read.
    pub(super) fn project(&self, name: &ProjectName) -> Result<Project, LibraryError> {
        let (bundle, folder) = (self.bundle_path(name), self.folder_path(name));
        match (file_type(&bundle)?, file_type(&folder)?) {
            (FileType::Missing | FileType::Folder, FileType::Missing | FileType::File) => {
                Err(LibraryError::NotFound { name: name.clone() })
            }
            (
                FileType::Missing | FileType::Folder,
                FileType::Folder | FileType::Link | FileType::Special,
            ) => Project::open_folder(&folder, self.limits),
            (FileType::File | FileType::Link | FileType::Special, beside) => {
                let mut project = Project::open_bundle(&bundle, self.limits)?;
                project.set_hides_folder(beside == FileType::Folder);
                Ok(project)
            }
        }
    }

    /// Opens the file of a bundle for download.
    ///
    /// # Errors
    /// - [`LibraryError::NotFound`] if no project has this name.
    /// - [`LibraryError::FolderHasNoFile`] if the project is a folder.
    /// - [`LibraryError::File`] or [`LibraryError::Io`] if the file cannot be read.
    pub(super) fn file(&self, name: &ProjectName) -> Result<BundleFile, LibraryError> {
        let path = self.bundle_path(name);
        match (file_type(&path)?, file_type(&self.folder_path(name))?) {
            (FileType::Missing | FileType::Folder, FileType::Folder) => {
                return Err(LibraryError::FolderHasNoFile { name: name.clone() });
            }
            (FileType::Missing | FileType::Folder, _) => {
                return Err(LibraryError::NotFound { name: name.clone() });
            }
            (FileType::File | FileType::Link | FileType::Special, _) => {}
        }
        let file = open_file(&path)?;
        let metadata = file.metadata().map_err(LibraryError::at(&path))?;
        let validator = file_validator(&file, &metadata).map_err(LibraryError::at(&path))?;
        Ok(BundleFile {
            bytes: metadata.len(),
            validator,
            modified: metadata.modified().map_err(LibraryError::at(&path))?,
            file,
        })
    }

    /// Starts the upload of a bundle.
    ///
    /// # Errors
    /// - [`LibraryError::InTheWay`] if a folder has the bundle's file name.
    /// - [`LibraryError::DiskFull`] or [`LibraryError::Io`] if no temporary file can be created.
    pub(super) fn upload(&self, name: &ProjectName) -> Result<Upload, LibraryError> {
        Ok(Upload::new(self.temporary(name)?, self.bundle_path(name), self.limits))
    }

    /// Starts to write a bundle.
    ///
    /// # Errors
    /// - [`LibraryError::InTheWay`] if a folder has the bundle's file name.
    /// - [`LibraryError::DiskFull`] or [`LibraryError::Io`] if no temporary file can be created.
    pub(super) fn create(&self, name: &ProjectName) -> Result<NewBundle, LibraryError> {
        Ok(NewBundle::new(self.temporary(name)?, self.bundle_path(name)))
    }

    /// Removes a project: its bundle, and the folder of the same name.
    ///
    /// # Errors
    /// - [`LibraryError::NotFound`] if there is neither.
    /// - [`LibraryError::Io`] if they cannot be removed.
    pub(super) fn remove(&self, name: &ProjectName) -> Result<(), LibraryError> {
        let bundle = self.bundle_path(name);
        let had_bundle = match file_type(&bundle)? {
            FileType::Missing | FileType::Folder => false,
            FileType::File | FileType::Link | FileType::Special => {
                removed(&bundle, fs::remove_file(&bundle))?
            }
        };
        let folder = self.folder_path(name);
        let had_folder = match file_type(&folder)? {
            // A file without the extension is not a project. It is kept.
            FileType::Missing | FileType::File | FileType::Special => false,
            FileType::Link => removed(&folder, fs::remove_file(&folder))?,
            FileType::Folder => {
                remove_folder(&self.dir, &folder).map_err(LibraryError::at(&folder))?
            }
        };
        if !had_bundle && !had_folder {
            return Err(LibraryError::NotFound { name: name.clone() });
        }
        sync_directory(&self.dir).map_err(LibraryError::at(&self.dir))
    }

    /// A file for a bundle that does not have its name yet.
    fn temporary(&self, name: &ProjectName) -> Result<TemporaryFile, LibraryError> {
        // Checked before the upload, not after gigabytes are sent.
        match file_type(&self.bundle_path(name))? {
            FileType::Folder => {
                Err(LibraryError::InTheWay { file: format!("{name}{BUNDLE_ENDING}") })
            }
            FileType::Missing | FileType::File | FileType::Link | FileType::Special => {
                TemporaryFile::create(&self.dir).map_err(LibraryError::at(&self.dir))
            }
        }
    }

    fn bundle_path(&self, name: &ProjectName) -> PathBuf {
        self.dir.join(format!("{name}{BUNDLE_ENDING}"))
    }

    fn folder_path(&self, name: &ProjectName) -> PathBuf {
        self.dir.join(name.as_str())
    }
}

/// Returns whether the removal of `path` removed a file. Another process might have removed it.
fn removed(path: &Path, removal: io::Result<()>) -> Result<bool, LibraryError> {
    match removal {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(LibraryError::from_io(path, error)),
    }
}

#[cfg(test)]
mod tests;
