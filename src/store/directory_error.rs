//! The reasons why a data directory cannot be used, and what to do about each.

use std::{fmt, path::PathBuf};

use super::{FileOwner, LockHolder};

/// The reason why a data directory cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The path does not exist, and the command does not create a data directory.
    #[error("there is no data directory at {}", .path.display())]
    Missing {
        /// The path that was given for the data directory.
        path: PathBuf,
    },
    /// The path is an empty directory, and the command does not create a data directory.
    #[error("there is no data directory at {}: the directory is empty", .path.display())]
    Empty {
        /// The path that was given for the data directory.
        path: PathBuf,
    },
    /// The data directory holds no inventory, because its set-up was interrupted.
    #[error("there is no inventory in the data directory {} yet", .path.display())]
    Unfinished {
        /// The path of the data directory.
        path: PathBuf,
    },
    /// The path is a file, or a directory with other contents. It is refused so that a mistyped path
    /// does not fill another folder.
    #[error("{} is not a data directory of Satchel: {found}", .path.display())]
    Foreign {
        /// The path that was given for the data directory.
        path: PathBuf,
        /// The kind of file at the path.
        found: ForeignContents,
    },
    /// The data directory belongs to another user, and the calling user is not root.
    #[error(
        "the data directory {} belongs to {owner}, and this command runs as {caller}",
        .path.display()
    )]
    OtherOwner {
        /// The path of the data directory.
        path: PathBuf,
        /// The owner of the data directory.
        owner: FileOwner,
        /// The user of this process.
        caller: FileOwner,
    },
    /// The user of this process has no permission to enter a parent folder of the data directory.
    #[error(
        "the data directory {} cannot be reached: {caller} has no permission to enter {}, which \
         belongs to {owner}",
        .path.display(),
        .folder.display()
    )]
    Barred {
        /// The path of the data directory.
        path: PathBuf,
        /// The first parent folder that the user cannot enter.
        folder: PathBuf,
        /// The owner of that folder.
        owner: FileOwner,
        /// The user of this process.
        caller: FileOwner,
    },
    /// The data directory does not exist, and the user of this process has no permission to create it.
    #[error(
        "the data directory {} cannot be created: {caller} has no permission to write in {}, which \
         belongs to {owner}",
        .path.display(),
        .folder.display()
    )]
    NotCreatable {
        /// The path that was given for the data directory.
        path: PathBuf,
        /// The nearest existing parent folder, in which the user cannot write.
        folder: PathBuf,
        /// The owner of that folder.
        owner: FileOwner,
        /// The user of this process.
        caller: FileOwner,
    },
    /// A file in the data directory belongs to another user than the directory. The usual cause is a
    /// command that ran as root or as another user.
    #[error(
        "{} belongs to {file_owner}, so {owner}, the owner of the data directory, cannot use it",
        .file.display()
    )]
    MixedOwners {
        /// The path of the data directory.
        directory: PathBuf,
        /// The first file with another owner.
        file: PathBuf,
        /// The owner of that file.
        file_owner: FileOwner,
        /// The owner of the data directory.
        owner: FileOwner,
    },
    /// Another process has locked the data directory.
    #[error("the data directory {} is in use by {holder}", .directory.display())]
    InUse {
        /// The path of the data directory.
        directory: PathBuf,
        /// The other process, as described in `LOCK`.
        holder: LockHolder,
    },
    /// Another version of Satchel wrote the data directory, in a format that this version does not
    /// read.
    #[error("the data directory has format {found}; this version of Satchel reads format {known}")]
    OtherFormat {
        /// The format number of the data directory.
        found: u32,
        /// The format number that this version writes.
        known: u32,
    },
}

/// The kind of file at a path that is not a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignContents {
    /// The path, or one of its parents, is a file.
    File,
    /// A directory without an inventory. Holds the name of its first entry in byte order.
    Entry(String),
}

impl fmt::Display for ForeignContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForeignContents::File => write!(f, "it is a file"),
            ForeignContents::Entry(name) => {
                write!(f, "it contains “{}” but no inventory", name.escape_debug())
            }
        }
    }
}

impl DirectoryError {
    /// Returns the next step for the user, in plain sentences.
    pub fn advice(&self) -> String {
        match self {
            DirectoryError::Missing { path } | DirectoryError::Empty { path } => format!(
                "Name the right one with --data DIR (SATCHEL_DATA), or create it: satchel serve \
                 --data {}",
                path.display()
            ),
            DirectoryError::Unfinished { path } => format!(
                "Start a server on it, which creates the inventory: satchel serve --data {}",
                path.display()
            ),
            DirectoryError::Foreign { .. } => {
                "Name a data directory, or an empty or new directory, with --data DIR \
                 (SATCHEL_DATA)."
                    .to_owned()
            }
            DirectoryError::OtherOwner { owner, .. } => {
                format!("Run the command as its owner: sudo -u {} satchel …", owner.sudo_word())
            }
            DirectoryError::Barred { owner, .. } => format!(
                "Allow that user to enter the folder, or run the command as a user who can: \
                 sudo -u {} satchel …",
                owner.sudo_word()
            ),
            DirectoryError::NotCreatable { owner, .. } => format!(
                "Create the directory for that user first, or run the command as the folder's \
                 owner: sudo -u {} satchel …",
                owner.sudo_word()
            ),
            DirectoryError::MixedOwners { directory, owner, .. } => format!(
                "Give all files to the owner of the data directory: sudo chown -R {} {}",
                owner.chown_word(),
                directory.display()
            ),
            DirectoryError::InUse { holder, .. } if holder.is_server() => {
                "Connect to the server with --server URL, stop it, or use another directory."
                    .to_owned()
            }
            DirectoryError::InUse { .. } => {
                "Wait until the process has ended, stop it, or use another directory.".to_owned()
            }
            DirectoryError::OtherFormat { found, known } if found > known => {
                "Use a newer version of Satchel.".to_owned()
            }
            DirectoryError::OtherFormat { .. } => {
                "Export everything with the version of Satchel that wrote it, and import the \
                 result with this version."
                    .to_owned()
            }
        }
    }
}
