//! Finds the present names of records that were renamed.

use std::collections::HashMap;

use crate::{
    model::{Kind, PerKind},
    store::{Effect, HistoryView, StoreError, Touched},
};

/// The number of changes whose renamed and deleted records are kept in memory. Many records can be deleted
/// by one change, which is then read once.
const CHANGES_MAX: usize = 16;

/// The next name of each record that a change renamed; `None` if it deleted the record.
type NextNames = PerKind<HashMap<String, Option<String>>>;

/// A search for present names.
pub(super) struct Renames<'h> {
    history: &'h HistoryView,
    changes: HashMap<u64, NextNames>,
}

impl<'h> Renames<'h> {
    pub(super) fn of(history: &'h HistoryView) -> Self {
        Self { history, changes: HashMap::new() }
    }

    /// Returns the last name of a record that had this name after a change, if it was renamed since. `None`
    /// if it was not renamed, or was deleted since.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the history cannot be read.
    pub(super) fn name_now(
        &mut self,
        kind: Kind,
        name: &str,
        after: u64,
    ) -> Result<Option<String>, StoreError> {
        let (mut name, mut after, mut found) = (name.to_owned(), after, None);
        while let Some((number, next)) = self.next_name(kind, &name, after)? {
            let Some(next) = next else { return Ok(None) };
            name.clone_from(&next);
            after = number;
            found = Some(next);
        }
        Ok(found)
    }

    /// Returns the first change after `after` that renamed or deleted a record, and the new name.
    fn next_name(
        &mut self,
        kind: Kind,
        name: &str,
        after: u64,
    ) -> Result<Option<(u64, Option<String>)>, StoreError> {
        let numbers = self.history.numbers_of(kind, name, None, usize::MAX)?;
        for number in numbers.into_iter().rev().filter(|number| *number > after) {
            if let Some(next) = self.change(number)?[kind].get(name) {
                return Ok(Some((number, next.clone())));
            }
        }
        Ok(None)
    }

    fn change(&mut self, number: u64) -> Result<&NextNames, StoreError> {
        if !self.changes.contains_key(&number) {
            let mut names = NextNames::default();
            let change = self.history.change(number)?;
            for touched in change.into_iter().flat_map(|change| change.touched) {
                let Touched::Record { kind, name } = touched.value else { continue };
                match touched.effect {
                    Effect::RenamedTo(to) => names[kind].insert(name, Some(to)),
                    Effect::Removed => names[kind].insert(name, None),
                    Effect::Created | Effect::Updated | Effect::RenamedFrom(_) => None,
                };
            }
            if self.changes.len() >= CHANGES_MAX {
                self.changes.clear();
            }
            self.changes.insert(number, names);
        }
        Ok(&self.changes[&number])
    }
}
