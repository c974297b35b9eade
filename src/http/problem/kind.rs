//! The sorts of problem, and what each of them says of itself.

use hyper::StatusCode;

/// The sorts of problem. Clients tell them apart by the word in `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum ProblemKind {
    MalformedRequest,
    MalformedBody,
    Unauthenticated,
    Forbidden,
    UnknownPath,
    UnknownProject,
    UnknownReport,
    UnknownWorkbook,
    UnknownKind,
    UnknownInstance,
    UnknownText,
    UnknownProperty,
    WrongValue,
    WrongExpression,
    ChangeRejected,
    OwnUser,
    Cancelled,
    UnknownJob,
    JobNotCancellable,
    MethodNotAllowed,
    RequestTimeout,
    Stale,
    BodyTooLarge,
    PathTooLong,
    UnsupportedMediaType,
    RangeNotSatisfiable,
    ImportRejected,
    BundleRefused,
    WorkbookRefused,
    WorkbookLimit,
    WorkbookState,
    ProjectState,
    NothingToUndo,
    NoAdministrator,
    EmptyReplacement,
    RecordTooLarge,
    ChangeTooLarge,
    Damaged,
    ReadOnly,
    TooManyFailedLogins,
    Internal,
    Unavailable,
    DiskFull,
}

impl ProblemKind {
    /// The word in `type`, the title and the status.
    pub(super) fn facts(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::MalformedRequest => {
                ("malformed-request", "The request is malformed", StatusCode::BAD_REQUEST)
            }
            Self::MalformedBody => {
                ("malformed-body", "The body is malformed", StatusCode::BAD_REQUEST)
            }
            Self::Unauthenticated => {
                ("unauthenticated", "A login is needed", StatusCode::UNAUTHORIZED)
            }
            Self::Forbidden => ("forbidden", "Not allowed", StatusCode::FORBIDDEN),
            Self::UnknownPath => ("unknown-path", "Nothing is here", StatusCode::NOT_FOUND),
            Self::UnknownProject => ("unknown-project", "No such project", StatusCode::NOT_FOUND),
            Self::UnknownReport => ("unknown-report", "No such report", StatusCode::NOT_FOUND),
            Self::UnknownWorkbook => {
                ("unknown-workbook", "No such workbook", StatusCode::NOT_FOUND)
            }
            Self::UnknownKind => ("unknown-type", "No such type", StatusCode::NOT_FOUND),
            Self::UnknownInstance => {
                ("unknown-instance", "No such instance", StatusCode::NOT_FOUND)
            }
            Self::UnknownText => ("unknown-text", "No such text", StatusCode::NOT_FOUND),
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
            Self::ChangeRejected => (
                "change-rejected",
                "The change was rejected, nothing is changed",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::OwnUser => {
                ("own-user", "Not possible for the user who asks", StatusCode::CONFLICT)
            }
            Self::Cancelled => {
                ("cancelled", "The job was cancelled, nothing is changed", StatusCode::CONFLICT)
            }
            Self::UnknownJob => ("unknown-job", "No such job", StatusCode::NOT_FOUND),
            Self::JobNotCancellable => {
                ("job-not-cancellable", "It is too late to cancel the job", StatusCode::CONFLICT)
            }
            Self::MethodNotAllowed => (
                "method-not-allowed",
                "The method is not allowed here",
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            Self::RequestTimeout => {
                ("request-timeout", "The request came too slowly", StatusCode::REQUEST_TIMEOUT)
            }
            Self::Stale => {
                ("stale", "It has changed in the meantime", StatusCode::PRECONDITION_FAILED)
            }
            Self::BodyTooLarge => {
                ("body-too-large", "The body is too large", StatusCode::PAYLOAD_TOO_LARGE)
            }
            Self::PathTooLong => {
                ("path-too-long", "The path is too long", StatusCode::URI_TOO_LONG)
            }
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                "The body has the wrong type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
            Self::RangeNotSatisfiable => (
                "range-not-satisfiable",
                "The range lies beyond the end",
                StatusCode::RANGE_NOT_SATISFIABLE,
            ),
            Self::ImportRejected => (
                "import-rejected",
                "The import was rejected, nothing is changed",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::BundleRefused => (
                "bundle-refused",
                "The bundle is not one that can be taken",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::WorkbookRefused => (
                "workbook-refused",
                "The workbook is not one that can be taken",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::WorkbookLimit => (
                "workbook-limit",
                "A workbook of this format cannot hold it",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::WorkbookState => {
                ("workbook-state", "Not possible with the workbook as it is", StatusCode::CONFLICT)
            }
            Self::ProjectState => {
                ("project-state", "Not possible with the project as it is", StatusCode::CONFLICT)
            }
            Self::NothingToUndo => {
                ("nothing-to-undo", "There is nothing to undo", StatusCode::CONFLICT)
            }
            Self::NoAdministrator => (
                "no-administrator",
                "No administrator would be left",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::EmptyReplacement => (
                "empty-replacement",
                "The import would only remove records",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::RecordTooLarge => {
                ("record-too-large", "A record is too large", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Self::ChangeTooLarge => {
                ("change-too-large", "Too much for one change", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Self::Damaged => {
                ("damaged", "Something stored is damaged", StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::ReadOnly => {
                ("read-only", "Nothing can be changed", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::TooManyFailedLogins => {
                ("too-many-failed-logins", "Too many failed logins", StatusCode::TOO_MANY_REQUESTS)
            }
            Self::Internal => {
                ("internal", "Something went wrong inside", StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Unavailable => {
                ("unavailable", "Not possible just now", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::DiskFull => ("disk-full", "The disk is full", StatusCode::INSUFFICIENT_STORAGE),
        }
    }
}
