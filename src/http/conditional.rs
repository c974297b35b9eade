//! Conditions on a request (RFC 9110, sections 13 and 14): validators and ranges.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use hyper::header::{
    HeaderMap, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE,
};

use super::problem::{Problem, ProblemKind};

/// A strong validator, with its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ETag(String);

impl ETag {
    /// From a hash in hexadecimal digits.
    pub(super) fn of(hash: &str) -> Self {
        Self(format!("\"{hash}\""))
    }

    /// Whether it stands in a list like `"a", W/"b"`, or the list is `*`. Weak validators are
    /// equal to strong ones where `comparison` says so.
    fn is_in(
        &self,
        list: &HeaderMap,
        name: hyper::header::HeaderName,
        comparison: Comparison,
    ) -> bool {
        list.get_all(name).iter().filter_map(|value| value.to_str().ok()).any(|value| {
            value.split(',').map(str::trim).any(|tag| match comparison {
                _ if tag == "*" => true,
                Comparison::Strong => tag == self.0,
                Comparison::Weak => tag.strip_prefix("W/").unwrap_or(tag) == self.0,
            })
        })
    }
}

impl From<&ETag> for HeaderValue {
    fn from(etag: &ETag) -> Self {
        // Quotes and hexadecimal digits are always a header value.
        HeaderValue::try_from(&etag.0).unwrap_or(HeaderValue::from_static("\"\""))
    }
}

#[derive(Clone, Copy)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether the client has the present version already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    Modified,
    NotModified,
}

/// Before a change: refuses unless `If-Match` and `If-None-Match` hold for what is there (none:
/// nothing is).
///
/// # Errors
/// 412.
pub(super) fn require_unchanged(
    headers: &HeaderMap,
    present: Option<&ETag>,
) -> Result<(), Problem> {
    let among =
        |name, comparison| present.is_some_and(|etag| etag.is_in(headers, name, comparison));
    if headers.contains_key(IF_MATCH) && !among(IF_MATCH, Comparison::Strong) {
        return Err(stale("What is there is not what If-Match asks for."));
    }
    if among(IF_NONE_MATCH, Comparison::Weak) {
        return Err(stale("What is there is what If-None-Match forbids."));
    }
    Ok(())
}

/// Before a read: whether the client needs the content.
///
/// # Errors
/// 412 where `If-Match` or `If-Unmodified-Since` does not hold.
pub(super) fn freshness(
    headers: &HeaderMap,
    etag: &ETag,
    modified: SystemTime,
) -> Result<Freshness, Problem> {
    if headers.contains_key(IF_MATCH) {
        if !etag.is_in(headers, IF_MATCH, Comparison::Strong) {
            return Err(stale("What is there is not what If-Match asks for."));
        }
    } else if date(headers.get(IF_UNMODIFIED_SINCE)).is_some_and(|since| is_after(modified, since))
    {
        return Err(stale("It has changed since the time in If-Unmodified-Since."));
    }
    let is_known = match headers.contains_key(IF_NONE_MATCH) {
        true => etag.is_in(headers, IF_NONE_MATCH, Comparison::Weak),
        false => {
            date(headers.get(IF_MODIFIED_SINCE)).is_some_and(|since| !is_after(modified, since))
        }
    };
    Ok(if is_known { Freshness::NotModified } else { Freshness::Modified })
}

/// What part of the content the client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// From the first byte to the one after the last. Never empty.
    Range(Range<u64>),
    /// Nothing of what was asked for is there.
    Beyond,
}

/// Reads `Range: bytes=a-b`, `a-` or `-n`. What is no single range of bytes is ignored, as it may
/// be, and so is any range where `If-Range` does not name the present version.
pub(super) fn part(headers: &HeaderMap, etag: &ETag, modified: SystemTime, bytes: u64) -> Part {
    if let Some(condition) = headers.get(IF_RANGE) {
        let holds = condition == etag.0.as_str()
            || date(Some(condition)).is_some_and(|date| seconds(date) == seconds(modified));
        if !holds {
            return Part::Whole;
        }
    }
    headers
        .get(RANGE)
        .and_then(|range| range.to_str().ok()?.strip_prefix("bytes="))
        .and_then(|range| range.trim().split_once('-'))
        .and_then(|(first, last)| resolve(first, last, bytes))
        .unwrap_or(Part::Whole)
}

/// None where it is no range at all.
fn resolve(first: &str, last: &str, bytes: u64) -> Option<Part> {
    let number = |text: &str| match !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // A number that no file reaches is as good as the largest.
        true => Some(text.parse().unwrap_or(u64::MAX)),
        false => None,
    };
    let range = match (first, last) {
        ("", last) => bytes.saturating_sub(number(last)?)..bytes,
        (first, "") => number(first)?..bytes,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return None;
            }
            first..bytes.min(last.saturating_add(1))
        }
    };
    Some(if range.is_empty() { Part::Beyond } else { Part::Range(range) })
}

fn stale(detail: &str) -> Problem {
    Problem::new(ProblemKind::Stale, detail)
}

fn date(value: Option<&HeaderValue>) -> Option<SystemTime> {
    httpdate::parse_http_date(value?.to_str().ok()?).ok()
}

/// HTTP's dates have whole seconds.
fn is_after(modified: SystemTime, since: SystemTime) -> bool {
    seconds(modified) > seconds(since)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    const MODIFIED: SystemTime = SystemTime::UNIX_EPOCH;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn part_of_100(range: &str) -> Part {
        part(&headers(&[(RANGE, range)]), &ETag::of("a"), MODIFIED, 100)
    }

    #[test]
    fn single_ranges_are_resolved() {
        for (range, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=10-19", 10..20),
            ("bytes=10-", 10..100),
            ("bytes=-10", 90..100),
            ("bytes=-1000", 0..100),
            ("bytes=99-999999999999999999999999", 99..100),
        ] {
            assert_eq!(part_of_100(range), Part::Range(expected), "{range}");
        }
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(part_of_100(range), Part::Beyond, "{range}");
        }
        for range in
            ["bytes=0-1,5-6", "bytes=5-1", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=+1-2"]
        {
            assert_eq!(part_of_100(range), Part::Whole, "{range}");
        }
        let empty = part(&headers(&[(RANGE, "bytes=0-")]), &ETag::of("a"), MODIFIED, 0);
        assert_eq!(empty, Part::Beyond);
    }

    #[test]
    fn if_range_names_the_version() {
        for (condition, expected) in [
            ("\"a\"", Part::Range(0..1)),
            ("\"b\"", Part::Whole),
            ("W/\"a\"", Part::Whole),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Part::Range(0..1)),
            ("Thu, 01 Jan 1970 00:00:01 GMT", Part::Whole),
        ] {
            let headers = headers(&[(RANGE, "bytes=0-0"), (IF_RANGE, condition)]);
            assert_eq!(part(&headers, &ETag::of("a"), MODIFIED, 100), expected, "{condition}");
        }
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        let fresh = |name, value| freshness(&headers(&[(name, value)]), &ETag::of("a"), MODIFIED);
        for list in ["\"a\"", "\"b\", \"a\"", "W/\"a\"", "*"] {
            assert_eq!(fresh(IF_NONE_MATCH, list).unwrap(), Freshness::NotModified, "{list}");
        }
        assert_eq!(fresh(IF_NONE_MATCH, "\"b\"").unwrap(), Freshness::Modified);
        let since = fresh(IF_MODIFIED_SINCE, "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(since.unwrap(), Freshness::NotModified);
        assert!(fresh(IF_MATCH, "\"b\"").is_err());
        assert!(fresh(IF_MATCH, "W/\"a\"").is_err());
        assert!(fresh(IF_MATCH, "\"a\"").is_ok());
    }

    #[test]
    fn a_change_asks_for_what_is_there() {
        let a = ETag::of("a");
        let require = |name, value, present| require_unchanged(&headers(&[(name, value)]), present);
        assert!(require(IF_MATCH, "\"a\"", Some(&a)).is_ok());
        assert!(require(IF_MATCH, "*", Some(&a)).is_ok());
        assert!(require(IF_MATCH, "\"b\"", Some(&a)).is_err());
        assert!(require(IF_MATCH, "*", None).is_err());
        assert!(require(IF_NONE_MATCH, "*", Some(&a)).is_err());
        assert!(require(IF_NONE_MATCH, "*", None).is_ok());
    }
}
