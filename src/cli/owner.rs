//! Root on another user's data directory works as that user.
//!
//! A file that root leaves in the directory of a service keeps the service from starting. So a
//! command that root runs becomes the owner of the data directory before it opens anything there.
//! What the command line names beside it is still root's: files to be imported are opened before
//! ([`super::input`]), and files to be written are settled by a helper ([`super::rename_helper`]).

use std::{fmt, fs, path::Path};

use anyhow::Context;

use super::privileges;
use crate::store::FileOwner;

/// As whom a command works.
#[derive(Debug)]
pub(super) enum ActingUser {
    Caller,
    /// As the owner of the data directory, and no longer as root.
    FileOwner(FileOwner),
}

impl fmt::Display for ActingUser {
    /// What follows "on the data directory DIR".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActingUser::Caller => Ok(()),
            ActingUser::FileOwner(owner) => write!(f, ", as {owner}, who owns it"),
        }
    }
}

/// The owner of the data directory, where root has to become that user to work on it. A directory
/// that is not there yet is made by root, for root.
pub(super) fn owner_to_become(path: &Path) -> Option<FileOwner> {
    if !FileOwner::caller().is_root() {
        return None;
    }
    // What is wrong with it is said where it is opened.
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
    let owner = FileOwner::of_data_directory(path, &metadata);
    (!owner.is_root()).then_some(owner)
}

/// Becomes the owner of the data directory, where root runs the command.
///
/// # Errors
/// The system does not let root become another user.
pub(super) fn act_as_owner(path: &Path) -> anyhow::Result<ActingUser> {
    match owner_to_become(path) {
        Some(owner) => become_owner(path, owner),
        None => Ok(ActingUser::Caller),
    }
}

/// Becomes this user.
///
/// # Errors
/// The system does not let root become another user.
pub(super) fn become_owner(path: &Path, owner: FileOwner) -> anyhow::Result<ActingUser> {
    privileges::become_user(owner.uid, owner.gid).with_context(|| {
        format!(
            "The data directory {} belongs to {owner}, and the system does not let root \
             become that user. Run the command as that user: sudo -u {} satchel …",
            path.display(),
            owner.sudo_word()
        )
    })?;
    Ok(ActingUser::FileOwner(owner))
}
