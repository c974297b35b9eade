//! What is known of a job, as its file keeps it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    ImportProject,
    ExportProject,
    ImportTopology,
    ExportTopology,
    Verify,
}

/// Whether a job changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Apply,
    DryRun,
}

/// What is known of a job from its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub operation: Operation,
    /// The project or workbook.
    pub subject: Option<String>,
    pub mode: Mode,
    /// The name of the user who asked for it.
    pub user: String,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndState {
    /// It did what was asked for; the report says what.
    Finished,
    /// It could not be done, or an import was rejected; the problem says why.
    Failed,
    Cancelled,
    /// The server ended before the job did.
    Interrupted,
}

/// What a job did to the inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Unchanged,
    /// The inventory is the imported one.
    Replaced,
}

/// The end of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    pub state: EndState,
    /// A sentence for a person.
    pub outcome: String,
    /// None where a write error leaves it open.
    pub inventory: Option<Effect>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The answer, as the call without `Prefer: respond-async` gets it.
    pub report: Option<Box<RawValue>>,
    /// The same where the answer is a problem.
    pub problem: Option<Box<RawValue>>,
}

impl End {
    /// An end of which there is nothing to say but a sentence.
    pub fn bare(state: EndState, outcome: impl Into<String>, inventory: Option<Effect>) -> Self {
        let outcome = outcome.into();
        Self { state, outcome, inventory, status: None, report: None, problem: None }
    }
}

/// A job's file.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    pub id: String,
    pub about: About,
    /// When it began (RFC 3339).
    pub since: String,
    /// The generation that the import was about to put in place.
    pub generation: Option<u64>,
    /// When it ended.
    pub ended: Option<String>,
    pub end: Option<End>,
}

impl About {
    /// Whether the job changes the inventory.
    pub fn changes_inventory(&self) -> bool {
        match (self.operation, self.mode) {
            (Operation::ImportProject | Operation::ImportTopology, Mode::Apply) => true,
            (Operation::ImportProject | Operation::ImportTopology, Mode::DryRun)
            | (Operation::ExportProject | Operation::ExportTopology | Operation::Verify, _) => {
                false
            }
        }
    }

    /// The end of a job that was running when the process ended. `is_in_place` says whether the
    /// generation that it wrote is the inventory, or was it before the last import.
    pub(super) fn interrupted(&self, is_in_place: bool) -> End {
        let (outcome, inventory) = match (self.operation, self.mode) {
            (Operation::ImportProject | Operation::ImportTopology, Mode::Apply) if is_in_place => (
                "Interrupted: the server stopped just after the import had taken effect. The \
                 inventory is the imported one; the report is lost."
                    .to_owned(),
                Effect::Replaced,
            ),
            (Operation::ImportProject | Operation::ImportTopology, Mode::Apply) => (
                "Interrupted: the server stopped before the import was finished. Nothing was \
                 changed."
                    .to_owned(),
                Effect::Unchanged,
            ),
            (Operation::ImportProject | Operation::ImportTopology, Mode::DryRun) => (
                "Interrupted: the server stopped before the dry run was finished. Nothing was \
                 changed."
                    .to_owned(),
                Effect::Unchanged,
            ),
            (Operation::ExportProject | Operation::ExportTopology, _) => (
                format!(
                    "Interrupted: the server stopped before the export was reported as finished. \
                     The inventory was not changed. “{}” is either the earlier file or the \
                     complete new one.",
                    self.subject.as_deref().unwrap_or_default()
                ),
                Effect::Unchanged,
            ),
            (Operation::Verify, _) => (
                "Interrupted: the server stopped before the verification was finished. Nothing \
                 was changed."
                    .to_owned(),
                Effect::Unchanged,
            ),
        };
        End::bare(EndState::Interrupted, outcome, Some(inventory))
    }
}
