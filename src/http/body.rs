//! The body of a request: bounded in size, in the time that a client may take to send it, and in
//! the memory that all bodies take together.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::connection::State;
use super::problem::{Flaw, Place, Problem, ProblemKind};
use super::route::BodyRule;
use crate::codec::json::{self, JsonError, JsonFault, Objects};
use crate::model;

/// The least that a client must send, on average, once [`PACE_GRACE`] is over: a modem does
/// better. Only the time that was spent waiting for the client counts.
const PACE_BYTES_PER_SECOND_MIN: u64 = 1024;

/// What a client may wait in sum whatever it sends.
const PACE_GRACE: Duration = Duration::from_secs(30);

/// What each body may take of memory in any case, in KiB: with all connections that there may be
/// at the same time 512 MiB, of which the bodies that come take a few KiB.
const FREE_KIB: u64 = 1024;

/// What all bodies together may take beyond that, in KiB. Four of the largest at the same time.
const ROOM_KIB: usize = 256 * 1024;

/// What some programs on Windows put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a body does not come in whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is larger than the {bytes_max} bytes allowed here")]
    TooLarge { bytes_max: u64 },
    #[error("the body took too long to arrive, and was given up")]
    TooSlow,
    /// Nobody reads the answer.
    #[error("the client left before the body was whole")]
    ClientLeft,
    #[error("the body cannot be read")]
    Malformed(#[source] hyper::Error),
    /// It may come again when others are done.
    #[error("too many large bodies are in hand already")]
    NoRoom,
}

/// A body that is still to be read.
pub(super) struct Body {
    incoming: Incoming,
    state: Arc<State>,
    bytes_max: u64,
    pace: Pace,
}

/// How fast a body comes in.
struct Pace {
    received_bytes: u64,
    /// The time that was spent waiting for the client.
    waited: Duration,
    /// For one piece to come.
    wait_max: Duration,
}

impl Pace {
    /// How long the next piece may take.
    fn patience(&self) -> Duration {
        let earned = Duration::from_secs(self.received_bytes / PACE_BYTES_PER_SECOND_MIN);
        (PACE_GRACE + earned).saturating_sub(self.waited).min(self.wait_max)
    }
}

impl Body {
    /// A body that takes nothing until it gets its limit.
    pub(super) fn new(incoming: Incoming, state: Arc<State>, wait_max: Duration) -> Self {
        state.set_body_unread(!incoming.is_end_stream());
        let pace = Pace { received_bytes: 0, waited: Duration::ZERO, wait_max };
        Self { incoming, state, bytes_max: 0, pace }
    }

    /// Sets what the route takes. Refuses right away a body that says it is larger.
    pub(super) fn set_limit(
        &mut self,
        rule: BodyRule,
        headers: &HeaderMap,
    ) -> Result<(), BodyError> {
        let Some(bytes_max) = rule.bytes_max() else { return Ok(()) };
        self.bytes_max = bytes_max;
        // hyper has checked that the header, where there is one, is a number and stands alone.
        let announced: Option<u64> =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        match announced {
            Some(bytes) if bytes > bytes_max => Err(BodyError::TooLarge { bytes_max }),
            _ => Ok(()),
        }
    }

    /// The next piece; none at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            let asked = Instant::now();
            let frame = timeout(self.pace.patience(), self.incoming.frame()).await;
            self.pace.waited += asked.elapsed();
            let Some(frame) = frame.map_err(|_| BodyError::TooSlow)? else {
                self.state.set_body_unread(false);
                return Ok(None);
            };
            // Trailers are no data, and nothing asks for them.
            let Ok(data) = frame.map_err(from_hyper)?.into_data() else { continue };
            self.pace.received_bytes += data.len() as u64;
            if self.pace.received_bytes > self.bytes_max {
                return Err(BodyError::TooLarge { bytes_max: self.bytes_max });
            }
            return Ok(Some(data));
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`BodyError::NoRoom`] where other bodies take all the memory that there is for them.
    pub(super) async fn bytes(&mut self, room: &Room) -> Result<Whole, BodyError> {
        let mut whole = Whole { bytes: Vec::new(), room: None };
        while let Some(chunk) = self.chunk().await? {
            whole.bytes.extend_from_slice(&chunk);
            whole.take_room(room)?;
        }
        Ok(whole)
    }

    /// The body as JSON that is still to be parsed. `headers` may say JSON, or nothing, of its
    /// type; `expected` is what to say where there is none.
    ///
    /// # Errors
    /// 415 for another type; 400 for an empty body.
    pub(super) async fn json(
        &mut self,
        headers: &HeaderMap,
        room: &Room,
        expected: &str,
    ) -> Result<Whole, Problem> {
        require_json(headers)?;
        let whole = self.bytes(room).await?;
        if whole.text().trim_ascii().is_empty() {
            Err(malformed(format!("The body is empty; {expected} is expected."), None))
        } else {
            Ok(whole)
        }
    }

    /// The body as a JSON object. `headers` may say JSON, or nothing, of its type.
    ///
    /// # Errors
    /// 415 for another type; 400 with line and column where it is no JSON, no object, or has a
    /// member twice.
    pub(super) async fn json_object(
        &mut self,
        headers: &HeaderMap,
        room: &Room,
    ) -> Result<Map<String, Value>, Problem> {
        let whole = self.json(headers, room, "a JSON object").await?;
        Ok(read_object(whole.text())?)
    }
}

/// Why a text is not a JSON object that can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ObjectError {
    #[error(transparent)]
    Json(JsonError),
    #[error("{found}; a JSON object is expected")]
    Type { found: &'static str },
}

impl From<ObjectError> for Problem {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Json(error) => error.into(),
            error @ ObjectError::Type { .. } => malformed(format!("The body is {error}."), None),
        }
    }
}

/// Reads a JSON object. serde_json alone would keep the last of two members of one name, so that
/// `{"dry_run": true, "dry_run": false}` would be no dry run.
///
/// # Errors
/// [`ObjectError::Json`] where the text is no JSON or has a member twice, at any depth;
/// [`ObjectError::Type`] where it is no object.
pub(super) fn read_object(text: &[u8]) -> Result<Map<String, Value>, ObjectError> {
    let object = match json::read_objects(text) {
        Ok(Objects::One(object)) => json::of_value(&model::Value::Map(object)),
        Ok(Objects::Many(_)) => Value::Array(Vec::new()),
        Err(error) => {
            return Err(match error.detail {
                JsonFault::NoObject { found } => ObjectError::Type { found },
                JsonFault::ItemNoObject { .. } => ObjectError::Type { found: "a list" },
                JsonFault::Syntax { .. }
                | JsonFault::DuplicateKey { .. }
                | JsonFault::Depth
                | JsonFault::Size => ObjectError::Json(error),
            });
        }
    };
    match object {
        Value::Object(object) => Ok(object),
        other => Err(ObjectError::Type { found: json_type(&other) }),
    }
}

/// The memory that large bodies share. One for the process.
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_KIB)))
    }
}

/// A body that has come in whole, and the room that it takes until it is dropped.
pub(super) struct Whole {
    bytes: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
}

impl Whole {
    /// The body without a byte order mark.
    pub(super) fn text(&self) -> &[u8] {
        self.bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.bytes)
    }

    /// The body as it came. Its room is held for as long as this is.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Takes room for what came in since. Does not wait: bodies that are half here and wait for
    /// each other would wait for ever.
    fn take_room(&mut self, room: &Room) -> Result<(), BodyError> {
        let needed = (self.bytes.len() as u64 / 1024).saturating_sub(FREE_KIB);
        let held = self.room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = needed.saturating_sub(held as u64);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| BodyError::NoRoom)?;
        let more = room.0.clone().try_acquire_many_owned(missing);
        let more = more.map_err(|_| BodyError::NoRoom)?;
        match &mut self.room {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

fn malformed(detail: String, place: Option<Place>) -> Problem {
    let flaw = Flaw::new(place.unwrap_or(Place::Pointer(String::new())), &*detail);
    Problem::new(ProblemKind::MalformedBody, detail).with_flaw(flaw)
}

/// What a JSON value is, with its article, for messages.
pub(super) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A missing type is forgiven; another one is not: a browser sends those, and a form's own
/// credentials with them, wherever a foreign page tells it to.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let media_type = media_type(value.as_bytes());
    if media_type == b"application/json" || media_type.ends_with(b"+json") {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(&media_type);
    let detail = format!(
        "The body is sent as “{}”; it must be JSON, with the header “Content-Type: application/json”.",
        super::problem::shorten(&shown)
    );
    Err(Problem::new(ProblemKind::UnsupportedMediaType, &*detail)
        .with_flaw(Flaw::new(Place::Header("content-type"), &*detail)))
}

/// The media type without its parameters, in lower case.
pub(super) fn media_type(value: &[u8]) -> Vec<u8> {
    let end = value.iter().position(|&byte| byte == b';').unwrap_or(value.len());
    value[..end].trim_ascii().to_ascii_lowercase()
}

/// A client that leaves ends a body early, or resets the connection; whatever else hyper finds
/// fault with is malformed (a chunk without a size, say).
fn from_hyper(error: hyper::Error) -> BodyError {
    let left = error.is_incomplete_message()
        || error.is_closed()
        || error.source().is_some_and(|cause| {
            use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
            cause.downcast_ref::<std::io::Error>().is_some_and(|error| {
                matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
            })
        });
    if left { BodyError::ClientLeft } else { BodyError::Malformed(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_share_their_room_and_give_it_back() {
        let room = Room::default();
        let body = |kib: usize| Whole { bytes: vec![0; kib * 1024], room: None };
        let free = usize::try_from(FREE_KIB).unwrap();
        let mut small = body(free);
        small.take_room(&room).unwrap();
        assert_eq!(room.0.available_permits(), ROOM_KIB);
        let mut large = body(free + 1000);
        large.take_room(&room).unwrap();
        large.bytes.extend(vec![0; 1024]);
        large.take_room(&room).unwrap();
        assert_eq!(room.0.available_permits(), ROOM_KIB - 1001);
        let mut rest = body(free + ROOM_KIB - 1001);
        rest.take_room(&room).unwrap();
        let mut late = body(free + 1);
        assert!(matches!(late.take_room(&room), Err(BodyError::NoRoom)));
        small.take_room(&room).unwrap();
        drop(large);
        late.take_room(&room).unwrap();
    }

    #[test]
    fn a_trickle_runs_out_of_patience() {
        let wait_max = Duration::from_secs(20);
        let mut pace = Pace { received_bytes: 0, waited: Duration::ZERO, wait_max };
        assert_eq!(pace.patience(), wait_max);
        pace.waited = PACE_GRACE - Duration::from_secs(5);
        assert_eq!(pace.patience(), Duration::from_secs(5));
        pace.received_bytes = 4 * PACE_BYTES_PER_SECOND_MIN;
        assert_eq!(pace.patience(), Duration::from_secs(9));
        pace.waited = Duration::from_secs(3600);
        assert_eq!(pace.patience(), Duration::ZERO);
        // A long upload at a fair pace goes on.
        pace.received_bytes = 4 * 1024 * 1024 * 1024;
        assert_eq!(pace.patience(), wait_max);
    }
}
