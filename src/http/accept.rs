//! What form of an answer a client asks for.

use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};

use super::body::media_type;
use super::response::JSON;
use crate::codec::workbook::Format;

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
        let lines = weight(headers, ACCEPT, |name| NDJSON_NAMES.contains(&name));
        let list = weight(headers, ACCEPT, is_json);
        if lines > list { RowForm::Lines } else { RowForm::List }
    }

    pub(super) fn media_type(self) -> HeaderValue {
        match self {
            RowForm::List => JSON,
            RowForm::Lines => NDJSON,
        }
    }
}

/// How something that is data and a workbook is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WorkbookForm {
    /// What is said of it.
    Json,
    /// The workbook itself.
    Workbook,
}

impl WorkbookForm {
    /// What `Accept` prefers; JSON where it names no workbook.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let workbook = weight(headers, ACCEPT, |name| {
            Format::ALL.iter().any(|format| format.media_type().as_bytes() == name)
        });
        if workbook > weight(headers, ACCEPT, is_json) {
            WorkbookForm::Workbook
        } else {
            WorkbookForm::Json
        }
    }
}

/// How a job is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobForm {
    /// As it is now.
    Json,
    /// Events until it ends.
    Events,
}

impl JobForm {
    /// What `Accept` prefers; JSON where it does not name events.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let events = weight(headers, ACCEPT, |name| name == b"text/event-stream");
        if events > weight(headers, ACCEPT, is_json) { JobForm::Events } else { JobForm::Json }
    }
}

/// How the bytes of something that is kept packed are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// As they are kept.
    Gzip,
    /// Unpacked.
    Identity,
}

impl Coding {
    /// What `Accept-Encoding` takes: gzip only where it is named, or everything is.
    pub(super) fn taken(headers: &HeaderMap) -> Self {
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

/// Whether a person asks: `Accept` names HTML, as browsers do and no script does.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    weight(headers, ACCEPT, |name| name == b"text/html") > weight(headers, ACCEPT, is_json)
}

fn is_json(name: &[u8]) -> bool {
    name == b"application/json"
}

/// How much the client wants what `is_wanted` says, in thousandths.
fn weight(headers: &HeaderMap, of: HeaderName, is_wanted: fn(&[u8]) -> bool) -> u32 {
    let ranges = headers.get_all(of).iter();
    let ranges = ranges.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let wanted = ranges.filter(|range| is_wanted(&media_type(range)));
    wanted.map(quality).max().unwrap_or(0)
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

    #[test]
    fn a_workbook_is_sent_to_those_who_name_one_and_prefer_it() {
        for (accept, form) in [
            ("*/*", WorkbookForm::Json),
            ("application/*", WorkbookForm::Json),
            ("application/vnd.ms-excel", WorkbookForm::Workbook),
            ("Application/Vnd.MS-Excel; q=0.1, */*", WorkbookForm::Workbook),
            (
                "text/html, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                WorkbookForm::Workbook,
            ),
            ("application/json, application/vnd.ms-excel", WorkbookForm::Json),
            ("application/json;q=0.9, application/vnd.ms-excel", WorkbookForm::Workbook),
            ("application/vnd.ms-excel;q=0", WorkbookForm::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(WorkbookForm::preferred(&headers), form, "{accept}");
        }
    }

    #[test]
    fn packed_bytes_are_sent_to_those_who_can_unpack_them() {
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
            assert_eq!(Coding::taken(&headers), coding, "{accept}");
        }
        assert_eq!(Coding::taken(&HeaderMap::new()), Coding::Identity);
    }

    #[test]
    fn a_page_is_for_browsers() {
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
