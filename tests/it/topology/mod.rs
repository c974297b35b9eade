//! Import and export of workbooks of devices and links, and the marked workbook with errors.

mod export;
mod headings;
mod mapping;
mod marked;
mod problems;
mod relations;
mod replace;
mod silent_losses;
mod template;

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use satchel::access::create_first_user;
use satchel::codec::workbook::{
    Cell, CellError, DecodeLimits, Decoding, Format, Item, SourceKind, WorkbookWriter,
};
use satchel::import::{EmptyReplacement, ImportOutcome, Mode, OnError};
use satchel::job::Progress;
use satchel::model::{AnyRecord, Device, Entity, Field, Kind, Link, Map, Network, Shared, Value};
use satchel::store::{Origin, Store};
use satchel::topology::{
    ExportContent, ExportRequest, Ignored, ImportReport, ImportRequest, Mapping, ReadOptions,
    Replace, Topology, TopologyError,
};
use serde_json::json;
use tempfile::TempDir;

const DECODER: &str = env!("CARGO_BIN_EXE_satchel");
const ADMIN: &str = "admin";

const DEFAULT: ImportRequest = ImportRequest::DEFAULT;

/// An inventory with only its administrator.
struct Fixture {
    topology: Topology,
    store: Arc<Store>,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        create_first_user(&store).unwrap();
        let topology = Topology::with_decoder(store.clone(), Path::new(DECODER)).unwrap();
        Self { topology, store, folder }
    }

    fn try_import(
        &self,
        bytes: &[u8],
        request: &ImportRequest,
    ) -> Result<ImportReport, TopologyError> {
        let mut upload = self.topology.upload().unwrap();
        upload.write_all(bytes).unwrap();
        self.topology.import(
            upload,
            request,
            &Origin::of_user(ADMIN, "test"),
            &Progress::detached(),
        )
    }

    fn import(&self, bytes: &[u8], request: &ImportRequest) -> ImportReport {
        self.try_import(bytes, request).unwrap()
    }

    /// Imports a workbook and expects success.
    fn imported(&self, bytes: &[u8]) -> ImportReport {
        let report = self.import(bytes, &DEFAULT);
        assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
        report
    }

    /// Exports, and downloads the workbook.
    fn export(&self, name: &str) -> Vec<u8> {
        let name = name.parse().unwrap();
        self.topology
            .export(&ExportRequest { name, content: ExportContent::Records }, &Progress::detached())
            .unwrap();
        let mut bytes = Vec::new();
        let mut workbook = self.topology.open(&"out.xls".parse().unwrap());
        if workbook.is_err() {
            workbook = self.topology.open(&"out.xlsx".parse().unwrap());
        }
        workbook.unwrap().file.read_to_end(&mut bytes).unwrap();
        for workbook in self.topology.workbooks().unwrap() {
            self.topology.remove(&workbook.name.parse().unwrap()).unwrap();
        }
        bytes
    }

    fn put<E: Entity>(&self, properties: Vec<(&str, Value)>) {
        let entries = properties.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let record = AnyRecord::parse(E::KIND, Map::from_entries(entries)).unwrap().record;
        self.store
            .change(&Origin::internal("test"), |change| change.put(record).map(drop))
            .unwrap();
    }

    fn device(&self, name: &str) -> Option<Device> {
        self.store.read().get::<Device>(name).unwrap().map(|stored| stored.record)
    }

    /// The value of a custom property that is a secret.
    fn secret(&self, device: &str, property: &str) -> Value {
        let mut device = self.device(device).unwrap();
        assert!(device.custom[property].is_secret(), "{property}");
        self.store.vault().decrypt_secrets(&mut device).unwrap();
        device.custom[property].readable().unwrap().clone()
    }

    fn link(&self, name: &str) -> Option<Link> {
        self.store.read().get::<Link>(name).unwrap().map(|stored| stored.record)
    }

    fn names<E: Entity>(&self) -> Vec<String> {
        let reading = self.store.read();
        let all = reading.scan::<E>().map(|stored| stored.unwrap().record);
        all.map(|record| record.name().as_str().to_owned()).collect()
    }

    /// The number of leftover files.
    fn left_over(&self) -> usize {
        ["scratch", "spreadsheets"]
            .into_iter()
            .map(|folder| fs::read_dir(self.folder.path().join(folder)).unwrap().count())
            .sum()
    }
}

fn text(text: &str) -> Cell<'_> {
    Cell::from(text)
}

/// A workbook of these sheets. The first row of each is its header.
fn workbook(format: Format, sheets: &[(&str, Vec<Vec<Cell<'_>>>)]) -> Vec<u8> {
    let mut writer = WorkbookWriter::new(format, &std::env::temp_dir()).unwrap();
    for (name, rows) in sheets {
        let (header, rows) = rows.split_first().unwrap();
        writer.begin_sheet(name, header.iter().cloned()).unwrap();
        for row in rows {
            writer.row(row.iter().cloned()).unwrap();
        }
    }
    writer.finish(Cursor::new(Vec::new())).unwrap().into_inner()
}

/// A sheet of devices with only texts.
fn devices(header: &[&'static str], rows: &[&[&'static str]]) -> Vec<u8> {
    let row = |cells: &[&'static str]| cells.iter().map(|cell| text(cell)).collect();
    let rows = [header].into_iter().chain(rows.iter().copied()).map(row).collect();
    workbook(Format::Xls, &[("device", rows)])
}

type Sheets = Vec<(String, Vec<Vec<Cell<'static>>>)>;

/// All cells, from the first row and column.
fn cells(bytes: &[u8]) -> Sheets {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let limits = DecodeLimits::default();
    let mut decoding =
        Decoding::start(Path::new(DECODER), file, SourceKind::Workbook, limits).unwrap();
    let mut sheets = Sheets::new();
    while let Some(item) = decoding.next_item().unwrap() {
        match item {
            Item::Sheet(name) => sheets.push((name.to_owned(), Vec::new())),
            Item::Merged(_) => {}
            Item::Row(row) => {
                let rows = &mut sheets.last_mut().unwrap().1;
                rows.resize(row.row as usize + 1, Vec::new());
                let cells = rows.last_mut().unwrap();
                for (column, cell) in row.cells {
                    cells.resize(column as usize, Cell::Empty);
                    cells.push(cell.into_owned());
                }
            }
        }
    }
    sheets
}

/// The cell of each problem, or only its rule.
fn problems(report: &ImportReport) -> Vec<String> {
    let mut found = Vec::new();
    for problem in &report.problems.shown {
        for location in &problem.locations {
            let cell = location.cell.as_deref().unwrap_or("-");
            found.push(format!("{cell} {}", problem.entry.rule));
        }
    }
    found.sort();
    found
}

fn fixtures() -> Vec<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let above = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures");
    let named = std::env::var_os("SATCHEL_FIXTURES").map(PathBuf::from);
    let found = named.into_iter().chain([beside, above]).map(|path| path.join("workbooks"));
    let Some(folder) = found.into_iter().find(|path| path.is_dir()) else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no fixtures");
        println!("skipped: no fixtures");
        return Vec::new();
    };
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Devices and links whose properties are hard to write in cells.
fn unusual_values() -> Fixture {
    let fixture = Fixture::new();
    let list = |items: &[&str]| Value::List(items.iter().map(|item| (*item).into()).collect());
    for (number, name) in
        ["R 1%", "[Shared] x", "é>b", "..", "None", "1.2E+10", "=1+1"].into_iter().enumerate()
    {
        fixture.put::<Device>(vec![
            ("name", name.into()),
            ("port", Value::Int(number as i64)),
            ("icon", "".into()),
            ("vendor", "None".into()),
            ("model", if number == 3 { Value::Null } else { "\"\"".into() }),
            ("serial_number", "1.2E+10".into()),
            ("description", "-1+2 'é'\n\"x\"".into()),
            ("reachable", Value::Bool(number % 2 == 0)),
            ("positions", Value::Map(Map::from_entries(vec![("a".into(), list(&["b"]))]))),
            ("z number", Value::Int(22)),
            ("a text", "22".into()),
            ("float", Value::Float(22.0)),
            ("fraction", Value::Float(0.1)),
            ("large", Value::Int(i64::MIN)),
            ("larger", Value::BigInt("12345678901234567890".to_owned())),
            ("truth", Value::Bool(false)),
            ("truth text", "False".into()),
            ("list text", "['a', 'c']".into()),
            ("list", list(&["a", "c"])),
            ("tuple", Value::Tuple(vec![Value::Int(0), Value::Null])),
            ("day", Value::Timestamp("2024-01-31".to_owned())),
            ("moment", Value::Timestamp("2024-01-31 12:30:00.123456".to_owned())),
            ("bytes", Value::Binary(vec![0, 255, b'a'])),
            ("empty", "".into()),
            ("null", Value::Null),
            ("formula", "=HYPERLINK(1)".into()),
        ]);
    }
    fixture.put::<Device>(vec![("name", "bare".into())]);
    fixture.put::<Link>(vec![
        ("name", "b>a".into()),
        ("source", "R 1%".into()),
        ("destination", "None".into()),
    ]);
    fixture.put::<Link>(vec![
        ("name", "a>b".into()),
        ("source", "1.2E+10".into()),
        ("destination", Value::Null),
        ("é custom", Value::Int(7)),
    ]);
    fixture
}

fn reading(sheet: Option<&str>, kind: Option<Kind>, header_row: Option<u32>) -> ImportRequest {
    let sheet = sheet.map(str::to_owned);
    let reading = ReadOptions { sheet, kind, header_row, ..ReadOptions::BY_NAME };
    ImportRequest { reading, ..DEFAULT }
}

/// Rows of texts under a title, as in real workbooks.
fn under_a_title(name: &'static str) -> Vec<Vec<Cell<'static>>> {
    vec![
        vec![text("Switches R 1% – Bonn")],
        vec![],
        vec![text("Contact"), text("é>b"), text("0228 1234")],
        vec![text("Name"), text("Port"), text("Rack")],
        vec![text(name), Cell::Number(22.0), text("r1")],
    ]
}

fn mapped(mapping: &str) -> ImportRequest {
    let mapping = Mapping::parse(mapping).unwrap();
    ImportRequest { reading: ReadOptions { mapping, ..ReadOptions::BY_NAME }, ..DEFAULT }
}

/// The warnings of a report in one text.
fn warnings(report: &ImportReport) -> String {
    report.warnings.join("\n")
}

fn reading_of(sheet: &str) -> ImportRequest {
    reading(Some(sheet), Some(Kind::Device), None)
}

/// The cells of the marked workbook.
fn marked(fixture: &Fixture, report: &ImportReport) -> Sheets {
    cells(&marked_bytes(fixture, report))
}

fn marked_bytes(fixture: &Fixture, report: &ImportReport) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut workbook = fixture.topology.marked(report.report_id.as_deref().unwrap()).unwrap();
    workbook.file.read_to_end(&mut bytes).unwrap();
    assert_eq!(workbook.bytes, bytes.len() as u64);
    assert!(
        workbook.name.ends_with(&format!(" problems{}", workbook.format))
            || workbook.name.starts_with("problems")
    );
    bytes
}

/// A sheet of 40 switches as sites use them: contacts above the table, sites in merged cells, German headings,
/// addresses with a prefix length, blanks around names, a sum, notes, and a column of passwords.
fn messy() -> Vec<u8> {
    use rust_xlsxwriter::{Format, Formula, Workbook};
    let format = Format::new();
    let mut workbook = Workbook::new();
    workbook.add_worksheet().set_name("Hinweise").unwrap().write(0, 0, "Name").unwrap();
    let sheet = workbook.add_worksheet().set_name("Geräte é>b").unwrap();
    sheet.merge_range(0, 0, 0, 6, "Switches R 1% – Stand März", &format).unwrap();
    sheet.write(1, 0, "Ansprechpartner").unwrap().write(1, 1, "Eva, Tel. 0228 1234").unwrap();
    let headings =
        ["Gerätename", "IP-Adresse", "Hersteller", "Standort", "Seriennummer", "Passwort", "Ports"];
    for (column, heading) in (0..).zip(headings) {
        sheet.write(3, column, heading).unwrap();
    }
    for number in 0..40_u32 {
        let row = 4 + number;
        sheet.write(row, 0, format!(" SW-{number:02} ")).unwrap();
        sheet.write(row, 1, format!("192.0.2.{}/24", number + 1)).unwrap();
        sheet.write(row, 2, if number % 2 == 0 { "Nokia" } else { "Cisco" }).unwrap();
        sheet.write(row, 4, format!("0{number:07}")).unwrap();
        sheet.write(row, 5, "geheim").unwrap();
        sheet.write(row, 6, 48).unwrap();
    }
    for (number, site) in (0..).zip(["Bonn", "Köln", "R 1%", "é>b"]) {
        let first = 4 + 10 * number;
        sheet.merge_range(first, 3, first + 9, 3, site, &format).unwrap();
    }
    sheet.write(44, 0, "Summe:").unwrap();
    sheet.write_formula(44, 6, Formula::new("=SUM(G5:G44)").set_result("1920")).unwrap();
    sheet.write(46, 0, "Bei Fragen: Eva").unwrap();
    workbook.save_to_buffer().unwrap()
}
