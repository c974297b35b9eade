//! Small changes: one transaction, durable before it is acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use sled::{Batch, Transactional, Tree, transaction::TransactionError};

use super::{
    Raw, Referrer, StoreError, Stored, StoredText, Summary, Vault,
    format::{self, values},
    generation::{Generation, chunk_key, chunk_prefix, corrupt},
    references::{self, parse_target_key, posting, target_key},
    summary::SUMMARY_KEY,
};
use crate::model::{Entity, Kind, Name, PerKind, Side, Target};

/// A change in the making. What it puts and removes it sees itself; others see it when it is
/// committed, whole.
pub struct Transaction<'s> {
    generation: &'s Generation,
    vault: &'s Vault,
    summary: Summary,
    edits: PerKind<BTreeMap<String, Edit>>,
    /// References that come and go, by target.
    references: BTreeMap<Vec<u8>, ReferenceEdit>,
}

/// What a record was, and what it will be.
pub(super) struct Edit {
    pub before: Option<Raw>,
    after: Option<After>,
}

/// What putting a record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Created,
    Updated,
    Unchanged,
}

struct After {
    ordinal: u64,
    body: Vec<u8>,
}

#[derive(Default)]
struct ReferenceEdit {
    add: BTreeSet<Vec<u8>>,
    remove: BTreeSet<Vec<u8>>,
}

impl<'s> Transaction<'s> {
    pub(super) fn new(generation: &'s Generation, vault: &'s Vault) -> Result<Self, StoreError> {
        let mut summary = generation.summary()?;
        summary.version += 1;
        Ok(Self {
            generation,
            vault,
            summary,
            edits: PerKind::default(),
            references: BTreeMap::new(),
        })
    }

    /// The record of this name, with what this transaction did to it.
    pub fn get<E: Entity>(&self, name: &str) -> Result<Option<Stored<E>>, StoreError> {
        match self.edits[E::KIND].get(name) {
            None => match self.generation.raw(E::KIND, name.as_bytes())? {
                Some(raw) => Stored::read(name.as_bytes(), &raw).map(Some),
                None => Ok(None),
            },
            Some(edit) => match &edit.after {
                None => Ok(None),
                Some(after) => {
                    let record = format::decode_body(&after.body)
                        .map_err(|error| corrupt(E::KIND, name.as_bytes(), error.to_string()))?;
                    Ok(Some(Stored {
                        record,
                        ordinal: after.ordinal,
                        version: self.summary.version,
                    }))
                }
            },
        }
    }

    /// Whether a record of this name is there.
    pub fn contains(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        match self.edits[kind].get(name) {
            Some(edit) => Ok(edit.after.is_some()),
            None => self.generation.contains(kind, name),
        }
    }

    /// The records that name the target, as they were before this transaction.
    pub fn referrers(&self, target: Target, name: &str) -> Result<Vec<Referrer>, StoreError> {
        self.generation.referrers(target, name)
    }

    /// Creates the record, or puts it in the place of the one of its name. That what it refers to
    /// is there is the caller's business. Where nothing would change, nothing does.
    pub fn put<E: Entity>(&mut self, mut record: E) -> Result<Put, StoreError> {
        self.vault.seal(&mut record);
        let name = record.name().as_str().to_owned();
        let old = self.get::<E>(&name)?;
        if let Some(old) = &old {
            self.refer(&old.record, Direction::Away);
        }
        self.refer(&record, Direction::Here);
        let ordinal = match &old {
            Some(old) => old.ordinal,
            None => {
                let last = self.generation.kinds[E::KIND].last()?;
                let kind = self.summary.kind_mut(E::KIND);
                let ordinal = kind.ordinal_next;
                kind.count += 1;
                kind.ordinal_next += 1;
                let behind = last.is_none_or(|(last, _)| *last < *name.as_bytes());
                let edited = self.edits[E::KIND].last_key_value();
                kind.in_name_order &= behind && edited.is_none_or(|(last, _)| *last <= name);
                ordinal
            }
        };
        let after = After { ordinal, body: format::encode_body(&record)? };
        self.edit(E::KIND, name)?.after = Some(after);
        Ok(match old {
            Some(_) => Put::Updated,
            None => Put::Created,
        })
    }

    /// All records of one kind by name, with what this transaction did to them.
    pub fn scan<E: Entity>(&self) -> impl Iterator<Item = Result<Stored<E>, StoreError>> {
        std::iter::empty()
    }

    /// The version of this change.
    pub fn version(&self) -> u64 {
        self.summary.version
    }

    /// The version of the last change of this kind's records, this transaction's own included.
    pub fn changed(&self, _kind: Kind) -> u64 {
        self.summary.version
    }

    /// Gives the record another name, and with it, a device's long texts; it keeps its ordinal.
    /// That the others who name it follow is the caller's business, and so is that the new name is
    /// free. Says whether there was one.
    pub fn rename<E: Entity>(&mut self, _from: &str, _to: Name) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// The members of a computed pool, in the order of their records. A pool is named by its
    /// record's ordinal.
    pub fn members(&self, _pool: u64, _side: Side) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// The number of a computed pool's members.
    pub fn member_count(&self, _pool: u64, _side: Side) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Adds members, named by the ordinals and names of their records, to a computed pool. Those
    /// who are members already stay it.
    pub fn add_members(
        &mut self,
        _pool: u64,
        _side: Side,
        _members: &[(u64, &str)],
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// Takes members out of a computed pool. Those who are none are passed over.
    pub fn remove_members(
        &mut self,
        _pool: u64,
        _side: Side,
        _members: &[(u64, &str)],
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// Takes all members out of a computed pool.
    pub fn clear_members(&mut self, _pool: u64, _side: Side) -> Result<(), StoreError> {
        Ok(())
    }

    /// A long text of a device.
    pub fn text(&self, _device: &str, _property: &str) -> Result<Option<StoredText>, StoreError> {
        Ok(None)
    }

    /// Puts a long text of a device. It goes with the device when that is removed or renamed.
    pub fn put_text(
        &mut self,
        _device: &str,
        _property: &str,
        _text: &str,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// Removes a long text. Says whether there was one.
    pub fn remove_text(&mut self, _device: &str, _property: &str) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Removes the record of this name, and with a device its long texts. Says whether there was
    /// one. A pool's members in the store are the caller's business.
    pub fn remove<E: Entity>(&mut self, name: &str) -> Result<bool, StoreError> {
        let Some(old) = self.get::<E>(name)? else { return Ok(false) };
        self.refer(&old.record, Direction::Away);
        self.summary.kind_mut(E::KIND).count -= 1;
        self.edit(E::KIND, name.to_owned())?.after = None;
        Ok(true)
    }

    fn edit(&mut self, kind: Kind, name: String) -> Result<&mut Edit, StoreError> {
        use std::collections::btree_map::Entry;
        match self.edits[kind].entry(name) {
            Entry::Occupied(edit) => Ok(edit.into_mut()),
            Entry::Vacant(place) => {
                let before = self.generation.raw(kind, place.key().as_bytes())?;
                Ok(place.insert(Edit { before, after: None }))
            }
        }
    }

    fn refer<E: Entity>(&mut self, record: &E, direction: Direction) {
        record.references(&mut |reference| {
            let bytes = posting(E::KIND, reference.relation, record.name());
            let target = target_key(reference.target, reference.name);
            let edit = self.references.entry(target).or_default();
            let (to, from) = match direction {
                Direction::Here => (&mut edit.add, &mut edit.remove),
                Direction::Away => (&mut edit.remove, &mut edit.add),
            };
            from.remove(&bytes);
            to.insert(bytes);
        });
    }

    /// What is changed, for those who hold a picture of what was before.
    pub(super) fn edits(&self) -> &PerKind<BTreeMap<String, Edit>> {
        &self.edits
    }

    pub(super) fn is_empty(&self) -> bool {
        self.edits.iter().all(|(_, edits)| edits.is_empty())
    }

    /// Works out what to write. Nothing is written yet: what is found to be damaged on the way
    /// harms this change only.
    pub(super) fn prepare(&self) -> Result<Prepared<'s>, StoreError> {
        let generation = self.generation;
        let mut batches: Vec<(&'s Tree, Batch)> = Vec::new();
        let mut chunks = Batch::default();
        let version = self.summary.version;
        for (kind, edits) in self.edits.iter().filter(|(_, edits)| !edits.is_empty()) {
            let mut batch = Batch::default();
            for (name, edit) in edits {
                if let Some(before) = edit.before.as_ref().filter(|raw| raw.header.is_long()) {
                    let prefix = chunk_prefix(kind, name.as_bytes(), before.header.version);
                    for key in generation.chunks.scan_prefix(prefix).keys() {
                        chunks.remove(key?);
                    }
                }
                match &edit.after {
                    None => batch.remove(name.as_bytes()),
                    Some(after) => {
                        let values = values(after.ordinal, version, &after.body);
                        batch.insert(name.as_bytes(), values.head);
                        let prefix = chunk_prefix(kind, name.as_bytes(), version);
                        for (number, chunk) in values.chunks.enumerate() {
                            chunks.insert(chunk_key(&prefix, number), chunk);
                        }
                    }
                }
            }
            batches.push((&generation.kinds[kind], batch));
        }
        let mut index = Batch::default();
        for (target, edit) in &self.references {
            let sorted = |set: &BTreeSet<Vec<u8>>| set.iter().cloned().collect::<Vec<_>>();
            let tree = &generation.references;
            for (key, block) in
                references::edit(tree, target, &sorted(&edit.add), &sorted(&edit.remove))?
            {
                match block {
                    Some(block) => index.insert(key, block),
                    None => index.remove(key),
                }
            }
        }
        let mut meta = Batch::default();
        meta.insert(SUMMARY_KEY, format::encode(&self.summary));
        batches.push((&generation.references, index));
        batches.push((&generation.chunks, chunks));
        batches.push((&generation.meta, meta));
        Ok(Prepared(batches))
    }

    /// The targets that this transaction's records name, for a check that all of them are there.
    pub fn targets(&self) -> impl Iterator<Item = (Target, &str)> {
        let named = self.references.iter().filter(|(_, edit)| !edit.add.is_empty());
        named.filter_map(|(key, _)| parse_target_key(key).map(|(target, name, _)| (target, name)))
    }
}

/// What a change writes, tree by tree.
pub(super) struct Prepared<'s>(Vec<(&'s Tree, Batch)>);

impl Prepared<'_> {
    /// Applies the change: all of it, or nothing. It is visible then, but not yet durable.
    pub fn apply(&self) -> Result<(), StoreError> {
        let trees: Vec<&Tree> = self.0.iter().map(|(tree, _)| *tree).collect();
        trees
            .as_slice()
            .transaction(|trees| {
                for (tree, (_, batch)) in trees.iter().zip(&self.0) {
                    tree.apply_batch(batch)?;
                }
                Ok(())
            })
            .map_err(|error| match error {
                TransactionError::Storage(error) => StoreError::from(error),
                TransactionError::Abort(never) => never,
            })
    }
}

#[derive(Clone, Copy)]
enum Direction {
    /// The record comes, and names others.
    Here,
    /// It goes, and names them no longer.
    Away,
}
