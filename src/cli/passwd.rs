//! `satchel passwd`: changes a user's password.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use super::{
    owner,
    progress::{Progress, Verbosity},
    safe_text::safe,
    target::{Client, IfMissing, RequestRefused, Target, TargetArgs, new_password},
};
use crate::{
    access::{self, NewRights, SetPassword},
    http::paths,
    model::{Kind, Name},
    store::{Origin, Store},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel passwd admin --data /var/lib/satchel
      asks for the new password twice
  satchel passwd eva --administrator --data /var/lib/satchel
      also makes eva an administrator, for example if no other one can log in
  printf '%s\\n' \"$NEW\" | satchel passwd admin
      reads the new password from standard input
  satchel passwd guest --server https://satchel.example --user guest
      changes the own password at a server; asks for the present one first
  satchel passwd guest --server https://satchel.example --user admin
      an administrator changes the password of guest";

/// `satchel passwd`
#[derive(Args, Debug)]
pub(super) struct PasswdArgs {
    /// The user whose password to change
    #[arg(value_name = "USER")]
    name: String,

    /// Make the user an administrator, and create the user if it does not exist; only offline
    #[arg(long)]
    administrator: bool,

    #[command(flatten)]
    target: TargetArgs,
}

/// Changes the password of a user.
pub(super) fn run(args: &PasswdArgs) -> anyhow::Result<ExitCode> {
    let target = args.target.resolve("passwd", IfMissing::Fail)?;
    if args.administrator && matches!(target, Target::Remote(_)) {
        bail!(
            "--administrator works only on a data directory, while no server runs. At a server, \
             send is_admin to {}",
            paths::INSTANCES.path([Kind::User.as_str()])
        );
    }
    match &target {
        Target::Local(directory) => {
            let rights =
                if args.administrator { NewRights::Administrator } else { NewRights::AsBefore };
            if rights == NewRights::Administrator {
                require_valid_name(&args.name)?;
            }
            owner::act_as_owner(&directory.path)?;
            let store = Store::open_with(&directory.path, directory.options())?;
            access::create_first_user(&store)?;
            let password = new_password()?;
            let origin = Origin::internal("passwd");
            match access::set_password(&store, &origin, &args.name, &password, rights)? {
                SetPassword::Done => {}
                SetPassword::NoSuchUser => return Err(no_such_user(&args.name)),
            }
        }
        Target::Remote(_) => {
            let progress = Progress::new(Verbosity::Normal);
            let connection = target.connect(&progress)?;
            set_at_server(&connection.client, &args.name, &progress)?;
            connection.close()?;
        }
    }
    println!("Password of “{}” changed.", args.name);
    Ok(ExitCode::SUCCESS)
}

/// Refuses an invalid name. Otherwise `--administrator` would create that user.
fn require_valid_name(name: &str) -> anyhow::Result<()> {
    Name::parse(name.to_owned())
        .map(drop)
        .map_err(|(rule, _)| anyhow::anyhow!("“{}” is not a valid user name: {rule}", safe(name)))
}

fn no_such_user(name: &str) -> anyhow::Error {
    anyhow::anyhow!("There is no user “{}” in the inventory", safe(name))
}

fn set_at_server(client: &Client, user: &str, progress: &Progress) -> anyhow::Result<()> {
    if let Some((own_name, present)) = client.login()
        && own_name == user
    {
        return set_own(client, present);
    }
    let path = paths::INSTANCE.path([Kind::User.as_str(), user]);
    // A POST would create a user that does not exist.
    if let Err(error) = client.get(&path) {
        return match error.downcast_ref::<RequestRefused>() {
            Some(RequestRefused { status: 404, .. }) => Err(no_such_user(user)),
            Some(_) | None => Err(error),
        };
    }
    let password = new_password()?;
    // Another server might have checked the password of the user until now.
    let body = json!({"name": user, "password": *password, "authentication": "database"});
    let users = paths::INSTANCES.path([Kind::User.as_str()]);
    let response = client.post(&users, &body, "setting the password", progress)?;
    if response.status != 200 {
        bail!("The password was not changed: {}", response.text);
    }
    serde_json::from_str::<serde_json::Value>(&response.text)
        .map(drop)
        .context("Cannot read the server's response")
}

/// Sets the password of the user who is logged in, which needs no right to change users.
fn set_own(client: &Client, present: &str) -> anyhow::Result<()> {
    let new = new_password()?;
    let body = json!({"password": present, "new_password": *new});
    client.put_json(&paths::PASSWORD.path([]), &body).map(drop)
}
