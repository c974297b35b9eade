//! What commands print: aligned text for people, or the very JSON of the answer for scripts.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use tempfile::NamedTempFile;

use super::{
    interrupt::{self, Cleanup},
    progress::Progress,
};

/// How a command prints.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Print the answer as JSON, as REST gives it
    #[arg(long)]
    pub json: bool,

    /// Print no progress and nothing about where the work is done
    #[arg(long, short)]
    pub quiet: bool,

    /// Print the progress also where standard error is no terminal: a line every 10 seconds
    #[arg(long, short, conflicts_with = "quiet")]
    pub verbose: bool,
}

impl OutputArgs {
    pub(super) fn progress(self) -> Progress {
        Progress::new(self.quiet, self.verbose)
    }
}

/// Prints to standard output. Whoever closes it early does not want the rest.
///
/// # Errors
/// Standard output takes nothing.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("Standard output takes nothing"),
    }
}

/// Prints JSON as it came, on a line that ends.
pub(super) fn print_json(text: &str) -> anyhow::Result<()> {
    print(&format!("{}\n", text.trim_end_matches('\n')))
}

/// A text from elsewhere, so that it cannot move a terminal's cursor.
pub(super) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => safe.extend(c.escape_default()),
            false => safe.push(c),
        }
    }
    safe
}

/// Rows under headings: the first column to the left, numbers to the right.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let headings: Vec<String> = headings.iter().map(ToString::to_string).collect();
    let mut text = String::new();
    for row in std::iter::once(&headings).chain(rows) {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            // Writing to a text cannot fail.
            let _ = match column {
                0 => write!(line, "{gap}{cell:<width$}"),
                _ => write!(line, "{gap}{cell:>width$}"),
            };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// 1234567 as 1,234,567.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A file that has its name only when it is whole and durable.
pub(super) struct NewFile {
    file: NamedTempFile,
    to: PathBuf,
    _guard: interrupt::Guard,
}

impl NewFile {
    /// Begins a file beside the one that it will be.
    ///
    /// # Errors
    /// The disk's.
    pub fn begin(to: &Path) -> anyhow::Result<Self> {
        let folder = match to.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        let what = || format!("No file can be written in {}", folder.display());
        let file =
            tempfile::Builder::new().prefix(".satchel-").tempfile_in(folder).with_context(what)?;
        let path = file.path().to_owned();
        let guard = interrupt::guard(Cleanup::Local, move || drop(std::fs::remove_file(path)));
        Ok(Self { file, to: to.to_owned(), _guard: guard })
    }

    /// What is written to.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Makes the file durable, and gives it its name: one that had it is replaced.
    ///
    /// # Errors
    /// The disk's.
    pub fn settle(self) -> anyhow::Result<()> {
        let Self { file, to, _guard } = self;
        let what = || format!("{} cannot be written", to.display());
        file.as_file().sync_all().with_context(what)?;
        file.persist(&to).map_err(|error| error.error).with_context(what)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_under_each_other() {
        let row = |name: &str, count| vec![name.to_owned(), number(count)];
        let text = table(&["type", "records"], &[row("device", 1_234_567), row("é>b", 7)]);
        assert_eq!(text, "type      records\ndevice  1,234,567\né>b             7\n");
        assert_eq!(
            (number(0), number(999), number(1000)),
            ("0".into(), "999".into(), "1,000".into())
        );
    }

    #[test]
    fn no_text_moves_the_cursor() {
        assert_eq!(safe("a\u{1b}[2Jé\n"), "a\\u{1b}[2Jé\\n");
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("é>b");
        let begun = NewFile::begin(&to).unwrap();
        begun.file().write_all(b"x").unwrap();
        assert!(!to.exists());
        drop(begun);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        NewFile::begin(&to).unwrap().settle().unwrap();
        assert!(to.exists());
    }
}
