//! The live view of a generation, for readers that do not need a consistent state.

use std::sync::Arc;

use super::{
    Raw, Referrer, StoreError, Stored, StoredText, Summary, Vault, committer::CommitFailure,
    generation::Generation, references, tree_id::TreeId, trees::Trees,
};
use crate::model::{AnyRecord, Entity, Kind, Record, Side, Target};

/// A live view of one generation: it shows small changes as soon as they are applied.
pub struct LiveView {
    generation: Result<Arc<Generation>, CommitFailure>,
    vault: Arc<Vault>,
}

impl LiveView {
    /// Creates a view of a generation. Without a generation, every read returns the given failure.
    pub(super) fn new(
        generation: Result<Arc<Generation>, CommitFailure>,
        vault: Arc<Vault>,
    ) -> Self {
        Self { generation, vault }
    }

    pub(super) fn generation(&self) -> Result<&Generation, StoreError> {
        self.generation.as_deref().map_err(CommitFailure::to_read_error)
    }

    pub(super) fn trees(&self) -> Result<Trees<'_>, StoreError> {
        Ok(self.generation()?.trees())
    }

    /// Returns a record.
    pub fn get<E: Entity>(&self, name: &str) -> Result<Option<Stored<E>>, StoreError> {
        self.trees()?.get(name)
    }

    /// Returns a record of a kind that is not known at compile time.
    pub fn get_any(&self, kind: Kind, name: &str) -> Result<Option<Stored<AnyRecord>>, StoreError> {
        self.trees()?.get_any(kind, name)
    }

    /// Returns a record as bytes.
    pub fn get_raw(&self, kind: Kind, name: &str) -> Result<Option<Raw>, StoreError> {
        self.trees()?.raw(kind, name.as_bytes())
    }

    /// Returns whether a record exists.
    pub fn contains(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        self.trees()?.contains(kind, name)
    }

    /// Returns all records of a kind, sorted by name.
    pub fn scan<E: Entity>(&self) -> impl Iterator<Item = Result<Stored<E>, StoreError>> {
        self.scan_raw(E::KIND).map(|entry| entry.and_then(|(name, raw)| Stored::read(&name, &raw)))
    }

    /// Returns all records of a kind as bytes, sorted by name.
    pub fn scan_raw(&self, kind: Kind) -> impl Iterator<Item = Result<(Vec<u8>, Raw), StoreError>> {
        let (trees, failure) = match self.trees() {
            Ok(trees) => (Some(trees), None),
            Err(failure) => (None, Some(failure)),
        };
        let records = trees.into_iter().flat_map(move |trees| {
            trees.scan(kind).filter_map(move |entry| match entry {
                Err(error) => Some(Err(error)),
                Ok((name, Some(raw))) => Some(Ok((name.to_vec(), raw))),
                // It was replaced meanwhile: read its new value, unless it was removed.
                Ok((name, None)) => match trees.raw(kind, &name) {
                    Ok(raw) => raw.map(|raw| Ok((name.to_vec(), raw))),
                    Err(error) => Some(Err(error)),
                },
            })
        });
        failure.map(Err).into_iter().chain(records)
    }

    /// Returns the names of a computed pool's members, sorted by ordinal. `pool` is the ordinal of the
    /// pool's record.
    pub fn members(&self, pool: u64, side: Side) -> Result<Vec<String>, StoreError> {
        self.trees()?.members(pool, side)
    }

    /// Calls `each` with each of the [`members`](Self::members).
    ///
    /// # Errors
    /// The first error of `each`; [`StoreError::Damaged`] if the list cannot be read.
    pub fn each_member<X: From<StoreError>>(
        &self,
        pool: u64,
        side: Side,
        each: impl FnMut(&str) -> Result<(), X>,
    ) -> Result<(), X> {
        self.trees()?.each_member(pool, side, each)
    }

    /// Returns the number of a computed pool's members.
    pub fn member_count(&self, pool: u64, side: Side) -> Result<u64, StoreError> {
        self.trees()?.member_count(pool, side)
    }

    /// Returns a long text of a device, such as its configuration.
    pub fn text(&self, device: &str, property: &str) -> Result<Option<StoredText>, StoreError> {
        self.trees()?.text(device, property)
    }

    /// Returns the properties of a device's long texts.
    pub fn texts(&self, device: &str) -> Result<Vec<String>, StoreError> {
        self.trees()?.texts(device)
    }

    /// Returns the number of all long texts.
    pub fn text_count(&self) -> Result<u64, StoreError> {
        let mut count = 0;
        for entry in self.trees()?.tree(TreeId::Texts).prefix(&[]) {
            entry?;
            count += 1;
        }
        Ok(count)
    }

    /// The counts and versions after all changes that this view shows, durable or not.
    pub fn summary(&self) -> Result<Arc<Summary>, StoreError> {
        Ok(self.generation()?.summary())
    }

    /// The counts and versions after the durable changes.
    pub fn durable_summary(&self) -> Result<Arc<Summary>, StoreError> {
        Ok(self.generation()?.durable_summary())
    }

    /// Returns the records that refer to the target.
    pub fn referrers(&self, target: Target, name: &str) -> Result<Vec<Referrer>, StoreError> {
        self.trees()?.referrers(target, name)
    }

    /// Calls `each` with the kind, the relation and the name of each of the
    /// [`referrers`](Self::referrers), sorted by these and without copying them.
    pub fn each_referrer(
        &self,
        target: Target,
        name: &str,
        each: impl FnMut(Kind, &str, &str),
    ) -> Result<(), StoreError> {
        self.trees()?.each_referrer(target, name, each)
    }

    /// Calls `each` with the target key and the posting of every reference, sorted, for
    /// [`parse_target_key`](super::parse_target_key) and [`parse_posting`](super::parse_posting).
    ///
    /// # Errors
    /// The first error of `each`; [`StoreError::Damaged`] if the index cannot be read.
    pub fn each_reference<X: From<StoreError>>(
        &self,
        each: impl FnMut(&[u8], &[u8]) -> Result<(), X>,
    ) -> Result<(), X> {
        references::each_reference(self.trees()?.tree(TreeId::References), each)
    }

    /// Decrypts a record's encrypted secrets.
    ///
    /// # Errors
    /// [`StoreError::UndecryptableSecret`] if a secret was encrypted with another key or is damaged.
    pub fn decrypt_secrets(&self, record: &mut dyn Record) -> Result<(), StoreError> {
        self.vault.decrypt_secrets(record)
    }
}
