//! Tests of the sheets of relations, which eNMS does not read, and of the cells that eNMS reads.

use satchel::model::Ref;

use super::*;

fn list(names: &[&str]) -> Value {
    Value::List(names.iter().map(|name| (*name).into()).collect())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(Map::from_entries(
        entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect(),
    ))
}

/// A gateway, a device with relations, one with nothing but its name, and links without both ends.
fn related() -> Fixture {
    let fixture = Fixture::new();
    fixture.put::<Device>(vec![
        ("name", "gw %".into()),
        ("type", "gateway".into()),
        ("rack", "".into()),
        ("units", Value::Int(1)),
    ]);
    fixture.put::<Device>(vec![
        ("name", "é>b".into()),
        ("port", Value::Int(2222)),
        ("icon", Value::Null),
        ("vendor", Value::Null),
        ("netmiko_driver", "".into()),
        ("gateways", list(&["gw %"])),
        ("positions", map(&[("n", list(&["1"]))])),
        ("tags", list(&["a", "b"])),
        ("notes", map(&[("a", Value::Int(1))])),
        ("rack", "R1".into()),
        ("units", Value::Int(2)),
        ("height", Value::Int(2)),
        ("runs", "text".into()),
    ]);
    fixture.put::<Device>(vec![
        ("name", "bare".into()),
        ("rack", Value::Null),
        ("units", Value::Int(3)),
    ]);
    fixture.put::<Link>(vec![
        ("name", "l".into()),
        ("source", Value::Null),
        ("type", "ethernet_link".into()),
        ("color", "#f00".into()),
    ]);
    fixture.put::<Link>(vec![("name", "m".into()), ("source", "é>b".into())]);
    fixture.put::<Link>(vec![("name", "k".into()), ("color", "".into())]);
    fixture
}

fn sheet<'s>(sheets: &'s Sheets, name: &str) -> &'s [Vec<Cell<'static>>] {
    &sheets.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name}")).1
}

fn headings(rows: &[Vec<Cell<'static>>]) -> Vec<String> {
    rows[0].iter().map(Cell::to_string).collect()
}

/// The cells of a column, without its heading.
fn column(rows: &[Vec<Cell<'static>>], heading: &str) -> Vec<Cell<'static>> {
    let at = rows[0].iter().position(|cell| *cell == text(heading));
    let at = at.unwrap_or_else(|| panic!("no column {heading}"));
    rows[1..].iter().map(|row| row.get(at).cloned().unwrap_or(Cell::Empty)).collect()
}

#[test]
fn sheets_of_types_contain_only_columns_that_enms_imports() {
    let fixture = related();
    for format in ["out.xls", "out.xlsx"] {
        let bytes = fixture.export(format);
        let sheets = cells(&bytes);
        let names: Vec<_> = sheets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["device", "link", "device relations", "link relations"]);
        let devices = sheet(&sheets, "device");
        let known = ["name", "port", "vendor", "icon", "netmiko_driver", "rack", "units"];
        assert_eq!(headings(devices), known, "{format}");
        let numbers = [22.0, 2222.0, 22.0].map(Cell::Number);
        assert_eq!(column(devices, "port"), numbers, "a default is written out");
        assert_eq!(column(devices, "icon"), ["router"; 3].map(text));
        assert_eq!(column(devices, "vendor"), [Cell::Empty, Cell::Empty, Cell::Empty]);
        assert_eq!(
            column(devices, "netmiko_driver"),
            [text("cisco_ios"), Cell::Empty, text("cisco_ios")]
        );
        assert_eq!(column(devices, "rack"), [Cell::Empty, text("R1"), Cell::Empty]);

        let beside = sheet(&sheets, "device relations");
        assert_eq!(column(beside, "name"), ["gw %", "é>b", "bare"].map(text));
        assert_eq!(column(beside, "type"), [text("gateway"), Cell::Empty, Cell::Empty]);
        for (heading, cell) in [
            ("gateways", "['gw %']"),
            ("tags", "['a', 'b']"),
            ("positions", "{'n': ['1']}"),
            ("notes", "{'a': 1}"),
            ("icon", "None"),
            ("vendor", "None"),
            ("netmiko_driver", "\"\""),
            ("runs", "text"),
        ] {
            assert_eq!(
                column(beside, heading),
                [Cell::Empty, text(cell), Cell::Empty],
                "{heading}"
            );
        }
        assert_eq!(column(beside, "height")[1], Cell::Number(2.0));
        assert_eq!(column(beside, "rack"), [text("\"\""), Cell::Empty, text("None")]);
        assert_eq!(
            column(beside, "absent properties"),
            [
                text("['port', 'icon', 'netmiko_driver']"),
                Cell::Empty,
                text("['port', 'icon', 'netmiko_driver']")
            ]
        );
        let links = sheet(&sheets, "link");
        assert_eq!(column(links, "source_name"), [Cell::Empty, text("é>b"), Cell::Empty]);
        assert_eq!(column(links, "color"), [text("#f00"), text("#000000"), Cell::Empty]);
        let beside = sheet(&sheets, "link relations");
        assert_eq!(column(beside, "type")[0], text("ethernet_link"));
        assert_eq!(column(beside, "source_name")[0], text("None"));

        let second = Fixture::new();
        let report = second.imported(&bytes);
        assert!(report.warnings.is_empty(), "{:?}", report.warnings);
        for name in ["gw %", "é>b", "bare"] {
            assert_eq!(second.device(name), fixture.device(name), "{format} {name}");
        }
        for name in ["k", "l", "m"] {
            assert_eq!(second.link(name), fixture.link(name), "{format} {name}");
        }
        assert_eq!(cells(&second.export(format)), sheets, "{format}");
        let again = second.imported(&bytes);
        assert!(again.types.iter().all(|kind| kind.updated == 0 && kind.created == 0));
    }
}

#[test]
fn a_changed_default_counts_and_a_row_of_either_sheet_can_be_missing() {
    let fixture = Fixture::new();
    let relations = vec![
        vec![text("name"), text("gateways"), text("absent properties"), text("vendor")],
        vec![text("R 1%"), text("['gw']"), text("['port', 'icon', 'no such']"), text("None")],
        vec![text("nobody"), text("['gw']")],
    ];
    let devices = vec![
        vec![text("name"), text("port"), text("icon"), text("vendor")],
        vec![text("gw"), Cell::Number(22.0), text("router")],
        vec![text("R 1%"), Cell::Number(23.0), text("router"), text("Nokia")],
    ];
    // The order of the sheets does not matter.
    let after = [("device", devices.clone()), ("Device Relations ", relations.clone())];
    let before = [("Device Relations ", relations), ("device", devices)];
    for (sheets, format) in [(after, Format::Xlsx), (before, Format::Xls)] {
        let report = fixture.imported(&workbook(format, &sheets));
        let device = fixture.device("R 1%").unwrap();
        assert_eq!((device.port, device.icon), (Field::Set(23), Field::Absent));
        assert_eq!(device.vendor, Field::Set("Nokia".to_owned()), "a value was typed over null");
        assert_eq!(device.gateways, Field::Set(vec![Ref::new("gw")]));
        assert_eq!(fixture.device("gw").unwrap().port, Field::Set(22));
        assert!(fixture.device("nobody").is_none());
        let unused = "sheet 'device relations': 1 row not read, because sheet 'device' has no row \
                      of the same name: 'nobody'";
        assert!(report.warnings.iter().any(|it| it == unused), "{:?}", report.warnings);
    }
}

#[test]
fn older_workbooks_have_relations_beside_other_columns() {
    let fixture = Fixture::new();
    let rows = |gateways: &'static str| {
        vec![
            vec![text("name"), text("type"), text("gateways")],
            vec![text("gw"), text("gateway")],
            vec![text("é>b"), Cell::Empty, text(gateways)],
        ]
    };
    fixture.imported(&workbook(Format::Xls, &[("device", rows("['gw']"))]));
    assert_eq!(fixture.device("é>b").unwrap().gateways, Field::Set(vec![Ref::new("gw")]));
    assert_eq!(fixture.device("gw").unwrap().r#type, Field::Set("gateway".to_owned()));

    let beside = |names| vec![vec![text("name"), text("gateways")], vec![text("é>b"), text(names)]];
    let both = |names| [("device", rows("['gw']")), ("device relations", beside(names))];
    fixture.imported(&workbook(Format::Xls, &both("['gw']")));
    let report = fixture.import(&workbook(Format::Xls, &both("['é>b']")), &DEFAULT);
    assert_eq!(report.outcome, ImportOutcome::Rejected);
    assert_eq!(problems(&report), ["device!C3 relations-differ"]);
}

#[test]
fn problems_of_a_sheet_of_relations_name_its_cells() {
    let fixture = Fixture::new();
    let devices = vec![vec![text("name")], vec![text("R 1%")]];
    let problems_of = |rows: Vec<Vec<Cell<'static>>>| {
        let sheets = [("device", devices.clone()), ("device relations", rows)];
        let report = fixture.import(&workbook(Format::Xlsx, &sheets), &DEFAULT);
        assert_eq!(report.outcome, ImportOutcome::Rejected);
        let marked = fixture.topology.marked(report.report_id.as_ref().unwrap());
        assert!(marked.is_ok(), "{:?}", marked.err());
        problems(&report)
    };
    let header = || vec![text("name"), text("gateways")];
    let unreadable = vec![header(), vec![text("R 1%"), text("['gw'")]];
    assert_eq!(problems_of(unreadable), ["device relations!B2 type"]);
    let twice = vec![header(), vec![text("R 1%")], vec![], vec![text("R 1%"), text("['x']")]];
    assert_eq!(problems_of(twice), ["device relations!A4 duplicate-row"]);
    let nameless = vec![header(), vec![Cell::Empty, text("['x']")]];
    assert_eq!(problems_of(nameless), ["device relations!A2 name-missing"]);
    let headless = vec![vec![text("gateways")], vec![text("['x']")], vec![text("['y']")]];
    assert_eq!(problems_of(headless)[0], "device relations!A1 no-name-column");
}
