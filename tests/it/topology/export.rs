//! Tests of exported workbooks.

use super::*;

#[test]
fn the_real_workbooks_are_imported_and_exported_unchanged() {
    for path in fixtures() {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        let fixture = Fixture::new();
        let report = fixture.imported(&bytes);
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
            let first = fixture.export(format);
            let second = Fixture::new();
            second.imported(&first);
            assert_eq!(cells(&second.export(format)), cells(&first), "{file} {format}");
            compare(&file, &read, &cells(&first));
        }
    }
}

/// The cell of a record in a column of the sheet of its kind, or of the sheet of relations.
fn written_cell<'s>(
    written: &'s Sheets,
    sheet: &str,
    name: &Cell<'_>,
    heading: &str,
) -> &'s Cell<'static> {
    let sheets = [sheet.to_owned(), format!("{sheet} relations")];
    let sheets = sheets.iter().filter_map(|name| written.iter().find(|(known, _)| known == name));
    let cell = sheets.into_iter().find_map(|(_, rows)| {
        let at = rows[0].iter().position(|cell| *cell == text(heading))?;
        rows.iter().find(|row| row.first() == Some(name))?.get(at)
    });
    cell.unwrap_or_else(|| panic!("{sheet} {name} {heading}"))
}

/// Compares each cell with the imported value by the documented rules.
fn compare(file: &str, read: &Sheets, written: &Sheets) {
    for (sheet, rows) in read {
        let (_, out) = written.iter().find(|(name, _)| name == sheet).unwrap();
        for (row, cells) in rows.iter().enumerate().skip(1) {
            for (at, cell) in cells.iter().enumerate() {
                let heading = rows[0][at].to_string();
                if heading.is_empty() || heading.contains("password") || *cell == Cell::Empty {
                    continue;
                }
                let found = written_cell(written, sheet, &out[row][0], &heading);
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
    let fixture = unusual_values();
    for format in ["out.xls", "out.xlsx"] {
        let first = fixture.export(format);
        let second = Fixture::new();
        second.imported(&first);
        for name in fixture.names::<Device>() {
            assert_eq!(second.device(&name), fixture.device(&name), "{format} {name}");
        }
        for name in fixture.names::<Link>() {
            assert_eq!(second.link(&name), fixture.link(&name), "{format} {name}");
        }
        assert_eq!(cells(&second.export(format)), cells(&first), "{format}");
        // Existing records are unchanged.
        let report = fixture.imported(&first);
        assert!(report.types.iter().all(|kind| kind.updated + kind.created == 0), "{format}");
    }
}

#[test]
fn known_columns_come_first_and_secrets_have_no_column() {
    let fixture = unusual_values();
    fixture.put::<Device>(vec![("name", "secretive".into()), ("enable_password", "x".into())]);
    let report = fixture
        .topology
        .export(
            &ExportRequest { name: "out".parse().unwrap(), content: ExportContent::Records },
            &Progress::detached(),
        )
        .unwrap();
    assert_eq!((report.workbook.as_str(), report.format), ("out.xls", "xls"));
    assert_eq!(report.sheets[0].rows, 9);
    assert!(report.warnings[0].contains("enable_password"), "{:?}", report.warnings);
    let sheets = cells(&fixture.export("out.xls"));
    let header: Vec<_> = sheets[0].1[0].iter().map(Cell::to_string).collect();
    let first = ["name", "port", "vendor", "model", "serial_number", "description", "icon"];
    assert_eq!(header[..first.len()], first);
    assert_eq!(header[first.len()..][..3], ["reachable", "a text", "formula"]);
    assert!(header[8..].is_sorted() && !header.contains(&"enable_password".to_owned()));
    let header: Vec<_> = sheets[1].1[0].iter().map(Cell::to_string).collect();
    assert_eq!(header, ["name", "source_name", "destination_name"]);
    // The rows keep the order of the import.
    assert_eq!(sheets[1].1[1][0], text("b>a"));
}

#[test]
fn an_empty_inventory_is_exported_and_imported() {
    let fixture = Fixture::new();
    let out = fixture.export("out.xlsx");
    let expected = |name: &str| (name.to_owned(), vec![vec![Cell::from("name".to_owned())]]);
    assert_eq!(cells(&out), [expected("device"), expected("link")]);
    Fixture::new().imported(&out);
}

#[test]
fn an_export_that_does_not_fit_names_an_alternative_and_leaves_no_file() {
    let fixture = Fixture::new();
    let export = |name: &str| {
        fixture.topology.export(
            &ExportRequest { name: name.parse().unwrap(), content: ExportContent::Records },
            &Progress::detached(),
        )
    };
    fixture.put::<Device>(vec![("name", "R 1%".into()), ("é>b", "x".repeat(32_768).into())]);
    for name in ["a.xls", "a.xlsx"] {
        let error = export(name).unwrap_err();
        assert!(error.is_of_workbook(), "{error}");
        let message = error.to_string();
        assert!(message.contains("'é>b'") && message.contains("'R 1%'"), "{message}");
        assert!(message.contains("project export"), "{message}");
    }
    let fixture = Fixture::new();
    let export = |name: &str| {
        fixture.topology.export(
            &ExportRequest { name: name.parse().unwrap(), content: ExportContent::Records },
            &Progress::detached(),
        )
    };
    let mut table = String::from("name\n");
    for number in 0..65_536 {
        table += &format!("d{number}\n");
    }
    let request = reading(None, Some(Kind::Device), None);
    let report = fixture.import(table.as_bytes(), &request);
    assert_eq!(report.types[0].created, 65_536);
    let message = export("a.xls").unwrap_err().to_string();
    assert!(message.contains(".xlsx") && message.contains("project export"), "{message}");
    assert_eq!(export("a.xlsx").unwrap().sheets[0].rows, 65_536);
    fixture.topology.remove(&"a.xlsx".parse().unwrap()).unwrap();
    assert_eq!(fixture.left_over(), 0);
}

#[test]
fn too_many_columns_are_refused_before_a_file_is_created() {
    let fixture = Fixture::new();
    let names: Vec<String> = (0..256).map(|number| format!("p{number:03}")).collect();
    let mut properties = vec![("name", Value::from("R 1%"))];
    properties.extend(names.iter().map(|name| (name.as_str(), Value::Int(1))));
    fixture.put::<Device>(properties);
    let export = |name: &str| {
        fixture.topology.export(
            &ExportRequest { name: name.parse().unwrap(), content: ExportContent::Records },
            &Progress::detached(),
        )
    };
    let message = export("a.xls").unwrap_err().to_string();
    assert!(message.contains("256 columns") && message.contains(".xlsx"), "{message}");
    assert_eq!(fixture.left_over(), 0);
    assert_eq!(export("a.xlsx").unwrap().sheets[0].columns, 257);
}

/// A cell cannot contain an anchor, so a list that occurs twice is written twice.
#[test]
fn equal_values_without_anchors_change_nothing() {
    let fixture = Fixture::new();
    let items = || Value::List(vec!["1".into(), "2".into()]);
    let anchored = || Value::Shared(Shared { label: 0, value: Box::new(items()) });
    let positions = Map::from_entries(vec![("a".into(), anchored()), ("b".into(), anchored())]);
    fixture.put::<Device>(vec![("name", "R 1%".into()), ("positions", Value::Map(positions))]);
    let before = fixture.device("R 1%");
    let header = ["name", "positions"];
    let equal = devices(&header, &[&["R 1%", "{'a': ['1', '2'], 'b': ['1', '2']}"]]);
    let dry_run = ImportRequest { mode: Mode::DryRun, ..DEFAULT };
    let counts = |report: &ImportReport| (report.types[0].updated, report.types[0].unchanged);
    let report = fixture.import(&equal, &dry_run);
    assert_eq!((counts(&report), report.changes.unwrap().total), ((0, 1), 0));
    assert_eq!(counts(&fixture.imported(&equal)), (0, 1));
    assert_eq!(fixture.device("R 1%"), before);
    let other = devices(&header, &[&["R 1%", "{'a': ['1', '2'], 'b': ['1', '3']}"]]);
    assert_eq!(counts(&fixture.imported(&other)), (1, 0));
}
