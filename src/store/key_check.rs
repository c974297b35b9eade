//! Whether the key of a data directory is the right one, and how it gets a new one.
//!
//! With another key the server would start and answer every login with 500. So a known text is
//! sealed with the key and kept in `key.check`, mode 0600:
//!
//! ```text
//! satchel key check 1
//! <the known text, sealed as a secret is (XChaCha20-Poly1305), in base64>
//! ```
//!
//! The number is the format of the file. Where the file is missing, as in directories of older
//! versions, or is damaged, stored secrets prove the key, and the file is written again.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use time::{OffsetDateTime, macros::format_description};

use super::{DataDirectory, KeyError, StoreError, Vault, format, generation::Generation};
use crate::disk::sync_directory;
use crate::model::{Kind, Secret};

const FORMAT_LINE: &str = "satchel key check 1";

/// What is sealed: nothing that anybody has to keep to himself.
const KNOWN_TEXT: &str = "This is the key of the data directory.";

/// What the text is sealed for, so that it can stand for no secret of a record.
const PURPOSE: &str = "key check";

/// Records with a secret that are tried where `key.check` proves nothing. One that opens proves the
/// key; a damaged one must not condemn it.
const RECORDS_TRIED_MAX: usize = 20;

/// The longest file that is read, in bytes: the text takes a quarter of it.
const FILE_BYTES_MAX: u64 = 1024;

/// What is known of the key of a data directory from its files alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It opens `key.check`.
    Right,
    /// `key.check` is missing or damaged: opening the store tells.
    Unproven,
    /// It is missing, or is another one.
    Unusable(KeyError),
}

/// What `key.check` says of a key.
enum Check {
    Fits,
    /// It was sealed with another key, or its sealed text is damaged.
    Differs,
    /// It is missing, or is no such file.
    None,
}

impl DataDirectory {
    pub(super) fn key_check(&self) -> PathBuf {
        self.path().join("key.check")
    }

    /// What is known of the key from the files alone, without opening the inventory.
    ///
    /// # Errors
    /// [`StoreError::Io`] if a file is there and cannot be read.
    pub fn key_state(&self) -> Result<KeyState, StoreError> {
        let vault = match Vault::open(&self.key()) {
            Ok(vault) => vault,
            Err(StoreError::Key(error)) => return Ok(KeyState::Unusable(error)),
            Err(error) => return Err(error),
        };
        Ok(match check(self, &vault)? {
            Check::Fits => KeyState::Right,
            Check::None => KeyState::Unproven,
            Check::Differs => KeyState::Unusable(wrong(self, self.key_check().display())),
        })
    }
}

impl Vault {
    /// Makes a new key for the directory. The old one and its check are kept under other names:
    /// `key.old-TIME` and `key.check.old-TIME`. Secrets that the old one sealed cannot be opened
    /// any more: the caller drops them.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the files cannot be renamed or written. The old key is never lost: it
    /// has one of the two names.
    pub fn renew(directory: &DataDirectory) -> Result<Self, StoreError> {
        let form = format_description!("[year][month][day]T[hour][minute][second]Z");
        let time = OffsetDateTime::now_utc().format(form).unwrap_or_default();
        for path in [directory.key(), directory.key_check()] {
            put_aside(&path, &time)
                .map_err(StoreError::io(format!("renaming {}", path.display())))?;
        }
        let vault = Self::create(&directory.key())?;
        write(directory, &vault)?;
        Ok(vault)
    }
}

/// Renames a file that is there to a name that nothing has.
fn put_aside(path: &Path, time: &str) -> io::Result<()> {
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

/// Makes sure that the key is the one that the inventory's secrets are sealed with.
///
/// # Errors
/// [`KeyError::Wrong`] if it is another one.
pub(super) fn prove(
    directory: &DataDirectory,
    vault: &Vault,
    generation: &Generation,
) -> Result<(), StoreError> {
    let check = check(directory, vault)?;
    // The generations of another directory can lie beside this directory's key and check. Users
    // have secrets, so one of the first records tells.
    let kinds: &[Kind] = if let Check::Fits = check { &[Kind::User] } else { &Kind::ALL };
    match (tried(vault, generation, kinds)?, check) {
        (Tried::Opened | Tried::NoSecret, Check::Fits) => Ok(()),
        (Tried::Opened | Tried::NoSecret, Check::None) => write(directory, vault),
        (Tried::Opened, _) => {
            tracing::warn!(
                "key.check is damaged: stored secrets prove the key, it is written anew"
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

/// What became of trying to open stored secrets.
enum Tried {
    /// At least one was opened.
    Opened,
    NoSecret,
    /// None of those that were tried was opened. The first of them:
    Refused {
        kind: Kind,
        name: String,
    },
}

fn tried(vault: &Vault, generation: &Generation, kinds: &[Kind]) -> Result<Tried, StoreError> {
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
            // What is damaged proves nothing.
            let Ok(mut record) = format::decode_record(kind, &name, raw.body()) else { continue };
            let is_sealed = |secret: &Secret| matches!(secret, Secret::Sealed(_));
            if !record.secrets().iter().any(|(_, secret)| is_sealed(secret)) {
                continue;
            }
            if vault.open_secrets(&mut *record).is_ok() {
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

fn check(directory: &DataDirectory, vault: &Vault) -> Result<Check, StoreError> {
    let path = directory.key_check();
    let what = || StoreError::io(format!("reading {}", path.display()));
    let bytes = match fs::metadata(&path) {
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX || !metadata.is_file() => {
            return Ok(Check::None);
        }
        Ok(_) => fs::read(&path).map_err(what())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Check::None),
        Err(error) => return Err(what()(error)),
    };
    let sealed = str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.strip_prefix(FORMAT_LINE)?.strip_prefix('\n'))
        .and_then(|sealed| BASE64_STANDARD.decode(sealed.trim_end()).ok());
    Ok(match sealed {
        None => Check::None,
        Some(sealed) if vault.opens(PURPOSE, &sealed, KNOWN_TEXT) => Check::Fits,
        Some(_) => Check::Differs,
    })
}

fn write(directory: &DataDirectory, vault: &Vault) -> Result<(), StoreError> {
    let path = directory.key_check();
    let sealed = BASE64_STANDARD.encode(vault.seal_text(PURPOSE, KNOWN_TEXT));
    // Beside the other and renamed, so that it is whole or not there.
    let aside = directory.path().join("key.check.new");
    let write = || -> io::Result<()> {
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&aside)?;
        file.write_all(format!("{FORMAT_LINE}\n{sealed}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        sync_directory(directory.path())
    };
    match write().map_err(StoreError::io(format!("writing {}", path.display()))) {
        // The next start writes it. A full disk must not keep the inventory from being opened.
        Err(StoreError::DiskFull) => {
            tracing::warn!("the disk is full: key.check is not written");
            let _ = fs::remove_file(aside);
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
        // Also where there is no old one.
        fs::remove_file(directory.key()).unwrap();
        Vault::renew(&directory).unwrap();
        assert_eq!(directory.key_state().unwrap(), KeyState::Right);
    }
}
