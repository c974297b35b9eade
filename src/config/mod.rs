//! The settings and their sources.
//!
//! A setting is a command-line option, an environment variable and a line of a TOML file at the
//! same time. The option defines it: an argument of any subcommand with a long name and an
//! environment variable is a setting ([`settings`]). Its name in the file is the long name with `_`
//! for `-`. The precedence is: option, environment variable, file, default ([`parse`]).

mod backup;
mod error;
mod file;
mod ldap;
mod listen;
mod serve;
mod setting;
mod sources;

pub use backup::{BackupConfig, BackupDir, BackupSettingsError};
pub use error::{FileError, SettingFault, SettingProblem};
pub use ldap::LdapConfig;
pub use listen::{ListenAddress, ListenList, Scheme};
pub use serve::{LimitsConfig, LogConfig, LogFormat, ServeConfig, SyslogNeedsCa};
pub use setting::{Expected, Setting, settings};
pub use sources::{
    DEFAULT_FILE, EffectiveSetting, ParseError, Parsed, SettingSource, file_argument, parse,
};
