//! `satchel man`: prints or writes the manual pages.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::output::print;
use crate::model::nearest;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel man | man -l -
      shows the page of satchel
  satchel man serve | man -l -
      shows the page of a subcommand
  satchel man --output /usr/share/man/man1
      writes all pages to that directory";

/// `satchel man`
#[derive(Args, Debug)]
pub(super) struct ManArgs {
    /// The subcommand whose page to print; without it, the page of satchel itself
    #[arg(value_name = "SUBCOMMAND")]
    subcommand: Option<String>,

    /// Write all pages to this directory, which is created if it is missing
    #[arg(long, value_name = "DIR", conflicts_with = "subcommand")]
    output: Option<PathBuf>,
}

/// Prints a page, or writes all of them.
pub(super) fn run(args: &ManArgs, command: Command) -> anyhow::Result<ExitCode> {
    // `help` has no page of its own: it only shows the help of the others.
    let mut command = command.disable_help_subcommand(true);
    // Sets the full names of the subcommands: `satchel serve`.
    command.build();
    if let Some(directory) = &args.output {
        let written = write_all(&command, directory)
            .with_context(|| format!("Cannot write the pages to {}", directory.display()))?;
        let lines = written.iter().map(|path| format!("{}\n", path.display()));
        print(&lines.collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let shown = match &args.subcommand {
        None => &command,
        Some(name) => match visible(&command).find(|subcommand| subcommand.get_name() == name) {
            Some(subcommand) => subcommand,
            None => bail!("There is no subcommand “{name}”{}", suggestion(&command, name)),
        },
    };
    print(&String::from_utf8(page(shown)?)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The sentence that suggests the subcommand with the most similar name, if there is one.
fn suggestion(command: &Command, name: &str) -> String {
    let nearest = nearest(name, visible(command).map(Command::get_name));
    nearest.map(|nearest| format!(". Did you mean “{nearest}”?")).unwrap_or_default()
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set())
}

fn write_all(command: &Command, directory: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(directory)?;
    let pages = std::iter::once(command).chain(visible(command));
    let write = |shown: &Command| {
        let path = directory.join(Man::new(shown.clone()).get_filename());
        fs::write(&path, page(shown)?)?;
        Ok(path)
    };
    pages.map(write).collect()
}

/// The page of one command. Each paragraph after the options in the help becomes a section, and its
/// line breaks are kept: most paragraphs are examples.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone())
        .source(concat!("satchel ", env!("CARGO_PKG_VERSION")))
        .manual("Satchel");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if visible(command).next().is_some() {
        man.render_subcommands_section(&mut page)?;
    }
    let after = command.get_after_long_help().or_else(|| command.get_after_help());
    let after = after.map(ToString::to_string).unwrap_or_default();
    let mut sections = Roff::new();
    for paragraph in after.split("\n\n") {
        let (heading, lines) = match paragraph.split_once(":\n") {
            Some((heading, lines)) if !heading.contains('\n') => (heading, lines),
            _ => ("Notes", paragraph),
        };
        sections.control("SH", [heading.to_uppercase().as_str()]).control("nf", []);
        for line in lines.lines() {
            sections.text([roman(line)]);
        }
        sections.control("fi", []);
    }
    sections.to_writer(&mut page)?;
    Ok(page)
}
