//! The command line: one file a subcommand.

mod completions;
mod config;
mod confirm;
mod decode;
mod diff;
mod docs;
mod export;
mod failure;
mod help;
mod import;
mod import_call;
mod input;
mod inspect;
mod interrupt;
mod kinds;
mod licenses;
mod lines;
mod logging;
mod man;
mod output;
mod owner;
mod passwd;
mod privileges;
mod progress;
mod recover;
mod rename_helper;
mod report;
mod serve;
mod signals;
mod supervisor;
mod target;
mod undo;
mod verify;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use failure::OutputFormat;

use crate::config::{DEFAULT_FILE, ParseError, Parsed, ServeConfig, file_argument, parse};
use crate::wording::chain;

/// What arguments and settings end with that are not understood, as clap has it.
const WRONG: u8 = 2;

/// The command line of `satchel`.
#[derive(Parser, Debug)]
#[command(name = "satchel", about, propagate_version = true)]
struct Arguments {
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
    /// Say what is damaged in a data directory, and recover it
    #[command(after_help = recover::EXAMPLES)]
    Recover(Box<recover::RecoverArgs>),
    /// Change a user's password
    #[command(after_help = passwd::EXAMPLES)]
    Passwd(Box<passwd::PasswdArgs>),
    /// Print what is in force for `satchel serve`, and where each setting comes from
    #[command(after_help = config::EXAMPLES, mut_arg("demo", |demo| demo.hide(true)))]
    Config(Box<config::ConfigArguments>),
    /// Print what a shell needs to complete the command line
    #[command(after_help = completions::EXAMPLES)]
    Completions(completions::CompletionsArguments),
    /// Read about Satchel, offline
    #[command(after_help = docs::EXAMPLES)]
    Docs(docs::DocsArguments),
    /// Print or write the manual pages
    #[command(after_help = man::EXAMPLES)]
    Man(man::ManArguments),
    /// Print the licences of Satchel and of the libraries in it
    Licenses,
}

/// The definition that everything is made from: parsing, help, manual pages, completions, and the
/// table of settings.
pub fn command() -> clap::Command {
    help::complete(Arguments::command().arg(file_argument()))
}

/// Does what the words say, the executable's name first, and says on standard error what could not
/// be done. Exit codes: 0 done, 1 could not be done, or is not as it should be, 2 wrong arguments
/// or settings, 3 the inventory is damaged, 130 cut short by a signal.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    if let Some(arguments) = decode::arguments(&words) {
        return decode::run(&arguments);
    }
    if let Some((begun, name)) = rename_helper::arguments(&words) {
        return rename_helper::run(&begun, &name);
    }
    let understood = parse(&command(), &words, Path::new(DEFAULT_FILE)).and_then(|parsed| {
        let arguments = Arguments::from_arg_matches(&parsed.matches)?;
        Ok((arguments, parsed))
    });
    match understood {
        Ok((arguments, parsed)) => execute(arguments.command, &parsed).unwrap_or_else(|error| {
            if let Some(interrupted) = error.downcast_ref::<interrupt::Interrupted>() {
                eprintln!("satchel: {interrupted}");
                return ExitCode::from(interrupt::EXIT_INTERRUPTED);
            }
            failure::report(&error, answers(&parsed.matches));
            failure::exit_code(&error)
        }),
        Err(ParseError::Arguments(said)) => {
            // Where neither output takes anything, there is nobody to be told.
            let _ = said.print();
            if said.use_stderr() && wants_json(&words) {
                failure::report_wrong_words(&said.render().to_string());
            }
            u8::try_from(said.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(ParseError::File(error)) => {
            let detail = chain(&error);
            eprintln!("satchel: {detail}");
            if wants_json(&words) {
                failure::report_wrong_words(&detail);
            }
            ExitCode::from(WRONG)
        }
    }
}

/// How the subcommand that runs was told to answer.
fn answers(matches: &ArgMatches) -> OutputFormat {
    let asked = matches.subcommand().and_then(|(_, inner)| inner.try_get_one("json").ok());
    match asked.flatten() {
        Some(true) => OutputFormat::Json,
        Some(false) | None => OutputFormat::Text,
    }
}

/// The same of words that are not understood.
fn wants_json(words: &[OsString]) -> bool {
    words.iter().any(|word| word == "--json")
}

fn execute(subcommand: Command, parsed: &Parsed) -> anyhow::Result<ExitCode> {
    signals::survive_file_size_limit().context("The handler of SIGXFSZ cannot be installed")?;
    match subcommand {
        Command::Serve(config) => serve::run(&config),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Undo(args) => undo::run(&args),
        Command::Passwd(args) => passwd::run(&args),
        Command::Recover(args) => recover::run(&args),
        Command::Config(arguments) => config::run(&arguments, parsed, &command()),
        Command::Completions(arguments) => completions::run(&arguments, command()),
        Command::Docs(arguments) => docs::run(&arguments),
        Command::Man(arguments) => man::run(&arguments, command()),
        Command::Licenses => licenses::run(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    /// What stands in the file for one subcommand is given to all of them.
    #[test]
    fn a_setting_is_the_same_in_every_subcommand() {
        let mut known = BTreeMap::new();
        let mut variables = BTreeSet::new();
        for subcommand in command().get_subcommands() {
            for arg in subcommand.get_arguments() {
                let (Some(long), Some(variable)) = (arg.get_long(), arg.get_env()) else {
                    continue;
                };
                let is = (
                    variable.to_owned(),
                    arg.get_value_parser().type_id(),
                    arg.get_value_names().map(<[_]>::to_vec),
                    arg.get_default_values().to_vec(),
                );
                let variable = variable.to_str().unwrap();
                let expected = "SATCHEL_".to_owned() + &long.replace('-', "_").to_uppercase();
                assert_eq!(variable, expected, "{}", subcommand.get_name());
                variables.insert(variable.to_owned());
                let first = known.entry(long.to_owned()).or_insert_with(|| is.clone());
                assert!(*first == is, "--{long} of {} is another one", subcommand.get_name());
            }
        }
        assert_eq!(variables.len(), known.len());
        assert!(known.len() > 8, "{known:?}");
    }

    #[test]
    fn every_subcommand_says_what_it_does_in_examples() {
        let mut command = command();
        command.build();
        for subcommand in command.get_subcommands_mut().filter(|it| it.get_name() != "help") {
            let name = subcommand.get_name().to_owned();
            let help = subcommand.render_long_help().to_string();
            assert!(subcommand.get_about().is_some(), "{name}");
            assert!(help.contains("Exit codes:"), "{name}: {help}");
            let has_arguments = subcommand.get_arguments().any(|it| {
                !matches!(it.get_id().as_str(), "help" | "version") && !it.is_global_set()
            });
            assert!(!has_arguments || help.contains("Examples:"), "{name}: {help}");
        }
    }
}
