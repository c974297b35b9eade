//! What can be set, from flags and from the environment: each with its unit and its default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::http::Limits;

/// Where the host's name stands on Linux.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// What the server calls itself where the host has no name.
const NAME_OTHERWISE: &str = "satchel";

/// `satchel serve`
#[derive(Args, Clone, Debug)]
pub struct ServeConfig {
    /// The directory that holds the inventory, bundles and keys; made when it is not there
    #[arg(long, env = "SATCHEL_DATA", value_name = "DIR", default_value = "data")]
    pub data: PathBuf,

    /// The IP address and port to listen on; port 0 picks a free one
    #[arg(
        long,
        env = "SATCHEL_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:8080",
        value_parser = listen_address
    )]
    pub listen: SocketAddr,

    /// Start with a small sample inventory, if there is none yet
    #[arg(long)]
    pub demo: bool,

    #[command(flatten)]
    pub log: LogConfig,

    #[command(flatten)]
    pub limits: LimitsConfig,
}

/// `satchel passwd`
#[derive(Args, Clone, Debug)]
pub struct PasswdConfig {
    /// The user
    #[arg(value_name = "USER")]
    pub user: String,

    /// The directory that holds the inventory
    #[arg(long, env = "SATCHEL_DATA", value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
}

/// How and what to log. Logs go to standard error.
#[derive(Args, Clone, Debug)]
pub struct LogConfig {
    /// What to log: error, warn, info, debug, trace, or a list like `info,satchel::requests=off`
    #[arg(long = "log", env = "SATCHEL_LOG", value_name = "FILTER", default_value = "info")]
    pub filter: String,

    /// How to log
    #[arg(long = "log-format", env = "SATCHEL_LOG_FORMAT", value_enum, default_value = "human")]
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Human,
    /// One JSON object a line
    Json,
}

/// Limits on connections. They have good defaults; that they can be set is for tests.
#[derive(Args, Clone, Debug)]
pub struct LimitsConfig {
    /// Connections at the same time
    #[arg(long, env = "SATCHEL_CONNECTIONS_MAX", hide = true,
          value_parser = clap::value_parser!(u32).range(1..=65_535))]
    connections_max: Option<u32>,

    /// Milliseconds for a request's head, and of idleness between two requests
    #[arg(long, env = "SATCHEL_HEAD_WAIT_MS", hide = true)]
    head_wait_ms: Option<u64>,

    /// Milliseconds between two pieces of a request's body
    #[arg(long, env = "SATCHEL_BODY_WAIT_MS", hide = true)]
    body_wait_ms: Option<u64>,

    /// Milliseconds for a client to take a bit of an answer
    #[arg(long, env = "SATCHEL_WRITE_WAIT_MS", hide = true)]
    write_wait_ms: Option<u64>,

    /// Milliseconds for the requests in hand once the server is told to stop
    #[arg(long, env = "SATCHEL_SHUTDOWN_WAIT_MS", hide = true)]
    shutdown_wait_ms: Option<u64>,
}

impl LimitsConfig {
    /// The limits, with the defaults where nothing is set.
    pub fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let wait = |ms: Option<u64>, default| ms.map_or(default, Duration::from_millis);
        Limits {
            connections_max: self
                .connections_max
                .and_then(|connections| usize::try_from(connections).ok())
                .unwrap_or(defaults.connections_max),
            head_wait: wait(self.head_wait_ms, defaults.head_wait),
            body_wait: wait(self.body_wait_ms, defaults.body_wait),
            write_wait: wait(self.write_wait_ms, defaults.write_wait),
            shutdown_wait: wait(self.shutdown_wait_ms, defaults.shutdown_wait),
        }
    }
}

/// What the server calls itself: the host's name.
pub fn server_name() -> String {
    let name = std::fs::read_to_string(HOST_NAME_FILE).unwrap_or_default();
    match name.trim() {
        "" => NAME_OTHERWISE.to_owned(),
        name => name.to_owned(),
    }
}

/// Names are not looked up: what one resolves to may change, and with it who can connect.
fn listen_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "an IP address and a port are expected, like 127.0.0.1:8080 or [::1]:8080")
}
