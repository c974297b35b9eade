//! The command that gets each good backup, for example to copy it to another machine.
//!
//! It is an executable file of the site, run with one argument: the path of the backup. No shell reads the
//! setting. It gets no descriptor but an empty standard input and a pipe for its output: all others are closed
//! when it starts, also those that the server inherited (`cli::privileges`). Of the server's environment it
//! gets nothing that could be a secret.

use std::{
    env,
    ffi::OsString,
    io::{self, PipeReader, Read},
    os::{fd::AsFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, Signal, kill_process_group},
};

use super::timing::Interval;

/// The longest output that is kept, in bytes: its end, where programs name their errors.
const OUTPUT_BYTES_MAX: usize = 8 * 1024;

/// The bytes that are read at once.
const READ_BYTES: usize = 4096;

/// The largest number of reads after the end of the command: twice the 64 KiB that a pipe holds (pipe(7)).
const LAST_READS_MAX: usize = 32;

/// The largest number of characters of a line in the log.
const LINE_CHARS_MAX: usize = 500;

/// The largest number of lines of the output in the log.
const LINES_MAX: usize = 40;

/// The time between two looks at a process that writes nothing.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The directories in which the command finds programs. That of the server is not inherited: the command
/// must work the same, whoever started the server.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variables of the server that the command gets. ssh and rclone find their settings by them. None is a
/// secret.
const INHERITED: [&str; 4] = ["HOME", "USER", "LOGNAME", "TZ"];

/// The command of the settings.
#[derive(Clone, Debug)]
pub struct BackupCommand {
    /// The absolute path of the executable file.
    pub path: PathBuf,
    /// The longest time that it can take.
    pub time_max: Interval,
}

/// The reason why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The file cannot be run.
    #[error("cannot run the command '{}'", .path.display())]
    Start {
        /// The path of the command.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Its end or its output cannot be read.
    #[error("cannot wait for the command '{}'", .path.display())]
    Wait {
        /// The path of the command.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// It ended with an exit code other than 0, or by a signal.
    #[error("the command '{}' ended with {status}{}", .path.display(), last_line(.output))]
    Status {
        /// The path of the command.
        path: PathBuf,
        /// The end of the process.
        status: ExitStatus,
        /// The last lines of its output, escaped.
        output: Vec<String>,
    },
    /// It took too long and was killed.
    #[error("the command '{}' took longer than {time_max} and was killed", .path.display())]
    TooLong {
        /// The path of the command.
        path: PathBuf,
        /// The limit.
        time_max: Interval,
    },
    /// The server was stopped meanwhile. The command was killed.
    #[error("the command '{}' was killed, because the server was stopped", .path.display())]
    Stopped {
        /// The path of the command.
        path: PathBuf,
    },
}

/// Returns the last line of the output as the end of a message.
fn last_line(output: &[String]) -> String {
    output.last().map(|line| format!(": {line}")).unwrap_or_default()
}

/// The end of a command, and its output.
pub(super) struct Ended {
    /// The last lines of the output, escaped.
    pub output: Vec<String>,
    pub result: Result<(), CommandError>,
}

impl BackupCommand {
    /// Runs the command with the path of a backup, and waits for its end. `is_stopped` tells whether the
    /// server has to stop.
    pub(super) fn run(&self, backup: &Path, is_stopped: &dyn Fn() -> bool) -> Ended {
        let failed = |error| Ended { output: Vec::new(), result: Err(error) };
        let mut running = match self.start(backup) {
            Ok(running) => running,
            Err(source) => return failed(CommandError::Start { path: self.path.clone(), source }),
        };
        match running.wait(self.time_max.duration(), is_stopped) {
            Err(source) => failed(CommandError::Wait { path: self.path.clone(), source }),
            Ok(end) => {
                let output = lines(&running.output, running.is_cut);
                let path = self.path.clone();
                let result = match end {
                    End::Status(status) if status.success() => Ok(()),
                    End::Status(status) => {
                        Err(CommandError::Status { path, status, output: output.clone() })
                    }
                    End::TooLong => Err(CommandError::TooLong { path, time_max: self.time_max }),
                    End::Stopped => Err(CommandError::Stopped { path }),
                };
                Ended { output, result }
            }
        }
    }

    fn start(&self, backup: &Path) -> io::Result<Running> {
        let (out, writer) = io::pipe()?;
        // A pipe whose other end is closed is empty. `Stdio::null` needs `/dev/null`, which a bare chroot
        // lacks.
        let (empty, _) = io::pipe()?;
        let mut command = Command::new(&self.path);
        command
            .arg(backup)
            .env_clear()
            .envs(environment())
            .current_dir("/")
            .stdin(empty)
            .stdout(writer.try_clone()?)
            .stderr(writer)
            // So that a command that takes too long is killed with the processes that it started.
            .process_group(0);
        let child = command.spawn()?;
        Ok(Running { child, out: Some(out), output: Vec::new(), is_cut: false })
    }
}

/// The environment of the command.
fn environment() -> impl Iterator<Item = (&'static str, OsString)> {
    let inherited = INHERITED.into_iter().filter_map(|name| Some((name, env::var_os(name)?)));
    inherited.chain([("PATH", OsString::from(PATH))])
}

/// A running command. Dropping it kills its processes.
struct Running {
    child: Child,
    /// `None` after the end of the output.
    out: Option<PipeReader>,
    /// The last bytes of the output.
    output: Vec<u8>,
    /// True if earlier output was dropped.
    is_cut: bool,
}

/// The end of a command.
enum End {
    Status(ExitStatus),
    TooLong,
    Stopped,
}

impl Running {
    /// Reads the output until the process has ended. A process that it started in the background can keep the
    /// pipe open, and is not waited for.
    fn wait(&mut self, time_max: Duration, is_stopped: &dyn Fn() -> bool) -> io::Result<End> {
        let since = Instant::now();
        loop {
            self.read(LOOK_INTERVAL)?;
            if let Some(status) = self.child.try_wait()? {
                // The rest that is in the pipe already. A process in the background can write for ever.
                for _ in 0..LAST_READS_MAX {
                    if !self.read(Duration::ZERO)? {
                        break;
                    }
                }
                return Ok(End::Status(status));
            }
            if is_stopped() {
                return Ok(End::Stopped);
            }
            if since.elapsed() >= time_max {
                return Ok(End::TooLong);
            }
        }
    }

    /// Reads a part of the output, and waits for it. Returns whether there was one.
    fn read(&mut self, wait: Duration) -> io::Result<bool> {
        let Some(out) = &mut self.out else {
            std::thread::sleep(wait);
            return Ok(false);
        };
        let timeout = Timespec::try_from(wait).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut descriptors = [PollFd::from_borrowed_fd(out.as_fd(), PollFlags::IN)];
        match poll(&mut descriptors, Some(&timeout)) {
            // A signal of the server, such as SIGHUP, interrupts the wait.
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            polled => polled?,
        };
        let mut buffer = [0; READ_BYTES];
        let count = out.read(&mut buffer)?;
        if count == 0 {
            self.out = None;
            return Ok(false);
        }
        self.output.extend_from_slice(&buffer[..count]);
        let surplus = self.output.len().saturating_sub(OUTPUT_BYTES_MAX);
        self.is_cut |= surplus > 0;
        drop(self.output.drain(..surplus));
        Ok(true)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let has_ended = matches!(self.child.try_wait(), Ok(Some(_)));
        if has_ended {
            return;
        }
        if let Some(group) = Pid::from_raw(self.child.id() as i32) {
            // An error means that the processes have already ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Returns the last lines of an output, without characters that control a terminal or cannot be seen.
fn lines(output: &[u8], is_cut: bool) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    // The first line is incomplete.
    let incomplete = usize::from(is_cut && text.lines().nth(1).is_some());
    let lines = text.lines().skip(incomplete).filter(|line| !line.trim().is_empty());
    let lines = lines.map(|line| line.chars().take(LINE_CHARS_MAX).flat_map(char::escape_debug));
    let lines: Vec<String> = lines.map(Iterator::collect).collect();
    let surplus = lines.len().saturating_sub(LINES_MAX);
    lines.into_iter().skip(surplus).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// A command that is a shell script.
    fn script(folder: &Path, text: &str, seconds: u64) -> BackupCommand {
        let path = folder.join("R 1% é>b");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        BackupCommand { path, time_max: Interval::of_seconds(seconds) }
    }

    fn run(text: &str, seconds: u64) -> (Vec<String>, Result<(), String>) {
        let folder = tempfile::tempdir().unwrap();
        let command = script(folder.path(), text, seconds);
        let Ended { output, result } = command.run(Path::new("/é>b 1%/$(id).zip"), &|| false);
        let name = command.path.to_str().unwrap().to_owned();
        (output, result.map_err(|error| error.to_string().replace(&name, "x")))
    }

    #[test]
    fn the_command_gets_the_path_as_its_only_argument() {
        let (output, result) = run("printf '%s|' $# \"$1\" \"$(pwd)\"; cat", 60);
        assert_eq!((output, result), (vec!["1|/é>b 1%/$(id).zip|/|".to_owned()], Ok(())));
    }

    #[test]
    fn the_command_inherits_no_variable() {
        let (output, result) = run("env | sort", 60);
        assert_eq!(result, Ok(()));
        let names: Vec<_> =
            output.iter().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        let known = ["HOME", "LOGNAME", "PATH", "PWD", "SHLVL", "TZ", "USER", "_", "OLDPWD"];
        assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
    }

    #[test]
    fn another_exit_code_than_0_is_a_failure() {
        let (output, result) = run("echo fine; printf 'no \\033[2Jroute\\n' >&2; exit 7", 60);
        assert_eq!(output, ["fine", "no \\u{1b}[2Jroute"]);
        let error = result.unwrap_err();
        assert_eq!(error, "the command 'x' ended with exit status: 7: no \\u{1b}[2Jroute");
        let (_, result) = run("kill -9 $$", 60);
        assert_eq!(result.unwrap_err(), "the command 'x' ended with signal: 9 (SIGKILL)");
    }

    #[test]
    fn a_command_that_takes_too_long_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let text = format!("sleep 600 & echo $! > '{}'; wait", pid.display());
        let (_, result) = run(&text, 1);
        assert_eq!(result.unwrap_err(), "the command 'x' took longer than 1s and was killed");
        let pid = fs::read_to_string(pid).unwrap();
        // The child is gone, or waits as a zombie for its parent.
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
    }

    #[test]
    fn a_stopped_server_ends_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let command = script(folder.path(), "sleep 600", 600);
        let ended = command.run(Path::new("/a"), &|| true);
        assert!(matches!(ended.result, Err(CommandError::Stopped { .. })));
    }

    #[test]
    fn only_the_end_of_a_long_output_is_kept() {
        let (output, result) =
            run("i=0; while [ $i -lt 3000 ]; do echo \"line $i\"; i=$((i+1)); done", 60);
        assert_eq!(result, Ok(()));
        assert_eq!(output.len(), LINES_MAX);
        assert_eq!(output.last().unwrap(), "line 2999");
        // No line end at all.
        let (output, result) = run("head -c 100000 /dev/zero", 60);
        assert_eq!((output, result), (vec!["\\0".repeat(LINE_CHARS_MAX)], Ok(())));
        let (output, result) = run("yes $$ & exit 3", 60);
        assert!(result.is_err() && output.len() <= LINES_MAX);
    }

    #[test]
    fn a_process_in_the_background_is_not_waited_for() {
        let (output, result) = run("sleep 3 & echo started", 60);
        assert_eq!((output, result), (vec!["started".to_owned()], Ok(())));
    }

    #[test]
    fn a_file_that_cannot_be_run_is_named() {
        let command =
            BackupCommand { path: "/nowhere/é>b".into(), time_max: Interval::of_seconds(1) };
        let ended = command.run(Path::new("/a"), &|| false);
        let error = ended.result.unwrap_err();
        assert_eq!(error.to_string(), "cannot run the command '/nowhere/é>b'");
        assert!(matches!(error, CommandError::Start { .. }));
    }
}
