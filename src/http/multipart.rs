//! Forms with files (multipart/form-data, RFC 7578), read part by part while they arrive.
//!
//! multer separates the parts. It buffers all available input, and searches without a limit for the end of
//! the headers of a part. So [`Feed`] gives it one chunk for each call, and at most
//! [`HEAD_BYTES_MAX`] bytes while it searches for the end of the headers.

use std::{
    error::Error,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use http_body_util::BodyDataStream;
use hyper::{
    body::{Bytes, Frame},
    header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap},
};
use multer::Multipart;
use percent_encoding::percent_decode_str;

use super::{
    media_type::media_type,
    problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
    request_body::{BodyError, RequestBody},
    transfer_encoding::TransferDecoder,
};

/// The largest number of parts of one form. A form has a handful.
const PARTS_MAX: usize = 64;

/// The size limit of the bytes between the data of two parts or before the first, in bytes: a
/// boundary and a few headers have some hundred. The limit is checked once a chunk, so that up to
/// one chunk more can pass.
const HEAD_BYTES_MAX: u64 = 16 * 1024;

/// The size limit of a part that is not a file, in bytes: usually a word, at most a JSON object of
/// options.
const FIELD_BYTES_MAX: usize = 64 * 1024;

/// The size limit of a boundary in bytes (RFC 2046, section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// The header with the encoding of the data of a part.
const CONTENT_TRANSFER_ENCODING: &str = "content-transfer-encoding";

/// The separator of the parts, from the request's `Content-Type`.
pub(super) struct Boundary(String);

impl Boundary {
    /// Reads the boundary; `None` if the body is not a form with files.
    ///
    /// # Errors
    /// 400 if the boundary is missing or invalid.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
        if media_type(value.as_bytes()) != b"multipart/form-data" {
            return Ok(None);
        }
        let wrong = |detail: String| {
            Problem::new(ProblemKind::MalformedRequest, &*detail)
                .with_flaw(Flaw::new(RequestLocation::Header("content-type"), detail))
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
                "The Content-Type of the form has no boundary. The client that makes the form sets \
                 this header; do not set it by hand."
                    .to_owned(),
            )),
        }
    }
}

/// The parts of a body, to be read one after the other.
pub(super) struct Parts<'b> {
    multipart: Multipart<'b>,
    /// Shared with [`Feed`].
    head_bytes: Arc<AtomicU64>,
    parts: usize,
}

/// One part. Its data must be read before the next part.
pub(super) struct Part<'b> {
    field: multer::Field<'b>,
    decoder: TransferDecoder,
    /// The name of the form field.
    pub(super) name: String,
    /// The name of the file, if the part is one; empty if the user chose no file.
    pub(super) file_name: Option<String>,
}

impl<'b> Parts<'b> {
    pub(super) fn new(body: &'b mut RequestBody, Boundary(boundary): Boundary) -> Self {
        let head_bytes = Arc::new(AtomicU64::new(0));
        let feed = Feed { stage: FeedStage::Idle(body), head_bytes: head_bytes.clone() };
        let multipart = Multipart::new(BodyDataStream::new(feed), boundary);
        Self { multipart, head_bytes, parts: 0 }
    }

    /// Reads the head of the next part; `None` at the end of the form.
    ///
    /// # Errors
    /// 400 if the form is incomplete or malformed or has too many parts; the problem of a body that
    /// is not received completely.
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
        let file_name = file_name.or_else(|| latin_1_file_name(field.headers()));
        let decoder = decoder(field.headers(), &name)?;
        Ok(Some(Part { field, decoder, name, file_name }))
    }
}

impl Part<'_> {
    /// Returns the media type of the part, in lower case and without parameters.
    pub(super) fn media_type(&self) -> Option<Vec<u8>> {
        self.field.headers().get(CONTENT_TYPE).map(|value| media_type(value.as_bytes()))
    }

    /// Receives the next chunk of the data, decoded; `None` at its end.
    ///
    /// # Errors
    /// 400 if the form is incomplete or malformed, or the part does not follow its
    /// `Content-Transfer-Encoding`; the problem of a body that is not received completely.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let chunk = self.field.chunk().await.map_err(problem)?;
            let decoded = match (&mut self.decoder, chunk) {
                (TransferDecoder::Identity, chunk) => return Ok(chunk),
                (decoder, Some(chunk)) => decoder.decode(&chunk),
                (decoder, None) => match decoder.finish() {
                    Ok(rest) if rest.is_empty() => return Ok(None),
                    rest => rest,
                },
            };
            let decoded = decoded.map_err(|error| {
                let detail = format!("The part “{}” of the form {error}.", shorten(&self.name));
                let flaw = Flaw::new(RequestLocation::FormField(self.name.clone()), &*detail);
                Problem::new(ProblemKind::MalformedBody, detail).with_flaw(flaw)
            })?;
            if !decoded.is_empty() {
                return Ok(Some(decoded.into()));
            }
        }
    }

    /// Receives all the data of a part that is not a file.
    ///
    /// # Errors
    /// 413 if it has more than [`FIELD_BYTES_MAX`]; 400 if it is not UTF-8; otherwise as
    /// [`chunk`](Self::chunk).
    pub(super) async fn text(mut self) -> Result<String, Problem> {
        let mut text = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            text.extend_from_slice(&chunk);
            if text.len() > FIELD_BYTES_MAX {
                let detail = format!(
                    "The form field “{}” has more than {FIELD_BYTES_MAX} bytes.",
                    shorten(&self.name)
                );
                let flaw = Flaw::new(RequestLocation::FormField(self.name), &*detail);
                return Err(Problem::new(ProblemKind::BodyTooLarge, detail).with_flaw(flaw));
            }
        }
        String::from_utf8(text).map_err(|_| {
            let detail = format!("The form field “{}” is not UTF-8.", shorten(&self.name));
            let flaw = Flaw::new(RequestLocation::FormField(self.name), &*detail);
            Problem::new(ProblemKind::MalformedBody, detail).with_flaw(flaw)
        })
    }
}

/// Returns the decoder of a part.
///
/// # Errors
/// 400 if the `Content-Transfer-Encoding` of the part is unknown.
fn decoder(headers: &HeaderMap, name: &str) -> Result<TransferDecoder, Problem> {
    let Some(encoding) = headers.get(CONTENT_TRANSFER_ENCODING) else {
        return Ok(TransferDecoder::Identity);
    };
    TransferDecoder::of(encoding.as_bytes()).ok_or_else(|| {
        let detail = format!(
            "The part “{}” of the form has the Content-Transfer-Encoding “{}”. The part must have \
             base64, quoted-printable, or none.",
            shorten(name),
            shorten(&String::from_utf8_lossy(encoding.as_bytes()))
        );
        let flaw = Flaw::new(RequestLocation::FormField(name.to_owned()), &*detail);
        Problem::new(ProblemKind::MalformedBody, detail).with_flaw(flaw)
    })
}

/// Returns the file name of a head that is not UTF-8, which multer does not read. Programs on old
/// systems send names in Latin-1.
fn latin_1_file_name(headers: &HeaderMap) -> Option<String> {
    let bytes = headers.get(CONTENT_DISPOSITION)?.as_bytes();
    if std::str::from_utf8(bytes).is_ok() {
        return None;
    }
    let text: String = bytes.iter().copied().map(char::from).collect();
    let (_, after) = text.split_once("filename=")?;
    let name = match after.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?.0,
        None => after.split(';').next().unwrap_or_default().trim(),
    };
    Some(name.to_owned())
}

/// Returns the file name of `filename*=UTF-8''%C3%A4.xls` (RFC 5987). Older clients send names that
/// are not ASCII this way, and multer does not read them.
fn extended_file_name(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_DISPOSITION)?.to_str().ok()?;
    let (_, encoded) = value.split_once("filename*=")?;
    let encoded = encoded.split(';').next().unwrap_or_default().trim().trim_matches('"');
    let (charset, rest) = encoded.split_once('\'')?;
    let (_, name) = rest.split_once('\'')?;
    let is_utf8 = charset.eq_ignore_ascii_case("utf-8");
    is_utf8.then(|| percent_decode_str(name).decode_utf8_lossy().into_owned())
}

/// The input of multer: the body, chunk by chunk.
struct Feed<'b> {
    stage: FeedStage<'b>,
    /// The bytes given to multer since the end of the last part's data; [`IN_DATA`] while data is
    /// read.
    head_bytes: Arc<AtomicU64>,
}

/// The value of `head_bytes` while data is read and no bytes are counted.
const IN_DATA: u64 = u64::MAX;

type Reading<'b> = Pin<
    Box<dyn Future<Output = (&'b mut RequestBody, Result<Option<Bytes>, BodyError>)> + Send + 'b>,
>;

/// The state of the input.
enum FeedStage<'b> {
    Idle(&'b mut RequestBody),
    Reading(Reading<'b>),
    /// multer got a chunk, and should process it before it gets the next.
    Given(&'b mut RequestBody),
    Ended,
}

/// The reason why multer gets no more input.
#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the headers of a form part are too long")]
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
            match std::mem::replace(&mut self.stage, FeedStage::Ended) {
                FeedStage::Given(body) => {
                    self.stage = FeedStage::Idle(body);
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                FeedStage::Idle(body) => {
                    let head_bytes = self.head_bytes.load(Ordering::Relaxed);
                    if head_bytes != IN_DATA && head_bytes > HEAD_BYTES_MAX {
                        return Poll::Ready(Some(Err(FeedError::HeadLong)));
                    }
                    self.stage = FeedStage::Reading(Box::pin(async move {
                        let chunk = body.chunk().await;
                        (body, chunk)
                    }));
                }
                FeedStage::Reading(mut reading) => {
                    let Poll::Ready((body, chunk)) = reading.as_mut().poll(context) else {
                        self.stage = FeedStage::Reading(reading);
                        return Poll::Pending;
                    };
                    let Some(chunk) = chunk? else { return Poll::Ready(None) };
                    let head_bytes = self.head_bytes.load(Ordering::Relaxed);
                    if head_bytes != IN_DATA {
                        let fed = head_bytes + chunk.len() as u64;
                        self.head_bytes.store(fed, Ordering::Relaxed);
                    }
                    self.stage = FeedStage::Given(body);
                    return Poll::Ready(Some(Ok(Frame::data(chunk))));
                }
                FeedStage::Ended => return Poll::Ready(None),
            }
        }
    }
}

/// Converts an error of multer.
fn problem(error: multer::Error) -> Problem {
    use multer::Error as E;
    match error {
        E::StreamReadFailed(error) => match error.downcast::<FeedError>() {
            Ok(error) => match *error {
                FeedError::Body(error) => error.into(),
                FeedError::HeadLong => malformed(format!(
                    "More than {HEAD_BYTES_MAX} bytes precede the data of a part: the boundary in the \
                     Content-Type differs from the one in the body, or the head of the part is too \
                     long."
                )),
            },
            Err(error) => Problem::internal(&*error as &(dyn Error + 'static)),
        },
        E::IncompleteFieldData { .. } | E::IncompleteStream | E::IncompleteHeaders => malformed(
            "The form is incomplete: it ends before its last boundary, or the boundary in the \
                 Content-Type differs from the one in the body."
                .to_owned(),
        ),
        E::ReadHeaderFailed(_) | E::DecodeHeaderName { .. } | E::DecodeHeaderValue { .. } => {
            malformed("The headers of a form part are malformed.".to_owned())
        }
        // Errors of features of multer that are not used here, and of its later versions.
        error => Problem::internal(&error),
    }
}

fn malformed(detail: String) -> Problem {
    Problem::new(ProblemKind::MalformedBody, detail)
}
