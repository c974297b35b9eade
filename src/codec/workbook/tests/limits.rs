//! Tests of limits: content over a limit is an error that names the limit.

use std::io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom, Write};

use super::super::{
    CELL_UNITS_MAX, Cell, Format, SheetNameProblem, SourceKind, UnknownFormat, WorkbookWriter,
    WriteError, cell_name,
};
use super::decode;

fn writer(format: Format) -> WorkbookWriter {
    WorkbookWriter::new(format, &std::env::temp_dir()).unwrap()
}

#[test]
fn a_file_name_says_the_format() {
    assert_eq!(Format::of_name("project"), Ok(Format::Xls));
    assert_eq!(Format::of_name("project.XLS"), Ok(Format::Xls));
    assert_eq!(Format::of_name("a.b.xlsx"), Ok(Format::Xlsx));
    for name in ["project.xlsm", "project.", "R 1%.csv"] {
        let UnknownFormat { extension } = Format::of_name(name).unwrap_err();
        assert!(name.ends_with(&extension), "{name}");
    }
}

#[test]
fn cells_have_addresses_in_a1_notation() {
    assert_eq!(cell_name(16, 2), "C17");
    assert_eq!(cell_name(0, 25), "Z1");
    assert_eq!(cell_name(0, 26), "AA1");
    assert_eq!(cell_name(1_048_575, 16_383), "XFD1048576");
}

#[test]
fn an_xls_holds_65536_rows_and_not_one_more() {
    let mut writer = writer(Format::Xls);
    writer.begin_sheet("device", ["name"]).unwrap();
    for _ in 1..65_536 {
        writer.row(["R 1%"]).unwrap();
    }
    let error = writer.row(["R 1%"]).unwrap_err();
    assert!(matches!(&error, WriteError::Rows { sheet, format: Format::Xls } if sheet == "device"));
    let said = error.to_string();
    assert!(
        said.contains("65536") && said.contains("'device'") && said.contains(".xlsx"),
        "{said}"
    );
    // What fitted is whole.
    let mut writer = self::writer(Format::Xls);
    writer.begin_sheet("device", ["name"]).unwrap();
    for row in 1..65_536 {
        writer.row([Cell::Number(f64::from(row))]).unwrap();
    }
    let bytes = writer.finish(Cursor::new(Vec::new())).unwrap();
    let sheets = decode(bytes, SourceKind::Workbook).unwrap();
    let (_, cells) = &sheets[0];
    assert_eq!(cells.len(), 65_536);
    assert_eq!(cells[65_535], ((65_535, 0), Cell::Number(65_535.0)));
}

#[test]
fn an_xls_holds_256_columns_and_not_one_more() {
    let names = (0..257).map(|number| format!("c{number}")).collect::<Vec<_>>();
    let mut writer = writer(Format::Xls);
    writer.begin_sheet("link", names[..256].iter().map(String::as_str)).unwrap();
    let bytes = writer.finish(Cursor::new(Vec::new())).unwrap();
    let sheets = decode(bytes, SourceKind::Workbook).unwrap();
    assert_eq!(sheets[0].1.len(), 256);
    let mut writer = self::writer(Format::Xls);
    let error = writer.begin_sheet("link", names.iter().map(String::as_str)).unwrap_err();
    assert!(
        matches!(&error, WriteError::Columns { sheet, format: Format::Xls } if sheet == "link")
    );
    assert!(error.to_string().contains("256"), "{error}");
    let mut writer = self::writer(Format::Xlsx);
    writer.begin_sheet("link", names.iter().map(String::as_str)).unwrap();
}

#[test]
fn a_text_is_never_cut() {
    for format in Format::ALL {
        let mut writer = writer(format);
        writer.begin_sheet("device", ["name", "description"]).unwrap();
        // Characters count as the formats count them, in halves of surrogate pairs.
        let text = "\u{1F600}".repeat(CELL_UNITS_MAX / 2 + 1);
        let error = writer.row(["R 1%", text.as_str()]).unwrap_err();
        let WriteError::Text { row: 1, column: 1, units: 32_768, .. } = error else {
            panic!("{error:?}")
        };
        assert!(error.to_string().contains("device!B2"), "{error}");
    }
}

#[test]
fn invalid_sheet_names_are_refused_with_the_reason() {
    use SheetNameProblem::{Apostrophe, Character, Duplicate, Empty, TooLong};
    for format in Format::ALL {
        let mut writer = writer(format);
        writer.begin_sheet("device", ["name"]).unwrap();
        let long = "é".repeat(32);
        let cases = [
            ("", Empty),
            (long.as_str(), TooLong),
            ("[Shared] x", Character { character: '[' }),
            ("a\u{0}b", Character { character: '\0' }),
            ("'x", Apostrophe),
            ("DEVICE", Duplicate),
        ];
        for (name, expected) in cases {
            let error = writer.begin_sheet(name, ["name"]).unwrap_err();
            let WriteError::SheetName { problem, .. } = error else { panic!("{error:?}") };
            assert_eq!(problem, expected, "{name}");
        }
        writer.begin_sheet(&long[..62], ["name"]).unwrap();
    }
}

#[test]
fn a_workbook_without_a_sheet_is_refused() {
    for format in Format::ALL {
        assert!(matches!(writer(format).row(["x"]), Err(WriteError::NoSheet)));
        let finished = writer(format).finish(Cursor::new(Vec::new()));
        assert!(matches!(finished, Err(WriteError::NoSheet)));
    }
}

/// A file that fails with a full disk after `bytes_max` bytes.
#[derive(Debug)]
struct Full {
    file: Cursor<Vec<u8>>,
    bytes_max: u64,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.file.position() + bytes.len() as u64 > self.bytes_max {
            Err(ErrorKind::StorageFull.into())
        } else {
            self.file.write(bytes)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Full {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read(bytes)
    }
}

impl Seek for Full {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[test]
fn a_full_disk_is_an_error_at_every_position() {
    for format in Format::ALL {
        let finish = |bytes_max: u64| {
            let mut writer = writer(format);
            for sheet in ["device", "link"] {
                writer.begin_sheet(sheet, ["name"]).unwrap();
                for row in 0..20 {
                    writer.row([format!("R {row}%")]).unwrap();
                }
            }
            let finished = writer.finish(Full { file: Cursor::new(Vec::new()), bytes_max });
            finished.map(|full| full.file.into_inner().len() as u64)
        };
        let whole = finish(u64::MAX).unwrap();
        for bytes_max in (0..whole).step_by(whole as usize / 40) {
            let error = finish(bytes_max).unwrap_err();
            assert!(matches!(error, WriteError::Output(_)), "{format} at {bytes_max}: {error:?}");
        }
        let nowhere = std::path::Path::new("/nowhere/at/all");
        assert!(matches!(WorkbookWriter::new(format, nowhere), Err(WriteError::Scratch(_))));
    }
}
