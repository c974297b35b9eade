//! Zipped XML: what Excel 2007 wrote and everything since reads. The source is ECMA-376, part 1.
//!
//! ```text
//! parts     what stands beside the sheets: their names, looks, and what refers to what
//! sheet     a sheet: what stands before its rows, its rows, what stands behind
//! text      texts in XML
//! ```
//!
//! Rows are packed into a file without a name as they come, and their texts with them, so memory
//! does not grow with the workbook. How wide columns are is known when the last row was written,
//! and has to stand before the first: so the rows are a piece of their sheet's entry that is
//! packed by itself, and copied between two others when the workbook is finished.

mod parts;
mod sheet;
mod text;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use super::write::{self, Marked, Style, WriteError};
use crate::codec::zip::{Archive, Piece, Width};
use sheet::{Rows, Sheet};

/// The longest sheet, unpacked, and the longest workbook, packed: what is said in 32 bits, less
/// the room for what stands beside the rows. Excel refuses the ZIP64 that would say more.
const BYTES_MAX: u64 = (1 << 32) - (16 << 20);

/// A `.xlsx` that is being written.
#[derive(Debug)]
pub(super) struct XlsxWriter {
    /// The packed rows of all sheets.
    scratch: Arc<File>,
    sheet: Option<Rows>,
    sheets: Vec<Sheet>,
    bytes_max: u64,
}

impl XlsxWriter {
    pub(super) fn new(scratch: &Path) -> Result<Self, WriteError> {
        let scratch = Arc::new(tempfile::tempfile_in(scratch)?);
        Ok(Self { scratch, sheet: None, sheets: Vec::new(), bytes_max: BYTES_MAX })
    }

    pub(super) fn begin_sheet(&mut self, name: &str) -> Result<(), WriteError> {
        self.sheet = Some(Rows::new(name, Arc::clone(&self.scratch), self.bytes_max)?);
        Ok(())
    }

    pub(super) fn cell(
        &mut self,
        column: u16,
        marked: &Marked<'_>,
        style: Style,
    ) -> Result<(), WriteError> {
        let Some(sheet) = &mut self.sheet else { return Err(WriteError::NoSheet) };
        sheet.cell(column, marked, style)
    }

    pub(super) fn end_row(&mut self) -> Result<(), WriteError> {
        let Some(sheet) = &mut self.sheet else { return Err(WriteError::NoSheet) };
        sheet.end_row();
        Ok(())
    }

    pub(super) fn end_sheet(&mut self, look: write::Look) -> Result<(), WriteError> {
        let Some(sheet) = self.sheet.take() else { return Err(WriteError::NoSheet) };
        self.sheets.push(sheet.finish(look)?);
        Ok(())
    }

    pub(super) fn finish<W: Write + Seek>(self, out: W) -> Result<W, WriteError> {
        let mut archive = Archive::new(out, Width::Bits32);
        for (name, xml) in parts::beside(&self.sheets) {
            let mut part = archive.entry(name.to_owned())?;
            part.write_all(xml.as_bytes())?;
            part.finish()?;
        }
        let mut scratch = &*self.scratch;
        for (number, sheet) in (1..).zip(&self.sheets) {
            let (before, before_piece) = Piece::of(sheet.before(number).as_bytes())?;
            let (behind, behind_piece) = Piece::of(sheet.behind().as_bytes())?;
            scratch.seek(SeekFrom::Start(sheet.rows_at))?;
            let pieces: &mut [(&Piece, &mut dyn Read)] = &mut [
                (&before_piece, &mut before.as_slice()),
                (&sheet.rows, &mut scratch),
                (&behind_piece, &mut behind.as_slice()),
            ];
            archive.entry_of(format!("xl/{}", parts::sheet_name(number)), pieces)?;
        }
        let mut out = archive.finish()?;
        out.flush()?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
