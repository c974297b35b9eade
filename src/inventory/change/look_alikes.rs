//! Finds records whose names look like the names of new records.

use std::collections::{BTreeSet, HashMap};

use super::warning::Warning;
use crate::{
    access::RecordRights,
    inventory::read::Visibility,
    model::{Kind, difference, frequent_spellings, look_alike_key},
    store::{Store, StoreError},
    wording::Chain,
};

/// The number of records of a kind up to which all names are compared. A change must not become
/// slower with the size of the inventory: 10,000 names take some milliseconds. Among more records, the
/// frequent spellings of the new names are looked up.
const RECORDS_COMPARED_MAX: u64 = 10_000;

/// The number of new names of one request that are compared. Each needs some lookups of about ten
/// microseconds, and can be in a warning.
const NEW_COMPARED_MAX: usize = 100;

/// Returns a warning for each new name that looks like the name of another record. Reads a view of
/// the inventory after the change, without the write lock.
/// Records that the principal cannot read are left out.
pub(super) fn warnings(
    store: &Store,
    rights: &RecordRights,
    kind: Kind,
    new: &[String],
) -> Vec<Warning> {
    let new = &new[..new.len().min(NEW_COMPARED_MAX)];
    if new.is_empty() {
        return Vec::new();
    }
    match pairs(store, rights, kind, new) {
        Ok(pairs) => pairs.into_iter().filter_map(|pair| warning(kind, pair)).collect(),
        // The change is stored, and only a warning is missing.
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "Cannot compare the names of records.");
            Vec::new()
        }
    }
}

/// A new name and the name of another record.
type Pair = (String, String);

fn warning(kind: Kind, (new, existing): Pair) -> Option<Warning> {
    let difference = difference(&new, &existing)?;
    Some(Warning::LooksLike { kind, new, existing, difference })
}

/// The new names, each with the names of other records that look like it. Of two new names, the
/// later one is called new.
fn pairs(
    store: &Store,
    rights: &RecordRights,
    kind: Kind,
    new: &[String],
) -> Result<BTreeSet<Pair>, StoreError> {
    let view = store.read();
    let positions: HashMap<&str, usize> = new.iter().map(String::as_str).zip(0..).collect();
    let mut found = BTreeSet::new();
    let mut add = |name: &str, other: &str| {
        let is_later = positions.get(other) > positions.get(name);
        let (name, other) = if is_later { (other, name) } else { (name, other) };
        if name != other {
            found.insert((name.to_owned(), other.to_owned()));
        }
    };
    if view.summary()?.kind(kind).count <= RECORDS_COMPARED_MAX {
        let keys: Vec<String> = new.iter().map(|name| look_alike_key(name)).collect();
        for entry in view.scan_raw(kind) {
            let other = String::from_utf8_lossy(&entry?.0).into_owned();
            let key = look_alike_key(&other);
            let same = new.iter().zip(&keys).filter(|(_, sought)| **sought == key);
            same.for_each(|(name, _)| add(name, &other));
        }
    } else {
        for name in new {
            for other in frequent_spellings(name) {
                if view.contains(kind, &other)? {
                    add(name, &other);
                }
            }
        }
    }
    let visibility = Visibility::new(rights);
    let mut readable = BTreeSet::new();
    for (name, other) in found {
        if visibility.shows_name(&view, kind, &name)?
            && visibility.shows_name(&view, kind, &other)?
        {
            readable.insert((name, other));
        }
    }
    Ok(readable)
}
