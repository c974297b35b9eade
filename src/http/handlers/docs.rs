//! The pages inside, for whoever asks.

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, HeaderValue,
    LOCATION, VARY,
};

use crate::docs;
use crate::http::accept::Coding;
use crate::http::conditional::{ETag, Freshness, freshness};
use crate::http::problem::{Problem, ProblemKind, shorten};
use crate::http::request::Call;
use crate::http::response::{self, HTML, Response, TEXT};

/// What a page may do: load from this server, and send the search to it.
pub(super) const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// A page may change with the executable: ask whether it has.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// What carries a hash in its name never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Of a file's SHA-256 in its validator.
const HASH_BYTES: usize = 8;

/// The page of a search, which is filled here.
const RESULTS: &str = "search.html";

/// Shown where no page is.
const LOST: &str = "lost.html";

/// Shown at the root.
const WELCOME: &str = "welcome.html";

/// Where a page has room for what only the server knows.
const SLOT: &str = "<!-- here -->";

/// `GET /docs`
pub(in crate::http) async fn root(_call: Call) -> Result<Response, Problem> {
    redirect("/docs/")
}

/// `GET /docs/`
pub(in crate::http) async fn front(call: Call) -> Result<Response, Problem> {
    send("index.html", &call.headers)
}

/// `GET /docs/{file}`
pub(in crate::http) async fn file(call: Call) -> Result<Response, Problem> {
    let name = call.parameters.get("file")?;
    match name {
        RESULTS => results(call.query.one("q")?.unwrap_or_default()),
        // Frames without a picture.
        LOST | WELCOME => Err(unknown(name)),
        name if docs::names().any(|known| known == name) => redirect(&format!("/docs/{name}.html")),
        name => send(name, &call.headers),
    }
}

fn unknown(name: &str) -> Problem {
    let detail = format!("There is no page “{}”; /docs/ lists all.", shorten(name));
    Problem::new(ProblemKind::UnknownPath, detail)
}

fn redirect(to: &str) -> Result<Response, Problem> {
    let mut response = response::empty(StatusCode::PERMANENT_REDIRECT);
    let to = HeaderValue::try_from(to).map_err(|error| Problem::internal(&error))?;
    response.headers_mut().insert(LOCATION, to);
    Ok(response)
}

/// A file of the site, packed for those who can unpack it.
fn send(name: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let Some(form) = Form::of(name) else { return Err(unknown(name)) };
    let Some(file) = docs::file(name) else { return Err(unknown(name)) };
    let coding = Coding::taken(headers);
    let digits = file.sha256.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}"));
    let hash: String = digits.collect();
    let etag = match coding {
        Coding::Gzip => ETag::of(&format!("{hash}-gzip")),
        Coding::Identity => ETag::of(&hash),
    };
    let mut response = match freshness(headers, &etag, None)? {
        Freshness::NotModified => response::empty(StatusCode::NOT_MODIFIED),
        Freshness::Modified => match coding {
            Coding::Gzip => {
                let packed = match file.packed {
                    Cow::Borrowed(packed) => Bytes::from_static(packed),
                    Cow::Owned(packed) => Bytes::from(packed),
                };
                let mut whole = response::whole(StatusCode::OK, form.media_type(), packed);
                whole.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                whole
            }
            // 200 KB at most, which takes less time than to hand it to another thread.
            Coding::Identity => response::whole(StatusCode::OK, form.media_type(), file.unpacked()),
        },
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::from(&etag));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CACHE_CONTROL, form.caching());
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    Ok(response)
}

/// What a file of the site is, by the ending of its name.
#[derive(Clone, Copy)]
enum Form {
    Page,
    Markdown,
    Style,
    Script,
    Picture,
}

impl Form {
    fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "html" => Some(Form::Page),
            "md" => Some(Form::Markdown),
            "css" => Some(Form::Style),
            "js" => Some(Form::Script),
            "svg" => Some(Form::Picture),
            _ => None,
        }
    }

    fn media_type(self) -> HeaderValue {
        match self {
            Form::Page => HTML,
            // Browsers save text/markdown instead of showing it.
            Form::Markdown => TEXT,
            Form::Style => HeaderValue::from_static("text/css; charset=utf-8"),
            Form::Script => HeaderValue::from_static("text/javascript; charset=utf-8"),
            Form::Picture => HeaderValue::from_static("image/svg+xml"),
        }
    }

    fn caching(self) -> HeaderValue {
        match self {
            Form::Page | Form::Markdown => ASK_AGAIN,
            Form::Style | Form::Script | Form::Picture => FOR_EVER,
        }
    }
}

/// The page of a search, for browsers without scripts; with them it comes filled all the same.
fn results(words: &str) -> Result<Response, Problem> {
    if words.trim().is_empty() {
        return filled(StatusCode::OK, RESULTS, "");
    }
    let hits = docs::search(words);
    let mut list = match hits.len() {
        0 => format!("<p role=\"status\">Nothing found for “{}”.</p>\n", escape(&shorten(words))),
        count => format!("<p class=\"count\" role=\"status\">{count} found</p>\n"),
    };
    list += "<ul class=\"found\">\n";
    for hit in &hits {
        let title = escape(&hit.title);
        let link = match &hit.heading {
            Some((anchor, heading)) => format!(
                "<a href=\"{}.html#{}\">{} <small>{title}</small></a>",
                escape(&hit.page),
                escape(anchor),
                escape(heading)
            ),
            None => format!("<a href=\"{}.html\">{title}</a>", escape(&hit.page)),
        };
        list += &format!("<li>{link}<p>{}</p></li>\n", escape(&hit.excerpt));
    }
    list += "</ul>\n";
    filled(StatusCode::OK, RESULTS, &list)
}

/// What a person is shown where no page is.
pub(in crate::http) fn lost() -> Result<Response, Problem> {
    filled(StatusCode::NOT_FOUND, LOST, "")
}

/// The page of the root, around the list of routes.
pub(super) fn welcome(routes: &str) -> Result<Response, Problem> {
    filled(StatusCode::OK, WELCOME, &escape(routes))
}

/// A page of the site with something in its slot.
fn filled(status: StatusCode, name: &str, html: &str) -> Result<Response, Problem> {
    let file = docs::file(name).ok_or_else(|| unknown(name))?;
    let frame = String::from_utf8(file.unpacked()).map_err(|error| Problem::internal(&error))?;
    let mut response = response::whole(status, HTML, frame.replacen(SLOT, html, 1));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    Ok(response)
}

/// A text as it stands in HTML, in attributes too.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_searched_for_is_text_and_nothing_else() {
        assert_eq!(escape("<b a=\"x\">&'"), "&lt;b a=&quot;x&quot;&gt;&amp;'");
    }

    #[test]
    fn every_file_has_a_form() {
        for name in docs::files() {
            assert!(Form::of(&name).is_some(), "{name}");
        }
    }
}
