//! Queries: sends the instances whose properties have given values.

use super::{
    RowSink,
    property::{PropertyRef, Purpose},
    rows::{RowQuery, RowShape, send_parts},
    selection::{Predicate, Selection},
    session::ReadSession,
};
use crate::{
    inventory::{Inventory, InventoryError},
    model::{AnyRecord, InstanceType, Kind, Name, PropertyType, Value},
};

/// The name of the temporary record that converts a value to the type of its property.
const CONVERTER_NAME: &str = "query";

impl Inventory {
    /// Sends the instances that have all of the given values, sorted by name, and returns their
    /// number. Of nodes, the devices come before the networks.
    ///
    /// Values are converted to the types of their properties. Absent properties have their defaults.
    /// Properties without a type, and custom ones, are compared in the form of Python's `str`. For a
    /// relation of either direction, the value is one of the names, and an empty value matches
    /// instances without any. Rows show the instance's own properties.
    ///
    /// Names and relations are looked up in an index. For other properties every record is read, and
    /// only the matching ones are decoded.
    ///
    /// # Errors
    /// [`InventoryError::UnknownProperty`] for a property that neither Satchel nor any record has;
    /// [`InventoryError::Value`] for a value that the property cannot have;
    /// [`InventoryError::Store`] if the inventory cannot be read.
    pub fn query(
        &self,
        of: impl Into<InstanceType>,
        filters: &[(String, String)],
        rows: &mut RowSink<'_>,
    ) -> Result<u64, InventoryError> {
        self.query_columns(of, filters, &[], rows)
    }

    /// Does the same as [`query`](Self::query), with rows of these columns. Without columns, the rows
    /// show the instance's own properties.
    ///
    /// # Errors
    /// As for [`query`](Self::query), and [`InventoryError::UnknownProperty`] for a column that
    /// resembles a known name and that no record has; any other unknown name shows null.
    pub fn query_columns(
        &self,
        of: impl Into<InstanceType>,
        filters: &[(String, String)],
        columns: &[String],
        rows: &mut RowSink<'_>,
    ) -> Result<u64, InventoryError> {
        let of = of.into();
        let session = self.session();
        let part = |kind: Kind| -> Result<_, InventoryError> {
            let filters =
                filters.iter().map(|(property, value)| predicate(&session, kind, property, value));
            let mut predicates: Vec<_> = filters.collect::<Result<_, _>>()?;
            predicates.extend(Predicate::of_type(kind, &of));
            let selection = Selection::new(&session, kind, predicates)?;
            let shape = RowShape::resolve(&session, kind, columns, |property| property)?;
            Ok(RowQuery { selection, order: None, start: 0, limit: None, shape })
        };
        let parts: Vec<_> =
            of.kinds().iter().copied().map(part).collect::<Result<_, InventoryError>>()?;
        send_parts(parts, &session, rows)
    }
}

/// The predicate of a filter.
fn predicate(
    session: &ReadSession<'_>,
    kind: Kind,
    name: &str,
    value: &str,
) -> Result<(PropertyRef, Predicate), InventoryError> {
    let resolved = PropertyRef::resolve(session, kind, name, Purpose::Compare)?;
    let typed = |property| typed(kind, name, property, value);
    let predicate = match &resolved {
        PropertyRef::Name => typed("name")?,
        PropertyRef::MemberCount(side) => typed(side.count())?,
        PropertyRef::Property { property, .. } => match property.type_ {
            PropertyType::Name
            | PropertyType::Text
            | PropertyType::Int
            | PropertyType::Bool
            | PropertyType::Float
            | PropertyType::One(_)
            | PropertyType::Secret => typed(property.name)?,
            PropertyType::Many(_) => Predicate::Contains(value.to_owned()),
            PropertyType::Any => Predicate::EqualsText(value.to_owned()),
        },
        PropertyRef::Relation(_) | PropertyRef::Members(_) => Predicate::Contains(value.to_owned()),
        PropertyRef::Custom { .. } | PropertyRef::LongText(_) | PropertyRef::Lines { .. } => {
            Predicate::EqualsText(value.to_owned())
        }
    };
    Ok((resolved, predicate))
}

/// Converts a value to the type of its property.
fn typed(kind: Kind, name: &str, property: &str, value: &str) -> Result<Predicate, InventoryError> {
    // eNMS's clients write booleans as its database does.
    let value = match (kind.property(property).map(|known| known.type_), value) {
        (Some(PropertyType::Bool), "0") => "false",
        (Some(PropertyType::Bool), "1") => "true",
        _ => value,
    };
    let refused = |rule: String| InventoryError::Value {
        kind,
        property: name.to_owned(),
        value: value.to_owned(),
        rule,
    };
    let converter =
        Name::parse(CONVERTER_NAME.to_owned()).map_err(|(rule, _)| refused(rule.to_string()))?;
    let mut converter = AnyRecord::named(kind, converter);
    converter
        .set(property, Value::from(value))
        .map_err(|refusal| refused(refusal.rule.to_string()))?;
    Ok(Predicate::Equals(converter.view(property).map_or(Value::Null, |view| view.to_value())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        inventory::sample::{Row, Sample, column, rows},
        model::Side,
    };

    fn queried(
        sample: &Sample,
        kind: Kind,
        filters: &[(&str, &str)],
    ) -> Result<(Vec<Row>, u64), InventoryError> {
        let filters: Vec<(String, String)> =
            filters.iter().map(|(p, v)| ((*p).to_owned(), (*v).to_owned())).collect();
        rows(|rows| sample.inventory.query(kind, &filters, rows))
    }

    fn names(sample: &Sample, kind: Kind, filters: &[(&str, &str)]) -> Vec<String> {
        let (rows, matched) = queried(sample, kind, filters).unwrap();
        assert_eq!(rows.len() as u64, matched, "{filters:?}");
        column(&rows, "name")
    }

    #[test]
    fn values_have_the_type_of_their_property() {
        let sample = Sample::small();
        let names = |filters: &[(&str, &str)]| names(&sample, Kind::Device, filters);
        assert_eq!(names(&[]).len(), 4);
        assert_eq!(names(&[("port", "22")]), ["R 1%", "gw", "é>b"], "the default counts");
        assert_eq!(names(&[("port", " 2222 ")]), ["[Shared] x"]);
        for truth in ["true", "True"] {
            assert_eq!(names(&[("reachable", truth)]), ["[Shared] x"]);
        }
        for untruth in ["false", "False"] {
            assert_eq!(names(&[("reachable", untruth)]).len(), 3);
        }
        assert_eq!(names(&[("vendor", "Cisco")]), ["é>b"]);
        assert_eq!(names(&[("vendor", "cisco")]).len(), 0, "equality is exact");
        assert_eq!(names(&[("vendor", "")]), ["R 1%", "[Shared] x", "gw"]);
        assert_eq!(names(&[("rack", "7")]), ["R 1%", "gw"]);
        assert_eq!(names(&[("rack", "7"), ("type", "gateway")]), ["gw"]);
        assert_eq!(names(&[("name", "é>b")]), ["é>b"]);
        assert_eq!(names(&[("name", "é>b"), ("port", "1")]).len(), 0);
        assert_eq!(names(&[("name", "é>b"), ("name", "gw")]).len(), 0);
    }

    #[test]
    fn relations_match_by_name() {
        let sample = Sample::small();
        let device = |filters: &[(&str, &str)]| names(&sample, Kind::Device, filters);
        let link = |filters: &[(&str, &str)]| names(&sample, Kind::Link, filters);
        assert_eq!(link(&[("source_name", "R 1%")]), ["..>l", "l 1%"]);
        assert_eq!(link(&[("source", "R 1%"), ("destination_name", "sub")]), ["l 1%"]);
        assert_eq!(link(&[("destination", "")]), ["..>l"]);
        assert_eq!(link(&[("networks", "net [x]")]), ["l 1%"]);
        assert_eq!(device(&[("gateways", "gw")]), ["R 1%"]);
        assert_eq!(device(&[("devices", "R 1%")]), ["[Shared] x", "gw", "é>b"]);
        assert_eq!(device(&[("devices", "R 1%"), ("rack", "7")]), ["gw"]);
        assert_eq!(device(&[("gateways", "")]), ["[Shared] x", "gw", "é>b"]);
        assert_eq!(device(&[("owners", "admin")]), ["gw"]);
        assert_eq!(device(&[("owners", "nobody")]).len(), 0);
        assert_eq!(device(&[("links", "l 1%")]), ["R 1%"], "its other end is a network");
        assert_eq!(names(&sample, Kind::Network, &[("attached_links", "l 1%")]), ["sub"]);
        assert_eq!(device(&[("pools", "pool %")]), ["R 1%", "é>b"]);
        assert_eq!(names(&sample, Kind::Pool, &[("devices", "é>b")]), ["cisco", "pool %"]);
        assert_eq!(names(&sample, Kind::Pool, &[("device_number", "2")]), ["pool %"]);
        assert_eq!(names(&sample, Kind::Task, &[("service", "[Shared] s")]), ["t %"]);
    }

    #[test]
    fn members_of_computed_pools_match_by_name() {
        let sample = Sample::small();
        sample.fill("cisco", Side::Device, &[(1, "é>b")]);
        let device = |filters: &[(&str, &str)]| names(&sample, Kind::Device, filters);
        let pool = |filters: &[(&str, &str)]| names(&sample, Kind::Pool, filters);
        assert_eq!(device(&[("pools", "cisco")]), ["é>b"]);
        assert_eq!(device(&[("pools", "cisco"), ("pools", "pool %")]), ["é>b"]);
        assert_eq!(device(&[("pools", "")]), ["[Shared] x", "gw"]);
        assert_eq!(pool(&[("device_number", "1")]), ["cisco"]);
        assert_eq!(pool(&[("link_number", "1")]), ["odd"]);
        let (rows, _) = queried(&sample, Kind::Pool, &[("name", "cisco")]).unwrap();
        for property in ["devices", "device_number", "links", "link_number"] {
            let shown = rows[0].iter().find(|(name, _)| name == property);
            let whole = sample.shown_property(Kind::Pool, "cisco", property);
            assert_eq!(shown.unwrap().1, whole, "{property}");
        }
    }

    #[test]
    fn exact_types_and_nodes_are_queried() {
        let sample = Sample::small();
        let found = |of: InstanceType, filters: &[(&str, &str)]| {
            let filters: Vec<(String, String)> =
                filters.iter().map(|(p, v)| ((*p).to_owned(), (*v).to_owned())).collect();
            let (rows, matched) = rows(|rows| sample.inventory.query(of, &filters, rows)).unwrap();
            assert_eq!(rows.len() as u64, matched);
            column(&rows, "name")
        };
        let exact = |word: &str| word.parse::<InstanceType>().unwrap();
        assert_eq!(found(exact("gateway"), &[]), ["gw"]);
        assert_eq!(found(exact("router"), &[]), [""; 0]);
        assert_eq!(found(exact("gateway"), &[("port", "22")]), ["gw"]);
        assert_eq!(
            found(exact("node"), &[]),
            ["R 1%", "[Shared] x", "gw", "é>b", "net [x]", "sub"]
        );
        assert_eq!(found(exact("node"), &[("name", "sub")]), ["sub"]);
        // eNMS's names of relations, and booleans as its database has them.
        assert_eq!(
            found(Kind::Device.into(), &[("target_services", "[Shared] s")]),
            found(Kind::Device.into(), &[("services", "[Shared] s")])
        );
        assert_eq!(found(Kind::Device.into(), &[("reachable", "1")]), ["[Shared] x"]);
        assert_eq!(found(Kind::Device.into(), &[("reachable", "0")]).len(), 3);
        assert_eq!(found(Kind::Task.into(), &[("is_active", "0")]), ["t %"]);
        assert_eq!(found(Kind::Task.into(), &[("is_active", "true")]), [""; 0]);
        let unknown =
            sample.inventory.query(exact("node"), &[("port".into(), "22".into())], &mut |_| {
                panic!("networks have no port")
            });
        assert!(matches!(unknown, Err(InventoryError::UnknownProperty { .. })));
    }

    #[test]
    fn impossible_values_and_unknown_properties_are_refused() {
        let sample = Sample::small();
        for (property, value) in
            [("port", "many"), ("reachable", "yes"), ("port", ""), ("name", "a/b")]
        {
            match queried(&sample, Kind::Device, &[(property, value)]) {
                Err(InventoryError::Value {
                    kind: Kind::Device, property: p, value: v, ..
                }) => {
                    assert_eq!((p.as_str(), v.as_str()), (property, value));
                }
                other => panic!("{property}={value}: {other:?}"),
            }
        }
        for (property, near) in [("vendr", Some("vendor")), ("unknown property", None)] {
            match queried(&sample, Kind::Device, &[(property, "x")]) {
                Err(InventoryError::UnknownProperty { nearest, .. }) => {
                    assert_eq!(nearest.as_deref(), near);
                }
                other => panic!("{property}: {other:?}"),
            }
        }
        let secret = queried(&sample, Kind::User, &[("password", "x")]);
        assert!(matches!(secret, Err(InventoryError::UnknownProperty { .. })));
    }

    /// The filter texts that match a shown value.
    fn filters_for(value: &Value) -> Vec<String> {
        match value {
            Value::List(names) if names.is_empty() => vec![String::new()],
            Value::List(names) => {
                names.iter().filter_map(Value::as_text).map(str::to_owned).collect()
            }
            Value::Int(number) => vec![number.to_string()],
            Value::Float(number) => vec![number.to_string()],
            Value::Bool(truth) => vec![truth.to_string()],
            Value::Text(text) => vec![text.clone()],
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5))]

        /// A query for a shown value finds exactly the instances that show it.
        #[test]
        fn a_query_finds_the_instances_that_show_the_value(seed in any::<u64>()) {
            let sample = Sample::random(seed);
            for kind in Kind::ALL {
                // For each property and value, the names of the instances that show it.
                let mut showing: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
                for name in sample.names(kind) {
                    for (word, value) in sample.shown(kind, &name) {
                        let tree = matches!(&value, Value::List(items) if items.iter().any(|item| item.as_text().is_none()));
                        // Nested values are compared as text. A number cannot be queried for null.
                        if tree || value == Value::Null {
                            continue;
                        }
                        for asked in filters_for(&value) {
                            showing.entry((word.clone(), asked)).or_default().push(name.clone());
                        }
                    }
                }
                for ((word, asked), expected) in &showing {
                    let found = names(&sample, kind, &[(word, asked)]);
                    prop_assert_eq!(&found, expected, "{} {}={}", kind, word, asked);
                    let both = names(&sample, kind, &[("name", &expected[0]), (word, asked)]);
                    prop_assert_eq!(&both[..], &expected[..1], "{} {}={}", kind, word, asked);
                }
                prop_assert!(showing.len() > 20, "{}", kind);
            }
        }
    }
}
