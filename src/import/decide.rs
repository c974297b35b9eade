//! Decides what an import does with each record: keep, adjust, create, update or remove. This is the
//! second half of the planning step.
//!
//! [`Steps`] reads one kind's existing records beside its incoming records, and decides what
//! happens to each name: see [`Decider::decide`].

use super::{
    ImportError, ImportSource, Merging, adjust,
    decoded::{DecodedForm, Incoming},
    pairs::{Pair, Pairs, Reading},
    removed_references::RemovedReferences,
    resolve::Resolved,
    scope::Scope,
};
use crate::{
    model::{
        AnyRecord, Kind, PropertyType, Record, Secrets, Value, View, check_limits,
        limits::UNCHECKED_RECORD_BYTES_MAX,
    },
    store::{Raw, StoreError, encode_body},
};

/// The action of the import for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The record is not incoming and does not change.
    Keep,
    /// The record is not incoming, but a reference is removed from its lists.
    Adjust,
    /// The incoming record equals the existing one.
    LeaveUnchanged,
    Create,
    Update,
    Remove,
}

/// The decision for one record.
pub(super) struct Step<'a> {
    pub name: String,
    pub decision: Decision,
    pub existing: Option<Raw>,
    /// The record after the import; `None` if it is removed.
    pub result: Option<ResultingRecord<'a>>,
}

/// A record after the import.
pub(super) struct ResultingRecord<'a> {
    pub record: AnyRecord,
    pub ordinal: u64,
    /// The version of the existing record if it does not change.
    pub version: Option<u64>,
    body: Body<'a>,
}

/// The encoded form of a resulting record.
enum Body<'a> {
    /// The encoded existing record.
    Existing,
    /// The encoded incoming record.
    Incoming(&'a [u8]),
    /// The bytes of a record that equals neither of them.
    Encoded(Vec<u8>),
}

impl Step<'_> {
    /// The number of records that the step has read: the existing record, the incoming record or
    /// both.
    pub(super) fn records_read(&self) -> u64 {
        match self.decision {
            Decision::Keep | Decision::Adjust | Decision::Create | Decision::Remove => 1,
            Decision::LeaveUnchanged | Decision::Update => 2,
        }
    }

    /// Decodes the existing record. `kind` is the kind of the step.
    ///
    /// # Errors
    /// [`ImportError::Store`] if it cannot be decoded.
    pub(super) fn existing_record(&self, kind: Kind) -> Result<Option<AnyRecord>, ImportError> {
        let existing = self.existing.as_ref();
        Ok(existing.map(|raw| raw.record(kind, self.name.as_bytes())).transpose()?)
    }

    /// Returns whether the step changes the inventory: the record, or its position in the creation
    /// order.
    pub(super) fn is_change(&self) -> bool {
        match self.decision {
            Decision::Keep | Decision::LeaveUnchanged => {
                let existing = self.existing.as_ref().map(|existing| existing.header.ordinal);
                existing != self.result.as_ref().map(|result| result.ordinal)
            }
            Decision::Adjust | Decision::Create | Decision::Update | Decision::Remove => true,
        }
    }

    /// The resulting record as the store encodes it; empty if it is removed.
    pub(super) fn body(&self) -> &[u8] {
        match (self.result.as_ref().map(|result| &result.body), &self.existing) {
            (Some(Body::Encoded(body)), _) => body,
            (Some(Body::Incoming(body)), _) => body,
            (Some(Body::Existing), Some(existing)) => existing.body(),
            (Some(Body::Existing), None) | (None, _) => &[],
        }
    }
}

/// The steps of one kind, sorted by name: those of all records, or with [`Reading::Lookup`] those of
/// the incoming records.
pub(super) struct Steps<'a> {
    pairs: Pairs<'a>,
    decider: Decider<'a>,
}

impl<'a> Steps<'a> {
    /// Begins with the first record of a kind.
    ///
    /// # Errors
    /// As [`Pairs::new`].
    pub(super) fn new(
        kind: Kind,
        reading: Reading,
        scope: &'a Scope<'a>,
        resolved: &'a Resolved,
    ) -> Result<Self, ImportError> {
        let decider = Decider {
            kind,
            scope,
            removed_references: RemovedReferences::new(&resolved.removed_references),
            first_ordinal: first_ordinal(scope, kind)?,
        };
        Ok(Self { pairs: Pairs::new(kind, reading, scope, resolved)?, decider })
    }

    /// The next step; `None` after the last record.
    ///
    /// # Errors
    /// As [`Pairs::next`] and [`Decider::decide`].
    pub(super) fn next(&mut self) -> Result<Option<Step<'_>>, ImportError> {
        match self.pairs.next()? {
            Some(pair) => self.decider.decide(pair).map(Some),
            None => Ok(None),
        }
    }
}

/// The ordinal of the first incoming record of a kind.
fn first_ordinal(scope: &Scope<'_>, kind: Kind) -> Result<u64, ImportError> {
    if !scope.emptied[kind] {
        return Ok(scope.existing_summary.kind(kind).ordinal_next);
    }
    let mut first = 0;
    for name in scope.survivors(kind) {
        if let Some(survivor) = scope.existing.get_raw(kind, name)? {
            first = first.max(survivor.header.ordinal + 1);
        }
    }
    Ok(first)
}

/// Decides about the records of one kind. It receives them sorted by name.
struct Decider<'a> {
    kind: Kind,
    scope: &'a Scope<'a>,
    removed_references: RemovedReferences<'a>,
    first_ordinal: u64,
}

impl Decider<'_> {
    /// Decides what happens to one name.
    ///
    /// # Errors
    /// [`StoreError::OverLimit`] within [`ImportError::Store`] if a record grows over a limit
    /// because it is merged; [`ImportError::Store`] and [`ImportError::Undecodable`] if a record
    /// cannot be decoded.
    fn decide<'p>(&mut self, pair: Pair<'p>) -> Result<Step<'p>, ImportError> {
        let stays = self.stays(&pair);
        let Pair { name, existing, incoming, .. } = pair;
        match (existing, incoming) {
            (existing, Some(incoming)) if incoming.is_removal() => {
                Ok(Step { name, decision: Decision::Remove, existing, result: None })
            }
            (existing, Some(incoming)) => self.import(name, existing, incoming),
            (Some(existing), None) if stays => self.keep(name, existing),
            (existing, None) => {
                Ok(Step { name, decision: Decision::Remove, existing, result: None })
            }
        }
    }

    /// Returns whether an existing record that is not incoming is kept.
    fn stays(&self, pair: &Pair<'_>) -> bool {
        if self.scope.emptied[self.kind] {
            self.scope.survivors.contains(&(self.kind, pair.name.as_str()))
        } else {
            // If the kind is incoming, only the incoming record was excluded.
            self.scope.has_incoming(self.kind) || !pair.is_excluded
        }
    }

    /// Keeps an existing record, without the references that are removed.
    fn keep<'p>(&mut self, name: String, existing: Raw) -> Result<Step<'p>, ImportError> {
        let mut record = existing.record(self.kind, name.as_bytes())?;
        let lost_references = self.removed_references.apply(&mut *record)?;
        let adjusted = adjust::adjust(self.scope, &mut *record, Some(&existing))?;
        let body = if lost_references | adjusted {
            Some(encode_body(&*record)?).filter(|body| body != existing.body())
        } else {
            None
        };
        let ordinal = existing.header.ordinal;
        let (decision, version, body) = match body {
            Some(body) => (Decision::Adjust, None, Body::Encoded(body)),
            None => (Decision::Keep, Some(existing.header.version), Body::Existing),
        };
        let result = Some(ResultingRecord { record, ordinal, version, body });
        Ok(Step { name, decision, existing: Some(existing), result })
    }

    /// Imports a record: creates it, or merges it into the existing one unless its kind is emptied.
    fn import<'p>(
        &mut self,
        name: String,
        existing: Option<Raw>,
        incoming: Incoming<'p>,
    ) -> Result<Step<'p>, ImportError> {
        let emptied = self.scope.emptied[self.kind];
        let is_complete = self.scope.merging == Merging::ReplaceRecords
            || matches!(self.scope.decoded.form, DecodedForm::Checked);
        let mut record = incoming.record(self.kind)?;
        let mut changed = false;
        if let Some(existing) = &existing
            && !emptied
            && !is_complete
        {
            let mut merged = existing.record(self.kind, name.as_bytes())?;
            let shared = match self.scope.source {
                ImportSource::Sheets => shared_values(&*merged),
                ImportSource::Documents => Vec::new(),
            };
            merged.merge(record);
            keep_shared(&mut *merged, shared);
            record = merged;
            changed = true;
        }
        if let (Some(existing), Some(is_kept), true) =
            (&existing, self.scope.kept_by_replacement, emptied)
        {
            let existing = existing.record(self.kind, name.as_bytes())?;
            changed |= keep_custom(is_kept, &*existing, &mut *record);
            changed |= keep_defaults(&*existing, &mut *record);
            let shared = shared_values(&*existing);
            changed |= !shared.is_empty();
            keep_shared(&mut *record, shared);
        }
        changed |= self.removed_references.apply(&mut *record)?;
        changed |= adjust::adjust(self.scope, &mut *record, existing.as_ref())?;
        let body = if changed {
            let body = encode_body(&*record)?;
            check_growth(existing.as_ref(), &mut *record, &body)?;
            Body::Encoded(body)
        } else {
            Body::Incoming(incoming.body)
        };
        let bytes = match &body {
            Body::Encoded(body) => body,
            Body::Incoming(_) | Body::Existing => incoming.body,
        };
        let (decision, version) = match &existing {
            None => (Decision::Create, None),
            Some(existing) if existing.body() == bytes => {
                (Decision::LeaveUnchanged, Some(existing.header.version))
            }
            Some(_) => (Decision::Update, None),
        };
        let ordinal = match &existing {
            Some(existing) if !emptied => existing.header.ordinal,
            Some(_) | None => self.first_ordinal + incoming.position.index,
        };
        let result = Some(ResultingRecord { record, ordinal, version, body });
        Ok(Step { name, decision, existing, result })
    }
}

/// Returns the values of a record that contain a shared collection, by property.
fn shared_values(record: &dyn Record) -> Vec<(String, Value)> {
    let views = record.views(Secrets::LeftOut).into_iter();
    let shared = views.filter_map(|(property, view)| match view {
        View::Value(value) if value.has_shared() => Some((property.to_owned(), value.clone())),
        _ => None,
    });
    shared.collect()
}

/// Keeps existing values that differ from the incoming ones only in their shared collections. A cell
/// cannot express a shared collection. Without this the record would count as updated, and its
/// document would lose its anchors.
fn keep_shared(merged: &mut dyn Record, shared: Vec<(String, Value)>) {
    for (property, value) in shared {
        let is_same = matches!(
            merged.view(&property),
            Some(View::Value(incoming)) if *incoming != value && incoming.equals_plain(&value)
        );
        if is_same {
            // The record had this value.
            let _ = merged.set(&property, value);
        }
    }
}

/// Copies the custom properties that the source cannot contain from the existing record: secrets, which no
/// workbook shows, and those of `is_kept`. Returns whether there is one.
fn keep_custom(
    is_kept: fn(Kind, &str) -> bool,
    existing: &dyn Record,
    record: &mut dyn Record,
) -> bool {
    let mut changed = false;
    for (property, value) in existing.custom() {
        let is_kept = value.is_secret() || is_kept(existing.kind(), property);
        if is_kept && !record.custom().contains_key(property) {
            record.set_custom(property, value.clone());
            changed = true;
        }
    }
    changed
}

/// Copies the properties that have their default from the existing record. The cells of a workbook do
/// not tell a default such as the empty text, or a relation without a target, from an absent property,
/// and both are shown alike. Returns whether there is one.
fn keep_defaults(existing: &dyn Record, record: &mut dyn Record) -> bool {
    let mut changed = false;
    for property in existing.kind().properties() {
        let is_one = matches!(property.type_, PropertyType::One(_));
        if record.view(property.name).is_none()
            && let Some(held) = existing.view(property.name)
            && (property.default.view().as_ref() == Some(&held) || is_one && held == View::Text(""))
        {
            changed |= record.set(property.name, held.to_value()).is_ok();
        }
    }
    changed
}

/// Refuses a record that grows over a limit because it is merged or adjusted. The existing record
/// and the incoming record are within the limits, but the merged record can exceed them. The same
/// is true of a pool whose computed members are stored in its record.
fn check_growth(
    existing: Option<&Raw>,
    record: &mut dyn Record,
    body: &[u8],
) -> Result<(), StoreError> {
    if body.len() <= UNCHECKED_RECORD_BYTES_MAX {
        return Ok(());
    }
    let grows = existing.is_none_or(|existing| existing.body().len() < body.len());
    match check_limits(record) {
        Err(over) if grows => {
            let name = record.name().to_string();
            Err(StoreError::OverLimit { kind: record.kind(), name, over })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
