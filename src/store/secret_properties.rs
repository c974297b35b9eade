//! The file `secret_properties`: the names of custom properties that are secrets in a data directory.
//!
//! ```text
//! satchel secret properties 1
//! usual, vault_*
//! current
//! ```
//!
//! The number is the revision of the usual names ([`USUAL_NAMES_REVISION`]). The second line is the setting
//! with which the stored values were compared, so that commands without the setting encrypt the same
//! properties. The third line tells how far the encryption is. If the file is missing or damaged, or the
//! setting is another one, all stored values are compared when the directory is opened.

use std::{fs, io, path::PathBuf, sync::Arc};

use super::{DataDirectory, Options, StoreError};
use crate::{
    disk::write_private_file,
    model::{SecretNames, USUAL_NAMES_REVISION},
};

/// The words before the revision.
const FIRST_LINE: &str = "satchel secret properties ";

/// The longest file that is read, in bytes. The longest setting has about 50 KB.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Tells how far the encryption of custom properties is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EncryptionState {
    /// Stored values can be unencrypted.
    Unknown,
    /// The encryption of stored values has begun, and might be complete.
    Begun,
    /// All stored values are encrypted. The members of pools can follow from values that are secrets now.
    PoolsOutdated,
    /// All is done.
    Current,
}

impl EncryptionState {
    const ALL: [Self; 4] = [Self::Unknown, Self::Begun, Self::PoolsOutdated, Self::Current];

    fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Begun => "begun",
            Self::PoolsOutdated => "pools",
            Self::Current => "current",
        }
    }
}

/// The content of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SecretProperties {
    pub names: Arc<SecretNames>,
    pub state: EncryptionState,
}

impl SecretProperties {
    /// Returns the content of the file, or that of a directory without one.
    ///
    /// # Errors
    /// [`StoreError::Io`] if an existing file cannot be read.
    pub(super) fn read(directory: &DataDirectory) -> Result<Self, StoreError> {
        let path = path(directory);
        let io = || StoreError::io(format!("reading {}", path.display()));
        let unknown = Self { names: Arc::new(SecretNames::USUAL), state: EncryptionState::Unknown };
        let bytes = match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > FILE_BYTES_MAX || !metadata.is_file() => None,
            Ok(_) => Some(fs::read(&path).map_err(io())?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(unknown),
            Err(error) => return Err(io()(error)),
        };
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.and_then(|text| Self::parse(&text)).unwrap_or_else(|| {
            tracing::warn!(
                "{} is damaged. All stored values are compared with the setting secret_properties again.",
                path.display()
            );
            unknown
        }))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let revision: u32 = lines.next()?.strip_prefix(FIRST_LINE)?.parse().ok()?;
        let names = lines.next()?.parse().ok()?;
        let word = lines.next()?;
        let state = EncryptionState::ALL.into_iter().find(|state| state.word() == word)?;
        if lines.next().is_some() {
            return None;
        }
        // Another version of Satchel has compared the values with other usual names.
        let state = if revision == USUAL_NAMES_REVISION { state } else { EncryptionState::Unknown };
        Some(Self { names: Arc::new(names), state })
    }

    /// Returns the names in force when a directory is opened: the setting, or without one those of the
    /// directory. With other names than before, the stored values must be compared.
    pub(super) fn in_force(self, options: Options) -> Self {
        match options.secret_names {
            Some(names) if *names != *self.names => {
                Self { names: Arc::new(names.clone()), state: EncryptionState::Unknown }
            }
            Some(_) | None => self,
        }
    }

    /// Returns the same names with another state.
    pub(super) fn with(self, state: EncryptionState) -> Self {
        Self { state, ..self }
    }

    /// Writes the file. On a full disk it is skipped with a warning: the next start compares the values again.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it cannot be written.
    pub(super) fn write(&self, directory: &DataDirectory) -> Result<(), StoreError> {
        let path = path(directory);
        let Self { names, state } = self;
        let text = format!("{FIRST_LINE}{USUAL_NAMES_REVISION}\n{names}\n{}\n", state.word());
        let temporary = path.with_extension("new");
        let written = write_private_file(&path, &temporary, text.as_bytes());
        match written.map_err(StoreError::io(format!("writing {}", path.display()))) {
            Err(StoreError::DiskFull) => {
                tracing::warn!("Disk full: cannot write {}.", path.display());
                let _ = fs::remove_file(temporary);
                Ok(())
            }
            written => written,
        }
    }
}

fn path(directory: &DataDirectory) -> PathBuf {
    directory.path().join("secret_properties")
}

/// Makes the next start compare all stored values, because values that were not compared are in the
/// directory.
///
/// # Errors
/// [`StoreError::Io`] if the file cannot be read or written.
pub(super) fn compare_again(directory: &DataDirectory) -> Result<(), StoreError> {
    SecretProperties::read(directory)?.with(EncryptionState::Unknown).write(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::options::secret_names;

    #[test]
    fn the_file_is_read_back_and_a_damaged_one_counts_as_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let directory = DataDirectory::hold(folder.path(), &Options::default()).unwrap();
        let unknown = SecretProperties {
            names: Arc::new(SecretNames::USUAL),
            state: EncryptionState::Unknown,
        };
        assert_eq!(SecretProperties::read(&directory).unwrap(), unknown);
        let names = Arc::new("usual, é>b*, !x".parse().unwrap());
        for state in EncryptionState::ALL {
            let written = SecretProperties { names: Arc::clone(&names), state };
            written.write(&directory).unwrap();
            assert_eq!(SecretProperties::read(&directory).unwrap(), written);
        }
        compare_again(&directory).unwrap();
        let older = SecretProperties { names: Arc::clone(&names), state: EncryptionState::Unknown };
        assert_eq!(SecretProperties::read(&directory).unwrap(), older);
        let good = fs::read_to_string(path(&directory)).unwrap();
        let text = good.replacen("properties 1", "properties 0", 1).replace("unknown", "current");
        fs::write(path(&directory), text).unwrap();
        assert_eq!(SecretProperties::read(&directory).unwrap(), older);
        for bad in ["", "x", &good[..good.len() - 3], &format!("{good}x\n"), "\u{0}"] {
            fs::write(path(&directory), bad).unwrap();
            assert_eq!(SecretProperties::read(&directory).unwrap(), unknown, "{bad:?}");
        }
    }

    #[test]
    fn another_setting_begins_the_encryption_again() {
        let recorded = SecretProperties {
            names: Arc::new("vault_*".parse().unwrap()),
            state: EncryptionState::Current,
        };
        let none = Options::default();
        assert_eq!(recorded.clone().in_force(none), recorded);
        let option =
            |text: &str| Options { secret_names: secret_names(text.parse().unwrap()), ..none };
        assert_eq!(recorded.clone().in_force(option("vault_*")), recorded);
        let other = recorded.in_force(option("usual"));
        assert_eq!((*other.names).clone(), SecretNames::USUAL);
        assert_eq!(other.state, EncryptionState::Unknown);
    }
}
