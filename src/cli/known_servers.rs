//! The servers whose certificates the user trusts, as ssh knows its hosts: a file with one line for each
//! server, `HOST:PORT FINGERPRINT`.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use ureq::http::Uri;

use super::{
    confirm::{can_ask, confirmed},
    server_address::host,
};
use crate::{
    disk::{create_directory_durably, write_private_file},
    tls::Fingerprint,
};

/// The port of an address without one.
const HTTPS_PORT: u16 = 443;

/// The file in the folder for the settings of users' programs.
const FILE: &str = "satchel/known_servers";

/// The known servers of the user who runs the command.
pub(super) struct KnownServers {
    /// `None` if the environment names no folder.
    path: Option<PathBuf>,
    lines: Vec<String>,
}

impl KnownServers {
    /// Reads the file: `$XDG_CONFIG_HOME/satchel/known_servers`, or `~/.config/satchel/known_servers`. A
    /// missing one is empty.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn read() -> anyhow::Result<Self> {
        let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let path = folder("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| folder("HOME").map(|home| Path::new(&home).join(".config")))
            .map(|folder| folder.join(FILE));
        let text = match &path {
            Some(path) => match fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                Err(error) => {
                    return Err(error).with_context(|| format!("Cannot read {}", path.display()));
                }
            },
            None => String::new(),
        };
        Ok(Self { path, lines: text.lines().map(str::to_owned).collect() })
    }

    /// Returns the remembered fingerprint of a server.
    ///
    /// # Errors
    /// The line of the server has another form.
    pub(super) fn find(&self, server: &Uri) -> anyhow::Result<Option<Fingerprint>> {
        let name = name(server);
        for line in &self.lines {
            if let Some((known, fingerprint)) = line.split_once(' ')
                && known == name
            {
                let fingerprint = fingerprint.parse::<Fingerprint>();
                return fingerprint.map(Some).with_context(|| {
                    format!("Cannot read the line of {name} in {}", self.shown())
                });
            }
        }
        Ok(None)
    }

    /// Compares the certificate of a server with the remembered one.
    ///
    /// # Errors
    /// They differ.
    pub(super) fn compare(
        &self,
        server: &Uri,
        remembered: Fingerprint,
        shown: Fingerprint,
    ) -> anyhow::Result<()> {
        if remembered == shown {
            return Ok(());
        }
        bail!(
            "The certificate of {server} has changed. Remembered fingerprint: {remembered}. Fingerprint now: \
             {shown}. Somebody may be between this machine and the server. If the certificate was \
             replaced, compare the new fingerprint with the output of `satchel fingerprint` on the \
             server's machine, and remove the line of {} from {}",
            name(server),
            self.shown()
        )
    }

    /// Asks the user whether the certificate of an unknown server is the right one, and remembers it.
    ///
    /// # Errors
    /// The user does not accept it, there is no terminal to ask on, or the file cannot be written.
    pub(super) fn ask(&mut self, server: &Uri, shown: Fingerprint) -> anyhow::Result<()> {
        let found = format!(
            "The certificate of {server} is not signed by a public authority. Its SHA-256 fingerprint is \
             {shown}."
        );
        let compare = "Compare it with the output of `satchel fingerprint` on the server's machine";
        if !can_ask() {
            bail!(
                "{found} {compare}, and pass it with --fingerprint. If your own authority signed the \
                 certificate, pass that with --ca FILE"
            );
        }
        if !confirmed(&format!("{found}\n{compare}. Trust it from now on?"))? {
            bail!("The certificate of {server} is not trusted. Nothing was sent");
        }
        self.remember(server, shown)
    }

    fn remember(&mut self, server: &Uri, fingerprint: Fingerprint) -> anyhow::Result<()> {
        self.lines.push(format!("{} {fingerprint}", name(server)));
        let Some(path) = &self.path else { return Ok(()) };
        let text = self.lines.join("\n") + "\n";
        let failed = || format!("Cannot write {}", path.display());
        if let Some(folder) = path.parent() {
            create_directory_durably(folder).with_context(failed)?;
        }
        write_private_file(path, &path.with_extension("new"), text.as_bytes()).with_context(failed)
    }

    fn shown(&self) -> String {
        self.path.as_ref().map_or_else(String::new, |path| path.display().to_string())
    }
}

/// The name of a server in the file.
fn name(server: &Uri) -> String {
    let host = host(server).to_ascii_lowercase();
    let port = server.port_u16().unwrap_or(HTTPS_PORT);
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_server_is_found_by_its_host_and_port() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/known_servers");
        let mut known = KnownServers { path: Some(path.clone()), lines: Vec::new() };
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        let (one, other) = (Fingerprint::of(b"one"), Fingerprint::of(b"other"));
        known.remember(&uri("https://Inventory.example.net"), one).unwrap();
        known.remember(&uri("https://[::1]:8443"), other).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("inventory.example.net:443 {one}\n[::1]:8443 {other}\n"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let known =
            KnownServers { path: Some(path), lines: text.lines().map(str::to_owned).collect() };
        assert_eq!(known.find(&uri("https://inventory.example.net:443")).unwrap(), Some(one));
        assert_eq!(known.find(&uri("https://[::1]:8443")).unwrap(), Some(other));
        assert_eq!(known.find(&uri("https://[::1]:8444")).unwrap(), None);
        let changed =
            known.compare(&uri("https://[::1]:8443"), other, one).unwrap_err().to_string();
        assert!(changed.contains(&one.to_string()) && changed.contains(&other.to_string()));
        let wrong = KnownServers { path: None, lines: vec!["a:443 x".to_owned()] };
        assert!(wrong.find(&uri("https://a")).is_err());
    }
}
