//! `satchel verify`: checks a bundle or the inventory for damage.

use std::{ffi::OsString, path::Path, process::ExitCode};

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::{
    exit_code::EXIT_DAMAGED,
    input::Input,
    inspect,
    interrupt::{self, Cleanup},
    output::{self, OutputArgs, counted, number, table},
    safe_text::safe,
    target::{IfMissing, JobWords, TargetArgs},
};
use crate::{
    backup,
    http::paths,
    inventory::{AUDIT_DAMAGED, HISTORY_LOST},
    job,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel verify nightly.zip
      checks the checksums, counts and records of a bundle. A backup is restored into a temporary
      inventory, which is compared with it and removed
  satchel verify --data /var/lib/satchel
      checks the whole inventory: every record, every reference in both directions, the members of
      every pool, every secret, and the audit log
  satchel verify --server https://satchel.example --user admin --json
      does the same at a server; changes wait until it has finished

Exit codes:
  0    no damage found
  1    damage found, or the check failed
  2    wrong arguments
  3    the inventory is damaged, see `satchel recover`; or its history or the audit log is
  130  interrupted";

/// The largest number of findings that are printed without `--all`.
const FINDINGS_SHOWN_MAX: usize = 50;

/// `satchel verify`
#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// A backup, a bundle or a project folder; without it, the inventory
    #[arg(value_name = "FILE")]
    file: Option<OsString>,

    /// Print all findings, not only the first ones
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// The report of a verification, as the REST API returns it.
#[derive(Deserialize)]
struct Verification {
    whole: bool,
    summary: String,
    types: Vec<KindVerified>,
    references: u64,
    members: u64,
    texts: u64,
    secrets: u64,
    findings: Findings,
}

#[derive(Deserialize)]
struct KindVerified {
    r#type: String,
    records: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct Findings {
    total: u64,
    shown: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    rule: String,
    r#type: Option<String>,
    name: Option<String>,
    detail: String,
}

/// Checks the file or the inventory, and prints the findings.
pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let code = match &args.file {
        Some(file) => match Input::find(file)? {
            Input::Bundle(input) if backup::has_manifest(input.path())? => {
                verify_backup(input.path(), args)?
            }
            Input::Bundle(input) | Input::Folder(input) => {
                let look = inspect::project(input.path(), &args.out.progress())?;
                if args.out.json {
                    output::print_json(&serde_json::to_string(&look)?)?;
                } else if !(args.out.quiet && look.whole) {
                    let verdict = if look.whole { "OK" } else { "DAMAGED" };
                    let text = inspect::project_text(&look);
                    output::print(&format!("{text}\nProject {verdict}\n"))?;
                }
                code_of(look.whole)
            }
            Input::Workbook { .. } => bail!(
                "A workbook has no checksums to verify. To check its contents, preview the import: \
                 satchel import FILE --dry-run"
            ),
            Input::LibraryProject(name) => bail!("There is no file or folder {name}"),
        },
        None => inventory(args)?,
    };
    Ok(code)
}

/// Restores a backup into a temporary data directory, compares it, and removes the directory. Returns the
/// exit code.
fn verify_backup(path: &Path, args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let scratch = tempfile::tempdir().context("Cannot create a temporary folder")?;
    let removed = scratch.path().to_owned();
    let _guard = interrupt::clean_up_on_signal(Cleanup::Local, move || {
        drop(std::fs::remove_dir_all(removed));
    });
    let spinner = progress.spinner("restoring");
    let verified = backup::verify(path, scratch.path(), &job::Progress::detached());
    drop(spinner);
    let verified = verified.with_context(|| format!("Cannot verify {}", path.display()))?;
    if args.out.json {
        output::print_json(&serde_json::to_string(&verified)?)?;
    } else if !(args.out.quiet && verified.whole) {
        let mut text = format!("{}\n", safe(&verified.summary));
        for finding in &verified.findings.shown {
            text += &format!("  {}\n", safe(finding));
        }
        let more = verified.findings.total - verified.findings.shown.len() as u64;
        if more > 0 {
            text += &format!("  and {} more\n", number(more));
        }
        output::print(&text)?;
    }
    Ok(code_of(verified.whole))
}

fn code_of(whole: bool) -> ExitCode {
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Verifies the inventory. Returns the exit code.
fn inventory(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let progress = args.out.progress();
    let connection = args.target.resolve("verify", IfMissing::Fail)?.connect(&progress)?;
    let words = JobWords { doing: "verifying", noun: "verification" };
    let response =
        connection.client.post_as_job(paths::VERIFY.pattern(), &json!({}), words, &progress)?;
    let verified: Verification = response.read()?;
    if args.out.json {
        output::print_json(&response.text)?;
    } else if !(args.out.quiet && verified.whole) {
        output::print(&verified.text(args.all))?;
    }
    connection.close()?;
    // These findings come first, so they are always among those that the report shows.
    let shown = &verified.findings.shown;
    let is_log_damaged =
        shown.iter().any(|one| one.rule == HISTORY_LOST || one.rule == AUDIT_DAMAGED);
    Ok(if is_log_damaged { ExitCode::from(EXIT_DAMAGED) } else { code_of(verified.whole) })
}

impl Verification {
    fn text(&self, all: bool) -> String {
        let rows: Vec<_> = self
            .types
            .iter()
            .map(|one| vec![safe(&one.r#type), number(one.records), number(one.bytes)])
            .collect();
        let mut text = format!("{}\n\n", safe(&self.summary));
        text += &table(&["type", "records", "bytes"], &rows);
        text += &format!(
            "\n{}, {}, {}, {}\n",
            counted(self.references, "reference"),
            counted(self.members, "pool member"),
            counted(self.texts, "long text"),
            counted(self.secrets, "secret")
        );
        if self.findings.total == 0 {
            return text;
        }
        text += &format!("\nFindings: {}\n", number(self.findings.total));
        let shown_max = if all { usize::MAX } else { FINDINGS_SHOWN_MAX };
        let mut printed = 0;
        for Finding { r#type, name, detail, .. } in self.findings.shown.iter().take(shown_max) {
            let subject: Vec<_> =
                [r#type, name].into_iter().flatten().map(|word| safe(word)).collect();
            let subject =
                if subject.is_empty() { "the inventory".to_owned() } else { subject.join(" ") };
            text += &format!("  {subject}: {}\n", safe(detail));
            printed += 1;
        }
        if self.findings.total > printed {
            let hint = if all { "" } else { " (--all shows them)" };
            text += &format!("  and {} more{hint}\n", number(self.findings.total - printed));
        }
        text
    }
}
