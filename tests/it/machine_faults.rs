//! Faults of the machine under a running server: the data directory disappears, a disk becomes read-only or
//! fails, no more files can be opened, and the clock is set back. A change is never acknowledged and lost.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    backups::get,
    commands::{Workspace, assert_exit, stderr_of},
    harness::{ADMIN, Answer, Server, until},
    project::{demo, imported, inventory, names, put_folder, read_folder},
};

/// More than the largest bundle, in bytes.
const HUGE_BYTES: u64 = 24_000_000_000;

/// The calls that write to the disk, and those that sync or rename.
const WRITES: &str =
    "pwrite64,pwritev,fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,mkdir,mkdirat";

/// A library that adds the seconds in the file `$TEST_CLOCK_FILE` to the clock.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, id, now);
    const char *path = getenv("TEST_CLOCK_FILE");
    if (id != CLOCK_REALTIME || result != 0 || !path) return result;
    char text[32] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return result;
    if (read(file, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
    close(file);
    return result;
}
"#;

fn post(server: &Server, path: &str, body: &Value) -> Answer {
    server.request("POST", path).login(ADMIN).json(body).send()
}

fn put(server: &Server, name: &str) -> Answer {
    post(server, "/rest/instance/device", &json!({ "name": name }))
}

fn has(server: &Server, name: &str) -> bool {
    names(&inventory(server), "device").contains(&name.to_owned())
}

fn is_whole(server: &Server) {
    let verified = post(server, "/rest/verify", &json!({})).json();
    assert_eq!(verified["whole"], true, "{verified}");
}

fn import_demo(server: &Server) -> Answer {
    let body = json!({
        "name": "demo", "import_export_types": ["device", "link"], "empty_database_before_import": true,
    });
    post(server, "/rest/migrate/import", &body)
}

/// sled writes to the removed file without an error, so only the store notices.
#[test]
fn a_removed_data_directory_refuses_changes_and_still_makes_a_backup() {
    for is_moved in [false, true] {
        let server = Server::start_with(&["--demo"]);
        let data = server.data();
        let aside = data.with_file_name("aside é");
        assert_eq!(put(&server, "before 1%").status, 200);
        if is_moved {
            fs::rename(&data, &aside).unwrap();
        } else {
            until(|| fs::remove_dir_all(&data).is_ok());
        }
        for attempt in [put(&server, "after é"), post(&server, "/rest/undo", &json!({"change": 1}))]
        {
            let detail = attempt.problem(503, "read-only")["detail"].to_string();
            assert!(
                detail.contains("removed or replaced") && detail.contains("satchel backup"),
                "{detail}"
            );
        }
        let ready = server.request("GET", "/readyz").send();
        assert_eq!(ready.status, 503, "{}", ready.json());
        // Reads go on, and a backup has the records.
        assert_eq!(get(&server, "/rest/instance/device/before%201%25").status, 200);
        let backup = get(&server, "/rest/backup?history=false");
        assert_eq!(backup.status, 200);
        let workspace = Workspace::new();
        let file = workspace.path("saved é.zip");
        fs::write(&file, &backup.body).unwrap();
        assert_exit(&workspace.on_directory(&["restore", file.to_str().unwrap(), "--yes"]), 0);
        let saved = Server::start_on_data(workspace.into_folder());
        assert!(has(&saved, "before 1%") && !has(&saved, "after é"));
        if is_moved {
            drop(saved);
            fs::rename(&aside, &data).unwrap();
            assert_eq!(put(&server, "back again").status, 200);
            let server = server.start_again();
            assert!(has(&server, "back again") && !has(&server, "after é"));
            is_whole(&server);
        }
    }
}

/// Makes system calls of the server fail while it is there.
struct Failing(Child);

impl Failing {
    /// `None` if strace is missing.
    fn begin(server: &Server, calls: &str, error: &str) -> Option<Self> {
        let process = server.id().to_string();
        let inject = format!("inject={calls}:error={error}");
        let trace = format!("trace={calls}");
        let strace = Command::new("strace")
            .args(["-f", "-qq", "-e", &trace, "-e", &inject, "-p", &process])
            .stderr(Stdio::piped())
            .spawn();
        let mut strace = match strace {
            Ok(strace) => strace,
            Err(error) => {
                assert!(std::env::var("CI").is_err(), "strace is needed: {error}");
                eprintln!("skipped: strace: {error}");
                return None;
            }
        };
        let status = format!("/proc/{process}/status");
        let is_traced = || {
            let status = fs::read_to_string(&status).unwrap();
            status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
        };
        until(is_traced);
        // A full pipe would stop strace.
        let said = BufReader::new(strace.stderr.take().unwrap());
        std::thread::spawn(move || said.lines().for_each(drop));
        Some(Self(strace))
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        crate::harness::terminate(self.0.id());
        let _ = self.0.wait();
    }
}

#[test]
fn a_disk_that_becomes_read_only_or_fails_acknowledges_nothing() {
    for error in ["EROFS", "EIO", "EDQUOT"] {
        let server = Server::start();
        put_folder(&server, "demo", &read_folder(&demo()));
        imported(&server, "demo", json!({}));
        assert_eq!(put(&server, "before é").status, 200);
        let Some(failing) = Failing::begin(&server, WRITES, error) else { return };
        for attempt in [put(&server, "after é"), import_demo(&server)] {
            assert!(attempt.status >= 500, "{error}: {}", attempt.json());
            let word =
                attempt.json()["type"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            attempt.problem(attempt.status, &word);
        }
        let backup = post(&server, "/rest/backup", &json!({"name": "n"}));
        assert!(backup.status >= 500, "{error}: {}", backup.json());
        assert_eq!(server.request("GET", "/livez").send().status, 200);
        drop(failing);
        let server = server.start_again();
        assert!(has(&server, "before é"), "{error}");
        is_whole(&server);
        assert_eq!(put(&server, "after é").status, 200);
        assert_eq!(import_demo(&server).status, 200);
        assert!(!has(&server, "before é"));
    }
}

#[test]
fn a_server_without_free_descriptors_refuses_imports_and_goes_on_afterwards() {
    const OPEN_FILES: u32 = 64;
    let server = Server::start();
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({}));
    assert_eq!(put(&server, "before é").status, 200);
    let server = server.start_again_with_open_files(OPEN_FILES);
    let mut open = server.connect();
    let import = json!({
        "name": "demo", "import_export_types": ["device"], "empty_database_before_import": true,
    });
    let request = server.request("POST", "/rest/migrate/import").login(ADMIN).json(&import).bytes();
    let alive = server.request("GET", "/rest/is_alive").bytes();
    open.send(&alive);
    assert_eq!(open.answer().status, 200);
    let others: Vec<TcpStream> =
        (0..OPEN_FILES * 2).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let descriptors = PathBuf::from(format!("/proc/{}/fd", server.id()));
    until(|| fs::read_dir(&descriptors).unwrap().count() >= OPEN_FILES as usize);
    open.send(&request);
    let refused = open.answer();
    assert!(refused.status >= 500, "{}", refused.json());
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    println!("{detail}");
    // The connection and the small changes need no new file.
    open.send(&alive);
    assert_eq!(open.answer().status, 200);
    drop(others);
    until(|| fs::read_dir(&descriptors).unwrap().count() < OPEN_FILES as usize / 2);
    assert!(has(&server, "before é"));
    assert_eq!(put(&server, "after é").status, 200);
    assert_eq!(import_demo(&server).status, 200);
    is_whole(&server);
    let server = server.start_again();
    assert!(!has(&server, "before é"));
    is_whole(&server);
}

/// Compiles the library of the clock. `None` without a C compiler.
fn clock_library(folder: &Path) -> Option<PathBuf> {
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    fs::write(&source, CLOCK).unwrap();
    match Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status() {
        Ok(status) if status.success() => Some(library),
        other => {
            assert!(std::env::var("CI").is_err(), "a C compiler is needed: {other:?}");
            eprintln!("skipped: cc: {other:?}");
            None
        }
    }
}

#[test]
fn a_clock_that_is_set_back_puts_nothing_out_of_order() {
    const DAYS: i64 = 400;
    let folder = tempfile::tempdir().unwrap();
    let Some(library) = clock_library(folder.path()) else { return };
    let clock = folder.path().join("seconds");
    let set = |days: i64| fs::write(&clock, (days * 86_400).to_string()).unwrap();
    set(0);
    let variables =
        [("LD_PRELOAD", library.to_str().unwrap()), ("TEST_CLOCK_FILE", clock.to_str().unwrap())];
    let server = Server::start_with_environment(&variables);
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({}));
    let cookie = server.begin_session(ADMIN);
    for days in [0, -DAYS, DAYS, -DAYS] {
        set(days);
        assert_eq!(put(&server, &format!("at {days}% é")).status, 200);
        assert_eq!(post(&server, "/rest/backup", &json!({})).status, 200);
        assert_eq!(import_demo(&server).status, 200);
        assert_eq!(post(&server, "/rest/undo", &json!({})).status, 200);
        assert_eq!(put(&server, &format!("later {days}% é")).status, 200);
        is_whole(&server);
    }
    // The session has ended at the day that was in the future, or lasts: it gets no error of the server.
    let session = server.request("GET", "/rest/count").session(&cookie).send();
    assert!([200, 401].contains(&session.status), "{}", session.json());
    let listed = get(&server, "/rest/history?limit=1000").json();
    let column = |name: &str| -> Vec<String> {
        let entries = listed.as_array().unwrap().iter();
        entries.map(|entry| entry[name].to_string()).collect()
    };
    let times = column("time");
    assert!(times.len() >= 16 && times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let server = server.start_again();
    for name in ["at 0% é", "at -400% é", "later 400% é"] {
        assert!(has(&server, name), "{name}");
    }
    is_whole(&server);
}

/// The size is enough to refuse it: nothing of it is read.
#[test]
fn a_file_of_24_gb_is_refused_by_its_size() {
    let server = Server::start();
    for (method, path) in [
        ("PUT", "/rest/migrate/projects/huge"),
        ("PUT", "/rest/backups/huge"),
        ("POST", "/rest/restore?dry_run"),
    ] {
        let request = server.request(method, path).login(ADMIN);
        let request = request.header("Content-Type", "application/zip");
        let answer = request.header("Content-Length", &HUGE_BYTES.to_string()).send();
        let detail = answer.problem(413, "body-too-large")["detail"].to_string();
        assert!(detail.contains("19327352832") || detail.contains("19,327,352,832"), "{detail}");
    }
    let workspace = Workspace::with_demo();
    let file = workspace.path("huge é.zip");
    fs::write(&file, b"PK\x03\x04").unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_len(HUGE_BYTES).unwrap();
    let file = file.to_str().unwrap();
    for words in
        [["restore", file, "--yes"], ["import", file, "--quiet"], ["inspect", file, "--json"]]
    {
        let refused = workspace.on_directory(&words);
        assert_exit(&refused, 1);
        let said = stderr_of(&refused);
        assert!(said.contains("bytes") || said.contains("not a complete zip archive"), "{said}");
        assert!(!said.contains("Broken pipe") && !said.contains("Cannot connect"), "{said}");
    }
}
