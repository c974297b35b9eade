//! The memory that request bodies use: limited in all, and for each user.
//!
//! Each byte is charged when it arrives, so that many bodies that never end use no more than the limits.
//! The values that are read from a body are charged too: they need more memory than their text.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

const MIB: usize = 1024 * 1024;

/// The memory of all bodies, in bytes.
const ALL_BYTES_MAX: usize = 512 * MIB;

/// The memory of the bodies of one user, in bytes: one of the largest bodies (64 MiB, in a buffer that is
/// up to a quarter larger) with the values that are read from it
/// ([`JSON_BYTES_MAX`](crate::codec::json::JSON_BYTES_MAX)).
const HOLDER_BYTES_MAX: usize = 352 * MIB;

/// The user to whom the memory of a body is charged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// A user who is logged in.
    User(String),
    /// The address of a client without a login.
    Address(IpAddr),
}

/// The memory that all bodies use. One for the process.
#[derive(Clone, Default)]
pub(super) struct BodyMemory(Arc<Mutex<Used>>);

#[derive(Default)]
struct Used {
    all: usize,
    of_holders: HashMap<Holder, usize>,
}

/// The limit that a body would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MemoryLimit {
    /// Of one user or address.
    #[error("the request bodies that you have sent at the same time need too much memory")]
    OfHolder,
    /// Of all.
    #[error("the request bodies of all users need too much memory now")]
    OfAll,
}

impl BodyMemory {
    /// A share of the memory for one body, which is empty yet.
    pub(super) fn share(&self, holder: Holder) -> Share {
        Share { memory: self.clone(), holder, bytes: 0 }
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The share of one body, released when this is dropped.
pub(super) struct Share {
    memory: BodyMemory,
    holder: Holder,
    bytes: usize,
}

impl Share {
    /// Changes the size of the share. Does not wait: two bodies that wait for each other's memory would
    /// wait forever.
    ///
    /// # Errors
    /// [`MemoryLimit`]; then the share stays as it is. A smaller share is never refused.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), MemoryLimit> {
        let mut used = self.memory.used();
        let own = used.of_holders.get(&self.holder).copied().unwrap_or_default();
        let (own, all) = (own - self.bytes + bytes, used.all - self.bytes + bytes);
        if bytes > self.bytes && own > HOLDER_BYTES_MAX {
            return Err(MemoryLimit::OfHolder);
        }
        if bytes > self.bytes && all > ALL_BYTES_MAX {
            return Err(MemoryLimit::OfAll);
        }
        used.all = all;
        if own == 0 {
            used.of_holders.remove(&self.holder);
        } else {
            used.of_holders.insert(self.holder.clone(), own);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Adds to the share, as [`set`](Self::set).
    ///
    /// # Errors
    /// [`MemoryLimit`]
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), MemoryLimit> {
        self.set(self.bytes + bytes)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // A smaller share is never refused.
        let _ = self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_a_user_and_of_all_users_share_memory_and_release_it() {
        let memory = BodyMemory::default();
        let user = |name: &str| Holder::User(name.to_owned());
        let mut large = memory.share(user("é>b"));
        large.set(HOLDER_BYTES_MAX - MIB).unwrap();
        let mut second = memory.share(user("é>b"));
        second.set(MIB).unwrap();
        assert_eq!(second.add(1), Err(MemoryLimit::OfHolder));
        let mut other = memory.share(Holder::Address([192, 0, 2, 1].into()));
        assert_eq!(other.set(ALL_BYTES_MAX - HOLDER_BYTES_MAX + 1), Err(MemoryLimit::OfAll));
        other.set(ALL_BYTES_MAX - HOLDER_BYTES_MAX).unwrap();
        // A refused change leaves the share as it is, and a smaller one is not refused.
        large.set(MIB).unwrap();
        second.set(MIB + 1).unwrap();
        drop((large, second, other));
        assert_eq!(memory.used().all, 0);
        assert!(memory.used().of_holders.is_empty());
    }
}
