//! A form with files (multipart/form-data, RFC 7578), part by part as it comes.
//!
//! The parts are told apart by multer, which takes whatever is ready into memory, and looks for
//! the end of a head however long that is. So it is fed piece by piece, each only when it asks
//! again, and never more than a head may have while it looks for one.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http_body_util::BodyDataStream;
use hyper::body::{Bytes, Frame};
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap};
use multer::Multipart;
use percent_encoding::percent_decode_str;

use super::body::{Body, BodyError, media_type};
use super::problem::{Flaw, Place, Problem, ProblemKind, shorten};

/// Parts of one form. A form has a handful.
const PARTS_MAX: usize = 64;

/// What stands between the data of two parts, or before the first: a boundary and a few headers,
/// some hundred bytes. As it is counted in whole pieces, up to one piece more can pass.
const HEAD_BYTES_MAX: u64 = 16 * 1024;

/// Of a part that is no file: a word as a rule, and at most a JSON object of them.
const FIELD_BYTES_MAX: usize = 64 * 1024;

/// Of a boundary (RFC 2046, section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// What separates the parts, from the request's `Content-Type`.
pub(super) struct Boundary(String);

impl Boundary {
    /// None where the body is no form with files.
    ///
    /// # Errors
    /// 400 where it is one, and its boundary is missing or none.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
        if media_type(value.as_bytes()) != b"multipart/form-data" {
            return Ok(None);
        }
        let wrong = |detail: String| {
            Problem::new(ProblemKind::MalformedRequest, &*detail)
                .with_flaw(Flaw::new(Place::Header("content-type"), detail))
        };
        let boundary = value.to_str().ok().and_then(|value| multer::parse_boundary(value).ok());
        match boundary {
            Some(boundary) if (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()) => {
                Ok(Some(Self(boundary)))
            }
            Some(_) => Err(wrong(format!(
                "The boundary of the form must have 1 to {BOUNDARY_BYTES_MAX} characters."
            ))),
            None => Err(wrong(
                "The Content-Type of a form needs its boundary; a client that makes the form sets \
                 it by itself, so do not set this header by hand."
                    .to_owned(),
            )),
        }
    }
}

/// The parts of a body that are still to be read.
pub(super) struct Parts<'b> {
    multipart: Multipart<'b>,
    head_bytes: Arc<AtomicU64>,
    parts: usize,
}

/// One part. Its data is still to be read, before the next part is asked for.
pub(super) struct Part<'b> {
    field: multer::Field<'b>,
    /// What its form calls it.
    pub(super) name: String,
    /// Where it is a file, what that was called; empty where no file was chosen.
    pub(super) file_name: Option<String>,
}

impl<'b> Parts<'b> {
    pub(super) fn of(body: &'b mut Body, Boundary(boundary): Boundary) -> Self {
        let head_bytes = Arc::new(AtomicU64::new(0));
        let feed = Feed { stage: Stage::Idle(body), head_bytes: head_bytes.clone() };
        let multipart = Multipart::new(BodyDataStream::new(feed), boundary);
        Self { multipart, head_bytes, parts: 0 }
    }

    /// The next part; none at the end of the form.
    ///
    /// # Errors
    /// 400 where the form is cut off or malformed, or has too many parts; the body's.
    pub(super) async fn next(&mut self) -> Result<Option<Part<'b>>, Problem> {
        self.head_bytes.store(0, Ordering::Relaxed);
        let field = self.multipart.next_field().await.map_err(problem)?;
        self.head_bytes.store(IN_DATA, Ordering::Relaxed);
        let Some(field) = field else { return Ok(None) };
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(malformed(format!("The form has more than {PARTS_MAX} parts.")));
        }
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(malformed(format!(
                "Part {} of the form has no name: “Content-Disposition: form-data; \
                 name=\"file\"” is expected.",
                self.parts
            )));
        };
        let file_name = field.file_name().map(str::to_owned);
        let file_name = file_name.or_else(|| extended_file_name(field.headers()));
        Ok(Some(Part { field, name, file_name }))
    }
}

impl Part<'_> {
    /// What the part says that its data is, in lower case and without parameters.
    pub(super) fn media_type(&self) -> Option<Vec<u8>> {
        self.field.headers().get(CONTENT_TYPE).map(|value| media_type(value.as_bytes()))
    }

    /// The next piece of the data; none at its end.
    ///
    /// # Errors
    /// 400 where the form is cut off or malformed; the body's.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        self.field.chunk().await.map_err(problem)
    }

    /// All the data of a part that is no file.
    ///
    /// # Errors
    /// 413 where it has more than [`FIELD_BYTES_MAX`]; 400 where it is no UTF-8; the body's.
    pub(super) async fn text(mut self) -> Result<String, Problem> {
        let mut text = Vec::new();
        while let Some(piece) = self.chunk().await? {
            text.extend_from_slice(&piece);
            if text.len() > FIELD_BYTES_MAX {
                let detail = format!(
                    "The field “{}” has more than {FIELD_BYTES_MAX} bytes.",
                    shorten(&self.name)
                );
                let flaw = Flaw::new(Place::FormField(self.name), &*detail);
                return Err(Problem::new(ProblemKind::BodyTooLarge, detail).with_flaw(flaw));
            }
        }
        String::from_utf8(text).map_err(|_| {
            let detail = format!("The field “{}” is not UTF-8.", shorten(&self.name));
            let flaw = Flaw::new(Place::FormField(self.name), &*detail);
            Problem::new(ProblemKind::MalformedBody, detail).with_flaw(flaw)
        })
    }
}

/// `filename*=UTF-8''%C3%A4.xls` (RFC 5987), as older clients send a name that is not ASCII, and
/// as multer does not read it.
fn extended_file_name(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_DISPOSITION)?.to_str().ok()?;
    let (_, encoded) = value.split_once("filename*=")?;
    let encoded = encoded.split(';').next().unwrap_or_default().trim().trim_matches('"');
    let (charset, rest) = encoded.split_once('\'')?;
    let (_, name) = rest.split_once('\'')?;
    let is_utf8 = charset.eq_ignore_ascii_case("utf-8");
    is_utf8.then(|| percent_decode_str(name).decode_utf8_lossy().into_owned())
}

/// What multer is fed with: the body, piece by piece.
struct Feed<'b> {
    stage: Stage<'b>,
    /// What was fed since the last part's data ended; [`IN_DATA`] while data is read.
    head_bytes: Arc<AtomicU64>,
}

/// Not a number of bytes: none are counted.
const IN_DATA: u64 = u64::MAX;

type Reading<'b> =
    Pin<Box<dyn Future<Output = (&'b mut Body, Result<Option<Bytes>, BodyError>)> + Send + 'b>>;

enum Stage<'b> {
    Idle(&'b mut Body),
    Reading(Reading<'b>),
    /// A piece was given; multer should look at it before it asks again.
    Given(&'b mut Body),
    Ended,
}

/// Why multer is fed no more.
#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("what stands before a part's data is too long")]
    HeadLong,
}

impl hyper::body::Body for Feed<'_> {
    type Data = Bytes;
    type Error = FeedError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, FeedError>>> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Ended) {
                Stage::Given(body) => {
                    self.stage = Stage::Idle(body);
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Stage::Idle(body) => {
                    let head_bytes = self.head_bytes.load(Ordering::Relaxed);
                    if head_bytes != IN_DATA && head_bytes > HEAD_BYTES_MAX {
                        return Poll::Ready(Some(Err(FeedError::HeadLong)));
                    }
                    self.stage = Stage::Reading(Box::pin(async move {
                        let piece = body.chunk().await;
                        (body, piece)
                    }));
                }
                Stage::Reading(mut reading) => {
                    let Poll::Ready((body, piece)) = reading.as_mut().poll(context) else {
                        self.stage = Stage::Reading(reading);
                        return Poll::Pending;
                    };
                    let Some(piece) = piece? else { return Poll::Ready(None) };
                    let head_bytes = self.head_bytes.load(Ordering::Relaxed);
                    if head_bytes != IN_DATA {
                        let fed = head_bytes + piece.len() as u64;
                        self.head_bytes.store(fed, Ordering::Relaxed);
                    }
                    self.stage = Stage::Given(body);
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                Stage::Ended => return Poll::Ready(None),
            }
        }
    }
}

/// What multer finds fault with, in our words.
fn problem(error: multer::Error) -> Problem {
    use multer::Error as E;
    match error {
        E::StreamReadFailed(error) => match error.downcast::<FeedError>() {
            Ok(error) => match *error {
                FeedError::Body(error) => error.into(),
                FeedError::HeadLong => malformed(format!(
                    "More than {HEAD_BYTES_MAX} bytes stand before a part's data: the boundary of \
                     the Content-Type is not that of the body, or the head of a part is too long."
                )),
            },
            Err(error) => Problem::internal(&*error as &(dyn Error + 'static)),
        },
        E::IncompleteFieldData { .. } | E::IncompleteStream | E::IncompleteHeaders => malformed(
            "The form is not whole: it ends before its last boundary, or the boundary of the \
                 Content-Type is not that of the body."
                .to_owned(),
        ),
        E::ReadHeaderFailed(_) | E::DecodeHeaderName { .. } | E::DecodeHeaderValue { .. } => {
            malformed("The head of a part of the form is malformed.".to_owned())
        }
        // None of these is asked of multer here, and more may come.
        error => Problem::internal(&error),
    }
}

fn malformed(detail: String) -> Problem {
    Problem::new(ProblemKind::MalformedBody, detail)
}
