//! Pools computed on request, and the number of instances of each kind.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::blocking::Lane;
use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::{self, Response};

#[derive(Serialize)]
struct Updated<'a> {
    computed: u64,
    changed: u64,
    kept: Vec<Kept<'a>>,
}

#[derive(Serialize)]
struct Kept<'a> {
    name: &'a str,
    reason: &'a str,
}

/// `POST /rest/update_all_pools`
pub(in crate::http) async fn update_all(call: Call) -> Result<Response, Problem> {
    let inventory = call.app.inventory.clone();
    let report =
        call.app.blocking.run(Lane::Operation, move || inventory.update_pools(None)).await??;

    let kept = report.kept.iter().map(|(name, reason)| Kept { name, reason }).collect();
    let updated = Updated { computed: report.computed, changed: report.changed, kept };
    response::json(StatusCode::OK, &updated)
}

/// `GET /rest/count`
pub(in crate::http) async fn count(call: Call) -> Result<Response, Problem> {
    let inventory = call.app.inventory.clone();
    let counts = call.app.blocking.run(Lane::Quick, move || inventory.count()).await??;

    let mut counted = Map::new();
    for (kind, count) in counts.iter() {
        counted.insert(kind.as_str().to_owned(), Value::from(*count));
    }
    response::json(StatusCode::OK, &counted)
}
