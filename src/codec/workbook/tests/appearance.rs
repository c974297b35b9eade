//! Several sheets, marks, and the parts of a `.xls` that make its look.

use std::io::{Cursor, Read};

use super::super::{Cell, Format, Mark, MarkedCell, SourceKind, WorkbookWriter};
use super::decode;

/// A workbook of two sheets, with what is wrong marked.
fn handed_back(format: Format) -> Vec<u8> {
    let wrong = |cell| MarkedCell { cell, mark: Mark::Invalid };
    let mut writer = WorkbookWriter::new(format, &std::env::temp_dir()).unwrap();
    let header =
        [MarkedCell::from("name"), wrong("port".into()), MarkedCell::from("what is wrong")];
    writer.begin_sheet("device", header).unwrap();
    let row = [
        MarkedCell::from("R 1%"),
        wrong(Cell::Number(22.5)),
        MarkedCell::from("port: 22.5 is not an integer"),
    ];
    writer.row(row).unwrap();
    writer.row([wrong(Cell::Empty), wrong(Cell::Date(45_322.5))]).unwrap();
    writer.begin_sheet("link", Vec::<Cell<'_>>::new()).unwrap();
    writer.begin_sheet("é>b", ["x"; 200]).unwrap();
    writer.finish(Cursor::new(Vec::new())).unwrap().into_inner()
}

#[test]
fn several_sheets_with_marks_are_read_back() {
    for format in Format::ALL {
        let sheets = decode(Cursor::new(handed_back(format)), SourceKind::Workbook).unwrap();
        let names = sheets.iter().map(|(name, cells)| (name.as_str(), cells.len()));
        assert_eq!(names.collect::<Vec<_>>(), [("device", 7), ("link", 0), ("é>b", 200)]);
        let (_, cells) = &sheets[0];
        assert_eq!(cells[4], ((1, 1), Cell::Number(22.5)));
        assert_eq!(cells[6], ((2, 1), Cell::Date(45_322.5)));
    }
}

/// The records of a `.xls`, each with where it begins.
fn records(workbook: Vec<u8>) -> Vec<(usize, u16, Vec<u8>)> {
    let mut container = cfb::CompoundFile::open(Cursor::new(workbook)).unwrap();
    assert_eq!(container.version(), cfb::Version::V3);
    let mut stream = Vec::new();
    container.open_stream("/Workbook").unwrap().read_to_end(&mut stream).unwrap();
    let mut records = Vec::new();
    let mut at = 0;
    while at < stream.len() {
        let field = |at: usize| u16::from_le_bytes([stream[at], stream[at + 1]]);
        let end = at + 4 + usize::from(field(at + 2));
        records.push((at, field(at), stream[at + 4..end].to_vec()));
        at = end;
    }
    records
}

fn u32_at(body: &[u8], at: usize) -> usize {
    u32::from_le_bytes(body[at..at + 4].try_into().unwrap()) as usize
}

#[test]
fn every_position_in_an_xls_points_to_its_record() {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = WorkbookWriter::new(Format::Xls, scratch.path()).unwrap();
    for sheet in ["device", "link"] {
        writer.begin_sheet(sheet, ["name", "port"]).unwrap();
        for row in 0..5_000 {
            let text = format!("{sheet} {row} {}", "é".repeat(row % 50));
            match row % 7 {
                0 => writer.row(Vec::<Cell<'_>>::new()).unwrap(),
                _ => writer.row([Cell::from(text), Cell::Number(row as f64)]).unwrap(),
            }
        }
    }
    let records = records(writer.finish(Cursor::new(Vec::new())).unwrap().into_inner());
    let at = |place: usize| {
        let found = records.binary_search_by_key(&place, |(at, ..)| *at);
        found.unwrap_or_else(|_| panic!("no record begins at {place}"))
    };
    let of = |number: u16| records.iter().filter(move |(_, found, _)| *found == number);
    // Each sheet begins at the position in its name record.
    let sheets = of(0x0085).map(|(_, _, body)| u32_at(body, 0)).collect::<Vec<_>>();
    assert_eq!(sheets.len(), 2);
    for sheet in &sheets {
        assert_eq!(records[at(*sheet)].1, 0x0809);
        assert_eq!(records[at(*sheet) + 1].1, 0x020B, "its index follows");
    }
    // Each block of rows ends where the index says, begins where it says itself, and each row's
    // cells are where it says.
    let mut blocks = 0;
    for (_, _, index) in of(0x020B) {
        assert_eq!(records[at(u32_at(index, 12))].1, 0x0055, "the widths of columns");
        assert_eq!(u32_at(index, 8), 5_001);
        for entry in index[16..].chunks(4) {
            let block = at(u32_at(entry, 0));
            let (end, 0x00D7, body) = &records[block] else { panic!("no end of a block") };
            let first = at(end - u32_at(body, 0));
            assert_eq!(records[first].1, 0x0208);
            let mut cell = records[first].0 + 20;
            let rows = &records[first..first + (body.len() - 4) / 2];
            for (offset, (_, number, row)) in body[4..].chunks(2).zip(rows) {
                assert_eq!(*number, 0x0208);
                cell += usize::from(u16::from_le_bytes([offset[0], offset[1]]));
                let (_, _, found) = &records[at(cell)];
                // A row without cells points to where they would be.
                if row[2..6] != [0; 4] {
                    assert_eq!(found[..2], row[..2]);
                }
            }
            blocks += 1;
        }
    }
    assert_eq!(blocks, 2 * 5_001_usize.div_ceil(32));
    // The index of texts has the position of each text: its record, and its head in the record.
    let (_, _, texts) = of(0x00FF).next().unwrap();
    let (_, _, table) = of(0x00FC).next().unwrap();
    let between = usize::from(u16::from_le_bytes([texts[0], texts[1]]));
    assert_eq!((texts.len() - 2) / 8, u32_at(table, 4).div_ceil(between));
    for place in texts[2..].chunks(8) {
        let in_record = usize::from(u16::from_le_bytes([place[4], place[5]]));
        let (_, number, body) = &records[at(u32_at(place, 0) - in_record)];
        assert!([0x00FC, 0x003C].contains(number));
        let head = &body[in_record - 4..];
        assert!(head[2] <= 1 && head[0] > 0 && head[1] == 0, "{:?}", &head[..3]);
    }
}
