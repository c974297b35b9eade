//! The child itself.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::super::read;
use super::{FrameWriter, Refusal, SourceKind, Stop};

/// Decodes the workbook that is the standard input, within the limits that the arguments say:
/// what it is taken for, bytes of address space, seconds of processor time. It is all that the
/// process does.
///
/// Exit codes: 0 what there is to say was written, 1 it could not be, 2 wrong arguments.
pub fn decode_main(arguments: &[String]) -> ExitCode {
    let [kind, memory_bytes, cpu_seconds] = arguments else { return ExitCode::from(2) };
    let (Some(kind), Ok(memory_bytes), Ok(cpu_seconds)) =
        (SourceKind::of_word(kind), memory_bytes.parse(), cpu_seconds.parse())
    else {
        return ExitCode::from(2);
    };
    // Nobody reads what a panic says; it is caught, and told in a frame.
    panic::set_hook(Box::new(|_| {}));
    match give_up(memory_bytes, cpu_seconds).and_then(|(file, out)| decode(file, out, kind)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Takes input and output, and gives up all that decoding does not need.
fn give_up(memory_bytes: u64, cpu_seconds: u64) -> io::Result<(File, File)> {
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let limits = [
        (Resource::As, memory_bytes),
        (Resource::Cpu, cpu_seconds),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        // No other file can be opened, no other process be started.
        (Resource::Nofile, 0),
        (Resource::Nproc, 0),
    ];
    for (resource, limit) in limits {
        // At the maximum the kernel kills, and does not say that it was for the time; a second
        // before, it says so.
        let maximum = match resource {
            Resource::Cpu => limit.saturating_add(1),
            _ => limit,
        };
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(maximum) })?;
    }
    Ok((file, out))
}

fn decode(file: File, out: File, kind: SourceKind) -> io::Result<()> {
    let mut frames = FrameWriter::new(out);
    // calamine panics at some damaged workbooks.
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
