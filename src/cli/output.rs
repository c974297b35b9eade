//! Output of commands: aligned text for people, or the JSON of the REST response for scripts.

use std::{
    cell::Cell,
    fmt::Write as _,
    fs::File,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use clap::Args;
use tempfile::{NamedTempFile, TempPath};

use super::{
    interrupt::{self, Cleanup},
    progress::{Progress, Verbosity},
    rename_helper::RenameHelper,
    safe_text::{safe_json, safe_lines},
};
use crate::{store::FileOwner, wording::plural};

/// The mode of a new file: only its owner reads it.
const FILE_MODE: u32 = 0o600;

/// The format in which a command prints its response or its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputFormat {
    Text,
    /// With `--json`: if the command fails, a problem document is printed on standard output.
    Json,
}

/// The options that control the output of a command.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Print the response as JSON, exactly as the REST API returns it
    #[arg(long)]
    pub json: bool,

    /// Print no progress and no summary on success, only the requested output
    #[arg(long, short)]
    pub quiet: bool,

    /// Print progress even if standard error is not a terminal: a line every 10 seconds
    #[arg(long, short, conflicts_with = "quiet")]
    pub verbose: bool,
}

impl OutputArgs {
    pub(super) fn format(self) -> OutputFormat {
        if self.json { OutputFormat::Json } else { OutputFormat::Text }
    }

    pub(super) fn progress(self) -> Progress {
        // clap refuses both options together.
        Progress::new(if self.quiet {
            Verbosity::Quiet
        } else if self.verbose {
            Verbosity::Verbose
        } else {
            Verbosity::Normal
        })
    }

    /// Prints what a change would do: `json` for a dry run with `--json`, otherwise the text. Before
    /// the question whether to make the change, the text goes to standard error with `--json`,
    /// because standard output holds only the final response.
    ///
    /// # Errors
    /// As [`print()`], and the error of `text`.
    pub(super) fn print_preview(
        self,
        dry_run: bool,
        json: &str,
        text: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        if !self.json {
            return print(&text()?);
        }
        if dry_run {
            return print_json(json);
        }
        print_aside(&text()?);
        Ok(())
    }

    /// Prints the result of a change: `json` with `--json`, nothing with `--quiet`, otherwise the
    /// text.
    ///
    /// # Errors
    /// As [`print()`], and the error of `text`.
    pub(super) fn print_result(
        self,
        json: &str,
        text: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        if self.json {
            print_json(json)
        } else if self.quiet {
            Ok(())
        } else {
            print(&text()?)
        }
    }
}

/// Prints to standard output. A closed pipe is not an error: a reader such as `head` can end early.
///
/// # Errors
/// An I/O error if standard output cannot be written.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    write_out(&safe_lines(text)).map(drop)
}

/// The state of standard output after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputState {
    Open,
    /// The reader has closed the pipe.
    Closed,
}

/// Prints a text that is safe for a terminal.
///
/// # Errors
/// As [`print()`].
pub(super) fn write_out(safe: &str) -> anyhow::Result<OutputState> {
    let mut out = io::stdout().lock();
    match out.write_all(safe.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(OutputState::Closed),
        written => {
            written.context("Cannot write to standard output")?;
            Ok(OutputState::Open)
        }
    }
}

/// Prints a text for a person on standard error, because standard output holds JSON.
pub(super) fn print_aside(text: &str) {
    eprint!("{}", safe_lines(text));
}

/// Prints JSON with a newline at the end. It stays the same JSON.
///
/// # Errors
/// As [`print()`].
pub(super) fn print_json(text: &str) -> anyhow::Result<()> {
    write_out(&format!("{}\n", safe_json(text.trim_end_matches('\n')))).map(drop)
}

/// Formats rows under headings. The first column is left-aligned, the other columns right-aligned.
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

/// Formats a number with separators: 1,234,567.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
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

/// A file that gets its name only when it is complete and durable. It belongs to the user who runs
/// the command. If root runs it, the file is created before the command switches to the owner of the
/// data directory.
pub(super) struct NewFile {
    file: File,
    to: PathBuf,
    temporary: Temporary,
}

/// The file under its temporary name, and the process that renames or removes it.
enum Temporary {
    RenamedByCommand {
        path: TempPath,
        _guard: interrupt::CleanupGuard,
    },
    /// The helper process continues to run as root.
    RenamedByHelper {
        helper: Arc<Mutex<Option<RenameHelper>>>,
        _guard: interrupt::CleanupGuard,
    },
}

/// Creates a file under a temporary name. The error is that of the system, without the temporary name,
/// which means nothing to a user.
fn temporary_in(folder: &Path) -> io::Result<NamedTempFile> {
    let code = Cell::new(None);
    let create = |path: &Path| {
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).mode(FILE_MODE).open(path);
        file.inspect_err(|error| code.set(error.raw_os_error()))
    };
    let created = tempfile::Builder::new().prefix(".satchel-").make_in(folder, create);
    created.map_err(|error| {
        code.get().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
    })
}

impl NewFile {
    /// Creates the file under a temporary name in the same folder.
    ///
    /// # Errors
    /// An I/O error if no file can be created there.
    pub(super) fn create(to: &Path) -> anyhow::Result<Self> {
        if FileOwner::caller().is_root() {
            Self::create_with(to, Temporary::renamed_by_helper)
        } else {
            Self::create_with(to, Temporary::renamed_by_command)
        }
    }

    fn create_with(
        to: &Path,
        take: impl FnOnce(TempPath, &Path) -> io::Result<Temporary>,
    ) -> anyhow::Result<Self> {
        let folder = match to.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        let context = || format!("Cannot create a file in {}", folder.display());
        let file = temporary_in(folder).with_context(context)?;
        let (file, path) = file.into_parts();
        let temporary = take(path, to).with_context(context)?;
        Ok(Self { file, to: to.to_owned(), temporary })
    }

    /// The open file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Makes the file durable and renames it. A file of that name is replaced.
    ///
    /// # Errors
    /// An I/O error if the file cannot be synced or renamed.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let Self { file, to, temporary } = self;
        let context = || format!("Cannot write {}", to.display());
        file.sync_all().with_context(context)?;
        match temporary {
            Temporary::RenamedByCommand { path, _guard } => {
                path.persist(&to).map_err(|error| error.error).with_context(context)
            }
            Temporary::RenamedByHelper { helper, _guard } => {
                let helper = helper.lock().unwrap_or_else(PoisonError::into_inner).take();
                helper.map_or(Ok(()), RenameHelper::rename).with_context(context)
            }
        }
    }
}

impl Temporary {
    fn renamed_by_command(path: TempPath, _: &Path) -> io::Result<Self> {
        let removed = path.to_path_buf();
        let guard = interrupt::clean_up_on_signal(Cleanup::Local, move || {
            drop(std::fs::remove_file(removed));
        });
        Ok(Temporary::RenamedByCommand { path, _guard: guard })
    }

    fn renamed_by_helper(path: TempPath, to: &Path) -> io::Result<Self> {
        // If the helper cannot be started, dropping `path` removes the file.
        let helper = RenameHelper::start(&path, to)?;
        let _ = path.keep();
        let helper = Arc::new(Mutex::new(Some(helper)));
        let interrupted = helper.clone();
        let guard = interrupt::clean_up_on_signal(Cleanup::Local, move || {
            drop(interrupted.lock().unwrap_or_else(PoisonError::into_inner).take());
        });
        Ok(Temporary::RenamedByHelper { helper, _guard: guard })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_aligns_its_numbers() {
        let row = |name: &str, count| vec![name.to_owned(), number(count)];
        let text = table(&["type", "records"], &[row("device", 1_234_567), row("é>b", 7)]);
        assert_eq!(text, "type      records\ndevice  1,234,567\né>b             7\n");
        assert_eq!(
            (number(0), number(999), number(1000)),
            ("0".into(), "999".into(), "1,000".into())
        );
    }

    #[test]
    fn a_count_agrees_with_its_noun() {
        assert_eq!(
            (counted(1, "byte"), counted(2000, "byte")),
            ("1 byte".into(), "2,000 bytes".into())
        );
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("é>b");
        let new = NewFile::create_with(&to, Temporary::renamed_by_command).unwrap();
        new.file().write_all(b"x").unwrap();
        assert!(!to.exists());
        drop(new);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        NewFile::create_with(&to, Temporary::renamed_by_command).unwrap().finish().unwrap();
        assert!(to.exists());
    }
}
