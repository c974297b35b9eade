//! Where log lines go: to standard error, as people or programs read them.

use std::io::{self, BufWriter, IsTerminal};

use anyhow::Context;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{LogConfig, LogFormat};

/// Lines that wait for standard error. Who logs the next one waits then: none is lost. They take
/// about 2 MB.
const LINES_WAITING_MAX: usize = 8 * 1024;

/// What is written at a time when lines come faster than standard error takes them. When no more
/// wait, what there is is written.
const WRITE_BYTES: usize = 64 * 1024;

/// Begins to log. To be called once. Lines are written by a thread of their own, so that no
/// request waits for the log of another; the last are written when the guard is dropped.
pub(super) fn start(config: &LogConfig) -> anyhow::Result<WorkerGuard> {
    let filter = EnvFilter::try_new(&config.filter)
        .with_context(|| format!("The log filter “{}” is not understood", config.filter))?;
    let stderr = BufWriter::with_capacity(WRITE_BYTES, io::stderr());
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(false)
        .buffered_lines_limit(LINES_WAITING_MAX)
        .thread_name("log")
        .finish(stderr);
    let lines = fmt().with_env_filter(filter).with_writer(writer);
    match config.format {
        LogFormat::Human => {
            let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            lines.with_ansi(io::stderr().is_terminal() && !no_color).try_init()
        }
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).try_init(),
    }
    .map_err(|error| anyhow::anyhow!("Logging cannot begin: {error}"))?;
    Ok(guard)
}
