//! The handlers of `backup` and `backups`.

use std::io::{self, Write};

use http_body_util::BodyExt;
use hyper::{
    Method, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use tokio::sync::oneshot;

use super::reports::ExportResponse;
use crate::{
    backup::{
        BackupError, BackupName, BackupRequest, BackupStream, BackupSummary, HistoryInBackup,
    },
    http::{
        blocking::{BlockingError, Lane},
        call::Call,
        conditional::{self, ETag},
        download::{self, Download},
        json_response,
        operations::{self, OperationCall, OperationResult, ResponseMode},
        options::{BACKUP_HISTORY, BACKUP_NAME, Options, SentOptions},
        paths,
        problem::{Flaw, Problem, ProblemKind, RequestLocation, sentence_of, shorten},
        response::{self, Response},
        streamed_body::{self, BodySender, StreamedBody},
    },
    job::{self, About, Operation, Progress},
    wording::chain,
};

const ZIP: HeaderValue = HeaderValue::from_static("application/zip");

/// The bytes of one chunk of a backup that is sent while it is made.
const CHUNK_BYTES: usize = 128 * 1024;

/// The stored backups.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct BackupList {
    /// The backups, sorted by name.
    backups: Vec<BackupSummary>,
}

/// Handles `GET /rest/backup`. A client that disconnects ends the backup.
pub(in crate::http) async fn send(mut call: Call) -> Result<Response, Problem> {
    let mut sent = SentOptions::default();
    sent.add_query(std::mem::take(&mut call.query));
    let options = sent.check(call.known_options)?;
    let request = request(&call, &options)?;
    let file_name = BackupName::of_time(OffsetDateTime::now_utc());
    let file_name = file_name.map_err(|error| Problem::internal(&error))?;

    let mut response = if call.method == Method::HEAD {
        response::empty(StatusCode::OK)
    } else {
        let body = begin(&call, request).await?;
        response::bare(StatusCode::OK, body.boxed_unsync())
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, ZIP);
    download::insert_disposition(headers, &format!("{file_name}.zip"));
    Ok(response)
}

/// Starts to make a backup, and returns the body that receives it.
async fn begin(call: &Call, request: BackupRequest) -> Result<StreamedBody, Problem> {
    let stream = call.app.backups.stream()?;
    let (begun, started) = oneshot::channel();
    let make = move || make(&stream, &request, begun);
    // A slow client occupies a thread of the lane of streams, and none of the operations.
    call.app.blocking.start_now(Lane::Stream, Box::new(make))?;
    match started.await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(BlockingError::Panicked.into()),
    }
}

/// Makes a backup. Sends its body, or the error that occurred before, to `begun`.
fn make(
    stream: &BackupStream,
    request: &BackupRequest,
    begun: oneshot::Sender<Result<StreamedBody, BackupError>>,
) {
    let mut begun = Some(begun);
    let begin = || {
        let (sender, body) = streamed_body::channel();
        if let Some(begun) = begun.take() {
            // If the client has disconnected, the first chunk fails.
            let _ = begun.send(Ok(body));
        }
        ChunkWriter { sender, buffer: Vec::with_capacity(CHUNK_BYTES) }
    };
    let sent = stream.send(request, begin).and_then(ChunkWriter::finish);
    let Err(error) = sent else { return };
    match begun.take() {
        // The error is ignored: the client disconnected.
        Some(begun) => drop(begun.send(Err(error))),
        None if is_disconnected(&error) => {
            tracing::info!("The client disconnected before the end of a backup.");
        }
        None => {
            let error = chain(&error);
            tracing::error!(
                error,
                "A backup was aborted while it was sent. The client received an incomplete file."
            );
        }
    }
}

/// Returns whether an error is that of a client who disconnected.
fn is_disconnected(error: &BackupError) -> bool {
    matches!(error, BackupError::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
}

/// Sends what is written as the chunks of a response.
struct ChunkWriter {
    sender: BodySender,
    buffer: Vec<u8>,
}

impl ChunkWriter {
    fn send(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES));
        self.sender.blocking_send(chunk).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Sends the rest, and marks the response as complete.
    fn finish(mut self) -> Result<(), BackupError> {
        self.send().map_err(BackupError::Write)?;
        let ended = self.sender.blocking_end();
        ended.map_err(|_| BackupError::Write(io::ErrorKind::BrokenPipe.into()))
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Handles `POST /rest/backup`. The backup is cancelled if a waiting client disconnects.
pub(in crate::http) async fn create(call: Call) -> Result<Response, Problem> {
    let request = request(&call, &call.options)?;
    let name = call.options.text(&BACKUP_NAME).map(str::parse::<BackupName>).transpose();
    let name = name.map_err(|error| Problem::internal(&error))?;
    let about = About {
        operation: Operation::CreateBackup,
        subject: name.as_ref().map(ToString::to_string),
        mode: job::Mode::Apply,
        user: request.principal.clone(),
    };

    let backups = call.app.backups.clone();
    let create = move |progress: &Progress| {
        let report = backups.create(name.as_ref(), &request, progress)?;
        let download = paths::STORED_BACKUP.path([&report.backup]);
        let response = ExportResponse { report: &report, download: &download };
        let outcome = format!("The backup “{}” was written.", report.backup);
        OperationResult::json(StatusCode::OK, &response, outcome)
    };
    let mode = ResponseMode::preferred(&call.headers);
    let call = OperationCall { app: call.app, id: call.id, mode };
    Ok(operations::run(call, about, Box::new(create)).await?.into_response())
}

/// Handles `GET /rest/backups`.
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let backups = call.app.backups.clone();
    let backups = call.app.blocking.run(Lane::Operation, move || backups.list()).await??;
    json_response::json(StatusCode::OK, &BackupList { backups })
}

/// Handles `GET /rest/backups/{name}`.
pub(in crate::http) async fn download(call: Call) -> Result<Response, Problem> {
    let name = backup_name(&call)?;

    let backups = call.app.backups.clone();
    let open = {
        let name = name.clone();
        move || backups.open(&name)
    };
    let backup = call.app.blocking.run(Lane::Operation, open).await??;

    let download = Download {
        file: backup.file,
        bytes: backup.bytes,
        etag: ETag::of(&backup.validator),
        modified: backup.modified,
        media_type: ZIP,
        file_name: format!("{name}.zip"),
    };
    download::render(&call.file_request(), download)
}

/// Handles `POST /rest/backups/{name}/verify`. The verification is cancelled if a waiting client
/// disconnects.
pub(in crate::http) async fn verify(call: Call) -> Result<Response, Problem> {
    let name = backup_name(&call)?;
    let about = About {
        operation: Operation::VerifyBackup,
        subject: Some(name.to_string()),
        mode: job::Mode::Apply,
        user: call.caller.require_principal()?.name.clone(),
    };

    let backups = call.app.backups.clone();
    let verify = move |progress: &Progress| {
        let report = backups.verify(&name, progress)?;
        OperationResult::json(StatusCode::OK, &report, sentence_of(&report.summary))
    };
    let mode = ResponseMode::preferred(&call.headers);
    let call = OperationCall { app: call.app, id: call.id, mode };
    Ok(operations::run(call, about, Box::new(verify)).await?.into_response())
}

/// Handles `DELETE /rest/backups/{name}`.
pub(in crate::http) async fn remove(call: Call) -> Result<Response, Problem> {
    let name = backup_name(&call)?;

    let backups = call.app.backups.clone();
    let (opened, of) = (backups.clone(), name.clone());
    let existing = call.app.blocking.run(Lane::Operation, move || opened.open(&of)).await??;
    conditional::require_unchanged(&call.headers, Some(&ETag::of(&existing.validator)))?;
    call.app.blocking.run(Lane::Quick, move || backups.remove(&name)).await??;

    Ok(response::empty(StatusCode::NO_CONTENT))
}

/// Returns the request of a backup.
///
/// # Errors
/// 401 for an anonymous caller.
fn request(call: &Call, options: &Options) -> Result<BackupRequest, Problem> {
    let history = match options.switch(&BACKUP_HISTORY) {
        Some(false) => HistoryInBackup::LeftOut,
        Some(true) | None => HistoryInBackup::Included,
    };
    Ok(BackupRequest { history, principal: call.caller.require_principal()?.name.clone() })
}

/// Returns the name of the backup in the path.
///
/// # Errors
/// 400.
pub(super) fn backup_name(call: &Call) -> Result<BackupName, Problem> {
    let text = call.parameters.get("name")?;
    text.parse().map_err(|error| {
        let detail = format!("“{}” is not a valid name of a backup: {error}.", shorten(text));
        Problem::new(ProblemKind::MalformedRequest, &*detail)
            .with_flaw(Flaw::new(RequestLocation::PathParameter("name"), &*detail))
    })
}
