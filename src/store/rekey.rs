//! Seals every secret again: with a new key, or bound to its record as the current format demands.
//!
//! All databases are copied into the folder `rekey/`, entry by entry, so that no copy holds a secret under
//! the old key. The data directory stays as it is until the copies are complete and durable; then
//! [`rekey_switch`] moves them to their places.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use time::{OffsetDateTime, macros::format_description};
use zeroize::Zeroizing;

use super::{
    DataDirectory, Options, Raw, StoreError, Summary, Vault,
    directory::ARCHIVE_NUMBER,
    format,
    generation::{Generation, chunk_key, write_entry},
    history::{BeforeKey, parse_before_key},
    key_check,
    known::KnownState,
    mark::MarkFile,
    opening::{self, LogEndPolicy, OpenedInventory, SecretBinding},
    rekey_switch::{self, Decision},
    seal::{self, Seal},
    tree_id::TreeId,
    trees::ValueOwner,
};
use crate::{
    disk::{sync_folder, write_private_file},
    model::{Kind, Secret},
    wording::Chain,
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
/// again, so that each is bound to its record. If this is interrupted, it starts again or is completed when
/// the directory is opened.
///
/// # Errors
/// As for [`opening::open`]; [`StoreError::Key`] if the key of an earlier format is wrong.
pub(super) fn open(
    directory: &Arc<DataDirectory>,
    options: Options,
) -> Result<OpenedInventory, StoreError> {
    let opened = opening::open(directory, options)?;
    match opened.secrets {
        SecretBinding::Bound => Ok(opened),
        SecretBinding::Unbound => {
            key_check::require_right_key(directory, &opened.vault, &opened.generation)?;
            tracing::info!(
                "The data directory has an earlier format. Its secrets are encrypted again."
            );
            prepare(directory, &opened, options, NewKey::Same)?;
            drop(opened);
            rekey_switch::complete(directory.path())?;
            opening::open(directory, options)
        }
    }
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
    let to = new_vault(directory, &target, key)?;
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
    let decision = Decision {
        key: std::path::absolute(directory.key()).map_err(StoreError::io("finding the key"))?,
        old_key: report.old_key.clone(),
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
        for tree in TreeId::all() {
            for entry in from.trees().tree(tree).prefix(&[]) {
                let (key, value) = entry?;
                write_entry(to.tree(tree), &key, &value)?;
            }
        }
        for kind in Kind::ALL {
            self.records(from, &to, kind)?;
        }
        self.before_values(from, &to)?;
        let mut summary = Summary::clone(&from.summary());
        summary.content = to.read_content()?;
        to.note_summary(summary.clone());
        to.write_summary()?;
        let known = KnownState::now(from.number, from.identity, summary);
        seal::write(&to.path(), &known)?;
        to.make_durable()?;
        Ok(known)
    }

    /// Seals the secrets of the records of a kind.
    fn records(
        &mut self,
        from: &Generation,
        to: &Generation,
        kind: Kind,
    ) -> Result<(), StoreError> {
        let tree = TreeId::Kind(kind);
        for entry in from.trees().scan(kind) {
            let (name, Some(raw)) = entry? else { continue };
            let owner = ValueOwner::Record(kind);
            if self.value(to, (owner, &name), (tree, &name), &raw)? {
                self.report.records += 1;
            }
        }
        Ok(())
    }

    /// Seals the secrets of the values before each change.
    fn before_values(&mut self, from: &Generation, to: &Generation) -> Result<(), StoreError> {
        for entry in from.trees().tree(TreeId::Before).prefix(&[]) {
            let (key, value) = entry?;
            let Some(BeforeKey::Value { owner, key: name, .. }) = parse_before_key(&key) else {
                continue;
            };
            // An empty value means that the record did not exist.
            if value.is_empty() {
                continue;
            }
            let Some(raw) = from.trees().with_chunks(owner, name, value)? else { continue };
            if self.value(to, (owner, name), (TreeId::Before, &key), &raw)? {
                self.report.before_values += 1;
            }
        }
        Ok(())
    }

    /// Seals the secrets of one value, and writes it under its key in a tree. Returns whether it had any.
    fn value(
        &mut self,
        to: &Generation,
        (owner, name): (ValueOwner, &[u8]),
        (tree, key): (TreeId, &[u8]),
        raw: &Raw,
    ) -> Result<bool, StoreError> {
        let ValueOwner::Record(kind) = owner else { return Ok(false) };
        // A damaged record is reported by the verification.
        let Ok(mut record) = format::decode_record(kind, name, raw.body()) else {
            return Ok(false);
        };
        let is_encrypted = |secret: &Secret| matches!(secret, Secret::Encrypted(_));
        if !record.secrets().iter().any(|(_, secret)| is_encrypted(secret)) {
            return Ok(false);
        }
        if self.from.decrypt_secrets(&mut *record).is_err() {
            self.report.undecryptable += 1;
            return Ok(false);
        }
        self.to.encrypt_secrets(&mut *record);
        let body = format::encode_body(&*record)?;
        let version = raw.header.version;
        let values = format::values(raw.header.ordinal, version, &body);
        write_entry(to.tree(tree), key, &values.head)?;
        // A sealed secret has always the same length, so there are as many chunks as before.
        let prefix = owner.chunk_prefix(name, version);
        for (number, chunk) in values.chunks.enumerate() {
            write_entry(to.tree(TreeId::Chunks), &chunk_key(&prefix, number), chunk)?;
        }
        Ok(true)
    }
}
