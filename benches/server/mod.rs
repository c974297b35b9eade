//! A server in a separate process.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Satchel on a data directory.
    pub(crate) fn satchel(data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_satchel"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        // The log is written as usual, but no process reads it.
        let log = fs::File::create(data.with_extension("log")).unwrap();
        Self::start(command.stderr(log))
    }

    /// A command that prints a line ending with `//ADDRESS:PORT` when it is ready.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit('/').next().unwrap().parse().unwrap();
        Self { child, address }
    }

    /// A value of the process's memory, in KiB: `VmRSS` is the current memory, `VmHWM` the peak.
    pub(crate) fn memory_kib(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
