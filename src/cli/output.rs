//! What commands print: aligned text for people, or the very JSON of the answer for scripts.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use clap::Args;
use tempfile::TempPath;

use super::{
    failure::OutputFormat,
    interrupt::{self, Cleanup},
    progress::Progress,
    rename_helper::RenameHelper,
};
use crate::{store::FileOwner, wording::plural};

/// How a command prints.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Print the answer as JSON, as REST gives it
    #[arg(long)]
    pub json: bool,

    /// Print nothing when all went well, but for what was asked for: no progress, no summary
    #[arg(long, short)]
    pub quiet: bool,

    /// Print the progress also where standard error is no terminal: a line every 10 seconds
    #[arg(long, short, conflicts_with = "quiet")]
    pub verbose: bool,
}

impl OutputArgs {
    pub(super) fn answers(self) -> OutputFormat {
        if self.json { OutputFormat::Json } else { OutputFormat::Text }
    }

    pub(super) fn progress(self) -> Progress {
        Progress::new(self.quiet, self.verbose)
    }
}

/// Prints to standard output. Whoever closes it early does not want the rest.
///
/// # Errors
/// Cannot write to standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("Cannot write to standard output"),
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
        if c.is_control() { safe.extend(c.escape_default()) } else { safe.push(c) }
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

/// A number with its noun: "1 record", "1,234,567 records".
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{} {}", number(count), plural(count, noun))
}

/// A file that has its name only when it is whole and durable. It belongs to whoever runs the
/// command, also where root goes on as the owner of the data directory: so it is begun before that.
pub(super) struct NewFile {
    file: File,
    to: PathBuf,
    begun: Begun,
}

/// Who gives the file its name, or removes it.
enum Begun {
    Here {
        path: TempPath,
        _guard: interrupt::Guard,
    },
    /// A helper that stays root.
    ByHelper {
        helper: Arc<Mutex<Option<RenameHelper>>>,
        _guard: interrupt::Guard,
    },
}

impl NewFile {
    /// Begins a file beside the one that it will be.
    ///
    /// # Errors
    /// No file can be made there.
    pub fn begin(to: &Path) -> anyhow::Result<Self> {
        if FileOwner::caller().is_root() {
            Self::begin_by(to, Begun::by_helper)
        } else {
            Self::begin_by(to, Begun::here)
        }
    }

    fn begin_by(
        to: &Path,
        begin: impl FnOnce(TempPath, &Path) -> io::Result<Begun>,
    ) -> anyhow::Result<Self> {
        let folder = match to.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        let what = || format!("No file can be written in {}", folder.display());
        let file =
            tempfile::Builder::new().prefix(".satchel-").tempfile_in(folder).with_context(what)?;
        let (file, path) = file.into_parts();
        let begun = begin(path, to).with_context(what)?;
        Ok(Self { file, to: to.to_owned(), begun })
    }

    /// What is written to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Makes the file durable, and gives it its name: one that had it is replaced.
    ///
    /// # Errors
    /// The file cannot be written, or not have that name.
    pub fn settle(self) -> anyhow::Result<()> {
        let Self { file, to, begun } = self;
        let what = || format!("{} cannot be written", to.display());
        file.sync_all().with_context(what)?;
        match begun {
            Begun::Here { path, _guard } => {
                path.persist(&to).map_err(|error| error.error).with_context(what)
            }
            Begun::ByHelper { helper, _guard } => {
                let helper = helper.lock().unwrap_or_else(PoisonError::into_inner).take();
                helper.map_or(Ok(()), RenameHelper::settle).with_context(what)
            }
        }
    }
}

impl Begun {
    fn here(path: TempPath, _: &Path) -> io::Result<Self> {
        let removed = path.to_path_buf();
        let guard = interrupt::guard(Cleanup::Local, move || drop(std::fs::remove_file(removed)));
        Ok(Begun::Here { path, _guard: guard })
    }

    fn by_helper(path: TempPath, to: &Path) -> io::Result<Self> {
        // Where it cannot be started, the file is removed here.
        let helper = RenameHelper::start(&path, to)?;
        let _ = path.keep();
        let helper = Arc::new(Mutex::new(Some(helper)));
        let interrupted = helper.clone();
        let guard = interrupt::guard(Cleanup::Local, move || {
            drop(interrupted.lock().unwrap_or_else(PoisonError::into_inner).take());
        });
        Ok(Begun::ByHelper { helper, _guard: guard })
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
    fn a_number_has_its_noun() {
        assert_eq!(
            (counted(1, "byte"), counted(2000, "byte")),
            ("1 byte".into(), "2,000 bytes".into())
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
        let begun = NewFile::begin_by(&to, Begun::here).unwrap();
        begun.file().write_all(b"x").unwrap();
        assert!(!to.exists());
        drop(begun);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        NewFile::begin_by(&to, Begun::here).unwrap().settle().unwrap();
        assert!(to.exists());
    }
}
