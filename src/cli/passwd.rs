//! `satchel passwd`: gives a user another password, while no server runs.

use std::{
    io::{self, BufRead, IsTerminal},
    process::ExitCode,
};

use anyhow::{Context, bail};
use zeroize::Zeroizing;

use crate::{
    access::{self, SetPassword},
    config::PasswdConfig,
    store::Store,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel passwd admin --data /var/lib/satchel
      asks for the new password twice
  printf '%s\\n' \"$NEW\" | satchel passwd admin
      reads it from standard input";

/// Sets the password of a user.
pub(super) fn run(config: &PasswdConfig) -> anyhow::Result<ExitCode> {
    let store = Store::open(&config.data)?;
    access::ensure_first_user(&store)?;
    let password = read_password()?;
    match access::set_password(&store, &config.user, &password)? {
        SetPassword::Done => {
            println!("The user “{}” has a new password.", config.user);
            Ok(ExitCode::SUCCESS)
        }
        SetPassword::NoSuchUser => bail!("There is no user “{}” in the inventory", config.user),
    }
}

/// Asks on a terminal, and reads a line where there is none. A password is never an argument:
/// everybody on the machine can read those.
fn read_password() -> anyhow::Result<Zeroizing<String>> {
    let password = if io::stdin().is_terminal() {
        let first = Zeroizing::new(rpassword::prompt_password("New password: ")?);
        let again = Zeroizing::new(rpassword::prompt_password("Once more: ")?);
        if first != again {
            bail!("The two passwords differ; nothing was changed");
        }
        first
    } else {
        let mut line = Zeroizing::new(String::new());
        io::stdin().lock().read_line(&mut line).context("Standard input cannot be read")?;
        Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned())
    };
    if password.is_empty() {
        bail!("A password must not be empty; nothing was changed");
    }
    Ok(password)
}
