//! The request context that a handler gets.

use std::sync::Arc;

use hyper::{
    Method,
    header::{HeaderMap, HeaderName},
};

use super::{
    app::App,
    blocking::Lane,
    caller::Caller,
    description::{BodyRule, CallOption},
    download::FileRequest,
    options::Options,
    parameters::Parameters,
    problem::{Flaw, Problem, ProblemKind, RequestLocation},
    query_string::Query,
    request_body::RequestBody,
    request_id::RequestId,
    session_cookie::SessionCookie,
};
use crate::{
    access::LoginSource,
    inventory::Inventory,
    store::{CHANGE_MESSAGE_BYTES_MAX, Origin},
};

/// The header with the message of a change, which the history keeps.
const X_CHANGE_MESSAGE: HeaderName = HeaderName::from_static("x-change-message");

/// A request whose route is found and whose caller is authenticated and authorised.
pub(super) struct Call {
    pub(super) app: Arc<App>,
    pub(super) id: RequestId,
    pub(super) caller: Caller,
    /// The client.
    pub(super) source: LoginSource,
    /// The cookie in which the browser keeps its session.
    pub(super) session_cookie: SessionCookie,
    /// The name of the route's operation.
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) parameters: Parameters,
    /// The query of a GET call, and of a call whose handler also reads options from a form.
    pub(super) query: Query,
    /// The checked options of every other call.
    pub(super) options: Options,
    /// The definitions of the options that the route has.
    pub(super) known_options: &'static [CallOption],
    /// The rule for the body of this request.
    pub(super) body_rule: BodyRule,
    pub(super) body: RequestBody,
}

impl Call {
    /// Returns the origin of a change that this request makes.
    ///
    /// # Errors
    /// 401 for an anonymous caller, 400 for a message that the history does not accept.
    pub(super) fn origin(&self) -> Result<Origin, Problem> {
        Ok(Origin {
            principal: self.caller.require_principal()?.name.clone(),
            address: Some(self.source.address),
            operation: self.operation.to_owned(),
            request: Some(self.id.number()),
            message: change_message(&self.headers)?,
        })
    }

    /// Returns the inventory as the caller can see and change it.
    pub(super) fn inventory(&self) -> Inventory {
        match self.caller.principal() {
            Some(principal) => self.app.inventory.with_rights(principal.grants.records.clone()),
            None => self.app.inventory.clone(),
        }
    }

    /// Returns the lane that counts records for the caller: each record is read for a caller who cannot
    /// read all of them.
    pub(super) fn count_lane(&self) -> Lane {
        if self.inventory().is_complete() { Lane::Quick } else { Lane::Search }
    }

    /// Returns the parts of the request that a download needs.
    pub(super) fn file_request(&self) -> FileRequest<'_> {
        FileRequest { method: &self.method, headers: &self.headers, blocking: &self.app.blocking }
    }
}

/// Returns the message of the change. `None` if there is none, or if it is empty.
///
/// # Errors
/// 400 if it is not UTF-8, contains control characters, is too long, or is sent twice.
fn change_message(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut sent = headers.get_all(X_CHANGE_MESSAGE).iter();
    let Some(value) = sent.next() else { return Ok(None) };
    let refused = |detail: String| {
        Problem::new(ProblemKind::MalformedRequest, detail.clone())
            .with_flaw(Flaw::new(RequestLocation::Header("x-change-message"), detail))
    };
    if sent.next().is_some() {
        return Err(refused("X-Change-Message is sent twice.".to_owned()));
    }
    let bytes = value.as_bytes();
    if bytes.len() > CHANGE_MESSAGE_BYTES_MAX {
        return Err(refused(format!(
            "X-Change-Message has {} bytes, more than the {CHANGE_MESSAGE_BYTES_MAX} allowed.",
            bytes.len()
        )));
    }
    let text = str::from_utf8(bytes);
    let text = text.map_err(|_| refused("X-Change-Message is not UTF-8 text.".to_owned()))?.trim();
    if text.contains(char::is_control) {
        return Err(refused("X-Change-Message contains a control character.".to_owned()));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
