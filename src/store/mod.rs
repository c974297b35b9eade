//! The store: the inventory on the disk. The only module that uses sled.
//!
//! - **Small changes** ([`Store::change`]) are prepared in memory, one after the other. Changes
//!   that arrive while the disk is busy are committed together. Each is acknowledged when it is
//!   durable.
//! - **Bulk loads** ([`Store::lock`]) write a new generation, which is a database of its own, and switch
//!   the pointer to it when it is durable.
//! - **Readers** are never blocked. [`Store::read`] returns a live view of the current generation,
//!   [`Store::snapshot`] a consistent one.
//! - **Damage** is detected when the inventory is opened: by its log (`log`), by the seal of the
//!   generation (`seal`), by the high-water mark (`mark`) and by content hashes (`content`). `opening`
//!   compares them. [`Recovery`] repairs a damaged inventory.
//!
//! Invariants: no change is acknowledged before it is durable. A record, its references and the counts
//! are written in the same transaction. Secrets are stored encrypted only.

mod admission;
mod backup_snapshot;
mod committer;
mod contained;
mod content;
mod directory;
mod directory_error;
mod durable;
mod durable_version;
mod error;
mod folder_copy;
mod format;
mod full_disk;
mod generation;
mod generation_limits;
mod history;
mod holder;
mod inventory_damage;
mod kept;
mod key_check;
mod key_error;
mod known;
mod large_change;
mod layers;
mod live_view;
mod load;
mod log;
mod mark;
mod members;
mod new_generation;
mod one_change;
mod opening;
mod options;
mod origin;
mod owner;
mod packed;
mod pending;
mod read_ahead;
mod recover;
mod references;
mod rekey;
mod rekey_switch;
mod rekey_values;
mod replaced;
mod reserve;
mod seal;
mod secret_properties;
mod snapshot;
mod stored;
mod summary;
mod transaction;
mod tree_id;
mod trees;
mod undo;
mod vault;
mod verify;
mod verify_archive;
mod write_lock;

#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

pub use admission::CreateDirectory;
pub use backup_snapshot::BackupSnapshot;
pub use directory::{DIRECTORY_FORMAT, DataDirectory, tls_folder};
pub use directory_error::{DirectoryError, ForeignContents};
pub use error::{Damage, RECORD_BYTES_MAX, StoreError};
pub use format::{Header, RECORD_FORMAT, Raw, decode_any_body, decode_record, encode_body};
pub use generation_limits::{GenerationLimits, KeptGenerations};
pub use history::{
    AtChange, ChangeCounts, Effect, HistoryBegin, HistoryChange, HistoryLimits, HistoryLoss,
    HistoryTrimmer, HistoryView, KeptTextVersion, LoadRecord, ReplacedGeneration, Replacement,
    TextVersion, TextWriter, Touched, TouchedValue, Trimmed,
};
pub use holder::LockHolder;
pub use inventory_damage::{InventoryDamage, KnownCounts};
pub use kept::EarlierGeneration;
pub use key_check::KeyState;
pub use key_error::KeyError;
pub use live_view::LiveView;
pub use load::Load;
pub use new_generation::LoadTable;
pub use one_change::OneChange;
pub use options::{HistoryWriting, InterruptedRecovery, Options, key_file, secret_names};
pub use origin::{CHANGE_MESSAGE_BYTES_MAX, Origin};
pub use owner::FileOwner;
pub use recover::{
    LostRecord, PreviousState, Recovered, Recovery, RecoveryState, RewriteReport, RewrittenKind,
    SalvageReport,
};
pub use references::{Referrer, parse_posting, parse_target_key, posting, target_key};
pub use rekey::{RekeyReport, rekey};
pub use replaced::{
    DifferentRecord, DifferentText, EarlierState, RecordDifference, RecordReplacement,
    RecordReplacements, ReplacedStates, ReplacementEffect,
};
pub use snapshot::Snapshot;
pub use stored::{Stored, StoredText};
pub use summary::{KindSummary, Summary};
pub use transaction::{PutOutcome, Transaction};
pub use undo::{GenerationInfo, GenerationSwitch, Generations};
pub use vault::Vault;
pub use verify::{Finding, Findings, KindVerified, Verified};
pub use write_lock::WRITE_LOCK_WAIT_MAX;

use committer::{CommitFailure, Committer};
use durable_version::DurableVersion;
use full_disk::{AmpleSpace, Reopening};
use generation::Generation;
use history::{Archive, HistoryHolds};
use kept::KeptDatabases;
use mark::MarkFile;
use opening::OpenedInventory;
use secret_properties::{EncryptionState, SecretProperties};
use snapshot::{SnapshotScope, Snapshots};
use write_lock::{WriteGuard, WriteLock};

use tokio::sync::watch;

use crate::job::{ImportedState, Progress};
use crate::model::Kind;
use crate::wording::{Chain, chain};

/// The inventory of one data directory.
pub struct Store {
    vault: Arc<Vault>,
    options: Options,
    write_lock: Arc<WriteLock>,
    snapshots: Arc<Snapshots>,
    current: RwLock<StoreState>,
    reopening: Reopening,
    ample_space: AmpleSpace,
    mark: Arc<MarkFile>,
    durable_version: Arc<DurableVersion>,
    /// The history of replaced generations.
    archive: Archive,
    /// The backups that read the history.
    history_holds: HistoryHolds,
    /// The open databases of earlier generations.
    kept: KeptDatabases,
    /// The number of the last generation that was begun. Numbers are not reused: a database that was
    /// closed can still write to its directory for a moment.
    number_last: AtomicU64,
    /// Dropped last: the directory stays locked until the database is closed.
    directory: Arc<DataDirectory>,
}

/// Tells whether the database is open.
enum StoreState {
    Open(CurrentGeneration),
    /// The database was closed to be reopened, and reopening failed.
    Closed {
        number: u64,
        /// The highest version of any change before.
        version: u64,
        failure: CommitFailure,
    },
}

/// The current generation and its committer.
#[derive(Clone)]
struct CurrentGeneration {
    /// Dropped first: commits pending changes before the database is closed.
    committer: Arc<Committer>,
    generation: Arc<Generation>,
}

impl Store {
    /// Opens the inventory of a data directory with the default options. Creates an empty one if there
    /// is none.
    ///
    /// # Errors
    /// As for [`Store::open_with`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Options::default())
    }

    /// Opens the inventory of a data directory.
    ///
    /// # Errors
    /// - [`StoreError::Directory`] if the directory cannot be used.
    /// - [`StoreError::InventoryDamaged`] if the inventory is damaged.
    /// - [`StoreError::Key`] if the key is missing or wrong.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub fn open_with(path: &Path, options: Options) -> Result<Self, StoreError> {
        Self::open_around(path, options, Arc::default())
            .map_err(|error| admission::explained(path, error))
    }

    fn open_around(
        path: &Path,
        options: Options,
        snapshots: Arc<Snapshots>,
    ) -> Result<Self, StoreError> {
        let directory = Arc::new(DataDirectory::hold(path, &options)?);
        let OpenedInventory { generation, pointer, vault, mark, .. } =
            rekey::open(&directory, options)?;
        key_check::require_right_key(&directory, &vault, &generation)?;
        let mark = Arc::new(mark);
        reserve::keep_reserve(&directory);
        let number_last = pointer.number_last();
        let write_lock = Arc::<WriteLock>::default();
        let durable_version = Arc::new(DurableVersion::new(generation.durable_summary().version));
        Ok(Self {
            vault: Arc::new(vault),
            options,
            current: RwLock::new(StoreState::Open(CurrentGeneration::new(
                generation,
                &snapshots,
                &write_lock,
                &mark,
                &durable_version,
            )?)),
            durable_version,
            mark,
            snapshots,
            write_lock,
            reopening: Reopening::default(),
            ample_space: AmpleSpace::default(),
            number_last: AtomicU64::new(number_last),
            archive: Archive::new(directory.clone(), options),
            history_holds: HistoryHolds::default(),
            kept: KeptDatabases::default(),
            directory,
        })
    }

    /// Returns whether an import took effect: its generation is kept, and contains its change.
    pub fn has_imported(&self, imported: ImportedState) -> bool {
        let Ok(pointer) = self.pointer() else { return false };
        match imported {
            ImportedState::Generation(number) => pointer.names(number),
            ImportedState::Change { generation, version } => {
                generation == pointer.current
                    && self.current().is_ok_and(|current| {
                        current.generation.durable_summary().version >= version
                    })
            }
        }
    }

    /// Returns whether custom properties have become secrets since the members of pools were computed.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the file `secret_properties` cannot be read.
    pub fn has_outdated_pools(&self) -> Result<bool, StoreError> {
        let properties = SecretProperties::read(&self.directory)?;
        Ok(properties.state == EncryptionState::PoolsOutdated)
    }

    /// Notes that the members of all pools are computed.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the file `secret_properties` cannot be read or written.
    pub fn note_current_pools(&self) -> Result<(), StoreError> {
        let properties = SecretProperties::read(&self.directory)?;
        properties.with(EncryptionState::Current).write(&self.directory)
    }

    /// The data directory.
    pub fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// Encrypts and decrypts secrets.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Returns a live view of the current generation. It shows later small changes, but not a later bulk
    /// load.
    pub fn read(&self) -> LiveView {
        self.reopen_for_reading();
        let generation = self.current().map(|current| current.generation);
        LiveView::new(generation, self.vault.clone())
    }

    /// Returns a live view of the history.
    ///
    /// # Errors
    /// - [`StoreError::Reopening`] while the database or the archive cannot be opened after a failed write,
    ///   and [`StoreError::ReadOnly`] if reopening does not help.
    /// - [`StoreError::Io`] or [`StoreError::Database`] if the archive cannot be opened.
    pub fn history(&self) -> Result<HistoryView, StoreError> {
        self.reopen_for_reading();
        let current = self.current().map_err(|failure| failure.to_read_error())?;
        let view = LiveView::new(Ok(current.generation.clone()), self.vault.clone());
        // The generation first: what it replaced is in the archive by then.
        let archive = self.archive.database().map_err(|error| match error {
            // Nothing was changed, so the message "the change was not saved" would be wrong.
            StoreError::DiskFull | StoreError::FileSizeLimit => StoreError::Reopening,
            other => other,
        })?;
        Ok(HistoryView::new(current.generation, archive, view))
    }

    /// Returns the lost parts of the history: archives that are or were damaged or missing, and missing copies
    /// of the inventory from before imports. Empty in the ordinary case.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the pointer cannot be read. [`StoreError::DiskFull`], [`StoreError::Io`] or [`StoreError::Database`] if the archive cannot be
    /// opened for another reason than damage.
    pub fn history_losses(&self) -> Result<Vec<HistoryLoss>, StoreError> {
        let mut losses = self.archive.losses()?;
        losses.extend(kept::missing_copies(&self.directory)?);
        Ok(losses)
    }

    /// Logs the parts of the history that were lost before this start. Loss that is found at this start is
    /// logged by the archive.
    pub fn log_history_losses(&self) {
        match self.history_losses() {
            Ok(losses) => {
                for loss in losses.iter().filter(|loss| loss.is_noted()) {
                    tracing::warn!("{loss}.");
                }
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "Cannot read the state of the history.");
            }
        }
    }

    /// Returns the number of the last durable change, as a value that can be awaited. It grows with each
    /// commit, also by numbers that no change of the history has, and closes with the store.
    pub fn watch_version(&self) -> watch::Receiver<u64> {
        self.durable_version.watch()
    }

    /// Returns a snapshot: the inventory at this moment, without later changes.
    ///
    /// # Errors
    /// [`StoreError::Reopening`] while the database cannot be opened after a failed write.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.snapshot_of(SnapshotScope::Records)
    }

    /// Returns a snapshot that serves the values of a scope.
    ///
    /// # Errors
    /// As for [`Store::snapshot`].
    fn snapshot_of(&self, scope: SnapshotScope) -> Result<Snapshot, StoreError> {
        self.reopen_for_reading();
        let generation = || match self.current() {
            Ok(current) => Ok(current.generation),
            Err(_) => Err(StoreError::Reopening),
        };
        self.snapshots.take(generation, self.vault.clone(), scope)
    }

    /// Makes a small change, which the history keeps with its origin. If `make` returns `Ok`, the transaction is committed as a whole and durable
    /// when this returns. If it returns an error, nothing is changed.
    ///
    /// # Errors
    /// - The error of `make`.
    /// - [`StoreError::Busy`] if an import holds the write lock for too long.
    /// - [`StoreError::ChangeLarge`] if the change exceeds 512 MB.
    /// - [`StoreError::DiskFull`] or [`StoreError::FileSizeLimit`] if the change cannot be written.
    /// - [`StoreError::ReadOnly`] if a write failed in another way, now or earlier.
    pub fn change<T, X: From<StoreError>>(
        &self,
        origin: &Origin,
        make: impl FnOnce(&mut Transaction<'_>) -> Result<T, X>,
    ) -> Result<T, X> {
        let guard = self.write_lock.lock()?;
        let current = self.writable()?;
        self.snapshots.wait_for_space()?;
        let mut pending = current.committer.pending();
        let mut transaction = Transaction::new(&current.generation, &self.vault, origin, &pending);
        let output = make(&mut transaction)?;
        let changed = transaction.finish()?;
        let ticket = match changed {
            // The caller might have read an earlier change that is not durable yet.
            None => current.committer.last_requested(),
            Some(changed) if changed.is_large => {
                drop(pending);
                current.committer.settle()?;
                self.rewrite(&current, changed)?;
                return Ok(output);
            }
            Some(changed) => {
                let bytes = pending.bytes() + changed.bytes();
                self.require_space(&current.generation, bytes)?;
                pending.add(changed);
                current.committer.request()
            }
        };
        drop(pending);
        // The next change does not wait for this commit: it can share it.
        drop(guard);
        current.committer.wait(ticket)?;
        Ok(output)
    }

    /// Takes the write lock: nothing else changes the inventory until the [`LockedStore`] is dropped.
    ///
    /// # Errors
    /// - [`StoreError::Busy`] if another change holds the lock for too long.
    /// - [`StoreError::Cancelled`] if the operation is cancelled while it waits.
    /// - [`StoreError::DiskFull`], [`StoreError::FileSizeLimit`], [`StoreError::Damaged`] or
    ///   [`StoreError::ReadOnly`] if an earlier commit failed while the lock was taken.
    pub fn lock(&self, progress: &Progress) -> Result<LockedStore<'_>, StoreError> {
        let guard = self.write_lock.lock_for(progress)?;
        // Pending changes become readable only when they are applied. After a failure none is pending.
        if let Ok(current) = self.current()
            && current.committer.failure().is_none()
        {
            current.committer.settle()?;
        }
        Ok(LockedStore { guard, store: self })
    }

    fn current(&self) -> Result<CurrentGeneration, CommitFailure> {
        match &*self.current.read().unwrap_or_else(PoisonError::into_inner) {
            StoreState::Open(current) => Ok(current.clone()),
            StoreState::Closed { failure, .. } => Err(failure.clone()),
        }
    }

    /// Returns the generation to change. Reopens the database if necessary. The caller holds the write
    /// lock.
    ///
    /// # Errors
    /// - [`StoreError::DatabaseRemoved`] if its file is no longer in the data directory.
    /// - [`StoreError::ReadOnly`] if an earlier commit failed and reopening does not help.
    /// - The errors of [`Store::reopen`].
    fn writable(&self) -> Result<CurrentGeneration, StoreError> {
        let failure = match self.current() {
            Ok(current) => match current.committer.failure() {
                None => {
                    current.generation.require_file()?;
                    return Ok(current);
                }
                Some(failure) => failure,
            },
            Err(failure) => failure,
        };
        if failure.is_cured_by_reopening() {
            self.reopen(&failure)
        } else {
            Err(failure.to_error())
        }
    }

    /// Returns the number of the next generation.
    fn number_next(&self) -> u64 {
        self.number_last.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Replaces the current generation with a durable one.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the pointer cannot be written.
    fn replace(&self, generation: Generation) -> Result<(), StoreError> {
        let pointer = self.pointer_after(generation.number)?;
        let known = generation.known();
        self.seal_replaced();
        let version = generation.durable_summary().version;
        let current = CurrentGeneration::new(
            generation,
            &self.snapshots,
            &self.write_lock,
            &self.mark,
            &self.durable_version,
        )?;
        if let Err(error) = self.directory.switch_pointer(&pointer) {
            // The pointer can name either generation now, so changes of the old one must not be
            // acknowledged any more.
            if !matches!(self.directory.pointer(), Ok(Some(now)) if now != pointer)
                && let Ok(old) = self.current()
            {
                let reason =
                    format!("it is unknown which generation is the current one: {}", chain(&error));
                old.committer.fail(&StoreError::ReadOnly { reason });
            }
            return Err(error);
        }
        self.mark.note_replaced(known);
        let old = std::mem::replace(
            &mut *self.current.write().unwrap_or_else(PoisonError::into_inner),
            StoreState::Open(current),
        );
        self.durable_version.note(version);
        if let StoreState::Open(old) = &old {
            self.kept.note_replaced(&old.generation);
        }
        // Closing it takes a flush, outside of the lock, so that readers do not wait.
        drop(old);
        self.remove_unused(&pointer);
        Ok(())
    }

    /// Seals the current generation with its present state, before it is replaced: the high-water mark
    /// forgets it after the next import.
    fn seal_replaced(&self) {
        let Ok(current) = self.current() else { return };
        let generation = current.generation;
        if let Err(error) = seal::replace(&generation.path(), &generation.known()) {
            tracing::warn!(error = %Chain(&error), "Cannot write the seal of a replaced generation. Loss of its last changes might not be detected.");
        }
    }

    /// Returns the number of the last change of a kind. It is kept in memory, so the call is cheap.
    ///
    /// # Errors
    /// The error of the commit that failed, if the database was closed after it.
    pub fn changed(&self, kind: Kind) -> Result<u64, StoreError> {
        match self.current() {
            Ok(current) => Ok(current.generation.summary().kind(kind).changed),
            Err(failure) => Err(failure.to_error()),
        }
    }

    /// Waits until all requested commits are durable.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], [`StoreError::FileSizeLimit`], [`StoreError::Damaged`] or
    /// [`StoreError::ReadOnly`] if a commit failed.
    pub fn flush(&self) -> Result<(), StoreError> {
        match self.current() {
            Ok(current) => current.committer.settle(),
            Err(failure) => Err(failure.to_error()),
        }
    }
}

impl CurrentGeneration {
    fn new(
        generation: Generation,
        snapshots: &Arc<Snapshots>,
        write_lock: &Arc<WriteLock>,
        mark: &Arc<MarkFile>,
        durable_version: &Arc<DurableVersion>,
    ) -> Result<Self, StoreError> {
        let generation = Arc::new(generation);
        let committer = Committer::start(
            &generation,
            snapshots.clone(),
            write_lock.clone(),
            mark.clone(),
            durable_version.clone(),
        )?;
        Ok(Self { committer: Arc::new(committer), generation })
    }
}

/// A store whose write lock is held.
pub struct LockedStore<'s> {
    guard: WriteGuard<'s>,
    store: &'s Store,
}

impl<'s> LockedStore<'s> {
    /// Begins a bulk load.
    ///
    /// # Errors
    /// As for [`Load::begin`], and the error of an earlier commit that failed.
    pub fn load(self) -> Result<Load<'s>, StoreError> {
        Load::begin(self.store, self.guard)
    }
}
