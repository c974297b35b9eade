//! A workbook decoded in a process that can be lost.
//!
//! The child is this executable, started again with [`SUBCOMMAND`]. It gets an open file as its
//! standard input and a pipe to write rows to, and nothing else: no environment, no other
//! descriptor, no path. Before it reads a byte it gives up what it does not need, and the kernel
//! holds it to that: memory, processor time, files, processes.

mod error;
mod executable;
mod frame;
mod serve;

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use super::limits::{CHILD_CPU, CHILD_MEMORY_BYTES, CHILD_WAIT};
pub use error::{DecodeError, OutputLimit, Refusal};
pub use executable::executable;
pub(super) use frame::{FrameError, FrameReader, FrameWriter, Stop};
pub use frame::{Item, Row};
pub use serve::decode_main;

/// The hidden subcommand that makes the executable a child.
pub const SUBCOMMAND: &str = "decode-workbook";

/// What a file is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A workbook, whichever of the known ones its bytes say.
    Workbook,
    /// The same, and what is none is a table of comma-separated values.
    WorkbookOrTable,
}

impl SourceKind {
    const ALL: [Self; 2] = [Self::Workbook, Self::WorkbookOrTable];

    /// How the child is told.
    fn word(self) -> &'static str {
        match self {
            Self::Workbook => "workbook",
            Self::WorkbookOrTable => "table",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What a child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Its address space, in bytes.
    pub memory_bytes: u64,
    /// Its processor time, in whole seconds.
    pub cpu: Duration,
    /// How long it is waited for, all waits added up.
    pub wait: Duration,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { memory_bytes: CHILD_MEMORY_BYTES, cpu: CHILD_CPU, wait: CHILD_WAIT }
    }
}

/// A workbook that is being decoded. The child is killed when this is dropped.
#[derive(Debug)]
pub struct Decoding {
    child: Child,
    frames: FrameReader<Patient>,
    limits: DecodeLimits,
}

impl Decoding {
    /// Starts a child of `program`, which is [`executable`] but in tests, on a file that is read
    /// from its beginning. It blocks, as do all reads.
    ///
    /// # Errors
    /// [`DecodeError::Io`]: no process can be started.
    pub fn start(
        program: &Path,
        file: File,
        kind: SourceKind,
        limits: DecodeLimits,
    ) -> Result<Self, DecodeError> {
        // What nobody reads. `Stdio::null` would want a `/dev/null`, which a bare chroot has not.
        let (_, unread) = io::pipe().map_err(DecodeError::Io)?;
        let mut child = Command::new(program)
            .arg(SUBCOMMAND)
            .arg(kind.word())
            .arg(limits.memory_bytes.to_string())
            .arg(limits.cpu.as_secs().to_string())
            .env_clear()
            .current_dir("/")
            .stdin(file)
            .stdout(Stdio::piped())
            .stderr(unread)
            .spawn()
            .map_err(DecodeError::Io)?;
        let Some(out) = child.stdout.take() else {
            return Err(DecodeError::Io(ErrorKind::BrokenPipe.into()));
        };
        let frames = FrameReader::new(Patient { out, left: limits.wait });
        Ok(Self { child, frames, limits })
    }

    /// The next sheet or row; `None` when everything was read. After an error there is nothing
    /// more.
    ///
    /// # Errors
    /// The workbook is refused, or decoding it went beyond a limit.
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, DecodeError> {
        let Self { child, frames, limits } = self;
        frames.next_item().map_err(|error| explain(error, child, *limits))
    }
}

impl Drop for Decoding {
    fn drop(&mut self) {
        // An error says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What an error of the frames means, seeing what became of the child.
fn explain(error: FrameError, child: &mut Child, limits: DecodeLimits) -> DecodeError {
    match error {
        FrameError::Stopped(Stop::Refused(refusal)) => DecodeError::Refused(refusal),
        FrameError::Stopped(Stop::Output(limit)) => DecodeError::Output(limit),
        FrameError::Stopped(Stop::Io(error)) => DecodeError::Io(error),
        FrameError::Garbled => DecodeError::Garbled,
        FrameError::Io(error) if error.kind() == ErrorKind::TimedOut => {
            DecodeError::Wait { wait_max: limits.wait }
        }
        FrameError::Io(error) => DecodeError::Io(error),
        FrameError::CutOff => match child.wait() {
            Ok(status) => how_it_died(status, limits),
            Err(error) => DecodeError::Io(error),
        },
    }
}

fn how_it_died(status: std::process::ExitStatus, limits: DecodeLimits) -> DecodeError {
    /// What a process that can not have the memory it asks for does to itself; a stack that
    /// overflows ends so too, or with a bad address. A kernel without memory kills.
    const MEMORY: [Signal; 4] = [Signal::ABORT, Signal::SEGV, Signal::BUS, Signal::KILL];
    let is = |signal: &Signal| status.signal() == Some(signal.as_raw());
    if is(&Signal::XCPU) {
        DecodeError::Cpu { cpu_max: limits.cpu }
    } else if MEMORY.iter().any(is) {
        DecodeError::Memory { bytes_max: limits.memory_bytes }
    } else {
        DecodeError::Died { status }
    }
}

/// A pipe that is waited for only so long, all waits added up.
#[derive(Debug)]
struct Patient {
    out: ChildStdout,
    left: Duration,
}

impl Read for Patient {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let since = Instant::now();
        let timeout = Timespec::try_from(self.left).map_err(|_| ErrorKind::InvalidInput)?;
        let ready =
            poll(&mut [PollFd::from_borrowed_fd(self.out.as_fd(), PollFlags::IN)], Some(&timeout));
        self.left = self.left.saturating_sub(since.elapsed());
        if ready? == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        self.out.read(bytes)
    }
}
