//! Runs a command of root on another user's data directory as that user.
//!
//! If root created a file in the data directory of a service, the service could not open that file. So
//! the command switches to the user who owns the data directory before it opens anything in it. Other
//! files on the command line are still accessed as root: files to import are opened before the switch
//! ([`super::input`]), and files to write are renamed by a helper process ([`super::rename_helper`]).

use std::{fs, path::Path};

use anyhow::Context;

use super::privileges;
use crate::store::FileOwner;

/// The user that a command runs as.
#[derive(Debug)]
pub(super) enum ActingUser {
    Caller,
    /// The owner of the data directory, instead of root.
    Owner(FileOwner),
}

impl ActingUser {
    /// Returns the user as the end of a message about the data directory: `, as satchel, its owner`.
    /// Empty for the caller.
    pub(super) fn suffix(&self) -> String {
        match self {
            ActingUser::Caller => String::new(),
            ActingUser::Owner(owner) => format!(", as {owner}, its owner"),
        }
    }
}

/// Returns the owner of the data directory, if root must switch to that user to use it. A directory
/// that does not exist yet is created by root, for root.
pub(super) fn owner_to_switch_to(path: &Path) -> Option<FileOwner> {
    if !FileOwner::caller().is_root() {
        return None;
    }
    // A directory that cannot be used is reported when it is opened.
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
    let owner = FileOwner::of_data_directory(path, &metadata);
    (!owner.is_root()).then_some(owner)
}

/// Makes the command run as the owner of the data directory, if root runs it.
///
/// # Errors
/// The system does not let root switch to another user, as in a restricted container.
pub(super) fn act_as_owner(path: &Path) -> anyhow::Result<ActingUser> {
    match owner_to_switch_to(path) {
        Some(owner) => switch_to_owner(path, owner),
        None => Ok(ActingUser::Caller),
    }
}

/// Makes the process run as this owner of the data directory.
///
/// # Errors
/// The system does not let root switch to another user, as in a restricted container.
pub(super) fn switch_to_owner(path: &Path, owner: FileOwner) -> anyhow::Result<ActingUser> {
    privileges::become_user(owner.uid, owner.gid).with_context(|| {
        format!(
            "The data directory {} belongs to {owner}, and the system does not let root \
             switch to that user. Run the command as that user: sudo -u {} satchel …",
            path.display(),
            owner.sudo_word()
        )
    })?;
    Ok(ActingUser::Owner(owner))
}
