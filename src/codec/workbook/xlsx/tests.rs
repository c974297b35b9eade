//! The parts of a `.xlsx`, read without calamine.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::super::{Cell, CellError, Format, Mark, MarkedCell, WorkbookWriter, WriteError};
use super::*;

const HEADER: [&str; 6] =
    ["R 1%", "<a b=\"c\">&amp;]]>", "\u{0}\r\u{fffe}\u{ffff}", " _x0041_ ", "=1+1", "é>b"];

/// Sheets with hostile names and texts, with and without a header.
fn workbook() -> Vec<u8> {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = WorkbookWriter::new(Format::Xlsx, scratch.path()).unwrap();
    for sheet in ["é>b & c's", "a\"b<_x0041_", "link"] {
        writer.begin_sheet(sheet, HEADER).unwrap();
        for mark in [Mark::None, Mark::Invalid] {
            writer.row(HEADER.map(|text| MarkedCell { cell: text.into(), mark })).unwrap();
        }
        writer.row([Cell::Error(CellError::DivisionByZero), Cell::Date(45_322.5)]).unwrap();
        writer.row(["_x0041\u{1}"]).unwrap();
    }
    writer.begin_sheet("empty", Vec::<Cell<'_>>::new()).unwrap();
    writer.finish(Cursor::new(Vec::new())).unwrap().into_inner()
}

/// The parts of a workbook by name.
fn parts_of(workbook: Vec<u8>) -> BTreeMap<String, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(workbook)).unwrap();
    let parts = (0..archive.len()).map(|index| {
        let mut part = archive.by_index(index).unwrap();
        let mut xml = String::new();
        part.read_to_string(&mut xml).unwrap();
        (part.name().to_owned(), xml)
    });
    parts.collect()
}

type Tag = (String, BTreeMap<String, String>);

fn attributes(tag: &BytesStart<'_>) -> BTreeMap<String, String> {
    let found = tag.attributes().map(|attribute| {
        let attribute = attribute.unwrap();
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap().into_owned();
        (attribute.key.as_ref().to_owned(), value)
    });
    found.collect()
}

/// Every tag with its attributes, in order. End tags have a slash.
fn tags(xml: &str) -> Vec<Tag> {
    let mut reader = Reader::from_str(xml);
    let mut tags = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => tags.push((tag.name().as_ref().to_owned(), attributes(&tag))),
            Event::Empty(tag) => {
                tags.push((tag.name().as_ref().to_owned(), attributes(&tag)));
                tags.push((format!("/{}", tag.name().as_ref()), BTreeMap::new()));
            }
            Event::End(tag) => tags.push((format!("/{}", tag.name().as_ref()), BTreeMap::new())),
            Event::Eof => return tags,
            _ => {}
        }
    }
}

fn values<'t>(tags: &'t [Tag], tag: &str, key: &str) -> Vec<&'t str> {
    let found = tags.iter().filter(|(name, _)| name == tag);
    found.filter_map(|(_, attributes)| attributes.get(key).map(String::as_str)).collect()
}

/// Returns whether XML 1.0 allows this character.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[test]
fn every_part_is_well_formed_xml_also_with_hostile_names_and_texts() {
    for (name, xml) in parts_of(workbook()) {
        assert!(xml.chars().all(is_xml), "{name}: {xml}");
        let tags = tags(&xml);
        let ends = tags.iter().filter(|(tag, _)| tag.starts_with('/')).count();
        assert_eq!(ends * 2, tags.len(), "{name}: {xml}");
    }
}

#[test]
fn every_sheet_has_its_name_and_a_filter_over_its_header_and_its_rows() {
    let parts = parts_of(workbook());
    let book = tags(&parts["xl/workbook.xml"]);
    let names = values(&book, "sheet", "name");
    assert_eq!(names, ["é>b & c's", "a\"b<_x005F_x0041_", "link", "empty"]);
    assert!(parts["xl/workbook.xml"].contains(">'é&gt;b &amp; c''s'!$A$1:$F$5<"));
    for (sheet, filter) in [(1, vec!["A1:F5"]), (3, vec!["A1:F5"]), (4, vec![])] {
        let sheet = tags(&parts[&format!("xl/worksheets/sheet{sheet}.xml")]);
        assert_eq!(values(&sheet, "autoFilter", "ref"), filter);
        assert_eq!(values(&sheet, "pane", "topLeftCell"), ["A2"]);
        assert_eq!(values(&sheet, "pane", "state"), ["frozen"]);
    }
}

#[test]
fn cells_and_columns_have_their_styles_and_widths() {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = WorkbookWriter::new(Format::Xlsx, scratch.path()).unwrap();
    writer.begin_sheet("device", ["name", "a longer heading"]).unwrap();
    writer.row(Vec::<Cell<'_>>::new()).unwrap();
    let cells = [
        Cell::from(" R 1%"),
        Cell::Empty,
        Cell::Bool(true),
        Cell::Date(1.0),
        Cell::Duration(0.25),
        Cell::Error(CellError::Name),
    ];
    for mark in [Mark::None, Mark::Invalid] {
        writer.row(cells.clone().map(|cell| MarkedCell { cell, mark })).unwrap();
    }
    let parts = parts_of(writer.finish(Cursor::new(Vec::new())).unwrap().into_inner());
    let sheet = tags(&parts["xl/worksheets/sheet1.xml"]);
    let styles = tags(&parts["xl/styles.xml"]);
    // Number format, bold font and fill of each cell style.
    let begin = styles.iter().position(|(tag, _)| tag == "cellXfs").unwrap();
    let formats: BTreeMap<_, _> = values(&styles, "numFmt", "numFmtId")
        .into_iter()
        .zip(values(&styles, "numFmt", "formatCode"))
        .collect();
    let looks: Vec<_> = styles[begin..]
        .iter()
        .filter(|(tag, _)| tag == "xf")
        .map(|(_, of)| {
            let format = of["numFmtId"].as_str();
            (*formats.get(format).unwrap_or(&format), of["fontId"] != "0", of["fillId"] != "0")
        })
        .collect();
    let cells = sheet.iter().filter(|(tag, _)| tag == "c").map(|(_, of)| {
        let style: usize = of.get("s").map_or(0, |style| style.parse().unwrap());
        (of["r"].as_str(), looks[style])
    });
    let date = "yyyy\\-mm\\-dd\\ hh:mm:ss";
    let expected = [
        ("A1", ("49", true, false)),
        ("B1", ("49", true, false)),
        ("A3", ("49", false, false)),
        ("C3", ("General", false, false)),
        ("D3", (date, false, false)),
        ("E3", ("46", false, false)),
        ("F3", ("General", false, false)),
        ("A4", ("49", false, true)),
        ("B4", ("49", false, true)),
        ("C4", ("General", false, true)),
        ("D4", (date, false, true)),
        ("E4", ("46", false, true)),
        ("F4", ("General", false, true)),
    ];
    assert_eq!(cells.collect::<Vec<_>>(), expected);
    assert_eq!(values(&styles, "fgColor", "rgb"), ["FFFF99CC"]);
    // Every column has the style of texts, for what a person types into it.
    for style in values(&sheet, "col", "style") {
        assert_eq!(looks[style.parse::<usize>().unwrap()], ("49", false, false));
    }
    let widths = ["9.7109375", "19.7109375", "9.7109375", "20.7109375", "9.7109375"];
    assert_eq!(values(&sheet, "col", "width"), widths);
    assert!(parts["xl/worksheets/sheet1.xml"].contains("<t xml:space=\"preserve\"> R 1%</t>"));
}

#[test]
fn numbers_are_written_so_that_they_are_read_as_the_same_bits() {
    let numbers = [
        0.0,
        -0.0,
        -1.0,
        22.5,
        0.1,
        9_007_199_254_740_993.0,
        1e16,
        1e300,
        5e-324,
        f64::MAX,
        f64::MIN_POSITIVE,
    ];
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = WorkbookWriter::new(Format::Xlsx, scratch.path()).unwrap();
    writer.begin_sheet("device", ["port"]).unwrap();
    for number in numbers {
        writer.row([Cell::Number(number)]).unwrap();
    }
    let parts = parts_of(writer.finish(Cursor::new(Vec::new())).unwrap().into_inner());
    let sheet = &parts["xl/worksheets/sheet1.xml"];
    let found = sheet.split("<v>").skip(1).map(|rest| rest.split_once("</v>").unwrap().0);
    let bits = found.map(|number| number.parse::<f64>().unwrap().to_bits());
    assert!(bits.eq(numbers.map(f64::to_bits)), "{sheet}");
}

#[test]
fn the_same_cells_give_the_same_bytes() {
    assert!(workbook() == workbook());
}

#[test]
fn a_workbook_whose_xml_becomes_too_long_is_refused_while_it_is_written() {
    let mut writer = XlsxWriter::new(&std::env::temp_dir()).unwrap();
    writer.xml_bytes_max = 1_000_000;
    // The limit is for all sheets together.
    let mut write = |number: u32| -> Result<(), WriteError> {
        if number.is_multiple_of(100) {
            writer.begin_sheet(&format!("R {number}%"))?;
        }
        let cell = MarkedCell::from("&<>\u{1}_x_\u{ffff}".repeat(20));
        writer.write_cell(0, &cell, RowKind::Body)?;
        writer.end_row()?;
        if number % 100 == 99 { writer.end_sheet(SheetLayout::default()) } else { Ok(()) }
    };
    let refused = (0..).find_map(|number| write(number).err().map(|error| (number, error)));
    let (rows, error) = refused.unwrap();
    let WriteError::TooLarge { bytes_max: 1_000_000, format: Format::Xlsx } = error else {
        panic!("{error:?}")
    };
    assert!(rows > 100, "{rows} rows");
    // What was counted is not less than what is written.
    let mut file = Cursor::new(Vec::new());
    Box::new(writer).finish(&mut file).unwrap();
    let parts = parts_of(file.into_inner()).into_iter();
    let written: usize =
        parts.filter(|(name, _)| name.starts_with("xl/work")).map(|(_, xml)| xml.len()).sum();
    assert!((100_000..1_010_000).contains(&written), "{written} bytes");
}
