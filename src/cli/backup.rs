//! `satchel backup`: makes a backup.

use std::{
    fs::File,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;

use super::{
    output::{self, NewFile, OutputArgs, counted, number, table},
    progress::Progress,
    safe_text::safe,
    target::{Client, IfMissing, JobWords, TargetArgs},
};
use crate::{
    backup::{BackupName, Manifest, SECRETS_ARE_READABLE, manifest_in},
    config::BackupDir,
    http::paths,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel backup --data /var/lib/satchel
      makes a backup and stores it in /var/lib/satchel/backups
  satchel backup /media/stick --server https://satchel.example --user admin
      makes a backup of a server and writes it to a stick; never leaves a partial file
  satchel backup - --server https://satchel.example --user admin | ssh host 'cat > satchel.zip'
      sends a backup through a pipe

A backup contains the records of all types, the configurations of devices and the history. It is also a
bundle: `satchel import` and eNMS read its documents. Its passwords and keys are readable, so a restore needs
no key file. Keep it secret.

Exit codes:
  0    the backup is complete
  1    no backup was made
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// `satchel backup`
#[derive(Args, Debug)]
pub(super) struct BackupArgs {
    /// File or folder to write the backup to, or standard output (-). Without it, the backup is stored in
    /// the data directory
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Name of the stored backup [default: made of the time]
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    name: Option<String>,

    /// Leave out the history and the earlier texts
    #[arg(long)]
    no_history: bool,

    /// Folder in which a data directory has its stored backups [default: backups in the data directory]
    #[arg(long, env = "SATCHEL_BACKUP_DIR", value_name = "DIR", value_parser = BackupDir::parse)]
    backup_dir: Option<BackupDir>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// The destination of a backup.
enum Destination {
    Stored,
    StandardOutput,
    File(PathBuf, Box<NewFile>),
}

/// The report of a stored backup, as the REST API returns it.
#[derive(Deserialize)]
struct Created {
    backup: String,
    bytes: u64,
    manifest: Manifest,
    warnings: Vec<String>,
}

/// Makes a backup, and stores it or writes it to a file.
pub(super) fn run(args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    // Before root switches to the owner of the data directory.
    let destination = args.destination()?;
    let mut target = args.target.resolve("backup", IfMissing::Fail)?;
    target.set_backup_dir(args.backup_dir.as_ref());
    let connection = target.connect(&progress)?;
    let client = &connection.client;
    match destination {
        Destination::Stored => args.store(client, &progress)?,
        Destination::StandardOutput => {
            client.download(&args.path(), io::stdout().lock(), "backing up", &progress)?;
        }
        Destination::File(to, file) => {
            let bytes = client.download(&args.path(), file.file(), "backing up", &progress)?;
            let manifest = received(file.file(), &to)?;
            file.finish()?;
            if args.out.json {
                output::print_json(&serde_json::to_string(&manifest)?)?;
            } else if !args.out.quiet {
                let warning = [SECRETS_ARE_READABLE.to_owned()];
                let what = format!("Backup {}: {}", to.display(), counted(bytes, "byte"));
                output::print(&made_text(&what, &manifest, &warning))?;
            }
        }
    }
    connection.close()?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the manifest of a received file. A file without one is incomplete.
fn received(file: &File, to: &Path) -> anyhow::Result<Manifest> {
    manifest_in(file, to).context("The received backup is incomplete. Try again")
}

impl BackupArgs {
    fn destination(&self) -> anyhow::Result<Destination> {
        let Some(path) = &self.file else { return Ok(Destination::Stored) };
        if path.as_os_str() == "-" {
            if io::stdout().is_terminal() {
                bail!("A backup cannot be printed on a terminal. Pass a FILE, or pipe it");
            }
            if self.out.json {
                bail!("--json and - both write to standard output. Use only one of them");
            }
            return Ok(Destination::StandardOutput);
        }
        let to = if path.is_dir() {
            let name = BackupName::of_time(OffsetDateTime::now_utc())?;
            path.join(format!("{name}.zip"))
        } else {
            path.clone()
        };
        let file = NewFile::create(&to)?;
        Ok(Destination::File(to, Box::new(file)))
    }

    /// The path of the call that sends a backup.
    fn path(&self) -> String {
        format!("{}?history={}", paths::BACKUP.pattern(), !self.no_history)
    }

    /// Makes a backup that the target stores.
    fn store(&self, client: &Client, progress: &Progress) -> anyhow::Result<()> {
        let mut body = json!({"history": !self.no_history});
        if let Some(name) = &self.name {
            body["name"] = name.as_str().into();
        }
        let words = JobWords { doing: "backing up", noun: "backup" };
        let response = client.post_as_job(paths::BACKUP.pattern(), &body, words, progress)?;
        let created: Created = response.read()?;
        if self.out.json {
            return output::print_json(&response.text);
        }
        if self.out.quiet {
            return Ok(());
        }
        let Created { backup, bytes, manifest, warnings } = created;
        let what = format!("Backup “{}”: {}", safe(&backup), counted(bytes, "byte"));
        output::print(&made_text(&what, &manifest, &warnings))
    }
}

/// The result of a backup. `what` begins the first sentence.
fn made_text(what: &str, manifest: &Manifest, warnings: &[String]) -> String {
    let mut text = format!("{what}.\n{}", text(manifest));
    for warning in warnings {
        text += &format!("\nNote: {}\n", safe(warning));
    }
    text
}

/// Formats the description of a backup.
pub(super) fn text(manifest: &Manifest) -> String {
    let Manifest { format, satchel, change, made, made_by, history, parts, sha256, .. } = manifest;
    let rows = parts.iter().map(|part| {
        let records = part.records.map_or_else(|| "-".to_owned(), number);
        vec![safe(&part.name), records, number(part.bytes), part.sha256.clone()]
    });
    let rows: Vec<_> = rows.collect();
    let history = if *history { "with" } else { "without" };
    format!(
        "Backup of change {change}, {history} history; made {} by “{}” with Satchel {} (format \
         {format}).\n\n{}\nSHA-256 of all parts: {sha256}\n",
        safe(made),
        safe(made_by),
        safe(satchel),
        table(&["part", "records", "bytes", "sha256"], &rows)
    )
}
