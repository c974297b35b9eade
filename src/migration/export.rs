//! The export of a project: one moment of the inventory, as documents.

use std::{
    io::{self, Write},
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
    model::{Entity, Kind, KindVisitor, PropertyType, Secrets, Value},
    store::{Picture, Raw, Sorter, Store, StoreError},
};

/// What is written at once, in bytes, and passed on from the thread that makes documents to the
/// one that packs them.
const PIECE_BYTES: usize = 256 * 1024;

/// How many pieces may wait for the packing thread.
const PIECES_WAITING_MAX: usize = 8;

/// What records may take in memory while they are put in their order, in bytes.
const RECORDS_BYTES: usize = 64 * 1024 * 1024;

/// Writes a project into the shelf.
pub(super) fn export(
    store: &Store,
    shelf: &Shelf,
    request: &ExportRequest,
) -> Result<ExportReport, MigrationError> {
    let begun = Instant::now();
    let picture = store.picture()?;
    let mut bundle = BundleWriter::new(shelf.create(&request.name)?);
    let kinds = Kind::ALL.into_iter().filter(|kind| request.kinds.contains(kind));
    let mut types = Vec::new();
    let mut secret_properties = Vec::new();
    for kind in kinds {
        let mut document = bundle.document(kind)?;
        let scratch = store.directory().scratch();
        let records = thread::scope(|scope| -> Result<u64, MigrationError> {
            let (pieces, waiting) = sync_channel(PIECES_WAITING_MAX);
            let picture = &picture;
            let writer = Writer { picture, secrets: request.secrets, scratch, pieces };
            let making = scope.spawn(move || kind.dispatch(writer));
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
        secret_properties.extend(kind.dispatch(SecretProperties));
    }
    drop(picture);
    let export_time = now()?;
    let release = Release::from_value(Value::Float(RELEASE)).map_err(io::Error::other)?;
    let colophon = Colophon {
        export_time: export_time.clone(),
        release: release.clone(),
        secrets: request.secrets,
    };
    let (new, _) = bundle.finish(colophon)?;
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
struct SecretProperties;

impl KindVisitor for SecretProperties {
    type Output = Vec<String>;
    fn visit<E: Entity>(self) -> Vec<String> {
        let secret = E::PROPERTIES.iter().filter(|p| p.type_ == PropertyType::Secret);
        secret.map(|property| format!("{}.{}", E::KIND, property.name)).collect()
    }
}

/// Makes one kind's document, in pieces.
struct Writer<'a> {
    picture: &'a Picture,
    secrets: Secrets,
    scratch: std::path::PathBuf,
    pieces: SyncSender<Vec<u8>>,
}

impl KindVisitor for Writer<'_> {
    type Output = Result<u64, MigrationError>;

    fn visit<E: Entity>(self) -> Self::Output {
        let pieces = Pieces { to: self.pieces, piece: Vec::with_capacity(PIECE_BYTES) };
        let mut writer = RecordWriter::new(pieces);
        let mut records = 0;
        let mut write = |name: &[u8], raw: &[u8]| -> Result<(), MigrationError> {
            let corrupt = |detail: String| StoreError::Corrupt {
                kind: E::KIND,
                name: String::from_utf8_lossy(name).into_owned(),
                detail,
            };
            let mut record: E =
                crate::store::decode_body(raw).map_err(|error| corrupt(error.to_string()))?;
            if self.secrets == Secrets::Included {
                self.picture.open_secrets(&mut record)?;
            }
            writer.record(record.views(self.secrets).into_iter())?;
            records += 1;
            Ok(())
        };
        let entries = self.picture.scan_raw(E::KIND);
        if self.picture.summary().kind(E::KIND).in_name_order {
            for entry in entries {
                let (name, raw) = entry?;
                write(&name, raw.body())?;
            }
        } else {
            let mut sorter = Sorter::new(&self.scratch, RECORDS_BYTES);
            for entry in entries {
                let (name, raw): (Vec<u8>, Raw) = entry?;
                let mut key = raw.header.ordinal.to_be_bytes().to_vec();
                key.extend_from_slice(&name);
                sorter.push(&key, raw.body())?;
            }
            let sorted = sorter.finish()?;
            let mut reader = sorted.read();
            while let Some((key, body)) = reader.next()? {
                write(key.get(size_of::<u64>()..).unwrap_or_default(), body)?;
            }
        }
        writer.finish()?;
        Ok(records)
    }
}

/// Passes on what is written, in pieces.
struct Pieces {
    to: SyncSender<Vec<u8>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.to.send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
