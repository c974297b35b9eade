//! Tables of comma-separated values.

use std::io::Cursor;

use super::super::frame::Stop;
use super::super::refusal::{OutputLimit, Refusal};
use super::super::{Cell, ForeignFile, SourceKind};
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
        (b"sep=,\nname\nK\xf6ln", 3),
        (b"\xff\xfen\0\n\0\0\xd8", 2),
        (b"name\n\n\n\xff\n", 4),
    ] {
        let stop = decode(Cursor::new(table), SourceKind::WorkbookOrTable).unwrap_err();
        let Stop::Refused(Refusal::NotUtf8 { line }) = stop else { panic!("{stop:?}") };
        assert_eq!(line, expected);
    }
}

#[test]
fn every_line_end_and_encoding_gives_the_same_cells() {
    let expected = texts(&[
        ((0, 0), "name"),
        ((0, 1), "port"),
        ((1, 0), "R 1%"),
        ((1, 1), "22"),
        ((3, 0), "é>b\nc"),
        ((3, 1), "23"),
        ((4, 0), "A1"),
    ]);
    let lines = ["name;port", "R 1%;22", "", "\"é>b\nc\";23", "A1"];
    let mixed = "name;port\nR 1%;22\r\n\r\"é>b\nc\";23\rA1\r\n".to_owned();
    for text in [lines.join("\n"), lines.join("\r"), lines.join("\r\n") + "\r\n", mixed] {
        for text in [text.clone(), format!("\u{feff}{text}"), format!("sep=;\r\n{text}")] {
            assert_eq!(cells(text.as_bytes()), expected, "{text:?}");
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert_eq!(cells(&little), expected, "{text:?}");
            assert_eq!(cells(&big), expected, "{text:?}");
        }
    }
    let blank = "\n\r\n  \n;\nname;port\nR 1%;22\n";
    let expected = [((2, 0), "  "), ((4, 0), "name"), ((4, 1), "port"), ((5, 0), "R 1%")];
    assert_eq!(cells(blank.as_bytes())[..4], texts(&expected));
}

#[test]
fn files_of_other_formats_are_named() {
    for (bytes, format) in [
        (&b"name\nR 1%\n"[..], ForeignFile::Text),
        (b"<html>", ForeignFile::Html),
        (b"PK", ForeignFile::Text),
        (b"ID;PSCALC3\nC;X1;Y1;K\"name\"\n", ForeignFile::Sylk),
        (b"\x1F\x8B\x08\0\0\0", ForeignFile::Gzip),
    ] {
        for kind in [SourceKind::Workbook, SourceKind::WorkbookOrTable] {
            match (decode(Cursor::new(bytes), kind), kind, format) {
                (Ok(_), SourceKind::WorkbookOrTable, ForeignFile::Text) => {}
                (Err(Stop::Refused(Refusal::Foreign(found))), ..) => assert_eq!(found, format),
                (other, ..) => panic!("{bytes:?}: {other:?}"),
            }
        }
    }
    for kind in [SourceKind::Workbook, SourceKind::WorkbookOrTable] {
        let stop = decode(Cursor::new(b""), kind).unwrap_err();
        assert!(matches!(stop, Stop::Refused(Refusal::Empty)), "{stop:?}");
    }
}

#[test]
fn an_open_quote_is_refused_with_its_line() {
    let mut long = b"name\n\"".to_vec();
    long.resize(40 << 20, b'x');
    for (table, expected) in [
        (&b"name\nR1\n\"R2\nR3\n"[..], 3),
        (b"name,port\n\"R1,22\nR2,\"23\"\n", 2),
        (b"sep=,\rname,port\r\"R1,22\r", 3),
        // Before it takes all the memory.
        (&long, 2),
    ] {
        let stop = decode(Cursor::new(table), SourceKind::WorkbookOrTable).unwrap_err();
        let Stop::Refused(Refusal::OpenQuote { line }) = stop else { panic!("{stop:?}") };
        assert_eq!(line, expected);
    }
    let mut long = b"name\n".to_vec();
    long.resize(40 << 20, b'x');
    let stop = decode(Cursor::new(long), SourceKind::WorkbookOrTable).unwrap_err();
    assert!(matches!(stop, Stop::Output(OutputLimit::RowBytes { row: 1 })), "{stop:?}");
}
