//! `satchel configuration`: shows, lists and compares the configurations of a device.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use serde::Deserialize;

use super::{
    change::short_time,
    moment::moment,
    output::{self, OutputArgs, counted, write_out},
    progress::{Progress, Verbosity},
    safe_text::{safe, safe_lines},
    target::{Connection, IfMissing, TargetArgs},
};
use crate::http::paths::{self, percent_encode};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel configuration list 'Faro 1' --data /var/lib/satchel
      lists the kept configurations of a device, the newest first
  satchel configuration show 'Faro 1' --at 42 > faro-1.cfg
      writes the configuration as it was after change 42 to a file
  satchel configuration diff 'Faro 1' --server https://satchel.example --user admin
      shows what the last change of the configuration changed
  satchel configuration diff 'Faro 1' --from 2026-11-20 --to 42
      shows the differences between two moments

The list continues before a rename of the device. The setting `configurations_kept` limits it.

Exit codes:
  0    done
  1    failed, or there is no such device or moment
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// `satchel configuration`
#[derive(Args, Debug)]
pub(super) struct ConfigurationArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the configuration of a device, now or at an earlier moment
    Show(ShowArgs),
    /// List the kept configurations of a device, the newest first
    List(ListArgs),
    /// Show the differences of two configurations of a device
    Diff(DiffArgs),
}

/// The device and its text.
#[derive(Args, Debug)]
struct TextArgs {
    /// The name of the device
    #[arg(value_name = "DEVICE")]
    device: String,

    /// The text, instead of the configuration, such as operational_data
    #[arg(long, value_name = "PROPERTY")]
    property: Option<String>,
}

#[derive(Args, Debug)]
struct ShowArgs {
    #[command(flatten)]
    text: TextArgs,

    /// The configuration as it was after the change with this number, or at this date or time
    #[arg(long, value_name = "NUMBER|TIME", value_parser = moment)]
    at: Option<String>,

    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    text: TextArgs,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

#[derive(Args, Debug)]
struct DiffArgs {
    #[command(flatten)]
    text: TextArgs,

    /// The first configuration: after the change with this number, or at this date or time [default: the
    /// one before the second]
    #[arg(long, value_name = "NUMBER|TIME", value_parser = moment)]
    from: Option<String>,

    /// The second configuration [default: the present one]
    #[arg(long, value_name = "NUMBER|TIME", value_parser = moment)]
    to: Option<String>,

    #[command(flatten)]
    target: TargetArgs,
}

/// A kept configuration, as the REST API returns it.
#[derive(Deserialize)]
struct Version {
    number: u64,
    time: Option<String>,
    principal: Option<String>,
    message: Option<String>,
    bytes: u64,
    present: bool,
}

/// Shows, lists or compares.
pub(super) fn run(args: &ConfigurationArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::Show(args) => {
            let path = paths::CONFIGURATION.path([&*args.text.device]);
            print_text(&args.target, &args.text.query(path, &[("at", &args.at)]))?;
        }
        Action::List(args) => list(args)?,
        Action::Diff(args) => {
            let path = paths::CONFIGURATION_DIFFERENCE.path([&*args.text.device]);
            let moments = [("from", &args.from), ("to", &args.to)];
            print_text(&args.target, &args.text.query(path, &moments))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl TextArgs {
    /// Adds the property and the options to a path.
    fn query(&self, mut path: String, options: &[(&str, &Option<String>)]) -> String {
        let mut separator = '?';
        for (name, value) in [("property", &self.property)].iter().chain(options) {
            if let Some(value) = value {
                path += &format!("{separator}{name}={}", percent_encode(value));
                separator = '&';
            }
        }
        path
    }
}

fn connect(target: &TargetArgs, progress: &Progress) -> anyhow::Result<Connection> {
    target.resolve("configuration", IfMissing::Fail)?.connect(progress)
}

/// Prints the text of a response. A terminal gets no control characters; a file gets the text unchanged.
fn print_text(target: &TargetArgs, path: &str) -> anyhow::Result<()> {
    let progress = Progress::new(Verbosity::Normal);
    let connection = connect(target, &progress)?;
    let mut bytes = Vec::new();
    connection.client.download(path, &mut bytes, "reading", &progress)?;
    connection.close()?;
    let text = String::from_utf8_lossy(&bytes);
    if io::stdout().is_terminal() {
        write_out(&safe_lines(&text))?;
    } else {
        write_out(&text)?;
    }
    Ok(())
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let progress = args.out.progress();
    let connection = connect(&args.target, &progress)?;
    let path = paths::CONFIGURATION_HISTORY.path([&*args.text.device]);
    let response = connection.client.get(&args.text.query(path, &[]))?;
    connection.close()?;
    if args.out.json {
        return output::print_json(&response.text);
    }
    let versions: Vec<Version> = response.read()?;
    if versions.is_empty() {
        return output::print("No configurations.\n");
    }
    output::print(&versions.iter().map(Version::line).collect::<String>())
}

impl Version {
    fn line(&self) -> String {
        let unknown = || "(not kept)".to_owned();
        let time = self.time.as_deref().map_or_else(unknown, short_time);
        let user = self.principal.as_deref().map_or_else(unknown, safe);
        let present = if self.present { "  present" } else { "" };
        let message = self.message.as_deref().map(|message| format!("  “{}”", safe(message)));
        format!(
            "{}  {time}  {user}  {}{present}{}\n",
            self.number,
            counted(self.bytes, "byte"),
            message.unwrap_or_default()
        )
    }
}
