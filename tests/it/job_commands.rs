//! Commands that follow a job: progress, Ctrl-C, and servers that know no jobs.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::harness::{ADMIN, Server, satchel};
use crate::jobs::{DEVICES, Held, closed, jobs, project, until, working};
use crate::project::{Documents, imported, inventory, names, put_folder};

/// A project's folder with many devices.
fn big(folder: &Path, site: &str) -> PathBuf {
    folder_of(folder, site, DEVICES)
}

fn folder_of(folder: &Path, site: &str, devices: usize) -> PathBuf {
    let path = folder.join("Big 1");
    fs::create_dir(&path).unwrap();
    for (kind, text) in project(site, devices) {
        fs::write(path.join(format!("{kind}.yaml")), text).unwrap();
    }
    path
}

/// A command against a server.
fn at(server: &Server, words: &[&str]) -> Command {
    let mut command = satchel();
    command.args(words).args(["--server", &format!("http://{}", server.address)]);
    command.args(["--user", ADMIN.0]).env("SATCHEL_PASSWORD", ADMIN.1);
    command
}

fn on(data: &Path, words: &[&str]) -> Command {
    let mut command = satchel();
    command.args(words).arg("--data").arg(data);
    command
}

/// A running command, and its standard error.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

/// The output and the exit code of a command.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Running {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, said: String::new() }
    }

    /// Reads lines up to one that contains `text`.
    fn wait_for(&mut self, text: &str) {
        loop {
            let begin = self.said.len();
            let bytes = self.stderr.read_line(&mut self.said).unwrap();
            assert!(bytes > 0, "no {text:?} in {}", self.said);
            if self.said[begin..].contains(text) {
                return;
            }
        }
    }

    /// Ctrl-C.
    fn interrupt(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    }

    fn end(mut self) -> Ended {
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut self.said).unwrap();
        Ended { code: self.child.wait().unwrap().code(), stdout, stderr: self.said }
    }
}

impl Ended {
    #[track_caller]
    fn require(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
    }
}

/// Starts an operation on a given number of devices, and interrupts it when it prints `step`.
///
/// On a busy machine the operation can finish before the signal. Then it is started again with more
/// devices. `start` creates everything again each time.
fn interrupted<C>(step: &str, start: impl Fn(usize) -> (C, Running)) -> (C, Ended) {
    for devices in [DEVICES, 4 * DEVICES, 16 * DEVICES] {
        let (context, mut running) = start(devices);
        running.wait_for(step);
        running.interrupt();
        let ended = running.end();
        if ended.code == Some(130) {
            return (context, ended);
        }
        eprintln!("{devices} devices, not cancelled: {}{}", ended.stdout, ended.stderr);
    }
    panic!("no operation was cancelled");
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn projects(server: &Server) -> Value {
    server.request("GET", "/rest/migrate/projects").login(ADMIN).send().json()["projects"].clone()
}

/// Asserts that the data directory contains a new inventory: intact, with only its first user.
fn require_new_inventory(data: &Path) {
    let verified = on(data, &["verify", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((&report["whole"], &report["records"]), (&json!(true), &json!(1)), "{report}");
}

/// A server with some records.
fn with_some() -> (Server, Documents) {
    let server = Server::start();
    put_folder(&server, "small", &project("Genève", 5));
    imported(&server, "small", json!({}));
    let before = inventory(&server);
    (server, before)
}

#[test]
fn ctrl_c_cancels_a_job_at_a_server() {
    for (command, more) in
        [("import", &["-v"][..]), ("import", &["-v", "--dry-run"]), ("diff", &["-v"])]
    {
        let start = |devices| {
            let (server, before) = with_some();
            let folder = tempfile::tempdir().unwrap();
            let from = folder_of(folder.path(), "Évora", devices);
            let projects_before = projects(&server);
            let words = [&[command, word(&from)], more].concat();
            let running = Running::start(at(&server, &words));
            ((server, before, projects_before, folder), running)
        };
        let ((server, before, projects_before, _folder), ended) = interrupted("applying", start);
        assert!(
            ended.stderr.ends_with("satchel: Cancelled: nothing was changed.\n"),
            "{}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "");
        assert_eq!(jobs(&server)[0]["operation"], "import_project");
        assert_eq!(jobs(&server)[0]["state"], "cancelled");
        assert!(inventory(&server) == before, "the inventory is another one");
        // The project library contains only the export of this test.
        assert_eq!(
            projects(&server).as_array().unwrap().len(),
            projects_before.as_array().unwrap().len()
        );
    }
}

#[test]
fn ctrl_c_cancels_an_export_and_a_verification() {
    for (words, step) in
        [(&["export", "out", "-v"][..], "exporting:"), (&["verify", "-v"], "reading")]
    {
        let start = |devices| {
            let server = Server::start();
            put_folder(&server, "big", &project("Évora", devices));
            imported(&server, "big", json!({}));
            let running = Running::start(at(&server, words));
            (server, running)
        };
        let (server, ended) = interrupted(step, start);
        assert!(ended.stderr.contains("Cancelled: nothing was changed."), "{}", ended.stderr);
        assert!(!server.bundle("out").exists());
    }
}

#[test]
fn ctrl_c_cancels_on_a_data_directory() {
    let start = |devices| {
        let folder = tempfile::tempdir().unwrap();
        let from = folder_of(folder.path(), "Évora", devices);
        let data = folder.path().join("data");
        let words = ["import", word(&from), "-v", "--create", "--types", "device"];
        let running = Running::start(on(&data, &words));
        ((folder, data), running)
    };
    let ((_folder, data), ended) = interrupted("applying", start);
    assert!(ended.stderr.contains("Cancelled: nothing was changed."), "{}", ended.stderr);
    assert!(!data.join("migrations/Big 1.zip").exists());
    assert!(!data.join("inventory-2").exists());
    require_new_inventory(&data);
}

#[test]
fn ctrl_c_after_the_commit_prints_a_note_and_the_report() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let from = big(folder.path(), "Évora");
    let words = ["import", word(&from), "--types", "device", "--json"];
    let mut running = Running::start(at(&server, &words));
    let location = working(&server, "import_project");
    let held = Held::new(&server.data(), location.rsplit('/').next().unwrap());
    closed(&server, &location);
    running.interrupt();
    running.wait_for("cancelling");
    held.release();
    let ended = running.end();
    ended.require(0);
    assert!(
        ended.stderr.contains("Too late to cancel: the import has finished."),
        "{}",
        ended.stderr
    );
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["outcome"], "imported");
    assert_eq!(names(&inventory(&server), "device").len(), DEVICES);
}

#[test]
fn a_second_ctrl_c_exits_and_prints_how_to_follow_the_job() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let from = big(folder.path(), "Évora");
    let mut running = Running::start(at(&server, &["import", word(&from), "--types", "device"]));
    let location = working(&server, "import_project");
    let held = Held::new(&server.data(), location.rsplit('/').next().unwrap());
    closed(&server, &location);
    running.interrupt();
    running.wait_for("cancelling");
    running.interrupt();
    let ended = running.end();
    ended.require(130);
    let look = format!("curl --user admin http://{}{location}\n", server.address);
    assert!(ended.stderr.contains(&look), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    // The server continues.
    held.release();
    until(|| jobs(&server)[0]["state"] == "finished");
}

#[test]
fn a_second_ctrl_c_ends_the_work_on_a_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let from = big(folder.path(), "Évora");
    let data = folder.path().join("data");
    let mut running =
        Running::start(on(&data, &["import", word(&from), "-v", "--create", "--types", "device"]));
    running.wait_for("applying");
    let id = fs::read_dir(data.join("jobs")).unwrap().next().unwrap().unwrap().path();
    let held = Held::new(&data, id.file_stem().unwrap().to_str().unwrap());
    running.wait_for("making durable");
    // Held before the pointer is switched: the first Ctrl-C might be in time or not, the second ends it.
    running.interrupt();
    running.wait_for("cancelling");
    running.interrupt();
    let ended = running.end();
    ended.require(130);
    drop(held);
    for half in fs::read_dir(data.join("jobs")).unwrap().map(|entry| entry.unwrap().path()) {
        if half.extension().is_some_and(|extension| extension == "new") {
            fs::remove_file(half).unwrap();
        }
    }
    require_new_inventory(&data);
}

#[test]
fn progress_is_lines_with_verbose_and_omitted_without() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let from = big(folder.path(), "Évora");
    let quiet = Running::start(at(&server, &["diff", word(&from), "--types", "device"])).end();
    quiet.require(1);
    assert_eq!(quiet.stderr.lines().count(), 1, "{}", quiet.stderr);
    let loud = Running::start(at(&server, &["diff", word(&from), "--types", "device", "-v"])).end();
    loud.require(1);
    let total = format!(" of {} records", DEVICES + 1);
    let line = loud.stderr.lines().find(|line| line.starts_with("satchel: comparing: applying: "));
    assert!(line.is_some_and(|line| line.contains(&total)), "{}", loud.stderr);
    assert_eq!(loud.stdout.lines().next(), quiet.stdout.lines().next());
}

/// Runs a command on a terminal of `script`.
#[test]
fn progress_is_a_bar_on_a_terminal() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let from = big(folder.path(), "Évora");
    let line = format!(
        "'{}' import '{}' --types device --server http://{} --user admin",
        env!("CARGO_BIN_EXE_satchel"),
        from.display(),
        server.address
    );
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env("SATCHEL_PASSWORD", ADMIN.1);
    script.env("SATCHEL_CONFIG", "").env("TERM", "xterm").env("COLUMNS", "120");
    let output = script.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let bar = format!("/{} ", group(DEVICES + 1));
    let shown = text.split(['\r', '\n']).find(|line| line.contains(&bar));
    let shown = shown.unwrap_or_else(|| panic!("no bar in {text}"));
    assert!(shown.contains("importing: applying"), "{shown:?}");
    assert!(text.contains("/s ") && text.contains(" left"), "{text}");
}

/// 60001 as 60,001.
fn group(number: usize) -> String {
    format!("{},{:03}", number / 1000, number % 1000)
}

/// A server of an older version without jobs returns the report.
#[test]
fn commands_work_with_a_server_without_jobs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answering = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0);
        }
        let report = json!({
            "whole": true, "summary": "All is well.", "records": 0, "types": [], "references": 0,
            "members": 0, "texts": 0, "secrets": 0, "findings": {"total": 0, "shown": []},
        });
        let report = report.to_string();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{report}",
            report.len()
        );
        reader.get_mut().write_all(answer.as_bytes()).unwrap();
        head
    });
    let mut command = satchel();
    command.args(["verify", "--server", &format!("http://{address}"), "--user", "admin"]);
    let ended = Running::start({
        command.env("SATCHEL_PASSWORD", "x");
        command
    })
    .end();
    ended.require(0);
    assert!(ended.stdout.starts_with("All is well.\n"), "{}", ended.stdout);
    let head = answering.join().unwrap().to_ascii_lowercase();
    assert!(head.contains("prefer: respond-async\r\n"), "{head}");
}

/// A server that reads slowly.
#[test]
fn ctrl_c_cancels_an_upload() {
    let folder = tempfile::tempdir().unwrap();
    // More than the kernel buffers for a connection.
    let much = 64 * 1024 * 1024;
    let (bundle, table) = (folder.path().join("a.zip"), folder.path().join("a.csv"));
    fs::write(&bundle, [&b"PK\x03\x04"[..], &vec![b'x'; much]].concat()).unwrap();
    fs::write(&table, vec![b'x'; much]).unwrap();
    for (file, first) in [
        (&bundle, "PUT /rest/migrate/projects/a HTTP/1.1\r\n"),
        (&table, "POST /rest/topology/import?"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut command = satchel();
        command.args(["import", word(file), "--kind", "device"]);
        if file == &bundle {
            command = satchel();
            command.args(["import", word(file)]);
        }
        command.args(["--server", &format!("http://{address}"), "--user", "admin"]);
        let mut running = Running::start({
            command.env("SATCHEL_PASSWORD", "x");
            command
        });
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = vec![0; first.len()];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(String::from_utf8(head).unwrap(), first);
        running.interrupt();
        running.wait_for("cancelling");
        let taken = std::io::copy(&mut stream, &mut std::io::sink()).unwrap_or(0);
        assert!(taken < much as u64, "the upload came in whole");
        let ended = running.end();
        ended.require(130);
        assert!(ended.stderr.ends_with("Cancelled: nothing was changed.\n"), "{}", ended.stderr);
    }
}

/// A job that another user cancels is a failure.
#[test]
fn a_job_that_another_user_cancels_is_an_error() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let from = big(folder.path(), "Évora");
    let running = Running::start(at(&server, &["import", word(&from)]));
    let location = working(&server, "import_project");
    assert_eq!(server.request("DELETE", &location).login(ADMIN).send().status, 202);
    let ended = running.end();
    ended.require(1);
    assert!(ended.stderr.contains("Another user cancelled the import"), "{}", ended.stderr);
}
