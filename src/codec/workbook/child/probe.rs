//! The probe: a child that restricts itself like a decoder, tries to open a file and a socket, and reports the
//! results. With it the server knows what its kernel enforces, and tests know that the restrictions work.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::TcpListener,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use super::{
    SUBCOMMAND,
    sandbox::{Protection, Protections, enter_landlock, enter_seccomp},
};

/// The first argument of the subcommand that makes it a probe.
pub(super) const PROBE: &str = "probe";

/// The words of the restrictions, in the second argument, separated by commas.
const LANDLOCK: &str = "landlock";
const SECCOMP: &str = "seccomp";

/// The largest report of a probe, in bytes. It has seven short lines.
const REPORT_BYTES_MAX: u64 = 1024;

/// Starts a probe with both restrictions, and returns those that the kernel enforces. `program` is
/// [`executable()`](super::executable()), except in tests. Blocks for milliseconds.
///
/// # Errors
/// An I/O error if the process cannot be started, or its report cannot be read.
pub fn probe(program: &Path) -> io::Result<Protections> {
    let (_, unread) = io::pipe()?;
    let mut child = Command::new(program)
        .args([SUBCOMMAND, PROBE, &format!("{LANDLOCK},{SECCOMP}")])
        .env_clear()
        .current_dir("/")
        .stdin(OwnedFd::from(io::pipe()?.0))
        .stdout(Stdio::piped())
        .stderr(unread)
        .spawn()?;
    let mut report = String::new();
    let read = match child.stdout.take() {
        Some(out) => out.take(REPORT_BYTES_MAX).read_to_string(&mut report),
        None => Err(io::ErrorKind::BrokenPipe.into()),
    };
    child.wait()?;
    read?;
    let of = |name: &str| {
        let line = report.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(Protection::of_word).ok_or(io::ErrorKind::InvalidData)
    };
    Ok(Protections { landlock: of(LANDLOCK)?, seccomp: of(SECCOMP)? })
}

/// The main function of a probe. Enters the listed restrictions, and writes one line for each restriction and
/// each attempt: `file opened`, or `file refused 13` with the number of the error. A line counts the
/// descriptors that the process was started with.
pub(super) fn probe_main(restrictions: &str) -> ExitCode {
    match run(restrictions) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(restrictions: &str) -> io::Result<()> {
    // Before this function opens some. Without `/proc` there is no list.
    let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, |list| list.count() - 1);
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let is_listed = |name: &str| restrictions.split(',').any(|listed| listed == name);
    let landlock = if is_listed(LANDLOCK) { enter_landlock() } else { Protection::Missing };
    let seccomp = if is_listed(SECCOMP) {
        enter_seccomp(file.as_raw_fd(), out.as_raw_fd())
    } else {
        Protection::Missing
    };
    let attempts = [
        ("file", File::open("/").map(drop)),
        ("socket", TcpListener::bind("127.0.0.1:0").map(drop)),
        ("descriptor", file.try_clone().map(drop)),
        ("process", Command::new("/proc/self/exe").arg("--version").output().map(drop)),
    ];
    let mut report = format!(
        "landlock {}\nseccomp {}\ndescriptors {descriptors}\n",
        landlock.word(),
        seccomp.word()
    );
    for (name, result) in attempts {
        match result {
            Ok(()) => report += &format!("{name} opened\n"),
            Err(error) => {
                report += &format!("{name} refused {}\n", error.raw_os_error().unwrap_or_default());
            }
        }
    }
    out.write_all(report.as_bytes())
}
