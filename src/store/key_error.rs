//! The reasons why the key of a data directory cannot be used.

use std::path::PathBuf;

use super::vault::KEY_BYTES;

/// Why the key of a data directory cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the key file {} is missing. It encrypts the secrets in this data directory", .path.display())]
    Missing { path: PathBuf },
    #[error("the key {} has the wrong length: {bytes} bytes instead of {KEY_BYTES}", .path.display())]
    Length { path: PathBuf, bytes: usize },
    #[error(
        "the key {} is not the key of this data directory: it does not open {proof}",
        .path.display()
    )]
    Wrong { path: PathBuf, proof: String },
}

impl KeyError {
    /// What to do next, in plain sentences.
    pub fn way_out(&self) -> String {
        let (KeyError::Missing { path }
        | KeyError::Length { path, .. }
        | KeyError::Wrong { path, .. }) = self;
        let directory = path.parent().unwrap_or(path);
        format!(
            "Put the right key back, from a copy of the data directory. If it is lost, this makes \
             a new one; passwords and other secrets are dropped, everything else is kept: satchel \
             recover --data {} --new-key",
            directory.display()
        )
    }
}
