//! The handlers of sessions: the logins of browsers.

use std::sync::Arc;

use hyper::{
    StatusCode,
    header::{HeaderMap, SET_COOKIE, USER_AGENT},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::{
    access::{Credentials, LoginSource, Principal, Right, Session, SessionClient, SessionLimits},
    http::{
        app::App,
        blocking::Lane,
        call::Call,
        credentials,
        flaws::{Flaws, is_type},
        json_response,
        object_reader::ObjectReader,
        problem::{Problem, ProblemKind, shorten},
        request_body::{read_object, require_json},
        response::{self, Response},
    },
};

/// The members of the body of a login.
const NAME: &str = "name";
pub(super) const PASSWORD: &str = "password";

const CREDENTIALS_NEEDED: &str = "A session needs a user name and a password: as the JSON object \
    {\"name\": …, \"password\": …}, or by HTTP basic authentication.";

const CREDENTIALS_TWICE: &str = "Send the user name and the password in the body or by HTTP basic \
    authentication, not both.";

/// The user of a request, and the session if there is one.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct SessionState<'a> {
    /// The user's name.
    user: &'a str,
    /// Whether the user is an administrator.
    administrator: bool,
    /// True if the user's password is the default or a common one, which everybody knows.
    public_password: bool,
    /// The rights of the user.
    #[schemars(with = "Vec<String>")]
    rights: Vec<&'static str>,
    /// The session. Absent if the request has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
}

/// The sessions of the caller, or of all users for an administrator.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct SessionList {
    /// The sessions, the oldest first.
    sessions: Vec<SessionView>,
}

/// A session, without its secret.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Session")]
pub(in crate::http) struct SessionView {
    /// The id, by which the session can be ended.
    id: String,
    /// The user who logged in.
    user: String,
    /// The address from which the user logged in.
    address: String,
    /// The description of the browser.
    client: String,
    /// The time of the login.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    since: OffsetDateTime,
    /// The time of the last request.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    last_used: OffsetDateTime,
    /// The time when it ends if there is no further request.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    idle_ends: OffsetDateTime,
    /// The time when it ends, at the latest.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    ends: OffsetDateTime,
    /// Whether it is the session of this request.
    current: bool,
}

impl SessionView {
    fn of(session: Session, limits: SessionLimits, current: Option<&Session>) -> Self {
        let idle = Duration::try_from(limits.idle).unwrap_or(Duration::MAX);
        Self {
            idle_ends: session.last_used.saturating_add(idle).min(session.ends),
            current: current.is_some_and(|current| current.id == session.id),
            id: session.id,
            user: session.user,
            address: session.address.to_string(),
            client: session.client,
            since: session.started,
            last_used: session.last_used,
            ends: session.ends,
        }
    }
}

/// The state of a user, with the session if there is one.
fn state<'a>(app: &App, principal: &'a Principal, session: Option<&Session>) -> SessionState<'a> {
    let limits = app.login.sessions().limits();
    let rights = principal.grants.rights.iter().filter(|right| *right != Right::Public);
    SessionState {
        user: &principal.name,
        administrator: principal.is_administrator(),
        public_password: app.login.users_with_public_passwords().contains(&principal.name),
        rights: rights.map(Right::as_str).collect(),
        session: session.map(|session| SessionView::of(session.clone(), limits, Some(session))),
    }
}

/// Handles `POST /rest/session`: logs in, and sets the cookie of a new session.
pub(in crate::http) async fn begin(call: Call) -> Result<Response, Problem> {
    // A page shows its own form, so the browser must not ask for the password.
    begin_session(call).await.map_err(|mut problem| {
        problem.ask_for_session();
        problem
    })
}

async fn begin_session(mut call: Call) -> Result<Response, Problem> {
    let credentials = Arc::new(sent_credentials(&mut call).await?);
    let Call { app, headers, source, session_cookie, .. } = call;
    let principal = credentials::log_in(&app, credentials.clone(), source).await?;
    let (session, text) = new_session(&app, &headers, source, credentials).await?;
    // A browser has one session. The cookie of the one before is replaced.
    for text in session_cookie.sent(&headers) {
        if let Ok(earlier) = app.login.check_session(&[text], source) {
            app.login.sessions().end(None, &earlier.id);
        }
    }
    let state = state(&app, &principal, Some(&session));
    let mut response = json_response::json(StatusCode::CREATED, &state)?;
    response.headers_mut().insert(SET_COOKIE, session_cookie.set(&text)?);
    Ok(response)
}

/// Begins a session of a user whose password was checked. Returns it with its text.
///
/// # Errors
/// 401 if the user has changed since.
pub(super) async fn new_session(
    app: &Arc<App>,
    headers: &HeaderMap,
    source: LoginSource,
    credentials: Arc<Credentials>,
) -> Result<(Session, Zeroizing<String>), Problem> {
    let description = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let client = SessionClient {
        address: source.address,
        description: description.unwrap_or_default().to_owned(),
    };
    let login = app.clone();
    let begin = move || login.login.begin_session(&credentials, client);
    let (session, text) = app.blocking.run(Lane::Quick, begin).await??;
    tracing::info!(user = session.user, session = session.id, "A session began.");
    Ok((session, text))
}

/// Reads the name and the password from the body or the `Authorization` header.
///
/// # Errors
/// 400 if both or none of them are there, or for a malformed one; 415 for another body than JSON.
async fn sent_credentials(call: &mut Call) -> Result<Credentials, Problem> {
    let basic = credentials::basic(&call.headers)?;
    let mut body = call.body.bytes(&call.app.body_memory).await?;
    let is_empty = body.text().trim_ascii().is_empty();
    let credentials = match (basic, is_empty) {
        (Some(credentials), true) => Ok(credentials),
        (None, false) => {
            require_json(&call.headers)?;
            parse_credentials(read_object(body.text())?)
        }
        (Some(_), false) => Err(Problem::new(ProblemKind::MalformedRequest, CREDENTIALS_TWICE)),
        (None, true) => Err(Problem::new(ProblemKind::MalformedRequest, CREDENTIALS_NEEDED)),
    };
    drop(Zeroizing::new(body.take_bytes()));
    credentials
}

fn parse_credentials(object: Map<String, Value>) -> Result<Credentials, Problem> {
    let mut reader = ObjectReader::new(object);
    let name = reader.required(NAME, |flaws, value| text(flaws, NAME, value));
    let password = reader.required(PASSWORD, |flaws, value| text(flaws, PASSWORD, value));
    let password = password.map(Zeroizing::new);
    let credentials = match (name, password) {
        (Some(name), Some(password)) => Some(Credentials { name, password }),
        _ => None,
    };
    reader.finish(credentials)
}

/// The text of a member. The flaw of a wrong type does not show the value, which can be a password.
pub(super) fn text(flaws: &mut Flaws<'_>, name: &str, value: &Value) -> Option<String> {
    let text = value.as_str();
    if text.is_none() {
        flaws.note(format!("The member “{name}” {}; text is expected.", is_type(value)));
    }
    text.map(str::to_owned)
}

/// Handles `GET /rest/session`.
pub(in crate::http) async fn show(call: Call) -> Result<Response, Problem> {
    let principal = call.caller.require_principal()?;
    json_response::json(StatusCode::OK, &state(&call.app, principal, call.caller.session()))
}

/// Handles `GET /rest/sessions`.
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let principal = call.caller.require_principal()?;
    let user = if principal.is_administrator() { None } else { Some(&*principal.name) };
    let sessions = call.app.login.sessions();
    let (limits, current) = (sessions.limits(), call.caller.session());
    let list = sessions.list(user).into_iter();
    let sessions = list.map(|session| SessionView::of(session, limits, current)).collect();
    json_response::json(StatusCode::OK, &SessionList { sessions })
}

/// Handles `DELETE /rest/session`: logs out, and removes the cookie.
pub(in crate::http) async fn log_out(call: Call) -> Result<Response, Problem> {
    let session = call.caller.session().ok_or_else(|| {
        Problem::new(ProblemKind::UnknownSession, "The request was not made in a session.")
    })?;
    call.app.login.sessions().end(None, &session.id);
    tracing::info!(user = session.user, session = session.id, "A session was ended.");
    let mut response = response::empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(SET_COOKIE, call.session_cookie.removed()?);
    Ok(response)
}

/// Handles `DELETE /rest/sessions/{id}`. Administrators can end the sessions of all users.
pub(in crate::http) async fn end(call: Call) -> Result<Response, Problem> {
    let id = call.parameters.get("id")?;
    let principal = call.caller.require_principal()?;
    let user = if principal.is_administrator() { None } else { Some(&*principal.name) };
    let sessions = call.app.login.sessions();
    let ended = sessions.end(user, id).ok_or_else(|| {
        let detail = format!("There is no session with the id “{}”.", shorten(id));
        Problem::new(ProblemKind::UnknownSession, detail)
    })?;
    tracing::info!(user = ended.user, session = ended.id, "A session was ended.");
    let view = SessionView::of(ended, sessions.limits(), call.caller.session());
    json_response::json(StatusCode::OK, &view)
}
