//! Import and export of workbooks of devices and links, and the marked workbook with errors.

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
use satchel::store::Store;
use satchel::topology::{
    ExportRequest, Ignored, ImportReport, ImportRequest, Mapping, ReadOptions, Replace, Topology,
    TopologyError,
};
use serde_json::json;
use tempfile::TempDir;

const DECODER: &str = env!("CARGO_BIN_EXE_satchel");
const ADMIN: &str = "admin";

const DEFAULT: ImportRequest = ImportRequest {
    file_name: None,
    reading: ReadOptions::BY_NAME,
    replace: Replace::No,
    empty_replacement: EmptyReplacement::Refused,
    on_error: OnError::Fail,
    mode: Mode::Apply,
};

/// An inventory with only its administrator.
struct Place {
    topology: Topology,
    store: Arc<Store>,
    folder: TempDir,
}

impl Place {
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
        self.topology.import(upload, request, ADMIN, &Progress::detached())
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
        self.topology.export(&ExportRequest { name }, &Progress::detached()).unwrap();
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
        self.store.change(|change| change.put(record).map(drop)).unwrap();
    }

    fn device(&self, name: &str) -> Option<Device> {
        self.store.read().get::<Device>(name).unwrap().map(|stored| stored.record)
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
fn hostile() -> Place {
    let place = Place::new();
    let list = |items: &[&str]| Value::List(items.iter().map(|item| (*item).into()).collect());
    for (number, name) in
        ["R 1%", "[Shared] x", "é>b", "..", "None", "1.2E+10", "=1+1"].into_iter().enumerate()
    {
        place.put::<Device>(vec![
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
    place.put::<Device>(vec![("name", "bare".into())]);
    place.put::<Link>(vec![
        ("name", "b>a".into()),
        ("source", "R 1%".into()),
        ("destination", "None".into()),
    ]);
    place.put::<Link>(vec![
        ("name", "a>b".into()),
        ("source", "1.2E+10".into()),
        ("destination", Value::Null),
        ("é custom", Value::Int(7)),
    ]);
    place
}

#[test]
fn the_real_workbooks_are_imported_and_exported_unchanged() {
    for path in fixtures() {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        let place = Place::new();
        let report = place.imported(&bytes);
        assert_eq!(report.problems.total, 0);
        let read = cells(&bytes);
        for (sheet, rows) in &read {
            let kind: Kind = sheet.parse().unwrap();
            let created = report.types.iter().find(|counts| counts.kind == kind).unwrap().created;
            assert_eq!(created as usize, rows.len() - 1, "{file} {sheet}");
        }
        let secret = |column: &&str| ["password", "enable_password"].contains(column);
        let ignored = report.source.ignored_columns.iter();
        let ignored: Vec<_> = ignored.filter(|c| c.reason == Ignored::Secret).collect();
        let header = &read[0].1[0];
        let header: Vec<_> = header.iter().map(Cell::to_string).collect();
        assert_eq!(ignored.len(), header.iter().map(String::as_str).filter(secret).count());
        for format in ["out.xls", "out.xlsx"] {
            let first = place.export(format);
            let there = Place::new();
            there.imported(&first);
            assert_eq!(cells(&there.export(format)), cells(&first), "{file} {format}");
            compare(&file, &read, &cells(&first));
        }
    }
}

/// Compares each cell with the imported value by the documented rules.
fn compare(file: &str, read: &Sheets, written: &Sheets) {
    for (sheet, rows) in read {
        let (_, out) = written.iter().find(|(name, _)| name == sheet).unwrap();
        let column = |name: &str| out[0].iter().position(|cell| *cell == text(name));
        for (row, cells) in rows.iter().enumerate().skip(1) {
            for (at, cell) in cells.iter().enumerate() {
                let heading = rows[0][at].to_string();
                if heading.is_empty() || heading.contains("password") || *cell == Cell::Empty {
                    continue;
                }
                let found = &out[row][column(&heading).unwrap_or_else(|| panic!("{heading}"))];
                let as_bool = |word: &str| word == "True";
                let expected = match (heading.as_str(), cell) {
                    ("port", Cell::Text(digits)) => Cell::Number(digits.parse().unwrap()),
                    ("reachable" | "down", Cell::Text(word)) => Cell::Bool(as_bool(word)),
                    ("port", Cell::Number(number)) => Cell::Number(*number),
                    (_, Cell::Number(number)) => Cell::from(number.to_string()),
                    (_, other) => other.clone(),
                };
                assert_eq!(*found, expected, "{file} {sheet} {heading} {row}");
            }
        }
    }
}

#[test]
fn an_export_is_imported_with_the_same_types() {
    let place = hostile();
    for format in ["out.xls", "out.xlsx"] {
        let first = place.export(format);
        let there = Place::new();
        there.imported(&first);
        for name in place.names::<Device>() {
            assert_eq!(there.device(&name), place.device(&name), "{format} {name}");
        }
        for name in place.names::<Link>() {
            assert_eq!(there.link(&name), place.link(&name), "{format} {name}");
        }
        assert_eq!(cells(&there.export(format)), cells(&first), "{format}");
        // Existing records are unchanged.
        let report = place.imported(&first);
        assert!(report.types.iter().all(|kind| kind.updated + kind.created == 0), "{format}");
    }
}

#[test]
fn columns_have_a_useful_order_and_secrets_have_none() {
    let place = hostile();
    place.put::<Device>(vec![("name", "secretive".into()), ("enable_password", "x".into())]);
    let report = place
        .topology
        .export(&ExportRequest { name: "out".parse().unwrap() }, &Progress::detached())
        .unwrap();
    assert_eq!((report.workbook.as_str(), report.format), ("out.xls", "xls"));
    assert_eq!(report.sheets[0].rows, 9);
    assert!(report.warnings[0].contains("enable_password"), "{:?}", report.warnings);
    let sheets = cells(&place.export("out.xls"));
    let header: Vec<_> = sheets[0].1[0].iter().map(Cell::to_string).collect();
    let first = ["name", "port", "vendor", "model", "serial_number", "description", "icon"];
    assert_eq!(header[..first.len()], first);
    assert_eq!(header[first.len()..][..3], ["reachable", "positions", "a text"]);
    assert!(header[10..].is_sorted() && !header.contains(&"enable_password".to_owned()));
    let header: Vec<_> = sheets[1].1[0].iter().map(Cell::to_string).collect();
    assert_eq!(header, ["name", "source_name", "destination_name", "é custom"]);
    // In the order of the import.
    assert_eq!(sheets[1].1[1][0], text("b>a"));
}

#[test]
fn an_empty_inventory_is_exported_and_imported() {
    let place = Place::new();
    let out = place.export("out.xlsx");
    let expected = |name: &str| (name.to_owned(), vec![vec![Cell::from("name".to_owned())]]);
    assert_eq!(cells(&out), [expected("device"), expected("link")]);
    Place::new().imported(&out);
}

#[test]
fn an_empty_cell_keeps_the_default_or_the_existing_value() {
    let place = Place::new();
    place.imported(&devices(
        &["name", "port", "vendor", "rack"],
        &[&["R 1%", "830", "Ciena", "7"], &["..", "", "", ""]],
    ));
    let bare = place.device("..").unwrap();
    assert_eq!((bare.port, bare.vendor, bare.custom.len()), (Field::Absent, Field::Absent, 0));
    let report = place.imported(&devices(
        &["name", "port", "vendor", "rack", "model"],
        &[&["R 1%", "", "None", "", "x"]],
    ));
    assert_eq!(report.types[0].updated, 1);
    let device = place.device("R 1%").unwrap();
    assert_eq!((device.port, device.vendor), (Field::Set(830), Field::Null));
    assert_eq!(device.model, Field::Set("x".to_owned()));
    assert_eq!(device.custom["rack"], Value::from("7"));
}

#[test]
fn headings_are_matched_in_any_case_and_reported_as_written() {
    let place = Place::new();
    let header = ["  Name ", "IP_ADDRESS", "ip_adress", "", "Password", "pools", "id", "Rack"];
    let report = place
        .imported(&devices(&header, &[&["é>b", "10.0.0.1", "x", "lost", "s3cret", "p", "1", "7"]]));
    let device = place.device("é>b").unwrap();
    assert_eq!(device.ip_address, Field::Set("10.0.0.1".to_owned()));
    let custom: Vec<_> = device.custom.keys().map(String::as_str).collect();
    assert_eq!(custom, ["Rack", "ip_adress"]);
    let told = json!(report);
    assert_eq!(
        told["sheets"],
        json!([{"sheet": "device", "header_row": 1, "rows": 1, "columns": 4}])
    );
    assert_eq!(
        told["custom_columns"][0],
        json!({"sheet": "device", "column": "C", "name": "ip_adress", "nearest": "ip_address"})
    );
    let ignored: Vec<_> =
        report.source.ignored_columns.iter().map(|c| (c.column.as_str(), c.reason)).collect();
    let (secret, computed) = (Ignored::Secret, Ignored::Computed);
    assert_eq!(ignored, [("E", secret), ("F", computed), ("G", computed), ("D", Ignored::Unnamed)]);
    assert!(!told.to_string().contains("s3cret"), "{told}");
    assert!(told["warnings"].to_string().contains("Did you mean 'ip_address'?"), "{told}");
    let id = report.report_id.unwrap();
    let mut whole = String::new();
    place.topology.report(&id).unwrap().read_to_string(&mut whole).unwrap();
    assert!(whole.contains("ip_adress") && !whole.contains("s3cret"));
    // The import has no problems, so no workbook is kept.
    assert!(matches!(place.topology.marked(&id), Err(TopologyError::NoReport { .. })));
}

#[test]
fn every_problem_names_its_cell_and_nothing_is_changed() {
    let place = Place::new();
    let header = || ["name", "port", "model", "reachable", "gateways", "x"].map(text).to_vec();
    let bad = || {
        vec![
            header(),
            vec![text("R 1%"), Cell::Number(22.5), Cell::Number(1.2e10), text("maybe"), text("R2")],
            vec![
                text("a/b"),
                text("x"),
                Cell::Error(CellError::Reference),
                Cell::Empty,
                text("[1]"),
            ],
            vec![Cell::Empty, Cell::Number(22.0)],
            vec![text("  ")],
            vec![text("good"), text("23"), text("1.2E+10"), Cell::Date(45_322.0), Cell::Bool(true)],
            vec![text("good"), text("23")],
            vec![
                text("good"),
                Cell::Empty,
                Cell::Empty,
                Cell::Empty,
                Cell::Empty,
                Cell::Error(CellError::NotAvailable),
            ],
            vec![text("alone"), Cell::Duration(0.5)],
        ]
    };
    let links = vec![
        ["name", "source", "source_name", "destination_name"].map(text).to_vec(),
        ["up", "good", "good", "nowhere"].map(text).to_vec(),
        ["down", "good", "bad", "good"].map(text).to_vec(),
    ];
    for format in Format::ALL {
        let bytes = workbook(format, &[("Device", bad()), ("link", links.clone())]);
        let report = place.import(&bytes, &DEFAULT);
        assert_eq!(report.outcome, ImportOutcome::Rejected);
        assert_eq!(
            problems(&report),
            [
                "device!A3 name-character",
                "device!A4 name-missing",
                "device!B2 fraction",
                "device!B3 type",
                "device!B9 duration",
                "device!C2 scientific",
                "device!C3 cell-error",
                "device!C6 scientific",
                "device!D2 type",
                "device!D6 date",
                "device!E2 type",
                "device!E3 list-item",
                "device!E6 type",
                "device!F8 cell-error",
                "link!C3 ends-differ",
                "link!D2 missing-reference",
            ],
            "{}",
            json!(report)
        );
        let told = json!(report.problems);
        let of = |rule: &str| {
            let shown = told["shown"].as_array().unwrap().iter();
            shown.clone().find(|problem| problem["rule"] == rule).unwrap().clone()
        };
        assert_eq!(of("fraction")["value"], 22.5);
        assert_eq!(of("fraction")["property"], "port");
        assert_eq!(of("fraction")["places"][0]["record"], "R 1%");
        assert_eq!(of("missing-reference")["value"], "nowhere");
        assert_eq!(place.names::<Device>(), [""; 0]);
    }
    // With `skip`, the valid records are imported.
    let bytes = workbook(Format::Xlsx, &[("device", bad()), ("link", links)]);
    let skip = ImportRequest { on_error: OnError::Skip, ..DEFAULT };
    let report = place.import(&bytes, &skip);
    assert_eq!(report.outcome, ImportOutcome::ImportedInPart);
    assert_eq!(place.names::<Device>(), ["good"]);
    assert_eq!(place.names::<Link>(), [""; 0]);
}

#[test]
fn a_problem_of_the_header_is_reported_once_and_cannot_be_skipped() {
    let place = Place::new();
    let skip = ImportRequest { on_error: OnError::Skip, ..DEFAULT };
    for (header, expected) in [
        (["name", "Vendor", "vendor "], "device!C1 duplicate-column"),
        (["nmae", "vendor", "x"], "- no-name-column"),
        (["name", "é>b", "é>b"], "device!C1 duplicate-column"),
    ] {
        let report = place.import(&devices(&header, &[&["a", "b", "c"], &["d", "", "f"]]), &skip);
        assert_eq!(problems(&report), [expected]);
        assert_eq!(report.outcome, ImportOutcome::Rejected);
    }
    let report = json!(place.import(&devices(&["nmae", "vendor"], &[&["a", "b"]]), &DEFAULT));
    let told = "no 'name' column in rows 1 to 2. Row 1 is most like a header (found: 'nmae', \
                'vendor')";
    assert!(report.to_string().contains(told), "{report}");
    let long: &'static str = String::leak("x".repeat(256));
    let report = place.import(&devices(&["name", long], &[]), &DEFAULT);
    assert_eq!(problems(&report), ["device!B1 header"]);
    let two = vec![vec![text("name")], vec![text("a")]];
    let bytes = workbook(Format::Xls, &[("device", two.clone()), (" Device", two)]);
    assert_eq!(problems(&place.import(&bytes, &DEFAULT)), ["- duplicate-sheet"]);
}

#[test]
fn sheets_are_found_by_name_and_one_is_enough() {
    let place = Place::new();
    let rows = |name| vec![vec![text("name")], vec![text(name)]];
    let bytes = workbook(Format::Xlsx, &[("Notes", rows("x")), ("DEVICE", rows("R 1%"))]);
    let report = place.imported(&bytes);
    assert_eq!(report.source.ignored_sheets, ["Notes"]);
    assert!(json!(report.warnings).to_string().contains("no sheet 'link'"));
    let error = place.try_import(&workbook(Format::Xls, &[("Notes", rows("x"))]), &DEFAULT);
    let error = error.unwrap_err();
    assert!(error.is_of_workbook() && error.to_string().contains("'Notes'"), "{error}");
    for bytes in [&b""[..], b"name\nx\n", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"] {
        let error = place.try_import(bytes, &DEFAULT).unwrap_err();
        assert!(matches!(&error, TopologyError::Decode(_)) && error.is_of_workbook(), "{error}");
    }
    assert_eq!(place.names::<Device>(), ["R 1%"]);
    assert_eq!(place.left_over(), 0);
}

fn reading(sheet: Option<&str>, kind: Option<Kind>, header_row: Option<u32>) -> ImportRequest {
    let sheet = sheet.map(str::to_owned);
    let reading = ReadOptions { sheet, kind, header_row, ..ReadOptions::BY_NAME };
    ImportRequest { reading, ..DEFAULT }
}

#[test]
fn a_sheet_of_any_name_is_imported_as_the_kind_that_is_said() {
    let rows = |name| vec![vec![text("name")], vec![text(name)]];
    let empty = || vec![vec![]];
    for format in Format::ALL {
        let place = Place::new();
        let only = workbook(format, &[("Geräte é>b", rows("R 1%")), ("Tabelle2", empty())]);
        let report = place.import(&only, &reading(None, Some(Kind::Device), None));
        assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
        assert_eq!(report.source.sheets[0].name.as_deref(), Some("Geräte é>b"));
        assert_eq!(report.source.ignored_sheets, ["Tabelle2"]);

        let sheets = [("Notes", rows("x")), ("link", rows("y")), ("Switches", rows("s"))];
        let several = workbook(format, &sheets);
        let error = place.try_import(&several, &reading(None, Some(Kind::Device), None));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("'Notes', 'link', 'Switches'. Pass the name of one"), "{error}");
        // A client that always sends the kind still imports both sheets.
        let named = workbook(format, &[("device", rows("d")), ("link", rows("l"))]);
        let report = place.import(&named, &reading(None, Some(Kind::Device), None));
        assert_eq!(report.source.sheets.len(), 2);
        place.store.change(|change| change.remove(Kind::Link, "l").map(drop)).unwrap();
        let error = place.try_import(&several, &reading(Some("Switch"), Some(Kind::Device), None));
        assert!(error.unwrap_err().to_string().contains("no sheet 'Switch'. Its sheets: 'Notes'"));
        let error = place.try_import(&several, &reading(Some("Switches"), None, None));
        assert!(error.unwrap_err().to_string().contains("Pass `kind`"));
        let selected = reading(Some("switches"), Some(Kind::Device), None);
        let replace = ImportRequest { replace: Replace::Yes, ..selected };
        place.put::<Link>(vec![("name", "kept".into())]);
        place.import(&several, &replace);
        assert_eq!(place.names::<Device>(), ["s"]);
        assert_eq!(place.names::<Link>(), ["kept"], "only the kind of the sheet is replaced");
    }
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

#[test]
fn the_header_is_the_first_row_with_a_column_of_names() {
    for format in Format::ALL {
        let place = Place::new();
        let bytes = workbook(format, &[("device", under_a_title("R 1%"))]);
        let report = place.imported(&bytes);
        assert_eq!(place.names::<Device>(), ["R 1%"]);
        assert_eq!(place.device("R 1%").unwrap().custom["Rack"], Value::from("r1"));
        assert_eq!(report.source.sheets[0].header_row, Some(4));
        let warnings = json!(report.warnings).to_string();
        assert!(warnings.contains("in row 4. 2 rows above it were not read"), "{warnings}");

        // Problems are in the cells of the sheet, under its own name, and the marked workbook has
        // them beside the right row.
        let mut rows = under_a_title("R 1%");
        rows[4][1] = text("many");
        let bytes = workbook(format, &[("Plan é>b", rows)]);
        let report = place.import(&bytes, &reading(None, Some(Kind::Device), None));
        assert_eq!(problems(&report), ["Plan é>b!B5 type"]);
        let marked = marked(&place, &report);
        assert_eq!(marked[0].1[3][3], text("problem (Satchel)"));
        assert!(matches!(&marked[0].1[4][3], Cell::Text(text) if text.starts_with("port (B5)")));
    }
}

#[test]
fn a_header_that_is_not_found_is_reported_with_the_headings_that_are_there() {
    let place = Place::new();
    let late = |rows: usize| {
        let mut table = vec![vec![text("x")]; rows];
        table.push(vec![text("name")]);
        table.push(vec![text("R 1%")]);
        workbook(Format::Xlsx, &[("device", table)])
    };
    place.imported(&late(19));
    assert_eq!(place.names::<Device>(), ["R 1%"]);
    let report = place.import(&late(20), &DEFAULT);
    assert_eq!(problems(&report), ["- no-name-column"]);
    assert!(json!(report).to_string().contains("in rows 1 to 20"), "{}", json!(report));
    let report = place.import(&late(20), &reading(None, None, Some(21)));
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));

    let mut rows = under_a_title("R 1%");
    rows[3][0] = text("Gerätename");
    let bytes = workbook(Format::Xls, &[("device", rows)]);
    let report = json!(place.import(&bytes, &DEFAULT));
    let told = "Row 4 is most like a header (found: 'Gerätename', 'Port', 'Rack')";
    assert!(report.to_string().contains(told), "{report}");
    let report = json!(place.import(&bytes, &reading(None, None, Some(3))));
    assert!(report.to_string().contains("in row 3 (found: 'Contact', "), "{report}");
    let report = json!(place.import(&bytes, &reading(None, None, Some(2))));
    assert!(report.to_string().contains("row 2, which should contain the headings"), "{report}");
    let report = json!(place.import(&bytes, &reading(None, None, Some(99))));
    assert!(report.to_string().contains("row 99, which should contain the headings"), "{report}");
}

fn mapped(mapping: &str) -> ImportRequest {
    let mapping = Mapping::parse(mapping).unwrap();
    ImportRequest { reading: ReadOptions { mapping, ..ReadOptions::BY_NAME }, ..DEFAULT }
}

/// The warnings of a report in one text.
fn warnings(report: &ImportReport) -> String {
    report.warnings.join("\n")
}

#[test]
fn a_mapping_gives_headings_their_properties() {
    let header = ["Gerätename", "IP-Adresse", "Standort", "Rack é>b", "Notiz", "vendor"];
    let row: &[&str] = &["R 1%", "192.0.2.1", "Bonn", "r1", "x", "Nokia"];
    let place = Place::new();
    let report = place.import(&devices(&header, &[row]), &DEFAULT);
    assert_eq!(problems(&report), ["- no-name-column"]);
    // The proposal can be passed back as it is.
    let proposed = json!(report.source.proposed_mapping);
    let expected = json!({
        "Gerätename": "name", "IP-Adresse": "ip_address", "Standort": "location",
        "Notiz": "description",
    });
    assert_eq!(proposed, expected);
    assert!(warnings(&report).contains("Gerätename=name,IP-Adresse=ip_address,Standort="));

    let mapping = Mapping::parse(&proposed.to_string()).unwrap();
    let mapping = mapping.with(Mapping::parse("Rack é>b=rack,Nirgends=model").unwrap()).unwrap();
    let mapping = mapping.with_ignored_text("vendor").unwrap();
    let reading = ReadOptions { mapping, ..ReadOptions::BY_NAME };
    let report = place.import(&devices(&header, &[row]), &ImportRequest { reading, ..DEFAULT });
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    let device = place.device("R 1%").unwrap();
    assert_eq!(device.ip_address, Field::Set("192.0.2.1".into()));
    assert_eq!(device.location, Field::Set("Bonn".into()));
    assert_eq!(device.description, Field::Set("x".into()));
    assert_eq!(device.vendor, Field::Absent);
    assert_eq!(device.custom["rack"], Value::from("r1"));
    assert_eq!(report.source.ignored_columns[0].reason, Ignored::Request);
    assert!(warnings(&report).contains("no sheet has the heading 'Nirgends'"));
    assert_eq!(json!(report.source).get("proposed_mapping"), None);
}

#[test]
fn a_mapping_that_gives_a_property_twice_or_a_computed_one_is_a_problem() {
    let place = Place::new();
    let bytes = devices(&["Gerätename", "vendor", "Marke"], &[&["R 1%", "a", "b"]]);
    let report = place.import(&bytes, &mapped("Gerätename=name,Marke=vendor"));
    assert_eq!(problems(&report), ["device!C1 duplicate-column"]);
    let report = place.import(&bytes, &mapped("Gerätename=name,Marke=id"));
    assert_eq!(problems(&report), ["device!C1 mapping"]);
    // A name of a contact above the table is not a header.
    let rows = vec![
        vec![text("Name"), text("é>b")],
        vec![text("Gerätename"), text("Marke")],
        vec![text("R 1%"), text("Nokia")],
    ];
    let bytes = workbook(Format::Xlsx, &[("device", rows)]);
    let report = place.import(&bytes, &mapped("Gerätename=name,Marke=vendor"));
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert_eq!(place.names::<Device>(), ["R 1%"]);
}

#[test]
fn columns_of_secrets_are_read_only_if_the_mapping_names_them() {
    let header = ["name", "Passwort", "enable secret", "SNMP Community", "API key"];
    let bytes = devices(&header, &[&["R 1%", "a", "b", "c", "d"]]);
    let place = Place::new();
    let report = place.imported(&bytes);
    assert_eq!(report.source.ignored_columns.len(), 4);
    assert!(report.source.ignored_columns.iter().all(|column| column.reason == Ignored::Secret));
    assert!(place.device("R 1%").unwrap().custom.is_empty());
    assert!(warnings(&report).contains("'Passwort' of sheet 'device' was ignored"));
    let report = place.import(&bytes, &mapped("SNMP Community=community"));
    assert_eq!(place.device("R 1%").unwrap().custom["community"], Value::from("c"));
    assert!(warnings(&report).contains("'community' says that it is a secret"));
}

#[test]
fn addresses_are_checked_and_lose_their_prefix_length() {
    let header = ["name", "ip_address"];
    let place = Place::new();
    let rows: [&[&str]; 5] = [
        &["a", "192.0.2.1/24"],
        &["b", " 192.0.2.1 "],
        &["c", "2001:db8::1/64"],
        &["d", ""],
        &["e", "192.0.2.2/24"],
    ];
    let report = place.imported(&devices(&header, &rows));
    for (name, address) in [("a", "192.0.2.1"), ("b", "192.0.2.1"), ("c", "2001:db8::1")] {
        assert_eq!(place.device(name).unwrap().ip_address, Field::Set(address.into()), "{name}");
    }
    let told = warnings(&report);
    assert!(
        told.contains("'/24' was removed from 2 addresses in ip_address (device!B2, device!B6)")
    );
    assert!(told.contains("'/64' was removed from 1 address in ip_address (device!B4)"), "{told}");
    assert!(told.contains("the address 192.0.2.1 is shared by 2 devices: 'a', 'b'"), "{told}");
    // An address of an existing device is found too, and only if the import brings one.
    let report = place.imported(&devices(&header, &[&["new", "192.0.2.2"]]));
    assert!(warnings(&report).contains("192.0.2.2 is shared by 2 devices: 'e', 'new'"));
    let report = place.imported(&devices(&header, &[&["d", "192.0.2.9"]]));
    assert!(!warnings(&report).contains("shared"), "{}", warnings(&report));

    let rows: [&[&str]; 3] = [&["x", "R 1%"], &["y", "192.0.2.1/33"], &["z", "10.1"]];
    let report = place.import(&devices(&header, &rows), &DEFAULT);
    assert_eq!(
        problems(&report),
        ["device!B2 ip-address", "device!B3 ip-address", "device!B4 ip-address"]
    );
}

#[test]
fn notes_and_sums_below_the_table_are_left_out_and_said() {
    let record = |name| vec![text(name), text("Bonn"), Cell::Number(22.0)];
    for format in Format::ALL {
        let place = Place::new();
        let rows = vec![
            vec![text("name"), text("location"), text("port")],
            record("R 1%"),
            vec![],
            // Records follow, so the row is one.
            vec![text("alone")],
            record("é>b"),
            vec![text("Summe:"), Cell::Empty, Cell::Number(44.0)],
            vec![],
            vec![text("As of 12 March")],
            vec![text("Legend: é>b")],
        ];
        let report = place.imported(&workbook(format, &[("device", rows)]));
        assert_eq!(place.names::<Device>(), ["R 1%", "alone", "é>b"]);
        assert_eq!(report.source.sheets[0].rows, 3);
        let told = warnings(&report);
        let notes = "left out: row 8 ('As of 12 March'), row 9 ('Legend: é>b'). If";
        assert!(told.contains(notes), "{told}");
        assert!(told.contains("sums were left out: row 6 ('Summe:')"), "{told}");
    }
    // A table of names alone has no notes.
    let place = Place::new();
    let names = vec![vec![text("name")], vec![text("a")], vec![], vec![text("b")]];
    place.imported(&workbook(Format::Xlsx, &[("device", names)]));
    assert_eq!(place.names::<Device>(), ["a", "b"]);
}

/// 40 switches as a site keeps them: contacts above the table, sites in merged cells, German headings,
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

#[test]
fn the_workbook_of_a_site_is_imported_in_one_step_with_a_mapping() {
    let place = Place::new();
    let mapping = "Gerätename=name,IP-Adresse=ip_address,Hersteller=vendor,Standort=location,\
                   Seriennummer=serial_number,Ports=ports";
    let reading = ReadOptions {
        sheet: Some("Geräte é>b".to_owned()),
        kind: Some(Kind::Device),
        header_row: None,
        mapping: Mapping::parse(mapping).unwrap(),
    };
    let report = place.import(&messy(), &ImportRequest { reading, ..DEFAULT });
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert_eq!(place.names::<Device>().len(), 40);
    for number in 0..40 {
        let device = place.device(&format!("SW-{number:02}")).unwrap();
        let vendor = if number % 2 == 0 { "Nokia" } else { "Cisco" };
        let site = ["Bonn", "Köln", "R 1%", "é>b"][number / 10];
        assert_eq!(device.ip_address, Field::Set(format!("192.0.2.{}", number + 1)));
        assert_eq!(device.vendor, Field::Set(vendor.into()));
        assert_eq!(device.location, Field::Set(site.into()));
        assert_eq!(device.serial_number, Field::Set(format!("0{number:07}")));
        assert_eq!(device.custom.keys().collect::<Vec<_>>(), ["ports"]);
    }
    let told = warnings(&report);
    for part in [
        "the headings are in row 4. 2 rows above it were not read",
        "4 ranges of merged cells gave their values to 36 empty cells (D5:D14, D15:D24, D25:D34 and",
        "'/24' was removed from 40 addresses",
        "sheet 'Geräte é>b': blanks around 40 names were removed, first in cell",
        "sums were left out: row 45 ('Summe:')",
        "notes below the table were left out: row 47 ('Bei Fragen: Eva')",
        "column 'Passwort' of sheet 'device' was ignored",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // The same without a mapping proposes it.
    let report = place.import(&messy(), &reading_of("Geräte é>b"));
    let proposed = json!(report.source.proposed_mapping);
    assert_eq!(proposed["Gerätename"], "name");
    assert_eq!(proposed["Standort"], "location");
}

fn reading_of(sheet: &str) -> ImportRequest {
    reading(Some(sheet), Some(Kind::Device), None)
}

#[test]
fn a_marked_workbook_keeps_the_values_of_merged_cells() {
    let place = Place::new();
    let mapping = Mapping::parse("Gerätename=name,Hersteller=ip_address").unwrap();
    let request = reading_of("Geräte é>b");
    let reading = ReadOptions { mapping, ..request.reading };
    let report = place.import(&messy(), &ImportRequest { reading, ..DEFAULT });
    assert_eq!(report.problems.total, 40);
    let marked = marked(&place, &report);
    let sheet = &marked[1].1;
    assert_eq!((&sheet[3][7], &sheet[13][3]), (&text("problem (Satchel)"), &text("Bonn")));
    assert_eq!(sheet[43][3], text("é>b"));
}

#[test]
fn a_table_imports_one_kind() {
    let place = Place::new();
    let table = |kind| {
        let reading = ReadOptions { kind: Some(kind), ..ReadOptions::BY_NAME };
        ImportRequest { reading, ..DEFAULT }
    };
    let report = place.import(b"name;port;x\r\nR 1%;22;1\r\n..;830;\r\n", &table(Kind::Device));
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert_eq!(place.device("..").unwrap().port, Field::Set(830));
    assert_eq!(place.device("R 1%").unwrap().custom["x"], Value::from("1"));
    let links = b"name,source_name,destination_name\na,R 1%,..\n";
    place.import(links, &table(Kind::Link));
    assert_eq!(place.names::<Link>(), ["a"]);
    // Only of its kind.
    let replace = ImportRequest { replace: Replace::Yes, ..table(Kind::Link) };
    place.import(b"name,source,destination\nb,..,R 1%\n", &replace);
    assert_eq!((place.names::<Link>(), place.names::<Device>().len()), (vec!["b".to_owned()], 2));
    let report = place.import(b"name,port\nx,y\n", &table(Kind::Device));
    assert_eq!(problems(&report), ["device!B2 type"]);
    let marked = marked(&place, &report);
    assert_eq!(marked[0].0, "device");
    assert_eq!(marked[0].1[1][1], text("y"));
}

#[test]
fn replace_empties_devices_and_links_in_the_same_step() {
    let place = hostile();
    place.put::<Network>(vec![
        ("name", "net".into()),
        ("nodes", Value::List(vec!["R 1%".into(), "..".into()])),
    ]);
    let bytes = devices(&["name"], &[&["R 1%"], &["new"]]);
    let replace = ImportRequest {
        replace: Replace::Yes,
        empty_replacement: EmptyReplacement::Allowed,
        ..DEFAULT
    };
    let dry = ImportRequest { mode: Mode::DryRun, ..replace.clone() };
    let before = place.names::<Device>();
    let report = place.import(&bytes, &dry);
    assert_eq!(report.outcome, ImportOutcome::DryRun);
    assert!(report.changes.unwrap().total > 0);
    assert_eq!(place.names::<Device>(), before);

    let report = place.import(&bytes, &replace);
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert_eq!(place.names::<Device>(), ["R 1%", "new"]);
    assert_eq!(place.names::<Link>(), [""; 0]);
    let removed = report.types.iter().find(|row| row.kind == Kind::Link).unwrap().removed;
    let warning = format!("no sheet 'link': the import emptied this type and removed {removed} ");
    assert!(json!(report.warnings).to_string().contains(&warning), "{:?}", report.warnings);
    let network = place.store.read().get::<Network>("net").unwrap().unwrap().record;
    let nodes: Vec<_> =
        network.nodes.get().unwrap().iter().map(satchel::model::Ref::name).collect();
    assert_eq!(nodes, ["R 1%"]);
    assert_eq!(report.removed_references.total, 1);
    // A rejected import removes nothing.
    let report = place.import(&devices(&["name", "port"], &[&["x", "y"]]), &replace);
    assert_eq!(report.outcome, ImportOutcome::Rejected);
    assert_eq!(place.names::<Device>(), ["R 1%", "new"]);
}

/// The cells of the marked workbook.
fn marked(place: &Place, report: &ImportReport) -> Sheets {
    cells(&marked_bytes(place, report))
}

fn marked_bytes(place: &Place, report: &ImportReport) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut workbook = place.topology.marked(report.report_id.as_deref().unwrap()).unwrap();
    workbook.file.read_to_end(&mut bytes).unwrap();
    assert_eq!(workbook.bytes, bytes.len() as u64);
    assert!(
        workbook.name.ends_with(&format!(" problems{}", workbook.format))
            || workbook.name.starts_with("problems")
    );
    bytes
}

#[test]
fn a_marked_workbook_lists_the_problems_and_can_be_imported_once_corrected() {
    for format in Format::ALL {
        let place = Place::new();
        let sheet = vec![
            ["name", "port", "installed"].map(text).to_vec(),
            vec![text("R 1%"), Cell::Number(22.5), Cell::Date(45_322.5)],
            vec![],
            vec![text("good"), Cell::Number(22.0), Cell::Empty, Cell::Empty, text("beside")],
            vec![Cell::Empty, Cell::Bool(true), text("=1+1")],
        ];
        let notes = vec![vec![], vec![Cell::Empty, Cell::Error(CellError::Value), text("x")]];
        let sheets = [("Notes", notes), ("Device", sheet)];
        let bytes = workbook(format, &sheets);
        let file_name = Some("../Gerät.ods".to_owned());
        let report = place.import(&bytes, &ImportRequest { file_name, ..DEFAULT });
        assert_eq!(report.outcome, ImportOutcome::Rejected);
        let workbook = place.topology.marked(report.report_id.as_deref().unwrap()).unwrap();
        assert_eq!(workbook.name, format!("_Ger_t problems{format}"));
        assert_eq!(workbook.format, format);

        let before = cells(&bytes);
        let mut after = marked(&place, &report);
        assert_eq!(after[0], before[0]);
        let rows = &mut after[1].1;
        assert_eq!(rows[0].pop(), Some(Cell::from("problem (Satchel)".to_owned())));
        let said: Vec<_> =
            [1, 4].map(|row: usize| rows[row].pop().unwrap().to_string()).into_iter().collect();
        assert!(said[0].starts_with("port (B2): expected an integer"), "{said:?}");
        assert!(said[1].contains("name (A5): ") && said[1].contains("port (B5): "), "{said:?}");
        // After all cells, so that none is overwritten.
        assert_eq!(rows[3].len(), 5);
        for row in rows.iter_mut() {
            while row.last() == Some(&Cell::Empty) {
                row.pop();
            }
        }
        assert_eq!(after[1], before[1]);

        // The corrected workbook imports, and corrected cells are no longer marked.
        let mended = |after: &Sheets, port: f64| {
            let mut sheets = after.clone();
            sheets[1].1[1][1] = Cell::Number(port);
            sheets[1].1[4][0] = text("third").into_owned();
            sheets[1].1[4][1] = Cell::Number(23.0);
            sheets
        };
        let full = marked(&place, &report);
        let as_bytes = |sheets: &Sheets| {
            let sheets: Vec<_> =
                sheets.iter().map(|(name, rows)| (name.as_str(), rows.clone())).collect();
            self::workbook(format, &sheets)
        };
        let report = place.import(&as_bytes(&mended(&full, 22.25)), &DEFAULT);
        assert_eq!(problems(&report), ["device!B2 fraction"]);
        let again = marked(&place, &report);
        assert_eq!(again[1].1[0], full[1].1[0]);
        assert_eq!(again[1].1[4].len(), 3);
        let report = place.imported(&as_bytes(&mended(&again, 22.0)));
        assert_eq!(report.types[0].created, 3);
        let ignored = &report.source.ignored_columns;
        assert!(ignored.iter().any(|column| column.reason == Ignored::Problems), "{ignored:?}");
        let mut names = place.names::<Device>();
        names.sort();
        assert_eq!(names, ["R 1%", "good", "third"]);
    }
}

#[test]
fn problems_of_the_header_are_written_in_the_header() {
    let place = Place::new();
    let report =
        place.import(&devices(&["name", "vendor", "vendor"], &[&["a", "b", "c"]]), &DEFAULT);
    let sheets = marked(&place, &report);
    let told = sheets[0].1[0][3].to_string();
    assert!(told.starts_with("problem (Satchel): C1: column B has the heading"), "{told}");
    // A full sheet has no column left in this format.
    let header: Vec<Cell<'_>> =
        (0..255).map(|number| Cell::from(format!("p{number}"))).chain([text("name")]).collect();
    let bytes = workbook(Format::Xls, &[("device", vec![header, vec![text("x")]])]);
    let report = place.import(&bytes, &DEFAULT);
    let workbook = place.topology.marked(report.report_id.as_deref().unwrap()).unwrap();
    assert_eq!(workbook.format, Format::Xlsx);
    assert!(matches!(place.topology.marked("../x"), Err(TopologyError::NoReport { .. })));
    assert_eq!(place.left_over(), 0);
}

#[test]
fn an_export_that_does_not_fit_names_an_alternative_and_leaves_no_file() {
    let place = Place::new();
    let export = |name: &str| {
        place.topology.export(&ExportRequest { name: name.parse().unwrap() }, &Progress::detached())
    };
    place.put::<Device>(vec![("name", "R 1%".into()), ("é>b", "x".repeat(32_768).into())]);
    for name in ["a.xls", "a.xlsx"] {
        let error = export(name).unwrap_err();
        assert!(error.is_of_workbook(), "{error}");
        let told = error.to_string();
        assert!(told.contains("'é>b'") && told.contains("'R 1%'"), "{told}");
        assert!(told.contains("project export"), "{told}");
    }
    let place = Place::new();
    let export = |name: &str| {
        place.topology.export(&ExportRequest { name: name.parse().unwrap() }, &Progress::detached())
    };
    let mut table = String::from("name\n");
    for number in 0..65_536 {
        table += &format!("d{number}\n");
    }
    let request = reading(None, Some(Kind::Device), None);
    let report = place.import(table.as_bytes(), &request);
    assert_eq!(report.types[0].created, 65_536);
    let told = export("a.xls").unwrap_err().to_string();
    assert!(told.contains(".xlsx") && told.contains("project export"), "{told}");
    assert_eq!(export("a.xlsx").unwrap().sheets[0].rows, 65_536);
    place.topology.remove(&"a.xlsx".parse().unwrap()).unwrap();
    assert_eq!(place.left_over(), 0);
}

#[test]
fn too_many_columns_are_refused_before_a_file_is_created() {
    let place = Place::new();
    let names: Vec<String> = (0..256).map(|number| format!("p{number:03}")).collect();
    let mut properties = vec![("name", Value::from("R 1%"))];
    properties.extend(names.iter().map(|name| (name.as_str(), Value::Int(1))));
    place.put::<Device>(properties);
    let export = |name: &str| {
        place.topology.export(&ExportRequest { name: name.parse().unwrap() }, &Progress::detached())
    };
    let told = export("a.xls").unwrap_err().to_string();
    assert!(told.contains("256 columns") && told.contains(".xlsx"), "{told}");
    assert_eq!(place.left_over(), 0);
    assert_eq!(export("a.xlsx").unwrap().sheets[0].columns, 257);
}

/// A cell cannot say that one list stands in two places, as an anchor in a document does.
#[test]
fn equal_values_without_anchors_change_nothing() {
    let place = Place::new();
    let items = || Value::List(vec!["1".into(), "2".into()]);
    let anchored = || Value::Shared(Shared { label: 0, value: Box::new(items()) });
    let positions = Map::from_entries(vec![("a".into(), anchored()), ("b".into(), anchored())]);
    place.put::<Device>(vec![("name", "R 1%".into()), ("positions", Value::Map(positions))]);
    let before = place.device("R 1%");
    let header = ["name", "positions"];
    let equal = devices(&header, &[&["R 1%", "{'a': ['1', '2'], 'b': ['1', '2']}"]]);
    let dry_run = ImportRequest { mode: Mode::DryRun, ..DEFAULT };
    let counts = |report: &ImportReport| (report.types[0].updated, report.types[0].unchanged);
    let report = place.import(&equal, &dry_run);
    assert_eq!((counts(&report), report.changes.unwrap().total), ((0, 1), 0));
    assert_eq!(counts(&place.imported(&equal)), (0, 1));
    assert_eq!(place.device("R 1%"), before);
    let other = devices(&header, &[&["R 1%", "{'a': ['1', '2'], 'b': ['1', '3']}"]]);
    assert_eq!(counts(&place.imported(&other)), (1, 0));
}
