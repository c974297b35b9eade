//! Workbooks written and read back, in this process. What a child does with hostile ones stands in
//! `tests/it/workbooks.rs`.

mod appearance;
mod limits;
mod round_trip;
mod table;

use std::io::{Cursor, Read, Seek};

use super::frame::{FrameError, FrameReader, FrameWriter, Stop};
use super::{Cell, Format, Item, MarkedCell, SourceKind, WorkbookWriter, read};

/// A sheet: its name, and what is not empty in it, by row and column.
pub(super) type Sheet = (String, Vec<((u32, u32), Cell<'static>)>);

/// Reads a workbook as a child would.
pub(super) fn decode(file: impl Read + Seek, kind: SourceKind) -> Result<Vec<Sheet>, Stop> {
    let mut out = Vec::new();
    read::decode(file, kind, &mut FrameWriter::new(&mut out))?;
    let mut frames = FrameReader::new(out.as_slice());
    let mut sheets = Vec::new();
    loop {
        match frames.next_item() {
            Ok(Some(Item::Sheet(name))) => sheets.push((name.to_owned(), Vec::new())),
            Ok(Some(Item::Row(row))) => {
                let (_, cells) = sheets.last_mut().unwrap();
                let found = row.cells.into_iter();
                cells.extend(found.map(|(column, cell)| ((row.row, column), cell.into_owned())));
            }
            Ok(None) => return Ok(sheets),
            Err(FrameError::Stopped(stop)) => return Err(stop),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Writes a workbook with one sheet.
pub(super) fn write(format: Format, rows: &[Vec<Cell<'_>>]) -> Vec<u8> {
    let rows = rows.iter().map(|cells| cells.iter().cloned().map(MarkedCell::from).collect());
    write_marked(format, &rows.collect::<Vec<_>>())
}

/// Writes a workbook with one sheet, and marks in it.
pub(super) fn write_marked(format: Format, rows: &[Vec<MarkedCell<'_>>]) -> Vec<u8> {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = WorkbookWriter::new(format, scratch.path()).unwrap();
    let (header, rows) = rows.split_first().unwrap();
    writer.begin_sheet("é>b", header.iter().cloned()).unwrap();
    for row in rows {
        writer.row(row.iter().cloned()).unwrap();
    }
    writer.finish(Cursor::new(Vec::new())).unwrap().into_inner()
}

/// What is read of a workbook of these rows.
pub(super) fn expected(rows: &[Vec<Cell<'_>>]) -> Vec<((u32, u32), Cell<'static>)> {
    let cells = (0..).zip(rows).flat_map(|(row, cells)| {
        (0..).zip(cells).map(move |(column, cell)| ((row, column), cell.clone().into_owned()))
    });
    cells
        .filter(|(_, cell)| !matches!(cell, Cell::Empty) && *cell != Cell::Text("".into()))
        .collect()
}
