//! Conditions on a request (RFC 9110, sections 13 and 14): validators and ranges.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use hyper::header::{
    HeaderMap, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE,
};

use sha2::{Digest, Sha256};

use super::problem::{Flaw, Place, Problem, ProblemKind};
use crate::inventory::ExpectedVersion;

/// Of a representation's SHA-256 in its validator. It tells versions apart, not enemies.
const HASH_BYTES: usize = 8;

/// A strong validator, with its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ETag(String);

impl ETag {
    /// From a hash in hexadecimal digits.
    pub(super) fn of(hash: &str) -> Self {
        Self(format!("\"{hash}\""))
    }

    /// Of a representation of one version of a record or text: its version, and a hash of its
    /// bytes.
    ///
    /// The version alone would not do for a reader: what others say about a record (its pools, the
    /// links of a device) is shown with it and changes without it. The hash alone would not do for
    /// a writer: see [`expected`].
    pub(super) fn of_version(version: u64, body: &[u8]) -> Self {
        Self::of_hash(version, Hash::of(body))
    }

    /// The same, of bytes that are hashed already.
    pub(super) fn of_hash(version: u64, Hash(hash): Hash) -> Self {
        Self(format!("\"{version:x}-{hash:016x}\""))
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

/// The hash of a representation's bytes: the first bytes of its SHA-256.
#[derive(Clone, Copy)]
pub(super) struct Hash(u64);

impl Hash {
    pub(super) fn of(body: &[u8]) -> Self {
        let digest = Sha256::digest(body);
        let bytes = digest.iter().take(HASH_BYTES);
        Self(bytes.fold(0, |hash, byte| (hash << 8) | u64::from(*byte)))
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

/// Before a change that the inventory itself holds against what is there, in the change's own
/// transaction: what the request expects to find.
///
/// Of a validator that [`ETag::of_version`] made only the version counts here. A change replaces
/// the record, and is stale when the record is another one; that a pool took the device in
/// meanwhile, which shows in the bytes, takes nothing from whom changes its description.
///
/// # Errors
/// 400 for conditions that contradict each other, or that are not kept here.
pub(super) fn expected(headers: &HeaderMap) -> Result<ExpectedVersion, Problem> {
    let unkept = |name, detail: &str| {
        Problem::new(ProblemKind::MalformedRequest, detail)
            .with_flaw(Flaw::new(Place::Header(name), detail))
    };
    let tags = |name| {
        let values = headers.get_all(name).iter();
        values.flat_map(|value| value.to_str().unwrap_or_default().split(',').map(str::trim))
    };
    if headers.contains_key(IF_NONE_MATCH) {
        return match (tags(IF_NONE_MATCH).collect::<Vec<_>>().as_slice(), headers.get(IF_MATCH)) {
            (["*"], None) => Ok(ExpectedVersion::Absent),
            (["*"], Some(_)) => {
                Err(unkept("if-none-match", "If-Match and If-None-Match contradict each other."))
            }
            _ => Err(unkept("if-none-match", "Before a change, If-None-Match may only be “*”.")),
        };
    }
    if !headers.contains_key(IF_MATCH) {
        return Ok(ExpectedVersion::Any);
    }
    if tags(IF_MATCH).any(|tag| tag == "*") {
        return Ok(ExpectedVersion::Exists);
    }
    // Others are validators of something else, and match nothing: so do weak ones.
    Ok(ExpectedVersion::OneOf(tags(IF_MATCH).filter_map(version).collect()))
}

/// The version in a validator that [`ETag::of_version`] made.
fn version(tag: &str) -> Option<u64> {
    let (version, hash) = tag.strip_prefix('"')?.strip_suffix('"')?.split_once('-')?;
    let is_hexadecimal =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hexadecimal(version) && is_hexadecimal(hash) {
        u64::from_str_radix(version, 16).ok()
    } else {
        None
    }
}

/// Before a read: whether the client needs the content. What has no time of its last change is
/// told by its validator alone.
///
/// # Errors
/// 412 where `If-Match` or `If-Unmodified-Since` does not hold.
pub(super) fn freshness(
    headers: &HeaderMap,
    etag: &ETag,
    modified: Option<SystemTime>,
) -> Result<Freshness, Problem> {
    let changed_after = |name| {
        let since = date(headers.get(name))?;
        Some(is_after(modified?, since))
    };
    if headers.contains_key(IF_MATCH) {
        if !etag.is_in(headers, IF_MATCH, Comparison::Strong) {
            return Err(stale("What is there is not what If-Match asks for."));
        }
    } else if changed_after(IF_UNMODIFIED_SINCE) == Some(true) {
        return Err(stale("It has changed since the time in If-Unmodified-Since."));
    }
    let is_known = if headers.contains_key(IF_NONE_MATCH) {
        etag.is_in(headers, IF_NONE_MATCH, Comparison::Weak)
    } else {
        changed_after(IF_MODIFIED_SINCE) == Some(false)
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
    let number = |text: &str| {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            Some(text.parse().unwrap_or(u64::MAX))
        } else {
            None
        }
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
        let fresh =
            |name, value| freshness(&headers(&[(name, value)]), &ETag::of("a"), Some(MODIFIED));
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
    fn a_change_expects_a_version_whatever_others_say_of_the_record() {
        let shown = ETag::of_version(0x1f, b"{}");
        let with_a_pool = ETag::of_version(0x1f, b"{\"pools\":[\"p\"]}");
        assert_ne!(shown, with_a_pool);
        let expect = |pairs: &[(HeaderName, &str)]| expected(&headers(pairs));
        assert_eq!(expect(&[(IF_MATCH, &shown.0)]).unwrap(), ExpectedVersion::OneOf(vec![0x1f]));
        assert_eq!(
            expect(&[(IF_MATCH, &with_a_pool.0)]).unwrap(),
            ExpectedVersion::OneOf(vec![0x1f])
        );
        let two = format!("{}, \"2-0\"", shown.0);
        assert_eq!(expect(&[(IF_MATCH, &two)]).unwrap(), ExpectedVersion::OneOf(vec![0x1f, 2]));
        for other in ["\"\"", "\"abc\"", "W/\"1f-0\"", "1f-0", "\"+1-0\"", ""] {
            let expected = expect(&[(IF_MATCH, other)]).unwrap();
            assert_eq!(expected, ExpectedVersion::OneOf(Vec::new()), "{other}");
        }
        assert_eq!(expect(&[(IF_MATCH, "*")]).unwrap(), ExpectedVersion::Exists);
        assert_eq!(expect(&[(IF_NONE_MATCH, "*")]).unwrap(), ExpectedVersion::Absent);
        assert_eq!(expect(&[]).unwrap(), ExpectedVersion::Any);
        assert!(expect(&[(IF_NONE_MATCH, &shown.0)]).is_err());
        assert!(expect(&[(IF_NONE_MATCH, "*"), (IF_MATCH, "*")]).is_err());
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
