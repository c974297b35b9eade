//! Going back to what the inventory was before the last import.

use serde::Serialize;

use super::{Inventory, InventoryError};
use crate::{import::Mode, model::Kind};

/// What an undo did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UndoReport {
    pub outcome: UndoOutcome,
    /// A sentence.
    pub summary: String,
    pub types: Vec<UndoneKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoOutcome {
    Undone,
    DryRun,
}

/// How many records of one kind an undo takes, and how many it brings back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UndoneKind {
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Records before the undo.
    pub now: u64,
    /// Records that there are after it.
    pub then: u64,
}

impl Inventory {
    /// Goes back to what was before the last import (or before a change of more than 10,000
    /// records); what was changed since goes too. A second undo takes back the first.
    ///
    /// # Errors
    /// [`InventoryError::NothingBefore`], and the store's. Nothing was changed then.
    pub fn undo(&self, mode: Mode) -> Result<UndoReport, InventoryError> {
        let store = &self.0.store;
        let (outcome, told) = match mode {
            Mode::Apply => (UndoOutcome::Undone, store.undo()?),
            Mode::DryRun => (UndoOutcome::DryRun, store.before()?),
        };
        let told = told.ok_or(InventoryError::NothingBefore)?;
        let (now, then) = (told.now.records(), told.before.records());
        let summary = match outcome {
            UndoOutcome::Undone => format!(
                "The last import, and all that was changed since, is undone: there were {now} \
                 records, and now there are {then}. Another undo takes this back."
            ),
            UndoOutcome::DryRun => format!(
                "Nothing was changed. An undo would take back the last import and all that was \
                 changed since: there are {now} records, and then there would be {then}."
            ),
        };
        let types = Kind::ALL.map(|kind| UndoneKind {
            kind,
            now: told.now.kind(kind).count,
            then: told.before.kind(kind).count,
        });
        Ok(UndoReport { outcome, summary, types: types.to_vec() })
    }
}
