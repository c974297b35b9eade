//! Creates, updates and renames instances, in batches that are one transaction each.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use time::OffsetDateTime;

use super::{
    Atomicity, ChangeReport, ChangeRequest, Changed, Effect, ExpectedVersion, Fault, ObjectOutcome,
    abort::Abort,
    edit::Editing,
    inverse::InverseEdit,
    look_alikes,
    missing::MissingReferences,
    object::{self, ObjectPatch},
    plan::{ChangeContext, PlannedChange, plan},
    shared_addresses,
    warning::{Nearest, Warning, Warnings},
};
use crate::{
    inventory::{Inventory, InventoryError},
    model::{Kind, Map, Target, Value},
    store::{StoreError, Vault},
    wording::chain,
};

/// The largest number of objects of [`Atomicity::Each`] in one transaction. A transaction waits for
/// the disk once, so 10,000 objects wait 20 times, and other changes get the write lock in between.
const BATCH_OBJECTS_MAX: usize = 500;

/// The number of written records that ends a transaction before its batch is complete. Records
/// whose references are renamed count too. The store writes larger transactions in a slower way.
const BATCH_RECORDS_MAX: usize = 5_000;

/// The size of objects that ends a batch, in bytes, because its changes are held in memory.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

impl Inventory {
    /// Creates, updates and renames instances of one kind. Each object patches the instance of its
    /// name, or creates it. The changes are durable when this returns.
    ///
    /// With [`Atomicity::Each`], every object succeeds or fails alone: it is checked against the inventory after the previous
    /// objects, and a refused object changes nothing. Several objects share a transaction. This has
    /// no visible effect, because an object is written only after all checks.
    ///
    /// # Errors
    /// - [`InventoryError::Stale`] if the instance of a single object does not have the expected
    ///   version.
    /// - [`InventoryError::NoAdministrator`] with [`Atomicity::All`], if no administrator would
    ///   remain.
    /// - [`InventoryError::Hash`] if a password cannot be hashed.
    /// - [`InventoryError::Store`] if the store cannot be written before the first transaction is
    ///   committed. Later, such an error is reported as the fault of the remaining objects.
    pub fn put(
        &self,
        kind: Kind,
        objects: Vec<Map>,
        request: &ChangeRequest,
    ) -> Result<ChangeReport, InventoryError> {
        let context = ChangeContext {
            origin: &request.origin,
            timestamp: timestamp(OffsetDateTime::now_utc()),
            atomicity: request.atomicity,
            expected_version: match objects.len() {
                1 => &request.expected_version,
                // A version belongs to one instance.
                _ => &ExpectedVersion::Any,
            },
            exact_type: request.exact_type.as_deref(),
        };
        let mut nearest = Nearest::default();
        let mut warnings = Warnings::default();
        let mut addresses = Vec::new();
        let mut new_names = Vec::new();
        let mut outcomes: Vec<ObjectOutcome> = Vec::with_capacity(objects.len());
        let mut objects = objects.into_iter().peekable();
        let mut store_fault: Option<Fault> = None;
        while objects.peek().is_some() {
            let mut batch = Batch::of(kind);
            while let Some(object) = objects.next_if(|_| !batch.is_full(context.atomicity)) {
                batch.push(object, &mut nearest, self.0.store.vault())?;
            }
            let results = match &store_fault {
                Some(fault) => batch.all_refused(fault),
                None => match batch.run(self, &context) {
                    Ok(result) => {
                        result.warnings.into_iter().for_each(|warning| warnings.push(warning));
                        addresses.extend(result.addresses);
                        store_fault = result.store_fault;
                        result.results
                    }
                    Err(error) if outcomes.is_empty() => return Err(error),
                    Err(error) => {
                        let fault = not_stored(&error);
                        let results = batch.all_refused(&fault);
                        store_fault = Some(fault);
                        results
                    }
                },
            };
            new_names.extend(batch.new_names(&results));
            let shown = batch.shown.into_iter();
            outcomes.extend(
                shown.zip(results).map(|(object, result)| ObjectOutcome { object, result }),
            );
        }
        for warning in shared_addresses::warnings(&self.0.store, &self.1, &addresses) {
            warnings.push(warning);
        }
        for warning in look_alikes::warnings(&self.0.store, &self.1, kind, &new_names) {
            warnings.push(warning);
        }
        Ok(ChangeReport { outcomes, warnings: warnings.sentences() })
    }
}

/// Objects that are written together.
struct Batch {
    kind: Kind,
    /// The objects without their secrets.
    shown: Vec<Map>,
    patches: Vec<Result<ObjectPatch, Vec<Fault>>>,
    /// The approximate size of the objects.
    bytes: usize,
}

/// The result of a batch, or of a part of it.
#[derive(Default)]
struct BatchResult {
    results: Vec<Result<Changed, Vec<Fault>>>,
    warnings: Vec<Warning>,
    /// The devices with a new address.
    addresses: Vec<(String, IpAddr)>,
    /// The reason why the remaining objects were not written.
    store_fault: Option<Fault>,
}

/// The fault of objects that the store refused after it had accepted earlier ones.
fn not_stored(error: &InventoryError) -> Fault {
    Fault::new(None, "not-stored", chain(error))
}

/// The result of a transaction that is discarded.
enum Discarded {
    /// The store refused an object while it was written.
    Invalid { index: usize, fault: Fault },
    /// Some objects are refused, and all objects are one change.
    Rejected(Box<BatchResult>),
}

impl Abort<Discarded> {
    /// Returns the abort for an error of the store while an object was written.
    fn of_object(index: usize, error: StoreError) -> Self {
        match error {
            StoreError::OverLimit { ref over, .. } => {
                let fault = Fault::new(over.property(), "record-large", error.to_string());
                Abort::Discard(Discarded::Invalid { index, fault })
            }
            StoreError::RecordLarge { .. } | StoreError::TextLarge { .. } => {
                let fault = Fault::new(None, "record-large", chain(&error));
                Abort::Discard(Discarded::Invalid { index, fault })
            }
            StoreError::Corrupt { .. }
            | StoreError::Damaged { .. }
            | StoreError::InventoryDamaged(_)
            | StoreError::Directory(_)
            | StoreError::Key(_)
            | StoreError::UndecryptableSecret { .. }
            | StoreError::Busy
            | StoreError::Cancelled(_)
            | StoreError::NoInventory { .. }
            | StoreError::NothingToUndo
            | StoreError::DiskFull
            | StoreError::FileSizeLimit
            | StoreError::Reopening
            | StoreError::ReadOnly { .. }
            | StoreError::DatabaseRemoved { .. }
            | StoreError::ChangeLarge { .. }
            | StoreError::Io { .. }
            | StoreError::Database(_) => error.into(),
        }
    }
}

impl Batch {
    fn of(kind: Kind) -> Self {
        Self { kind, shown: Vec::new(), patches: Vec::new(), bytes: 0 }
    }

    fn is_full(&self, atomicity: Atomicity) -> bool {
        match atomicity {
            Atomicity::All => false,
            Atomicity::Each => {
                self.patches.len() >= BATCH_OBJECTS_MAX || self.bytes >= BATCH_BYTES_MAX
            }
        }
    }

    fn push(
        &mut self,
        object: Map,
        nearest: &mut Nearest,
        vault: &Vault,
    ) -> Result<(), InventoryError> {
        self.bytes += object.iter().map(|(key, value)| bytes(key) + bytes(value)).sum::<usize>();
        self.shown.push(object::without_secrets(self.kind, &object, vault));
        self.patches.push(object::parse(self.kind, object, nearest)?);
        Ok(())
    }

    /// The names of the records that were created, and the new names of others.
    fn new_names(&self, results: &[Result<Changed, Vec<Fault>>]) -> Vec<String> {
        let changed = self.patches.iter().zip(results);
        let is_new = |patch: &ObjectPatch, changed: &Changed| {
            changed.effect == Effect::Created || patch.new_name.is_some()
        };
        let names = changed.filter_map(|pair| match pair {
            (Ok(patch), Ok(changed)) if is_new(patch, changed) => Some(changed.name.clone()),
            _ => None,
        });
        names.collect()
    }

    /// The results if every object is refused for the same reason.
    fn all_refused(&self, fault: &Fault) -> Vec<Result<Changed, Vec<Fault>>> {
        self.patches.iter().map(|_| Err(vec![fault.clone()])).collect()
    }

    fn run(
        &self,
        inventory: &Inventory,
        context: &ChangeContext<'_>,
    ) -> Result<BatchResult, InventoryError> {
        let mut all = BatchResult::default();
        let mut rejected = HashMap::new();
        // Each round adds a result or a rejected object, so this ends.
        while all.results.len() < self.patches.len() {
            let from = all.results.len();
            match inventory
                .edit(context.origin, |editing| self.attempt(from, editing, context, &rejected))
            {
                Ok(next) => {
                    all.results.extend(next.results);
                    all.warnings.extend(next.warnings);
                    all.addresses.extend(next.addresses);
                }
                // No device has its new address.
                Err(Abort::Discard(Discarded::Rejected(next))) => {
                    all.results.extend(next.results);
                    all.warnings.extend(next.warnings);
                }
                Err(Abort::Error(error)) if from == 0 => return Err(error),
                Err(Abort::Error(error)) => {
                    let fault = not_stored(&error);
                    all.results.resize_with(self.patches.len(), || Err(vec![fault.clone()]));
                    all.store_fault = Some(fault);
                }
                Err(Abort::Discard(Discarded::Invalid { index, fault })) => {
                    rejected.insert(index, fault);
                }
            }
        }
        Ok(all)
    }

    /// Writes the valid objects from the index `from` on, without those that the store is known to
    /// reject. With [`Atomicity::Each`], it ends when the transaction is large enough.
    fn attempt(
        &self,
        from: usize,
        editing: &mut Editing<'_, '_>,
        context: &ChangeContext<'_>,
        rejected: &HashMap<usize, Fault>,
    ) -> Result<BatchResult, Abort<Discarded>> {
        let mut written = BatchResult::default();
        let mut deferred = DeferredChecks::default();
        for (index, patch) in self.patches.iter().enumerate().skip(from) {
            let planned = match (rejected.get(&index), patch) {
                (Some(fault), _) => Err(vec![fault.clone()]),
                (None, Err(faults)) => Err(faults.clone()),
                (None, Ok(patch)) => plan(editing, patch, context)?,
            };
            written.results.push(match planned {
                Ok(mut planned) => {
                    written.warnings.append(&mut planned.warnings);
                    let name = patch.as_ref().ok().map(ObjectPatch::resulting_name);
                    written.addresses.extend(name.zip(planned.new_address));
                    deferred.add(index, &mut planned);
                    let (changed, missing) =
                        write(editing, planned).map_err(|error| Abort::of_object(index, error))?;
                    let name = &changed.name;
                    deferred
                        .inverse
                        .extend(missing.into_iter().map(|edit| (index, name.clone(), edit)));
                    Ok(changed)
                }
                Err(faults) => Err(faults),
            });
            if context.atomicity == Atomicity::Each && editing.written >= BATCH_RECORDS_MAX {
                break;
            }
        }
        match context.atomicity {
            Atomicity::Each => Ok(written),
            Atomicity::All => self.check_deferred(editing, deferred, written),
        }
    }

    /// Makes the checks that are possible only after all objects are written, and aborts the change
    /// if one of the objects is refused.
    fn check_deferred(
        &self,
        editing: &mut Editing<'_, '_>,
        deferred: DeferredChecks,
        mut written: BatchResult,
    ) -> Result<BatchResult, Abort<Discarded>> {
        self.check_references(editing, deferred.missing, &mut written)?;
        apply_deferred(editing, deferred.inverse, &mut written)?;
        if written.results.iter().all(Result::is_ok) {
            if deferred.removes_administrator && !editing.has_administrator(None)? {
                return Err(InventoryError::NoAdministrator.into());
            }
            return Ok(written);
        }
        for result in &mut written.results {
            if result.is_ok() {
                let detail = "it was not changed, because other objects of the request are refused";
                *result = Err(vec![Fault::new(None, "atomic", detail)]);
            }
        }
        Err(Abort::Discard(Discarded::Rejected(Box::new(written))))
    }

    /// Adds a fault to each object with a reference that still has no target.
    fn check_references(
        &self,
        editing: &Editing<'_, '_>,
        missing: Vec<(usize, MissingReferences)>,
        written: &mut BatchResult,
    ) -> Result<(), StoreError> {
        if missing.is_empty() {
            return Ok(());
        }
        let refused = self.refused_names(written);
        // A later object can create a target, and another one can rename it. Then the references
        // were renamed too and are not missing.
        let referenced: HashSet<(Target, String)> = {
            let targets = editing.transaction.targets();
            targets.map(|(target, name)| (target, name.to_owned())).collect()
        };
        for (index, missing) in missing {
            let MissingReferences { target, names: candidates, .. } = &missing;
            let is_of_kind = target.kinds().contains(&self.kind);
            let mut names = Vec::new();
            for name in candidates {
                // A missing record that a refused object would have created is reported for that
                // object only.
                let is_excused = is_of_kind && refused.contains(name);
                if !editing.target_exists(*target, name)?
                    && !is_excused
                    && referenced.contains(&(*target, name.clone()))
                {
                    names.push(name.clone());
                }
            }
            if names.is_empty() {
                continue;
            }
            let fault = MissingReferences { names, ..missing }.fault();
            match written.results.get_mut(index) {
                Some(Err(faults)) => faults.push(fault),
                Some(result) => *result = Err(vec![fault]),
                None => {}
            }
        }
        Ok(())
    }

    /// The names that the refused objects would have created.
    fn refused_names(&self, written: &BatchResult) -> HashSet<String> {
        let objects = self.shown.iter().zip(&written.results);
        let refused = objects.filter(|(_, result)| result.is_err());
        refused
            .filter_map(|(object, _)| {
                object.get("new_name").or(object.get("name"))?.as_text().map(str::to_owned)
            })
            .collect()
    }
}

/// The checks after all objects of a change are written.
#[derive(Default)]
struct DeferredChecks {
    missing: Vec<(usize, MissingReferences)>,
    /// Changes of records that did not exist yet, with the name of the object's record.
    inverse: Vec<(usize, String, InverseEdit)>,
    removes_administrator: bool,
}

impl DeferredChecks {
    fn add(&mut self, index: usize, planned: &mut PlannedChange) {
        self.missing.extend(planned.missing.drain(..).map(|missing| (index, missing)));
        self.removes_administrator |= planned.removes_administrator;
    }
}

/// Makes the changes of records that later objects created, or adds a fault to their objects.
fn apply_deferred(
    editing: &mut Editing<'_, '_>,
    deferred: Vec<(usize, String, InverseEdit)>,
    written: &mut BatchResult,
) -> Result<(), Abort<Discarded>> {
    for (index, name, edit) in deferred {
        let applied = editing.apply_inverse(&edit, &name);
        if applied.map_err(|error| Abort::of_object(index, error))? {
            continue;
        }
        match written.results.get_mut(index) {
            Some(Err(faults)) => faults.push(edit.missing()),
            Some(result) => *result = Err(vec![edit.missing()]),
            None => {}
        }
    }
    Ok(())
}

/// Writes a planned change. Returns the changes of other records that do not exist.
fn write(
    editing: &mut Editing<'_, '_>,
    planned: PlannedChange,
) -> Result<(Changed, Vec<InverseEdit>), StoreError> {
    let PlannedChange { before, after, texts, inverse, .. } = planned;
    let own = before.as_ref().map(|before| (before.record.kind(), before.record.name().clone()));
    let record = after.as_ref().or(before.as_ref().map(|before| &before.record));
    let name = record.map(|record| record.name().to_string()).unwrap_or_default();
    let has_changes = after.is_some() || !texts.is_empty();
    let effect = match &before {
        None => Effect::Created,
        Some(_) if has_changes => Effect::Updated,
        Some(_) => Effect::Unchanged,
    };
    // A long text has a version of its own.
    let version = match (&before, &after) {
        (Some(before), None) => before.version,
        (_, Some(_)) | (None, None) => editing.transaction.version(),
    };
    if let Some(after) = after {
        editing.write(before.as_ref(), after)?;
    }
    for (text, content) in texts {
        editing.write_text(&name, text, content.as_deref())?;
    }
    let mut missing = Vec::new();
    for mut edit in inverse {
        // The record can refer to itself, and have a new name now.
        if own
            .as_ref()
            .is_some_and(|(kind, own)| (*kind, own.as_str()) == (edit.holder.kind, &*edit.name))
        {
            edit.name.clone_from(&name);
        }
        if !editing.apply_inverse(&edit, &name)? {
            missing.push(edit);
        }
    }
    Ok((Changed { name, version, effect }, missing))
}

/// A time in the form of eNMS: Python's `str(datetime.now())`, with all six digits.
pub(in crate::inventory) fn timestamp(time: OffsetDateTime) -> String {
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second, micro) = time.to_hms_micro();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micro:06}")
}

/// The approximate size of a value in memory, in bytes.
fn bytes(value: &Value) -> usize {
    let inner = match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
        Value::BigInt(text) | Value::Text(text) | Value::Timestamp(text) => text.len(),
        Value::Binary(bytes) => bytes.len(),
        Value::List(items) | Value::Tuple(items) => items.iter().map(bytes).sum(),
        Value::Map(map) => map.iter().map(|(key, value)| bytes(key) + bytes(value)).sum(),
        Value::Shared(shared) => bytes(&shared.value),
    };
    size_of::<Value>() + inner
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn timestamps_have_the_form_of_python() {
        let time = datetime!(2026-11-23 07:03:05.000456 UTC);
        assert_eq!(timestamp(time), "2026-11-23 07:03:05.000456");
    }
}
