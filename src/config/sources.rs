//! Combines the command line, the environment, the settings file and the defaults.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, value_parser};

use super::error::FileError;
use super::file::SettingsFile;
use super::setting::{Setting, settings};

/// The default settings file. It is read if no other file is given and it exists.
pub const DEFAULT_FILE: &str = "/etc/satchel.toml";

/// clap's id of the argument with the path of the file.
const FILE_ID: &str = "settings_file";

/// The global argument with the path of the settings file.
pub fn file_argument() -> Arg {
    Arg::new(FILE_ID)
        .long("config")
        .env("SATCHEL_CONFIG")
        .value_name("FILE")
        .value_parser(value_parser!(OsString))
        .global(true)
        // After the options of the subcommand, before --help.
        .display_order(900)
        .help(format!(
            "TOML file with settings; an empty name means none [default: {DEFAULT_FILE}, if it exists]"
        ))
}

/// The reason why a command line was refused.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// An error of clap, or a request for help or version.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// The settings file cannot be read or is invalid.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A parsed command line, with the settings file.
#[derive(Debug)]
pub struct Parsed {
    /// The arguments with their values from all sources, as clap returns them.
    pub matches: ArgMatches,
    file: Option<SettingsFile>,
    /// The settings of the subcommand that runs.
    settings: Vec<Setting>,
    /// The settings that conflict with one of higher precedence: `server` with `--data`.
    overridden: Vec<String>,
}

/// The source of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingSource {
    /// An option of the command line.
    Flag,
    /// An environment variable.
    Environment,
    /// The settings file. The line counts from 1.
    File {
        /// The line that sets the value.
        line: usize,
    },
    /// The default. Also the source of a setting without a value.
    Default,
}

/// A setting with its value in effect.
#[derive(Clone, Debug)]
pub struct EffectiveSetting {
    /// The setting.
    pub setting: Setting,
    /// `None` if nothing sets it and it has no default.
    pub value: Option<OsString>,
    /// The source of the value.
    pub source: SettingSource,
}

impl Parsed {
    /// The settings file that was read.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| &*file.path)
    }

    /// The settings of the subcommand that runs, with their values and sources.
    pub fn effective_settings(&self) -> Vec<EffectiveSetting> {
        let matches = innermost(&self.matches);
        let effective = |setting: &Setting| EffectiveSetting {
            setting: setting.clone(),
            value: matches
                .get_raw(setting.id())
                .and_then(|mut values| values.next())
                .map(OsStr::to_owned),
            source: self.source(setting, matches),
        };
        self.settings.iter().map(effective).collect()
    }

    fn source(&self, setting: &Setting, matches: &ArgMatches) -> SettingSource {
        match matches.value_source(setting.id()) {
            Some(ValueSource::CommandLine) => SettingSource::Flag,
            Some(ValueSource::EnvVariable) => SettingSource::Environment,
            // clap got the value of the file as the default.
            _ => match self.file.as_ref().and_then(|file| file.values.get(setting.name())) {
                Some(value) if !self.overridden.iter().any(|name| name == setting.name()) => {
                    SettingSource::File { line: value.line }
                }
                _ => SettingSource::Default,
            },
        }
    }
}

/// Parses a command line whose first word is the name of the executable. Reads the settings file
/// that is given on it, or `default_file` if none is given and that file exists. `command` must
/// have the [`file_argument`].
///
/// A subcommand without settings reads no file.
///
/// # Errors
/// [`ParseError::Arguments`] with clap's error, help or version; [`ParseError::File`].
pub fn parse(
    command: &Command,
    words: &[OsString],
    default_file: &Path,
) -> Result<Parsed, ParseError> {
    // The file must be known before the arguments are checked, because it can provide required ones.
    // So the first pass ignores errors, and the second one reports them.
    let lenient = command.clone().ignore_errors(true).try_get_matches_from(words);
    let Ok(lenient) = lenient else {
        // Help or version, which do not depend on a file.
        let matches = command.clone().try_get_matches_from(words)?;
        return Ok(Parsed { matches, file: None, settings: Vec::new(), overridden: Vec::new() });
    };
    let running = running(command, &lenient);
    let settings = own_settings(running);
    let file =
        if settings.is_empty() { None } else { read(command, innermost(&lenient), default_file)? };
    let overridden = overridden(running, innermost(&lenient), file.as_ref());
    let command = with_file_defaults(command.clone(), &lenient, file.as_ref(), &overridden);
    let matches = command.try_get_matches_from(words)?;
    Ok(Parsed { matches, file, settings, overridden })
}

fn own_settings(running: &Command) -> Vec<Setting> {
    running.get_arguments().filter_map(Setting::of).collect()
}

/// The subcommand that runs.
fn running<'c>(command: &'c Command, matches: &ArgMatches) -> &'c Command {
    let inner = matches.subcommand();
    match inner.and_then(|(name, inner)| Some((command.find_subcommand(name)?, inner))) {
        Some((subcommand, inner)) => running(subcommand, inner),
        None => command,
    }
}

/// The arguments of the subcommand that runs.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    match matches.subcommand() {
        Some((_, inner)) => innermost(inner),
        None => matches,
    }
}

fn read(
    command: &Command,
    matches: &ArgMatches,
    default_file: &Path,
) -> Result<Option<SettingsFile>, FileError> {
    let named = matches.get_one::<OsString>(FILE_ID);
    let path = match named {
        Some(name) if name.is_empty() => return Ok(None),
        Some(name) => PathBuf::from(name),
        None => default_file.to_owned(),
    };
    match SettingsFile::read(&path, &settings(command)) {
        Err(FileError::Unreadable { source, .. })
            if named.is_none() && source.kind() == std::io::ErrorKind::NotFound =>
        {
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// The source of an argument. A later variant takes precedence over an earlier one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    Unset,
    File,
    Environment,
    Flag,
}

/// The names of the settings that conflict with an argument of higher precedence.
fn overridden(running: &Command, matches: &ArgMatches, file: Option<&SettingsFile>) -> Vec<String> {
    let precedence = |arg: &Arg| {
        let in_file = || {
            let setting = Setting::of(arg)?;
            file?.values.get(setting.name())
        };
        match matches.value_source(arg.get_id().as_str()) {
            Some(ValueSource::CommandLine) => Precedence::Flag,
            Some(ValueSource::EnvVariable) => Precedence::Environment,
            _ if in_file().is_some() => Precedence::File,
            _ => Precedence::Unset,
        }
    };
    let excludes = |one: &Arg, other: &Arg| {
        running.get_arg_conflicts_with(one).iter().any(|arg| arg.get_id() == other.get_id())
    };
    let args: Vec<(&Arg, Precedence)> =
        running.get_arguments().map(|arg| (arg, precedence(arg))).collect();
    let is_ruled_out = |arg: &Arg, own: Precedence| {
        own > Precedence::Unset
            && args.iter().any(|(other, before)| {
                *before > own && (excludes(other, arg) || excludes(arg, other))
            })
    };
    let overridden = args.iter().filter(|(arg, precedence)| is_ruled_out(arg, *precedence));
    overridden.filter_map(|(arg, _)| Some(Setting::of(arg)?.name().to_owned())).collect()
}

/// The command with the file's values as defaults of the subcommand that runs, and without the
/// overridden settings.
fn with_file_defaults(
    command: Command,
    matches: &ArgMatches,
    file: Option<&SettingsFile>,
    overridden: &[String],
) -> Command {
    if let Some((name, inner)) = matches.subcommand() {
        return command
            .mut_subcommand(name, |sub| with_file_defaults(sub, inner, file, overridden));
    }
    command.mut_args(|arg| {
        let Some(setting) = Setting::of(&arg) else { return arg };
        if overridden.iter().any(|name| name == setting.name()) {
            return arg.env(Resettable::Reset);
        }
        match file.and_then(|file| file.values.get(setting.name())) {
            Some(value) => arg.required(false).default_value(value.text.clone()),
            None => arg,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    /// A variable that cargo and nextest set. A test cannot set one itself.
    const VARIABLE: &str = "CARGO_PKG_NAME";
    const VARIABLE_VALUE: &str = env!("CARGO_PKG_NAME");

    fn command() -> Command {
        let setting = |name: &'static str, env: &'static str| Arg::new(name).long(name).env(env);
        let one = setting("one", VARIABLE).default_value("default");
        let two = setting("two", "X_TWO").default_value("default");
        let three = setting("three", "X_THREE");
        let needed = setting("needed", "X_NEEDED").required(true);
        let calm = setting("calm", "X_CALM").action(ArgAction::SetTrue);
        let remote = setting("remote", "X_REMOTE").conflicts_with("two");
        let serve = Command::new("serve").args([one, two.clone(), three, calm]);
        let ask = Command::new("ask").args([two, needed, remote]);
        let local = setting("local", VARIABLE);
        let far = setting("far", "X_FAR").conflicts_with("local");
        let both = Command::new("both").args([local, far]);
        let plain = Command::new("plain").arg(Arg::new("json").long("json"));
        Command::new("x")
            .arg(file_argument().env("X_NO_FILE"))
            .subcommand_required(true)
            .subcommands([serve, ask, both, plain])
    }

    /// Parses with a default settings file of this text.
    fn parsed(words: &[&str], text: &str) -> Result<Parsed, ParseError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("default.toml");
        std::fs::write(&path, text).unwrap();
        let words: Vec<OsString> = ["x"].iter().chain(words).map(OsString::from).collect();
        parse(&command(), &words, &path)
    }

    fn effective_settings(parsed: &Parsed) -> Vec<(String, Option<String>, SettingSource)> {
        let text = |value: OsString| value.into_string().unwrap();
        let as_row =
            |it: EffectiveSetting| (it.setting.name().to_owned(), it.value.map(text), it.source);
        parsed.effective_settings().into_iter().map(as_row).collect()
    }

    fn row(
        name: &str,
        value: &str,
        source: SettingSource,
    ) -> (String, Option<String>, SettingSource) {
        (name.to_owned(), Some(value.to_owned()), source)
    }

    #[test]
    fn the_precedence_is_flag_environment_file_default() {
        assert_eq!(std::env::var(VARIABLE).as_deref(), Ok(VARIABLE_VALUE), "cargo runs this");
        let all = "one = \"R 1%\"\ntwo = \"..\"\nthree = \"é>b\"\ncalm = true\nneeded = \"n\"\n";
        let parsed_all = parsed(&["serve"], all).unwrap();
        assert_eq!(
            effective_settings(&parsed_all),
            [
                row("one", VARIABLE_VALUE, SettingSource::Environment),
                row("two", "..", SettingSource::File { line: 2 }),
                row("three", "é>b", SettingSource::File { line: 3 }),
                row("calm", "true", SettingSource::File { line: 4 }),
            ]
        );
        let matches = parsed_all.matches.subcommand_matches("serve").unwrap();
        assert!(matches.get_flag("calm"));
        let flags = ["serve", "--one=1", "--two", "2", "--three=3"];
        assert_eq!(
            effective_settings(&parsed(&flags, all).unwrap())[..3],
            [
                row("one", "1", SettingSource::Flag),
                row("two", "2", SettingSource::Flag),
                row("three", "3", SettingSource::Flag),
            ]
        );
        assert_eq!(
            effective_settings(&parsed(&["serve"], "").unwrap()),
            [
                row("one", VARIABLE_VALUE, SettingSource::Environment),
                row("two", "default", SettingSource::Default),
                ("three".to_owned(), None, SettingSource::Default),
                row("calm", "false", SettingSource::Default),
            ]
        );
    }

    #[test]
    fn a_named_file_replaces_the_default_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("[Shared] x.toml");
        std::fs::write(&path, "two = \"named\"").unwrap();
        let name = path.to_str().unwrap();
        let equals = format!("--config={name}");
        for words in [
            vec!["serve", "--config", name],
            vec!["--config", name, "serve"],
            vec!["serve", &equals, "--three", "3"],
        ] {
            let parsed = parsed(&words, "two = \"default file\"").unwrap();
            assert_eq!(
                effective_settings(&parsed)[1],
                row("two", "named", SettingSource::File { line: 1 })
            );
            assert_eq!(parsed.file(), Some(&*path));
        }
        let none = parsed(&["serve", "--config", ""], "nonsense").unwrap();
        assert_eq!(effective_settings(&none)[1], row("two", "default", SettingSource::Default));
        assert_eq!(none.file(), None);
        let missing = parsed(&["serve", "--config", "/nowhere/x.toml"], "");
        assert!(matches!(missing, Err(ParseError::File(FileError::Unreadable { .. }))));
        let words = ["x", "serve"].map(OsString::from);
        let parsed = parse(&command(), &words, Path::new("/nowhere/x.toml")).unwrap();
        assert_eq!(parsed.file(), None);
    }

    #[test]
    fn the_file_can_set_a_required_argument() {
        let parsed_ask = parsed(&["ask"], "needed = \"n\"").unwrap();
        assert_eq!(
            effective_settings(&parsed_ask)[1],
            row("needed", "n", SettingSource::File { line: 1 })
        );
        assert!(matches!(parsed(&["ask"], ""), Err(ParseError::Arguments(_))));
    }

    #[test]
    fn a_flag_overrides_a_conflicting_setting_of_the_file() {
        let file = "needed = \"n\"\nremote = \"r\"\n";
        let values = |words: &[&str]| effective_settings(&parsed(words, file).unwrap());
        let remote = ("remote".to_owned(), None, SettingSource::Default);
        assert_eq!(values(&["ask"])[2], row("remote", "r", SettingSource::File { line: 2 }));
        assert_eq!(values(&["ask", "--two", "2"])[2], remote);
        // The direction in which clap declares the conflict does not matter.
        let parsed = parsed(&["ask", "--remote", "r"], "needed = \"n\"\ntwo = \"2\"").unwrap();
        assert_eq!(effective_settings(&parsed)[0], row("two", "default", SettingSource::Default));
    }

    #[test]
    fn a_variable_overrides_the_file_and_a_flag_overrides_a_variable() {
        let none = |name: &str| (name.to_owned(), None, SettingSource::Default);
        let local = row("local", VARIABLE_VALUE, SettingSource::Environment);
        let both = effective_settings(&parsed(&["both"], "far = \"f\"").unwrap());
        assert_eq!(both, [local, none("far")]);
        let both = effective_settings(&parsed(&["both", "--far", "f"], "local = \"l\"").unwrap());
        assert_eq!(both, [none("local"), row("far", "f", SettingSource::Flag)]);
        // A conflict within one source is an error.
        let words = ["both", "--far", "f", "--local", "l"];
        assert!(matches!(parsed(&words, ""), Err(ParseError::Arguments(_))));
    }

    #[test]
    fn a_subcommand_without_settings_reads_no_file() {
        assert!(parsed(&["plain"], "nonsense").is_ok());
        assert!(matches!(parsed(&["serve"], "nonsense"), Err(ParseError::File(_))));
        // Settings of other subcommands are checked too: one file is for all.
        assert!(matches!(parsed(&["serve"], "needde = \"n\""), Err(ParseError::File(_))));
        for asked in [&["--help"][..], &["serve", "--help"], &["help", "serve"]] {
            let Err(ParseError::Arguments(help)) = parsed(asked, "nonsense") else { panic!() };
            assert!(!help.use_stderr());
        }
        for wrong in [&[][..], &["serve", "--onee"], &["serf"], &["serve", "--two"]] {
            let Err(ParseError::Arguments(error)) = parsed(wrong, "") else { panic!() };
            assert!(error.use_stderr());
        }
    }
}
