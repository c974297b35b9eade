//! Tests of the problems of an import.

use super::*;

#[test]
fn an_empty_cell_keeps_the_default_or_the_existing_value() {
    let fixture = Fixture::new();
    fixture.imported(&devices(
        &["name", "port", "vendor", "rack"],
        &[&["R 1%", "830", "Ciena", "7"], &["..", "", "", ""]],
    ));
    let bare = fixture.device("..").unwrap();
    assert_eq!((bare.port, bare.vendor, bare.custom.len()), (Field::Absent, Field::Absent, 0));
    let report = fixture.imported(&devices(
        &["name", "port", "vendor", "rack", "model"],
        &[&["R 1%", "", "None", "", "x"]],
    ));
    assert_eq!(report.types[0].updated, 1);
    let device = fixture.device("R 1%").unwrap();
    assert_eq!((device.port, device.vendor), (Field::Set(830), Field::Null));
    assert_eq!(device.model, Field::Set("x".to_owned()));
    assert_eq!(device.custom["rack"], Value::from("7"));
}

#[test]
fn every_problem_names_its_cell_and_nothing_is_changed() {
    let fixture = Fixture::new();
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
        let report = fixture.import(&bytes, &DEFAULT);
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
        let message = json!(report.problems);
        let of = |rule: &str| {
            let shown = message["shown"].as_array().unwrap().iter();
            shown.clone().find(|problem| problem["rule"] == rule).unwrap().clone()
        };
        assert_eq!(of("fraction")["value"], 22.5);
        assert_eq!(of("fraction")["property"], "port");
        assert_eq!(of("fraction")["places"][0]["record"], "R 1%");
        assert_eq!(of("missing-reference")["value"], "nowhere");
        assert_eq!(fixture.names::<Device>(), [""; 0]);
    }
    // With `skip`, the valid records are imported.
    let bytes = workbook(Format::Xlsx, &[("device", bad()), ("link", links)]);
    let skip = ImportRequest { on_error: OnError::Skip, ..DEFAULT };
    let report = fixture.import(&bytes, &skip);
    assert_eq!(report.outcome, ImportOutcome::ImportedInPart);
    assert_eq!(fixture.names::<Device>(), ["good"]);
    assert_eq!(fixture.names::<Link>(), [""; 0]);
}

#[test]
fn a_problem_of_the_header_is_reported_once_and_cannot_be_skipped() {
    let fixture = Fixture::new();
    let skip = ImportRequest { on_error: OnError::Skip, ..DEFAULT };
    for (header, expected) in [
        (["name", "Vendor", "vendor "], "device!C1 duplicate-column"),
        (["nmae", "vendor", "x"], "- no-name-column"),
        (["name", "é>b", "é>b"], "device!C1 duplicate-column"),
    ] {
        let report = fixture.import(&devices(&header, &[&["a", "b", "c"], &["d", "", "f"]]), &skip);
        assert_eq!(problems(&report), [expected]);
        assert_eq!(report.outcome, ImportOutcome::Rejected);
    }
    let report = json!(fixture.import(&devices(&["nmae", "vendor"], &[&["a", "b"]]), &DEFAULT));
    let message = "no 'name' column in rows 1 to 2. Row 1 is most like a header (found: 'nmae', \
                'vendor')";
    assert!(report.to_string().contains(message), "{report}");
    let long: &'static str = String::leak("x".repeat(256));
    let report = fixture.import(&devices(&["name", long], &[]), &DEFAULT);
    assert_eq!(problems(&report), ["device!B1 header"]);
    let two = vec![vec![text("name")], vec![text("a")]];
    let bytes = workbook(Format::Xls, &[("device", two.clone()), (" Device", two)]);
    assert_eq!(problems(&fixture.import(&bytes, &DEFAULT)), ["- duplicate-sheet"]);
}
