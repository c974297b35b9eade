//! Imports that are written as one change: one transaction instead of a new generation.

use super::{LockedStore, Origin, StoreError, Transaction};
use crate::job::{ImportedState, Progress};

/// The result of [`LockedStore::change`].
pub enum OneChange<'s, T> {
    /// The change is durable, with the output of the closure that made it.
    Done(T),
    /// The change does not fit into a transaction. Nothing was changed, and the lock is still held.
    TooLarge(LockedStore<'s>),
}

impl<'s> LockedStore<'s> {
    /// Writes an import as one change, which the history keeps with its origin. `make` returns `None`
    /// if the change does not fit into a transaction: see [`Transaction::is_large`].
    ///
    /// # Errors
    /// On every error of `make` the inventory stays unchanged.
    /// - The error of `make`.
    /// - [`StoreError::Cancelled`] if the operation is cancelled before the change is committed.
    /// - [`StoreError::Busy`] if snapshots hold too many old values for too long.
    /// - [`StoreError::DiskFull`] or [`StoreError::FileSizeLimit`] if the change cannot be written.
    /// - [`StoreError::ReadOnly`] if a write failed in another way, now or earlier.
    pub fn change<T, X: From<StoreError>>(
        self,
        origin: &Origin,
        progress: &Progress,
        make: impl FnOnce(&mut Transaction<'_>) -> Result<Option<T>, X>,
    ) -> Result<OneChange<'s, T>, X> {
        let Self { guard, store } = self;
        let current = store.writable()?;
        store.snapshots.wait_for_space()?;
        let mut pending = current.committer.pending();
        let mut transaction = Transaction::new(&current.generation, &store.vault, origin, &pending);
        let Some(output) = make(&mut transaction)? else {
            return Ok(OneChange::TooLarge(Self { guard, store }));
        };
        let Some(changed) = transaction.finish()? else { return Ok(OneChange::Done(output)) };
        if changed.is_large {
            return Ok(OneChange::TooLarge(Self { guard, store }));
        }
        let bytes = pending.bytes() + changed.bytes();
        store.require_space(&current.generation, bytes)?;
        let version = changed.summary.version;
        let generation = current.generation.number;
        // After this call the import cannot be cancelled any more.
        progress
            .begin_flip(ImportedState::Change { generation, version })
            .map_err(StoreError::from)?;
        pending.add(changed);
        let ticket = current.committer.request();
        drop(pending);
        // The next change does not wait for this commit: it can share it.
        drop(guard);
        current.committer.wait(ticket)?;
        Ok(OneChange::Done(output))
    }
}
