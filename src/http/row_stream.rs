//! A response of any number of rows, as a JSON list or one object a line.

use std::{error::Error, ops::ControlFlow, sync::Arc};

use hyper::header::{HeaderValue, VARY};

use super::{
    accept::RowFormat,
    blocking::Blocking,
    chunk_stream::{self, ChunkJob, ChunkResponse, ErrorHandling, StreamUser},
    problem::Problem,
    user_places::UserPlace,
};
use crate::{codec::json, model::View};

/// The properties of one row.
pub(super) type Row<'r> = [(&'r str, View<'r>)];

/// Receives the rows of a job one by one. `Break` tells the job to stop.
pub(super) type RowSink<'s> = dyn FnMut(&Row<'_>) -> ControlFlow<()> + 's;

/// A job that produces rows, and a result at its end.
pub(super) type RowJob<T, E> = Box<dyn FnOnce(&mut RowSink<'_>) -> Result<T, E> + Send + 'static>;

/// Returns a response with the rows that `job` produces. `place` is the user's among the searches.
///
/// # Errors
/// As for [`chunk_stream::respond`].
pub(super) async fn respond<T: Send + 'static, E: Error + Send + 'static>(
    blocking: &Arc<Blocking>,
    user: StreamUser,
    format: RowFormat,
    place: UserPlace,
    job: RowJob<T, E>,
    errors: ErrorHandling<E>,
) -> Result<ChunkResponse<T>, Problem> {
    let media_type = format.media_type();
    let job = chunks(format, job);
    let mut responded =
        chunk_stream::respond(blocking, user, media_type, place, job, errors).await?;
    responded.response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(responded)
}

/// Returns a job that writes the rows of another one as bytes.
fn chunks<T: 'static, E: 'static>(format: RowFormat, job: RowJob<T, E>) -> ChunkJob<T, E> {
    Box::new(move |sink| {
        let mut rows = 0_u64;
        let ended = job(&mut |row| {
            let separator: &[u8] = match (format, rows) {
                (RowFormat::List, 0) => b"[",
                (RowFormat::List, _) => b",\n",
                (RowFormat::Lines, 0) => b"",
                (RowFormat::Lines, _) => b"\n",
            };
            sink.bytes().extend_from_slice(separator);
            json::write_object(sink.bytes(), row);
            rows += 1;
            sink.checkpoint()
        })?;
        let end: &[u8] = match (format, rows) {
            (RowFormat::List, 0) => b"[]\n",
            (RowFormat::List, _) => b"]\n",
            (RowFormat::Lines, 0) => b"",
            (RowFormat::Lines, _) => b"\n",
        };
        sink.bytes().extend_from_slice(end);
        Ok(ended)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use http_body_util::BodyExt;
    use tokio::sync::oneshot;

    use super::{
        super::{
            blocking::BlockingError,
            chunk_stream::{Started, StreamRefusal, run},
            limited_places::LimitedPlaces,
            user_places::UserPlaces,
        },
        *,
    };

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
        let job = chunks(format, Box::new(job));
        run(blocking, user, place, start, job, Box::new(|_| ())).await.unwrap();
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
