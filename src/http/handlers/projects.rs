//! `migrate/projects`: the bundles themselves, in and out.

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use serde::Serialize;

use crate::http::blocking::{Lane, Offloaded};
use crate::http::body::media_type;
use crate::http::conditional::{self, ETag};
use crate::http::download::{self, Download};
use crate::http::problem::{Flaw, Place, Problem, ProblemKind, shorten};
use crate::http::receive::{Source, receive};
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::migration::{LibraryError, MigrationError, ProjectName, ProjectSummary};

#[derive(Serialize)]
struct Projects {
    projects: Vec<ProjectSummary>,
}

/// `GET /rest/migrate/projects`
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let migration = call.app.migration.clone();
    let projects = call.app.blocking.run(Lane::Quick, move || migration.projects()).await??;
    response::json(StatusCode::OK, &Projects { projects })
}

/// `GET /rest/migrate/projects/{name}`
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
    download::render(&call, download)
}

/// `PUT /rest/migrate/projects/{name}`. An upload that does not come in whole leaves nothing.
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
    let problem = |error| MigrationError::Library(LibraryError::from(error)).into();
    receive(Source::Body(&mut call.body), &mut upload, problem).await?;
    let summary = upload.consume(Lane::Operation, |upload| upload.finish()).await?;
    let summary = summary.map_err(MigrationError::from)?;

    match replaced {
        Replaced::Another => response::json(StatusCode::OK, &summary),
        Replaced::Nothing => {
            let mut response = response::json(StatusCode::CREATED, &summary)?;
            let place =
                format!("/rest/migrate/projects/{}", download::percent_encode(name.as_str()));
            if let Ok(place) = HeaderValue::try_from(place) {
                response.headers_mut().insert(LOCATION, place);
            }
            Ok(response)
        }
    }
}

/// `DELETE /rest/migrate/projects/{name}`
pub(in crate::http) async fn remove(call: Call) -> Result<Response, Problem> {
    let name = project_name(&call)?;
    require_match(&call, &name).await?;

    let migration = call.app.migration.clone();
    call.app.blocking.run(Lane::Quick, move || migration.remove(&name)).await??;

    Ok(response::empty(StatusCode::NO_CONTENT))
}

fn project_name(call: &Call) -> Result<ProjectName, Problem> {
    let text = call.parameters.get("name")?;
    text.parse().map_err(|error| {
        let detail = format!("“{}” is no project's name: {error}.", shorten(text));
        Problem::new(ProblemKind::MalformedRequest, &*detail)
            .with_flaw(Flaw::new(Place::PathParameter("name"), &*detail))
    })
}

/// A form's boundaries would become part of the bundle.
fn require_no_form(call: &Call) -> Result<(), Problem> {
    let Some(value) = call.headers.get(CONTENT_TYPE) else { return Ok(()) };
    if !media_type(value.as_bytes()).starts_with(b"multipart/") {
        return Ok(());
    }
    let detail = "The body must be the bundle itself, not a form (curl: -T FILE instead of -F).";
    Err(Problem::new(ProblemKind::UnsupportedMediaType, detail)
        .with_flaw(Flaw::new(Place::Header("content-type"), detail)))
}

/// What an upload takes the place of.
enum Replaced {
    Nothing,
    Another,
}

/// Looks at the project that is there, and refuses (412) if the request's conditions
/// (`If-Match`, `If-None-Match`) do not hold for it.
async fn require_match(call: &Call, name: &ProjectName) -> Result<Replaced, Problem> {
    let migration = call.app.migration.clone();
    let name = name.clone();
    let present = call.app.blocking.run(Lane::Operation, move || match migration.open(&name) {
        Ok(bundle) => Ok(Some(ETag::of(&bundle.validator))),
        Err(MigrationError::Library(LibraryError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error),
    });
    let present = present.await??;
    conditional::require_unchanged(&call.headers, present.as_ref())?;
    Ok(match present {
        Some(_) => Replaced::Another,
        None => Replaced::Nothing,
    })
}
