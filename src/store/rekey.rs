//! Seals every secret again: with a new key, or bound to its record as the current format demands. Seals the
//! custom properties that have become secrets.
//!
//! All databases are copied into the folder `rekey/`, entry by entry, so that no copy holds a secret under
//! the old key. The data directory stays as it is until the copies are complete and durable; then
//! [`rekey_switch`] moves them to their places.

use std::{
    collections::HashSet,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use time::{OffsetDateTime, macros::format_description};
use zeroize::Zeroizing;

use super::{
    DataDirectory, Options, StoreError, Summary, Vault,
    directory::ARCHIVE_NUMBER,
    format,
    generation::{Generation, chunk_key, chunk_prefix_of, write_entry},
    history, key_check,
    known::KnownState,
    mark::MarkFile,
    opening::{self, LogEndPolicy, OpenedInventory, SecretBinding},
    rekey_switch::{self, Decision},
    rekey_values::{StoredRecord, ValueLocation, each_value, holds_records},
    seal::{self, Seal},
    secret_properties::{EncryptionState, SecretProperties},
    tree_id::TreeId,
    trees::ValueOwner,
};
use crate::{
    disk::{sync_folder, write_private_file},
    wording::{Chain, counted},
};

/// The number of secrets that were sealed again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RekeyReport {
    /// The records whose secrets were sealed again, in all kept generations.
    pub records: u64,
    /// The values of the history whose secrets were sealed again.
    pub before_values: u64,
    /// The records and values whose secrets could not be decrypted. They stay as they are.
    pub undecryptable: u64,
    /// The records and values of the history with custom properties that were not encrypted before.
    pub hidden: u64,
    /// The number of values of the history among [`RekeyReport::hidden`].
    pub hidden_before: u64,
    /// The path of the replaced key, which decrypts older copies of the data directory. `None` if the key
    /// stayed.
    pub old_key: Option<PathBuf>,
}

/// Tells which key the secrets are sealed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NewKey {
    /// The present one. Only the binding to the record is new.
    Same,
    /// A new random one.
    Random,
}

/// Opens the inventory, or sets up an empty one if there never was one. Seals the secrets of an earlier format
/// again, so that each is bound to its record, and the stored values of custom properties that have become
/// secrets. If this is interrupted, it starts again or is completed when the directory is opened.
///
/// # Errors
/// As for [`opening::open`]; [`StoreError::Key`] if secrets must be sealed and the key is wrong.
pub(super) fn open(
    directory: &Arc<DataDirectory>,
    options: Options,
) -> Result<OpenedInventory, StoreError> {
    let properties = SecretProperties::read(directory)?.in_force(options);
    let opened = open_with(directory, options, &properties)?;
    let purpose = match (opened.secrets, properties.state) {
        (SecretBinding::Unbound, _) => {
            Some("The data directory has an earlier format. Its secrets are encrypted again.")
        }
        (SecretBinding::Bound, EncryptionState::Unknown | EncryptionState::Begun)
            if holds_clear_secrets(directory, &opened, options)? =>
        {
            Some(
                "Custom properties are stored unencrypted whose names are secret now (setting \
                 secret_properties). They are encrypted.",
            )
        }
        (SecretBinding::Bound, _) => None,
    };
    let Some(purpose) = purpose else {
        match properties.state {
            EncryptionState::Unknown => {
                properties.with(EncryptionState::Current).write(directory)?;
            }
            // The process that encrypted them was killed.
            EncryptionState::Begun => {
                properties.with(EncryptionState::PoolsOutdated).write(directory)?;
            }
            EncryptionState::PoolsOutdated | EncryptionState::Current => {}
        }
        return Ok(opened);
    };
    key_check::require_right_key(directory, &opened.vault, &opened.generation)?;
    tracing::info!("{purpose}");
    let properties = properties.with(EncryptionState::Begun);
    properties.write(directory)?;
    let report = prepare(directory, &opened, options, NewKey::Same)?;
    drop(opened);
    rekey_switch::complete(directory.path())?;
    let properties = properties.with(EncryptionState::PoolsOutdated);
    properties.write(directory)?;
    if report.hidden > 0 {
        tracing::info!(
            "Custom properties are encrypted now in {} of all kept copies and {} of the history.",
            counted(report.hidden - report.hidden_before, "record"),
            counted(report.hidden_before, "value")
        );
    }
    open_with(directory, options, &properties)
}

/// Opens the inventory with a vault that knows the names of secret custom properties.
fn open_with(
    directory: &Arc<DataDirectory>,
    options: Options,
    properties: &SecretProperties,
) -> Result<OpenedInventory, StoreError> {
    let opened = opening::open(directory, options)?;
    let vault = opened.vault.with_secret_names(properties.names.clone());
    Ok(OpenedInventory { vault, ..opened })
}

/// Returns whether a stored record or a value before a change has a custom property that must be encrypted.
fn holds_clear_secrets(
    directory: &Arc<DataDirectory>,
    opened: &OpenedInventory,
    options: Options,
) -> Result<bool, StoreError> {
    let holds = |generation: &Generation| {
        let found = each_value(generation, &mut |value| {
            let Some(mut stored) = value.stored() else { return Ok(ControlFlow::Continue(())) };
            if opened.vault.hide_secrets(&mut *stored.record) {
                Ok(ControlFlow::Break(()))
            } else {
                Ok(ControlFlow::Continue(()))
            }
        });
        found.map(|flow| flow.is_break())
    };
    if holds(&opened.generation)? {
        return Ok(true);
    }
    for number in opened.pointer.earlier().chain([ARCHIVE_NUMBER]) {
        if let Some(generation) = open_intact(directory, number, options)?
            && holds(&generation)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Replaces the key of a data directory that no other process uses. After an error, the directory is as
/// before; after a crash, the next process that opens it completes or discards the replacement.
///
/// # Errors
/// As for [`Store::open_with`](super::Store::open_with).
pub fn rekey(path: &Path, options: Options) -> Result<RekeyReport, StoreError> {
    let directory = Arc::new(DataDirectory::hold(path, &options)?);
    let opened = open(&directory, options)?;
    key_check::require_right_key(&directory, &opened.vault, &opened.generation)?;
    let report = prepare(&directory, &opened, options, NewKey::Random)?;
    drop(opened);
    rekey_switch::complete(path)?;
    Ok(report)
}

/// Copies all databases with their secrets sealed again, and decides that the copies replace them. The
/// caller closes the databases and completes the replacement.
///
/// # Errors
/// - [`StoreError::DiskFull`] if the file system has no space for the copies.
/// - [`StoreError::Io`] or [`StoreError::Database`] for any other error.
fn prepare(
    directory: &Arc<DataDirectory>,
    opened: &OpenedInventory,
    options: Options,
    key: NewKey,
) -> Result<RekeyReport, StoreError> {
    let folder = directory.path().join(rekey_switch::FOLDER);
    let prepared = prepare_in(&folder, directory, opened, options, key);
    if prepared.is_err() {
        // A full disk needs the space again. If this fails, the next start removes the folder.
        let _ = fs::remove_dir_all(&folder);
    }
    prepared
}

fn prepare_in(
    folder: &Path,
    directory: &Arc<DataDirectory>,
    opened: &OpenedInventory,
    options: Options,
    key: NewKey,
) -> Result<RekeyReport, StoreError> {
    let own = Options { key_file: None, command: "rekey", ..Options::default() };
    let target = Arc::new(DataDirectory::hold(folder, &own)?);
    // First, because a pointer beside databases without one would be of an earlier format.
    target.switch_pointer(&opened.pointer)?;
    let to = new_vault(directory, &target, key)?.with_secret_names(opened.vault.secret_names());
    key_check::write(&target, &to)?;
    let mut reseal = Reseal { from: &opened.vault, to: &to, report: RekeyReport::default() };
    let current = reseal.copy(&opened.generation, &target, options)?;
    let mut previous = opened.mark.previous();
    for number in opened.pointer.earlier().chain([ARCHIVE_NUMBER]) {
        let Some(generation) = open_intact(directory, number, options)? else { continue };
        let known = reseal.copy(&generation, &target, options)?;
        if opened.pointer.previous == Some(number) {
            previous = Some(known);
        }
    }
    let (mark, _) = MarkFile::open(&target.mark())?;
    mark.begin(current, previous);
    mark.sync()?;
    let Reseal { mut report, .. } = reseal;
    report.old_key = match key {
        NewKey::Same => None,
        NewKey::Random => Some(old_key_path(&directory.key())),
    };
    // The process that completes the replacement can have another working directory.
    let absolute = |path: PathBuf| {
        std::path::absolute(path).map_err(StoreError::io("finding the folder of the key"))
    };
    let decision = Decision {
        key: absolute(directory.key())?,
        old_key: report.old_key.clone().map(absolute).transpose()?,
    };
    drop(target);
    sync_folder(folder).map_err(StoreError::io("making the resealed databases durable"))?;
    rekey_switch::decide(directory.path(), &decision)?;
    Ok(report)
}

/// Writes the key of the copies.
fn new_vault(
    directory: &DataDirectory,
    target: &DataDirectory,
    key: NewKey,
) -> Result<Vault, StoreError> {
    match key {
        NewKey::Random => Vault::create(&target.key()),
        NewKey::Same => {
            let path = target.key();
            let copy = || {
                let bytes = Zeroizing::new(fs::read(directory.key())?);
                write_private_file(&path, &path.with_extension("new"), &bytes)
            };
            copy().map_err(StoreError::io("copying the key"))?;
            Vault::open(&path)
        }
    }
}

/// Returns the path under which the replaced key is kept.
fn old_key_path(key: &Path) -> PathBuf {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    let time = OffsetDateTime::now_utc().format(form).unwrap_or_default();
    let mut name = key.as_os_str().to_owned();
    name.push(format!(".old-{time}"));
    PathBuf::from(name)
}

/// Opens an earlier generation or the archive. `None` if it does not exist, or if it is damaged: then it
/// stays as it is, and its damage is reported as before.
fn open_intact(
    directory: &Arc<DataDirectory>,
    number: u64,
    options: Options,
) -> Result<Option<Generation>, StoreError> {
    let path = directory.generation(number);
    if !path.is_dir() || matches!(seal::read(&path)?, Seal::Missing) {
        return Ok(None);
    }
    match opening::open_checked(directory, number, options, None, LogEndPolicy::Keep) {
        Ok(generation) => Ok(Some(generation)),
        Err(error @ (StoreError::InventoryDamaged(_) | StoreError::Damaged { .. })) => {
            tracing::warn!(
                error = %Chain(&error),
                "{} is damaged. Its secrets are not sealed again, and cannot be decrypted any more.",
                path.display()
            );
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Seals secrets again.
struct Reseal<'v> {
    from: &'v Vault,
    to: &'v Vault,
    report: RekeyReport,
}

impl Reseal<'_> {
    /// Copies a database. Returns its state.
    fn copy(
        &mut self,
        from: &Generation,
        target: &Arc<DataDirectory>,
        options: Options,
    ) -> Result<KnownState, StoreError> {
        let to = Generation::create(target, from.number, options)?;
        // A sealed value is written instead of the one that it replaces, never after it: the log of a database
        // keeps replaced values for a while.
        let mut sealed_chunks = HashSet::new();
        let (mut is_later_sealed, mut moved) = (false, 0_u64);
        let _ = each_value(from, &mut |value| {
            let sealed = match value.stored() {
                Some(stored) => self.sealed(stored)?,
                None => None,
            };
            let is_written = match value.location {
                ValueLocation::Entry => true,
                // It stays in its change, unless it is sealed or must be rebuilt from a sealed value.
                ValueLocation::InsideChange => sealed.is_some() || is_later_sealed,
            };
            is_later_sealed = sealed.is_some();
            moved += u64::from(is_written && value.location == ValueLocation::InsideChange);
            match sealed {
                Some(Sealed { version, ordinal, body, chunk_prefix }) => {
                    let values = format::values(ordinal, version, &body);
                    write_entry(to.tree(value.tree), value.key, &values.head)?;
                    for (number, chunk) in values.chunks.enumerate() {
                        let key = chunk_key(&chunk_prefix, number);
                        write_entry(to.tree(TreeId::Chunks), &key, chunk)?;
                    }
                    sealed_chunks.insert(chunk_prefix);
                }
                None if is_written => write_entry(to.tree(value.tree), value.key, value.bytes)?,
                None => {}
            }
            Ok(ControlFlow::Continue(()))
        })?;
        for tree in TreeId::all().filter(|tree| !holds_records(*tree)) {
            if tree == TreeId::History && moved > 0 {
                history::copy_without_moved(from.tree(tree), &to)?;
                continue;
            }
            for entry in from.trees().tree(tree).prefix(&[]) {
                let (key, value) = entry?;
                let is_sealed = tree == TreeId::Chunks
                    && chunk_prefix_of(&key).is_some_and(|prefix| sealed_chunks.contains(prefix));
                if !is_sealed {
                    write_entry(to.tree(tree), &key, &value)?;
                }
            }
        }
        let mut summary = Summary::clone(&from.summary());
        summary.content = to.read_content()?;
        to.note_summary(summary.clone());
        to.write_summary()?;
        let known = KnownState::now(from.number, from.identity, summary);
        seal::write(&to.path(), &known)?;
        to.make_durable()?;
        Ok(known)
    }

    /// Seals the secrets of a record. `None` if it has none.
    fn sealed(&mut self, stored: StoredRecord<'_>) -> Result<Option<Sealed>, StoreError> {
        let StoredRecord { mut record, name, is_before, raw } = stored;
        let is_hidden = self.to.hide_secrets(&mut *record);
        let is_encrypted = record.secrets().iter().any(|(_, secret)| secret.encrypted().is_some());
        if !is_hidden && !is_encrypted {
            return Ok(None);
        }
        match self.from.decrypt_secrets(&mut *record) {
            Ok(()) if is_before => self.report.before_values += 1,
            Ok(()) => self.report.records += 1,
            // Those that cannot be decrypted stay as they are.
            Err(_) => self.report.undecryptable += 1,
        }
        if is_hidden {
            self.report.hidden += 1;
            self.report.hidden_before += u64::from(is_before);
        }
        self.to.encrypt_secrets(&mut *record);
        let (ordinal, version) = (raw.header.ordinal, raw.header.version);
        Ok(Some(Sealed {
            ordinal,
            version,
            body: format::encode_body(&*record)?,
            chunk_prefix: ValueOwner::Record(record.kind()).chunk_prefix(name, version),
        }))
    }
}

/// A record whose secrets are sealed.
struct Sealed {
    ordinal: u64,
    version: u64,
    body: Vec<u8>,
    /// The prefix of the keys of its chunks, if it is long.
    chunk_prefix: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Credential, Entity, Field, Name, Secret},
        store::{Origin, Store},
    };

    /// Returns the encrypted password of the only credential, whose description has this length.
    fn put_password(path: &Path, password: &str, bytes: usize) -> Vec<u8> {
        let store = Store::open(path).unwrap();
        let mut credential = Credential::named(Name::parse("R 1%".to_owned()).unwrap());
        credential.password = Field::Set(Secret::from_plain(password));
        credential.description = Field::Set("d".repeat(bytes));
        let put = store.change(&Origin::internal("test"), |transaction| {
            transaction.put(credential.clone()).map(drop)
        });
        put.unwrap();
        let stored = store.read().get::<Credential>("R 1%").unwrap().unwrap();
        match stored.record.password {
            Field::Set(Secret::Encrypted(bytes)) => bytes,
            other => panic!("{other:?}"),
        }
    }

    /// Returns whether a file of a folder contains some bytes.
    fn holds(folder: &Path, bytes: &[u8]) -> bool {
        fs::read_dir(folder).unwrap().any(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                return holds(&path, bytes);
            }
            memchr::memmem::find(&fs::read(path).unwrap(), bytes).is_some()
        })
    }

    #[test]
    fn no_copy_holds_a_secret_under_the_old_key() {
        // A long credential and a short one. The value before a change of a short record can be inside the
        // change, which a new key does not write again.
        for bytes in [9000, 10] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("data");
            let old = ["first", "second"].map(|password| put_password(&path, password, bytes));
            assert!(old.iter().all(|secret| holds(&path, secret)));
            let report = rekey(&path, Options::default()).unwrap();
            let counts = (report.records, report.before_values, report.undecryptable);
            assert_eq!(counts, (1, 1, 0), "{bytes}");
            assert!(old.iter().all(|secret| !holds(&path, secret)), "{bytes}");
            let store = Store::open(&path).unwrap();
            let mut record = store.read().get::<Credential>("R 1%").unwrap().unwrap().record;
            store.vault().decrypt_secrets(&mut record).unwrap();
            assert_eq!(record.password.get().and_then(Secret::plain).unwrap().as_str(), "second");
        }
    }
}
