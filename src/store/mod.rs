//! The store: the inventory on the disk. The only module that names sled.
//!
//! - **Small changes** ([`Store::change`]) are made in memory, one after the other; those that come
//!   while the disk is busy are committed together, and acknowledged when that is durable.
//! - **Bulk changes** ([`Store::write`]) write a new generation, a database of its own, and turn the
//!   pointer to it when it is durable.
//! - **Readers** are never blocked. [`Store::read`] looks at the current generation;
//!   [`Store::picture`] holds one moment of it.
//!
//! Invariants: nothing is acknowledged before it is durable; a record, the references that it
//! holds and the counts that it changes are written in the same transaction; no secret is written
//! that is not sealed.

mod ahead;
pub mod aside;
mod committer;
mod directory;
mod durable;
mod error;
mod format;
mod generation;
mod layers;
mod load;
mod members;
mod options;
mod packed;
mod picture;
mod random;
mod references;
mod rewrite;
mod room;
mod sort;
mod summary;
mod transaction;
mod trees;
mod turn;
mod undo;
mod validator;
mod vault;
mod verify;

#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

pub use directory::{DIRECTORY_FORMAT, DataDirectory, sync_directory};
pub use error::{RECORD_BYTES_MAX, StoreError};
pub use format::{Header, RECORD_FORMAT, Raw, decode_any_body, decode_record, encode_body};
pub use load::{Load, LoadTable};
pub use options::Options;
pub use picture::Picture;
pub use random::fill_random;
pub use references::{Referrer, parse_posting, parse_target_key, posting, target_key};
pub use room::Room;
pub use sort::{Reader as SortedReader, Sorted, Sorter};
pub use summary::{KindSummary, Summary};
pub use transaction::{Put, Transaction};
pub use turn::TURN_WAIT_MAX;
pub use undo::{GenerationLook, Generations, Undone};
pub use validator::file_validator;
pub use vault::Vault;
pub use verify::{Finding, Findings, KindVerified, Verified};

use committer::{Committer, Failure};
use directory::Pointer;
use generation::{Generation, corrupt};
use layers::TreeId;
use picture::Pictures;
use room::Reopening;
use trees::Trees;
use turn::{Turn, Turns};

use crate::model::{AnyRecord, Entity, Kind, Record, Side, Target};

/// The inventory of one data directory.
pub struct Store {
    vault: Arc<Vault>,
    options: Options,
    turns: Arc<Turns>,
    pictures: Arc<Pictures>,
    current: RwLock<State>,
    reopening: Reopening,
    /// The number of the last generation that was begun. None is used twice: a database that was
    /// given up may still write to its directory for a moment.
    number_last: AtomicU64,
    /// The last to be dropped, so that nobody opens what is still being closed.
    directory: Arc<DataDirectory>,
}

/// What is the inventory now.
enum State {
    Open(Current),
    /// The database was closed to be opened again, and that failed.
    Closed {
        number: u64,
        failure: Failure,
    },
}

/// The generation that is the inventory.
#[derive(Clone)]
struct Current {
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
    match record.name().as_bytes() == name {
        true => Ok(()),
        false => {
            let detail = format!("it names itself '{}'", record.name());
            Err(corrupt(record.kind(), name, detail))
        }
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
    }

    fn open_around(
        path: &Path,
        options: Options,
        pictures: Arc<Pictures>,
    ) -> Result<Self, StoreError> {
        let directory = Arc::new(DataDirectory::hold(path)?);
        let (pointer, vault) = match directory.pointer()? {
            Some(pointer) => (pointer, Vault::open(&directory.key())?),
            None => {
                let vault = match directory.key().exists() {
                    true => Vault::open(&directory.key())?,
                    false => Vault::create(&directory.key())?,
                };
                // Says that there is a key and no generation yet: a set-up that is cut off here
                // begins again, and a generation that is missing later is not taken for one.
                let pointer = Pointer { current: 0, previous: None };
                directory.turn_pointer(pointer)?;
                (pointer, vault)
            }
        };
        directory.remove_unnamed(pointer)?;
        let generation = match pointer.current {
            0 => {
                let generation = room::open_generation(&directory, 1, options)?;
                generation.make_durable()?;
                directory.turn_pointer(Pointer { current: 1, previous: None })?;
                generation
            }
            number if !directory.generation(number).is_dir() => {
                let detail = format!("{} is missing", directory.generation(number).display());
                return Err(StoreError::Damaged { part: "inventory", detail });
            }
            number => room::open_generation(&directory, number, options)?,
        };
        room::keep_reserve(&directory);
        // After an undo the generation before has the higher number.
        let number_last =
            pointer.previous.map_or(generation.number, |previous| previous.max(generation.number));
        let turns = Arc::<Turns>::default();
        Ok(Self {
            vault: Arc::new(vault),
            options,
            current: RwLock::new(State::Open(Current::new(generation, &pictures, &turns)?)),
            pictures,
            turns,
            reopening: Reopening::default(),
            number_last: AtomicU64::new(number_last),
            directory,
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
    pub fn read(&self) -> Reading {
        let generation = self.current().map(|current| current.generation);
        Reading { generation, vault: self.vault.clone() }
    }

    /// The inventory as it is at this moment, whatever changes.
    pub fn picture(&self) -> Result<Picture, StoreError> {
        let generation = || match self.current() {
            Ok(current) => Ok(current.generation),
            Err(failure) => Err(failure.to_error()),
        };
        self.pictures.take(generation, self.vault.clone())
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
        let turn = self.turns.take()?;
        let current = self.writable()?;
        self.pictures.wait_for_room()?;
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
                pending.changes.absorb(changed.changes);
                pending.summary = Some(changed.summary);
                current.committer.ask()
            }
        };
        drop(pending);
        // The next change need not wait for this one's commit, and shares it.
        drop(turn);
        current.committer.wait(ticket)?;
        Ok(made)
    }

    /// Takes the turn for a bulk change: until the [`Writing`] is dropped nothing else changes.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another one holds it for too long.
    pub fn write(&self) -> Result<Writing<'_>, StoreError> {
        let turn = self.turns.take()?;
        // Who holds the turn reads what is there, and that is what was applied. Where nothing can be
        // written any more, nothing waits to be.
        if let Ok(current) = self.current()
            && current.committer.failure().is_ok()
        {
            current.committer.settle()?;
        }
        Ok(Writing { turn, store: self })
    }

    fn current(&self) -> Result<Current, Failure> {
        match &*self.current.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(current) => Ok(current.clone()),
            State::Closed { failure, .. } => Err(failure.clone()),
        }
    }

    /// The generation to change, for the one who holds the turn.
    fn writable(&self) -> Result<Current, StoreError> {
        let failed = match self.current() {
            Ok(current) => match current.committer.failure() {
                Ok(()) => return Ok(current),
                Err(error) => error,
            },
            Err(failure) => failure.to_error(),
        };
        match failed {
            StoreError::DiskFull => self.reopen(),
            other => Err(other),
        }
    }

    /// The number of a generation that is begun.
    fn number_next(&self) -> u64 {
        self.number_last.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Puts a durable generation in the place of the current one.
    fn replace(&self, generation: Generation, pointer: Pointer) -> Result<(), StoreError> {
        let current = Current::new(generation, &self.pictures, &self.turns)?;
        if let Err(error) = self.directory.turn_pointer(pointer) {
            // It may or may not name the new generation now: nothing may be acknowledged into the
            // old one any more.
            if !matches!(self.directory.pointer(), Ok(Some(now)) if now != pointer)
                && let Ok(old) = self.current()
            {
                let reason = format!("it is not known which inventory is the current one: {error}");
                old.committer.fail(&StoreError::ReadOnly { reason });
            }
            return Err(error);
        }
        let old = std::mem::replace(
            &mut *self.current.write().unwrap_or_else(PoisonError::into_inner),
            State::Open(current),
        );
        // Closing it takes a flush, for which no reader waits.
        drop(old);
        if let Err(error) = self.directory.remove_unnamed(pointer) {
            tracing::warn!(%error, "the generation before the last is left behind");
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

impl Current {
    fn new(
        generation: Generation,
        pictures: &Arc<Pictures>,
        turns: &Arc<Turns>,
    ) -> Result<Self, StoreError> {
        let generation = Arc::new(generation);
        let committer = Committer::start(&generation, pictures.clone(), turns.clone())?;
        Ok(Self { committer: Arc::new(committer), generation })
    }
}

/// The turn to change the inventory in bulk.
pub struct Writing<'s> {
    turn: Turn<'s>,
    store: &'s Store,
}

impl<'s> Writing<'s> {
    /// Begins a new generation.
    pub fn load(self) -> Result<Load<'s>, StoreError> {
        Load::begin(self.store, self.turn)
    }
}

/// Reads the inventory as it is.
pub struct Reading {
    generation: Result<Arc<Generation>, Failure>,
    vault: Arc<Vault>,
}

impl Reading {
    fn generation(&self) -> Result<&Generation, StoreError> {
        self.generation.as_deref().map_err(Failure::to_error)
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

    /// Counts and stamps.
    pub fn summary(&self) -> Result<Arc<Summary>, StoreError> {
        Ok(self.generation()?.summary())
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
    pub fn each_reference(
        &self,
        each: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        references::each_reference(self.trees()?.tree(TreeId::References), each)
    }

    /// Opens a record's sealed secrets.
    pub fn open_secrets(&self, record: &mut dyn Record) -> Result<(), StoreError> {
        self.vault.open_secrets(record)
    }
}
