//! Tests of deleting instances.

use std::time::{Duration, Instant};

use super::*;
use crate::model::{Field, Network, Pool, Target};

#[test]
fn deleting_a_device_deletes_its_links_and_removes_references() {
    let fixture = Fixture::new();
    for name in ["R 1%", ".."] {
        fixture.put_valid(Kind::Device, &[("name", name.into())]);
    }
    let ends = [("name", "é>b".into()), ("source", "..".into()), ("destination", "R 1%".into())];
    fixture.put_valid(Kind::Link, &ends);
    fixture.put_valid(Kind::Link, &[("name", "loose".into()), ("source", "..".into())]);
    fixture.put_valid(
        Kind::Network,
        &[
            ("name", "n".into()),
            ("nodes", names(&["..", "R 1%"])),
            ("links", names(&["loose", "é>b"])),
        ],
    );
    fixture.put_valid(Kind::Network, &[("name", "empty".into())]);
    fixture.put_valid(
        Kind::Pool,
        &[
            ("name", "p".into()),
            ("manually_defined", Value::Bool(true)),
            ("links", names(&["é>b"])),
        ],
    );
    let report = fixture.delete(Kind::Device, "R 1%").unwrap();
    let named = |kind, name: &str| (kind, name.to_owned());
    assert_eq!(report.deleted, [named(Kind::Device, "R 1%"), named(Kind::Link, "é>b")]);
    assert_eq!(report.dereferenced, [named(Kind::Network, "n"), named(Kind::Pool, "p")]);
    let network = fixture.get::<Network>("n").unwrap().record;
    assert_eq!(network.nodes.get().unwrap().len(), 1);
    assert_eq!(network.links.get().unwrap()[0].name(), "loose");
    assert_eq!(fixture.get::<Pool>("p").unwrap().record.links, Field::Set(Vec::new()));
    assert_eq!(fixture.store.read().referrers(Target::Node, "R 1%").unwrap(), []);
    assert!(matches!(fixture.delete(Kind::Device, "R 1%"), Err(InventoryError::NotFound { .. })));
}

#[test]
fn deleting_a_service_deletes_its_edges_and_tasks_but_no_workflows() {
    let fixture = Fixture::new();
    fixture.put_valid(Kind::Service, &[("name", "s".into())]);
    fixture.put_valid(Kind::Service, &[("name", "w".into()), ("services", names(&["s"]))]);
    let edge = [
        ("name", "e".into()),
        ("source", "s".into()),
        ("destination", "s".into()),
        ("workflow", "w".into()),
    ];
    fixture.put_valid(Kind::WorkflowEdge, &edge);
    fixture.put_valid(Kind::Task, &[("name", "t".into()), ("service_name", "s".into())]);
    let report = fixture.delete(Kind::Service, "s").unwrap();
    let kinds: Vec<Kind> = report.deleted.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds[0], Kind::Service);
    assert!(kinds.contains(&Kind::WorkflowEdge) && kinds.contains(&Kind::Task));
    assert_eq!(report.dereferenced, [(Kind::Service, "w".to_owned())]);
}

#[test]
fn the_own_user_and_the_last_administrator_cannot_be_deleted() {
    let fixture = Fixture::new();
    assert!(matches!(fixture.delete(Kind::User, PRINCIPAL), Err(InventoryError::OwnUser { .. })));
    let delete = |caller: &str| {
        fixture.inventory.delete(
            Kind::User,
            "admin",
            &Origin::of_user(caller, "test"),
            &ExpectedVersion::Any,
        )
    };
    assert!(matches!(delete("other"), Err(InventoryError::NoAdministrator)));
    fixture.put_valid(
        Kind::User,
        &[
            ("name", "other".into()),
            ("is_admin", Value::Bool(true)),
            ("password", "Oslo Fjord 9".into()),
        ],
    );
    assert!(delete("other").is_ok());
    let stale = fixture.inventory.delete(
        Kind::User,
        "other",
        &Origin::internal("test"),
        &ExpectedVersion::OneOf(vec![0]),
    );
    assert!(matches!(stale, Err(InventoryError::Stale { .. })));
}

/// `SATCHEL_REFERRERS` sets the number of links, for example 100,000.
#[test]
fn deleting_a_device_takes_time_linear_in_its_links() {
    let count: usize = std::env::var("SATCHEL_REFERRERS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(3_000);
    let fixture = Fixture::new();
    fixture.put_valid(Kind::Device, &[("name", "hub".into())]);
    let links: Vec<String> = (0..count).map(|number| format!("link {number}")).collect();
    let objects = links
        .iter()
        .map(|name| object(&[("name", name.as_str().into()), ("source", "hub".into())]));
    fixture.put_all(Kind::Link, objects.collect(), Atomicity::Each);
    let listed: Vec<&str> = links.iter().map(String::as_str).collect();
    fixture.put_valid(Kind::Network, &[("name", "n".into()), ("links", names(&listed))]);
    fixture.put_valid(Kind::Pool, &[("name", "p".into()), ("link_source_name", "hub".into())]);

    let begun = Instant::now();
    fixture.put_valid(Kind::Device, &[("name", "hub".into()), ("new_name", "R 1%".into())]);
    let report = fixture.delete(Kind::Device, "R 1%").unwrap();
    assert_eq!((report.deleted.len(), report.dereferenced.len()), (count + 1, 1));
    assert_eq!(fixture.get::<Network>("n").unwrap().record.links, Field::Set(Vec::new()));
    let pool = fixture.get::<Pool>("p").unwrap();
    let members = fixture.store.read().member_count(pool.ordinal, crate::model::Side::Link);
    assert_eq!(members.unwrap(), 0);
    // Ten times the time in an unoptimised build. Quadratic time would exceed it.
    assert!(begun.elapsed() < Duration::from_millis(5 * count as u64), "{:?}", begun.elapsed());
}
