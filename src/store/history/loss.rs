//! Lost parts of the history: a damaged or missing archive, and missing copies of the inventory from before
//! imports.

use std::{fmt, fs, path::PathBuf};

use crate::store::{DataDirectory, StoreError};

/// The beginning of the name of a damaged archive that was moved aside. The time in seconds follows.
pub(super) const ASIDE_PREFIX: &str = "damaged-history-";

/// The beginning of the name of the mark of an archive that was missing when a new one was created. The
/// time in seconds follows.
pub(super) const MISSING_PREFIX: &str = "missing-history-";

/// A lost part of the history. The inventory is not affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryLoss {
    /// The folder `history/` is damaged.
    Damaged {
        /// The path of the folder.
        path: PathBuf,
        /// The damage.
        detail: String,
    },
    /// The folder `history/` is missing, although changes were archived.
    Missing {
        /// The path of the folder.
        path: PathBuf,
        /// The number of the last archived change. `None` if it is not known.
        version: Option<u64>,
    },
    /// The archive was damaged and moved to this folder, when a new archive was created.
    MovedAside {
        /// The path of the folder.
        path: PathBuf,
    },
    /// The archive was missing when a new archive was created.
    WasMissing {
        /// The path of the file that notes it.
        path: PathBuf,
    },
    /// A generation before the current one is missing, although it is kept.
    CopyMissing {
        /// The path of its folder.
        path: PathBuf,
    },
}

impl HistoryLoss {
    /// Returns whether the archive does not log the loss when it is opened.
    pub(in crate::store) fn is_noted(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Missing { .. } => false,
            Self::MovedAside { .. } | Self::WasMissing { .. } | Self::CopyMissing { .. } => true,
        }
    }

    /// The damaged or missing folder, or the file or folder that notes an earlier loss.
    pub fn path(&self) -> &PathBuf {
        match self {
            Self::Damaged { path, .. }
            | Self::Missing { path, .. }
            | Self::MovedAside { path }
            | Self::WasMissing { path }
            | Self::CopyMissing { path } => path,
        }
    }
}

impl fmt::Display for HistoryLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path().display();
        match self {
            Self::Damaged { detail, .. } => write!(
                f,
                "The archive of the history in {path} is damaged: {detail}. Its changes cannot be shown \
                 or undone. The inventory is not affected. To get them back, stop Satchel and replace the \
                 folder with a copy made after the last import. Otherwise, the next import moves the \
                 folder to {ASIDE_PREFIX}TIME and begins a new archive"
            ),
            Self::Missing { version, .. } => {
                write!(f, "The archive of the history in {path} is missing. ")?;
                match version {
                    Some(version) => write!(f, "It had changes up to change {version}. ")?,
                    None => f.write_str("It is not known which changes it had. ")?,
                }
                f.write_str(
                    "They cannot be shown or undone. The inventory is not affected. To get them back, \
                     stop Satchel and restore the folder from a copy made after the last import",
                )
            }
            Self::MovedAside { .. } => write!(
                f,
                "The archive of the history was damaged, and was moved to {path}. Its changes cannot be \
                 shown or undone. The inventory is not affected. To accept the loss, move or delete that \
                 folder"
            ),
            Self::CopyMissing { .. } => write!(
                f,
                "The copy of the inventory from before an import, {path}, is missing. The import cannot be \
                 undone, and its differences cannot be shown. The inventory is not affected. To get the \
                 copy back, stop Satchel and restore the folder. The next import forgets the copy"
            ),
            Self::WasMissing { .. } => write!(
                f,
                "The archive of the history was missing when a new one was created. Earlier changes \
                 cannot be shown or undone. The inventory is not affected. To accept the loss, delete \
                 {path}"
            ),
        }
    }
}

/// The losses that were noted when a new archive was created, in the order of their paths.
///
/// # Errors
/// [`StoreError::Io`] if the data directory cannot be listed.
pub(super) fn noted(directory: &DataDirectory) -> Result<Vec<HistoryLoss>, StoreError> {
    let listing = || StoreError::io("listing the data directory");
    let mut losses = Vec::new();
    for entry in fs::read_dir(directory.path()).map_err(listing())? {
        let entry = entry.map_err(listing())?;
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        if name.starts_with(ASIDE_PREFIX) {
            losses.push(HistoryLoss::MovedAside { path });
        } else if name.starts_with(MISSING_PREFIX) {
            losses.push(HistoryLoss::WasMissing { path });
        }
    }
    losses.sort_by(|a, b| a.path().cmp(b.path()));
    Ok(losses)
}
