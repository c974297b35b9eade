//! The archive: a database beside the generations with the history of replaced generations.
//!
//! Before a generation is replaced, its changes are copied to the archive, in the order of their
//! numbers. The version of the archive is the number of the last copied change, written in the same
//! transaction as the end of the change. So each change is copied once, and an interrupted copy continues
//! where it ended. A reader takes the changes up to this number from the archive and later ones from the current
//! generation.
//!
//! Each change has an entry of its own in the archive, and all its before-values are in the tree `before`,
//! because the archive has no present values that lead to them.

use std::{
    collections::BTreeMap,
    fs, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;

use super::{
    archive_mark::{self, ArchiveMark},
    chain::ValueChain,
    entry::{ChangeHead, HistoryEnd, StoredBefore, StoredChange, StoredTouched},
    groups::{HistoryTree, parts},
    kept_text::{self, KeptText},
    keys::{before_key, generation_key, owner_of_code},
    loss::{self, ASIDE_PREFIX, HistoryLoss, MISSING_PREFIX},
};
use crate::disk::sync_directory;
use crate::store::{
    DataDirectory, Options, StoreError, Summary, committer,
    directory::ARCHIVE_NUMBER,
    format::{self, Head},
    generation::{Generation, guarded},
    layers::Changes,
    opening::{self, LogEndPolicy},
    seal::{self, Seal},
    tree_id::TreeId,
    trees::ValueOwner,
};
use crate::wording::{Chain, chain};

/// The cache of the archive's database, in bytes. It is read rarely.
const CACHE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The number of entries that ends a transaction of a copy. Larger transactions take more memory and
/// are not faster.
const BATCH_ENTRIES: usize = 2_000;

/// The number of bytes that ends a transaction of a copy.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// The archive of one data directory. Its database is opened when it is needed.
pub(in crate::store) struct Archive {
    directory: Arc<DataDirectory>,
    options: Options,
    database: Mutex<ArchiveState>,
    /// Held while changes are copied or removed.
    writing: Mutex<()>,
}

/// Tells whether the database of the archive is open.
#[derive(Default)]
enum ArchiveState {
    /// Nothing was archived yet, or the archive was not opened yet.
    #[default]
    NotOpened,
    Open(Arc<Generation>),
    /// The archive is damaged or missing. Nothing in the data directory is changed until a new archive
    /// is created.
    Lost(HistoryLoss),
}

impl Archive {
    pub(in crate::store) fn new(directory: Arc<DataDirectory>, options: Options) -> Self {
        let cache_bytes = options.cache_bytes.min(CACHE_BYTES_MAX);
        Self {
            directory,
            options: Options { cache_bytes, ..options },
            database: Mutex::default(),
            writing: Mutex::default(),
        }
    }

    /// Returns the database of the archive. `None` if nothing was archived yet, or if the archive is damaged
    /// or missing: the history then begins later, and the inventory is not affected. The loss is logged once.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(in crate::store) fn database(&self) -> Result<Option<Arc<Generation>>, StoreError> {
        let mut state = self.state();
        self.open_once(&mut state)?;
        Ok(match &*state {
            ArchiveState::Open(database) => Some(database.clone()),
            ArchiveState::NotOpened | ArchiveState::Lost(_) => None,
        })
    }

    fn state(&self) -> MutexGuard<'_, ArchiveState> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_once(&self, state: &mut ArchiveState) -> Result<(), StoreError> {
        if let ArchiveState::NotOpened = state {
            *state = self.open()?;
            if let ArchiveState::Lost(loss) = state {
                tracing::error!("{loss}.");
            }
        }
        Ok(())
    }

    /// Returns the lost parts of the history: those that were noted earlier, and a damaged or missing archive.
    ///
    /// # Errors
    /// As for [`Archive::database`].
    pub(in crate::store) fn losses(&self) -> Result<Vec<HistoryLoss>, StoreError> {
        let mut state = self.state();
        self.open_once(&mut state)?;
        let mut losses = loss::noted(&self.directory)?;
        if let ArchiveState::Lost(loss) = &*state {
            losses.push(loss.clone());
        }
        Ok(losses)
    }

    /// Waits until nothing else writes to the archive.
    pub(in crate::store) fn lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<ArchiveState, StoreError> {
        let path = self.directory.generation(ARCHIVE_NUMBER);
        let mark = ArchiveMark::read(&self.directory)?;
        if !path.is_dir() {
            return Ok(match mark {
                ArchiveMark::Missing => ArchiveState::NotOpened,
                ArchiveMark::Damaged | ArchiveMark::Version(_) => {
                    ArchiveState::Lost(HistoryLoss::Missing { path, version: mark.version() })
                }
            });
        }
        if mark == ArchiveMark::Missing
            && let Seal::Missing = seal::read(&path)?
        {
            // Its creation was interrupted before it held a change.
            return Ok(ArchiveState::NotOpened);
        }
        let opened = opening::open_checked(
            &self.directory,
            ARCHIVE_NUMBER,
            self.options,
            None,
            LogEndPolicy::Keep,
        );
        let generation = match opened {
            Ok(generation) => generation,
            Err(StoreError::InventoryDamaged(damage)) => {
                let detail = damage.findings.join("; ");
                return Ok(ArchiveState::Lost(HistoryLoss::Damaged { path, detail }));
            }
            Err(error @ StoreError::Damaged { .. }) => {
                let detail = chain(&error);
                return Ok(ArchiveState::Lost(HistoryLoss::Damaged { path, detail }));
            }
            Err(error) => return Err(error),
        };
        let found = generation.summary().version;
        if let Some(archived) = mark.version()
            && found < archived
        {
            let detail =
                format!("change {archived} was archived, and its last change is change {found}");
            return Ok(ArchiveState::Lost(HistoryLoss::Damaged { path, detail }));
        }
        if mark != ArchiveMark::Version(found)
            && let Err(error) = archive_mark::write(&self.directory, found)
        {
            tracing::warn!(error = %Chain(&error), "Cannot write the mark of the archive. Loss of the archive might not be detected.");
        }
        Ok(ArchiveState::Open(Arc::new(generation)))
    }

    /// Makes room for a new archive: moves a damaged one aside, and notes a missing one.
    fn set_aside(&self, loss: &HistoryLoss) -> Result<(), StoreError> {
        let seconds = OffsetDateTime::now_utc().unix_timestamp();
        let (path, mark) = (self.directory.path(), self.directory.archive_mark());
        let set_aside = || -> io::Result<()> {
            match loss {
                HistoryLoss::Damaged { path: damaged, .. } => {
                    let aside = path.join(format!("{ASIDE_PREFIX}{seconds}"));
                    fs::rename(damaged, &aside)?;
                    tracing::error!(aside = %aside.display(), "The damaged archive of the history was moved aside.");
                    if mark.exists() {
                        fs::remove_file(&mark)?;
                    }
                }
                HistoryLoss::Missing { .. } => {
                    fs::rename(&mark, path.join(format!("{MISSING_PREFIX}{seconds}")))?;
                }
                HistoryLoss::MovedAside { .. }
                | HistoryLoss::WasMissing { .. }
                | HistoryLoss::CopyMissing { .. } => {}
            }
            sync_directory(path)
        };
        set_aside().map_err(StoreError::io("moving the damaged archive of the history"))
    }

    /// Returns the database of the archive. Creates it if there is none.
    fn create(&self) -> Result<Arc<Generation>, StoreError> {
        // Held until the seal is written, so that nothing else opens the incomplete folder.
        let mut state = self.state();
        self.open_once(&mut state)?;
        match &*state {
            ArchiveState::Open(database) => return Ok(database.clone()),
            ArchiveState::Lost(loss) => self.set_aside(loss)?,
            ArchiveState::NotOpened => {
                let path = self.directory.generation(ARCHIVE_NUMBER);
                if path.is_dir() {
                    fs::remove_dir_all(&path)
                        .map_err(StoreError::io("removing an incomplete archive"))?;
                }
            }
        }
        *state = ArchiveState::NotOpened;
        let created = Generation::create(&self.directory, ARCHIVE_NUMBER, self.options)?;
        created.write_summary()?;
        created.make_durable()?;
        // A folder without a seal is removed.
        seal::write(&created.path(), &created.known())?;
        created.make_durable()?;
        archive_mark::write(&self.directory, created.summary().version)?;
        let created = Arc::new(created);
        *state = ArchiveState::Open(created.clone());
        Ok(created)
    }

    /// The number of the last archived change.
    ///
    /// # Errors
    /// As for [`Archive::database`].
    pub(in crate::store) fn version(&self) -> Result<u64, StoreError> {
        Ok(self.database()?.map_or(0, |database| database.summary().version))
    }

    /// Returns the kept texts with a text key, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if one cannot be read, and as for [`Archive::database`].
    pub(super) fn kept_texts(&self, text_key: &[u8]) -> Result<Vec<(u64, KeptText)>, StoreError> {
        match self.database()? {
            Some(archive) => kept_text::read(archive.trees().tree(TreeId::Texts), text_key),
            None => Ok(Vec::new()),
        }
    }

    /// Writes and removes parts of kept texts. They are durable when this returns.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn write_texts(
        &self,
        parts: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    ) -> Result<(), StoreError> {
        let _writing = self.lock();
        let archive = self.create()?;
        let mut changes = Changes::default();
        let mut summary = Summary::clone(&archive.summary());
        let texts = archive.trees().tree(TreeId::Texts);
        for (key, part) in parts {
            let content = &mut summary.content[TreeId::Texts];
            if let Some(replaced) = texts.get(&key)? {
                content.subtract(&key, &replaced);
            }
            if let Some(part) = &part {
                content.add(&key, part);
            }
            changes.set(TreeId::Texts, key, part.map(Into::into));
        }
        let written = guarded("writing the archive of the history", || {
            committer::apply(&archive, &changes, &format::encode(&summary))
        });
        let written = written.and_then(|()| {
            archive.note_summary(summary);
            archive.make_durable()
        });
        if written.is_err() {
            self.close();
        }
        written
    }

    /// Closes the database after a failed write: sled refuses later ones until it is opened again.
    fn close(&self) {
        *self.state() = ArchiveState::NotOpened;
    }

    /// Copies the changes of a generation that the archive does not have yet. They are durable when
    /// this returns. The caller prevents concurrent changes of the generation.
    ///
    /// # Errors
    /// - [`StoreError::Damaged`] if the history of the generation cannot be read.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(in crate::store) fn take(&self, from: &Generation) -> Result<(), StoreError> {
        let _writing = self.lock();
        let after = self.version()?;
        let history = HistoryTree::new(from.tree(TreeId::History));
        if history.first_from(after + 1)?.is_none() {
            return Ok(());
        }
        let archive = self.create()?;
        let mut copy = Copy { from, batch: Batch::new(&archive) };
        let copied = copy.run(after).and_then(|()| archive.make_durable());
        let copied =
            copied.and_then(|()| archive_mark::write(&self.directory, archive.summary().version));
        if copied.is_err() {
            self.close();
        }
        copied
    }
}

/// A running copy of changes to the archive.
struct Copy<'a> {
    from: &'a Generation,
    batch: Batch<'a>,
}

impl Copy<'_> {
    /// Copies the changes with greater numbers than `after`.
    fn run(&mut self, after: u64) -> Result<(), StoreError> {
        let history = HistoryTree::new(self.from.tree(TreeId::History));
        for group in history.groups_from(after + 1) {
            for (number, change) in group?.changes()? {
                if number > after {
                    self.copy_change(number, &change)?;
                }
            }
        }
        self.batch.write()
    }

    /// Copies a change with its before-values.
    fn copy_change(&mut self, number: u64, change: &StoredChange) -> Result<(), StoreError> {
        for (key, part) in parts(number, &change.encode_without_befores()) {
            self.batch.put(TreeId::History, key, part.into())?;
        }
        for (touched, before) in &change.touched {
            match before {
                StoredBefore::Entry => self.copy_before(number, touched)?,
                StoredBefore::Absent | StoredBefore::Value(_) | StoredBefore::Difference(_) => {
                    let Some((owner, key)) = value_of(touched) else { continue };
                    let chain = ValueChain::new(self.from, owner, key);
                    let Some(before) = chain.before(number)? else { continue };
                    self.batch.put(TreeId::Before, before_key(owner, key, number), before)?;
                }
            }
        }
        if change.head.replaced.is_some() {
            self.batch.put(TreeId::Before, generation_key(number), Default::default())?;
        }
        self.batch.end_change(number, &change.head);
        Ok(())
    }

    /// Copies one before-value, with its chunks.
    fn copy_before(&mut self, number: u64, touched: &StoredTouched) -> Result<(), StoreError> {
        let Some(owner) = owner_of_code(touched.owner) else { return Ok(()) };
        let key = before_key(owner, &touched.key, number);
        let trees = self.from.trees();
        let Some(value) = trees.tree(TreeId::Before).get(&key)? else { return Ok(()) };
        if !value.is_empty()
            && let Ok(Head::Long(header, _)) = format::head(value.clone())
        {
            let prefix = owner.chunk_prefix(&touched.key, header.version);
            for chunk in trees.tree(TreeId::Chunks).prefix(&prefix) {
                let (key, chunk) = chunk?;
                self.batch.put(TreeId::Chunks, key.to_vec(), chunk)?;
            }
        }
        self.batch.put(TreeId::Before, key, value)
    }
}

/// Entries that are written to the archive in one transaction.
struct Batch<'a> {
    archive: &'a Generation,
    changes: Changes,
    summary: Summary,
    end: HistoryEnd,
    /// Whether an interrupted copy can have written entries of the change already.
    is_resumed: bool,
}

impl<'a> Batch<'a> {
    fn new(archive: &'a Generation) -> Self {
        Self {
            archive,
            changes: Changes::default(),
            summary: Summary::clone(&archive.summary()),
            end: archive.history_end(),
            is_resumed: true,
        }
    }

    fn put(&mut self, tree: TreeId, key: Vec<u8>, value: sled::IVec) -> Result<(), StoreError> {
        // After an undo, two before-values can be the same value, with the same chunks.
        let can_exist = self.is_resumed || tree == TreeId::Chunks;
        let layers = [Some(&self.changes), None];
        if can_exist && self.archive.trees_under(layers).tree(tree).contains(&key)? {
            return Ok(());
        }
        self.summary.content[tree].add(&key, &value);
        self.changes.set(tree, key, Some(value));
        if self.changes.entries() < BATCH_ENTRIES && self.changes.bytes() < BATCH_BYTES {
            return Ok(());
        }
        self.write()
    }

    /// Notes that all entries of a change are in the batch or written.
    fn end_change(&mut self, number: u64, head: &ChangeHead) {
        self.summary.version = number;
        self.end = head.end();
        self.is_resumed = false;
    }

    /// Writes the entries and the summary. They are not durable yet.
    fn write(&mut self) -> Result<(), StoreError> {
        let changes = std::mem::take(&mut self.changes);
        if changes.is_empty() && self.summary.version == self.archive.summary().version {
            return Ok(());
        }
        guarded("writing the archive of the history", || {
            committer::apply(self.archive, &changes, &format::encode(&self.summary))
        })?;
        self.archive.note_summary(self.summary.clone());
        self.archive.note_history_end(self.end);
        Ok(())
    }
}

/// The owner and the key of a touched value.
pub(super) fn value_of(touched: &StoredTouched) -> Option<(ValueOwner, &[u8])> {
    Some((owner_of_code(touched.owner)?, &touched.key))
}
