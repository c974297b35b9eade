//! Workbooks decoded by a child of the real executable: real and hostile ones.

use std::fs::{self, File};
use std::io::{Cursor, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use satchel::codec::workbook::{
    Cell, DecodeError, DecodeLimits, Decoding, ForeignFile, Format, Item, Refusal, SourceKind,
    WorkbookWriter,
};
use serde_json::{Value, json};

use crate::mutants::{
    Chance, XlsMutants, XlsxMutants, archive, changed, container, mutated, mutations, stream, xlsb,
    xlsb_record,
};

/// Limits that are sufficient for the workbooks of these tests, and are reached soon.
const LIMITS: DecodeLimits = DecodeLimits {
    memory_bytes: 512 << 20,
    cpu: Duration::from_secs(20),
    wait: Duration::from_secs(60),
};

/// A sheet: its name and its non-empty cells.
type Sheet = (String, Vec<((u32, u32), Cell<'static>)>);

fn start(bytes: &[u8], kind: SourceKind, limits: DecodeLimits) -> Decoding {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    start_on(file, kind, limits)
}

fn start_on(file: File, kind: SourceKind, limits: DecodeLimits) -> Decoding {
    let executable = Path::new(env!("CARGO_BIN_EXE_satchel"));
    Decoding::start(executable, file, kind, limits).unwrap()
}

fn sheets(mut decoding: Decoding) -> Result<Vec<Sheet>, DecodeError> {
    let mut sheets = Vec::<Sheet>::new();
    loop {
        match decoding.next_item()? {
            Some(Item::Sheet(name)) => sheets.push((name.to_owned(), Vec::new())),
            Some(Item::Merged(_)) => {}
            Some(Item::Row(row)) => {
                let cells = row.cells.into_iter();
                let cells = cells.map(|(column, cell)| ((row.row, column), cell.into_owned()));
                sheets.last_mut().unwrap().1.extend(cells);
            }
            None => return Ok(sheets),
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<Sheet>, DecodeError> {
    sheets(start(bytes, SourceKind::Workbook, LIMITS))
}

/// A workbook that Satchel writes.
fn workbook(format: Format) -> Vec<u8> {
    let mut writer = WorkbookWriter::new(format, &std::env::temp_dir()).unwrap();
    for sheet in ["device", "link"] {
        writer.begin_sheet(sheet, ["name", "port", "é>b"]).unwrap();
        for row in 0..100 {
            let name = format!("R {row}%");
            let long = "\u{1F600}".repeat(row);
            writer.row([Cell::from(name), Cell::Number(22.5), Cell::from(long)]).unwrap();
        }
    }
    writer.finish(Cursor::new(Vec::new())).unwrap().into_inner()
}

const SHEET_1: &str = "xl/worksheets/sheet1.xml";

/// The `.xlsx` with other rows on its first sheet.
fn with_rows(rows: &str) -> Vec<u8> {
    changed(&workbook(Format::Xlsx), SHEET_1, |sheet| {
        let sheet = String::from_utf8(sheet).unwrap();
        let begin = sheet.find("<sheetData>").unwrap() + "<sheetData>".len();
        let end = sheet.find("</sheetData>").unwrap();
        format!("{}{rows}{}", &sheet[..begin], &sheet[end..]).into_bytes()
    })
}

/// An `.ods` with this in its only table.
fn ods(rows: &str) -> Vec<u8> {
    let content = format!(
        "<?xml version=\"1.0\"?><office:document-content xmlns:office=\"o\" xmlns:table=\"t\" \
         xmlns:text=\"x\"><office:body><office:spreadsheet><table:table table:name=\"device\">{rows}"
    );
    let end = "</table:table></office:spreadsheet></office:body></office:document-content>";
    archive(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", b"<manifest:manifest/>"),
        ("content.xml", format!("{content}{end}").as_bytes()),
    ])
}

/// Returns the offset of the body of the first record with this number.
fn record(stream: &[u8], number: u16) -> usize {
    let field = |at: usize| u16::from_le_bytes([stream[at], stream[at + 1]]);
    let mut at = 0;
    while field(at) != number {
        at += 4 + usize::from(field(at + 2));
    }
    at + 4
}

/// The signal or error of the child. Fails if the child took longer than its limits allow.
fn refused(bytes: &[u8]) -> DecodeError {
    let since = Instant::now();
    let error = decode(bytes).unwrap_err();
    assert!(error.is_of_workbook(), "{error:?}");
    assert!(since.elapsed() < Duration::from_secs(10), "it took {:?}", since.elapsed());
    error
}

/// The peak memory of this process, in KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn fixtures() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let above = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures");
    let named = std::env::var_os("SATCHEL_FIXTURES").map(PathBuf::from);
    let found = named.into_iter().chain([beside, above]).map(|path| path.join("workbooks"));
    let found = found.into_iter().find(|path| path.is_dir());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no fixtures");
        println!("skipped: no fixtures");
    }
    found
}

/// A cell in the format of the files of expected cells, which xlrd read.
fn spelled(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Text(text) => json!(text),
        Cell::Number(number) => json!(number),
        Cell::Bool(value) => json!(value),
        Cell::Date(days) => json!({ "date": days }),
        Cell::Error(error) => json!({ "error": error.word() }),
        Cell::Empty | Cell::Duration(_) | Cell::Formula(_) => panic!("{cell:?}"),
    }
}

#[test]
fn every_cell_of_the_real_workbooks_is_what_xlrd_reads() {
    let Some(folder) = fixtures() else { return };
    let expected_cells = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cells");
    let mut compared = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut found = Vec::new();
        let mut decoding = start_on(File::open(&path).unwrap(), SourceKind::Workbook, LIMITS);
        while let Some(item) = decoding.next_item().unwrap() {
            found.push(match item {
                Item::Sheet(name) => json!({ "sheet": name }),
                // The expected cells have none.
                Item::Merged(_) => continue,
                Item::Row(row) => {
                    let cells = row.cells.iter();
                    let cells = cells.map(|(column, cell)| (column.to_string(), spelled(cell)));
                    json!({ "row": row.row, "cells": Value::Object(cells.collect()) })
                }
            });
        }
        let expected = fs::read_to_string(expected_cells.join(format!("{name}.jsonl"))).unwrap();
        let expected = expected.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let expected = expected.collect::<Vec<_>>();
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.len(), expected.len(), "{name}");
        compared += 1;
    }
    assert!(compared >= 5, "{compared} workbooks");
}

#[test]
fn a_written_workbook_is_read_back_by_a_child_process() {
    for format in Format::ALL {
        let sheets = decode(&workbook(format)).unwrap();
        let [(device, cells), (link, _)] = sheets.as_slice() else { panic!("two sheets") };
        assert_eq!((device.as_str(), link.as_str()), ("device", "link"));
        // An empty text is an empty cell.
        assert_eq!(cells.len(), 3 + 3 * 100 - 1);
        assert_eq!(cells[5], ((2, 0), Cell::Text("R 1%".into())));
        assert_eq!(cells[7], ((2, 2), Cell::Text("\u{1F600}".into())));
    }
}

#[test]
fn a_file_is_read_from_its_beginning_at_any_position() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&workbook(Format::Xlsx)).unwrap();
    file.seek(SeekFrom::Start(77)).unwrap();
    assert_eq!(sheets(start_on(file, SourceKind::Workbook, LIMITS)).unwrap().len(), 2);
}

#[test]
fn ods_with_formulas_dates_and_errors_is_read() {
    let cell = |attributes: &str, text: &str| {
        format!("<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>")
    };
    let rows = [
        cell("office:value-type=\"string\"", "R 1%"),
        cell("office:value-type=\"float\" office:value=\"22.5\"", "22,5"),
        cell("office:value-type=\"boolean\" office:boolean-value=\"true\"", "WAHR"),
        cell("office:value-type=\"date\" office:date-value=\"2024-01-31\"", "31.1.24"),
        cell("office:value-type=\"time\" office:time-value=\"PT12H00M00S\"", "12:00"),
        cell(
            "table:formula=\"of:=[.A9]\" office:value-type=\"string\" office:string-value=\"\" \
             calcext:value-type=\"error\"",
            "#REF!",
        ),
        "<table:table-cell table:formula=\"of:=[.A1]\"/>".to_owned(),
    ];
    let read = decode(&ods(&format!("<table:table-row>{}</table:table-row>", rows.concat())));
    let (_, cells) = &read.unwrap()[0];
    let cells = cells.iter().map(|(_, cell)| cell.clone()).collect::<Vec<_>>();
    let expected = [
        Cell::Text("R 1%".into()),
        Cell::Number(22.5),
        Cell::Bool(true),
        Cell::Date(45_322.0),
        Cell::Date(0.5),
        Cell::Error(satchel::codec::workbook::CellError::Reference),
        Cell::Formula("[.A1]".into()),
    ];
    assert_eq!(cells, expected);
    // The same in a `.xlsx`, as openpyxl writes a formula: without a value.
    let read = decode(&with_rows(
        "<row r=\"1\"><c r=\"A1\"><f>B1+1</f><v></v></c><c r=\"B1\" t=\"e\"><v>#REF!</v></c>\
         <c r=\"C1\"><f>1+1</f><v>2</v></c></row>",
    ));
    let (_, cells) = &read.unwrap()[0];
    let cells = cells.iter().map(|(_, cell)| cell.clone()).collect::<Vec<_>>();
    let error = Cell::Error(satchel::codec::workbook::CellError::Reference);
    assert_eq!(cells, [Cell::Formula("B1+1".into()), error, Cell::Number(2.0)]);
}

#[test]
fn xlsb_is_read() {
    let cell = |type_, column: u32, value: &[u8]| {
        xlsb_record(type_, &[&column.to_le_bytes()[..], &[0; 4], value].concat())
    };
    let text = "é>b 😀";
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = (text.encode_utf16().count() as u32).to_le_bytes();
    let rows = [
        xlsb_record(0, &[&7u32.to_le_bytes()[..], &[0; 13]].concat()),
        cell(6, 0, &[&length[..], &units].concat()),
        cell(5, 1, &22.5f64.to_le_bytes()),
        // The integer 22, and a number in hundredths.
        cell(2, 2, &(22u32 << 2 | 2).to_le_bytes()),
        cell(2, 3, &(2250u32 << 2 | 3).to_le_bytes()),
        cell(4, 4, &[1]),
        cell(3, 5, &[0x17]),
    ];
    let read = decode(&xlsb("device", &rows.concat())).unwrap();
    let expected = [
        Cell::Text(text.into()),
        Cell::Number(22.5),
        Cell::Number(22.0),
        Cell::Number(22.5),
        Cell::Bool(true),
        Cell::Error(satchel::codec::workbook::CellError::Reference),
    ];
    let expected: Vec<_> =
        expected.into_iter().zip(0..).map(|(cell, column)| ((7, column), cell)).collect();
    assert_eq!(read, [("device".to_owned(), expected)]);
}

#[test]
fn a_single_cell_in_the_last_row_and_column_takes_no_memory() {
    let row = "<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>";
    let sheets = decode(&with_rows(&format!("<row r=\"1\"><c r=\"A1\"><v>2</v></c></row>{row}")));
    let (_, cells) = &sheets.unwrap()[0];
    assert_eq!(cells[1..], [((1_048_575, 16_383), Cell::Number(1.0))]);
    // Cells outside of the declared range are refused.
    for place in ["XFE1", "A1048577", "A0", "ZZZZZZZ1"] {
        let error = refused(&with_rows(&format!("<row><c r=\"{place}\"><v>1</v></c></row>")));
        assert!(matches!(error, DecodeError::Refused(Refusal::Damaged { .. })), "{error:?}");
    }
    // So are rows in the wrong order.
    let error = refused(&with_rows(&format!("{row}<row r=\"1\"><c r=\"A1\"><v>2</v></c></row>")));
    assert!(error.to_string().contains("row 1 comes after a later row"), "{error}");
    // The sheet is not kept in memory as a whole.
    let row = "<table:table-row><table:table-cell office:value-type=\"float\" office:value=\"1\"/>";
    let gap = "<table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell \
               table:number-columns-repeated=\"16000\" office:value-type=\"float\" \
               office:value=\"1\"/></table:table-row>";
    refused(&ods(&format!("{row}</table:table-row>{gap}")));
}

#[test]
fn sizes_beyond_the_memory_limit_end_only_the_child() {
    let stream = stream(&workbook(Format::Xls));
    // A sheet that claims to have 2^32 - 1 rows.
    let sheet = {
        let at = record(&stream, 0x0085);
        u32::from_le_bytes(stream[at..at + 4].try_into().unwrap()) as usize
    };
    let at = sheet + record(&stream[sheet..], 0x0200);
    let mut changed = stream.clone();
    changed[at..at + 8].copy_from_slice(&[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    changed[at + 8..at + 12].copy_from_slice(&[0, 0, 0xFF, 0]);
    refused(&container("/Workbook", &changed));
    // A cell in a far column: a sheet is held with a place for every cell before it.
    let mut changed = stream.clone();
    let at = sheet + record(&stream[sheet..], 0x00FD);
    changed[at..at + 4].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    assert!(matches!(refused(&container("/Workbook", &changed)), DecodeError::Memory { .. }));
    // A table of texts that declares 2^32 - 1 texts: it must not allocate memory for them.
    let mut changed = stream.clone();
    let at = record(&stream, 0x00FC);
    changed[at..at + 8].fill(0xFF);
    assert_eq!(decode(&container("/Workbook", &changed)).unwrap().len(), 2);
}

#[test]
fn a_circular_chain_of_sectors_is_refused() {
    let workbook = workbook(Format::Xls);
    let sector = |number: u32| 512 * (number as usize + 1);
    let fat = sector(u32::from_le_bytes(workbook[76..80].try_into().unwrap()));
    for entry in 0..40_u32 {
        let mut changed = workbook.clone();
        let at = fat + 4 * entry as usize;
        changed[at..at + 4].copy_from_slice(&entry.to_le_bytes());
        // A sector outside of all chains is not read.
        if let Err(error) = decode(&changed) {
            assert!(error.is_of_workbook(), "{error:?}");
        }
    }
}

#[test]
fn a_zip_bomb_ends_only_the_child() {
    let limits = DecodeLimits { memory_bytes: 128 << 20, ..LIMITS };
    let text = "x".repeat(100 << 20);
    let before = peak_kib();
    let bomb = with_rows(&format!("<row r=\"1\"><c r=\"A1\" t=\"str\"><v>{text}</v></c></row>"));
    drop(text);
    assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
    let made = peak_kib();
    let error = sheets(start(&bomb, SourceKind::Workbook, limits)).unwrap_err();
    assert!(matches!(error, DecodeError::Memory { .. }), "{error:?}");
    assert!(error.to_string().contains("128 MiB"), "{error}");
    // A valid workbook is within the same limit.
    assert!(sheets(start(&workbook(Format::Xlsx), SourceKind::Workbook, limits)).is_ok());
    let grown = peak_kib() - made.max(before);
    assert!(grown < 16 << 10, "{grown} KiB");
}

#[test]
fn a_child_that_takes_too_long_is_ended() {
    // calamine reads forever if a table is truncated.
    let endless = changed(&ods(""), "content.xml", |content| {
        let end = content.windows(13).position(|part| part == b"</table:table").unwrap();
        content[..end].to_vec()
    });
    // A busy machine gives a second of CPU time only after many seconds.
    let limits =
        DecodeLimits { cpu: Duration::from_secs(1), wait: Duration::from_secs(600), ..LIMITS };
    let error = sheets(start(&endless, SourceKind::Workbook, limits)).unwrap_err();
    assert!(matches!(error, DecodeError::Cpu { .. }), "{error:?}");
    let limits =
        DecodeLimits { cpu: Duration::from_secs(600), wait: Duration::from_millis(300), ..LIMITS };
    let error = sheets(start(&endless, SourceKind::Workbook, limits)).unwrap_err();
    assert!(matches!(error, DecodeError::Wait { .. }), "{error:?}");
    // Dropping the reader does not wait for the child, which would run for ten minutes.
    let limits = DecodeLimits { wait: Duration::from_secs(600), ..limits };
    let decoding = start(&endless, SourceKind::Workbook, limits);
    let since = Instant::now();
    drop(decoding);
    assert!(since.elapsed() < Duration::from_secs(300), "{:?}", since.elapsed());
}

#[test]
fn a_workbook_with_a_password_is_not_called_damaged() {
    let error = refused(&container("/EncryptedPackage", &[7; 5_000]));
    assert!(matches!(error, DecodeError::Refused(Refusal::Encrypted)), "{error:?}");
    // In a `.xls`, a separate record directly after the first one marks encryption.
    let mut stream = stream(&workbook(Format::Xls));
    stream.splice(20..20, [0x2F, 0, 2, 0, 1, 0]);
    let error = refused(&container("/Workbook", &stream));
    assert!(matches!(error, DecodeError::Refused(Refusal::Encrypted)), "{error:?}");
    let error = refused(&container("/Other", &[7; 5_000]));
    assert!(matches!(error, DecodeError::Refused(Refusal::Damaged { .. })), "{error:?}");
}

#[test]
fn a_file_that_is_not_a_workbook_is_refused_or_read_as_a_table() {
    for (bytes, format) in [
        (&b"no\0text"[..], None),
        (b"name,port\nR 1%,22\n", Some(ForeignFile::Text)),
        (b"<html><table>", Some(ForeignFile::Html)),
        (b"%PDF-1.7", Some(ForeignFile::Pdf)),
    ] {
        let error = refused(bytes);
        let DecodeError::Refused(refusal) = error else { panic!("{error:?}") };
        assert_eq!(refusal, format.map_or(Refusal::Unknown, Refusal::Foreign));
    }
    for kind in [SourceKind::Workbook, SourceKind::WorkbookOrTable] {
        let error = sheets(start(b"", kind, LIMITS)).unwrap_err();
        assert!(matches!(error, DecodeError::Refused(Refusal::Empty)), "{error:?}");
    }
    let table = start(b"name;port\n\nR 1%;22\n", SourceKind::WorkbookOrTable, LIMITS);
    let read = sheets(table).unwrap();
    assert_eq!(read[0].1[3], ((2, 1), Cell::Text("22".into())));
    let table = start(b"name\nK\xF6ln\n", SourceKind::WorkbookOrTable, LIMITS);
    let error = sheets(table).unwrap_err();
    assert!(matches!(error, DecodeError::Refused(Refusal::NotUtf8 { line: 2 })), "{error:?}");
    // UTF-32, with and without its mark, and a NUL in a cell.
    let utf_32: Vec<u8> = "name\nR\n".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let marked = [b"\xFF\xFE\0\0", &utf_32[..]].concat();
    for table in [&utf_32[..], &marked, b"name\0\nR\n"] {
        let error = sheets(start(table, SourceKind::WorkbookOrTable, LIMITS)).unwrap_err();
        assert!(matches!(error, DecodeError::Refused(Refusal::NotUtf8 { line: 1 })), "{error:?}");
    }
    // Programs write formulas that only show a text, so that Excel does not take it for a number.
    let table = start(
        b"name,asset\n=\"00042\",\"=\"\"7\"\"\"\n=A1,=\"\"\n",
        SourceKind::WorkbookOrTable,
        LIMITS,
    );
    let cells: Vec<_> = sheets(table).unwrap().remove(0).1.into_iter().skip(2).collect();
    let expected = [((1, 0), "00042"), ((1, 1), "7"), ((2, 0), "=A1")];
    assert_eq!(cells, expected.map(|(at, text)| (at, Cell::Text(text.into()))));
    // Programs of DOS end a text with Ctrl-Z.
    let table =
        start(b"\n\nsep=|\r\nname|port\r\nR|22\r\n\x1A", SourceKind::WorkbookOrTable, LIMITS);
    let rows: Vec<_> = sheets(table).unwrap().remove(0).1.into_iter().map(|(at, _)| at).collect();
    assert_eq!(rows, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    for format in Format::ALL {
        let start = start(&workbook(format), SourceKind::WorkbookOrTable, LIMITS);
        assert_eq!(sheets(start).unwrap().len(), 2);
    }
}

/// Decodes mutants, and returns the outcomes.
fn survive(name: &str, mut mutant: impl FnMut(&mut Chance) -> Vec<u8>) {
    let mut chance = Chance::new();
    let mut outcomes = std::collections::BTreeMap::<&str, usize>::new();
    let mut slowest = Duration::ZERO;
    let mut peak = 0;
    for round in 0..mutations() {
        let bytes = mutant(&mut chance);
        let since = Instant::now();
        let outcome = match decode(&bytes) {
            Ok(_) => "read",
            Err(
                error
                @ (DecodeError::Io(_) | DecodeError::Died { .. } | DecodeError::InvalidOutput),
            ) => {
                panic!("mutant {round}: {error:?}")
            }
            Err(error) => error.code(),
        };
        slowest = slowest.max(since.elapsed());
        *outcomes.entry(outcome).or_default() += 1;
        if round == 20 {
            peak = peak_kib();
        }
    }
    println!("{name}: {outcomes:?}, slowest {slowest:?}");
    let grown = peak_kib() - peak.min(peak_kib());
    assert!(mutations() <= 20 || grown < 32 << 10, "{grown} KiB more after {} files", mutations());
}

#[test]
fn mutated_xls_files_never_crash_the_server() {
    let mutants = XlsMutants::of(workbook(Format::Xls));
    survive(".xls", |chance| mutants.next(chance));
}

#[test]
fn mutated_xlsx_files_never_crash_the_server() {
    let mutants = XlsxMutants::of(workbook(Format::Xlsx));
    survive(".xlsx", |chance| mutants.next(chance));
}

#[test]
fn mutated_ods_files_never_crash_the_server() {
    let cells = "<table:table-cell office:value-type=\"string\"><text:p>R 1%</text:p>\
                 </table:table-cell><table:table-cell table:number-columns-repeated=\"3\" \
                 office:value-type=\"float\" office:value=\"22\"/>";
    let rows = format!("<table:table-row>{cells}</table:table-row>").repeat(50);
    let workbook = ods(&rows);
    survive(".ods", |chance| mutated(&workbook, "content.xml", chance));
}

#[test]
fn mutated_xlsb_files_never_crash_the_server() {
    let cell = |column: u32| {
        xlsb_record(5, &[&column.to_le_bytes()[..], &[0; 4], &22.5f64.to_le_bytes()].concat())
    };
    let header = xlsb_record(0, &[0; 17]);
    let workbook = xlsb("device", &[header, (0..40).flat_map(cell).collect()].concat());
    survive(".xlsb", |chance| mutated(&workbook, "xl/worksheets/sheet1.bin", chance));
}

#[test]
fn mutated_files_with_numbers_filled_with_zeros_never_crash_the_server() {
    let file = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/25-leading-zeros");
        std::fs::read(folder.join(name)).unwrap()
    };
    let xls = XlsMutants::of(file("libreoffice.xls"));
    survive("filled .xls", |chance| xls.next(chance));
    for name in ["openpyxl.xlsx", "sheetjs.xlsb", "libreoffice.ods"] {
        let mutants = XlsxMutants::of(file(name));
        survive(&format!("filled {name}"), |chance| mutants.next(chance));
    }
}
