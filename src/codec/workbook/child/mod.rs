//! Decodes a workbook in a child process. A hostile workbook can crash only the child.
//!
//! The child is this executable, started again with [`SUBCOMMAND`]. It gets an open file as standard
//! input and a pipe for rows as standard output, and nothing else: no environment, no other
//! descriptor, no path. Before it reads a byte it sets limits that the kernel enforces: of memory,
//! processor time, files and processes. Then it enters a `sandbox`, in which it can open neither files nor
//! sockets. A [`probe()`] tells what of this the kernel has.

mod error;
mod executable;
mod probe;
mod sandbox;
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

use super::frame::{FrameError, FrameReader, Item, Stop};
use super::limits::{
    CHILD_CPU, CHILD_CPU_OF_SMALL_FILE, CHILD_CPU_PER_MIB, CHILD_MEMORY_BYTES, CHILD_WAIT,
};
use super::source_kind::SourceKind;
pub use error::DecodeError;
pub use executable::executable;
pub use probe::probe;
pub use sandbox::{Protection, Protections};
pub use serve::decode_main;

/// The hidden subcommand that makes the executable a decoding child.
pub const SUBCOMMAND: &str = "decode-workbook";

/// Limits of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Address space, in bytes.
    pub memory_bytes: u64,
    /// Processor time, in whole seconds. A small file gets less.
    pub cpu: Duration,
    /// The total time that the reader waits for the child.
    pub wait: Duration,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { memory_bytes: CHILD_MEMORY_BYTES, cpu: CHILD_CPU, wait: CHILD_WAIT }
    }
}

impl DecodeLimits {
    /// The limits for a file of this length in bytes.
    fn for_file(self, bytes: u64) -> Self {
        let mebibytes = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        let additional = CHILD_CPU_PER_MIB.saturating_mul(mebibytes);
        let cpu = CHILD_CPU_OF_SMALL_FILE.saturating_add(additional).min(self.cpu);
        Self { cpu, ..self }
    }
}

/// A workbook that is being decoded. Dropping it kills the child.
#[derive(Debug)]
pub struct Decoding {
    child: Child,
    frames: FrameReader<TimedPipe>,
    limits: DecodeLimits,
}

impl Decoding {
    /// Starts a child that decodes `file` from its beginning. `program` is [`executable()`], except in
    /// tests. Blocks, as do all reads.
    ///
    /// # Errors
    /// [`DecodeError::Io`] if the process cannot be started.
    pub fn start(
        program: &Path,
        file: File,
        kind: SourceKind,
        limits: DecodeLimits,
    ) -> Result<Self, DecodeError> {
        let limits = limits.for_file(file.metadata().map_err(DecodeError::Io)?.len());
        // No process reads the standard error. `Stdio::null` needs `/dev/null`, which a bare chroot
        // lacks.
        let (_, unread) = io::pipe().map_err(DecodeError::Io)?;
        let mut child = Command::new(program)
            .arg(SUBCOMMAND)
            .arg(kind.as_argument())
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
        let frames = FrameReader::new(TimedPipe { out, left: limits.wait });
        Ok(Self { child, frames, limits })
    }

    /// Reads the next sheet or row. `None` after the last one. Must not be called after an error.
    ///
    /// # Errors
    /// - [`DecodeError::Refused`] if the file is not a workbook that can be read.
    /// - [`DecodeError::Output`], [`DecodeError::Memory`], [`DecodeError::Cpu`] or
    ///   [`DecodeError::Wait`] if it exceeds a limit.
    /// - [`DecodeError::Died`] or [`DecodeError::InvalidOutput`] if the child fails otherwise.
    /// - [`DecodeError::Io`] if the file or the output of the child cannot be read.
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, DecodeError> {
        let Self { child, frames, limits } = self;
        frames.next_item().map_err(|error| explain(error, child, *limits))
    }
}

impl Drop for Decoding {
    fn drop(&mut self) {
        // An error means that the child has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the reason why the frames end, from the status of the child if necessary.
fn explain(error: FrameError, child: &mut Child, limits: DecodeLimits) -> DecodeError {
    match error {
        FrameError::Stopped(Stop::Refused(refusal)) => DecodeError::Refused(refusal),
        FrameError::Stopped(Stop::Output(limit)) => DecodeError::Output(limit),
        FrameError::Stopped(Stop::Io(error)) => DecodeError::Io(error),
        FrameError::Invalid => DecodeError::InvalidOutput,
        FrameError::Io(error) if error.kind() == ErrorKind::TimedOut => {
            DecodeError::Wait { wait_max: limits.wait }
        }
        FrameError::Io(error) => DecodeError::Io(error),
        FrameError::CutOff => match child.wait() {
            Ok(status) => error_of_status(status, limits),
            Err(error) => DecodeError::Io(error),
        },
    }
}

fn error_of_status(status: std::process::ExitStatus, limits: DecodeLimits) -> DecodeError {
    /// A process without memory aborts. A stack overflow is an abort or a bad address. A kernel
    /// without memory kills a process.
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

/// A pipe with a limit of the total time that its reader waits.
#[derive(Debug)]
struct TimedPipe {
    out: ChildStdout,
    left: Duration,
}

impl Read for TimedPipe {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_gets_less_processor_time() {
        let cpu = |bytes| DecodeLimits::default().for_file(bytes).cpu.as_secs();
        assert_eq!((cpu(1_500), cpu(5 << 20), cpu(256 << 20)), (10, 35, 60));
        let less = DecodeLimits { cpu: Duration::from_secs(1), ..DecodeLimits::default() };
        assert_eq!(less.for_file(256 << 20).cpu.as_secs(), 1);
    }
}
