//! Problems: everything that goes wrong becomes one of these, and only here an HTTP answer.
//!
//! The form is RFC 9457, `application/problem+json`: `type`, `title`, `status`, `detail`, the
//! request's id, and `errors`, each with its place.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use hyper::header::{ALLOW, CONNECTION, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::blocking::BlockingError;
use super::body::BodyError;
use super::request::RequestId;
use super::response::{self, PROBLEM_JSON, Response};
use crate::access::LoginError;
use crate::codec::bundle::{BundleError, WriteError};
use crate::import::ImportError;
use crate::migration::{MigrationError, ShelfError};
use crate::store::StoreError;

/// What stands before the word in a problem's `type`: a tag URI (RFC 4151), which names and needs
/// no server.
const TYPE_PREFIX: &str = "tag:satchel.internal,2026:problem/";

/// Of a text from outside that is shown in a message.
const SHOWN_CHARS_MAX: usize = 80;

/// How long a client that was turned away for want of room should wait.
const BUSY_RETRY_SECONDS: u64 = 5;

const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"satchel\", charset=\"UTF-8\"");

/// The sorts of problem. Clients tell them apart by the word in `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProblemKind {
    MalformedRequest,
    MalformedBody,
    Unauthenticated,
    Forbidden,
    UnknownPath,
    UnknownProject,
    UnknownReport,
    MethodNotAllowed,
    RequestTimeout,
    Stale,
    BodyTooLarge,
    PathTooLong,
    UnsupportedMediaType,
    RangeNotSatisfiable,
    ImportRejected,
    BundleRefused,
    ProjectState,
    NoAdministrator,
    RecordTooLarge,
    ChangeTooLarge,
    Corrupt,
    ReadOnly,
    TooManyFailedLogins,
    Internal,
    Unavailable,
    DiskFull,
}

impl ProblemKind {
    /// The word in `type`, the title and the status.
    fn facts(self) -> (&'static str, &'static str, StatusCode) {
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
            Self::ProjectState => {
                ("project-state", "Not possible with the project as it is", StatusCode::CONFLICT)
            }
            Self::NoAdministrator => (
                "no-administrator",
                "No administrator would be left",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::RecordTooLarge => {
                ("record-too-large", "A record is too large", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Self::ChangeTooLarge => {
                ("change-too-large", "Too much for one change", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Self::Corrupt => {
                ("corrupt", "Something stored is damaged", StatusCode::INTERNAL_SERVER_ERROR)
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

/// Where in a request something is wrong. The name of the place becomes a member of the error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// A JSON pointer (RFC 6901) into the body; empty for the whole of it.
    Pointer(String),
    Header(&'static str),
    /// The path as it came.
    Path(String),
    /// A named part of the path.
    PathParameter(&'static str),
    /// A text position in the body. Both count from 1.
    #[serde(untagged)]
    Text {
        line: usize,
        column: usize,
    },
}

/// One thing that is wrong, where it is, and what would be right.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Flaw {
    #[serde(flatten)]
    pub(super) place: Place,
    /// A sentence.
    pub(super) detail: String,
    /// What stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Value>,
    /// What was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nearest: Option<&'static str>,
    /// Everything that would be right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) valid: Vec<&'static str>,
}

impl Flaw {
    pub(super) fn new(place: Place, detail: impl Into<String>) -> Self {
        Self { place, detail: detail.into(), value: None, nearest: None, valid: Vec::new() }
    }
}

/// A request that cannot be granted, and why.
#[derive(Debug)]
pub(super) struct Problem {
    kind: ProblemKind,
    detail: Cow<'static, str>,
    errors: Vec<Flaw>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The members in the order in which people read them.
#[derive(Serialize)]
struct Rendered<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    request_id: String,
    #[serde(skip_serializing_if = "<[Flaw]>::is_empty")]
    errors: &'a [Flaw],
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl Problem {
    /// `detail` is a sentence for a person.
    pub(super) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: Cow::Owned(detail.into()),
            errors: Vec::new(),
            members: Map::new(),
            headers: Vec::new(),
        }
    }

    /// A mistake of ours, or a failing machine. The cause goes to the log and not to the client,
    /// whom it could tell too much.
    pub(super) fn internal(cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = cause, "a request failed");
        Self::new(
            ProblemKind::Internal,
            "The request could not be answered. The cause is in the server's log, under the request id.",
        )
    }

    /// A problem whose detail is the error's own message, unless that is not for clients.
    fn of(kind: ProblemKind, error: &(dyn Error + 'static)) -> Self {
        match kind {
            ProblemKind::Internal => Self::internal(error),
            ProblemKind::Unavailable => {
                let (name, value) = retry_after(BUSY_RETRY_SECONDS);
                Self::new(kind, sentence(error)).with_header(name, value)
            }
            ProblemKind::Corrupt | ProblemKind::ReadOnly => {
                tracing::error!(error, "the store");
                Self::new(kind, sentence(error))
            }
            _ => Self::new(kind, sentence(error)),
        }
    }

    /// 401 with its challenge.
    pub(super) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Unauthenticated, detail).with_header(WWW_AUTHENTICATE, CHALLENGE)
    }

    /// 405 with what is allowed.
    pub(super) fn method_not_allowed(method: &Method, allow: HeaderValue) -> Self {
        let words = allow.to_str().unwrap_or_default();
        let method = shorten(method.as_str());
        let detail = format!("{method} is not allowed here; these are: {words}.");
        Self::new(ProblemKind::MethodNotAllowed, detail).with_header(ALLOW, allow)
    }

    /// Adds what is wrong, and where.
    pub(super) fn with_flaw(mut self, flaw: Flaw) -> Self {
        self.errors.push(flaw);
        self
    }

    /// Adds all that is wrong.
    pub(super) fn with_flaws(mut self, flaws: Vec<Flaw>) -> Self {
        self.errors.extend(flaws);
        self
    }

    /// Adds members of its own beside those of every problem.
    pub(super) fn with_members(mut self, members: Map<String, Value>) -> Self {
        // Those of every problem come first.
        self.members.extend(members.into_iter().filter(|(name, _)| {
            !matches!(name.as_str(), "type" | "title" | "status" | "detail" | "request_id")
        }));
        self
    }

    /// Adds what is wrong with a bundle: which entry, and which rule it breaks.
    fn with_entry(self, refused: &BundleError) -> Self {
        let error = serde_json::json!({
            "entry": refused.entry(),
            "rule": refused.code(),
            "detail": sentence(refused),
        });
        self.with_members(Map::from_iter([("errors".to_owned(), Value::Array(vec![error]))]))
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer to the request with this id.
    pub(super) fn render(self, id: RequestId) -> Response {
        let (word, title, status) = self.kind.facts();
        let rendered = Rendered {
            r#type: format!("{TYPE_PREFIX}{word}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            request_id: id.to_string(),
            errors: &self.errors,
            members: &self.members,
        };
        // Texts, numbers and values that are JSON already always can be JSON.
        let mut text = serde_json::to_vec(&rendered).unwrap_or_default();
        text.push(b'\n');
        let mut response = response::whole(status, PROBLEM_JSON, text);
        response.headers_mut().extend(self.headers);
        response
    }
}

/// A text from outside as a message shows it: not longer than a line.
pub(super) fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

fn retry_after(seconds: u64) -> (HeaderName, HeaderValue) {
    (RETRY_AFTER, HeaderValue::from(seconds))
}

impl From<BlockingError> for Problem {
    fn from(error: BlockingError) -> Self {
        let detail = match error {
            BlockingError::Panicked => return Self::internal(&error),
            BlockingError::Busy => "Too many requests of this sort are waiting already.",
            BlockingError::ShuttingDown => "The server is shutting down.",
        };
        let (name, value) = retry_after(BUSY_RETRY_SECONDS);
        Self::new(ProblemKind::Unavailable, detail).with_header(name, value)
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let kind = match error {
            BodyError::TooLarge { .. } => ProblemKind::BodyTooLarge,
            BodyError::TooSlow => ProblemKind::RequestTimeout,
            BodyError::ClientLeft | BodyError::Malformed(_) => ProblemKind::MalformedRequest,
        };
        // Whatever is left of the body cannot be told from a next request.
        Self::new(kind, error.to_string())
            .with_header(CONNECTION, HeaderValue::from_static("close"))
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused => Self::unauthenticated("The user name or the password is wrong."),
            LoginError::Locked { wait } => {
                // Rounded up: who comes back must not be early.
                let seconds = wait.as_secs() + 1;
                let (name, value) = retry_after(seconds);
                let detail = format!(
                    "There were too many failed logins of this user from this address. Try again in {seconds} s."
                );
                Self::new(ProblemKind::TooManyFailedLogins, detail).with_header(name, value)
            }
            LoginError::Accounts(error) => Self::internal(&error),
        }
    }
}

impl From<MigrationError> for Problem {
    fn from(error: MigrationError) -> Self {
        let kind = match &error {
            MigrationError::Shelf(error) => match error {
                ShelfError::NotFound { .. } => ProblemKind::UnknownProject,
                ShelfError::Bundle(BundleError::Io(error)) | ShelfError::Io(error) => of_io(error),
                ShelfError::Bundle(_) | ShelfError::File { .. } => ProblemKind::BundleRefused,
                ShelfError::FolderHasNoFile { .. } | ShelfError::InTheWay { .. } => {
                    ProblemKind::ProjectState
                }
                ShelfError::Long => ProblemKind::BodyTooLarge,
                ShelfError::NoSpace => ProblemKind::DiskFull,
            },
            MigrationError::Store(error) => of_store(error),
            MigrationError::Import(error) => of_import(error),
            MigrationError::Scratch(error)
            | MigrationError::Read { source: error, .. }
            | MigrationError::Write(WriteError::Io(error)) => of_io(error),
            MigrationError::Write(WriteError::Twice(_) | WriteError::Unfinished(_))
            | MigrationError::Panicked => ProblemKind::Internal,
        };
        let problem = Self::of(kind, &error);
        match error {
            MigrationError::Shelf(ShelfError::Bundle(refused)) => problem.with_entry(&refused),
            _ => problem,
        }
    }
}

/// What an import's errors are to a client.
fn of_import(error: &ImportError) -> ProblemKind {
    match error {
        ImportError::Store(error) => of_store(error),
        ImportError::Scratch(error) => of_io(error),
        ImportError::NoAdministrator => ProblemKind::NoAdministrator,
        ImportError::NoReport { .. } => ProblemKind::UnknownReport,
        ImportError::NameBytes { .. } => ProblemKind::Internal,
    }
}

/// What the store's errors are to a client.
fn of_store(error: &StoreError) -> ProblemKind {
    match error {
        StoreError::Busy => ProblemKind::Unavailable,
        StoreError::DiskFull => ProblemKind::DiskFull,
        StoreError::ReadOnly { .. } => ProblemKind::ReadOnly,
        StoreError::RecordLarge { .. } | StoreError::TextLarge { .. } => {
            ProblemKind::RecordTooLarge
        }
        StoreError::ChangeLarge { .. } => ProblemKind::ChangeTooLarge,
        StoreError::Io { source, .. } => of_io(source),
        StoreError::Corrupt { .. } | StoreError::Damaged { .. } | StoreError::Unsealable { .. } => {
            ProblemKind::Corrupt
        }
        StoreError::InUse { .. }
        | StoreError::KeyMissing { .. }
        | StoreError::KeyBroken { .. }
        | StoreError::Newer { .. }
        | StoreError::Database(_) => ProblemKind::Internal,
    }
}

fn of_io(error: &io::Error) -> ProblemKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ProblemKind::DiskFull,
        _ => ProblemKind::Internal,
    }
}

/// An error's message as a sentence: errors begin in lower case and end without a full stop.
fn sentence(error: &dyn Error) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => {
            let rest = chars.as_str().trim_end_matches('.');
            let stop = if rest.ends_with('?') { "" } else { "." };
            format!("{}{rest}{stop}", first.to_uppercase())
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(flaw: &Flaw) -> Value {
        serde_json::to_value(flaw).unwrap()
    }

    #[test]
    fn a_flaw_names_its_place_by_its_sort() {
        let pointer = json(&Flaw::new(Place::Pointer("/name".into()), "No."));
        assert_eq!(pointer, serde_json::json!({"pointer": "/name", "detail": "No."}));
        let text = json(&Flaw::new(Place::Text { line: 2, column: 7 }, "No."));
        assert_eq!(text, serde_json::json!({"line": 2, "column": 7, "detail": "No."}));
        let header = json(&Flaw::new(Place::Header("host"), "No."));
        assert_eq!(header, serde_json::json!({"header": "host", "detail": "No."}));
    }

    #[test]
    fn long_texts_are_shown_short() {
        assert_eq!(shorten("näme"), "näme");
        assert_eq!(shorten(&"ä".repeat(1000)).chars().count(), SHOWN_CHARS_MAX + 1);
    }
}
