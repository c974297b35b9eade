//! The body of a request: bounded in size, and in the time that a client may take to send it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};

use super::connection::State;
use super::problem::{Flaw, Place, Problem, ProblemKind};
use super::route::BodyRule;

/// The least that a client must send, on average, once [`PACE_GRACE`] is over: a modem does
/// better. Only the time that was spent waiting for the client counts.
const PACE_BYTES_PER_SECOND_MIN: u64 = 1024;

/// What a client may wait in sum whatever it sends.
const PACE_GRACE: Duration = Duration::from_secs(30);

/// What some programs on Windows put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a body does not come in whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("The body is larger than the {bytes_max} bytes allowed here.")]
    TooLarge { bytes_max: u64 },
    #[error("The body took too long to arrive, and was given up.")]
    TooSlow,
    /// Nobody reads the answer.
    #[error("The client left before the body was whole.")]
    ClientLeft,
    #[error("The body cannot be read: {0}.")]
    Malformed(#[source] hyper::Error),
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
        let BodyRule::AtMost { bytes_max } = rule else { return Ok(()) };
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

    /// The whole body, for routes whose limit is small.
    pub(super) async fn bytes(mut self) -> Result<Vec<u8>, BodyError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// The body as a JSON object. `headers` may say JSON, or nothing, of its type.
    ///
    /// # Errors
    /// 415 for another type; 400 with line and column where it is no JSON, or no object.
    pub(super) async fn json_object(
        self,
        headers: &HeaderMap,
    ) -> Result<Map<String, Value>, Problem> {
        require_json(headers)?;
        let bytes = self.bytes().await?;
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
        if text.trim_ascii().is_empty() {
            return Err(malformed(
                "The body is empty; a JSON object is expected.".to_owned(),
                None,
            ));
        }
        // Nesting is bounded by serde_json.
        match serde_json::from_slice(text) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(other) => {
                let found = json_type(&other);
                Err(malformed(format!("The body is {found}; a JSON object is expected."), None))
            }
            Err(error) => {
                let place = Place::Text { line: error.line(), column: error.column() };
                Err(malformed(format!("The body is not JSON: {error}."), Some(place)))
            }
        }
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
fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
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
    match left {
        true => BodyError::ClientLeft,
        false => BodyError::Malformed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
