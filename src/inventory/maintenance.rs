//! Maintenance of the inventory as a whole: its state, and undo of the last import.

use schemars::JsonSchema;
use serde::Serialize;

use super::{DamageReport, Inventory, InventoryError};
use crate::{
    import::Mode,
    model::Kind,
    store::{Damage, EarlierGeneration, GenerationInfo, GenerationSwitch, Origin, StoreError},
    wording::counted,
};

/// The state of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "State")]
pub struct InventoryState {
    /// The generation in use.
    #[serde(flatten)]
    pub now: GenerationState,
    /// The generation that an undo restores. `null` if an undo is refused: there was no import, or the
    /// last import was written as one change.
    pub previous: Option<GenerationState>,
    /// The kept copies of the inventory before the current generation, the newest first. The differences of
    /// an import can be shown and undone while the generation before it is kept.
    pub earlier: Vec<EarlierGenerationState>,
    /// The damage that was found since the start.
    pub damage: DamageReport,
}

/// A kept generation before the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "EarlierGeneration")]
pub struct EarlierGenerationState {
    /// The number of the generation.
    pub generation: u64,
    /// The size on the disk, in bytes.
    pub bytes: u64,
}

/// The numbers of a generation.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "Generation")]
pub struct GenerationState {
    /// The number of the generation.
    pub generation: u64,
    /// The number of its last change.
    pub version: u64,
    /// The number of records of all kinds.
    pub records: u64,
    /// The size on the disk, in bytes.
    pub bytes: u64,
    /// The number of records of each kind.
    pub types: Vec<KindCount>,
}

/// The number of records of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct KindCount {
    /// The counted kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The number of its records.
    pub records: u64,
}

/// The report of an undo, or of a dry run.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UndoReport {
    /// Whether the inventory was changed.
    pub outcome: UndoOutcome,
    /// A sentence for a person.
    pub summary: String,
    /// The generation before the undo. A second undo restores it.
    pub before: GenerationState,
    /// The generation after the undo.
    pub after: GenerationState,
}

/// The outcome of an undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoOutcome {
    /// The previous generation is the current one now.
    Undone,
    /// The undo was a dry run. Nothing was changed.
    DryRun,
}

impl EarlierGenerationState {
    fn of(kept: &EarlierGeneration) -> Self {
        let EarlierGeneration { number: generation, bytes } = *kept;
        Self { generation, bytes }
    }
}

impl GenerationState {
    fn of(look: &GenerationInfo) -> Self {
        let count = |kind| KindCount { kind, records: look.summary.kind(kind).count };
        Self {
            generation: look.number,
            version: look.summary.version,
            records: look.summary.records(),
            bytes: look.bytes,
            types: Kind::ALL.into_iter().map(count).collect(),
        }
    }
}

impl Inventory {
    /// Returns the current and the previous generation, and the damage found so far.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if the current generation cannot be read.
    pub fn state(&self) -> Result<InventoryState, InventoryError> {
        let mut generations = self.0.store.generations()?;
        if let Some(damage) = generations.previous_damage.take() {
            self.0.damage.note(damage);
        }
        let now = GenerationState::of(&generations.current);
        let previous = match generations.last_import {
            Some(_) => None,
            None => generations.previous.as_ref().map(GenerationState::of),
        };
        let earlier = generations.earlier.iter().map(EarlierGenerationState::of).collect();
        Ok(InventoryState { now, previous, earlier, damage: self.0.damage.report() })
    }

    /// The kept generations before the current one; empty if they cannot be listed.
    pub fn earlier_generations(&self) -> Vec<EarlierGenerationState> {
        let kept = self.0.store.earlier_generations().unwrap_or_default();
        kept.iter().map(EarlierGenerationState::of).collect()
    }

    /// Restores the inventory from before the last import or undo. A dry run only reports the
    /// changes. A second undo reverts the first one.
    ///
    /// # Errors
    /// On every error the inventory stays unchanged. Within [`InventoryError::Store`]:
    /// - [`StoreError::NothingToUndo`] if there is no previous generation.
    /// - [`StoreError::ImportNotUndoable`] if the last import was written as one change.
    /// - [`StoreError::Damaged`] if the previous generation is damaged.
    /// - The other errors of [`Store::undo`](crate::store::Store::undo).
    pub fn undo(&self, mode: Mode, origin: &Origin) -> Result<UndoReport, InventoryError> {
        let undone = match mode {
            Mode::Apply => self.0.store.undo(origin)?,
            Mode::DryRun => {
                let generations = self.0.store.generations()?;
                if let Some(change) = generations.last_import {
                    return Err(StoreError::ImportNotUndoable { change }.into());
                }
                if let Some(Damage { part, detail, .. }) = generations.previous_damage {
                    return Err(StoreError::Damaged { part, detail }.into());
                }
                let after = generations.previous.ok_or(StoreError::NothingToUndo)?;
                GenerationSwitch { before: generations.current, after }
            }
        };
        let GenerationSwitch { before, after } = &undone;
        let (from, to) = (before.summary.records(), after.summary.records());
        let (from, to) = (counted(from, "record"), counted(to, "record"));
        let (outcome, summary) = match mode {
            Mode::Apply => (
                UndoOutcome::Undone,
                format!(
                    "The inventory from before the last import or undo is restored: {to} (before the \
                     undo: {from}). A second undo reverts this one, until the next import."
                ),
            ),
            Mode::DryRun => (
                UndoOutcome::DryRun,
                format!(
                    "Dry run: nothing was changed. An undo would restore the inventory from before \
                     the last import or undo: {to} (now {from}). It would also discard all later \
                     changes."
                ),
            ),
        };
        let (before, after) = (GenerationState::of(before), GenerationState::of(after));
        Ok(UndoReport { outcome, summary, before, after })
    }
}
