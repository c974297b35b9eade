//! Reads every stored record of a database, and every value of one before a change.

use std::ops::ControlFlow;

use super::{
    Raw, StoreError,
    format::{self, Head},
    generation::Generation,
    history::{BeforeKey, Touch, ValueChain, before_key, parse_before_key},
    tree_id::TreeId,
    trees::ValueOwner,
};
use crate::model::{AnyRecord, Kind};

/// A stored record, or the value of one before a change.
pub(super) struct StoredRecord<'r> {
    pub record: AnyRecord,
    pub name: &'r [u8],
    pub is_before: bool,
    pub raw: &'r Raw,
}

/// An entry of a tree that holds records, or a value inside a change.
pub(super) struct StoredValue<'r> {
    /// The tree of the entry. It is `before` for a value inside a change.
    pub tree: TreeId,
    /// The key in that tree.
    pub key: &'r [u8],
    pub bytes: &'r [u8],
    pub location: ValueLocation,
    /// The kind, the name and the complete value of the record. `None` if there is none.
    record: Option<(Kind, &'r [u8], Raw)>,
}

/// Tells where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueLocation {
    /// In a tree, under its own key.
    Entry,
    /// Inside a change of the tree `history`.
    InsideChange,
}

impl StoredValue<'_> {
    /// The record. `None` also if it is damaged: the verification reports that.
    pub(super) fn stored(&self) -> Option<StoredRecord<'_>> {
        let (kind, name, raw) = self.record.as_ref()?;
        let record = format::decode_record(*kind, name, raw.body()).ok()?;
        Some(StoredRecord { record, name, is_before: self.tree == TreeId::Before, raw })
    }
}

/// Returns whether the values of a tree are records, or values of records before changes.
pub(super) fn holds_records(tree: TreeId) -> bool {
    matches!(tree, TreeId::Kind(_) | TreeId::Before)
}

/// A function that receives the values.
type Each<'e> = dyn FnMut(StoredValue<'_>) -> Result<ControlFlow<()>, StoreError> + 'e;

/// Calls `each` with every entry of the trees that hold records, and with every value inside a change, until it
/// breaks. Returns whether it did. A value inside a change comes directly after the value that replaced it.
///
/// # Errors
/// [`StoreError::Damaged`] or [`StoreError::Database`] if a tree cannot be read, and the errors of `each`.
pub(super) fn each_value(
    from: &Generation,
    each: &mut Each<'_>,
) -> Result<ControlFlow<()>, StoreError> {
    let trees = from.trees();
    for kind in Kind::ALL {
        let tree = TreeId::Kind(kind);
        for entry in trees.tree(tree).prefix(&[]) {
            let (key, bytes) = entry?;
            let raw = trees.with_chunks(ValueOwner::Record(kind), &key, bytes.clone())?;
            let record = raw.map(|raw| (kind, &*key, raw));
            let location = ValueLocation::Entry;
            if each(StoredValue { tree, key: &key, bytes: &bytes, location, record })?.is_break()
                || each_inside(from, kind, &key, &bytes, each)?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    let tree = TreeId::Before;
    for entry in trees.tree(tree).prefix(&[]) {
        let (key, bytes) = entry?;
        let location = ValueLocation::Entry;
        let record_key = match parse_before_key(&key) {
            // An empty value means that the record did not exist.
            Some(BeforeKey::Value { owner: ValueOwner::Record(kind), key: name, .. })
                if !bytes.is_empty() =>
            {
                Some((kind, name))
            }
            _ => None,
        };
        let record = match record_key {
            Some((kind, name)) => {
                let raw = trees.with_chunks(ValueOwner::Record(kind), name, bytes.clone())?;
                raw.map(|raw| (kind, name, raw))
            }
            None => None,
        };
        if each(StoredValue { tree, key: &key, bytes: &bytes, location, record })?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if let Some((kind, name)) = record_key
            && each_inside(from, kind, name, &bytes, each)?.is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Calls `each` with the values inside changes that lead back from a stored value. Damage ends them: nobody can
/// read the earlier ones, and the verification reports it.
fn each_inside(
    from: &Generation,
    kind: Kind,
    name: &[u8],
    later: &sled::IVec,
    each: &mut Each<'_>,
) -> Result<ControlFlow<()>, StoreError> {
    let owner = ValueOwner::Record(kind);
    let chain = ValueChain::new(from, owner, name);
    let mut later = later.clone();
    loop {
        let Touch { number, before } = match chain.before_inside(&later) {
            Ok(Some(touch)) => touch,
            Ok(None) => return Ok(ControlFlow::Continue(())),
            Err(error) if error.is_damage() => return Ok(ControlFlow::Continue(())),
            Err(error) => return Err(error),
        };
        let record = match format::head(before.clone()) {
            Ok(Head::Whole(raw)) => Some((kind, name, raw)),
            Ok(Head::Long(..)) | Err(_) => None,
        };
        let key = before_key(owner, name, number);
        let (tree, location) = (TreeId::Before, ValueLocation::InsideChange);
        if each(StoredValue { tree, key: &key, bytes: &before, location, record })?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        later = before;
    }
}
