//! The command line: one file a subcommand.

mod decode;
mod docs;
mod lines;
mod logging;
mod passwd;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::codec::workbook;
use crate::config::{PasswdConfig, ServeConfig};

/// The command line of `satchel`.
#[derive(Parser, Debug)]
#[command(name = "satchel", version, about, propagate_version = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve the inventory over HTTP
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<ServeConfig>),
    /// Give a user another password, while no server runs
    #[command(after_help = passwd::EXAMPLES)]
    Passwd(PasswdConfig),
    /// Read about Satchel, offline
    #[command(after_help = docs::EXAMPLES)]
    Docs(docs::DocsArguments),
    #[command(name = workbook::SUBCOMMAND, hide = true)]
    DecodeWorkbook(decode::DecodeArguments),
}

/// Does what the arguments say. Exit codes: 0 done, 1 could not be done, 2 wrong arguments (from
/// clap), 130 cut short by a second signal.
///
/// # Errors
/// What could not be done, as a sentence for a person.
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Serve(config) => serve::run(&config),
        Command::Passwd(config) => passwd::run(&config),
        Command::Docs(arguments) => docs::run(&arguments),
        Command::DecodeWorkbook(arguments) => Ok(decode::run(&arguments)),
    }
}
