//! The command line.
//!
//! | files | contents |
//! |---|---|
//! | `audit`, `backup`, `completions`, `config`, `configuration`, `delete`, `diff`, `docs`, `export`, `feed`, `import`, `fingerprint`, `history`, `inspect`, `licenses`, `man`, `passwd`, `recover`, `rekey`, `restore`, `serve`, `show`, `undo`, `verify` | the subcommands |
//! | `decode`, `rename_helper` | hidden subcommands: processes that other commands start |
//! | `target` | the data directory or server that a command uses, and calls to it |
//! | `input`, `kinds`, `reading`, `server_address` | arguments and options that several subcommands share |
//! | `import_call`, `report` | the call of an import, and its report as text |
//! | `change`, `moment` | changes of the history as text, and the moments in arguments |
//! | `output`, `safe_text`, `progress`, `confirm`, `help` | output, progress and questions to the user |
//! | `failure`, `exit_code` | messages of errors with the next step, and exit codes |
//! | `interrupt`, `file_size_signal` | signals: Ctrl-C and SIGTERM of commands; SIGXFSZ |
//! | `owner`, `privileges` | running as the owner of the data directory instead of root |
//! | `core_dumps` | keeps the memory of the server from the disk |
//! | `listeners`, `logging`, `log_writer`, `supervisor`, `access_upkeep` | the listeners, the log, the service manager and the regular work of `serve` |

mod access_upkeep;
mod audit;
mod backup;
mod change;
mod completions;
mod config;
mod configuration;
mod confirm;
mod core_dumps;
mod decode;
mod delete;
mod diff;
mod diff_moments;
mod docs;
mod exit_code;
mod export;
mod failure;
mod feed;
mod file_size_signal;
mod fingerprint;
mod first_start;
mod help;
mod history;
mod import;
mod import_call;
mod input;
mod inspect;
mod interrupt;
mod kinds;
mod known_servers;
mod licenses;
mod listeners;
mod log_writer;
mod logging;
mod man;
mod moment;
mod output;
mod owner;
mod passwd;
mod privileges;
mod progress;
mod reading;
mod recover;
mod rekey;
mod rename_helper;
mod report;
mod restore;
mod safe_text;
mod serve;
mod server_address;
mod server_certificate;
mod show;
mod supervisor;
mod target;
mod token;
mod undo;
mod verify;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use output::OutputFormat;

use crate::config::{DEFAULT_FILE, ParseError, Parsed, ServeConfig, file_argument, parse};
use crate::wording::chain;

/// The exit code for wrong arguments or settings. clap uses the same.
const EXIT_USAGE: u8 = 2;

/// The command line of `satchel`.
#[derive(Parser, Debug)]
#[command(name = "satchel", about, propagate_version = true)]
struct SatchelArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve the inventory over HTTP
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<ServeConfig>),
    /// Export a project as a bundle, or devices and links as a workbook
    #[command(after_help = export::EXAMPLES)]
    Export(Box<export::ExportArgs>),
    /// Write devices and links in the format of another tool: Ansible, Prometheus and others
    #[command(after_help = feed::EXAMPLES)]
    Feed(Box<feed::FeedArgs>),
    /// Make a backup: everything of the data directory in one file
    #[command(after_help = backup::EXAMPLES)]
    Backup(Box<backup::BackupArgs>),
    /// Restore a backup: everything, some types, or the records of one name
    #[command(after_help = restore::EXAMPLES)]
    Restore(Box<restore::RestoreArgs>),
    /// Import a project or a workbook, completely or not at all
    #[command(after_help = import::EXAMPLES)]
    Import(Box<import::ImportArgs>),
    /// Show what an import would change, how two projects differ, or what has changed
    #[command(after_help = diff::EXAMPLES)]
    Diff(Box<diff::DiffArgs>),
    /// Show the contents of a bundle, a workbook or the inventory
    #[command(after_help = inspect::EXAMPLES)]
    Inspect(Box<inspect::InspectArgs>),
    /// Check a bundle or the inventory for damage
    #[command(after_help = verify::EXAMPLES)]
    Verify(Box<verify::VerifyArgs>),
    /// List the changes of the inventory, or show one change
    #[command(after_help = history::EXAMPLES)]
    History(Box<history::HistoryArgs>),
    /// List the entries of the audit log
    #[command(after_help = audit::EXAMPLES)]
    Audit(Box<audit::AuditArgs>),
    /// Show a record, now or at an earlier moment
    #[command(after_help = show::EXAMPLES)]
    Show(Box<show::ShowArgs>),
    /// Show, list and compare the configurations of a device
    #[command(after_help = configuration::EXAMPLES)]
    Configuration(Box<configuration::ConfigurationArgs>),
    /// Undo the last change
    #[command(after_help = undo::EXAMPLES)]
    Undo(Box<undo::UndoArgs>),
    /// Delete records, and the records that depend on them
    #[command(after_help = delete::EXAMPLES)]
    Delete(Box<delete::DeleteArgs>),
    /// Show the damage of a data directory, and recover the inventory
    #[command(after_help = recover::EXAMPLES)]
    Recover(Box<recover::RecoverArgs>),
    /// Change a user's password
    #[command(after_help = passwd::EXAMPLES)]
    Passwd(Box<passwd::PasswdArgs>),
    /// Make a new key and encrypt all secrets with it
    #[command(after_help = rekey::EXAMPLES)]
    Rekey(Box<rekey::RekeyArgs>),
    /// Make, list and revoke tokens, the credentials of programs
    #[command(after_help = token::EXAMPLES)]
    Token(Box<token::TokenArgs>),
    /// Print the SHA-256 of a server's certificate
    #[command(after_help = fingerprint::EXAMPLES)]
    Fingerprint(Box<fingerprint::FingerprintArgs>),
    /// Print the settings of `satchel serve` and their sources
    #[command(after_help = config::EXAMPLES, mut_arg("demo", |demo| demo.hide(true)))]
    Config(Box<config::ConfigArgs>),
    /// Print a shell completion script
    #[command(after_help = completions::EXAMPLES)]
    Completions(completions::CompletionsArgs),
    /// Read the documentation, offline
    #[command(after_help = docs::EXAMPLES)]
    Docs(docs::DocsArgs),
    /// Print or write the manual pages
    #[command(after_help = man::EXAMPLES)]
    Man(man::ManArgs),
    /// Print the licences of Satchel and of its libraries
    Licenses,
}

/// The definition of the command line. Parsing, help, manual pages, completions and the table of
/// settings follow from it.
pub fn command() -> clap::Command {
    help::complete(SatchelArgs::command().arg(file_argument()))
}

/// Runs the command line `words`, whose first word is the name of the executable. Errors are printed
/// on standard error.
///
/// Exit codes: 0 done, 1 failed or a check found a problem, 2 wrong arguments or settings, 3 the
/// inventory is damaged, 130 interrupted by a signal.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    if let Some(arguments) = decode::arguments(&words) {
        return decode::run(&arguments);
    }
    if let Some((temporary, name)) = rename_helper::arguments(&words) {
        return rename_helper::run(&temporary, &name);
    }
    let parsed = parse(&command(), &words, Path::new(DEFAULT_FILE)).and_then(|parsed| {
        let args = SatchelArgs::from_arg_matches(&parsed.matches)?;
        Ok((args, parsed))
    });
    match parsed {
        Ok((args, parsed)) => execute(args.command, &parsed).unwrap_or_else(|error| {
            if let Some(interrupted) = error.downcast_ref::<interrupt::Interrupted>() {
                eprintln!("satchel: {interrupted}");
                return ExitCode::from(interrupt::EXIT_INTERRUPTED);
            }
            failure::report(&error, output_format(&parsed.matches));
            exit_code::of_error(&error)
        }),
        Err(ParseError::Arguments(error)) => {
            // If standard error is closed, the error cannot be printed.
            let _ = error.print();
            if error.use_stderr() && wants_json(&words) {
                failure::report_usage(&error.render().to_string());
            }
            u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(ParseError::File(error)) => {
            let detail = chain(&error);
            eprintln!("satchel: {detail}");
            if wants_json(&words) {
                failure::report_usage(&detail);
            }
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// The output format that the options of the subcommand select.
fn output_format(matches: &ArgMatches) -> OutputFormat {
    let json = matches.subcommand().and_then(|(_, inner)| inner.try_get_one("json").ok());
    match json.flatten() {
        Some(true) => OutputFormat::Json,
        Some(false) | None => OutputFormat::Text,
    }
}

/// Returns whether `--json` is among the arguments that clap rejected.
fn wants_json(words: &[OsString]) -> bool {
    words.iter().any(|word| word == "--json")
}

fn execute(subcommand: Command, parsed: &Parsed) -> anyhow::Result<ExitCode> {
    file_size_signal::survive_file_size_limit().context("Cannot install the handler of SIGXFSZ")?;
    match subcommand {
        Command::Serve(config) => serve::run(&config, parsed),
        Command::Export(args) => export::run(&args),
        Command::Feed(args) => feed::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::History(args) => history::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Configuration(args) => configuration::run(&args),
        Command::Undo(args) => undo::run(&args),
        Command::Delete(args) => delete::run(&args),
        Command::Passwd(args) => passwd::run(&args),
        Command::Rekey(args) => rekey::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Fingerprint(args) => fingerprint::run(&args),
        Command::Recover(args) => recover::run(&args),
        Command::Config(args) => config::run(&args, parsed, &command()),
        Command::Completions(args) => completions::run(&args, command()),
        Command::Docs(args) => docs::run(&args),
        Command::Man(args) => man::run(&args, command()),
        Command::Licenses => licenses::run(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn the_definition_passes_claps_own_checks() {
        command().debug_assert();
    }

    /// A setting in the file applies to all subcommands that have it.
    #[test]
    fn a_setting_means_the_same_in_every_subcommand() {
        let mut known = BTreeMap::new();
        let mut variables = BTreeSet::new();
        for subcommand in command().get_subcommands() {
            for arg in subcommand.get_arguments() {
                let (Some(long), Some(variable)) = (arg.get_long(), arg.get_env()) else {
                    continue;
                };
                let definition = (
                    variable.to_owned(),
                    arg.get_value_parser().type_id(),
                    arg.get_value_names().map(<[_]>::to_vec),
                    arg.get_default_values().to_vec(),
                );
                let variable = variable.to_str().unwrap();
                let expected = "SATCHEL_".to_owned() + &long.replace('-', "_").to_uppercase();
                assert_eq!(variable, expected, "{}", subcommand.get_name());
                variables.insert(variable.to_owned());
                let first = known.entry(long.to_owned()).or_insert_with(|| definition.clone());
                assert!(*first == definition, "--{long} of {} differs", subcommand.get_name());
            }
        }
        assert_eq!(variables.len(), known.len());
        assert!(known.len() > 8, "{known:?}");
    }

    #[test]
    fn every_subcommand_has_a_description_and_examples() {
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
