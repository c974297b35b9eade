//! Tests of mapped columns and of workbooks with notes.

use super::*;

#[test]
fn a_mapping_gives_headings_their_properties() {
    let header = ["Gerätename", "IP-Adresse", "Standort", "Rack é>b", "Notiz", "vendor"];
    let row: &[&str] = &["R 1%", "192.0.2.1", "Bonn", "r1", "x", "Nokia"];
    let fixture = Fixture::new();
    let report = fixture.import(&devices(&header, &[row]), &DEFAULT);
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
    let report = fixture.import(&devices(&header, &[row]), &ImportRequest { reading, ..DEFAULT });
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    let device = fixture.device("R 1%").unwrap();
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
    let fixture = Fixture::new();
    let bytes = devices(&["Gerätename", "vendor", "Marke"], &[&["R 1%", "a", "b"]]);
    let report = fixture.import(&bytes, &mapped("Gerätename=name,Marke=vendor"));
    assert_eq!(problems(&report), ["device!C1 duplicate-column"]);
    let message = json!(report).to_string();
    assert!(
        message.contains("columns B ('vendor') and C ('Marke') both have the property"),
        "{message}"
    );
    assert!(message.contains("--ignore 'Marke'"), "{message}");
    assert!(!message.contains("no sheet has the heading"), "{message}");
    assert!(!message.contains("has no heading"), "{message}");
    let report = fixture.import(&bytes, &mapped("Gerätename=name,Marke=id"));
    assert_eq!(problems(&report), ["device!C1 mapping"]);
    // A name of a contact above the table is not a header.
    let rows = vec![
        vec![text("Name"), text("é>b")],
        vec![text("Gerätename"), text("Marke")],
        vec![text("R 1%"), text("Nokia")],
    ];
    let bytes = workbook(Format::Xlsx, &[("device", rows)]);
    let report = fixture.import(&bytes, &mapped("Gerätename=name,Marke=vendor"));
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert_eq!(fixture.names::<Device>(), ["R 1%"]);
}

#[test]
fn columns_of_secrets_are_read_only_if_the_mapping_names_them() {
    let header = ["name", "Passwort", "enable secret", "SNMP Community", "API key"];
    let bytes = devices(&header, &[&["R 1%", "a", "b", "c", "d"]]);
    let fixture = Fixture::new();
    let report = fixture.imported(&bytes);
    assert_eq!(report.source.ignored_columns.len(), 4);
    assert!(report.source.ignored_columns.iter().all(|column| column.reason == Ignored::Secret));
    assert!(fixture.device("R 1%").unwrap().custom.is_empty());
    // One sentence for all of them.
    let columns =
        "columns 'Passwort', 'enable secret', 'SNMP Community', 'API key' of sheet 'device'";
    assert!(warnings(&report).contains(columns), "{}", warnings(&report));
    let report = fixture.import(&bytes, &mapped("SNMP Community=community"));
    assert!(fixture.device("R 1%").unwrap().custom["community"].is_secret());
    assert!(warnings(&report).contains("'community' comes unencrypted"), "{}", warnings(&report));
}

#[test]
fn addresses_are_checked_and_lose_their_prefix_length() {
    let header = ["name", "ip_address"];
    let fixture = Fixture::new();
    let rows: [&[&str]; 5] = [
        &["a", "192.0.2.1/24"],
        &["b", " 192.0.2.1 "],
        &["c", "2001:db8::1/64"],
        &["d", ""],
        &["e", "192.0.2.2/24"],
    ];
    let report = fixture.imported(&devices(&header, &rows));
    for (name, address) in [("a", "192.0.2.1"), ("b", "192.0.2.1"), ("c", "2001:db8::1")] {
        assert_eq!(fixture.device(name).unwrap().ip_address, Field::Set(address.into()), "{name}");
    }
    let message = warnings(&report);
    assert!(
        message.contains("'/24' was removed from 2 addresses in ip_address (device!B2, device!B6)")
    );
    assert!(
        message.contains("'/64' was removed from 1 address in ip_address (device!B4)"),
        "{message}"
    );
    assert!(
        message.contains("the address 192.0.2.1 is shared by 2 devices: 'a', 'b'"),
        "{message}"
    );
    // The address of an existing device is compared too, but only with an incoming address.
    let report = fixture.imported(&devices(&header, &[&["new", "192.0.2.2"]]));
    assert!(warnings(&report).contains("192.0.2.2 is shared by 2 devices: 'e', 'new'"));
    let report = fixture.imported(&devices(&header, &[&["d", "192.0.2.9"]]));
    assert!(!warnings(&report).contains("shared"), "{}", warnings(&report));

    let rows: [&[&str]; 3] = [&["x", "R 1%"], &["y", "192.0.2.1/33"], &["z", "10.1"]];
    let report = fixture.import(&devices(&header, &rows), &DEFAULT);
    assert_eq!(
        problems(&report),
        ["device!B2 ip-address", "device!B3 ip-address", "device!B4 ip-address"]
    );
}

#[test]
fn notes_and_sums_below_the_table_are_left_out_with_a_warning() {
    let record = |name| vec![text(name), text("Bonn"), Cell::Number(22.0)];
    for format in Format::ALL {
        let fixture = Fixture::new();
        let rows = vec![
            vec![text("name"), text("location"), text("port")],
            record("R 1%"),
            vec![],
            // Records follow, so this row is a record.
            vec![text("alone")],
            record("é>b"),
            vec![text("Summe:"), Cell::Empty, Cell::Number(44.0)],
            vec![],
            vec![text("As of 12 March")],
            vec![text("Legend: é>b")],
        ];
        let report = fixture.imported(&workbook(format, &[("device", rows)]));
        assert_eq!(fixture.names::<Device>(), ["R 1%", "alone", "é>b"]);
        assert_eq!(report.source.sheets[0].rows, 3);
        let message = warnings(&report);
        let notes = "left out: row 8 ('As of 12 March'), row 9 ('Legend: é>b'). If";
        assert!(message.contains(notes), "{message}");
        assert!(message.contains("sums were left out: row 6 ('Summe:')"), "{message}");
    }
    // A table of names alone has no notes.
    let fixture = Fixture::new();
    let names = vec![vec![text("name")], vec![text("a")], vec![], vec![text("b")]];
    fixture.imported(&workbook(Format::Xlsx, &[("device", names)]));
    assert_eq!(fixture.names::<Device>(), ["a", "b"]);
}

#[test]
fn the_workbook_of_a_site_is_imported_in_one_step_with_a_mapping() {
    let fixture = Fixture::new();
    let mapping = "Gerätename=name,IP-Adresse=ip_address,Hersteller=vendor,Standort=location,\
                   Seriennummer=serial_number,Ports=ports";
    let reading = ReadOptions {
        sheet: Some("Geräte é>b".to_owned()),
        kind: Some(Kind::Device),
        header_row: None,
        mapping: Mapping::parse(mapping).unwrap(),
    };
    let report = fixture.import(&messy(), &ImportRequest { reading, ..DEFAULT });
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert_eq!(fixture.names::<Device>().len(), 40);
    for number in 0..40 {
        let device = fixture.device(&format!("SW-{number:02}")).unwrap();
        let vendor = if number % 2 == 0 { "Nokia" } else { "Cisco" };
        let site = ["Bonn", "Köln", "R 1%", "é>b"][number / 10];
        assert_eq!(device.ip_address, Field::Set(format!("192.0.2.{}", number + 1)));
        assert_eq!(device.vendor, Field::Set(vendor.into()));
        assert_eq!(device.location, Field::Set(site.into()));
        assert_eq!(device.serial_number, Field::Set(format!("0{number:07}")));
        assert_eq!(device.custom.keys().collect::<Vec<_>>(), ["ports"]);
    }
    let message = warnings(&report);
    for part in [
        "the headings are in row 4. 2 rows above the headings were not read",
        "4 ranges of merged cells gave their values to 36 empty cells (D5:D14, D15:D24, D25:D34 and",
        "'/24' was removed from 40 addresses",
        "sheet 'Geräte é>b': blanks around 40 names were removed, first in cell",
        "sums were left out: row 45 ('Summe:')",
        "notes below the table were left out: row 47 ('Bei Fragen: Eva')",
        "column 'Passwort' of sheet 'Geräte é>b' was ignored",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    // The same import without a mapping proposes the mapping.
    let report = fixture.import(&messy(), &reading_of("Geräte é>b"));
    let proposed = json!(report.source.proposed_mapping);
    assert_eq!(proposed["Gerätename"], "name");
    assert_eq!(proposed["Standort"], "location");
}

#[test]
fn a_mapping_that_fits_no_heading_is_said_even_if_no_header_is_found() {
    let fixture = Fixture::new();
    let bytes = devices(&["Gerät", "Marke"], &[&["R 1%", "Nokia"]]);
    for (mapping, advice) in [
        (
            "Gerätt=name",
            "no sheet has the heading 'Gerätt', which is mapped to 'name'. Did you mean",
        ),
        (
            "name=Gerät",
            "no sheet has the heading 'name', which is mapped to 'Gerät'. Write the heading",
        ),
    ] {
        let report = fixture.import(&bytes, &mapped(mapping));
        assert_eq!(problems(&report), ["- no-name-column"]);
        assert!(warnings(&report).contains(advice), "{}", warnings(&report));
    }
}
