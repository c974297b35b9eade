//! The third step of an import: what becomes of every record, written into a new generation where
//! there is one.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    ImportError, KindReport, administrators,
    cursor::Cursor,
    diff::differences,
    log::Log,
    members::{self, Found, Members, Numbers},
    problem::{Change, ChangeKind, ChangedRecord, PropertyChange, ShownValue},
    reference,
    resolve::{Resolved, Scope},
    walk::{Amend, Fate, Step, walk},
    workers,
};
use crate::{
    disk::{Sorted, Sorter},
    job,
    model::{Field, Kind, Record, Side, User, Value},
    store::{Load, Raw, Vault, parse_target_key},
};

/// What the references of an inventory may take in memory before they are set aside, in bytes.
const REFERENCES_BYTES: usize = 64 * 1024 * 1024;

/// Whether what comes brings a user of this name.
pub(super) fn brings(scope: &Scope<'_>, name: &str) -> Result<bool, ImportError> {
    match &scope.decoded.records[Kind::User] {
        Some(users) => Ok(Cursor::new(users).seek(name.as_bytes())?),
        None => Ok(false),
    }
}

/// Refuses an import after which nobody could administer the appliance.
pub(super) fn require_administrator(
    scope: &Scope<'_>,
    resolved: &Resolved,
    vault: &Vault,
) -> Result<(), ImportError> {
    let mut able = false;
    walk(
        Kind::User,
        scope,
        resolved,
        &mut |user, before| keep_access(scope, user, before),
        &mut |step| {
            if let Some(after) = step.after
                && let Some(user) = after.record.of_kind::<User>()
                && !able
            {
                let mut user = user.clone();
                vault.open_secrets(&mut user)?;
                able = user.is_able_administrator();
            }
            Ok(())
        },
    )?;
    if able { Ok(()) } else { Err(ImportError::NoAdministrator) }
}

/// A project without secrets does not say the caller's password, and an old one not who
/// administers. Emptying the users first must not lock out who asked for it.
fn keep_access(
    scope: &Scope<'_>,
    user: &mut dyn Record,
    before: Option<&Raw>,
) -> Result<bool, ImportError> {
    let (true, Some(before)) = (user.name().as_str() == scope.caller, before) else {
        return Ok(false);
    };
    let before = before.record(Kind::User, user.name().as_bytes())?.into_kind::<User>();
    let (Some(user), Some(before)) = (user.of_kind_mut::<User>(), before) else {
        return Ok(false);
    };
    let mut kept = false;
    if user.password == Field::Absent {
        user.password = before.password;
        kept = true;
    }
    if user.is_admin == Field::Absent {
        user.is_admin = before.is_admin;
        kept = true;
    }
    Ok(kept)
}

/// The third step: every kind's walk, written into a new generation where there is one.
pub(super) struct Job<'a> {
    scope: &'a Scope<'a>,
    resolved: &'a Resolved,
    load: Option<&'a Load<'a>>,
    /// All references of the inventory that there will be.
    references: Mutex<Sorter>,
    log: &'a Log,
}

impl<'a> Job<'a> {
    pub fn new(
        scope: &'a Scope<'a>,
        resolved: &'a Resolved,
        load: Option<&'a Load<'a>>,
        log: &'a Log,
    ) -> Self {
        let references = Mutex::new(Sorter::new(log.scratch(), REFERENCES_BYTES));
        Self { scope, resolved, load, references, log }
    }

    /// Gives what became of each kind, and how long the pools took.
    pub fn run(
        self,
        members: Members,
        first: &[Kind],
    ) -> Result<(Vec<KindReport>, Duration), ImportError> {
        // Pools come last: their members have to be known.
        let mut kinds = first.to_vec();
        kinds.extend(Kind::ALL.into_iter().filter(|kind| !first.contains(kind)));
        kinds.retain(|kind| *kind != Kind::Pool);
        let mut reports = workers::run(kinds, |kind| match kind {
            Kind::User => {
                let amend = &mut |user: &mut dyn Record, before: Option<&Raw>| {
                    keep_access(self.scope, user, before)
                };
                self.walked(kind, None, amend, &mut |user| administrators::note(user, self.log))
            }
            other => {
                let offer = Side::of(other).map(|side| (&members, side));
                self.walked(other, offer, &mut |_, _| Ok(false), &mut |_| Ok(()))
            }
        })?;
        let recomputing = Instant::now();
        self.log.progress().step(job::Step::Pools, None)?;
        reports.push(self.pools(&members.finish()?)?);
        let recomputing = recomputing.elapsed();

        if let Some(load) = self.load {
            let references =
                self.references.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
            load.references(|put| write_references(&references, self.log, put))?;
        }
        reports.sort_unstable_by_key(|report| report.kind);
        Ok((reports, recomputing))
    }

    /// The pools' walk, and their members.
    fn pools(&self, found: &Found) -> Result<KindReport, ImportError> {
        let mut settled = BTreeMap::new();
        let mut report = self.walked(
            Kind::Pool,
            None,
            &mut |pool, before| members::amend(self.scope.old, pool, before),
            &mut |step| {
                match step.fate {
                    Fate::Kept | Fate::Unchanged => {
                        settled.insert(step.name.to_owned(), step.fate);
                    }
                    Fate::Adjusted | Fate::Created | Fate::Updated | Fate::Removed => {}
                }
                Ok(())
            },
        )?;
        if let Some(load) = self.load {
            found.write(load, self.log)?;
        }
        // A pool whose own record stays can still get other members.
        found.moved(self.scope.old, |moved| {
            match settled.get(moved.name) {
                Some(Fate::Unchanged) => report.unchanged -= 1,
                Some(_) => {}
                None => return Ok(()),
            }
            report.adjusted += 1;
            if self.load.is_some() {
                return Ok(());
            }
            let properties = [("device_number", moved.devices), ("link_number", moved.links)];
            let properties = properties.into_iter().filter_map(|(property, numbers)| {
                let shown = |number: u64| Some(ShownValue::of(&Value::Int(number as i64)));
                let Numbers { before, after } = numbers?;
                let property = property.to_owned();
                Some(PropertyChange { property, before: shown(before), after: shown(after) })
            });
            let record =
                ChangedRecord { record: moved.name.to_owned(), properties: properties.collect() };
            let change = Change { kind: Kind::Pool, change: ChangeKind::Adjusted };
            Ok(self.log.lists().changes.push(&change, record)?)
        })?;
        Ok(report)
    }

    /// One kind's walk, on which `see` is shown every step.
    fn walked(
        &self,
        kind: Kind,
        offer: Option<(&Members, Side)>,
        amend: &mut Amend<'_>,
        see: &mut dyn FnMut(&Step<'_>) -> Result<(), ImportError>,
    ) -> Result<KindReport, ImportError> {
        let mut report = KindReport::new(kind);
        report.rejected = self.log.lists().rejected[kind];
        let mut table = self.load.map(|load| (load.version(), load.table(kind)));
        walk(kind, self.scope, self.resolved, amend, &mut |step| {
            self.log.progress().advance(step.sides())?;
            see(&step)?;
            match step.fate {
                Fate::Kept => {}
                Fate::Adjusted => report.adjusted += 1,
                Fate::Unchanged => report.unchanged += 1,
                Fate::Created => report.created += 1,
                Fate::Updated => report.updated += 1,
                Fate::Removed => report.removed += 1,
            }
            if self.load.is_none() {
                self.note(kind, &step)?;
            }
            let Some(after) = step.after else { return Ok(()) };
            report.total += 1;
            if let Some((members, side)) = offer {
                members.offer(side, after.record, after.ordinal)?;
            }
            if let Some((new, table)) = &mut table {
                let version = after.version.unwrap_or(*new);
                table.put(step.name.as_bytes(), after.ordinal, version, after.body)?;
                reference::push(after.record, |_| &self.references)?;
            }
            Ok(())
        })?;
        if let Some((_, table)) = table {
            table.finish();
        }
        Ok(report)
    }

    /// Takes down what a dry run would change.
    fn note(&self, kind: Kind, step: &Step<'_>) -> Result<(), ImportError> {
        let change = match step.fate {
            Fate::Kept | Fate::Unchanged => return Ok(()),
            Fate::Adjusted => ChangeKind::Adjusted,
            Fate::Created => ChangeKind::Created,
            Fate::Updated => ChangeKind::Updated,
            Fate::Removed => ChangeKind::Removed,
        };
        let properties = match (step.before, &step.after) {
            (Some(before), Some(after)) => {
                differences(before.record(kind, step.name.as_bytes())?, after.record.to_any())
            }
            (Some(_), None) | (None, Some(_)) | (None, None) => Vec::new(),
        };
        let record = ChangedRecord { record: step.name.to_owned(), properties };
        Ok(self.log.lists().changes.push(&Change { kind, change }, record)?)
    }
}

/// Takes a target and a reference to it.
type PutReference<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), ImportError> + 'a;

fn write_references(
    references: &Sorted,
    log: &Log,
    put: &mut PutReference<'_>,
) -> Result<(), ImportError> {
    let mut reader = references.read();
    while let Some((key, _)) = reader.next()? {
        log.progress().advance(1)?;
        let (.., at) = parse_target_key(key).ok_or_else(ImportError::cut_off)?;
        put(&key[..at], &key[at..])?;
    }
    Ok(())
}
