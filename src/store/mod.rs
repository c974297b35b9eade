//! The store: the inventory on the disk. The only module that names sled.
//!
//! - **Small changes** ([`Store::change`]) are made in memory, one after the other; those that come
//!   while the disk is busy are committed together, and acknowledged when that is durable.
//! - **Bulk changes** ([`Store::write`]) write a new generation, a database of its own, and turn the
//!   pointer to it when it is durable.
//! - **Readers** are never blocked. [`Store::read`] looks at the current generation;
//!   [`Store::snapshot`] holds one moment of it.
//! - **Damage** is noticed when the inventory is opened: by its log (`log`), by the seal of the
//!   generation (`seal`), by the high-water mark (`mark`) and by content hashes (`content`).
//!   `opening` compares them; [`Recovery`] gets an inventory back.
//!
//! Invariants: nothing is acknowledged before it is durable; a record, the references that it
//! holds and the counts that it changes are written in the same transaction; no secret is written
//! that is not sealed.

mod admission;
mod ahead;
mod committer;
mod contained;
mod content;
mod directory;
mod directory_error;
mod durable;
mod error;
mod folder_copy;
mod format;
mod generation;
mod holder;
mod key_check;
mod key_error;
mod known;
mod layers;
mod load;
mod log;
mod mark;
mod members;
mod new_generation;
mod opening;
mod options;
mod owner;
mod packed;
mod recover;
mod references;
mod rewrite;
mod room;
mod seal;
mod snapshot;
mod summary;
mod transaction;
mod trees;
mod undo;
mod vault;
mod verify;
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
pub use contained::is_panic_contained;
pub use directory::{DIRECTORY_FORMAT, DataDirectory};
pub use directory_error::{DirectoryError, ForeignContents};
pub use error::{Damage, RECORD_BYTES_MAX, StoreError};
pub use format::{Header, RECORD_FORMAT, Raw, decode_any_body, decode_record, encode_body};
pub use holder::LockHolder;
pub use key_check::KeyState;
pub use key_error::KeyError;
pub use known::KnownCounts;
pub use load::Load;
pub use new_generation::LoadTable;
pub use opening::InventoryDamage;
pub use options::{InterruptedRecovery, Options};
pub use owner::FileOwner;
pub use recover::{
    LostRecord, PreviousState, Recovered, Recovery, RecoveryState, RewriteReport, RewrittenKind,
    SalvageReport,
};
pub use references::{Referrer, parse_posting, parse_target_key, posting, target_key};
pub use snapshot::Snapshot;
pub use summary::{KindSummary, Summary};
pub use transaction::{PutOutcome, Transaction};
pub use undo::{GenerationInfo, GenerationSwitch, Generations};
pub use vault::Vault;
pub use verify::{Finding, Findings, KindVerified, Verified};
pub use write_lock::WRITE_LOCK_WAIT_MAX;

use committer::{CommitFailure, Committer};
use directory::Pointer;
use generation::{Generation, corrupt};
use layers::TreeId;
use mark::MarkFile;
use opening::OpenedInventory;
use room::{AmpleSpace, Reopening};
use snapshot::Snapshots;
use trees::Trees;
use write_lock::{WriteGuard, WriteLock};

use crate::job::Progress;
use crate::model::{AnyRecord, Entity, Kind, Record, Side, Target};
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
    /// The number of the last generation that was begun. None is used twice: a database that was
    /// given up may still write to its directory for a moment.
    number_last: AtomicU64,
    /// The last to be dropped, so that nobody opens what is still being closed.
    directory: Arc<DataDirectory>,
}

/// What is the inventory now.
enum StoreState {
    Open(CurrentGeneration),
    /// The database was closed to be opened again, and that failed.
    Closed {
        number: u64,
        /// The highest version that a change was given before.
        version: u64,
        failure: CommitFailure,
    },
}

/// The generation that is the inventory.
#[derive(Clone)]
struct CurrentGeneration {
    /// The first to be dropped: what it was asked for is committed before the database is closed.
    committer: Arc<Committer>,
    generation: Arc<Generation>,
}

/// A record, and what the store knows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<E> {
    pub record: E,
    /// Its place in the order in which its kind's records came.
    pub ordinal: u64,
    /// The change that wrote it.
    pub version: u64,
}

/// A long text of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredText {
    pub text: String,
    /// The change that wrote it.
    pub version: u64,
}

impl<E: Entity> Stored<E> {
    fn read(name: &[u8], raw: &Raw) -> Result<Self, StoreError> {
        let decoded = raw.decode::<E>();
        let record = decoded.map_err(|error| corrupt(E::KIND, name, error.to_string()))?;
        check_name(&record, name)?;
        Ok(Self { record, ordinal: raw.header.ordinal, version: raw.header.version })
    }

    /// The same, of a type that says nothing of its kind.
    pub fn into_any(self) -> Stored<AnyRecord> {
        Stored { record: self.record.into(), ordinal: self.ordinal, version: self.version }
    }
}

impl Stored<AnyRecord> {
    fn read_any(kind: Kind, name: &[u8], raw: &Raw) -> Result<Self, StoreError> {
        let record = raw.record(kind, name)?;
        check_name(&*record, name)?;
        Ok(Self { record, ordinal: raw.header.ordinal, version: raw.header.version })
    }
}

/// Whether a record bears the name under which it stands.
fn check_name(record: &dyn Record, name: &[u8]) -> Result<(), StoreError> {
    if record.name().as_bytes() == name {
        Ok(())
    } else {
        let detail = format!("it names itself '{}'", record.name());
        Err(corrupt(record.kind(), name, detail))
    }
}

impl Store {
    /// Opens the inventory of a data directory, or makes an empty one there.
    ///
    /// # Errors
    /// What is wrong with the directory, in a sentence for a person.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Options::default())
    }

    /// The same, with what can be chosen.
    ///
    /// # Errors
    /// What is wrong with the directory, in a sentence for a person.
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
        let OpenedInventory { generation, pointer, vault, mark } =
            opening::open(&directory, options)?;
        key_check::prove(&directory, &vault, &generation)?;
        let mark = Arc::new(mark);
        room::keep_reserve(&directory);
        // After an undo the generation before has the higher number.
        let number_last =
            pointer.previous.map_or(generation.number, |previous| previous.max(generation.number));
        let write_lock = Arc::<WriteLock>::default();
        Ok(Self {
            vault: Arc::new(vault),
            options,
            current: RwLock::new(StoreState::Open(CurrentGeneration::new(
                generation,
                &snapshots,
                &write_lock,
                &mark,
            )?)),
            mark,
            snapshots,
            write_lock,
            reopening: Reopening::default(),
            ample_space: AmpleSpace::default(),
            number_last: AtomicU64::new(number_last),
            directory,
        })
    }

    /// Whether a generation is the current one, or was it before the last import or undo.
    pub fn is_kept(&self, generation: u64) -> bool {
        self.pointer().is_ok_and(|pointer| {
            generation == pointer.current || Some(generation) == pointer.previous
        })
    }

    /// The data directory.
    pub fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// Seals and opens secrets.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The inventory as it is. Changes show while it is read; a bulk change does not.
    pub fn read(&self) -> LiveView {
        self.reopen_for_reading();
        let generation = self.current().map(|current| current.generation);
        LiveView { generation, vault: self.vault.clone() }
    }

    /// The inventory as it is at this moment, whatever changes.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.reopen_for_reading();
        let generation = || match self.current() {
            Ok(current) => Ok(current.generation),
            Err(_) => Err(StoreError::Reopening),
        };
        self.snapshots.take(generation, self.vault.clone())
    }

    /// Makes a small change: what `make` does to the transaction is committed whole when it
    /// returns `Ok`, and durable when this returns. When it returns an error nothing happens.
    ///
    /// # Errors
    /// What `make` says; [`StoreError::Busy`] when an import holds the turn for too long;
    /// [`StoreError::DiskFull`] and [`StoreError::ReadOnly`].
    pub fn change<T, X: From<StoreError>>(
        &self,
        make: impl FnOnce(&mut Transaction<'_>) -> Result<T, X>,
    ) -> Result<T, X> {
        let guard = self.write_lock.lock()?;
        let current = self.writable()?;
        self.snapshots.wait_for_space()?;
        let mut pending = current.committer.pending();
        let mut transaction = Transaction::new(&current.generation, &self.vault, &pending);
        let made = make(&mut transaction)?;
        let changed = transaction.finish()?;
        let ticket = match changed {
            // What was decided on may be a change that is not durable yet.
            None => current.committer.asked(),
            Some(changed) if rewrite::is_large(&changed.changes) => {
                drop(pending);
                current.committer.settle()?;
                self.rewrite(&current, changed)?;
                return Ok(made);
            }
            Some(changed) => {
                let bytes = pending.changes.bytes() + changed.changes.bytes();
                self.require_space(&current.generation, bytes)?;
                pending.changes.absorb(changed.changes);
                pending.summary = Some(changed.summary);
                current.committer.ask()
            }
        };
        drop(pending);
        // The next change need not wait for this one's commit, and shares it.
        drop(guard);
        current.committer.wait(ticket)?;
        Ok(made)
    }

    /// Takes the turn for a bulk change: until the [`LockedStore`] is dropped nothing else changes.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another one holds it for too long; [`StoreError::Cancelled`].
    pub fn write(&self, progress: &Progress) -> Result<LockedStore<'_>, StoreError> {
        let guard = self.write_lock.lock_for(progress)?;
        // Who holds the turn reads what is there, and that is what was applied. Where nothing can be
        // written any more, nothing waits to be.
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

    /// The generation to change, for the one who holds the turn.
    fn writable(&self) -> Result<CurrentGeneration, StoreError> {
        let failure = match self.current() {
            Ok(current) => match current.committer.failure() {
                None => return Ok(current),
                Some(failure) => failure,
            },
            Err(failure) => failure,
        };
        if failure.is_mended_by_opening() { self.reopen(&failure) } else { Err(failure.to_error()) }
    }

    /// The number of a generation that is begun.
    fn number_next(&self) -> u64 {
        self.number_last.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Puts a durable generation in the place of the current one.
    fn replace(&self, generation: Generation, pointer: Pointer) -> Result<(), StoreError> {
        let known = generation.known();
        let current =
            CurrentGeneration::new(generation, &self.snapshots, &self.write_lock, &self.mark)?;
        if let Err(error) = self.directory.turn_pointer(pointer) {
            // It may or may not name the new generation now: nothing may be acknowledged into the
            // old one any more.
            if !matches!(self.directory.pointer(), Ok(Some(now)) if now != pointer)
                && let Ok(old) = self.current()
            {
                let reason = format!(
                    "it is not known which inventory is the current one: {}",
                    chain(&error)
                );
                old.committer.fail(&StoreError::ReadOnly { reason });
            }
            return Err(error);
        }
        self.mark.note_replaced(known);
        let old = std::mem::replace(
            &mut *self.current.write().unwrap_or_else(PoisonError::into_inner),
            StoreState::Open(current),
        );
        // Closing it takes a flush, for which no reader waits.
        drop(old);
        if let Err(error) = self.directory.remove_unnamed(pointer) {
            tracing::warn!(error = %Chain(&error), "the generation before the last is left behind");
        }
        Ok(())
    }

    /// The version of the last change of this kind's records. It is kept in memory: asking costs
    /// nothing.
    pub fn changed(&self, kind: Kind) -> Result<u64, StoreError> {
        match self.current() {
            Ok(current) => Ok(current.generation.summary().kind(kind).changed),
            Err(failure) => Err(failure.to_error()),
        }
    }

    /// Makes everything durable that still waits for a flush.
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
    ) -> Result<Self, StoreError> {
        let generation = Arc::new(generation);
        let committer =
            Committer::start(&generation, snapshots.clone(), write_lock.clone(), mark.clone())?;
        Ok(Self { committer: Arc::new(committer), generation })
    }
}

/// The turn to change the inventory in bulk.
pub struct LockedStore<'s> {
    guard: WriteGuard<'s>,
    store: &'s Store,
}

impl<'s> LockedStore<'s> {
    /// Begins a new generation.
    pub fn load(self) -> Result<Load<'s>, StoreError> {
        Load::begin(self.store, self.guard)
    }
}

/// Reads the inventory as it is.
pub struct LiveView {
    generation: Result<Arc<Generation>, CommitFailure>,
    vault: Arc<Vault>,
}

impl LiveView {
    fn generation(&self) -> Result<&Generation, StoreError> {
        // The failure is about a change; a read only has to wait until the database is open again.
        self.generation.as_deref().map_err(|failure| match failure {
            CommitFailure::DiskFull
            | CommitFailure::FileSizeLimit
            | CommitFailure::Damaged { .. } => StoreError::Reopening,
            CommitFailure::Other(_) => failure.to_error(),
        })
    }

    fn trees(&self) -> Result<Trees<'_>, StoreError> {
        Ok(self.generation()?.trees())
    }

    /// The record of this name.
    pub fn get<E: Entity>(&self, name: &str) -> Result<Option<Stored<E>>, StoreError> {
        let raw = self.get_raw(E::KIND, name)?;
        raw.map(|raw| Stored::read(name.as_bytes(), &raw)).transpose()
    }

    /// The record of this kind and name.
    pub fn get_any(&self, kind: Kind, name: &str) -> Result<Option<Stored<AnyRecord>>, StoreError> {
        self.trees()?.get_any(kind, name)
    }

    /// The record of this name, as bytes.
    pub fn get_raw(&self, kind: Kind, name: &str) -> Result<Option<Raw>, StoreError> {
        self.trees()?.raw(kind, name.as_bytes())
    }

    pub fn contains(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        self.trees()?.contains(kind, name)
    }

    /// All records of one kind, by name.
    pub fn scan<E: Entity>(&self) -> impl Iterator<Item = Result<Stored<E>, StoreError>> {
        self.scan_raw(E::KIND).map(|entry| entry.and_then(|(name, raw)| Stored::read(&name, &raw)))
    }

    /// All records of one kind, by name, as bytes.
    pub fn scan_raw(&self, kind: Kind) -> impl Iterator<Item = Result<(Vec<u8>, Raw), StoreError>> {
        let (trees, failure) = match self.trees() {
            Ok(trees) => (Some(trees), None),
            Err(failure) => (None, Some(failure)),
        };
        let records = trees.into_iter().flat_map(move |trees| {
            trees.scan(kind).filter_map(move |entry| match entry {
                Err(error) => Some(Err(error)),
                Ok((name, Some(raw))) => Some(Ok((name.to_vec(), raw))),
                // It was replaced since: read what it is now, where it still is.
                Ok((name, None)) => match trees.raw(kind, &name) {
                    Ok(raw) => raw.map(|raw| Ok((name.to_vec(), raw))),
                    Err(error) => Some(Err(error)),
                },
            })
        });
        failure.map(Err).into_iter().chain(records)
    }

    /// The members of a computed pool, in the order of their records. A pool is named by its
    /// record's ordinal.
    pub fn members(&self, pool: u64, side: Side) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        self.each_member(pool, side, |name| {
            names.push(name.to_owned());
            Ok::<_, StoreError>(())
        })?;
        Ok(names)
    }

    /// Calls `each` with each of the [`members`](Self::members).
    pub fn each_member<X: From<StoreError>>(
        &self,
        pool: u64,
        side: Side,
        each: impl FnMut(&str) -> Result<(), X>,
    ) -> Result<(), X> {
        self.trees()?.each_member(pool, side, each)
    }

    /// The number of a computed pool's members.
    pub fn member_count(&self, pool: u64, side: Side) -> Result<u64, StoreError> {
        self.trees()?.member_count(pool, side)
    }

    /// A long text of a device, such as its configuration.
    pub fn text(&self, device: &str, property: &str) -> Result<Option<StoredText>, StoreError> {
        self.trees()?.text(device, property)
    }

    /// The properties of which a device has a long text.
    pub fn texts(&self, device: &str) -> Result<Vec<String>, StoreError> {
        self.trees()?.texts(device)
    }

    /// Counts and stamps with all changes that can be read, durable or not yet.
    pub fn summary(&self) -> Result<Arc<Summary>, StoreError> {
        Ok(self.generation()?.summary())
    }

    /// Counts and stamps of the durable changes.
    pub fn durable_summary(&self) -> Result<Arc<Summary>, StoreError> {
        Ok(self.generation()?.durable_summary())
    }

    /// The records that name the target.
    pub fn referrers(&self, target: Target, name: &str) -> Result<Vec<Referrer>, StoreError> {
        let mut referrers = Vec::new();
        self.each_referrer(target, name, |kind, relation, name| {
            referrers.push(Referrer::new((kind, relation, name)));
        })?;
        Ok(referrers)
    }

    /// Calls `each` with the kind, the relation and the name of each of the
    /// [`referrers`](Self::referrers): sorted by these, and without a copy of them.
    pub fn each_referrer(
        &self,
        target: Target,
        name: &str,
        each: impl FnMut(Kind, &str, &str),
    ) -> Result<(), StoreError> {
        self.trees()?.each_referrer(target, name, each)
    }

    /// Calls `each` with every target that is referred to and each reference to it, as
    /// [`parse_target_key`] and [`parse_posting`] read them, sorted.
    pub fn each_reference<X: From<StoreError>>(
        &self,
        each: impl FnMut(&[u8], &[u8]) -> Result<(), X>,
    ) -> Result<(), X> {
        references::each_reference(self.trees()?.tree(TreeId::References), each)
    }

    /// Opens a record's sealed secrets.
    pub fn open_secrets(&self, record: &mut dyn Record) -> Result<(), StoreError> {
        self.vault.open_secrets(record)
    }
}
