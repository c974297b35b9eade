//! One writer at a time: who changes the inventory holds the turn.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::StoreError;
use crate::job::Progress;

/// How long a change waits for its turn before it is answered "busy". Small changes take a
/// millisecond; only an import holds the turn for longer.
pub const TURN_WAIT_MAX: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    given_back: Condvar,
    idle: Condvar,
}

#[derive(Default)]
struct State {
    taken: bool,
    waiting: usize,
}

impl State {
    fn is_idle(&self) -> bool {
        !self.taken && self.waiting == 0
    }
}

/// How soon a cancellation is noticed by an operation that waits for its turn.
const CANCEL_LOOK_EVERY: Duration = Duration::from_millis(50);

/// Held by the one who changes the inventory; given back when dropped.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for the turn.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when it does not come within [`TURN_WAIT_MAX`].
    pub fn take(&self) -> Result<Turn<'_>, StoreError> {
        self.take_unless_cancelled(&Progress::detached(), TURN_WAIT_MAX)
    }

    /// Waits for the turn, and looks every `look_every` whether the operation was cancelled.
    ///
    /// # Errors
    /// [`StoreError::Busy`] as for [`take`](Self::take); [`StoreError::Cancelled`].
    fn take_unless_cancelled(
        &self,
        progress: &Progress,
        look_every: Duration,
    ) -> Result<Turn<'_>, StoreError> {
        let until = Instant::now() + TURN_WAIT_MAX;
        let mut state = self.lock();
        state.waiting += 1;
        while state.taken {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.waiting -= 1;
                return Err(StoreError::Busy);
            }
            let waited = self.given_back.wait_timeout(state, left.min(look_every));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if let Err(cancelled) = progress.check() {
                state.waiting -= 1;
                // The turn may have been offered to this one alone.
                self.given_back.notify_one();
                return Err(cancelled.into());
            }
        }
        state.waiting -= 1;
        state.taken = true;
        Ok(Turn(self))
    }

    /// Waits for the turn of an operation that can be cancelled meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Busy`] as for [`take`](Self::take); [`StoreError::Cancelled`].
    pub fn take_for(&self, progress: &Progress) -> Result<Turn<'_>, StoreError> {
        self.take_unless_cancelled(progress, CANCEL_LOOK_EVERY)
    }

    /// Returns when nobody has the turn or waits for it, or when it takes too long.
    pub fn wait_until_idle(&self, wait_max: Duration) {
        let busy = |state: &mut State| !state.is_idle();
        // Which of the two it was makes no difference.
        let _ = self.idle.wait_timeout_while(self.lock(), wait_max, busy);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.taken = false;
        if state.is_idle() {
            self.0.idle.notify_all();
        }
        drop(state);
        self.0.given_back.notify_one();
    }
}
