//! Tests of the commands, on a data directory and against a running server.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use zip::ZipArchive;

use crate::harness::{PATIENCE, Server, satchel, until};
use crate::project::{KINDS, demo, golden};

/// A folder for the files of a command. Its data directory does not exist yet.
pub(crate) struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A workspace in the folder of a server that has ended.
    pub(crate) fn in_folder(folder: tempfile::TempDir) -> Self {
        Self { folder }
    }

    /// Creates a workspace with the sample inventory.
    pub(crate) fn with_demo() -> Self {
        let workspace = Self::new();
        let output = workspace.on_directory(&["import", text(&demo()), "--create", "--quiet"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        workspace
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The folder, for a server on its data directory.
    pub(crate) fn into_folder(self) -> tempfile::TempDir {
        self.folder
    }

    pub(crate) fn on_directory(&self, words: &[&str]) -> Output {
        run(satchel().args(words).arg("--data").arg(self.data()))
    }
}

pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    for text in [&output.stdout, &output.stderr].map(|bytes| str::from_utf8(bytes)) {
        // A bundle is not text.
        assert!(text.is_err() || !text.unwrap().contains('\u{1b}'), "escape codes: {text:?}");
    }
    output
}

pub(crate) fn at_server(server: &Server, password: &str, words: &[&str]) -> Output {
    let url = format!("http://{}", server.address);
    run(satchel()
        .args(words)
        .args(["--server", &url, "--user", "admin"])
        .env("SATCHEL_PASSWORD", password))
}

/// Runs a command on the data directory, on a terminal (of `script`) where `answer` is typed.
pub(crate) fn on_terminal(data: &Path, words: &[&str], answer: &str) -> Output {
    let program = satchel();
    let mut line = vec![program.get_program().to_str().unwrap()];
    line.extend_from_slice(words);
    line.extend(["--data", text(data)]);
    let line: Vec<_> = line.iter().map(|word| format!("'{word}'")).collect();
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"]);
    command.env("SATCHEL_CONFIG", "");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(crate) fn stderr_of(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn stdout_of(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
pub(crate) fn assert_exit(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout_of(output), stderr_of(output));
}

/// A response without the values that differ in each run.
pub(crate) fn json(output: &Output) -> Value {
    let mut value: Value = serde_json::from_slice(&output.stdout).expect("JSON on standard output");
    forget(&mut value);
    value
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let differing =
                ["export_time", "milliseconds", "report", "request_id", "bytes", "sha256", "time"];
            // Only a server has a setting of rights.
            for name in differing.into_iter().chain(["request", "rights"]) {
                members.remove(name);
            }
            members.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

fn documents(bundle: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(fs::File::open(bundle).unwrap()).unwrap();
    let mut read = |kind: &str| {
        let mut document = Vec::new();
        archive.by_name(&format!("{kind}.yaml")).unwrap().read_to_end(&mut document).unwrap();
        (kind.to_owned(), document)
    };
    KINDS.iter().map(|kind| read(kind)).collect()
}

#[test]
fn an_exported_bundle_reimports_byte_for_byte() {
    let (one, two) = (Workspace::with_demo(), Workspace::new());
    let (first, second) = (one.path("first.zip"), two.path("second.zip"));
    let output = one.on_directory(&["export", "a", "--output", text(&first)]);
    assert_exit(&output, 0);
    assert!(stderr_of(&output).contains("using data directory “"), "{}", stderr_of(&output));
    assert_exit(&two.on_directory(&["import", text(&first), "--create", "--replace", "--yes"]), 0);
    assert_exit(&two.on_directory(&["export", "a", "--output", text(&second)]), 0);
    assert_eq!(documents(&first), documents(&second));
    assert!(!two.data().join("migrations/first.zip").exists(), "it is off the shelf again");
    assert_exit(&two.on_directory(&["diff", text(&first)]), 0);
    assert_exit(&run(satchel().arg("diff").args([&first, &second])), 0);
    assert_exit(&run(satchel().arg("verify").arg(&second)), 0);
}

#[test]
fn a_server_answers_as_a_data_directory_does() {
    let workspace = Workspace::with_demo();
    let server = Server::start();
    assert_exit(&at_server(&server, "admin", &["import", text(&demo()), "--quiet"]), 0);
    let broken = golden().join("missing_ends");
    for (words, code) in [
        (vec!["import", text(&demo()), "--dry-run", "--json"], 0),
        (vec!["import", text(&broken), "--json"], 1),
        (vec!["diff", text(&demo()), "--types", "device,link", "--replace", "--json"], 0),
        (vec!["export", "b", "--no-secrets", "--json"], 0),
        (vec!["export", "b.xlsx", "--workbook", "--json"], 0),
        (vec!["verify", "--json"], 0),
        (vec!["inspect", "--json"], 0),
        (vec!["undo", "--dry-run", "--json"], 0),
        (vec!["undo", "--yes", "--json"], 0),
    ] {
        let (here, there) = (workspace.on_directory(&words), at_server(&server, "admin", &words));
        assert_exit(&here, code);
        assert_exit(&there, code);
        assert!(
            stderr_of(&there).contains("using server http://127.0.0.1"),
            "{}",
            stderr_of(&there)
        );
        assert_eq!(json(&here), json(&there), "{words:?}");
    }
}

#[test]
fn a_dry_run_and_a_diff_change_nothing() {
    let workspace = Workspace::with_demo();
    let folder = workspace.path("other");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("device.yaml"), "- name: R 1%\n  vendor: Nokia\n").unwrap();
    let before = json(&workspace.on_directory(&["inspect", "--json"]));
    let output =
        workspace.on_directory(&["import", text(&folder), "--types", "device", "--dry-run"]);
    assert_exit(&output, 0);
    assert!(stdout_of(&output).contains("R 1%"), "{}", stdout_of(&output));
    assert_exit(&workspace.on_directory(&["diff", text(&folder), "--types", "device"]), 1);
    assert_exit(&workspace.on_directory(&["diff", text(&workspace.path("none.zip"))]), 2);
    assert_exit(&workspace.on_directory(&["diff", text(&golden().join("missing_ends"))]), 2);
    assert_eq!(before, json(&workspace.on_directory(&["inspect", "--json"])));
}

#[test]
fn problems_have_locations() {
    let workspace = Workspace::with_demo();
    let output = workspace.on_directory(&["import", text(&golden().join("missing_ends"))]);
    assert_exit(&output, 1);
    let text = stdout_of(&output);
    assert!(text.contains("Nothing was changed"), "{text}");
    assert!(text.contains("link.yaml, ") && text.contains("line "), "{text}");
}

#[test]
fn a_template_is_written_and_never_replaces_a_file_by_itself() {
    let workspace = Workspace::with_demo();
    let file = workspace.path("to fill in.xlsx");
    let words = ["export", "--template", text(&file)];
    let written = workspace.on_directory(&words);
    assert_exit(&written, 0);
    assert!(stdout_of(&written).contains("Exported the template “to fill in.xlsx”"));
    let imported = workspace.on_directory(&["import", text(&file)]);
    assert_exit(&imported, 0);
    assert!(stdout_of(&imported).contains("the example of the template was left out: row 2"));
    fs::write(&file, "filled in").unwrap();
    let refused = workspace.on_directory(&words);
    assert_exit(&refused, 1);
    assert!(stderr_of(&refused).contains("exists already"), "{}", stderr_of(&refused));
    assert_eq!(fs::read_to_string(&file).unwrap(), "filled in");
    let words = ["export", "--template", "to fill in.xlsx", "--output", text(&file)];
    assert_exit(&workspace.on_directory(&words), 0);
    assert!(fs::read(&file).unwrap().starts_with(b"PK"));
    let old = workspace.path("old.xls");
    let refused = workspace.on_directory(&["export", "--template", text(&old)]);
    assert_exit(&refused, 1);
    assert!(stderr_of(&refused).contains("ends in .xlsx"), "{}", stderr_of(&refused));
    assert!(!old.exists());
}

#[test]
fn a_workbook_is_exported_imported_and_returned_with_marks() {
    let workspace = Workspace::with_demo();
    let workbook = workspace.path("sites.xlsx");
    assert_exit(
        &workspace.on_directory(&["export", "sites.xlsx", "--workbook", "-o", text(&workbook)]),
        0,
    );
    assert_exit(&workspace.on_directory(&["import", text(&workbook), "--dry-run"]), 0);
    let looked = run(satchel().arg("inspect").arg(&workbook));
    assert_exit(&looked, 0);
    assert!(stdout_of(&looked).contains("ip_address"), "{}", stdout_of(&looked));

    let (table, marked) = (workspace.path("t.csv"), workspace.path("marked.xlsx"));
    fs::write(&table, "name,port\nR 1%,22.5\n").unwrap();
    let words = ["import", text(&table), "--kind", "device", "--marked", text(&marked)];
    assert_exit(&workspace.on_directory(&words), 1);
    assert!(fs::read(&marked).unwrap().starts_with(b"PK"));
}

#[test]
fn one_flipped_byte_is_found() {
    let workspace = Workspace::with_demo();
    let bundle = workspace.path("a.zip");
    assert_exit(&workspace.on_directory(&["export", "a", "--output", text(&bundle)]), 0);
    let whole = fs::read(&bundle).unwrap();
    let mut flipped = whole.clone();
    // A position within the first document.
    flipped[200] ^= 1;
    fs::write(&bundle, &flipped).unwrap();
    let output = run(satchel().args(["verify", "--quiet"]).arg(&bundle));
    assert_exit(&output, 1);
    let told = format!("{}{}", stdout_of(&output), stderr_of(&output));
    assert!(told.contains("user.yaml"), "{told}");
    assert_exit(&workspace.on_directory(&["import", text(&bundle)]), 1);
}

#[test]
fn an_undo_reverts_an_import_after_confirmation() {
    let workspace = Workspace::with_demo();
    let output = workspace.on_directory(&["undo"]);
    assert_exit(&output, 1);
    assert!(stderr_of(&output).contains("--yes"), "{}", stderr_of(&output));
    assert_exit(&workspace.on_directory(&["undo", "--yes"]), 0);
    let counted = workspace.on_directory(&["inspect", "--json"]);
    assert_eq!(json(&counted)["records"], 1, "the administrator");
    assert_exit(&workspace.on_directory(&["verify"]), 0);
    assert_exit(&workspace.on_directory(&["undo", "--yes"]), 0);
    assert_exit(&workspace.on_directory(&["diff", text(&demo())]), 0);
}

#[test]
fn a_directory_in_use_names_the_server() {
    let server = Server::start();
    let output = run(satchel().args(["export", "a b", "--data"]).arg(server.data()));
    assert_exit(&output, 1);
    let stderr = stderr_of(&output);
    let ask = format!("satchel export 'a b' --server http://{} --user admin", server.address);
    assert!(stderr.contains(&ask), "{stderr}");
}

#[test]
fn invalid_arguments_are_reported_and_create_nothing() {
    let workspace = Workspace::new();
    for words in [
        ["export", "a"],
        ["inspect", "--json"],
        ["import", text(&demo())],
        ["undo", "--yes"],
        ["import", "no/such.zip"],
    ] {
        let output = workspace.on_directory(&words);
        assert_exit(&output, 1);
        assert!(
            stderr_of(&output).to_lowercase().contains("there is no "),
            "{}",
            stderr_of(&output)
        );
        assert!(!workspace.data().exists());
    }
    let workspace = Workspace::with_demo();
    assert_exit(&workspace.on_directory(&["import", "unheard of"]), 1);
    assert_exit(&workspace.on_directory(&["export", "../x"]), 1);
    assert_exit(&workspace.on_directory(&["export", "x", "--types", "devise"]), 2);
    assert_exit(&workspace.on_directory(&["undo", "--yes", "--server", "http://127.0.0.1:1"]), 2);
}

#[test]
fn a_password_comes_from_a_file_or_the_environment_only() {
    let server = Server::start();
    let output = at_server(&server, "wrong", &["inspect"]);
    assert_exit(&output, 1);
    assert!(stderr_of(&output).contains("password"), "{}", stderr_of(&output));
    let url = format!("http://{}", server.address);
    let login = ["inspect", "--server", &url, "--user", "admin"];
    let output = run(satchel().args(login));
    assert_exit(&output, 1);
    assert!(stderr_of(&output).contains("--password-file"), "{}", stderr_of(&output));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "admin\n").unwrap();
    assert_exit(&run(satchel().args(login).arg("--password-file").arg(&file)), 0);
    // No argument accepts a password.
    assert_exit(&run(satchel().args(login).args(["--password", "admin"])), 2);
    let url = format!("http://admin:admin@{}", server.address);
    assert_exit(&run(satchel().args(["inspect", "--server", &url, "--user", "admin"])), 1);
}

#[test]
fn passwd_changes_the_password_of_a_user_at_a_server() {
    let server = Server::start();
    let set = |user: &str, login: &str| {
        let mut child = satchel()
            .args(["passwd", user, "--user", "admin", "--server"])
            .arg(format!("http://{}", server.address))
            .env("SATCHEL_PASSWORD", login)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // A command that fails before it reads its input has closed the pipe.
        let _ = child.stdin.take().unwrap().write_all("näw näw näw\n".as_bytes());
        child.wait_with_output().unwrap()
    };
    let nobody = set("no / body", "admin");
    assert_exit(&nobody, 1);
    assert!(stderr_of(&nobody).contains("no user"), "{}", stderr_of(&nobody));
    assert_exit(&set("admin", "admin"), 0);
    assert_exit(&at_server(&server, "admin", &["inspect"]), 1);
    assert_exit(&at_server(&server, "näw näw näw", &["inspect"]), 0);
}

#[test]
fn a_closed_output_pipe_is_not_a_failure() {
    let workspace = Workspace::with_demo();
    let (reader, writer) = std::io::pipe().unwrap();
    let other = workspace.path("out");
    fs::create_dir(&other).unwrap();
    let mut child = satchel()
        .args(["export", "a", "--output", text(&other.join("a.zip")), "--json", "--data"])
        .arg(workspace.data())
        .stdin(std::process::Stdio::null())
        .stdout(writer)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(reader);
    let status = child.wait().unwrap();
    // A reader that closes standard output early does not need the rest. This is not a failure.
    assert_eq!(status.code(), Some(0));
    let left: Vec<_> = fs::read_dir(&other).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["a.zip"]);
}

#[test]
fn a_bundle_goes_through_a_pipe() {
    let workspace = Workspace::with_demo();
    let output = workspace.on_directory(&["export", "a", "--output", "-"]);
    assert_exit(&output, 0);
    assert_eq!(output.stdout, fs::read(workspace.data().join("migrations/a.zip")).unwrap());
}

/// Reads a request without a body or with a `Content-Length`. Returns its first line.
fn request(stream: &mut std::net::TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    first.trim_end().to_owned()
}

#[test]
fn ctrl_c_removes_the_uploaded_project_from_the_library() {
    let workspace = Workspace::with_demo();
    let bundle = workspace.path("sent.zip");
    assert_exit(&workspace.on_directory(&["export", "a", "--output", text(&bundle)]), 0);

    // A server that never responds to the import.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let accept = || {
        let mut accepted = None;
        until(|| {
            accepted = listener.accept().ok();
            accepted.is_some()
        });
        let (stream, _) = accepted.unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut child = satchel()
        .args(["import", text(&bundle), "--quiet", "--user", "admin", "--server", &url])
        .env("SATCHEL_PASSWORD", "admin")
        .stdin(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut put = accept();
    assert_eq!(request(&mut put), "PUT /rest/migrate/projects/sent HTTP/1.1");
    put.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        .unwrap();
    let mut import = accept();
    assert_eq!(request(&mut import), "POST /rest/migrate/import HTTP/1.1");

    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let mut delete = accept();
    assert_eq!(request(&mut delete), "DELETE /rest/migrate/projects/sent HTTP/1.1");
    delete.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_text_from_outside_does_not_control_the_terminal() {
    // `run` refuses every escape code in what a command prints.
    let workspace = Workspace::with_demo();
    let hostile = "é\u{1b}[2J\u{202e}>b";
    let table = workspace.path(&format!("{hostile}.csv"));
    fs::write(&table, format!("{hostile},port\nR 1%,22\n")).unwrap();
    let import = workspace.on_directory(&["import", text(&table), "--kind", "device"]);
    let inspect = run(satchel().arg("inspect").arg(&table));
    for (output, code) in [(import, 1), (inspect, 0)] {
        assert_exit(&output, code);
        let printed = format!("{}{}", stdout_of(&output), stderr_of(&output));
        assert!(!printed.contains('\u{202e}'), "{printed:?}");
        assert!(printed.contains(r"é\u{1b}[2J\u{202e}>b"), "{printed:?}");
    }

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        assert!(stream.read(&mut head).unwrap() > 0);
        let body = serde_json::json!({"title": hostile, "status": 500, "detail": hostile});
        let body = body.to_string();
        let length = body.len();
        let head = "HTTP/1.1 500 x\r\ncontent-type: application/problem+json\r\nconnection: close";
        write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    });
    let mut command = satchel();
    command.args(["verify", "--server", &url, "--user", "admin"]).env("SATCHEL_PASSWORD", "x");
    let output = run(&mut command);
    answering.join().unwrap();
    assert_exit(&output, 1);
    assert!(stderr_of(&output).contains(r"é\u{1b}[2J\u{202e}>b"), "{}", stderr_of(&output));
}
