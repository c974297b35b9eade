//! The handlers of `migrate/export`, `migrate/import` and the reports of imports.

use hyper::StatusCode;

use super::{
    migration_options::{export_request, import_request},
    reports::{ExportResponse, ImportLinks, import_result, job_mode},
};
use crate::{
    http::{
        blocking::Lane,
        call::Call,
        caller::Caller,
        download,
        operations::{self, OperationCall, OperationResult, ResponseMode},
        paths,
        problem::{Problem, ProblemKind},
        response::Response,
    },
    import::ImportError,
    job::{self, About, Operation, Progress},
    model::Kind,
};

/// Handles `POST /rest/migrate/export`. The export is cancelled if a waiting client disconnects.
pub(in crate::http) async fn export(call: Call) -> Result<Response, Problem> {
    let Call { app, id, caller, headers, options, .. } = call;
    let request = export_request(&options)?;
    let about = About {
        operation: Operation::ExportProject,
        subject: Some(request.name.to_string()),
        mode: job::Mode::Apply,
        user: caller.require_principal()?.name.clone(),
    };

    let migration = app.migration.clone();
    let export = move |progress: &Progress| {
        let report = migration.export(&request, progress)?;
        let download = paths::PROJECT.path([request.name.as_str()]);
        let response = ExportResponse { report: &report, download: &download };
        let outcome = format!("The project “{}” was written.", request.name);
        OperationResult::json(StatusCode::OK, &response, outcome)
    };
    let call = OperationCall { app, id, mode: ResponseMode::preferred(&headers) };
    Ok(operations::run(call, about, Box::new(export)).await?.into_response())
}

/// Handles `POST /rest/migrate/import`. Once started, an import continues if the client
/// disconnects; a dry run is cancelled.
pub(in crate::http) async fn import(call: Call) -> Result<Response, Problem> {
    let origin = call.origin()?;
    let Call { app, id, caller, headers, options, .. } = call;
    let request = import_request(&options)?;
    require_types(&caller, &request.kinds)?;

    let about = About {
        operation: Operation::ImportProject,
        subject: Some(request.name.to_string()),
        mode: job_mode(request.mode),
        user: origin.principal.clone(),
    };

    let migration = app.migration.clone();
    let import = move |progress: &Progress| {
        let report = migration.import(&request, &origin, progress)?;
        let link = report.report_id.as_deref().map(|id| paths::PROJECT_REPORT.path([id]));
        import_result(&report, &ImportLinks { report: link, marked_workbook: None })
    };
    let call = OperationCall { app, id, mode: ResponseMode::preferred(&headers) };
    Ok(operations::run(call, about, Box::new(import)).await?.into_response())
}

/// Refuses an import of users or groups by a user who is not an administrator: it could give its
/// author all rights.
///
/// # Errors
/// 401, 403.
fn require_types(caller: &Caller, kinds: &[Kind]) -> Result<(), Problem> {
    let decides = |kind: &&Kind| matches!(kind, Kind::User | Kind::Group);
    match kinds.iter().find(decides) {
        Some(kind) if !caller.require_principal()?.is_administrator() => {
            let detail = format!(
                "Only administrators import the type “{kind}”. Leave “user” and “group” out of \
                 “import_export_types”."
            );
            Err(Problem::new(ProblemKind::Forbidden, detail))
        }
        Some(_) | None => Ok(()),
    }
}

/// Handles `GET /rest/migrate/reports/{id}`.
pub(in crate::http) async fn report(call: Call) -> Result<Response, Problem> {
    let id = call.parameters.get("id")?.to_owned();

    let migration = call.app.migration.clone();
    let open = move || {
        let file = migration.report(&id)?;
        let bytes = file.metadata().map_err(ImportError::Report)?.len();
        Ok::<_, crate::migration::MigrationError>((file, bytes))
    };
    let (file, bytes) = call.app.blocking.run(Lane::Quick, open).await??;

    Ok(download::json_file(&call.file_request(), file, bytes))
}
