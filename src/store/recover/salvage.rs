//! Salvages a damaged database: copies its readable entries to a temporary database, from which they
//! can be read normally. `store::log::read_damaged` reads the entries from the log.

use std::{fs, path::Path, sync::Arc};

use super::report::SalvageReport;
use crate::{
    model::{Kind, PerKind},
    store::{
        DataDirectory, Options, StoreError,
        format::{self, Head},
        generation::Generation,
        history,
        known::KnownState,
        log,
        tree_id::TreeId,
        trees::{ValueOwner, text_property},
    },
};

/// The readable entries of a damaged database, in a temporary database.
pub(super) struct Collected {
    generation: Generation,
    damaged_places: u64,
    uncertain: u64,
    unassigned: u64,
    version_last: u64,
}

/// Copies the readable entries of the database in the folder `damaged`, without changing that.
///
/// # Errors
/// - [`StoreError::DiskFull`] if the file system has no space for temporary files.
/// - [`StoreError::Io`] if there is no database, or if it cannot be read.
pub(super) fn collect(
    directory: &Arc<DataDirectory>,
    damaged: &Path,
    number: u64,
    options: Options,
) -> Result<Collected, StoreError> {
    let generation = Generation::create(directory, number, options)?;
    let mut collected =
        Collected { generation, damaged_places: 0, uncertain: 0, unassigned: 0, version_last: 0 };
    // Entries of unknown trees are assigned after all chunks are read.
    let mut unknown = Vec::new();
    let read = log::salvage(damaged, log::Reach::Everything, &mut |entry| {
        if !entry.page_complete {
            collected.uncertain += 1;
        }
        match entry.tree.map(tree_of) {
            Some(Some(tree)) => collected.put(tree, entry.key, entry.value)?,
            // References, members and counts are computed again.
            Some(None) => {}
            None => unknown.push((entry.key.to_vec(), entry.value.to_vec())),
        }
        Ok(())
    });
    match read {
        Ok(read) => collected.damaged_places = read.messages_damaged + read.segments_unreadable,
        Err(error) => {
            let path = collected.generation.path();
            drop(collected);
            // The error of the salvage is the one to return.
            let _ = fs::remove_dir_all(path);
            return Err(error);
        }
    }
    let (chunks, others): (Vec<_>, Vec<_>) =
        unknown.into_iter().partition(|(key, _)| is_chunk_key(key));
    for (key, value) in chunks {
        collected.put(TreeId::Chunks, &key, &value)?;
    }
    for (key, value) in others {
        match collected.assign(&key, &value)? {
            Assigned::To(tree) => collected.put(tree, &key, &value)?,
            Assigned::Derived => {}
            Assigned::Unknown => collected.unassigned += 1,
        }
    }
    Ok(collected)
}

/// The tree to which an entry of an unknown tree belongs.
enum Assigned {
    To(TreeId),
    /// A tree that is computed from others, or the history.
    Derived,
    Unknown,
}

/// Returns the tree with this name. `None` for trees that are computed from others, and for the
/// history, which a salvage does not keep.
fn tree_of(name: &[u8]) -> Option<TreeId> {
    let derived = |tree: &TreeId| match tree {
        TreeId::References | TreeId::Members | TreeId::History | TreeId::Before | TreeId::Meta => {
            true
        }
        TreeId::Kind(_) | TreeId::Texts | TreeId::Chunks => false,
    };
    TreeId::all().find(|tree| tree.name().as_bytes() == name).filter(|tree| !derived(tree))
}

/// Returns whether a key looks like the key of a chunk: the name of a kind or `text`, a zero, the
/// key of the value, a zero, the value's version (8 bytes) and the number of the chunk (4 bytes).
fn is_chunk_key(key: &[u8]) -> bool {
    let word = key.split(|byte| *byte == 0).next().unwrap_or_default();
    let known = word == b"text" || Kind::ALL.iter().any(|kind| kind.as_str().as_bytes() == word);
    let end = key.len().checked_sub(8 + 4 + 1);
    known && end.is_some_and(|end| end > word.len() && key[end] == 0)
}

impl Collected {
    /// Writes an entry to the temporary database.
    fn put(&mut self, tree: TreeId, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        if let TreeId::Kind(_) | TreeId::Texts = tree
            && let Ok(Head::Whole(raw)) = format::head(value.into())
        {
            self.version_last = self.version_last.max(raw.header.version);
        }
        crate::store::generation::write_entry(self.generation.tree(tree), key, value)
    }

    /// Determines the only kind of record, or the long text, that an entry can be.
    fn assign(&self, key: &[u8], value: &[u8]) -> Result<Assigned, StoreError> {
        let Ok(head) = format::head(value.into()) else { return Ok(Assigned::Derived) };
        if history::parse_before_key(key).is_some() {
            return Ok(Assigned::Derived);
        }
        let mut found = Vec::new();
        for kind in Kind::ALL {
            let fits = match &head {
                Head::Whole(raw) => raw
                    .record(kind, key)
                    .is_ok_and(|record| record.name().as_str().as_bytes() == key),
                Head::Long(header, _) => {
                    self.has_chunks(ValueOwner::Record(kind), key, header.version)?
                }
            };
            if fits {
                found.push(TreeId::Kind(kind));
            }
        }
        if text_property(key).is_some() {
            let fits = match &head {
                Head::Whole(raw) => std::str::from_utf8(raw.body()).is_ok(),
                Head::Long(header, _) => self.has_chunks(ValueOwner::Text, key, header.version)?,
            };
            if fits {
                found.push(TreeId::Texts);
            }
        }
        Ok(match found.as_slice() {
            [tree] => Assigned::To(*tree),
            _ => Assigned::Unknown,
        })
    }

    /// Returns whether the first chunk of a long value exists.
    fn has_chunks(&self, owner: ValueOwner, key: &[u8], version: u64) -> Result<bool, StoreError> {
        let prefix = owner.chunk_prefix(key, version);
        let mut chunks = self.generation.trees().tree(TreeId::Chunks).prefix(&prefix);
        Ok(chunks.next().transpose()?.is_some())
    }

    /// The temporary database.
    pub(super) fn generation(&self) -> &Generation {
        &self.generation
    }

    /// The highest version of any readable entry.
    pub(super) fn version_last(&self) -> u64 {
        self.version_last
    }

    /// Returns the numbers of found entries, with the numbers of records before the damage.
    pub(super) fn report(&self, known: Option<&KnownState>) -> SalvageReport {
        SalvageReport {
            known: known.map(|known| PerKind::new(|kind| known.summary.kind(kind).count)),
            damaged_places: self.damaged_places,
            uncertain: self.uncertain,
            unassigned: self.unassigned,
            ..SalvageReport::default()
        }
    }
}
