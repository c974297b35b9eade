//! Properties that hold for every kind.

use super::*;

struct PropertiesAreSorted;

impl KindVisitor for PropertiesAreSorted {
    type Output = ();
    fn visit<E: Entity>(self) {
        let names: Vec<_> = E::PROPERTIES.iter().map(|property| property.name).collect();
        assert!(names.is_sorted(), "{}: {names:?}", E::KIND);
        assert!(names.contains(&"name") && names.contains(&"type"), "{}", E::KIND);
    }
}

#[test]
fn the_properties_of_every_kind_are_sorted() {
    for kind in Kind::ALL {
        kind.dispatch(PropertiesAreSorted);
    }
}

/// Fills every property with a value of its type, and calls every method of a record on it.
struct EveryPropertyHolds;

impl KindVisitor for EveryPropertyHolds {
    type Output = ();
    fn visit<E: Entity>(self) {
        let mut entries = vec![(Value::from("zz_custom"), Value::Tuple(vec![Value::Int(0)]))];
        for property in E::PROPERTIES {
            let value = match property.type_ {
                PropertyType::Name | PropertyType::Text | PropertyType::Secret => "a".into(),
                PropertyType::Int => Value::Int(1),
                PropertyType::Bool => Value::Bool(true),
                PropertyType::Float => Value::Float(1.5),
                PropertyType::Any => Value::Map(Map::new()),
                PropertyType::One(_) => "other".into(),
                PropertyType::Many(_) => Value::List(vec!["other".into(), "third".into()]),
            };
            entries.push((property.name.into(), value));
        }
        let Parsed { record, converted } =
            AnyRecord::parse(E::KIND, Map::from_entries(entries.clone())).unwrap();
        let mut record = record.into_kind::<E>().unwrap();
        assert!(converted.is_empty());

        entries.sort_by(|(a, _), (b, _)| a.as_text().cmp(&b.as_text()));
        let seen: Vec<(Value, Value)> = record
            .views(Secrets::Included)
            .into_iter()
            .map(|(name, view)| (name.into(), view.to_value()))
            .collect();
        assert_eq!(seen, entries, "{}", E::KIND);
        let secrets = E::PROPERTIES.iter().filter(|p| p.type_ == PropertyType::Secret).count();
        assert_eq!(record.views(Secrets::LeftOut).len(), entries.len() - secrets);
        assert_eq!(record.secrets().len(), secrets);

        let mut references = Vec::new();
        record.references(&mut |found| references.push((found.relation, found.arity)));
        references.dedup();
        for (relation, arity) in references {
            let struck = record.remove_reference(relation, "other");
            assert_eq!(struck, arity == Arity::Many, "{} {relation}", E::KIND);
        }

        let mut older = E::named(Name::parse("a".to_owned()).unwrap());
        older.set("mine", Value::Bool(false)).unwrap();
        older.merge(record.clone().into());
        assert_eq!(older.custom().len(), 2);
        assert_eq!(older.views(Secrets::Included).len(), record.views(Secrets::Included).len() + 1);
    }
}

#[test]
fn every_property_of_every_kind_keeps_its_value() {
    for kind in Kind::ALL {
        kind.dispatch(EveryPropertyHolds);
    }
}

#[test]
fn all_violations_of_a_record_are_reported_at_once() {
    let invalid = AnyRecord::parse(
        Kind::Device,
        Map::from_entries(vec![
            ("port".into(), "many".into()),
            ("name".into(), "a/b".into()),
            (Value::Int(1), Value::Null),
            ("reachable".into(), Value::Int(2)),
            ("owners".into(), Value::List(vec!["admin".into(), Value::Int(7)])),
        ]),
    )
    .unwrap_err();
    let codes: Vec<_> = invalid.violations.iter().map(|broken| broken.rule.code()).collect();
    assert_eq!(codes, ["type", "name-character", "property-name", "type", "list-item"]);
}

#[test]
fn a_value_of_another_type_is_converted_and_reported() {
    let parsed = AnyRecord::parse(
        Kind::Device,
        Map::from_entries(vec![
            ("name".into(), Value::Int(7)),
            ("port".into(), "22".into()),
            ("reachable".into(), "False".into()),
            ("latitude".into(), Value::Float(1.5)),
            ("vendor".into(), Value::Null),
        ]),
    )
    .unwrap();
    assert_eq!(parsed.converted, ["name", "port", "reachable", "latitude"]);
    let record = parsed.record.into_kind::<Device>().unwrap();
    assert_eq!(record.name.as_str(), "7");
    assert_eq!(record.port.get(), Some(&22));
    assert_eq!(record.vendor, Field::Null);
    assert_eq!(record.model, Field::Absent);
}

/// A response shows every property except secrets, also the absent ones.
struct EveryPropertyIsShown;

impl KindVisitor for EveryPropertyIsShown {
    type Output = ();
    fn visit<E: Entity>(self) {
        let mut record = E::named(Name::parse("R 1%".to_owned()).unwrap());
        record.set("é>b", Value::Int(7)).unwrap();
        let names = |record: &E| -> Vec<String> {
            record.shown().into_iter().map(|(name, _)| name.to_owned()).collect()
        };
        let known = E::PROPERTIES.iter().filter(|p| p.type_ != PropertyType::Secret);
        let expected: Vec<&str> = known.clone().map(|p| p.name).chain(["é>b"]).collect();
        assert_eq!(names(&record), expected);
        for property in known.clone() {
            let shown = record.shown();
            let (_, view) = shown.iter().find(|(name, _)| *name == property.name).unwrap();
            let expected = match property.type_ {
                PropertyType::Name => "R 1%".into(),
                PropertyType::Many(_) => Value::List(Vec::new()),
                _ => property.default.view().map_or(Value::Null, |view| view.to_value()),
            };
            assert_eq!(view.to_value(), expected, "{} {}", E::KIND, property.name);
        }
        for property in E::PROPERTIES.iter().filter(|p| p.type_ != PropertyType::Name) {
            record.set(property.name, Value::Null).unwrap();
        }
        assert_eq!(names(&record), expected);
        for property in known {
            let view = property.shown(record.view(property.name)).to_value();
            let expected = match property.type_ {
                PropertyType::Name => "R 1%".into(),
                PropertyType::Many(_) => Value::List(Vec::new()),
                _ => Value::Null,
            };
            assert_eq!(view, expected, "{} {}", E::KIND, property.name);
        }
    }
}

#[test]
fn every_property_of_every_kind_is_shown() {
    for kind in Kind::ALL {
        kind.dispatch(EveryPropertyIsShown);
    }
    let mut link = Link::named(Name::parse("l".to_owned()).unwrap());
    link.set("destination", "".into()).unwrap();
    let shown = link.shown();
    let (_, none) = shown.iter().find(|(name, _)| *name == "destination").unwrap();
    assert!(matches!(none, View::Null), "an empty name is none");
}

#[test]
fn no_reference_contains_nul() {
    let link = |property: &str, value: Value| {
        AnyRecord::parse(
            Kind::Link,
            Map::from_entries(vec![("name".into(), "a".into()), (property.into(), value)]),
        )
    };
    for (property, value) in [
        ("source", Value::from("R\0 1%")),
        ("owners", Value::List(vec!["good".into(), "R\0 1%".into()])),
    ] {
        let broken = link(property, value).unwrap_err().violations;
        assert_eq!(broken.len(), 1);
        assert_eq!(broken[0].property.as_deref(), Some(property));
        assert_eq!(broken[0].rule, Rule::NameCharacter { character: '\0' });
    }
    // Other impossible names are accepted, and reported as missing records when looked up.
    assert!(link("source", "\u{1}/".into()).is_ok());
}
