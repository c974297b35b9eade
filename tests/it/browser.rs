//! Requests for pages, as browsers send them.

use crate::harness::{Answer, Server};

/// The `Accept` header of a browser.
pub(crate) const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// Sends a GET request with these headers.
pub(crate) fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = server.request("GET", path);
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
}

/// The body of a response as text.
pub(crate) fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}
