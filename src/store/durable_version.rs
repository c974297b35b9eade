//! The number of the last durable change, and a signal to those who wait for the next one.

use tokio::sync::watch;

/// The number of the last durable change of the inventory. It only grows.
pub(super) struct DurableVersion(watch::Sender<u64>);

impl DurableVersion {
    /// Begins at the last change of an opened inventory.
    pub(super) fn new(version: u64) -> Self {
        Self(watch::Sender::new(version))
    }

    /// Notes that all changes up to this number are durable, and wakes those who wait.
    pub(super) fn note(&self, version: u64) {
        self.0.send_if_modified(|last| {
            let has_grown = version > *last;
            *last = version.max(*last);
            has_grown
        });
    }

    /// Returns the number as a value that can be awaited.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
