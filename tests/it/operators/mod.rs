//! Mistakes of operators, with the real executable: the wrong user, directory or key.

mod directories;
mod keys;
mod messages;
mod owners;
mod permissions;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{PATIENCE, satchel};
use crate::project::demo;

/// A user who is in `/etc/passwd` on every system, and a user id without an entry.
const NOBODY: u32 = 65534;
const NUMBERED: u32 = 4711;

/// The commands that open a data directory, each in a form that changes or reads it.
const COMMANDS: [&str; 5] = ["serve", "import", "export", "verify", "passwd"];

/// A folder that every user can enter, with the files of a test.
struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    /// Creates a workspace with the sample inventory in `data`.
    fn with_demo() -> Self {
        let workspace = Self::new();
        let made = run(satchel()
            .args(["import", "-q", "--create", "--data"])
            .arg(workspace.data())
            .arg(demo()));
        assert_exit(&made, 0);
        workspace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("R 1% é>b")
    }

    /// An empty data directory of this user.
    fn empty_of(&self, uid: u32) -> PathBuf {
        let data = self.data();
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        chown(&data, Some(uid), Some(uid)).unwrap();
        data
    }

    /// Makes this user the owner of everything in the data directory.
    fn give_to(&self, uid: u32) {
        for path in files(&self.data()) {
            chown(&path, Some(uid), Some(uid)).unwrap();
        }
    }

    /// One of [`COMMANDS`] on the data directory, as the user who runs the tests.
    fn command(&self, name: &str) -> Command {
        let mut command = satchel();
        match name {
            "serve" => command.args(["serve", "--listen", "127.0.0.1:0"]),
            "import" => command.arg("import").arg(demo()),
            "export" => command.args(["export", "a"]),
            "verify" => command.arg("verify"),
            "passwd" => command.args(["passwd", "admin"]),
            other => panic!("no command {other}"),
        };
        command.arg("--data").arg(self.data());
        command
    }

    /// The same command as another user.
    fn command_as(&self, uid: u32, name: &str) -> Command {
        let own = self.command(name);
        let mut command = Command::new(executable_for_all(&self.path("satchel")));
        command.args(own.get_args());
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.uid(uid).gid(uid).current_dir("/");
        command
    }
}

/// The executable, or a copy of it if other users cannot enter its folder.
fn executable_for_all(copy: &Path) -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_satchel"));
    let is_open = |path: &Path| fs::metadata(path).unwrap().mode() & 0o001 != 0;
    if built.ancestors().all(is_open) {
        return built.to_owned();
    }
    if !copy.exists() {
        fs::copy(built, copy).unwrap();
        fs::set_permissions(copy, fs::Permissions::from_mode(0o755)).unwrap();
    }
    copy.to_owned()
}

/// Only root can do what these tests do. CI is root.
fn is_root() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
    if !is_root {
        eprintln!("not run: only root can become other users");
    }
    is_root
}

/// A directory and everything in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[track_caller]
fn all_belong_to(folder: &Path, uid: u32) {
    for path in files(folder) {
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (uid, uid), "{}", path.display());
    }
}

fn run(command: &mut Command) -> Output {
    run_with(command, "")
}

/// Runs it with this on standard input.
fn run_with(command: &mut Command, input: &str) -> Output {
    use std::io::Write;
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // A command that fails before it reads its input has closed the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        // A server that starts by mistake never ends.
        if Instant::now() > deadline {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

fn stderr_of(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout_of(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn assert_exit(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout_of(output), stderr_of(output));
}

/// Asserts that a command was refused with all of these words.
#[track_caller]
fn is_refused(output: &Output, words: &[&str]) {
    assert_exit(output, 1);
    let stderr = stderr_of(output);
    for word in words {
        assert!(stderr.contains(word), "“{word}” is not in: {stderr}");
    }
}
