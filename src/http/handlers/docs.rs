//! The pages of the documentation that the executable contains.

use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION},
};

use sha2::{Digest, Sha256};

use super::packed_file::{IMMUTABLE, PackedFile, REVALIDATE, add_headers, short_hash};
use crate::{
    docs,
    http::{
        call::Call,
        conditional::{ETag, Freshness, freshness},
        paths,
        problem::{Problem, ProblemKind, shorten},
        response::{self, HTML, Response, TEXT},
    },
};

/// The content security policy of pages: they load files from this server, and send the search form
/// to it.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// The page of search results, a template.
const RESULTS: &str = "search.html";

/// The page for unknown addresses, a template.
const NOT_FOUND: &str = "lost.html";

/// The front page, a template.
const FRONT_PAGE: &str = "welcome.html";

/// The page for the set-up of the first administrator, a template.
const SETUP: &str = "setup.html";

/// The beginning of the content of a page, after which a notice is inserted.
const MAIN: &str = "<main id=\"content\" tabindex=\"-1\">\n";

/// The mark in a template that the server replaces with text.
const SLOT: &str = "<!-- here -->";

/// Handles `GET /docs`.
pub(in crate::http) async fn root(_call: Call) -> Result<Response, Problem> {
    redirect(paths::DOCS_FRONT.pattern())
}

/// Handles `GET /docs/`.
pub(in crate::http) async fn front(call: Call) -> Result<Response, Problem> {
    send("index.html", &call)
}

/// Handles `GET /docs/{file}`.
pub(in crate::http) async fn file(call: Call) -> Result<Response, Problem> {
    let name = call.parameters.get("file")?;
    match name {
        RESULTS => results(call.query.one("q")?.unwrap_or_default(), &call),
        // Templates without their text.
        NOT_FOUND | FRONT_PAGE | SETUP => Err(unknown(name)),
        name if docs::names().any(|known| known == name) => {
            redirect(&paths::DOCS_FILE.path([&format!("{name}.html")]))
        }
        name => send(name, &call),
    }
}

fn unknown(name: &str) -> Problem {
    let detail = format!("No page is called “{}”. /docs/ lists all pages.", shorten(name));
    Problem::new(ProblemKind::UnknownPath, detail)
}

fn redirect(to: &str) -> Result<Response, Problem> {
    let mut response = response::empty(StatusCode::PERMANENT_REDIRECT);
    let to = HeaderValue::try_from(to).map_err(|error| Problem::internal(&error))?;
    response.headers_mut().insert(LOCATION, to);
    Ok(response)
}

/// Returns a file of the documentation, compressed if the client accepts it. A page with a notice is not
/// compressed.
fn send(name: &str, call: &Call) -> Result<Response, Problem> {
    let Some(file_type) = FileType::of(name) else { return Err(unknown(name)) };
    let Some(file) = docs::file(name) else { return Err(unknown(name)) };
    let notice = match file_type {
        FileType::Page => notice(call),
        FileType::Markdown | FileType::Style | FileType::Script | FileType::Picture => None,
    };
    let Some(notice) = notice else {
        let (packed, sha256) = (file.packed, file.sha256);
        let (media_type, caching) = (file_type.media_type(), file_type.caching());
        let file = PackedFile { packed, sha256, media_type, caching, policy: CONTENT_POLICY };
        return file.respond(&call.headers);
    };
    let hashes = [short_hash(&file.sha256), short_hash(&Sha256::digest(&notice))];
    let etag = ETag::of(&hashes.join("-"));
    let mut response = match freshness(&call.headers, &etag, None)? {
        Freshness::NotModified => response::empty(StatusCode::NOT_MODIFIED),
        Freshness::Modified => {
            let page = text_of(&file)?.replacen(MAIN, &format!("{MAIN}{notice}"), 1);
            response::whole(StatusCode::OK, file_type.media_type(), page)
        }
    };
    add_headers(&mut response, &etag, file_type.caching(), CONTENT_POLICY);
    Ok(response)
}

/// The notice of passwords that everybody knows, where these work. `None` if there are none.
fn notice(call: &Call) -> Option<String> {
    if !call.source.accepts_public_passwords() {
        return None;
    }
    let users = call.app.login.users_with_public_passwords();
    let first = users.first()?;
    let names: Vec<_> = users.iter().map(|name| format!("“{}”", escape(&shorten(name)))).collect();
    let names = names.join(", ");
    let (subject, verb) = if users.len() == 1 {
        (format!("The password of {names} is the default or a common one"), "It works")
    } else {
        (format!("The passwords of {names} are default or common ones"), "They work")
    };
    Some(format!(
        "<p class=\"notice\" role=\"alert\">{subject}. {verb} on this machine only. Set another one: \
         <code>satchel passwd {}</code></p>\n",
        escape(&shorten(first))
    ))
}

/// The text of a page.
///
/// # Errors
/// 500 if it is not UTF-8: a bug.
fn text_of(file: &docs::File) -> Result<String, Problem> {
    String::from_utf8(file.unpacked()).map_err(|error| Problem::internal(&error))
}

/// The type of a file of the documentation, by its extension.
#[derive(Clone, Copy)]
enum FileType {
    Page,
    Markdown,
    Style,
    Script,
    Picture,
}

impl FileType {
    fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "html" => Some(FileType::Page),
            "md" => Some(FileType::Markdown),
            "css" => Some(FileType::Style),
            "js" => Some(FileType::Script),
            "svg" => Some(FileType::Picture),
            _ => None,
        }
    }

    fn media_type(self) -> HeaderValue {
        match self {
            FileType::Page => HTML,
            // Browsers save text/markdown instead of showing it.
            FileType::Markdown => TEXT,
            FileType::Style => HeaderValue::from_static("text/css; charset=utf-8"),
            FileType::Script => HeaderValue::from_static("text/javascript; charset=utf-8"),
            FileType::Picture => HeaderValue::from_static("image/svg+xml"),
        }
    }

    fn caching(self) -> HeaderValue {
        match self {
            FileType::Page | FileType::Markdown => REVALIDATE,
            FileType::Style | FileType::Script | FileType::Picture => IMMUTABLE,
        }
    }
}

/// Returns the page of search results. It works in browsers without scripts.
fn results(words: &str, call: &Call) -> Result<Response, Problem> {
    if words.trim().is_empty() {
        return filled(StatusCode::OK, RESULTS, "", Some(call));
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
    filled(StatusCode::OK, RESULTS, &list, Some(call))
}

/// Returns the page for an unknown address.
///
/// # Errors
/// 500 if the template is missing or is not UTF-8: a bug.
pub(in crate::http) fn not_found() -> Result<Response, Problem> {
    filled(StatusCode::NOT_FOUND, NOT_FOUND, "", None)
}

/// Returns the front page with the list of routes.
///
/// # Errors
/// As [`not_found`].
pub(super) fn front_page(routes: &str, call: &Call) -> Result<Response, Problem> {
    filled(StatusCode::OK, FRONT_PAGE, &escape(routes), Some(call))
}

/// Returns the page for the set-up of the first administrator, with this form or message.
///
/// # Errors
/// As [`not_found`].
pub(super) fn setup_page(status: StatusCode, html: &str) -> Result<Response, Problem> {
    let mut page = filled(status, SETUP, html, None)?;
    page.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(page)
}

/// Returns a template with `html` in its slot, and with the notice for the client of a call.
fn filled(
    status: StatusCode,
    name: &str,
    html: &str,
    call: Option<&Call>,
) -> Result<Response, Problem> {
    let file = docs::file(name).ok_or_else(|| unknown(name))?;
    let mut page = text_of(&file)?;
    if let Some(notice) = call.and_then(notice) {
        page = page.replacen(MAIN, &format!("{MAIN}{notice}"), 1);
    }
    let mut response = response::whole(status, HTML, page.replacen(SLOT, html, 1));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    Ok(response)
}

/// Escapes a text for HTML, also for attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searched_words_are_escaped() {
        assert_eq!(escape("<b a=\"x\">&'"), "&lt;b a=&quot;x&quot;&gt;&amp;'");
    }

    #[test]
    fn every_page_has_a_place_for_a_notice() {
        for name in docs::files().filter(|name| name.ends_with(".html")) {
            let page = text_of(&docs::file(&name).unwrap()).unwrap();
            assert_eq!(page.matches(MAIN).count(), 1, "{name}");
        }
    }

    #[test]
    fn every_file_has_a_type() {
        for name in docs::files() {
            assert!(FileType::of(&name).is_some(), "{name}");
        }
    }
}
