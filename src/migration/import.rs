//! The import of a project: decode, plan, apply, all or nothing.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    EmptyFirst, ImportOutcome, ImportReport, ImportRequest, KindReport, MigrationError,
    Milliseconds, Mode, OnError, RELEASE,
    decode::{Document, decode},
    diff::differences,
    log::Log,
    members::{self, Found, Members, Numbers},
    problem::{Change, ChangeKind, ChangedRecord, PropertyChange, ShownValue},
    reference,
    resolve::{Resolved, Scope, resolve},
    shelf::{Layout, Project},
    walk::{Fate, Step, decode_old, walk},
    workers,
};
use crate::{
    model::{Entity, Field, Kind, KindVisitor, PerKind, Pool, Secrets, Side, User, Value},
    store::{Load, Raw, Sorted, Sorter, Store, Vault, parse_target_key},
};

/// What the references of an inventory may take in memory before they are set aside, in bytes.
const REFERENCES_BYTES: usize = 64 * 1024 * 1024;

/// Imports a project, or says what an import would do.
pub(super) fn import(
    store: &Store,
    project: &Project,
    request: &ImportRequest,
    caller: &str,
    log: &Log,
) -> Result<ImportReport, MigrationError> {
    let begun = Instant::now();
    let documents_bytes = project.documents();
    let mut kinds: Vec<Kind> =
        Kind::ALL.into_iter().filter(|k| request.kinds.contains(k)).collect();
    // The longest document first, so that no thread is left alone with it at the end.
    kinds.sort_by_key(|kind| std::cmp::Reverse(documents_bytes[*kind]));
    let mut documents = Vec::new();
    for kind in &kinds {
        if let Some(text) = project.document(*kind)? {
            // A folder is there to be edited; what it once held does not count.
            let declared = match project.layout() {
                Layout::Bundle => project.metadata().document(*kind).map(|info| info.records),
                Layout::Folder => None,
            };
            documents.push(Document { kind: *kind, text, declared });
        }
    }
    let decoded = decode(documents, store.vault(), log)?;
    let decoding = begun.elapsed();

    // From here on nothing else changes the inventory, until the import is done.
    let writing = match request.mode {
        Mode::Apply => Some(store.write()?),
        Mode::DryRun => None,
    };
    let planning = Instant::now();
    let old = store.read();
    let old_summary = old.summary()?;
    let empty = request.empty == EmptyFirst::Yes;
    let mut scope = Scope {
        old: &old,
        old_summary,
        decoded,
        emptied: PerKind::new(|kind| empty && request.kinds.contains(&kind)),
        caller,
        caller_survives: false,
    };
    scope.caller_survives = !brings(&scope, caller)?;
    let resolved = resolve(&scope, log)?;
    let rejected = {
        let lists = log.lists();
        !lists.problems.is_empty() && (request.on_error == OnError::Fail || lists.unreadable)
    };
    let mut report = Outline { kinds: &kinds, project, begun, log };
    if rejected {
        let steps = Steps { decoding, planning: planning.elapsed(), ..Steps::default() };
        return report.finish(ImportOutcome::Rejected, unwalked(&scope, log), steps);
    }
    administrators(&scope, &resolved, store.vault())?;
    let members = Members::prepare(&scope, &resolved, log)?;
    let planned = planning.elapsed();

    let applying = Instant::now();
    let load = writing.map(|writing| writing.load()).transpose()?;
    let job = Job {
        scope: &scope,
        resolved: &resolved,
        load: load.as_ref(),
        references: Mutex::new(Sorter::new(log.scratch(), REFERENCES_BYTES)),
        log,
    };
    let (types, recomputing) = job.run(members, &kinds)?;
    if let Some(load) = load {
        load.commit()?;
    }
    let applying = applying.elapsed().saturating_sub(recomputing);
    let steps = Steps { decoding, planning: planned, applying, recomputing };
    let problems = !log.lists().problems.is_empty();
    let outcome = match (request.mode, problems) {
        (Mode::DryRun, _) => ImportOutcome::DryRun,
        (Mode::Apply, false) => ImportOutcome::Imported,
        (Mode::Apply, true) => ImportOutcome::ImportedInPart,
    };
    report.finish(outcome, types, steps)
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

/// Whether the project brings a user of this name.
fn brings(scope: &Scope<'_>, name: &str) -> Result<bool, MigrationError> {
    match &scope.decoded.records[Kind::User] {
        Some(users) => Ok(super::cursor::Cursor::new(users).seek(name.as_bytes())?),
        None => Ok(false),
    }
}

/// Refuses an import after which nobody could administer the appliance.
fn administrators(
    scope: &Scope<'_>,
    resolved: &Resolved,
    vault: &Vault,
) -> Result<(), MigrationError> {
    let mut able = false;
    walk::<User>(
        scope,
        resolved,
        |user, before| keep_access(scope, user, before),
        |step| {
            if let Some(after) = step.after
                && !able
            {
                let mut user = after.record.clone();
                vault.open_secrets(&mut user)?;
                able = user.is_able_administrator();
            }
            Ok(())
        },
    )?;
    if able { Ok(()) } else { Err(MigrationError::NoAdministrator) }
}

/// A project without secrets does not say the caller's password, and an old one not who
/// administers. Emptying the users first must not lock out who asked for it.
fn keep_access(
    scope: &Scope<'_>,
    user: &mut User,
    before: Option<&Raw>,
) -> Result<bool, MigrationError> {
    let (true, Some(before)) = (user.name.as_str() == scope.caller, before) else {
        return Ok(false);
    };
    let before: User = decode_old(Kind::User, &user.name, before)?;
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
struct Job<'a> {
    scope: &'a Scope<'a>,
    resolved: &'a Resolved,
    load: Option<&'a Load<'a>>,
    /// All references of the inventory that there will be.
    references: Mutex<Sorter>,
    log: &'a Log,
}

impl Job<'_> {
    /// Gives what became of each kind, and how long the pools took.
    fn run(
        self,
        members: Members,
        first: &[Kind],
    ) -> Result<(Vec<KindReport>, Duration), MigrationError> {
        // Pools come last: their members have to be known.
        let mut kinds = first.to_vec();
        kinds.extend(Kind::ALL.into_iter().filter(|kind| !first.contains(kind)));
        kinds.retain(|kind| *kind != Kind::Pool);
        let mut reports = workers::run(kinds, |kind| match kind {
            Kind::User => {
                self.table::<User>(None, |user, before| keep_access(self.scope, user, before))
            }
            other => other.dispatch(Table { job: &self, members: &members }),
        })?;
        let recomputing = Instant::now();
        reports.push(self.pools(&members.finish()?)?);
        let recomputing = recomputing.elapsed();

        if let Some(load) = self.load {
            let references =
                self.references.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
            load.references(|put| write_references(&references, put))?;
        }
        reports.sort_by_key(|report| report.kind);
        Ok((reports, recomputing))
    }

    /// The pools' walk, and their members.
    fn pools(&self, found: &Found) -> Result<KindReport, MigrationError> {
        let mut settled = BTreeMap::new();
        let mut report = self.walked::<Pool>(
            None,
            |pool, before| members::amend(self.scope.old, pool, before),
            |step| match step.fate {
                Fate::Kept | Fate::Unchanged => {
                    settled.insert(step.name.to_owned(), step.fate);
                }
                Fate::Adjusted | Fate::Created | Fate::Updated | Fate::Removed => {}
            },
        )?;
        if let Some(load) = self.load {
            found.write(load)?;
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

    /// One kind's walk.
    fn table<E: Entity>(
        &self,
        offer: Option<(&Members, Side)>,
        amend: impl FnMut(&mut E, Option<&Raw>) -> Result<bool, MigrationError>,
    ) -> Result<KindReport, MigrationError> {
        self.walked(offer, amend, |_| {})
    }

    /// One kind's walk, on which `see` is shown every step.
    fn walked<E: Entity>(
        &self,
        offer: Option<(&Members, Side)>,
        amend: impl FnMut(&mut E, Option<&Raw>) -> Result<bool, MigrationError>,
        mut see: impl FnMut(&Step<'_, E>),
    ) -> Result<KindReport, MigrationError> {
        let mut report = KindReport::new(E::KIND);
        report.rejected = self.log.lists().rejected[E::KIND];
        let mut table = self.load.map(|load| (load.version(), load.table(E::KIND)));
        walk::<E>(self.scope, self.resolved, amend, |step| {
            see(&step);
            match step.fate {
                Fate::Kept => {}
                Fate::Adjusted => report.adjusted += 1,
                Fate::Unchanged => report.unchanged += 1,
                Fate::Created => report.created += 1,
                Fate::Updated => report.updated += 1,
                Fate::Removed => report.removed += 1,
            }
            if self.load.is_none() {
                self.note(&step)?;
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
    fn note<E: Entity>(&self, step: &Step<'_, E>) -> Result<(), MigrationError> {
        let change = match step.fate {
            Fate::Kept | Fate::Unchanged => return Ok(()),
            Fate::Adjusted => ChangeKind::Adjusted,
            Fate::Created => ChangeKind::Created,
            Fate::Updated => ChangeKind::Updated,
            Fate::Removed => ChangeKind::Removed,
        };
        let properties = match (step.before, &step.after) {
            (Some(before), Some(after)) => {
                let before: E = decode_old(E::KIND, step.name, before)?;
                differences(before, after.record.clone())
            }
            (Some(_), None) | (None, Some(_)) | (None, None) => Vec::new(),
        };
        let record = ChangedRecord { record: step.name.to_owned(), properties };
        Ok(self.log.lists().changes.push(&Change { kind: E::KIND, change }, record)?)
    }
}

/// A kind's walk that amends nothing.
struct Table<'a> {
    job: &'a Job<'a>,
    members: &'a Members,
}

impl KindVisitor for Table<'_> {
    type Output = Result<KindReport, MigrationError>;

    fn visit<E: Entity>(self) -> Self::Output {
        let side = match E::KIND {
            Kind::Device => Some(Side::Device),
            Kind::Link => Some(Side::Link),
            Kind::User
            | Kind::Group
            | Kind::File
            | Kind::Service
            | Kind::Network
            | Kind::WorkflowEdge
            | Kind::Task
            | Kind::Credential
            | Kind::Pool => None,
        };
        self.job.table::<E>(side.map(|side| (self.members, side)), |_, _| Ok(false))
    }
}

/// Takes a target and a reference to it.
type PutReference<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), MigrationError> + 'a;

fn write_references(references: &Sorted, put: &mut PutReference<'_>) -> Result<(), MigrationError> {
    let mut reader = references.read();
    while let Some((key, _)) = reader.next()? {
        let (.., at) = parse_target_key(key).ok_or_else(MigrationError::cut_off)?;
        put(&key[..at], &key[at..])?;
    }
    Ok(())
}

#[derive(Default)]
struct Steps {
    decoding: Duration,
    planning: Duration,
    applying: Duration,
    recomputing: Duration,
}

/// A report that waits for its end.
struct Outline<'a> {
    kinds: &'a [Kind],
    project: &'a Project,
    begun: Instant,
    log: &'a Log,
}

impl Outline<'_> {
    fn finish(
        &mut self,
        outcome: ImportOutcome,
        mut types: Vec<KindReport>,
        steps: Steps,
    ) -> Result<ImportReport, MigrationError> {
        let mut lists = self.log.lists();
        types.retain(|report| {
            self.kinds.contains(&report.kind) || report.removed + report.adjusted > 0
        });
        let release = self.project.metadata().release.as_ref().map(ToString::to_string);
        if let Some(release) = &release
            && *release != RELEASE.to_string()
        {
            lists.warnings.push(format!(
                "the project is of release {release}, and this Satchel writes the documents of \
                 {RELEASE}: look whether everything came as you expect"
            ));
        }
        if self.project.metadata().secrets() == Some(Secrets::LeftOut) {
            lists.warnings.push(
                "the project was exported without its secrets: what it creates has no passwords \
                 and keys, and what is there keeps its own unless it is emptied"
                    .to_owned(),
            );
        }
        if self.project.hides_folder() {
            lists.warnings.push(
                "a folder and a bundle of this name are there; the bundle was read".to_owned(),
            );
        }
        for kind in self.kinds {
            if self.project.documents()[*kind].is_none() {
                lists.warnings.push(format!("the project has no document {kind}.yaml"));
            }
        }
        for document in self.project.ignored() {
            lists.warnings.push(format!("the document '{document}' is not one of a project's"));
        }
        let milliseconds = |duration: Duration| duration.as_millis() as u64;
        let problems = lists.problems.shown();
        Ok(ImportReport {
            outcome,
            summary: summary(outcome, &types, problems.total),
            project: self.project.name().to_string(),
            release,
            problems,
            dangling: lists.dangling.shown(),
            struck: lists.struck.shown(),
            converted: lists.converted.shown(),
            changes: (outcome == ImportOutcome::DryRun).then(|| lists.changes.shown()),
            warnings: lists.warnings.clone(),
            milliseconds: Milliseconds {
                decode: milliseconds(steps.decoding),
                plan: milliseconds(steps.planning),
                apply: milliseconds(steps.applying),
                recompute: milliseconds(steps.recomputing),
                total: milliseconds(self.begun.elapsed()),
            },
            types,
            report: None,
        })
    }
}

/// The report in a sentence.
fn summary(outcome: ImportOutcome, types: &[KindReport], problems: u64) -> String {
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
        ImportOutcome::Imported => format!("The project was imported: {counts}."),
        ImportOutcome::ImportedInPart => {
            let rejected = counted(rejected, "rejected record");
            format!("The project was imported without {rejected}: {counts}.")
        }
        ImportOutcome::DryRun => format!("Nothing was changed. An import would give: {counts}."),
        ImportOutcome::Rejected => format!(
            "Nothing was changed: {} found, {} rejected.",
            counted(problems, "problem"),
            counted(rejected, "record")
        ),
    }
}

/// "1 record", "2 records".
fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
