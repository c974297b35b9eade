//! Small changes: what one change does, in memory, until it is committed.

use std::collections::BTreeMap;

use super::{
    Raw, Referrer, StoreError, Stored, StoredText, Summary, Vault,
    committer::Pending,
    format::{self, values},
    generation::{Generation, chunk_key},
    layers::{Changes, TreeId},
    members,
    packed::{self, ListChange, ListEdit},
    references::{self, posting, target_key},
    trees::{Trees, ValueOwner, text_key},
};
use crate::model::{
    AnyRecord, Entity, Kind, Name, Record, Side, Target, limits::LONG_TEXT_BYTES_MAX,
};

/// A change in the making. What it puts and removes it sees itself; others see it when it is
/// committed, whole.
pub struct Transaction<'s> {
    generation: &'s Generation,
    vault: &'s Vault,
    /// The changes before this one that are not applied yet.
    before: &'s Changes,
    summary: Summary,
    own: Changes,
    /// Items that come into packed lists and go from them; worked into blocks at the end.
    references: BTreeMap<Vec<u8>, ListEdit>,
    members: BTreeMap<Vec<u8>, ListEdit>,
}

/// What putting a record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    Created,
    Updated,
    Unchanged,
}

/// What a change comes to.
pub(super) struct FinishedChange {
    pub changes: Changes,
    pub summary: Summary,
}

impl<'s> Transaction<'s> {
    pub(super) fn new(generation: &'s Generation, vault: &'s Vault, pending: &'s Pending) -> Self {
        let mut summary = match &pending.summary {
            Some(summary) => summary.clone(),
            None => Summary::clone(&generation.summary()),
        };
        summary.version += 1;
        Self {
            generation,
            vault,
            before: &pending.changes,
            summary,
            own: Changes::default(),
            references: BTreeMap::new(),
            members: BTreeMap::new(),
        }
    }

    fn trees(&self) -> Trees<'_> {
        Trees::new(self.generation, [Some(&self.own), Some(self.before)])
    }

    /// The version of this change.
    pub fn version(&self) -> u64 {
        self.summary.version
    }

    /// The version of the last change of this kind's records, this transaction's own included.
    pub fn changed(&self, kind: Kind) -> u64 {
        self.summary.kind(kind).changed
    }

    /// The record of this name, with what this transaction did to it.
    pub fn get<E: Entity>(&self, name: &str) -> Result<Option<Stored<E>>, StoreError> {
        self.trees().get(name)
    }

    /// The record of this kind and name, with what this transaction did to it.
    pub fn get_any(&self, kind: Kind, name: &str) -> Result<Option<Stored<AnyRecord>>, StoreError> {
        self.trees().get_any(kind, name)
    }

    /// Whether a record of this name is there.
    pub fn contains(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        self.trees().contains(kind, name)
    }

    /// All records of one kind by name, with what this transaction did to them.
    pub fn scan<E: Entity>(&self) -> impl Iterator<Item = Result<Stored<E>, StoreError>> {
        self.trees().scan(E::KIND).filter_map(|entry| match entry {
            Ok((name, Some(raw))) => Some(Stored::read(&name, &raw)),
            // Nothing is replaced while a change is made.
            Ok((_, None)) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// The records that name the target, with what this transaction did.
    pub fn referrers(&self, target: Target, name: &str) -> Result<Vec<Referrer>, StoreError> {
        let list = target_key(target, name);
        let mut referrers = Vec::new();
        self.each_item(TreeId::References, &list, self.references.get(&list), |posting| {
            referrers.push(Referrer::new(references::referrer(posting)?));
            Ok(())
        })?;
        Ok(referrers)
    }

    /// Calls `each` with every item of a packed list, this transaction's own edits included.
    fn each_item(
        &self,
        tree: TreeId,
        list: &[u8],
        edit: Option<&ListEdit>,
        mut each: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut edits = edit.into_iter().flatten().peekable();
        packed::each_item(self.trees().tree(tree), list, |item| {
            while let Some((own, change)) = edits.next_if(|(own, _)| own.as_slice() < item) {
                if *change == ListChange::Insert {
                    each(own)?;
                }
            }
            match edits.next_if(|(own, _)| own.as_slice() == item) {
                Some((_, ListChange::Remove)) => Ok(()),
                Some((_, ListChange::Insert)) | None => each(item),
            }
        })?;
        for (own, change) in edits {
            if *change == ListChange::Insert {
                each(own)?;
            }
        }
        Ok(())
    }

    /// Creates the record, or puts it in the place of the one of its name. That what it refers to
    /// is there is the caller's business. Where nothing would change, nothing does.
    pub fn put(&mut self, record: impl Into<AnyRecord>) -> Result<PutOutcome, StoreError> {
        self.put_any(record.into())
    }

    fn put_any(&mut self, mut record: AnyRecord) -> Result<PutOutcome, StoreError> {
        self.vault.seal(&mut *record);
        let kind = record.kind();
        let name = record.name().as_str().to_owned();
        let body = format::encode_body(&*record)?;
        let before = self.trees().raw(kind, name.as_bytes())?;
        let Some(before) = before else {
            self.refer(&*record, ListChange::Insert);
            let in_name_order =
                self.summary.kind(kind).in_name_order && self.is_last(kind, &name)?;
            let counts = self.summary.kind_mut(kind);
            let ordinal = counts.ordinal_next;
            counts.count += 1;
            counts.ordinal_next += 1;
            counts.in_name_order = in_name_order;
            self.write(ValueOwner::Record(kind), name.into_bytes(), ordinal, &body);
            return Ok(PutOutcome::Created);
        };
        if before.body() == body {
            return Ok(PutOutcome::Unchanged);
        }
        let old = Stored::read_any(kind, name.as_bytes(), &before)?;
        self.refer(&*old.record, ListChange::Remove);
        self.refer(&*record, ListChange::Insert);
        self.erase(ValueOwner::Record(kind), name.as_bytes(), &before)?;
        self.write(ValueOwner::Record(kind), name.into_bytes(), old.ordinal, &body);
        Ok(PutOutcome::Updated)
    }

    /// Whether no record of the kind has a name behind this one.
    fn is_last(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        let tree = self.trees().tree(TreeId::Kind(kind));
        Ok(tree.prefix_from(&[], name.as_bytes()).next().transpose()?.is_none())
    }

    /// Removes the record of this name, and with a device its long texts. Says whether there was
    /// one. A pool's members in the store are the caller's business.
    pub fn remove(&mut self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        let Some(raw) = self.trees().raw(kind, name.as_bytes())? else { return Ok(false) };
        let old = Stored::read_any(kind, name.as_bytes(), &raw)?;
        self.refer(&*old.record, ListChange::Remove);
        self.summary.kind_mut(kind).count -= 1;
        self.erase(ValueOwner::Record(kind), name.as_bytes(), &raw)?;
        if kind == Kind::Device {
            for property in self.trees().texts(name)? {
                self.remove_text(name, &property)?;
            }
        }
        Ok(true)
    }

    /// Gives the record another name, and with it, a device's long texts; it keeps its ordinal.
    /// That the others who name it follow is the caller's business, and so is that the new name is
    /// free. Says whether there was one.
    pub fn rename(&mut self, kind: Kind, from: &str, to: Name) -> Result<bool, StoreError> {
        let Some(raw) = self.trees().raw(kind, from.as_bytes())? else { return Ok(false) };
        let old = Stored::read_any(kind, from.as_bytes(), &raw)?;
        self.refer(&*old.record, ListChange::Remove);
        self.erase(ValueOwner::Record(kind), from.as_bytes(), &raw)?;
        let mut record = old.record;
        record.set_name(to);
        self.refer(&*record, ListChange::Insert);
        let name = record.name().as_str().to_owned();
        let body = format::encode_body(&*record)?;
        // Its place among the names is another one, and its ordinal is not.
        self.summary.kind_mut(kind).in_name_order = false;
        if kind == Kind::Device {
            for property in self.trees().texts(from)? {
                if let Some(text) = self.text(from, &property)? {
                    self.put_text(&name, &property, &text.text)?;
                }
                self.remove_text(from, &property)?;
            }
        }
        self.write(ValueOwner::Record(kind), name.into_bytes(), old.ordinal, &body);
        Ok(true)
    }

    /// Writes a value. What was there before is erased already.
    fn write(&mut self, owner: ValueOwner, key: Vec<u8>, ordinal: u64, body: &[u8]) {
        let version = self.summary.version;
        let values = values(ordinal, version, body);
        let prefix = owner.chunk_prefix(&key, version);
        for (number, chunk) in values.chunks.enumerate() {
            self.own.set(TreeId::Chunks, chunk_key(&prefix, number), Some(chunk.into()));
        }
        self.own.set(owner.tree(), key, Some(values.head.into()));
        self.stamp(owner);
    }

    /// Lets a value go, with its chunks.
    fn erase(&mut self, owner: ValueOwner, key: &[u8], raw: &Raw) -> Result<(), StoreError> {
        if raw.header.is_long() {
            let prefix = owner.chunk_prefix(key, raw.header.version);
            let chunks = self.trees().tree(TreeId::Chunks).prefix(&prefix);
            let keys = chunks.map(|entry| Ok(entry?.0.to_vec()));
            for key in keys.collect::<Result<Vec<_>, StoreError>>()? {
                self.own.set(TreeId::Chunks, key, None);
            }
        }
        self.own.set(owner.tree(), key.to_vec(), None);
        self.stamp(owner);
        Ok(())
    }

    fn stamp(&mut self, owner: ValueOwner) {
        match owner {
            ValueOwner::Record(kind) => {
                self.summary.kind_mut(kind).changed = self.summary.version;
            }
            ValueOwner::Text => {}
        }
    }

    fn refer(&mut self, record: &dyn Record, change: ListChange) {
        record.references(&mut |reference| {
            let list = target_key(reference.target, reference.name);
            let item = posting(record.kind(), reference.relation, record.name());
            self.references.entry(list).or_default().insert(item, change);
        });
    }

    /// The members of a computed pool, in the order of their records. A pool is named by its
    /// record's ordinal.
    pub fn members(&self, pool: u64, side: Side) -> Result<Vec<String>, StoreError> {
        let list = members::list_key(pool, side);
        let mut names = Vec::new();
        self.each_item(TreeId::Members, &list, self.members.get(&list), |member| {
            let name = members::member_name(member).ok_or_else(packed::damaged)?;
            names.push(name.to_owned());
            Ok(())
        })?;
        Ok(names)
    }

    /// The number of a computed pool's members.
    pub fn member_count(&self, pool: u64, side: Side) -> Result<u64, StoreError> {
        if !self.members.contains_key(&members::list_key(pool, side)) {
            self.trees().member_count(pool, side)
        } else {
            Ok(self.members(pool, side)?.len() as u64)
        }
    }

    /// Adds members, named by the ordinals and names of their records, to a computed pool. Those
    /// who are members already stay it.
    pub fn add_members(&mut self, pool: u64, side: Side, members: &[(u64, &str)]) {
        self.edit_members(pool, side, members, ListChange::Insert);
    }

    /// Takes members out of a computed pool. Those who are none are passed over.
    pub fn remove_members(&mut self, pool: u64, side: Side, members: &[(u64, &str)]) {
        self.edit_members(pool, side, members, ListChange::Remove);
    }

    fn edit_members(&mut self, pool: u64, side: Side, members: &[(u64, &str)], change: ListChange) {
        let edit = self.members.entry(members::list_key(pool, side)).or_default();
        edit.extend(
            members.iter().map(|(ordinal, name)| (members::member(*ordinal, name), change)),
        );
    }

    /// Takes all members out of a computed pool.
    pub fn clear_members(&mut self, pool: u64, side: Side) -> Result<(), StoreError> {
        let list = members::list_key(pool, side);
        self.members.remove(&list);
        let blocks = self.trees().tree(TreeId::Members).prefix(&list);
        let keys = blocks.map(|entry| Ok(entry?.0.to_vec()));
        for key in keys.collect::<Result<Vec<_>, StoreError>>()? {
            self.own.set(TreeId::Members, key, None);
        }
        self.own.set(TreeId::Members, members::length_key(&list), None);
        Ok(())
    }

    /// A long text of a device.
    pub fn text(&self, device: &str, property: &str) -> Result<Option<StoredText>, StoreError> {
        self.trees().text(device, property)
    }

    /// Puts a long text of a device. It goes with the device when that is removed or renamed.
    ///
    /// # Errors
    /// [`StoreError::TextLarge`]
    pub fn put_text(&mut self, device: &str, property: &str, text: &str) -> Result<(), StoreError> {
        if text.len() > LONG_TEXT_BYTES_MAX {
            return Err(StoreError::TextLarge { bytes: text.len() });
        }
        let key = text_key(device, property);
        if let Some(raw) = self.trees().value(ValueOwner::Text, &key)? {
            if raw.body() == text.as_bytes() {
                return Ok(());
            }
            self.erase(ValueOwner::Text, &key, &raw)?;
        }
        self.write(ValueOwner::Text, key, 0, text.as_bytes());
        Ok(())
    }

    /// Removes a long text. Says whether there was one.
    pub fn remove_text(&mut self, device: &str, property: &str) -> Result<bool, StoreError> {
        let key = text_key(device, property);
        let Some(raw) = self.trees().value(ValueOwner::Text, &key)? else { return Ok(false) };
        self.erase(ValueOwner::Text, &key, &raw)?;
        Ok(true)
    }

    /// Ends the change: works the lists into their blocks. `None` when nothing is changed.
    pub(super) fn finish(mut self) -> Result<Option<FinishedChange>, StoreError> {
        for (list, edit) in std::mem::take(&mut self.references) {
            self.fold(TreeId::References, &list, &edit)?;
        }
        for (list, edit) in std::mem::take(&mut self.members) {
            let (added, removed) = self.fold(TreeId::Members, &list, &edit)?;
            let key = members::length_key(&list);
            let length: u64 = match self.trees().tree(TreeId::Members).get(&key)? {
                Some(bytes) => format::decode("number of members", &bytes)?,
                None => 0,
            };
            // A length that is wrong is better than a change that cannot be made.
            let length = (length + added).saturating_sub(removed);
            let value = (length > 0).then(|| format::encode(&length).into());
            self.own.set(TreeId::Members, key, value);
        }
        self.hash_changes()?;
        let Self { own, summary, .. } = self;
        Ok((!own.is_empty()).then_some(FinishedChange { changes: own, summary }))
    }

    /// Brings the content hashes to what the trees hold with this change.
    fn hash_changes(&mut self) -> Result<(), StoreError> {
        let before = Trees::new(self.generation, [Some(self.before), None]);
        for (tree, changes) in self.own.iter() {
            let before = before.tree(tree);
            let content = &mut self.summary.content[tree];
            for (key, value) in changes {
                if let Some(before) = before.get(key)? {
                    content.subtract(key, &before);
                }
                if let Some(value) = value {
                    content.add(key, value);
                }
            }
        }
        Ok(())
    }

    /// Works one list's edit into blocks. Gives how many items came and went.
    fn fold(
        &mut self,
        tree: TreeId,
        list: &[u8],
        edit: &ListEdit,
    ) -> Result<(u64, u64), StoreError> {
        let edited = packed::edit(self.trees().tree(tree), list, edit)?;
        for (key, block) in edited.blocks {
            self.own.set(tree, key.to_vec(), block.map(Into::into));
        }
        Ok((edited.added, edited.removed))
    }

    /// The targets that this transaction's records name, for a check that all of them are there.
    pub fn targets(&self) -> impl Iterator<Item = (Target, &str)> {
        let named = self
            .references
            .iter()
            .filter(|(_, edit)| edit.values().any(|change| *change == ListChange::Insert));
        named.filter_map(|(key, _)| {
            references::parse_target_key(key).map(|(target, name, _)| (target, name))
        })
    }
}
