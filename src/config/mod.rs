//! What can be set, and where each setting comes from.
//!
//! A setting is a flag, an environment variable and a line of a TOML file at once. The definition
//! is the flag: an argument of any subcommand that has both a long name and an environment
//! variable is a setting ([`settings`]), and its name in the file is the long name with `_` for
//! `-`. A flag goes before the environment, that before the file, that before the default
//! ([`parse`]).

mod error;
mod file;
mod serve;
mod setting;
mod sources;

use std::path::PathBuf;

use clap::Args;

pub use error::{FileError, Problem};
pub use serve::{LimitsConfig, LogConfig, LogFormat, ServeConfig};
pub use setting::{Expected, Setting, settings};
pub use sources::{DEFAULT_FILE, InForce, ParseError, Parsed, Source, file_argument, parse};

/// `satchel passwd`
#[derive(Args, Clone, Debug)]
pub struct PasswdConfig {
    /// The user
    #[arg(value_name = "USER")]
    pub user: String,

    /// The directory that holds the inventory, bundles and keys; made when it is not there
    #[arg(long, env = "SATCHEL_DATA", value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
}
