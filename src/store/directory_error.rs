//! The reasons why a data directory cannot be used, and what to do about each.

use std::{fmt, path::PathBuf};

use super::{FileOwner, LockHolder};

/// Why a data directory cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    #[error("there is no data directory at {}", .path.display())]
    Missing { path: PathBuf },
    #[error("there is no data directory at {}: the directory is empty", .path.display())]
    Empty { path: PathBuf },
    /// Its set-up was interrupted.
    #[error("there is no inventory in the data directory {} yet", .path.display())]
    Unfinished { path: PathBuf },
    /// A mistyped path must not fill another folder.
    #[error("{} is not a data directory of Satchel: {found}", .path.display())]
    Foreign { path: PathBuf, found: ForeignContents },
    #[error(
        "the data directory {} belongs to {owner}, and this command runs as {caller}",
        .path.display()
    )]
    OtherOwner { path: PathBuf, owner: FileOwner, caller: FileOwner },
    /// The user cannot enter one of its parent folders.
    #[error(
        "the data directory {} cannot be reached: {caller} has no permission to enter {}, which \
         belongs to {owner}",
        .path.display(),
        .folder.display()
    )]
    Barred { path: PathBuf, folder: PathBuf, owner: FileOwner, caller: FileOwner },
    #[error(
        "the data directory {} cannot be created: {caller} has no permission to write in {}, which \
         belongs to {owner}",
        .path.display(),
        .folder.display()
    )]
    NotCreatable { path: PathBuf, folder: PathBuf, owner: FileOwner, caller: FileOwner },
    /// A command that ran as another user left a file.
    #[error(
        "{} belongs to {file_owner}, and the data directory to {owner}, who cannot use it",
        .file.display()
    )]
    MixedOwners { directory: PathBuf, file: PathBuf, file_owner: FileOwner, owner: FileOwner },
    #[error("the data directory {} is in use by {holder}", .directory.display())]
    InUse { directory: PathBuf, holder: LockHolder },
    #[error(
        "the data directory was written in format {found}, and this Satchel reads format {known}"
    )]
    OtherFormat { found: u32, known: u32 },
}

/// What the path of a data directory leads to instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignContents {
    File,
    /// One of the entries of a directory.
    Entry(String),
}

impl fmt::Display for ForeignContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForeignContents::File => write!(f, "it is a file"),
            ForeignContents::Entry(name) => {
                write!(f, "it holds “{}” and no inventory", name.escape_debug())
            }
        }
    }
}

impl DirectoryError {
    /// What to do next, in plain sentences.
    pub fn way_out(&self) -> String {
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
                "Ask the server instead (--server URL), stop it, or name another directory."
                    .to_owned()
            }
            DirectoryError::InUse { .. } => {
                "Wait until it has ended, stop it, or name another directory.".to_owned()
            }
            DirectoryError::OtherFormat { found, known } if found > known => {
                "Use a newer Satchel.".to_owned()
            }
            DirectoryError::OtherFormat { .. } => {
                "Export everything with the Satchel that wrote it, and import that here.".to_owned()
            }
        }
    }
}
