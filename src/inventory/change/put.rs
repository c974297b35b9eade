//! Instances created, updated and renamed.

use std::collections::{HashMap, HashSet};

use time::OffsetDateTime;

use super::{
    Atomicity, ChangeReport, ChangeRequest, Changed, Effect, ExpectedVersion, Fault, ObjectOutcome,
    edit::Editing,
    object::{self, ObjectPatch},
    plan::{ChangeContext, Missing, Planned, plan},
    warning::{Nearest, Warning, Warnings},
};
use crate::{
    inventory::{Inventory, InventoryError},
    model::{Kind, Map, Target, Value},
    store::StoreError,
    wording::chain,
};

/// How many objects that are a change each are written as one transaction of the store. Each waits
/// for the disk once, so that 10,000 objects wait 20 times, and others get their turn in between.
const BATCH_OBJECTS_MAX: usize = 500;

/// How many records end a transaction before its batch is written: those that follow a new name
/// count too. A transaction of more is written in another, slower way by the store.
const BATCH_RECORDS_MAX: usize = 5_000;

/// How many bytes of objects end a batch: what it changes is held in memory until it is written.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

impl Inventory {
    /// Creates, updates and renames instances of one kind, as objects say. What becomes of each
    /// object is in the report. It is durable when this returns.
    ///
    /// With [`Atomicity::Each`] every object is a change of its own for the one who asks: it is found
    /// good or faulty as the ones before it left the inventory, a faulty one leaves nothing, and
    /// the good ones are durable when they are answered. How many of them share a transaction is
    /// not seen, because an object is written only when it was found good.
    ///
    /// # Errors
    /// [`InventoryError::Stale`] when a single object's instance is not as expected,
    /// [`InventoryError::NoAdministrator`] with [`Atomicity::All`], and what the store says while
    /// nothing was changed. After a first batch was, the store's errors are faults of the rest.
    pub fn put(
        &self,
        kind: Kind,
        objects: Vec<Map>,
        request: &ChangeRequest,
    ) -> Result<ChangeReport, InventoryError> {
        let context = ChangeContext {
            principal: &request.principal,
            timestamp: stamp_text(OffsetDateTime::now_utc()),
            atomicity: request.atomicity,
            expected_version: match objects.len() {
                1 => &request.expected_version,
                // A version says something of one instance only.
                _ => &ExpectedVersion::Any,
            },
        };
        let mut nearest = Nearest::default();
        let mut warnings = Warnings::default();
        let mut outcomes: Vec<ObjectOutcome> = Vec::with_capacity(objects.len());
        let mut objects = objects.into_iter().peekable();
        let mut failed: Option<Fault> = None;
        while objects.peek().is_some() {
            let mut batch = Batch::of(kind);
            while let Some(object) = objects.next_if(|_| !batch.is_full(context.atomicity)) {
                batch.take(object, &mut nearest)?;
            }
            let results = match &failed {
                Some(fault) => batch.said.iter().map(|_| Err(vec![fault.clone()])).collect(),
                None => match batch.run(self, &context) {
                    Ok(done) => {
                        done.warnings.into_iter().for_each(|warning| warnings.push(warning));
                        failed = done.failed;
                        done.results
                    }
                    Err(error) if outcomes.is_empty() => return Err(error),
                    Err(error) => {
                        let fault = not_stored(&error);
                        let all = batch.said.iter().map(|_| Err(vec![fault.clone()])).collect();
                        failed = Some(fault);
                        all
                    }
                },
            };
            let shown = batch.shown.into_iter();
            outcomes.extend(
                shown.zip(results).map(|(object, result)| ObjectOutcome { object, result }),
            );
        }
        Ok(ChangeReport { outcomes, warnings: warnings.sentences() })
    }
}

/// Objects that are written together.
struct Batch {
    kind: Kind,
    /// The objects as they may be shown.
    shown: Vec<Map>,
    said: Vec<Result<ObjectPatch, Vec<Fault>>>,
    bytes: usize,
}

/// What became of a batch.
#[derive(Default)]
struct Done {
    results: Vec<Result<Changed, Vec<Fault>>>,
    warnings: Vec<Warning>,
    /// Why the rest was not written.
    failed: Option<Fault>,
}

/// The fault of objects that the store did not take, after it took others.
fn not_stored(error: &InventoryError) -> Fault {
    Fault::new(None, "not-stored", chain(error))
}

/// Why a batch's transaction is given up.
enum Halt {
    Error(InventoryError),
    /// An object was found faulty when it was half written.
    Spoilt {
        at: usize,
        fault: Fault,
    },
    /// Some objects are faulty, and all of them are one change.
    Rejected(Done),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Halt::Error(error.into())
    }
}

impl From<InventoryError> for Halt {
    fn from(error: InventoryError) -> Self {
        Halt::Error(error)
    }
}

impl Halt {
    /// An error of the store while the object at this place was written.
    fn at(at: usize, error: StoreError) -> Self {
        match error {
            StoreError::OverLimit { ref over, .. } => {
                let fault = Fault::new(over.property(), "record-large", error.to_string());
                Halt::Spoilt { at, fault }
            }
            StoreError::RecordLarge { .. } | StoreError::TextLarge { .. } => {
                Halt::Spoilt { at, fault: Fault::new(None, "record-large", chain(&error)) }
            }
            StoreError::Corrupt { .. }
            | StoreError::Damaged { .. }
            | StoreError::InventoryDamaged(_)
            | StoreError::Directory(_)
            | StoreError::Key(_)
            | StoreError::Unsealable { .. }
            | StoreError::Busy
            | StoreError::Cancelled(_)
            | StoreError::NoInventory { .. }
            | StoreError::NothingToUndo
            | StoreError::DiskFull
            | StoreError::FileSizeLimit
            | StoreError::Reopening
            | StoreError::ReadOnly { .. }
            | StoreError::ChangeLarge { .. }
            | StoreError::Io { .. }
            | StoreError::Database(_) => error.into(),
        }
    }
}

impl Batch {
    fn of(kind: Kind) -> Self {
        Self { kind, shown: Vec::new(), said: Vec::new(), bytes: 0 }
    }

    fn is_full(&self, atomicity: Atomicity) -> bool {
        match atomicity {
            Atomicity::All => false,
            Atomicity::Each => {
                self.said.len() >= BATCH_OBJECTS_MAX || self.bytes >= BATCH_BYTES_MAX
            }
        }
    }

    fn take(&mut self, object: Map, nearest: &mut Nearest) -> Result<(), InventoryError> {
        self.bytes += object.iter().map(|(key, value)| bytes(key) + bytes(value)).sum::<usize>();
        self.shown.push(object::shown(self.kind, &object));
        self.said.push(object::read(self.kind, object, nearest)?);
        Ok(())
    }

    fn run(
        &self,
        inventory: &Inventory,
        context: &ChangeContext<'_>,
    ) -> Result<Done, InventoryError> {
        let mut done = Done::default();
        let mut spoilers = HashMap::new();
        // Each round has one result or one spoiler more, so this ends.
        while done.results.len() < self.said.len() {
            let from = done.results.len();
            match inventory.0.change(|editing| self.attempt(from, editing, context, &spoilers)) {
                Ok(next) | Err(Halt::Rejected(next)) => {
                    done.results.extend(next.results);
                    done.warnings.extend(next.warnings);
                }
                Err(Halt::Error(error)) if from == 0 => return Err(error),
                Err(Halt::Error(error)) => {
                    let fault = not_stored(&error);
                    done.results.resize_with(self.said.len(), || Err(vec![fault.clone()]));
                    done.failed = Some(fault);
                }
                Err(Halt::Spoilt { at, fault }) => {
                    spoilers.insert(at, fault);
                }
            }
        }
        Ok(done)
    }

    /// Writes the good ones among the objects from this place on, but for those that are known to
    /// spoil it; of objects that are a change each, as many as one transaction should hold.
    fn attempt(
        &self,
        from: usize,
        editing: &mut Editing<'_, '_>,
        context: &ChangeContext<'_>,
        spoilers: &HashMap<usize, Fault>,
    ) -> Result<Done, Halt> {
        let mut done = Done::default();
        let mut awaited = Awaited::default();
        for (at, said) in self.said.iter().enumerate().skip(from) {
            let planned = match (spoilers.get(&at), said) {
                (Some(fault), _) => Err(vec![fault.clone()]),
                (None, Err(faults)) => Err(faults.clone()),
                (None, Ok(said)) => plan(editing, said, context)?,
            };
            done.results.push(match planned {
                Ok(mut planned) => {
                    done.warnings.append(&mut planned.warnings);
                    awaited.note(at, &mut planned);
                    Ok(apply(editing, planned).map_err(|error| Halt::at(at, error))?)
                }
                Err(faults) => Err(faults),
            });
            if context.atomicity == Atomicity::Each && editing.written >= BATCH_RECORDS_MAX {
                break;
            }
        }
        match context.atomicity {
            Atomicity::Each => Ok(done),
            Atomicity::All => self.settle(editing, awaited, done),
        }
    }

    /// Looks at what can be said only when all objects are written, and gives the change up when
    /// one of them is faulty.
    fn settle(
        &self,
        editing: &mut Editing<'_, '_>,
        awaited: Awaited,
        mut done: Done,
    ) -> Result<Done, Halt> {
        // What a faulty object would have created is not missed beside its own fault.
        let names = |(object, result): (&Map, &Result<_, _>)| match result {
            Ok(_) => None,
            Err(_) => object.get("new_name").or(object.get("name"))?.as_text().map(str::to_owned),
        };
        let faulty: HashSet<String> =
            self.shown.iter().zip(&done.results).filter_map(names).collect();
        // A record that was not there yet may have been written and renamed since, and those who
        // named it with it.
        let named: HashSet<(Target, String)> = if awaited.missing.is_empty() {
            HashSet::new()
        } else {
            let targets = editing.transaction.targets();
            targets.map(|(target, name)| (target, name.to_owned())).collect()
        };
        for (at, missing) in awaited.missing {
            let Missing { target, names: awaited, .. } = &missing;
            let excused = |name: &str| target.kinds().contains(&self.kind) && faulty.contains(name);
            let mut names = Vec::new();
            for name in awaited {
                let there = editing.is_there(*target, name)?;
                if !there && !excused(name) && named.contains(&(*target, name.clone())) {
                    names.push(name.clone());
                }
            }
            if names.is_empty() {
                continue;
            }
            let fault = Missing { names, ..missing }.fault();
            match done.results.get_mut(at) {
                Some(Err(faults)) => faults.push(fault),
                Some(result) => *result = Err(vec![fault]),
                None => {}
            }
        }
        if done.results.iter().all(Result::is_ok) {
            if awaited.takes_administrator && !editing.has_administrator(None)? {
                return Err(InventoryError::NoAdministrator.into());
            }
            return Ok(done);
        }
        for result in &mut done.results {
            if result.is_ok() {
                let detail = "it was not changed, because others of its list are faulty";
                *result = Err(vec![Fault::new(None, "atomic", detail)]);
            }
        }
        Err(Halt::Rejected(done))
    }
}

/// What is looked at when all objects of one change are written.
#[derive(Default)]
struct Awaited {
    missing: Vec<(usize, Missing)>,
    takes_administrator: bool,
}

impl Awaited {
    fn note(&mut self, at: usize, planned: &mut Planned) {
        self.missing.extend(planned.missing.drain(..).map(|missing| (at, missing)));
        self.takes_administrator |= planned.takes_administrator;
    }
}

/// Writes what was planned for one object.
fn apply(editing: &mut Editing<'_, '_>, planned: Planned) -> Result<Changed, StoreError> {
    let Planned { before, after, texts, .. } = planned;
    let named = after.as_ref().or(before.as_ref().map(|before| &before.record));
    let name = named.map(|record| record.name().to_string()).unwrap_or_default();
    let effect = match (&before, after.is_some() || !texts.is_empty()) {
        (None, _) => Effect::Created,
        (Some(_), true) => Effect::Updated,
        (Some(_), false) => Effect::Unchanged,
    };
    // A text has a version of its own.
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
    Ok(Changed { name, version, effect })
}

/// A time as eNMS stamps its records: Python's `str(datetime.now())`, with all six digits.
fn stamp_text(time: OffsetDateTime) -> String {
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second, micro) = time.to_hms_micro();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micro:06}")
}

/// About what a value takes in memory, in bytes.
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
    fn a_time_is_spelled_as_python_spells_it() {
        let time = datetime!(2026-11-23 07:03:05.000456 UTC);
        assert_eq!(stamp_text(time), "2026-11-23 07:03:05.000456");
    }
}
