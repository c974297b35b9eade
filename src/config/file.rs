//! The settings file: TOML, one line per setting.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::error::{FileError, SettingFault, SettingProblem, shortened};
use super::setting::{Expected, Setting};
use crate::model::nearest;

/// The largest settings file, in bytes. A file with a comment on every setting has a hundredth of it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A settings file that was read. All values are valid.
#[derive(Debug)]
pub(super) struct SettingsFile {
    pub path: PathBuf,
    pub values: BTreeMap<String, Value>,
}

/// A value in the form of a command-line argument, and its line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub text: String,
    pub line: usize,
}

impl SettingsFile {
    /// Reads a file and checks its values against the `known` settings.
    ///
    /// # Errors
    /// [`FileError::Unreadable`], [`FileError::TooLarge`], [`FileError::NotText`],
    /// [`FileError::Syntax`]; [`FileError::Wrong`] with all invalid lines.
    pub(super) fn read(path: &Path, known: &[Setting]) -> Result<Self, FileError> {
        let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
        let bytes = read_bounded(path).map_err(unreadable)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(FileError::TooLarge { path: path.to_owned(), bytes_max: FILE_BYTES_MAX });
        }
        let text = std::str::from_utf8(&bytes).map_err(|error| FileError::NotText {
            path: path.to_owned(),
            line: line_of(&bytes, error.valid_up_to()),
        })?;
        let syntax = |error: toml::de::Error| FileError::Syntax {
            path: path.to_owned(),
            line: line_of(&bytes, error.span().map_or(0, |span| span.start)),
            // The parser's own excerpt would repeat the line number.
            detail: error.message().trim_end().replace('\n', ", "),
        };
        let table = DeTable::parse(text).map_err(syntax)?;
        let mut values = BTreeMap::new();
        let mut problems = Vec::new();
        for (key, value) in table.get_ref() {
            let line = line_of(&bytes, key.span().start);
            match checked(key.get_ref(), value.get_ref(), known) {
                Ok(text) => drop(values.insert(key.get_ref().to_string(), Value { text, line })),
                Err(fault) => {
                    problems.push(SettingProblem { line, key: key.get_ref().to_string(), fault });
                }
            }
        }
        if problems.is_empty() {
            return Ok(Self { path: path.to_owned(), values });
        }
        // Each key has a line of its own.
        problems.sort_unstable_by_key(|problem| problem.line);
        Err(FileError::Wrong { path: path.to_owned(), problems })
    }
}

/// Reads at most one byte more than the size limit, so that reading a device file ends.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The line of the byte at offset `at`. Counts from 1.
fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// Returns the value in the form of a command-line argument.
///
/// # Errors
/// The setting is unknown, or does not accept the value.
fn checked(key: &str, value: &DeValue<'_>, known: &[Setting]) -> Result<String, SettingFault> {
    let Some(setting) = known.iter().find(|setting| setting.name() == key) else {
        let nearest = nearest(key, known.iter().map(Setting::name)).map(str::to_owned);
        return Err(SettingFault::Unknown { nearest });
    };
    let text = as_text(value, setting.expected())?;
    match setting.check(&text) {
        Ok(()) => Ok(text),
        Err(expectation) => Err(SettingFault::Value { value: shortened(&text), expectation }),
    }
}

fn as_text(value: &DeValue<'_>, expected: Expected) -> Result<String, SettingFault> {
    let fits = match value {
        // A quoted text is the same as on the command line.
        DeValue::String(_) => true,
        DeValue::Integer(_) => expected == Expected::Integer,
        DeValue::Boolean(_) => expected == Expected::Boolean,
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => false,
    };
    match value {
        DeValue::String(text) if fits => Ok(text.to_string()),
        DeValue::Boolean(truth) if fits => Ok(truth.to_string()),
        DeValue::Integer(number) if fits => {
            // Hexadecimal and similar numbers become decimal. One that is too long for that is too
            // large for every setting, which reports it.
            let decimal = i128::from_str_radix(number.as_str(), number.radix());
            Ok(decimal.map_or_else(|_| number.to_string(), |decimal| decimal.to_string()))
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Boolean(_)
        | DeValue::Float(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => Err(SettingFault::Type { found: described(value), expected }),
    }
}

fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command, value_parser};

    use super::super::setting::settings;
    use super::*;

    fn known() -> Vec<Setting> {
        let text = |name: &'static str| Arg::new(name).long(name).env("X_TEXT");
        let listen = text("listen").value_parser(|text: &str| {
            if text.contains(':') { Ok(text.to_owned()) } else { Err("an address is expected") }
        });
        let wait = Arg::new("wait").long("head-wait-ms").env("X_WAIT");
        let wait = wait.value_parser(value_parser!(u32).range(1..=90));
        let calm = Arg::new("calm").long("calm").env("X_CALM").action(ArgAction::SetTrue);
        settings(&Command::new("x").args([listen, wait, calm, text("data")]))
    }

    fn read(bytes: &[u8]) -> Result<SettingsFile, FileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("R 1%.toml");
        std::fs::write(&path, bytes).unwrap();
        SettingsFile::read(&path, &known())
    }

    fn error_text(bytes: &[u8]) -> String {
        let error = read(bytes).unwrap_err().to_string();
        // The folder has a random name.
        error.lines().map(|line| line.rsplit_once('/').map_or(line, |(_, rest)| rest)).fold(
            String::new(),
            |all, line| if all.is_empty() { line.to_owned() } else { all + "\n" + line },
        )
    }

    #[test]
    fn native_values_and_quoted_texts_mean_the_same_as_on_the_command_line() {
        let file = read(
            b"# a comment\r\nlisten = \"[::1]:80\"\n\nhead_wait_ms = 0x1_0\ncalm = true\ndata = '..'\n",
        )
        .unwrap();
        let values: Vec<_> = file
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value.text.as_str(), value.line))
            .collect();
        assert_eq!(
            values,
            [
                ("calm", "true", 5),
                ("data", "..", 6),
                ("head_wait_ms", "16", 4),
                ("listen", "[::1]:80", 2),
            ]
        );
        let file = read(b"head_wait_ms = \"7\"\ncalm = \"false\"").unwrap();
        assert_eq!(file.values["head_wait_ms"].text, "7");
        assert!(read(b"").unwrap().values.is_empty());
    }

    #[test]
    fn all_invalid_lines_are_reported_with_their_numbers() {
        let text = b"lisen = \"x\"\n\nhead-wait-ms = 7\nlisten = 8080\nhead_wait_ms = 91\n\
                     calm = 1\ndata = [\"a\"]\n\"\xc3\xa9>b\" = 1\n[log]\nformat = \"json\"\n";
        assert_eq!(
            error_text(text),
            "R 1%.toml:1: “lisen”: unknown setting. Did you mean “listen”?\n\
             R 1%.toml:3: “head-wait-ms”: unknown setting. Did you mean “head_wait_ms”?\n\
             R 1%.toml:4: “listen”: found an integer, expected text in quotes\n\
             R 1%.toml:5: “head_wait_ms”: invalid value “91”: expected an integer: \
             91 is not in 1..=90\n\
             R 1%.toml:6: “calm”: found an integer, expected true or false\n\
             R 1%.toml:7: “data”: found a list, expected text in quotes\n\
             R 1%.toml:8: “é>b”: unknown setting. `satchel config --markdown` lists all \
             settings\n\
             R 1%.toml:9: “log”: unknown setting. `satchel config --markdown` lists all \
             settings"
        );
        assert_eq!(
            error_text(b"listen = \"8080\""),
            "R 1%.toml:1: “listen”: invalid value “8080”: an address is expected"
        );
        for wrong in ["1.5", "2026-11-23", "{a = 1}", "99999999999999999999999999", "-1"] {
            let text = format!("\nhead_wait_ms = {wrong}");
            assert!(error_text(text.as_bytes()).starts_with("R 1%.toml:2: "), "{wrong}");
        }
    }

    #[test]
    fn a_syntax_error_is_reported_with_its_line() {
        for (bytes, line) in [
            (&b"a"[..], 1),
            (b"calm = true\ncalm = false\n", 2),
            (b"calm = true\n\n= 3", 3),
            (b"calm = true\ndata = \"\xff\"", 2),
            (b"\n\x00\x01\x02\x7fELF", 2),
            (b"data = \"", 1),
        ] {
            let text = error_text(bytes);
            assert!(text.starts_with(&format!("R 1%.toml:{line}: ")), "{text}");
        }
    }

    #[test]
    fn hostile_files_are_refused_at_little_cost() {
        let large = b"#".repeat(usize::try_from(FILE_BYTES_MAX).unwrap() + 1);
        assert!(matches!(read(&large), Err(FileError::TooLarge { .. })));
        // A file without an end.
        let zeros = SettingsFile::read(Path::new("/dev/zero"), &known());
        assert!(matches!(zeros, Err(FileError::TooLarge { .. })));
        let directory = SettingsFile::read(Path::new("/"), &known());
        assert!(matches!(directory, Err(FileError::Unreadable { .. })));
        let missing = SettingsFile::read(Path::new("/nowhere/x"), &known());
        assert!(matches!(missing, Err(FileError::Unreadable { .. })));
        assert!(SettingsFile::read(Path::new("/dev/null"), &known()).unwrap().values.is_empty());
        for deep in [
            "data = ".to_owned() + &"[".repeat(400_000),
            "data = ".to_owned() + &"{a=".repeat(200_000),
            "a.".repeat(400_000) + "b = 1",
            format!("[{}b]", "a.".repeat(400_000)),
        ] {
            assert!(matches!(read(deep.as_bytes()), Err(FileError::Syntax { .. })));
        }
        let long = format!("data = 5\n{} = 1", "k".repeat(500_000));
        assert!(error_text(long.as_bytes()).len() < 1_000);
    }
}
