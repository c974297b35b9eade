//! Problems: everything that goes wrong becomes one of these, and only here an HTTP answer.
//!
//! The form is RFC 9457, `application/problem+json`: `type`, `title`, `status`, `detail`, the
//! request's id, and `errors`, each with its place. `kind` lists the sorts of problem, `causes`
//! says which sort each error of an operation is.

mod causes;
mod kind;

use std::borrow::Cow;
use std::error::Error;

use hyper::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

pub(super) use self::kind::ProblemKind;
use super::request::RequestId;
use super::response::{self, PROBLEM_JSON, Response};
use crate::codec::bundle::BundleError;
use crate::import::EmptyKind;
use crate::model::{Kind, UnknownKind};
use crate::store::{Damage, StoreError};
use crate::wording::chain;

/// What stands before the word in a problem's `type`: a tag URI (RFC 4151), which names and needs
/// no server.
const TYPE_PREFIX: &str = "tag:satchel.internal,2026:problem/";

/// What to do about damage.
const DAMAGED_ADVICE: &str = "`satchel verify` lists everything that is damaged, and \
                              `satchel recover --dry-run` says what can be done about it.";

/// Of a text from outside that is shown in a message.
const SHOWN_CHARS_MAX: usize = 80;

/// How long a client that was turned away for want of room should wait.
const BUSY_RETRY_SECONDS: u64 = 5;

const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"satchel\", charset=\"UTF-8\"");

/// Where in a request something is wrong. The name of the place becomes a member of the error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// A JSON pointer (RFC 6901) into the body; empty for the whole of it.
    Pointer(String),
    /// A field of a form.
    FormField(String),
    Header(&'static str),
    /// The path as it came.
    Path(String),
    /// A named part of the path.
    PathParameter(&'static str),
    /// A parameter of the query; empty for the whole of it.
    QueryParameter(String),
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
    /// A short word for scripts, where the place alone does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'static str>,
    /// A sentence.
    pub(super) detail: String,
    /// What stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Value>,
    /// What was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nearest: Option<Cow<'static, str>>,
    /// Where in the value, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<usize>,
    /// Everything that would be right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) valid: Vec<&'static str>,
}

impl Flaw {
    pub(super) fn new(place: Place, detail: impl Into<String>) -> Self {
        Self {
            place,
            code: None,
            detail: detail.into(),
            value: None,
            nearest: None,
            position: None,
            valid: Vec::new(),
        }
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
    /// What is damaged, to be counted.
    damage: Option<Box<Damage>>,
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
            damage: None,
        }
    }

    /// Adds what is damaged, where an error of the store says so.
    fn with_damage(mut self, error: Option<&StoreError>) -> Self {
        self.damage = error.and_then(StoreError::damage).map(Box::new);
        match self.damage.as_deref() {
            Some(Damage { part, kind, name, .. }) => {
                let mut members = Map::new();
                members.insert("part".to_owned(), Value::from(*part));
                if let (Some(kind), Some(name)) = (kind, name) {
                    members.insert("record_type".to_owned(), Value::from(kind.as_str()));
                    members.insert("record_name".to_owned(), Value::from(name.as_str()));
                }
                self.with_members(members)
            }
            None => self,
        }
    }

    /// Takes what is damaged.
    pub(super) fn take_damage(&mut self) -> Option<Damage> {
        self.damage.take().map(|damage| *damage)
    }

    /// Whether it is of this sort.
    pub(super) fn is(&self, kind: ProblemKind) -> bool {
        self.kind == kind
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
            ProblemKind::ReadOnly => {
                tracing::error!(error, "the store");
                Self::new(kind, sentence(error))
            }
            // It is logged where it is counted.
            ProblemKind::Damaged => {
                Self::new(kind, format!("{} {DAMAGED_ADVICE}", sentence(error)))
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

    /// 404 for a part of the path that should name a type of instance.
    pub(super) fn unknown_kind(error: &UnknownKind, parameter: &'static str) -> Self {
        let detail = match error.nearest {
            Some(kind) => {
                format!("“{}” is not a type of instance; was “{kind}” meant?", shorten(&error.word))
            }
            None => format!("“{}” is not a type of instance.", shorten(&error.word)),
        };
        let flaw = Flaw {
            value: Some(Value::from(shorten(&error.word))),
            nearest: error.nearest.map(|kind| Cow::Borrowed(kind.as_str())),
            valid: Kind::ALL.into_iter().map(Kind::as_str).collect(),
            ..Flaw::new(Place::PathParameter(parameter), &*detail)
        };
        Self::new(ProblemKind::UnknownKind, detail).with_flaw(flaw)
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
        self.with_error(serde_json::json!({
            "entry": refused.entry(),
            "rule": refused.code(),
            "detail": sentence(refused),
        }))
    }

    /// Adds what is wrong with a file as a whole: which rule it breaks.
    fn with_rule(self, rule: &'static str, refused: &dyn Error) -> Self {
        self.with_error(serde_json::json!({"rule": rule, "detail": sentence(refused)}))
    }

    /// Adds the kinds of which an import would only remove records.
    fn with_empty_kinds(self, kinds: &[EmptyKind]) -> Self {
        let error = |kind: &EmptyKind| {
            let mut error = serde_json::to_value(kind).unwrap_or_default();
            error["rule"] = "empty-replacement".into();
            error["detail"] = sentence_of(&kind.to_string()).into();
            error
        };
        let mut members = Map::new();
        members.insert("errors".to_owned(), kinds.iter().map(error).collect());
        self.with_members(members)
    }

    /// Adds the one thing that is wrong, which has no place in the request.
    fn with_error(self, error: Value) -> Self {
        let mut members = Map::new();
        members.insert("errors".to_owned(), Value::Array(vec![error]));
        self.with_members(members)
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What is wrong, in a sentence.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The answer to the request with this id.
    pub(super) fn render(self, id: RequestId) -> Response {
        let (status, text) = self.json(id);
        let mut response = response::whole(status, PROBLEM_JSON, text);
        response.headers_mut().extend(self.headers);
        response
    }

    /// The status and the body of the answer.
    pub(super) fn json(&self, id: RequestId) -> (StatusCode, Vec<u8>) {
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
        (status, text)
    }
}

/// A text from outside as a message shows it: not longer than a line.
pub(super) fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// A member's name as a part of a JSON pointer (RFC 6901).
pub(super) fn escape_pointer(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) {
        Cow::Owned(name.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(name)
    }
}

fn retry_after(seconds: u64) -> (HeaderName, HeaderValue) {
    (RETRY_AFTER, HeaderValue::from(seconds))
}

/// An error with its causes as a sentence: errors begin in lower case and end without a full stop.
fn sentence(error: &dyn Error) -> String {
    sentence_of(&chain(error))
}

/// A message as a sentence.
pub(super) fn sentence_of(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => {
            let rest = chars.as_str().trim_end_matches('.');
            let stop = if rest.ends_with('?') { "" } else { "." };
            format!("{}{rest}{stop}", first.to_uppercase())
        }
        None => String::new(),
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
        let query = json(&Flaw::new(Place::QueryParameter("limit".into()), "No."));
        assert_eq!(query, serde_json::json!({"query_parameter": "limit", "detail": "No."}));
    }

    #[test]
    fn long_texts_are_shown_short() {
        assert_eq!(shorten("näme"), "näme");
        assert_eq!(shorten(&"ä".repeat(1000)).chars().count(), SHOWN_CHARS_MAX + 1);
    }
}
