//! Exports a snapshot of the inventory as a project.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::Instant,
};

use time::{OffsetDateTime, macros::format_description};

use super::{
    ExportReport, ExportRequest, ExportedKind, MigrationError, RELEASE, library::ProjectLibrary,
};
use crate::{
    codec::{
        bundle::{
            self, ArchiveOutput, BundleInfo, BundleWriter, Limits, Release, WriteError,
            limits::PROJECT_BYTES_MAX,
        },
        yaml::RecordWriter,
    },
    job::{Progress, Step},
    model::{
        AnyRecord, Kind, Membership, Pool, PropertyType, Record, Secrets, Side, Value,
        check_limits, limits::UNCHECKED_RECORD_BYTES_MAX,
    },
    store::{Snapshot, Store, decode_record},
};

/// The largest number of chunks of a document that wait for the thread that compresses them. A
/// chunk is one write of the [`RecordWriter`], 64 KB.
const PIECES_WAITING_MAX: usize = 32;

/// The largest number of warnings in a report.
const WARNINGS_MAX: usize = 100;

/// The largest number of secret custom properties of one type in a report. Each record can have others.
const SECRET_PROPERTIES_MAX: usize = 100;

/// The documents of an inventory, which can be written to any bundle.
pub struct DocumentsExport<'a> {
    snapshot: &'a Snapshot,
    scratch: PathBuf,
    secrets: Secrets,
    warnings: Warnings,
    /// The secret custom properties of the records so far, as `kind.property`.
    secret_properties: Mutex<Vec<String>>,
    progress: &'a Progress,
}

impl<'a> DocumentsExport<'a> {
    /// Prepares the export of a snapshot. Records that must be sorted and do not fit into memory are
    /// written to the folder `scratch`.
    pub fn new(
        snapshot: &'a Snapshot,
        scratch: PathBuf,
        secrets: Secrets,
        progress: &'a Progress,
    ) -> Self {
        let (warnings, secret_properties) = (Warnings::default(), Mutex::default());
        Self { snapshot, scratch, secrets, warnings, secret_properties, progress }
    }

    /// Writes the documents of these kinds.
    ///
    /// # Errors
    /// - [`MigrationError::Write`] if the bundle cannot be written.
    /// - [`MigrationError::Store`] if a record cannot be read, or the operation was cancelled.
    pub fn write<W: ArchiveOutput>(
        &self,
        kinds: &[Kind],
        bundle: &mut BundleWriter<W>,
    ) -> Result<Vec<ExportedKind>, MigrationError> {
        let kinds = Kind::ALL.into_iter().filter(|kind| kinds.contains(kind));
        let records = kinds.clone().map(|kind| self.snapshot.summary().kind(kind).count).sum();
        self.progress.step(Step::Exporting, Some(records))?;
        kinds.map(|kind| self.write_document(kind, bundle)).collect()
    }

    fn write_document<W: ArchiveOutput>(
        &self,
        kind: Kind,
        bundle: &mut BundleWriter<W>,
    ) -> Result<ExportedKind, MigrationError> {
        let mut document = bundle.document(kind)?;
        let records = thread::scope(|scope| -> Result<u64, MigrationError> {
            let (pieces, waiting) = sync_channel(PIECES_WAITING_MAX);
            let maker = scope.spawn(move || DocumentMaker { kind, export: self, pieces }.run());
            let mut written = Ok(());
            while let Ok(piece) = waiting.recv() {
                written = document.write_all(&piece);
                if written.is_err() {
                    break;
                }
            }
            // Without a receiver the other thread stops at its next chunk.
            drop(waiting);
            let made = maker.join().map_err(|_| MigrationError::Panicked)?;
            written.map_err(WriteError::Io)?;
            made
        })?;
        let info = document.finish(records)?;
        Ok(ExportedKind { kind, records, bytes: info.bytes, sha256: info.sha256.to_string() })
    }

    /// Returns the warnings about records that an import would reject or compute again.
    pub fn into_warnings(self) -> Vec<String> {
        self.warnings.finish()
    }
}

/// Returns the metadata of a bundle that is written now.
///
/// # Errors
/// [`MigrationError::Metadata`] or [`MigrationError::Time`] if the release or the time cannot be written.
pub fn bundle_info(secrets: Secrets) -> Result<BundleInfo, MigrationError> {
    let release = Release::from_value(Value::Float(RELEASE))?;
    Ok(BundleInfo { export_time: now()?, release, secrets })
}

/// Exports the inventory to a project in the library.
pub(super) fn export(
    store: &Store,
    library: &ProjectLibrary,
    request: &ExportRequest,
    progress: &Progress,
) -> Result<ExportReport, MigrationError> {
    let started = Instant::now();
    let snapshot = store.snapshot()?;
    let mut bundle = BundleWriter::new(library.create(&request.name)?);
    let scratch = store.directory().scratch();
    let documents = DocumentsExport::new(&snapshot, scratch, request.secrets, progress);
    let types = documents.write(&request.kinds, &mut bundle)?;
    let DocumentsExport { warnings, secret_properties: custom, .. } = documents;
    let custom = custom.into_inner().unwrap_or_else(PoisonError::into_inner);
    drop(snapshot);
    progress.step(Step::Packing, None)?;
    let unpacked: u64 = types.iter().map(|kind| kind.bytes).sum();
    if let Some(warning) = size_warning(unpacked) {
        warnings.add(warning);
    }
    let info = bundle_info(request.secrets)?;
    let (export_time, release) = (info.export_time.clone(), info.release.to_string());
    let (new, _) = bundle.finish(info)?;
    progress.close()?;
    let bytes = new.commit()?;
    Ok(ExportReport {
        project: request.name.to_string(),
        release,
        export_time,
        format: bundle::FORMAT,
        records: types.iter().map(|kind| kind.records).sum(),
        secret_properties: types
            .iter()
            .flat_map(|one| secret_properties(one.kind))
            .chain(custom)
            .collect(),
        types,
        bytes,
        secrets: match request.secrets {
            Secrets::Included => "included",
            Secrets::LeftOut => "left_out",
        },
        warnings: warnings.finish(),
        milliseconds: started.elapsed().as_millis() as u64,
    })
}

/// Returns the time in UTC as eNMS writes it, without a zone.
fn now() -> Result<String, MigrationError> {
    let format =
        format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]");
    Ok(OffsetDateTime::now_utc().format(format)?)
}

/// Returns the properties of a kind that hold secrets, as `kind.property`.
fn secret_properties(kind: Kind) -> impl Iterator<Item = String> {
    let secret = kind.properties().iter().filter(|p| p.type_ == PropertyType::Secret);
    secret.map(move |property| format!("{kind}.{}", property.name))
}

/// Writes the document of one kind, in chunks. Reading, encoding and compressing take about the
/// same time, so each has its own thread.
struct DocumentMaker<'a> {
    kind: Kind,
    export: &'a DocumentsExport<'a>,
    pieces: SyncSender<Vec<u8>>,
}

impl DocumentMaker<'_> {
    fn run(self) -> Result<u64, MigrationError> {
        let Self { kind, export, pieces } = self;
        let DocumentsExport { snapshot, scratch, secrets, warnings, progress, .. } = export;
        let mut secret_properties = BTreeSet::new();
        let mut writer = RecordWriter::new(Pieces(pieces));
        let mut records = 0;
        snapshot.each_in_order(kind, scratch, |name, ordinal, body| {
            progress.advance(1)?;
            let mut record = decode_record(kind, name, body)?;
            if body.len() > UNCHECKED_RECORD_BYTES_MAX
                && let Err(over) = check_limits(&mut *record)
            {
                warnings.add(format!(
                    "the {kind} '{}' exceeds a limit, so an import rejects it: {over}. Make it \
                     smaller and export again",
                    record.name()
                ));
            }
            add_members(snapshot, &mut record, ordinal, warnings)?;
            note_secrets(&*record, &mut secret_properties);
            if *secrets == Secrets::Included {
                snapshot.decrypt_secrets(&mut *record)?;
            }
            writer.record(record.views(*secrets).into_iter()).map_err(WriteError::Io)?;
            records += 1;
            Ok::<_, MigrationError>(ControlFlow::Continue(()))
        })?;
        writer.finish().map_err(WriteError::Io)?;
        let named = secret_properties.into_iter().map(|property| format!("{kind}.{property}"));
        export.secret_properties.lock().unwrap_or_else(PoisonError::into_inner).extend(named);
        Ok(records)
    }
}

/// Adds the names of a record's secret custom properties.
fn note_secrets(record: &dyn Record, names: &mut BTreeSet<String>) {
    for (property, value) in record.custom() {
        if value.is_secret()
            && names.len() < SECRET_PROPERTIES_MAX
            && !names.contains(property.as_str())
        {
            names.insert(property.clone());
        }
    }
}

/// Adds the members of a computed pool, which are stored beside its record. If they exceed the
/// limit of a record, all members are left out: an import computes them again.
fn add_members(
    snapshot: &Snapshot,
    record: &mut AnyRecord,
    ordinal: u64,
    warnings: &Warnings,
) -> Result<(), MigrationError> {
    let Some(pool) = record.of_kind::<Pool>() else { return Ok(()) };
    match pool.membership() {
        Membership::Manual | Membership::Invalid(_) => Ok(()),
        Membership::Computed { .. } => {
            let members = |side| snapshot.members(ordinal, side);
            let whole = pool.clone();
            let mut whole: AnyRecord =
                whole.with_members(members(Side::Device)?, members(Side::Link)?).into();
            if let Err(over) = check_limits(&mut *whole) {
                warnings.add(format!(
                    "the members of the pool '{}' are left out; an import computes them again: \
                     {over}",
                    record.name()
                ));
                return Ok(());
            }
            *record = whole;
            Ok(())
        }
    }
}

/// The warnings of the report.
#[derive(Default)]
struct Warnings(Mutex<WarningList>);

#[derive(Default)]
struct WarningList {
    shown: Vec<String>,
    left_out: u64,
}

impl Warnings {
    fn add(&self, warning: String) {
        let mut listed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if listed.shown.len() < WARNINGS_MAX {
            listed.shown.push(warning);
        } else {
            listed.left_out += 1;
        }
    }

    fn finish(self) -> Vec<String> {
        let WarningList { mut shown, left_out } =
            self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if left_out > 0 {
            shown.push(format!(
                "{left_out} more warnings are not listed. `satchel verify` lists every record"
            ));
        }
        shown
    }
}

/// Sends each write to the thread that compresses.
struct Pieces(SyncSender<Vec<u8>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.send(bytes.to_vec()) {
            Ok(()) => Ok(bytes.len()),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The warning about a project that no import accepts. `None` if its documents have at most
/// [`PROJECT_BYTES_MAX`] bytes.
fn size_warning(document_bytes: u64) -> Option<String> {
    (document_bytes > Limits::default().project_bytes).then(|| {
        format!(
            "the documents have {document_bytes} bytes, but an import accepts at most \
             {PROJECT_BYTES_MAX}. Export the types in several projects"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_that_no_import_accepts_has_a_warning() {
        assert_eq!(size_warning(16 * 1024 * 1024 * 1024), None);
        assert_eq!(
            size_warning(16 * 1024 * 1024 * 1024 + 1).as_deref(),
            Some(
                "the documents have 17179869185 bytes, but an import accepts at most 17179869184. \
                 Export the types in several projects"
            )
        );
    }
}
