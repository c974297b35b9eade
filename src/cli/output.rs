//! Standard output, whose reader may have had enough.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Context;

/// Hands standard output to `write`. A reader that has had enough, such as `head`, is no error.
pub(super) fn print(
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<ExitCode> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            // What is still held back is not tried again when it is dropped.
            let _ = stdout.into_parts();
            Ok(ExitCode::SUCCESS)
        }
        written => {
            written.context("Standard output takes nothing")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
