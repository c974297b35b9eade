//! Tests of marked workbooks.

use super::*;

#[test]
fn a_marked_workbook_keeps_the_values_of_merged_cells() {
    let fixture = Fixture::new();
    let mapping = Mapping::parse("Gerätename=name,Hersteller=ip_address").unwrap();
    let request = reading_of("Geräte é>b");
    let reading = ReadOptions { mapping, ..request.reading };
    let report = fixture.import(&messy(), &ImportRequest { reading, ..DEFAULT });
    assert_eq!(report.problems.total, 40);
    let marked = marked(&fixture, &report);
    let sheet = &marked[1].1;
    assert_eq!((&sheet[3][7], &sheet[13][3]), (&text("problem (Satchel)"), &text("Bonn")));
    assert_eq!(sheet[43][3], text("é>b"));
}

#[test]
fn a_marked_workbook_lists_the_problems_and_can_be_imported_once_corrected() {
    for format in Format::ALL {
        let fixture = Fixture::new();
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
        let report = fixture.import(&bytes, &ImportRequest { file_name, ..DEFAULT });
        assert_eq!(report.outcome, ImportOutcome::Rejected);
        let workbook = fixture.topology.marked(report.report_id.as_deref().unwrap()).unwrap();
        assert_eq!(workbook.name, format!("_Ger_t problems{format}"));
        assert_eq!(workbook.format, format);

        let before = cells(&bytes);
        let mut after = marked(&fixture, &report);
        assert_eq!(after[0], before[0]);
        let rows = &mut after[1].1;
        assert_eq!(rows[0].pop(), Some(Cell::from("problem (Satchel)".to_owned())));
        let messages: Vec<_> =
            [1, 4].map(|row: usize| rows[row].pop().unwrap().to_string()).into_iter().collect();
        assert!(messages[0].starts_with("port (B2): expected an integer"), "{messages:?}");
        assert!(
            messages[1].contains("name (A5): ") && messages[1].contains("port (B5): "),
            "{messages:?}"
        );
        // The column of problems is to the right of all cells, so that no cell is overwritten.
        assert_eq!(rows[3].len(), 5);
        for row in rows.iter_mut() {
            while row.last() == Some(&Cell::Empty) {
                row.pop();
            }
        }
        assert_eq!(after[1], before[1]);

        // The corrected workbook imports, and corrected cells are no longer marked.
        let corrected = |after: &Sheets, port: f64| {
            let mut sheets = after.clone();
            sheets[1].1[1][1] = Cell::Number(port);
            sheets[1].1[4][0] = text("third").into_owned();
            sheets[1].1[4][1] = Cell::Number(23.0);
            sheets
        };
        let full = marked(&fixture, &report);
        let as_bytes = |sheets: &Sheets| {
            let sheets: Vec<_> =
                sheets.iter().map(|(name, rows)| (name.as_str(), rows.clone())).collect();
            self::workbook(format, &sheets)
        };
        let report = fixture.import(&as_bytes(&corrected(&full, 22.25)), &DEFAULT);
        assert_eq!(problems(&report), ["device!B2 fraction"]);
        let again = marked(&fixture, &report);
        assert_eq!(again[1].1[0], full[1].1[0]);
        assert_eq!(again[1].1[4].len(), 3);
        let report = fixture.imported(&as_bytes(&corrected(&again, 22.0)));
        assert_eq!(report.types[0].created, 3);
        let ignored = &report.source.ignored_columns;
        assert!(ignored.iter().any(|column| column.reason == Ignored::Problems), "{ignored:?}");
        let mut names = fixture.names::<Device>();
        names.sort();
        assert_eq!(names, ["R 1%", "good", "third"]);
    }
}

#[test]
fn problems_of_the_header_are_written_in_the_header() {
    let fixture = Fixture::new();
    let report =
        fixture.import(&devices(&["name", "vendor", "vendor"], &[&["a", "b", "c"]]), &DEFAULT);
    let sheets = marked(&fixture, &report);
    let message = sheets[0].1[0][3].to_string();
    assert!(
        message.starts_with("problem (Satchel): C1: columns B and C both have the heading"),
        "{message}"
    );
    // A full sheet has no column left in this format.
    let header: Vec<Cell<'_>> =
        (0..255).map(|number| Cell::from(format!("p{number}"))).chain([text("name")]).collect();
    let bytes = workbook(Format::Xls, &[("device", vec![header, vec![text("x")]])]);
    let report = fixture.import(&bytes, &DEFAULT);
    let workbook = fixture.topology.marked(report.report_id.as_deref().unwrap()).unwrap();
    assert_eq!(workbook.format, Format::Xlsx);
    assert!(matches!(fixture.topology.marked("../x"), Err(TopologyError::NoReport { .. })));
    assert_eq!(fixture.left_over(), 0);
}
