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

pub use error::{FileError, SettingFault, SettingProblem};
pub use serve::{LimitsConfig, LogConfig, LogFormat, ServeConfig};
pub use setting::{Expected, Setting, settings};
pub use sources::{
    DEFAULT_FILE, EffectiveSetting, ParseError, Parsed, SettingSource, file_argument, parse,
};
