//! The options `--data`, `--server` and `--user`, which select the target of a command.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches, error::ErrorKind, parser::ValueSource};

use super::{IfMissing, LocalTarget, RemoteTarget, Target, Trust};
use crate::{backup::BackupFolder, store, tls::Fingerprint};

/// The target of a command: `--data`, or `--server` and the options for a login.
#[derive(Clone, Debug)]
pub(crate) struct TargetArgs {
    flags: TargetFlags,
    kind: TargetKind,
}

/// The kind of target that the options select.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TargetKind {
    Local,
    Remote,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Target")]
struct TargetFlags {
    /// Data directory to work on, while no server runs
    #[arg(long, env = "SATCHEL_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,

    /// File with the key that encrypts secrets, outside of the data directory [default: key in the data
    /// directory]
    #[arg(long, env = "SATCHEL_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Server to connect to instead of a data directory: https://HOST:PORT
    #[arg(long, env = "SATCHEL_SERVER", value_name = "URL")]
    server: Option<String>,

    /// User to log in as. With --data: the user that is recorded as author. An import never removes
    /// this user [default with --data: the first administrator]
    #[arg(long, env = "SATCHEL_USER", value_name = "NAME")]
    user: Option<String>,

    /// File whose first line is the password. Without it, the password comes from SATCHEL_PASSWORD
    /// or a prompt
    #[arg(long, env = "SATCHEL_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// PEM file of the certificate authorities, or of the server's own certificate, to trust instead of
    /// the public authorities
    #[arg(long, env = "SATCHEL_CA", value_name = "FILE")]
    ca: Option<PathBuf>,

    /// SHA-256 of the server's certificate, as `satchel fingerprint` prints it. Only this certificate is
    /// accepted
    #[arg(long, env = "SATCHEL_FINGERPRINT", value_name = "SHA256", conflicts_with = "ca")]
    fingerprint: Option<Fingerprint>,
}

impl TargetArgs {
    /// The target that the options select. `command` is the name of the subcommand; other commands
    /// show it if they find the data directory in use.
    ///
    /// # Errors
    /// The server's address is invalid, or `--user` is missing.
    pub(in crate::cli) fn resolve(
        &self,
        command: &'static str,
        if_missing: IfMissing,
    ) -> anyhow::Result<Target> {
        let TargetFlags { data, key_file, server, user, password_file, ca, fingerprint } =
            self.flags.clone();
        let trust = match (fingerprint, ca) {
            (Some(fingerprint), _) => Trust::Pinned(fingerprint),
            (None, Some(ca)) => Trust::Listed(ca),
            (None, None) => Trust::Public,
        };
        match (self.kind, server) {
            (TargetKind::Remote, Some(server)) => {
                Ok(Target::Remote(RemoteTarget::parse(&server, user, password_file, trust)?))
            }
            (TargetKind::Remote, None) | (TargetKind::Local, _) => {
                let key_file = store::key_file(key_file.as_deref());
                Ok(Target::Local(LocalTarget {
                    path: data,
                    key_file,
                    user,
                    if_missing,
                    backup_folder: BackupFolder::InData,
                    command,
                }))
            }
        }
    }
}

/// Decides between `--data` and `--server`. The command line takes precedence over the environment
/// and the settings file. Both on the command line are an error.
fn decide(matches: &ArgMatches) -> Result<TargetKind, clap::Error> {
    let is_typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
    if is_typed("data") && is_typed("server") {
        Err(clap::Error::raw(
            ErrorKind::ArgumentConflict,
            "--data and --server exclude each other. Pass one of them\n",
        ))
    } else if is_typed("data") || !matches.contains_id("server") {
        Ok(TargetKind::Local)
    } else {
        Ok(TargetKind::Remote)
    }
}

impl FromArgMatches for TargetArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self { flags: TargetFlags::from_arg_matches(matches)?, kind: decide(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for TargetArgs {
    fn augment_args(command: Command) -> Command {
        TargetFlags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        TargetFlags::augment_args_for_update(command)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        target: TargetArgs,
    }

    fn kind(words: &[&str]) -> Result<TargetKind, ErrorKind> {
        let line = Line::try_parse_from([&["satchel"], words].concat());
        line.map(|line| line.target.kind).map_err(|error| error.kind())
    }

    #[test]
    fn the_command_line_selects_the_target() {
        assert_eq!(kind(&["--data", "d"]), Ok(TargetKind::Local));
        assert_eq!(kind(&["--server", "http://a"]), Ok(TargetKind::Remote));
        assert_eq!(
            kind(&["--server", "http://a", "--data", "d"]),
            Err(ErrorKind::ArgumentConflict)
        );
    }
}
