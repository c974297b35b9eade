//! The thread that trims the history.

use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{cutoff::HistoryLimits, trim::Trimmed};
use crate::store::{Store, StoreError};
use crate::wording::Chain;

/// The time between two checks of the limits.
const CHECK_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// The time between two passes over the kept texts, which find those of devices that an import deleted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The time between two steps, so that other changes continue.
const STEP_INTERVAL: Duration = Duration::from_millis(50);

/// The passes over the kept texts.
struct TextSweep {
    /// The key at which the next step begins.
    next: Vec<u8>,
    /// When the next step is due.
    due: Instant,
}

impl TextSweep {
    /// Does the next step if it is due. Returns the time to wait before the next call.
    fn step(&mut self, store: &Store) -> Result<Duration, StoreError> {
        if Instant::now() < self.due {
            return Ok(CHECK_INTERVAL);
        }
        if let Some(next) = store.sweep_texts(&self.next)? {
            self.next = next;
            return Ok(STEP_INTERVAL);
        }
        *self = Self { next: Vec::new(), due: Instant::now() + SWEEP_INTERVAL };
        Ok(CHECK_INTERVAL)
    }
}

/// Trims the history of a store in the background until it is dropped.
pub struct HistoryTrimmer {
    /// `None` only while it is dropped.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HistoryTrimmer {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the thread cannot be started.
    pub fn start(store: Arc<Store>, limits: HistoryLimits) -> Result<Self, StoreError> {
        let (stop, stopped) = mpsc::channel::<()>();
        let run = move || {
            let mut wait = STEP_INTERVAL;
            let mut sweep = TextSweep { next: Vec::new(), due: Instant::now() };
            // The sender is dropped when the thread is to end.
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(wait) {
                let step = match store.trim_history(&limits) {
                    Ok(Trimmed::Removed(changes)) => {
                        tracing::debug!(changes, "Old changes were removed from the history.");
                        Ok(STEP_INTERVAL)
                    }
                    Ok(Trimmed::Complete) => sweep.step(&store),
                    Err(error) => Err(error),
                };
                wait = match step {
                    Ok(wait) => wait,
                    Err(error) => {
                        tracing::warn!(error = %Chain(&error), "Cannot trim the history. The next attempt follows in some minutes.");
                        CHECK_INTERVAL
                    }
                };
            }
        };
        let thread = thread::Builder::new()
            .name("history-trimmer".to_owned())
            .spawn(run)
            .map_err(StoreError::io("starting a thread"))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for HistoryTrimmer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread must not prevent the end of the server.
            let _ = thread.join();
        }
    }
}
