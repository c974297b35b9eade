//! The main function of the child process.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::super::frame::{FrameWriter, Stop};
use super::super::read;
use super::super::refusal::Refusal;
use super::super::source_kind::SourceKind;
use super::probe::{PROBE, probe_main};
use super::sandbox::{enter_landlock, enter_seccomp};

/// Decodes the workbook on standard input and writes frames to standard output. The process does
/// nothing else. The arguments are the [`SourceKind`], the address space in bytes and the processor
/// time in seconds; or the word of a probe and its restrictions.
///
/// Exit codes: 0 if rows or a reason were written, 1 if they cannot be written, 2 for wrong
/// arguments.
pub fn decode_main(arguments: &[String]) -> ExitCode {
    if let [word, restrictions] = arguments
        && word == PROBE
    {
        return probe_main(restrictions);
    }
    let [kind, memory_bytes, cpu_seconds] = arguments else { return ExitCode::from(2) };
    let (Some(kind), Ok(memory_bytes), Ok(cpu_seconds)) =
        (SourceKind::of_argument(kind), memory_bytes.parse(), cpu_seconds.parse())
    else {
        return ExitCode::from(2);
    };
    // No process reads the standard error. A panic is caught, and reported in a frame.
    panic::set_hook(Box::new(|_| {}));
    match restrict(memory_bytes, cpu_seconds).and_then(|(file, out)| decode(file, out, kind)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Sets the limits of the process, and enters its sandbox. Returns standard input and output.
fn restrict(memory_bytes: u64, cpu_seconds: u64) -> io::Result<(File, File)> {
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // Before the limits, because it needs a descriptor. What a kernel lacks is in `/rest/state`.
    enter_landlock();
    let limits = [
        (Resource::As, memory_bytes),
        (Resource::Cpu, cpu_seconds),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        // No file can be opened, no process started.
        (Resource::Nofile, 0),
        (Resource::Nproc, 0),
    ];
    for (resource, limit) in limits {
        // At the hard limit the kernel kills with SIGKILL, which gives no reason. A second before, at
        // the soft limit, it sends SIGXCPU.
        let maximum = match resource {
            Resource::Cpu => limit.saturating_add(1),
            _ => limit,
        };
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(maximum) })?;
    }
    // The last one: it allows nothing of the above.
    enter_seccomp(file.as_raw_fd(), out.as_raw_fd());
    Ok((file, out))
}

fn decode(file: File, out: File, kind: SourceKind) -> io::Result<()> {
    let mut frames = FrameWriter::new(out);
    // calamine panics on some damaged workbooks.
    let decoded = catch_unwind(AssertUnwindSafe(|| read::decode(file, kind, &mut frames)));
    let stop = match decoded {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(stop)) => stop,
        Err(_) => {
            let reason = "its parts contradict each other".to_owned();
            Stop::Refused(Refusal::Damaged { reason })
        }
    };
    frames.stop(&stop)
}
