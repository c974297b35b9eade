//! The state of the inventory as a whole.

use schemars::JsonSchema;
use serde::Serialize;

use super::{DamageReport, Inventory, InventoryError};
use crate::{
    model::Kind,
    store::{EarlierGeneration, GenerationInfo, HistoryLoss},
};

/// The state of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct InventoryState {
    /// The generation in use.
    #[serde(flatten)]
    pub now: GenerationState,
    /// The generation before the last import or undo of the whole inventory; `null` if there is none, or if it
    /// is damaged.
    pub previous: Option<GenerationState>,
    /// The kept copies of the inventory before the current generation, the newest first. The differences of
    /// an import can be shown and undone while the generation before it is kept.
    pub earlier: Vec<EarlierGenerationState>,
    /// The damage that was found since the start.
    pub damage: DamageReport,
    /// The lost parts of the history: archives that are or were damaged or missing, and missing copies of the
    /// inventory from before imports. Empty in the ordinary case.
    pub history_losses: Vec<HistoryLossShown>,
}

/// A lost part of the history.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "HistoryLoss")]
pub struct HistoryLossShown {
    /// The damaged or missing folder, or the file or folder in the data directory that notes an earlier loss.
    pub path: String,
    /// What is lost, and how to restore it or accept the loss.
    pub detail: String,
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

impl EarlierGenerationState {
    fn of(kept: &EarlierGeneration) -> Self {
        let EarlierGeneration { number: generation, bytes } = *kept;
        Self { generation, bytes }
    }
}

impl HistoryLossShown {
    fn of(loss: &HistoryLoss) -> Self {
        Self { path: loss.path().display().to_string(), detail: loss.to_string() }
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
        let previous = generations.previous.as_ref().map(GenerationState::of);
        let earlier = generations.earlier.iter().map(EarlierGenerationState::of).collect();
        let losses = self.0.store.history_losses()?;
        let history_losses = losses.iter().map(HistoryLossShown::of).collect();
        let damage = self.0.damage.report();
        Ok(InventoryState { now, previous, earlier, damage, history_losses })
    }

    /// The number of lost parts of the history. `None` if it cannot be read.
    pub fn history_loss_count(&self) -> Option<usize> {
        self.0.store.history_losses().ok().map(|losses| losses.len())
    }

    /// The kept generations before the current one; empty if they cannot be listed.
    pub fn earlier_generations(&self) -> Vec<EarlierGenerationState> {
        let kept = self.0.store.earlier_generations().unwrap_or_default();
        kept.iter().map(EarlierGenerationState::of).collect()
    }
}
