//! Files as answers: whole or in part, read piece by piece as fast as the client takes them.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderValue, LAST_MODIFIED,
};
use hyper::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::app::App;
use super::blocking::{Blocking, Lane, Offloaded};
use super::conditional::{ETag, Freshness, Part, freshness, part};
use super::pieces::{self, Sender};
use super::problem::{Problem, ProblemKind};
use super::request::Call;
use super::response::{self, JSON, Payload, Response};
use crate::wording::counted;

/// What is read at a time. A download holds two to three of these.
const PIECE_BYTES: usize = 128 * 1024;

/// What stays as it is in a segment of a path (RFC 3986's unreserved characters).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A file that is to be downloaded.
pub(super) struct Download {
    pub(super) file: File,
    pub(super) bytes: u64,
    pub(super) etag: ETag,
    pub(super) modified: SystemTime,
    pub(super) media_type: HeaderValue,
    /// What the client should call it. Holds no quote and no backslash.
    pub(super) file_name: String,
}

/// A text as a segment of a path.
pub(super) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Answers GET or HEAD with the file, the part of it that is asked for, or 304.
///
/// # Errors
/// 412, and 416 for a part beyond the end.
pub(super) fn render(call: &Call, download: Download) -> Result<Response, Problem> {
    let Download { file, bytes, etag, modified, media_type, file_name } = download;
    let mut response = match freshness(&call.headers, &etag, Some(modified))? {
        Freshness::NotModified => response::empty(StatusCode::NOT_MODIFIED),
        Freshness::Modified => {
            let wanted = match call.method {
                Method::GET => part(&call.headers, &etag, modified, bytes),
                _ => Part::Whole,
            };
            let mut response = match wanted {
                Part::Whole => stream(call, StatusCode::OK, file, 0..bytes),
                Part::Range(range) => {
                    let place = format!("bytes {}-{}/{bytes}", range.start, range.end - 1);
                    let mut response = stream(call, StatusCode::PARTIAL_CONTENT, file, range);
                    response.headers_mut().insert(CONTENT_RANGE, text(place));
                    response
                }
                Part::Beyond => {
                    let detail = format!(
                        "The file has {}; none of it is in the range.",
                        counted(bytes, "byte")
                    );
                    return Err(Problem::new(ProblemKind::RangeNotSatisfiable, detail)
                        .with_header(CONTENT_RANGE, text(format!("bytes */{bytes}"))));
                }
            };
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, media_type);
            headers.insert(CONTENT_DISPOSITION, disposition(&file_name));
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(ETAG, (&etag).into());
    headers.insert(LAST_MODIFIED, text(httpdate::fmt_http_date(modified)));
    Ok(response)
}

/// Answers with the whole file, whatever the request's conditions say: they are not about a file
/// that the request itself made.
pub(super) fn attached(app: &App, download: Download) -> Response {
    let Download { file, bytes, etag, modified, media_type, file_name } = download;
    let payload = payload(app.blocking.clone(), file, 0..bytes);
    let mut response = response::bare(StatusCode::OK, payload);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, bytes.into());
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CONTENT_DISPOSITION, disposition(&file_name));
    headers.insert(ETAG, (&etag).into());
    headers.insert(LAST_MODIFIED, text(httpdate::fmt_http_date(modified)));
    response
}

/// Answers with a file of JSON that never changes.
pub(super) fn json_file(call: &Call, file: File, bytes: u64) -> Response {
    let mut response = stream(call, StatusCode::OK, file, 0..bytes);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

fn stream(call: &Call, status: StatusCode, file: File, range: Range<u64>) -> Response {
    let bytes = range.end - range.start;
    let mut response = match call.method {
        Method::HEAD => response::empty(status),
        _ => response::bare(status, payload(call.app.blocking.clone(), file, range)),
    };
    response.headers_mut().insert(CONTENT_LENGTH, bytes.into());
    response
}

/// `attachment` with the name, in plain ASCII and, where that is not enough, in UTF-8 (RFC 6266).
fn disposition(file_name: &str) -> HeaderValue {
    let plain: String =
        file_name.chars().map(|c| if matches!(c, ' '..='~') { c } else { '_' }).collect();
    let encoded = if plain == file_name {
        String::new()
    } else {
        format!("; filename*=UTF-8''{}", percent_encode(file_name))
    };
    text(format!("attachment; filename=\"{plain}\"{encoded}"))
}

/// For texts that are made of visible ASCII here.
fn text(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// A body that reads the file as the client takes it. A client that leaves ends the reading.
fn payload(blocking: Arc<Blocking>, file: File, range: Range<u64>) -> Payload {
    let (sender, body) = pieces::channel();
    let file = Offloaded::new(blocking, file);
    tokio::spawn(async move { send(file, range, sender).await });
    body.boxed_unsync()
}

async fn send(mut file: Offloaded<File>, range: Range<u64>, sender: Sender) {
    let mut at = range.start;
    while at < range.end {
        let piece_bytes = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let piece = file.with(Lane::Quick, move |file| read(file, at, piece_bytes)).await;
        let piece = match piece {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => return cut_off(&error),
            Err(error) => return cut_off(&error),
        };
        at += piece.len() as u64;
        if sender.send(piece).await.is_err() {
            return;
        }
    }
    // A client that left needs no end.
    let _ = sender.end().await;
}

/// The head has left already; all that can be done is to end the connection before the length
/// that it promised, which a sender that is dropped does.
fn cut_off(error: &(dyn Error + 'static)) {
    tracing::error!(error, "a download is cut off");
}

fn read(file: &mut File, at: u64, piece_bytes: usize) -> io::Result<Bytes> {
    let mut piece = vec![0; piece_bytes];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut piece)?;
    Ok(piece.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_safe_in_its_header() {
        assert_eq!(disposition("a b.zip"), "attachment; filename=\"a b.zip\"");
        assert_eq!(
            disposition("ä.zip"),
            "attachment; filename=\"_.zip\"; filename*=UTF-8''%C3%A4.zip"
        );
    }
}
