//! What form of rows a client asks for.

use hyper::header::{ACCEPT, HeaderMap, HeaderValue};

use super::body::media_type;
use super::response::JSON;

/// One object a line: `https://github.com/ndjson/ndjson-spec`.
pub(super) const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// The names under which clients ask for one object a line. None of them is registered.
const NDJSON_NAMES: [&[u8]; 4] =
    [b"application/x-ndjson", b"application/ndjson", b"application/jsonl", b"application/x-jsonl"];

/// How rows stand in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowForm {
    /// One JSON list of objects.
    List,
    /// One object a line.
    Lines,
}

impl RowForm {
    /// What `Accept` prefers; a list where it says nothing of either.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let mut lines = 0;
        let mut list = 0;
        for value in headers.get_all(ACCEPT) {
            for range in value.as_bytes().split(|byte| *byte == b',') {
                let name = media_type(range);
                if NDJSON_NAMES.contains(&name.as_slice()) {
                    lines = lines.max(quality(range));
                } else if name == b"application/json" {
                    list = list.max(quality(range));
                }
            }
        }
        if lines > list { RowForm::Lines } else { RowForm::List }
    }

    pub(super) fn media_type(self) -> HeaderValue {
        match self {
            RowForm::List => JSON,
            RowForm::Lines => NDJSON,
        }
    }
}

/// The weight of a range in thousandths: all of it where it says none, or none that is a number.
fn quality(range: &[u8]) -> u32 {
    range
        .split(|byte| *byte == b';')
        .skip(1)
        .find_map(|parameter| {
            let text = std::str::from_utf8(parameter).ok()?.trim();
            let weight = text.strip_prefix("q=").or(text.strip_prefix("Q="))?;
            let weight: f32 = weight.trim().parse().ok()?;
            Some((weight.clamp(0.0, 1.0) * 1000.0) as u32)
        })
        .unwrap_or(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sent_to_those_who_prefer_them() {
        for (accept, form) in [
            ("", RowForm::List),
            ("*/*", RowForm::List),
            ("application/json", RowForm::List),
            ("application/x-ndjson", RowForm::Lines),
            ("Application/X-NDJSON; charset=utf-8", RowForm::Lines),
            ("application/json;q=0.5, application/ndjson", RowForm::Lines),
            ("application/x-ndjson;q=0.9, application/json", RowForm::List),
            ("application/x-ndjson;q=0", RowForm::List),
            ("text/html, application/jsonl;q=0.1, */*", RowForm::Lines),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(RowForm::preferred(&headers), form, "{accept}");
        }
        assert_eq!(RowForm::preferred(&HeaderMap::new()), RowForm::List);
    }
}
