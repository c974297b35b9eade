//! The log: its filter, its format and its output to standard error.

use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};
use std::thread;

use anyhow::Context;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;

use super::log_writer::{self, LogWriterGuard};
use crate::config::{LogConfig, LogFormat};
use crate::panics;

/// Starts the log. Call it once. A separate thread writes the lines ([`log_writer`]). Dropping the
/// guard flushes it.
///
/// # Errors
/// An error if the filter is invalid, or the thread cannot be started.
pub(super) fn start(config: &LogConfig) -> anyhow::Result<LogWriterGuard> {
    let filter = filter(&config.filter)
        .with_context(|| format!("The log filter “{}” is invalid", config.filter))?;
    let (writer, guard) = log_writer::start(io::stderr()).context("Cannot start the log thread")?;
    let lines = fmt::layer().with_writer(writer);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        LogFormat::Human => {
            let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            Box::new(lines.with_ansi(io::stderr().is_terminal() && !no_color))
        }
        LogFormat::Json => Box::new(lines.json().flatten_event(true).with_current_span(true)),
    };
    let log = tracing_subscriber::registry().with(lines).with(filter);
    log.try_init().map_err(|error| anyhow::anyhow!("Cannot start the log: {error}"))?;
    panic::set_hook(Box::new(log_panic));
    Ok(guard)
}

/// Logs a panic like other events. The standard library's hook writes to standard error directly,
/// and would block on a full pipe.
fn log_panic(panic: &PanicHookInfo<'_>) {
    if panics::is_contained() {
        return;
    }
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = thread::current();
    let thread = thread.name().unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or_default();
    tracing::error!(location, thread, message, "panic");
}

/// Parses a level, or a list of modules with levels: `warn,satchel=debug`. An empty filter logs
/// errors.
///
/// # Errors
/// An error if a level is unknown, or if the filter selects spans.
fn filter(text: &str) -> anyhow::Result<Targets> {
    // `EnvFilter` supports spans, but takes 100 KB of code.
    anyhow::ensure!(
        !text.contains('['),
        "spans and fields are not supported. Use a level, or a list like warn,satchel=debug"
    );
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Ok(Targets::new().with_default(LevelFilter::ERROR));
    }
    Ok(parts.join(",").parse()?)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_module_has_its_own_level_and_the_others_the_default() {
        for text in ["warn,satchel=debug", " WARN , satchel=debug,", "satchel=debug,warn"] {
            let filter = filter(text).unwrap();
            assert!(filter.would_enable("satchel::http", &Level::DEBUG), "{text}");
            assert!(!filter.would_enable("satchel::http", &Level::TRACE), "{text}");
            assert!(filter.would_enable("sled", &Level::WARN), "{text}");
            assert!(!filter.would_enable("sled", &Level::INFO), "{text}");
        }
        let quiet = filter("info,satchel::requests=off").unwrap();
        assert!(!quiet.would_enable("satchel::requests", &Level::ERROR));
        assert!(quiet.would_enable("satchel::http", &Level::INFO));
        let silent = filter("off").unwrap();
        assert!(!silent.would_enable("satchel", &Level::ERROR));
    }

    #[test]
    fn an_empty_filter_logs_errors() {
        for text in ["", " ", ","] {
            let filter = filter(text).unwrap();
            assert!(filter.would_enable("satchel", &Level::ERROR), "{text:?}");
            assert!(!filter.would_enable("satchel", &Level::WARN), "{text:?}");
        }
    }

    #[test]
    fn an_invalid_filter_is_refused() {
        for text in ["satchel=loud", "info,a=b=c", "[request{id=1}]=debug", "a[{b,c}]=info"] {
            assert!(filter(text).is_err(), "{text}");
        }
        let spans = filter("[request]=debug").unwrap_err().to_string();
        assert!(spans.contains("spans"), "{spans}");
    }
}
