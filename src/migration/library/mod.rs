//! The projects that lie in the data directory's `migrations/` folder.
//!
//! ```text
//! migrations/
//!   Backup.zip     the bundle of the project `Backup`
//!   examples/      the project `examples`, a folder as eNMS writes it, copied in by hand
//!   .aside-…       a bundle that is coming in or being written, or a folder that is going
//! ```
//!
//! A bundle takes its name only when it is whole and durable, and the one before it is there until
//! then. Who reads a project goes on reading what he opened, whatever takes its name meanwhile.
//!
//! Where a bundle and a folder have one name, **the bundle is the project**: it is what was last
//! exported or uploaded under that name, and nobody's folder is destroyed for it. The folder is
//! listed with that as its problem, and [`Project::hides_folder`] lets an import say it.

mod error;
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
pub use incoming::{BUNDLE_BYTES_MAX, NewBundle, Upload};
pub use project::Project;
pub use summary::{DocumentSummary, Layout, ProjectSummary};

use super::ProjectName;
use crate::{
    codec::bundle::Limits,
    disk::{
        TemporaryFile, file_validator, remove_folder, remove_temporary_entries, sync_directory,
    },
};

/// The ending of a bundle's file name.
const BUNDLE_ENDING: &str = ".zip";

/// Bundles hold secrets: the folder is for the appliance alone.
const LIBRARY_MODE: u32 = 0o700;

/// The project library. There is one for a data directory, which its process has to itself.
#[derive(Clone, Debug)]
pub struct ProjectLibrary {
    dir: PathBuf,
    limits: Limits,
}

/// A bundle as a file, to be sent.
#[derive(Debug)]
pub struct BundleFile {
    pub file: File,
    /// The file's length.
    pub bytes: u64,
    /// A strong validator: it differs whenever the file differs.
    pub validator: String,
    pub modified: SystemTime,
}

impl ProjectLibrary {
    /// Opens the project library in `dir`, which is made if it is missing, and clears away what was being
    /// written when the process before ended.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(dir: PathBuf) -> Result<Self, LibraryError> {
        DirBuilder::new().recursive(true).mode(LIBRARY_MODE).create(&dir)?;
        remove_temporary_entries(&dir)?;
        Ok(Self { dir, limits: Limits::default() })
    }

    /// The projects of a library whose folder might not exist, by name; broken ones with their problem.
    ///
    /// # Errors
    /// [`LibraryError::Io`] if the folder is there and cannot be read.
    pub fn list(library: &Path) -> Result<Vec<ProjectSummary>, LibraryError> {
        if library.is_dir() { list::projects(library, Limits::default()) } else { Ok(Vec::new()) }
    }

    /// All projects, by name; broken ones with their problem.
    ///
    /// # Errors
    /// The folder can not be read.
    pub fn projects(&self) -> Result<Vec<ProjectSummary>, LibraryError> {
        list::projects(&self.dir, self.limits)
    }

    /// Opens a project.
    ///
    /// # Errors
    /// There is none of this name, or it is broken.
    pub fn project(&self, name: &ProjectName) -> Result<Project, LibraryError> {
        let (bundle, folder) = (self.bundle_path(name), self.folder_path(name));
        match (sort(&bundle)?, sort(&folder)?) {
            (Sort::Missing | Sort::Folder, Sort::Missing | Sort::File) => {
                Err(LibraryError::NotFound { name: name.clone() })
            }
            (Sort::Missing | Sort::Folder, Sort::Folder | Sort::Link | Sort::Special) => {
                Project::open_folder(&folder, self.limits)
            }
            (Sort::File | Sort::Link | Sort::Special, beside) => {
                let mut project = Project::open_bundle(&bundle, self.limits)?;
                project.set_hides_folder(beside == Sort::Folder);
                Ok(project)
            }
        }
    }

    /// Opens a bundle's file, to be sent as it is.
    ///
    /// # Errors
    /// There is no project of this name, or it is a folder.
    pub fn file(&self, name: &ProjectName) -> Result<BundleFile, LibraryError> {
        let path = self.bundle_path(name);
        match (sort(&path)?, sort(&self.folder_path(name))?) {
            (Sort::Missing | Sort::Folder, Sort::Folder) => {
                return Err(LibraryError::FolderHasNoFile { name: name.clone() });
            }
            (Sort::Missing | Sort::Folder, _) => {
                return Err(LibraryError::NotFound { name: name.clone() });
            }
            (Sort::File | Sort::Link | Sort::Special, _) => {}
        }
        let file = project::open_file(&path)?;
        let metadata = file.metadata()?;
        Ok(BundleFile {
            bytes: metadata.len(),
            validator: file_validator(&file, &metadata)?,
            modified: metadata.modified()?,
            file,
        })
    }

    /// Begins to take in a bundle.
    ///
    /// # Errors
    /// A folder stands where its file belongs, or the disk's.
    pub fn upload(&self, name: &ProjectName) -> Result<Upload, LibraryError> {
        Ok(Upload::new(self.temporary(name)?, self.bundle_path(name), self.limits))
    }

    /// Begins to write a bundle.
    ///
    /// # Errors
    /// A folder stands where its file belongs, or the disk's.
    pub fn create(&self, name: &ProjectName) -> Result<NewBundle, LibraryError> {
        Ok(NewBundle::new(self.temporary(name)?, self.bundle_path(name)))
    }

    /// Removes a project: its bundle, and a folder of its name.
    ///
    /// # Errors
    /// There is neither, or the disk's.
    pub fn remove(&self, name: &ProjectName) -> Result<(), LibraryError> {
        let bundle = self.bundle_path(name);
        let had_bundle = match sort(&bundle)? {
            Sort::Missing | Sort::Folder => false,
            Sort::File | Sort::Link | Sort::Special => gone(fs::remove_file(&bundle))?,
        };
        let folder = self.folder_path(name);
        let had_folder = match sort(&folder)? {
            // A file without an ending is no project: it is somebody's.
            Sort::Missing | Sort::File | Sort::Special => false,
            Sort::Link => gone(fs::remove_file(&folder))?,
            Sort::Folder => remove_folder(&self.dir, &folder)?,
        };
        if !had_bundle && !had_folder {
            return Err(LibraryError::NotFound { name: name.clone() });
        }
        sync_directory(&self.dir)?;
        Ok(())
    }

    /// A file for a bundle that does not have its name yet.
    fn temporary(&self, name: &ProjectName) -> Result<TemporaryFile, LibraryError> {
        // Sooner here than after gigabytes were sent.
        match sort(&self.bundle_path(name))? {
            Sort::Folder => Err(LibraryError::InTheWay { file: format!("{name}{BUNDLE_ENDING}") }),
            Sort::Missing | Sort::File | Sort::Link | Sort::Special => {
                Ok(TemporaryFile::create(&self.dir)?)
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

/// What stands at a path, links not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Missing,
    File,
    Folder,
    Link,
    /// A device, pipe or socket.
    Special,
}

impl Sort {
    fn of(metadata: &fs::Metadata) -> Self {
        let sort = metadata.file_type();
        match (sort.is_file(), sort.is_dir(), sort.is_symlink()) {
            (true, _, _) => Sort::File,
            (_, true, _) => Sort::Folder,
            (_, _, true) => Sort::Link,
            (false, false, false) => Sort::Special,
        }
    }
}

fn sort(path: &Path) -> Result<Sort, LibraryError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Sort::of(&metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Sort::Missing),
        Err(error) => Err(error.into()),
    }
}

/// Whether a removal removed something; somebody else may have been faster.
fn gone(removal: io::Result<()>) -> Result<bool, LibraryError> {
    match removal {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
