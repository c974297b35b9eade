//! Passwords come from a prompt, a file or the environment. They are never arguments, because other
//! users of the machine can read those.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use zeroize::Zeroizing;

/// The environment variable with the password.
const VARIABLE: &str = "SATCHEL_PASSWORD";

/// The environment variable with a token.
pub(super) const TOKEN_VARIABLE: &str = "SATCHEL_TOKEN";

/// The token in the environment. `None` if there is none.
pub(super) fn token() -> Option<Zeroizing<String>> {
    std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty()).map(Zeroizing::new)
}

/// The longest password, in bytes. A longer line means that the file is not a password file.
const LINE_BYTES_MAX: u64 = 4096;

/// The password to log in as `user`: from the file, the environment or a prompt, in this order.
///
/// # Errors
/// The file cannot be read or its first line is empty; or there is no terminal for a prompt.
pub(in crate::cli) fn read_password(
    file: Option<&Path>,
    user: &str,
) -> anyhow::Result<Zeroizing<String>> {
    if let Some(path) = file {
        return password_in_file(path);
    }
    if let Ok(password) = std::env::var(VARIABLE) {
        return Ok(Zeroizing::new(password));
    }
    if io::stdin().is_terminal() {
        let password = rpassword::prompt_password(format!("Password of {user}: "));
        return Ok(Zeroizing::new(password.context("Cannot read the password from the terminal")?));
    }
    bail!("Not interactive: no password for “{user}”. Pass --password-file FILE, or set {VARIABLE}")
}

/// The first line of a password file.
///
/// # Errors
/// The file cannot be read, or its first line is empty.
pub(in crate::cli) fn password_in_file(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let file = open_without_waiting(path)
        .with_context(|| format!("Cannot open the password file {}", path.display()))?;
    let password = first_line(file)
        .with_context(|| format!("Cannot read the password file {}", path.display()))?;
    if password.is_empty() {
        bail!("The first line of the password file {} is empty", path.display());
    }
    Ok(password)
}

/// The time in which another program must write the password into a pipe.
const PIPE_WAIT: Duration = Duration::from_secs(10);

/// Opens a password file. A pipe, such as a shell's `<(pass show admin)`, must have contents within
/// [`PIPE_WAIT`], so that a forgotten one does not stop a server from starting.
///
/// # Errors
/// An I/O error; `TimedOut` for a pipe without contents.
fn open_without_waiting(path: &Path) -> io::Result<File> {
    let no_wait = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = File::options().read(true).custom_flags(no_wait).open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        let wait = Timespec::try_from(PIPE_WAIT).map_err(io::Error::other)?;
        let mut polled = [PollFd::new(&file, PollFlags::IN)];
        if poll(&mut polled, Some(&wait))? == 0 {
            let detail = format!("no program wrote into the pipe within {} s", PIPE_WAIT.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, detail));
        }
    }
    // The rest of the line can arrive later.
    fcntl_setfl(&file, OFlags::empty())?;
    Ok(file)
}

/// Reads a new password: twice from a terminal, or one line of standard input.
///
/// # Errors
/// The two passwords differ, the password is empty, or it cannot be read.
pub(in crate::cli) fn new_password() -> anyhow::Result<Zeroizing<String>> {
    let password = if io::stdin().is_terminal() {
        let first = Zeroizing::new(rpassword::prompt_password("New password: ")?);
        let again = Zeroizing::new(rpassword::prompt_password("Repeat the password: ")?);
        if first != again {
            bail!("The two passwords differ. Nothing was changed");
        }
        first
    } else {
        first_line(io::stdin()).context("Cannot read standard input")?
    };
    if password.is_empty() {
        bail!("The password must not be empty. Nothing was changed");
    }
    Ok(password)
}

/// Reads the first line, without its line break.
///
/// # Errors
/// `InvalidData` if the line has more than [`LINE_BYTES_MAX`] bytes, or is not UTF-8.
fn first_line(from: impl Read) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    BufReader::new(from.take(LINE_BYTES_MAX + 1)).read_line(&mut line)?;
    if line.len() as u64 > LINE_BYTES_MAX {
        let detail = format!("the first line has more than {LINE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, detail));
    }
    // Editors on Windows write a byte order mark.
    let text = line.strip_prefix('\u{feff}').unwrap_or(&line);
    Ok(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password() {
        let line = |text: &str| first_line(text.as_bytes()).map(|line| line.to_string());
        assert_eq!(line(" pä:ss \r\nmore\n").unwrap(), " pä:ss ");
        assert_eq!(line("\u{feff}p\u{feff}\n").unwrap(), "p\u{feff}");
        assert_eq!(line("").unwrap(), "");
        assert!(line(&"x".repeat(5000)).is_err());
    }
}
