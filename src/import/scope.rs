//! The scope of an import: the incoming and the existing records, and the records that exist after
//! the import.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    ImportError, ImportSource, Merging,
    decoded::Decoded,
    sorted_cursor::{SortedCursor, record_key},
};
use crate::{
    disk::Sorted,
    model::{Kind, PerKind, Target},
    store::{LiveView, Summary},
};

/// The incoming records, the existing ones, and how they are combined.
pub(super) struct Scope<'a> {
    pub existing: &'a LiveView,
    pub existing_summary: Arc<Summary>,
    pub decoded: Decoded,
    /// Whether the existing records of a kind are removed first.
    pub emptied: PerKind<bool>,
    /// The source of the records.
    pub source: ImportSource,
    /// How an incoming record is combined with the existing one of its name.
    pub merging: Merging,
    /// As in [`super::ImportOptions`].
    pub kept_by_replacement: Option<fn(Kind, &str) -> bool>,
    /// The name of the principal. `None` if this user has no exception.
    pub principal: Option<&'a str>,
    /// The existing records that are kept although their kind is emptied, sorted by kind and name:
    /// the principal and the built-in groups, unless the import contains them.
    pub survivors: BTreeSet<(Kind, &'a str)>,
}

impl Scope<'_> {
    /// The records of one kind that exist after the import, without those that are excluded.
    pub(super) fn resulting_names<'s>(
        &'s self,
        kind: Kind,
        excluded: &'s [&'s Sorted],
    ) -> ResultingNames<'s> {
        ResultingNames {
            kind,
            incoming: self.decoded.records[kind].as_ref().map(SortedCursor::new),
            excluded: excluded.iter().map(|sorted| SortedCursor::new(sorted)).collect(),
            existing: Some(self.existing).filter(|_| self.has_existing(kind)),
            emptied: self.emptied[kind],
            survivors: &self.survivors,
        }
    }

    /// The existing records of one kind that remain, independent of the incoming records; `None` if
    /// the inventory has no record of this kind.
    pub(super) fn existing_names(&self, kind: Kind) -> Option<ResultingNames<'_>> {
        let names = ResultingNames { incoming: None, ..self.resulting_names(kind, &[]) };
        names.existing.is_some().then_some(names)
    }

    /// Returns whether the inventory has records of this kind.
    pub(super) fn has_existing(&self, kind: Kind) -> bool {
        self.existing_summary.kind(kind).count > 0
    }

    /// Returns whether existing records of this kind remain.
    pub(super) fn keeps_existing(&self, kind: Kind) -> bool {
        !self.emptied[kind] && self.has_existing(kind)
    }

    /// Returns whether an existing record that is not incoming remains, as far as its kind decides.
    pub(super) fn keeps_record(&self, kind: Kind, name: &str) -> bool {
        self.keeps_existing(kind) || self.survivors.contains(&(kind, name))
    }

    /// Returns whether the import has a document for this kind.
    pub(super) fn has_incoming(&self, kind: Kind) -> bool {
        self.decoded.records[kind].is_some()
    }

    /// Returns whether the import has a record of this name.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if the incoming records cannot be read.
    pub(super) fn has_incoming_record(&self, kind: Kind, name: &str) -> Result<bool, ImportError> {
        match &self.decoded.records[kind] {
            Some(records) => SortedCursor::new(records).seek(name.as_bytes()),
            None => Ok(false),
        }
    }

    /// The records of one kind that are kept although the kind is emptied. Empty if it is not emptied.
    pub(super) fn survivors(&self, kind: Kind) -> impl Iterator<Item = &str> {
        let all = self.survivors.iter().filter(move |(of, _)| *of == kind && self.emptied[kind]);
        all.map(|(_, name)| *name)
    }
}

/// The names of one kind after the import. The caller must request names in ascending order.
pub(super) struct ResultingNames<'a> {
    pub kind: Kind,
    incoming: Option<SortedCursor<'a>>,
    excluded: Vec<SortedCursor<'a>>,
    existing: Option<&'a LiveView>,
    emptied: bool,
    survivors: &'a BTreeSet<(Kind, &'a str)>,
}

impl ResultingNames<'_> {
    /// Returns whether a record of this name exists after the import.
    pub(super) fn contains(&mut self, name: &str) -> Result<bool, ImportError> {
        let mut is_excluded = false;
        let key = record_key(self.kind, name.as_bytes());
        for cursor in &mut self.excluded {
            is_excluded |= cursor.seek(&key)?;
        }
        let is_incoming = match &mut self.incoming {
            Some(incoming) => incoming.seek(name.as_bytes())?,
            None => false,
        };
        if is_incoming && !is_excluded {
            return Ok(true);
        }
        if self.emptied && self.survivors.contains(&(self.kind, name)) {
            return Ok(true);
        }
        // If an excluded record is not incoming, it is an existing record that will be removed. If
        // it is incoming, the existing record is not updated.
        if self.emptied || (is_excluded && !is_incoming) {
            return Ok(false);
        }
        match self.existing {
            Some(existing) => Ok(existing.contains(self.kind, name)?),
            None => Ok(false),
        }
    }
}

/// The targets of references after the import. The caller must request targets in sorted order.
pub(super) struct ResultingTargets<'a> {
    scope: &'a Scope<'a>,
    excluded: &'a [&'a Sorted],
    target: Option<Target>,
    names: Vec<ResultingNames<'a>>,
    /// The last result, because consecutive references often have the same target.
    last: (String, bool),
}

impl<'a> ResultingTargets<'a> {
    pub(super) fn new(scope: &'a Scope<'a>, excluded: &'a [&'a Sorted]) -> Self {
        Self { scope, excluded, target: None, names: Vec::new(), last: (String::new(), false) }
    }

    /// Returns whether a record of this name exists after the import, in one of the target's kinds.
    pub(super) fn contains(&mut self, target: Target, name: &str) -> Result<bool, ImportError> {
        if self.target != Some(target) {
            self.target = Some(target);
            let kinds = target.kinds().iter();
            self.names =
                kinds.map(|kind| self.scope.resulting_names(*kind, self.excluded)).collect();
        } else if self.last.0 == name {
            return Ok(self.last.1);
        }
        let mut contains = false;
        // Every kind is checked, because each cursor must advance.
        for names in &mut self.names {
            contains |= names.contains(name)?;
        }
        self.last.0.clear();
        self.last.0.push_str(name);
        self.last.1 = contains;
        Ok(contains)
    }
}
