//! The content of a job file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The operation of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "JobOperation")]
pub enum Operation {
    /// Import of a project.
    ImportProject,
    /// Export of the inventory as a project.
    ExportProject,
    /// Import of devices and links from a workbook.
    ImportTopology,
    /// Export of devices and links as a workbook.
    ExportTopology,
    /// A backup that is stored.
    CreateBackup,
    /// Verification of a stored backup.
    VerifyBackup,
    /// Restore of a backup.
    Restore,
    /// Verification of the whole inventory.
    Verify,
}

/// Tells whether a job applies its changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The job makes its changes.
    Apply,
    /// The job only reports what it would change.
    DryRun,
}

/// The facts about a job that are known at its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The operation of the job.
    pub operation: Operation,
    /// The project, workbook or backup.
    pub subject: Option<String>,
    /// Whether the job makes its changes.
    pub mode: Mode,
    /// The name of the user who started it.
    pub user: String,
}

/// The final state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndState {
    /// The operation succeeded. The report has the details.
    Finished,
    /// The operation failed, or an import was rejected. The problem has the reason.
    Failed,
    /// A user cancelled the job. Nothing was changed.
    Cancelled,
    /// The server stopped before the job ended.
    Interrupted,
}

/// The effect of a job on the inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "InventoryEffect")]
pub enum Effect {
    /// The inventory is the same as before the job.
    Unchanged,
    /// The imported inventory replaced the previous one.
    Replaced,
    /// The imported records were written into the current inventory, as one change.
    Changed,
}

/// The state of the inventory after an import, by which a restart finds out whether the import took
/// effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportedState {
    /// A new generation.
    Generation(u64),
    /// A change of a generation.
    Change {
        /// The number of the generation.
        generation: u64,
        /// The number of the change.
        version: u64,
    },
}

impl ImportedState {
    /// The effect of the import.
    pub fn effect(self) -> Effect {
        match self {
            ImportedState::Generation(_) => Effect::Replaced,
            ImportedState::Change { .. } => Effect::Changed,
        }
    }
}

/// The end of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    /// The result of the job.
    pub state: EndState,
    /// A sentence for a person.
    pub outcome: String,
    /// `None` if it is unknown after a write error.
    pub inventory: Option<Effect>,
    /// The HTTP status of the response.
    pub status: Option<u16>,
    /// The response, as for a call without `Prefer: respond-async`.
    pub report: Option<Box<RawValue>>,
    /// The response, if it is a problem document.
    pub problem: Option<Box<RawValue>>,
}

impl End {
    /// An end without status, report and problem.
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
    /// The start time (RFC 3339).
    pub since: String,
    /// The generation that the import was about to make the current one, or to change.
    generation: Option<u64>,
    /// The number of the change, if the import did not write a new generation.
    version: Option<u64>,
    /// The end time (RFC 3339).
    pub ended: Option<String>,
    pub end: Option<End>,
}

impl Record {
    pub(super) fn new(id: String, about: About, since: String) -> Self {
        Self { id, about, since, generation: None, version: None, ended: None, end: None }
    }

    /// The state that the import was about to make the current one.
    pub(super) fn imported(&self) -> Option<ImportedState> {
        let generation = self.generation?;
        Some(match self.version {
            None => ImportedState::Generation(generation),
            Some(version) => ImportedState::Change { generation, version },
        })
    }

    pub(super) fn set_imported(&mut self, imported: Option<ImportedState>) {
        (self.generation, self.version) = match imported {
            None => (None, None),
            Some(ImportedState::Generation(generation)) => (Some(generation), None),
            Some(ImportedState::Change { generation, version }) => {
                (Some(generation), Some(version))
            }
        };
    }
}

impl About {
    /// Returns whether the job can change the inventory.
    pub fn changes_inventory(&self) -> bool {
        match (self.operation, self.mode) {
            (
                Operation::ImportProject | Operation::ImportTopology | Operation::Restore,
                Mode::Apply,
            ) => true,
            (
                Operation::ImportProject | Operation::ImportTopology | Operation::Restore,
                Mode::DryRun,
            )
            | (
                Operation::ExportProject
                | Operation::ExportTopology
                | Operation::CreateBackup
                | Operation::VerifyBackup
                | Operation::Verify,
                _,
            ) => false,
        }
    }

    /// The end of a job that was running when the process ended. `in_place` is the imported state if
    /// the import took effect.
    pub(super) fn interrupted(&self, in_place: Option<ImportedState>) -> End {
        let (outcome, inventory) = match (self.operation, self.mode) {
            (Operation::ImportProject | Operation::ImportTopology, Mode::Apply) => match in_place {
                Some(imported) => (
                    "Interrupted: the server stopped just after the import had taken effect. The \
                     inventory is the imported one; the report is lost."
                        .to_owned(),
                    imported.effect(),
                ),
                None => (
                    "Interrupted: the server stopped before the import was finished. Nothing was \
                     changed."
                        .to_owned(),
                    Effect::Unchanged,
                ),
            },
            (Operation::Restore, Mode::Apply) => match in_place {
                Some(imported) => (
                    "Interrupted: the server stopped just after the restore had taken effect. The \
                     inventory is the restored one; the report is lost."
                        .to_owned(),
                    imported.effect(),
                ),
                None => (
                    "Interrupted: the server stopped before the restore was finished. The inventory \
                     was not changed."
                        .to_owned(),
                    Effect::Unchanged,
                ),
            },
            (
                Operation::ImportProject | Operation::ImportTopology | Operation::Restore,
                Mode::DryRun,
            ) => (
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
            (Operation::CreateBackup, _) => (
                "Interrupted: the server stopped before the backup was reported as finished. The \
                 inventory was not changed. The backup is complete if it is in the list of backups."
                    .to_owned(),
                Effect::Unchanged,
            ),
            (Operation::Verify | Operation::VerifyBackup, _) => (
                "Interrupted: the server stopped before the verification was finished. Nothing \
                 was changed."
                    .to_owned(),
                Effect::Unchanged,
            ),
        };
        End::bare(EndState::Interrupted, outcome, Some(inventory))
    }
}
