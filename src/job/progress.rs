//! The handle that an operation reports its progress to, and that cancels it.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

/// What an operation is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It waits until another operation is finished.
    Waiting,
    /// Documents or sheets become records.
    Decoding,
    /// The references are checked.
    Planning,
    /// The records are compared, or written into a new generation.
    Applying,
    /// The members of computed pools are written.
    Pools,
    /// The new generation is written to the disk.
    MakingDurable,
    /// Records become documents or sheets.
    Exporting,
    /// The bundle or workbook is completed.
    Packing,
    /// The records of the inventory are read.
    Reading,
    /// The references and the members of pools are compared with the indexes.
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

/// The answer to a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The operation ends at its next look, and nothing is changed.
    Accepted,
    /// The result is being put in place already, or is in place.
    TooLate,
}

/// No cancellation was asked for, and one would be accepted.
const OPEN: u8 = 0;
/// A cancellation was asked for and accepted.
const CANCELLED: u8 = 1;
/// The result is being put in place: no cancellation is accepted any more.
const CLOSED: u8 = 2;

/// Stands for a total that is not known.
const UNKNOWN: u64 = u64::MAX;

/// Stands for no generation.
const NO_GENERATION: u64 = 0;

/// What is called with the generation that is about to become the current one.
type FlipHook = Box<dyn Fn(u64) + Send + Sync>;

/// The progress of one operation. A clone reports to the same operation.
///
/// Reporting costs two atomic operations, so it can be done for each record.
#[derive(Clone)]
pub struct Progress(Arc<Inner>);

struct Inner {
    /// [`OPEN`], [`CANCELLED`] or [`CLOSED`]. The first change is the last one: whichever comes
    /// first, a cancellation or the flip, keeps the other from happening.
    window: AtomicU8,
    step: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
    generation: AtomicU64,
    cancellation: Notify,
    flip_hook: Mutex<Option<FlipHook>>,
}

impl Progress {
    /// The progress of an operation that is on no list, and that nobody cancels.
    pub fn detached() -> Self {
        Self(Arc::new(Inner {
            window: AtomicU8::new(OPEN),
            step: AtomicU8::new(Step::Waiting as u8),
            done: AtomicU64::new(0),
            total: AtomicU64::new(UNKNOWN),
            generation: AtomicU64::new(NO_GENERATION),
            cancellation: Notify::new(),
            flip_hook: Mutex::new(None),
        }))
    }

    /// Lets `hook` be called at the flip, with the number of the new generation, before the pointer
    /// is turned.
    pub(super) fn on_flip(&self, hook: impl Fn(u64) + Send + Sync + 'static) {
        *self.hook() = Some(Box::new(hook));
    }

    /// Begins a step. `total` is the number of records that it will do, where that is known.
    ///
    /// # Errors
    /// [`Cancelled`]
    pub fn step(&self, step: Step, total: Option<u64>) -> Result<(), Cancelled> {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total.unwrap_or(UNKNOWN), Ordering::Relaxed);
        self.0.step.store(step as u8, Ordering::Release);
        self.check()
    }

    /// Reports that `records` more are done.
    ///
    /// # Errors
    /// [`Cancelled`]
    pub fn advance(&self, records: u64) -> Result<(), Cancelled> {
        self.0.done.fetch_add(records, Ordering::Relaxed);
        self.check()
    }

    /// Ends the operation if it was cancelled.
    ///
    /// # Errors
    /// [`Cancelled`]
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Whether a cancellation was asked for and accepted.
    pub fn is_cancelled(&self) -> bool {
        self.0.window.load(Ordering::Relaxed) == CANCELLED
    }

    /// Asks for the operation to be cancelled. Asking twice is answered as the first time.
    pub fn cancel(&self) -> CancelOutcome {
        let swapped =
            self.0.window.compare_exchange(OPEN, CANCELLED, Ordering::AcqRel, Ordering::Acquire);
        match swapped {
            Ok(_) => {
                // A permit is kept for a waiter that comes later.
                self.0.cancellation.notify_one();
                CancelOutcome::Accepted
            }
            Err(CANCELLED) => CancelOutcome::Accepted,
            Err(_) => CancelOutcome::TooLate,
        }
    }

    /// Waits until the operation is cancelled. For one waiter.
    pub async fn cancelled(&self) {
        if !self.is_cancelled() {
            self.0.cancellation.notified().await;
        }
    }

    /// Decides that the result will be put in place: from here on no cancellation is accepted.
    ///
    /// # Errors
    /// [`Cancelled`] if a cancellation came first.
    pub fn close(&self) -> Result<(), Cancelled> {
        let swapped =
            self.0.window.compare_exchange(OPEN, CLOSED, Ordering::AcqRel, Ordering::Acquire);
        match swapped {
            Ok(_) | Err(CLOSED) => Ok(()),
            Err(_) => Err(Cancelled),
        }
    }

    /// The same as [`close`](Self::close) for a new generation of the inventory, which is noted in
    /// the job's file before the pointer is turned.
    ///
    /// # Errors
    /// [`Cancelled`] if a cancellation came first.
    pub fn begin_flip(&self, generation: u64) -> Result<(), Cancelled> {
        self.close()?;
        self.0.generation.store(generation, Ordering::Release);
        if let Some(hook) = &*self.hook() {
            hook(generation);
        }
        Ok(())
    }

    /// Whether a cancellation would be accepted.
    pub fn is_open(&self) -> bool {
        self.0.window.load(Ordering::Acquire) == OPEN
    }

    /// The step that the operation is at.
    pub fn current_step(&self) -> Step {
        let step = usize::from(self.0.step.load(Ordering::Acquire));
        Step::ALL.get(step).copied().unwrap_or(Step::Waiting)
    }

    /// The records of the step that are done, and how many there are where that is known.
    pub fn counts(&self) -> (u64, Option<u64>) {
        let total = self.0.total.load(Ordering::Relaxed);
        let done = self.0.done.load(Ordering::Relaxed);
        // A step that has just begun has reset only one of the two.
        (done.min(total), Some(total).filter(|total| *total != UNKNOWN))
    }

    /// The generation that was put in place, or was about to be.
    pub fn generation(&self) -> Option<u64> {
        Some(self.0.generation.load(Ordering::Acquire)).filter(|number| *number != NO_GENERATION)
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
