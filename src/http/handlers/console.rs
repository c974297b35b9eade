//! The web console that the executable contains.

use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, HeaderValue, LOCATION, VARY},
};

use super::packed_file::{IMMUTABLE, PackedFile, REVALIDATE};
use crate::{
    console,
    http::{
        call::Call,
        paths,
        problem::{Problem, ProblemKind, shorten},
        response::{self, HTML, Response},
    },
};

/// The content security policy of the console: it loads files from this server only, runs no text as a
/// script, and writes no text as HTML.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);

/// Handles `GET /console`.
pub(in crate::http) async fn root(_call: Call) -> Result<Response, Problem> {
    let mut response = response::empty(StatusCode::PERMANENT_REDIRECT);
    let to = HeaderValue::from_static(paths::CONSOLE_FRONT.pattern());
    response.headers_mut().insert(LOCATION, to);
    Ok(response)
}

/// Redirects a browser from the front page of the server. Other clients get another response at the
/// same address, so no cache keeps it.
pub(super) fn lead_to() -> Response {
    let mut response = response::empty(StatusCode::TEMPORARY_REDIRECT);
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static(paths::CONSOLE_FRONT.pattern()));
    headers.insert(VARY, HeaderValue::from_static("accept"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Handles `GET /console/`.
pub(in crate::http) async fn front(call: Call) -> Result<Response, Problem> {
    send(console::FRONT_PAGE, HTML, REVALIDATE, &call)
}

/// Handles `GET /console/{version}/{file}`.
pub(in crate::http) async fn file(call: Call) -> Result<Response, Problem> {
    let name = call.parameters.get("file")?;
    of_version(name, &call)
}

/// Handles `GET /console/{version}/{folder}/{file}`.
pub(in crate::http) async fn folder_file(call: Call) -> Result<Response, Problem> {
    let path = format!("{}/{}", call.parameters.get("folder")?, call.parameters.get("file")?);
    of_version(&path, &call)
}

/// Returns a file of the version that the address names.
///
/// # Errors
/// 404 if it is not the version of this server, or if there is no such file.
fn of_version(path: &str, call: &Call) -> Result<Response, Problem> {
    let version = call.parameters.get("version")?;
    if version != console::FOLDER {
        let detail = format!(
            "The console of this server is not version “{}”. Load {} again.",
            shorten(version),
            paths::CONSOLE_FRONT.pattern()
        );
        return Err(Problem::new(ProblemKind::UnknownPath, detail));
    }
    match media_type(path) {
        Some(media_type) => send(path, media_type, IMMUTABLE, call),
        None => Err(unknown(path)),
    }
}

fn send(
    path: &str,
    media_type: HeaderValue,
    caching: HeaderValue,
    call: &Call,
) -> Result<Response, Problem> {
    let file = console::file(path).ok_or_else(|| unknown(path))?;
    let (packed, sha256) = (file.packed, file.sha256);
    let file = PackedFile { packed, sha256, media_type, caching, policy: CONTENT_POLICY };
    file.respond(&call.headers)
}

fn unknown(path: &str) -> Problem {
    let detail = format!("The console has no file “{}”.", shorten(path));
    Problem::new(ProblemKind::UnknownPath, detail)
}

/// The media type of a file that the first page loads. `None` for other files.
fn media_type(path: &str) -> Option<HeaderValue> {
    match path.rsplit_once('.')?.1 {
        "css" => Some(HeaderValue::from_static("text/css; charset=utf-8")),
        "js" => Some(HeaderValue::from_static("text/javascript; charset=utf-8")),
        "svg" => Some(HeaderValue::from_static("image/svg+xml")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_but_the_first_page_has_a_media_type() {
        for path in console::files() {
            let is_front_page = path == console::FRONT_PAGE;
            assert_eq!(media_type(&path).is_none(), is_front_page, "{path}");
            assert!(path.matches('/').count() <= 1, "{path}: no route has so many folders");
        }
    }
}
