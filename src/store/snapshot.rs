//! Snapshots: a consistent view of the inventory while changes continue.
//!
//! sled has no snapshots. A bulk import writes a new generation and leaves the snapshot's generation
//! unchanged. A small change first copies the old values into the overlay of every snapshot, then
//! writes the new ones. A reader reads the tree first and the overlay second, so the overlay corrects
//! every value that the reader saw of a later change. The writer copies each changed record once for
//! each snapshot, and nothing without one.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::{Bound, ControlFlow},
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sled::IVec;

use super::{
    Header, Raw, StoreError, Stored, Summary, Vault,
    content::TreeContent,
    error::corrupt,
    format::values,
    generation::Generation,
    history,
    layers::Changes,
    members, packed,
    read_ahead::{self, Batches},
    tree_id::TreeId,
    trees::{ValueOwner, text_property},
};
use crate::disk::Sorter;
use crate::model::{Entity, Kind, PerKind, Record, Side};

/// The size of all overlays, in bytes, above which changes wait for snapshots to be dropped.
const OVERLAY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The memory for sorting records by ordinal, in bytes.
const SORTED_BYTES: usize = 8 * 1024 * 1024;

/// The time for which a change waits for snapshots to be dropped when the overlays are full.
const OVERLAY_WAIT_MAX: Duration = Duration::from_secs(30);

/// The inventory at one moment. Later changes are not visible in it.
pub struct Snapshot {
    generation: Arc<Generation>,
    vault: Arc<Vault>,
    summary: Arc<Summary>,
    overlay: Arc<Overlay>,
    /// Notified when this snapshot is dropped.
    snapshots: Arc<Snapshots>,
}

/// The values that a snapshot serves beside the records and the members of pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SnapshotScope {
    #[default]
    Records,
    /// Also the long texts of devices. The history must not be trimmed while the snapshot is in use: it
    /// holds the old texts.
    RecordsAndTexts,
}

/// The old values of everything that was changed since the snapshot was taken.
#[derive(Default)]
struct Overlay {
    scope: SnapshotScope,
    /// The estimated memory of the old values. While it is 0, readers skip the lock.
    bytes: AtomicUsize,
    old: Mutex<OldValues>,
}

#[derive(Default)]
struct OldValues {
    records: PerKind<BTreeMap<Vec<u8>, Option<Raw>>>,
    /// Blocks of the member lists of computed pools.
    members: BTreeMap<Vec<u8>, Option<IVec>>,
    /// The changed long texts, and whether they existed. The history holds the texts themselves, which
    /// are too large for memory.
    texts: BTreeMap<Vec<u8>, bool>,
}

/// The estimated memory of an overlay entry beside its name and its record, in bytes.
const ENTRY_BYTES: usize = 128;

impl Overlay {
    fn lock(&self) -> MutexGuard<'_, OldValues> {
        self.old.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies the values that `changes` are about to replace, unless an earlier change did.
    ///
    /// # Errors
    /// The errors of [`read`](super::contained::read), if an old value cannot be read.
    fn keep_old_values(
        &self,
        generation: &Generation,
        changes: &Changes,
    ) -> Result<(), StoreError> {
        let mut old = self.lock();
        let mut bytes = 0;
        for (tree, changes) in changes.iter() {
            match tree {
                TreeId::Kind(kind) => {
                    for key in changes.keys() {
                        let Entry::Vacant(entry) = old.records[kind].entry(key.clone()) else {
                            continue;
                        };
                        let raw = generation.trees().raw(kind, key)?;
                        let body = raw.as_ref().map_or(0, |raw| raw.body().len());
                        bytes += ENTRY_BYTES + key.len() + body;
                        entry.insert(raw);
                    }
                }
                TreeId::Members => {
                    for key in changes.keys() {
                        let Entry::Vacant(entry) = old.members.entry(key.clone()) else {
                            continue;
                        };
                        let block = generation.trees().tree(TreeId::Members).get(key)?;
                        bytes += ENTRY_BYTES + key.len() + block.as_ref().map_or(0, |b| b.len());
                        entry.insert(block);
                    }
                }
                TreeId::Texts if self.scope == SnapshotScope::RecordsAndTexts => {
                    for key in changes.keys() {
                        let Entry::Vacant(entry) = old.texts.entry(key.clone()) else { continue };
                        entry.insert(generation.trees().tree(TreeId::Texts).contains(key)?);
                        bytes += ENTRY_BYTES + key.len();
                    }
                }
                // A snapshot does not serve references and the history. The chunks of a record are
                // copied with the record.
                TreeId::References
                | TreeId::Texts
                | TreeId::Chunks
                | TreeId::History
                | TreeId::Before
                | TreeId::Meta => {}
            }
        }
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
        Ok(())
    }
}

/// The snapshots that are in use.
#[derive(Default)]
pub(super) struct Snapshots {
    held: Mutex<Vec<HeldSnapshot>>,
    dropped: Condvar,
    limits: OverlayLimits,
}

/// A snapshot that is in use, and the number of its generation.
struct HeldSnapshot {
    generation: u64,
    overlay: Weak<Overlay>,
}

/// The limits of the overlays.
struct OverlayLimits {
    bytes_max: usize,
    wait_max: Duration,
}

impl Default for OverlayLimits {
    fn default() -> Self {
        Self { bytes_max: OVERLAY_BYTES_MAX, wait_max: OVERLAY_WAIT_MAX }
    }
}

impl Snapshots {
    #[cfg(test)]
    pub(super) fn with_limits(bytes_max: usize, wait_max: Duration) -> Self {
        Self { limits: OverlayLimits { bytes_max, wait_max }, ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<HeldSnapshot>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a snapshot between two changes.
    ///
    /// # Errors
    /// The error of `generation`.
    pub(super) fn take(
        self: &Arc<Self>,
        generation: impl FnOnce() -> Result<Arc<Generation>, StoreError>,
        vault: Arc<Vault>,
        scope: SnapshotScope,
    ) -> Result<Snapshot, StoreError> {
        let mut held = self.lock();
        let generation = generation()?;
        let summary = generation.summary();
        let overlay = Arc::new(Overlay { scope, ..Overlay::default() });
        held.push(HeldSnapshot {
            generation: generation.number,
            overlay: Arc::downgrade(&overlay),
        });
        Ok(Snapshot { generation, vault, summary, overlay, snapshots: self.clone() })
    }

    /// Waits until the overlays have space for a change.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if they stay full for too long.
    pub(super) fn wait_for_space(&self) -> Result<(), StoreError> {
        let full = |held: &mut Vec<HeldSnapshot>| {
            let overlays = held.iter().filter_map(|held| held.overlay.upgrade());
            let bytes: usize = overlays.map(|overlay| overlay.bytes.load(Ordering::SeqCst)).sum();
            bytes > self.limits.bytes_max
        };
        let waited = self.dropped.wait_timeout_while(self.lock(), self.limits.wait_max, full);
        if waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
            Err(StoreError::Busy)
        } else {
            Ok(())
        }
    }

    /// Copies the old values of `changes` into the overlays, then runs `apply`. No snapshot is taken in
    /// between.
    ///
    /// # Errors
    /// The error of reading the old values, or of `apply`.
    pub(super) fn change(
        &self,
        generation: &Generation,
        changes: &Changes,
        apply: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let held = self.lock();
        for held in held.iter().filter(|held| held.generation == generation.number) {
            if let Some(overlay) = held.overlay.upgrade() {
                overlay.keep_old_values(generation, changes)?;
            }
        }
        apply()
    }

    fn note_dropped(&self) {
        self.lock().retain(|held| held.overlay.strong_count() > 0);
        self.dropped.notify_all();
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.overlay = Arc::default();
        self.snapshots.note_dropped();
    }
}

impl Snapshot {
    /// The counts and versions at the moment of the snapshot.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Decrypts a record's encrypted secrets.
    ///
    /// # Errors
    /// [`StoreError::UndecryptableSecret`] if one was encrypted with another key.
    pub fn decrypt_secrets(&self, record: &mut dyn Record) -> Result<(), StoreError> {
        self.vault.decrypt_secrets(record)
    }

    /// Returns all records of a kind, sorted by name.
    pub fn scan<E: Entity>(&self) -> impl Iterator<Item = Result<Stored<E>, StoreError>> {
        self.scan_raw(E::KIND).map(|entry| entry.and_then(|(name, raw)| Stored::read(&name, &raw)))
    }

    /// Returns all records of a kind as bytes, sorted by name.
    pub fn scan_raw(&self, kind: Kind) -> impl Iterator<Item = Result<(Vec<u8>, Raw), StoreError>> {
        let tree = self.generation.trees().scan(kind);
        let entries = merged(tree, move |after, to| self.old_record(kind, after, to));
        entries.filter_map(move |entry| match entry {
            Ok((name, Merged::Present(Some(raw)) | Merged::Old(Some(raw)))) => {
                Some(Ok((name, raw)))
            }
            Ok((name, Merged::Present(None))) => {
                Some(Err(corrupt(kind, &name, "parts of it are missing")))
            }
            Ok((_, Merged::Old(None))) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// Calls `each` with the device, the property and the text of all long texts, sorted by device and
    /// property.
    ///
    /// # Errors
    /// - The first error of `each`.
    /// - [`StoreError::Damaged`] if a text cannot be read, or if the content hash of the texts is wrong.
    pub(super) fn each_text<X: From<StoreError>>(
        &self,
        mut each: impl FnMut(&str, &str, &str) -> Result<(), X>,
    ) -> Result<(), X> {
        let trees = self.generation.trees();
        let tree = trees.tree(TreeId::Texts).prefix(&[]).map(|entry| {
            let (key, bytes) = entry?;
            let raw = trees.with_chunks(ValueOwner::Text, &key, bytes)?;
            Ok((key, raw))
        });
        let mut read = TreeContent::default();
        for entry in merged(tree, |after, to| self.old_text(after, to)) {
            let (key, value) = entry?;
            let raw = match value {
                Merged::Present(raw) => raw.ok_or_else(|| damaged_text(&key))?,
                Merged::Old(false) => continue,
                Merged::Old(true) => {
                    let above = self.summary.version;
                    let before = history::before_next_change(
                        &self.generation,
                        ValueOwner::Text,
                        &key,
                        above,
                    )?;
                    before.ok_or_else(|| damaged_text(&key))?
                }
            };
            read.add(&key, &raw.head());
            let text = str::from_utf8(raw.body()).map_err(|_| damaged_text(&key))?;
            let device = key.split(|byte| *byte == 0).next().and_then(|it| str::from_utf8(it).ok());
            let (Some(device), Some(property)) = (device, text_property(&key)) else {
                return Err(damaged_text(&key).into());
            };
            each(device, property, text)?;
        }
        if read == self.summary.content[TreeId::Texts] {
            return Ok(());
        }
        let detail =
            "the content hash of the long texts is wrong: a text was lost, added or changed";
        Err(StoreError::Damaged { part: "database", detail: detail.to_owned() }.into())
    }

    /// The generation of the snapshot.
    pub(super) fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    /// Returns the same records as [`Snapshot::scan_raw`], and at the end an error if their content
    /// hash is wrong.
    fn scan_hashed(&self, kind: Kind) -> impl Iterator<Item = Result<(Vec<u8>, Raw), StoreError>> {
        let mut read = TreeContent::default();
        let mut entries = self.scan_raw(kind);
        let mut next = move || match entries.next() {
            Some(Ok((name, raw))) => {
                let Header { ordinal, version, .. } = raw.header;
                read.add(&name, &values(ordinal, version, raw.body()).head);
                Some(Ok((name, raw)))
            }
            Some(Err(error)) => Some(Err(error)),
            None if read == self.summary.content[TreeId::Kind(kind)] => None,
            None => {
                let detail = format!(
                    "the content hash of the {kind} records is wrong: a record was lost, added or \
                     changed"
                );
                Some(Err(StoreError::Damaged { part: "database", detail }))
            }
        };
        let mut ended = false;
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let entry = next();
            ended = !matches!(entry, Some(Ok(_)));
            entry
        })
    }

    /// Calls `each` with the name, the ordinal and the bytes of all records of a kind, sorted by
    /// ordinal, until it returns `Break`. A second thread reads ahead. Records that must be sorted and
    /// do not fit into memory are written to `scratch`.
    ///
    /// # Errors
    /// - The first error of `each`.
    /// - [`StoreError::Corrupt`] or [`StoreError::Damaged`] if a record cannot be read, or if the
    ///   content hash of the kind is wrong.
    /// - [`StoreError::Io`] or [`StoreError::DiskFull`] if sorting fails.
    pub fn each_in_order<X: From<StoreError>>(
        &self,
        kind: Kind,
        scratch: &Path,
        each: impl FnMut(&[u8], u64, &[u8]) -> Result<ControlFlow<()>, X>,
    ) -> Result<(), X> {
        read_ahead::read(|batches| self.read_in_order(kind, scratch, batches), each)
    }

    fn read_in_order(
        &self,
        kind: Kind,
        scratch: &Path,
        batches: &mut Batches,
    ) -> Result<ControlFlow<()>, StoreError> {
        let entries = self.scan_hashed(kind);
        if self.summary.kind(kind).in_name_order {
            for entry in entries {
                let (name, raw) = entry?;
                if batches.push(&name, raw.header.ordinal, raw.body()).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            return Ok(ControlFlow::Continue(()));
        }
        let sorting = || StoreError::io("sorting records");
        let mut sorter = Sorter::new(scratch, SORTED_BYTES);
        let mut key = Vec::new();
        for entry in entries {
            let (name, raw) = entry?;
            key.clear();
            key.extend_from_slice(&raw.header.ordinal.to_be_bytes());
            key.extend_from_slice(&name);
            sorter.push(&key, raw.body()).map_err(sorting())?;
        }
        let sorted = sorter.finish().map_err(sorting())?;
        let mut reader = sorted.read();
        while let Some((key, body)) = reader.next().map_err(sorting())? {
            let Some((ordinal, name)) = key.split_first_chunk() else { continue };
            if batches.push(name, u64::from_be_bytes(*ordinal), body).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns the names of a computed pool's members, sorted by ordinal. `pool` is the ordinal of the
    /// pool's record.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the list cannot be read.
    pub fn members(&self, pool: u64, side: Side) -> Result<Vec<String>, StoreError> {
        let list = members::list_key(pool, side);
        let mut blocks = BTreeMap::new();
        for entry in self.generation.trees().tree(TreeId::Members).prefix(&list) {
            let (key, block) = entry?;
            blocks.insert(key.to_vec(), block);
        }
        // The tree first, the overlay second: see the head of this module.
        let old = self.overlay.lock();
        let changed = old.members.range::<[u8], _>((Bound::Included(&*list), Bound::Unbounded));
        for (key, block) in changed.take_while(|(key, _)| key.starts_with(&list)) {
            match block {
                Some(block) => blocks.insert(key.clone(), block.clone()),
                None => blocks.remove(key),
            };
        }
        drop(old);
        let mut names = Vec::new();
        for block in blocks.values() {
            for member in packed::parse_items(block) {
                names.push(members::member_name(member?).ok_or_else(packed::damaged)?.to_owned());
            }
        }
        Ok(names)
    }

    /// Returns the first record of the overlay whose name is greater than `after` and at most `to`,
    /// with its old value: `None` if it did not exist.
    fn old_record(
        &self,
        kind: Kind,
        after: Option<&[u8]>,
        to: Option<&[u8]>,
    ) -> Option<(Vec<u8>, Option<Raw>)> {
        self.old_value(|old| &old.records[kind], after, to)
    }

    /// Returns the first long text of the overlay whose key is greater than `after` and at most `to`, and
    /// whether it existed.
    fn old_text(&self, after: Option<&[u8]>, to: Option<&[u8]>) -> Option<(Vec<u8>, bool)> {
        self.old_value(|old| &old.texts, after, to)
    }

    fn old_value<V: Clone>(
        &self,
        values: impl FnOnce(&OldValues) -> &BTreeMap<Vec<u8>, V>,
        after: Option<&[u8]>,
        to: Option<&[u8]>,
    ) -> Option<(Vec<u8>, V)> {
        if self.overlay.bytes.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let old = self.overlay.lock();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let to = to.map_or(Bound::Unbounded, Bound::Included);
        let (key, value) = values(&old).range::<[u8], _>((from, to)).next()?;
        Some((key.clone(), value.clone()))
    }
}

/// An entry of a tree and an overlay.
enum Merged<T, O> {
    /// The present entry of the tree.
    Present(T),
    /// The old value in the overlay, which replaces that of the tree.
    Old(O),
}

/// Merges the entries of a tree with the old values of an overlay, sorted by key. `old` returns the first
/// old value whose key is greater than the first key and at most the second one.
fn merged<T, O>(
    tree: impl Iterator<Item = Result<(IVec, T), StoreError>>,
    old: impl Fn(Option<&[u8]>, Option<&[u8]>) -> Option<(Vec<u8>, O)>,
) -> impl Iterator<Item = Result<(Vec<u8>, Merged<T, O>), StoreError>> {
    let mut tree = tree.peekable();
    let mut last: Option<Vec<u8>> = None;
    let entries = std::iter::from_fn(move || {
        // The tree first, the overlay second: see the head of this module.
        if let Some(Err(error)) = tree.next_if(Result::is_err) {
            return Some(Err(error));
        }
        let next = match tree.peek() {
            Some(Ok((key, _))) => Some(key.to_vec()),
            Some(Err(_)) | None => None,
        };
        if let Some((key, value)) = old(last.as_deref(), next.as_deref()) {
            if next.as_ref() == Some(&key) {
                tree.next();
            }
            last = Some(key.clone());
            return Some(Ok((key, Merged::Old(value))));
        }
        let (key, value) = tree.next()?.ok()?;
        last = Some(key.to_vec());
        Some(Ok((key.to_vec(), Merged::Present(value))))
    });
    // After its end, sled's iterator would return entries created meanwhile.
    entries.fuse()
}

/// The error of a long text that cannot be read.
fn damaged_text(key: &[u8]) -> StoreError {
    let key = String::from_utf8_lossy(key).replace('\0', ", ");
    StoreError::Damaged { part: "text", detail: format!("{key}: parts of it are missing") }
}
