//! `satchel config`: prints the settings in effect and their sources.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Command};
use serde_json::json;

use super::output::print;
use crate::config::{
    EffectiveSetting, Expected, Parsed, ServeConfig, Setting, SettingSource, settings,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel config
      prints the settings of `satchel serve`, in the format of a settings file
  satchel config --config /tmp/new.toml
      tests a settings file before it is installed
  satchel config --json
      prints them as JSON
  satchel config --markdown
      prints a table of all settings of all subcommands";

/// `satchel config`
#[derive(Args, Debug)]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    serve: ServeConfig,

    /// Print JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// Print a table of all settings of all subcommands as Markdown
    #[arg(long)]
    markdown: bool,
}

/// Prints the settings that `satchel serve` would use.
pub(super) fn run(
    args: &ConfigArgs,
    parsed: &Parsed,
    command: &Command,
) -> anyhow::Result<ExitCode> {
    let mut effective_settings = parsed.effective_settings();
    for setting in &mut effective_settings {
        // The default is the host's name, which clap does not know.
        if setting.setting.name() == "name" && setting.value.is_none() {
            setting.value = Some(args.serve.name().into());
        }
    }
    let file = parsed.file();
    let mut text = Vec::new();
    if args.markdown {
        write_markdown(&mut text, &settings(command))?;
    } else if args.json {
        write_json(&mut text, file, &effective_settings)?;
    } else {
        write_toml(&mut text, file, &effective_settings)?;
    }
    print(&String::from_utf8(text)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the settings in the format of a settings file, with their sources as comments.
fn write_toml(
    out: &mut impl Write,
    file: Option<&Path>,
    effective_settings: &[EffectiveSetting],
) -> io::Result<()> {
    let file = file.map(|file| one_line(&file.to_string_lossy()));
    writeln!(out, "# The settings of `satchel serve` and their sources.")?;
    match &file {
        Some(file) => writeln!(out, "# Settings file: {file}\n")?,
        None => writeln!(out, "# No settings file was read.\n")?,
    }
    let lines: Vec<String> = effective_settings.iter().map(line).collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    for (line, setting) in lines.iter().zip(effective_settings) {
        let from = match setting.source {
            SettingSource::Flag => format!("option --{}", setting.setting.flag()),
            SettingSource::Environment => format!("variable {}", setting.setting.variable()),
            SettingSource::File { line } => {
                format!("{}:{line}", file.as_deref().unwrap_or_default())
            }
            SettingSource::Default => "default".to_owned(),
        };
        writeln!(out, "{line:width$}  # {from}")?;
    }
    Ok(())
}

/// A setting's line in the file. A value that TOML cannot represent becomes a comment.
fn line(EffectiveSetting { setting, value, .. }: &EffectiveSetting) -> String {
    let name = setting.name();
    match value.as_deref().map(OsStr::to_str) {
        None => format!("# {name} is not set"),
        Some(None) => format!("# {name} is not valid UTF-8"),
        Some(Some(value)) => match setting.expected() {
            Expected::Boolean | Expected::Integer => format!("{name} = {value}"),
            Expected::Text => format!("{name} = {}", toml::Value::from(value)),
        },
    }
}

fn write_json(
    out: &mut impl Write,
    file: Option<&Path>,
    effective_settings: &[EffectiveSetting],
) -> io::Result<()> {
    let settings: Vec<_> = effective_settings
        .iter()
        .map(|EffectiveSetting { setting, value, source }| {
            let value = value.as_ref().map(|value| value.to_string_lossy());
            let value = value.map(|value| match setting.expected() {
                Expected::Boolean => {
                    value.parse().map_or_else(|_| json!(value), |it: bool| json!(it))
                }
                Expected::Integer => {
                    value.parse().map_or_else(|_| json!(value), |it: i64| json!(it))
                }
                Expected::Text => json!(value),
            });
            let (word, line) = match source {
                SettingSource::Flag => ("flag", None),
                SettingSource::Environment => ("environment", None),
                SettingSource::File { line } => ("file", Some(line)),
                SettingSource::Default => ("default", None),
            };
            json!({
                "name": setting.name(),
                "value": value,
                "source": word,
                "line": line,
                "flag": format!("--{}", setting.flag()),
                "variable": setting.variable(),
            })
        })
        .collect();
    let file = file.map(|file| file.to_string_lossy());
    writeln!(out, "{:#}", json!({"file": file, "settings": settings}))
}

/// Writes the table of settings for the documentation.
fn write_markdown(out: &mut impl Write, settings: &[Setting]) -> io::Result<()> {
    writeln!(out, "| in the file | flag | environment variable | value | default | meaning |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for setting in settings.iter().filter(|setting| !setting.is_hidden()) {
        let values = match &setting.values()[..] {
            [] => match setting.expected() {
                Expected::Boolean => "`true`, `false`".to_owned(),
                Expected::Integer | Expected::Text => format!("`{}`", setting.value_name()),
            },
            values => values.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", "),
        };
        let default = setting.default().map(|it| format!("`{it}`")).unwrap_or_default();
        let cells = [
            format!("`{}`", setting.name()),
            format!("`--{}`", setting.flag()),
            format!("`{}`", setting.variable()),
            values,
            default,
            one_line(&setting.help()),
        ];
        writeln!(out, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))?;
    }
    Ok(())
}

/// Replaces control characters, so that a text stays on one line.
fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}
