//! The handler of `changes`: the changes after a given one, for programs that follow the inventory.
//!
//! A client waits in a task, without a thread. The committer wakes it when a change is durable.

use std::{sync::Arc, time::Duration};

use hyper::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue, VARY},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tracing::Instrument;

use super::history::hide_address;
use crate::{
    http::{
        accept::EventFormat,
        app::App,
        blocking::Lane,
        call::Call,
        caller::Caller,
        event_stream, json_response,
        limited_places::{LimitedPlace, PlacesLimit},
        options::{AFTER, WAIT},
        problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
        query_string::Query,
        request_id::RequestId,
        response::Response,
        streamed_body::{self, BodySender, ClientDisconnected},
    },
    inventory::{FollowedChange, FollowedChanges, Inventory},
};

/// The longest wait for a change, in seconds. Many proxies close a connection on which nothing is sent
/// for 60 s.
const WAIT_SECONDS_MAX: u64 = 55;

/// The time between two comments in a stream without events.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);

/// The number of the last event that the client has received, when it connects again.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Handles `GET /rest/changes`.
pub(in crate::http) async fn follow(call: Call) -> Result<Response, Problem> {
    let mut response = match EventFormat::preferred(&call.headers) {
        EventFormat::Json => poll(call).await?,
        EventFormat::Events => events(call).await?,
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Returns the changes after a given one. Waits for the first one.
async fn poll(call: Call) -> Result<Response, Problem> {
    let wait = wait(&call.query)?;
    let deadline = Instant::now() + wait;
    // A request that does not wait is not counted.
    let _follower = if wait.is_zero() { None } else { Some(join(&call)?) };
    let mut position = Position::new(&call, call.query.number(AFTER.name)?);
    loop {
        let page = position.read().await?;
        // A client that waited must log in again after a change of users.
        if !page.changes.is_empty() || page.concerns_users {
            return json_response::json(StatusCode::OK, &page);
        }
        if page.has_more {
            continue;
        }
        let has_more = tokio::select! {
            woken = position.woken() => matches!(woken, Woken::Committed),
            () = sleep_until(deadline) => false,
        };
        if !has_more {
            return json_response::json(StatusCode::OK, &page);
        }
    }
}

/// Returns a stream of events, one for each change.
async fn events(call: Call) -> Result<Response, Problem> {
    if call.query.one(WAIT.name)?.is_some() {
        let detail = "“wait” is only for responses in JSON: a stream of events has no end.";
        return Err(wrong_query(WAIT.name, detail.to_owned()));
    }
    let after = match last_event_id(&call.headers)? {
        // A client that connects again repeats its first query.
        Some(id) => Some(id),
        None => call.query.number(AFTER.name)?,
    };
    let follower = join(&call)?;
    let mut position = Position::new(&call, after);
    let begin = position.after;
    // A problem of the first read is the response.
    let page = position.read().await?;
    let (sender, body) = streamed_body::channel();
    let stream = EventSender { sender, position, id: call.id, _follower: follower };
    tokio::spawn(stream.run(begin, page).in_current_span());
    Ok(event_stream::response(body))
}

/// Returns the time to wait.
///
/// # Errors
/// 400 if it is not from 0 to [`WAIT_SECONDS_MAX`].
fn wait(query: &Query) -> Result<Duration, Problem> {
    let seconds = query.number_within(WAIT.name, 0..=WAIT_SECONDS_MAX)?;
    Ok(Duration::from_secs(seconds.unwrap_or_default()))
}

/// Returns the number in `Last-Event-ID`.
///
/// # Errors
/// 400 if it is not a number.
fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    text.parse().map(Some).map_err(|_| {
        let detail = format!("Last-Event-ID is “{}”, not the number of a change.", shorten(&text));
        Problem::new(ProblemKind::MalformedRequest, &*detail)
            .with_flaw(Flaw::new(RequestLocation::Header("last-event-id"), &*detail))
    })
}

fn wrong_query(parameter: &str, detail: String) -> Problem {
    let location = RequestLocation::QueryParameter(parameter.to_owned());
    Problem::new(ProblemKind::MalformedRequest, &*detail).with_flaw(Flaw::new(location, detail))
}

/// Counts the client.
///
/// # Errors
/// 429 if too many clients wait.
fn join(call: &Call) -> Result<LimitedPlace, Problem> {
    let user = &call.caller.require_principal()?.name;
    call.app.followers.join(user).map_err(|limit| {
        let detail = match limit {
            PlacesLimit::OfOwner { max } => format!(
                "{max} clients of “{}” wait for changes already. That is the largest number for one user.",
                shorten(user)
            ),
            PlacesLimit::OfAll { max } => {
                format!("{max} clients wait for changes already. That is the largest number.")
            }
        };
        Problem::new(ProblemKind::TooManyFollowers, detail)
    })
}

const LOGIN_ENDED: &str = "The session or the token has ended. Log in again.";

/// The reason why a wait ended.
enum Woken {
    /// A commit is durable.
    Committed,
    /// The server stops.
    Stopping,
}

/// The position of a client in the changes.
struct Position {
    app: Arc<App>,
    inventory: Inventory,
    caller: Caller,
    after: u64,
    version: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
}

impl Position {
    /// Begins after the given change, or after the last one.
    fn new(call: &Call, after: Option<u64>) -> Self {
        let version = call.inventory().watch_version();
        let after = after.unwrap_or_else(|| *version.borrow());
        let stopping = call.app.stopping.subscribe();
        let (app, inventory) = (call.app.clone(), call.inventory());
        Self { app, inventory, caller: call.caller.clone(), after, version, stopping }
    }

    /// Reads the next changes, and moves behind them.
    ///
    /// # Errors
    /// 410 if the history does not keep all of them; 401 if the session or the token has ended. The
    /// problems of the store.
    async fn read(&mut self) -> Result<FollowedChanges, Problem> {
        if !self.caller.is_current(&self.app) {
            return Err(Problem::unauthenticated(LOGIN_ENDED));
        }
        // Before the read: a later commit wakes the next wait.
        self.version.mark_unchanged();
        let (inventory, after) = (self.inventory.clone(), self.after);
        let read = move || inventory.changes_after(after);
        let mut page = self.app.blocking.run(Lane::Quick, read).await??;
        self.after = page.last;
        for followed in &mut page.changes {
            hide_address(&mut followed.change, &self.caller);
        }
        Ok(page)
    }

    /// Waits for the next commit after the last read, or until the server stops.
    async fn woken(&mut self) -> Woken {
        tokio::select! {
            // An error means that the inventory is closed.
            changed = self.version.changed() => match changed {
                Ok(()) => Woken::Committed,
                Err(_) => Woken::Stopping,
            },
            _ = self.stopping.wait_for(|stopping| *stopping) => Woken::Stopping,
        }
    }
}

/// The task that sends the events of one client.
struct EventSender {
    sender: BodySender,
    position: Position,
    id: RequestId,
    _follower: LimitedPlace,
}

impl EventSender {
    /// Sends the first page, and later changes until the server stops, the client disconnects, or the
    /// history does not keep the next change. Ends after a change of users or groups, so that the client
    /// logs in again: its user can be deleted, or have other rights.
    ///
    /// # Errors
    /// [`ClientDisconnected`]
    async fn run(mut self, begin: u64, first: FollowedChanges) -> Result<(), ClientDisconnected> {
        // The client continues here if it connects again before the first event.
        let mut text = event_stream::id(begin);
        let mut page = first;
        loop {
            text.extend(page.changes.iter().map(change_event));
            if !text.is_empty() {
                self.sender.send(std::mem::take(&mut text).into()).await?;
            }
            if page.concerns_users {
                return self.sender.end().await;
            }
            if !page.has_more && !self.wait().await? {
                return self.sender.end().await;
            }
            page = match self.position.read().await {
                Ok(page) => page,
                Err(problem) => {
                    let json = problem.json(self.id).1;
                    let json = String::from_utf8_lossy(&json);
                    let event = event_stream::event("problem", json.trim_end());
                    self.sender.send(event.into()).await?;
                    return self.sender.end().await;
                }
            };
        }
    }

    /// Waits for the next commit. Returns false if the server stops.
    ///
    /// # Errors
    /// [`ClientDisconnected`]
    async fn wait(&mut self) -> Result<bool, ClientDisconnected> {
        loop {
            tokio::select! {
                woken = self.position.woken() => return Ok(matches!(woken, Woken::Committed)),
                () = self.sender.disconnected() => return Err(ClientDisconnected),
                () = sleep(KEEP_ALIVE_EVERY) => {
                    if !self.position.caller.is_current(&self.position.app) {
                        // The next read reports it, and ends the response.
                        return Ok(true);
                    }
                    self.sender.send(event_stream::KEEP_ALIVE.into()).await?;
                }
            }
        }
    }
}

/// Returns the event of a change.
fn change_event(change: &FollowedChange) -> String {
    // Texts and numbers can always be written as JSON.
    let data = serde_json::to_string(change).unwrap_or_default();
    event_stream::event_with_id(change.change.number, "change", &data)
}
