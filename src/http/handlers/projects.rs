//! The handlers of `migrate/projects`: list, download, upload and deletion of bundles.

use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderValue, LOCATION},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    http::{
        blocking::{Lane, Offloaded},
        call::Call,
        conditional::{self, ETag},
        download::{self, Download},
        json_response,
        media_type::media_type,
        paths,
        problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
        response::{self, Response},
        upload::{UploadSource, save_upload},
    },
    migration::{LibraryError, MigrationError, ProjectName, ProjectSummary},
};

/// The projects in the library.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct Projects {
    /// The projects, sorted by name.
    projects: Vec<ProjectSummary>,
}

/// Handles `GET /rest/migrate/projects`.
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let migration = call.app.migration.clone();
    let projects = call.app.blocking.run(Lane::Quick, move || migration.projects()).await??;
    json_response::json(StatusCode::OK, &Projects { projects })
}

/// Handles `GET /rest/migrate/projects/{name}`.
pub(in crate::http) async fn download(call: Call) -> Result<Response, Problem> {
    let name = project_name(&call)?;

    let migration = call.app.migration.clone();
    let open = {
        let name = name.clone();
        move || migration.open(&name)
    };
    let bundle = call.app.blocking.run(Lane::Operation, open).await??;

    let download = Download {
        file: bundle.file,
        bytes: bundle.bytes,
        etag: ETag::of(&bundle.validator),
        modified: bundle.modified,
        media_type: HeaderValue::from_static("application/zip"),
        file_name: format!("{}.zip", name.as_str()),
    };
    download::render(&call.file_request(), download)
}

/// Handles `PUT /rest/migrate/projects/{name}`. An incomplete upload leaves no file.
pub(in crate::http) async fn upload(mut call: Call) -> Result<Response, Problem> {
    let name = project_name(&call)?;
    require_no_form(&call)?;
    let replaced = require_match(&call, &name).await?;

    let blocking = call.app.blocking.clone();
    let migration = call.app.migration.clone();
    let begin = {
        let name = name.clone();
        move || migration.upload(&name)
    };
    let upload = blocking.run(Lane::Quick, begin).await??;
    let mut upload = Offloaded::new(blocking, upload);
    let problem = |error| MigrationError::Library(LibraryError::of_upload(error)).into();
    save_upload(UploadSource::Body(&mut call.body), &mut upload, problem).await?;
    let summary = upload.consume(Lane::Operation, |upload| upload.finish()).await?;
    let summary = summary.map_err(MigrationError::from)?;

    match replaced {
        Replaced::Project => json_response::json(StatusCode::OK, &summary),
        Replaced::Nothing => {
            let mut response = json_response::json(StatusCode::CREATED, &summary)?;
            let address = paths::PROJECT.path([name.as_str()]);
            if let Ok(address) = HeaderValue::try_from(address) {
                response.headers_mut().insert(LOCATION, address);
            }
            Ok(response)
        }
    }
}

/// Handles `DELETE /rest/migrate/projects/{name}`.
pub(in crate::http) async fn remove(call: Call) -> Result<Response, Problem> {
    let name = project_name(&call)?;
    require_match(&call, &name).await?;

    let migration = call.app.migration.clone();
    call.app.blocking.run(Lane::Quick, move || migration.remove(&name)).await??;

    Ok(response::empty(StatusCode::NO_CONTENT))
}

/// Returns the project name in the path.
///
/// # Errors
/// 400.
fn project_name(call: &Call) -> Result<ProjectName, Problem> {
    let text = call.parameters.get("name")?;
    text.parse().map_err(|error| {
        let detail = format!("“{}” is not a valid project name: {error}.", shorten(text));
        Problem::new(ProblemKind::MalformedRequest, &*detail)
            .with_flaw(Flaw::new(RequestLocation::PathParameter("name"), &*detail))
    })
}

/// Refuses a form, whose boundaries would become part of the bundle.
///
/// # Errors
/// 415.
fn require_no_form(call: &Call) -> Result<(), Problem> {
    let Some(value) = call.headers.get(CONTENT_TYPE) else { return Ok(()) };
    if !media_type(value.as_bytes()).starts_with(b"multipart/") {
        return Ok(());
    }
    let detail = "The body must be the bundle itself, not a form (curl: -T FILE instead of -F).";
    Err(Problem::new(ProblemKind::UnsupportedMediaType, detail)
        .with_flaw(Flaw::new(RequestLocation::Header("content-type"), detail)))
}

/// Tells whether an upload replaces a project.
enum Replaced {
    Nothing,
    Project,
}

/// Checks the request's conditions (`If-Match`, `If-None-Match`) against the existing project.
///
/// # Errors
/// 412 if they do not hold.
async fn require_match(call: &Call, name: &ProjectName) -> Result<Replaced, Problem> {
    let migration = call.app.migration.clone();
    let name = name.clone();
    let existing = call.app.blocking.run(Lane::Operation, move || match migration.open(&name) {
        Ok(bundle) => Ok(Some(ETag::of(&bundle.validator))),
        Err(MigrationError::Library(LibraryError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error),
    });
    let existing = existing.await??;
    conditional::require_unchanged(&call.headers, existing.as_ref())?;
    Ok(match existing {
        Some(_) => Replaced::Project,
        None => Replaced::Nothing,
    })
}
