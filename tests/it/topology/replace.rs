//! Tests of imports of one kind and of replacements.

use super::*;

#[test]
fn a_table_imports_one_kind() {
    let place = Fixture::new();
    let table = |kind| {
        let reading = ReadOptions { kind: Some(kind), ..ReadOptions::BY_NAME };
        ImportRequest { reading, ..DEFAULT }
    };
    let report = place.import(b"name;port;x\r\nR 1%;22;1\r\n..;830;\r\n", &table(Kind::Device));
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert_eq!(place.device("..").unwrap().port, Field::Set(830));
    assert_eq!(place.device("R 1%").unwrap().custom["x"], Value::from("1"));
    let links = b"name,source_name,destination_name\na,R 1%,..\n";
    place.import(links, &table(Kind::Link));
    assert_eq!(place.names::<Link>(), ["a"]);
    // Only of its kind.
    let replace = ImportRequest { replace: Replace::Yes, ..table(Kind::Link) };
    place.import(b"name,source,destination\nb,..,R 1%\n", &replace);
    assert_eq!((place.names::<Link>(), place.names::<Device>().len()), (vec!["b".to_owned()], 2));
    let report = place.import(b"name,port\nx,y\n", &table(Kind::Device));
    assert_eq!(problems(&report), ["device!B2 type"]);
    let marked = marked(&place, &report);
    assert_eq!(marked[0].0, "device");
    assert_eq!(marked[0].1[1][1], text("y"));
}

#[test]
fn replace_empties_devices_and_links_in_the_same_step() {
    let place = hostile();
    place.put::<Network>(vec![
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
    let before = place.names::<Device>();
    let report = place.import(&bytes, &dry);
    assert_eq!(report.outcome, ImportOutcome::DryRun);
    assert!(report.changes.unwrap().total > 0);
    assert_eq!(place.names::<Device>(), before);

    let report = place.import(&bytes, &replace);
    assert_eq!(report.outcome, ImportOutcome::Imported, "{}", json!(report));
    assert_eq!(place.names::<Device>(), ["R 1%", "new"]);
    assert_eq!(place.names::<Link>(), [""; 0]);
    let removed = report.types.iter().find(|row| row.kind == Kind::Link).unwrap().removed;
    let warning = format!("no sheet 'link': the import emptied this type and removed {removed} ");
    assert!(json!(report.warnings).to_string().contains(&warning), "{:?}", report.warnings);
    let network = place.store.read().get::<Network>("net").unwrap().unwrap().record;
    let nodes: Vec<_> =
        network.nodes.get().unwrap().iter().map(satchel::model::Ref::name).collect();
    assert_eq!(nodes, ["R 1%"]);
    assert_eq!(report.removed_references.total, 1);
    // A rejected import removes nothing.
    let report = place.import(&devices(&["name", "port"], &[&["x", "y"]]), &replace);
    assert_eq!(report.outcome, ImportOutcome::Rejected);
    assert_eq!(place.names::<Device>(), ["R 1%", "new"]);
}
