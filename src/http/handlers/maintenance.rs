//! `state`, `verify` and `undo`: the inventory as a whole.

use hyper::StatusCode;

use crate::http::blocking::Lane;
use crate::http::operations::{self, Answered, Asking, Reply};
use crate::http::options::DRY_RUN;
use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::import::Mode;
use crate::job::{self, About, Operation, Progress};

/// `GET /rest/state`
pub(in crate::http) async fn state(call: Call) -> Result<Response, Problem> {
    let inventory = call.app.inventory.clone();
    let state = call.app.blocking.run(Lane::Operation, move || inventory.state()).await??;
    response::json(StatusCode::OK, &state)
}

/// `POST /rest/verify`. It is cancelled when a client that waits for it leaves.
pub(in crate::http) async fn verify(call: Call) -> Result<Response, Problem> {
    let Call { app, id, caller, headers, .. } = call;
    let about = About {
        operation: Operation::Verify,
        subject: None,
        mode: job::Mode::Apply,
        user: caller.require_principal()?.name.clone(),
    };
    let inventory = app.inventory.clone();
    let verify = move |progress: &Progress| {
        let report = inventory.verify(progress)?;
        Answered::json(StatusCode::OK, &report, &*report.summary)
    };
    let asking = Asking { app, id, reply: Reply::preferred(&headers) };
    operations::run(asking, about, Box::new(verify)).await?.into_response()
}

/// `POST /rest/undo`. Once begun, it goes on when the client leaves.
pub(in crate::http) async fn undo(call: Call) -> Result<Response, Problem> {
    let mode = if call.options.is_on(&DRY_RUN) { Mode::DryRun } else { Mode::Apply };

    let inventory = call.app.inventory.clone();
    let report = call.app.blocking.run(Lane::Operation, move || inventory.undo(mode)).await??;
    response::json(StatusCode::OK, &report)
}
