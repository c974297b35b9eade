//! The memory of passwords that were right, so that a script's second call does not pay 190 ms
//! for argon2 again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// How long a check is good for. Long enough for a script, short enough that a stolen core file
/// is worth little.
const REMEMBERED_FOR: Duration = Duration::from_secs(5 * 60);

/// Users remembered at the same time; the one whose time ends first makes room. 1,024 take about
/// 100 KB.
const REMEMBERED_USERS_MAX: usize = 1024;

const KEY_BYTES: usize = 32;

/// Proofs of right passwords, by user name.
///
/// A proof is an HMAC-SHA256, under a key of this process, of the name, the password and the
/// stored hash. So it says nothing about the password to whoever has no key, and it stops being
/// one by itself when the user's hash changes.
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
    /// The system gives no random numbers.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        crate::disk::fill_random(key.as_mut())?;
        Ok(Self { key, proofs: Mutex::default() })
    }

    /// Whether this password was right for this hash a short time ago.
    pub(super) fn knows(&self, name: &str, password: &str, phc: &str, now: Instant) -> bool {
        let Some(claim) = self.mac(name, password, phc) else { return false };
        let claim = claim.finalize().into_bytes();
        let proofs = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        // `verify` compares in constant time.
        proofs
            .get(name)
            .is_some_and(|proof| proof.until > now && proof.mac.clone().verify(&claim).is_ok())
    }

    /// Notes that this password is right for this hash.
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

    /// None never happens: HMAC takes keys of any length. It is no reason to panic either.
    fn mac(&self, name: &str, password: &str, phc: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_ref()).ok()?;
        // The lengths keep ("ab", "c") and ("a", "bc") apart.
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
    fn a_proof_holds_for_one_name_password_and_hash() {
        let (memory, now) = (Remembered::new().unwrap(), Instant::now());
        memory.remember("alice", "right", "hash", now);
        assert!(memory.knows("alice", "right", "hash", now));
        assert!(!memory.knows("alice", "wrong", "hash", now));
        assert!(!memory.knows("alice", "right", "new hash", now));
        assert!(!memory.knows("alic", "eright", "hash", now));
        assert!(!memory.knows("bob", "right", "hash", now));
    }

    #[test]
    fn a_proof_ends_after_its_time() {
        let (memory, now) = (Remembered::new().unwrap(), Instant::now());
        memory.remember("alice", "right", "hash", now);
        assert!(memory.knows("alice", "right", "hash", now + REMEMBERED_FOR / 2));
        assert!(!memory.knows("alice", "right", "hash", now + REMEMBERED_FOR));
    }

    #[test]
    fn the_memory_is_bounded_and_the_oldest_goes_first() {
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
