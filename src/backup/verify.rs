//! Verifies a backup by restoring it: into a scratch inventory, which is opened as a server opens it,
//! verified, compared with the backup and thrown away.

use std::{io, path::Path, sync::Arc, time::Instant};

use sha2::{Digest as _, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    BackupError, BackupFindings, BackupRequest, BackupVerification, HistoryInBackup, Manifest,
    check_history::check_history,
    lines::TextLine,
    parts::{PartLines, check_parts},
    read::{BackupReader, TEXTS_PART},
    write,
};
use crate::{
    codec::bundle::{PARTS_FOLDER, StreamOutput, document_name},
    import::ImportOutcome,
    inventory::Inventory,
    job::{Progress, Step},
    migration,
    model::Kind,
    store::{CreateDirectory, Options, Origin, Store},
    wording::{counted, hex},
};

/// The size of the texts that are restored in one change, in bytes.
const TEXTS_BYTES: usize = 4 << 20;

/// The name of the operation in the history of the scratch inventory.
const OPERATION: &str = "verify_backup";

/// Verifies the backup at `path`. The scratch inventory is in a temporary folder in `scratch`.
///
/// # Errors
/// - [`BackupError::Refused`] if the file is not a backup, is damaged, or has a newer format.
/// - [`BackupError::Store`] if the operation was cancelled, or if the scratch inventory cannot be written.
/// - [`BackupError::Documents`], [`BackupError::Inventory`] or [`BackupError::Io`] if the backup or the scratch
///   inventory cannot be read.
///
/// A backup that can be read and does not restore to the same inventory is not an error: the findings have
/// the reasons.
pub fn verify(
    path: &Path,
    scratch: &Path,
    progress: &Progress,
) -> Result<BackupVerification, BackupError> {
    let started = Instant::now();
    progress.step(Step::Reading, None)?;
    let reader = BackupReader::open(path)?;
    check_parts(path, &reader, progress)?;
    let mut found = Found::default();
    if let Some(lines) = PartLines::open(path, &reader, super::read::HISTORY_PART) {
        found.changes = check_history(lines, reader.manifest(), &mut found.findings, progress)?;
    }
    let folder = tempfile::Builder::new().prefix("verify-").tempdir_in(scratch);
    let folder = folder.map_err(BackupError::at(scratch))?;
    restore(path, &reader, folder.path(), &mut found, progress)?;
    let findings = found.findings;
    let whole = findings.total == 0;
    let records = reader.manifest().records_of_documents();
    let summary = if whole {
        format!(
            "Backup OK: restored and compared {}, {} and {}.",
            counted(records, "record"),
            counted(found.texts, "text"),
            counted(found.changes, "change")
        )
    } else {
        format!("The backup cannot be restored as it is: {}.", counted(findings.total, "finding"))
    };
    Ok(BackupVerification {
        whole,
        summary,
        time: OffsetDateTime::now_utc().truncate_to_millisecond().format(&Rfc3339)?,
        change: reader.manifest().change,
        records,
        texts: found.texts,
        changes: found.changes,
        findings,
        milliseconds: started.elapsed().as_millis() as u64,
    })
}

/// The results of a verification so far.
#[derive(Default)]
struct Found {
    texts: u64,
    changes: u64,
    findings: BackupFindings,
}

/// Restores the backup into a new data directory in `folder`, opens it, verifies it and compares it.
fn restore(
    path: &Path,
    reader: &BackupReader,
    folder: &Path,
    found: &mut Found,
    progress: &Progress,
) -> Result<(), BackupError> {
    progress.step(Step::Decoding, None)?;
    let options = Options { command: "verify", ..Options::default() };
    let store = Store::open_with(folder, options)?;
    let report = migration::import_bundle(&store, path, &Origin::internal(OPERATION))
        .map_err(BackupError::of_documents)?;
    for problem in &report.problems.shown {
        let detail = &problem.entry.detail;
        found.findings.add_many(problem.count, || format!("an import rejects a record: {detail}"));
    }
    if report.dangling.total > 0 {
        let references = counted(report.dangling.total, "reference");
        found.findings.add(format!("{references} to records that do not exist"));
    }
    if report.outcome != ImportOutcome::Imported {
        return Ok(());
    }
    progress.step(Step::Applying, None)?;
    let sha256 = restore_texts(path, reader, &store, found, progress)?;
    drop(store);

    let options = Options { create: CreateDirectory::Never, ..options };
    let store = Arc::new(Store::open_with(folder, options)?);
    let verified = Inventory::new(store.clone()).verify(progress)?;
    for finding in &verified.findings.shown {
        let name = finding.name.as_deref().unwrap_or("the inventory");
        found.findings.add(format!("'{name}' {}", finding.detail));
    }
    progress.step(Step::Comparing, None)?;
    compare(reader.manifest(), &sha256, &store, folder, found)
}

/// Restores the present long texts. Returns the SHA-256 of their lines. The earlier texts are decoded only.
fn restore_texts(
    path: &Path,
    reader: &BackupReader,
    store: &Store,
    found: &mut Found,
    progress: &Progress,
) -> Result<String, BackupError> {
    let mut sha256 = Sha256::new();
    let Some(mut lines) = PartLines::open(path, reader, TEXTS_PART) else {
        return Ok(hex(&sha256.finalize()));
    };
    let mut line = Vec::new();
    let mut batch: Vec<(String, String, String)> = Vec::new();
    let mut bytes = 0;
    while lines.next(&mut line)? {
        progress.check()?;
        found.texts += 1;
        let TextLine { device, property, number, text, .. } = lines.parse(&line)?;
        let is_text = Kind::Device.long_texts().contains(&&*property);
        if !is_text {
            found.findings.add(format!("the device '{device}' has the unknown text '{property}'"));
            continue;
        }
        if number.is_some() {
            continue;
        }
        sha256.update(&line);
        if !store.read().contains(Kind::Device, &device)? {
            found
                .findings
                .add(format!("there is a text of the device '{device}', which is missing"));
            continue;
        }
        let text = text.unwrap_or_default().into_owned();
        bytes += text.len();
        batch.push((device.into_owned(), property.into_owned(), text));
        if bytes > TEXTS_BYTES {
            bytes = 0;
            put_texts(store, &std::mem::take(&mut batch))?;
        }
    }
    put_texts(store, &batch)?;
    let declared = reader.manifest().records_of(&format!("{PARTS_FOLDER}{TEXTS_PART}"));
    if declared != Some(found.texts) {
        found
            .findings
            .add(format!("the backup has {}, not as declared", counted(found.texts, "text")));
    }
    Ok(hex(&sha256.finalize()))
}

fn put_texts(store: &Store, texts: &[(String, String, String)]) -> Result<(), BackupError> {
    if texts.is_empty() {
        return Ok(());
    }
    store.change(&Origin::internal(OPERATION), |transaction| {
        for (device, property, text) in texts {
            transaction.put_text(device, property, text)?;
        }
        Ok::<_, BackupError>(())
    })
}

/// Compares the restored inventory with the backup: a backup of it has the same documents and texts.
fn compare(
    manifest: &Manifest,
    sha256_of_texts: &str,
    store: &Store,
    scratch: &Path,
    found: &mut Found,
) -> Result<(), BackupError> {
    let request =
        BackupRequest { history: HistoryInBackup::LeftOut, principal: manifest.made_by.clone() };
    let snapshot = store.backup_snapshot()?;
    let out = StreamOutput::new(io::sink());
    let progress = Progress::detached();
    let (_, written) = write::write(&snapshot, scratch.join("scratch"), &request, out, &progress)?;
    let restored = written.manifest;
    for kind in Kind::ALL {
        let name = document_name(kind);
        let of =
            |manifest: &Manifest| manifest.parts.iter().find(|part| part.name == name).cloned();
        let (before, after) = (of(manifest), of(&restored));
        if before != after {
            let records = |part: Option<super::ManifestPart>| part.and_then(|part| part.records);
            found.findings.add(format!(
                "{name} differs after the restore: {} before, {} after",
                counted(records(before).unwrap_or_default(), "record"),
                counted(records(after).unwrap_or_default(), "record")
            ));
        }
    }
    let texts = format!("{PARTS_FOLDER}{TEXTS_PART}");
    if restored.parts.iter().any(|part| part.name == texts && part.sha256 != sha256_of_texts) {
        found.findings.add("the configurations differ after the restore".to_owned());
    }
    Ok(())
}
