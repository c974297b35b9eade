//! The export of a project: one moment of the inventory, as documents.

use std::{
    borrow::Cow,
    io::{self, Write},
    ops::ControlFlow,
    path::PathBuf,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
    time::Instant,
};

use time::{OffsetDateTime, macros::format_description};

use super::{ExportReport, ExportRequest, ExportedKind, MigrationError, RELEASE, shelf::Shelf};
use crate::{
    codec::{
        bundle::{self, BundleWriter, Colophon, Release},
        yaml::RecordWriter,
    },
    job::{Progress, Step},
    model::{Kind, Membership, Pool, PropertyType, Secrets, Side, Value},
    store::{Picture, Store, decode_record, encode_body},
};

/// How many pieces of a document may wait for the thread that packs them. A piece is what the
/// writer of documents writes at once, 64 KB.
const PIECES_WAITING_MAX: usize = 32;

/// Writes a project into the shelf.
pub(super) fn export(
    store: &Store,
    shelf: &Shelf,
    request: &ExportRequest,
    progress: &Progress,
) -> Result<ExportReport, MigrationError> {
    let begun = Instant::now();
    let picture = store.picture()?;
    let mut bundle = BundleWriter::new(shelf.create(&request.name)?);
    let kinds = Kind::ALL.into_iter().filter(|kind| request.kinds.contains(kind));
    let records = kinds.clone().map(|kind| picture.summary().kind(kind).count).sum();
    progress.step(Step::Exporting, Some(records))?;
    let mut types = Vec::new();
    let mut secret_properties = Vec::new();
    for kind in kinds {
        let mut document = bundle.document(kind)?;
        let scratch = store.directory().scratch();
        let records = thread::scope(|scope| -> Result<u64, MigrationError> {
            let (pieces, waiting) = sync_channel(PIECES_WAITING_MAX);
            let picture = &picture;
            let secrets = request.secrets;
            let writer = Writer { kind, picture, secrets, scratch, pieces, progress };
            let making = scope.spawn(move || writer.run());
            let mut written = Ok(());
            while let Ok(piece) = waiting.recv() {
                written = document.write_all(&piece);
                if written.is_err() {
                    break;
                }
            }
            // Without a receiver the maker stops at its next piece.
            drop(waiting);
            let made = making.join().map_err(|_| MigrationError::Panicked)?;
            written?;
            made
        })?;
        let info = document.finish(records)?;
        types.push(ExportedKind {
            kind,
            records,
            bytes: info.bytes,
            sha256: info.sha256.to_string(),
        });
        secret_properties.extend(self::secret_properties(kind));
    }
    drop(picture);
    progress.step(Step::Packing, None)?;
    let export_time = now()?;
    let release = Release::from_value(Value::Float(RELEASE)).map_err(io::Error::other)?;
    let colophon = Colophon {
        export_time: export_time.clone(),
        release: release.clone(),
        secrets: request.secrets,
    };
    let (new, _) = bundle.finish(colophon)?;
    progress.close()?;
    let bytes = new.commit()?;
    Ok(ExportReport {
        project: request.name.to_string(),
        release: release.to_string(),
        export_time,
        format: bundle::FORMAT,
        records: types.iter().map(|kind| kind.records).sum(),
        types,
        bytes,
        secrets: match request.secrets {
            Secrets::Included => "included",
            Secrets::LeftOut => "left_out",
        },
        secret_properties,
        warnings: Vec::new(),
        download: String::new(),
        milliseconds: begun.elapsed().as_millis() as u64,
    })
}

/// The time as eNMS spells it: without a zone, and here UTC.
fn now() -> Result<String, MigrationError> {
    let format =
        format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]");
    Ok(OffsetDateTime::now_utc().format(format).map_err(io::Error::other)?)
}

/// The properties of a kind that hold secrets.
fn secret_properties(kind: Kind) -> impl Iterator<Item = String> {
    let secret = kind.properties().iter().filter(|p| p.type_ == PropertyType::Secret);
    secret.map(move |property| format!("{kind}.{}", property.name))
}

/// Makes one kind's document, in pieces. Reading, making and packing take about the same time, and
/// each has a thread.
struct Writer<'a> {
    kind: Kind,
    picture: &'a Picture,
    secrets: Secrets,
    scratch: PathBuf,
    pieces: SyncSender<Vec<u8>>,
    progress: &'a Progress,
}

impl Writer<'_> {
    fn run(self) -> Result<u64, MigrationError> {
        let Self { kind, picture, secrets, scratch, pieces, progress } = self;
        let mut writer = RecordWriter::new(Pieces(pieces));
        let mut records = 0;
        picture.each_in_order(kind, &scratch, |name, ordinal, body| {
            progress.advance(1)?;
            let body = shown_body(picture, kind, name, ordinal, body)?;
            let mut record = decode_record(kind, name, &body)?;
            if secrets == Secrets::Included {
                picture.open_secrets(&mut *record)?;
            }
            writer.record(record.views(secrets).into_iter())?;
            records += 1;
            Ok::<_, MigrationError>(ControlFlow::Continue(()))
        })?;
        writer.finish()?;
        Ok(records)
    }
}

/// The record as its document shows it: the members of a computed pool stand beside its record.
fn shown_body<'r>(
    picture: &Picture,
    kind: Kind,
    name: &[u8],
    ordinal: u64,
    body: &'r [u8],
) -> Result<Cow<'r, [u8]>, MigrationError> {
    if kind != Kind::Pool {
        return Ok(body.into());
    }
    let Some(pool) = decode_record(kind, name, body)?.into_kind::<Pool>() else {
        return Ok(body.into());
    };
    match pool.membership() {
        Membership::Manual | Membership::Unaskable(_) => Ok(body.into()),
        Membership::Computed { .. } => {
            let members = |side| picture.members(ordinal, side);
            let whole = pool.with_members(members(Side::Device)?, members(Side::Link)?);
            Ok(encode_body(&whole)?.into())
        }
    }
}

/// Passes on what is written.
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
