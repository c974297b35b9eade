//! `satchel feed`: writes the inventory in the format of another tool.

use std::{
    fs,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;

use super::{
    exit_code::wrong_arguments,
    output::{NewFile, print, write_out},
    progress::{Progress, Verbosity},
    safe_text::safe_lines,
    target::{Connection, IfMissing, TargetArgs},
};
use crate::{
    feeds::{FEEDS, Feed, FeedError, FeedRequest, feed},
    http::paths::{self, percent_encode},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel feed
      lists the feeds and their options
  satchel feed ansible --data /var/lib/satchel > hosts.json
      writes an inventory for ansible-playbook -i hosts.json
  satchel feed prometheus vendor=Cisco target_port=9100 --out /etc/prometheus/satchel.json
      writes the targets of the devices with this vendor for file_sd_configs
  satchel feed ansible pool='Backbone' --server https://satchel.example --user ansible
      asks a server for the hosts of a pool
  satchel feed ansible --script > satchel.sh
      prints an inventory script, which asks a server when Ansible runs it
  satchel feed prometheus --report
      lists the devices that are not in the feed, and why

Exit codes:
  0    done
  1    failed, or there is no such host
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// The inventory script for Ansible.
const ANSIBLE_SCRIPT: &str = include_str!("ansible_inventory.sh");

/// `satchel feed`
#[derive(Args, Debug)]
pub(super) struct FeedArgs {
    /// The name of the feed. Without it, the feeds are listed
    #[arg(value_name = "FEED")]
    feed: Option<String>,

    /// Options of the feed, and properties that devices must have
    #[arg(value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,

    /// Only the entry of this host
    #[arg(long, value_name = "NAME", conflicts_with_all = ["script", "report"])]
    host: Option<String>,

    /// Print a script for Ansible that asks a server, instead of the feed
    #[arg(long, conflicts_with_all = ["report", "out"])]
    script: bool,

    /// Report the devices that are left out and the hosts whose names have a number, instead of the feed
    #[arg(long)]
    report: bool,

    /// Write to this file, which is replaced when the feed is complete
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    target: TargetArgs,
}

/// Parses an option or a filter.
fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("expected NAME=VALUE, such as vendor=Cisco".to_owned()),
    }
}

/// Writes the feed, or lists the feeds.
pub(super) fn run(args: &FeedArgs) -> anyhow::Result<ExitCode> {
    let Some(name) = &args.feed else {
        print(&FEEDS.iter().map(Feed::describe).collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    };
    let feed = feed(name).map_err(usage)?;
    if args.script {
        if name != "ansible" {
            return Err(wrong_arguments("--script is for the feed ansible"));
        }
        print(ANSIBLE_SCRIPT)?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = path(args, feed)?;
    // The file belongs to the user who runs the command: it is created before the target is opened.
    let file = args.out.as_deref().map(NewFile::create).transpose()?;
    let progress = Progress::new(Verbosity::Normal);
    let connection = args.target.resolve("feed", IfMissing::Fail)?.connect(&progress)?;
    match file {
        Some(file) => {
            // The program that reads the file might be another user's.
            if let Some(existing) = args.out.as_deref().and_then(|path| fs::metadata(path).ok()) {
                file.file()
                    .set_permissions(existing.permissions())
                    .context("Cannot set the permissions of the new file")?;
            }
            connection.client.download(&path, file.file(), "writing", &progress)?;
            file.finish()?;
        }
        None => print_feed(&connection, &path, &progress)?,
    }
    connection.close()?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the path of the call, after checking the options.
fn path(args: &FeedArgs, feed: &'static Feed) -> anyhow::Result<String> {
    let mut parameters = args.parameters.clone();
    if args.report {
        parameters.push(("report".to_owned(), "true".to_owned()));
    }
    let request = FeedRequest::parse(feed, parameters.clone()).map_err(usage)?;
    let mut path = match &args.host {
        Some(host) => {
            request.of_host(host.clone()).map_err(usage)?;
            paths::FEED_HOST.path([feed.name, host])
        }
        None => paths::FEED.path([feed.name]),
    };
    let mut separator = '?';
    for (name, value) in &parameters {
        path += &format!("{separator}{}={}", percent_encode(name), percent_encode(value));
        separator = '&';
    }
    Ok(path)
}

/// A wrong option is a wrong argument.
fn usage(error: FeedError) -> anyhow::Error {
    wrong_arguments(error.to_string())
}

/// Prints the feed. A terminal gets no control characters; a file gets the feed unchanged.
fn print_feed(connection: &Connection, path: &str, progress: &Progress) -> anyhow::Result<()> {
    if !io::stdout().is_terminal() {
        connection.client.download(path, io::stdout().lock(), "writing", progress)?;
        return Ok(());
    }
    let mut bytes = Vec::new();
    connection.client.download(path, &mut bytes, "writing", progress)?;
    write_out(&safe_lines(&String::from_utf8_lossy(&bytes)))?;
    Ok(())
}
