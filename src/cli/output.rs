//! Standard output, whose reader may have had enough.

use std::io::{self, Write};

use anyhow::Context;

/// Prints to standard output. Whoever closes it early does not want the rest.
///
/// # Errors
/// Standard output takes nothing.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("Standard output takes nothing"),
    }
}
