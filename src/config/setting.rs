//! A setting. Its command-line argument defines it.

use std::any::TypeId;
use std::collections::BTreeMap;

use clap::builder::{PossibleValue, ValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, value_parser};

/// The data type of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// `true` or `false` in TOML.
    Boolean,
    /// A TOML integer.
    Integer,
    /// A TOML string. Paths, addresses and words of a choice are strings too.
    Text,
}

impl Expected {
    /// The type in words, for a message about the settings file.
    pub fn description(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Integer => "an integer",
            Self::Text => "text in quotes",
        }
    }
}

/// The settings whose value can be a secret: services give each user of a webhook a path of its own.
const SECRETS: [&str; 1] = ["backup_webhook"];

/// A setting: a command-line option, an environment variable and a line of the file at the same
/// time.
#[derive(Clone, Debug)]
pub struct Setting {
    name: String,
    arg: Arg,
}

impl Setting {
    /// The setting that an argument defines. `None` if it has no long name or no environment variable,
    /// or is global: such an argument is about the command line itself.
    pub(super) fn of(arg: &Arg) -> Option<Self> {
        let is_setting = arg.get_env().is_some() && !arg.is_global_set();
        let long = arg.get_long().filter(|_| is_setting)?;
        Some(Self { name: long.replace('-', "_"), arg: arg.clone() })
    }

    /// The name in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the value can be a secret, which logs must not contain.
    pub fn is_secret(&self) -> bool {
        SECRETS.contains(&self.name())
    }

    /// The long name of the option, without dashes.
    pub fn flag(&self) -> &str {
        self.arg.get_long().unwrap_or_default()
    }

    /// The environment variable.
    pub fn variable(&self) -> String {
        self.arg.get_env().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// clap's id of the argument.
    pub(super) fn id(&self) -> &str {
        self.arg.get_id().as_str()
    }

    /// Returns whether help and documentation omit the setting.
    pub fn is_hidden(&self) -> bool {
        self.arg.is_hide_set()
    }

    /// The help text: purpose and unit.
    pub fn help(&self) -> String {
        self.arg.get_help().map(ToString::to_string).unwrap_or_default()
    }

    /// The possible values. Empty if any value of the type is possible.
    pub fn values(&self) -> Vec<String> {
        let values = self.arg.get_possible_values();
        values.iter().map(PossibleValue::get_name).map(str::to_owned).collect()
    }

    /// The placeholder of the value in the help, such as `DIR`.
    pub fn value_name(&self) -> String {
        let names = self.arg.get_value_names().unwrap_or_default();
        names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The default value.
    pub fn default(&self) -> Option<String> {
        let default = self.arg.get_default_values().first()?;
        Some(default.to_string_lossy().into_owned())
    }

    /// The data type, as clap parses it.
    pub fn expected(&self) -> Expected {
        match self.arg.get_action() {
            ArgAction::SetTrue | ArgAction::SetFalse => return Expected::Boolean,
            ArgAction::Count => return Expected::Integer,
            // All other actions take a value. clap's enum is non-exhaustive.
            _ => {}
        }
        let parsed = self.arg.get_value_parser().type_id();
        let integers = [
            TypeId::of::<u8>(),
            TypeId::of::<u16>(),
            TypeId::of::<u32>(),
            TypeId::of::<u64>(),
            TypeId::of::<usize>(),
            TypeId::of::<i64>(),
        ];
        if parsed == TypeId::of::<bool>() {
            Expected::Boolean
        } else if integers.iter().any(|integer| parsed == *integer) {
            Expected::Integer
        } else {
            Expected::Text
        }
    }

    /// The parser of the value. For flags without one, clap chooses it only when it parses.
    fn parser(&self) -> ValueParser {
        let parser = self.arg.get_value_parser();
        let is_named = parser.type_id() != TypeId::of::<String>();
        match self.arg.get_action() {
            ArgAction::SetTrue | ArgAction::SetFalse if !is_named => value_parser!(bool),
            ArgAction::Count if !is_named => value_parser!(u8).into(),
            _ => parser.clone(),
        }
    }

    /// Checks a value with the parser of the argument.
    ///
    /// # Errors
    /// A message with the expected values.
    pub(super) fn check(&self, value: &str) -> Result<(), String> {
        let probe = Arg::new("value")
            .long("value")
            .action(ArgAction::Set)
            .num_args(1)
            .value_parser(self.parser());
        let command = Command::new("probe").no_binary_name(true).arg(probe);
        match command.try_get_matches_from([format!("--value={value}")]) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.expectation(&error)),
        }
    }

    fn expectation(&self, error: &clap::Error) -> String {
        if let (ErrorKind::InvalidValue, Some(ContextValue::Strings(values))) =
            (error.kind(), error.get(ContextKind::ValidValue))
            && !values.is_empty()
        {
            return format!("expected one of {}", values.join(", "));
        }
        match (std::error::Error::source(error), self.expected()) {
            (Some(source), Expected::Text) => source.to_string(),
            (Some(source), expected) => {
                format!("expected {}: {source}", expected.description())
            }
            (None, expected) => format!("expected {}", expected.description()),
        }
    }
}

/// The settings of a command and of all its subcommands, in the order of their names. A setting of
/// several subcommands is listed once.
pub fn settings(command: &Command) -> Vec<Setting> {
    let mut found = BTreeMap::new();
    collect(command, &mut found);
    found.into_values().collect()
}

fn collect(command: &Command, found: &mut BTreeMap<String, Setting>) {
    for setting in command.get_arguments().filter_map(Setting::of) {
        found.entry(setting.name.clone()).or_insert(setting);
    }
    for subcommand in command.get_subcommands() {
        collect(subcommand, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let log = Arg::new("format").long("log-format").env("X_LOG").value_parser(["human", "é>b"]);
        let wait = Arg::new("wait").long("wait-ms").env("X_WAIT").help("Milliseconds");
        let wait = wait.value_parser(value_parser!(u32).range(1..=9)).default_value("5");
        let calm = Arg::new("calm").long("calm").env("X_CALM").action(ArgAction::SetTrue);
        let config = Arg::new("config").long("config").env("X_CONFIG").global(true);
        let inner = Command::new("inner").args([wait.clone(), calm]);
        let outer = Command::new("outer").args([log, wait]).subcommand(inner);
        let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
        Command::new("x").arg(config).subcommands([outer, Command::new("other").arg(json)])
    }

    #[test]
    fn an_argument_with_a_long_name_and_a_variable_is_a_setting() {
        let settings = settings(&command());
        let rows: Vec<_> = settings
            .iter()
            .map(|setting| (setting.name(), setting.flag(), setting.variable(), setting.expected()))
            .collect();
        assert_eq!(
            rows,
            [
                ("calm", "calm", "X_CALM".to_owned(), Expected::Boolean),
                ("log_format", "log-format", "X_LOG".to_owned(), Expected::Text),
                ("wait_ms", "wait-ms", "X_WAIT".to_owned(), Expected::Integer),
            ]
        );
        assert_eq!(settings[1].values(), ["human", "é>b"]);
        assert_eq!(settings[2].default().as_deref(), Some("5"));
        assert_eq!(settings[2].help(), "Milliseconds");
    }

    #[test]
    fn a_value_is_checked_as_on_the_command_line() {
        let settings = settings(&command());
        let check = |at: usize, value: &str| settings[at].check(value);
        assert_eq!(check(2, "9"), Ok(()));
        assert_eq!(check(2, "10").unwrap_err(), "expected an integer: 10 is not in 1..=9");
        assert!(check(2, "-1").unwrap_err().starts_with("expected an integer"));
        assert!(check(2, "").is_err());
        assert_eq!(check(1, "é>b"), Ok(()));
        for wrong in ["é", "", "--human", "human\n"] {
            let expected = "expected one of human, é>b";
            assert_eq!(check(1, wrong).unwrap_err(), expected, "{wrong}");
        }
        assert_eq!(check(0, "true"), Ok(()));
        assert!(check(0, "yes").is_err());
    }
}
