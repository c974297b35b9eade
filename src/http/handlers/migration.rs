//! `migrate/export`, `migrate/import` and the reports of imports.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::migration_body::{parse_export, parse_import};
use crate::http::blocking::Lane;
use crate::http::download;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::migration::{ImportOutcome, ImportReport};

/// A report, and what is to be said of the request itself.
#[derive(Serialize)]
struct Answer<'a, T> {
    #[serde(flatten)]
    report: &'a T,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

/// `POST /rest/migrate/export`
pub(in crate::http) async fn export(call: Call) -> Result<Response, Problem> {
    let Call { app, headers, body, .. } = call;
    let (request, warnings) = parse_export(body.json_object(&headers).await?)?;

    let migration = app.migration.clone();
    let report = app.blocking.run(Lane::Operation, move || migration.export(&request)).await??;

    response::json(StatusCode::OK, &Answer { report: &report, warnings: &warnings })
}

/// `POST /rest/migrate/import`. Once begun, the import goes on when the client leaves.
pub(in crate::http) async fn import(call: Call) -> Result<Response, Problem> {
    let Call { app, caller, headers, body, .. } = call;
    let (request, warnings) = parse_import(body.json_object(&headers).await?)?;
    let caller = caller.require_principal()?.name.clone();

    let migration = app.migration.clone();
    let import = move || migration.import(&request, &caller);
    let report = app.blocking.run(Lane::Operation, import).await??;

    render(&report, &warnings)
}

fn render(report: &ImportReport, warnings: &[String]) -> Result<Response, Problem> {
    let answer = Answer { report, warnings };
    let status = match report.outcome {
        ImportOutcome::Imported | ImportOutcome::DryRun => StatusCode::OK,
        ImportOutcome::ImportedInPart => StatusCode::PARTIAL_CONTENT,
        ImportOutcome::Rejected => {
            // The report's own `errors` become those of the problem.
            let members = match serde_json::to_value(&answer) {
                Ok(Value::Object(members)) => members,
                Ok(_) => serde_json::Map::new(),
                Err(error) => return Err(Problem::internal(&error)),
            };
            let detail = "Some records cannot be imported, so nothing was changed. All that is wrong is listed.";
            return Err(Problem::new(ProblemKind::ImportRejected, detail).with_members(members));
        }
    };
    response::json(status, &answer)
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
