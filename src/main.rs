//! Arguments → run → exit code; nothing else.

use std::process::ExitCode;

use clap::Parser;
use satchel::cli::{self, Arguments};

fn main() -> ExitCode {
    match cli::run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("satchel: {error:#}");
            ExitCode::FAILURE
        }
    }
}
