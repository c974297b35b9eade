//! The handlers of `topology/export`, `topology/import`, the exported workbooks, and the reports of
//! imports.

use std::sync::mpsc;

use hyper::{
    StatusCode,
    header::{CONTENT_LOCATION, CONTENT_TYPE, HeaderMap, HeaderValue, VARY},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    reports::{ExportResponse, ImportLinks, import_result, job_mode},
    topology_options::{export_request, import_request},
};
use crate::{
    http::{
        accept::ReportFormat,
        app::App,
        blocking::{Lane, Offloaded},
        call::Call,
        conditional::{self, ETag},
        description::CallOption,
        download::{self, Download},
        json_response,
        media_type::media_type,
        multipart::{Boundary, Part, Parts},
        operations::{self, OperationCall, OperationResponse, OperationResult, ResponseMode},
        options::{SentOptions, add_part, is_json, wrong_field},
        paths,
        problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
        response::{self, Response},
        upload::{UploadSource, save_upload},
    },
    job::{self, About, Operation, Progress},
    model::nearest,
    topology::{TopologyError, Upload, WorkbookFile, WorkbookName, WorkbookSummary},
};

/// The name of the form part that is the workbook.
const FILE: &str = "file";

/// The media types of a body that is the file itself: the formats that calamine reads, and tables.
const FILE_TYPES: [&[u8]; 5] = [
    b"application/vnd.ms-excel",
    b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"application/vnd.ms-excel.sheet.binary.macroenabled.12",
    b"application/vnd.oasis.opendocument.spreadsheet",
    b"text/csv",
];

/// The workbooks in the data directory.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct Workbooks {
    /// The workbooks, sorted by name.
    workbooks: Vec<WorkbookSummary>,
}

/// Handles `POST /rest/topology/export`. The export is cancelled if a waiting client disconnects.
pub(in crate::http) async fn export(call: Call) -> Result<Response, Problem> {
    let Call { app, id, caller, headers, options, .. } = call;
    let mode = ResponseMode::preferred(&headers);
    // The report of a job is JSON. Its client downloads the workbook from the address in it.
    let format = match mode {
        ResponseMode::AtEnd => ReportFormat::preferred(&headers),
        ResponseMode::Immediate => ReportFormat::Json,
    };
    let request = export_request(&options)?;
    let about = About {
        operation: Operation::ExportTopology,
        subject: Some(request.name.to_string()),
        mode: job::Mode::Apply,
        user: caller.require_principal()?.name.clone(),
    };

    let topology = app.topology.clone();
    let address = paths::WORKBOOK.path([request.name.as_str()]);
    let download = address.clone();
    let (opened, file) = mpsc::channel();
    let export = move |progress: &Progress| {
        let report = topology.export(&request, progress)?;
        // Opened within the job, before another export can replace the workbook.
        match format {
            ReportFormat::Json => {}
            ReportFormat::Workbook => drop(opened.send(topology.open(&request.name)?)),
        }
        let response = ExportResponse { report: &report, download: &download };
        let outcome = format!("The workbook “{}” was written.", request.name);
        OperationResult::json(StatusCode::OK, &response, outcome)
    };
    let call = OperationCall { app: app.clone(), id, mode };
    let reply = operations::run(call, about, Box::new(export)).await?;
    let response = match (reply, file.try_recv()) {
        (OperationResponse::Ended(_), Ok(file)) => {
            let mut response = download::attached(&app.blocking, as_download(file));
            if let Ok(address) = HeaderValue::try_from(address) {
                response.headers_mut().insert(CONTENT_LOCATION, address);
            }
            response
        }
        (reply, _) => reply.into_response(),
    };
    Ok(vary_by_accept(response))
}

/// Handles `POST /rest/topology/import`. Once started, an import continues if the client
/// disconnects; a dry run is cancelled. An incomplete upload leaves no file.
pub(in crate::http) async fn import(call: Call) -> Result<Response, Problem> {
    let origin = call.origin()?;
    let Call { app, id, headers, query, mut body, known_options, .. } = call;
    let mut sent = SentOptions::default();
    sent.add_query(query);
    let (upload, file_name) = match Boundary::of(&headers)? {
        Some(boundary) => {
            let mut parts = Parts::new(&mut body, boundary);
            read_form(&app, &mut parts, &mut sent, known_options).await?
        }
        None => {
            require_file(&headers)?;
            (receive_file(&app, UploadSource::Body(&mut body)).await?, None)
        }
    };
    // Bytes can follow the end of a form.
    while body.chunk().await?.is_some() {}
    let (request, warnings) = import_request(&sent.check(known_options)?, file_name)?;

    let about = About {
        operation: Operation::ImportTopology,
        subject: request.file_name.clone(),
        mode: job_mode(request.mode),
        user: origin.principal.clone(),
    };

    let topology = app.topology.clone();
    // From here on the job owns the upload, away from async code.
    let upload = upload.into_inner()?;
    let import = move |progress: &Progress| {
        let mut report = topology.import(upload, &request, &origin, progress)?;
        // The warnings about the request precede those about its file.
        report.warnings.splice(0..0, warnings);
        let id = report.report_id.as_deref();
        // A workbook without errors is not kept.
        let marked = id.filter(|_| report.problems.total > 0);
        let links = ImportLinks {
            report: id.map(|id| paths::TOPOLOGY_REPORT.path([id])),
            marked_workbook: marked.map(|id| paths::MARKED_WORKBOOK.path([id])),
        };
        import_result(&report, &links)
    };
    let call = OperationCall { app, id, mode: ResponseMode::preferred(&headers) };
    Ok(operations::run(call, about, Box::new(import)).await?.into_response())
}

/// A received file, and its name on the client.
type ReceivedFile = (Offloaded<Upload>, Option<String>);

/// Reads a form: writes its file to the disk, and adds its options to `sent`.
///
/// # Errors
/// 400 if the form has no file, more than one, or a wrong part; the problem of an incomplete body.
async fn read_form(
    app: &App,
    parts: &mut Parts<'_>,
    sent: &mut SentOptions,
    known: &'static [CallOption],
) -> Result<ReceivedFile, Problem> {
    let mut file: Option<ReceivedFile> = None;
    while let Some(mut part) = parts.next().await? {
        if part.name == FILE {
            if file.is_some() {
                return Err(wrong_field(FILE, "The form has more than one part “file”."));
            }
            if part.file_name.is_none() && part.media_type().is_none() {
                let detail = "The form field “file” is text, not a file (in Python: \
                              files={'file': open(…, 'rb')}; curl: -F file=@NAME).";
                return Err(wrong_field(FILE, detail));
            }
            let name = part.file_name.take().filter(|name| !name.is_empty());
            file = Some((receive_file(app, UploadSource::Part(&mut part)).await?, name));
        } else {
            require_no_other_file(&part)?;
            add_part(sent, part, known).await?;
        }
    }
    file.ok_or_else(|| {
        wrong_field(FILE, "The form has no part “file”. Send the workbook under that name.")
    })
}

/// Refuses a part that is a file but does not have the name of the workbook part.
///
/// # Errors
/// 400.
fn require_no_other_file(part: &Part<'_>) -> Result<(), Problem> {
    if part.file_name.is_none() || is_json(part) {
        return Ok(());
    }
    let shown = shorten(&part.name);
    let detail = match nearest(&part.name, [FILE]) {
        Some(_) => format!("The part “{shown}” is a file. Did you mean “{FILE}”?"),
        None => format!("The part “{shown}” is a file. Send the workbook as the part “{FILE}”."),
    };
    Err(wrong_field(&part.name, &detail))
}

/// Receives a file and writes it to the disk.
///
/// # Errors
/// The problem of an incomplete body, or of a failed write.
async fn receive_file(
    app: &App,
    source: UploadSource<'_, '_>,
) -> Result<Offloaded<Upload>, Problem> {
    let topology = app.topology.clone();
    let upload = app.blocking.run(Lane::Quick, move || topology.upload()).await??;
    let mut upload = Offloaded::new(app.blocking.clone(), upload);
    save_upload(source, &mut upload, |error| TopologyError::of_io(error).into()).await?;
    Ok(upload)
}

/// Refuses a body that is neither a form nor has the media type of a workbook.
///
/// # Errors
/// 415.
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
        None => format!("The request has no Content-Type; {how}."),
    };
    Err(Problem::new(ProblemKind::UnsupportedMediaType, &*detail)
        .with_flaw(Flaw::new(RequestLocation::Header("content-type"), detail)))
}

/// Handles `GET /rest/topology/workbooks`.
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let topology = call.app.topology.clone();
    let workbooks = call.app.blocking.run(Lane::Quick, move || topology.workbooks()).await??;
    json_response::json(StatusCode::OK, &Workbooks { workbooks })
}

/// Handles `GET /rest/topology/workbooks/{name}`.
pub(in crate::http) async fn download(call: Call) -> Result<Response, Problem> {
    let name = workbook_name(&call)?;

    let topology = call.app.topology.clone();
    let file = call.app.blocking.run(Lane::Quick, move || topology.open(&name)).await??;

    download::render(&call.file_request(), as_download(file))
}

/// Handles `DELETE /rest/topology/workbooks/{name}`.
pub(in crate::http) async fn remove(call: Call) -> Result<Response, Problem> {
    let name = workbook_name(&call)?;

    let topology = call.app.topology.clone();
    let headers = call.headers;
    let remove = move || {
        let existing = ETag::of(&topology.open(&name)?.validator);
        conditional::require_unchanged(&headers, Some(&existing))?;
        Ok::<_, Problem>(topology.remove(&name)?)
    };
    call.app.blocking.run(Lane::Quick, remove).await??;

    Ok(response::empty(StatusCode::NO_CONTENT))
}

/// Handles `GET /rest/topology/reports/{id}`.
pub(in crate::http) async fn report(call: Call) -> Result<Response, Problem> {
    match ReportFormat::preferred(&call.headers) {
        ReportFormat::Workbook => Ok(vary_by_accept(marked(call).await?)),
        ReportFormat::Json => {
            let id = call.parameters.get("id")?.to_owned();

            let topology = call.app.topology.clone();
            let open = move || {
                let file = topology.report(&id)?;
                let bytes = file.metadata().map_err(TopologyError::of_io)?.len();
                Ok::<_, TopologyError>((file, bytes))
            };
            let (file, bytes) = call.app.blocking.run(Lane::Quick, open).await??;

            Ok(vary_by_accept(download::json_file(&call.file_request(), file, bytes)))
        }
    }
}

/// Handles `GET /rest/topology/reports/{id}/workbook`: the imported workbook with its errors
/// marked.
pub(in crate::http) async fn marked(call: Call) -> Result<Response, Problem> {
    let id = call.parameters.get("id")?.to_owned();

    let topology = call.app.topology.clone();
    let file = call.app.blocking.run(Lane::Operation, move || topology.marked(&id)).await??;

    download::render(&call.file_request(), as_download(file))
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

/// Adds the header `Vary: Accept`, because the address has responses in two formats.
fn vary_by_accept(mut response: Response) -> Response {
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

/// Returns the workbook name in the path.
///
/// # Errors
/// 400.
fn workbook_name(call: &Call) -> Result<WorkbookName, Problem> {
    let text = call.parameters.get("name")?;
    text.parse().map_err(|error| {
        let detail = format!("“{}” is not a valid workbook name: {error}.", shorten(text));
        Problem::new(ProblemKind::MalformedRequest, &*detail)
            .with_flaw(Flaw::new(RequestLocation::PathParameter("name"), &*detail))
    })
}
