//! The handlers of `restore`, and of uploaded backups.

use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderValue, LOCATION},
};

use super::{
    backup::backup_name,
    migration_options::mode,
    reports::{ImportLinks, import_result, job_mode},
};
use crate::{
    backup::{BackupError, BackupName, BackupUpload, RestoreRequest},
    http::{
        app::App,
        blocking::{Lane, Offloaded},
        call::Call,
        conditional::{self, ETag},
        description::BodyRule,
        json_response,
        media_type::media_type,
        operations::{self, OperationCall, ResponseMode},
        options::{Options, PLAN, RESTORED_BACKUP, RESTORED_NAME, RESTORED_TYPES},
        paths,
        problem::{Flaw, Problem, ProblemKind, RequestLocation},
        request_body::RequestBody,
        response::Response,
        upload::{UploadSource, save_upload},
    },
    import::Mode,
    job::{About, Operation, Progress},
};

/// The file that a call restores.
enum Source {
    Stored(BackupName),
    Uploaded(BackupUpload),
}

/// Handles `POST /rest/restore`. Once started, a restore continues if the client disconnects; a dry run is
/// cancelled.
pub(in crate::http) async fn restore(mut call: Call) -> Result<Response, Problem> {
    let origin = call.origin()?;
    let options = std::mem::take(&mut call.options);
    let name = options.text(&RESTORED_BACKUP).map(str::parse::<BackupName>).transpose();
    let name = name.map_err(|error| Problem::internal(&error))?;
    let is_uploaded = matches!(call.body_rule, BodyRule::AtMost { .. });
    if is_uploaded == name.is_some() {
        return Err(wrong_source(is_uploaded));
    }
    let kinds = options.kinds(&RESTORED_TYPES).to_vec();
    let request = RestoreRequest {
        kinds: if kinds.is_empty() { None } else { Some(kinds) },
        name: options.text(&RESTORED_NAME).map(str::to_owned),
        mode: mode(&options),
        plan: plan(&options)?,
        origin,
    };
    let source = match name {
        Some(name) => Source::Stored(name),
        None => {
            let upload = receive(&call.app, None, &mut call.body).await?;
            // From here on the job owns the upload, away from async code.
            Source::Uploaded(upload.into_inner()?)
        }
    };
    let about = About {
        operation: Operation::Restore,
        subject: match &source {
            Source::Stored(name) => Some(name.to_string()),
            Source::Uploaded(_) => None,
        },
        mode: job_mode(request.mode),
        user: request.origin.principal.clone(),
    };

    let backups = call.app.backups.clone();
    let restore = move |progress: &Progress| {
        let report = match source {
            Source::Stored(name) => backups.restore(&name, &request, progress)?,
            Source::Uploaded(upload) => upload.restore(&request, progress)?,
        };
        import_result(&report, &ImportLinks::default())
    };
    let mode = ResponseMode::preferred(&call.headers);
    let call = OperationCall { app: call.app, id: call.id, mode };
    Ok(operations::run(call, about, Box::new(restore)).await?.into_response())
}

/// Returns the problem of a call with a file and a name, or with neither.
fn wrong_source(is_uploaded: bool) -> Problem {
    let detail = if is_uploaded {
        "The body is a file, so the option “backup” has no effect. Send one of them."
    } else {
        "Nothing is restored without a backup. Send the name of a stored one in the option “backup”, or the \
         file itself with the header Content-Type: application/zip (curl: --data-binary @FILE)."
    };
    let location = RequestLocation::Pointer("/backup".to_owned());
    Problem::new(ProblemKind::MalformedBody, detail).with_flaw(Flaw::new(location, detail))
}

/// Returns the plan that the caller has seen.
///
/// # Errors
/// 400 if a restore has none.
fn plan(options: &Options) -> Result<Option<String>, Problem> {
    let plan = options.text(&PLAN).map(str::to_owned);
    if plan.is_some() || mode(options) == Mode::DryRun {
        return Ok(plan);
    }
    let detail = "The option “plan” is missing. Look at the changes first with “dry_run”, and send the plan \
                  of its response.";
    let location = RequestLocation::Pointer("/plan".to_owned());
    Err(Problem::new(ProblemKind::MalformedBody, detail).with_flaw(Flaw::new(location, detail)))
}

/// Receives a file and writes it to the disk. `name` is the name under which it will be stored.
///
/// # Errors
/// The problem of an incomplete body, or of a failed write; 409 if there is a backup of this name.
async fn receive(
    app: &App,
    name: Option<BackupName>,
    body: &mut RequestBody,
) -> Result<Offloaded<BackupUpload>, Problem> {
    let backups = app.backups.clone();
    let begin = move || backups.upload(name.as_ref());
    let upload = app.blocking.run(Lane::Quick, begin).await??;
    let mut upload = Offloaded::new(app.blocking.clone(), upload);
    let problem = |error| BackupError::of_upload(error).into();
    save_upload(UploadSource::Body(body), &mut upload, problem).await?;
    Ok(upload)
}

/// Handles `PUT /rest/backups/{name}`. An incomplete upload leaves no file.
pub(in crate::http) async fn upload(mut call: Call) -> Result<Response, Problem> {
    let name = backup_name(&call)?;
    require_no_form(&call)?;
    let (backups, of) = (call.app.backups.clone(), name.clone());
    let existing = call.app.blocking.run(Lane::Operation, move || match backups.open(&of) {
        Ok(backup) => Ok(Some(ETag::of(&backup.validator))),
        Err(BackupError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    });
    conditional::require_unchanged(&call.headers, existing.await??.as_ref())?;

    let upload = receive(&call.app, Some(name.clone()), &mut call.body).await?;
    let stored = {
        let name = name.clone();
        upload.consume(Lane::Operation, move |upload| upload.store(name)).await??
    };
    let mut response = json_response::json(StatusCode::CREATED, &stored)?;
    if let Ok(address) = HeaderValue::try_from(paths::STORED_BACKUP.path([name.as_str()])) {
        response.headers_mut().insert(LOCATION, address);
    }
    Ok(response)
}

/// Refuses a form, whose boundaries would become part of the file.
///
/// # Errors
/// 415.
fn require_no_form(call: &Call) -> Result<(), Problem> {
    let Some(value) = call.headers.get(CONTENT_TYPE) else { return Ok(()) };
    if !media_type(value.as_bytes()).starts_with(b"multipart/") {
        return Ok(());
    }
    let detail = "The body must be the backup itself, not a form (curl: -T FILE instead of -F).";
    Err(Problem::new(ProblemKind::UnsupportedMediaType, detail)
        .with_flaw(Flaw::new(RequestLocation::Header("content-type"), detail)))
}
