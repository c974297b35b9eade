//! One consistent picture of the inventory, while changes go on.
//!
//! sled has no snapshots. A bulk import leaves the generation that a picture looks at alone; a
//! small change first leaves what it is about to change in the overlay of every picture that is
//! held, then changes it. A reader looks at the tree first and at the overlay then, so whatever it
//! read of a later change is put right. It costs the writer one copy of each changed record for
//! each picture that is held, and nothing while none is.

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
    ahead::{self, Batches},
    content::TreeContent,
    format::values,
    generation::{Generation, corrupt},
    layers::{Changes, TreeId},
    members, packed,
};
use crate::disk::Sorter;
use crate::model::{Entity, Kind, PerKind, Record, Side};

/// What changes may leave in the overlays of pictures before they have to wait for the pictures
/// to go, in bytes.
const OVERLAY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What records may take in memory while they are put in their order, in bytes.
const SORTED_BYTES: usize = 8 * 1024 * 1024;

/// How long a change waits for pictures to go once the overlays are full.
const OVERLAY_WAIT_MAX: Duration = Duration::from_secs(30);

/// The inventory as it was at one moment. Changes go on beside it, unseen.
pub struct Snapshot {
    generation: Arc<Generation>,
    vault: Arc<Vault>,
    summary: Arc<Summary>,
    overlay: Arc<Overlay>,
    /// Told when this picture goes.
    snapshots: Arc<Snapshots>,
}

/// What was there before it was changed.
#[derive(Default)]
struct Overlay {
    /// What it takes in memory. While it is nothing, nothing was changed: spares the lock.
    bytes: AtomicUsize,
    before: Mutex<Before>,
}

#[derive(Default)]
struct Before {
    records: PerKind<BTreeMap<Vec<u8>, Option<Raw>>>,
    /// Blocks of the lists of computed pools' members.
    members: BTreeMap<Vec<u8>, Option<IVec>>,
}

/// What an entry of an overlay takes beside its name and its record.
const ENTRY_BYTES: usize = 128;

impl Overlay {
    fn lock(&self) -> MutexGuard<'_, Before> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what is about to be changed, unless it was changed before.
    fn keep(&self, generation: &Generation, changes: &Changes) -> Result<(), StoreError> {
        let mut before = self.lock();
        let mut bytes = 0;
        for (tree, changes) in changes.iter() {
            match tree {
                TreeId::Kind(kind) => {
                    for key in changes.keys() {
                        let Entry::Vacant(place) = before.records[kind].entry(key.clone()) else {
                            continue;
                        };
                        let raw = generation.trees().raw(kind, key)?;
                        let body = raw.as_ref().map_or(0, |raw| raw.body().len());
                        bytes += ENTRY_BYTES + key.len() + body;
                        place.insert(raw);
                    }
                }
                TreeId::Members => {
                    for key in changes.keys() {
                        let Entry::Vacant(place) = before.members.entry(key.clone()) else {
                            continue;
                        };
                        let block = generation.trees().tree(TreeId::Members).get(key)?;
                        bytes += ENTRY_BYTES + key.len() + block.as_ref().map_or(0, |b| b.len());
                        place.insert(block);
                    }
                }
                // A picture shows no references and no long texts, and the chunks of a record
                // come with the record.
                TreeId::References | TreeId::Texts | TreeId::Chunks | TreeId::Meta => {}
            }
        }
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
        Ok(())
    }
}

/// The pictures that are held.
#[derive(Default)]
pub(super) struct Snapshots {
    held: Mutex<Vec<HeldSnapshot>>,
    gone: Condvar,
    limits: OverlayLimits,
}

/// A picture that is held, and the generation that it looks at.
struct HeldSnapshot {
    generation: u64,
    overlay: Weak<Overlay>,
}

/// How much, and how long.
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
    pub fn with_limits(bytes_max: usize, wait_max: Duration) -> Self {
        Self { limits: OverlayLimits { bytes_max, wait_max }, ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<HeldSnapshot>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a picture, between two changes.
    pub fn take(
        self: &Arc<Self>,
        generation: impl FnOnce() -> Result<Arc<Generation>, StoreError>,
        vault: Arc<Vault>,
    ) -> Result<Snapshot, StoreError> {
        let mut held = self.lock();
        let generation = generation()?;
        let summary = generation.summary();
        let overlay = Arc::new(Overlay::default());
        held.push(HeldSnapshot {
            generation: generation.number,
            overlay: Arc::downgrade(&overlay),
        });
        Ok(Snapshot { generation, vault, summary, overlay, snapshots: self.clone() })
    }

    /// Returns when the overlays have room for a change.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when they are full and stay so.
    pub fn wait_for_space(&self) -> Result<(), StoreError> {
        let full = |held: &mut Vec<HeldSnapshot>| {
            let overlays = held.iter().filter_map(|held| held.overlay.upgrade());
            let bytes: usize = overlays.map(|overlay| overlay.bytes.load(Ordering::SeqCst)).sum();
            bytes > self.limits.bytes_max
        };
        let waited = self.gone.wait_timeout_while(self.lock(), self.limits.wait_max, full);
        if waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
            Err(StoreError::Busy)
        } else {
            Ok(())
        }
    }

    /// Keeps what `changes` are about to change, then changes it with `apply`. No picture is taken
    /// in between.
    ///
    /// # Errors
    /// What `apply` says.
    pub fn change(
        &self,
        generation: &Generation,
        changes: &Changes,
        apply: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let held = self.lock();
        for held in held.iter().filter(|held| held.generation == generation.number) {
            if let Some(overlay) = held.overlay.upgrade() {
                overlay.keep(generation, changes)?;
            }
        }
        apply()
    }

    fn gone(&self) {
        self.lock().retain(|held| held.overlay.strong_count() > 0);
        self.gone.notify_all();
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.overlay = Arc::default();
        self.snapshots.gone();
    }
}

impl Snapshot {
    /// Counts and stamps at that moment.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Opens a record's sealed secrets.
    pub fn open_secrets(&self, record: &mut dyn Record) -> Result<(), StoreError> {
        self.vault.open_secrets(record)
    }

    /// All records of one kind, by name.
    pub fn scan<E: Entity>(&self) -> impl Iterator<Item = Result<Stored<E>, StoreError>> {
        self.scan_raw(E::KIND).map(|entry| entry.and_then(|(name, raw)| Stored::read(&name, &raw)))
    }

    /// All records of one kind, by name, as bytes.
    pub fn scan_raw(&self, kind: Kind) -> impl Iterator<Item = Result<(Vec<u8>, Raw), StoreError>> {
        let mut tree = self.generation.trees().scan(kind).peekable();
        let mut last: Option<Vec<u8>> = None;
        let records = std::iter::from_fn(move || {
            loop {
                // The tree first, the overlay then: see above.
                if let Some(Err(error)) = tree.next_if(Result::is_err) {
                    return Some(Err(error));
                }
                let next = match tree.peek() {
                    Some(Ok((name, _))) => Some(name.to_vec()),
                    Some(Err(_)) | None => None,
                };
                if let Some((name, before)) = self.before(kind, last.as_deref(), next.as_deref()) {
                    if next.as_ref() == Some(&name) {
                        tree.next();
                    }
                    last = Some(name.clone());
                    match before {
                        Some(raw) => return Some(Ok((name, raw))),
                        None => continue,
                    }
                }
                let (name, raw) = tree.next()?.ok()?;
                last = Some(name.to_vec());
                return Some(match raw {
                    Some(raw) => Ok((name.to_vec(), raw)),
                    None => Err(corrupt(kind, &name, "parts of it are missing")),
                });
            }
        });
        // Asked again at its end, sled's iterator gives what was created behind it.
        records.fuse()
    }

    /// All records of one kind, as [`Snapshot::scan_raw`] gives them, and at their end an error if
    /// they are not all that was written.
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

    /// Calls `each` with the name, the ordinal and the record as bytes of all records of one kind, in
    /// the order in which they came, until it breaks off. They are read by a thread of their own, a
    /// little ahead of `each`. What has to be sorted is set aside in `scratch` where it is much.
    ///
    /// # Errors
    /// The first of `each`, or what cannot be read.
    pub fn each_in_order<X: From<StoreError>>(
        &self,
        kind: Kind,
        scratch: &Path,
        each: impl FnMut(&[u8], u64, &[u8]) -> Result<ControlFlow<()>, X>,
    ) -> Result<(), X> {
        ahead::read(|batches| self.read_in_order(kind, scratch, batches), each)
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
        let set_aside = || StoreError::io("records that are put in order");
        let mut sorter = Sorter::new(scratch, SORTED_BYTES);
        let mut key = Vec::new();
        for entry in entries {
            let (name, raw) = entry?;
            key.clear();
            key.extend_from_slice(&raw.header.ordinal.to_be_bytes());
            key.extend_from_slice(&name);
            sorter.push(&key, raw.body()).map_err(set_aside())?;
        }
        let sorted = sorter.finish().map_err(set_aside())?;
        let mut reader = sorted.read();
        while let Some((key, body)) = reader.next().map_err(set_aside())? {
            let Some((ordinal, name)) = key.split_first_chunk() else { continue };
            if batches.push(name, u64::from_be_bytes(*ordinal), body).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The members of a computed pool, in the order of their records. A pool is named by its
    /// record's ordinal.
    pub fn members(&self, pool: u64, side: Side) -> Result<Vec<String>, StoreError> {
        let list = members::list_key(pool, side);
        let mut blocks = BTreeMap::new();
        for entry in self.generation.trees().tree(TreeId::Members).prefix(&list) {
            let (key, block) = entry?;
            blocks.insert(key.to_vec(), block);
        }
        // The tree first, the overlay then: see above.
        let before = self.overlay.lock();
        let changed = before.members.range::<[u8], _>((Bound::Included(&*list), Bound::Unbounded));
        for (key, block) in changed.take_while(|(key, _)| key.starts_with(&list)) {
            match block {
                Some(block) => blocks.insert(key.clone(), block.clone()),
                None => blocks.remove(key),
            };
        }
        drop(before);
        let mut names = Vec::new();
        for block in blocks.values() {
            for member in packed::items(block) {
                names.push(members::member_name(member?).ok_or_else(packed::damaged)?.to_owned());
            }
        }
        Ok(names)
    }

    /// The first change behind `after`, up to and with `to`.
    fn before(
        &self,
        kind: Kind,
        after: Option<&[u8]>,
        to: Option<&[u8]>,
    ) -> Option<(Vec<u8>, Option<Raw>)> {
        if self.overlay.bytes.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let before = self.overlay.lock();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let to = to.map_or(Bound::Unbounded, Bound::Included);
        let (name, raw) = before.records[kind].range::<[u8], _>((from, to)).next()?;
        Some((name.clone(), raw.clone()))
    }
}
