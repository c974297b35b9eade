//! `topology/export`, `topology/import`, the workbooks that exports wrote, and the reports of
//! imports.

use std::sync::mpsc;

use hyper::StatusCode;
use hyper::header::{CONTENT_LOCATION, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use serde::Serialize;

use super::import_report::{Links, job_mode, render};
use super::topology_options::{export_request, import_request};
use crate::http::accept::WorkbookForm;
use crate::http::app::App;
use crate::http::blocking::{Lane, Offloaded};
use crate::http::body::media_type;
use crate::http::conditional::{self, ETag};
use crate::http::download::{self, Download};
use crate::http::multipart::{Boundary, Part, Parts};
use crate::http::operations::{self, Answered, Asking, Ran, Reply};
use crate::http::options::{Given, add_part, is_json, wrong_field};
use crate::http::problem::{Flaw, Place, Problem, ProblemKind, shorten};
use crate::http::receive::{Source, receive};
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::http::route::CallOption;
use crate::job::{self, About, Operation, Progress};
use crate::model::nearest;
use crate::topology::{TopologyError, Upload, WorkbookFile, WorkbookName, WorkbookSummary};

/// The part of a form that is the workbook.
const FILE: &str = "file";

/// What a body may say that it is, to be taken for the file itself: what calamine reads, and tables.
const FILE_TYPES: [&[u8]; 5] = [
    b"application/vnd.ms-excel",
    b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"application/vnd.ms-excel.sheet.binary.macroenabled.12",
    b"application/vnd.oasis.opendocument.spreadsheet",
    b"text/csv",
];

#[derive(Serialize)]
struct Workbooks {
    workbooks: Vec<WorkbookSummary>,
}

/// `POST /rest/topology/export`. It is cancelled when a client that waits for it leaves.
pub(in crate::http) async fn export(call: Call) -> Result<Response, Problem> {
    let Call { app, id, caller, headers, options, .. } = call;
    let reply = Reply::preferred(&headers);
    // A job's report is JSON; the workbook is fetched from the address in it.
    let form = match reply {
        Reply::AtEnd => WorkbookForm::preferred(&headers),
        Reply::AtOnce => WorkbookForm::Json,
    };
    let request = export_request(&options)?;
    let about = About {
        operation: Operation::ExportTopology,
        subject: Some(request.name.to_string()),
        mode: job::Mode::Apply,
        user: caller.require_principal()?.name.clone(),
    };

    let topology = app.topology.clone();
    let place =
        format!("/rest/topology/workbooks/{}", download::percent_encode(request.name.as_str()));
    let download = place.clone();
    let (opened, file) = mpsc::channel();
    let export = move |progress: &Progress| {
        let mut report = topology.export(&request, progress)?;
        // Opened with the same step, before another export of the same name.
        match form {
            WorkbookForm::Json => {}
            WorkbookForm::Workbook => drop(opened.send(topology.open(&request.name)?)),
        }
        report.download = download;
        let outcome = format!("The workbook “{}” was written.", request.name);
        Answered::json(StatusCode::OK, &report, outcome)
    };
    let asking = Asking { app: app.clone(), id, reply };
    let ran = operations::run(asking, about, Box::new(export)).await?;
    let response = match (ran, file.try_recv()) {
        (Ran::Ended(_), Ok(file)) => {
            let mut response = download::attached(&app, as_download(file));
            if let Ok(place) = HeaderValue::try_from(place) {
                response.headers_mut().insert(CONTENT_LOCATION, place);
            }
            response
        }
        (ran, _) => ran.into_response()?,
    };
    Ok(varying(response))
}

/// `POST /rest/topology/import`. Once begun, the import goes on when the client leaves, and a dry
/// run is cancelled; a file that does not come in whole leaves nothing.
pub(in crate::http) async fn import(call: Call) -> Result<Response, Problem> {
    let Call { app, id, caller, headers, query, mut body, route, .. } = call;
    let caller = caller.require_principal()?.name.clone();
    let known = route.description.query.options();
    let mut given = Given::default();
    given.add_query(query);
    let (upload, file_name) = match Boundary::of(&headers)? {
        Some(boundary) => {
            let mut parts = Parts::of(&mut body, boundary);
            read_form(&app, &mut parts, &mut given, known).await?
        }
        None => {
            require_file(&headers)?;
            (take_in(&app, Source::Body(&mut body)).await?, None)
        }
    };
    // What may follow the end of a form.
    while body.chunk().await?.is_some() {}
    let (request, warnings) = import_request(&given.check(known)?, file_name);

    let about = About {
        operation: Operation::ImportTopology,
        subject: request.file_name.clone(),
        mode: job_mode(request.mode),
        user: caller.clone(),
    };

    let topology = app.topology.clone();
    // From here on the job keeps it away from async code.
    let upload = upload.into_inner()?;
    let import = move |progress: &Progress| {
        let mut report = topology.import(upload, &request, &caller, progress)?;
        // What the request lacks comes before what its file does.
        report.warnings.splice(0..0, warnings);
        report.report = report.report.map(|id| format!("/rest/topology/reports/{id}"));
        let has_problems = report.problems.total > 0;
        let marked = report.report.as_ref().filter(|_| has_problems);
        let links = Links { marked_workbook: marked.map(|place| format!("{place}/workbook")) };
        render(&report, &links)
    };
    let asking = Asking { app, id, reply: Reply::preferred(&headers) };
    operations::run(asking, about, Box::new(import)).await?.into_response()
}

/// A file that came in, and what it was called.
type File = (Offloaded<Upload>, Option<String>);

/// Reads a form: its file goes to the disk, its options to `given`.
async fn read_form(
    app: &App,
    parts: &mut Parts<'_>,
    given: &mut Given,
    known: &'static [CallOption],
) -> Result<File, Problem> {
    let mut file: Option<File> = None;
    while let Some(mut part) = parts.next().await? {
        if part.name == FILE {
            if file.is_some() {
                return Err(wrong_field(FILE, "The form has more than one part “file”."));
            }
            if part.file_name.is_none() && part.media_type().is_none() {
                let detail = "The field “file” is a text and no file (in Python: \
                              files={'file': open(…, 'rb')}; curl: -F file=@NAME).";
                return Err(wrong_field(FILE, detail));
            }
            let name = part.file_name.take().filter(|name| !name.is_empty());
            file = Some((take_in(app, Source::Part(&mut part)).await?, name));
        } else {
            require_no_other_file(&part)?;
            add_part(given, part, known).await?;
        }
    }
    file.ok_or_else(|| {
        wrong_field(FILE, "The form has no part “file”; the workbook is sent under that name.")
    })
}

/// Refuses a part that holds a file under another name than the workbook's.
fn require_no_other_file(part: &Part<'_>) -> Result<(), Problem> {
    if part.file_name.is_none() || is_json(part) {
        return Ok(());
    }
    let shown = shorten(&part.name);
    let detail = match nearest(&part.name, [FILE]) {
        Some(_) => format!("The part “{shown}” holds a file; was “{FILE}” meant?"),
        None => format!("The part “{shown}” holds a file; the workbook's part is called “{FILE}”."),
    };
    Err(wrong_field(&part.name, &detail))
}

/// Takes the file in.
async fn take_in(app: &App, source: Source<'_, '_>) -> Result<Offloaded<Upload>, Problem> {
    let topology = app.topology.clone();
    let upload = app.blocking.run(Lane::Quick, move || topology.upload()).await??;
    let mut upload = Offloaded::new(app.blocking.clone(), upload);
    receive(source, &mut upload, |error| TopologyError::from(error).into()).await?;
    Ok(upload)
}

/// Refuses a body that is neither a form nor says that it is a workbook.
fn require_file(headers: &HeaderMap) -> Result<(), Problem> {
    let sent = headers.get(CONTENT_TYPE).map(|value| media_type(value.as_bytes()));
    if sent.as_deref().is_some_and(|sent| FILE_TYPES.contains(&sent)) {
        return Ok(());
    }
    let how = "a form with a part “file” is expected (in Python: files={'file': open(…, 'rb')}; \
               curl: -F file=@NAME)";
    let detail = match sent {
        Some(sent) => {
            let sent = String::from_utf8_lossy(&sent);
            format!("The body is sent as “{}”; {how}.", shorten(&sent))
        }
        None => format!("The body does not say what it is; {how}."),
    };
    Err(Problem::new(ProblemKind::UnsupportedMediaType, &*detail)
        .with_flaw(Flaw::new(Place::Header("content-type"), detail)))
}

/// `GET /rest/topology/workbooks`
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let topology = call.app.topology.clone();
    let workbooks = call.app.blocking.run(Lane::Quick, move || topology.workbooks()).await??;
    response::json(StatusCode::OK, &Workbooks { workbooks })
}

/// `GET /rest/topology/workbooks/{name}`
pub(in crate::http) async fn download(call: Call) -> Result<Response, Problem> {
    let name = workbook_name(&call)?;

    let topology = call.app.topology.clone();
    let file = call.app.blocking.run(Lane::Quick, move || topology.open(&name)).await??;

    download::render(&call, as_download(file))
}

/// `DELETE /rest/topology/workbooks/{name}`
pub(in crate::http) async fn remove(call: Call) -> Result<Response, Problem> {
    let name = workbook_name(&call)?;

    let topology = call.app.topology.clone();
    let headers = call.headers;
    let remove = move || {
        let present = ETag::of(&topology.open(&name)?.validator);
        conditional::require_unchanged(&headers, Some(&present))?;
        Ok::<_, Problem>(topology.remove(&name)?)
    };
    call.app.blocking.run(Lane::Quick, remove).await??;

    Ok(response::empty(StatusCode::NO_CONTENT))
}

/// `GET /rest/topology/reports/{id}`
pub(in crate::http) async fn report(call: Call) -> Result<Response, Problem> {
    match WorkbookForm::preferred(&call.headers) {
        WorkbookForm::Workbook => Ok(varying(marked(call).await?)),
        WorkbookForm::Json => {
            let id = call.parameters.get("id")?.to_owned();

            let topology = call.app.topology.clone();
            let open = move || {
                let file = topology.report(&id)?;
                let bytes = file.metadata()?.len();
                Ok::<_, TopologyError>((file, bytes))
            };
            let (file, bytes) = call.app.blocking.run(Lane::Quick, open).await??;

            Ok(varying(download::json_file(&call, file, bytes)))
        }
    }
}

/// `GET /rest/topology/reports/{id}/workbook`: the workbook that was imported, with what was wrong
/// in it.
pub(in crate::http) async fn marked(call: Call) -> Result<Response, Problem> {
    let id = call.parameters.get("id")?.to_owned();

    let topology = call.app.topology.clone();
    let file = call.app.blocking.run(Lane::Operation, move || topology.marked(&id)).await??;

    download::render(&call, as_download(file))
}

fn as_download(file: WorkbookFile) -> Download {
    let WorkbookFile { file, bytes, modified, validator, name, format } = file;
    Download {
        file,
        bytes,
        etag: ETag::of(&validator),
        modified,
        media_type: HeaderValue::from_static(format.media_type()),
        file_name: name,
    }
}

/// The same address answers in two forms.
fn varying(mut response: Response) -> Response {
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

fn workbook_name(call: &Call) -> Result<WorkbookName, Problem> {
    let text = call.parameters.get("name")?;
    text.parse().map_err(|error| {
        let detail = format!("“{}” is no workbook's name: {error}.", shorten(text));
        Problem::new(ProblemKind::MalformedRequest, &*detail)
            .with_flaw(Flaw::new(Place::PathParameter("name"), &*detail))
    })
}
