//! A response of any length: complete if it is short, a stream if it is long.
//!
//! A job writes bytes into a buffer. If all of them fit, the response is complete and has a length.
//! Otherwise the job moves to the lane of streams and sends chunk after chunk, as fast as the
//! client receives them. It stops when the client disconnects.

use std::{error::Error, ops::ControlFlow, sync::Arc};

use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use tokio::sync::oneshot;

use super::{
    blocking::{Blocking, BlockingError, Lane, LanePermit},
    limited_places::{LimitedPlace, LimitedPlaces, PlacesLimit},
    problem::Problem,
    response::{self, Response},
    streamed_body::{self, BodySender, StreamedBody},
    user_places::UserPlace,
};
/// The bytes of one chunk: so large that waking a thread for each chunk costs little.
const CHUNK_BYTES: usize = 64 * 1024;

/// The largest complete response, in bytes. Up to this size, a header can contain facts that are
/// known only at the end (the total number of rows).
const COMPLETE_BYTES_MAX: usize = 256 * 1024;

/// The buffer of a job.
pub(super) trait ChunkSink {
    /// The bytes that are not sent yet. The job appends to them.
    fn bytes(&mut self) -> &mut Vec<u8>;

    /// Sends the bytes if there are enough. `Break` tells the job to stop.
    fn checkpoint(&mut self) -> ControlFlow<()>;
}

/// A job that produces bytes, and a result at its end.
pub(super) type ChunkJob<T, E> =
    Box<dyn FnOnce(&mut dyn ChunkSink) -> Result<T, E> + Send + 'static>;

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

/// A response, and the result of its job; `None` if the response is a stream, whose job has not ended
/// yet.
pub(super) struct ChunkResponse<T> {
    pub(super) response: Response,
    pub(super) result: Option<T>,
}

/// Returns a response with the bytes that `job` produces. `place` is the user's among the searches.
///
/// # Errors
/// The problem of an error of `job` before the first chunk is sent; 503 if too many searches wait
/// or too many streams run, of all users or of this one. An error after the first chunk closes the connection before the end of
/// the response, and is logged.
pub(super) async fn respond<T: Send + 'static, E: Error + Send + 'static>(
    blocking: &Arc<Blocking>,
    user: StreamUser,
    media_type: HeaderValue,
    place: UserPlace,
    job: ChunkJob<T, E>,
    errors: ErrorHandling<E>,
) -> Result<ChunkResponse<T>, Problem> {
    let ErrorHandling { problem, on_cut_off } = errors;
    let (start, started) = oneshot::channel();
    run(blocking, user, place, start, job, on_cut_off).await?;
    match started.await {
        Ok(Started::Complete { bytes, result }) => {
            let response = response::whole(StatusCode::OK, media_type, bytes);
            Ok(ChunkResponse { response, result: Some(result) })
        }
        Ok(Started::Stream(body)) => {
            let mut response = response::bare(StatusCode::OK, body.boxed_unsync());
            response.headers_mut().insert(CONTENT_TYPE, media_type);
            Ok(ChunkResponse { response, result: None })
        }
        Ok(Started::Refused(error)) => Err(error.into()),
        Ok(Started::Failed(error)) => Err(problem(error)),
        Err(_) => Err(BlockingError::Panicked.into()),
    }
}

/// Starts the job in the lane of searches.
pub(super) async fn run<T: Send + 'static, E: Error + Send + 'static>(
    blocking: &Arc<Blocking>,
    user: StreamUser,
    place: UserPlace,
    start: oneshot::Sender<Started<T, E>>,
    job: ChunkJob<T, E>,
    on_cut_off: Box<dyn FnOnce(&E) + Send>,
) -> Result<(), BlockingError> {
    let write = {
        let blocking = blocking.clone();
        move |permit| {
            let stage = Stage::Buffering(Buffering { start, blocking, user, permit, place });
            let mut writer = ChunkWriter { on_cut_off, buffer: Vec::new(), stage };
            let ended = job(&mut writer);
            writer.finish(ended);
        }
    };
    blocking.start(Lane::Search, Box::new(write)).await
}

/// The start of a response: complete, a stream, or an error.
pub(super) enum Started<T, E> {
    /// All bytes.
    Complete { bytes: Vec<u8>, result: T },
    /// The first of many chunks.
    Stream(StreamedBody),
    /// Nothing: too many streams run.
    Refused(StreamRefusal),
    /// Nothing: the job failed.
    Failed(E),
}

/// The reason why a long response is not sent.
pub(super) enum StreamRefusal {
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
    /// All bytes so far are in the buffer.
    Buffering(Buffering<T, E>),
    /// The head is sent.
    Streaming { sender: BodySender, _permit: LanePermit, _place: LimitedPlace },
    /// The client disconnected, or the response was refused.
    Stopped,
}

/// The buffer of a response, which is sent when it is full.
struct ChunkWriter<T, E> {
    on_cut_off: Box<dyn FnOnce(&E) + Send>,
    buffer: Vec<u8>,
    stage: Stage<T, E>,
}

impl<T, E: Error + 'static> ChunkSink for ChunkWriter<T, E> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    fn checkpoint(&mut self) -> ControlFlow<()> {
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
}

impl<T, E: Error + 'static> ChunkWriter<T, E> {
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
    fn finish(self, ended: Result<T, E>) {
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
                    "Response aborted after an error. The client received only a part of it."
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
