//! Holds of the history: a backup reads it from its first change, so nothing is trimmed meanwhile.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};

/// The holds of one store.
#[derive(Default)]
pub(in crate::store) struct HistoryHolds(RwLock<()>);

/// A hold. The history is not trimmed until it is dropped.
pub(in crate::store) struct HistoryHold<'h> {
    _guard: RwLockReadGuard<'h, ()>,
}

/// The permission to trim the history. No hold begins until it is dropped.
pub(super) struct Trimming<'h> {
    _guard: RwLockWriteGuard<'h, ()>,
}

impl HistoryHolds {
    /// Begins a hold. Waits until a step of trimming has ended.
    pub(in crate::store) fn hold(&self) -> HistoryHold<'_> {
        HistoryHold { _guard: self.0.read().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Begins a step of trimming. `None` while the history is held: it is trimmed later.
    pub(super) fn try_trim(&self) -> Option<Trimming<'_>> {
        match self.0.try_write() {
            Ok(guard) => Some(Trimming { _guard: guard }),
            Err(TryLockError::Poisoned(poisoned)) => {
                Some(Trimming { _guard: poisoned.into_inner() })
            }
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_trimmed_while_the_history_is_held() {
        let holds = HistoryHolds::default();
        let (one, two) = (holds.hold(), holds.hold());
        assert!(holds.try_trim().is_none());
        drop(one);
        assert!(holds.try_trim().is_none());
        drop(two);
        assert!(holds.try_trim().is_some());
    }
}
