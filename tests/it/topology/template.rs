//! Tests of templates: their content, and the import of a template that was filled in.

use super::*;

/// The bytes of a template.
fn template(fixture: &Fixture) -> Vec<u8> {
    let request =
        ExportRequest { name: "t.xlsx".parse().unwrap(), content: ExportContent::Template };
    let report = fixture.topology.export(&request, &Progress::detached()).unwrap();
    assert_eq!(report.sheets.iter().map(|sheet| sheet.rows).collect::<Vec<_>>(), [1, 1]);
    let mut bytes = Vec::new();
    let mut workbook = fixture.topology.open(&request.name).unwrap();
    workbook.file.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The template with changed cells of its first sheet: row, heading, value.
fn filled(template: &[u8], changes: &[(usize, &str, Cell<'static>)]) -> Vec<u8> {
    let mut sheets = cells(template);
    let device = &mut sheets[0].1;
    for (row, heading, value) in changes {
        let column = device[0].iter().position(|cell| *cell == text(heading)).unwrap();
        device.resize(device.len().max(row + 1), Vec::new());
        let cells = &mut device[*row];
        cells.resize(cells.len().max(column + 1), Cell::Empty);
        cells[column] = value.clone();
    }
    let sheets: Vec<_> = sheets.iter().map(|(name, rows)| (name.as_str(), rows.clone())).collect();
    workbook(Format::Xls, &sheets)
}

#[test]
fn a_template_has_every_column_with_its_note_and_rules() {
    let fixture = Fixture::new();
    fixture.put::<Device>(vec![
        ("name", "R 1%".into()),
        ("é custom", "x".into()),
        ("enable secret", "x".into()),
    ]);
    let bytes = template(&fixture);
    let sheets = cells(&bytes);
    for (kind, (name, rows)) in [Kind::Device, Kind::Link].into_iter().zip(&sheets) {
        assert_eq!(name, kind.as_str());
        let headings: Vec<_> = rows[0].iter().map(Cell::to_string).collect();
        let missing = kind.properties().iter().filter(|property| {
            let alias = kind.aliases().iter().find(|(_, aliased)| *aliased == property.name);
            let heading = alias.map_or(property.name, |(alias, _)| alias);
            !headings.iter().any(|found| found == heading)
        });
        assert_eq!(missing.count(), 0, "{headings:?}");
    }
    let headings = &sheets[0].1[0];
    assert_eq!(headings.last(), Some(&text("é custom")));
    assert!(!headings.contains(&text("enable secret")));
    assert_eq!(sheets[0].1[1][0], text("EXAMPLE (not imported)"));
    // Notes and rules are parts of their own.
    let mut archive = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let mut part = |name: &str| {
        let mut part = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut part).unwrap();
        part
    };
    assert_eq!(part("xl/comments1.xml").matches("<comment ").count(), headings.len());
    let sheet = part("xl/worksheets/sheet1.xml");
    assert!(
        sheet.contains("&quot;TRUE,FALSE&quot;") || sheet.contains("\"TRUE,FALSE\""),
        "{sheet}"
    );
    assert!(sheet.contains("\"device,gateway,router\""), "{sheet}");
    assert_eq!(template(&fixture), bytes, "the same bytes");
}

#[test]
fn a_template_is_an_xlsx_workbook() {
    let fixture = Fixture::new();
    for name in ["t.xls", "t"] {
        let name = name.parse().unwrap();
        let request = ExportRequest { name, content: ExportContent::Template };
        let error = fixture.topology.export(&request, &Progress::detached()).unwrap_err();
        assert!(error.is_of_workbook() && error.code() == Some("template-format"), "{error}");
        assert!(error.to_string().contains("ends in .xlsx"), "{error}");
    }
    assert_eq!(fixture.left_over(), 0);
}

#[test]
fn the_example_is_left_out_and_reported() {
    let fixture = Fixture::new();
    let bytes = template(&fixture);
    // As it is; with other rows; with an example of which only the name is left.
    let other = ("R 1%", "é>b");
    for (changes, created) in [
        (vec![], 0),
        (vec![(2, "name", text(other.0)), (3, "name", text(other.1))], 2),
        (vec![(1, "vendor", Cell::Empty), (1, "ip_address", Cell::Empty)], 0),
        // A spreadsheet program has changed the type of a cell.
        (vec![(1, "port", text("22")), (1, "reachable", Cell::Number(0.0))], 0),
    ] {
        let fixture = Fixture::new();
        let report = fixture.imported(&filled(&bytes, &changes));
        assert_eq!(report.types[0].created, created, "{changes:?}");
        assert_eq!(report.source.sheets[0].rows, created);
        let message = warnings(&report);
        assert!(
            message.contains("sheet 'device': the example of the template was left out: row 2"),
            "{message}"
        );
        assert!(message.contains("sheet 'link': the example"), "{message}");
        assert!(!message.contains("still have"), "{message}");
    }
    // An example is no record that replaces others.
    fixture.put::<Device>(vec![("name", "kept".into())]);
    let request = ImportRequest { replace: Replace::Yes, ..DEFAULT };
    let error = fixture.try_import(&bytes, &request).unwrap_err().to_string();
    assert!(error.contains("no readable record"), "{error}");
    assert!(fixture.device("kept").is_some());
}

#[test]
fn a_user_who_types_over_the_example_gets_the_record() {
    let fixture = Fixture::new();
    let bytes = template(&fixture);
    let over = [
        (1, "name", text("R 1%")),
        (1, "ip_address", text("192.0.2.7")),
        (1, "serial_number", text("0012")),
    ];
    let report = fixture.imported(&filled(&bytes, &over));
    let device = fixture.device("R 1%").unwrap();
    assert_eq!(device.serial_number, Field::Set("0012".to_owned()));
    assert_eq!(device.port, Field::Set(22));
    // Invented values that are left are named.
    assert_eq!(device.vendor, Field::Set("EXAMPLE vendor".to_owned()));
    let message = warnings(&report);
    assert!(
        message.contains("cells still have the value of the template's example: E2, F2"),
        "{message}"
    );
    assert!(!message.contains("B2") && !message.contains("J2"), "{message}");
}

#[test]
fn values_beside_the_name_of_the_example_are_an_error() {
    let fixture = Fixture::new();
    let bytes = template(&fixture);
    let report = fixture.import(&filled(&bytes, &[(1, "vendor", text("Nokia"))]), &DEFAULT);
    assert_eq!(report.outcome, ImportOutcome::Rejected);
    assert_eq!(problems(&report), ["device!A2 example-name"]);
    let message = json!(report).to_string();
    assert!(message.contains("column F has another value"), "{message}");
    assert!(fixture.names::<Device>().is_empty());
}

#[test]
fn an_export_warns_of_a_record_with_the_name_of_the_example() {
    let fixture = Fixture::new();
    fixture.put::<Device>(vec![("name", "EXAMPLE (not imported)".into())]);
    let request =
        ExportRequest { name: "out.xlsx".parse().unwrap(), content: ExportContent::Records };
    let report = fixture.topology.export(&request, &Progress::detached()).unwrap();
    assert!(report.warnings[0].contains("Rename the device"), "{:?}", report.warnings);
}
