//! The handlers of `GET instance/{kind}` and `query/{kind}`: the instances of one kind.

use super::{X_TOTAL_COUNT, instance_type, rows};
use crate::{
    http::{
        accept::RowFormat,
        call::Call,
        problem::{Problem, RequestLocation},
        query_string::Query,
        response::Response,
    },
    inventory::{Direction, InventoryError, ListRequest, Order, RowSink},
    model::{InstanceType, Kind},
};

/// Handles `GET /rest/instance/{kind}`.
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let of = instance_type(&call)?;
    let request = parse_list(&call.query)?;
    let format = RowFormat::preferred(&call.headers);

    // The number of instances of an exact type is known only after they are read.
    let total = match of {
        InstanceType::Kind(_) | InstanceType::Node => Some(count(&call, of.kinds()).await?),
        InstanceType::Exact { .. } => None,
    };
    let (client, inventory) = rows::Client::of(&call)?;
    let ordered = request.order.clone();
    let location = move |property: &str| {
        let is_order = ordered.is_some_and(|order| order.property == property);
        RequestLocation::QueryParameter(if is_order { "order" } else { "columns" }.to_owned())
    };
    let list = move |rows: &mut RowSink<'_>| inventory.list(of, &request, rows);
    let problem = Box::new(|error| Problem::of_inventory(error, location));
    let streamed = rows::respond(&call.app, client, format, Box::new(list), problem).await?;

    // The count from before the read, because the head of a stream is sent before its end.
    let mut response = streamed.response;
    if let Some(total) = streamed.result.or(total) {
        response.headers_mut().insert(X_TOTAL_COUNT, total.into());
    }
    Ok(response)
}

/// Returns the number of instances of these kinds.
async fn count(call: &Call, kinds: &'static [Kind]) -> Result<u64, Problem> {
    let inventory = call.inventory();
    let count = move || -> Result<u64, InventoryError> {
        let mut count = 0;
        for kind in kinds {
            count += inventory.count_of(*kind)?;
        }
        Ok(count)
    };
    Ok(call.app.blocking.run(call.count_lane(), count).await??)
}

/// Reads the request of a list.
///
/// # Errors
/// 400 for a wrong number or a repeated parameter.
fn parse_list(query: &Query) -> Result<ListRequest, Problem> {
    let columns = query.all("columns").flat_map(|columns| columns.split(','));
    Ok(ListRequest {
        start: query.number("start")?.unwrap_or(0),
        limit: query.number("limit")?,
        columns: columns.filter(|column| !column.is_empty()).map(str::to_owned).collect(),
        order: query.one("order")?.filter(|order| !order.is_empty()).map(order),
    })
}

/// Reads a sort order: `name`, `-name`, `name:asc` or `name:desc`.
fn order(text: &str) -> Order {
    let (property, direction) = match text.rsplit_once(':') {
        Some((property, "desc")) => (property, Direction::Descending),
        Some((property, "asc")) => (property, Direction::Ascending),
        Some(_) | None => match text.strip_prefix('-') {
            Some(property) => (property, Direction::Descending),
            None => (text, Direction::Ascending),
        },
    };
    Order { property: property.to_owned(), direction }
}

/// Handles `GET /rest/query/{kind}?property=value&…`.
pub(in crate::http) async fn query(call: Call) -> Result<Response, Problem> {
    let of = instance_type(&call)?;
    let format = RowFormat::preferred(&call.headers);
    let (client, inventory) = rows::Client::of(&call)?;
    let filters = call.query.into_pairs();

    let query = move |rows: &mut RowSink<'_>| inventory.query(of, &filters, rows);
    let location = |property: &str| RequestLocation::QueryParameter(property.to_owned());
    let problem = Box::new(move |error| Problem::of_inventory(error, location));
    let streamed = rows::respond(&call.app, client, format, Box::new(query), problem).await?;

    let mut response = streamed.response;
    if let Some(matched) = streamed.result {
        response.headers_mut().insert(X_TOTAL_COUNT, matched.into());
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_two_forms() {
        use Direction::{Ascending, Descending};
        for (text, property, direction) in [
            ("name", "name", Ascending),
            ("-name", "name", Descending),
            ("name:desc", "name", Descending),
            ("name:asc", "name", Ascending),
            ("a:b", "a:b", Ascending),
            ("a:b:desc", "a:b", Descending),
        ] {
            assert_eq!(order(text), Order { property: property.to_owned(), direction }, "{text}");
        }
    }
}
