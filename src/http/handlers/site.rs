//! What anyone may ask: what this is, and whether it lives.

use hyper::StatusCode;
use serde::Serialize;

use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::{self, HTML, Response};
use crate::http::routes::ROUTES;

/// The page of the root. The list of routes stands in the middle.
const WELCOME: [&str; 2] = [
    "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Satchel</title>
<h1>Satchel</h1>
<p>A network inventory in one file. This server answers:</p>
<pre>
",
    "</pre>
</html>
",
];

/// `GET /`
pub(in crate::http) async fn welcome(_call: Call) -> Result<Response, Problem> {
    let routes =
        ROUTES.iter().map(|route| format!("{:6} {}\n", route.method.as_str(), route.pattern));
    let page = WELCOME.join(&routes.collect::<String>());
    Ok(response::whole(StatusCode::OK, HTML, page))
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
