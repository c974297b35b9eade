//! The values that a transaction touches, with their before-values.

use std::collections::{BTreeMap, BTreeSet};

use sled::IVec;

use super::{
    entry::{
        ChangeCounts, ChangeHead, Effect, HistoryEnd, StoredTouched, encode_change, put_change,
    },
    keys::{before_key, owner_code, owner_of_code},
};
use crate::{
    model::{Kind, PerKind},
    store::{Origin, Raw, layers::Changes, tree_id::TreeId, trees::ValueOwner},
};

/// The values that one transaction has touched so far.
#[derive(Default)]
pub(in crate::store) struct TouchedValues {
    /// The values before the transaction. `None` for a value that did not exist.
    before: BTreeMap<ValueId, Option<BeforeValue>>,
    /// The old name of each renamed record, by its new name.
    renamed: BTreeMap<ValueId, Vec<u8>>,
}

/// The code of the owner of a value, and the key of the value.
type ValueId = (u8, Vec<u8>);

/// A value before the transaction.
struct BeforeValue {
    /// The value of its own key: the header, and the body of a short value.
    head: IVec,
    /// The length of its body, in bytes.
    body_bytes: usize,
}

impl TouchedValues {
    /// Notes a value that the transaction is about to write or remove. Only the first call for a value
    /// counts: later ones see a value that the transaction has written.
    pub(in crate::store) fn note(&mut self, owner: ValueOwner, key: &[u8], before: Option<&Raw>) {
        self.before.entry((owner_code(owner), key.to_vec())).or_insert_with(|| {
            before.map(|raw| BeforeValue { head: raw.head(), body_bytes: raw.body().len() })
        });
    }

    /// Notes that a record is renamed.
    pub(in crate::store) fn note_rename(&mut self, kind: Kind, from: &str, to: &str) {
        let id = |name: &str| (kind.code(), name.as_bytes().to_vec());
        let first = self.renamed.remove(&id(from)).unwrap_or_else(|| from.as_bytes().to_vec());
        self.renamed.insert(id(to), first);
    }

    /// Writes the change to the history: its entry and the before-values. `changes` are all other
    /// changes of the transaction. Returns the end of the history after the change.
    pub(in crate::store) fn write(
        mut self,
        changes: &mut Changes,
        number: u64,
        end: HistoryEnd,
        origin: &Origin,
    ) -> HistoryEnd {
        let mut bytes = 0;
        let mut touched = Vec::with_capacity(self.before.len());
        let renamed_to = self.renamed_to();
        for ((code, key), before) in std::mem::take(&mut self.before) {
            let Some(owner) = owner_of_code(code) else { continue };
            let exists = changes.tree(owner.tree()).and_then(|tree| tree.get(&key)?.as_ref());
            let effect = match (&before, exists) {
                // The transaction has created and removed it.
                (None, None) => continue,
                (Some(_), Some(_)) => Effect::Updated,
                (None, Some(_)) => {
                    let from = self.renamed.get(&(code, key.clone()));
                    from.map_or(Effect::Created, |from| Effect::RenamedFrom(text(from)))
                }
                (Some(_), None) => {
                    let to = renamed_to.get(&(code, key.clone()));
                    to.map_or(Effect::Removed, |to| Effect::RenamedTo(text(to)))
                }
            };
            bytes += 2 * key.len() as u64;
            let before = before.map_or_else(IVec::default, |before| {
                bytes += before.body_bytes as u64;
                before.head
            });
            changes.set(TreeId::Before, before_key(owner, &key, number), Some(before));
            touched.push(StoredTouched { owner: code, key, effect });
        }
        let head = ChangeHead::after(end, origin, &counts(&touched), bytes);
        put_change(changes, number, &encode_change(&head, &touched));
        head.end()
    }

    /// The new names of the renamed records, by their old names.
    fn renamed_to(&self) -> BTreeMap<ValueId, Vec<u8>> {
        let renamed = self.renamed.iter();
        renamed.map(|((code, to), from)| ((*code, from.clone()), to.clone())).collect()
    }
}

/// A name as text. Names are UTF-8.
fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// Counts the records that a change touched.
fn counts(touched: &[StoredTouched]) -> PerKind<ChangeCounts> {
    let mut counts = PerKind::<ChangeCounts>::default();
    let mut devices = BTreeSet::new();
    for StoredTouched { owner, key, effect } in touched {
        match owner_of_code(*owner) {
            Some(ValueOwner::Record(kind)) => match effect {
                Effect::Created => counts[kind].created += 1,
                Effect::Updated | Effect::RenamedFrom(_) => counts[kind].updated += 1,
                Effect::Removed => counts[kind].removed += 1,
                // Counted under its new name.
                Effect::RenamedTo(_) => {}
            },
            Some(ValueOwner::Text) => {
                devices.extend(key.split(|byte| *byte == 0).next());
            }
            None => {}
        }
    }
    // A device whose record changed too is counted already.
    for touched in touched {
        if owner_of_code(touched.owner).is_some_and(|owner| owner.is_record_of(Kind::Device)) {
            devices.remove(&*touched.key);
        }
    }
    counts[Kind::Device].updated += devices.len() as u64;
    counts
}
