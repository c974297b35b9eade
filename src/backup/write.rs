//! Writes a backup of one moment.

use std::{
    io::{BufWriter, Write},
    path::PathBuf,
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    BackupError, BackupRequest, HistoryInBackup, Manifest, ManifestPart, SECRETS_ARE_READABLE,
    history::write_history,
    manifest::{BACKUP_FORMAT, sha256_of_parts},
    read::{HISTORY_PART, TEXTS_PART},
    texts::write_texts,
};
use crate::{
    codec::bundle::{
        ArchiveOutput, BundleWriter, MANIFEST_NAME, METADATA_NAME, PARTS_FOLDER, PartInfo,
        PartsWriter, document_name,
    },
    job::{Progress, Step},
    migration::{DocumentsExport, bundle_info},
    model::{Kind, Secrets},
    store::{BackupSnapshot, DIRECTORY_FORMAT, RECORD_FORMAT},
};

/// The bytes of lines that are compressed at once.
const BUFFER_BYTES: usize = 64 << 10;

/// A written backup.
pub(super) struct Written {
    pub manifest: Manifest,
    pub warnings: Vec<String>,
}

/// Writes a backup to `out`. Returns the output, neither flushed nor synced. Records that must be sorted and
/// do not fit into memory are written to the folder `scratch`.
pub(super) fn write<W: ArchiveOutput>(
    snapshot: &BackupSnapshot<'_>,
    scratch: PathBuf,
    request: &BackupRequest,
    out: W,
    progress: &Progress,
) -> Result<(W, Written), BackupError> {
    let made = OffsetDateTime::now_utc().truncate_to_millisecond().format(&Rfc3339)?;
    let mut bundle = BundleWriter::new(out);
    let secrets = Secrets::Included;
    let documents = DocumentsExport::new(snapshot.records(), scratch, secrets, progress);
    let types = documents.write(&Kind::ALL, &mut bundle).map_err(BackupError::of_documents)?;
    let mut warnings = vec![SECRETS_ARE_READABLE.to_owned()];
    warnings.extend(documents.into_warnings());
    let mut parts: Vec<ManifestPart> = types
        .into_iter()
        .map(|one| ManifestPart {
            name: document_name(one.kind),
            records: Some(one.records),
            bytes: one.bytes,
            sha256: one.sha256,
        })
        .collect();
    let (mut archive, metadata) = bundle.finish_documents(bundle_info(secrets)?)?;
    parts.push(part(METADATA_NAME.to_owned(), None, metadata.info));

    progress.step(Step::Packing, None)?;
    parts.push(write_part(&mut archive, TEXTS_PART, |out| {
        write_texts(snapshot, request.history, out, progress)
    })?);
    if request.history == HistoryInBackup::Included {
        parts.push(write_part(&mut archive, HISTORY_PART, |out| {
            write_history(snapshot, out, progress)
        })?);
    }

    let manifest = Manifest {
        format: BACKUP_FORMAT,
        satchel: env!("CARGO_PKG_VERSION").to_owned(),
        directory_format: DIRECTORY_FORMAT,
        record_format: RECORD_FORMAT.into(),
        change: snapshot.number(),
        made,
        made_by: request.principal.clone(),
        secrets: true,
        history: request.history == HistoryInBackup::Included,
        sha256: sha256_of_parts(&parts),
        parts,
    };
    write_part(&mut archive, MANIFEST_NAME, |out| {
        let written = serde_json::to_writer_pretty(&mut *out, &manifest);
        written.map_err(|error| BackupError::of_write(error.into()))?;
        out.write_all(b"\n").map_err(BackupError::of_write).map(|()| 1)
    })?;
    Ok((archive.finish()?, Written { manifest, warnings }))
}

/// Writes a part in the folder `satchel/`. `write` returns the number of its records.
fn write_part<W: ArchiveOutput>(
    archive: &mut PartsWriter<W>,
    name: &str,
    write: impl FnOnce(
        &mut BufWriter<&mut crate::codec::bundle::HashedEntry<'_, W>>,
    ) -> Result<u64, BackupError>,
) -> Result<ManifestPart, BackupError> {
    let mut entry = archive.part(name)?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, &mut entry);
    let records = write(&mut out)?;
    out.flush().map_err(BackupError::of_write)?;
    drop(out);
    Ok(part(format!("{PARTS_FOLDER}{name}"), Some(records), entry.finish()?))
}

fn part(name: String, records: Option<u64>, info: PartInfo) -> ManifestPart {
    ManifestPart { name, records, bytes: info.bytes, sha256: info.sha256.to_string() }
}
