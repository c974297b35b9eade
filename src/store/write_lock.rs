//! The write lock: one change of the inventory at a time.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::StoreError;
use crate::job::Progress;

/// The time for which a change waits for the write lock before it fails with [`StoreError::Busy`].
/// A small change holds the lock for about a millisecond; only an import holds it for longer.
pub const WRITE_LOCK_WAIT_MAX: Duration = Duration::from_secs(30);

/// The interval at which an operation that waits for the lock checks whether it was cancelled.
const CANCEL_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// The write lock of a store.
#[derive(Default)]
pub(super) struct WriteLock {
    state: Mutex<WriteLockState>,
    released: Condvar,
    idle: Condvar,
}

#[derive(Default)]
struct WriteLockState {
    is_held: bool,
    waiting: usize,
}

impl WriteLockState {
    fn is_idle(&self) -> bool {
        !self.is_held && self.waiting == 0
    }
}

/// Holds the write lock, and releases it on drop.
pub(super) struct WriteGuard<'a>(&'a WriteLock);

impl WriteLock {
    /// Waits for the lock.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if the lock is not free within [`WRITE_LOCK_WAIT_MAX`].
    pub(super) fn lock(&self) -> Result<WriteGuard<'_>, StoreError> {
        self.lock_unless_cancelled(&Progress::detached(), WRITE_LOCK_WAIT_MAX)
    }

    /// Waits for the lock on behalf of an operation that can be cancelled.
    ///
    /// # Errors
    /// - [`StoreError::Busy`] as for [`lock`](Self::lock).
    /// - [`StoreError::Cancelled`] if the operation is cancelled while it waits.
    pub(super) fn lock_for(&self, progress: &Progress) -> Result<WriteGuard<'_>, StoreError> {
        self.lock_unless_cancelled(progress, CANCEL_CHECK_INTERVAL)
    }

    fn lock_unless_cancelled(
        &self,
        progress: &Progress,
        check_interval: Duration,
    ) -> Result<WriteGuard<'_>, StoreError> {
        let deadline = Instant::now() + WRITE_LOCK_WAIT_MAX;
        let mut state = self.state();
        state.waiting += 1;
        while state.is_held {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.waiting -= 1;
                return Err(StoreError::Busy);
            }
            let waited = self.released.wait_timeout(state, left.min(check_interval));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if let Err(cancelled) = progress.check() {
                state.waiting -= 1;
                // The release may have woken this thread alone: wake the next one.
                self.released.notify_one();
                return Err(cancelled.into());
            }
        }
        state.waiting -= 1;
        state.is_held = true;
        Ok(WriteGuard(self))
    }

    /// Returns when no thread holds the lock or waits for it, or after `wait_max`.
    pub(super) fn wait_until_idle(&self, wait_max: Duration) {
        let is_busy = |state: &mut WriteLockState| !state.is_idle();
        // The caller continues in both cases.
        let _ = self.idle.wait_timeout_while(self.state(), wait_max, is_busy);
    }

    fn state(&self) -> MutexGuard<'_, WriteLockState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_held = false;
        if state.is_idle() {
            self.0.idle.notify_all();
        }
        drop(state);
        self.0.released.notify_one();
    }
}
