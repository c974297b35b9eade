//! The handle through which an operation reports progress and is cancelled.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::Notify;

use super::record::ImportedState;

/// The step of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "JobStep")]
pub enum Step {
    /// Waits until another operation has finished.
    Waiting,
    /// Decodes documents or sheets into records.
    Decoding,
    /// Checks the references.
    Planning,
    /// Compares the records, or writes them into a new generation.
    Applying,
    /// Writes the members of computed pools.
    Pools,
    /// Syncs the new generation to disk.
    MakingDurable,
    /// Encodes records as documents or sheets.
    Exporting,
    /// Completes the bundle or workbook.
    Packing,
    /// Reads the records of the inventory.
    Reading,
    /// Compares the references and the pool members with the indexes.
    Comparing,
}

impl Step {
    const ALL: [Step; 10] = [
        Step::Waiting,
        Step::Decoding,
        Step::Planning,
        Step::Applying,
        Step::Pools,
        Step::MakingDurable,
        Step::Exporting,
        Step::Packing,
        Step::Reading,
        Step::Comparing,
    ];
}

/// The operation was cancelled, and nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the job was cancelled; nothing was changed")]
pub struct Cancelled;

/// The response to a request for cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The operation ends at its next check. Nothing is changed.
    Accepted,
    /// The result is taking effect, or has taken effect.
    TooLate,
}

/// A cancellation would be accepted.
const OPEN: u8 = 0;
/// A cancellation was accepted.
const CANCELLED: u8 = 1;
/// The result is taking effect: a cancellation is refused.
const CLOSED: u8 = 2;

/// The value of `total` if it is unknown.
const UNKNOWN: u64 = u64::MAX;

/// Called with the state of the inventory that is about to become the current one.
type FlipHook = Box<dyn Fn(ImportedState) + Send + Sync>;

/// The progress of one operation. Clones share it.
///
/// A report costs two atomic operations, so it is cheap enough for each record.
#[derive(Clone)]
pub struct Progress(Arc<Inner>);

struct Inner {
    /// [`OPEN`], [`CANCELLED`] or [`CLOSED`]. It changes once: a cancellation excludes the flip to the
    /// imported state, and the flip excludes a cancellation.
    window: AtomicU8,
    step: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
    imported: OnceLock<ImportedState>,
    cancellation: Notify,
    flip_hook: Mutex<Option<FlipHook>>,
}

impl Progress {
    /// The progress of an operation that is not a job and cannot be cancelled.
    pub fn detached() -> Self {
        Self(Arc::new(Inner {
            window: AtomicU8::new(OPEN),
            step: AtomicU8::new(Step::Waiting as u8),
            done: AtomicU64::new(0),
            total: AtomicU64::new(UNKNOWN),
            imported: OnceLock::new(),
            cancellation: Notify::new(),
            flip_hook: Mutex::new(None),
        }))
    }

    /// Sets the hook that [`begin_flip`](Self::begin_flip) calls before the imported state becomes the
    /// current one.
    pub(super) fn on_flip(&self, hook: impl Fn(ImportedState) + Send + Sync + 'static) {
        *self.hook() = Some(Box::new(hook));
    }

    /// Starts a step. `total` is the number of its records, if that is known.
    ///
    /// # Errors
    /// [`Cancelled`] if the operation was cancelled.
    pub fn step(&self, step: Step, total: Option<u64>) -> Result<(), Cancelled> {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total.unwrap_or(UNKNOWN), Ordering::Relaxed);
        self.0.step.store(step as u8, Ordering::Release);
        self.check()
    }

    /// Reports that `records` more records are done.
    ///
    /// # Errors
    /// [`Cancelled`] if the operation was cancelled.
    pub fn advance(&self, records: u64) -> Result<(), Cancelled> {
        self.0.done.fetch_add(records, Ordering::Relaxed);
        self.check()
    }

    /// Checks whether the operation was cancelled.
    ///
    /// # Errors
    /// [`Cancelled`] if it was.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Returns whether a cancellation was accepted.
    pub fn is_cancelled(&self) -> bool {
        self.0.window.load(Ordering::Relaxed) == CANCELLED
    }

    /// Requests cancellation. A second request gets the same response.
    pub fn cancel(&self) -> CancelOutcome {
        let swapped =
            self.0.window.compare_exchange(OPEN, CANCELLED, Ordering::AcqRel, Ordering::Acquire);
        match swapped {
            Ok(_) => {
                // `notify_one` keeps a permit for a later waiter.
                self.0.cancellation.notify_one();
                CancelOutcome::Accepted
            }
            Err(CANCELLED) => CancelOutcome::Accepted,
            Err(_) => CancelOutcome::TooLate,
        }
    }

    /// Waits until the operation is cancelled. Supports one waiter.
    pub async fn cancelled(&self) {
        if !self.is_cancelled() {
            self.0.cancellation.notified().await;
        }
    }

    /// Refuses cancellations from now on, because the result takes effect.
    ///
    /// # Errors
    /// [`Cancelled`] if the operation was cancelled before.
    pub fn close(&self) -> Result<(), Cancelled> {
        let swapped =
            self.0.window.compare_exchange(OPEN, CLOSED, Ordering::AcqRel, Ordering::Acquire);
        match swapped {
            Ok(_) | Err(CLOSED) => Ok(()),
            Err(_) => Err(Cancelled),
        }
    }

    /// Like [`close`](Self::close), for an import. The job file records the imported state before it
    /// becomes the current one.
    ///
    /// # Errors
    /// [`Cancelled`] if the operation was cancelled before.
    pub fn begin_flip(&self, imported: ImportedState) -> Result<(), Cancelled> {
        self.close()?;
        // An operation imports once.
        let _ = self.0.imported.set(imported);
        if let Some(hook) = &*self.hook() {
            hook(imported);
        }
        Ok(())
    }

    /// Returns whether a cancellation would be accepted.
    pub fn is_open(&self) -> bool {
        self.0.window.load(Ordering::Acquire) == OPEN
    }

    /// The current step.
    pub fn current_step(&self) -> Step {
        let step = usize::from(self.0.step.load(Ordering::Acquire));
        Step::ALL.get(step).copied().unwrap_or(Step::Waiting)
    }

    /// The number of records of the step that are done, and its total if that is known.
    pub fn counts(&self) -> (u64, Option<u64>) {
        let total = self.0.total.load(Ordering::Relaxed);
        let done = self.0.done.load(Ordering::Relaxed);
        // The two are not reset at the same moment when a step starts.
        (done.min(total), Some(total).filter(|total| *total != UNKNOWN))
    }

    /// The imported state that became the current one, or was about to.
    pub fn imported(&self) -> Option<ImportedState> {
        self.0.imported.get().copied()
    }

    fn hook(&self) -> std::sync::MutexGuard<'_, Option<FlipHook>> {
        self.0.flip_hook.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (done, total) = self.counts();
        f.debug_struct("Progress")
            .field("step", &self.current_step())
            .field("done", &done)
            .field("total", &total)
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}
