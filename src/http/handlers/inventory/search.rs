//! `POST search`: instances that meet criteria, columns of them.

use super::search_body::parse_search;
use super::{X_KIND_COUNT, X_TOTAL_COUNT};
use crate::http::accept::RowForm;
use crate::http::problem::{Place, Problem, escape_pointer};
use crate::http::request::Call;
use crate::http::response::Response;
use crate::http::rows;
use crate::inventory::{RowSink, SearchRequest};

/// `POST /rest/search`
pub(in crate::http) async fn search(call: Call) -> Result<Response, Problem> {
    let Call { app, headers, mut body, .. } = call;
    let request = parse_search(body.json_object(&headers, &app.room).await?)?;
    let form = RowForm::preferred(&headers);

    let inventory = app.inventory.clone();
    let asked = request.clone();
    let search = move |rows: &mut RowSink<'_>| inventory.search(&request, rows);
    let problem =
        Box::new(move |error| Problem::of_inventory(error, |property| place(&asked, property)));
    let answered = rows::answer(&app, form, Box::new(search), problem).await?;

    let mut response = answered.response;
    if let Some(totals) = answered.outcome {
        response.headers_mut().insert(X_TOTAL_COUNT, totals.matched.into());
        response.headers_mut().insert(X_KIND_COUNT, totals.total.into());
    }
    Ok(response)
}

/// Where the body speaks of a property.
fn place(request: &SearchRequest, property: &str) -> Place {
    let in_criteria = || request.criteria.iter().any(|criterion| criterion.property == property);
    let column = request.columns.iter().position(|column| column == property);
    Place::Pointer(match column {
        _ if in_criteria() => format!("/search_criteria/{}", escape_pointer(property)),
        Some(column) => format!("/columns/{column}"),
        None => "/order/0/column".to_owned(),
    })
}
