//! The handlers of `history`, `history/{number}`, `diff` and `instance/{kind}/{name}/history`.

use std::borrow::Cow;

use hyper::{
    StatusCode,
    header::{HeaderName, HeaderValue, VARY},
};
use serde::Serialize;

use super::moment::{moment, past_time, time};
use crate::{
    http::{
        accept::RowFormat,
        blocking::Lane,
        call::Call,
        caller::Caller,
        json_response,
        options::{
            AFTER_RECORD, BELOW, DIFF_SINCE, DIFF_TO, HISTORY_LIMIT, HISTORY_NAME, OPERATION,
            PRINCIPAL, SINCE, TEXT, TYPE, UNTIL,
        },
        problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
        query_string::{Query, wrong_value},
        response::{Response, whole},
    },
    inventory::{ChangeDetails, ChangeSummary, HistoryRequest, HistoryStart, RecordPosition},
    model::{InstanceType, Kind, UnknownKind},
};

/// The number of the first change that the history keeps.
const X_HISTORY_BEGIN: HeaderName = HeaderName::from_static("x-history-begin");

/// The default number of changes of one response.
const CHANGES: u64 = 100;

/// The largest number of changes of one response. Each has up to 20 names.
const CHANGES_MAX: u64 = 1000;

/// The largest and default number of records of one change in one response. Each has at most about 1 KB.
const RECORDS_MAX: u64 = 10_000;

/// Handles `GET /rest/history`.
pub(in crate::http) async fn list(call: Call) -> Result<Response, Problem> {
    let request = history_request(&call.query)?;
    let format = RowFormat::preferred(&call.headers);

    let inventory = call.inventory();
    let read = move || inventory.history(&request);
    let mut page = call.app.blocking.run(Lane::Search, read).await??;

    for change in &mut page.changes {
        hide_address(change, &call.caller);
    }
    rows(&page.changes, format, page.begin.as_ref())
}

/// Handles `GET /rest/history/{number}`.
pub(in crate::http) async fn show(call: Call) -> Result<Response, Problem> {
    let text = call.parameters.get("number")?;
    let number = text.parse().map_err(|_| {
        let detail = format!("“{}” is not the number of a change.", shorten(text));
        Problem::new(ProblemKind::UnknownChange, detail)
    })?;

    let after = match call.query.one(AFTER_RECORD.name)? {
        None => None,
        Some(text) => Some(
            text.parse::<RecordPosition>()
                .map_err(|error| wrong_value(AFTER_RECORD.name, text, &error.to_string()))?,
        ),
    };
    let limit = limit_up_to(&call.query, RECORDS_MAX, RECORDS_MAX)?;

    let inventory = call.inventory();
    let read = move || inventory.change(number, after.as_ref(), limit);
    let mut details = call.app.blocking.run(Lane::Search, read).await??;

    hide_address(&mut details.change, &call.caller);
    json_response::json(StatusCode::OK, &details)
}

/// Handles `GET /rest/diff`.
pub(in crate::http) async fn difference(call: Call) -> Result<Response, Problem> {
    let at = |name| call.query.one(name)?.map(|text| moment(name, text)).transpose();
    let Some(since) = at(DIFF_SINCE.name)? else {
        let detail = "“since” is missing: the number of a change, or a date or time.";
        let location = RequestLocation::QueryParameter(DIFF_SINCE.name.to_owned());
        return Err(Problem::new(ProblemKind::MalformedRequest, detail)
            .with_flaw(Flaw::new(location, detail)));
    };
    let to = at(DIFF_TO.name)?;

    let inventory = call.inventory();
    let compare = move || inventory.difference(since, to);
    let mut difference = call.app.blocking.run(Lane::Search, compare).await??;

    for change in &mut difference.not_compared {
        hide_address(change, &call.caller);
    }
    json_response::json(StatusCode::OK, &difference)
}

/// Handles `GET /rest/instance/{kind}/{name}/history`.
pub(in crate::http) async fn of_instance(mut call: Call) -> Result<Response, Problem> {
    let word = call.parameters.get("kind")?;
    let of: InstanceType = word.parse().map_err(|error| Problem::unknown_kind(&error, "kind"))?;
    let name = call.parameters.take("name")?;
    let below = call.query.number(BELOW.name)?;
    let limit = limit(&call.query)?;
    let format = RowFormat::preferred(&call.headers);

    let inventory = call.inventory();
    let read = move || -> Result<_, Problem> {
        // A deleted record has no type any more, so the kind with changes of this name counts.
        let mut found = Err(Problem::new(ProblemKind::UnknownInstance, "No such instance."));
        for kind in of.kinds() {
            found = inventory.instance_history(*kind, &name, below, limit).map_err(Problem::from);
            if found.is_ok() {
                break;
            }
        }
        Ok((found?, inventory.history_begin()?))
    };
    let (mut changes, begin) = call.app.blocking.run(Lane::Search, read).await??;

    for details in &mut changes {
        hide_address(&mut details.change, &call.caller);
    }
    rows::<ChangeDetails>(&changes, format, begin.as_ref())
}

/// Returns the filters of the query.
fn history_request(query: &Query) -> Result<HistoryRequest, Problem> {
    let text = |name| Ok::<_, Problem>(query.one(name)?.map(str::to_owned));
    Ok(HistoryRequest {
        kind: query.one(TYPE.name)?.map(kind).transpose()?,
        name: text(HISTORY_NAME.name)?,
        principal: text(PRINCIPAL.name)?,
        operation: text(OPERATION.name)?,
        since: query.one(SINCE.name)?.map(|text| past_time(SINCE.name, text)).transpose()?,
        until: query.one(UNTIL.name)?.map(|text| time(UNTIL.name, text)).transpose()?,
        text: text(TEXT.name)?,
        below: query.number(BELOW.name)?,
        limit: limit(query)?,
    })
}

/// Parses the type of record.
///
/// # Errors
/// 400 with the nearest type.
fn kind(word: &str) -> Result<Kind, Problem> {
    word.parse().map_err(|error: UnknownKind| {
        let detail = match error.nearest {
            Some(nearest) => {
                format!("“{}” is not a type of record. Did you mean “{nearest}”?", shorten(word))
            }
            None => format!("“{}” is not a type of record.", shorten(word)),
        };
        let location = RequestLocation::QueryParameter(TYPE.name.to_owned());
        let flaw = Flaw {
            value: Some(shorten(word).into()),
            nearest: error.nearest.map(|kind| Cow::Borrowed(kind.as_str())),
            valid: Kind::ALL.into_iter().map(Kind::as_str).collect(),
            ..Flaw::new(location, &*detail)
        };
        Problem::new(ProblemKind::MalformedRequest, detail).with_flaw(flaw)
    })
}

/// Returns the largest number of changes of the response.
///
/// # Errors
/// 400 if it is not from 1 to [`CHANGES_MAX`].
pub(super) fn limit(query: &Query) -> Result<usize, Problem> {
    limit_up_to(query, CHANGES, CHANGES_MAX)
}

/// Returns the option `limit`.
///
/// # Errors
/// 400 if it is not from 1 to `max`.
fn limit_up_to(query: &Query, default: u64, max: u64) -> Result<usize, Problem> {
    let limit = query.number_within(HISTORY_LIMIT.name, 1..=max)?.unwrap_or(default);
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Hides the address of the client from users who are no administrators.
pub(super) fn hide_address(change: &mut ChangeSummary, caller: &Caller) {
    if caller.principal().is_none_or(|principal| !principal.is_administrator()) {
        change.address = None;
    }
}

/// Returns a response with one row for each change.
pub(super) fn rows<T: Serialize>(
    changes: &[T],
    format: RowFormat,
    begin: Option<&HistoryStart>,
) -> Result<Response, Problem> {
    let mut body = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        body.extend_from_slice(match (format, index) {
            (RowFormat::List, 0) => b"[",
            (RowFormat::List, _) => b",\n",
            (RowFormat::Lines, _) => b"",
        });
        serde_json::to_writer(&mut body, change).map_err(|error| Problem::internal(&error))?;
        if format == RowFormat::Lines {
            body.push(b'\n');
        }
    }
    match (format, changes) {
        (RowFormat::List, []) => body.extend_from_slice(b"[]\n"),
        (RowFormat::List, _) => body.extend_from_slice(b"]\n"),
        (RowFormat::Lines, _) => {}
    }
    let mut response = whole(StatusCode::OK, format.media_type(), body);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept"));
    if let Some(begin) = begin {
        headers.insert(X_HISTORY_BEGIN, HeaderValue::from(begin.number));
    }
    Ok(response)
}
