//! Finds existing names that look like the names of new records of one kind.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::{BuildHasher, RandomState},
};

use super::{
    ImportError,
    decide::{Decision, Step},
    log::Log,
    look_alikes::{Existence, Warnings},
    pairs::Reading,
    scope::Scope,
    sorted_cursor::SortedCursor,
};
use crate::{
    disk::Sorted,
    model::{Kind, difference, frequent_spellings, look_alike_key},
};

/// The number of existing names that look like incoming ones and are kept for the comparison.
const LOOK_ALIKES_MAX: usize = 1_000;

/// The number of incoming names of a kind that are compared with existing ones. Their hashes are in
/// memory, with 16 bytes each.
const INCOMING_COMPARED_MAX: usize = 1_000_000;

/// The number of new names of a kind that a small import compares. Each needs some lookups of about
/// ten microseconds.
const NEW_COMPARED_MAX: usize = 1_000;

/// The number of existing records of a kind up to which a small import reads all names. It must not
/// become slower with the size of the inventory: 10,000 names take about 10 ms. Among more records,
/// it looks up the frequent spellings of the new names only.
const EXISTING_READ_MAX: u64 = 10_000;

/// Finds existing names that look like new ones, in the way in which the import reads the inventory.
pub(super) enum ExistingLookAlikes {
    Walk(Walk),
    Lookup {
        /// The names of the new records.
        new: Vec<String>,
    },
}

/// The names that the import reads anyway.
#[derive(Default)]
pub(super) struct Walk {
    hasher: RandomState,
    /// The hashes of the common forms of the incoming names, from the first existing name that is not
    /// incoming.
    incoming: Option<HashSet<u64>>,
    /// The hashes of the names of new records.
    new: HashSet<u64>,
    /// Existing names that are not incoming, by their common form.
    existing: HashMap<String, Vec<(String, Existence)>>,
    existing_count: usize,
}

impl ExistingLookAlikes {
    /// `None` if no record of the kind is incoming or none exists.
    pub(super) fn new(kind: Kind, reading: Reading, scope: &Scope<'_>) -> Option<Self> {
        let is_needed = scope.has_incoming(kind) && scope.has_existing(kind);
        is_needed.then(|| match reading {
            Reading::Walk => Self::Walk(Walk::default()),
            Reading::Lookup => Self::Lookup { new: Vec::new() },
        })
    }

    /// Examines the name of a step.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the incoming names cannot be read.
    pub(super) fn examine(
        &mut self,
        kind: Kind,
        step: &Step<'_>,
        scope: &Scope<'_>,
    ) -> Result<(), ImportError> {
        match (self, step.decision) {
            (Self::Walk(walk), Decision::Keep | Decision::Adjust) => {
                walk.examine(&step.name, Existence::Kept, scope.decoded.records[kind].as_ref())
            }
            (Self::Walk(walk), Decision::Remove) => {
                walk.examine(&step.name, Existence::Removed, scope.decoded.records[kind].as_ref())
            }
            (Self::Walk(walk), Decision::Create) => {
                if walk.new.len() < INCOMING_COMPARED_MAX {
                    walk.new.insert(walk.hasher.hash_one(&step.name));
                }
                Ok(())
            }
            (Self::Lookup { new }, Decision::Create) => {
                if new.len() < NEW_COMPARED_MAX {
                    new.push(step.name.clone());
                }
                Ok(())
            }
            (Self::Walk(_) | Self::Lookup { .. }, _) => Ok(()),
        }
    }

    /// Warns of the new names.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] or [`ImportError::Store`] if names cannot be read.
    pub(super) fn warn(self, kind: Kind, scope: &Scope<'_>, log: &Log) -> Result<(), ImportError> {
        let mut warnings = Warnings::new(kind, log);
        match self {
            Self::Walk(walk) => walk.warn(kind, scope, &mut warnings)?,
            Self::Lookup { new } if new.is_empty() => {}
            Self::Lookup { new } => {
                let reads_all = scope.existing_summary.kind(kind).count <= EXISTING_READ_MAX;
                let pairs = if reads_all {
                    compare_with_all(kind, &new, scope)?
                } else {
                    look_up_spellings(kind, &new, scope)?
                };
                for (name, existing) in pairs {
                    if let Some(difference) = difference(&existing, &name) {
                        warnings.add_existing(&name, &existing, Existence::Kept, difference);
                    }
                }
            }
        }
        warnings.finish();
        Ok(())
    }
}

impl Walk {
    /// Examines the name of an existing record that is not incoming.
    fn examine(
        &mut self,
        name: &str,
        existence: Existence,
        incoming: Option<&Sorted>,
    ) -> Result<(), ImportError> {
        let Some(records) = incoming else { return Ok(()) };
        if self.existing_count >= LOOK_ALIKES_MAX {
            return Ok(());
        }
        if self.incoming.is_none() {
            self.incoming = Some(incoming_hashes(records, &self.hasher)?);
        }
        let key = look_alike_key(name);
        let hash = self.hasher.hash_one(&key);
        if self.incoming.as_ref().is_some_and(|incoming| incoming.contains(&hash)) {
            self.existing.entry(key).or_default().push((name.to_owned(), existence));
            self.existing_count += 1;
        }
        Ok(())
    }

    fn warn(
        &self,
        kind: Kind,
        scope: &Scope<'_>,
        warnings: &mut Warnings<'_>,
    ) -> Result<(), ImportError> {
        let Some(records) = &scope.decoded.records[kind] else { return Ok(()) };
        if self.existing.is_empty() {
            return Ok(());
        }
        let mut names = SortedCursor::new(records);
        while let Some((name, _)) = names.advance()? {
            let name = String::from_utf8_lossy(name);
            if !self.new.contains(&self.hasher.hash_one(&*name)) {
                continue;
            }
            for (existing, existence) in
                self.existing.get(&look_alike_key(&name)).into_iter().flatten()
            {
                if let Some(difference) = difference(existing, &name) {
                    warnings.add_existing(&name, existing, *existence, difference);
                }
            }
        }
        Ok(())
    }
}

/// The hashes of the common forms of the incoming names.
fn incoming_hashes(records: &Sorted, hasher: &RandomState) -> Result<HashSet<u64>, ImportError> {
    let mut hashes = HashSet::new();
    let mut reader = records.read();
    while let Some((name, _)) = reader.next().map_err(ImportError::TemporaryFile)?
        && hashes.len() < INCOMING_COMPARED_MAX
    {
        hashes.insert(hasher.hash_one(look_alike_key(&String::from_utf8_lossy(name))));
    }
    Ok(hashes)
}

/// New names, each with an existing name that looks like it and is not incoming. Names that are both
/// incoming are compared with each other.
type Pairs = BTreeSet<(String, String)>;

/// Compares new names with all existing names of a kind.
fn compare_with_all(kind: Kind, new: &[String], scope: &Scope<'_>) -> Result<Pairs, ImportError> {
    let mut by_key: HashMap<String, Vec<&String>> = HashMap::new();
    for name in new {
        by_key.entry(look_alike_key(name)).or_default().push(name);
    }
    let mut incoming = scope.decoded.records[kind].as_ref().map(SortedCursor::new);
    let mut pairs = Pairs::new();
    for entry in scope.existing.scan_raw(kind) {
        let existing = entry?.0;
        let is_incoming = match &mut incoming {
            Some(incoming) => incoming.seek(&existing)?,
            None => false,
        };
        let existing = String::from_utf8_lossy(&existing).into_owned();
        if !is_incoming && let Some(names) = by_key.get(&look_alike_key(&existing)) {
            pairs.extend(names.iter().map(|name| ((*name).clone(), existing.clone())));
        }
    }
    Ok(pairs)
}

/// Looks up the frequent spellings of new names.
fn look_up_spellings(kind: Kind, new: &[String], scope: &Scope<'_>) -> Result<Pairs, ImportError> {
    let mut pairs = Pairs::new();
    for name in new {
        for existing in frequent_spellings(name) {
            if scope.existing.contains(kind, &existing)?
                && !scope.has_incoming_record(kind, &existing)?
            {
                pairs.insert((name.clone(), existing));
            }
        }
    }
    Ok(pairs)
}
