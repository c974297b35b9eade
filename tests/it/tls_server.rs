//! A server that listens with and without TLS.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use tempfile::TempDir;

use crate::{
    commands::{assert_exit, run, stdout_of},
    harness::{PATIENCE, peak_kib, satchel, terminate, until, wait},
};

/// A server that listens with and without TLS.
pub(crate) struct TlsServer {
    child: Child,
    /// The URL of the listener with TLS.
    pub https: String,
    /// The URL of the listener without.
    pub http: String,
    pub folder: TempDir,
}

impl TlsServer {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = satchel()
            .args(["serve", "--listen", "https://127.0.0.1:0, http://127.0.0.1:0"])
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut url = |scheme: &str| {
            let line = lines.next().unwrap().unwrap();
            let url = line.strip_prefix("satchel is listening on ").unwrap();
            assert!(url.starts_with(&format!("{scheme}://127.0.0.1:")), "{url}");
            url.to_owned()
        };
        let (https, http) = (url("https"), url("http"));
        Self { child, https, http, folder }
    }

    pub(crate) fn socket(&self) -> TcpStream {
        let address: SocketAddr = self.https.strip_prefix("https://").unwrap().parse().unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    pub(crate) fn certificate(&self) -> String {
        self.folder.path().join("data/tls/certificate.pem").to_str().unwrap().to_owned()
    }

    /// The fingerprint of the certificate that the server shows.
    pub(crate) fn shown(&self) -> String {
        let output = run(satchel().args(["fingerprint", "--server", &self.https]));
        assert_exit(&output, 0);
        stdout_of(&output).trim().to_owned()
    }

    pub(crate) fn verify(&self, words: &[&str]) -> Output {
        let mut command = satchel();
        command.args(["verify", "--server", &self.https, "--user", "admin"]).args(words);
        // The servers that the user of this machine knows are not looked at.
        command.env("XDG_CONFIG_HOME", self.folder.path());
        run(command.env("SATCHEL_PASSWORD", "admin"))
    }

    pub(crate) fn curl(&self, words: &[&str]) -> Output {
        let url = format!("{}/rest/is_alive", self.https);
        Command::new("curl")
            .args(["-sS", "-i", "--noproxy", "*"])
            .args(words)
            .arg(url)
            .output()
            .unwrap()
    }
}

impl TlsServer {
    /// The peak memory of the server up to now, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        peak_kib(self.child.id())
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        terminate(self.child.id());
    }

    /// Waits until the server accepts no more connections.
    pub(crate) fn wait_until_closed(&self) {
        let address = self.https.strip_prefix("https://").unwrap();
        until(|| TcpStream::connect(address).is_err());
    }

    /// Waits until the server has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
