//! What the child does: any known workbook, or a table, into rows of cells.

pub(super) mod iso;
mod sheets;
mod table;

use std::io::{BufReader, Read, Seek, SeekFrom, Write};

use super::child::{FrameWriter, Refusal, SourceKind, Stop};

/// How an OLE2 container begins: `.xls`, or any other workbook under a password.
const OLE2: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
/// How a zip archive begins: `.xlsx`, `.xlsb`, `.ods`.
const ZIP: &[u8] = b"PK\x03\x04";

/// Reads everything that is in `file` and hands it over.
pub(super) fn decode<F: Read + Seek, W: Write>(
    file: F,
    kind: SourceKind,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    let mut file = BufReader::new(file);
    file.seek(SeekFrom::Start(0))?;
    let mut first = Vec::new();
    file.by_ref().take(OLE2.len() as u64).read_to_end(&mut first)?;
    file.seek(SeekFrom::Start(0))?;
    match (kind, first.as_slice()) {
        (_, OLE2) => sheets::decode_ole2(file, to)?,
        (_, first) if first.starts_with(ZIP) => sheets::decode_zip(file, to)?,
        (SourceKind::Workbook, _) | (SourceKind::WorkbookOrTable, []) => {
            return Err(Stop::Refused(Refusal::Unknown));
        }
        (SourceKind::WorkbookOrTable, _) => table::decode(file, to)?,
    }
    to.finish()
}
