//! The command line: one file a subcommand.

mod decode;
mod diff;
mod export;
mod import;
mod inspect;
mod intake;
mod interrupt;
mod kinds;
mod lines;
mod logging;
mod output;
mod passwd;
mod place;
mod progress;
mod report;
mod serve;
mod source;
mod undo;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::codec::workbook;
use crate::config::ServeConfig;

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
    /// Write a project's bundle, or a workbook of devices and links
    #[command(after_help = export::EXAMPLES)]
    Export(Box<export::ExportArgs>),
    /// Take a project or a workbook in, whole or not at all
    #[command(after_help = import::EXAMPLES)]
    Import(Box<import::ImportArgs>),
    /// Say what an import would change, or what differs between two projects
    #[command(after_help = diff::EXAMPLES)]
    Diff(Box<diff::DiffArgs>),
    /// Say what a bundle, a workbook or the inventory holds
    #[command(after_help = inspect::EXAMPLES)]
    Inspect(Box<inspect::InspectArgs>),
    /// Find out whether a bundle or the inventory is whole
    #[command(after_help = verify::EXAMPLES)]
    Verify(Box<verify::VerifyArgs>),
    /// Take back the last import
    #[command(after_help = undo::EXAMPLES)]
    Undo(Box<undo::UndoArgs>),
    /// Give a user another password
    #[command(after_help = passwd::EXAMPLES)]
    Passwd(Box<passwd::PasswdArgs>),
    #[command(name = workbook::SUBCOMMAND, hide = true)]
    DecodeWorkbook(decode::DecodeArguments),
}

/// Does what the arguments say. Exit codes: 0 done, 1 could not be done, or is not as it should be;
/// 2 wrong arguments (from clap); 130 cut short by a signal.
///
/// # Errors
/// What could not be done, as a sentence for a person.
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Serve(config) => serve::run(&config),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Undo(args) => undo::run(&args),
        Command::Passwd(args) => passwd::run(&args),
        Command::DecodeWorkbook(arguments) => Ok(decode::run(&arguments)),
    }
}
