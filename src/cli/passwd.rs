//! `satchel passwd`: gives a user another password.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use super::{
    owner,
    progress::Progress,
    target::{Client, IfMissing, RequestRefused, Target, TargetArgs, new_password},
};
use crate::{
    access::{self, NewRights, SetPassword},
    http::paths,
    model::Kind,
    store::Store,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel passwd admin --data /var/lib/satchel
      asks for the new password twice
  satchel passwd eva --administrator --data /var/lib/satchel
      makes eva an administrator as well, where no other one can log in
  printf '%s\\n' \"$NEW\" | satchel passwd admin
      reads it from standard input
  satchel passwd guest --server https://satchel.example --user admin
      gives the user guest of a server a new password; admin's own is asked for first";

/// `satchel passwd`
#[derive(Args, Debug)]
pub struct PasswdArgs {
    /// The user who gets another password
    #[arg(value_name = "USER")]
    whose: String,

    /// Make the user an administrator, and create it if it does not exist; on a data directory only
    #[arg(long)]
    administrator: bool,

    #[command(flatten)]
    target: TargetArgs,
}

/// Sets the password of a user.
pub(super) fn run(args: &PasswdArgs) -> anyhow::Result<ExitCode> {
    let target = args.target.resolve("passwd", IfMissing::Fail)?;
    match &target {
        Target::Local(directory) => {
            owner::act_as_owner(&directory.path)?;
            let store = Store::open_with(&directory.path, directory.options())?;
            access::create_first_user(&store)?;
            let rights =
                if args.administrator { NewRights::Administrator } else { NewRights::AsBefore };
            match access::set_password(&store, &args.whose, &new_password()?, rights)? {
                SetPassword::Done => {}
                SetPassword::NoSuchUser => return Err(no_such_user(&args.whose)),
            }
        }
        Target::Remote(_) if args.administrator => bail!(
            "--administrator works on a data directory only, while no server runs. At a server, \
             send is_admin to {}",
            paths::INSTANCES.path([Kind::User.as_str()])
        ),
        Target::Remote(_) => {
            let progress = Progress::new(false, false);
            let connection = target.connect(&progress)?;
            set_at(&connection.client, &args.whose, &progress)?;
            connection.close()?;
        }
    }
    println!("The user “{}” has a new password.", args.whose);
    Ok(ExitCode::SUCCESS)
}

fn no_such_user(name: &str) -> anyhow::Error {
    anyhow::anyhow!("There is no user “{name}” in the inventory")
}

fn set_at(client: &Client, whose: &str, progress: &Progress) -> anyhow::Result<()> {
    let path = paths::INSTANCE.path([Kind::User.as_str(), whose]);
    // A change would make a user who is not there.
    if let Err(error) = client.get(&path) {
        return match error.downcast_ref::<RequestRefused>() {
            Some(RequestRefused { status: 404, .. }) => Err(no_such_user(whose)),
            Some(_) | None => Err(error),
        };
    }
    let password = new_password()?;
    let body = json!({"name": whose, "password": *password});
    let users = paths::INSTANCES.path([Kind::User.as_str()]);
    let answer = client.post(&users, &body, "setting the password", progress)?;
    if answer.status != 200 {
        bail!("The password was not set: {}", answer.text);
    }
    serde_json::from_str::<serde_json::Value>(&answer.text)
        .map(drop)
        .context("The server's answer is not understood")
}
