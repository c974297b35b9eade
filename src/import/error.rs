//! Why an import did not happen.

use std::io;

use super::EmptyKind;
use crate::{job::Cancelled, model::Kind, store::StoreError};

/// Why nothing was imported. What is wrong *in* what was to be imported is in the report.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file that is needed on the way.
    #[error("a file that was set aside")]
    Scratch(#[from] io::Error),
    #[error("a {kind} has a name that is no text")]
    NameBytes { kind: Kind },
    #[error(
        "after this import no administrator could log in: no user with is_admin and a password \
         would be left. Nothing was changed"
    )]
    NoAdministrator,
    /// Kinds that would be emptied, and of which nothing is brought.
    #[error(
        "{}. Nothing was changed. Check what was sent. If these records are to be removed, send \
         \"allow_empty\": true, or pass --allow-empty on the command line",
        listed(.0)
    )]
    EmptyReplacement(Vec<EmptyKind>),
    #[error("there is no report '{id}'")]
    NoReport { id: String },
}

impl From<Cancelled> for ImportError {
    fn from(cancelled: Cancelled) -> Self {
        StoreError::from(cancelled).into()
    }
}

fn listed(kinds: &[EmptyKind]) -> String {
    kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl ImportError {
    /// A pair that was set aside and is not whole when it is read back.
    pub(super) fn cut_off() -> Self {
        Self::Scratch(io::Error::new(io::ErrorKind::InvalidData, "a pair is cut off"))
    }
}
