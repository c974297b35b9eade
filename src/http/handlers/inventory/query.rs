//! `GET instance/{kind}` and `query/{kind}`: instances of one kind, row by row.

use super::{X_TOTAL_COUNT, kind};
use crate::http::accept::RowForm;
use crate::http::blocking::Lane;
use crate::http::problem::{Place, Problem};
use crate::http::query_string::Query;
use crate::http::request::Call;
use crate::http::response::Response;
use crate::http::rows;
use crate::inventory::{Direction, ListRequest, Order, RowSink};

/// `GET /rest/instance/{kind}`
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let kind = kind(&call)?;
    let request = parse_list(&call.query)?;
    let form = RowForm::preferred(&call.headers);

    let inventory = call.app.inventory.clone();
    let total = call.app.blocking.run(Lane::Quick, move || inventory.count()).await??[kind];
    let inventory = call.app.inventory.clone();
    let ordered = request.order.clone();
    let place = move |property: &str| {
        let is_order = ordered.is_some_and(|order| order.property == property);
        Place::QueryParameter(if is_order { "order" } else { "columns" }.to_owned())
    };
    let list = move |rows: &mut RowSink<'_>| inventory.list(kind, &request, rows);
    let problem = Box::new(|error| Problem::of_inventory(error, place));
    let answered = rows::answer(&call.app, form, Box::new(list), problem).await?;

    // Counted before: a stream's head leaves before its end.
    let mut response = answered.response;
    response.headers_mut().insert(X_TOTAL_COUNT, answered.outcome.unwrap_or(total).into());
    Ok(response)
}

fn parse_list(query: &Query) -> Result<ListRequest, Problem> {
    let columns = query.all("columns").flat_map(|columns| columns.split(','));
    Ok(ListRequest {
        start: query.number("start")?.unwrap_or(0),
        limit: query.number("limit")?,
        columns: columns.filter(|column| !column.is_empty()).map(str::to_owned).collect(),
        order: query.one("order")?.filter(|order| !order.is_empty()).map(order),
    })
}

/// `name`, `-name`, `name:asc` or `name:desc`.
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

/// `GET /rest/query/{kind}?property=value&…`
pub(in crate::http) async fn query(call: Call) -> Result<Response, Problem> {
    let kind = kind(&call)?;
    let form = RowForm::preferred(&call.headers);
    let filters = call.query.into_pairs();

    let inventory = call.app.inventory.clone();
    let query = move |rows: &mut RowSink<'_>| inventory.query(kind, &filters, rows);
    let place = |property: &str| Place::QueryParameter(property.to_owned());
    let problem = Box::new(move |error| Problem::of_inventory(error, place));
    let answered = rows::answer(&call.app, form, Box::new(query), problem).await?;

    let mut response = answered.response;
    if let Some(matched) = answered.outcome {
        response.headers_mut().insert(X_TOTAL_COUNT, matched.into());
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_in_both_spellings() {
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
