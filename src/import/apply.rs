//! The third and fourth step: writes the records of every kind and the members of pools into a new
//! generation of the store, or collects them for one change. A dry run reports the changes instead,
//! and a comparison only finds out whether there is a change.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    ImportError, KindReport,
    administrators::ChangedLogins,
    decide::{Decision, Step, Steps},
    diff::differences,
    log::Log,
    members::{ChangedPool, MemberCount, MemberSearch},
    one_change::PlannedChange,
    pairs::Reading,
    parallel::in_parallel,
    problem::{Change, ChangeKind, ChangedRecord, PropertyChange, ShownValue},
    reference,
    resolve::Resolved,
    result_findings::ResultFindings,
    scope::Scope,
};
use crate::{
    access,
    disk::{Sorted, Sorter},
    job,
    model::{AnyRecord, Kind, Side, User, Value},
    store::{Load, LoadTable, Vault, parse_target_key},
};

/// The memory for the references of the whole inventory, in bytes. Beyond it they are sorted on the
/// disk.
const REFERENCES_BYTES: usize = 64 * 1024 * 1024;

/// Refuses an import after which no administrator could log in. An inventory without one, whose first
/// administrator is not set up yet, stays as it is.
///
/// # Errors
/// [`ImportError::NoAdministrator`], and the errors of [`Steps`].
pub(super) fn require_administrator(
    scope: &Scope<'_>,
    resolved: &Resolved,
    vault: &Vault,
) -> Result<(), ImportError> {
    let mut steps = Steps::new(Kind::User, Reading::Walk, scope, resolved)?;
    let is_administrator = |record: Option<AnyRecord>| {
        let Some(mut user) = record.and_then(AnyRecord::into_kind::<User>) else {
            return Ok::<_, ImportError>(false);
        };
        vault.decrypt_secrets(&mut user)?;
        Ok(access::is_active_administrator(&user))
    };
    let mut had_administrator = false;
    while let Some(step) = steps.next()? {
        had_administrator =
            had_administrator || is_administrator(step.existing_record(Kind::User)?)?;
        if is_administrator(step.result.map(|result| result.record))? {
            return Ok(());
        }
    }
    if had_administrator { Err(ImportError::NoAdministrator) } else { Ok(()) }
}

/// The destination of the records.
#[derive(Clone, Copy)]
pub(super) enum Destination<'a> {
    /// Nowhere. Each change is reported: a dry run.
    DryRun,
    /// Nowhere. The application ends at the first change.
    Comparison,
    /// Into a new generation.
    Generation(&'a Load<'a>),
    /// Into memory, for one change.
    Change(&'a PlannedChange),
}

/// The result of an application.
pub(super) struct Applied {
    /// The report of each kind.
    pub types: Vec<KindReport>,
    /// True if the import changes the inventory. The reports of a comparison are incomplete then.
    pub has_changes: bool,
    /// The time that the pools took.
    pub recomputing: Duration,
    /// The findings of the kinds whose records were read, in the order of the kinds.
    findings: Vec<ResultFindings>,
}

impl Applied {
    /// Adds the warnings that need all records, when the application is not repeated in another way.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] or [`ImportError::Store`] if a finding cannot be read.
    pub(super) fn warn(&mut self, scope: &Scope<'_>, log: &Log) -> Result<(), ImportError> {
        for findings in self.findings.drain(..) {
            findings.warn(scope, log)?;
        }
        Ok(())
    }
}

/// The third and fourth step of an import.
pub(super) struct Application<'a> {
    scope: &'a Scope<'a>,
    resolved: &'a Resolved,
    /// How the existing records are read. Pools are always read completely, because any of them can
    /// have an imported record as a member.
    reading: Reading,
    destination: Destination<'a>,
    /// True once the application has found a change.
    has_changes: AtomicBool,
    /// The references of all records after the import.
    references: Mutex<Sorter>,
    /// The findings of the kinds whose records were read.
    findings: Mutex<Vec<ResultFindings>>,
    log: &'a Log,
    vault: &'a Vault,
}

impl<'a> Application<'a> {
    pub(super) fn new(
        scope: &'a Scope<'a>,
        resolved: &'a Resolved,
        reading: Reading,
        destination: Destination<'a>,
        log: &'a Log,
        vault: &'a Vault,
    ) -> Self {
        Self {
            scope,
            resolved,
            reading,
            destination,
            has_changes: AtomicBool::new(false),
            references: Mutex::new(Sorter::new(log.scratch(), REFERENCES_BYTES)),
            findings: Mutex::new(Vec::new()),
            log,
            vault,
        }
    }

    /// Applies all kinds, beginning with `first`. The pools are last, because their members must be
    /// known before.
    ///
    /// # Errors
    /// The first error of any kind.
    pub(super) fn run(self, members: MemberSearch, first: &[Kind]) -> Result<Applied, ImportError> {
        let mut kinds = first.to_vec();
        kinds.extend(Kind::ALL.into_iter().filter(|kind| !first.contains(kind)));
        kinds.retain(|kind| *kind != Kind::Pool);
        let mut types = in_parallel(kinds, |kind| self.apply_kind(kind, &members))?;

        let recomputing = Instant::now();
        if !self.is_ended() {
            self.log.progress().step(job::Step::Pools, None)?;
            types.push(self.apply_pools(members)?);
        }
        let recomputing = recomputing.elapsed();

        if let Destination::Generation(load) = self.destination {
            let references = self.references.into_inner().unwrap_or_else(PoisonError::into_inner);
            let references = references.finish().map_err(ImportError::TemporaryFile)?;
            load.references(|put| write_references(&references, self.log, put))?;
        }
        types.sort_unstable_by_key(|report| report.kind);
        let mut findings = self.findings.into_inner().unwrap_or_else(PoisonError::into_inner);
        findings.sort_unstable_by_key(ResultFindings::kind);
        let has_changes = self.has_changes.into_inner();
        Ok(Applied { types, has_changes, recomputing, findings })
    }

    fn note_change(&self) {
        self.has_changes.store(true, Ordering::Relaxed);
    }

    /// Returns whether a comparison has found a change.
    fn is_ended(&self) -> bool {
        match self.destination {
            Destination::Comparison => self.has_changes.load(Ordering::Relaxed),
            Destination::DryRun | Destination::Generation(_) | Destination::Change(_) => false,
        }
    }

    /// Applies the records of one kind other than pools.
    fn apply_kind(&self, kind: Kind, members: &MemberSearch) -> Result<KindReport, ImportError> {
        let side = Side::of(kind);
        let mut writer = self.writer(kind);
        let mut administrators = ChangedLogins::new(self.log, self.vault);
        let mut findings = ResultFindings::new(kind, self.reading, self.scope, self.log);
        let mut steps = Steps::new(kind, self.reading, self.scope, self.resolved)?;
        while let Some(step) = steps.next()? {
            if step.is_change() {
                self.note_change();
            }
            if self.is_ended() {
                break;
            }
            writer.write(&step)?;
            findings.examine(&step, self.scope)?;
            if kind == Kind::User {
                administrators.report_change(&step)?;
            }
            match (self.reading, side, &step.result) {
                (Reading::Walk, Some(side), Some(result)) => {
                    members.offer(side, &*result.record, result.ordinal)?;
                }
                (Reading::Lookup, Some(side), _) => members.offer_change(kind, side, &step)?,
                (Reading::Walk, _, _) | (Reading::Lookup, None, _) => {}
            }
        }
        let mut report = writer.finish();
        if self.reading == Reading::Lookup {
            // A lookup does not read the other records.
            let existing = self.scope.existing_summary.kind(kind).count;
            report.total = (existing + report.created).saturating_sub(report.removed);
        }
        findings.finish(self.scope, self.log)?;
        self.keep(findings);
        Ok(report)
    }

    fn keep(&self, findings: ResultFindings) {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).push(findings);
    }

    /// Ends the search of members. Returns the existing pools whose members change. Writes or
    /// collects the members.
    fn finish_members(&self, members: MemberSearch) -> Result<Vec<ChangedPool>, ImportError> {
        match self.reading {
            Reading::Walk => {
                let found = members.finish()?;
                if let Destination::Generation(load) = self.destination {
                    found.write(load, self.log)?;
                }
                found.changed_pools(self.scope.existing)
            }
            Reading::Lookup => {
                let (pools, changed) = members.finish_changes(self.scope.existing)?;
                if let Destination::Change(planned) = self.destination {
                    planned.set_members(changed);
                }
                Ok(pools)
            }
        }
    }

    /// Applies the pools, and their members.
    fn apply_pools(&self, members: MemberSearch) -> Result<KindReport, ImportError> {
        let mut writer = self.writer(Kind::Pool);
        let mut findings = ResultFindings::new(Kind::Pool, Reading::Walk, self.scope, self.log);
        let mut unchanged = BTreeMap::new();
        let mut steps = Steps::new(Kind::Pool, Reading::Walk, self.scope, self.resolved)?;
        while let Some(step) = steps.next()? {
            if step.is_change() {
                self.note_change();
            }
            writer.write(&step)?;
            findings.examine(&step, self.scope)?;
            match step.decision {
                Decision::Keep | Decision::LeaveUnchanged => {
                    unchanged.insert(step.name, step.decision);
                }
                Decision::Adjust | Decision::Create | Decision::Update | Decision::Remove => {}
            }
        }
        self.keep(findings);
        let mut report = writer.finish();
        // The members of a pool can change although its record does not.
        for pool in self.finish_members(members)? {
            match unchanged.get(&pool.name) {
                Some(Decision::LeaveUnchanged) => report.unchanged -= 1,
                Some(_) => {}
                None => continue,
            }
            report.adjusted += 1;
            self.note_change();
            match self.destination {
                Destination::DryRun => self.report_pool(pool)?,
                Destination::Comparison | Destination::Generation(_) | Destination::Change(_) => {}
            }
        }
        Ok(report)
    }

    /// Reports a pool whose members the import would change.
    fn report_pool(&self, pool: ChangedPool) -> Result<(), ImportError> {
        let shown = |number: u64| Some(ShownValue::of(&Value::Int(number as i64)));
        let counts = [(Side::Device, pool.devices), (Side::Link, pool.links)];
        let properties = counts.into_iter().filter_map(|(side, count)| {
            let MemberCount { before, after } = count?;
            let property = side.count().to_owned();
            Some(PropertyChange { property, before: shown(before), after: shown(after) })
        });
        let record = ChangedRecord { record: pool.name, properties: properties.collect() };
        self.log.change(&Change { kind: Kind::Pool, change: ChangeKind::Adjusted }, record)
    }

    /// A writer for the records of one kind.
    fn writer(&self, kind: Kind) -> KindWriter<'_> {
        let mut report = KindReport::new(kind);
        report.rejected = self.log.lists().rejected[kind];
        let output = match self.destination {
            Destination::DryRun => Output::Report,
            Destination::Comparison => Output::Nothing,
            Destination::Generation(load) => {
                Output::Table { version: load.version(), table: Box::new(load.table(kind)) }
            }
            Destination::Change(planned) => Output::Change(planned),
        };
        KindWriter { kind, report, output, references: &self.references, log: self.log }
    }
}

/// The output of the records of one kind.
enum Output<'a> {
    /// None: only the numbers are counted.
    Nothing,
    /// The changes that a dry run reports.
    Report,
    /// The table of a new generation.
    Table {
        /// The version of the records that the import changes.
        version: u64,
        table: Box<LoadTable<'a>>,
    },
    /// The change that is collected.
    Change(&'a PlannedChange),
}

/// Counts the records of one kind, and writes or reports them.
struct KindWriter<'a> {
    kind: Kind,
    report: KindReport,
    output: Output<'a>,
    references: &'a Mutex<Sorter>,
    log: &'a Log,
}

impl KindWriter<'_> {
    fn write(&mut self, step: &Step<'_>) -> Result<(), ImportError> {
        self.log.progress().advance(step.records_read())?;
        match step.decision {
            Decision::Keep => {}
            Decision::Adjust => self.report.adjusted += 1,
            Decision::LeaveUnchanged => self.report.unchanged += 1,
            Decision::Create => self.report.created += 1,
            Decision::Update => self.report.updated += 1,
            Decision::Remove => self.report.removed += 1,
        }
        self.report.total += u64::from(step.result.is_some());
        match (&mut self.output, &step.result) {
            (Output::Table { version, table }, Some(result)) => {
                let version = result.version.unwrap_or(*version);
                table.put(step.name.as_bytes(), result.ordinal, version, step.body())?;
                reference::push(&*result.record, |_| self.references)
            }
            (Output::Change(planned), _) => {
                if step.is_change() {
                    planned.add(self.kind, step);
                }
                Ok(())
            }
            (Output::Nothing, _) | (Output::Table { .. }, None) => Ok(()),
            (Output::Report, _) => self.report_change(step),
        }
    }

    /// Reports what a dry run would change.
    fn report_change(&self, step: &Step<'_>) -> Result<(), ImportError> {
        let change = match step.decision {
            Decision::Keep | Decision::LeaveUnchanged => return Ok(()),
            Decision::Adjust => ChangeKind::Adjusted,
            Decision::Create => ChangeKind::Created,
            Decision::Update => ChangeKind::Updated,
            Decision::Remove => ChangeKind::Removed,
        };
        let properties = match (step.existing_record(self.kind)?, &step.result) {
            (Some(existing), Some(result)) => differences(existing, result.record.clone()),
            (Some(_) | None, None) | (None, Some(_)) => Vec::new(),
        };
        let record = ChangedRecord { record: step.name.clone(), properties };
        self.log.change(&Change { kind: self.kind, change }, record)
    }

    fn finish(self) -> KindReport {
        match self.output {
            Output::Table { table, .. } => table.finish(),
            Output::Nothing | Output::Report | Output::Change(_) => {}
        }
        self.report
    }
}

/// A function that takes a target and a reference to it.
type PutReference<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), ImportError> + 'a;

fn write_references(
    references: &Sorted,
    log: &Log,
    put: &mut PutReference<'_>,
) -> Result<(), ImportError> {
    let mut reader = references.read();
    while let Some((key, _)) = reader.next().map_err(ImportError::TemporaryFile)? {
        log.progress().advance(1)?;
        let (.., end) = parse_target_key(key).ok_or(ImportError::TemporaryFileDamaged)?;
        put(&key[..end], &key[end..])?;
    }
    Ok(())
}
