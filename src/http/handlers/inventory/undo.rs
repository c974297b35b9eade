//! `POST /rest/undo`

use hyper::StatusCode;

use crate::http::blocking::Lane;
use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::import::Mode;

/// `POST /rest/undo`
pub(in crate::http) async fn undo(call: Call) -> Result<Response, Problem> {
    let mode = if call.query.switch("dry_run")? { Mode::DryRun } else { Mode::Apply };

    let inventory = call.app.inventory.clone();
    let report = call.app.blocking.run(Lane::Operation, move || inventory.undo(mode)).await??;

    response::json(StatusCode::OK, &report)
}
