//! The server of one test, and a client that can also send invalid requests.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

/// The maximum waiting time of a test. The largest records take a minute without optimisation on a
/// busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

const READY: &str = "satchel is listening on http://";

/// The header that the pages of the server send.
pub(crate) const PAGE_HEADER: &str = "X-Satchel-Request";

/// The administrator of an empty inventory.
pub(crate) const ADMIN: (&str, &str) = ("admin", "admin");

/// A user who is not an administrator.
pub(crate) const GUEST: (&str, &str) = ("guest", "Oslo Fjord 9");

/// A running `satchel serve`; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub address: SocketAddr,
    /// `None` after the directory is passed to another server.
    directory: Option<TempDir>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more arguments, and waits for the line that reports that it is ready.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), arguments, &[])
    }

    /// Starts a server with these environment variables.
    pub(crate) fn start_with_environment(variables: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), &[], variables)
    }

    /// Starts a server whose data directory is in `folder`.
    pub(crate) fn start_on(folder: &Path) -> Self {
        Self::start_in(tempfile::tempdir_in(folder).unwrap(), &[], &[])
    }

    /// Starts a server on the folder `data` of a directory.
    pub(crate) fn start_on_data(directory: TempDir) -> Self {
        Self::start_in(directory, &[], &[])
    }

    /// Kills the server with SIGKILL. Returns the directory that contains its folder `data`.
    pub(crate) fn kill_and_keep(mut self) -> TempDir {
        self.kill();
        self.directory.take().unwrap()
    }

    /// Starts a server whose data directory is in `folder`, with more arguments.
    pub(crate) fn start_on_with(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir_in(folder).unwrap(), arguments, &[])
    }

    /// Kills the server with SIGKILL. Another server can be started on its data directory.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Starts a server on the data directory of a killed one.
    pub(crate) fn start_again(mut self) -> Self {
        self.kill();
        let directory = self.directory.take().unwrap();
        Self::start_in(directory, &[], &[])
    }

    /// Starts a server on the data directory of a killed one, with more arguments.
    pub(crate) fn start_again_with(mut self, arguments: &[&str]) -> Self {
        self.kill();
        let directory = self.directory.take().unwrap();
        Self::start_in(directory, arguments, &[])
    }

    fn start_in(directory: TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = command(&directory.path().join("data"));
        command.args(arguments).envs(variables.iter().copied());
        let log = File::options().create(true).append(true).open(directory.path().join("log"));
        Self::spawn(directory, command, log.unwrap().into())
    }

    /// Starts a server with another standard error than the file that [`Server::log`] reads.
    pub(crate) fn start_with_stderr(arguments: &[&str], stderr: Stdio) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = command(&directory.path().join("data"));
        command.args(arguments);
        Self::spawn(directory, command, stderr)
    }

    /// Starts a server with a limit on the size of its files, in KiB, on the data directory of an
    /// ended server.
    pub(crate) fn start_again_with_file_limit(self, kib: u64) -> Self {
        self.start_again_with_file_limit_and(kib, &[])
    }

    /// Starts a server like [`Server::start_again_with_file_limit`], with more arguments.
    pub(crate) fn start_again_with_file_limit_and(mut self, kib: u64, arguments: &[&str]) -> Self {
        self.kill();
        let directory = self.directory.take().unwrap();
        let mut serve = command(&directory.path().join("data"));
        serve.args(arguments);
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -f \"$1\"; shift; exec \"$@\"", "sh"]);
        // The shell counts blocks of 512 bytes.
        limited.arg((2 * kib).to_string()).arg(serve.get_program()).args(serve.get_args());
        limited.env("SATCHEL_CONFIG", "");
        // A log in a file would have the same limit.
        Self::spawn(directory, limited, Stdio::null())
    }

    /// Starts a server that can have this number of open files, on the data directory of an ended server.
    pub(crate) fn start_again_with_open_files(mut self, count: u32) -> Self {
        self.kill();
        let directory = self.directory.take().unwrap();
        let serve = command(&directory.path().join("data"));
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh"]);
        limited.arg(count.to_string()).arg(serve.get_program()).args(serve.get_args());
        limited.env("SATCHEL_CONFIG", "");
        Self::spawn(directory, limited, Stdio::null())
    }

    fn spawn(directory: TempDir, mut command: Command, stderr: Stdio) -> Self {
        if command.get_args().all(|argument| argument != "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command
            .args(["--log-format", "json"])
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(address) = line.trim_end().strip_prefix(READY) else {
            let log = fs::read_to_string(directory.path().join("log")).unwrap_or_default();
            let _ = child.kill();
            panic!("no ready line but {line:?}, and the log says {log}");
        };
        let address = address.parse().unwrap();
        Self { child, address, directory: Some(directory) }
    }

    /// A server that was started with [`command`], and the line that it printed when it was ready.
    pub(crate) fn adopt(child: Child, line: &str) -> Self {
        let address = line.trim_end().strip_prefix(READY).unwrap().parse().unwrap();
        Self { child, address, directory: None }
    }

    fn directory(&self) -> &Path {
        self.directory.as_ref().unwrap().path()
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory().join("data")
    }

    /// The file of a project's bundle.
    pub(crate) fn bundle(&self, name: &str) -> PathBuf {
        self.data().join("migrations").join(format!("{name}.zip"))
    }

    /// The peak memory of the server up to now, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        peak_kib(self.child.id())
    }

    /// The log up to now, line by line.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory().join("log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// A request that is sent on its own connection.
    pub(crate) fn request(&self, method: &str, target: &str) -> Request<'_> {
        Request {
            server: self,
            head: format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.address),
            is_head: method == "HEAD",
            body: Vec::new(),
        }
    }

    /// Logs in as a browser does. Returns the cookie of the session.
    pub(crate) fn begin_session(&self, login: (&str, &str)) -> String {
        let begun = self.request("POST", "/rest/session").login(login).body("").send();
        assert_eq!(begun.status, 201, "{begun:?}");
        let (cookie, _) = begun.header("set-cookie").unwrap().split_once(';').unwrap();
        cookie.to_owned()
    }

    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Connection(BufReader::new(stream))
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        terminate(self.child.id());
    }

    /// Waits until the server accepts no more connections.
    pub(crate) fn wait_until_closed(&self) {
        until(|| TcpStream::connect(self.address).is_err());
    }

    /// Waits until the server has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

/// The peak memory of a process up to now, in KiB.
pub(crate) fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Sends SIGTERM to a process.
pub(crate) fn terminate(process: u32) {
    let kill = Command::new("kill").args(["-TERM", &process.to_string()]).status();
    assert!(kill.unwrap().success());
}

/// Waits until a process has ended.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let mut status = None;
    until(|| {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `satchel serve --data DIR` with an empty environment.
pub(crate) fn command(data: &Path) -> Command {
    let mut command = satchel();
    command.arg("serve").arg("--data").arg(data);
    command
}

/// The executable, without the environment and the settings file of the machine.
pub(crate) fn satchel() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_satchel"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SATCHEL_")) {
        command.env_remove(name);
    }
    // The variables of a supervisor of the tests must not reach the started processes.
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        command.env_remove(name);
    }
    // An empty name means no settings file, even if /etc/satchel.toml exists.
    command.env("SATCHEL_CONFIG", "");
    command
}

/// Polls until the condition holds.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Builds a request.
pub(crate) struct Request<'a> {
    server: &'a Server,
    head: String,
    is_head: bool,
    body: Vec<u8>,
}

impl Request<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    /// Sends another `Host` than the server's address.
    pub(crate) fn host(mut self, host: &str) -> Self {
        let own = format!("Host: {}", self.server.address);
        self.head = self.head.replacen(&own, &format!("Host: {host}"), 1);
        self
    }

    pub(crate) fn login(self, (name, password): (&str, &str)) -> Self {
        let token = STANDARD.encode(format!("{name}:{password}"));
        self.header("Authorization", &format!("Basic {token}"))
    }

    /// Sends the cookie of a session, and the header of a page.
    pub(crate) fn session(self, cookie: &str) -> Self {
        self.header("Cookie", cookie).header(PAGE_HEADER, "1")
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("Content-Length", &length)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    /// The bytes of the request.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head().as_bytes(), &self.body].concat()
    }

    /// The bytes of the head.
    pub(crate) fn head(&self) -> String {
        format!("{}\r\n", self.head)
    }

    /// Sends the request and reads the response.
    pub(crate) fn send(self) -> Answer {
        let mut connection = self.server.connect();
        connection.send(self.head().as_bytes());
        // A server that responds early can close the connection before it has received everything.
        connection.offer(&self.body);
        connection.read_answer(self.is_head)
    }
}

/// One connection, byte for byte.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Sends as much as the server accepts.
    pub(crate) fn offer(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }

    pub(crate) fn answer(&mut self) -> Answer {
        self.read_answer(false)
    }

    /// Sends nothing more, and reads until the server has closed the connection.
    pub(crate) fn read_to_end(&mut self) {
        let _ = self.0.get_ref().shutdown(Shutdown::Write);
        let _ = self.0.read_to_end(&mut Vec::new());
    }

    /// The status of a response, which can be incomplete.
    pub(crate) fn status(&mut self) -> Option<u16> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok()?;
        line.split(' ').nth(1)?.parse().ok()
    }

    /// Returns whether the server sends nothing for this time.
    pub(crate) fn is_silent_for(&mut self, wait: Duration) -> bool {
        self.0.get_ref().set_read_timeout(Some(wait)).unwrap();
        let read = self.0.fill_buf().map(<[u8]>::len);
        self.0.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        matches!(read, Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Returns whether the server closes the connection without further data.
    pub(crate) fn is_ended(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads a response. A response to HEAD declares a body but has none.
    pub(crate) fn read_answer(&mut self, is_head: bool) -> Answer {
        let mut answer = self.read_head();
        let is_bare = is_head || matches!(answer.status, 100..=199 | 204 | 304);
        if is_bare {
            return answer;
        }
        match answer.header("content-length") {
            Some(length) => {
                answer.body.resize(length.parse().unwrap(), 0);
                self.0.read_exact(&mut answer.body).unwrap();
            }
            None => {
                assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
                while self.read_chunk(&mut answer.body) {}
            }
        }
        answer
    }

    /// Reads the status and the headers of a response.
    pub(crate) fn read_head(&mut self) -> Answer {
        let first = self.line();
        let status = first.split(' ').nth(1).unwrap_or_else(|| panic!("no answer but {first:?}"));
        let status = status.parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Answer { status, headers, body: Vec::new() }
    }

    /// Reads a chunk of a response. Returns false for the last one, which has no bytes.
    pub(crate) fn read_chunk(&mut self, body: &mut Vec<u8>) -> bool {
        let bytes = usize::from_str_radix(&self.line(), 16).expect("the size of a chunk");
        let begin = body.len();
        body.resize(begin + bytes, 0);
        self.0.read_exact(&mut body[begin..]).unwrap();
        assert_eq!(self.line(), "");
        bytes > 0
    }
}

/// A response of the server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Returns the problem, and checks the members that every problem has.
    pub(crate) fn problem(&self, status: u16, word: &str) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status);
        let r#type = problem["type"].as_str().unwrap();
        assert!(r#type.starts_with("tag:") && r#type.ends_with(&format!("/{word}")), "{type}");
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(problem["detail"].as_str().unwrap().ends_with(['.', '?', ')']), "{problem}");
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem
    }
}
