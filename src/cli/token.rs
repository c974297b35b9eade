//! `satchel token`: makes, lists and revokes tokens, the credentials of programs.

use std::process::ExitCode;

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    output::print,
    progress::{Progress, Verbosity},
    safe_text::safe,
    target::{IfMissing, TargetArgs},
};
use crate::{
    access::{EXPIRES_DAYS_DEFAULT, EXPIRES_DAYS_MAX, Scope},
    http::paths,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel token create --name nightly --scope backup --expires 90d --server https://satchel.example --user eva
      makes a token with which a script can back up; prints it, and shows it never again
  satchel token create --name prometheus --scope feeds --from 10.0.0.0/8 --data /var/lib/satchel
      makes a token for the first administrator that works from one network, while no server runs
  satchel token list --server https://satchel.example --user eva
  satchel token revoke nightly --server https://satchel.example --user eva

A program sends the token in the header Authorization: Bearer sat_…
Commands of satchel take it from SATCHEL_TOKEN, in the place of a user and a password.";

/// `satchel token`
#[derive(Args, Debug)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it
    Create(CreateArgs),
    /// List the own tokens, or all for an administrator
    List(ListArgs),
    /// Revoke a token; it stops to work at once
    Revoke(RevokeArgs),
}

#[derive(Args, Debug)]
struct CreateArgs {
    /// Name of the token, to find it again
    #[arg(long, value_name = "NAME")]
    name: String,

    /// Rights of the token, at most. Its user must have them too
    #[arg(long, value_parser = PossibleValuesParser::new(Scope::WORDS))]
    scope: String,

    /// Time after which the token stops to work: days, such as 90d, up to 3650d
    #[arg(long, value_name = "DAYS", default_value = "90d", value_parser = days)]
    expires: u64,

    /// Networks from which the token can be used, separated by commas [default: all]
    #[arg(long, value_name = "NETWORKS")]
    from: Option<String>,

    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Args, Debug)]
struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Args, Debug)]
struct RevokeArgs {
    /// Name of an own token, or the key of any token as the list shows it
    #[arg(value_name = "NAME|KEY")]
    token: String,

    #[command(flatten)]
    target: TargetArgs,
}

/// A token, as the server shows it.
#[derive(Deserialize, Serialize)]
struct Shown {
    key: String,
    name: String,
    user: String,
    scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    created: String,
    expires: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used: Option<String>,
}

#[derive(Deserialize)]
struct Made {
    token: String,
    #[serde(flatten)]
    shown: Shown,
}

#[derive(Deserialize, Serialize)]
struct List {
    tokens: Vec<Shown>,
}

/// Parses a number of days: `90d` or `90`.
fn days(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('d').unwrap_or(text).parse().ok();
    number.filter(|days| (1..=EXPIRES_DAYS_MAX).contains(days)).ok_or_else(|| {
        format!("expected days from 1d to {EXPIRES_DAYS_MAX}d, such as {EXPIRES_DAYS_DEFAULT}d")
    })
}

/// Makes, lists or revokes.
pub(super) fn run(args: &TokenArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::Create(args) => create(args)?,
        Action::List(args) => list(args)?,
        Action::Revoke(args) => revoke(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn create(args: &CreateArgs) -> anyhow::Result<()> {
    let progress = Progress::new(Verbosity::Normal);
    let connection = args.target.resolve("token", IfMissing::Fail)?.connect(&progress)?;
    let body = json!({
        "name": args.name,
        "scope": args.scope,
        "expires_days": args.expires,
        "from": args.from.as_deref().unwrap_or_default(),
    });
    let path = paths::TOKENS.pattern();
    let response = connection.client.post(path, &body, "making the token", &progress)?;
    connection.close()?;
    let Made { token, shown } = serde_json::from_str(&response.text)?;
    progress.say(&format!(
        "token “{}” of user “{}”, scope {}, until {}; it is not shown again",
        safe(&shown.name),
        safe(&shown.user),
        shown.scope,
        shown.expires
    ));
    print(&format!("{}\n", safe(&token)))
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let progress = Progress::new(Verbosity::Normal);
    let connection = args.target.resolve("token", IfMissing::Fail)?.connect(&progress)?;
    let response = connection.client.get(paths::TOKENS.pattern())?;
    connection.close()?;
    let list: List = serde_json::from_str(&response.text)?;
    if args.json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&list)?));
    }
    let mut lines = String::new();
    for token in &list.tokens {
        let used = token
            .last_used
            .as_deref()
            .map_or("never used".to_owned(), |time| format!("used {time}"));
        let from =
            token.from.as_deref().map_or(String::new(), |from| format!("  from {}", safe(from)));
        lines += &format!(
            "{}  {}  {}  user {}  until {}  {used}{from}\n",
            safe(&token.key),
            safe(&token.name),
            safe(&token.scope),
            safe(&token.user),
            safe(&token.expires)
        );
    }
    if list.tokens.is_empty() {
        lines += "There are no tokens.\n";
    }
    print(&lines)
}

fn revoke(args: &RevokeArgs) -> anyhow::Result<()> {
    let progress = Progress::new(Verbosity::Normal);
    let connection = args.target.resolve("token", IfMissing::Fail)?.connect(&progress)?;
    let response = connection.client.delete(&paths::TOKEN.path([&*args.token]))?;
    connection.close()?;
    let shown: Shown = serde_json::from_str(&response.text)?;
    print(&format!("Revoked token “{}” of user “{}”.\n", safe(&shown.name), safe(&shown.user)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_bounds() {
        assert_eq!((days("90d"), days("1"), days("3650d")), (Ok(90), Ok(1), Ok(3650)));
        for wrong in ["", "d", "0d", "3651d", "90 d", "-1d", "1h"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
