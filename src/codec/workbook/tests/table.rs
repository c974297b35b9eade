//! Tables of comma-separated values.

use std::io::Cursor;

use super::super::frame::Stop;
use super::super::refusal::{OutputLimit, Refusal};
use super::super::{Cell, SourceKind};
use super::decode;

fn cells(table: &[u8]) -> Vec<((u32, u32), String)> {
    let sheets = decode(Cursor::new(table), SourceKind::WorkbookOrTable).unwrap();
    let [(name, cells)] = sheets.as_slice() else { panic!("one sheet") };
    assert_eq!(name, "");
    let text = |cell: &Cell<'_>| match cell {
        Cell::Text(text) => text.clone().into_owned(),
        cell => panic!("{cell:?}"),
    };
    cells.iter().map(|(place, cell)| (*place, text(cell))).collect()
}

fn texts(expected: &[((u32, u32), &str)]) -> Vec<((u32, u32), String)> {
    expected.iter().map(|(place, text)| (*place, (*text).to_owned())).collect()
}

#[test]
fn the_delimiter_is_recognised_by_the_header() {
    let expected = texts(&[
        ((0, 0), "name"),
        ((0, 1), "a,b"),
        ((0, 2), "c"),
        ((1, 0), "R 1%"),
        ((1, 2), "22"),
    ]);
    for table in [
        "name,\"a,b\",c\nR 1%,,22\n",
        "name;a,b;c\r\nR 1%;;22",
        "name;a,b;c\r\nR 1%;;\"22\"\r\n",
        "name\ta,b\tc\nR 1%\t\t22\n",
        "\u{feff}name;\"a,b\";c\nR 1%;;22\n",
        "\u{feff}\"name\";\"a,b\";\"c\"\nR 1%;;22\n",
    ] {
        assert_eq!(cells(table.as_bytes()), expected, "{table:?}");
    }
}

#[test]
fn row_numbers_are_those_of_a_spreadsheet() {
    let table = "name\n\n\n\"two\nlines\"\n\nR 1%,,x\n,\n..\n";
    let expected =
        [((0, 0), "name"), ((3, 0), "two\nlines"), ((5, 0), "R 1%"), ((5, 2), "x"), ((7, 0), "..")];
    assert_eq!(cells(table.as_bytes()), texts(&expected));
    let table = "name\r\n\r\nR 1%\r\n";
    assert_eq!(cells(table.as_bytes()), texts(&[((0, 0), "name"), ((2, 0), "R 1%")]));
}

#[test]
fn a_line_that_is_not_utf8_is_named() {
    for (table, expected) in [
        (&b"name\nR 1\nK\xf6ln\n"[..], 3),
        (b"n\xe4me\n", 1),
        (b"\xff\xfen\0a\0\n\0", 1),
        (b"name\n\n\n\xff\n", 4),
    ] {
        let stop = decode(Cursor::new(table), SourceKind::WorkbookOrTable).unwrap_err();
        let Stop::Refused(Refusal::NotUtf8 { line }) = stop else { panic!("{stop:?}") };
        assert_eq!(line, expected);
    }
}

#[test]
fn a_table_is_refused_unless_tables_are_allowed() {
    for bytes in [&b"name\nR 1%\n"[..], b"", b"<html>", b"PK"] {
        let stop = decode(Cursor::new(bytes), SourceKind::Workbook).unwrap_err();
        assert!(matches!(stop, Stop::Refused(Refusal::Unknown)), "{stop:?}");
    }
    let stop = decode(Cursor::new(b""), SourceKind::WorkbookOrTable).unwrap_err();
    assert!(matches!(stop, Stop::Refused(Refusal::Unknown)), "{stop:?}");
}

#[test]
fn an_open_quote_is_refused_before_it_takes_the_memory() {
    let mut table = b"name\n\"".to_vec();
    table.resize(40 << 20, b'x');
    let stop = decode(Cursor::new(table), SourceKind::WorkbookOrTable).unwrap_err();
    assert!(matches!(stop, Stop::Output(OutputLimit::RowBytes { row: 1 })), "{stop:?}");
}
