//! Existing records beside incoming records of one kind: a merge by name.
//!
//! The existing records come from one of two sources ([`Reading`]): a walk over all of them, or a
//! lookup for each incoming record.

use std::cmp::Ordering;

use super::{
    ImportError,
    decoded::Incoming,
    resolve::Resolved,
    scope::Scope,
    sorted_cursor::{SortedCursor, record_key},
};
use crate::{
    model::Kind,
    store::{LiveView, Raw, StoreError},
};

/// The way in which the existing records of a kind are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Reads all existing records.
    Walk,
    /// Reads only the existing records that have the name of an incoming record.
    Lookup,
}

/// The existing and the incoming record of one name; at least one of them is present.
pub(super) struct Pair<'a> {
    pub name: String,
    pub existing: Option<Raw>,
    /// The incoming record, unless it is rejected.
    pub incoming: Option<Incoming<'a>>,
    /// Whether the name is among the excluded records: its incoming record was rejected, or its
    /// existing record depends on a removed one.
    pub is_excluded: bool,
}

/// A stored record with its name.
type Entry = (Vec<u8>, Raw);

/// The source of the existing records of one kind.
enum ExistingRecords<'a> {
    Walk {
        records: Box<dyn Iterator<Item = Result<Entry, StoreError>> + 'a>,
        /// The next existing record.
        next: Option<Entry>,
    },
    Lookup(&'a LiveView),
}

/// The records of one kind, merged by name: all records, or those with the name of an incoming
/// record. Of several incoming records with one name, it returns the first.
pub(super) struct Pairs<'a> {
    kind: Kind,
    existing: ExistingRecords<'a>,
    /// At the next incoming record, unless it was used by the last pair.
    incoming: Option<SortedCursor<'a>>,
    incoming_used: bool,
    excluded: SortedCursor<'a>,
}

impl<'a> Pairs<'a> {
    /// Begins the merge of one kind.
    ///
    /// # Errors
    /// [`ImportError::Store`] or [`ImportError::TemporaryFile`] if the first record cannot be read.
    pub(super) fn new(
        kind: Kind,
        reading: Reading,
        scope: &'a Scope<'a>,
        resolved: &'a Resolved,
    ) -> Result<Self, ImportError> {
        let existing = match reading {
            Reading::Walk => {
                let mut records = Box::new(scope.existing.scan_raw(kind));
                let next = records.next().transpose()?;
                ExistingRecords::Walk { records, next }
            }
            Reading::Lookup => ExistingRecords::Lookup(scope.existing),
        };
        Ok(Self {
            kind,
            existing,
            incoming: scope.decoded.records[kind].as_ref().map(SortedCursor::new),
            incoming_used: true,
            excluded: SortedCursor::new(&resolved.excluded),
        })
    }

    /// The next pair by name; `None` after the last.
    ///
    /// # Errors
    /// [`ImportError::Store`] or [`ImportError::TemporaryFile`] if a record cannot be read,
    /// [`ImportError::NameBytes`] if a name is not UTF-8.
    pub(super) fn next(&mut self) -> Result<Option<Pair<'_>>, ImportError> {
        loop {
            if self.incoming_used
                && let Some(incoming) = &mut self.incoming
            {
                incoming.advance()?;
            }
            self.incoming_used = false;
            let Some((name, order)) = self.next_name() else { return Ok(None) };
            let kind = self.kind;
            let name = String::from_utf8(name).map_err(|_| ImportError::NameBytes { kind })?;
            let existing = self.existing_record(&name, order)?;
            self.incoming_used = order.is_ge();
            let is_excluded = self.excluded.seek(&record_key(kind, name.as_bytes()))?;
            if existing.is_none() && is_excluded {
                continue;
            }
            let has_incoming = order.is_ge() && !is_excluded;
            return Ok(Some(Pair {
                name,
                existing,
                incoming: if has_incoming { self.current_incoming()? } else { None },
                is_excluded,
            }));
        }
    }

    /// Returns the existing record of the next name. `order` is the result of
    /// [`next_name`](Self::next_name).
    fn existing_record(&mut self, name: &str, order: Ordering) -> Result<Option<Raw>, StoreError> {
        match &mut self.existing {
            ExistingRecords::Walk { records, next } if order.is_le() => {
                let following = records.next().transpose()?;
                Ok(std::mem::replace(next, following).map(|(_, raw)| raw))
            }
            ExistingRecords::Walk { .. } => Ok(None),
            ExistingRecords::Lookup(view) => view.get_raw(self.kind, name),
        }
    }

    /// The smaller of the two next names, and how the existing name compares with the incoming one.
    /// If only one name is left, that name is less. A lookup has incoming names only.
    fn next_name(&self) -> Option<(Vec<u8>, Ordering)> {
        let incoming = self.incoming.as_ref().and_then(|incoming| incoming.current());
        let existing = match &self.existing {
            ExistingRecords::Walk { next, .. } => next.as_ref(),
            ExistingRecords::Lookup(_) => None,
        };
        match (existing, incoming) {
            (None, None) => None,
            (Some((existing, _)), None) => Some((existing.clone(), Ordering::Less)),
            (None, Some((incoming, _))) => Some((incoming.to_vec(), Ordering::Greater)),
            (Some((existing, _)), Some((incoming, _))) => {
                let order = existing.as_slice().cmp(incoming);
                Some((existing.as_slice().min(incoming).to_vec(), order))
            }
        }
    }

    fn current_incoming(&self) -> Result<Option<Incoming<'_>>, ImportError> {
        let current = self.incoming.as_ref().and_then(|incoming| incoming.current());
        current.map(|(_, value)| Incoming::parse(value)).transpose()
    }
}
