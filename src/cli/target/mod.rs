//! The target of a command: a data directory that no server uses, or a running server.
//!
//! Both are used through the REST API. For a data directory, the server of `satchel serve` runs
//! within the process of the command, on a random port of 127.0.0.1 and with a random password. So
//! each command is written once and has the same output for both targets.

mod arguments;
mod client;
mod job;
mod local_server;
mod log_printer;
mod message;
mod password;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use ureq::http::Uri;
use zeroize::Zeroizing;

pub(super) use arguments::TargetArgs;
pub(super) use client::{ApiResponse, Client, RequestRefused, Upload};
pub(super) use job::JobWords;
pub(super) use local_server::LocalServer;
pub(super) use message::ChangeMessage;
use password::{TOKEN_VARIABLE, token};
pub(super) use password::{new_password, password_in_file, read_password};

use super::{
    known_servers::KnownServers,
    owner,
    progress::Progress,
    server_address::{host, is_loopback},
    server_certificate::shown_fingerprint,
};
use crate::backup::BackupFolder;
use crate::config::BackupDir;
use crate::store::{CreateDirectory, KeptGenerations, Options};
use crate::tls::Fingerprint;
use crate::wording::hex;
use client::{Login, ServerLocation, is_publicly_trusted};

/// The target of a command.
#[derive(Debug)]
pub(super) enum Target {
    Local(LocalTarget),
    Remote(RemoteTarget),
}

/// A data directory.
#[derive(Debug)]
pub(super) struct LocalTarget {
    pub path: PathBuf,
    /// The file with the key, if it is not in the directory.
    key_file: Option<&'static Path>,
    /// The user who is recorded as author. `None` for the first administrator.
    user: Option<String>,
    pub if_missing: IfMissing,
    /// The folder of stored backups.
    backup_folder: BackupFolder,
    /// The subcommand. Other commands show it if they find the directory in use.
    pub command: &'static str,
}

/// The reaction to a data directory that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfMissing {
    /// Fail: a typo must not look like an empty inventory.
    Fail,
    Create,
}

impl LocalTarget {
    /// The options to open the store with.
    pub(super) fn options(&self) -> Options {
        let create = match self.if_missing {
            IfMissing::Fail => CreateDirectory::Never,
            IfMissing::Create => CreateDirectory::IfMissing,
        };
        Options {
            create,
            command: self.command,
            generations: KeptGenerations::AsBefore,
            key_file: self.key_file,
            ..Options::default()
        }
    }
}

/// A server and the login for it.
#[derive(Debug)]
pub(super) struct RemoteTarget {
    base: Uri,
    credentials: RemoteCredentials,
    trust: Trust,
}

/// The source of the credentials for a server.
#[derive(Debug)]
enum RemoteCredentials {
    /// The password comes from the file, the environment or a prompt.
    User { name: String, password_file: Option<PathBuf> },
    /// The environment variable with a token.
    Token,
}

/// The certificates of a server that a command accepts.
#[derive(Clone, Debug)]
pub(super) enum Trust {
    /// The certificates that a public authority signed.
    Public,
    /// The certificates in a PEM file, and the certificates that these signed.
    Listed(PathBuf),
    /// The certificate with this fingerprint.
    Pinned(Fingerprint),
}

/// An open connection to a target.
pub(super) struct Connection {
    pub client: Client,
    /// The server within this process, for a data directory.
    local: Option<LocalServer>,
}

impl Target {
    /// Sets the folder in which a data directory has its stored backups. A server knows its own.
    pub(super) fn set_backup_dir(&mut self, folder: Option<&BackupDir>) {
        if let (Target::Local(local), Some(folder)) = (self, folder) {
            local.backup_folder = BackupFolder::At(folder.path().to_owned());
        }
    }

    /// Connects to the target, and prints it on standard error.
    ///
    /// # Errors
    /// The data directory is missing or in use, or no password was given.
    pub(super) fn connect(&self, progress: &Progress) -> anyhow::Result<Connection> {
        match self {
            Target::Local(target) => {
                let acting = owner::act_as_owner(&target.path)?.suffix();
                let local = LocalServer::open(target)?;
                progress.say(&format!("using data directory “{}”{acting}", target.path.display()));
                Ok(Connection { client: local.client()?, local: Some(local) })
            }
            Target::Remote(target) => {
                progress.say(&format!("using server {} {}", target.base, target.credentials));
                if target.is_unencrypted() {
                    progress.warn(&format!(
                        "the connection to {} is not encrypted: the password and all data can be \
                         read on the network. Use https:// or an ssh tunnel",
                        target.base
                    ));
                }
                // Before the password is read: an unknown certificate ends the command.
                let trust = target.decided_trust()?;
                let login = target.credentials.login()?;
                let client = Client::new(&target.base, &login, &trust, ServerLocation::Remote)?;
                Ok(Connection { client, local: None })
            }
        }
    }
}

impl RemoteCredentials {
    /// Reads the password or the token.
    fn login(&self) -> anyhow::Result<Login> {
        match self {
            Self::User { name, password_file } => {
                let password = read_password(password_file.as_deref(), name)?;
                Ok(Login::Password { user: name.clone(), password })
            }
            Self::Token => {
                let token = token().with_context(|| format!("{TOKEN_VARIABLE} is empty"))?;
                Ok(Login::Token(token))
            }
        }
    }
}

impl fmt::Display for RemoteCredentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { name, .. } => write!(out, "as user “{name}”"),
            Self::Token => write!(out, "with the token in {TOKEN_VARIABLE}"),
        }
    }
}

impl Connection {
    /// Closes the connection. The server of a data directory finishes its requests and makes all
    /// changes durable.
    ///
    /// # Errors
    /// The inventory cannot be closed.
    pub(super) fn close(self) -> anyhow::Result<()> {
        drop(self.client);
        match self.local {
            Some(local) => local.close(),
            None => Ok(()),
        }
    }
}

impl RemoteTarget {
    /// Parses a server's address: `http://` or `https://`, a host and optionally a port.
    ///
    /// # Errors
    /// The address has another form, or the user is missing or contains a colon.
    fn parse(
        text: &str,
        user: Option<String>,
        password_file: Option<PathBuf>,
        trust: Trust,
    ) -> anyhow::Result<Self> {
        let example = "Use an address like https://satchel.example:8443";
        let base: Uri = text
            .trim_end_matches('/')
            .parse()
            .with_context(|| format!("“{text}” is not the address of a server. {example}"))?;
        let scheme = base.scheme_str();
        let host = base.host().unwrap_or_default();
        if !matches!(scheme, Some("http" | "https")) || host.is_empty() {
            bail!("“{text}” is not the address of a server. {example}");
        }
        if base.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            bail!(
                "The server's address must not contain a user or password, because other users of \
                 this machine can read it. Use --user, and --password-file or SATCHEL_PASSWORD"
            );
        }
        if base.path() != "/" || base.query().is_some() {
            bail!("“{text}” contains more than a host and a port. {example}");
        }
        let credentials = match user {
            Some(user) if user.contains(':') => {
                bail!(
                    "The user “{user}” cannot log in over HTTP, because the name contains a colon"
                )
            }
            Some(name) => RemoteCredentials::User { name, password_file },
            None if token().is_some() => RemoteCredentials::Token,
            None => bail!(
                "--server also needs --user NAME (SATCHEL_USER), or a token in {TOKEN_VARIABLE}"
            ),
        };
        if scheme == Some("http") && matches!(trust, Trust::Pinned(_)) {
            bail!("--fingerprint needs an encrypted connection: https://");
        }
        Ok(Self { base, credentials, trust })
    }

    /// The certificate that is accepted: of a server that no option names, the remembered one. The user is
    /// asked about one that is unknown and that no public authority signed.
    ///
    /// # Errors
    /// The server cannot be reached, its certificate has changed, or the user does not accept it.
    fn decided_trust(&self) -> anyhow::Result<Trust> {
        if !matches!(self.trust, Trust::Public) || self.base.scheme_str() != Some("https") {
            return Ok(self.trust.clone());
        }
        let mut known = KnownServers::read()?;
        if let Some(remembered) = known.find(&self.base)? {
            known.compare(&self.base, remembered, shown_fingerprint(&self.base)?)?;
            return Ok(Trust::Pinned(remembered));
        }
        if is_publicly_trusted(&self.base) {
            return Ok(Trust::Public);
        }
        let shown = shown_fingerprint(&self.base)?;
        known.ask(&self.base, shown)?;
        Ok(Trust::Pinned(shown))
    }

    /// Returns whether other users of the network could read the password.
    fn is_unencrypted(&self) -> bool {
        let stays_here = host(&self.base) == "localhost" || is_loopback(&self.base);
        self.base.scheme_str() == Some("http") && !stays_here
    }
}

/// A random password for one run of the server within this process.
fn one_time_password() -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    crate::disk::fill_random(bytes.as_mut_slice())
        .context("The system provides no random numbers")?;
    Ok(Zeroizing::new(hex(bytes.as_slice())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, user: Option<&str>) -> anyhow::Result<RemoteTarget> {
        RemoteTarget::parse(text, user.map(str::to_owned), None, Trust::Public)
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
    fn https_and_loopback_addresses_are_not_unencrypted() {
        let is_unencrypted = |text| parse(text, Some("admin")).unwrap().is_unencrypted();
        for text in ["http://127.0.0.1:8080", "http://[::1]", "http://localhost", "https://a"] {
            assert!(!is_unencrypted(text), "{text}");
        }
        for text in ["http://a", "http://10.0.0.1:8080", "http://localhost.example"] {
            assert!(is_unencrypted(text), "{text}");
        }
    }
}
