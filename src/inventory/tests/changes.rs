//! Tests of creating, updating and renaming instances.

use super::*;
use crate::model::{
    Credential, Device, Field, Group, Kind, Link, Network, Pool, Record, Ref, Secrets, Service,
    Target, User, WorkflowEdge,
};

fn put_device(fixture: &Fixture) -> Changed {
    fixture.put_valid(
        Kind::Device,
        &[("name", "R 1%".into()), ("vendor", "é".into()), ("rack", Value::Int(7))],
    )
}

#[test]
fn a_new_instance_has_its_creator_and_modification_time() {
    let fixture = Fixture::new();
    let created = put_device(&fixture);
    assert_eq!((created.name.as_str(), created.effect), ("R 1%", Effect::Created));
    let stored = fixture.get::<Device>("R 1%").unwrap();
    assert_eq!(stored.version, created.version);
    let device = &stored.record;
    assert_eq!(device.creator, Field::Set(PRINCIPAL.to_owned()));
    assert_eq!(device.last_modified_by, Field::Set(PRINCIPAL.to_owned()));
    assert_eq!(device.last_modified.get().unwrap().len(), "2026-11-23 07:03:05.123456".len());
    assert_eq!(device.r#type, Field::Absent, "the kind's default");
    assert_eq!(device.custom["rack"], Value::Int(7));
}

#[test]
fn equal_values_do_not_change_an_instance() {
    let fixture = Fixture::new();
    let created = put_device(&fixture);
    let stored = fixture.get::<Device>("R 1%").unwrap();
    let device = &stored.record;
    // The object as GET returns it: with creator, times and defaults, in the types of JSON.
    let mut shown: Vec<(&str, Value)> = device
        .views(Secrets::LeftOut)
        .iter()
        .map(|(name, view)| (*name, view.to_value()))
        .collect();
    shown.extend([("port", Value::Int(22)), ("type", "device".into()), ("owners", names(&[]))]);
    let again = fixture.put_valid(Kind::Device, &shown);
    assert_eq!((again.effect, again.version), (Effect::Unchanged, created.version));
    assert_eq!(fixture.get::<Device>("R 1%").unwrap(), stored);
}

#[test]
fn an_update_keeps_absent_properties() {
    let fixture = Fixture::new();
    let created = put_device(&fixture);
    let updated =
        fixture.put_valid(Kind::Device, &[("name", "R 1%".into()), ("port", "23".into())]);
    assert_eq!(updated.effect, Effect::Updated);
    let after = fixture.get::<Device>("R 1%").unwrap();
    assert_eq!((after.record.port.get(), after.version), (Some(&23), updated.version));
    assert_eq!(after.record.vendor, Field::Set("é".to_owned()), "absent properties are kept");
    assert!(after.version > created.version);
}

#[test]
fn all_faults_are_reported_and_nothing_is_written() {
    let fixture = Fixture::new();
    let codes = fixture.faults(
        Kind::Link,
        &[
            ("name", "é>b".into()),
            ("source", "..".into()),
            ("destination_name", " ".into()),
            ("owners", names(&["admin", "nobody"])),
        ],
    );
    assert_eq!(codes, ["missing"; 3]);
    let codes = fixture.faults(Kind::Device, &[("name", "a/b".into()), ("port", "x".into())]);
    assert_eq!(codes, ["name-character", "type"]);
    let codes = fixture.faults(Kind::Device, &[("name", "a".into()), ("new_name", "b".into())]);
    assert_eq!(codes, ["not-found"]);
    assert_eq!(fixture.store.read().summary().unwrap().records(), 1);
}

#[test]
fn a_device_and_a_network_cannot_have_the_same_name() {
    let fixture = Fixture::new();
    fixture.put_valid(Kind::Device, &[("name", "d".into())]);
    fixture.put_valid(Kind::Network, &[("name", "n".into())]);
    assert_eq!(fixture.faults(Kind::Network, &[("name", "d".into())]), ["name-taken"]);
    assert_eq!(fixture.faults(Kind::Device, &[("name", "n".into())]), ["name-taken"]);
    let rename = [("name", "n".into()), ("new_name", "d".into())];
    assert_eq!(fixture.faults(Kind::Network, &rename), ["name-taken"]);
    fixture.put_valid(Kind::Link, &[("name", "d".into())]);
}

#[test]
fn atomicity_decides_whether_a_list_is_one_change() {
    let fixture = Fixture::new();
    let link =
        |name: &str, source: &str| object(&[("name", name.into()), ("source", source.into())]);
    let device = |name: &str| object(&[("name", name.into())]);

    // One change: the order is free, and one invalid object prevents all.
    let networks = vec![
        object(&[("name", "outer".into()), ("nodes", names(&["inner"]))]),
        object(&[("name", "inner".into())]),
    ];
    let report = fixture.put_all(Kind::Network, networks, Atomicity::All);
    assert!(report.outcomes.iter().all(|outcome| outcome.result.is_ok()), "{report:?}");
    let devices = vec![device("a"), device("b/c"), device("d")];
    let report = fixture.put_all(Kind::Device, devices, Atomicity::All);
    let codes: Vec<_> =
        report.outcomes.iter().map(|one| one.result.as_ref().unwrap_err()[0].code).collect();
    assert_eq!(codes, ["atomic", "name-character", "atomic"]);
    assert!(fixture.get::<Device>("a").is_none());

    // Separate changes: the valid objects are written.
    let report = fixture.put_all(Kind::Device, vec![device("a"), device("b/c")], Atomicity::Each);
    assert!(report.outcomes[0].result.is_ok() && report.outcomes[1].result.is_err());
    let links = vec![link("é>b", "a"), link("..", "nobody"), link("é>b", "outer")];
    let report = fixture.put_all(Kind::Link, links, Atomicity::Each);
    let effects: Vec<_> =
        report.outcomes.iter().map(|one| one.result.as_ref().ok().map(|c| c.effect)).collect();
    assert_eq!(effects, [Some(Effect::Created), None, Some(Effect::Updated)]);
    let stored = fixture.get::<Link>("é>b").unwrap();
    assert_eq!(stored.record.source, Field::Set(Ref::new("outer")));
}

#[test]
fn references_to_a_refused_object_are_not_reported_as_missing() {
    let fixture = Fixture::new();
    let devices = vec![
        object(&[("name", "a".into()), ("gateways", names(&["b", "nobody"]))]),
        object(&[("name", "b".into()), ("port", "x".into())]),
    ];
    let report = fixture.put_all(Kind::Device, devices, Atomicity::All);
    let faults = report.outcomes[0].result.as_ref().unwrap_err();
    assert_eq!(faults[0].detail, "the device 'nobody' in 'gateways' does not exist");
    assert_eq!(report.outcomes[1].result.as_ref().unwrap_err()[0].code, "type");
}

#[test]
fn a_transaction_holds_up_to_500_objects() {
    let fixture = Fixture::new();
    let before = fixture.store.read().summary().unwrap().version;
    let objects: Vec<Map> = (0..1_200)
        .map(|number| {
            let name = if number % 100 == 7 { String::new() } else { format!("R {number}%") };
            object(&[("name", name.into())])
        })
        .collect();
    let report = fixture.put_all(Kind::Device, objects, Atomicity::Each);
    let good = report.outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    let summary = fixture.store.read().summary().unwrap();
    assert_eq!((report.outcomes.len(), good), (1_200, 1_188));
    assert_eq!(summary.kind(Kind::Device).count, 1_188);
    assert_eq!(summary.version - before, 3, "transactions of 500 objects");
}

#[test]
fn references_to_a_renamed_record_are_renamed() {
    let fixture = Fixture::new();
    let (old, new) = ("100% é>b", "..");
    fixture.put_valid(
        Kind::Device,
        &[
            ("name", old.into()),
            ("gateways", names(&[old])),
            ("configuration", "hostname x".into()),
        ],
    );
    fixture.put_valid(
        Kind::Link,
        &[("name", "l".into()), ("source", old.into()), ("destination", old.into())],
    );
    fixture.put_valid(
        Kind::Network,
        &[("name", "n".into()), ("nodes", names(&[old])), ("links", names(&["l"]))],
    );
    let renamed = fixture.put_valid(
        Kind::Device,
        &[("name", old.into()), ("new_name", new.into()), ("vendor", "x".into())],
    );
    assert_eq!((renamed.name.as_str(), renamed.effect), (new, Effect::Updated));
    assert!(fixture.get::<Device>(old).is_none());
    let device = fixture.get::<Device>(new).unwrap().record;
    assert_eq!(device.gateways, Field::Set(vec![Ref::new(new)]));
    assert_eq!(device.vendor, Field::Set("x".to_owned()));
    let link = fixture.get::<Link>("l").unwrap().record;
    assert_eq!(
        (link.source, link.destination),
        (Field::Set(Ref::new(new)), Field::Set(Ref::new(new)))
    );
    let network = fixture.get::<Network>("n").unwrap().record;
    assert_eq!(network.nodes, Field::Set(vec![Ref::new(new)]));
    let reading = fixture.store.read();
    assert_eq!(reading.text(new, "configuration").unwrap().unwrap().text, "hostname x");
    assert_eq!(reading.referrers(Target::Node, old).unwrap(), []);
    assert_eq!(reading.referrers(Target::Node, new).unwrap().len(), 3);
    assert_eq!(
        fixture.faults(Kind::Device, &[("name", old.into()), ("new_name", "x".into())]),
        ["not-found"]
    );
}

#[test]
fn an_equal_secret_does_not_change_a_record() {
    let fixture = Fixture::new();
    let put = |password: Value| {
        fixture.put_valid(Kind::Credential, &[("name", "c".into()), ("password", password)]).effect
    };
    assert_eq!(put("hunter2".into()), Effect::Created);
    assert_eq!(put("hunter2".into()), Effect::Unchanged);
    assert_eq!(put(Value::Null), Effect::Updated);
    assert_eq!(put("".into()), Effect::Unchanged);
}

#[test]
fn a_renamed_record_keeps_its_secret() {
    let fixture = Fixture::new();
    let put = |properties: &[(&str, Value)]| fixture.put_valid(Kind::Credential, properties);
    put(&[("name", "c".into()), ("password", "hunter2".into())]);
    put(&[("name", "c".into()), ("new_name", "d".into())]);
    assert_eq!(
        put(&[("name", "d".into()), ("password", "hunter2".into())]).effect,
        Effect::Unchanged
    );
    let open = || {
        let mut record = fixture.get::<Credential>("d").unwrap().record;
        fixture.store.read().decrypt_secrets(&mut record).unwrap();
        record.password.get().map(|secret| secret.plain().unwrap().to_string())
    };
    assert_eq!(open().as_deref(), Some("hunter2"));
    assert_eq!(put(&[("name", "d".into()), ("password", Value::Null)]).effect, Effect::Updated);
    assert_eq!(open(), None);
}

#[test]
fn a_change_with_another_expected_version_is_refused() {
    let fixture = Fixture::new();
    let version = fixture.put_valid(Kind::Device, &[("name", "R 1%".into())]).version;
    let put = |name: &str, expected_version: ExpectedVersion| {
        let request = ChangeRequest {
            origin: origin(),
            atomicity: Atomicity::Each,
            expected_version,
            exact_type: None,
        };
        let object = object(&[("name", name.into()), ("vendor", "x".into())]);
        fixture.inventory.put(Kind::Device, vec![object], &request).map(|_| ())
    };
    let stale = |result| matches!(result, Err(InventoryError::Stale { .. }));
    assert!(stale(put("R 1%", ExpectedVersion::OneOf(vec![version + 9]))));
    assert!(stale(put("R 1%", ExpectedVersion::Absent)));
    assert!(stale(put("..", ExpectedVersion::Exists)));
    assert!(put("R 1%", ExpectedVersion::OneOf(vec![version])).is_ok());
    assert!(stale(put("R 1%", ExpectedVersion::OneOf(vec![version]))), "it has changed since");
    assert!(put("..", ExpectedVersion::Absent).is_ok());
}

#[test]
fn the_last_administrator_cannot_lose_its_rights() {
    let fixture = Fixture::new();
    let codes = |properties: &[(&str, Value)]| fixture.faults(Kind::User, properties);
    assert_eq!(
        codes(&[("name", "admin".into()), ("is_admin", Value::Bool(false))]),
        ["no-administrator"]
    );
    assert_eq!(codes(&[("name", "admin".into()), ("password", Value::Null)]), ["no-administrator"]);
    let second = [("name", "é>b".into()), ("is_admin", Value::Bool(true))];
    fixture.put_valid(Kind::User, &second);
    assert_eq!(
        codes(&[("name", "admin".into()), ("is_admin", Value::Bool(false))]),
        ["no-administrator"]
    );
    fixture.put_valid(Kind::User, &[("name", "é>b".into()), ("password", "Oslo Fjord 9".into())]);
    fixture.put_valid(Kind::User, &[("name", "admin".into()), ("is_admin", Value::Bool(false))]);

    // In one change, only the final state is checked.
    let handing_over = vec![
        object(&[("name", "é>b".into()), ("is_admin", Value::Bool(false))]),
        object(&[("name", "admin".into()), ("is_admin", Value::Bool(true))]),
    ];
    let report = fixture.put_all(Kind::User, handing_over.clone(), Atomicity::All);
    assert!(report.outcomes.iter().all(|outcome| outcome.result.is_ok()), "{report:?}");
    assert_eq!(fixture.get::<User>("admin").unwrap().record.is_admin, Field::Set(true));
    let request = ChangeRequest {
        origin: origin(),
        atomicity: Atomicity::All,
        expected_version: ExpectedVersion::Any,
        exact_type: None,
    };
    let nobody = handing_over.into_iter().next().unwrap();
    let last = object(&[("name", "admin".into()), ("is_admin", Value::Bool(false))]);
    let refused = fixture.inventory.put(Kind::User, vec![nobody, last], &request);
    assert!(matches!(refused, Err(InventoryError::NoAdministrator)), "{refused:?}");
}

#[test]
fn warnings_suggest_known_properties() {
    let fixture = Fixture::new();
    let properties = [("name", "R 1%".into()), ("ip_adress", "::1".into()), ("id", Value::Int(7))];
    let (result, warnings) = fixture.put(Kind::Device, &properties);
    assert!(result.is_ok());
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("'ip_adress'") && warnings[0].contains("'ip_address'"));
    let device = fixture.get::<Device>("R 1%").unwrap().record;
    assert_eq!(device.custom.keys().collect::<Vec<_>>(), ["ip_adress"]);
    // Now the custom property exists.
    let (_, warnings) = fixture.put(Kind::Device, &properties[..2]);
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn the_reported_object_has_no_secrets() {
    let fixture = Fixture::new();
    let service = object(&[("name", "[Shared] x".into()), ("custom_password", "hunter2".into())]);
    let report = fixture.put_all(Kind::Service, vec![service], Atomicity::Each);
    assert!(!format!("{report:?}").contains("hunter2"));
    assert_eq!(report.outcomes[0].object.len(), 1);
    assert!(fixture.get::<Service>("[Shared] x").unwrap().record.custom_password.get().is_some());
}

#[test]
fn kinds_without_a_creator_property_get_no_creator() {
    let fixture = Fixture::new();
    fixture.put_valid(Kind::WorkflowEdge, &[("name", "e".into())]);
    assert!(fixture.get::<WorkflowEdge>("e").unwrap().record.custom.is_empty());
}

#[test]
fn a_configuration_is_stored_apart_from_its_device() {
    let fixture = Fixture::new();
    let put = |text: &str, expected: ExpectedVersion| {
        fixture.inventory.put_text("R 1%", "configuration", text.to_owned(), &origin(), &expected)
    };
    assert!(matches!(put("x", ExpectedVersion::Any), Err(InventoryError::NotFound { .. })));
    let version = fixture.put_valid(Kind::Device, &[("name", "R 1%".into())]).version;
    let first = put("hostname é\n", ExpectedVersion::Absent).unwrap();
    assert_eq!(put("hostname é\n", ExpectedVersion::OneOf(vec![first])).unwrap(), first);
    assert!(matches!(put("y", ExpectedVersion::Absent), Err(InventoryError::Stale { .. })));
    let text = || fixture.store.read().text("R 1%", "configuration").unwrap();
    assert_eq!(text().unwrap().text, "hostname é\n");
    assert_eq!(fixture.get::<Device>("R 1%").unwrap().version, version);
    let unknown = fixture.inventory.put_text(
        "R 1%",
        "config",
        String::new(),
        &origin(),
        &ExpectedVersion::Any,
    );
    assert!(matches!(unknown, Err(InventoryError::UnknownProperty { .. })));

    let object = [("name", "R 1%".into()), ("configuration", Value::Null)];
    assert_eq!(fixture.put_valid(Kind::Device, &object).effect, Effect::Updated);
    assert_eq!(text(), None);
    let again = fixture.put_valid(Kind::Device, &object);
    assert_eq!((again.effect, again.version), (Effect::Unchanged, version));
}

#[test]
fn a_transaction_ends_after_many_renamed_references() {
    let fixture = Fixture::new();
    let hubs = ["R 1%", ".."];
    for hub in hubs {
        fixture.put_valid(Kind::Device, &[("name", hub.into())]);
    }
    // A little more than half of the records of one transaction.
    let links = (0..5_200).map(|number| {
        let name = format!("link {number}");
        object(&[("name", name.into()), ("source", hubs[number % 2].into())])
    });
    fixture.put_all(Kind::Link, links.collect(), Atomicity::Each);
    let before = fixture.store.read().summary().unwrap().version;
    let rename = |name: &str, to: &str| object(&[("name", name.into()), ("new_name", to.into())]);
    let objects = vec![
        rename("R 1%", "a"),
        rename("..", "b"),
        rename("a", "c"),
        rename("b", "c"),
        rename("b", "d"),
    ];
    let report = fixture.put_all(Kind::Device, objects, Atomicity::Each);
    let good: Vec<bool> = report.outcomes.iter().map(|outcome| outcome.result.is_ok()).collect();
    assert_eq!(good, [true, true, true, false, true]);
    assert_eq!(fixture.store.read().summary().unwrap().version - before, 2);
    let link = fixture.get::<Link>("link 5199").unwrap().record;
    assert_eq!(link.source, Field::Set(Ref::new("d")));
}

#[test]
fn sending_back_a_list_does_not_store_its_inverse_references() {
    let fixture = Fixture::new();
    for name in ["gw", "own", "new"] {
        fixture.put_valid(Kind::Device, &[("name", name.into())]);
    }
    fixture.put_valid(Kind::Device, &[("name", "gw".into()), ("devices", names(&["own"]))]);
    fixture.put_valid(Kind::Device, &[("name", "R 1%".into()), ("gateways", names(&["gw"]))]);
    let put = |devices: &[&str]| {
        fixture
            .put_valid(Kind::Device, &[("name", "gw".into()), ("devices", names(devices))])
            .effect
    };
    let listed = || fixture.get::<Device>("gw").unwrap().record.devices;
    // `devices` of the gateway shows its own reference and the inverse one.
    assert_eq!(put(&["own", "R 1%"]), Effect::Unchanged);
    assert_eq!(put(&["own", "R 1%", "new"]), Effect::Updated);
    assert_eq!(listed(), Field::Set(vec![Ref::new("own"), Ref::new("new")]));
    assert_eq!(put(&["R 1%"]), Effect::Updated);
    assert_eq!(listed(), Field::Set(Vec::new()));
    // A record that the list lacks loses its own reference.
    let without = [("name", "gw".into()), ("devices", names(&[]))];
    let (result, warnings) = fixture.put(Kind::Device, &without);
    assert_eq!((result.unwrap().effect, warnings), (Effect::Updated, Vec::new()));
    let gateways = fixture.get::<Device>("R 1%").unwrap().record.gateways;
    assert_eq!(gateways, Field::Set(Vec::new()));
    assert_eq!(fixture.put_valid(Kind::Device, &without).effect, Effect::Unchanged);
}

#[test]
fn relations_are_set_from_their_other_side() {
    let fixture = Fixture::new();
    fixture.put_valid(Kind::User, &[("name", "é>b".into())]);
    for group in ["ops %", "[Shared] x"] {
        fixture.put_valid(Kind::Group, &[("name", group.into())]);
    }
    let put = |groups: &[&str]| {
        fixture.put_valid(Kind::User, &[("name", "é>b".into()), ("groups", names(groups))]).effect
    };
    let users = |group: &str| fixture.get::<Group>(group).unwrap().record.users;
    assert_eq!(put(&["ops %", "ops %"]), Effect::Updated);
    assert_eq!(users("ops %"), Field::Set(vec![Ref::new("é>b")]));
    assert_eq!(put(&["ops %"]), Effect::Unchanged);
    assert_eq!(put(&["[Shared] x"]), Effect::Updated);
    assert_eq!(users("ops %"), Field::Set(Vec::new()));
    assert_eq!(users("[Shared] x"), Field::Set(vec![Ref::new("é>b")]));
    // The reference follows a new name in the same change.
    let renamed = object(&[
        ("name", "é>b".into()),
        ("new_name", "R 1%".into()),
        ("groups", names(&["[Shared] x", "ops %"])),
    ]);
    fixture.put_all(Kind::User, vec![renamed], Atomicity::Each);
    assert_eq!(users("ops %"), Field::Set(vec![Ref::new("R 1%")]));
    assert_eq!(users("[Shared] x"), Field::Set(vec![Ref::new("R 1%")]));

    let (missing, _) =
        fixture.put(Kind::User, &[("name", "R 1%".into()), ("groups", names(&["nobody"]))]);
    let faults = missing.unwrap_err();
    assert_eq!(faults[0].detail, "the group 'nobody' in 'groups' does not exist");
    let (wrong, _) =
        fixture.put(Kind::User, &[("name", "R 1%".into()), ("groups", "ops %".into())]);
    assert_eq!(wrong.unwrap_err()[0].code, "type");
    assert_eq!(
        users("ops %"),
        Field::Set(vec![Ref::new("R 1%")]),
        "a refused object changes nothing"
    );
}

#[test]
fn relations_are_set_under_the_names_of_enms() {
    let fixture = Fixture::new();
    for (kind, name) in [
        (Kind::Device, "R 1%"),
        (Kind::Service, "s %"),
        (Kind::Service, ".."),
        (Kind::Group, "g"),
        (Kind::Link, "l"),
    ] {
        fixture.put_valid(kind, &[("name", name.into())]);
    }
    fixture.put_valid(Kind::Pool, &[("name", "p".into()), ("manually_defined", Value::Bool(true))]);
    fixture.put_valid(Kind::Credential, &[("name", "c".into())]);
    let device = [("name", "R 1%".into()), ("target_services", names(&["s %"]))];
    assert_eq!(fixture.put_valid(Kind::Device, &device).effect, Effect::Updated);
    let targets = |name: &str| fixture.get::<Service>(name).unwrap().record.target_devices;
    assert_eq!(targets("s %"), Field::Set(vec![Ref::new("R 1%")]));
    assert!(fixture.get::<Device>("R 1%").unwrap().record.custom.is_empty());
    // A client that reads both names and changes one of them sends both.
    let both = |ours: &[&str], enms: &[&str]| {
        let object =
            [("name", "R 1%".into()), ("services", names(ours)), ("target_services", names(enms))];
        fixture.put(Kind::Device, &object).0
    };
    assert_eq!(both(&["s %"], &["s %", ".."]).unwrap().effect, Effect::Updated);
    assert_eq!(targets(".."), Field::Set(vec![Ref::new("R 1%")]));
    assert_eq!(both(&[".."], &[".."]).unwrap().effect, Effect::Updated);
    assert_eq!(targets("s %"), Field::Set(Vec::new()));
    assert_eq!(both(&["s %"], &[]).unwrap_err()[0].code, "contradiction");

    fixture.put_valid(Kind::Pool, &[("name", "p".into()), ("credential_devices", names(&["c"]))]);
    let pools = fixture.get::<Credential>("c").unwrap().record.device_pools;
    assert_eq!(pools, Field::Set(vec![Ref::new("p")]));
    fixture.put_valid(Kind::Group, &[("name", "g".into()), ("rbac_pool_rbac_read", names(&["p"]))]);
    let groups = fixture.get::<Pool>("p").unwrap().record.rbac_group_rbac_read;
    assert_eq!(groups, Field::Set(vec![Ref::new("g")]));
    fixture.put_valid(Kind::User, &[("name", "u".into()), ("user_devices", names(&["R 1%"]))]);
    assert_eq!(
        fixture.get::<Device>("R 1%").unwrap().record.owners,
        Field::Set(vec![Ref::new("u")])
    );
    // eNMS's `source` of a device is its links; ours, `links`, does not say at which end.
    fixture.put_valid(Kind::Device, &[("name", "R 1%".into()), ("source", names(&["l"]))]);
    assert_eq!(fixture.get::<Link>("l").unwrap().record.source, Field::Set(Ref::new("R 1%")));
    let links = |links: &[&str]| {
        fixture.put(Kind::Device, &[("name", "R 1%".into()), ("links", names(links))])
    };
    assert_eq!(links(&["l"]).0.unwrap().effect, Effect::Unchanged);
    assert_eq!(links(&[]).0.unwrap_err()[0].code, "relation-side");
    fixture.put_valid(Kind::Link, &[("name", "m".into())]);
    let (result, warnings) = links(&["l", "m"]);
    assert_eq!(result.unwrap().effect, Effect::Unchanged);
    assert!(warnings[0].contains("a link has two ends"), "{warnings:?}");
}

#[test]
fn computed_pools_are_not_set_from_a_device() {
    let fixture = Fixture::new();
    fixture.put_valid(Kind::Pool, &[("name", "all %".into()), ("device_name", "1%".into())]);
    let manual = Value::Bool(true);
    fixture.put_valid(Kind::Pool, &[("name", "by hand".into()), ("manually_defined", manual)]);
    let put = |pools: &[&str]| {
        let (result, warnings) =
            fixture.put(Kind::Device, &[("name", "R 1%".into()), ("pools", names(pools))]);
        (result.unwrap().effect, warnings.len())
    };
    let devices = |pool: &str| fixture.get::<Pool>(pool).unwrap().record.devices;
    assert_eq!(put(&["by hand"]), (Effect::Created, 0));
    assert_eq!(devices("by hand"), Field::Set(vec![Ref::new("R 1%")]));
    assert_eq!(put(&["all %", "by hand"]), (Effect::Unchanged, 0), "as the device shows them");
    assert_eq!(put(&["all %"]), (Effect::Updated, 0));
    assert_eq!(devices("by hand"), Field::Set(Vec::new()));
    assert_eq!(put(&[]), (Effect::Unchanged, 1));
    assert_eq!(devices("all %"), Field::Absent);
}

#[test]
fn an_atomic_change_can_refer_to_later_objects_from_the_other_side() {
    let fixture = Fixture::new();
    let objects = vec![
        object(&[("name", "step %".into()), ("workflows", names(&["flow [x]"]))]),
        object(&[("name", "flow [x]".into()), ("type", "workflow".into())]),
    ];
    let report = fixture.put_all(Kind::Service, objects, Atomicity::All);
    assert!(report.outcomes.iter().all(|outcome| outcome.result.is_ok()), "{report:?}");
    let services = fixture.get::<Service>("flow [x]").unwrap().record.services;
    assert_eq!(services, Field::Set(vec![Ref::new("step %")]));
    let objects = vec![object(&[("name", "alone".into()), ("workflows", names(&["nobody"]))])];
    let report = fixture.put_all(Kind::Service, objects, Atomicity::All);
    assert_eq!(report.outcomes[0].result.as_ref().unwrap_err()[0].code, "missing");
    assert!(fixture.get::<Service>("alone").is_none());
}

#[test]
fn an_exact_type_is_set_and_kept() {
    let fixture = Fixture::new();
    fixture.put_valid(Kind::Device, &[("name", "plain".into())]);
    let put = |name: &str, more: &[(&str, Value)]| {
        let request = ChangeRequest {
            origin: origin(),
            atomicity: Atomicity::Each,
            expected_version: ExpectedVersion::Any,
            exact_type: Some("router".to_owned()),
        };
        let mut properties = vec![("name", name.into())];
        properties.extend_from_slice(more);
        let report = fixture.inventory.put(Kind::Device, vec![object(&properties)], &request);
        report.unwrap().outcomes.remove(0).result
    };
    assert_eq!(put("R 1%", &[]).unwrap().effect, Effect::Created);
    let stored = fixture.get::<Device>("R 1%").unwrap().record.r#type;
    assert_eq!(stored, Field::Set("router".to_owned()));
    assert_eq!(put("R 1%", &[("type", "router".into())]).unwrap().effect, Effect::Unchanged);
    assert_eq!(put("R 1%", &[("type", "device".into())]).unwrap_err()[0].code, "contradiction");
    assert_eq!(put("plain", &[]).unwrap_err()[0].code, "other-type");
}
