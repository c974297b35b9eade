//! The steps of an import after decoding, one after the other: plan, apply, recompute. The report
//! follows.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{
    Emptying, ImportError, ImportOptions, ImportOutcome, ImportReport, ImportSource, KindReport,
    Log, Milliseconds, Mode, OnError, PrincipalRecord, Written,
    apply::{Applied, require_administrator},
    decoded::{Decoded, DecodedForm},
    members::MemberSearch,
    plan::Plan,
    replacement::require_records,
    resolve::{Resolved, resolve},
    scope::Scope,
};
use crate::{
    access::BuiltInGroup,
    job::Step,
    model::{Kind, PerKind},
    store::{LiveView, LockedStore, Store},
    wording::counted,
};

/// A finished import. Its lists are in the log.
pub struct ImportRun {
    what: &'static str,
    outcome: ImportOutcome,
    written: Written,
    types: Vec<KindReport>,
    emptied: PerKind<bool>,
    durations: StepDurations,
    begun: Instant,
}

/// The duration of each step.
#[derive(Default)]
struct StepDurations {
    decoding: Duration,
    planning: Duration,
    applying: Duration,
    recomputing: Duration,
}

/// Plans an import and applies it. A dry run only reports the changes.
///
/// # Errors
/// On every error the inventory stays unchanged.
/// - [`ImportError::NoAdministrator`] and [`ImportError::EmptyReplacement`] if the import would
///   leave no administrator or would only remove records.
/// - [`StoreError::Cancelled`](crate::store::StoreError::Cancelled) within [`ImportError::Store`]
///   if the import was cancelled, and its other variants if the store cannot be read or written.
/// - [`ImportError::TemporaryFile`] if a temporary file cannot be written or read.
pub fn apply(
    store: &Store,
    options: &ImportOptions<'_>,
    log: &Log,
    decoded: Decoded,
) -> Result<ImportRun, ImportError> {
    let progress = log.progress();
    // No other change of the inventory is possible from here to the end of the import.
    let write_lock = match options.mode {
        Mode::Apply => {
            progress.step(Step::Waiting, None)?;
            Some(store.lock(progress)?)
        }
        Mode::DryRun => None,
    };
    apply_locked(store, write_lock, options, log, decoded, || Ok(()))
}

/// Plans an import and applies it under a write lock, without which it is a dry run. Calls `before_writing`
/// once before the first write, unless nothing changes or the import is refused.
///
/// # Errors
/// As for [`apply`], and the error of `before_writing`.
pub fn apply_locked<E: From<ImportError>>(
    store: &Store,
    write_lock: Option<LockedStore<'_>>,
    options: &ImportOptions<'_>,
    log: &Log,
    decoded: Decoded,
    before_writing: impl FnOnce() -> Result<(), E>,
) -> Result<ImportRun, E> {
    let (begun, decoding) = (decoded.begun, decoded.decoding);
    let progress = log.progress();
    let planning = Instant::now();
    progress.step(Step::Planning, None).map_err(ImportError::from)?;
    let existing = store.read();
    let scope = scope(&existing, options, log.source(), decoded)?;
    let resolved = match scope.decoded.form {
        DecodedForm::Documents => resolve(&scope, log)?,
        DecodedForm::Checked => Resolved::checked(log)?,
    };
    let run = |outcome, written, types, durations| ImportRun {
        what: options.what,
        outcome,
        written,
        types,
        emptied: scope.emptied.clone(),
        durations,
        begun,
    };
    if is_rejected(options, log) {
        let durations =
            StepDurations { decoding, planning: planning.elapsed(), ..StepDurations::default() };
        let types = rejected_reports(&scope, log);
        return Ok(run(ImportOutcome::Rejected, Written::Nothing, types, durations));
    }
    require_records(options, &scope, &resolved, log)?;
    require_administrator(&scope, &resolved, store.vault())?;
    let members = MemberSearch::prepare(&scope, &resolved, log)?;
    members.warn(log);
    let planning = planning.elapsed();

    let applying = Instant::now();
    let is_small = options.small.includes(&scope, &members);
    let plan =
        Plan { scope: &scope, resolved: &resolved, options, is_small, log, vault: store.vault() };
    let (applied, written) = match write_lock {
        Some(write_lock) => plan.apply(members, write_lock, before_writing)?,
        None => plan.report(members)?,
    };
    let Applied { types, recomputing, .. } = applied;
    let applying = applying.elapsed().saturating_sub(recomputing);
    let durations = StepDurations { decoding, planning, applying, recomputing };
    let has_problems = !log.lists().problems.is_empty();
    let outcome = match (options.mode, has_problems) {
        (Mode::DryRun, _) => ImportOutcome::DryRun,
        (Mode::Apply, false) => ImportOutcome::Imported,
        (Mode::Apply, true) => ImportOutcome::ImportedInPart,
    };
    Ok(run(outcome, written, types, durations))
}

/// Returns the scope of the import, from its options.
fn scope<'a>(
    existing: &'a LiveView,
    options: &ImportOptions<'a>,
    source: ImportSource,
    decoded: Decoded,
) -> Result<Scope<'a>, ImportError> {
    let emptied = PerKind::new(|kind| match options.emptying {
        Emptying::Nothing => false,
        Emptying::Present => decoded.records[kind].is_some(),
        Emptying::Listed => options.kinds.contains(&kind),
    });
    let principal = match options.principal_record {
        PrincipalRecord::Kept => Some(&*options.origin.principal),
        PrincipalRecord::NotKept => None,
    };
    let mut scope = Scope {
        existing,
        existing_summary: existing.summary()?,
        decoded,
        emptied,
        source,
        merging: options.merging,
        kept_by_replacement: options.kept_by_replacement,
        principal,
        survivors: BTreeSet::new(),
    };
    let built_in = BuiltInGroup::ALL.into_iter().map(|group| (Kind::Group, group.name()));
    let user = scope.principal.map(|name| (Kind::User, name));
    for (kind, name) in built_in.chain(user) {
        if existing.contains(kind, name)? && !scope.has_incoming_record(kind, name)? {
            scope.survivors.insert((kind, name));
        }
    }
    Ok(scope)
}

/// Returns whether the problems found so far prevent the import.
fn is_rejected(options: &ImportOptions<'_>, log: &Log) -> bool {
    let lists = log.lists();
    !lists.problems.is_empty() && (options.on_error == OnError::Fail || lists.unreadable)
}

/// The reports of the kinds if the import is not applied: the rejected records, and the number of
/// existing ones.
fn rejected_reports(scope: &Scope<'_>, log: &Log) -> Vec<KindReport> {
    let report = |kind| KindReport {
        rejected: log.lists().rejected[kind],
        total: scope.existing_summary.kind(kind).count,
        ..KindReport::new(kind)
    };
    Kind::ALL.into_iter().map(report).collect()
}

impl ImportRun {
    /// The way in which the import was written.
    pub fn written(&self) -> Written {
        self.written
    }

    /// Warns that a kind without a document or sheet was emptied, with the number of removed
    /// records. `missing` is the beginning of the sentence.
    pub fn warn_of_absent(&self, kind: Kind, missing: &str, log: &Log) {
        let report = self.types.iter().find(|report| report.kind == kind);
        let removed = match report {
            Some(report) if self.emptied[kind] => report.removed,
            Some(_) | None => 0,
        };
        let records = counted(removed, &format!("{kind} record"));
        log.warn(match (self.outcome, removed) {
            (ImportOutcome::Rejected, _) | (_, 0) => missing.to_owned(),
            (ImportOutcome::DryRun, _) => {
                format!("{missing}: the import would empty this type and remove {records}")
            }
            (ImportOutcome::Imported | ImportOutcome::ImportedInPart, _) => {
                format!("{missing}: the import emptied this type and removed {records}")
            }
        });
    }

    /// The report of the import of `source`. It contains kinds that were not imported only if they
    /// changed.
    pub fn report<S>(self, source: S, kinds: &[Kind], log: &Log) -> ImportReport<S> {
        let Self { what, outcome, written, mut types, durations, begun, .. } = self;
        let lists = log.lists();
        types.retain(|report| kinds.contains(&report.kind) || report.removed + report.adjusted > 0);
        let milliseconds = |duration: Duration| duration.as_millis() as u64;
        let problems = lists.problems.excerpt();
        ImportReport {
            outcome,
            summary: summary(what, outcome, written, &types, problems.total),
            written,
            source,
            problems,
            dangling: lists.dangling.excerpt(),
            removed_references: lists.removed_references.excerpt(),
            converted: lists.converted.excerpt(),
            administrators: lists.administrators.excerpt(),
            changes: (outcome == ImportOutcome::DryRun).then(|| lists.changes.excerpt()),
            warnings: lists.warnings.clone(),
            milliseconds: Milliseconds {
                decode: milliseconds(durations.decoding),
                plan: milliseconds(durations.planning),
                apply: milliseconds(durations.applying),
                recompute: milliseconds(durations.recomputing),
                total: milliseconds(begun.elapsed()),
            },
            types,
            report_id: None,
        }
    }
}

/// The sum of one count over all kinds.
fn total(types: &[KindReport], count: fn(&KindReport) -> u64) -> u64 {
    types.iter().map(count).sum()
}

/// The report in one sentence.
fn summary(
    what: &str,
    outcome: ImportOutcome,
    written: Written,
    types: &[KindReport],
    problems: u64,
) -> String {
    let created = total(types, |t| t.created);
    let updated = total(types, |t| t.updated);
    let unchanged = total(types, |t| t.unchanged);
    let removed = total(types, |t| t.removed);
    let rejected = total(types, |t| t.rejected);
    let counts =
        format!("{created} created, {updated} updated, {unchanged} unchanged, {removed} removed");
    let nothing_written = match written {
        Written::Nothing => " Nothing changed, so nothing was written.",
        Written::OneChange | Written::NewGeneration => "",
    };
    match outcome {
        ImportOutcome::Imported => {
            format!("The {what} was imported: {counts}.{nothing_written}")
        }
        ImportOutcome::ImportedInPart => {
            let rejected = counted(rejected, "rejected record");
            format!("The {what} was imported without {rejected}: {counts}.{nothing_written}")
        }
        ImportOutcome::DryRun => format!(
            "Nothing was changed. The import would create {created}, update {updated} and remove \
             {removed} records, and leave {unchanged} unchanged."
        ),
        ImportOutcome::Rejected => format!(
            "Nothing was changed: {} found, {} rejected.",
            counted(problems, "problem"),
            counted(rejected, "record")
        ),
    }
}
