//! Formats an error with its causes.
//!
//! The `Display` of an error states its own part only, and `source` returns the cause. So a message to
//! a person must contain the chain: `Display` alone would lose the cause.

use std::{error::Error, fmt};

/// Formats an error with its causes, separated by colons: "the data directory: File exists (os error
/// 17)".
pub fn chain(error: &dyn Error) -> String {
    Chain(error).to_string()
}

/// An error that displays with its causes, for log lines: `error = %Chain(&error)`.
#[derive(Clone, Copy)]
pub struct Chain<'e>(pub &'e dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the key é>b")]
    struct Outer(#[source] io::Error);

    #[test]
    fn every_cause_is_named_once() {
        let error = Outer(io::Error::from_raw_os_error(17));
        assert_eq!(chain(&error), "the key é>b: File exists (os error 17)");
        let error = Outer(io::Error::other(Outer(io::Error::from_raw_os_error(17))));
        let text = chain(&error);
        assert_eq!(text.matches("File exists").count(), 1, "{text}");
    }
}
