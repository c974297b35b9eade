//! The handler of `audit`: the entries of the audit log.

use serde_json::value::RawValue;

use super::{history::limit, moment::time};
use crate::{
    audit::{AuditFilter, EventKind, read_page},
    http::{
        accept::RowFormat,
        blocking::Lane,
        call::Call,
        options::{
            AUDIT_ADDRESS, AUDIT_BELOW, AUDIT_EVENT, AUDIT_SINCE, AUDIT_TEXT, AUDIT_UNTIL,
            AUDIT_USER,
        },
        problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
        query_string::{Query, wrong_value},
        response::Response,
    },
};

/// Handles `GET /rest/audit`.
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let filter = filter(&call.query)?;
    let format = RowFormat::preferred(&call.headers);

    let folder = call.app.audit.folder().clone();
    let read = move || read_page(&folder, &filter);
    let page = call.app.blocking.run(Lane::Search, read).await?;
    let page = page.map_err(|error| Problem::internal(&error))?;

    // The lines as they are stored: a client can check their hashes.
    let rows = page.lines.into_iter().map(RawValue::from_string).collect::<Result<Vec<_>, _>>();
    super::history::rows(&rows.map_err(|error| Problem::internal(&error))?, format, None)
}

/// Returns the filters of the query.
fn filter(query: &Query) -> Result<AuditFilter, Problem> {
    let at = |name| query.one(name)?.map(|text| time(name, text)).transpose();
    Ok(AuditFilter {
        kind: query.one(AUDIT_EVENT.name)?.map(event).transpose()?,
        user: query.one(AUDIT_USER.name)?.map(str::to_owned),
        address: match query.one(AUDIT_ADDRESS.name)? {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| {
                wrong_value(AUDIT_ADDRESS.name, text, "it is an IP address such as 192.0.2.7")
            })?),
        },
        since: at(AUDIT_SINCE.name)?,
        until: at(AUDIT_UNTIL.name)?,
        text: query.one(AUDIT_TEXT.name)?.map(str::to_owned),
        below: query.number(AUDIT_BELOW.name)?,
        limit: limit(query)?,
    })
}

/// Parses the kind of event.
fn event(word: &str) -> Result<EventKind, Problem> {
    word.parse().map_err(|()| {
        let detail = format!("“{}” is not a kind of event.", shorten(word));
        let location = RequestLocation::QueryParameter(AUDIT_EVENT.name.to_owned());
        let flaw = Flaw {
            value: Some(shorten(word).into()),
            valid: EventKind::WORDS.to_vec(),
            ..Flaw::new(location, &*detail)
        };
        Problem::new(ProblemKind::MalformedRequest, detail).with_flaw(flaw)
    })
}
