//! Asking for consent on the terminal.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;

/// Returns whether standard input is a terminal.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Asks a question on the terminal. Everything but a yes is a no.
///
/// # Errors
/// The question cannot be written, or the answer cannot be read.
pub(super) fn confirmed(question: &str) -> anyhow::Result<bool> {
    eprint!("{question} [y/N] ");
    io::stderr().flush().context("Cannot write to standard error")?;
    let mut line = String::new();
    io::stdin().read_line(&mut line).context("Standard input cannot be read")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
