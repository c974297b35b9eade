//! What every help says in the same words: how settings are found, how it ends, what this is.

use clap::Command;

use crate::codec::bundle;
use crate::config;
use crate::store;

const SETTINGS: &str = "\
Settings:
  Every option with an environment variable is a setting. It can stand in a TOML file too, under
  the option's name with _ for -, as: log_format = \"json\"
  An option goes before the environment, that before the file, that before the default.
  The file is the one that --config or SATCHEL_CONFIG names, otherwise /etc/satchel.toml if it is
  there. `satchel config` prints what is in force and where it comes from.";

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    could not be done, or is not as it should be
  2    wrong arguments or settings; nothing was begun
  3    the inventory is damaged; see `satchel recover`
  130  cut short by a signal";

const EXAMPLES: &str = "\
Examples:
  satchel serve --demo
      a sample inventory at http://127.0.0.1:8080
  satchel config
      what is set, and where
  satchel help serve
      all of a subcommand's options";

/// Adds to the long help of a command and of its subcommands what is the same for all of them.
pub(super) fn complete(command: Command) -> Command {
    let command = command.version(env!("CARGO_PKG_VERSION")).long_version(version());
    let command = command.after_help(EXAMPLES).after_long_help(paragraphs(&[
        EXAMPLES.to_owned(),
        SETTINGS.to_owned(),
        EXIT_CODES.to_owned(),
    ]));
    command.mut_subcommands(|subcommand| {
        let own = subcommand.get_after_long_help().or_else(|| subcommand.get_after_help());
        let own = own.map(ToString::to_string).unwrap_or_default();
        let settings = if config::settings(&subcommand).is_empty() {
            String::new()
        } else {
            SETTINGS.to_owned()
        };
        // A subcommand whose codes are other ones says them itself.
        let codes = if own.contains("Exit codes:") { String::new() } else { EXIT_CODES.to_owned() };
        subcommand.after_long_help(paragraphs(&[own, settings, codes]))
    })
}

fn paragraphs(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("\n\n")
}

/// What `satchel --version` says behind the name.
fn version() -> String {
    let commit = match env!("SATCHEL_COMMIT") {
        "" => String::new(),
        commit => format!("commit {commit}\n"),
    };
    format!(
        "{version}\n{commit}data directory format {directory}, record format {record}\n\
         bundle format {bundle}\ntarget {target}",
        version = env!("CARGO_PKG_VERSION"),
        directory = store::DIRECTORY_FORMAT,
        record = store::RECORD_FORMAT,
        bundle = bundle::FORMAT,
        target = env!("SATCHEL_TARGET"),
    )
}
