//! Files of other programs (`tests/cases`), as in public bug reports.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use satchel::codec::workbook::{
    Cell, CellError, DecodeError, DecodeLimits, Decoding, Item, Refusal, SourceKind, cell_name,
};

use crate::forms::{Form, posted};
use crate::harness::{ADMIN, Answer, Server, satchel};
use crate::inventory::{get, path, shown};
use crate::mutants::{archive, changed, container, stream, xlsb, xlsb_record};

const LIMITS: DecodeLimits = DecodeLimits {
    memory_bytes: 1 << 30,
    cpu: Duration::from_secs(20),
    wait: Duration::from_secs(60),
};

/// The cells of a sheet by their addresses: `B2`.
type Cells = Vec<(String, Cell<'static>)>;

/// Reads a file of `tests/cases`.
fn case(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)).unwrap()
}

fn try_cells(bytes: &[u8]) -> Result<Vec<(String, Cells)>, DecodeError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let executable = Path::new(env!("CARGO_BIN_EXE_satchel"));
    let mut decoding = Decoding::start(executable, file, SourceKind::WorkbookOrTable, LIMITS)?;
    let mut sheets = Vec::<(String, Cells)>::new();
    while let Some(item) = decoding.next_item()? {
        match item {
            Item::Sheet(name) => sheets.push((name.to_owned(), Vec::new())),
            Item::Merged(_) => {}
            Item::Row(row) => {
                let cells = row.cells.into_iter();
                let cells =
                    cells.map(|(column, cell)| (cell_name(row.row, column), cell.into_owned()));
                sheets.last_mut().unwrap().1.extend(cells);
            }
        }
    }
    Ok(sheets)
}

/// The cells of the first sheet.
fn cells(bytes: &[u8]) -> Cells {
    try_cells(bytes).unwrap().swap_remove(0).1
}

fn text(text: &str) -> Cell<'static> {
    Cell::text(text.to_owned())
}

/// Compares cells with a list such as `A1 name`, whose cells are texts.
fn assert_texts(found: &[(String, Cell<'_>)], expected: &[&str]) {
    let found: Vec<String> = found.iter().map(|(at, cell)| format!("{at} {cell}")).collect();
    assert_eq!(found, expected);
}

fn cell<'c>(cells: &'c Cells, address: &str) -> &'c Cell<'static> {
    let found = cells.iter().find(|(at, _)| at == address);
    &found.unwrap_or_else(|| panic!("no {address} in {cells:?}")).1
}

fn imported(server: &Server, form: Form) -> Answer {
    posted(server, "", form.bytes()).send()
}

#[test]
fn a_table_of_excel_for_mac_keeps_its_rows() {
    let server = Server::start();
    let form = |name: &str, replace: &str| {
        let table = case(&format!("01-csv-cr-only/{name}"));
        Form::of_file(name, &table).field("kind", "device").field("replace", replace)
    };
    assert_eq!(imported(&server, form("seed.csv", "true")).status, 200);
    let answer = imported(&server, form("cr.csv", "true"));
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    for (name, port) in [("R1", "22"), ("R2", "23"), ("R3", "24")] {
        assert_eq!(get(&server, &path("device", name))["port"].to_string().trim_matches('"'), port);
    }
}

#[test]
fn a_file_in_base64_or_quoted_printable_is_imported() {
    let server = Server::start();
    let sites = case("03-ansible-base64/sites.xlsx");
    let plain = imported(&server, Form::of_file("sites.xlsx", &sites));
    assert!(matches!(plain.status, 200 | 206), "{}", shown(&plain));
    let lines = |data: &str| {
        let lines: Vec<&[u8]> = data.as_bytes().chunks(76).collect();
        lines.join(&b"\n"[..])
    };
    let send = |encoding: &str, name: &str, data: &[u8], kind: &str| {
        let mut body = format!(
            "--XbX\r\nContent-Transfer-Encoding: {encoding}\r\nContent-Type: \
             application/octet-stream\r\nContent-Disposition: form-data; name=\"file\"; \
             filename=\"{name}\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(data);
        body.extend_from_slice(b"\r\n--XbX\r\nContent-Type: text/plain\r\n");
        body.extend_from_slice(b"Content-Disposition: form-data; name=\"kind\"\r\n\r\n");
        body.extend_from_slice(format!("{kind}\r\n--XbX--\r\n").as_bytes());
        server
            .request("POST", "/rest/topology/import")
            .login(ADMIN)
            .header("content-type", "multipart/form-data; boundary=XbX")
            .body(body)
            .send()
    };
    let answer = send("base64", "sites.xlsx", &lines(&BASE64_STANDARD.encode(&sites)), "device");
    assert_eq!(answer.status, plain.status, "{}", shown(&answer));
    assert_eq!(answer.json()["sheets"][0], plain.json()["sheets"][0]);
    let table = b"name,port\r\nZ=C3=BCrich,2=\r\n3\r\n";
    let answer = send("quoted-printable", "d.csv", table, "device");
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    assert_eq!(get(&server, &path("device", "Zürich"))["port"].to_string().trim_matches('"'), "23");
    for (encoding, data, expected) in [
        ("base64", &b"*"[..], "The part “file” of the form is not valid base64."),
        ("x-uuencode", b"", "has the Content-Transfer-Encoding “x-uuencode”"),
    ] {
        let answer = send(encoding, "d.csv", data, "device");
        assert_eq!(answer.status, 400, "{}", shown(&answer));
        assert!(shown(&answer).contains(expected), "{}", shown(&answer));
    }
}

#[test]
fn strings_of_a_xls_do_not_depend_on_its_code_page() {
    let perl = case("04-xls-biff8-codepage/perl.xls");
    let expected = try_cells(&perl).unwrap();
    assert_texts(
        &expected[0].1[..14],
        &[
            "A1 name",
            "B1 ip_address",
            "C1 port",
            "D1 serial",
            "E1 installed",
            "F1 location",
            "G1 rack",
            "A2 R1",
            "B2 10.0.0.1",
            "C2 22",
            "D2 00123",
            "E2 2024-02-01",
            "F2 Zürich 北京",
            "G2 =3+4",
        ],
    );
    let stream = stream(&perl);
    let at = stream.windows(4).position(|record| record == [0x42, 0, 2, 0]).unwrap() + 4;
    for page in [437_u16, 850, 1250, 1251, 1252, 932, 936, 10_000, 65_001, 0, 0x8000, 1200] {
        let mut stream = stream.clone();
        stream[at..at + 2].copy_from_slice(&page.to_le_bytes());
        let found = try_cells(&container("/Workbook", &stream)).unwrap();
        assert_eq!(found, expected, "{page}");
    }
}

#[test]
fn white_space_between_the_cells_of_an_ods_is_nothing() {
    let sheets = try_cells(&case("05-ods-whitespace/gnumeric.ods")).unwrap();
    let (name, cells) = &sheets[0];
    assert_eq!(name, "device");
    assert_texts(
        cells,
        &[
            "A1 name",
            "B1 ip_address",
            "C1 port",
            "D1 vendor",
            "E1 serial",
            "F1 installed",
            "A2 R1",
            "B2 10.0.0.1",
            "C2 22",
            "D2 Cisco",
            "E2 00123",
            "F2 2024-02-01",
            "A3 R2",
            "B3 10.0.0.2",
            "C3 23",
            "D3 Juniper",
            "E3 FTX1",
            "F3 2024-02-02",
        ],
    );
    assert_eq!(sheets[1].0, "link");
    assert_texts(
        &sheets[1].1,
        &["A1 name", "B1 source_name", "C1 destination_name", "A2 L1", "B2 R1", "C2 R2"],
    );
}

#[test]
fn elements_of_an_ods_that_are_not_text_are_not_in_its_cells() {
    let ods = |rows: &str| {
        let content = format!(
            "<office:document-content><office:body><office:spreadsheet>\n<table:table \
             table:name=\"device\">\n <table:shapes><text:p>shape</text:p></table:shapes>{rows}\n\
             </table:table></office:spreadsheet></office:body></office:document-content>"
        );
        archive(&[
            ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
            ("META-INF/manifest.xml", b"<manifest:manifest/>"),
            ("content.xml", content.as_bytes()),
        ])
    };
    let rows = "<table:table-row>\n <!-- a --> <table:table-cell office:value-type=\"string\">\n  \
                <office:annotation><text:p>note</text:p></office:annotation>\n  <text:p>\n  a \
                <text:span> b</text:span><text:s text:c=\"2\"/>c&amp;</text:p>\n  <text:p>d</text:p>\
                <draw:frame><text:p>shape</text:p></draw:frame>\n </table:table-cell>\n \
                <x:y/><table:table-cell office:value-type=\"time\" office:time-value=\"PT12H30M00S\">\
                \n<text:p>12:30</text:p>\n</table:table-cell>\n<table:table-cell table:formula=\"of:=1\"\
                 office:value-type=\"string\" calcext:value-type=\"error\" \
                 office:string-value=\"\"><text:p>Err:502</text:p></table:table-cell>\
                <table:table-cell table:formula=\"of:=2\"/></table:table-row>";
    let found = cells(&ods(rows));
    let expected = [
        ("A1", text("a b  c&\nd")),
        ("B1", Cell::Date(0.5 + 1.0 / 48.0)),
        ("C1", Cell::Error(CellError::Unknown)),
        ("D1", Cell::Formula("2".into())),
    ];
    assert_eq!(found, expected.map(|(at, cell)| (at.to_owned(), cell)));
}

#[test]
fn an_empty_text_of_a_formula_is_an_empty_cell() {
    let expected = [
        "A1 name",
        "B1 port",
        "C1 description",
        "D1 ip_address",
        "A2 R2",
        "B2 22",
        "D2 10.0.0.2",
        "A3 R3",
        "B3 22",
        "D3 10.0.0.3",
    ];
    for name in ["libreoffice.xls", "libreoffice.xlsx", "libreoffice.ods"] {
        assert_texts(&cells(&case(&format!("06-formula-empty-text/{name}"))), &expected);
    }
}

#[test]
fn a_formula_that_was_never_calculated_has_no_value() {
    let xlsxwriter = cells(&case("08-formula-zero-xlsxwriter/xw_formula0.xlsx"));
    assert_texts(
        &xlsxwriter,
        &[
            "A1 name",
            "B1 port",
            "C1 ip_address",
            "D1 rack",
            "A2 R1",
            "B2 =20+3",
            "C2 =\"10.0.0.\"&1",
            "D2 =5+2",
        ],
    );
    let formulas = |cells: &Cells| {
        let formulas = cells.iter().filter(|(_, cell)| matches!(cell, Cell::Formula(_)));
        formulas.map(|(at, _)| at.clone()).collect::<Vec<_>>()
    };
    let xlwt = cells(&case("20-xls-never-calculated/xlwt.xls"));
    assert_eq!(formulas(&xlwt), ["B2", "C2"]);
    assert_eq!(cell(&xlwt, "D2").to_string(), "12:30:00");
    assert_eq!(formulas(&cells(&case("04-xls-biff8-codepage/perl.xls"))), ["G2"]);
    // A stored value is used, also if the workbook is marked for recalculation.
    let has_values = changed(
        &case("08-formula-zero-xlsxwriter/xw_formula0.xlsx"),
        "xl/worksheets/sheet1.xml",
        |sheet| {
            String::from_utf8(sheet).unwrap().replace("</f><v>0</v>", "</f><v>23</v>").into_bytes()
        },
    );
    assert_eq!(cell(&cells(&has_values), "B2"), &Cell::Number(23.0));
}

/// A record of a cell of a `.xlsb`.
fn xlsb_cell(kind: u16, column: Option<u32>, value: &[u8]) -> Vec<u8> {
    let column = column.map(u32::to_le_bytes);
    let column = column.as_ref().map_or(&[][..], |column| column.as_slice());
    xlsb_record(kind, &[column, &[0; 4], value].concat())
}

#[test]
fn short_and_rare_cells_of_a_xlsb_are_read() {
    let wide = |text: &str| {
        let units: Vec<u16> = text.encode_utf16().collect();
        let mut bytes = (units.len() as u32).to_le_bytes().to_vec();
        bytes.extend(units.into_iter().flat_map(u16::to_le_bytes));
        bytes
    };
    let mut header = 0_u32.to_le_bytes().to_vec();
    header.resize(17, 0);
    let rows = [
        xlsb_record(0, &header),
        xlsb_cell(17, None, &wide("name")),
        xlsb_cell(16, None, &0.5_f64.to_le_bytes()),
        xlsb_cell(12, None, &[]),
        xlsb_cell(15, None, &[1]),
        xlsb_cell(6, Some(6), &wide("é>b")),
        xlsb_cell(13, None, &((22_u32 << 2) | 2).to_le_bytes()),
        xlsb_cell(14, None, &[0x2A]),
        // An error that calamine does not know, and the error of a formula.
        xlsb_cell(3, Some(9), &[0x99]),
        xlsb_cell(11, Some(10), &[0x07, 0, 0, 0, 0, 0, 0, 0, 0]),
        // Rich text.
        xlsb_cell(62, Some(11), &[&[1][..], &wide("rich"), &[0; 8]].concat()),
        xlsb_cell(17, None, &wide("last")),
    ]
    .concat();
    let expected = [
        ("A1", text("name")),
        ("B1", Cell::Number(0.5)),
        ("D1", Cell::Bool(true)),
        ("G1", text("é>b")),
        ("H1", Cell::Number(22.0)),
        ("I1", Cell::Error(CellError::NotAvailable)),
        ("J1", Cell::Error(CellError::Value)),
        ("K1", Cell::Error(CellError::DivisionByZero)),
        ("L1", text("rich")),
        ("M1", text("last")),
    ];
    assert_eq!(cells(&xlsb("device", &rows)), expected.map(|(at, cell)| (at.to_owned(), cell)));
    let sheets = try_cells(&case("07-xlsb-short-cells/sheetjs.xlsb")).unwrap();
    let header: Vec<String> = sheets[0]
        .1
        .iter()
        .filter(|(at, _)| at.ends_with('1') && at.len() == 2)
        .map(|(at, cell)| format!("{at} {cell}"))
        .collect();
    assert_eq!(header.len(), 5, "{sheets:?}");
}

#[test]
fn a_number_format_is_taken_by_its_text_and_not_by_its_id() {
    let gnumeric = cells(&case("11-format-id-read-as-date/gnumeric.xls"));
    assert_eq!(cell(&gnumeric, "F2").to_string(), "2024-02-01");
    assert_eq!(cell(&gnumeric, "F3").to_string(), "2024-02-01 10:05:00");
    assert_eq!(cell(&gnumeric, "G2"), &Cell::Number(12.5));
    assert_eq!(cell(&gnumeric, "D2"), &Cell::Bool(true));
    let openpyxl = cells(&case("21-times-and-errors/openpyxl.xlsx"));
    assert_eq!(cell(&openpyxl, "B2").to_string(), "12:30:00");
    assert_eq!(cell(&openpyxl, "C2").to_string(), "2024-01-31 09:05:00");
    assert_eq!(cell(&openpyxl, "D2"), &Cell::Duration(1.25));
}

#[test]
fn times_are_stored_as_times_and_long_numbers_are_problems() {
    let server = Server::start();
    let file = case("21-times-and-errors/openpyxl.xlsx");
    let answer = imported(&server, Form::of_file("a.xlsx", &file));
    assert_eq!(answer.status, 422, "{}", shown(&answer));
    for expected in ["device!D2", "device!E2", "the number has more than 15 digits"] {
        assert!(shown(&answer).contains(expected), "{expected}: {}", shown(&answer));
    }
    let table = case("20-xls-never-calculated/xlwt.xls");
    let answer = imported(&server, Form::of_file("b.xls", &table));
    assert_eq!(answer.status, 422, "{}", shown(&answer));
    for expected in ["device!B2", "device!C2", "does not contain its result"] {
        assert!(shown(&answer).contains(expected), "{expected}: {}", shown(&answer));
    }
    assert!(!shown(&answer).contains("Unrecognised"), "{}", shown(&answer));
}

#[test]
fn an_unknown_error_is_an_error_of_its_cell() {
    let sheet = |error: &str| {
        changed(
            &case("06-formula-empty-text/libreoffice.xlsx"),
            "xl/worksheets/sheet1.xml",
            |xml| {
                let xml = String::from_utf8(xml).unwrap();
                let cell = format!("<c r=\"Z9\" s=\"0\" t=\"e\"><v>{error}</v></c>");
                xml.replace("</sheetData>", &format!("<row r=\"9\">{cell}</row></sheetData>"))
                    .into_bytes()
            },
        )
    };
    for (word, expected) in [
        ("#SPILL!", CellError::Spill),
        ("#BUSY!", CellError::Busy),
        ("#CALC!", CellError::Calculation),
        ("#PYTHON!", CellError::Unknown),
        ("#N/A", CellError::NotAvailable),
    ] {
        assert_eq!(cell(&cells(&sheet(word)), "Z9"), &Cell::Error(expected), "{word}");
    }
    // Error 0x99 in a formula of a `.xls`.
    let mut stream = stream(&case("04-xls-biff8-codepage/perl.xls"));
    let value = [0, 0, 0, 0, 0, 0, 0, 0, 3, 0];
    let at = stream.windows(value.len()).position(|bytes| bytes == value).unwrap();
    stream[at..at + 8].copy_from_slice(&[2, 0, 0x99, 0, 0, 0, 0xFF, 0xFF]);
    let found = cells(&container("/Workbook", &stream));
    assert_eq!(cell(&found, "G2"), &Cell::Error(CellError::Value));
}

#[test]
fn a_truncated_workbook_is_reported_as_truncated() {
    for name in ["03-ansible-base64/sites.xlsx", "05-ods-whitespace/gnumeric.ods"] {
        let whole = case(name);
        let lengths = (1..=30).map(|missing| whole.len() - missing);
        for length in lengths.chain([200, whole.len() / 2]) {
            let error = try_cells(&whole[..length]).unwrap_err();
            assert!(matches!(error, DecodeError::Refused(Refusal::CutOff)), "{error:?}");
        }
    }
    let whole = case("04-xls-biff8-codepage/perl.xls");
    for length in [300, whole.len() / 2] {
        let error = try_cells(&whole[..length]).unwrap_err();
        assert!(matches!(error, DecodeError::Refused(Refusal::CutOff)), "{error:?}");
    }
    let error = try_cells(&archive(&[("device.csv", b"name\n")])).unwrap_err();
    assert!(error.to_string().starts_with("this is a zip archive, but not a workbook"), "{error}");
}

#[test]
fn messages_of_damaged_workbooks_have_no_names_of_the_program() {
    let xlsx = case("03-ansible-base64/sites.xlsx");
    let ods = case("05-ods-whitespace/gnumeric.ods");
    let xls = case("04-xls-biff8-codepage/perl.xls");
    for (whole, first) in [(xlsx, 0), (ods, 0), (xls, 512)] {
        // Bytes of each region are changed: headers, packed data, and the directory.
        for at in (first + 30..whole.len()).step_by(whole.len() / 40) {
            let mut damaged = whole.clone();
            let end = (at + 12).min(damaged.len());
            damaged[at..end].fill(0xA5);
            let Err(error) = try_cells(&damaged) else { continue };
            let text = error.to_string();
            for internal in ["::", "Error", "Some(", "(\"", "{", ".ods:", ".xlsx:", ".xls:", "0x"] {
                assert!(!text.contains(internal), "{at}: {text}");
            }
        }
    }
}

#[test]
fn zips_of_macos_windows_and_old_enms_are_projects() {
    let server = Server::start();
    let put = |zip: &[u8]| {
        let request = server.request("PUT", "/rest/migrate/projects/p").login(ADMIN);
        request.header("content-type", "application/zip").body(zip).send()
    };
    for (name, ignored, warnings) in [
        ("13-zip-of-macos-and-windows/macos.zip", 4, vec!["files that an operating system added"]),
        ("13-zip-of-macos-and-windows/macos_flat.zip", 2, vec!["files that an operating system"]),
        ("13-zip-of-macos-and-windows/backslash.zip", 0, vec![]),
        (
            "14-zip-of-enms-folder-without-metadata/nometa.zip",
            0,
            vec!["the project has no metadata.yaml with a release"],
        ),
    ] {
        let answer = put(&case(name));
        assert!(matches!(answer.status, 200 | 201), "{name}: {}", shown(&answer));
        let summary = answer.json();
        assert_eq!(summary["ignored"].as_array().unwrap().len(), ignored, "{summary}");
        let found = summary["warnings"].as_array().unwrap();
        assert_eq!(found.len(), warnings.len(), "{summary}");
        for (found, begins) in found.iter().zip(warnings) {
            assert!(found.as_str().unwrap().starts_with(begins), "{found}");
        }
        let body = serde_json::json!({"name": "p", "import_export_types": ["device", "link"]});
        let imported = server.request("POST", "/rest/migrate/import").login(ADMIN).json(&body);
        let imported = imported.send();
        assert_eq!(imported.status, 200, "{name}: {}", shown(&imported));
        // The command takes the same file as a project.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.zip");
        fs::write(&file, case(name)).unwrap();
        let mut import = satchel();
        import.args(["import", "--create", "--types", "device", "--data"]);
        import.arg(folder.path().join("data")).arg(&file);
        let output = import.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{name}: {text}");
    }
    let two = case("14-zip-of-enms-folder-without-metadata/nometa.zip").repeat(2);
    let answer = put(&two);
    assert!(shown(&answer).contains("another archive. Send each archive"), "{}", shown(&answer));
    for (files, told) in [
        (&["DEVICE.YAML"][..], "It has 'DEVICE.YAML'. Did you mean 'device.yaml'?"),
        (&["a/device.yaml", "b/device.yaml"], "is in another folder than 'a/device.yaml'"),
        (&["a/b/device.yaml"], "is in a folder of a folder"),
    ] {
        let files: Vec<(&str, &[u8])> = files.iter().map(|name| (*name, &b"[]\n"[..])).collect();
        let answer = put(&archive(&files));
        assert!(shown(&answer).contains(told), "{told}: {}", shown(&answer));
    }
    let nested = put(&archive(&[("a/nightly.zip", b"PK")]));
    assert!(shown(&nested).contains("an archive of other archives"), "{}", shown(&nested));
}

#[test]
fn documents_that_are_not_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("old");
    fs::create_dir(&project).unwrap();
    for (name, text) in [
        ("device.yaml", "- name: R 1%\n"),
        ("access.yaml", "- name: Everyone\n  type: access\n"),
        ("devices.yaml", "- name: lost\n"),
        ("notes é>b.txt", "not a document"),
        ("Service.YAML", "- name: lost\n"),
        ("link.yaml.txt", "- name: lost\n"),
        ("task.json", "[]"),
        ("metadata.yaml", "version: 4.6\n"),
    ] {
        fs::write(project.join(name), text).unwrap();
    }
    fs::create_dir_all(project.join("sub/.git")).unwrap();
    fs::write(project.join("sub/link.yaml"), "- name: lost\n").unwrap();
    let expected = [
        "'Service.YAML' is not a document of a project; it was not read. Did you mean 'service.yaml'?",
        "'link.yaml.txt' is not a document of a project; it was not read. Did you mean 'link.yaml'?",
        "'task.json' is not a document of a project; it was not read. Did you mean 'task.yaml'?",
        "'sub/link.yaml' is not a document of a project; it was not read. 'link.yaml' must be in the \
         folder of the project itself",
        "the document 'access.yaml' is not a document of a project; it was not read",
        "the document 'devices.yaml' is not a document of a project; it was not read. Did you mean \
         'device.yaml'?",
        "'notes é>b.txt' is not a document of a project; it was not read",
    ];
    let local = {
        let mut import = satchel();
        import.args(["import", "--create", "--json", "--data"]);
        import.arg(folder.path().join("data")).arg(&project).output().unwrap()
    };
    let server = Server::start();
    let remote = {
        let mut import = satchel();
        let address = format!("http://{}", server.address);
        import.args(["import", "--json", "--user", "admin", "--server", &address]).arg(&project);
        import.env("SATCHEL_PASSWORD", "admin").output().unwrap()
    };
    // The same folder as a zip of another program.
    let zip = folder.path().join("zipped.zip");
    let files: Vec<_> = [project.clone(), project.join("sub")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (format!("old/{}", path.strip_prefix(&project).unwrap().display()), path))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect();
    let files: Vec<_> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    fs::write(&zip, archive(&files)).unwrap();
    let zipped = {
        let mut import = satchel();
        import.args(["import", "--create", "--json", "--data"]);
        import.arg(folder.path().join("other data")).arg(&zip).output().unwrap()
    };
    for output in [local, remote, zipped] {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        for sentence in expected {
            assert!(text.contains(sentence), "{sentence}: {text}");
        }
    }
}

#[test]
fn names_that_look_alike_give_a_warning() {
    let server = Server::start();
    let form = |name: &str, kind: &str| {
        let table = case(&format!("19-lookalike-names/{name}"));
        Form::of_file(name, &table).field("kind", kind)
    };
    // Of the names with blanks around them, only one can be R1.
    let answer = imported(&server, form("names.csv", "device").field("on_error", "skip"));
    assert_eq!(answer.status, 206, "{}", shown(&answer));
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    for expected in [
        "sheet 'device': blanks around 2 names were removed, first in cell A3",
        "the names 'R1' and 'r1' of type device look alike. They differ in upper and lower case",
        "They differ in the encoding of accents (NFC and NFD)",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(get(&server, &path("device", "R1"))["port"].to_string().trim_matches('"'), "22");

    let server = Server::start();
    assert_eq!(imported(&server, form("dev.csv", "device")).status, 200);
    let answer = imported(&server, form("link.csv", "link"));
    assert_eq!(answer.status, 422, "{}", shown(&answer));
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let hint = "The names differ in the encoding of accents (NFC and NFD)";
    assert!(text.contains("Did you mean 'Z") && text.contains(hint), "{text}");
    // The other end, "R2 ", is found.
    assert!(!text.contains("'R2'"), "{text}");
}

#[test]
fn names_that_yaml_reads_as_numbers_are_shown_as_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("old");
    fs::create_dir(&project).unwrap();
    let devices = "- name: 22:30\n  port: 022\n- name: 010\n- name: 1_000\n\
                   - name: '010'\n- name: 24\n";
    fs::write(project.join("device.yaml"), devices).unwrap();
    fs::write(project.join("metadata.yaml"), "version: 4.6\n").unwrap();
    let mut import = satchel();
    import.args(["import", "--create", "--json", "--data"]);
    let output = import.arg(folder.path().join("data")).arg(&project).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for expected in [
        "record in line 1: name is written as 22:30, which YAML reads as the number 1350",
        "record in line 3: name is written as 010, which YAML reads as the number 8",
        "record in line 4: name is written as 1_000, which YAML reads as the number 1000",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(text.matches("which YAML reads").count(), 3, "{text}");
    // A boolean is not a name. The report shows how it is written.
    fs::write(project.join("device.yaml"), "- name: yes\n  enabled: on\n- name: 'no'\n").unwrap();
    let mut import = satchel();
    import.args(["import", "--create", "--json", "--data"]);
    let output = import.arg(folder.path().join("data")).arg(&project).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected = "record in line 1: name is written as yes, which YAML reads as the boolean true";
    assert!(!output.status.success() && text.contains(expected), "{text}");
    assert_eq!(text.matches("which YAML reads").count(), 1, "{text}");
}

#[test]
fn the_name_of_a_sheet_is_refused_with_a_table() {
    let server = Server::start();
    for kind in [Some("device"), None] {
        let mut form = Form::of_file("a.csv", b"name\nR 1%\n").field("sheet", "device");
        if let Some(kind) = kind {
            form = form.field("kind", kind);
        }
        let answer = imported(&server, form);
        assert_eq!(answer.status, 422, "{}", shown(&answer));
        assert!(
            shown(&answer).contains("A table (.csv) has no sheets. Leave out `sheet`"),
            "{}",
            shown(&answer)
        );
    }
}

#[test]
fn a_row_of_headings_below_the_header_is_no_record() {
    let server = Server::start();
    let table = |rows: &str| {
        let form = Form::of_file("a.csv", rows.as_bytes()).field("kind", "device");
        imported(&server, form.field("replace", "false"))
    };
    // A page break repeats the headings, also far below the first rows.
    let many: String = (0..30).map(|number| format!("R {number}%,Nokia\n")).collect();
    let answer = table(&format!("Name,Vendor\n{many}name, Vendor \né>b,Cisco\nName,Cisco\n"));
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    assert_eq!(answer.json()["types"][0]["created"], 32, "{}", shown(&answer));
    let expected = "sheet 'device': rows that repeat the headings were left out: row 32";
    assert!(shown(&answer).contains(expected), "{}", shown(&answer));
    // The headings of another table would give its values to other properties.
    let answer = table("name,vendor\na,Nokia\n\nname,port\nb,22\n");
    assert_eq!(answer.status, 422, "{}", shown(&answer));
    let expected = "the row looks like the headings of another table: 'name', 'port'";
    assert!(shown(&answer).contains(expected), "{}", shown(&answer));
    // A record of this name exists.
    let post = server.request("POST", "/rest/instance/device").login(ADMIN);
    assert_eq!(post.json(&serde_json::json!({"name": "name"})).send().status, 200);
    let answer = table("name,vendor\na,Nokia\n\nname,vendor\n");
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    assert_eq!(get(&server, &path("device", "name"))["vendor"], "vendor");
}

#[test]
fn an_address_that_is_refused_says_why() {
    let server = Server::start();
    for (address, reason) in [
        ("192.0.2.1/33", ": the length of its prefix is more than 32"),
        ("192.0.2.1/255.255.255.0", ": it has a netmask"),
        ("fe80::1%eth0", ": it has a zone"),
        ("192.0.2.2 /24", ": it contains a blank"),
        ("n/a", ". Write an address such as 192.0.2.1"),
    ] {
        let table = format!("name,IP_address\nR 1%,{address}\n");
        let form = Form::of_file("a.csv", table.as_bytes()).field("kind", "device");
        let answer = imported(&server, form);
        assert_eq!(answer.status, 422, "{}", shown(&answer));
        let text = shown(&answer);
        let expected = format!("is not an IP address{reason}");
        assert!(text.contains(&expected) && text.contains("--ignore IP_address"), "{text}");
    }
}

/// Numbers in formats that fill with zeros, as the programs write them.
#[test]
fn numbers_filled_with_zeros_are_read_as_the_cell_shows_them() {
    for file in [
        "openpyxl.xlsx",
        "xlsxwriter.xlsx",
        "xlwt.xls",
        "libreoffice.xls",
        "sheetjs.xls",
        "libreoffice.ods",
        "sheetjs.xlsb",
    ] {
        let server = Server::start();
        let bytes = case(&format!("25-leading-zeros/{file}"));
        let answer = imported(&server, Form::of_file(file, &bytes).field("replace", "false"));
        assert_eq!(answer.status, 200, "{file}: {}", shown(&answer));
        for (name, serial, asset, port) in [
            ("00042", "00007", "000-300", 22),
            ("00007", "123456", "000-040", 23),
            ("1234567", "00008", "000-001", 24),
        ] {
            let device = get(&server, &path("device", name));
            let found = (device["serial_number"].as_str(), device["asset"].as_str());
            assert_eq!(found, (Some(serial), Some(asset)), "{file} {name}");
            assert_eq!(device["port"], port, "{file} {name}");
        }
        let told = answer.json()["warnings"].to_string();
        let expected = "3 numbers of 'asset' were read with the zeros that the number format shows: \
                        '000-300' in C2, '000-040' in C3, '000-001' in C4";
        assert!(told.contains(expected), "{file}: {told}");
        assert!(told.contains("of 'name' ") && !told.contains("of 'port'"), "{file}: {told}");
    }
}

/// Merged cells of each format, as the programs write them.
#[test]
fn merged_cells_of_every_format_give_their_value_to_each_row() {
    for file in ["libreoffice.ods", "libreoffice.xls", "sheetjs.xlsb", "xlwt.xls"] {
        let server = Server::start();
        let bytes = case(&format!("23-merged-cells/{file}"));
        let answer = imported(&server, Form::of_file(file, &bytes).field("replace", "false"));
        assert_eq!(answer.status, 200, "{file}: {}", shown(&answer));
        let told = answer.json()["warnings"].to_string();
        // B5:B7, C3:C5, D3:D5 and C6:D7 cover 9 empty cells.
        assert!(told.contains("4 ranges of merged cells gave their values to 9 empty"), "{told}");
        for (name, vendor, location, rack) in [
            ("SW-1", "Nokia", "é>b", "7"),
            ("SW-2", "Nokia", "é>b", "7"),
            ("SW-3", "Cisco", "é>b", "7"),
            ("SW-4", "Cisco", "Köln", "\"Köln\""),
            ("SW-5", "Cisco", "Köln", "\"Köln\""),
        ] {
            let device = get(&server, &path("device", name));
            let found = (device["vendor"].as_str(), device["location"].as_str());
            assert_eq!(found, (Some(vendor), Some(location)), "{file} {name}");
            assert_eq!(device["rack"].to_string(), rack, "{file} {name}");
        }
    }
}

#[test]
fn the_example_of_a_template_is_recognised_in_every_format() {
    for file in ["libreoffice.ods", "libreoffice.xls"] {
        let server = Server::start();
        let bytes = case(&format!("22-template-of-libreoffice/{file}"));
        let answer = imported(&server, Form::of_file(file, &bytes).field("replace", "false"));
        assert_eq!(answer.status, 200, "{file}: {}", shown(&answer));
        assert_eq!(get(&server, "/rest/instance/device").as_array().unwrap().len(), 0, "{file}");
        let told = answer.json()["warnings"].to_string();
        assert!(told.contains("the example of the template was left out: row 2"), "{told}");
    }
}

/// Workbooks of Excel 5 and 95 have texts of one byte for each character.
#[test]
fn texts_of_excel_95_are_read_by_their_code_page() {
    let workbook = case("24-excel-95/sheetjs.xls");
    // CodePage, two bytes, 1252.
    const CODE_PAGE: &[u8] = &[0x42, 0, 2, 0, 0xE4, 0x04];
    let replaced = |bytes: Vec<u8>, old: &[u8], new: &[u8]| {
        let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
        [&bytes[..at], new, &bytes[at + new.len()..]].concat()
    };
    let of = |code_page: u16, texts: [&[u8]; 3]| {
        let record = [&CODE_PAGE[..4], &code_page.to_le_bytes()].concat();
        let bytes = replaced(workbook.clone(), CODE_PAGE, &record);
        let olds: [&[u8]; 3] = [b"Z_rich", b"K_ln _", b"S_o Paulo"];
        olds.into_iter().zip(texts).fold(bytes, |bytes, (old, new)| replaced(bytes, old, new))
    };
    type Sample<'s> = (u16, [&'s [u8]; 3], [&'s str; 3]);
    let samples: [Sample<'_>; 8] = [
        (437, [b"Z\x81rich", b"K\x94ln \xE1", b"S\xA4o Paulo"], ["Zürich", "Köln ß", "Sño Paulo"]),
        (850, [b"Z\x81rich", b"K\x94ln \x9D", b"S\xC6o Paulo"], ["Zürich", "Köln Ø", "São Paulo"]),
        (852, [b"Z\x81rich", b"K\x94ln \xAB", b"S\x9Do Paulo"], ["Zürich", "Köln ź", "SŁo Paulo"]),
        (1250, [b"Z\xFCrich", b"K\xF6ln \x9F", b"S\xA3o Paulo"], ["Zürich", "Köln ź", "SŁo Paulo"]),
        (1252, [b"Z\xFCrich", b"K\xF6ln \xD8", b"S\xE3o Paulo"], ["Zürich", "Köln Ø", "São Paulo"]),
        (866, [b"Z\x86rich", b"K\x86ln \xEF", b"S\x86o Paulo"], ["ZЖrich", "KЖln я", "SЖo Paulo"]),
        (
            0x8000,
            [b"Z\x9Frich", b"K\x9Aln \xAF", b"S\x8Bo Paulo"],
            ["Zürich", "Köln Ø", "São Paulo"],
        ),
        (0, [b"Z\xFCrich", b"K\xF6ln \xD8", b"S\xE3o Paulo"], ["Zürich", "Köln Ø", "São Paulo"]),
    ];
    for (code_page, bytes, expected) in samples {
        let found = cells(&of(code_page, bytes));
        let [name, location, second] = expected;
        for (at, expected) in [("A1", "name"), ("A2", name), ("B2", location), ("A3", second)] {
            assert_eq!(cell(&found, at), &text(expected), "{code_page} {at}");
        }
        assert_eq!(cell(&found, "C3"), &Cell::Number(23.5), "{code_page}");
    }
    let unknown = of(720, [b"Z_rich", b"K_ln _", b"S_o Paulo"]);
    let error = try_cells(&unknown).unwrap_err();
    assert!(matches!(error, DecodeError::Refused(Refusal::CodePage { number: 720 })), "{error:?}");
    assert_eq!(error.code(), "workbook-code-page");
}
