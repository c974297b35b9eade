//! The kinds of problem, with their words, titles and statuses.

use hyper::StatusCode;

/// The kinds of problem. Clients distinguish them by the word in `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum ProblemKind {
    MalformedRequest,
    MalformedBody,
    Unauthenticated,
    Forbidden,
    UnknownHost,
    UnknownPath,
    UnknownProject,
    UnknownReport,
    UnknownWorkbook,
    UnknownBackup,
    UnknownKind,
    UnknownInstance,
    UnknownText,
    UnknownFeed,
    UnknownHostInFeed,
    UnknownChange,
    NotInHistory,
    UnknownProperty,
    WrongValue,
    WrongExpression,
    SearchTooSlow,
    ChangeRejected,
    OwnUser,
    Cancelled,
    UnknownJob,
    UnknownToken,
    UnknownSession,
    JobNotCancellable,
    MethodNotAllowed,
    RequestTimeout,
    Stale,
    BodyTooLarge,
    PathTooLong,
    HeadTooLarge,
    UnsupportedMediaType,
    RangeNotSatisfiable,
    ImportRejected,
    BundleRefused,
    WorkbookRefused,
    WorkbookLimit,
    WorkbookState,
    ProjectState,
    BackupExists,
    BackupRefused,
    NotInBackup,
    RestorePlan,
    NothingToUndo,
    UndoConflict,
    NoAdministrator,
    EmptyReplacement,
    RecordTooLarge,
    ChangeTooLarge,
    TooManyDifferences,
    Damaged,
    ReadOnly,
    TooManyFailedLogins,
    TooManyFollowers,
    Internal,
    Unavailable,
    DiskFull,
}

impl ProblemKind {
    /// Returns the word in `type`, the title and the status.
    pub(super) fn facts(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::MalformedRequest => {
                ("malformed-request", "The request is malformed", StatusCode::BAD_REQUEST)
            }
            Self::MalformedBody => {
                ("malformed-body", "The body is malformed", StatusCode::BAD_REQUEST)
            }
            Self::Unauthenticated => {
                ("unauthenticated", "Login required", StatusCode::UNAUTHORIZED)
            }
            Self::Forbidden => ("forbidden", "Not allowed", StatusCode::FORBIDDEN),
            Self::UnknownHost => {
                ("unknown-host", "Not the name of this server", StatusCode::MISDIRECTED_REQUEST)
            }
            Self::UnknownPath => ("unknown-path", "No such path", StatusCode::NOT_FOUND),
            Self::UnknownProject => ("unknown-project", "No such project", StatusCode::NOT_FOUND),
            Self::UnknownReport => ("unknown-report", "No such report", StatusCode::NOT_FOUND),
            Self::UnknownWorkbook => {
                ("unknown-workbook", "No such workbook", StatusCode::NOT_FOUND)
            }
            Self::UnknownBackup => ("unknown-backup", "No such backup", StatusCode::NOT_FOUND),
            Self::UnknownKind => ("unknown-type", "No such type", StatusCode::NOT_FOUND),
            Self::UnknownInstance => {
                ("unknown-instance", "No such instance", StatusCode::NOT_FOUND)
            }
            Self::UnknownText => ("unknown-text", "No such text", StatusCode::NOT_FOUND),
            Self::UnknownFeed => ("unknown-feed", "No such feed", StatusCode::NOT_FOUND),
            Self::UnknownHostInFeed => {
                ("unknown-feed-host", "The feed has no such host", StatusCode::NOT_FOUND)
            }
            Self::UnknownChange => ("unknown-change", "No such change", StatusCode::NOT_FOUND),
            Self::NotInHistory => {
                ("not-in-history", "The history does not keep this", StatusCode::GONE)
            }
            Self::UnknownProperty => {
                ("unknown-property", "No such property", StatusCode::BAD_REQUEST)
            }
            Self::WrongValue => {
                ("wrong-value", "The property cannot have this value", StatusCode::BAD_REQUEST)
            }
            Self::WrongExpression => (
                "wrong-expression",
                "The regular expression cannot be read",
                StatusCode::BAD_REQUEST,
            ),
            Self::SearchTooSlow => {
                ("search-too-slow", "The search takes too long", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Self::ChangeRejected => (
                "change-rejected",
                "The change was rejected; nothing was changed",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::OwnUser => ("own-user", "Not possible for your own user", StatusCode::CONFLICT),
            Self::Cancelled => {
                ("cancelled", "The job was cancelled; nothing was changed", StatusCode::CONFLICT)
            }
            Self::UnknownToken => ("unknown-token", "No such token", StatusCode::NOT_FOUND),
            Self::UnknownSession => ("unknown-session", "No such session", StatusCode::NOT_FOUND),
            Self::UnknownJob => ("unknown-job", "No such job", StatusCode::NOT_FOUND),
            Self::JobNotCancellable => {
                ("job-not-cancellable", "Too late to cancel the job", StatusCode::CONFLICT)
            }
            Self::MethodNotAllowed => {
                ("method-not-allowed", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED)
            }
            Self::RequestTimeout => {
                ("request-timeout", "The request arrived too slowly", StatusCode::REQUEST_TIMEOUT)
            }
            Self::Stale => ("stale", "Changed in the meantime", StatusCode::PRECONDITION_FAILED),
            Self::BodyTooLarge => {
                ("body-too-large", "The body is too large", StatusCode::PAYLOAD_TOO_LARGE)
            }
            Self::PathTooLong => {
                ("path-too-long", "The path is too long", StatusCode::URI_TOO_LONG)
            }
            Self::HeadTooLarge => (
                "head-too-large",
                "The request head is too large",
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ),
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                "Unsupported media type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
            Self::RangeNotSatisfiable => (
                "range-not-satisfiable",
                "The requested range starts after the end of the file",
                StatusCode::RANGE_NOT_SATISFIABLE,
            ),
            Self::ImportRejected => (
                "import-rejected",
                "The import has errors; nothing was changed",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::BundleRefused => (
                "bundle-refused",
                "The bundle cannot be imported",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::WorkbookRefused => (
                "workbook-refused",
                "The workbook cannot be imported",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::WorkbookLimit => (
                "workbook-limit",
                "The data exceeds the limits of this workbook format",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::WorkbookState => (
                "workbook-state",
                "The workbook is in use or has another state",
                StatusCode::CONFLICT,
            ),
            Self::ProjectState => {
                ("project-state", "Not possible in the state of the project", StatusCode::CONFLICT)
            }
            Self::BackupExists => {
                ("backup-exists", "There is a backup of this name", StatusCode::CONFLICT)
            }
            Self::BackupRefused => (
                "backup-refused",
                "The file is not a backup, or is damaged",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::NotInBackup => (
                "not-in-backup",
                "The backup does not have this record",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::RestorePlan => (
                "restore-plan",
                "The restore would do something else than its plan",
                StatusCode::CONFLICT,
            ),
            Self::NothingToUndo => {
                ("nothing-to-undo", "There is nothing to undo", StatusCode::CONFLICT)
            }
            Self::UndoConflict => {
                ("undo-conflict", "The change cannot be undone as it is", StatusCode::CONFLICT)
            }
            Self::NoAdministrator => (
                "no-administrator",
                "No administrator would be left",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::EmptyReplacement => (
                "empty-replacement",
                "The import would only delete records",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::RecordTooLarge => {
                ("record-too-large", "A record is too large", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Self::ChangeTooLarge => (
                "change-too-large",
                "The change affects too many records",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::TooManyDifferences => (
                "too-many-differences",
                "Too many records changed",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::Damaged => {
                ("damaged", "Stored data is damaged", StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::ReadOnly => {
                ("read-only", "The inventory is read-only", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::TooManyFailedLogins => {
                ("too-many-failed-logins", "Too many failed logins", StatusCode::TOO_MANY_REQUESTS)
            }
            Self::TooManyFollowers => (
                "too-many-followers",
                "Too many clients wait for changes",
                StatusCode::TOO_MANY_REQUESTS,
            ),
            Self::Internal => {
                ("internal", "Internal server error", StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Unavailable => {
                ("unavailable", "Temporarily unavailable", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::DiskFull => ("disk-full", "The disk is full", StatusCode::INSUFFICIENT_STORAGE),
        }
    }
}
