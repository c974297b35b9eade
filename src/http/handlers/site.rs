//! The front page, and whether the server runs.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{console, docs};
use crate::http::{
    accept::wants_page, call::Call, json_response, problem::Problem, response::Response,
};

/// Handles `GET /`: leads browsers to the console.
pub(in crate::http) async fn front_page(call: Call) -> Result<Response, Problem> {
    if wants_page(&call.headers) {
        return Ok(console::lead_to());
    }
    let routes = call.app.routes.iter();
    let lines = routes.map(|route| format!("{:6} {}\n", route.method.as_str(), route.pattern));
    docs::front_page(&lines.collect::<String>(), &call)
}

/// The state of the server, as an eNMS that is not part of a cluster reports it.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct Alive<'a> {
    /// The name of the server.
    name: &'a str,
    /// Always false: the server is not part of a cluster.
    cluster_id: bool,
}

/// Handles `GET /rest/is_alive`.
pub(in crate::http) async fn is_alive(call: Call) -> Result<Response, Problem> {
    json_response::json(StatusCode::OK, &Alive { name: &call.app.name, cluster_id: true })
}
