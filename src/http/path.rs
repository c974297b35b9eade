//! A request's path, decoded once.

use percent_encoding::percent_decode_str;

use super::problem::{Flaw, Place, Problem, ProblemKind, shorten};

/// The segments of a path, percent-decoded: no segment is `.` or `..` or holds a control
/// character.
#[derive(Debug)]
pub(super) struct Path(Vec<String>);

impl Path {
    /// Decodes `/rest/migrate/projects/a%20b` to its segments. A slash that was encoded stays
    /// inside of its segment.
    ///
    /// # Errors
    /// 400: an incomplete `%`, no UTF-8, a control character, a segment that would climb.
    pub(super) fn parse(path: &str) -> Result<Self, Problem> {
        // `OPTIONS *` has no path.
        let segments = path.strip_prefix('/').unwrap_or(path);
        segments.split('/').map(segment).collect::<Result<_, _>>().map(Self).map_err(|detail| {
            Problem::new(ProblemKind::MalformedRequest, detail)
                .with_flaw(Flaw::new(Place::Path(shorten(path).into_owned()), detail))
        })
    }

    pub(super) fn segments(&self) -> &[String] {
        &self.0
    }
}

fn segment(raw: &str) -> Result<String, &'static str> {
    let is_escape = |rest: &str| {
        rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !raw.split('%').skip(1).all(is_escape) {
        return Err("The path holds a “%” without two hexadecimal digits after it.");
    }
    let decoded = percent_decode_str(raw)
        .decode_utf8()
        .map_err(|_| "The path, once decoded, is not UTF-8.")?;
    if decoded.chars().any(char::is_control) {
        return Err("The path holds a control character.");
    }
    if matches!(&*decoded, "." | "..") {
        return Err("The path holds a segment “.” or “..”.");
    }
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_once() {
        let path = Path::parse("/rest/a%20b/%2525/x%2Fy/").unwrap();
        assert_eq!(path.segments(), ["rest", "a b", "%25", "x/y", ""]);
    }

    #[test]
    fn paths_that_climb_or_break_are_refused() {
        for path in [
            "/..", "/a/../b", "/%2e%2e", "/%2E.", "/.", "/a%00", "/%0a", "/%ff", "/%", "/%2",
            "/%zz",
        ] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
