//! Reads records, references, pool members and long texts from a generation's trees and the layers
//! of uncommitted changes over them.

use std::collections::BTreeMap;

use sled::{IVec, Tree};

use super::{
    Raw, StoreError, Stored, StoredText,
    error::corrupt,
    format::{self, Head},
    layers::{Changes, Layered},
    members,
    packed::{self, ListEdit},
    references::{self, Referrer},
    tree_id::{PerTree, TreeId},
};
use crate::model::{AnyRecord, Entity, Kind, Side, Target};

/// The trees of a generation and the layers of changes over them, the top layer first.
#[derive(Clone, Copy)]
pub(super) struct Trees<'a> {
    trees: &'a PerTree<Tree>,
    layers: [Option<&'a Changes>; 2],
    edits: Option<&'a ListEdits>,
}

/// The edits of packed lists that a transaction has not applied to the blocks yet, by the prefix of the
/// list.
#[derive(Default)]
pub(super) struct ListEdits {
    pub references: BTreeMap<Vec<u8>, ListEdit>,
    pub members: BTreeMap<Vec<u8>, ListEdit>,
}

/// The kind of a value: it determines the value's tree, the keys of its chunks and the wording of
/// its damage.
#[derive(Clone, Copy)]
pub(super) enum ValueOwner {
    Record(Kind),
    Text,
}

impl ValueOwner {
    /// The tree that holds the value.
    pub(super) fn tree(self) -> TreeId {
        match self {
            ValueOwner::Record(kind) => TreeId::Kind(kind),
            ValueOwner::Text => TreeId::Texts,
        }
    }

    /// Returns whether the values are the records of this kind.
    pub(super) fn is_record_of(self, kind: Kind) -> bool {
        match self {
            ValueOwner::Record(own) => own == kind,
            ValueOwner::Text => false,
        }
    }

    fn damaged(self, key: &[u8], detail: impl Into<String>) -> StoreError {
        match self {
            ValueOwner::Record(kind) => corrupt(kind, key, detail),
            ValueOwner::Text => {
                let key = String::from_utf8_lossy(key).replace('\0', ", ");
                StoreError::Damaged { part: "text", detail: format!("{key}: {}", detail.into()) }
            }
        }
    }

    /// Turns the error of a damaged page into one that names the value.
    fn unread(self, key: &[u8], error: StoreError) -> StoreError {
        match error {
            StoreError::Damaged { detail, .. } => self.damaged(key, detail),
            other => other,
        }
    }

    /// Returns the prefix of the keys of a long value's chunks. It contains the version, so that a
    /// reader never joins chunks of two changes.
    pub(super) fn chunk_prefix(self, key: &[u8], version: u64) -> Vec<u8> {
        let word = match self {
            ValueOwner::Record(kind) => kind.as_str(),
            ValueOwner::Text => "text",
        };
        let mut prefix = Vec::with_capacity(key.len() + 16);
        prefix.extend_from_slice(word.as_bytes());
        prefix.push(0);
        prefix.extend_from_slice(key);
        prefix.push(0);
        prefix.extend_from_slice(&version.to_be_bytes());
        prefix
    }
}

/// Returns the key of a device's long text. Neither name holds a control character.
pub(super) fn text_key(device: &str, property: &str) -> Vec<u8> {
    [device.as_bytes(), &[0], property.as_bytes()].concat()
}

/// Returns the prefix of the keys of a device's long texts.
pub(super) fn texts_prefix(device: &str) -> Vec<u8> {
    text_key(device, "")
}

/// Parses the property in a [`text_key`].
pub(super) fn text_property(key: &[u8]) -> Option<&str> {
    let at = memchr::memchr(0, key)?;
    std::str::from_utf8(&key[at + 1..]).ok()
}

impl<'a> Trees<'a> {
    pub(super) fn new(trees: &'a PerTree<Tree>, layers: [Option<&'a Changes>; 2]) -> Self {
        Self { trees, layers, edits: None }
    }

    /// Adds edits of packed lists over the layers.
    pub(super) fn with_edits(self, edits: &'a ListEdits) -> Self {
        Self { edits: Some(edits), ..self }
    }

    /// Returns one tree with its layers.
    pub(super) fn tree(&self, tree: TreeId) -> Layered<'a> {
        let layer = |changes: Option<&'a Changes>| changes.and_then(|changes| changes.tree(tree));
        let layers = [layer(self.layers[0]), layer(self.layers[1])];
        Layered::new(&self.trees[tree], layers)
    }

    /// Returns one tree without the layers.
    pub(super) fn base(&self, tree: TreeId) -> &'a Tree {
        &self.trees[tree]
    }

    /// Returns whether a record exists.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if its page is damaged. [`StoreError::Reopening`] if an
    /// earlier write failed.
    pub(super) fn contains(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        let contains = self.tree(TreeId::Kind(kind)).contains(name.as_bytes());
        contains.map_err(|error| ValueOwner::Record(kind).unread(name.as_bytes(), error))
    }

    /// Returns a record as bytes, with all its chunks.
    pub(super) fn raw(&self, kind: Kind, name: &[u8]) -> Result<Option<Raw>, StoreError> {
        self.value(ValueOwner::Record(kind), name)
    }

    /// Returns a record.
    pub(super) fn get<E: Entity>(&self, name: &str) -> Result<Option<Stored<E>>, StoreError> {
        let raw = self.raw(E::KIND, name.as_bytes())?;
        raw.map(|raw| Stored::read(name.as_bytes(), &raw)).transpose()
    }

    /// Returns a record of a kind that is not known at compile time.
    pub(super) fn get_any(
        &self,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Stored<AnyRecord>>, StoreError> {
        let raw = self.raw(kind, name.as_bytes())?;
        raw.map(|raw| Stored::read_any(kind, name.as_bytes(), &raw)).transpose()
    }

    /// Returns a value with all its chunks.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Damaged`] if it cannot be read;
    /// [`StoreError::Reopening`] if an earlier write failed.
    pub(super) fn value(&self, owner: ValueOwner, key: &[u8]) -> Result<Option<Raw>, StoreError> {
        let tree = self.tree(owner.tree());
        let mut first_read: Option<IVec> = None;
        loop {
            let Some(bytes) = tree.get(key).map_err(|error| owner.unread(key, error))? else {
                return Ok(None);
            };
            if let Some(raw) = self.with_chunks(owner, key, bytes.clone())? {
                return Ok(Some(raw));
            }
            // A concurrent change removed its chunks and wrote a new value. If the value is still
            // the same, chunks are missing: a version is never written twice.
            if first_read.replace(bytes.clone()) == Some(bytes) {
                return Err(owner.damaged(key, "parts of it are missing"));
            }
        }
    }

    /// Returns all records of a kind, sorted by name. A record is `None` if a concurrent change
    /// replaced it and removed its chunks.
    pub(super) fn scan(
        self,
        kind: Kind,
    ) -> impl Iterator<Item = Result<(IVec, Option<Raw>), StoreError>> + 'a {
        self.tree(TreeId::Kind(kind)).prefix(&[]).map(move |entry| {
            let (name, bytes) = entry?;
            let raw = self.with_chunks(ValueOwner::Record(kind), &name, bytes)?;
            Ok((name, raw))
        })
    }

    /// Adds the chunks of a long value. Returns `None` if some are missing.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Damaged`] if the value cannot be read.
    pub(super) fn with_chunks(
        &self,
        owner: ValueOwner,
        key: &[u8],
        bytes: IVec,
    ) -> Result<Option<Raw>, StoreError> {
        let (header, length) = match format::head(bytes) {
            Ok(Head::Whole(raw)) => return Ok(Some(raw)),
            Ok(Head::Long(header, length)) => (header, length),
            Err(detail) => return Err(owner.damaged(key, detail)),
        };
        let mut body = Vec::new();
        let prefix = owner.chunk_prefix(key, header.version);
        for entry in self.tree(TreeId::Chunks).prefix(&prefix) {
            let (_, chunk) = entry.map_err(|error| owner.unread(key, error))?;
            body.extend_from_slice(&chunk);
            if body.len() > length {
                return Err(owner.damaged(key, "it is longer than its header declares"));
            }
        }
        Ok((body.len() == length).then(|| format::assembled(header, body)))
    }

    /// Calls `each` with the kind, the relation and the name of each record that refers to the
    /// target.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the index cannot be read.
    pub(super) fn each_referrer(
        &self,
        target: Target,
        name: &str,
        mut each: impl FnMut(Kind, &str, &str),
    ) -> Result<(), StoreError> {
        let list = references::target_key(target, name);
        let edit = self.edits.and_then(|edits| edits.references.get(&list));
        self.each_item(TreeId::References, &list, edit, |posting| {
            let (kind, relation, name) = references::referrer(posting)?;
            each(kind, relation, name);
            Ok(())
        })
    }

    /// Returns the records that refer to the target.
    ///
    /// # Errors
    /// As for [`each_referrer`](Self::each_referrer).
    pub(super) fn referrers(
        &self,
        target: Target,
        name: &str,
    ) -> Result<Vec<Referrer>, StoreError> {
        let mut referrers = Vec::new();
        self.each_referrer(target, name, |kind, relation, name| {
            referrers.push(Referrer::new((kind, relation, name)));
        })?;
        Ok(referrers)
    }

    /// Calls `each` with every item of a packed list after `edit`.
    fn each_item<X: From<StoreError>>(
        &self,
        tree: TreeId,
        list: &[u8],
        edit: Option<&ListEdit>,
        each: impl FnMut(&[u8]) -> Result<(), X>,
    ) -> Result<(), X> {
        match edit {
            Some(edit) => packed::each_edited_item(self.tree(tree), list, edit, each),
            None => packed::each_item(self.tree(tree), list, each),
        }
    }

    /// Calls `each` with the name of each member of a computed pool, sorted by ordinal.
    ///
    /// # Errors
    /// - The first error of `each`.
    /// - [`StoreError::Damaged`] if the list cannot be read.
    pub(super) fn each_member<X: From<StoreError>>(
        &self,
        pool: u64,
        side: Side,
        mut each: impl FnMut(&str) -> Result<(), X>,
    ) -> Result<(), X> {
        let list = members::list_key(pool, side);
        let edit = self.edits.and_then(|edits| edits.members.get(&list));
        self.each_item(TreeId::Members, &list, edit, |member| {
            each(members::member_name(member).ok_or_else(packed::damaged)?)
        })
    }

    /// Returns the names of a computed pool's members, sorted by ordinal.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the list cannot be read.
    pub(super) fn members(&self, pool: u64, side: Side) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        self.each_member(pool, side, |name| {
            names.push(name.to_owned());
            Ok::<_, StoreError>(())
        })?;
        Ok(names)
    }

    /// Returns the number of a computed pool's members.
    pub(super) fn member_count(&self, pool: u64, side: Side) -> Result<u64, StoreError> {
        let list = members::list_key(pool, side);
        if self.edits.is_some_and(|edits| edits.members.contains_key(&list)) {
            return Ok(self.members(pool, side)?.len() as u64);
        }
        let key = members::length_key(&list);
        match self.tree(TreeId::Members).get(&key)? {
            Some(bytes) => format::decode("number of members", &bytes),
            None => Ok(0),
        }
    }

    /// Returns a long text of a device.
    pub(super) fn text(
        &self,
        device: &str,
        property: &str,
    ) -> Result<Option<StoredText>, StoreError> {
        let key = text_key(device, property);
        let Some(raw) = self.value(ValueOwner::Text, &key)? else { return Ok(None) };
        let text = String::from_utf8(raw.body().to_vec())
            .map_err(|error| ValueOwner::Text.damaged(&key, error.to_string()))?;
        Ok(Some(StoredText { text, version: raw.header.version }))
    }

    /// Returns the properties of a device's long texts.
    pub(super) fn texts(&self, device: &str) -> Result<Vec<String>, StoreError> {
        let mut properties = Vec::new();
        for entry in self.tree(TreeId::Texts).prefix(&texts_prefix(device)) {
            let (key, _) = entry?;
            let property = text_property(&key).ok_or_else(|| {
                ValueOwner::Text.damaged(&key, "its key is not the key of a long text")
            })?;
            properties.push(property.to_owned());
        }
        Ok(properties)
    }
}
