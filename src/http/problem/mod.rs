//! Problems: the response to a failed request. Only this module converts errors to HTTP responses.
//!
//! The format is RFC 9457, `application/problem+json`: `type`, `title`, `status`, `detail`, the
//! id of the request, and `errors`, each with its location (`entry`). `kind` lists the kinds of
//! problem; `causes` maps each error of an operation to its kind.

mod causes;
mod entry;
mod kind;

use std::{borrow::Cow, error::Error};

use hyper::{
    Method, StatusCode,
    header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use self::entry::{BundleFlaw, EmptyKindFlaw, WorkbookFlaw};
pub(super) use self::{
    entry::{ErrorEntry, Flaw, ImportFlaw, RequestLocation},
    kind::ProblemKind,
};
use super::{
    request_id::RequestId,
    response::{self, PROBLEM_JSON, Response},
};
use crate::{
    codec::bundle::BundleError,
    import::EmptyKind,
    inventory::ChangeUndoReport,
    model::{Kind, UnknownKind},
    store::{Damage, StoreError},
    wording::chain,
};

/// The prefix of a problem's `type`: a tag URI (RFC 4151), which identifies without naming a
/// server.
const TYPE_PREFIX: &str = "tag:satchel.internal,2026:problem/";

/// The next step in a message about damage.
const DAMAGED_ADVICE: &str = "`satchel verify` lists all damage, and \
                              `satchel recover --dry-run` shows what can be recovered.";

/// The characters of a client's text that a message shows.
const SHOWN_CHARS_MAX: usize = 80;

/// The time that a client should wait after it was refused because the server is busy.
const BUSY_RETRY_SECONDS: u64 = 5;

const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"satchel\", charset=\"UTF-8\"");

/// The challenge to a page. Browsers do not know this scheme, so they do not ask for a password.
const SESSION_CHALLENGE: HeaderValue = HeaderValue::from_static("Session realm=\"satchel\"");

/// The reason why a request failed.
#[derive(Debug)]
pub(super) struct Problem {
    kind: ProblemKind,
    detail: Cow<'static, str>,
    errors: Vec<ErrorEntry>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The damage behind the problem, which the pipeline counts.
    damage: Option<Box<Damage>>,
}

/// The problem of a failed request (RFC 9457). Some problems have more members: the rejection of a
/// change or an import has those of the report, and damage has its location.
// The order of the members is for people.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Problem")]
pub(super) struct Rendered<'a> {
    /// The kind of problem. Scripts distinguish problems by its last word.
    r#type: String,
    /// The kind of problem in a few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A sentence that says what happened.
    detail: &'a str,
    /// The id of the request, which is also in the log.
    request_id: String,
    /// The errors, each with its location.
    #[serde(skip_serializing_if = "<[ErrorEntry]>::is_empty")]
    errors: &'a [ErrorEntry],
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl Problem {
    /// Takes the kind, and a sentence for a person.
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

    /// Adds the damage that an error of the store reports, if any.
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

    /// Moves the damage out.
    pub(super) fn take_damage(&mut self) -> Option<Damage> {
        self.damage.take().map(|damage| *damage)
    }

    /// Returns whether the problem is of this kind.
    pub(super) fn is(&self, kind: ProblemKind) -> bool {
        self.kind == kind
    }

    /// Returns the problem of a bug or a failing machine. The cause is logged and not sent, because
    /// it could reveal internals.
    pub(super) fn internal(cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = cause, "A request failed with an internal error.");
        Self::new(
            ProblemKind::Internal,
            "The server failed to process the request. The cause is in its log, under the request \
             id.",
        )
    }

    /// Returns the problem of a request that can succeed when the server has less to do.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        let (name, value) = retry_after(BUSY_RETRY_SECONDS);
        Self::new(ProblemKind::Unavailable, detail).with_header(name, value)
    }

    /// Returns a problem whose detail is the message of the error, unless the kind is internal.
    pub(super) fn of(kind: ProblemKind, error: &(dyn Error + 'static)) -> Self {
        match kind {
            ProblemKind::Internal => Self::internal(error),
            ProblemKind::Unavailable => Self::unavailable(sentence(error)),
            ProblemKind::ReadOnly => {
                tracing::error!(error, "A request failed with an error of the store.");
                Self::new(kind, sentence(error))
            }
            // The inventory logs it when it counts it.
            ProblemKind::Damaged => {
                Self::new(kind, format!("{} {DAMAGED_ADVICE}", sentence(error)))
            }
            _ => Self::new(kind, sentence(error)),
        }
    }

    /// Returns 401 with its challenge.
    pub(super) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Unauthenticated, detail).with_header(WWW_AUTHENTICATE, CHALLENGE)
    }

    /// Replaces the challenge of a 401 by one that browsers leave to the page.
    pub(super) fn ask_for_session(&mut self) {
        for (name, value) in &mut self.headers {
            if *name == WWW_AUTHENTICATE {
                *value = SESSION_CHALLENGE;
            }
        }
    }

    /// Returns 405 with the allowed methods.
    pub(super) fn method_not_allowed(method: &Method, allow: HeaderValue) -> Self {
        let words = allow.to_str().unwrap_or_default();
        let method = shorten(method.as_str());
        let detail = format!("{method} is not allowed for this path. Allowed methods: {words}.");
        Self::new(ProblemKind::MethodNotAllowed, detail).with_header(ALLOW, allow)
    }

    /// Returns 404 for a path parameter that should be a type of instance.
    pub(super) fn unknown_kind(error: &UnknownKind, parameter: &'static str) -> Self {
        let detail = match error.nearest {
            Some(kind) => {
                format!(
                    "“{}” is not a type of instance. Did you mean “{kind}”?",
                    shorten(&error.word)
                )
            }
            None => format!("“{}” is not a type of instance.", shorten(&error.word)),
        };
        let flaw = Flaw {
            value: Some(Value::from(shorten(&error.word))),
            nearest: error.nearest.map(|kind| Cow::Borrowed(kind.as_str())),
            valid: Kind::ALL.into_iter().map(Kind::as_str).collect(),
            ..Flaw::new(RequestLocation::PathParameter(parameter), &*detail)
        };
        Self::new(ProblemKind::UnknownKind, detail).with_flaw(flaw)
    }

    /// Adds a flaw.
    pub(super) fn with_flaw(mut self, flaw: Flaw) -> Self {
        self.errors.push(ErrorEntry::Request(flaw));
        self
    }

    /// Adds flaws.
    pub(super) fn with_flaws(mut self, flaws: Vec<Flaw>) -> Self {
        self.errors.extend(flaws.into_iter().map(ErrorEntry::Request));
        self
    }

    /// Adds members beside the members of every problem.
    pub(super) fn with_members(mut self, members: Map<String, Value>) -> Self {
        // The members of every problem take precedence.
        self.members.extend(members.into_iter().filter(|(name, _)| {
            !matches!(name.as_str(), "type" | "title" | "status" | "detail" | "request_id")
        }));
        self
    }

    /// Adds errors.
    pub(super) fn with_errors(mut self, errors: impl IntoIterator<Item = ErrorEntry>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// Adds the error of a bundle: its entry, and the rule that it breaks.
    fn with_bundle(self, refused: &BundleError) -> Self {
        let entry = refused.entry().map(str::to_owned);
        let flaw = BundleFlaw { entry, rule: refused.code(), detail: sentence(refused) };
        self.with_errors([ErrorEntry::Bundle(flaw)])
    }

    /// Adds the error of a workbook: the rule that it breaks.
    fn with_rule(self, rule: &'static str, refused: &dyn Error) -> Self {
        self.with_errors([ErrorEntry::Workbook(WorkbookFlaw { rule, detail: sentence(refused) })])
    }

    /// Adds the kinds of which an import would only delete records.
    fn with_empty_kinds(self, kinds: Vec<EmptyKind>) -> Self {
        self.with_errors(kinds.into_iter().map(|kind| {
            let detail = sentence_of(&kind.to_string());
            ErrorEntry::EmptyKind(EmptyKindFlaw { kind, rule: "empty-replacement", detail })
        }))
    }

    /// Adds the conflicts of an undo.
    fn with_undo_conflicts(self, report: &ChangeUndoReport) -> Self {
        let mut members = Map::new();
        // Texts and numbers always have a form in JSON.
        let conflicts = serde_json::to_value(&report.conflicts).unwrap_or_default();
        members.insert("conflicts".to_owned(), conflicts);
        members.insert("conflicts_total".to_owned(), report.conflicts_total.into());
        self.with_members(members)
    }

    /// Adds a header of the response.
    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Returns the flaws of the request.
    #[cfg(test)]
    pub(super) fn flaws(&self) -> Vec<&Flaw> {
        let flaws = self.errors.iter().filter_map(|error| match error {
            ErrorEntry::Request(flaw) => Some(flaw),
            _ => None,
        });
        flaws.collect()
    }

    /// Returns the sentence for a person.
    pub(super) fn status(&self) -> StatusCode {
        self.kind.facts().2
    }

    /// The sentence about this occurrence.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the response to the request with this id.
    pub(super) fn render(self, id: RequestId) -> Response {
        let (status, text) = self.json(id);
        let mut response = response::whole(status, PROBLEM_JSON, text);
        response.headers_mut().extend(self.headers);
        response
    }

    /// Returns the status and the body of the response.
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
        // Texts, numbers and JSON values can always be written as JSON.
        let mut text = serde_json::to_vec(&rendered).unwrap_or_default();
        text.push(b'\n');
        (status, text)
    }
}

/// Returns the beginning of a client's text, short enough for a message.
pub(super) fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Returns a member's name as a segment of a JSON pointer (RFC 6901).
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

/// Returns an error with its causes as a sentence. Errors begin in lower case and end without a
/// full stop.
fn sentence(error: &dyn Error) -> String {
    sentence_of(&chain(error))
}

/// Returns a message with an upper-case first letter and a full stop.
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
    fn a_flaw_has_a_member_for_its_location() {
        let pointer = json(&Flaw::new(RequestLocation::Pointer("/name".into()), "No."));
        assert_eq!(pointer, serde_json::json!({"pointer": "/name", "detail": "No."}));
        let text = json(&Flaw::new(RequestLocation::Text { line: 2, column: 7 }, "No."));
        assert_eq!(text, serde_json::json!({"line": 2, "column": 7, "detail": "No."}));
        let header = json(&Flaw::new(RequestLocation::Header("host"), "No."));
        assert_eq!(header, serde_json::json!({"header": "host", "detail": "No."}));
        let query = json(&Flaw::new(RequestLocation::QueryParameter("limit".into()), "No."));
        assert_eq!(query, serde_json::json!({"query_parameter": "limit", "detail": "No."}));
    }

    #[test]
    fn long_texts_are_shortened() {
        assert_eq!(shorten("näme"), "näme");
        assert_eq!(shorten(&"ä".repeat(1000)).chars().count(), SHOWN_CHARS_MAX + 1);
    }
}
