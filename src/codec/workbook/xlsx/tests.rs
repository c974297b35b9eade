//! The parts of a `.xlsx`, as others read them.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::super::{Cell, CellError, Format, Mark, Marked, WorkbookWriter, WriteError};
use super::write::{Look, Style};
use super::*;

/// Sheets with hostile names and texts, with and without headers.
fn workbook() -> Vec<u8> {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = WorkbookWriter::new(Format::Xlsx, scratch.path()).unwrap();
    let texts =
        ["R 1%", "<a b=\"c\">&amp;]]>", "\u{0}\r\u{fffe}\u{ffff}", " _x0041_ ", "=1+1", "é>b"];
    for sheet in ["é>b & c's", "a\"b<_x0041_", "\u{ffff} ..", "link"] {
        writer.begin_sheet(sheet, texts).unwrap();
        for mark in [Mark::None, Mark::Wrong] {
            writer.row(texts.map(|text| Marked { cell: text.into(), mark })).unwrap();
        }
        writer.row([Cell::Error(CellError::DivisionByZero), Cell::Date(45_322.5)]).unwrap();
    }
    writer.begin_sheet("empty", Vec::<Cell<'_>>::new()).unwrap();
    writer.finish(Cursor::new(Vec::new())).unwrap().into_inner()
}

/// The parts by name, in their order.
fn parts_of(workbook: Vec<u8>) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(workbook)).unwrap();
    let parts = (0..archive.len()).map(|place| {
        let mut part = archive.by_index(place).unwrap();
        let mut xml = String::new();
        part.read_to_string(&mut xml).unwrap();
        (part.name().to_owned(), xml)
    });
    parts.collect()
}

fn attributes(tag: &BytesStart<'_>) -> Vec<(String, String)> {
    let found = tag.attributes().map(|attribute| {
        let attribute = attribute.unwrap();
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap().into_owned();
        (attribute.key.as_ref().to_owned(), value)
    });
    found.collect()
}

/// Every tag with its attributes, in order; the end of one has a slash.
fn tags(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut reader = Reader::from_str(xml);
    let mut tags = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => tags.push((tag.name().as_ref().to_owned(), attributes(&tag))),
            Event::Empty(tag) => {
                tags.push((tag.name().as_ref().to_owned(), attributes(&tag)));
                tags.push((format!("/{}", tag.name().as_ref()), Vec::new()));
            }
            Event::End(tag) => tags.push((format!("/{}", tag.name().as_ref()), Vec::new())),
            Event::Eof => return tags,
            _ => {}
        }
    }
}

/// What XML 1.0 can hold.
fn is_of_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[test]
fn every_part_is_xml() {
    for (name, xml) in parts_of(workbook()) {
        assert!(xml.chars().all(is_of_xml), "{name}: {xml}");
        let tags = tags(&xml);
        let ends = tags.iter().filter(|(tag, _)| tag.starts_with('/')).count();
        assert_eq!(ends * 2, tags.len(), "{name}: {xml}");
    }
}

#[test]
fn every_part_is_named_by_the_others_and_there() {
    let parts = parts_of(workbook());
    let xml = |name: &str| &parts.iter().find(|(found, _)| found == name).unwrap().1;
    let values = |name: &str, key: &str| {
        let attributes = tags(xml(name)).into_iter().flat_map(|(_, attributes)| attributes);
        attributes.filter(|(found, _)| found == key).map(|(_, value)| value).collect::<Vec<_>>()
    };
    let there = parts.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    assert_eq!(there.len(), 7 + 5);
    assert_eq!(parts[0].0, "[Content_Types].xml");
    let typed = values("[Content_Types].xml", "PartName");
    let typed = typed.iter().map(|name| name.trim_start_matches('/').to_owned());
    let references = ["[Content_Types].xml", "_rels/.rels", "xl/_rels/workbook.xml.rels"];
    let typed = typed.chain(references.map(str::to_owned)).collect::<BTreeSet<_>>();
    assert_eq!(typed, there);
    let of_package = values("_rels/.rels", "Target").into_iter();
    let of_workbook = values("xl/_rels/workbook.xml.rels", "Target").into_iter();
    let named = of_package.chain(of_workbook.map(|name| format!("xl/{name}")));
    let named = named.chain(references.map(str::to_owned)).collect::<BTreeSet<_>>();
    assert_eq!(named, there);
    // Sheets have the numbers by which the workbook names them.
    assert_eq!(values("xl/workbook.xml", "r:id"), ["rId1", "rId2", "rId3", "rId4", "rId5"]);
    let ids = values("xl/_rels/workbook.xml.rels", "Id");
    assert_eq!(ids, ["rId1", "rId2", "rId3", "rId4", "rId5", "rId6"]);
    let names = values("xl/workbook.xml", "name");
    assert_eq!(names[..4], ["é>b & c's", "a\"b<_x005F_x0041_", "_xFFFF_ ..", "link"]);
    let filters = names.iter().filter(|name| *name == "_xlnm._FilterDatabase");
    assert_eq!(filters.count(), 4, "a sheet without columns has no filter");
    assert!(xml("xl/workbook.xml").contains(">'é&gt;b &amp; c''s'!$A$1:$F$4<"));
}

#[test]
fn a_sheet_has_its_parts_in_the_order_of_the_standard() {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = WorkbookWriter::new(Format::Xlsx, scratch.path()).unwrap();
    writer.begin_sheet("device", ["name", "port"]).unwrap();
    writer.row(Vec::<Cell<'_>>::new()).unwrap();
    let wrong = Marked { cell: Cell::Empty, mark: Mark::Wrong };
    let cells: [Marked<'_>; 4] =
        [" R 1%".into(), Cell::Empty.into(), wrong, Cell::Bool(true).into()];
    writer.row(cells).unwrap();
    writer.row([Cell::Number(-1.5), Cell::Date(1.0), Cell::Duration(0.25)]).unwrap();
    let bytes = writer.finish(Cursor::new(Vec::new())).unwrap().into_inner();
    let parts = parts_of(bytes);
    let (name, xml) = parts.last().unwrap();
    assert_eq!(name, "xl/worksheets/sheet1.xml");
    let body = xml.split_once("<worksheet").unwrap().1;
    let expected = " xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">\
        <dimension ref=\"A1:D4\"/><sheetViews><sheetView tabSelected=\"1\" workbookViewId=\"0\">\
        <pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>\
        <selection pane=\"bottomLeft\" activeCell=\"A2\" sqref=\"A2\"/></sheetView></sheetViews>\
        <sheetFormatPr defaultRowHeight=\"15\"/>\
        <cols><col min=\"1\" max=\"1\" width=\"9.7109375\" style=\"1\" customWidth=\"1\"/>\
        <col min=\"2\" max=\"2\" width=\"20.7109375\" style=\"1\" customWidth=\"1\"/>\
        <col min=\"3\" max=\"4\" width=\"9.7109375\" style=\"1\" customWidth=\"1\"/></cols>\
        <sheetData><row r=\"1\"><c r=\"A1\" s=\"2\" t=\"inlineStr\"><is><t>name</t></is></c>\
        <c r=\"B1\" s=\"2\" t=\"inlineStr\"><is><t>port</t></is></c></row>\
        <row r=\"3\"><c r=\"A3\" s=\"1\" t=\"inlineStr\"><is><t xml:space=\"preserve\"> R 1%</t>\
        </is></c><c r=\"C3\" s=\"6\"/><c r=\"D3\" s=\"0\" t=\"b\"><v>1</v></c></row>\
        <row r=\"4\"><c r=\"A4\" s=\"0\"><v>-1.5</v></c><c r=\"B4\" s=\"3\"><v>1</v></c>\
        <c r=\"C4\" s=\"4\"><v>0.25</v></c></row></sheetData>\
        <autoFilter ref=\"A1:B4\"/><pageMargins left=\"0.7\" right=\"0.7\" top=\"0.75\" \
        bottom=\"0.75\" header=\"0.3\" footer=\"0.3\"/></worksheet>";
    assert_eq!(body, expected);
}

#[test]
fn looks_are_where_cells_say() {
    let parts = parts_of(workbook());
    let (_, xml) = parts.iter().find(|(name, _)| name == "xl/styles.xml").unwrap();
    let looks = tags(
        xml.split_once("<cellXfs")
            .unwrap()
            .1
            .split_once('>')
            .unwrap()
            .1
            .split_once("</cellXfs>")
            .unwrap()
            .0,
    );
    let looks = looks.iter().filter(|(tag, _)| tag == "xf").map(|(_, attributes)| {
        let value =
            |key: &str| attributes.iter().find(|(found, _)| found == key).unwrap().1.as_str();
        (value("numFmtId"), value("fontId"), value("fillId"))
    });
    let plain = [("0", "0"), ("49", "0"), ("49", "1"), ("164", "0"), ("46", "0")];
    let expected =
        ["0", "2"].into_iter().flat_map(|fill| plain.map(|(format, font)| (format, font, fill)));
    assert_eq!(looks.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn numbers_are_spelled_so_that_they_are_the_same_when_read() {
    for (number, expected) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (-1.0, "-1"),
        (22.5, "22.5"),
        (0.1, "0.1"),
        (999_999_999_999_999.0, "999999999999999"),
        (9_007_199_254_740_993.0, "9007199254740992"),
        (9_007_199_254_740_994.0, "9007199254740994.0"),
        (1e16, "1e16"),
        (1e300, "1e300"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e308"),
        (f64::NEG_INFINITY, "#NUM!"),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let mut writer = WorkbookWriter::new(Format::Xlsx, scratch.path()).unwrap();
        writer.begin_sheet("device", ["port"]).unwrap();
        writer.row([Cell::Number(number)]).unwrap();
        let parts = parts_of(writer.finish(Cursor::new(Vec::new())).unwrap().into_inner());
        let (_, xml) = parts.last().unwrap();
        assert!(xml.contains(&format!("<v>{expected}</v>")), "{number}: {xml}");
        if number.is_finite() {
            assert_eq!(expected.parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
    }
}

#[test]
fn the_same_cells_are_the_same_file() {
    assert!(workbook() == workbook());
}

/// Fills sheets of so many rows, until the workbook may not be longer, and gives what was written.
fn filled(rows: u64, text: impl Fn(u64) -> String) -> XlsxWriter {
    let mut writer = XlsxWriter::new(&std::env::temp_dir()).unwrap();
    writer.bytes_max = 1_000_000;
    let mut fill = |number: u64| -> Result<(), WriteError> {
        let of_sheet = number % (rows * 20);
        if of_sheet == 0 {
            writer.begin_sheet(&format!("R {number}%"))?;
        }
        let marked = Marked { cell: text(number).into(), mark: Mark::None };
        writer.cell((number % 20) as u16, &marked, Style::Body)?;
        if number % 20 == 19 {
            writer.end_row()?;
        }
        if of_sheet == rows * 20 - 1 { writer.end_sheet(Look::default()) } else { Ok(()) }
    };
    let error = (0..1_000_000).find_map(|number| fill(number).err()).unwrap();
    let WriteError::Long { bytes_max: 1_000_000, format: Format::Xlsx } = error else {
        panic!("{error:?}")
    };
    let bytes = writer.scratch.metadata().unwrap().len();
    assert!(bytes < 1_200_000, "{bytes} bytes");
    writer
}

#[test]
fn a_workbook_that_gets_too_long_is_refused_while_it_is_written() {
    // What packs badly is too long over several sheets.
    let noise = filled(200, |number| {
        let number = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!("{number:x}{:x}", number.wrapping_mul(0xD6E8_FEB8_6659_FD93))
    });
    assert!(noise.sheets.len() > 2, "{} sheets", noise.sheets.len());
    // What packs well is too long for one sheet, unpacked.
    let alike = filled(1_000, |_| "R 1%".repeat(1_000));
    assert_eq!(alike.sheets.len(), 0);
}
