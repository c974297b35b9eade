//! The handler of `POST search`: the chosen columns of instances that match criteria.

use super::{X_KIND_COUNT, X_TOTAL_COUNT, rows, search_body::parse_search};
use crate::{
    http::{
        accept::RowFormat,
        call::Call,
        problem::{Problem, RequestLocation, escape_pointer},
        response::Response,
    },
    inventory::{RowSink, SearchRequest},
};

/// Handles `POST /rest/search`.
pub(in crate::http) async fn search(call: Call) -> Result<Response, Problem> {
    let (client, inventory) = rows::Client::of(&call)?;
    let Call { app, headers, mut body, .. } = call;
    let request = parse_search(body.json_object(&headers, &app.body_memory).await?)?;
    let format = RowFormat::preferred(&headers);

    let searched = request.clone();
    let search = move |rows: &mut RowSink<'_>| inventory.search(&request, rows);
    let problem = Box::new(move |error| {
        Problem::of_inventory(error, |property| location(&searched, property))
    });
    let streamed = rows::respond(&app, client, format, Box::new(search), problem).await?;

    let mut response = streamed.response;
    if let Some(totals) = streamed.result {
        response.headers_mut().insert(X_TOTAL_COUNT, totals.matched.into());
        response.headers_mut().insert(X_KIND_COUNT, totals.total.into());
    }
    Ok(response)
}

/// Returns the location in the body that contains a property's name.
fn location(request: &SearchRequest, property: &str) -> RequestLocation {
    let in_criteria = || request.criteria.iter().any(|criterion| criterion.property == property);
    let column = request.columns.iter().position(|column| column == property);
    RequestLocation::Pointer(match column {
        _ if in_criteria() => format!("/search_criteria/{}", escape_pointer(property)),
        Some(column) => format!("/columns/{column}"),
        None => "/order/0/column".to_owned(),
    })
}
