//! The steps of an import, one after the other.

use std::time::{Duration, Instant};

use super::{
    EmptyReplacement, Emptying, ImportError, ImportOutcome, ImportReport, KindReport, Log,
    Milliseconds, Mode, OnError,
    apply::{Job, brings, require_administrator},
    intake::Decoded,
    members::Members,
    replacement::require_records,
    resolve::{Scope, resolve},
};
use crate::{
    job::Step,
    model::{Kind, PerKind},
    store::Store,
    wording::counted,
};

/// What is asked of an import.
pub struct Import<'a> {
    /// What comes, as a sentence's subject: "the project".
    pub what: &'static str,
    /// The kinds that come, the one with most work first.
    pub kinds: &'a [Kind],
    /// Which of these kinds are emptied in the same step.
    pub emptying: Emptying,
    pub empty_replacement: EmptyReplacement,
    pub on_error: OnError,
    pub mode: Mode,
    /// The user who asks, who is not locked out.
    pub caller: &'a str,
}

/// What an import came to; its lists are in the log.
pub struct Ran {
    what: &'static str,
    outcome: ImportOutcome,
    types: Vec<KindReport>,
    emptied: PerKind<bool>,
    steps: Steps,
    begun: Instant,
}

#[derive(Default)]
struct Steps {
    decoding: Duration,
    planning: Duration,
    applying: Duration,
    recomputing: Duration,
}

/// Runs an import, or finds out what it would do. `decode` is its first step, which looks at no
/// inventory.
///
/// # Errors
/// Nothing was changed. [`StoreError::Cancelled`](crate::store::StoreError::Cancelled) within it if
/// the import was cancelled.
pub fn run<X: From<ImportError>>(
    store: &Store,
    import: &Import<'_>,
    log: &Log,
    decode: impl FnOnce() -> Result<Decoded, X>,
) -> Result<Ran, X> {
    let begun = Instant::now();
    let decoded = decode()?;
    let decoding = begun.elapsed();
    Ok(planned(store, import, log, decoded, begun, decoding)?)
}

fn planned(
    store: &Store,
    import: &Import<'_>,
    log: &Log,
    decoded: Decoded,
    begun: Instant,
    decoding: Duration,
) -> Result<Ran, ImportError> {
    let progress = log.progress();
    // From here on nothing else changes the inventory, until the import is done.
    let writing = match import.mode {
        Mode::Apply => {
            progress.step(Step::Waiting, None)?;
            Some(store.write(progress)?)
        }
        Mode::DryRun => None,
    };
    let planning = Instant::now();
    progress.step(Step::Planning, None)?;
    let old = store.read();
    let old_summary = old.summary()?;
    let emptied = PerKind::new(|kind| match import.emptying {
        Emptying::Nothing => false,
        Emptying::Present => decoded.records[kind].is_some(),
        Emptying::Listed => import.kinds.contains(&kind),
    });
    let mut scope = Scope {
        old: &old,
        old_summary,
        decoded,
        emptied,
        caller: import.caller,
        caller_survives: false,
    };
    scope.caller_survives = !brings(&scope, import.caller)?;
    let resolved = resolve(&scope, log)?;
    let rejected = {
        let lists = log.lists();
        !lists.problems.is_empty() && (import.on_error == OnError::Fail || lists.unreadable)
    };
    let ran = |outcome, types, steps| Ran {
        what: import.what,
        outcome,
        types,
        emptied: scope.emptied.clone(),
        steps,
        begun,
    };
    if rejected {
        let steps = Steps { decoding, planning: planning.elapsed(), ..Steps::default() };
        return Ok(ran(ImportOutcome::Rejected, unwalked(&scope, log), steps));
    }
    require_records(import, &scope, &resolved, |kind| log.document(kind))?;
    require_administrator(&scope, &resolved, store.vault())?;
    let members = Members::prepare(&scope, &resolved, log)?;
    let planned = planning.elapsed();

    let applying = Instant::now();
    let load = writing.map(|writing| writing.load()).transpose()?;
    // The walks read what is there and what comes.
    let records = scope.old_summary.records() + scope.decoded.count;
    progress.step(Step::Applying, Some(records))?;
    let job = Job::new(&scope, &resolved, load.as_ref(), log);
    let (types, recomputing) = job.run(members, import.kinds)?;
    if let Some(load) = load {
        load.commit(progress)?;
    }
    let applying = applying.elapsed().saturating_sub(recomputing);
    let steps = Steps { decoding, planning: planned, applying, recomputing };
    let problems = !log.lists().problems.is_empty();
    let outcome = match (import.mode, problems) {
        (Mode::DryRun, _) => ImportOutcome::DryRun,
        (Mode::Apply, false) => ImportOutcome::Imported,
        (Mode::Apply, true) => ImportOutcome::ImportedInPart,
    };
    Ok(ran(outcome, types, steps))
}

/// The report's numbers where nothing was walked: what was rejected, and what is there still.
fn unwalked(scope: &Scope<'_>, log: &Log) -> Vec<KindReport> {
    let report = |kind| KindReport {
        rejected: log.lists().rejected[kind],
        total: scope.old_summary.kind(kind).count,
        ..KindReport::new(kind)
    };
    Kind::ALL.into_iter().map(report).collect()
}

impl Ran {
    /// Warns that a type has no document or sheet, and how many records are removed because it is
    /// emptied all the same. `missing` says what is missing where.
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

    /// The whole of what an import of `source` did. Kinds that were not imported are in it only
    /// where they changed.
    pub fn report<S>(self, source: S, kinds: &[Kind], log: &Log) -> ImportReport<S> {
        let Self { what, outcome, mut types, steps, begun, .. } = self;
        let lists = log.lists();
        types.retain(|report| kinds.contains(&report.kind) || report.removed + report.adjusted > 0);
        let milliseconds = |duration: Duration| duration.as_millis() as u64;
        let problems = lists.problems.shown();
        ImportReport {
            outcome,
            summary: summary(what, outcome, &types, problems.total),
            source,
            problems,
            dangling: lists.dangling.shown(),
            struck: lists.struck.shown(),
            converted: lists.converted.shown(),
            administrators: lists.administrators.shown(),
            changes: (outcome == ImportOutcome::DryRun).then(|| lists.changes.shown()),
            warnings: lists.warnings.clone(),
            milliseconds: Milliseconds {
                decode: milliseconds(steps.decoding),
                plan: milliseconds(steps.planning),
                apply: milliseconds(steps.applying),
                recompute: milliseconds(steps.recomputing),
                total: milliseconds(begun.elapsed()),
            },
            types,
            report: None,
        }
    }
}

/// The report in a sentence.
fn summary(what: &str, outcome: ImportOutcome, types: &[KindReport], problems: u64) -> String {
    let sum = |count: fn(&KindReport) -> u64| types.iter().map(count).sum::<u64>();
    let counts = format!(
        "{} created, {} updated, {} unchanged, {} removed",
        sum(|t| t.created),
        sum(|t| t.updated),
        sum(|t| t.unchanged),
        sum(|t| t.removed)
    );
    let rejected = sum(|t| t.rejected);
    match outcome {
        ImportOutcome::Imported => format!("The {what} was imported: {counts}."),
        ImportOutcome::ImportedInPart => {
            let rejected = counted(rejected, "rejected record");
            format!("The {what} was imported without {rejected}: {counts}.")
        }
        ImportOutcome::DryRun => format!("Nothing was changed. An import would give: {counts}."),
        ImportOutcome::Rejected => format!(
            "Nothing was changed: {} found, {} rejected.",
            counted(problems, "problem"),
            counted(rejected, "record")
        ),
    }
}
