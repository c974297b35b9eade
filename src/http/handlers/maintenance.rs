//! The handlers of `state`, `verify` and `undo`: the inventory as a whole.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    access::RightsModel,
    audit::AuditState,
    backup::{BackupSchedule, BackupScheduleState},
    codec::workbook::Protections,
    http::{
        blocking::Lane,
        call::Call,
        json_response,
        operations::{self, OperationCall, OperationResult, ResponseMode},
        options::{CHANGE, DRY_RUN, KEEP, ON_CONFLICT},
        problem::Problem,
        response::Response,
    },
    import::Mode,
    inventory::{ChangeUndoRequest, InventoryState, OnConflict},
    job::{self, About, Operation, Progress},
};

/// The state of the server.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct State {
    /// The state of the inventory.
    #[serde(flatten)]
    inventory: InventoryState,
    /// Who decides about the rights of users who are not administrators. Absent if a command works on
    /// the data directory without a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    rights: Option<RightsModel>,
    /// The restrictions that the kernel enforces for the processes that decode workbooks. `null` if no such
    /// process can be started.
    decoder: Option<Protections>,
    /// The state of the audit log.
    audit: AuditState,
    /// The scheduled backups; `null` if none are scheduled.
    backup_schedule: Option<BackupScheduleState>,
}

/// Handles `GET /rest/state`.
pub(in crate::http) async fn state(call: Call) -> Result<Response, Problem> {
    let inventory = call.inventory();
    let app = call.app.clone();
    let read = move || (inventory.state(), app.topology.decoder_protections());
    let (inventory, decoder) = call.app.blocking.run(Lane::Operation, read).await?;
    let audit = call.app.audit.state();
    let backup_schedule = call.app.schedule.as_ref().map(BackupSchedule::state);
    let rights = call.app.rights;
    let state = State { inventory: inventory?, rights, decoder, audit, backup_schedule };
    json_response::json(StatusCode::OK, &state)
}

/// Handles `POST /rest/verify`. The verification is cancelled if a waiting client disconnects.
pub(in crate::http) async fn verify(call: Call) -> Result<Response, Problem> {
    let inventory = call.inventory();
    let Call { app, id, caller, headers, .. } = call;
    let about = About {
        operation: Operation::Verify,
        subject: None,
        mode: job::Mode::Apply,
        user: caller.require_principal()?.name.clone(),
    };
    let verify = move |progress: &Progress| {
        let report = inventory.verify(progress)?;
        OperationResult::json(StatusCode::OK, &report, &*report.summary)
    };
    let call = OperationCall { app, id, mode: ResponseMode::preferred(&headers) };
    Ok(operations::run(call, about, Box::new(verify)).await?.into_response())
}

/// Handles `POST /rest/undo`. Once started, the undo continues if the client disconnects.
pub(in crate::http) async fn undo(call: Call) -> Result<Response, Problem> {
    let mode = if call.options.is_on(&DRY_RUN) { Mode::DryRun } else { Mode::Apply };
    let on_conflict = match call.options.text(&ON_CONFLICT) {
        Some(KEEP) => OnConflict::Keep,
        Some(_) | None => OnConflict::Refuse,
    };
    let (number, origin) = (call.options.whole(&CHANGE), call.origin()?);
    let request = ChangeUndoRequest { number, mode, on_conflict, origin };

    let inventory = call.inventory();
    let undo = move || inventory.undo_change(&request);
    let report = call.app.blocking.run(Lane::Operation, undo).await??;

    json_response::json(StatusCode::OK, &report)
}
