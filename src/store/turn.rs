//! One writer at a time: who changes the inventory holds the turn.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::StoreError;

/// How long a change waits for its turn before it is answered "busy". Small changes take a
/// millisecond; only an import holds the turn for longer.
pub const TURN_WAIT_MAX: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Turns {
    taken: Mutex<bool>,
    given_back: Condvar,
}

/// Held by the one who changes the inventory; given back when dropped.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for the turn.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when it does not come within [`TURN_WAIT_MAX`].
    pub fn take(&self) -> Result<Turn<'_>, StoreError> {
        let until = Instant::now() + TURN_WAIT_MAX;
        let mut taken = self.lock();
        while *taken {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Busy);
            }
            let waited = self.given_back.wait_timeout(taken, left);
            taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *taken = true;
        Ok(Turn(self))
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.lock() = false;
        self.0.given_back.notify_one();
    }
}
