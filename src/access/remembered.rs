//! Remembers correct passwords, so that the next call of a script does not take 190 ms for argon2
//! again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// How long a password is remembered: long enough for a script, and short enough that a stolen
/// memory dump is of little use.
const REMEMBERED_FOR: Duration = Duration::from_secs(5 * 60);

/// The most users in memory, which take about 100 KB. One more replaces the user whose time ends
/// first.
const REMEMBERED_USERS_MAX: usize = 1024;

const KEY_BYTES: usize = 32;

/// Proofs of correct passwords, by user name.
///
/// A proof is an HMAC-SHA256 of the name, the password and the stored hash, with a random key of this
/// process. It reveals nothing about the password without the key, and it becomes invalid when the
/// stored hash changes.
pub(super) struct Remembered {
    key: Zeroizing<[u8; KEY_BYTES]>,
    proofs: Mutex<HashMap<String, Proof>>,
}

struct Proof {
    mac: Hmac<Sha256>,
    until: Instant,
}

impl Remembered {
    /// An empty memory with a new key.
    ///
    /// # Errors
    /// An I/O error if the system provides no random numbers.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        crate::disk::fill_random(key.as_mut())?;
        Ok(Self { key, proofs: Mutex::default() })
    }

    /// Returns whether the password was correct for this hash a short time ago.
    pub(super) fn knows(&self, name: &str, password: &str, phc: &str, now: Instant) -> bool {
        let Some(claim) = self.mac(name, password, phc) else { return false };
        let claim = claim.finalize().into_bytes();
        let proofs = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        // `verify` compares in constant time.
        proofs
            .get(name)
            .is_some_and(|proof| proof.until > now && proof.mac.clone().verify(&claim).is_ok())
    }

    /// Remembers that the password is correct for this hash.
    pub(super) fn remember(&self, name: &str, password: &str, phc: &str, now: Instant) {
        let Some(mac) = self.mac(name, password, phc) else { return };
        let mut proofs = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        if proofs.len() >= REMEMBERED_USERS_MAX && !proofs.contains_key(name) {
            proofs.retain(|_, proof| proof.until > now);
            let first = proofs.iter().min_by_key(|(_, proof)| proof.until);
            if let Some(first) = first.map(|(name, _)| name.clone())
                && proofs.len() >= REMEMBERED_USERS_MAX
            {
                proofs.remove(&first);
            }
        }
        proofs.insert(name.to_owned(), Proof { mac, until: now + REMEMBERED_FOR });
    }

    /// Always `Some`: HMAC takes keys of any length. `None` would only cost another check.
    fn mac(&self, name: &str, password: &str, phc: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_ref()).ok()?;
        // The lengths distinguish ("ab", "c") from ("a", "bc").
        for part in [name, password, phc] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_valid_for_one_name_password_and_hash() {
        let (memory, now) = (Remembered::new().unwrap(), Instant::now());
        memory.remember("alice", "right", "hash", now);
        assert!(memory.knows("alice", "right", "hash", now));
        assert!(!memory.knows("alice", "wrong", "hash", now));
        assert!(!memory.knows("alice", "right", "new hash", now));
        assert!(!memory.knows("alic", "eright", "hash", now));
        assert!(!memory.knows("bob", "right", "hash", now));
    }

    #[test]
    fn a_proof_expires() {
        let (memory, now) = (Remembered::new().unwrap(), Instant::now());
        memory.remember("alice", "right", "hash", now);
        assert!(memory.knows("alice", "right", "hash", now + REMEMBERED_FOR / 2));
        assert!(!memory.knows("alice", "right", "hash", now + REMEMBERED_FOR));
    }

    #[test]
    fn the_memory_is_bounded_and_replaces_the_oldest() {
        let (memory, now) = (Remembered::new().unwrap(), Instant::now());
        for number in 0..=REMEMBERED_USERS_MAX {
            let later = now + Duration::from_millis(number as u64);
            memory.remember(&number.to_string(), "right", "hash", later);
        }
        assert_eq!(memory.proofs.lock().unwrap().len(), REMEMBERED_USERS_MAX);
        assert!(!memory.knows("0", "right", "hash", now));
        assert!(memory.knows("1", "right", "hash", now));
    }
}
