//! Whether the client of a read still waits for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// The presence of a client. The copies of one value are about the same client.
#[derive(Clone, Debug, Default)]
pub struct ClientPresence {
    has_left: Arc<AtomicBool>,
}

impl ClientPresence {
    /// Notes that nobody waits for the result any more. A search ends at its next record.
    pub fn leave(&self) {
        self.has_left.store(true, Ordering::Relaxed);
    }

    /// Returns whether the client has left.
    pub fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Relaxed)
    }
}
