//! Questions on the terminal.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;

/// Returns whether standard input is a terminal, so that a question can be answered.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Asks a question on standard error and reads the answer. Returns `false` for every answer but
/// `y`, `Y` and `yes`.
///
/// # Errors
/// An I/O error if standard error cannot be written or standard input cannot be read.
pub(super) fn confirmed(question: &str) -> anyhow::Result<bool> {
    eprint!("{question} [y/N] ");
    io::stderr().flush().context("Cannot write to standard error")?;
    let mut line = String::new();
    io::stdin().read_line(&mut line).context("Cannot read standard input")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
