//! The reasons why the key of a data directory cannot be used.

use std::path::PathBuf;

/// The length of the key, in bytes.
pub(super) const KEY_BYTES: usize = 32;

/// The reason why the key of a data directory cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key file does not exist, but the data directory holds an inventory.
    #[error("the key file {} is missing. It encrypts the secrets in this data directory", .path.display())]
    Missing {
        /// The path of the key file.
        path: PathBuf,
    },
    /// The key file does not have exactly 32 bytes.
    #[error("the key {} has the wrong length: {bytes} bytes instead of {KEY_BYTES}", .path.display())]
    Length {
        /// The path of the key file.
        path: PathBuf,
        /// The size of the key file, in bytes.
        bytes: usize,
    },
    /// The key does not decrypt the data that was encrypted in this data directory.
    #[error(
        "the key {} is not the key of this data directory: it cannot decrypt {proof}",
        .path.display()
    )]
    Wrong {
        /// The path of the key file.
        path: PathBuf,
        /// The data that the key does not decrypt, such as `key.check`.
        proof: String,
    },
}

impl KeyError {
    /// Returns the next step for the user, in plain sentences.
    pub fn advice(&self) -> String {
        let (KeyError::Missing { path }
        | KeyError::Length { path, .. }
        | KeyError::Wrong { path, .. }) = self;
        let folder = path.parent().unwrap_or(path);
        let is_in_data_directory = folder.join("LOCK").exists();
        let (restore, arguments) = if is_in_data_directory {
            (
                "Restore the file `key` from a backup of the data directory.",
                folder.display().to_string(),
            )
        } else {
            ("Restore this file from its backup.", format!("DIR --key-file {}", path.display()))
        };
        format!(
            "{restore} If the key is lost, so are the passwords of all users and credentials, in the \
             inventory, its kept copies and its history, and all tokens. Everything else stays. This command \
             makes a new key and removes those: satchel recover --data {arguments} --new-key"
        )
    }
}
