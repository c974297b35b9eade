//! A request's path, decoded once.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::problem::{Flaw, Place, Problem, ProblemKind, shorten};

/// The segments of a path, percent-decoded: none holds a control character.
///
/// A segment that stands there as `.` or `..` is refused: it says to climb. One that was encoded
/// (`%2E%2E`) is a name like any other, and there are instances that are called so; a handler that
/// makes a file's name of a segment checks it by that name's own rules.
#[derive(Debug)]
pub(super) struct Path<'p>(Vec<Cow<'p, str>>);

impl<'p> Path<'p> {
    /// Decodes `/rest/migrate/projects/a%20b` to its segments. A slash that was encoded stays
    /// inside of its segment.
    ///
    /// # Errors
    /// 400: an incomplete `%`, no UTF-8, a control character, a segment that would climb.
    pub(super) fn parse(path: &'p str) -> Result<Self, Problem> {
        // `OPTIONS *` has no path.
        let segments = path.strip_prefix('/').unwrap_or(path);
        segments.split('/').map(segment).collect::<Result<_, _>>().map(Self).map_err(|detail| {
            Problem::new(ProblemKind::MalformedRequest, detail)
                .with_flaw(Flaw::new(Place::Path(shorten(path).into_owned()), detail))
        })
    }

    pub(super) fn segments(&self) -> &[Cow<'p, str>] {
        &self.0
    }
}

fn segment(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    if !is_percent_encoded(raw) {
        return Err("The path holds a “%” without two hexadecimal digits after it.");
    }
    if matches!(raw, "." | "..") {
        return Err("The path holds a segment “.” or “..”.");
    }
    let decoded = percent_decode_str(raw)
        .decode_utf8()
        .map_err(|_| "The path, once decoded, is not UTF-8.")?;
    if decoded.chars().any(char::is_control) {
        Err("The path holds a control character.")
    } else {
        Ok(decoded)
    }
}

/// Whether two hexadecimal digits stand behind every `%`.
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
    fn paths_that_climb_or_break_are_refused() {
        for path in ["/..", "/a/../b", "/.", "/a%00", "/%0a", "/%ff", "/%", "/%2", "/%zz"] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
