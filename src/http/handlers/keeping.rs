//! `state`, `verify` and `undo`: the inventory as a whole.

use hyper::StatusCode;

use crate::http::blocking::Lane;
use crate::http::options::DRY_RUN;
use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::import::Mode;

/// `GET /rest/state`
pub(in crate::http) async fn state(call: Call) -> Result<Response, Problem> {
    let inventory = call.app.inventory.clone();
    let state = call.app.blocking.run(Lane::Operation, move || inventory.state()).await??;
    response::json(StatusCode::OK, &state)
}

/// `POST /rest/verify`
pub(in crate::http) async fn verify(call: Call) -> Result<Response, Problem> {
    let inventory = call.app.inventory.clone();
    let report = call.app.blocking.run(Lane::Operation, move || inventory.verify()).await??;
    response::json(StatusCode::OK, &report)
}

/// `POST /rest/undo`. Once begun, it goes on when the client leaves.
pub(in crate::http) async fn undo(call: Call) -> Result<Response, Problem> {
    let mode = if call.options.is_on(&DRY_RUN) { Mode::DryRun } else { Mode::Apply };

    let inventory = call.app.inventory.clone();
    let report = call.app.blocking.run(Lane::Operation, move || inventory.undo(mode)).await??;
    response::json(StatusCode::OK, &report)
}
