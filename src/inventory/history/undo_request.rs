//! A request to undo a change.

use super::undo_report::{ChangeUndoOutcome, ChangeUndoReport, UndoWritten};
use crate::{import::Mode, store::Origin};

/// The operation of a change that undoes another one, in its origin.
pub const UNDO_OPERATION: &str = "undo";

/// A request to undo a change.
#[derive(Clone, Debug)]
pub struct ChangeUndoRequest {
    /// The number of the change. `None` stands for the last change.
    pub number: Option<u64>,
    /// Whether the undo is applied or only reported.
    pub mode: Mode,
    /// What happens if something stands in the way.
    pub on_conflict: OnConflict,
    /// The user who undoes the change, and the request.
    pub origin: Origin,
}

/// What an undo does if something was changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Nothing is changed.
    Refuse,
    /// What was changed since stays, and the rest is undone.
    Keep,
}

impl ChangeUndoRequest {
    /// Completes a report.
    pub(super) fn conclude(
        &self,
        report: ChangeUndoReport,
        written: UndoWritten,
    ) -> ChangeUndoReport {
        let is_dry_run = self.mode == Mode::DryRun;
        let report = report.conclude(is_dry_run, self.on_conflict == OnConflict::Keep);
        match report.outcome {
            ChangeUndoOutcome::Undone | ChangeUndoOutcome::UndoneInPart => {
                ChangeUndoReport { written, ..report }
            }
            ChangeUndoOutcome::Unchanged
            | ChangeUndoOutcome::Conflicts
            | ChangeUndoOutcome::DryRun => report,
        }
    }
}
