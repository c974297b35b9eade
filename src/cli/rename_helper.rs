//! `satchel rename-file`: not for people. Gives a file that root has asked for its name.
//!
//! A command that works as the owner of the data directory must not rename anything in root's
//! folders. So, before it becomes the owner, root begins the file under another name and starts
//! this helper, which stays root and knows the two names. The command writes into the file, which
//! it has open, and then tells the helper to rename it. Where the command ends without a word, the
//! helper removes the file. The file belongs to root, who asked for it, mode 0600.

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

/// What the helper is told when the file is whole.
const WHOLE: &[u8] = b"whole\n";

/// The helper, from the side of the command.
pub(super) struct RenameHelper(Child);

impl RenameHelper {
    /// Starts it, in a group of its own: Ctrl-C is for the command, whose end it waits for.
    pub fn start(begun: &Path, name: &Path) -> io::Result<Self> {
        let mut command = Command::new(executable());
        command.arg(SUBCOMMAND).arg(begun).arg(name).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().map(Self)
    }

    /// Has the file renamed.
    ///
    /// # Errors
    /// What the helper says of it.
    pub fn settle(mut self) -> io::Result<()> {
        let told = self.0.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(WHOLE));
        let mut said = String::new();
        if let Some(stderr) = &mut self.0.stderr {
            stderr.read_to_string(&mut said)?;
        }
        if self.0.wait()?.success() { told } else { Err(io::Error::other(said.trim().to_owned())) }
    }
}

impl Drop for RenameHelper {
    /// Waits until the file is removed, where it was not settled.
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It says nothing that anybody could do something about.
        let _ = self.0.wait();
    }
}

/// The two names, if this is the helper. It stands in no help.
pub(super) fn arguments(words: &[OsString]) -> Option<(PathBuf, PathBuf)> {
    match words {
        [_, subcommand, begun, name] if subcommand == SUBCOMMAND => {
            Some((PathBuf::from(begun), PathBuf::from(name)))
        }
        _ => None,
    }
}

/// Is the helper until it ends.
pub(super) fn run(begun: &Path, name: &Path) -> ExitCode {
    let mut told = Vec::new();
    let is_whole = io::stdin().read_to_end(&mut told).is_ok() && told == WHOLE;
    let done = if is_whole { fs::rename(begun, name) } else { fs::remove_file(begun) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = fs::remove_file(begun);
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
