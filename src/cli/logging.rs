//! Where log lines go: to standard error, as people or programs read them.

use std::io::{self, IsTerminal};

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use super::lines::{self, LinesGuard};
use crate::config::{LogConfig, LogFormat};

/// Begins to log. To be called once. Lines are written by a thread of their own, so that no
/// request waits for the log of another; the last are written when the guard is dropped.
pub(super) fn start(config: &LogConfig) -> anyhow::Result<LinesGuard> {
    let filter = EnvFilter::try_new(&config.filter)
        .with_context(|| format!("The log filter “{}” is not understood", config.filter))?;
    let (writer, guard) = lines::start(io::stderr()).context("The thread of the log")?;
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
