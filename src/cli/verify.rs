//! `satchel verify`: whether a bundle, or the whole inventory, is what it should be.

use std::{ffi::OsString, process::ExitCode};

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::{
    input::Input,
    inspect,
    output::{self, OutputArgs, counted, number, safe, table},
    target::{IfMissing, JobWords, TargetArgs},
};
use crate::http::paths;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel verify nightly.zip
      checksums and counts of a bundle, and whether every record in it can be read
  satchel verify --data /var/lib/satchel
      reads the whole inventory: every record, every reference in both directions, the members of
      every pool, every secret
  satchel verify --server https://satchel.example --user admin --json
      the same at a server; changes wait until it is done

Exit codes:
  0    whole
  1    not whole or not possible
  2    wrong arguments
  3    the inventory is damaged; see `satchel recover`
  130  cut short";

/// Findings that are printed, unless all that were answered are wanted.
const FINDINGS_SHOWN_MAX: usize = 50;

/// `satchel verify`
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// A bundle or a project's folder; without it the inventory
    #[arg(value_name = "FILE")]
    file: Option<OsString>,

    /// Print every finding that was answered
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    out: OutputArgs,
}

/// What was found, as REST answers it.
#[derive(Deserialize)]
struct Verified {
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
    r#type: Option<String>,
    name: Option<String>,
    detail: String,
}

/// Verifies.
pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let whole = match &args.file {
        Some(file) => match Input::parse(file)? {
            Input::Bundle(input) | Input::Folder(input) => {
                let look = inspect::project(input.path(), &args.out.progress())?;
                if args.out.json {
                    output::print_json(&serde_json::to_string(&look)?)?;
                } else if !(args.out.quiet && look.whole) {
                    let verdict = if look.whole { "whole" } else { "NOT whole" };
                    let text = inspect::project_text(&look);
                    output::print(&format!("{text}\nThe project is {verdict}.\n"))?;
                }
                look.whole
            }
            Input::Workbook { .. } => bail!(
                "A workbook says nothing of itself that could be verified; ask what an import \
                 would do: satchel import FILE --dry-run"
            ),
            Input::LibraryProject(name) => bail!("There is no file or folder {name}"),
        },
        None => inventory(args)?,
    };
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn inventory(args: &VerifyArgs) -> anyhow::Result<bool> {
    let progress = args.out.progress();
    let connection = args.target.resolve("verify", IfMissing::Fail)?.connect(&progress)?;
    let words = JobWords { doing: "verifying", noun: "verification" };
    let answer =
        connection.client.post_as_job(paths::VERIFY.pattern(), &json!({}), words, &progress)?;
    let verified: Verified = answer.read()?;
    if args.out.json {
        output::print_json(&answer.text)?;
    } else if !(args.out.quiet && verified.whole) {
        output::print(&verified.text(args.all))?;
    }
    connection.close()?;
    Ok(verified.whole)
}

impl Verified {
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
        let mut said = 0;
        for Finding { r#type, name, detail } in self.findings.shown.iter().take(shown_max) {
            let of: Vec<_> = [r#type, name].into_iter().flatten().map(|word| safe(word)).collect();
            let of = if of.is_empty() { "the inventory".to_owned() } else { of.join(" ") };
            text += &format!("  {of}: {}\n", safe(detail));
            said += 1;
        }
        if self.findings.total > said {
            let how = if all { "" } else { ": --all" };
            text += &format!("  and {} more{how}\n", number(self.findings.total - said));
        }
        text
    }
}
