//! The parts of the help that all subcommands share: settings, exit codes, version.

use clap::Command;

use crate::codec::bundle;
use crate::config;
use crate::store;

/// The paragraph on settings. Its lines are not broken here: clap wraps them to the terminal.
const SETTINGS: &str = "\
Settings:
  Every option with an environment variable is a setting. A settings file (TOML) can set it as \
well. The name is that of the option, with _ instead of -: log_format = \"json\"
  Precedence: command-line option, environment variable, settings file, default.
  --config or SATCHEL_CONFIG names the settings file. The default is /etc/satchel.toml, if it \
exists. `satchel config` prints all settings in effect and the source of each.";

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed, or a check found a problem
  2    wrong arguments or settings; nothing was done
  3    the inventory is damaged; see `satchel recover`
  130  interrupted by a signal";

const EXAMPLES: &str = "\
Examples:
  satchel serve --demo
      serves a sample inventory at http://127.0.0.1:8080
  satchel config
      shows all settings and the source of each
  satchel help serve
      shows all options of a subcommand";

/// Adds the shared parts to the long help of a command and of its subcommands.
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
        // A subcommand with its own exit codes lists them itself.
        let codes = if own.contains("Exit codes:") { String::new() } else { EXIT_CODES.to_owned() };
        subcommand.after_long_help(paragraphs(&[own, settings, codes]))
    })
}

fn paragraphs(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("\n\n")
}

/// The text of `satchel --version` after the name.
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
