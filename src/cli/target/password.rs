//! Passwords: from a prompt, a file or the environment, and never from an argument, which everybody
//! on the machine can read.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read},
    path::Path,
};

use anyhow::{Context, bail};
use zeroize::Zeroizing;

/// Where a password may stand in the environment.
const VARIABLE: &str = "SATCHEL_PASSWORD";

/// A longer line is no password, but the wrong file. Argon2 takes longer ones; nobody types them.
const LINE_BYTES_MAX: u64 = 4096;

/// The password of `user`, to log in with.
///
/// # Errors
/// There is none, and nobody to ask.
pub(in crate::cli) fn read_password(
    file: Option<&Path>,
    user: &str,
) -> anyhow::Result<Zeroizing<String>> {
    if let Some(path) = file {
        let file = File::open(path)
            .with_context(|| format!("The password file {} cannot be opened", path.display()))?;
        let password = first_line(file)
            .with_context(|| format!("The password file {} cannot be read", path.display()))?;
        if password.is_empty() {
            bail!("The first line of the password file {} is empty", path.display());
        }
        return Ok(password);
    }
    if let Ok(password) = std::env::var(VARIABLE) {
        return Ok(Zeroizing::new(password));
    }
    if io::stdin().is_terminal() {
        let asked = rpassword::prompt_password(format!("Password of {user}: "));
        return Ok(Zeroizing::new(asked.context("No password can be read from the terminal")?));
    }
    bail!(
        "There is no password for “{user}” and no terminal to ask on: say --password-file FILE, or \
         set {VARIABLE}"
    )
}

/// A new password: asked for twice on a terminal, and a line of standard input where there is none.
pub(in crate::cli) fn new_password() -> anyhow::Result<Zeroizing<String>> {
    let password = if io::stdin().is_terminal() {
        let first = Zeroizing::new(rpassword::prompt_password("New password: ")?);
        let again = Zeroizing::new(rpassword::prompt_password("Once more: ")?);
        if first != again {
            bail!("The two passwords differ; nothing was changed");
        }
        first
    } else {
        first_line(io::stdin()).context("Standard input cannot be read")?
    };
    if password.is_empty() {
        bail!("A password must not be empty; nothing was changed");
    }
    Ok(password)
}

/// The first line, without its end.
fn first_line(from: impl Read) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    BufReader::new(from.take(LINE_BYTES_MAX + 1)).read_line(&mut line)?;
    if line.len() as u64 > LINE_BYTES_MAX {
        let detail = format!("its first line has more than {LINE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, detail));
    }
    Ok(Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password() {
        let line = |text: &str| first_line(text.as_bytes()).map(|line| line.to_string());
        assert_eq!(line(" pä:ss \r\nmore\n").unwrap(), " pä:ss ");
        assert_eq!(line("").unwrap(), "");
        assert!(line(&"x".repeat(5000)).is_err());
    }
}
