//! Restores a backup or a bundle: all records and long texts, some types, or the records of one name.
//!
//! ```text
//! source  opens the file and compares its checksums
//! texts   the long texts: checked, compared and written
//! report  the report
//! ```
//!
//! The history of a backup is not restored: the entries of a history belong to the versions of the records
//! of one data directory. It stays readable in the file.

mod report;
mod source;
mod texts;

use std::{fs::File, path::Path};

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

pub use report::{RestoreReport, Restored, TextCounts};

use source::RestoreSource;
use texts::{BackupTexts, TextScope};

use super::{BackupError, BackupName, BackupRequest, Backups, HistoryInBackup, library::NewName};
use crate::{
    import::{
        self, Decoded, EmptyReplacement, Emptying, ImportOptions, ImportOutcome, ImportSource,
        IncomingTexts, Log, Merging, Mode, OnError, PrincipalRecord, SmallImport, Written,
    },
    job::{Progress, Step},
    model::Kind,
    store::{LiveView, Origin, StoreError},
    wording::{Chain, counted, hex},
};

/// The number of the change that creates the first user. An inventory without a later change has nothing to
/// keep.
const FIRST_CHANGE: u64 = 1;

/// The first line of the text whose SHA-256 is a plan. It changes when the form of this text changes.
const PLAN_FORM: &str = "satchel restore 1";

/// The request to restore a file.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// The kinds to restore. `None` for all that the file has.
    pub kinds: Option<Vec<Kind>>,
    /// The name of the records to restore. `None` for all records: those that the file does not have are
    /// removed then.
    pub name: Option<String>,
    /// The restore itself, or only a report of its changes.
    pub mode: Mode,
    /// The plan that the caller has seen. A restore needs it, a dry run ignores it.
    pub plan: Option<String>,
    /// The user who restores, and the request.
    pub origin: Origin,
}

/// A file to restore.
pub(super) struct RestoreFile<'f> {
    pub file: &'f File,
    /// Its path, for messages.
    pub path: &'f Path,
    /// Its name, for the report.
    pub name: Option<String>,
}

impl Backups {
    /// Restores a file in one step. The present inventory is backed up before, unless nothing changes.
    ///
    /// # Errors
    /// On every error the inventory stays unchanged.
    /// - [`BackupError::Refused`] or [`BackupError::Documents`] if the file is damaged or has a newer format.
    /// - [`BackupError::NoKind`] or [`BackupError::NoRecord`] if it does not have what is requested.
    /// - [`BackupError::PlanChanged`] if the plan is not that of the request.
    /// - [`BackupError::Safety`] if the present inventory cannot be backed up.
    /// - [`BackupError::Import`], [`BackupError::Store`] or [`BackupError::Io`] if the restore was refused,
    ///   failed or was cancelled.
    pub(super) fn restore_file(
        &self,
        from: &RestoreFile<'_>,
        request: &RestoreRequest,
        progress: &Progress,
    ) -> Result<RestoreReport, BackupError> {
        let store = &*self.0.store;
        progress.step(Step::Reading, None)?;
        let source = RestoreSource::open(from.file, from.path, progress)?;
        let kinds = kinds(&source, request)?;
        let log = Log::new(ImportSource::Documents, &store.directory().scratch(), progress)?;
        let name = request.name.as_deref();
        let decoded = source.documents().decode(store, &kinds, name, &log);
        let decoded = decoded.map_err(BackupError::of_documents)?;
        if let Some(name) = name
            && decoded.count() == 0
            && log.lists().problems.is_empty()
        {
            return Err(BackupError::NoRecord { name: name.to_owned() });
        }

        // No other change is possible from here to the end of the restore.
        let write_lock = match request.mode {
            Mode::Apply => {
                progress.step(Step::Waiting, None)?;
                Some(store.lock(progress)?)
            }
            Mode::DryRun => None,
        };
        let existing = store.read();
        let plan = plan(&source, existing.summary()?.version, &kinds, name);
        if request.mode == Mode::Apply && request.plan.as_deref() != Some(&*plan) {
            return Err(BackupError::PlanChanged);
        }
        progress.step(Step::Comparing, None)?;
        let (texts, counts) = texts(&source, request, &kinds, &decoded, &existing, progress)?;
        let is_new = is_new(&existing)?;
        let mut kinds_by_work = kinds.clone();
        kinds_by_work.sort_unstable();
        let options = ImportOptions {
            what: "backup",
            kinds: &kinds_by_work,
            emptying: if name.is_some() { Emptying::Nothing } else { Emptying::Listed },
            empty_replacement: EmptyReplacement::Allowed,
            on_error: OnError::Fail,
            mode: request.mode,
            small: SmallImport::DEFAULT,
            origin: &request.origin,
            merging: Merging::ReplaceRecords,
            // The first user of a new inventory has a public password.
            principal_record: if is_new { PrincipalRecord::NotKept } else { PrincipalRecord::Kept },
            kept_by_replacement: None,
        };
        let decoded = decoded.with_texts(texts.filter(|_| counts.has_changes()));
        let mut safety_backup = None;
        let run = import::apply_locked(store, write_lock, &options, &log, decoded, || {
            if !is_new {
                safety_backup = Some(self.back_up_first(request, &log, progress)?);
            }
            Ok::<_, BackupError>(())
        })?;
        let manifest = source.manifest();
        let restored = Restored {
            backup: from.name.clone(),
            change: manifest.map(|manifest| manifest.change),
            made: manifest.map(|manifest| manifest.made.clone()),
            made_by: manifest.map(|manifest| manifest.made_by.clone()),
            plan,
            texts: counts,
            safety_backup: safety_backup.map(|name| name.to_string()),
        };
        let mut report = run.report(restored, &kinds, &log);
        report.summary = summary(&report);
        Ok(report)
    }

    /// Stores a backup of the present inventory. A damaged history is left out.
    fn back_up_first(
        &self,
        request: &RestoreRequest,
        log: &Log,
        progress: &Progress,
    ) -> Result<BackupName, BackupError> {
        let like = NewName::Like(BackupName::before_restore(OffsetDateTime::now_utc())?);
        let principal = request.origin.principal.clone();
        let mut backup = BackupRequest { history: HistoryInBackup::Included, principal };
        let made = match self.write_new(like.clone(), &backup, progress) {
            Err(BackupError::Store(
                error @ (StoreError::Damaged { .. } | StoreError::Corrupt { .. }),
            )) => {
                tracing::warn!(error = %Chain(&error), "The backup before a restore has no history.");
                log.warn(
                    "the backup of the present inventory has no history, because the history is damaged"
                        .to_owned(),
                );
                backup.history = HistoryInBackup::LeftOut;
                self.write_new(like, &backup, progress)
            }
            made => made,
        };
        match made.and_then(|(_, new)| self.library().commit(new)) {
            Ok((name, _)) => Ok(name),
            Err(BackupError::Store(error @ StoreError::Cancelled(_))) => Err(error.into()),
            Err(error) => Err(BackupError::Safety(Box::new(error))),
        }
    }
}

/// Returns the kinds to restore.
///
/// # Errors
/// [`BackupError::NoKind`] if the file has no document of a requested kind. Its records would be removed.
fn kinds(source: &RestoreSource, request: &RestoreRequest) -> Result<Vec<Kind>, BackupError> {
    let present = source.kinds();
    let Some(kinds) = &request.kinds else { return Ok(present) };
    match kinds.iter().find(|kind| !present.contains(kind)) {
        Some(kind) => Err(BackupError::NoKind { kind: *kind }),
        None => Ok(kinds.clone()),
    }
}

/// Returns whether the inventory was never changed.
fn is_new(existing: &LiveView) -> Result<bool, StoreError> {
    let summary = existing.summary()?;
    Ok(summary.version <= FIRST_CHANGE && summary.records() <= 1)
}

/// The long texts to restore, and how they differ from those of the inventory. `None` if the restore sets no
/// text.
type ComparedTexts = (Option<Box<dyn IncomingTexts>>, TextCounts);

/// Compares the long texts of the file with those of the inventory.
fn texts(
    source: &RestoreSource,
    request: &RestoreRequest,
    kinds: &[Kind],
    decoded: &Decoded,
    existing: &LiveView,
    progress: &Progress,
) -> Result<ComparedTexts, BackupError> {
    let scope = match &request.name {
        _ if !kinds.contains(&Kind::Device) => return Ok((None, TextCounts::default())),
        None => TextScope::All,
        Some(name) => {
            if !decoded.names(Kind::Device).contains(name)? {
                return Ok((None, TextCounts::default()));
            }
            TextScope::Device(name.clone())
        }
    };
    let Some(part) = source.texts() else { return Ok((None, TextCounts::default())) };
    let texts = BackupTexts::new(part, scope);
    let counts = texts.compare(decoded, existing, progress)?;
    Ok((Some(Box::new(texts)), counts))
}

/// Returns the plan of a restore: a SHA-256 over everything that decides about its result.
fn plan(source: &RestoreSource, version: u64, kinds: &[Kind], name: Option<&str>) -> String {
    let mut kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    kinds.sort_unstable();
    let mut sha256 = Sha256::new();
    sha256.update(format!("{PLAN_FORM}\n{}\n{version}\n{}\n", source.sha256(), kinds.join(",")));
    if let Some(name) = name {
        sha256.update(format!("name {name}\n"));
    }
    hex(&sha256.finalize())
}

/// The report in one sentence.
fn summary(report: &RestoreReport) -> String {
    let sum = |count: fn(&import::KindReport) -> u64| report.types.iter().map(count).sum::<u64>();
    let (created, updated) = (sum(|of| of.created), sum(|of| of.updated));
    let (removed, unchanged) = (sum(|of| of.removed), sum(|of| of.unchanged));
    let TextCounts { added, changed, removed: texts_removed, .. } = report.source.texts;
    let texts = match added + changed + texts_removed {
        0 => String::new(),
        texts => format!(" {} change.", counted(texts, "long text")),
    };
    match report.outcome {
        ImportOutcome::Imported if report.written == Written::Nothing => format!(
            "Nothing was changed, because nothing differs from the backup: {unchanged} unchanged."
        ),
        ImportOutcome::DryRun => format!(
            "Nothing was changed. The restore would create {created}, update {updated} and remove \
             {removed} records, and leave {unchanged} unchanged.{texts}"
        ),
        ImportOutcome::Imported | ImportOutcome::ImportedInPart => format!(
            "The backup was restored: {created} created, {updated} updated, {unchanged} unchanged, \
             {removed} removed.{texts}"
        ),
        ImportOutcome::Rejected => report.summary.clone(),
    }
}
