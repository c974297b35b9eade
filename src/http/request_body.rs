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
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::{
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

/// The memory that each body may use without a permit, in KiB. With the largest number of
/// connections that is 512 MiB, of which usual bodies use a few KiB each.
const FREE_KIB: u64 = 1024;

/// The memory that all bodies together may use beyond that, in KiB: four of the largest bodies at
/// the same time.
const SHARED_KIB: usize = 256 * 1024;

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
    #[error("too many large request bodies are being processed")]
    NoMemory,
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let kind = match error {
            BodyError::TooLarge { .. } => ProblemKind::BodyTooLarge,
            BodyError::TooSlow => ProblemKind::RequestTimeout,
            BodyError::ClientDisconnected | BodyError::Malformed(_) => {
                ProblemKind::MalformedRequest
            }
            BodyError::NoMemory => ProblemKind::Unavailable,
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
        let body = Self { incoming, version, state, bytes_max: 0, pace };
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
    /// [`BodyError::NoMemory`] if other bodies use all the shared memory; otherwise as
    /// [`chunk`](Self::chunk).
    pub(super) async fn bytes(&mut self, memory: &BodyMemory) -> Result<ReceivedBody, BodyError> {
        let mut received = ReceivedBody { bytes: Vec::new(), permit: None };
        while let Some(chunk) = self.chunk().await? {
            received.bytes.extend_from_slice(&chunk);
            received.acquire(memory)?;
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
        Ok(read_object(received.text())?)
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
                | JsonFault::Size => ObjectError::Json(error),
            });
        }
    };
    match object {
        Value::Object(object) => Ok(object),
        other => Err(ObjectError::Type { found: json_type(&other) }),
    }
}

/// The memory that large bodies share, one permit for each KiB. One for the process.
pub(super) struct BodyMemory(Arc<Semaphore>);

impl Default for BodyMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SHARED_KIB)))
    }
}

/// A complete body, with its share of the memory until it is dropped.
pub(super) struct ReceivedBody {
    bytes: Vec<u8>,
    permit: Option<OwnedSemaphorePermit>,
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

    /// Acquires memory for the bytes received since the last call. Does not wait: two bodies that
    /// wait for each other's memory would wait forever.
    ///
    /// # Errors
    /// [`BodyError::NoMemory`] if too little is free.
    fn acquire(&mut self, memory: &BodyMemory) -> Result<(), BodyError> {
        let needed = (self.bytes.len() as u64 / 1024).saturating_sub(FREE_KIB);
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = needed.saturating_sub(held as u64);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| BodyError::NoMemory)?;
        let more = memory.0.clone().try_acquire_many_owned(missing);
        let more = more.map_err(|_| BodyError::NoMemory)?;
        match &mut self.permit {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
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
    fn large_bodies_share_memory_and_release_it() {
        let memory = BodyMemory::default();
        let body = |kib: usize| ReceivedBody { bytes: vec![0; kib * 1024], permit: None };
        let free = usize::try_from(FREE_KIB).unwrap();
        let mut small = body(free);
        small.acquire(&memory).unwrap();
        assert_eq!(memory.0.available_permits(), SHARED_KIB);
        let mut large = body(free + 1000);
        large.acquire(&memory).unwrap();
        large.bytes.extend(vec![0; 1024]);
        large.acquire(&memory).unwrap();
        assert_eq!(memory.0.available_permits(), SHARED_KIB - 1001);
        let mut rest = body(free + SHARED_KIB - 1001);
        rest.acquire(&memory).unwrap();
        let mut late = body(free + 1);
        assert!(matches!(late.acquire(&memory), Err(BodyError::NoMemory)));
        small.acquire(&memory).unwrap();
        drop(large);
        late.acquire(&memory).unwrap();
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
