//! Downloads: files as responses, complete or a range, read chunk by chunk as fast as the client
//! receives them.

use std::{
    error::Error,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    sync::Arc,
    time::SystemTime,
};

use http_body_util::BodyExt;
use hyper::{
    Method, StatusCode,
    body::Bytes,
    header::{
        ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
        HeaderMap, HeaderValue, LAST_MODIFIED,
    },
};

use super::{
    blocking::{Blocking, Lane, Offloaded},
    conditional::{ETag, Freshness, Part, freshness, part},
    paths::percent_encode,
    problem::{Problem, ProblemKind},
    response::{self, JSON, Payload, Response},
    streamed_body::{self, BodySender},
};
use crate::wording::counted;

/// The bytes of one chunk. A download holds two to three chunks in memory.
const CHUNK_BYTES: usize = 128 * 1024;

/// A file to download.
pub(super) struct Download {
    pub(super) file: File,
    pub(super) bytes: u64,
    pub(super) etag: ETag,
    pub(super) modified: SystemTime,
    pub(super) media_type: HeaderValue,
    /// The name under which the client should save it. Holds no quote and no backslash.
    pub(super) file_name: String,
}

/// A GET or HEAD request for a file.
pub(super) struct FileRequest<'r> {
    pub(super) method: &'r Method,
    pub(super) headers: &'r HeaderMap,
    pub(super) blocking: &'r Arc<Blocking>,
}

/// Returns the response to a request for a file: the file, the requested range of it, or 304.
///
/// # Errors
/// 412 if a condition of the request does not hold; 416 for a range beyond the end.
pub(super) fn render(request: &FileRequest<'_>, download: Download) -> Result<Response, Problem> {
    let Download { file, bytes, etag, modified, media_type, file_name } = download;
    let mut response = match freshness(request.headers, &etag, Some(modified))? {
        Freshness::NotModified => response::empty(StatusCode::NOT_MODIFIED),
        Freshness::Modified => {
            let wanted = match *request.method {
                Method::GET => part(request.headers, &etag, modified, bytes),
                _ => Part::Whole,
            };
            let mut response = match wanted {
                Part::Whole => stream(request, StatusCode::OK, file, 0..bytes),
                Part::Range(range) => {
                    let content_range = format!("bytes {}-{}/{bytes}", range.start, range.end - 1);
                    let mut response = stream(request, StatusCode::PARTIAL_CONTENT, file, range);
                    response.headers_mut().insert(CONTENT_RANGE, text(content_range));
                    response
                }
                Part::Beyond => {
                    let detail = format!(
                        "The requested range starts after the end of the file, which has {}.",
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

/// Returns a response with the complete file, for the request that created the file. The conditions
/// of that request do not apply to it.
pub(super) fn attached(blocking: &Arc<Blocking>, download: Download) -> Response {
    let Download { file, bytes, etag, modified, media_type, file_name } = download;
    let payload = payload(blocking.clone(), file, 0..bytes);
    let mut response = response::bare(StatusCode::OK, payload);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, bytes.into());
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CONTENT_DISPOSITION, disposition(&file_name));
    headers.insert(ETAG, (&etag).into());
    headers.insert(LAST_MODIFIED, text(httpdate::fmt_http_date(modified)));
    response
}

/// Returns a response with a JSON file that never changes.
pub(super) fn json_file(request: &FileRequest<'_>, file: File, bytes: u64) -> Response {
    let mut response = stream(request, StatusCode::OK, file, 0..bytes);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// Returns a response that streams a range of the file; for HEAD only its headers.
fn stream(
    request: &FileRequest<'_>,
    status: StatusCode,
    file: File,
    range: Range<u64>,
) -> Response {
    let bytes = range.end - range.start;
    let mut response = match *request.method {
        Method::HEAD => response::empty(status),
        _ => response::bare(status, payload(request.blocking.clone(), file, range)),
    };
    response.headers_mut().insert(CONTENT_LENGTH, bytes.into());
    response
}

/// Adds the name under which the client should save the response.
pub(super) fn insert_disposition(headers: &mut HeaderMap, file_name: &str) {
    headers.insert(CONTENT_DISPOSITION, disposition(file_name));
}

/// Returns the value of `Content-Disposition`: the name in ASCII and, if it holds other
/// characters, also in UTF-8 (RFC 6266).
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

/// Returns a header value. The callers pass only visible ASCII characters.
fn text(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// Returns a body that reads a range of the file while the client receives it. Reading stops when
/// the client disconnects.
fn payload(blocking: Arc<Blocking>, file: File, range: Range<u64>) -> Payload {
    let (sender, body) = streamed_body::channel();
    let file = Offloaded::new(blocking, file);
    tokio::spawn(async move { send(file, range, sender).await });
    body.boxed_unsync()
}

async fn send(mut file: Offloaded<File>, range: Range<u64>, sender: BodySender) {
    let mut at = range.start;
    while at < range.end {
        let chunk_bytes = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let chunk = file.with(Lane::Quick, move |file| read(file, at, chunk_bytes)).await;
        let chunk = match chunk {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(error)) => return cut_off(&error),
            Err(error) => return cut_off(&error),
        };
        at += chunk.len() as u64;
        if sender.send(chunk).await.is_err() {
            return;
        }
    }
    // A client that disconnected does not need the end.
    let _ = sender.end().await;
}

/// Logs an error after the head was sent. Dropping the sender closes the connection before the
/// announced length, which tells the client that the file is incomplete.
fn cut_off(error: &(dyn Error + 'static)) {
    tracing::error!(error, "Download aborted: cannot read the file.");
}

/// Reads `chunk_bytes` bytes at the offset `at`.
fn read(file: &mut File, at: u64, chunk_bytes: usize) -> io::Result<Bytes> {
    let mut chunk = vec![0; chunk_bytes];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut chunk)?;
    Ok(chunk.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_quoted_in_content_disposition() {
        assert_eq!(disposition("a b.zip"), "attachment; filename=\"a b.zip\"");
        assert_eq!(
            disposition("ä.zip"),
            "attachment; filename=\"_.zip\"; filename*=UTF-8''%C3%A4.zip"
        );
    }
}
