//! The handlers that compute pools, and count the instances of each kind.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::{
    blocking::Lane, call::Call, json_response, problem::Problem, response::Response,
};

/// The result of computing the members of all pools.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "UpdatedPools")]
pub(in crate::http) struct Updated<'a> {
    /// The number of pools whose members were computed.
    computed: u64,
    /// The number of pools whose members changed.
    changed: u64,
    /// The pools that could not be computed and keep their members.
    kept: Vec<Kept<'a>>,
}

/// A pool that could not be computed and keeps its members.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "KeptPool")]
pub(in crate::http) struct Kept<'a> {
    /// The name of the pool.
    name: &'a str,
    /// A sentence with the reason why it could not be computed.
    reason: &'a str,
}

/// Handles `POST /rest/update_all_pools`.
pub(in crate::http) async fn update_all(call: Call) -> Result<Response, Problem> {
    let origin = call.origin()?;
    let inventory = call.inventory();
    let update = move || inventory.update_pools(None, &origin);
    let report = call.app.blocking.run(Lane::Operation, update).await??;

    let kept = report.kept.iter().map(|(name, reason)| Kept { name, reason }).collect();
    let updated = Updated { computed: report.computed, changed: report.changed, kept };
    json_response::json(StatusCode::OK, &updated)
}

/// Handles `GET /rest/count`.
pub(in crate::http) async fn count(call: Call) -> Result<Response, Problem> {
    let inventory = call.inventory();
    let counts = call.app.blocking.run(call.count_lane(), move || inventory.count()).await??;

    let mut counted = Map::new();
    for (kind, count) in counts.iter() {
        counted.insert(kind.as_str().to_owned(), Value::from(*count));
    }
    json_response::json(StatusCode::OK, &counted)
}
