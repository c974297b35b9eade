//! Transactions: a small change in memory, until it is committed.

use super::{
    HistoryWriting, Origin, Raw, Referrer, StoreError, Stored, StoredText, Summary, Vault,
    format::{self, values},
    generation::{Generation, chunk_key},
    history::{HistoryEnd, TouchedValues},
    layers::Changes,
    members,
    packed::{self, ListChange, ListEdit},
    pending::{FinishedChange, Pending},
    references::{self, posting, target_key},
    tree_id::TreeId,
    trees::{ListEdits, Trees, ValueOwner, text_key},
};
use crate::model::{
    AnyRecord, Entity, Kind, Name, Record, Side, Target, limits::LONG_TEXT_BYTES_MAX,
};

/// A running change. It sees its own writes. Others see all of them after the commit.
pub struct Transaction<'s> {
    generation: &'s Generation,
    vault: &'s Vault,
    origin: &'s Origin,
    /// Earlier changes that are not applied yet.
    before: &'s Changes,
    summary: Summary,
    own: Changes,
    /// The edits of packed lists. [`finish`](Self::finish) applies them to the blocks.
    edits: ListEdits,
    /// The values that the transaction has touched. `None` if it is not written to the history.
    touched: Option<TouchedValues>,
    /// The end of the history before this change.
    history_end: HistoryEnd,
}

/// The effect of [`Transaction::put`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// No record of this kind had the name.
    Created,
    /// The record replaced one with the same name and other contents.
    Updated,
    /// The stored record was equal. Nothing was written, and it keeps its version.
    Unchanged,
}

impl<'s> Transaction<'s> {
    pub(super) fn new(
        generation: &'s Generation,
        vault: &'s Vault,
        origin: &'s Origin,
        pending: &'s Pending,
    ) -> Self {
        let mut summary = match &pending.summary {
            Some(summary) => summary.clone(),
            None => Summary::clone(&generation.summary()),
        };
        summary.version += 1;
        Self {
            generation,
            vault,
            origin,
            before: &pending.changes,
            summary,
            own: Changes::default(),
            edits: ListEdits::default(),
            touched: match generation.history_writing() {
                HistoryWriting::Written => Some(TouchedValues::default()),
                HistoryWriting::LeftOut => None,
            },
            history_end: pending.history_end.unwrap_or_else(|| generation.history_end()),
        }
    }

    fn trees(&self) -> Trees<'_> {
        self.generation.trees_under([Some(&self.own), Some(self.before)]).with_edits(&self.edits)
    }

    /// The number of this change, which is the version of the records that it writes.
    pub fn version(&self) -> u64 {
        self.summary.version
    }

    /// The number of the last change of a kind, including this transaction.
    pub fn changed(&self, kind: Kind) -> u64 {
        self.summary.kind(kind).changed
    }

    /// Returns a record, with the changes of this transaction.
    pub fn get<E: Entity>(&self, name: &str) -> Result<Option<Stored<E>>, StoreError> {
        self.trees().get(name)
    }

    /// Returns a record of a kind that is not known at compile time, with the changes of this transaction.
    pub fn get_any(&self, kind: Kind, name: &str) -> Result<Option<Stored<AnyRecord>>, StoreError> {
        self.trees().get_any(kind, name)
    }

    /// Returns whether a record exists.
    pub fn contains(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        self.trees().contains(kind, name)
    }

    /// Returns all records of a kind, sorted by name, with the changes of this transaction.
    pub fn scan<E: Entity>(&self) -> impl Iterator<Item = Result<Stored<E>, StoreError>> {
        self.trees().scan(E::KIND).filter_map(|entry| match entry {
            Ok((name, Some(raw))) => Some(Stored::read(&name, &raw)),
            // Cannot happen: nothing is applied while a transaction runs.
            Ok((_, None)) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// Returns the records that refer to the target, with the changes of this transaction.
    pub fn referrers(&self, target: Target, name: &str) -> Result<Vec<Referrer>, StoreError> {
        self.trees().referrers(target, name)
    }

    /// Creates a record or replaces the one with its name. Does nothing if the record is unchanged. The
    /// caller checks that the targets of its references exist.
    ///
    /// # Errors
    /// - [`StoreError::RecordLarge`] if the encoded record is over its limit.
    /// - [`StoreError::Corrupt`] or [`StoreError::Damaged`] if the existing record cannot be read.
    pub fn put(&mut self, record: impl Into<AnyRecord>) -> Result<PutOutcome, StoreError> {
        self.put_any(record.into())
    }

    fn put_any(&mut self, mut record: AnyRecord) -> Result<PutOutcome, StoreError> {
        self.vault.encrypt_secrets(&mut *record);
        let kind = record.kind();
        let name = record.name().as_str().to_owned();
        let body = format::encode_body(&*record)?;
        match self.trees().raw(kind, name.as_bytes())? {
            None => {
                let ordinal = self.summary.kind(kind).ordinal_next;
                self.create(&*record, ordinal, &body)?;
                Ok(PutOutcome::Created)
            }
            Some(before) if before.body() == body => Ok(PutOutcome::Unchanged),
            Some(before) => {
                self.replace(&*record, &before, &body)?;
                Ok(PutOutcome::Updated)
            }
        }
    }

    /// Creates a record with this ordinal, or replaces the one with its name, which keeps its
    /// ordinal. `body` is the encoded record, with encrypted secrets. The caller checks that the
    /// targets of its references exist.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Damaged`] if the existing record cannot be read.
    pub fn put_encoded(
        &mut self,
        record: &dyn Record,
        ordinal: u64,
        body: &[u8],
    ) -> Result<(), StoreError> {
        match self.trees().raw(record.kind(), record.name().as_bytes())? {
            None => self.create(record, ordinal, body),
            Some(before) => self.replace(record, &before, body),
        }
    }

    /// Returns whether the records that are written so far are too many or too large for a
    /// transaction.
    pub fn is_large(&self) -> bool {
        self.own.is_large()
    }

    /// Creates a record whose name is free.
    fn create(&mut self, record: &dyn Record, ordinal: u64, body: &[u8]) -> Result<(), StoreError> {
        let (kind, name) = (record.kind(), record.name().as_str());
        self.note(ValueOwner::Record(kind), name.as_bytes(), None);
        self.note_secrets(record);
        self.edit_references(record, ListChange::Insert);
        let counts = self.summary.kind(kind);
        let in_name_order =
            counts.in_name_order && ordinal >= counts.ordinal_next && self.is_last(kind, name)?;
        let counts = self.summary.kind_mut(kind);
        counts.count += 1;
        counts.ordinal_next = counts.ordinal_next.max(ordinal + 1);
        counts.in_name_order = in_name_order;
        self.write(ValueOwner::Record(kind), name.as_bytes().to_vec(), ordinal, body);
        Ok(())
    }

    /// Replaces a record. `before` is its stored value.
    fn replace(
        &mut self,
        record: &dyn Record,
        before: &Raw,
        body: &[u8],
    ) -> Result<(), StoreError> {
        let (kind, name) = (record.kind(), record.name().as_str());
        let old = Stored::read_any(kind, name.as_bytes(), before)?;
        self.note_secrets(&*old.record);
        self.note_secrets(record);
        self.edit_references(&*old.record, ListChange::Remove);
        self.edit_references(record, ListChange::Insert);
        self.erase(ValueOwner::Record(kind), name.as_bytes(), before)?;
        self.write(ValueOwner::Record(kind), name.as_bytes().to_vec(), old.ordinal, body);
        Ok(())
    }

    /// Returns whether no record of the kind has a greater name.
    fn is_last(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        let tree = self.trees().tree(TreeId::Kind(kind));
        Ok(tree.prefix_from(&[], name.as_bytes()).next().transpose()?.is_none())
    }

    /// Removes a record, and the long texts of a device. Returns whether the record existed. The caller
    /// updates the members of computed pools.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Damaged`] if the record cannot be read.
    pub fn remove(&mut self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        let Some(raw) = self.trees().raw(kind, name.as_bytes())? else { return Ok(false) };
        let old = Stored::read_any(kind, name.as_bytes(), &raw)?;
        self.note_secrets(&*old.record);
        self.edit_references(&*old.record, ListChange::Remove);
        self.summary.kind_mut(kind).count -= 1;
        self.erase(ValueOwner::Record(kind), name.as_bytes(), &raw)?;
        if kind == Kind::Device {
            for property in self.trees().texts(name)? {
                self.remove_text(name, &property)?;
            }
        }
        Ok(true)
    }

    /// Renames a record, and moves the long texts of a device. The record keeps its ordinal. Returns
    /// whether the record existed. The caller checks that the new name is free, and updates the records
    /// that refer to it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Damaged`] if the record cannot be read.
    pub fn rename(&mut self, kind: Kind, from: &str, to: Name) -> Result<bool, StoreError> {
        let Some(raw) = self.trees().raw(kind, from.as_bytes())? else { return Ok(false) };
        let old = Stored::read_any(kind, from.as_bytes(), &raw)?;
        self.note_secrets(&*old.record);
        self.edit_references(&*old.record, ListChange::Remove);
        self.erase(ValueOwner::Record(kind), from.as_bytes(), &raw)?;
        let mut record = old.record;
        record.set_name(to);
        self.note_secrets(&*record);
        self.edit_references(&*record, ListChange::Insert);
        let name = record.name().as_str().to_owned();
        let body = format::encode_body(&*record)?;
        // Its position among the names changes, but its ordinal does not.
        self.summary.kind_mut(kind).in_name_order = false;
        if kind == Kind::Device {
            for property in self.trees().texts(from)? {
                if let Some(text) = self.text(from, &property)? {
                    self.put_text(&name, &property, &text.text)?;
                }
                self.remove_text(from, &property)?;
            }
        }
        if let Some(touched) = &mut self.touched {
            touched.note_rename(kind, from, &name);
        }
        self.note(ValueOwner::Record(kind), name.as_bytes(), None);
        self.write(ValueOwner::Record(kind), name.into_bytes(), old.ordinal, &body);
        Ok(true)
    }

    /// Writes a value. The caller has erased the old one.
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

    /// Notes a value that is about to be written or removed, for the history.
    fn note(&mut self, owner: ValueOwner, key: &[u8], before: Option<&Raw>) {
        if let Some(touched) = &mut self.touched {
            touched.note(owner, key, before);
        }
    }

    /// Notes a record that is removed or written, for the history.
    fn note_secrets(&mut self, record: &dyn Record) {
        if let Some(touched) = &mut self.touched {
            touched.note_secrets(record);
        }
    }

    /// Removes a value. Its chunks stay if it is the before-value of this change.
    fn erase(&mut self, owner: ValueOwner, key: &[u8], raw: &Raw) -> Result<(), StoreError> {
        self.note(owner, key, Some(raw));
        let is_before_value = raw.header.version != self.summary.version && self.touched.is_some();
        if raw.header.is_long() && !is_before_value {
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

    /// Notes the change of a kind in the summary.
    fn stamp(&mut self, owner: ValueOwner) {
        match owner {
            ValueOwner::Record(kind) => {
                self.summary.kind_mut(kind).changed = self.summary.version;
            }
            ValueOwner::Text => {}
        }
    }

    /// Adds or removes the references of a record in the reverse index.
    fn edit_references(&mut self, record: &dyn Record, change: ListChange) {
        record.references(&mut |reference| {
            let list = target_key(reference.target, reference.name);
            let item = posting(record.kind(), reference.relation, record.name());
            self.edits.references.entry(list).or_default().insert(item, change);
        });
    }

    /// Returns the names of a computed pool's members, sorted by ordinal, with the changes of this
    /// transaction. `pool` is the ordinal of the pool's record.
    pub fn members(&self, pool: u64, side: Side) -> Result<Vec<String>, StoreError> {
        self.trees().members(pool, side)
    }

    /// Returns the number of a computed pool's members, with the changes of this transaction.
    pub fn member_count(&self, pool: u64, side: Side) -> Result<u64, StoreError> {
        self.trees().member_count(pool, side)
    }

    /// Adds members to a computed pool, given by the ordinals and names of their records. Existing members
    /// stay.
    pub fn add_members(&mut self, pool: u64, side: Side, members: &[(u64, impl AsRef<str>)]) {
        self.edit_members(pool, side, members, ListChange::Insert);
    }

    /// Removes members from a computed pool. Records that are not members are ignored.
    pub fn remove_members(&mut self, pool: u64, side: Side, members: &[(u64, impl AsRef<str>)]) {
        self.edit_members(pool, side, members, ListChange::Remove);
    }

    fn edit_members(
        &mut self,
        pool: u64,
        side: Side,
        members: &[(u64, impl AsRef<str>)],
        change: ListChange,
    ) {
        let edit = self.edits.members.entry(members::list_key(pool, side)).or_default();
        edit.extend(
            members
                .iter()
                .map(|(ordinal, name)| (members::member(*ordinal, name.as_ref()), change)),
        );
    }

    /// Removes all members from a computed pool.
    pub fn clear_members(&mut self, pool: u64, side: Side) -> Result<(), StoreError> {
        let list = members::list_key(pool, side);
        self.edits.members.remove(&list);
        let blocks = self.trees().tree(TreeId::Members).prefix(&list);
        let keys = blocks.map(|entry| Ok(entry?.0.to_vec()));
        for key in keys.collect::<Result<Vec<_>, StoreError>>()? {
            self.own.set(TreeId::Members, key, None);
        }
        self.own.set(TreeId::Members, members::length_key(&list), None);
        Ok(())
    }

    /// Returns a long text of a device.
    pub fn text(&self, device: &str, property: &str) -> Result<Option<StoredText>, StoreError> {
        self.trees().text(device, property)
    }

    /// Writes a long text of a device. Removing or renaming the device includes it.
    ///
    /// # Errors
    /// [`StoreError::TextLarge`] if it exceeds [`LONG_TEXT_BYTES_MAX`].
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
        } else {
            self.note(ValueOwner::Text, &key, None);
        }
        self.write(ValueOwner::Text, key, 0, text.as_bytes());
        Ok(())
    }

    /// Removes a long text. Returns whether it existed.
    pub fn remove_text(&mut self, device: &str, property: &str) -> Result<bool, StoreError> {
        let key = text_key(device, property);
        let Some(raw) = self.trees().value(ValueOwner::Text, &key)? else { return Ok(false) };
        self.erase(ValueOwner::Text, &key, &raw)?;
        Ok(true)
    }

    /// Applies the edits of lists to their blocks and returns the result. `None` if nothing is changed.
    pub(super) fn finish(mut self) -> Result<Option<FinishedChange>, StoreError> {
        for (list, edit) in std::mem::take(&mut self.edits.references) {
            self.apply_edit(TreeId::References, &list, &edit)?;
        }
        for (list, edit) in std::mem::take(&mut self.edits.members) {
            let (added, removed) = self.apply_edit(TreeId::Members, &list, &edit)?;
            let key = members::length_key(&list);
            let length: u64 = match self.trees().tree(TreeId::Members).get(&key)? {
                Some(bytes) => format::decode("number of members", &bytes)?,
                None => 0,
            };
            // A wrong length, which `verify` reports, is better than refusing every change.
            let length = (length + added).saturating_sub(removed);
            let value = (length > 0).then(|| format::encode(&length).into());
            self.own.set(TreeId::Members, key, value);
        }
        if self.own.is_empty() {
            return Ok(None);
        }
        // The history does not count: it is written in the order of its keys.
        let is_large = self.own.is_large();
        let (version, end) = (self.summary.version, self.history_end);
        let (history, history_end) = match self.touched.take() {
            Some(touched) => {
                let (entry, end) = touched.write(&mut self.own, version, end, self.origin);
                (Some(entry), end)
            }
            None => (None, end),
        };
        self.hash_changes()?;
        let Self { own, summary, .. } = self;
        Ok(Some(FinishedChange { changes: own, summary, history, history_end, is_large }))
    }

    /// Updates the content hashes for this change. The entry of the history is hashed when it is committed.
    fn hash_changes(&mut self) -> Result<(), StoreError> {
        let before = self.generation.trees_under([Some(self.before), None]);
        for (tree, changes) in self.own.iter() {
            let before = before.tree(tree);
            let content = &mut self.summary.content[tree];
            // The key of a before-value contains the number of this change, so it is always new.
            let is_before_value = tree == TreeId::Before;
            for (key, value) in changes {
                if !is_before_value && let Some(before) = before.get(key)? {
                    content.subtract(key, &before);
                }
                if let Some(value) = value {
                    content.add(key, value);
                }
            }
        }
        Ok(())
    }

    /// Applies the edit of one list to its blocks. Returns the numbers of added and removed items.
    fn apply_edit(
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

    /// Returns the targets of the references that this transaction adds, so that the caller can check that
    /// they exist.
    pub fn targets(&self) -> impl Iterator<Item = (Target, &str)> {
        let added = self
            .edits
            .references
            .iter()
            .filter(|(_, edit)| edit.values().any(|change| *change == ListChange::Insert));
        added.filter_map(|(key, _)| {
            references::parse_target_key(key).map(|(target, name, _)| (target, name))
        })
    }
}
