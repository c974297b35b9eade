//! Where a command works, as its arguments and the environment say.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches, error::ErrorKind, parser::ValueSource};

use super::{IfMissing, LocalTarget, RemoteTarget, Target};

/// Where a command works: `--data`, or `--server` and what a login needs.
#[derive(Clone, Debug)]
pub struct TargetArgs {
    flags: TargetFlags,
    kind: TargetKind,
}

/// What decides between a data directory and a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TargetKind {
    Local,
    Remote,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Where")]
struct TargetFlags {
    /// The data directory to work on, while no server runs
    #[arg(long, env = "SATCHEL_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,

    /// The server to work at instead, as https://HOST:PORT
    #[arg(long, env = "SATCHEL_SERVER", value_name = "URL")]
    server: Option<String>,

    /// Who logs in at the server. On a data directory: who an import is done for, and is kept by it
    /// [default there: the first administrator]
    #[arg(long, env = "SATCHEL_USER", value_name = "NAME")]
    user: Option<String>,

    /// A file whose first line is the password; without it the password is taken from
    /// SATCHEL_PASSWORD, or asked for on a terminal
    #[arg(long, env = "SATCHEL_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// The certificate authorities to trust instead of the public ones (PEM)
    #[arg(long, env = "SATCHEL_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl TargetArgs {
    /// The target. On a data directory `if_missing` says whether there must be one, and `command` is
    /// told to whoever finds it in use.
    ///
    /// # Errors
    /// The server's address is none, or a login lacks its user.
    pub(in crate::cli) fn resolve(
        &self,
        command: &'static str,
        if_missing: IfMissing,
    ) -> anyhow::Result<Target> {
        let TargetFlags { data, server, user, password_file, ca } = self.flags.clone();
        match (self.kind, server) {
            (TargetKind::Remote, Some(server)) => {
                Ok(Target::Remote(RemoteTarget::parse(&server, user, password_file, ca)?))
            }
            (TargetKind::Remote, None) | (TargetKind::Local, _) => {
                Ok(Target::Local(LocalTarget { path: data, user, if_missing, command }))
            }
        }
    }
}

/// What stands on the command line counts more than what stands in the environment or a file; and
/// where both stand there, nobody knows which is meant.
fn decide(matches: &ArgMatches) -> Result<TargetKind, clap::Error> {
    let typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
    match (typed("data"), matches.contains_id("server"), typed("server")) {
        (true, true, true) => Err(clap::Error::raw(
            ErrorKind::ArgumentConflict,
            "--data and --server exclude each other: a command works on a data directory or at a \
             server\n",
        )),
        (true, _, false) | (_, false, _) => Ok(TargetKind::Local),
        (false, true, _) => Ok(TargetKind::Remote),
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

    fn says(words: &[&str]) -> Result<TargetKind, ErrorKind> {
        let line = Line::try_parse_from([&["satchel"], words].concat());
        line.map(|line| line.target.kind).map_err(|error| error.kind())
    }

    #[test]
    fn what_is_typed_decides() {
        assert_eq!(says(&["--data", "d"]), Ok(TargetKind::Local));
        assert_eq!(says(&["--server", "http://a"]), Ok(TargetKind::Remote));
        assert_eq!(
            says(&["--server", "http://a", "--data", "d"]),
            Err(ErrorKind::ArgumentConflict)
        );
    }
}
