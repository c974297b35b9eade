//! Tests of sheets and headings.

use super::*;

#[test]
fn headings_are_matched_in_any_case_and_reported_as_written() {
    let fixture = Fixture::new();
    let header = ["  Name ", "IP_ADDRESS", "ip_adress", "", "Password", "pools", "id", "Rack"];
    let report = fixture
        .imported(&devices(&header, &[&["é>b", "10.0.0.1", "x", "lost", "s3cret", "p", "1", "7"]]));
    let device = fixture.device("é>b").unwrap();
    assert_eq!(device.ip_address, Field::Set("10.0.0.1".to_owned()));
    let custom: Vec<_> = device.custom.keys().map(String::as_str).collect();
    assert_eq!(custom, ["Rack", "ip_adress"]);
    let message = json!(report);
    assert_eq!(
        message["sheets"],
        json!([{"sheet": "device", "header_row": 1, "rows": 1, "columns": 4}])
    );
    assert_eq!(
        message["custom_columns"][0],
        json!({"sheet": "device", "column": "C", "name": "ip_adress", "nearest": "ip_address"})
    );
    let ignored: Vec<_> =
        report.source.ignored_columns.iter().map(|c| (c.column.as_str(), c.reason)).collect();
    let (secret, computed) = (Ignored::Secret, Ignored::Computed);
    assert_eq!(ignored, [("E", secret), ("F", computed), ("G", computed), ("D", Ignored::Unnamed)]);
    assert!(!message.to_string().contains("s3cret"), "{message}");
    assert!(message["warnings"].to_string().contains("Did you mean 'ip_address'?"), "{message}");
    let id = report.report_id.unwrap();
    let mut whole = String::new();
    fixture.topology.report(&id).unwrap().read_to_string(&mut whole).unwrap();
    assert!(whole.contains("ip_adress") && !whole.contains("s3cret"));
    // The import has no problems, so no workbook is kept.
    assert!(matches!(fixture.topology.marked(&id), Err(TopologyError::NoReport { .. })));
}

#[test]
fn sheets_are_found_by_name_and_other_files_are_refused() {
    let fixture = Fixture::new();
    let rows = |name| vec![vec![text("name")], vec![text(name)]];
    let bytes = workbook(Format::Xlsx, &[("Notes", rows("x")), ("DEVICE", rows("R 1%"))]);
    let report = fixture.imported(&bytes);
    assert_eq!(report.source.ignored_sheets, ["Notes"]);
    assert!(json!(report.warnings).to_string().contains("no sheet 'link'"));
    let error = fixture.try_import(&workbook(Format::Xls, &[("Notes", rows("x"))]), &DEFAULT);
    let error = error.unwrap_err();
    assert!(error.is_of_workbook() && error.to_string().contains("'Notes'"), "{error}");
    for bytes in [&b""[..], b"name\nx\n", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"] {
        let error = fixture.try_import(bytes, &DEFAULT).unwrap_err();
        assert!(matches!(&error, TopologyError::Decode(_)) && error.is_of_workbook(), "{error}");
    }
    assert_eq!(fixture.names::<Device>(), ["R 1%"]);
    assert_eq!(fixture.left_over(), 0);
}

#[test]
fn a_sheet_with_another_name_is_imported_as_the_requested_kind() {
    let rows = |name| vec![vec![text("name")], vec![text(name)]];
    let empty = || vec![vec![]];
    for format in Format::ALL {
        let fixture = Fixture::new();
        let only = workbook(format, &[("Geräte é>b", rows("R 1%")), ("Tabelle2", empty())]);
        let report = fixture.import(&only, &reading(None, Some(Kind::Device), None));
        assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
        assert_eq!(report.source.sheets[0].name.as_deref(), Some("Geräte é>b"));
        assert_eq!(report.source.ignored_sheets, ["Tabelle2"]);

        let sheets = [("Notes", rows("x")), ("link", rows("y")), ("Switches", rows("s"))];
        let several = workbook(format, &sheets);
        let error = fixture.try_import(&several, &reading(None, Some(Kind::Device), None));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("'Notes', 'link', 'Switches'. Pass the name of one"), "{error}");
        // A client that always sends the kind still imports both sheets.
        let named = workbook(format, &[("device", rows("d")), ("link", rows("l"))]);
        let report = fixture.import(&named, &reading(None, Some(Kind::Device), None));
        assert_eq!(report.source.sheets.len(), 2);
        fixture
            .store
            .change(&Origin::internal("test"), |change| change.remove(Kind::Link, "l").map(drop))
            .unwrap();
        let error =
            fixture.try_import(&several, &reading(Some("Switch"), Some(Kind::Device), None));
        assert!(error.unwrap_err().to_string().contains("no sheet 'Switch'. Its sheets: 'Notes'"));
        let error = fixture.try_import(&several, &reading(Some("Switches"), None, None));
        assert!(error.unwrap_err().to_string().contains("Pass `kind`"));
        let selected = reading(Some("switches"), Some(Kind::Device), None);
        let replace = ImportRequest { replace: Replace::Yes, ..selected };
        fixture.put::<Link>(vec![("name", "kept".into())]);
        fixture.import(&several, &replace);
        assert_eq!(fixture.names::<Device>(), ["s"]);
        assert_eq!(fixture.names::<Link>(), ["kept"], "only the kind of the sheet is replaced");
    }
}

#[test]
fn the_header_is_found_below_a_title() {
    for format in Format::ALL {
        let fixture = Fixture::new();
        let bytes = workbook(format, &[("device", under_a_title("R 1%"))]);
        let report = fixture.imported(&bytes);
        assert_eq!(fixture.names::<Device>(), ["R 1%"]);
        assert_eq!(fixture.device("R 1%").unwrap().custom["Rack"], Value::from("r1"));
        assert_eq!(report.source.sheets[0].header_row, Some(4));
        let warnings = json!(report.warnings).to_string();
        assert!(
            warnings.contains("in row 4. 2 rows above the headings were not read"),
            "{warnings}"
        );

        // A problem has the name of the sheet in the file. The marked workbook shows it in the row
        // of the error.
        let mut rows = under_a_title("R 1%");
        rows[4][1] = text("many");
        let bytes = workbook(format, &[("Plan é>b", rows)]);
        let report = fixture.import(&bytes, &reading(None, Some(Kind::Device), None));
        assert_eq!(problems(&report), ["Plan é>b!B5 type"]);
        let marked = marked(&fixture, &report);
        assert_eq!(marked[0].1[3][3], text("problem (Satchel)"));
        assert!(matches!(&marked[0].1[4][3], Cell::Text(text) if text.starts_with("port (B5)")));
    }
}

#[test]
fn a_missing_header_is_reported_with_the_headings_of_the_sheet() {
    let fixture = Fixture::new();
    let late = |rows: usize| {
        let mut table = vec![vec![text("x")]; rows];
        table.push(vec![text("name")]);
        table.push(vec![text("R 1%")]);
        workbook(Format::Xlsx, &[("device", table)])
    };
    fixture.imported(&late(19));
    assert_eq!(fixture.names::<Device>(), ["R 1%"]);
    let report = fixture.import(&late(20), &DEFAULT);
    assert_eq!(problems(&report), ["- no-name-column"]);
    assert!(json!(report).to_string().contains("in rows 1 to 20"), "{}", json!(report));
    let report = fixture.import(&late(20), &reading(None, None, Some(21)));
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));

    let mut rows = under_a_title("R 1%");
    rows[3][0] = text("Gerätename");
    let bytes = workbook(Format::Xls, &[("device", rows)]);
    let report = json!(fixture.import(&bytes, &DEFAULT));
    let message = "Row 4 is most like a header (found: 'Gerätename', 'Port', 'Rack')";
    assert!(report.to_string().contains(message), "{report}");
    let report = json!(fixture.import(&bytes, &reading(None, None, Some(3))));
    assert!(report.to_string().contains("in row 3 (found: 'Contact', "), "{report}");
    let report = json!(fixture.import(&bytes, &reading(None, None, Some(2))));
    assert!(report.to_string().contains("row 2, which should contain the headings"), "{report}");
    let report = json!(fixture.import(&bytes, &reading(None, None, Some(99))));
    assert!(report.to_string().contains("row 99, which should contain the headings"), "{report}");
}

/// A cell with a number can show another text: 010 with the format 000.
#[test]
fn names_that_are_numbers_in_the_workbook_are_said() {
    let fixture = Fixture::new();
    let header = || vec![text("name"), text("serial_number")];
    let rows = vec![
        header(),
        vec![text("010"), text("1_000")],
        vec![text("22:30"), text("010")],
        vec![Cell::Number(10.0), text("22:30")],
        vec![Cell::Bool(true), text("x")],
    ];
    let report = fixture.imported(&workbook(Format::Xlsx, &[("device", rows)]));
    let mut names = fixture.names::<Device>();
    names.sort_unstable();
    assert_eq!(names, ["010", "10", "22:30", "True"]);
    let device = fixture.device("22:30").unwrap();
    assert_eq!(device.serial_number, Field::Set("010".to_owned()));
    let message = warnings(&report);
    let expected =
        "2 names were read from cells with a number or boolean: '10' in A4, 'True' in A5";
    assert!(message.contains(expected), "{message}");
    let rows = vec![header(), vec![text("010"), text("x")]];
    let report = fixture.imported(&workbook(Format::Xlsx, &[("device", rows)]));
    assert!(!warnings(&report).contains("number or boolean"), "{}", warnings(&report));
    // A table has only texts, which stay as they are written.
    let table = "name,serial_number,rack\n1_000,010,22:30\n010,1_000,010\n";
    let report = fixture.import(table.as_bytes(), &reading(None, Some(Kind::Device), None));
    assert_eq!(report.converted.total, 0);
    let device = fixture.device("1_000").unwrap();
    assert_eq!(device.serial_number, Field::Set("010".to_owned()));
    assert_eq!(device.custom["rack"], Value::from("22:30"));
    assert_eq!(fixture.device("010").unwrap().custom["rack"], Value::from("010"));
}

#[test]
fn the_row_with_the_most_known_headings_is_the_header() {
    let table = |name: &str, address: &str| {
        let rows = vec![
            vec![text("Name"), text("Ana Silva")],
            vec![text("Phone"), text("123")],
            vec![],
            vec![text(name), text(address), text("Vendor")],
            vec![text("sw1"), text("192.0.2.1"), text("Nokia")],
            // Values of a record that are words for headings.
            vec![text("name"), Cell::Empty, text("Switch")],
        ];
        workbook(Format::Xlsx, &[("device", rows)])
    };
    let fixture = Fixture::new();
    let report = fixture.imported(&table("name", "ip_address"));
    assert_eq!(fixture.names::<Device>(), ["name", "sw1"]);
    assert_eq!(report.source.sheets[0].header_row, Some(4));
    let message = warnings(&report);
    let notice = "Other rows look like headings too: row 1 ('Name', 'Ana Silva'). If";
    assert!(message.contains(notice), "{message}");

    let report = fixture.import(&table("Gerätename", "IP-Adresse"), &DEFAULT);
    assert_eq!(problems(&report), ["- no-name-column"]);
    let expected =
        "row 1 has a heading 'name', but row 4 is more like a header (found: 'Gerätename'";
    assert!(json!(report).to_string().contains(expected), "{}", json!(report));
    assert_eq!(json!(report.source.proposed_mapping)["Gerätename"], "name");
    // The request decides.
    let report = fixture.import(&table("Gerätename", "IP-Adresse"), &reading(None, None, Some(1)));
    assert_eq!(report.source.sheets[0].header_row, Some(1));
    // A table without a second header has no notice.
    let report = fixture.imported(&devices(&["name", "x"], &[&["Router", "local"]]));
    assert!(!warnings(&report).contains("look like headings"), "{}", warnings(&report));
}

#[test]
fn a_header_below_twenty_blank_rows_is_reported() {
    let fixture = Fixture::new();
    let late = |rows: usize| {
        let mut table = vec![vec![]; rows];
        table.extend([vec![text("name"), text("vendor")], vec![text("R 1%"), text("Nokia")]]);
        workbook(Format::Xlsx, &[("device", table)])
    };
    let report = fixture.import(&late(20), &DEFAULT);
    assert_eq!(problems(&report), ["- no-name-column"]);
    let expected = "no headings in rows 1 to 20, which are blank";
    assert!(json!(report).to_string().contains(expected), "{}", json!(report));
    fixture.imported(&late(19));
    assert_eq!(fixture.names::<Device>(), ["R 1%"]);

    let table = |csv: &str| {
        let report = fixture.import(csv.as_bytes(), &reading(None, Some(Kind::Device), None));
        assert_eq!(problems(&report), ["- no-name-column"], "{csv:?}");
        json!(report).to_string()
    };
    let late = format!("x,y\n{}name,vendor\nA,B\n", "\n".repeat(20));
    assert!(table(&late).contains("no 'name' column in rows 1 to 20. Row 1 is most like"));
    assert!(table("\n \n,\n").contains("no cell has a value"));
    let piped = table("name|vendor|port\nR 1%|Nokia|22\n");
    assert!(piped.contains("write 'sep=|' into the first line"), "{piped}");
    assert!(!piped.contains("proposed_mapping"), "{piped}");
}

#[test]
fn a_heading_that_differs_in_case_from_an_existing_property_gives_a_warning() {
    let fixture = Fixture::new();
    fixture
        .imported(&devices(&["name", "Größe", "rack"], &[&["R 1%", "x", "7"], &["é>b", "x", ""]]));
    let same = fixture.imported(&devices(&["name", "Größe"], &[&["R 1%", "y"], &["new", "z"]]));
    assert!(!json!(same).to_string().contains("another custom property"), "{}", json!(same));
    let other = fixture.imported(&devices(&["name", "GRÖßE"], &[&["R 1%", "y"], &["é>b", "z"]]));
    let expected = "sheet 'device': the heading 'GRÖßE' makes another custom property than 'Größe', \
                    which existing records have";
    assert_eq!(json!(other).to_string().matches(expected).count(), 1, "{}", json!(other));
}

#[test]
fn headings_that_differ_only_in_case_are_a_problem() {
    let fixture = Fixture::new();
    let bytes = devices(&["name", "Site", "site "], &[&["R 1%", "x", "y"]]);
    let report = fixture.import(&bytes, &DEFAULT);
    assert_eq!(problems(&report), ["device!C1 duplicate-column"]);
    let expected = "columns B ('Site') and C ('site') differ only in case";
    assert!(json!(report).to_string().contains(expected), "{}", json!(report));
    let bytes = devices(&["name", "vendor", "Vendor"], &[&["R 1%", "x", "y"]]);
    let report = json!(fixture.import(&bytes, &DEFAULT)).to_string();
    assert!(report.contains("columns B ('vendor') and C ('Vendor') differ only"), "{report}");
    assert!(!report.contains("has no heading"), "{report}");
}

#[test]
fn a_line_that_declares_the_separator_can_follow_blank_lines() {
    let fixture = Fixture::new();
    let request = reading(None, Some(Kind::Device), None);
    let report = fixture.import(b"\n\r\nsep=|\nname|port\nR 1%|x\n", &request);
    // The line itself is no row, and neither are the blank lines above it.
    assert_eq!(problems(&report), ["device!B2 type"]);
    assert!(!warnings(&report).contains("above the headings"), "{}", warnings(&report));
}
