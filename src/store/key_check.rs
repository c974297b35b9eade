//! Checks the key of a data directory, and replaces a lost one.
//!
//! With a wrong key the server would start and answer every login with status 500. So the file
//! `key.check`, mode 0600, holds a known text that is encrypted with the key:
//!
//! ```text
//! satchel key check 1
//! <the known text, encrypted like a secret (XChaCha20-Poly1305), in base64>
//! ```
//!
//! The number is the format of the file. If the file is missing, as in directories of older versions,
//! or damaged, stored secrets prove the key, and the file is written again.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use time::{OffsetDateTime, macros::format_description};

use super::{DataDirectory, KeyError, StoreError, Vault, format, generation::Generation};
use crate::disk::write_private_file;
use crate::model::Kind;

const FORMAT_LINE: &str = "satchel key check 1";

/// The encrypted text. It is not secret.
const KNOWN_TEXT: &str = "This is the key of the data directory.";

/// The purpose of the encrypted text: prevents its use as a secret of a record.
const PURPOSE: &str = "key check";

/// The number of records whose secrets are tried if `key.check` does not prove the key. One
/// decrypted secret proves the key. A damaged secret does not disprove it.
const RECORDS_TRIED_MAX: usize = 20;

/// The longest `key.check` that is read, in bytes: four times the length of a valid one.
const FILE_BYTES_MAX: u64 = 1024;

/// The state of the key of a data directory, as far as its files tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Valid: the key decrypts `key.check`.
    Right,
    /// `key.check` is missing or damaged. Opening the store compares the key with stored secrets.
    Unproven,
    /// The key file is missing, or it holds another key.
    Unusable(KeyError),
}

/// The result of comparing a key with `key.check`.
enum Check {
    Matches,
    /// The text was encrypted with another key, or is damaged.
    Differs,
    /// The file is missing or has another format.
    None,
}

impl DataDirectory {
    pub(super) fn key_check(&self) -> PathBuf {
        self.path().join("key.check")
    }

    /// Returns the state of the key without opening the inventory.
    ///
    /// # Errors
    /// [`StoreError::Io`] if an existing file cannot be read.
    pub fn key_state(&self) -> Result<KeyState, StoreError> {
        let vault = match Vault::open(&self.key()) {
            Ok(vault) => vault,
            Err(StoreError::Key(error)) => return Ok(KeyState::Unusable(error)),
            Err(error) => return Err(error),
        };
        Ok(match check(self, &vault)? {
            Check::Matches => KeyState::Right,
            Check::None => KeyState::Unproven,
            Check::Differs => KeyState::Unusable(wrong(self, self.key_check().display())),
        })
    }
}

impl Vault {
    /// Creates a new key for the directory. Keeps the old key and its check as `key.old-TIME` and
    /// `key.check.old-TIME`. Secrets that the old key encrypted cannot be decrypted any more: the caller
    /// removes them.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the files cannot be renamed or written. The old key then has one of the
    /// two names.
    pub fn renew(directory: &DataDirectory) -> Result<Self, StoreError> {
        let form = format_description!("[year][month][day]T[hour][minute][second]Z");
        let time = OffsetDateTime::now_utc().format(form).unwrap_or_default();
        for path in [directory.key(), directory.key_check()] {
            rename_to_old(&path, &time)
                .map_err(StoreError::io(format!("renaming {}", path.display())))?;
        }
        let vault = Self::create(&directory.key())?;
        write(directory, &vault)?;
        Ok(vault)
    }
}

/// Renames a file, if it exists, to an unused name that ends with `.old-TIME`.
fn rename_to_old(path: &Path, time: &str) -> io::Result<()> {
    let name = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".old-{time}"));
        if number > 0 {
            name.push(format!("-{number}"));
        }
        PathBuf::from(name)
    };
    let free = (0..).map(name).find(|name| fs::symlink_metadata(name).is_err());
    match free.map(|free| fs::rename(path, free)) {
        Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Some(_) | None => Ok(()),
    }
}

/// Checks that the key decrypts the secrets of the inventory. Writes `key.check` if it is missing or
/// damaged.
///
/// # Errors
/// - [`KeyError::Wrong`] if it is another key.
/// - [`StoreError::DiskFull`] or [`StoreError::Io`] if `key.check` cannot be read or written.
/// - Other variants if the records cannot be read.
pub(super) fn require_right_key(
    directory: &DataDirectory,
    vault: &Vault,
    generation: &Generation,
) -> Result<(), StoreError> {
    let check = check(directory, vault)?;
    // A person can copy the generations of another data directory here, which do not match this key.
    // Users have secrets, so one of the first records shows this.
    let kinds: &[Kind] = if let Check::Matches = check { &[Kind::User] } else { &Kind::ALL };
    match (open_stored_secrets(vault, generation, kinds)?, check) {
        (Tried::Opened | Tried::NoSecret, Check::Matches) => Ok(()),
        (Tried::Opened | Tried::NoSecret, Check::None) => write(directory, vault),
        (Tried::Opened, _) => {
            tracing::warn!(
                "key.check is damaged. Stored secrets prove the key, so the file is written again."
            );
            write(directory, vault)
        }
        (Tried::NoSecret, _) => Err(wrong(directory, directory.key_check().display()).into()),
        (Tried::Refused { kind, name }, _) => {
            Err(wrong(directory, format!("the secret of the {kind} '{name}'")).into())
        }
    }
}

fn wrong(directory: &DataDirectory, proof: impl ToString) -> KeyError {
    KeyError::Wrong { path: directory.key(), proof: proof.to_string() }
}

/// The result of trying to decrypt stored secrets.
enum Tried {
    /// At least one secret was decrypted.
    Opened,
    /// No record has an encrypted secret.
    NoSecret,
    /// None of the tried secrets can be decrypted. `kind` and `name` are the first record.
    Refused { kind: Kind, name: String },
}

/// Tries to decrypt the secrets of some stored records.
fn open_stored_secrets(
    vault: &Vault,
    generation: &Generation,
    kinds: &[Kind],
) -> Result<Tried, StoreError> {
    let mut first = None;
    let mut count = 0;
    for kind in kinds.iter().copied() {
        for stored in generation.trees().scan(kind) {
            let (name, raw) = match stored {
                Ok((name, Some(raw))) => (name, raw),
                Ok((_, None)) | Err(StoreError::Corrupt { .. } | StoreError::Damaged { .. }) => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            // A damaged record proves nothing.
            let Ok(mut record) = format::decode_record(kind, &name, raw.body()) else { continue };
            if !record.secrets().iter().any(|(_, secret)| secret.encrypted().is_some()) {
                continue;
            }
            if vault.decrypt_secrets(&mut *record).is_ok() {
                return Ok(Tried::Opened);
            }
            count += 1;
            let name = || String::from_utf8_lossy(&name).into_owned();
            let (kind, name) = first.get_or_insert_with(|| (kind, name()));
            if count == RECORDS_TRIED_MAX {
                return Ok(Tried::Refused { kind: *kind, name: name.clone() });
            }
        }
    }
    Ok(match first {
        Some((kind, name)) => Tried::Refused { kind, name },
        None => Tried::NoSecret,
    })
}

/// Compares a key with `key.check`.
fn check(directory: &DataDirectory, vault: &Vault) -> Result<Check, StoreError> {
    let path = directory.key_check();
    let io = || StoreError::io(format!("reading {}", path.display()));
    let bytes = match fs::metadata(&path) {
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX || !metadata.is_file() => {
            return Ok(Check::None);
        }
        Ok(_) => fs::read(&path).map_err(io())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Check::None),
        Err(error) => return Err(io()(error)),
    };
    let encrypted = str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.strip_prefix(FORMAT_LINE)?.strip_prefix('\n'))
        .and_then(|encrypted| BASE64_STANDARD.decode(encrypted.trim_end()).ok());
    Ok(match encrypted {
        None => Check::None,
        Some(encrypted) if vault.decrypts_to(PURPOSE, &encrypted, KNOWN_TEXT) => Check::Matches,
        Some(_) => Check::Differs,
    })
}

/// Writes `key.check`. On a full disk it is skipped with a warning.
pub(super) fn write(directory: &DataDirectory, vault: &Vault) -> Result<(), StoreError> {
    let path = directory.key_check();
    let encrypted = BASE64_STANDARD.encode(vault.encrypt_text(PURPOSE, KNOWN_TEXT));
    let temporary = directory.path().join("key.check.new");
    let contents = format!("{FORMAT_LINE}\n{encrypted}\n");
    let written = write_private_file(&path, &temporary, contents.as_bytes());
    match written.map_err(StoreError::io(format!("writing {}", path.display()))) {
        // The next start writes it. A full disk must not prevent opening the inventory.
        Err(StoreError::DiskFull) => {
            tracing::warn!("Disk full: cannot write key.check. The next start writes it.");
            let _ = fs::remove_file(temporary);
            Ok(())
        }
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;

    #[test]
    fn a_new_key_keeps_the_old_one_under_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let directory = DataDirectory::hold(folder.path(), &Options::default()).unwrap();
        assert_eq!(
            directory.key_state().unwrap(),
            KeyState::Unusable(KeyError::Missing { path: directory.key() })
        );
        let first = Vault::create(&directory.key()).unwrap();
        assert_eq!(directory.key_state().unwrap(), KeyState::Unproven);
        write(&directory, &first).unwrap();
        assert_eq!(directory.key_state().unwrap(), KeyState::Right);
        let old = fs::read(directory.key()).unwrap();
        // More than once within a second.
        for renewed in 1..=3 {
            Vault::renew(&directory).unwrap();
            assert_eq!(directory.key_state().unwrap(), KeyState::Right);
            let names = fs::read_dir(folder.path()).unwrap();
            let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let kept: Vec<String> = names.filter(|name| name.starts_with("key.old-")).collect();
            assert_eq!(kept.len(), renewed, "{kept:?}");
            let keys = kept.iter().map(|name| fs::read(folder.path().join(name)).unwrap());
            assert!(keys.filter(|key| *key == old).count() == 1);
        }
        fs::write(directory.key(), &old).unwrap();
        let KeyState::Unusable(KeyError::Wrong { path, .. }) = directory.key_state().unwrap()
        else {
            panic!("another key is right");
        };
        assert_eq!(path, directory.key());
        // Also if there is no old key.
        fs::remove_file(directory.key()).unwrap();
        Vault::renew(&directory).unwrap();
        assert_eq!(directory.key_state().unwrap(), KeyState::Right);
    }
}
