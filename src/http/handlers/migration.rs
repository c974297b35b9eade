//! `migrate/export`, `migrate/import` and the reports of imports.

use hyper::StatusCode;

use super::import_report::{Links, job_mode, render};
use super::migration_options::{export_request, import_request};
use crate::http::blocking::Lane;
use crate::http::download;
use crate::http::operations::{self, Answered, Asking, Reply};
use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::Response;
use crate::job::{self, About, Operation, Progress};

/// `POST /rest/migrate/export`. It is cancelled when a client that waits for it leaves.
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
        let mut report = migration.export(&request, progress)?;
        let name = download::percent_encode(request.name.as_str());
        report.download = format!("/rest/migrate/projects/{name}");
        let outcome = format!("The project “{}” was written.", request.name);
        Answered::json(StatusCode::OK, &report, outcome)
    };
    let asking = Asking { app, id, reply: Reply::preferred(&headers) };
    operations::run(asking, about, Box::new(export)).await?.into_response()
}

/// `POST /rest/migrate/import`. Once begun, the import goes on when the client leaves; a dry run is
/// cancelled.
pub(in crate::http) async fn import(call: Call) -> Result<Response, Problem> {
    let Call { app, id, caller, headers, options, .. } = call;
    let request = import_request(&options)?;
    let caller = caller.require_principal()?.name.clone();

    let about = About {
        operation: Operation::ImportProject,
        subject: Some(request.name.to_string()),
        mode: job_mode(request.mode),
        user: caller.clone(),
    };

    let migration = app.migration.clone();
    let import = move |progress: &Progress| {
        let mut report = migration.import(&request, &caller, progress)?;
        report.report = report.report.map(|id| format!("/rest/migrate/reports/{id}"));
        render(&report, &Links::default())
    };
    let asking = Asking { app, id, reply: Reply::preferred(&headers) };
    operations::run(asking, about, Box::new(import)).await?.into_response()
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
