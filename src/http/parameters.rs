//! The parameters of a path.

use super::problem::Problem;

/// The segments of a path that matched the `{name}` segments of its pattern, percent-decoded.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(&'static str, String)>);

/// The pattern of the route has no `{name}` segment with this name: a bug in a handler.
#[derive(Debug, thiserror::Error)]
#[error("the route's pattern has no parameter {0:?}")]
struct NoSuchParameter(&'static str);

impl Parameters {
    /// Takes pairs of a parameter's name and its segment.
    pub(super) fn new(pairs: impl Iterator<Item = (&'static str, String)>) -> Self {
        Self(pairs.collect())
    }

    /// Returns the segment that matched `{name}`.
    ///
    /// # Errors
    /// 500 if the pattern has no such segment: a bug.
    pub(super) fn get(&self, name: &'static str) -> Result<&str, Problem> {
        match self.0.iter().find(|(known, _)| *known == name) {
            Some((_, segment)) => Ok(segment),
            None => Err(Problem::internal(&NoSuchParameter(name))),
        }
    }

    /// Returns the last segment that matched: the name of the subject.
    pub(super) fn last(&self) -> Option<&str> {
        self.0.last().map(|(_, segment)| segment.as_str())
    }

    /// Moves the segment that matched `{name}` out, for a handler that keeps it.
    ///
    /// # Errors
    /// 500 if the pattern has no such segment: a bug.
    pub(super) fn take(&mut self, name: &'static str) -> Result<String, Problem> {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, segment)) => Ok(std::mem::take(segment)),
            None => Err(Problem::internal(&NoSuchParameter(name))),
        }
    }
}
