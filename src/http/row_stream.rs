//! A response of any number of rows: complete if it is short, a stream if it is long.
//!
//! A job writes rows into a buffer. If all rows fit, the response is complete and has a length.
//! Otherwise the job moves to the lane of streams and sends chunk after chunk, as fast as the
//! client receives them. It stops when the client disconnects.

use std::{error::Error, ops::ControlFlow, sync::Arc};

use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderValue, VARY},
};
use tokio::sync::oneshot;

use super::{
    accept::RowFormat,
    blocking::{Blocking, BlockingError, Lane, LanePermit},
    limited_places::{LimitedPlace, LimitedPlaces, PlacesLimit},
    problem::Problem,
    response::{self, Response},
    streamed_body::{self, BodySender, StreamedBody},
    user_places::UserPlace,
};
use crate::{codec::json, model::View};

/// The bytes of one chunk: so large that waking a thread for each chunk costs little.
const CHUNK_BYTES: usize = 64 * 1024;

/// The largest complete response, in bytes. Up to this size, a header can contain facts that are
/// known only at the end (the total number of rows).
const COMPLETE_BYTES_MAX: usize = 256 * 1024;

/// The properties of one row.
pub(super) type Row<'r> = [(&'r str, View<'r>)];

/// Receives the rows of a job one by one. `Break` tells the job to stop.
pub(super) type RowSink<'s> = dyn FnMut(&Row<'_>) -> ControlFlow<()> + 's;

/// A job that produces rows, and a result at its end.
pub(super) type RowJob<T, E> = Box<dyn FnOnce(&mut RowSink<'_>) -> Result<T, E> + Send + 'static>;

/// The way in which the errors of a job are reported.
pub(super) struct ErrorHandling<E> {
    /// Converts an error that occurs before the head of the response is sent.
    pub(super) problem: Box<dyn FnOnce(E) -> Problem + Send>,
    /// Called with an error that occurs after the head is sent.
    pub(super) on_cut_off: Box<dyn FnOnce(&E) + Send>,
}

/// The user of a response, whose long responses are limited.
#[derive(Clone)]
pub(super) struct StreamUser {
    pub(super) places: Arc<LimitedPlaces>,
    pub(super) name: String,
}

/// A response of rows, and the result of its job; `None` if the response is a stream, whose job has
/// not ended yet.
pub(super) struct RowResponse<T> {
    pub(super) response: Response,
    pub(super) result: Option<T>,
}

/// Returns a response with the rows that `job` produces. `place` is the user's among the searches.
///
/// # Errors
/// The problem of an error of `job` before the first chunk is sent; 503 if too many searches wait
/// or too many streams run, of all users or of this one. An error after the first chunk closes the connection before the end of
/// the response, and is logged.
pub(super) async fn respond<T: Send + 'static, E: Error + Send + 'static>(
    blocking: &Arc<Blocking>,
    user: StreamUser,
    format: RowFormat,
    place: UserPlace,
    job: RowJob<T, E>,
    errors: ErrorHandling<E>,
) -> Result<RowResponse<T>, Problem> {
    let ErrorHandling { problem, on_cut_off } = errors;
    let (start, started) = oneshot::channel();
    run(blocking, user, format, place, start, job, on_cut_off).await?;
    match started.await {
        Ok(Started::Complete { bytes, result }) => {
            let response = response::whole(StatusCode::OK, format.media_type(), bytes);
            Ok(RowResponse { response: vary_by_accept(response), result: Some(result) })
        }
        Ok(Started::Stream(body)) => {
            let mut response = response::bare(StatusCode::OK, body.boxed_unsync());
            response.headers_mut().insert(CONTENT_TYPE, format.media_type());
            Ok(RowResponse { response: vary_by_accept(response), result: None })
        }
        Ok(Started::Refused(error)) => Err(error.into()),
        Ok(Started::Failed(error)) => Err(problem(error)),
        Err(_) => Err(BlockingError::Panicked.into()),
    }
}

/// Starts the job in the lane of searches.
async fn run<T: Send + 'static, E: Error + Send + 'static>(
    blocking: &Arc<Blocking>,
    user: StreamUser,
    format: RowFormat,
    place: UserPlace,
    start: oneshot::Sender<Started<T, E>>,
    job: RowJob<T, E>,
    on_cut_off: Box<dyn FnOnce(&E) + Send>,
) -> Result<(), BlockingError> {
    let write = {
        let blocking = blocking.clone();
        move |permit| {
            let stage = Stage::Buffering(Buffering { start, blocking, user, permit, place });
            let mut writer = RowWriter { format, on_cut_off, buffer: Vec::new(), rows: 0, stage };
            let ended = job(&mut |row| writer.row(row));
            writer.finish(ended);
        }
    };
    blocking.start(Lane::Search, Box::new(write)).await
}

fn vary_by_accept(mut response: Response) -> Response {
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

/// The start of a response: complete, a stream, or an error.
enum Started<T, E> {
    /// All rows.
    Complete { bytes: Vec<u8>, result: T },
    /// The first of many chunks.
    Stream(StreamedBody),
    /// No rows: too many streams run.
    Refused(StreamRefusal),
    /// No rows: the job failed.
    Failed(E),
}

/// The reason why a long response is not sent.
enum StreamRefusal {
    /// Too many of all users are being read.
    Busy(BlockingError),
    /// One user reads this many already.
    OfUser { max: usize },
}

impl From<PlacesLimit> for StreamRefusal {
    fn from(limit: PlacesLimit) -> Self {
        match limit {
            PlacesLimit::OfOwner { max } => Self::OfUser { max },
            PlacesLimit::OfAll { .. } => Self::Busy(BlockingError::Busy),
        }
    }
}

impl From<StreamRefusal> for Problem {
    fn from(refusal: StreamRefusal) -> Self {
        match refusal {
            StreamRefusal::Busy(error) => error.into(),
            StreamRefusal::OfUser { max } => Self::unavailable(format!(
                "You read {max} long responses at the same time already. Read them to their end, and try again."
            )),
        }
    }
}

/// The parts that a job needs to begin the response.
struct Buffering<T, E> {
    start: oneshot::Sender<Started<T, E>>,
    blocking: Arc<Blocking>,
    user: StreamUser,
    permit: LanePermit,
    place: UserPlace,
}

/// The stage of a response.
enum Stage<T, E> {
    /// All rows so far are in the buffer.
    Buffering(Buffering<T, E>),
    /// The head is sent.
    Streaming { sender: BodySender, _permit: LanePermit, _place: LimitedPlace },
    /// The client disconnected, or the response was refused.
    Stopped,
}

/// Writes rows into the buffer, and sends it when it is full.
struct RowWriter<T, E> {
    format: RowFormat,
    on_cut_off: Box<dyn FnOnce(&E) + Send>,
    buffer: Vec<u8>,
    rows: u64,
    stage: Stage<T, E>,
}

impl<T, E: Error + 'static> RowWriter<T, E> {
    /// Writes one row.
    fn row(&mut self, row: &Row<'_>) -> ControlFlow<()> {
        let separator: &[u8] = match (self.format, self.rows) {
            (RowFormat::List, 0) => b"[",
            (RowFormat::List, _) => b",\n",
            (RowFormat::Lines, 0) => b"",
            (RowFormat::Lines, _) => b"\n",
        };
        self.buffer.extend_from_slice(separator);
        json::write_object(&mut self.buffer, row);
        self.rows += 1;
        let limit = match &self.stage {
            // The client disconnected already.
            Stage::Buffering(buffering) if buffering.start.is_closed() => {
                return ControlFlow::Break(());
            }
            Stage::Buffering(_) => COMPLETE_BYTES_MAX,
            Stage::Streaming { .. } => CHUNK_BYTES,
            Stage::Stopped => return ControlFlow::Break(()),
        };
        if self.buffer.len() < limit { ControlFlow::Continue(()) } else { self.send() }
    }

    /// Sends the buffer as a chunk. The first call begins the response.
    fn send(&mut self) -> ControlFlow<()> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Stopped) {
            Stage::Buffering(buffering) => buffering.begin_stream(),
            stage @ (Stage::Streaming { .. } | Stage::Stopped) => stage,
        };
        let Stage::Streaming { sender, .. } = &self.stage else { return ControlFlow::Break(()) };
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES));
        if sender.blocking_send(chunk).is_ok() {
            ControlFlow::Continue(())
        } else {
            self.stage = Stage::Stopped;
            ControlFlow::Break(())
        }
    }

    /// Ends the response with the result of the job.
    fn finish(mut self, ended: Result<T, E>) {
        let end: &[u8] = match (self.format, self.rows) {
            (RowFormat::List, 0) => b"[]\n",
            (RowFormat::List, _) => b"]\n",
            (RowFormat::Lines, 0) => b"",
            (RowFormat::Lines, _) => b"\n",
        };
        self.buffer.extend_from_slice(end);
        // Errors of these sends are ignored: a client that disconnected does not need the end.
        match (self.stage, ended) {
            (Stage::Buffering(buffering), Ok(result)) => {
                let _ = buffering.start.send(Started::Complete { bytes: self.buffer, result });
            }
            (Stage::Buffering(buffering), Err(error)) => {
                let _ = buffering.start.send(Started::Failed(error));
            }
            (Stage::Streaming { sender, _permit, _place }, Ok(_)) => {
                let _ = sender.blocking_send(self.buffer).and_then(|()| sender.blocking_end());
            }
            (Stage::Streaming { .. }, Err(error)) => {
                (self.on_cut_off)(&error);
                let error = &error as &dyn Error;
                tracing::error!(
                    error,
                    rows = self.rows,
                    "Response aborted after an error. The client received only some of the rows."
                );
            }
            (Stage::Stopped, _) => {}
        }
    }
}

impl<T, E> Buffering<T, E> {
    /// Moves the job from the lane of searches to the lane of streams and begins the response.
    fn begin_stream(self) -> Stage<T, E> {
        let Self { start, blocking, user, permit, place } = self;
        let stream_place = user.places.join(&user.name).map_err(StreamRefusal::from);
        let stream_place = stream_place.and_then(|place| {
            let permit = blocking.try_permit(Lane::Stream).map_err(StreamRefusal::Busy)?;
            Ok((permit, place))
        });
        match stream_place {
            Err(refusal) => {
                // The error of the send is ignored: the client disconnected.
                let _ = start.send(Started::Refused(refusal));
                Stage::Stopped
            }
            Ok((stream_permit, stream_place)) => {
                // The next search can begin.
                drop((permit, place));
                let (sender, body) = streamed_body::channel();
                if start.send(Started::Stream(body)).is_err() {
                    return Stage::Stopped;
                }
                Stage::Streaming { sender, _permit: stream_permit, _place: stream_place }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::{super::user_places::UserPlaces, *};

    #[derive(Debug, thiserror::Error)]
    #[error("failed on purpose")]
    struct Failure;

    fn rows(count: u64, sink: &mut RowSink<'_>) -> u64 {
        for number in 0..count {
            let properties = [("name", View::Text("R 1%")), ("port", View::Int(22))];
            if sink(&properties).is_break() {
                return number;
            }
        }
        count
    }

    async fn start<T: Send + 'static>(
        blocking: &Arc<Blocking>,
        format: RowFormat,
        job: impl FnOnce(&mut RowSink<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Started<T, Failure>, oneshot::error::RecvError> {
        start_as("é>b", &Arc::new(LimitedPlaces::of_streams()), blocking, format, job).await
    }

    async fn start_as<T: Send + 'static>(
        name: &str,
        places: &Arc<LimitedPlaces>,
        blocking: &Arc<Blocking>,
        format: RowFormat,
        job: impl FnOnce(&mut RowSink<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Started<T, Failure>, oneshot::error::RecvError> {
        let (start, started) = oneshot::channel();
        let user = StreamUser { places: places.clone(), name: name.to_owned() };
        let place = UserPlaces::default().place(name).await.unwrap();
        run(blocking, user, format, place, start, Box::new(job), Box::new(|_| ())).await.unwrap();
        started.await
    }

    const MANY: u64 = 100_000;

    #[tokio::test]
    async fn few_rows_are_a_complete_response() {
        let blocking = Arc::new(Blocking::default());
        for (format, count, expected) in [
            (RowFormat::List, 0, "[]\n"),
            (RowFormat::Lines, 0, ""),
            (RowFormat::List, 1, "[{\"name\":\"R 1%\",\"port\":22}]\n"),
            (
                RowFormat::List,
                2,
                "[{\"name\":\"R 1%\",\"port\":22},\n{\"name\":\"R 1%\",\"port\":22}]\n",
            ),
            (
                RowFormat::Lines,
                2,
                "{\"name\":\"R 1%\",\"port\":22}\n{\"name\":\"R 1%\",\"port\":22}\n",
            ),
        ] {
            let started = start(&blocking, format, move |each| Ok(rows(count, each))).await;
            let Ok(Started::Complete { bytes, result }) = started else { panic!("it is complete") };
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
            assert_eq!(result, count);
        }
    }

    #[tokio::test]
    async fn many_rows_are_a_stream_of_valid_json() {
        let blocking = Arc::new(Blocking::default());
        let started = start(&blocking, RowFormat::List, |each| Ok(rows(MANY, each))).await;
        let Ok(Started::Stream(body)) = started else { panic!("it is a stream") };
        let bytes = body.collect().await.unwrap().to_bytes();
        let list: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(list.len(), usize::try_from(MANY).unwrap());
        blocking.drain().await;
    }

    #[tokio::test]
    async fn an_error_is_a_problem_before_the_head_and_aborts_the_stream_after_it() {
        let blocking = Arc::new(Blocking::default());
        let early = start(&blocking, RowFormat::List, |each| {
            rows(1, each);
            Err::<(), _>(Failure)
        });
        assert!(matches!(early.await, Ok(Started::Failed(_))));
        let late = start(&blocking, RowFormat::Lines, |each| {
            rows(MANY, each);
            Err::<(), _>(Failure)
        });
        let Ok(Started::Stream(body)) = late.await else { panic!("it is a stream") };
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_panic_is_reported_before_the_head_and_after_it() {
        let blocking = Arc::new(Blocking::default());
        for (count, held) in [(1, true), (MANY, false)] {
            let started = start::<()>(&blocking, RowFormat::List, move |each| {
                panic!("on purpose, after {} rows", rows(count, each))
            });
            match started.await {
                Err(_) => assert!(held),
                Ok(Started::Stream(body)) => {
                    assert!(body.collect().await.is_err());
                    assert!(!held);
                }
                Ok(_) => panic!("it ended"),
            }
        }
    }

    #[tokio::test]
    async fn rows_stop_when_the_client_disconnects() {
        let blocking = Arc::new(Blocking::default());
        let (written, has_written) = mpsc::channel();
        let started = start(&blocking, RowFormat::List, move |each| {
            written.send(rows(MANY, each)).unwrap();
            Ok(())
        });
        let Ok(Started::Stream(body)) = started.await else { panic!("it is a stream") };
        drop(body);
        let count = tokio::task::spawn_blocking(move || has_written.recv()).await.unwrap().unwrap();
        assert!(count < MANY, "{count}");
    }

    #[tokio::test]
    async fn slow_clients_hold_no_search_permit_and_are_limited() {
        let blocking = Arc::new(Blocking::default());
        let places = Arc::new(LimitedPlaces::of_streams());
        let mut slow = Vec::new();
        let mut fill = async |name: &str| loop {
            assert!(slow.len() < 1000, "nothing is refused");
            let format = RowFormat::List;
            match start_as(name, &places, &blocking, format, |each| Ok(rows(MANY, each))).await {
                Ok(Started::Stream(body)) => slow.push(body),
                Ok(Started::Refused(refusal)) => break refusal,
                Ok(Started::Complete { .. } | Started::Failed(_)) | Err(_) => panic!("it ended"),
            }
        };
        for name in ["a", "b", "c"] {
            assert!(matches!(fill(name).await, StreamRefusal::OfUser { max: 8 }));
        }
        assert!(matches!(fill("d").await, StreamRefusal::Busy(BlockingError::Busy)));
        // Short responses are not affected.
        let short = start(&blocking, RowFormat::List, |each| Ok(rows(1, each))).await;
        assert!(matches!(short, Ok(Started::Complete { .. })));
        drop(slow);
        blocking.drain().await;
    }
}
