//! All instances of a kind, paged and ordered.

use super::{
    ListRequest, RowSink,
    rows::{RowOrder, RowQuery, RowShape, send_parts},
    selection::{Predicate, Selection},
};
use crate::{
    inventory::{Inventory, InventoryError},
    model::{InstanceType, Kind},
};

impl Inventory {
    /// Sends a page of the instances of a type, and returns the number of all its instances. Of nodes,
    /// the devices come before the networks.
    ///
    /// If the order is by name, rows are sent while they are read, and rows before the page are not
    /// decoded.
    /// In another order, every record is read before the first row is sent. Without columns, a row
    /// shows the instance's own properties, without its referrers.
    ///
    /// # Errors
    /// [`InventoryError::UnknownProperty`] for a column or an order that resembles a known name and
    /// that no record has; any other unknown name shows null. [`InventoryError::Store`] if the
    /// inventory cannot be read.
    pub fn list(
        &self,
        of: impl Into<InstanceType>,
        request: &ListRequest,
        rows: &mut RowSink<'_>,
    ) -> Result<u64, InventoryError> {
        let of = of.into();
        let session = self.session();
        let part = |kind: Kind| -> Result<_, InventoryError> {
            let predicates = Predicate::of_type(kind, &of).into_iter().collect();
            Ok(RowQuery {
                selection: Selection::new(&session, kind, predicates)?,
                order: RowOrder::resolve(&session, kind, request.order.as_ref())?,
                start: request.start,
                limit: request.limit,
                shape: RowShape::resolve(&session, kind, &request.columns, |property| property)?,
            })
        };
        let parts: Vec<_> =
            of.kinds().iter().copied().map(part).collect::<Result<_, InventoryError>>()?;
        send_parts(parts, &session, rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::{
            Direction, Flow, Order,
            sample::{Row, Sample, column, list, object, rows},
        },
        model::Value,
    };

    fn listed(sample: &Sample, kind: Kind, request: &ListRequest) -> (Vec<Row>, u64) {
        rows(|rows| sample.inventory.list(kind, request, rows)).unwrap()
    }

    fn names(sample: &Sample, request: &ListRequest) -> Vec<String> {
        column(&listed(sample, Kind::Device, request).0, "name")
    }

    fn by(property: &str, direction: Direction) -> ListRequest {
        let order = Some(Order { property: property.to_owned(), direction });
        ListRequest { order, ..ListRequest::default() }
    }

    #[test]
    fn pages_are_slices_of_the_complete_list() {
        let sample = Sample::small();
        let all = ["R 1%", "[Shared] x", "gw", "é>b"];
        for start in 0..6 {
            for limit in [None, Some(0), Some(1), Some(3), Some(u64::MAX)] {
                let request = ListRequest { start, limit, ..ListRequest::default() };
                let (rows, total) = listed(&sample, Kind::Device, &request);
                let count = limit.map_or(usize::MAX, |limit| limit as usize);
                let expected: Vec<&str> =
                    all.into_iter().skip(start as usize).take(count).collect();
                assert_eq!(column(&rows, "name"), expected, "{request:?}");
                assert_eq!(total, 4);
                let ordered = ListRequest { start, limit, ..by("name", Direction::Descending) };
                let expected: Vec<&str> =
                    all.into_iter().rev().skip(start as usize).take(count).collect();
                assert_eq!(names(&sample, &ordered), expected, "{ordered:?}");
            }
        }
    }

    #[test]
    fn a_page_of_nodes_goes_from_devices_to_networks() {
        let sample = Sample::small();
        let all = ["R 1%", "[Shared] x", "gw", "é>b", "net [x]", "sub"];
        for start in 0..8 {
            for limit in [None, Some(0), Some(1), Some(3)] {
                let request = ListRequest { start, limit, ..ListRequest::default() };
                let (found, total) =
                    rows(|rows| sample.inventory.list(InstanceType::Node, &request, rows)).unwrap();
                let count = limit.map_or(usize::MAX, |limit| limit as usize);
                let expected: Vec<&str> =
                    all.into_iter().skip(start as usize).take(count).collect();
                assert_eq!(
                    (column(&found, "name"), total),
                    (expected.iter().map(|n| (*n).to_owned()).collect(), 6),
                    "{request:?}"
                );
            }
        }
    }

    #[test]
    fn a_row_without_columns_shows_the_records_own_properties() {
        let sample = Sample::small();
        let (all, _) = listed(&sample, Kind::Device, &ListRequest::default());
        let shown = sample.shown(Kind::Device, "R 1%");
        let own: Row = shown
            .into_iter()
            .filter(|(name, _)| {
                !["links", "networks", "pools", "services", "tasks"].contains(&name.as_str())
            })
            .map(|(name, value)| match name.as_str() {
                "gateways" => (name, list(&["é>b", "[Shared] x"])),
                _ => (name, value),
            })
            .collect();
        assert_eq!(all[0], own);
        let (links, _) = listed(&sample, Kind::Link, &ListRequest::default());
        let source = links[0].iter().find(|(name, _)| name == "source_name");
        assert_eq!(source.unwrap().1, "R 1%".into());
    }

    #[test]
    fn columns_are_shown_in_the_requested_order() {
        let sample = Sample::small();
        let columns =
            ["rack", "links", "port", "name", "gateways", "port", "unknown property", "devices"];
        let columns = columns.map(str::to_owned).to_vec();
        let request = ListRequest { columns, limit: Some(1), ..ListRequest::default() };
        let (all, total) = listed(&sample, Kind::Device, &request);
        let expected: Row = [
            ("rack", Value::Int(7)),
            ("links", list(&["..>l", "l 1%"])),
            ("port", Value::Int(22)),
            ("name", "R 1%".into()),
            ("gateways", list(&["é>b", "[Shared] x", "gw"])),
            ("unknown property", Value::Null),
            ("devices", list(&[])),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        assert_eq!((all, total), (vec![expected], 4));
    }

    #[test]
    fn columns_of_pools_show_their_members() {
        let sample = Sample::small();
        let columns = ["name", "devices", "device_number", "links", "link_number"];
        let request =
            ListRequest { columns: columns.map(str::to_owned).into(), ..ListRequest::default() };
        let (all, _) = listed(&sample, Kind::Pool, &request);
        for row in all {
            let name = row[0].1.as_text().unwrap();
            for (column, value) in &row {
                assert_eq!(*value, sample.shown_property(Kind::Pool, name, column), "{name}");
            }
        }
    }

    #[test]
    fn rows_are_sorted_by_any_property() {
        let sample = Sample::small();
        let down = |property| names(&sample, &by(property, Direction::Descending));
        let up = |property| names(&sample, &by(property, Direction::Ascending));
        assert_eq!(up("port"), ["R 1%", "gw", "é>b", "[Shared] x"]);
        assert_eq!(
            down("port"),
            ["[Shared] x", "R 1%", "gw", "é>b"],
            "rows with equal values are \
                         sorted by name"
        );
        // Null, then numbers, then texts.
        assert_eq!(up("rack"), ["[Shared] x", "é>b", "R 1%", "gw"]);
        assert_eq!(down("rack"), ["gw", "R 1%", "[Shared] x", "é>b"]);
        assert_eq!(down("links")[0], "R 1%");
        assert_eq!(up("vendor")[0], "R 1%", "null comes before the empty text");
        assert_eq!(up("unknown property"), names(&sample, &ListRequest::default()));
    }

    #[test]
    fn a_misspelled_property_is_refused_and_a_custom_one_shown() {
        let sample = Sample::small();
        let try_column = |column: &str| {
            let request =
                ListRequest { columns: vec![column.to_owned()], ..ListRequest::default() };
            rows(|rows| sample.inventory.list(Kind::Device, &request, rows))
        };
        for (slip, near) in
            [("vendro", "vendor"), ("gateway", "gateways"), ("configuratin", "configuration")]
        {
            match try_column(slip) {
                Err(InventoryError::UnknownProperty { kind: Kind::Device, property, nearest }) => {
                    assert_eq!((property.as_str(), nearest.as_deref()), (slip, Some(near)));
                }
                other => panic!("{slip}: {other:?}"),
            }
        }
        assert!(try_column("unknown property").is_ok());
        sample.put(Kind::Device, object(&[("name", "z".into()), ("vendro", "x".into())]));
        assert!(try_column("vendro").is_ok(), "some record has it");
        let secret = ListRequest { columns: vec!["password".to_owned()], ..ListRequest::default() };
        let refused = rows(|rows| sample.inventory.list(Kind::User, &secret, rows));
        assert!(matches!(refused, Err(InventoryError::UnknownProperty { .. })));
        let ordered = by("vendr", Direction::Ascending);
        let refused = rows(|rows| sample.inventory.list(Kind::Device, &ordered, rows));
        assert!(matches!(refused, Err(InventoryError::UnknownProperty { .. })));
    }

    #[test]
    fn a_receiver_that_stops_gets_no_more_rows() {
        let sample = Sample::small();
        for request in [ListRequest::default(), by("port", Direction::Ascending)] {
            let mut seen = 0;
            let mut stop = |_: &crate::inventory::InstanceRow<'_>| {
                seen += 1;
                Flow::Stop
            };
            sample.inventory.list(Kind::Device, &request, &mut stop).unwrap();
            assert_eq!(seen, 1);
        }
    }
}
