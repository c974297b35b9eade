//! The values that a transaction touches, with their before-values.

use std::collections::{BTreeMap, BTreeSet};

use sled::IVec;

use super::{
    difference::Difference,
    entry::{
        ChangeCounts, ChangeHead, Effect, HistoryEnd, StoredBefore, StoredChange, StoredTouched,
    },
    groups::EncodedChange,
    keys::{before_key, owner_code, owner_of_code},
};
use crate::{
    model::{CustomValue, Kind, PerKind, Record},
    store::{Origin, Raw, layers::Changes, tree_id::TreeId, trees::ValueOwner},
};

/// A change that touches more values has all their before-values in the tree `before`: who reads one of them
/// must read the whole change.
const INSIDE_VALUES_MAX: usize = 16;

/// Of so many changes, one has its before-values in the tree `before` on average, however short they are. A
/// reader that follows the changes of a record backwards begins there, and so reads about this many.
const INDEXED_EVERY: u64 = 32;

/// The values that one transaction has touched so far.
#[derive(Default)]
pub(in crate::store) struct TouchedValues {
    /// The values before the transaction. `None` for a value that did not exist.
    before: BTreeMap<ValueId, Option<BeforeValue>>,
    /// The old name of each renamed record, by its new name.
    renamed: BTreeMap<ValueId, Vec<u8>>,
    /// The records that have custom properties which are secrets, before or after the transaction.
    with_secrets: BTreeSet<ValueId>,
}

/// The code of the owner of a value, and the key of the value.
type ValueId = (u8, Vec<u8>);

/// A value before the transaction.
struct BeforeValue {
    /// The value of its own key: the header, and the body of a short value.
    head: IVec,
    /// The length of its body, in bytes.
    body_bytes: usize,
    /// Whether its body is in chunks.
    is_long: bool,
}

impl TouchedValues {
    /// Notes a value that the transaction is about to write or remove. Only the first call for a value
    /// counts: later ones see a value that the transaction has written.
    pub(in crate::store) fn note(&mut self, owner: ValueOwner, key: &[u8], before: Option<&Raw>) {
        self.before.entry((owner_code(owner), key.to_vec())).or_insert_with(|| {
            before.map(|raw| BeforeValue {
                head: raw.head(),
                body_bytes: raw.body().len(),
                is_long: raw.header.is_long(),
            })
        });
    }

    /// Notes a record that the transaction removes or writes, if custom properties of it are secrets.
    pub(in crate::store) fn note_secrets(&mut self, record: &dyn Record) {
        if record.custom().values().any(CustomValue::is_secret) {
            let name = record.name().as_bytes().to_vec();
            self.with_secrets.insert((record.kind().code(), name));
        }
    }

    /// Notes that a record is renamed.
    pub(in crate::store) fn note_rename(&mut self, kind: Kind, from: &str, to: &str) {
        let id = |name: &str| (kind.code(), name.as_bytes().to_vec());
        let first = self.renamed.remove(&id(from)).unwrap_or_else(|| from.as_bytes().to_vec());
        self.renamed.insert(id(to), first);
    }

    /// Writes the before-values of the change that are not inside its entry to `changes`, which are all other
    /// changes of the transaction. Returns the entry, and the end of the history after the change.
    pub(in crate::store) fn write(
        mut self,
        changes: &mut Changes,
        number: u64,
        end: HistoryEnd,
        origin: &Origin,
    ) -> (EncodedChange, HistoryEnd) {
        let mut bytes = 0;
        let mut touched = Vec::with_capacity(self.before.len());
        let renamed_to = self.renamed_to();
        let are_inside = self.before.len() <= INSIDE_VALUES_MAX && !is_indexed(number);
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
            if let Some(before) = &before {
                bytes += before.body_bytes as u64;
            }
            let is_inside = are_inside && !self.with_secrets.contains(&(code, key.clone()));
            let inside = if is_inside {
                before_inside(owner, &effect, before.as_ref(), exists)
            } else {
                None
            };
            let before = inside.unwrap_or_else(|| {
                let before = before.map(|before| before.head).unwrap_or_default();
                changes.set(TreeId::Before, before_key(owner, &key, number), Some(before));
                StoredBefore::Entry
            });
            touched.push((StoredTouched { owner: code, key, effect }, before));
        }
        let counts = counts(touched.iter().map(|(touched, _)| touched));
        let head = ChangeHead::after(end, origin, &counts, bytes);
        let end = head.end();
        (EncodedChange { number, bytes: StoredChange { head, touched }.encode() }, end)
    }

    /// The new names of the renamed records, by their old names.
    fn renamed_to(&self) -> BTreeMap<ValueId, Vec<u8>> {
        let renamed = self.renamed.iter();
        renamed.map(|((code, to), from)| ((*code, from.clone()), to.clone())).collect()
    }
}

/// Returns whether a change has all its before-values in the tree `before`. The number is hashed, because the
/// changes of one record can have numbers with a pattern.
fn is_indexed(number: u64) -> bool {
    // The multiplier of Fibonacci hashing: 2^64 divided by the golden ratio. The high bits are mixed best.
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).is_multiple_of(INDEXED_EVERY)
}

/// Returns a before-value for the inside of a change. `None` if it must be in the tree `before`: a removal
/// must, because no later value leads to it; long texts and long values must, because others read them
/// there; and records with secrets must, because a new key encrypts the secrets again. The caller knows those
/// whose secrets are custom properties.
fn before_inside(
    owner: ValueOwner,
    effect: &Effect,
    before: Option<&BeforeValue>,
    after: Option<&IVec>,
) -> Option<StoredBefore> {
    match (owner, effect, before) {
        (ValueOwner::Record(_), Effect::Created, None) => Some(StoredBefore::Absent),
        (ValueOwner::Record(kind), Effect::Updated, Some(before))
            if !before.is_long && !can_have_secrets(kind) =>
        {
            let difference = after.and_then(|after| Difference::new(&before.head, after));
            Some(difference.map_or_else(
                || StoredBefore::Value(before.head.to_vec()),
                StoredBefore::Difference,
            ))
        }
        (
            ValueOwner::Record(_) | ValueOwner::Text,
            Effect::Created
            | Effect::Updated
            | Effect::Removed
            | Effect::RenamedTo(_)
            | Effect::RenamedFrom(_),
            _,
        ) => None,
    }
}

/// Returns whether a property of eNMS is a secret in records of a kind.
fn can_have_secrets(kind: Kind) -> bool {
    kind.properties().iter().any(|property| property.type_.is_secret())
}

/// A name as text. Names are UTF-8.
fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// Counts the records that a change touched.
fn counts<'t>(touched: impl Iterator<Item = &'t StoredTouched> + Clone) -> PerKind<ChangeCounts> {
    let mut counts = PerKind::<ChangeCounts>::default();
    let mut devices = BTreeSet::new();
    for StoredTouched { owner, key, effect } in touched.clone() {
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
