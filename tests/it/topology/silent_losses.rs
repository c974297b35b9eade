//! Tests of rows and values that an import must not lose without saying so.

use super::*;

fn table(kind: Kind, replace: Replace) -> ImportRequest {
    let reading = ReadOptions { kind: Some(kind), ..ReadOptions::BY_NAME };
    ImportRequest { reading, replace, ..DEFAULT }
}

#[test]
fn a_row_with_the_name_of_an_existing_record_is_never_a_note_or_a_sum() {
    let (format, replace) =
        (Format::Xlsx, ImportRequest { replace: Replace::WithSheet, ..DEFAULT });
    let header = || vec![text("name"), text("vendor"), text("x")];
    let rows = vec![
        header(),
        vec![text("R 1%"), text("N")],
        vec![text("Total"), Cell::Empty, Cell::Number(3.0)],
        vec![],
        vec![text("é>b")],
        vec![text("As of 12 March")],
    ];
    let bytes = workbook(format, &[("device", rows)]);
    let fixture = Fixture::new();
    let report = fixture.imported(&bytes);
    assert_eq!(fixture.names::<Device>(), ["R 1%"]);
    assert!(warnings(&report).contains("sums were left out: row 3 ('Total')"));

    for name in ["R 1%", "Total", "é>b"] {
        fixture.put::<Device>(vec![("name", name.into()), ("vendor", "K".into())]);
    }
    fixture.put::<Link>(vec![
        ("name", "l".into()),
        ("source", "é>b".into()),
        ("destination", "R 1%".into()),
    ]);
    let report = fixture.import(&bytes, &replace);
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert_eq!(fixture.names::<Device>(), ["R 1%", "Total", "é>b"]);
    assert_eq!(fixture.names::<Link>(), ["l"]);
    let message = warnings(&report);
    assert!(
        message.contains("has records of these names: row 3 ('Total'), row 5 ('é>b')"),
        "{message}"
    );
    assert!(message.contains("notes below the table were left out: row 6"), "{message}");
}

#[test]
fn the_example_of_a_template_does_not_remove_a_record_of_its_name() {
    let fixture = Fixture::new();
    let example = "EXAMPLE (not imported)";
    fixture.put::<Device>(vec![("name", example.into())]);
    let bytes = devices(&["name", "vendor"], &[&[example, ""], &["R 1%", "Nokia"]]);
    let replace = ImportRequest { replace: Replace::WithSheet, ..DEFAULT };
    let report = fixture.import(&bytes, &replace);
    assert_eq!(problems(&report), ["device!A2 example-name"]);
    assert_eq!(fixture.names::<Device>(), [example]);
    fixture.imported(&bytes);
}

#[test]
fn a_note_below_a_sum_is_left_out_and_other_rows_with_only_a_name_are_said() {
    let fixture = Fixture::new();
    let csv =
        "name,vendor\nR 1%,Nokia\nStandort Porto,\né>b,Nokia\nc,Cisco\n\nTotal,3\nUpdated by Ana\n";
    let report = fixture.import(csv.as_bytes(), &table(Kind::Device, Replace::No));
    assert_eq!(fixture.names::<Device>(), ["R 1%", "Standort Porto", "c", "é>b"]);
    let message = warnings(&report);
    assert!(
        message.contains("notes below the table were left out: row 8 ('Updated by Ana')"),
        "{message}"
    );
    let only_name = "only a name are read as new records: row 3 ('Standort Porto'). If";
    assert!(message.contains(only_name), "{message}");

    let fixture = Fixture::new();
    let csv = "name,vendor\nR 1%,Nokia\né>b,Nokia\nGesamt: 2 Geräte,\n";
    let report = fixture.import(csv.as_bytes(), &table(Kind::Device, Replace::No));
    let message = warnings(&report);
    assert!(message.contains("new records: row 4 ('Gesamt: 2 Geräte')"), "{message}");
    // The devices exist now, so a second import says nothing.
    let report = fixture.import(csv.as_bytes(), &table(Kind::Device, Replace::No));
    assert!(!warnings(&report).contains("only a name"), "{}", warnings(&report));
    // A list of names says nothing either.
    let csv = "name,vendor\nx,Nokia\ny,\nz,\n";
    let report = fixture.import(csv.as_bytes(), &table(Kind::Device, Replace::No));
    assert!(!warnings(&report).contains("only a name"), "{}", warnings(&report));
}

#[test]
fn an_unedited_workbook_changes_nothing_whatever_its_values_are() {
    for name in ["out.xls", "out.xlsx"] {
        let fixture = Fixture::new();
        for (device, address) in
            [("R 1%", "dhcp"), ("b", "192.0.2.1/24"), ("c", " 192.0.2.2"), ("d", "fe80::1%eth0")]
        {
            fixture.put::<Device>(vec![
                ("name", device.into()),
                ("ip_address", address.into()),
                ("serial_number", "".into()),
                ("Site", "Bonn".into()),
                ("site", "Köln".into()),
                ("Passwort", "geheim".into()),
                ("configuration ", "x".into()),
            ]);
        }
        let list = || Value::List(vec!["1".into(), "é>b".into()]);
        let anchored = || Value::Shared(Shared { label: 0, value: Box::new(list()) });
        let positions = Map::from_entries(vec![("a".into(), anchored()), ("b".into(), anchored())]);
        fixture.put::<Device>(vec![("name", "b".into()), ("positions", Value::Map(positions))]);
        fixture.put::<Link>(vec![
            ("name", "[l]".into()),
            ("source", "b".into()),
            ("destination", "".into()),
        ]);
        let bytes = fixture.export(name);
        for replace in [Replace::No, Replace::WithSheet] {
            let report = fixture.import(&bytes, &ImportRequest { replace, ..DEFAULT });
            assert_eq!(report.outcome, ImportOutcome::Imported, "{name} {}", json!(report));
            for (kind, records) in [(Kind::Device, 4), (Kind::Link, 1)] {
                let row = report.types.iter().find(|row| row.kind == kind).unwrap();
                assert_eq!((row.unchanged, row.updated), (records, 0), "{name} {}", json!(report));
            }
        }
        let device = fixture.device("R 1%").unwrap();
        assert_eq!(device.ip_address, Field::Set("dhcp".into()));
        assert_eq!(fixture.secret("R 1%", "Passwort"), Value::from("geheim"));
        // The same values are checked in another inventory, and if they are edited.
        let other = Fixture::new();
        assert_eq!(other.import(&bytes, &DEFAULT).outcome, ImportOutcome::Rejected);
        let edited = devices(&["name", "ip_address"], &[&["R 1%", "none"], &["b", "dhcp"]]);
        let report = fixture.import(&edited, &DEFAULT);
        assert_eq!(problems(&report), ["device!B2 ip-address", "device!B3 ip-address"]);
    }
}

#[test]
fn a_replacement_keeps_properties_that_a_workbook_cannot_contain() {
    let fixture = Fixture::new();
    fixture.put::<Device>(vec![
        ("name", "R 1%".into()),
        ("Passwort", "geheim".into()),
        ("site", "Bonn".into()),
        ("vendor", "Nokia".into()),
    ]);
    let replace = ImportRequest { replace: Replace::WithSheet, ..DEFAULT };
    let bytes = devices(&["name", "vendor"], &[&["R 1%", "Cisco"]]);
    fixture.import(&bytes, &replace);
    let device = fixture.device("R 1%").unwrap();
    assert_eq!(device.custom.keys().collect::<Vec<_>>(), ["Passwort"]);
    assert_eq!(device.vendor, Field::Set("Cisco".into()));
    // A mapped column has the value of the file.
    let bytes = devices(&["name", "Passwort"], &[&["R 1%", "neu"]]);
    fixture.import(
        &bytes,
        &ImportRequest { replace: Replace::WithSheet, ..mapped("Passwort=Passwort") },
    );
    assert_eq!(fixture.secret("R 1%", "Passwort"), Value::from("neu"));
}

#[test]
fn a_row_of_a_table_with_more_cells_than_the_header_is_a_problem() {
    let fixture = Fixture::new();
    let csv = b"name\nRouter 1, main\nRouter 2, spare\nR 1%,\n";
    let report = fixture.import(csv, &table(Kind::Device, Replace::No));
    assert_eq!(problems(&report), ["device!B2 extra-cell", "device!B3 extra-cell"]);
    assert!(!warnings(&report).contains("no heading"), "{}", warnings(&report));
    // A column without a heading between others is ignored, with a warning.
    let csv = b"name,,vendor\nR 1%,x,Nokia\n";
    let report = fixture.import(csv, &table(Kind::Device, Replace::No));
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert!(warnings(&report).contains("column B of sheet 'device' was ignored"));
    for csv in ["name,description\nA,\"x\"y\"z\"\n", "name,d\nB,\"he said \"hi\", ok\"\n"] {
        let error = fixture.try_import(csv.as_bytes(), &table(Kind::Device, Replace::No));
        let error = satchel::wording::chain(&error.unwrap_err());
        assert!(error.contains("line 2: a quotation mark"), "{error}");
    }
}

#[test]
fn links_without_ends_are_refused_if_other_columns_are_probably_their_ends() {
    let fixture = Fixture::new();
    for name in ["R 1%", "é>b"] {
        fixture.put::<Device>(vec![("name", name.into())]);
    }
    for csv in ["Name;Quelle;Ziel\nl;R 1%;é>b\n", "name;from;to\nl;R 1%;é>b\n"] {
        let report = fixture.import(csv.as_bytes(), &table(Kind::Link, Replace::No));
        assert_eq!(problems(&report), ["- no-ends-column"], "{csv}");
        assert!(json!(report).to_string().contains("1 new link would have no ends"));
        assert_eq!(fixture.names::<Link>(), [""; 0]);
    }
    let mut request = table(Kind::Link, Replace::No);
    request.reading.mapping = Mapping::parse("Quelle=source_name,Ziel=destination_name").unwrap();
    fixture.import("Name;Quelle;Ziel\nl;R 1%;é>b\n".as_bytes(), &request);
    assert_eq!(fixture.names::<Link>(), ["l"]);
    // An existing link keeps its ends.
    let csv = "name;from\nl;x\n";
    let report = fixture.import(csv.as_bytes(), &table(Kind::Link, Replace::No));
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
}
