//! Arguments → run → exit code; nothing else.

use std::process::ExitCode;

use satchel::cli;

/// Records are many small texts, made on one thread and dropped on another. glibc's allocator is
/// the slowest at that, and keeps what it once had.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
