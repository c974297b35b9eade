//! Tests that a principal sees and changes only its records.

use std::{collections::BTreeSet, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    access::{Membership, Reach, RecordRights},
    inventory::sample::{Rng, Row, Sample, column, rows},
    model::{InverseRelations, Target, arity},
};

/// The names of the records of each kind that a principal can read.
type Visible = BTreeSet<(Kind, String)>;

fn membership(user: &str, groups: &[String], reach: Reach) -> RecordRights {
    let groups = groups.iter().cloned().collect();
    RecordRights::Groups(Arc::new(Membership { user: user.to_owned(), groups, reach }))
}

fn value<'r>(row: &'r Row, property: &str) -> Option<&'r Value> {
    row.iter().find(|(name, _)| name == property).map(|(_, value)| value)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::List(items)) => {
            items.iter().filter_map(|item| item.as_text().map(str::to_owned)).collect()
        }
        Some(Value::Text(name)) if !name.is_empty() => vec![name.clone()],
        Some(_) | None => Vec::new(),
    }
}

/// The rules of eNMS, evaluated on the complete records as they are shown.
fn expected(sample: &Sample, user: &str, groups: &[String], reach: Reach) -> Visible {
    let is_readable = |kind: Kind, name: &str| {
        let shown = sample.shown(kind, name);
        let is_owner = texts(value(&shown, "owners")).iter().any(|owner| owner == user);
        let is_member = texts(value(&shown, "rbac_read")).iter().any(|name| groups.contains(name));
        let has_list = kind.property("rbac_read").is_some();
        let is_hidden = kind.property("admin_only").is_some()
            && value(&shown, "admin_only") == Some(&Value::Bool(true));
        reach == Reach::Everything
            || (!is_hidden && (!has_list || is_owner || is_member || reach == Reach::ReadAll))
    };
    let all = Kind::ALL.into_iter().flat_map(|kind| {
        sample.names(kind).into_iter().map(move |name| (kind, name)).collect::<Vec<_>>()
    });
    all.filter(|(kind, name)| match kind {
        Kind::WorkflowEdge => {
            let workflow = texts(Some(&sample.shown_property(*kind, name, "workflow")));
            workflow.iter().all(|workflow| is_readable(Kind::Service, workflow))
        }
        _ => is_readable(*kind, name),
    })
    .collect()
}

/// The kinds of the records that a property shows; empty for a property that is no relation.
fn shown_kinds(kind: Kind, property: &str) -> Vec<Kind> {
    let own = crate::inventory::read::relation_target(kind, property);
    let inverse = InverseRelations::of(kind).relation(property);
    let own = own.into_iter().flat_map(Target::kinds).copied();
    own.chain(inverse.map(|relation| relation.holder_kind())).collect()
}

/// The value of a property without the names of hidden records.
fn filtered(kind: Kind, property: &str, full: &Value, visible: &Visible) -> Value {
    let kinds = shown_kinds(kind, property);
    let is_shown = |name: &Value| {
        let name = name.as_text().unwrap_or_default();
        kinds.iter().any(|kind| visible.contains(&(*kind, name.to_owned())))
    };
    match full {
        _ if kinds.is_empty() => full.clone(),
        Value::List(items) => {
            Value::List(items.iter().filter(|item| is_shown(item)).cloned().collect())
        }
        Value::Text(name) if !name.is_empty() && !is_shown(full) => Value::Null,
        other => other.clone(),
    }
}

/// The row that a principal must see of a record.
fn expected_row(kind: Kind, full: &Row, visible: &Visible) -> Row {
    let mut row: Row = full
        .iter()
        .map(|(name, value)| (name.clone(), filtered(kind, name, value, visible)))
        .collect();
    for (list, count) in [("devices", "device_number"), ("links", "link_number")] {
        let number = texts(value(&row, list)).len() as i64;
        if let Some((_, value)) =
            row.iter_mut().find(|(name, _)| kind == Kind::Pool && name == count)
        {
            *value = Value::Int(number);
        }
    }
    row
}

fn single(inventory: &Inventory, kind: Kind, name: &str) -> Option<Row> {
    let own = |shown: &InstanceRow<'_>| -> Row {
        shown.properties.iter().map(|(name, view)| ((*name).to_owned(), view.to_value())).collect()
    };
    match inventory.instance(kind, name, Dialect::Enms, own) {
        Ok(row) => Some(row),
        Err(InventoryError::NotFound { .. }) => None,
        Err(error) => panic!("{kind} {name}: {error}"),
    }
}

/// Checks every read of a kind against the single reads.
fn check_kind(sample: &Sample, limited: &Inventory, kind: Kind, visible: &Visible) {
    let names: Vec<String> =
        visible.iter().filter(|(of, _)| *of == kind).map(|(_, name)| name.clone()).collect();
    let full_columns: Vec<String> = match single(&sample.inventory, kind, &sample.names(kind)[0]) {
        Some(row) => row.into_iter().map(|(name, _)| name).collect(),
        None => Vec::new(),
    };

    let list = |request: &ListRequest| rows(|rows| limited.list(kind, request, rows)).unwrap();
    let (listed, total) = list(&ListRequest::default());
    assert_eq!(column(&listed, "name"), names, "{kind}");
    assert_eq!(total, names.len() as u64);
    assert_eq!(limited.count_of(kind).unwrap(), names.len() as u64);
    assert_eq!(limited.count().unwrap()[kind], names.len() as u64);
    let page = ListRequest { start: 1, limit: Some(2), ..ListRequest::default() };
    let page_names: Vec<String> = names.iter().skip(1).take(2).cloned().collect();
    assert_eq!(column(&list(&page).0, "name"), page_names, "{kind}");

    let columns = ListRequest { columns: full_columns.clone(), ..ListRequest::default() };
    let (with_columns, _) = list(&columns);
    let search = SearchRequest {
        of: kind.into(),
        columns: full_columns,
        criteria: Vec::new(),
        order: None,
        start: 0,
        limit: 100,
        context_lines: 0,
    };
    let (searched, totals) = rows(|rows| limited.search(&search, rows)).unwrap();
    let of_names = names.len() as u64;
    assert_eq!(totals, SearchTotals { matched: of_names, total: of_names }, "{kind}");
    assert_eq!(searched, with_columns, "{kind}");

    for (name, (own, all)) in names.iter().zip(listed.iter().zip(&with_columns)) {
        let full = single(&sample.inventory, kind, name).unwrap();
        let shown = single(limited, kind, name).unwrap();
        assert!(shown == expected_row(kind, &full, visible), "{kind} {name}: {shown:?}");
        // A column of a custom property shows null for a record without it.
        let known = |row: &Row| -> Row {
            row.iter().filter(|(property, _)| property != "rack").cloned().collect()
        };
        assert!(known(all) == known(&shown), "{kind} {name}: {all:?}");
        for (property, of_list) in own {
            let is_both = InverseRelations::of(kind).relation(property).is_some();
            assert!(
                is_both || value(&shown, property) == Some(of_list),
                "{kind} {name} {property}"
            );
        }
        for (property, value) in &shown {
            for related in shown_kinds(kind, property) {
                check_query(limited, (kind, property), related, value, &with_columns);
            }
        }
    }
}

/// Checks that a query for a visible name finds the records that show it, and that a query for a hidden
/// name finds none.
fn check_query(
    limited: &Inventory,
    (kind, property): (Kind, &str),
    related: Kind,
    shown: &Value,
    all: &[Row],
) {
    let hidden = format!("R 1% {related}");
    for name in texts(Some(shown)).into_iter().chain([hidden]) {
        let showing: Vec<String> = all
            .iter()
            .filter(|row| texts(value(row, property)).contains(&name))
            .map(|row| value(row, "name").unwrap().as_text().unwrap().to_owned())
            .collect();
        let filters = [(property.to_owned(), name.clone())];
        let found = rows(|rows| limited.query(kind, &filters, rows)).unwrap().0;
        assert_eq!(column(&found, "name"), showing, "{kind} {property}={name}");
        let criterion = Criterion {
            property: property.to_owned(),
            value: name.clone(),
            filter: Filter::Equality,
            invert: false,
        };
        assert_eq!(limited.matching(kind, None, &[criterion]).unwrap(), showing);
    }
}

/// Checks the reads of single records and of their history.
fn check_hidden(sample: &Sample, limited: &Inventory, visible: &Visible) {
    for kind in Kind::ALL {
        for name in sample.names(kind) {
            let is_visible = visible.contains(&(kind, name.clone()));
            assert_eq!(single(limited, kind, &name).is_some(), is_visible, "{kind} {name}");
            assert_eq!(limited.exact_type(kind, &name).unwrap().is_some(), is_visible);
            assert_eq!(limited.instance_history(kind, &name, None, 9).is_ok(), is_visible);
            let begin = limited.history_begin().unwrap().unwrap().number;
            let last = Moment::Change(begin + Kind::ALL.len() as u64 * 5 - 1);
            let at = limited.instance_at(kind, &name, last, |shown| {
                shown
                    .properties
                    .iter()
                    .map(|(name, view)| ((*name).to_owned(), view.to_value()))
                    .collect()
            });
            assert_eq!(at.is_ok(), is_visible, "{kind} {name}");
            let at: Row = at.unwrap_or_default();
            for (property, value) in &at {
                if arity(kind, property).is_some() {
                    assert_eq!(
                        filtered(kind, property, value, visible),
                        *value,
                        "{kind} {property}"
                    );
                }
            }
            if kind == Kind::Device {
                assert_eq!(limited.text(&name, "configuration").is_ok(), is_visible);
            }
        }
    }
    let request = HistoryRequest { limit: 1000, ..HistoryRequest::default() };
    let changes = limited.history(&request).unwrap().changes;
    let named: Visible = changes
        .iter()
        .flat_map(|change| change.names.iter().map(|named| (named.kind, named.name.clone())))
        .collect();
    assert_eq!(named, *visible);
    for number in 1..=sample.inventory.history(&request).unwrap().changes.len() as u64 {
        let is_listed = changes.iter().any(|change| change.number == number);
        assert_eq!(limited.change(number, None, 9).is_ok(), is_listed, "{number}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// All reads agree about the records that exist for a principal.
    #[test]
    fn lists_and_single_reads_agree_for_random_rights(seed in any::<u64>()) {
        let sample = Sample::random(seed);
        let mut rng = Rng(seed | 1);
        for reach in [Reach::Named, Reach::Named, Reach::ReadAll, Reach::Everything] {
            let user = sample.names(Kind::User)[rng.below(5)].clone();
            let mut groups = sample.names(Kind::Group);
            groups.retain(|_| rng.below(3) == 0);
            let limited = sample.inventory.with_rights(membership(&user, &groups, reach));
            let visible = expected(&sample, &user, &groups, reach);
            for kind in Kind::ALL {
                check_kind(&sample, &limited, kind, &visible);
            }
            check_hidden(&sample, &limited, &visible);
        }
    }
}

/// An inventory with the devices `a` (readable and editable), `b` (readable) and `c` (hidden) for the
/// user `o-hara é` of the group `team %`.
fn team() -> (Fixture, Inventory) {
    let fixture = Fixture::new();
    fixture.put_valid(Kind::User, &[("name", "o-hara é".into())]);
    fixture.put_valid(
        Kind::Group,
        &[
            ("name", "team %".into()),
            ("users", names(&["o-hara é"])),
            ("device_access", names(&["rbac_read", "rbac_edit"])),
        ],
    );
    let team = || names(&["team %"]);
    let device = |properties: &[(&str, Value)]| {
        fixture.put_valid(Kind::Device, properties);
    };
    device(&[("name", "c".into())]);
    device(&[("name", "b".into()), ("rbac_read", team())]);
    device(&[
        ("name", "a".into()),
        ("rbac_read", team()),
        ("rbac_edit", team()),
        ("gateways", names(&["b", "c"])),
    ]);
    let rights = membership("o-hara é", &["team %".to_owned()], Reach::Named);
    let limited = fixture.inventory.with_rights(rights);
    (fixture, limited)
}

/// Puts an object with the rights of a principal, and returns the codes of its faults.
fn put_as(
    limited: &Inventory,
    kind: Kind,
    properties: &[(&str, Value)],
    atomicity: Atomicity,
) -> Vec<&'static str> {
    let request = ChangeRequest {
        origin: Origin::of_user("o-hara é", "test"),
        atomicity,
        expected_version: ExpectedVersion::Any,
        exact_type: None,
    };
    let report = limited.put(kind, vec![object(properties)], &request).unwrap();
    let faults = report.outcomes.into_iter().filter_map(|outcome| outcome.result.err());
    faults.flatten().map(|fault| fault.code).collect()
}

#[test]
fn an_editor_changes_only_editable_records() {
    let (fixture, limited) = team();
    for atomicity in [Atomicity::Each, Atomicity::All] {
        let put =
            |kind, properties: &[(&str, Value)]| put_as(&limited, kind, properties, atomicity);
        assert_eq!(put(Kind::Device, &[("name", "a".into()), ("port", Value::Int(7))]).len(), 0);
        for (kind, properties, code) in [
            (Kind::Device, vec![("name", "b".into()), ("port", Value::Int(7))], "forbidden"),
            (Kind::Device, vec![("name", "c".into()), ("port", Value::Int(7))], "name-taken"),
            (Kind::Device, vec![("name", "a".into()), ("new_name", "c".into())], "name-taken"),
            (Kind::Device, vec![("name", "a".into()), ("gateways", names(&["c", "x"]))], "missing"),
            (Kind::Device, vec![("name", "a".into()), ("rbac_edit", names(&[]))], "forbidden"),
            (
                Kind::Device,
                vec![("name", "a".into()), ("remove", names(&["rbac_read"]))],
                "forbidden",
            ),
            (Kind::Link, vec![("name", "l".into()), ("source", "c".into())], "missing"),
            (
                Kind::User,
                vec![("name", "o-hara é".into()), ("is_admin", Value::Bool(true))],
                "forbidden",
            ),
            (Kind::User, vec![("name", "new".into())], "forbidden"),
            (Kind::Group, vec![("name", "operators".into())], "forbidden"),
            (
                Kind::Pool,
                vec![("name", "p".into()), ("admin_only", Value::Bool(true))],
                "forbidden",
            ),
        ] {
            assert_eq!(put(kind, &properties), [code], "{atomicity:?} {kind} {properties:?}");
        }
    }
    let b = fixture.get::<crate::model::Device>("b").unwrap().record;
    assert_eq!(b.port.get(), None);
}

#[test]
fn hidden_names_stay_in_a_list_that_is_sent_back() {
    let (fixture, limited) = team();
    let gateways = || {
        let a = fixture.get::<crate::model::Device>("a").unwrap().record;
        let mut names: Vec<String> =
            a.gateways.get().into_iter().flatten().map(|name| name.name().to_owned()).collect();
        names.sort_unstable();
        names
    };
    let shown = single(&limited, Kind::Device, "a").unwrap();
    assert_eq!(texts(value(&shown, "gateways")), ["b"]);
    let put = |names: Value| {
        put_as(
            &limited,
            Kind::Device,
            &[("name", "a".into()), ("gateways", names)],
            Atomicity::Each,
        )
    };
    assert_eq!(put(names(&["b"])), [""; 0]);
    assert_eq!(gateways(), ["b", "c"]);
    assert_eq!(put(names(&[])), [""; 0]);
    assert_eq!(gateways(), ["c"]);

    // A relation to one record.
    let team = || names(&["team %"]);
    fixture.put_valid(
        Kind::Link,
        &[
            ("name", "l".into()),
            ("source", "c".into()),
            ("destination", "b".into()),
            ("rbac_edit", team()),
            ("rbac_read", team()),
        ],
    );
    let link = [("name", "l".into()), ("source", Value::Null), ("destination", Value::Null)];
    assert_eq!(put_as(&limited, Kind::Link, &link, Atomicity::Each), [""; 0]);
    let link = fixture.get::<crate::model::Link>("l").unwrap().record;
    assert_eq!(link.source.get().map(|name| name.name()), Some("c"));
    assert_eq!(link.destination.get().map(|name| name.name()), None);
}

#[test]
fn relations_from_the_other_side_need_the_right_to_change_the_other_record() {
    let (fixture, limited) = team();
    let pool = |name: &str, access: &[(&str, Value)]| {
        let manual = [("name", name.into()), ("manually_defined", Value::Bool(true))];
        fixture.put_valid(Kind::Pool, &[&manual[..], access].concat());
    };
    pool("open", &[("rbac_read", names(&["team %"])), ("rbac_edit", names(&["team %"]))]);
    pool("read", &[("rbac_read", names(&["team %"]))]);
    pool("hidden", &[("devices", names(&["a"]))]);
    for atomicity in [Atomicity::Each, Atomicity::All] {
        let put = |pools: &[&str]| {
            let object = [("name", "a".into()), ("pools", names(pools))];
            put_as(&limited, Kind::Device, &object, atomicity)
        };
        assert_eq!(put(&["open"]), [""; 0]);
        assert_eq!(put(&["open", "read"]), ["forbidden"]);
        assert_eq!(put(&["open", "hidden"]), ["missing"]);
        assert_eq!(put(&[]), [""; 0]);
    }
    let hidden = fixture.get::<crate::model::Pool>("hidden").unwrap().record;
    assert_eq!(hidden.devices.get().unwrap().len(), 1, "the hidden pool keeps its member");
}

#[test]
fn the_author_owns_a_new_record() {
    let (fixture, limited) = team();
    assert_eq!(put_as(&limited, Kind::Device, &[("name", "new".into())], Atomicity::Each), [""; 0]);
    let shown = single(&fixture.inventory, Kind::Device, "new").unwrap();
    assert_eq!(texts(value(&shown, "owners")), ["o-hara é"]);
    // The group's `device_access` lists both.
    assert_eq!(texts(value(&shown, "rbac_read")), ["team %"]);
    assert_eq!(texts(value(&shown, "rbac_edit")), ["team %"]);
    // An owner decides about access.
    let object = [("name", "new".into()), ("rbac_edit", names(&[]))];
    assert_eq!(put_as(&limited, Kind::Device, &object, Atomicity::Each), [""; 0]);
}

#[test]
fn only_editable_records_are_deleted() {
    let (fixture, limited) = team();
    let origin = Origin::of_user("o-hara é", "test");
    let delete = |name: &str| limited.delete(Kind::Device, name, &origin, &ExpectedVersion::Any);
    assert!(matches!(delete("b"), Err(InventoryError::Forbidden { .. })));
    assert!(matches!(delete("c"), Err(InventoryError::NotFound { .. })));
    fixture.put_valid(Kind::Link, &[("name", "l".into()), ("source", "a".into())]);
    assert!(matches!(delete("a"), Err(InventoryError::HiddenDependent { .. })));
    fixture.put_valid(Kind::Link, &[("name", "l".into()), ("rbac_read", names(&["team %"]))]);
    match delete("a") {
        Err(InventoryError::Forbidden { kind: Kind::Link, name }) => assert_eq!(name, "l"),
        other => panic!("{other:?}"),
    }
    fixture.put_valid(Kind::Link, &[("name", "l".into()), ("rbac_edit", names(&["team %"]))]);
    fixture.put_valid(Kind::Device, &[("name", "c".into()), ("gateways", names(&["a"]))]);
    let report = delete("a").unwrap();
    assert_eq!(report.deleted.len(), 2);
    assert_eq!(report.dereferenced, [], "the hidden device is not named");
    assert!(fixture.get::<crate::model::Device>("a").is_none());

    let many = |instances| DeletionRequest {
        kind: Kind::Device,
        exact_type: None,
        instances,
        origin: origin.clone(),
        mode: crate::import::Mode::DryRun,
    };
    let named = Selected::Named(vec!["c".to_owned(), "x".to_owned()]);
    let report = limited.delete_many(&many(named)).unwrap();
    assert_eq!(
        (report.deleted, report.not_found),
        (Vec::new(), vec!["c".to_owned(), "x".to_owned()])
    );
}

#[test]
fn a_long_text_follows_its_device() {
    let (_fixture, limited) = team();
    let origin = Origin::of_user("o-hara é", "test");
    let put = |name: &str| {
        limited.put_text(name, "configuration", "x".to_owned(), &origin, &ExpectedVersion::Any)
    };
    assert!(put("a").is_ok());
    assert!(matches!(put("b"), Err(InventoryError::Forbidden { .. })));
    assert!(matches!(put("c"), Err(InventoryError::NotFound { .. })));
    assert!(limited.text("b", "configuration").is_ok());
    assert!(matches!(limited.text("c", "configuration"), Err(InventoryError::NotFound { .. })));
}

#[test]
fn an_edge_belongs_to_its_workflow() {
    let (fixture, limited) = team();
    let team = || names(&["team %"]);
    fixture.put_valid(Kind::Service, &[("name", "hidden".into())]);
    fixture.put_valid(Kind::Service, &[("name", "w".into()), ("rbac_read", team())]);
    let edge = |workflow: &str| {
        [
            ("name", Value::from(format!("edge of {workflow}"))),
            ("workflow", workflow.into()),
            ("source", "hidden".into()),
            ("destination", "w".into()),
        ]
    };
    fixture.put_valid(Kind::WorkflowEdge, &edge("hidden"));
    fixture.put_valid(Kind::WorkflowEdge, &edge("w"));
    assert!(single(&limited, Kind::WorkflowEdge, "edge of hidden").is_none());
    let shown = single(&limited, Kind::WorkflowEdge, "edge of w").unwrap();
    assert_eq!(value(&shown, "source"), Some(&Value::Null));
    assert_eq!(value(&shown, "destination"), Some(&"w".into()));
    let object = [("name", "edge of w".into()), ("color", "red".into())];
    assert_eq!(put_as(&limited, Kind::WorkflowEdge, &object, Atomicity::Each), ["forbidden"]);
    fixture.put_valid(Kind::Service, &[("name", "w".into()), ("rbac_edit", team())]);
    assert_eq!(put_as(&limited, Kind::WorkflowEdge, &object, Atomicity::Each), [""; 0]);
}

#[test]
fn the_history_of_a_deleted_record_is_for_its_readers() {
    let (fixture, limited) = team();
    fixture.delete(Kind::Device, "b").unwrap();
    fixture.delete(Kind::Device, "c").unwrap();
    let history = |name: &str| limited.instance_history(Kind::Device, name, None, 9);
    assert_eq!(history("b").unwrap().len(), 2);
    assert!(matches!(history("c"), Err(InventoryError::NotFound { .. })));
    let named = HistoryRequest { name: Some("c".to_owned()), limit: 9, ..Default::default() };
    assert_eq!(limited.history(&named).unwrap().changes, []);
    // The differences of `a` name the deleted gateway `b` and not the hidden `c`.
    let changes = history("a").unwrap();
    let text = format!("{changes:?}");
    assert!(text.contains("\\\"b\\\"") && !text.contains("\\\"c\\\""), "{text}");
    let by_text = HistoryRequest { text: Some("c".to_owned()), limit: 9, ..Default::default() };
    for change in limited.history(&by_text).unwrap().changes {
        assert!(change.names.iter().all(|named| named.name != "c"), "{change:?}");
    }
}
