//! Writes `history.ndjson`.

use std::io::{BufWriter, Write};

use time::format_description::well_known::Rfc3339;

use super::{
    BackupError,
    lines::{ChangeLine, ValueLine, write_line},
};
use crate::{
    codec::yaml::RecordWriter,
    job::Progress,
    model::{AnyRecord, Secrets},
    store::{BackupSnapshot, ChangeCounts, HistoryChange, Touched, TouchedValue},
};

/// Writes the changes of the history, the oldest first. Returns their number.
pub(super) fn write_history(
    snapshot: &BackupSnapshot<'_>,
    out: &mut BufWriter<impl Write>,
    progress: &Progress,
) -> Result<u64, BackupError> {
    let mut changes = 0;
    for change in snapshot.changes() {
        let change = change?;
        progress.advance(1)?;
        changes += 1;
        write_line(out, &change_line(&change)?)?;
        for touched in &change.touched {
            write_line(out, &value_line(snapshot, change.number, touched)?)?;
        }
    }
    Ok(changes)
}

fn change_line(change: &HistoryChange) -> Result<ChangeLine, BackupError> {
    let counts = change.counts.iter().filter(|(_, counts)| **counts != ChangeCounts::default());
    let origin = change.origin.clone();
    Ok(ChangeLine {
        number: change.number,
        time: change.time.format(&Rfc3339)?,
        principal: origin.principal,
        address: origin.address.map(|address| address.to_string()),
        operation: origin.operation,
        request: origin.request.map(|request| format!("{request:016x}")),
        message: origin.message,
        counts: counts.map(|(kind, counts)| (kind.to_string(), (*counts).into())).collect(),
        replaced: change.replaced.map(|replaced| replaced.by.into()),
        values: change.touched.len() as u64,
    })
}

/// Returns the line of a touched value. Its secrets are readable, as in the documents.
fn value_line(
    snapshot: &BackupSnapshot<'_>,
    number: u64,
    touched: &TouchedValue,
) -> Result<ValueLine, BackupError> {
    let history = snapshot.history();
    match &touched.value {
        Touched::Record { kind, name } => {
            let before = history.record_before(*kind, name, number)?;
            let before = before.map(|stored| {
                let mut record = stored.record;
                history.decrypt_secrets(&mut record)?;
                document(&record)
            });
            let line = ValueLine::new(*kind, name, None, &touched.effect);
            Ok(ValueLine { before: before.transpose()?, ..line })
        }
        Touched::Text { device, property } => {
            let before = history.text_before(device, property, number)?;
            let kind = touched.value.kind();
            let line = ValueLine::new(kind, device, Some(property), &touched.effect);
            Ok(ValueLine { before, ..line })
        }
    }
}

/// Returns a record as a document with one record. JSON would lose the types of some values.
fn document(record: &AnyRecord) -> Result<String, BackupError> {
    let mut writer = RecordWriter::new(Vec::new());
    let written = writer.record(record.views(Secrets::Included).into_iter());
    let bytes = written.and_then(|()| writer.finish()).map_err(BackupError::of_write)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
