//! `migrate/export`, `migrate/import` and the reports of imports.

use hyper::StatusCode;

use super::import_report::{Links, render};
use super::migration_options::{export_request, import_request};
use crate::http::blocking::Lane;
use crate::http::download;
use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::{self, Response};

/// `POST /rest/migrate/export`
pub(in crate::http) async fn export(call: Call) -> Result<Response, Problem> {
    let Call { app, options, .. } = call;
    let request = export_request(&options)?;

    let migration = app.migration.clone();
    let name = request.name.clone();
    let export = move || migration.export(&request);
    let mut report = app.blocking.run(Lane::Operation, export).await??;

    report.download = format!("/rest/migrate/projects/{}", download::percent_encode(name.as_str()));
    response::json(StatusCode::OK, &report)
}

/// `POST /rest/migrate/import`. Once begun, the import goes on when the client leaves.
pub(in crate::http) async fn import(call: Call) -> Result<Response, Problem> {
    let Call { app, caller, options, .. } = call;
    let request = import_request(&options)?;
    let caller = caller.require_principal()?.name.clone();

    let migration = app.migration.clone();
    let import = move || migration.import(&request, &caller);
    let mut report = app.blocking.run(Lane::Operation, import).await??;

    report.report = report.report.map(|id| format!("/rest/migrate/reports/{id}"));
    render(&report, &Links::default())
}

/// `GET /rest/migrate/reports/{id}`
pub(in crate::http) async fn report(call: Call) -> Result<Response, Problem> {
    let id = call.parameters.get("id")?.to_owned();

    let migration = call.app.migration.clone();
    let open = move || {
        let file = migration.report(&id)?;
        let bytes = file.metadata()?.len();
        Ok::<_, crate::migration::MigrationError>((file, bytes))
    };
    let (file, bytes) = call.app.blocking.run(Lane::Quick, open).await??;

    Ok(download::json_file(&call, file, bytes))
}
