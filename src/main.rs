//! The executable: passes the arguments to [`cli::run`] and returns its exit code.

use std::process::ExitCode;

use satchel::cli;

/// The allocator of the executable. Records consist of many small texts, which one thread allocates
/// and another frees. glibc's allocator is slow at that, and does not return the memory to the
/// system.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
