//! The path of a request, decoded once.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten};

/// The segments of a path, percent-decoded, without control characters.
///
/// A literal segment `.` or `..` is refused, because it changes the directory. An encoded one
/// (`%2E%2E`) is an ordinary name, and instances can have such names. A handler that uses a segment
/// as a file name checks it by the rules of that name.
#[derive(Debug)]
pub(super) struct Path<'p>(Vec<Cow<'p, str>>);

impl<'p> Path<'p> {
    /// Decodes `/a/b%20c` to its segments. An encoded slash stays inside its segment.
    ///
    /// # Errors
    /// 400 for an incomplete `%`, invalid UTF-8, a control character, or a segment `.` or `..`.
    pub(super) fn parse(path: &'p str) -> Result<Self, Problem> {
        // `OPTIONS *` has no path.
        let segments = path.strip_prefix('/').unwrap_or(path);
        segments.split('/').map(segment).collect::<Result<_, _>>().map(Self).map_err(|detail| {
            Problem::new(ProblemKind::MalformedRequest, detail)
                .with_flaw(Flaw::new(RequestLocation::Path(shorten(path).into_owned()), detail))
        })
    }

    /// Returns the decoded segments.
    pub(super) fn segments(&self) -> &[Cow<'p, str>] {
        &self.0
    }
}

/// Decodes one segment. The error is a sentence.
fn segment(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    if !is_percent_encoded(raw) {
        return Err("The path has a “%” without two hexadecimal digits after it.");
    }
    if matches!(raw, "." | "..") {
        return Err("The path has a segment “.” or “..”.");
    }
    let decoded =
        percent_decode_str(raw).decode_utf8().map_err(|_| "The decoded path is not UTF-8.")?;
    if decoded.chars().any(char::is_control) {
        Err("The path has a control character.")
    } else {
        Ok(decoded)
    }
}

/// Returns whether two hexadecimal digits follow every `%`.
pub(super) fn is_percent_encoded(raw: &str) -> bool {
    raw.split('%').skip(1).all(|rest| {
        rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_once() {
        let path = Path::parse("/rest/a%20b/%2525/x%2Fy/%2E%2e/").unwrap();
        assert_eq!(path.segments(), ["rest", "a b", "%25", "x/y", "..", ""]);
    }

    #[test]
    fn paths_with_dot_segments_or_invalid_encoding_are_refused() {
        for path in ["/..", "/a/../b", "/.", "/a%00", "/%0a", "/%ff", "/%", "/%2", "/%zz"] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
