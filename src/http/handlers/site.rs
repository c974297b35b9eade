//! What anyone may ask: what this is, and whether it lives.

use hyper::StatusCode;
use serde::Serialize;

use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::{self, HTML, Response};

const WELCOME: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Satchel</title>
<h1>Satchel</h1>
<p>A network inventory in one file. It is moved in and out over REST:</p>
<pre>
GET    /rest/is_alive
POST   /rest/migrate/export
POST   /rest/migrate/import
GET    /rest/migrate/projects
GET    /rest/migrate/projects/NAME
PUT    /rest/migrate/projects/NAME
DELETE /rest/migrate/projects/NAME
</pre>
</html>
";

/// `GET /`
pub(in crate::http) async fn welcome(_call: Call) -> Result<Response, Problem> {
    Ok(response::whole(StatusCode::OK, HTML, WELCOME))
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
