//! Caches checked passwords, so that the next call of a script does not take 190 ms for argon2 again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The time for which a correct password is cached: long enough for a script, and short enough that a
/// stolen memory dump is of little use.
pub(super) const CACHED_FOR: Duration = Duration::from_secs(5 * 60);

/// The largest number of users in the cache, which take about 100 KB. A further user replaces the
/// user whose time ends first.
const CACHED_USERS_MAX: usize = 1024;

const KEY_BYTES: usize = 32;

/// The cache of checked passwords, with one entry for each user name.
///
/// An entry is an HMAC-SHA256 of the name, the password and the stored hash, with a random key of this
/// process. It reveals nothing about the password without the key, and it becomes invalid when the
/// stored hash changes.
pub(super) struct PasswordCache {
    key: Zeroizing<[u8; KEY_BYTES]>,
    /// The time for which an entry is valid.
    time: Duration,
    entries: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    mac: Hmac<Sha256>,
    until: Instant,
}

impl PasswordCache {
    /// Returns an empty cache with a new key, whose entries are valid for this time.
    ///
    /// # Errors
    /// An I/O error if the system provides no random numbers.
    pub(super) fn new(time: Duration) -> std::io::Result<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        crate::disk::fill_random(key.as_mut())?;
        Ok(Self { key, time, entries: Mutex::default() })
    }

    /// Returns whether the password was checked for this hash a short time ago.
    pub(super) fn contains(&self, name: &str, password: &str, phc: &str, now: Instant) -> bool {
        let Some(claim) = self.mac(name, password, phc) else { return false };
        let claim = claim.finalize().into_bytes();
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // `verify` compares in constant time.
        entries
            .get(name)
            .is_some_and(|entry| entry.until > now && entry.mac.clone().verify(&claim).is_ok())
    }

    /// Adds a checked password for this hash.
    pub(super) fn insert(&self, name: &str, password: &str, phc: &str, now: Instant) {
        let Some(mac) = self.mac(name, password, phc) else { return };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CACHED_USERS_MAX && !entries.contains_key(name) {
            entries.retain(|_, entry| entry.until > now);
            let first = entries.iter().min_by_key(|(_, entry)| entry.until);
            if let Some(first) = first.map(|(name, _)| name.clone())
                && entries.len() >= CACHED_USERS_MAX
            {
                entries.remove(&first);
            }
        }
        entries.insert(name.to_owned(), Entry { mac, until: now + self.time });
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
    fn an_entry_is_valid_for_one_name_password_and_hash() {
        let (cache, now) = (PasswordCache::new(CACHED_FOR).unwrap(), Instant::now());
        cache.insert("alice", "right", "hash", now);
        assert!(cache.contains("alice", "right", "hash", now));
        assert!(!cache.contains("alice", "wrong", "hash", now));
        assert!(!cache.contains("alice", "right", "new hash", now));
        assert!(!cache.contains("alic", "eright", "hash", now));
        assert!(!cache.contains("bob", "right", "hash", now));
    }

    #[test]
    fn an_entry_expires() {
        let (cache, now) = (PasswordCache::new(CACHED_FOR).unwrap(), Instant::now());
        cache.insert("alice", "right", "hash", now);
        assert!(cache.contains("alice", "right", "hash", now + CACHED_FOR / 2));
        assert!(!cache.contains("alice", "right", "hash", now + CACHED_FOR));
    }

    #[test]
    fn the_cache_is_bounded_and_replaces_the_oldest() {
        let (cache, now) = (PasswordCache::new(CACHED_FOR).unwrap(), Instant::now());
        for number in 0..=CACHED_USERS_MAX {
            let later = now + Duration::from_millis(number as u64);
            cache.insert(&number.to_string(), "right", "hash", later);
        }
        assert_eq!(cache.entries.lock().unwrap().len(), CACHED_USERS_MAX);
        assert!(!cache.contains("0", "right", "hash", now));
        assert!(cache.contains("1", "right", "hash", now));
    }
}
