//! Reads workbooks and CSV tables in the child process, and writes their cells as frames.

mod biff;
mod code_page;
mod column_sum;
mod damage;
mod delimiter;
mod encoding;
mod end_mark;
mod lines;
mod merged;
mod number_format;
mod open_document;
mod open_xml;
mod parts;
mod rk;
mod sector_table;
mod sheets;
mod table;
mod xlsb;
mod zero_mask;

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use super::foreign_file::{FOREIGN_BYTES, ForeignFile};
use super::frame::{FrameWriter, Stop};
use super::refusal::Refusal;
use super::source_kind::SourceKind;

/// First bytes of an OLE2 container: `.xls`, or another workbook with a password.
const OLE2: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
/// First bytes of a zip archive: `.xlsx`, `.xlsb` or `.ods`.
const ZIP: &[u8] = b"PK\x03\x04";

/// Reads the whole file and writes its cells to `to`.
///
/// # Errors
/// - [`Stop::Refused`] if the file is not a workbook or table that can be read.
/// - [`Stop::Output`] if it has too many cells.
/// - [`Stop::Io`] if it cannot be read, or frames cannot be written.
pub(super) fn decode<F: Read + Seek, W: Write>(
    file: F,
    kind: SourceKind,
    to: &mut FrameWriter<W>,
) -> Result<(), Stop> {
    let mut file = BufReader::new(file);
    let first = first_bytes(&mut file).map_err(Stop::Io)?;
    if first.is_empty() {
        return Err(Refusal::Empty.into());
    }
    if first.starts_with(OLE2) {
        sheets::decode_ole2(whole(file)?, kind, to)?;
    } else if first.starts_with(ZIP) {
        sheets::decode_zip(&whole(file)?, kind, to)?;
    } else {
        match (ForeignFile::of(&first), kind) {
            (Some(ForeignFile::Text), SourceKind::WorkbookOrTable) => table::decode(file, to)?,
            (Some(format), _) => return Err(Refusal::Foreign(format).into()),
            // A table with a control character, or with any other error.
            (None, SourceKind::WorkbookOrTable) => table::decode(file, to)?,
            (None, _) => return Err(Refusal::Unknown.into()),
        }
    }
    to.finish()
}

/// Reads the whole file. calamine moves about in it, and so do the corrections before it.
fn whole(mut file: impl Read) -> Result<Vec<u8>, Stop> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(Stop::Io)?;
    Ok(bytes)
}

/// Reads the first bytes of a file, and goes back to its beginning.
fn first_bytes(file: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut first = Vec::new();
    file.take(FOREIGN_BYTES as u64).read_to_end(&mut first)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(first)
}
