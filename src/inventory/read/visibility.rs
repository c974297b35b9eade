//! The records that a principal can read. Every read of the inventory asks here.
//!
//! A record that the principal cannot read does not exist for it: a read skips the record, and its name
//! is left out of the relations of other records.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
};

use crate::{
    access::{DecidingProperties, RecordAccess, RecordRights, Verdict},
    model::{Kind, PerKind, Projected, Projection, PropertyPosition, Record, Side, Target, View},
    store::{LiveView, Raw, StoreError},
};

/// The largest number of names whose answer is remembered during one read, of about 100 bytes each.
/// Beyond it all of them are forgotten.
const NAMES_MAX: usize = 100_000;

/// The relation of an edge to the service that it belongs to.
const WORKFLOW: &str = "workflow";

/// The records that a principal can read.
pub(in crate::inventory) struct Visibility<'i> {
    rights: &'i RecordRights,
    /// The answers for names, because the same record is in the relations of many. Created when it is
    /// needed, so that the reads of administrators do not pay for it.
    names: OnceCell<RefCell<PerKind<HashMap<String, bool>>>>,
}

impl<'i> Visibility<'i> {
    pub(in crate::inventory) fn new(rights: &'i RecordRights) -> Self {
        Self { rights, names: OnceCell::new() }
    }

    /// Returns whether the principal can read all records. The other functions are fast then.
    pub(in crate::inventory) fn is_complete(&self) -> bool {
        self.rights.reads_everything()
    }

    /// Returns whether the principal can read a record. The answer for a damaged record is no.
    ///
    /// # Errors
    /// [`StoreError`] if the workflow of an edge cannot be read.
    pub(in crate::inventory) fn shows(
        &self,
        reading: &LiveView,
        kind: Kind,
        raw: &Raw,
    ) -> Result<bool, StoreError> {
        if self.is_complete() {
            return Ok(true);
        }
        let deciding = DecidingProperties::of(kind);
        let Ok(found) = raw.project(kind, &deciding.projection) else { return Ok(false) };
        match self.rights.read(kind, |at| found.get(at)?.as_ref().map(|value| value.view())) {
            Verdict::Granted => Ok(true),
            Verdict::Denied => Ok(false),
            Verdict::AsWorkflow => {
                let projection = Projection::new(vec![PropertyPosition::of(kind, WORKFLOW)]);
                let Ok(found) = raw.project(kind, &projection) else { return Ok(false) };
                let workflow = found.first().and_then(Option::as_ref);
                self.shows_workflow(reading, workflow.map(Projected::view))
            }
        }
    }

    /// Returns whether the principal can read a record that is decoded.
    ///
    /// # Errors
    /// As [`shows`](Self::shows).
    pub(in crate::inventory) fn shows_record(
        &self,
        reading: &LiveView,
        record: &dyn Record,
    ) -> Result<bool, StoreError> {
        if self.is_complete() {
            return Ok(true);
        }
        match self.rights.of_record(RecordAccess::Read, record) {
            Verdict::Granted => Ok(true),
            Verdict::Denied => Ok(false),
            Verdict::AsWorkflow => self.shows_workflow(reading, record.view(WORKFLOW)),
        }
    }

    /// Returns whether the principal can read the workflow of an edge. An edge without a workflow is
    /// for administrators and operators.
    fn shows_workflow(
        &self,
        reading: &LiveView,
        workflow: Option<View<'_>>,
    ) -> Result<bool, StoreError> {
        match workflow {
            Some(View::Text(name)) if !name.is_empty() => {
                self.shows_name(reading, Kind::Service, name)
            }
            Some(_) | None => Ok(false),
        }
    }

    /// Returns whether a record of this name exists for the principal. With access to all records,
    /// the answer is always yes.
    ///
    /// # Errors
    /// As [`shows`](Self::shows).
    pub(in crate::inventory) fn shows_name(
        &self,
        reading: &LiveView,
        kind: Kind,
        name: &str,
    ) -> Result<bool, StoreError> {
        if self.is_complete() {
            return Ok(true);
        }
        let names = self.names.get_or_init(RefCell::default);
        if let Some(known) = names.borrow()[kind].get(name) {
            return Ok(*known);
        }
        let shown = match reading.get_raw(kind, name) {
            Ok(Some(raw)) => self.shows(reading, kind, &raw)?,
            Ok(None) => false,
            Err(error) if error.is_damage() => false,
            Err(error) => return Err(error),
        };
        let names = &mut names.borrow_mut()[kind];
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(name.to_owned(), shown);
        Ok(shown)
    }

    /// Returns whether the target of a reference exists for the principal.
    ///
    /// # Errors
    /// As [`shows`](Self::shows).
    pub(in crate::inventory) fn shows_target(
        &self,
        reading: &LiveView,
        target: Target,
        name: &str,
    ) -> Result<bool, StoreError> {
        for kind in target.kinds() {
            if self.shows_name(reading, *kind, name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes the names of records that the principal cannot read.
    ///
    /// # Errors
    /// As [`shows`](Self::shows).
    pub(in crate::inventory) fn retain<N: AsRef<str>>(
        &self,
        reading: &LiveView,
        target: Target,
        names: &mut Vec<N>,
    ) -> Result<(), StoreError> {
        if self.is_complete() {
            return Ok(());
        }
        let mut failed = None;
        names.retain(|name| match self.shows_target(reading, target, name.as_ref()) {
            Ok(shown) => shown,
            Err(error) => {
                failed = Some(error);
                false
            }
        });
        failed.map_or(Ok(()), Err)
    }

    /// Removes the names of records that the principal cannot read from the value of a relation. A
    /// relation to one such record is null.
    ///
    /// # Errors
    /// As [`shows`](Self::shows).
    pub(in crate::inventory) fn filter<'v>(
        &self,
        reading: &LiveView,
        target: Target,
        value: View<'v>,
    ) -> Result<View<'v>, StoreError> {
        Ok(match value {
            _ if self.is_complete() => value,
            View::Texts(mut names) => {
                self.retain(reading, target, &mut names)?;
                View::Texts(names)
            }
            View::Text(name) if !name.is_empty() => {
                if self.shows_target(reading, target, name)? {
                    View::Text(name)
                } else {
                    View::Null
                }
            }
            other => other,
        })
    }

    /// Removes hidden names from the properties of a record, and corrects the numbers of a pool's
    /// members.
    ///
    /// # Errors
    /// As [`shows`](Self::shows).
    pub(in crate::inventory) fn filter_properties(
        &self,
        reading: &LiveView,
        kind: Kind,
        properties: &mut [(&str, View<'_>)],
    ) -> Result<(), StoreError> {
        if self.is_complete() {
            return Ok(());
        }
        for (name, value) in &mut *properties {
            if let Some(target) = relation_target(kind, name) {
                let all = std::mem::replace(value, View::Null);
                *value = self.filter(reading, target, all)?;
            }
        }
        if kind == Kind::Pool {
            for side in [Side::Device, Side::Link] {
                let names = properties.iter().find(|(name, _)| *name == side.list());
                let count = match names {
                    Some((_, View::Texts(names))) => i64::try_from(names.len()).unwrap_or(i64::MAX),
                    Some(_) | None => 0,
                };
                if let Some((_, value)) =
                    properties.iter_mut().find(|(name, _)| *name == side.count())
                {
                    *value = View::Int(count);
                }
            }
        }
        Ok(())
    }
}

/// The target of a relation of a kind, by its name or its alias; `None` if the property is no
/// relation.
pub(in crate::inventory) fn relation_target(kind: Kind, property: &str) -> Option<Target> {
    let known = kind.property(kind.unaliased(property))?;
    known.type_.relation().map(|(_, target)| target)
}
