//! Conditional and range requests (RFC 9110, sections 13 and 14).

use std::{
    ops::Range,
    time::{Duration, SystemTime},
};

use hyper::header::{
    HeaderMap, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE,
};
use sha2::{Digest, Sha256};

use super::problem::{Flaw, Problem, ProblemKind, RequestLocation};

/// The bytes of a SHA-256 in an ETag: enough to distinguish versions. An ETag does not protect
/// against forgery.
const HASH_BYTES: usize = 8;

/// A strong ETag, with its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ETag(String);

impl ETag {
    /// Takes a hash in hexadecimal digits.
    pub(super) fn of(hash: &str) -> Self {
        Self(format!("\"{hash}\""))
    }

    /// Returns the ETag of a response that shows one version of a record or text: the version and
    /// a hash of the response's bytes.
    ///
    /// The version alone is not enough for readers: the response shows relations that other
    /// records hold (the pools and links of a device), which change without the version. The hash
    /// alone is not enough for writers: see [`precondition`].
    pub(super) fn of_version(version: u64, body: &[u8]) -> Self {
        Self::of_hash(version, Hash::of(body))
    }

    /// Does the same as [`of_version`](Self::of_version) for bytes that are hashed already.
    pub(super) fn of_hash(version: u64, Hash(hash): Hash) -> Self {
        Self(format!("\"{version:x}-{hash:016x}\""))
    }

    /// Returns whether the ETag is in the list of a header (`"a", W/"b"`), or the list is `*`.
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

/// The hash of a response's bytes: the first bytes of its SHA-256.
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
        // Quotes and hexadecimal digits are always a valid header value.
        HeaderValue::try_from(&etag.0).unwrap_or(HeaderValue::from_static("\"\""))
    }
}

/// The comparison of ETags (RFC 9110, section 8.8.3.2).
#[derive(Clone, Copy)]
enum Comparison {
    /// A weak ETag equals no other.
    Strong,
    /// Weak and strong ETags are equal if their texts are.
    Weak,
}

/// Tells whether the client has the current version already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    Modified,
    NotModified,
}

/// Checks `If-Match` and `If-None-Match` before a change. `existing` is the ETag of the resource;
/// `None` if it does not exist.
///
/// # Errors
/// 412 if a condition does not hold.
pub(super) fn require_unchanged(
    headers: &HeaderMap,
    existing: Option<&ETag>,
) -> Result<(), Problem> {
    let among =
        |name, comparison| existing.is_some_and(|etag| etag.is_in(headers, name, comparison));
    if headers.contains_key(IF_MATCH) && !among(IF_MATCH, Comparison::Strong) {
        return Err(stale("The current version is not the one in If-Match."));
    }
    if among(IF_NONE_MATCH, Comparison::Weak) {
        return Err(stale("The current version is one that If-None-Match excludes."));
    }
    Ok(())
}

/// The state of a record that a change requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Precondition {
    /// The request has no condition.
    None,
    /// The record does not exist (`If-None-Match: *`).
    Absent,
    /// The record exists (`If-Match: *`).
    Present,
    /// The record has one of these versions (`If-Match` with a list).
    Versions(Vec<u64>),
}

/// Reads the condition of a change that is checked in the transaction of the change.
///
/// Only the version in an ETag of [`ETag::of_version`] counts here: a change is stale if the record
/// has changed. If only a pool gained the device meanwhile, the bytes of the response differ, but
/// a change of the device's description is still valid.
///
/// # Errors
/// 400 for conditions that contradict each other, or that changes do not support.
pub(super) fn precondition(headers: &HeaderMap) -> Result<Precondition, Problem> {
    let unsupported = |name, detail: &str| {
        Problem::new(ProblemKind::MalformedRequest, detail)
            .with_flaw(Flaw::new(RequestLocation::Header(name), detail))
    };
    let tags = |name| {
        let values = headers.get_all(name).iter();
        values.flat_map(|value| value.to_str().unwrap_or_default().split(',').map(str::trim))
    };
    if headers.contains_key(IF_NONE_MATCH) {
        return match (tags(IF_NONE_MATCH).collect::<Vec<_>>().as_slice(), headers.get(IF_MATCH)) {
            (["*"], None) => Ok(Precondition::Absent),
            (["*"], Some(_)) => Err(unsupported(
                "if-none-match",
                "If-Match and If-None-Match contradict each other.",
            )),
            _ => {
                Err(unsupported("if-none-match", "A change supports If-None-Match only with “*”."))
            }
        };
    }
    if !headers.contains_key(IF_MATCH) {
        return Ok(Precondition::None);
    }
    if tags(IF_MATCH).any(|tag| tag == "*") {
        return Ok(Precondition::Present);
    }
    // ETags of another form, and weak ones, match no version.
    Ok(Precondition::Versions(tags(IF_MATCH).filter_map(version).collect()))
}

/// Returns the version in an ETag of [`ETag::of_version`].
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

/// Checks the conditions of a read. Without `modified`, the time of the last change, only ETags
/// are compared.
///
/// # Errors
/// 412 if `If-Match` or `If-Unmodified-Since` does not hold.
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
            return Err(stale("The current version is not the one in If-Match."));
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

/// The part of the content that the client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// From the first byte to the byte after the last. Never empty.
    Range(Range<u64>),
    /// The range starts after the end of the content.
    Beyond,
}

/// Reads `Range: bytes=a-b`, `a-` or `-n` of a content of `bytes` bytes. Any other value is
/// ignored, which RFC 9110 allows, and so is every range if `If-Range` does not contain the current
/// version.
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

/// Returns the part between two positions of a `Range` header; `None` if it is not a range.
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

/// Compares in whole seconds, which HTTP dates have.
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
    fn if_range_requires_the_current_version() {
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
    fn a_precondition_holds_the_version_and_ignores_the_hash() {
        let shown = ETag::of_version(0x1f, b"{}");
        let with_a_pool = ETag::of_version(0x1f, b"{\"pools\":[\"p\"]}");
        assert_ne!(shown, with_a_pool);
        let expect = |pairs: &[(HeaderName, &str)]| precondition(&headers(pairs));
        assert_eq!(expect(&[(IF_MATCH, &shown.0)]).unwrap(), Precondition::Versions(vec![0x1f]));
        assert_eq!(
            expect(&[(IF_MATCH, &with_a_pool.0)]).unwrap(),
            Precondition::Versions(vec![0x1f])
        );
        let two = format!("{}, \"2-0\"", shown.0);
        assert_eq!(expect(&[(IF_MATCH, &two)]).unwrap(), Precondition::Versions(vec![0x1f, 2]));
        for other in ["\"\"", "\"abc\"", "W/\"1f-0\"", "1f-0", "\"+1-0\"", ""] {
            let condition = expect(&[(IF_MATCH, other)]).unwrap();
            assert_eq!(condition, Precondition::Versions(Vec::new()), "{other}");
        }
        assert_eq!(expect(&[(IF_MATCH, "*")]).unwrap(), Precondition::Present);
        assert_eq!(expect(&[(IF_NONE_MATCH, "*")]).unwrap(), Precondition::Absent);
        assert_eq!(expect(&[]).unwrap(), Precondition::None);
        assert!(expect(&[(IF_NONE_MATCH, &shown.0)]).is_err());
        assert!(expect(&[(IF_NONE_MATCH, "*"), (IF_MATCH, "*")]).is_err());
    }

    #[test]
    fn a_change_requires_the_existing_version() {
        let a = ETag::of("a");
        let require =
            |name, value, existing| require_unchanged(&headers(&[(name, value)]), existing);
        assert!(require(IF_MATCH, "\"a\"", Some(&a)).is_ok());
        assert!(require(IF_MATCH, "*", Some(&a)).is_ok());
        assert!(require(IF_MATCH, "\"b\"", Some(&a)).is_err());
        assert!(require(IF_MATCH, "*", None).is_err());
        assert!(require(IF_NONE_MATCH, "*", Some(&a)).is_err());
        assert!(require(IF_NONE_MATCH, "*", None).is_ok());
    }
}
