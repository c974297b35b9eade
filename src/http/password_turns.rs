//! Turns of equal password checks: a burst of first logins of one user costs one check.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError, Weak};

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::access::Credentials;

/// The number of entries from which ended ones are removed.
const KEPT_MAX: usize = 64;

/// The turns of checks that run. One for the process.
#[derive(Default)]
pub(super) struct PasswordTurns {
    hasher: RandomState,
    turns: SyncMutex<HashMap<u64, Weak<Mutex<()>>>>,
}

impl PasswordTurns {
    /// Waits until no other request checks the same name and password. The result of the check before is in
    /// the cache then, so a correct password is not checked again. The wait takes no place in the queue of
    /// password checks.
    pub(super) async fn wait(&self, credentials: &Credentials) -> OwnedMutexGuard<()> {
        self.turn(credentials).lock_owned().await
    }

    fn turn(&self, credentials: &Credentials) -> Arc<Mutex<()>> {
        // Two logins with the same hash only wait for each other.
        let key = self.hasher.hash_one((&credentials.name, &*credentials.password));
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&key).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= KEPT_MAX {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::default();
        turns.insert(key, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn credentials(name: &str, password: &str) -> Credentials {
        Credentials { name: name.to_owned(), password: Zeroizing::new(password.to_owned()) }
    }

    #[tokio::test]
    async fn equal_logins_wait_for_each_other_and_others_do_not() {
        let turns = PasswordTurns::default();
        let alice = credentials("é>b", "right");
        let held = turns.wait(&alice).await;
        assert!(turns.turn(&alice).try_lock().is_err());
        drop(turns.wait(&credentials("é>b", "wrong")).await);
        drop(turns.wait(&credentials("bob", "right")).await);
        drop(held);
        drop(turns.wait(&alice).await);
        for number in 0..1000 {
            drop(turns.wait(&credentials(&number.to_string(), "x")).await);
        }
        assert!(turns.turns.lock().unwrap().len() <= KEPT_MAX);
    }
}
