//! Tests of the members of computed pools.

use super::*;
use crate::model::{Field, Pool, Record, Ref, Side};

impl Fixture {
    fn device(&self, name: &str, vendor: &str) {
        self.put_valid(Kind::Device, &[("name", name.into()), ("vendor", vendor.into())]);
    }

    fn members(&self, pool: &str, side: Side) -> Vec<String> {
        let ordinal = self.get::<Pool>(pool).unwrap().ordinal;
        let reading = self.store.read();
        let members = reading.members(ordinal, side).unwrap();
        assert_eq!(reading.member_count(ordinal, side).unwrap(), members.len() as u64);
        members
    }
}

#[test]
fn members_follow_devices_and_criteria() {
    let fixture = Fixture::new();
    fixture.device("R 1%", "Cisco");
    fixture.device("é>b", "juniper");
    fixture.put_valid(Kind::Pool, &[("name", "p".into()), ("device_vendor", "cisco".into())]);
    let members = || fixture.members("p", Side::Device);
    assert_eq!(members(), ["R 1%"]);
    fixture.device("..", "CISCO systems");
    assert_eq!(members(), ["R 1%", ".."]);
    fixture.device("R 1%", "other");
    fixture.device("é>b", "Cisco");
    assert_eq!(members(), ["é>b", ".."]);
    fixture.put_valid(Kind::Device, &[("name", "é>b".into()), ("new_name", "new".into())]);
    assert_eq!(members(), ["new", ".."]);
    fixture.put_valid(Kind::Pool, &[("name", "p".into()), ("new_name", "[Shared] x".into())]);
    assert_eq!(fixture.members("[Shared] x", Side::Device), ["new", ".."]);
    fixture
        .put_valid(Kind::Pool, &[("name", "[Shared] x".into()), ("device_vendor", "other".into())]);
    assert_eq!(fixture.members("[Shared] x", Side::Device), ["R 1%"]);
    fixture.delete(Kind::Device, "R 1%").unwrap();
    assert_eq!(fixture.members("[Shared] x", Side::Device), Vec::<String>::new());
}

#[test]
fn links_match_by_the_names_of_their_ends() {
    let fixture = Fixture::new();
    fixture.device("hub", "x");
    fixture.put_valid(Kind::Link, &[("name", "é>b".into()), ("source", "hub".into())]);
    fixture.put_valid(Kind::Pool, &[("name", "p".into()), ("link_source_name", "spoke".into())]);
    assert_eq!(fixture.members("p", Side::Link), Vec::<String>::new());
    fixture.put_valid(Kind::Device, &[("name", "hub".into()), ("new_name", "Spoke".into())]);
    assert_eq!(fixture.members("p", Side::Link), ["é>b"]);
    fixture.delete(Kind::Device, "Spoke").unwrap();
    assert_eq!(fixture.members("p", Side::Link), Vec::<String>::new());
}

#[test]
fn a_pool_that_becomes_manual_keeps_its_members() {
    let fixture = Fixture::new();
    fixture.device("R 1%", "Cisco");
    fixture.device("..", "Cisco");
    let put = |properties: &[(&str, Value)]| {
        let mut all = vec![("name", "p".into())];
        all.extend_from_slice(properties);
        let (result, warnings) = fixture.put(Kind::Pool, &all);
        (result.unwrap(), warnings)
    };
    // The object that GET returned, including members and counts.
    let (_, warnings) = put(&[
        ("device_vendor", "cisco".into()),
        ("devices", names(&["R 1%", "nobody"])),
        ("device_number", Value::Int(2)),
    ]);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert_eq!(fixture.get::<Pool>("p").unwrap().record.devices, Field::Absent);
    assert_eq!(fixture.members("p", Side::Device), ["R 1%", ".."]);

    put(&[("manually_defined", Value::Bool(true))]);
    let listed = || fixture.get::<Pool>("p").unwrap().record.devices;
    assert_eq!(listed(), Field::Set(vec![Ref::new("R 1%"), Ref::new("..")]));
    assert_eq!(fixture.members("p", Side::Device), Vec::<String>::new());
    put(&[("devices", names(&[".."]))]);
    fixture.device("é>b", "Cisco");
    assert_eq!(listed(), Field::Set(vec![Ref::new("..")]));

    put(&[("manually_defined", Value::Bool(false))]);
    assert_eq!(listed(), Field::Set(Vec::new()));
    assert_eq!(fixture.members("p", Side::Device), ["R 1%", "..", "é>b"]);

    // Within the same change, the members match the new criteria.
    let objects = vec![
        object(&[("name", "p".into()), ("device_name", "R".into())]),
        object(&[("name", "p".into()), ("manually_defined", Value::Bool(true))]),
    ];
    fixture.put_all(Kind::Pool, objects, Atomicity::All);
    assert_eq!(listed(), Field::Set(vec![Ref::new("R 1%")]));
}

#[test]
fn invalid_criteria_are_refused() {
    let fixture = Fixture::new();
    let regex = [
        ("name", "p".into()),
        ("device_name", "(?=a)".into()),
        ("device_name_match", "regex".into()),
    ];
    assert_eq!(fixture.faults(Kind::Pool, &regex), ["criterion"]);

    // An imported pool with invalid criteria can still be changed and corrected.
    let (name, ()) = ("p", ());
    let mut pool = Pool::named(crate::model::Name::parse(name.to_owned()).unwrap());
    for (property, value) in &regex[1..] {
        pool.set(property, value.clone()).unwrap();
    }
    fixture.store.change(&origin(), |transaction| transaction.put(pool)).unwrap();
    fixture.put_valid(Kind::Pool, &[("name", "p".into()), ("description", "x".into())]);
    let kept = fixture.inventory.update_pools(None, &origin()).unwrap().kept;
    assert_eq!((kept.len(), kept[0].0.as_str()), (1, "p"));
    fixture.device("R 1%", "x");
    fixture.put_valid(Kind::Pool, &[("name", "p".into()), ("device_name", "^R".into())]);
    assert_eq!(fixture.members("p", Side::Device), ["R 1%"]);
}

#[test]
fn the_members_of_a_deleted_pool_are_removed() {
    let fixture = Fixture::new();
    fixture.device("R 1%", "x");
    fixture.put_valid(Kind::Pool, &[("name", "p".into()), ("device_name", "r".into())]);
    let ordinal = fixture.get::<Pool>("p").unwrap().ordinal;
    fixture.delete(Kind::Pool, "p").unwrap();
    assert_eq!(fixture.store.read().member_count(ordinal, Side::Device).unwrap(), 0);
    fixture.device("..", "x");
    assert_eq!(fixture.store.read().member_count(ordinal, Side::Device).unwrap(), 0);
}

#[test]
fn wrong_members_are_found_and_corrected() {
    let fixture = Fixture::new();
    for name in ["R 1%", "..", "é>b"] {
        fixture.device(name, if name == ".." { "x" } else { "Cisco" });
    }
    fixture.put_valid(Kind::Pool, &[("name", "p".into()), ("device_vendor", "cisco".into())]);
    fixture.put_valid(Kind::Pool, &[("name", "q".into()), ("device_vendor", "x".into())]);
    let (p, other) = {
        let ordinal = |name: &str| fixture.get::<crate::model::Device>(name).unwrap().ordinal;
        (fixture.get::<Pool>("p").unwrap().ordinal, (ordinal("R 1%"), ordinal("..")))
    };
    let damage_members = |unknown: &[(u64, &str)]| {
        fixture
            .store
            .change(&origin(), |transaction| -> Result<(), crate::store::StoreError> {
                transaction.remove_members(p, Side::Device, &[(other.0, "R 1%")]);
                transaction.add_members(p, Side::Device, &[(other.1, "..")]);
                transaction.add_members(p, Side::Device, unknown);
                Ok(())
            })
            .unwrap();
    };
    for unknown in [&[][..], &[(99, "nobody")][..]] {
        damage_members(unknown);
        let named = Some(&["q".to_owned()][..]);
        assert_eq!(fixture.inventory.update_pools(named, &origin()).unwrap().changed, 0);
        let report = fixture.inventory.update_pools(None, &origin()).unwrap();
        assert_eq!((report.computed, report.changed), (2, 1));
        assert_eq!(fixture.members("p", Side::Device), ["R 1%", "é>b"]);
        assert_eq!(fixture.inventory.update_pools(None, &origin()).unwrap().changed, 0);
    }
    let unknown = fixture.inventory.update_pools(Some(&["nobody".to_owned()]), &origin());
    assert!(matches!(unknown, Err(InventoryError::NotFound { .. })));
}

#[test]
fn members_are_recomputed_after_an_import() {
    let fixture = Fixture::new();
    fixture.put_valid(Kind::Pool, &[("name", "p".into()), ("device_vendor", "cisco".into())]);
    // Like an import: changes a pool without notifying the inventory.
    let mut pool = Pool::named(crate::model::Name::parse("é>b".to_owned()).unwrap());
    pool.set("device_vendor", "x".into()).unwrap();
    fixture.store.change(&origin(), |transaction| transaction.put(pool)).unwrap();
    fixture.device("R 1%", "x");
    assert_eq!(fixture.members("é>b", Side::Device), ["R 1%"]);
    assert_eq!(fixture.members("p", Side::Device), Vec::<String>::new());
}
