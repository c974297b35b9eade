//! The snapshot of a backup: records, long texts and the history of one moment.

use super::{
    HistoryChange, HistoryView, KeptTextVersion, LiveView, Snapshot, Store, StoreError,
    history::{HistoryHold, KeptTextEntry},
    snapshot::SnapshotScope,
};

/// The inventory and its history at one moment. Later changes are not visible in it. The history is not
/// trimmed until it is dropped.
pub struct BackupSnapshot<'s> {
    snapshot: Snapshot,
    history: HistoryView,
    _hold: HistoryHold<'s>,
}

impl Store {
    /// Returns a snapshot of the records, the long texts and the history.
    ///
    /// # Errors
    /// - [`StoreError::Reopening`] while the database cannot be opened after a failed write.
    /// - [`StoreError::Io`] or [`StoreError::Database`] if the archive of the history cannot be opened.
    pub fn backup_snapshot(&self) -> Result<BackupSnapshot<'_>, StoreError> {
        let hold = self.history_holds.hold();
        let snapshot = self.snapshot_of(SnapshotScope::RecordsAndTexts)?;
        // The generation first: what it replaced is in the archive by then.
        let archive = self.archive.database()?;
        let generation = snapshot.generation().clone();
        let view = LiveView::new(Ok(generation.clone()), self.vault.clone());
        let history = HistoryView::new(generation, archive, view);
        Ok(BackupSnapshot { snapshot, history, _hold: hold })
    }
}

impl BackupSnapshot<'_> {
    /// The records.
    pub fn records(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The number of the last change.
    pub fn number(&self) -> u64 {
        self.snapshot.summary().version
    }

    /// The earlier values of the history. It also has changes after the snapshot, which
    /// [`changes`](Self::changes) does not return.
    pub fn history(&self) -> &HistoryView {
        &self.history
    }

    /// Calls `each` with the device, the property and the text of all long texts, sorted by device and
    /// property.
    ///
    /// # Errors
    /// - The first error of `each`.
    /// - [`StoreError::Damaged`] if a text cannot be read, or if the content hash of the texts is wrong.
    pub fn each_text<X: From<StoreError>>(
        &self,
        each: impl FnMut(&str, &str, &str) -> Result<(), X>,
    ) -> Result<(), X> {
        self.snapshot.each_text(each)
    }

    /// Returns the earlier texts that the archive keeps.
    pub fn kept_texts(&self) -> impl Iterator<Item = Result<KeptTextVersion, StoreError>> {
        let number_max = self.number();
        let kept = self.history.all_kept_texts();
        let kept = kept.filter(move |kept| match kept {
            Ok(kept) => kept.number <= number_max,
            Err(_) => true,
        });
        kept.map(|kept| kept.and_then(KeptTextEntry::version))
    }

    /// Returns the changes with their touched values, the oldest first.
    pub fn changes(&self) -> impl Iterator<Item = Result<HistoryChange, StoreError>> {
        let number_max = self.number();
        let heads = self.history.changes_after(0);
        let heads = heads.take_while(move |head| match head {
            Ok(head) => head.number <= number_max,
            Err(_) => true,
        });
        heads.filter_map(|head| {
            let number = match head {
                Ok(head) => head.number,
                Err(error) => return Some(Err(error)),
            };
            self.history.change(number).transpose()
        })
    }
}
