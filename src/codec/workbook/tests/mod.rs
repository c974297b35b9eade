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
            Ok(Some(Item::Merged(_))) => {}
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

/// Returns the content that is read from a workbook of these rows.
pub(super) fn expected(rows: &[Vec<Cell<'_>>]) -> Vec<((u32, u32), Cell<'static>)> {
    let cells = (0..).zip(rows).flat_map(|(row, cells)| {
        (0..).zip(cells).map(move |(column, cell)| ((row, column), cell.clone().into_owned()))
    });
    cells
        .filter(|(_, cell)| !matches!(cell, Cell::Empty) && *cell != Cell::Text("".into()))
        .collect()
}

/// A frame as a child writes it: tag, length, body.
fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&[tag], &length[..], body].concat()
}

/// A row whose only cell, in the first column, is true.
fn row(number: u32) -> Vec<u8> {
    [&number.to_le_bytes()[..], &1_u32.to_le_bytes(), &0_u16.to_le_bytes(), &[4]].concat()
}

/// A child that parses hostile bytes can become hostile, so the server checks every rule that an
/// intact child keeps. The fuzz target `frames` found that it did not check the order of rows.
#[test]
fn frames_that_no_intact_child_writes_are_invalid() {
    let sheet = || frame(1, "device".as_bytes());
    let rows =
        |numbers: &[u32]| frame(2, &numbers.iter().flat_map(|n| row(*n)).collect::<Vec<_>>());
    let read = |frames: Vec<Vec<u8>>| {
        let bytes = frames.concat();
        let mut reader = FrameReader::new(bytes.as_slice());
        loop {
            match reader.next_item() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(FrameError::Invalid) => return false,
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    let end = || frame(3, &[]);
    assert!(read(vec![sheet(), rows(&[0, 1, 7]), sheet(), rows(&[0]), end()]));
    assert!(!read(vec![sheet(), rows(&[1, 0]), end()]), "rows out of order");
    assert!(!read(vec![sheet(), rows(&[1]), rows(&[1]), end()]), "a row that is repeated");
    assert!(!read(vec![frame(1, &[b'x'; 2_000]), end()]), "a long name of a sheet");
    let many = (0..2_000).map(|_| sheet()).chain([end()]);
    assert!(!read(many.collect()), "too many sheets");
}
