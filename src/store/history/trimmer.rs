//! The thread that trims the history.

use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{cutoff::HistoryLimits, trim::Trimmed};
use crate::store::{Store, StoreError};
use crate::wording::Chain;

/// The time between two checks of the limits.
const CHECK_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// The time between two steps, so that other changes continue.
const STEP_INTERVAL: Duration = Duration::from_millis(50);

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
            // The sender is dropped when the thread is to end.
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(wait) {
                wait = match store.trim_history(&limits) {
                    Ok(Trimmed::Removed(changes)) => {
                        tracing::debug!(changes, "Old changes were removed from the history.");
                        STEP_INTERVAL
                    }
                    Ok(Trimmed::Complete) => CHECK_INTERVAL,
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
