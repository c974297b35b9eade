//! The body of a request: limited in size, in the time that a client may take to send it, and in
//! the memory that all bodies use together.

use std::{error::Error, sync::Arc, time::Duration};

use http_body_util::BodyExt;
use hyper::{
    Version,
    body::{Body as _, Bytes, Incoming},
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};

use super::{
    body_memory::{BodyMemory, Holder, MemoryLimit, Share},
    connection_state::ConnectionState,
    description::BodyRule,
    flaws::json_type,
    media_type::media_type,
    problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
};
use crate::{
    codec::json::{self, JsonError, JsonFault, Objects},
    model,
};

/// The lowest accepted average rate of a client after [`PACE_GRACE`]: a modem is faster. Only the
/// time spent waiting for the client counts.
const PACE_BYTES_PER_SECOND_MIN: u64 = 1024;

/// The total waiting time for a request body before its average rate is checked.
const PACE_GRACE: Duration = Duration::from_secs(30);

/// The memory of the values of a small body, such as the options of a call, for each byte of its text: two
/// bytes, such as `1,`, become a value of 32.
const VALUES_FACTOR: usize = 16;

/// The share of a buffer by which it grows: a quarter.
const GROWTH_SHARE: usize = 4;

/// The mark that some programs on Windows write before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The reason why a body was not received completely.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is larger than the {bytes_max} bytes allowed here")]
    TooLarge { bytes_max: u64 },
    #[error("the body arrived too slowly")]
    TooSlow,
    /// The client does not receive a response.
    #[error("the client disconnected before the end of the body")]
    ClientDisconnected,
    #[error("the body cannot be read")]
    Malformed(#[source] hyper::Error),
    /// The client can try again when other requests are done.
    #[error(transparent)]
    NoMemory(#[from] MemoryLimit),
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let kind = match error {
            BodyError::TooLarge { .. } => ProblemKind::BodyTooLarge,
            BodyError::TooSlow => ProblemKind::RequestTimeout,
            BodyError::ClientDisconnected | BodyError::Malformed(_) => {
                ProblemKind::MalformedRequest
            }
            BodyError::NoMemory(_) => ProblemKind::Unavailable,
        };
        // The end of the body is unknown, so the connection must be closed.
        Self::of(kind, &error).with_header(CONNECTION, HeaderValue::from_static("close"))
    }
}

/// A body that is not read yet.
pub(super) struct RequestBody {
    incoming: Incoming,
    version: Version,
    state: Arc<ConnectionState>,
    bytes_max: u64,
    pace: Pace,
    /// Who pays for the memory.
    holder: Holder,
    /// The memory of the values that were read from the body.
    values: Option<Share>,
}

/// The speed at which a body arrives.
struct Pace {
    received_bytes: u64,
    /// The time spent waiting for the client.
    waited: Duration,
    /// The longest wait for one chunk.
    wait_max: Duration,
}

impl Pace {
    /// Returns how long the server waits for the next chunk.
    fn timeout(&self) -> Duration {
        let earned = Duration::from_secs(self.received_bytes / PACE_BYTES_PER_SECOND_MIN);
        (PACE_GRACE + earned).saturating_sub(self.waited).min(self.wait_max)
    }
}

impl RequestBody {
    /// Wraps a body. It accepts no byte until [`set_limit`](Self::set_limit) is called.
    pub(super) fn new(
        incoming: Incoming,
        version: Version,
        state: Arc<ConnectionState>,
        wait_max: Duration,
    ) -> Self {
        let pace = Pace { received_bytes: 0, waited: Duration::ZERO, wait_max };
        let holder = Holder::Address(state.peer.ip().to_canonical());
        let body = Self { incoming, version, state, bytes_max: 0, pace, holder, values: None };
        body.note_unread(!body.incoming.is_end_stream());
        body
    }

    /// Notes on the connection whether the client still sends. Over HTTP/2 an unread body ends with its
    /// stream, and the connection goes on.
    fn note_unread(&self, unread: bool) {
        if self.version < Version::HTTP_2 {
            self.state.set_body_unread(unread);
        }
    }

    /// Sets who pays for the memory. Before, it is the address of the peer.
    pub(super) fn set_holder(&mut self, holder: Holder) {
        self.holder = holder;
    }

    /// Sets the size limit of the route.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] if `Content-Length` announces more than that.
    pub(super) fn set_limit(
        &mut self,
        rule: BodyRule,
        headers: &HeaderMap,
    ) -> Result<(), BodyError> {
        let Some(bytes_max) = rule.bytes_max() else { return Ok(()) };
        self.bytes_max = bytes_max;
        // hyper has checked that the header is a number and occurs once at most.
        let announced: Option<u64> =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        match announced {
            Some(bytes) if bytes > bytes_max => Err(BodyError::TooLarge { bytes_max }),
            _ => Ok(()),
        }
    }

    /// Receives the next chunk; `None` at the end.
    ///
    /// # Errors
    /// Every [`BodyError`] but [`BodyError::NoMemory`].
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            let started = Instant::now();
            let frame = timeout(self.pace.timeout(), self.incoming.frame()).await;
            self.pace.waited += started.elapsed();
            let Some(frame) = frame.map_err(|_| BodyError::TooSlow)? else {
                self.note_unread(false);
                return Ok(None);
            };
            // Trailers hold no data, and no route reads them.
            let frame = frame.map_err(|error| from_hyper(self.version, error))?;
            let Ok(data) = frame.into_data() else { continue };
            self.pace.received_bytes += data.len() as u64;
            if self.pace.received_bytes > self.bytes_max {
                return Err(BodyError::TooLarge { bytes_max: self.bytes_max });
            }
            return Ok(Some(data));
        }
    }

    /// Receives the complete body.
    ///
    /// # Errors
    /// [`BodyError::NoMemory`] if other bodies use too much memory; otherwise as [`chunk`](Self::chunk).
    pub(super) async fn bytes(&mut self, memory: &BodyMemory) -> Result<ReceivedBody, BodyError> {
        let share = memory.share(self.holder.clone());
        let mut received = ReceivedBody { bytes: Vec::new(), share };
        while let Some(chunk) = self.chunk().await? {
            received.append(&chunk)?;
        }
        Ok(received)
    }

    /// Receives the body of a request whose `Content-Type` is JSON or missing. It is not parsed
    /// yet. `expected` describes the expected value in the message about an empty body.
    ///
    /// # Errors
    /// 415 for another media type; 400 for an empty body; otherwise as [`bytes`](Self::bytes).
    pub(super) async fn json(
        &mut self,
        headers: &HeaderMap,
        memory: &BodyMemory,
        expected: &str,
    ) -> Result<ReceivedBody, Problem> {
        require_json(headers)?;
        let received = self.bytes(memory).await?;
        if received.text().trim_ascii().is_empty() {
            Err(malformed(format!("The body is empty; {expected} is expected.")))
        } else {
            Ok(received)
        }
    }

    /// Receives and parses a body that is a JSON object.
    ///
    /// # Errors
    /// 415 for another media type; 400 with line and column if the body is not JSON, not an
    /// object, or has a duplicate member; otherwise as [`bytes`](Self::bytes).
    pub(super) async fn json_object(
        &mut self,
        headers: &HeaderMap,
        memory: &BodyMemory,
    ) -> Result<Map<String, Value>, Problem> {
        let received = self.json(headers, memory, "a JSON object").await?;
        self.read_object(received)
    }

    /// Reads the JSON object in a body that was received. Its memory is charged until this is dropped.
    ///
    /// # Errors
    /// [`BodyError::NoMemory`], or the problem of [`read_object`].
    pub(super) fn read_object(
        &mut self,
        mut received: ReceivedBody,
    ) -> Result<Map<String, Value>, Problem> {
        let text_bytes = received.bytes.len();
        received.share.add(text_bytes.saturating_mul(VALUES_FACTOR)).map_err(BodyError::from)?;
        let object = read_object(received.text())?;
        self.values = Some(received.share);
        Ok(object)
    }
}

/// The reason why a text cannot be read as a JSON object.
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
            error @ ObjectError::Type { .. } => malformed(format!("The body is {error}.")),
        }
    }
}

/// Reads a JSON object and refuses duplicate members. serde_json keeps the last of two members
/// with the same name, so that `{"dry_run": true, "dry_run": false}` would not be a dry run.
///
/// # Errors
/// [`ObjectError::Json`] if the text is not JSON or has a duplicate member at any depth;
/// [`ObjectError::Type`] if it is not an object.
pub(super) fn read_object(text: &[u8]) -> Result<Map<String, Value>, ObjectError> {
    let object = match json::read_objects(text) {
        Ok(Objects::One(object)) => json::of_value(&model::Value::Map(object)),
        Ok(Objects::Many(_)) => Value::Array(Vec::new()),
        Err(error) => {
            return Err(match error.detail {
                JsonFault::NoObject { found } => ObjectError::Type { found },
                JsonFault::ItemNoObject { .. } => ObjectError::Type { found: "a list" },
                JsonFault::Syntax { .. }
                | JsonFault::Utf16
                | JsonFault::DuplicateKey { .. }
                | JsonFault::Depth
                | JsonFault::Memory
                | JsonFault::Size => ObjectError::Json(error),
            });
        }
    };
    match object {
        Value::Object(object) => Ok(object),
        other => Err(ObjectError::Type { found: json_type(&other) }),
    }
}

/// A complete body, with its share of the memory until it is dropped.
pub(super) struct ReceivedBody {
    bytes: Vec<u8>,
    share: Share,
}

impl ReceivedBody {
    /// Returns the body without a byte order mark.
    pub(super) fn text(&self) -> &[u8] {
        self.bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.bytes)
    }

    /// Moves the bytes out. The share of the memory is kept until this is dropped.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Reads the objects in the body, and frees their text. The memory of the objects is charged while they
    /// are read, and until this is dropped.
    ///
    /// # Errors
    /// [`JsonError`], with [`JsonFault::Memory`] if other bodies use too much memory.
    pub(super) fn read_objects(&mut self) -> Result<Objects, JsonError> {
        let Self { bytes, share } = self;
        let text_bytes = bytes.capacity();
        let mut values_bytes = 0;
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let objects = json::read_objects_within(text, &mut |more| {
            values_bytes += more;
            share.set(text_bytes + values_bytes).is_ok()
        })?;
        drop(self.take_bytes());
        // A smaller share is never refused.
        let _ = self.share.set(values_bytes);
        Ok(objects)
    }

    /// Appends a chunk. The buffer grows by a part of its length: twice the length would be twice the memory.
    ///
    /// # Errors
    /// [`MemoryLimit`] if there is too little memory.
    fn append(&mut self, chunk: &[u8]) -> Result<(), MemoryLimit> {
        let (length, capacity) = (self.bytes.len(), self.bytes.capacity());
        if capacity - length < chunk.len() {
            let more = chunk.len().max(length / GROWTH_SHARE);
            self.share.set(length + more)?;
            self.bytes.reserve_exact(more);
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

fn malformed(detail: String) -> Problem {
    let flaw = Flaw::new(RequestLocation::Pointer(String::new()), &*detail);
    Problem::new(ProblemKind::MalformedBody, detail).with_flaw(flaw)
}

/// Refuses a body whose `Content-Type` is neither JSON nor missing. A page of another site can
/// make a browser send the other types together with the user's credentials.
///
/// # Errors
/// 415.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let media_type = media_type(value.as_bytes());
    if media_type == b"application/json" || media_type.ends_with(b"+json") {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(&media_type);
    let detail = format!(
        "The body is sent as “{}”; it must be JSON, with the header “Content-Type: application/json”.",
        shorten(&shown)
    );
    Err(Problem::new(ProblemKind::UnsupportedMediaType, &*detail)
        .with_flaw(Flaw::new(RequestLocation::Header("content-type"), &*detail)))
}

/// Maps hyper's error: a client that disconnects ends the body early or resets the connection;
/// every other error is a malformed body (a chunk without a size, for example). Over HTTP/2 every error
/// ends the stream, so nobody receives a response.
fn from_hyper(version: Version, error: hyper::Error) -> BodyError {
    let disconnected = version >= Version::HTTP_2
        || error.is_incomplete_message()
        || error.is_closed()
        || error.source().is_some_and(|cause| {
            use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
            cause.downcast_ref::<std::io::Error>().is_some_and(|error| {
                matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
            })
        });
    if disconnected { BodyError::ClientDisconnected } else { BodyError::Malformed(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_charged_before_it_grows_and_values_after_it() {
        let memory = BodyMemory::default();
        let holder = Holder::User("é>b".to_owned());
        let mut body = ReceivedBody { bytes: Vec::new(), share: memory.share(holder.clone()) };
        for _ in 0..100 {
            body.append(&[b' '; 1000]).unwrap();
        }
        assert!(body.bytes.capacity() <= 125_000, "{}", body.bytes.capacity());
        let mut rest = memory.share(holder);
        let mut free = 0;
        while rest.add(1024).is_ok() {
            free += 1024;
        }
        let text = format!("[{}]", vec!["{}"; 100_000].join(","));
        let refused = body.append(text.as_bytes());
        assert_eq!(refused, Err(MemoryLimit::OfHolder), "{free}");
        // There is room for the text, but not for the objects.
        rest.set(free - 400_000).unwrap();
        body.append(text.as_bytes()).unwrap();
        assert_eq!(body.read_objects().unwrap_err().detail, JsonFault::Memory);
        drop(rest);
        assert!(
            matches!(body.read_objects(), Ok(Objects::Many(objects)) if objects.len() == 100_000)
        );
    }

    #[test]
    fn a_slow_client_runs_into_the_timeout() {
        let wait_max = Duration::from_secs(20);
        let mut pace = Pace { received_bytes: 0, waited: Duration::ZERO, wait_max };
        assert_eq!(pace.timeout(), wait_max);
        pace.waited = PACE_GRACE.checked_sub(Duration::from_secs(5)).unwrap();
        assert_eq!(pace.timeout(), Duration::from_secs(5));
        pace.received_bytes = 4 * PACE_BYTES_PER_SECOND_MIN;
        assert_eq!(pace.timeout(), Duration::from_secs(9));
        pace.waited = Duration::from_secs(3600);
        assert_eq!(pace.timeout(), Duration::ZERO);
        // A long upload at a sufficient rate continues.
        pace.received_bytes = 4 * 1024 * 1024 * 1024;
        assert_eq!(pace.timeout(), wait_max);
    }
}
