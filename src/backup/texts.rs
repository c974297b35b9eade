//! Writes `configurations.ndjson`.

use std::io::{BufWriter, Write};

use time::format_description::well_known::Rfc3339;

use super::{
    BackupError, HistoryInBackup,
    lines::{TextLine, WriterLine, write_line},
};
use crate::{
    job::Progress,
    store::{BackupSnapshot, KeptTextVersion, TextWriter},
};

/// Writes the present long texts, then the earlier ones that the archive keeps. Returns the number of lines.
pub(super) fn write_texts(
    snapshot: &BackupSnapshot<'_>,
    history: HistoryInBackup,
    out: &mut BufWriter<impl Write>,
    progress: &Progress,
) -> Result<u64, BackupError> {
    let mut lines = 0;
    snapshot.each_text(|device, property, text| {
        progress.check()?;
        lines += 1;
        let line = TextLine {
            device: device.into(),
            property: property.into(),
            number: None,
            writer: None,
            text: Some(text.into()),
        };
        write_line(out, &line)
    })?;
    if history == HistoryInBackup::LeftOut {
        return Ok(lines);
    }
    for kept in snapshot.kept_texts() {
        progress.check()?;
        lines += 1;
        let KeptTextVersion { device, property, number, writer, text } = kept?;
        let line = TextLine {
            device: device.into(),
            property: property.into(),
            number: Some(number),
            writer: writer.map(writer_line).transpose()?,
            text: text.map(Into::into),
        };
        write_line(out, &line)?;
    }
    Ok(lines)
}

fn writer_line(writer: TextWriter) -> Result<WriterLine, BackupError> {
    let TextWriter { time, principal, operation, message } = writer;
    Ok(WriterLine { time: time.format(&Rfc3339)?, principal, operation, message })
}
