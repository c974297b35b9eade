//! `satchel rename-file`: a hidden subcommand that renames a finished file as root.
//!
//! A command that works as the owner of the data directory cannot rename a file in a folder of
//! root. So, before it switches to the owner, the command creates the file under a temporary name and
//! starts this helper, which stays root and knows both names. The command writes to the open file,
//! and then signals the helper to rename it. If the command ends before that, the helper removes
//! the file. The file belongs to root, with mode 0600.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
};

use crate::codec::workbook::executable;

const SUBCOMMAND: &str = "rename-file";

/// The line that signals to the helper that the file is complete.
const COMPLETE: &[u8] = b"complete\n";

/// The helper process, for the command.
pub(super) struct RenameHelper(Child);

impl RenameHelper {
    /// Starts the helper in its own process group: Ctrl-C reaches only the command, and the helper
    /// ends after it.
    pub(super) fn start(temporary: &Path, name: &Path) -> io::Result<Self> {
        let mut command = Command::new(executable());
        command.arg(SUBCOMMAND).arg(temporary).arg(name).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().map(Self)
    }

    /// Renames the file.
    ///
    /// # Errors
    /// The error that the helper printed.
    pub(super) fn rename(mut self) -> io::Result<()> {
        let told = self.0.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(COMPLETE));
        let mut message = String::new();
        if let Some(stderr) = &mut self.0.stderr {
            stderr.read_to_string(&mut message)?;
        }
        if self.0.wait()?.success() {
            told
        } else {
            Err(io::Error::other(message.trim().to_owned()))
        }
    }
}

impl Drop for RenameHelper {
    /// Waits until the helper has removed the file, if it was not renamed.
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // An error here cannot be handled.
        let _ = self.0.wait();
    }
}

/// The temporary name and the final name, if the hidden subcommand was started. It is not declared
/// to clap, so that it appears in no help.
pub(super) fn arguments(words: &[OsString]) -> Option<(PathBuf, PathBuf)> {
    match words {
        [_, subcommand, temporary, name] if subcommand == SUBCOMMAND => {
            Some((PathBuf::from(temporary), PathBuf::from(name)))
        }
        _ => None,
    }
}

/// Waits until the file is complete and renames it, or removes it if the command ends before.
pub(super) fn run(temporary: &Path, name: &Path) -> ExitCode {
    let mut told = Vec::new();
    let is_complete = io::stdin().read_to_end(&mut told).is_ok() && told == COMPLETE;
    let done = if is_complete { fs::rename(temporary, name) } else { fs::remove_file(temporary) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = fs::remove_file(temporary);
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
