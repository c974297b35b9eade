//! The kept generations: which generations before the current one stay on the disk, and their databases
//! while they are read.
//!
//! The pointer lists them. A generation that is no longer listed is removed after the pointer is durable,
//! so an interrupted removal is completed by the next start.

use std::{
    collections::BTreeSet,
    fs, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use super::{
    DataDirectory, HistoryChange, HistoryLoss, Options, Store, StoreError,
    directory::Pointer,
    generation::Generation,
    generation_limits::{GenerationLimits, KeptGenerations},
    opening::{self, LogEndPolicy},
    tree_id::TreeId,
};
use crate::{
    job::Progress,
    model::Kind,
    wording::{Chain, chain},
};

/// The cache of the database of an earlier generation, in bytes. It is read rarely.
const CACHE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The number of databases of earlier generations that stay open for the next read: those before and after
/// one change.
const OPEN_MAX: usize = 2;

/// The time to wait for readers of a generation that is to be opened for changes.
const READERS_WAIT_MAX: Duration = Duration::from_secs(5);

/// The interval at which the readers are counted.
const READERS_CHECK_INTERVAL: Duration = Duration::from_millis(2);

/// A kept generation before the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierGeneration {
    /// The number of the generation, as in the name of its folder.
    pub number: u64,
    /// Its size on the disk, in bytes.
    pub bytes: u64,
}

/// The limits by a rule, if these generations were kept before.
fn limits(rule: KeptGenerations, directory: &DataDirectory, before: &Pointer) -> GenerationLimits {
    match rule {
        KeptGenerations::UpTo(limits) => limits,
        KeptGenerations::AsBefore => {
            let sizes = before.earlier().map(|number| bytes_of(directory, number));
            let bytes = sizes.fold(0, u64::saturating_add);
            let GenerationLimits { count_max, bytes_max } = GenerationLimits::DEFAULT;
            GenerationLimits {
                count_max: count_max.max(before.earlier().count()),
                bytes_max: bytes_max.max(bytes),
            }
        }
    }
}

/// The databases of earlier generations.
#[derive(Default)]
pub(super) struct KeptDatabases(Mutex<Databases>);

#[derive(Default)]
struct Databases {
    /// Opened for reading, the last used one last.
    open: Vec<Arc<Generation>>,
    /// Replaced generations that are not in `open`. A reader can still have them open, and sled cannot open
    /// them twice.
    replaced: Vec<Weak<Generation>>,
}

impl KeptDatabases {
    fn lock(&self) -> MutexGuard<'_, Databases> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a generation that is no longer the current one.
    pub(super) fn note_replaced(&self, generation: &Arc<Generation>) {
        self.lock().note_replaced(generation);
    }

    /// Closes the databases that are open for the next read.
    pub(super) fn close(&self) {
        let mut databases = self.lock();
        for closed in std::mem::take(&mut databases.open) {
            databases.note_replaced(&closed);
        }
    }
}

impl Databases {
    /// Notes a replaced generation that is not in `open`.
    fn note_replaced(&mut self, generation: &Arc<Generation>) {
        self.replaced.retain(|replaced| replaced.strong_count() > 0);
        self.replaced.push(Arc::downgrade(generation));
    }

    /// Returns an open database of a generation.
    fn find(&mut self, number: u64) -> Option<Arc<Generation>> {
        if let Some(at) = self.open.iter().position(|open| open.number == number) {
            let open = self.open.remove(at);
            self.open.push(open.clone());
            return Some(open);
        }
        let mut replaced = self.replaced.iter().filter_map(Weak::upgrade);
        replaced.find(|replaced| replaced.number == number)
    }
}

impl Store {
    /// Returns a generation for reading: the current one or a kept one. `None` if it is not kept.
    ///
    /// # Errors
    /// - [`StoreError::Damaged`] if it is damaged.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn kept_generation(
        &self,
        number: u64,
    ) -> Result<Option<Arc<Generation>>, StoreError> {
        let mut databases = self.kept.lock();
        if let Ok(current) = self.current()
            && current.generation.number == number
        {
            return Ok(Some(current.generation));
        }
        if !self.pointer()?.names(number) || !self.directory.generation(number).is_dir() {
            return Ok(None);
        }
        if let Some(open) = databases.find(number) {
            return Ok(Some(open));
        }
        let options =
            Options { cache_bytes: self.options.cache_bytes.min(CACHE_BYTES_MAX), ..self.options };
        let opened = Arc::new(self.open_earlier(number, options)?);
        if databases.open.len() >= OPEN_MAX {
            let closed = databases.open.remove(0);
            databases.note_replaced(&closed);
        }
        databases.open.push(opened.clone());
        Ok(Some(opened))
    }

    /// Removes the names of the devices that a kept generation before the current one has, because an undo can
    /// bring these back. A damaged generation counts as one that has all of them.
    ///
    /// # Errors
    /// As for [`Store::kept_generation`], without damage.
    pub(super) fn remove_kept_devices(
        &self,
        names: &mut BTreeSet<Vec<u8>>,
    ) -> Result<(), StoreError> {
        for number in self.pointer()?.earlier() {
            if names.is_empty() {
                return Ok(());
            }
            let kept = self.kept_generation(number).and_then(|kept| match kept {
                Some(kept) => kept_devices(&kept, names),
                None => Ok(BTreeSet::new()),
            });
            match kept {
                Ok(kept) => names.retain(|name| !kept.contains(name)),
                Err(error) if error.is_damage() => names.clear(),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns the kept generations before the current one, the newest first, with their sizes.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] or [`StoreError::Io`] if the pointer cannot be read.
    pub fn earlier_generations(&self) -> Result<Vec<EarlierGeneration>, StoreError> {
        let pointer = self.pointer()?;
        let kept = pointer.earlier().filter(|number| self.directory.generation(*number).is_dir());
        let with_size =
            |number| EarlierGeneration { number, bytes: bytes_of(&self.directory, number) };
        Ok(kept.map(with_size).collect())
    }

    /// Returns whether the generation before a change that replaced it is missing, although it is kept.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] or [`StoreError::Io`] if the pointer cannot be read.
    pub fn is_copy_missing(&self, change: &HistoryChange) -> Result<bool, StoreError> {
        let before = change.replaced.and_then(|replaced| replaced.before);
        let Some(path) = before.map(|number| self.directory.generation(number)) else {
            return Ok(false);
        };
        Ok(missing_copies(&self.directory)?.iter().any(|missing| *missing.path() == path))
    }

    /// Reads a kept generation completely. Returns its damage, or `None` if it is whole or no longer kept.
    ///
    /// # Errors
    /// - [`StoreError::Cancelled`] if `progress` was cancelled.
    /// - [`StoreError::Busy`] if an undo is opening it.
    /// - [`StoreError::DiskFull`], [`StoreError::Io`] or [`StoreError::Database`] if it cannot be opened.
    pub fn verify_earlier(
        &self,
        number: u64,
        progress: &Progress,
    ) -> Result<Option<String>, StoreError> {
        let read = self.kept_generation(number).and_then(|kept| match kept {
            Some(kept) => kept.content_difference(progress),
            None => Ok(None),
        });
        match read {
            Err(error) if error.is_damage() => Ok(Some(chain(&error))),
            read => read,
        }
    }

    /// Opens a kept generation for changes. Until it is the current one, a reader of it gets
    /// [`StoreError::Busy`].
    ///
    /// # Errors
    /// - [`StoreError::Busy`] if a reader still has it open.
    /// - As for [`Store::kept_generation`].
    pub(super) fn take_generation(&self, number: u64) -> Result<Generation, StoreError> {
        let mut databases = self.kept.lock();
        let deadline = Instant::now() + READERS_WAIT_MAX;
        let open = databases.find(number);
        databases.open.retain(|open| open.number != number);
        if let Some(open) = open {
            while Arc::strong_count(&open) > 1 {
                if Instant::now() >= deadline {
                    return Err(StoreError::Busy);
                }
                thread::sleep(READERS_CHECK_INTERVAL);
            }
        }
        self.open_earlier(number, self.options)
    }

    /// Opens the database of an earlier generation.
    fn open_earlier(&self, number: u64, options: Options) -> Result<Generation, StoreError> {
        let known = self.mark.previous().filter(|known| known.generation == number);
        let directory = &self.directory;
        match opening::open_checked(directory, number, options, known.as_ref(), LogEndPolicy::Keep)
        {
            Err(error) if error.is_locked() => Err(StoreError::Busy),
            // The inventory itself is intact.
            Err(StoreError::InventoryDamaged(damage)) => {
                let is_previous = self.pointer()?.previous == Some(number);
                let part = if is_previous { "previous generation" } else { "earlier generation" };
                Err(StoreError::Damaged { part, detail: damage.findings.join("; ") })
            }
            opened => opened,
        }
    }

    /// Returns the pointer after this generation replaces the current one.
    pub(super) fn pointer_after(&self, number: u64) -> Result<Pointer, StoreError> {
        let before = self.pointer()?;
        let limits = limits(self.options.generations, &self.directory, &before);
        let mut earlier: Vec<u64> =
            std::iter::once(before.current).chain(before.earlier()).collect();
        earlier.retain(|earlier| *earlier != number);
        Ok(within(&self.directory, number, &earlier, limits))
    }

    /// Removes the generations beyond the limits of the settings.
    ///
    /// # Errors
    /// - [`StoreError::Busy`] if an import holds the write lock for too long.
    /// - [`StoreError::DiskFull`] if the pointer cannot be written.
    /// - [`StoreError::Io`] for any other error of the file system.
    pub fn trim_generations(&self) -> Result<(), StoreError> {
        let _guard = self.write_lock.lock()?;
        let before = self.pointer()?;
        let limits = limits(self.options.generations, &self.directory, &before);
        let earlier: Vec<u64> = before.earlier().collect();
        let pointer = within(&self.directory, before.current, &earlier, limits);
        self.keep_only(&before, &pointer)
    }

    /// Removes the oldest generations while the file system does not have space for another copy of the
    /// current one. The previous generation stays.
    ///
    /// # Errors
    /// As for [`Store::trim_generations`].
    pub(super) fn make_room(&self, current: &Generation) -> Result<(), StoreError> {
        let before = self.pointer()?;
        let needed = bytes_of(&self.directory, current.number);
        let mut free = match self.disk_space() {
            Ok(space) => space.free_bytes,
            // If the free space is unknown, the write itself will fail if there is too little.
            Err(_) => return Ok(()),
        };
        let mut pointer = before.clone();
        while free < needed
            && let Some(oldest) = pointer.older.pop()
        {
            free = free.saturating_add(bytes_of(&self.directory, oldest));
            tracing::warn!(
                generation = oldest,
                "The disk has no space for another copy of the inventory. The oldest kept generation is \
                 removed."
            );
        }
        self.keep_only(&before, &pointer)
    }

    /// Replaces the pointer by one with fewer generations, and removes the others.
    fn keep_only(&self, before: &Pointer, pointer: &Pointer) -> Result<(), StoreError> {
        if pointer == before {
            return Ok(());
        }
        self.directory.switch_pointer(pointer)?;
        self.kept.close();
        self.remove_unused(pointer);
        Ok(())
    }

    /// Removes the generations that the pointer does not name.
    pub(super) fn remove_unused(&self, pointer: &Pointer) {
        if let Err(error) = self.directory.remove_other_generations(pointer) {
            tracing::warn!(error = %Chain(&error), "Cannot remove an unused generation. The next start removes it.");
        }
    }
}

/// Returns the generations before the current one that are missing, although they are kept.
///
/// # Errors
/// [`StoreError::Damaged`] or [`StoreError::Io`] if the pointer cannot be read.
pub(super) fn missing_copies(directory: &DataDirectory) -> Result<Vec<HistoryLoss>, StoreError> {
    let Some(before) = directory.pointer()? else { return Ok(Vec::new()) };
    let folder = |number| directory.generation(number);
    let missing: Vec<u64> = before.earlier().filter(|number| !folder(*number).is_dir()).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    // A generation that is removed meanwhile is not kept any more.
    let now = directory.pointer()?;
    let is_kept = |number: &u64| now.as_ref().is_some_and(|now| now.names(*number));
    let missing = missing.into_iter().filter(is_kept);
    Ok(missing.map(|number| HistoryLoss::CopyMissing { path: folder(number) }).collect())
}

/// Returns those of the devices that a generation has.
fn kept_devices(
    generation: &Generation,
    names: &BTreeSet<Vec<u8>>,
) -> Result<BTreeSet<Vec<u8>>, StoreError> {
    let devices = generation.trees().tree(TreeId::Kind(Kind::Device));
    let mut kept = BTreeSet::new();
    for name in names {
        if devices.contains(name)? {
            kept.insert(name.clone());
        }
    }
    Ok(kept)
}

/// Returns the pointer with the generations that the limits allow. `earlier` is sorted from the newest to
/// the oldest; the first one stays in any case.
fn within(
    directory: &DataDirectory,
    current: u64,
    earlier: &[u64],
    limits: GenerationLimits,
) -> Pointer {
    let Some((previous, others)) = earlier.split_first() else { return Pointer::to(current) };
    let mut bytes = bytes_of(directory, *previous);
    let mut older = Vec::new();
    for number in others.iter().take(limits.count_max.saturating_sub(1)) {
        if !directory.generation(*number).is_dir() {
            continue;
        }
        bytes = bytes.saturating_add(bytes_of(directory, *number));
        if bytes > limits.bytes_max {
            break;
        }
        older.push(*number);
    }
    Pointer { current, previous: Some(*previous), older }
}

/// Returns the size of a generation on the disk, in bytes. A generation whose files cannot be read counts as
/// empty: opening it reports the error.
fn bytes_of(directory: &DataDirectory, number: u64) -> u64 {
    folder_bytes(&directory.generation(number)).unwrap_or(0)
}

/// Returns the total length of all files in a folder, in bytes.
///
/// # Errors
/// The error of the file system.
pub(super) fn folder_bytes(path: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes += folder_bytes(&entry.path())?,
            Ok(metadata) => bytes += metadata.len(),
            // sled can remove files meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
