//! What anyone may ask: what this is, and whether it lives.

use hyper::StatusCode;
use serde::Serialize;

use super::docs;
use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::http::routes::ROUTES;

/// `GET /`
pub(in crate::http) async fn welcome(_call: Call) -> Result<Response, Problem> {
    let routes =
        ROUTES.iter().map(|route| format!("{:6} {}\n", route.method.as_str(), route.pattern));
    docs::welcome(&routes.collect::<String>())
}

/// As eNMS answers when it is not part of a cluster.
#[derive(Serialize)]
struct Alive<'a> {
    name: &'a str,
    cluster_id: bool,
}

/// `GET /rest/is_alive`
pub(in crate::http) async fn is_alive(call: Call) -> Result<Response, Problem> {
    response::json(StatusCode::OK, &Alive { name: &call.app.name, cluster_id: true })
}
