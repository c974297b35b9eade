//! Content negotiation: the format of a response that `Accept` and `Accept-Encoding` ask for.

use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};

use super::{media_type::media_type, response::JSON};
use crate::codec::workbook::Format;

/// One JSON object a line: <https://github.com/ndjson/ndjson-spec>.
pub(super) const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// The media types with which clients ask for one object a line. None of them is registered.
const NDJSON_NAMES: [&[u8]; 4] =
    [b"application/x-ndjson", b"application/ndjson", b"application/jsonl", b"application/x-jsonl"];

/// The format of rows in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowFormat {
    /// One JSON list of objects.
    List,
    /// One object a line.
    Lines,
}

impl RowFormat {
    /// Returns the format that `Accept` prefers; a list if it names neither.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let lines = weight(headers, ACCEPT, |name| NDJSON_NAMES.contains(&name));
        let list = weight(headers, ACCEPT, is_json);
        if lines > list { RowFormat::Lines } else { RowFormat::List }
    }

    pub(super) fn media_type(self) -> HeaderValue {
        match self {
            RowFormat::List => JSON,
            RowFormat::Lines => NDJSON,
        }
    }
}

/// The format of a report for which a workbook exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReportFormat {
    /// The report.
    Json,
    /// The workbook.
    Workbook,
}

impl ReportFormat {
    /// Returns the format that `Accept` prefers; JSON if it names no workbook.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let workbook = weight(headers, ACCEPT, |name| {
            Format::ALL.iter().any(|format| format.media_type().as_bytes() == name)
        });
        if workbook > weight(headers, ACCEPT, is_json) {
            ReportFormat::Workbook
        } else {
            ReportFormat::Json
        }
    }
}

/// The format of a configuration in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// The text itself.
    Plain,
    /// A JSON string, as eNMS answers.
    Json,
}

impl TextFormat {
    /// Returns the format that `Accept` prefers; plain text if it does not name JSON.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let plain = weight(headers, ACCEPT, |name| name == b"text/plain");
        let json = weight(headers, ACCEPT, |name| name == b"application/json");
        if json > plain { TextFormat::Json } else { TextFormat::Plain }
    }
}

/// The format of a state that changes in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventFormat {
    /// The state now.
    Json,
    /// Server-sent events, as the state changes.
    Events,
}

impl EventFormat {
    /// Returns the format that `Accept` prefers; JSON if it does not name events.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let events = weight(headers, ACCEPT, |name| name == b"text/event-stream");
        if events > weight(headers, ACCEPT, is_json) {
            EventFormat::Events
        } else {
            EventFormat::Json
        }
    }
}

/// The content coding of a file that is stored compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// The stored bytes.
    Gzip,
    /// The decompressed bytes.
    Identity,
}

impl Coding {
    /// Returns the coding that `Accept-Encoding` allows: gzip only if the header names it or `*`.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let named = headers.get_all(ACCEPT_ENCODING).iter().any(|value| {
            value.as_bytes().windows(4).any(|bytes| bytes.eq_ignore_ascii_case(b"gzip"))
        });
        let is_wanted: fn(&[u8]) -> bool =
            if named { |name| matches!(name, b"gzip" | b"x-gzip") } else { |name| name == b"*" };
        if weight(headers, ACCEPT_ENCODING, is_wanted) > 0 {
            Coding::Gzip
        } else {
            Coding::Identity
        }
    }
}

/// Returns whether a browser asks for a page: only browsers send HTML in `Accept`.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    weight(headers, ACCEPT, |name| name == b"text/html") > weight(headers, ACCEPT, is_json)
}

fn is_json(name: &[u8]) -> bool {
    name == b"application/json"
}

/// Returns the highest weight of the media ranges for which `is_wanted` holds, in thousandths; 0
/// if there is none (RFC 9110, section 12.4.2).
fn weight(headers: &HeaderMap, of: HeaderName, is_wanted: fn(&[u8]) -> bool) -> u32 {
    let ranges = headers.get_all(of).iter();
    let ranges = ranges.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let wanted = ranges.filter(|range| is_wanted(&media_type(range)));
    wanted.map(quality).max().unwrap_or(0)
}

/// Returns the weight of a range in thousandths: 1000 if it has none, or one that is not a number.
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
    fn rows_are_lines_if_accept_prefers_them() {
        for (accept, format) in [
            ("", RowFormat::List),
            ("*/*", RowFormat::List),
            ("application/json", RowFormat::List),
            ("application/x-ndjson", RowFormat::Lines),
            ("Application/X-NDJSON; charset=utf-8", RowFormat::Lines),
            ("application/json;q=0.5, application/ndjson", RowFormat::Lines),
            ("application/x-ndjson;q=0.9, application/json", RowFormat::List),
            ("application/x-ndjson;q=0", RowFormat::List),
            ("text/html, application/jsonl;q=0.1, */*", RowFormat::Lines),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(RowFormat::preferred(&headers), format, "{accept}");
        }
        assert_eq!(RowFormat::preferred(&HeaderMap::new()), RowFormat::List);
    }

    #[test]
    fn a_report_is_a_workbook_if_accept_prefers_one() {
        for (accept, format) in [
            ("*/*", ReportFormat::Json),
            ("application/*", ReportFormat::Json),
            ("application/vnd.ms-excel", ReportFormat::Workbook),
            ("Application/Vnd.MS-Excel; q=0.1, */*", ReportFormat::Workbook),
            (
                "text/html, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                ReportFormat::Workbook,
            ),
            ("application/json, application/vnd.ms-excel", ReportFormat::Json),
            ("application/json;q=0.9, application/vnd.ms-excel", ReportFormat::Workbook),
            ("application/vnd.ms-excel;q=0", ReportFormat::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(ReportFormat::preferred(&headers), format, "{accept}");
        }
    }

    #[test]
    fn gzip_is_sent_if_accept_encoding_allows_it() {
        for (accept, coding) in [
            ("", Coding::Identity),
            ("gzip", Coding::Gzip),
            ("deflate, GZIP;q=0.5, br", Coding::Gzip),
            ("x-gzip", Coding::Gzip),
            ("*", Coding::Gzip),
            ("gzip;q=0, *", Coding::Identity),
            ("gzip;q=0", Coding::Identity),
            ("br, deflate", Coding::Identity),
            ("identity", Coding::Identity),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, accept.parse().unwrap());
            assert_eq!(Coding::accepted(&headers), coding, "{accept}");
        }
        assert_eq!(Coding::accepted(&HeaderMap::new()), Coding::Identity);
    }

    #[test]
    fn only_browsers_want_pages() {
        for (accept, wanted) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("*/*", false),
            ("application/json", false),
            ("application/json, text/html;q=0.1", false),
            ("text/html;q=0", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_page(&headers), wanted, "{accept}");
        }
    }
}
