//! Tests of imports of one kind and of replacements.

use super::*;

#[test]
fn a_table_imports_one_kind() {
    let fixture = Fixture::new();
    let table = |kind| {
        let reading = ReadOptions { kind: Some(kind), ..ReadOptions::BY_NAME };
        ImportRequest { reading, ..DEFAULT }
    };
    let report = fixture.import(b"name;port;x\r\nR 1%;22;1\r\n..;830;\r\n", &table(Kind::Device));
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert_eq!(fixture.device("..").unwrap().port, Field::Set(830));
    assert_eq!(fixture.device("R 1%").unwrap().custom["x"], Value::from("1"));
    let links = b"name,source_name,destination_name\na,R 1%,..\n";
    fixture.import(links, &table(Kind::Link));
    assert_eq!(fixture.names::<Link>(), ["a"]);
    // A table of links replaces links only.
    let replace = ImportRequest { replace: Replace::Yes, ..table(Kind::Link) };
    fixture.import(b"name,source,destination\nb,..,R 1%\n", &replace);
    assert_eq!(
        (fixture.names::<Link>(), fixture.names::<Device>().len()),
        (vec!["b".to_owned()], 2)
    );
    let report = fixture.import(b"name,port\nx,y\n", &table(Kind::Device));
    assert_eq!(problems(&report), ["device!B2 type"]);
    let marked = marked(&fixture, &report);
    assert_eq!(marked[0].0, "device");
    assert_eq!(marked[0].1[1][1], text("y"));
}

#[test]
fn replace_empties_devices_and_links_in_the_same_step() {
    let fixture = unusual_values();
    fixture.put::<Network>(vec![
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
    let before = fixture.names::<Device>();
    let report = fixture.import(&bytes, &dry);
    assert_eq!(report.outcome, ImportOutcome::DryRun);
    assert!(report.changes.unwrap().total > 0);
    assert_eq!(fixture.names::<Device>(), before);

    let report = fixture.import(&bytes, &replace);
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert_eq!(fixture.names::<Device>(), ["R 1%", "new"]);
    assert_eq!(fixture.names::<Link>(), [""; 0]);
    let removed = report.types.iter().find(|row| row.kind == Kind::Link).unwrap().removed;
    let warning = format!("no sheet 'link': the import emptied this type and removed {removed} ");
    assert!(json!(report.warnings).to_string().contains(&warning), "{:?}", report.warnings);
    let network = fixture.store.read().get::<Network>("net").unwrap().unwrap().record;
    let nodes: Vec<_> =
        network.nodes.get().unwrap().iter().map(satchel::model::Ref::name).collect();
    assert_eq!(nodes, ["R 1%"]);
    assert_eq!(report.removed_references.total, 1);
    // A rejected import removes nothing.
    let report = fixture.import(&devices(&["name", "port"], &[&["x", "y"]]), &replace);
    assert_eq!(report.outcome, ImportOutcome::Rejected);
    assert_eq!(fixture.names::<Device>(), ["R 1%", "new"]);
}
