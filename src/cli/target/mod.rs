//! Where a command works: on a data directory that no server holds, or at a server.
//!
//! There is one way for both. On a data directory the very server of `satchel serve` runs within
//! the command's own process for as long as the command does, at an address of this machine that
//! is made for it and behind a password that nobody is told. So a command is written once, and
//! gives the same answers everywhere.

mod arguments;
mod client;
mod job;
mod local_server;
mod log_printer;
mod password;

use std::path::PathBuf;

use anyhow::{Context, bail};
use ureq::http::Uri;
use zeroize::Zeroizing;

pub(super) use arguments::TargetArgs;
pub(super) use client::{Answer, Client, RequestRefused, Upload};
pub(super) use job::JobWords;
pub(super) use local_server::LocalServer;
pub(super) use password::{new_password, read_password};

use super::{owner, progress::Progress};
use crate::store::{CreateDirectory, Options};
use client::{Login, ServerLocation};

/// Where a command works.
#[derive(Debug)]
pub(super) enum Target {
    Local(LocalTarget),
    Remote(RemoteTarget),
}

/// A data directory.
#[derive(Debug)]
pub(super) struct LocalTarget {
    pub path: PathBuf,
    /// For whom the command works; the first administrator where none is named.
    user: Option<String>,
    pub if_missing: IfMissing,
    /// The subcommand, for whoever finds the directory in use.
    pub command: &'static str,
}

/// What becomes of a data directory that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfMissing {
    /// A typo must not look like an empty inventory.
    Fail,
    Create,
}

impl LocalTarget {
    /// How the store is to be opened.
    pub fn options(&self) -> Options {
        let create = match self.if_missing {
            IfMissing::Fail => CreateDirectory::Never,
            IfMissing::Create => CreateDirectory::IfMissing,
        };
        Options { create, command: self.command, ..Options::default() }
    }
}

/// A server, and how to log in there.
#[derive(Debug)]
pub(super) struct RemoteTarget {
    base: Uri,
    user: String,
    password_file: Option<PathBuf>,
    ca: Option<PathBuf>,
}

/// A target that answers.
pub(super) struct Connection {
    pub client: Client,
    /// Keeps a data directory's own server running.
    local: Option<LocalServer>,
}

impl Target {
    /// Begins to work there, and says on standard error where that is.
    ///
    /// # Errors
    /// The data directory is missing or in use, or no password can be had.
    pub fn connect(&self, progress: &Progress) -> anyhow::Result<Connection> {
        match self {
            Target::Local(target) => {
                let acting = owner::act_as_owner(&target.path)?;
                let local = LocalServer::open(target)?;
                progress.say(&format!("on the data directory {}{acting}", target.path.display()));
                Ok(Connection { client: local.client()?, local: Some(local) })
            }
            Target::Remote(target) => {
                progress.say(&format!("on the server {} as {}", target.base, target.user));
                if target.is_in_the_clear() {
                    progress.warn(&format!(
                        "the password and all that is sent go to {} in the clear: whoever sits on \
                         the way reads them. Use https://, or an ssh tunnel",
                        target.base
                    ));
                }
                let password = read_password(target.password_file.as_deref(), &target.user)?;
                let login = Login { user: target.user.clone(), password };
                let client = Client::new(
                    &target.base,
                    &login,
                    target.ca.as_deref(),
                    ServerLocation::Remote,
                )?;
                Ok(Connection { client, local: None })
            }
        }
    }
}

impl Connection {
    /// Ends the work: what a data directory's server has in hand is finished and made durable.
    ///
    /// # Errors
    /// The inventory cannot be closed.
    pub fn close(self) -> anyhow::Result<()> {
        drop(self.client);
        match self.local {
            Some(local) => local.close(),
            None => Ok(()),
        }
    }
}

impl RemoteTarget {
    /// Reads a server's address: `http://` or `https://`, a host, perhaps a port.
    fn parse(
        text: &str,
        user: Option<String>,
        password_file: Option<PathBuf>,
        ca: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let expected = "an address like https://satchel.example:8443 is expected";
        let base: Uri = text
            .trim_end_matches('/')
            .parse()
            .with_context(|| format!("“{text}” is no address of a server; {expected}"))?;
        let scheme = base.scheme_str();
        let host = base.host().unwrap_or_default();
        if !matches!(scheme, Some("http" | "https")) || host.is_empty() {
            bail!("“{text}” is no address of a server; {expected}");
        }
        if base.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            bail!(
                "The server's address must hold neither user nor password, which everybody on \
                 this machine could read: use --user, and --password-file or SATCHEL_PASSWORD"
            );
        }
        if base.path() != "/" || base.query().is_some() {
            bail!("“{text}” has more than a host and a port; {expected}");
        }
        let Some(user) = user else {
            bail!("A server wants a user: say --user NAME (SATCHEL_USER)");
        };
        if user.contains(':') {
            bail!("The user “{user}” cannot log in over HTTP: its name holds a colon");
        }
        Ok(Self { base, user, password_file, ca })
    }

    /// Whether a password would be sent so that others can read it.
    fn is_in_the_clear(&self) -> bool {
        let host = self.base.host().unwrap_or_default().trim_matches(['[', ']']);
        let loopback = host == "localhost"
            || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.to_canonical().is_loopback());
        self.base.scheme_str() == Some("http") && !loopback
    }
}

/// A random password that is used once and never shown.
fn one_time_password() -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    crate::disk::fill_random(bytes.as_mut_slice()).context("The system gives no random numbers")?;
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    for byte in bytes.iter() {
        use std::fmt::Write;
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, user: Option<&str>) -> anyhow::Result<RemoteTarget> {
        RemoteTarget::parse(text, user.map(str::to_owned), None, None)
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for text in ["http://127.0.0.1:8080", "https://a.example/", "http://[::1]:1"] {
            parse(text, Some("admin")).unwrap();
        }
        for text in
            ["", "a.example", "ftp://a", "http://", "http://u:p@a", "http://a/rest", "http://a/?x"]
        {
            assert!(parse(text, Some("admin")).is_err(), "{text}");
        }
        assert!(parse("http://a", None).is_err());
        assert!(parse("http://a", Some("a:b")).is_err());
    }

    #[test]
    fn only_loopback_is_read_by_nobody() {
        let clear = |text| parse(text, Some("admin")).unwrap().is_in_the_clear();
        for text in ["http://127.0.0.1:8080", "http://[::1]", "http://localhost", "https://a"] {
            assert!(!clear(text), "{text}");
        }
        for text in ["http://a", "http://10.0.0.1:8080", "http://localhost.example"] {
            assert!(clear(text), "{text}");
        }
    }
}
