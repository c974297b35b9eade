//! Rows of any number as an answer: whole where they are few, and as a stream where they are many.
//!
//! A job on a thread of its own writes rows into a buffer. When all of them fit, the answer is
//! whole, with its length. When they do not, the job moves to the lane of streams and sends piece
//! after piece, as fast as the client takes them; a client that leaves ends it.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, VARY};
use tokio::sync::oneshot;

use super::accept::RowForm;
use super::app::App;
use super::blocking::{Blocking, BlockingError, Lane, Turn};
use super::pieces::{self, Pieces, Sender};
use super::problem::Problem;
use super::response::{self, Response};
use crate::codec::json;
use crate::inventory::{Flow, InstanceRow, InventoryError, RowSink};

/// What is sent at a time: large enough that a thread's wake-up is small beside it.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// What the rows of an answer may take before they become a stream. Up to here, what is known only
/// at the end (how many there are) stands in a header.
const WHOLE_BYTES_MAX: usize = 256 * 1024;

/// What rows are answered, and what the operation says at their end: nothing where they are on
/// their way still.
pub(super) struct Answered<T> {
    pub(super) response: Response,
    pub(super) outcome: Option<T>,
}

/// What gives rows.
pub(super) type Job<T> =
    Box<dyn FnOnce(&mut RowSink<'_>) -> Result<T, InventoryError> + Send + 'static>;

/// Is told why a stream is cut off after its head has left.
type CutOff = Box<dyn FnOnce(&InventoryError) + Send>;

/// Answers with the rows that `job` gives. `problem` makes a problem of its error.
///
/// # Errors
/// What `job` says before the first piece has left; 503 where too many do the same. After that the
/// connection ends in the middle of the answer, and the log says why.
pub(super) async fn answer<T: Send + 'static>(
    app: &App,
    form: RowForm,
    job: Job<T>,
    problem: Box<dyn FnOnce(InventoryError) -> Problem + Send>,
) -> Result<Answered<T>, Problem> {
    let (begin, begun) = oneshot::channel();
    let inventory = app.inventory.clone();
    let cut_off: CutOff = Box::new(move |error| {
        if let InventoryError::Store(error) = error
            && let Some(damage) = error.damage()
        {
            inventory.note_damage(damage);
        }
    });
    run(&app.blocking, form, begin, job, cut_off).await?;
    match begun.await {
        Ok(Begun::Whole { bytes, outcome }) => {
            let response = response::whole(StatusCode::OK, form.media_type(), bytes);
            Ok(Answered { response: varying(response), outcome: Some(outcome) })
        }
        Ok(Begun::Stream(pieces)) => {
            let mut response = response::bare(StatusCode::OK, pieces.boxed_unsync());
            response.headers_mut().insert(CONTENT_TYPE, form.media_type());
            Ok(Answered { response: varying(response), outcome: None })
        }
        Ok(Begun::Refused(error)) => Err(error.into()),
        Ok(Begun::Failed(error)) => Err(problem(error)),
        Err(_) => Err(BlockingError::Panicked.into()),
    }
}

/// Lets the job begin.
async fn run<T: Send + 'static>(
    blocking: &Arc<Blocking>,
    form: RowForm,
    begin: oneshot::Sender<Begun<T>>,
    job: Job<T>,
    cut_off: CutOff,
) -> Result<(), BlockingError> {
    let write = {
        let blocking = blocking.clone();
        move |turn| {
            let stage = Stage::Held(Start { begin, blocking, turn });
            let mut writer = Writer { form, cut_off, buffer: Vec::new(), rows: 0, stage };
            let ended = job(&mut |row| writer.row(row));
            writer.finish(ended);
        }
    };
    blocking.start(Lane::Search, Box::new(write)).await
}

fn varying(mut response: Response) -> Response {
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

/// What is known once the answer can begin.
enum Begun<T> {
    Whole {
        bytes: Vec<u8>,
        outcome: T,
    },
    Stream(Pieces),
    /// Too many streams are under way.
    Refused(BlockingError),
    Failed(InventoryError),
}

/// What a job needs to let the answer begin.
struct Start<T> {
    begin: oneshot::Sender<Begun<T>>,
    blocking: Arc<Blocking>,
    turn: Turn,
}

enum Stage<T> {
    /// All rows up to now are in the buffer.
    Held(Start<T>),
    /// The head has left.
    Sending { sender: Sender, _turn: Turn },
    /// Nobody wants more.
    Over,
}

struct Writer<T> {
    form: RowForm,
    cut_off: CutOff,
    buffer: Vec<u8>,
    rows: u64,
    stage: Stage<T>,
}

impl<T> Writer<T> {
    fn row(&mut self, row: &InstanceRow<'_>) -> Flow {
        let before: &[u8] = match (self.form, self.rows) {
            (RowForm::List, 0) => b"[",
            (RowForm::List, _) => b",\n",
            (RowForm::Lines, 0) => b"",
            (RowForm::Lines, _) => b"\n",
        };
        self.buffer.extend_from_slice(before);
        json::write_object(&mut self.buffer, row.properties);
        self.rows += 1;
        let enough = match &self.stage {
            // The client left already.
            Stage::Held(start) if start.begin.is_closed() => return Flow::Stop,
            Stage::Held(_) => WHOLE_BYTES_MAX,
            Stage::Sending { .. } => PIECE_BYTES,
            Stage::Over => return Flow::Stop,
        };
        if self.buffer.len() < enough { Flow::Continue } else { self.send() }
    }

    /// Sends what is in the buffer; before the first time it lets the answer begin.
    fn send(&mut self) -> Flow {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Held(Start { begin, blocking, turn }) => match blocking.try_turn(Lane::Stream) {
                Err(busy) => {
                    // A client that left does not care.
                    let _ = begin.send(Begun::Refused(busy));
                    return Flow::Stop;
                }
                Ok(stream) => {
                    // The next search may begin.
                    drop(turn);
                    let (sender, body) = pieces::channel();
                    if begin.send(Begun::Stream(body)).is_err() {
                        return Flow::Stop;
                    }
                    Stage::Sending { sender, _turn: stream }
                }
            },
            stage @ (Stage::Sending { .. } | Stage::Over) => stage,
        };
        let Stage::Sending { sender, .. } = &self.stage else { return Flow::Stop };
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES));
        match sender.blocking_send(piece) {
            Ok(()) => Flow::Continue,
            Err(_) => {
                self.stage = Stage::Over;
                Flow::Stop
            }
        }
    }

    fn finish(mut self, ended: Result<T, InventoryError>) {
        let end: &[u8] = match (self.form, self.rows) {
            (RowForm::List, 0) => b"[]\n",
            (RowForm::List, _) => b"]\n",
            (RowForm::Lines, 0) => b"",
            (RowForm::Lines, _) => b"\n",
        };
        self.buffer.extend_from_slice(end);
        // A client that left needs no end.
        match (self.stage, ended) {
            (Stage::Held(start), Ok(outcome)) => {
                let _ = start.begin.send(Begun::Whole { bytes: self.buffer, outcome });
            }
            (Stage::Held(start), Err(error)) => {
                let _ = start.begin.send(Begun::Failed(error));
            }
            (Stage::Sending { sender, _turn }, Ok(_)) => {
                let _ = sender.blocking_send(self.buffer).and_then(|()| sender.blocking_end());
            }
            (Stage::Sending { .. }, Err(error)) => {
                (self.cut_off)(&error);
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, rows = self.rows, "a stream of rows is cut off");
            }
            (Stage::Over, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::model::View;
    use crate::store::StoreError;

    fn rows(count: u64, rows: &mut RowSink<'_>) -> u64 {
        for number in 0..count {
            let properties = [("name", View::Text("R 1%")), ("port", View::Int(22))];
            if rows(&InstanceRow { version: number, properties: &properties }) == Flow::Stop {
                return number;
            }
        }
        count
    }

    fn failed() -> InventoryError {
        StoreError::Busy.into()
    }

    async fn begin<T: Send + 'static>(
        blocking: &Arc<Blocking>,
        form: RowForm,
        job: impl FnOnce(&mut RowSink<'_>) -> Result<T, InventoryError> + Send + 'static,
    ) -> Result<Begun<T>, oneshot::error::RecvError> {
        let (begin, begun) = oneshot::channel();
        run(blocking, form, begin, Box::new(job), Box::new(|_| ())).await.unwrap();
        begun.await
    }

    const MANY: u64 = 100_000;

    #[tokio::test]
    async fn few_rows_are_whole() {
        let blocking = Arc::new(Blocking::default());
        for (form, count, expected) in [
            (RowForm::List, 0, "[]\n"),
            (RowForm::Lines, 0, ""),
            (RowForm::List, 1, "[{\"name\":\"R 1%\",\"port\":22}]\n"),
            (
                RowForm::List,
                2,
                "[{\"name\":\"R 1%\",\"port\":22},\n{\"name\":\"R 1%\",\"port\":22}]\n",
            ),
            (
                RowForm::Lines,
                2,
                "{\"name\":\"R 1%\",\"port\":22}\n{\"name\":\"R 1%\",\"port\":22}\n",
            ),
        ] {
            let begun = begin(&blocking, form, move |each| Ok(rows(count, each))).await;
            let Ok(Begun::Whole { bytes, outcome }) = begun else { panic!("it is whole") };
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
            assert_eq!(outcome, count);
        }
    }

    #[tokio::test]
    async fn many_rows_are_a_stream_that_is_whole_json() {
        let blocking = Arc::new(Blocking::default());
        let begun = begin(&blocking, RowForm::List, |each| Ok(rows(MANY, each))).await;
        let Ok(Begun::Stream(body)) = begun else { panic!("it is a stream") };
        let bytes = body.collect().await.unwrap().to_bytes();
        let list: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(list.len(), usize::try_from(MANY).unwrap());
        blocking.drain().await;
    }

    #[tokio::test]
    async fn an_error_is_a_problem_before_the_head_and_the_end_after_it() {
        let blocking = Arc::new(Blocking::default());
        let early = begin(&blocking, RowForm::List, |each| {
            rows(1, each);
            Err::<(), _>(failed())
        });
        assert!(matches!(early.await, Ok(Begun::Failed(_))));
        let late = begin(&blocking, RowForm::Lines, |each| {
            rows(MANY, each);
            Err::<(), _>(failed())
        });
        let Ok(Begun::Stream(body)) = late.await else { panic!("it is a stream") };
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_panic_is_noticed_before_the_head_and_after_it() {
        let blocking = Arc::new(Blocking::default());
        for (count, held) in [(1, true), (MANY, false)] {
            let begun = begin::<()>(&blocking, RowForm::List, move |each| {
                panic!("on purpose, after {} rows", rows(count, each))
            });
            match begun.await {
                Err(_) => assert!(held),
                Ok(Begun::Stream(body)) => {
                    assert!(body.collect().await.is_err());
                    assert!(!held);
                }
                Ok(_) => panic!("it ended"),
            }
        }
    }

    #[tokio::test]
    async fn a_client_that_leaves_stops_the_rows() {
        let blocking = Arc::new(Blocking::default());
        let (written, has_written) = mpsc::channel();
        let begun = begin(&blocking, RowForm::List, move |each| {
            written.send(rows(MANY, each)).unwrap();
            Ok(())
        });
        let Ok(Begun::Stream(body)) = begun.await else { panic!("it is a stream") };
        drop(body);
        let count = tokio::task::spawn_blocking(move || has_written.recv()).await.unwrap().unwrap();
        assert!(count < MANY, "{count}");
    }

    #[tokio::test]
    async fn slow_clients_hold_no_search_and_cannot_be_without_number() {
        let blocking = Arc::new(Blocking::default());
        let mut slow = Vec::new();
        let refused = loop {
            assert!(slow.len() < 1000, "nothing is refused");
            match begin(&blocking, RowForm::List, |each| Ok(rows(MANY, each))).await {
                Ok(Begun::Stream(body)) => slow.push(body),
                Ok(Begun::Refused(error)) => break error,
                Ok(Begun::Whole { .. } | Begun::Failed(_)) | Err(_) => panic!("it ended"),
            }
        };
        assert!(matches!(refused, BlockingError::Busy));
        // Short answers go on.
        let short = begin(&blocking, RowForm::List, |each| Ok(rows(1, each))).await;
        assert!(matches!(short, Ok(Begun::Whole { .. })));
        drop(slow);
        blocking.drain().await;
    }
}
