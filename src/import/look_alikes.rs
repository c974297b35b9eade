//! Names that look alike: a warning for those in one document, and a suggestion for a reference
//! whose target is missing.

use std::collections::HashMap;

use super::{ImportError, log::Log, scope::Scope};
use crate::{
    disk::Sorter,
    model::{Difference, Kind, Target, difference, look_alike_key},
};

/// The memory for sorting names, in bytes.
const SORTER_BYTES: usize = 16 << 20;

/// Number of warnings about names that look alike, for each kind.
const WARNINGS_MAX: u64 = 20;

/// Number of missing names for which a similar name is sought.
const MISSING_MAX: usize = 100;

/// Number of existing names of a kind that are compared with the missing names, so that a small
/// import does not read a large inventory. They take about 0.1 s.
const EXISTING_COMPARED_MAX: usize = 100_000;

/// Warns of incoming names of one kind that look alike.
///
/// # Errors
/// [`ImportError::TemporaryFile`] if the names cannot be sorted.
pub(super) fn warn(scope: &Scope<'_>, log: &Log) -> Result<(), ImportError> {
    for kind in Kind::ALL {
        warn_of_kind(scope, kind, log)?;
    }
    Ok(())
}

fn warn_of_kind(scope: &Scope<'_>, kind: Kind, log: &Log) -> Result<(), ImportError> {
    let Some(records) = &scope.decoded.records[kind] else { return Ok(()) };
    let mut sorter = Sorter::new(log.scratch(), SORTER_BYTES);
    let mut reader = records.read();
    while let Some((name, _)) = reader.next().map_err(ImportError::TemporaryFile)? {
        let key = look_alike_key(&String::from_utf8_lossy(name));
        sorter.push(key.as_bytes(), name).map_err(ImportError::TemporaryFile)?;
    }
    let sorted = sorter.finish().map_err(ImportError::TemporaryFile)?;
    let mut reader = sorted.read();
    let mut last = (Vec::new(), String::new());
    let mut warnings = Warnings::new(kind, log);
    while let Some((key, name)) = reader.next().map_err(ImportError::TemporaryFile)? {
        let name = String::from_utf8_lossy(name).into_owned();
        if last.0 == key
            && let Some(difference) = difference(&last.1, &name)
        {
            warnings.add(&last.1, &name, difference);
        }
        last = (key.to_vec(), name);
    }
    warnings.finish();
    Ok(())
}

/// The fate of an existing record in an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existence {
    Kept,
    Removed,
}

/// Warnings about names of one kind, of which only the first ones are written.
pub(super) struct Warnings<'a> {
    kind: Kind,
    log: &'a Log,
    found: u64,
}

impl<'a> Warnings<'a> {
    pub(super) fn new(kind: Kind, log: &'a Log) -> Self {
        Self { kind, log, found: 0 }
    }

    /// Warns of two incoming names that differ in this way.
    fn add(&mut self, one: &str, other: &str, difference: Difference) {
        self.push(|kind| {
            format!(
                "the names '{one}' and '{other}' of type {kind} look alike. They differ {difference}, \
                 and are two records. If they mean one, correct one of the names"
            )
        });
    }

    /// Warns of a new name that differs in this way from an existing one.
    pub(super) fn add_existing(
        &mut self,
        new: &str,
        existing: &str,
        existence: Existence,
        difference: Difference,
    ) {
        self.push(|kind| match existence {
            Existence::Kept => format!(
                "the new name '{new}' of type {kind} looks like the existing '{existing}'. They differ \
                 {difference}, and are two records. If they mean one, correct the name"
            ),
            Existence::Removed => format!(
                "the new name '{new}' of type {kind} looks like '{existing}', which the import removes. \
                 They differ {difference}. If they mean one record, correct the name"
            ),
        });
    }

    fn push(&mut self, sentence: impl FnOnce(Kind) -> String) {
        self.found += 1;
        if self.found <= WARNINGS_MAX {
            self.log.warn(sentence(self.kind));
        }
    }

    /// Warns of the number of further names.
    pub(super) fn finish(self) {
        if self.found > WARNINGS_MAX {
            let further = self.found - WARNINGS_MAX;
            self.log.warn(format!("{further} more names of type {} look alike", self.kind));
        }
    }
}

/// The names that look like missing ones.
#[derive(Debug, Default)]
pub(super) struct Suggestions(HashMap<(Target, String), Option<String>>);

impl Suggestions {
    /// Adds a missing name, unless there are enough.
    pub(super) fn add(&mut self, target: Target, name: &str) {
        if self.0.len() < MISSING_MAX {
            self.0.insert((target, look_alike_key(name)), None);
        }
    }

    /// Seeks the names among the incoming and the existing records.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] or [`ImportError::Store`] if the names cannot be read.
    pub(super) fn seek(&mut self, scope: &Scope<'_>) -> Result<(), ImportError> {
        let mut targets: Vec<Target> = self.0.keys().map(|(target, _)| *target).collect();
        targets.sort_unstable();
        targets.dedup();
        for target in targets {
            for kind in target.kinds() {
                if let Some(records) = &scope.decoded.records[*kind] {
                    let mut reader = records.read();
                    while let Some((name, _)) = reader.next().map_err(ImportError::TemporaryFile)? {
                        self.compare(target, name);
                    }
                }
                if scope.keeps_existing(*kind) {
                    for record in scope.existing.scan_raw(*kind).take(EXISTING_COMPARED_MAX) {
                        self.compare(target, &record?.0);
                    }
                }
            }
        }
        Ok(())
    }

    fn compare(&mut self, target: Target, name: &[u8]) {
        let name = String::from_utf8_lossy(name);
        if let Some(found) = self.0.get_mut(&(target, look_alike_key(&name)))
            && found.is_none()
        {
            *found = Some(name.into_owned());
        }
    }

    /// The name that looks like a missing one.
    pub(super) fn of(&self, target: Target, missing: &str) -> Option<&str> {
        self.0.get(&(target, look_alike_key(missing)))?.as_deref()
    }
}
