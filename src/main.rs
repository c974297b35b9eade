//! Arguments → run → exit code; nothing else.

use std::process::ExitCode;

use clap::Parser;
use satchel::cli::{self, Arguments};

/// Records are many small texts, made on one thread and dropped on another. glibc's allocator is
/// the slowest at that, and keeps what it once had.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match cli::run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("satchel: {error:#}");
            ExitCode::FAILURE
        }
    }
}
