//! Search: sends the instances that match all criteria.

use super::{
    Criterion, Filter, Flow, RowSink, SearchRequest, SearchTotals,
    property::{PropertyRef, Purpose},
    rows::{RowOrder, RowQuery, RowShape, send_parts},
    selection::{Candidate, Predicate, Selection},
    session::ReadSession,
};
use crate::{
    inventory::{Inventory, InventoryError},
    model::{Anchors, Comparison, InstanceType, Kind, PropertyDefault, PropertyType},
};

impl Inventory {
    /// Sends a page of the instances that meet all criteria. Returns how many meet them, and how many
    /// instances the kind has. Of nodes, the devices come before the networks.
    ///
    /// Values are compared in the form of Python's `str`. Absent properties have their defaults. For
    /// a relation of either direction, one matching name is enough. A criterion with an empty text
    /// is ignored, unless it is [`Filter::Empty`]. In a long text, `^` and `$` match the ends of a
    /// line.
    ///
    /// # Errors
    /// [`InventoryError::UnknownProperty`] for a criterion on a property that neither Satchel nor any
    /// record has, and for a column or an order as in [`Inventory::list`];
    /// [`InventoryError::Regex`] for an invalid expression; [`InventoryError::Store`] if the
    /// inventory cannot be read.
    pub fn search(
        &self,
        request: &SearchRequest,
        rows: &mut RowSink<'_>,
    ) -> Result<SearchTotals, InventoryError> {
        let session = self.session();
        let parts = request.of.kinds().iter().map(|kind| request.part(&session, *kind));
        let matched = send_parts(parts.collect::<Result<_, _>>()?, &session, rows)?;
        let mut total = 0;
        for kind in request.of.kinds() {
            total += session.count(*kind)?;
        }
        Ok(SearchTotals { matched, total })
    }
}

impl SearchRequest {
    /// The search among the instances of one kind.
    fn part(&self, session: &ReadSession<'_>, kind: Kind) -> Result<RowQuery, InventoryError> {
        let mut predicates = predicates(session, kind, &self.criteria)?;
        let with_lines = |column| with_lines(column, &predicates, self.context_lines as usize);
        let shape = RowShape::resolve(session, kind, &self.columns, with_lines)?;
        predicates.extend(Predicate::of_type(kind, &self.of));
        Ok(RowQuery {
            selection: Selection::new(session, kind, predicates)?,
            order: RowOrder::resolve(session, kind, self.order.as_ref())?,
            start: self.start,
            limit: Some(self.limit),
            shape,
        })
    }
}

impl Inventory {
    /// The names of the instances that meet all criteria, as [`Inventory::search`] compares them.
    ///
    /// # Errors
    /// As [`Inventory::search`], and [`InventoryError::Store`] if a record is damaged, because it is
    /// unknown whether it matches.
    pub(in crate::inventory) fn matching(
        &self,
        kind: Kind,
        exact_type: Option<&str>,
        criteria: &[Criterion],
    ) -> Result<Vec<String>, InventoryError> {
        let session = self.session();
        let mut predicates = predicates(&session, kind, criteria)?;
        if let Some(word) = exact_type {
            let of = InstanceType::Exact { kind, word: word.to_owned() };
            predicates.extend(Predicate::of_type(kind, &of));
        }
        let selection = Selection::new(&session, kind, predicates)?;
        let mut names = Vec::new();
        selection.each(&session, 0, |candidate| match candidate {
            Candidate::Record(name, _) => {
                names.push(name.to_owned());
                Ok(Flow::Continue)
            }
            Candidate::Damaged(_, error) => Err(error.into()),
        })?;
        Ok(names)
    }
}

/// The predicates of the criteria that have an effect.
fn predicates(
    session: &ReadSession<'_>,
    kind: Kind,
    criteria: &[Criterion],
) -> Result<Vec<(PropertyRef, Predicate)>, InventoryError> {
    let effective = criteria.iter().filter(|criterion| criterion.has_effect());
    effective.map(|criterion| predicate(session, kind, criterion)).collect()
}

impl Criterion {
    /// Returns whether the criterion is more than an empty field of a form.
    fn has_effect(&self) -> bool {
        match self.filter {
            Filter::Empty => true,
            Filter::Inclusion | Filter::Equality | Filter::Regex => !self.value.is_empty(),
        }
    }
}

/// The predicate of a criterion.
fn predicate(
    session: &ReadSession<'_>,
    kind: Kind,
    criterion: &Criterion,
) -> Result<(PropertyRef, Predicate), InventoryError> {
    let Criterion { property, value, filter, invert } = criterion;
    let resolved = PropertyRef::resolve(session, kind, property, Purpose::Compare)?;
    let anchors = match resolved {
        PropertyRef::LongText(_) | PropertyRef::Lines { .. } => Anchors::Lines,
        PropertyRef::Name
        | PropertyRef::Property { .. }
        | PropertyRef::Custom { .. }
        | PropertyRef::Relation(_)
        | PropertyRef::Members(_)
        | PropertyRef::MemberCount(_) => Anchors::Text,
    };
    let comparison = match filter {
        Filter::Inclusion | Filter::Equality | Filter::Regex
            if let Some(truth) = truth_of(&resolved, value) =>
        {
            Comparison::Equality(truth.to_owned())
        }
        Filter::Inclusion => Comparison::inclusion(value),
        Filter::Equality => Comparison::Equality(value.clone()),
        Filter::Empty => Comparison::Empty,
        Filter::Regex => Comparison::regex(value, anchors).map_err(|fault| {
            let property = property.clone();
            InventoryError::Regex { property, detail: fault.detail, position: fault.position }
        })?,
    };
    Ok((resolved, Predicate::Compare { comparison, wanted: !invert }))
}

/// The truth value, as Python spells it, that a criterion of eNMS's forms means: `bool-true` for every
/// property, and `1` as in eNMS's database for a boolean one.
fn truth_of(property: &PropertyRef, value: &str) -> Option<&'static str> {
    let is_boolean = match property {
        PropertyRef::Property { property, .. } => property.type_ == PropertyType::Bool,
        PropertyRef::Custom { default, .. } => {
            matches!(default, Some(PropertyDefault::Bool(_)))
        }
        PropertyRef::Name
        | PropertyRef::Relation(_)
        | PropertyRef::Members(_)
        | PropertyRef::MemberCount(_)
        | PropertyRef::LongText(_)
        | PropertyRef::Lines { .. } => false,
    };
    match value {
        "bool-true" => Some("True"),
        "bool-false" => Some("False"),
        "1" if is_boolean => Some("True"),
        "0" if is_boolean => Some("False"),
        _ => None,
    }
}

/// Makes a column of matching lines show the lines that match the criteria on its text.
fn with_lines(
    column: PropertyRef,
    predicates: &[(PropertyRef, Predicate)],
    context_lines: usize,
) -> PropertyRef {
    let PropertyRef::Lines { text, .. } = column else { return column };
    let comparisons =
        predicates.iter().filter_map(|(property, predicate)| match (property, predicate) {
            (
                PropertyRef::LongText(compared_text),
                Predicate::Compare { comparison, wanted: true },
            ) if *compared_text == text => match comparison {
                Comparison::Inclusion(_) | Comparison::Equality(_) | Comparison::Regex(_) => {
                    Some(comparison.clone())
                }
                Comparison::Empty => None,
            },
            _ => None,
        });
    PropertyRef::Lines { text, comparisons: comparisons.collect(), context_lines }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        inventory::{
            Direction, Order,
            sample::{Row, Sample, column, list, rows},
        },
        model::{Value, View},
    };

    fn request(criteria: &[(&str, &str, Filter, bool)]) -> SearchRequest {
        let criteria = criteria.iter().map(|(property, value, filter, invert)| Criterion {
            property: (*property).to_owned(),
            value: (*value).to_owned(),
            filter: *filter,
            invert: *invert,
        });
        SearchRequest {
            of: Kind::Device.into(),
            columns: vec!["name".to_owned()],
            criteria: criteria.collect(),
            order: None,
            start: 0,
            limit: 10,
            context_lines: 0,
        }
    }

    fn searched(
        sample: &Sample,
        request: &SearchRequest,
    ) -> Result<(Vec<Row>, SearchTotals), InventoryError> {
        rows(|rows| sample.inventory.search(request, rows))
    }

    fn names(sample: &Sample, criteria: &[(&str, &str, Filter, bool)]) -> Vec<String> {
        let (rows, totals) = searched(sample, &request(criteria)).unwrap();
        assert_eq!(totals, SearchTotals { matched: rows.len() as u64, total: 4 });
        column(&rows, "name")
    }

    #[test]
    fn every_filter_matches_and_its_inversion_matches_the_others() {
        use Filter::{Empty, Equality, Inclusion, Regex};
        let sample = Sample::small();
        let all = ["R 1%", "[Shared] x", "gw", "é>b"];
        for (property, value, filter, expected) in [
            ("vendor", "ISC", Inclusion, &["é>b"][..]),
            ("vendor", "ISC", Equality, &[]),
            ("vendor", "Cisco", Equality, &["é>b"]),
            ("vendor", "", Empty, &["R 1%", "[Shared] x", "gw"]),
            ("vendor", "ignored", Empty, &["R 1%", "[Shared] x", "gw"]),
            ("name", r"^.\W", Regex, &["R 1%", "é>b"]),
            ("name", "É", Inclusion, &["é>b"]),
            ("name", "gw", Equality, &["gw"]),
            ("port", "22", Inclusion, &["R 1%", "[Shared] x", "gw", "é>b"]),
            ("port", "22", Equality, &["R 1%", "gw", "é>b"]),
            ("reachable", "true", Equality, &["[Shared] x"]),
            ("reachable", "True", Equality, &["[Shared] x"]),
            ("reachable", "1", Inclusion, &["[Shared] x"]),
            ("reachable", "bool-true", Inclusion, &["[Shared] x"]),
            ("target_services", "shared", Inclusion, &["R 1%"]),
            ("rack", "7", Equality, &["R 1%", "gw"]),
            ("rack", "", Empty, &["[Shared] x", "é>b"]),
            ("links", "L 1", Inclusion, &["R 1%"]),
            ("links", "l 1%", Equality, &["R 1%"]),
            ("links", "", Empty, &["[Shared] x", "gw", "é>b"]),
            ("gateways", "^gw$", Regex, &["R 1%"]),
            ("owners", "adm", Inclusion, &["gw"]),
            ("pools", "cis", Inclusion, &["é>b"]),
        ] {
            assert_eq!(names(&sample, &[(property, value, filter, false)]), expected, "{property}");
            let others: Vec<&str> =
                all.into_iter().filter(|name| !expected.contains(name)).collect();
            assert_eq!(names(&sample, &[(property, value, filter, true)]), others, "{property}");
        }
    }

    #[test]
    fn all_criteria_must_hold_and_empty_ones_are_ignored() {
        use Filter::{Equality, Inclusion, Regex};
        let sample = Sample::small();
        assert_eq!(names(&sample, &[]).len(), 4);
        assert_eq!(
            names(&sample, &[("vendor", "", Inclusion, true), ("nonsense", "", Regex, false)])
                .len(),
            4
        );
        let both = [("rack", "7", Inclusion, false), ("links", "l", Inclusion, true)];
        assert_eq!(names(&sample, &both), ["gw"]);
        let named = [("devices", "R 1%", Equality, false), ("gateways", "gw", Equality, true)];
        assert_eq!(names(&sample, &named), ["[Shared] x", "gw", "é>b"]);
        let none = [("devices", "R 1%", Equality, false), ("name", "R 1%", Equality, false)];
        assert_eq!(names(&sample, &none).len(), 0);
    }

    #[test]
    fn a_page_reports_the_totals() {
        let sample = Sample::small();
        let page = |start, limit, order| {
            let criteria = [("port", "22", Filter::Equality, false)];
            let page = SearchRequest { start, limit, order, ..request(&criteria) };
            let (rows, totals) = searched(&sample, &page).unwrap();
            assert_eq!(totals, SearchTotals { matched: 3, total: 4 }, "{start} {limit}");
            column(&rows, "name")
        };
        assert_eq!(page(0, 2, None), ["R 1%", "gw"]);
        assert_eq!(page(2, 2, None), ["é>b"]);
        assert_eq!(page(7, 2, None).len(), 0);
        assert_eq!(page(0, 0, None).len(), 0);
        let order = |property: &str| {
            Some(Order { property: property.to_owned(), direction: Direction::Descending })
        };
        assert_eq!(page(0, 2, order("name")), ["é>b", "gw"]);
        assert_eq!(page(1, 1, order("type")), ["R 1%"]);
    }

    #[test]
    fn columns_are_shown_in_the_requested_order() {
        let sample = Sample::small();
        let mut search = request(&[("name", "R 1%", Filter::Equality, false)]);
        search.columns = ["port", "gateways", "name", "configuration", "configuration_matches"]
            .map(str::to_owned)
            .into();
        let (rows, _) = searched(&sample, &search).unwrap();
        let expected: Row = [
            ("port", Value::Int(22)),
            ("gateways", list(&["é>b", "[Shared] x", "gw"])),
            ("name", "R 1%".into()),
            ("configuration", Value::Null),
            ("configuration_matches", list(&[])),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        assert_eq!(rows, [expected]);
    }

    #[test]
    fn configurations_are_searched_and_matching_lines_shown() {
        let sample = Sample::small();
        sample.write(
            "R 1%",
            "configuration",
            "hostname R 1%\r\n  interface é\r\n   mtu 9000\r\nend",
        );
        sample.write("gw", "configuration", "hostname gw\nend");
        sample.write("gw", "operational_data", "mtu 1500");
        let found_rows = |criteria: &[(&str, &str, Filter, bool)], context_lines| {
            let columns = ["name", "configuration_matches", "operational_data_matches"];
            let columns = columns.map(str::to_owned).into();
            let search = SearchRequest { columns, context_lines, ..request(criteria) };
            searched(&sample, &search).unwrap().0
        };
        let row = |name: &str, lines: &[&str], others: &[&str]| -> Row {
            vec![
                ("name".to_owned(), name.into()),
                ("configuration_matches".to_owned(), list(lines)),
                ("operational_data_matches".to_owned(), list(others)),
            ]
        };
        let mtu = ("configuration", "MTU", Filter::Inclusion, false);
        assert_eq!(found_rows(&[mtu], 0), [row("R 1%", &["L3: mtu 9000"], &[])]);
        let lines = ["L2: interface é", "L3: mtu 9000", "L4: end"];
        assert_eq!(found_rows(&[mtu], 1), [row("R 1%", &lines, &[])]);
        let both = [
            ("configuration", "^end$", Filter::Regex, false),
            ("operational_data", "mtu", Filter::Inclusion, false),
        ];
        assert_eq!(found_rows(&both, 0), [row("gw", &["L2: end"], &["L1: mtu 1500"])]);
        let without = [("configuration", "mtu", Filter::Inclusion, true)];
        let found = found_rows(&without, 0);
        assert_eq!(column(&found, "name"), ["[Shared] x", "gw", "é>b"]);
        assert!(found.iter().all(|row| row[1].1 == list(&[])));
        let none = [("configuration", "", Filter::Empty, false)];
        assert_eq!(column(&found_rows(&none, 0), "name"), ["[Shared] x", "é>b"]);
        let mut whole = request(&[("name", "gw", Filter::Equality, false)]);
        whole.columns = vec!["operational_data".to_owned()];
        let (rows, _) = searched(&sample, &whole).unwrap();
        assert_eq!(rows, [vec![("operational_data".to_owned(), "mtu 1500".into())]]);
    }

    #[test]
    fn the_ends_of_a_link_have_an_alias() {
        let sample = Sample::small();
        let mut search = request(&[("source_name", "r 1", Filter::Inclusion, false)]);
        search.of = Kind::Link.into();
        search.columns = vec!["name".to_owned(), "destination_name".to_owned()];
        let (rows, totals) = searched(&sample, &search).unwrap();
        assert_eq!(totals, SearchTotals { matched: 2, total: 2 });
        assert_eq!(rows[0][1], ("destination_name".to_owned(), Value::Null));
        assert_eq!(rows[1][1], ("destination_name".to_owned(), "sub".into()));
    }

    #[test]
    fn invalid_expressions_and_unknown_properties_are_refused() {
        let sample = Sample::small();
        match searched(&sample, &request(&[("name", "é(a", Filter::Regex, false)])) {
            Err(InventoryError::Regex { property, position, .. }) => {
                assert_eq!((property.as_str(), position), ("name", 2));
            }
            other => panic!("{other:?}"),
        }
        for property in ["vendr", "unknown property", "configuration_matches"] {
            let result = searched(&sample, &request(&[(property, "x", Filter::Equality, false)]));
            assert!(matches!(result, Err(InventoryError::UnknownProperty { .. })), "{property}");
        }
    }

    /// Returns whether a comparison holds for a shown value: for one of several names, or for one
    /// text.
    fn holds(comparison: &Comparison, value: &Value) -> bool {
        match value {
            Value::List(names) if names.iter().all(|name| name.as_text().is_some()) => {
                let mut names = names.iter().filter_map(Value::as_text);
                match comparison {
                    Comparison::Empty => names.next().is_none(),
                    _ => names.any(|name| comparison.holds(name)),
                }
            }
            other => comparison.holds_of(&View::Value(other)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]

        /// A search finds exactly the instances whose shown value matches.
        #[test]
        fn a_search_finds_the_instances_whose_shown_value_matches(seed in any::<u64>(), upside_down in any::<bool>()) {
            let sample = Sample::random(seed);
            for kind in Kind::ALL {
                let all: Vec<(String, Row)> =
                    sample.names(kind).into_iter().map(|n| (n.clone(), sample.shown(kind, &n))).collect();
                let mut found_any = 0;
                for (word, value) in &all[0].1 {
                    let name = value.as_text().unwrap_or("R 1% device");
                    for (filter, text) in [
                        (Filter::Inclusion, "C"),
                        (Filter::Regex, "^R|2$"),
                        (Filter::Empty, ""),
                        (Filter::Equality, name),
                    ] {
                        let comparison = match filter {
                            Filter::Inclusion => Comparison::inclusion(text),
                            Filter::Regex => Comparison::regex(text, Anchors::Text).unwrap(),
                            Filter::Empty => Comparison::Empty,
                            Filter::Equality if text.is_empty() => continue,
                            Filter::Equality => Comparison::Equality(text.to_owned()),
                        };
                        let invert = upside_down == (filter == Filter::Equality);
                        let of = |row: &Row| {
                            let found = row.iter().find(|(known, _)| known == word);
                            found.map_or(Value::Null, |(_, value)| value.clone())
                        };
                        let expected: Vec<&str> = all
                            .iter()
                            .filter(|(_, row)| holds(&comparison, &of(row)) != invert)
                            .map(|(name, _)| name.as_str())
                            .collect();
                        let criteria = [(word.as_str(), text, filter, invert)];
                        let (rows, totals) =
                            searched(&sample, &SearchRequest { of: kind.into(), ..request(&criteria) }).unwrap();
                        prop_assert_eq!(column(&rows, "name"), expected, "{} {:?}", kind, criteria);
                        prop_assert_eq!(totals.total, 5);
                        found_any += totals.matched;
                    }
                }
                prop_assert!(found_any > 0);
            }
        }
    }
}
