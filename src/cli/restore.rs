//! `satchel restore`: restores a backup or a bundle.

use std::{ffi::OsString, fmt::Write as _, fs::File, io::Seek, path::Path, process::ExitCode};

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    confirm,
    input::{Input, InputFile},
    output::OutputArgs,
    progress::Progress,
    report::{Length, Outcome, Report},
    safe_text::safe,
    target::{ApiResponse, ChangeMessage, Client, IfMissing, JobWords, Target, TargetArgs, Upload},
};
use crate::{
    config::BackupDir,
    http::paths::{self, percent_encode},
    model::{Kind, UnknownKind},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel restore satchel.zip --dry-run --data /var/lib/satchel
      shows what would change, property by property; changes nothing
  satchel restore satchel.zip --data /var/lib/satchel
      restores everything; shows the changes and asks first
  satchel restore satchel.zip --data new
      restores into a new data directory, on any machine; needs no key file
  satchel restore monday --server https://satchel.example --user admin
      restores a backup that the server has stored
  satchel restore satchel.zip --only devices,links
      restores these types; other types stay as they are
  satchel restore satchel.zip --name R1 --yes
      restores the records with this name, and its configuration; does not ask
  satchel undo
      undoes the restore

A restore succeeds completely or changes nothing. The present inventory is backed up before, in the folder
backups/ of the data directory. If nothing differs from the backup, nothing is asked and nothing is written.

Exit codes:
  0    restored, or it would be (--dry-run)
  1    not restored
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  interrupted";

/// `satchel restore`
#[derive(Args, Debug)]
pub(super) struct RestoreArgs {
    /// A backup or a bundle, or the name of a backup that the target has stored. If a file has the same
    /// name as a stored backup, the file is restored
    #[arg(value_name = "FILE|NAME")]
    from: OsString,

    /// Restore only these types, such as devices,links. Records of these types that the backup does not have
    /// are removed
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',', value_parser = kind)]
    only: Vec<Kind>,

    /// Restore only the records with this name, and remove none
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Show what would change, change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Do not ask for confirmation
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,

    /// A message for the history: why the change is made
    #[arg(long, value_name = "TEXT", conflicts_with = "dry_run")]
    message: Option<ChangeMessage>,

    /// Folder in which a data directory has its stored backups [default: backups in the data directory]
    #[arg(long, env = "SATCHEL_BACKUP_DIR", value_name = "DIR", value_parser = BackupDir::parse)]
    backup_dir: Option<BackupDir>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// Parses a type, also in the plural: device, devices.
fn kind(word: &str) -> Result<Kind, UnknownKind> {
    let word = word.trim();
    let singular = word.strip_suffix('s').and_then(|word| word.parse().ok());
    word.parse().or_else(|error| singular.ok_or(error))
}

/// The backup to restore.
enum Source {
    File(InputFile),
    Stored(String),
}

/// The members of the report that an import does not have.
#[derive(Deserialize)]
struct RestoreReport {
    plan: String,
    made: Option<String>,
    made_by: Option<String>,
    change: Option<u64>,
    texts: TextCounts,
    safety_backup: Option<String>,
    written: Written,
}

/// The effect of a restore on the inventory.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Written {
    Nothing,
    #[serde(other)]
    Changes,
}

#[derive(Deserialize)]
struct TextCounts {
    added: u64,
    changed: u64,
    unchanged: u64,
    removed: u64,
}

/// Restores a backup. Shows the changes and asks for confirmation unless `--yes` is given.
pub(super) fn run(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let source = args.source()?;
    // A dry run creates nothing, and no data directory.
    let if_missing = if args.dry_run { IfMissing::Fail } else { IfMissing::Create };
    let mut target = args.target.resolve("restore", if_missing)?;
    target.set_backup_dir(args.backup_dir.as_ref());
    // A new data directory has nothing to lose.
    let is_new = matches!(&target, Target::Local(local) if !local.path.exists());
    let asks = !args.yes && !args.dry_run && !is_new;
    if asks && !confirm::can_ask() {
        bail!("Not interactive: pass --yes to confirm, or --dry-run to see what would be restored");
    }
    if let (Target::Local(local), Source::Stored(name)) = (&target, &source)
        && is_new
    {
        bail!(
            "There is no file {name}, and no data directory {} with stored backups",
            local.path.display()
        );
    }
    let mut connection = target.connect(&progress)?;
    connection.client.set_message(args.message.as_ref());
    let client = &connection.client;
    let preview = args.call(client, &source, None, &progress)?;
    if args.dry_run || is_rejected(&preview)? {
        let code = args.show(&preview)?;
        connection.close()?;
        return Ok(code);
    }
    let RestoreReport { plan, written, .. } = preview.read()?;
    if asks && written == Written::Changes {
        args.out.print_preview(false, &preview.text, || text(&preview))?;
        if !confirm::confirmed("Restore this?")? {
            progress.say("nothing was changed");
            connection.close()?;
            return Ok(ExitCode::FAILURE);
        }
    }
    let response = args.call(client, &source, Some(&plan), &progress)?;
    let code = args.show(&response)?;
    connection.close()?;
    Ok(code)
}

/// Returns whether the response says that a record is rejected, so that nothing can be restored.
fn is_rejected(response: &ApiResponse) -> anyhow::Result<bool> {
    Ok(response.read::<Report>()?.outcome == Outcome::Rejected)
}

impl RestoreArgs {
    /// Finds the backup. A file is opened, because the owner of a data directory might have no permission to
    /// read it.
    fn source(&self) -> anyhow::Result<Source> {
        let source = match Input::find(&self.from)? {
            Input::Bundle(file) | Input::Folder(file) => Source::File(file),
            Input::LibraryProject(name) => Source::Stored(name.to_string()),
            Input::Workbook { input, .. } => {
                bail!("{} is a workbook, not a backup. Use satchel import", input.path().display())
            }
        };
        if let Source::File(file) = &source {
            file.file()?;
        }
        Ok(source)
    }

    /// Restores with a plan, or without one shows what would change.
    fn call(
        &self,
        client: &Client,
        source: &Source,
        plan: Option<&str>,
        progress: &Progress,
    ) -> anyhow::Result<ApiResponse> {
        let words = match plan {
            Some(_) => JobWords { doing: "restoring", noun: "restore" },
            None => JobWords { doing: "comparing", noun: "dry run" },
        };
        let path = paths::RESTORE.pattern();
        match source {
            Source::Stored(name) => {
                let mut body = self.options(plan);
                body.insert("backup".to_owned(), name.as_str().into());
                // A restore can change the password with which the command would follow a job.
                if plan.is_some() && !client.is_within_process() {
                    client.post(path, &Value::Object(body), words.doing, progress)
                } else {
                    client.post_as_job(path, &Value::Object(body), words, progress)
                }
            }
            Source::File(input) => {
                let mut file: &File = input.file()?;
                // The preview has read the file.
                file.rewind().with_context(|| unreadable(input.path()))?;
                let path = format!("{path}?{}", self.query(plan));
                let upload = Upload {
                    file,
                    media_type: "application/zip",
                    label: "uploading",
                    replace: true,
                };
                if plan.is_some() && !client.is_within_process() {
                    client.post_file(&path, &upload, progress)
                } else {
                    client.post_file_as_job(&path, &upload, words, progress)
                }
            }
        }
    }

    /// The options of the call as JSON.
    fn options(&self, plan: Option<&str>) -> Map<String, Value> {
        let mut options = Map::new();
        if !self.only.is_empty() {
            let types: Vec<&str> = self.only.iter().map(|kind| kind.as_str()).collect();
            options.insert("types".to_owned(), json!(types));
        }
        if let Some(name) = &self.name {
            options.insert("name".to_owned(), name.as_str().into());
        }
        match plan {
            Some(plan) => options.insert("plan".to_owned(), plan.into()),
            None => options.insert("dry_run".to_owned(), true.into()),
        };
        options
    }

    /// The options of the call as a query.
    fn query(&self, plan: Option<&str>) -> String {
        let options = self.options(plan).into_iter().map(|(name, value)| {
            let text = match value {
                Value::String(text) => text,
                Value::Array(texts) => {
                    texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
                }
                other => other.to_string(),
            };
            format!("{name}={}", percent_encode(&text))
        });
        options.collect::<Vec<_>>().join("&")
    }

    /// Prints the report of a restore or a dry run. Returns the exit code.
    fn show(&self, response: &ApiResponse) -> anyhow::Result<ExitCode> {
        let is_good = response.read::<Report>()?.is_good();
        if self.dry_run || !is_good {
            self.out.print_preview(true, &response.text, || text(response))?;
        } else {
            self.out.print_result(&response.text, || text(response))?;
        }
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn unreadable(path: &Path) -> String {
    format!("Cannot read {}", path.display())
}

/// Formats the report of a restore.
fn text(response: &ApiResponse) -> anyhow::Result<String> {
    let report: Report = response.read()?;
    let mut text = report.text(Length::Short);
    if report.outcome == Outcome::Rejected {
        return Ok(text);
    }
    let RestoreReport { made, made_by, change, texts, safety_backup, .. } = response.read()?;
    if let (Some(made), Some(made_by), Some(change)) = (made, made_by, change) {
        let (made, made_by) = (safe(&made), safe(&made_by));
        let _ = writeln!(text, "\nBackup of change {change}, made {made} by “{made_by}”.");
    }
    let TextCounts { added, changed, unchanged, removed } = texts;
    if added + changed + unchanged + removed > 0 {
        let _ = writeln!(
            text,
            "Long texts: {added} added, {changed} changed, {unchanged} unchanged, {removed} removed."
        );
    }
    if let Some(name) = safety_backup {
        let _ =
            writeln!(text, "The inventory before the restore is in the backup “{}”.", safe(&name));
    }
    Ok(text)
}
