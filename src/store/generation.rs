//! A generation of the inventory: one sled database.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread,
    time::{Duration, Instant},
};

use sled::{Db, Tree};

use super::{
    DataDirectory, HistoryWriting, Options, StoreError, Summary,
    content::Content,
    format,
    history::{self, HistoryEnd},
    known::{Identity, KnownState},
    layers::Changes,
    log::SEGMENT_BYTES,
    summary::{EARLIER_SUMMARY_KEY, EarlierSummary, SUMMARY_KEY},
    tree_id::{PerTree, TreeId},
    trees::Trees,
};
use crate::{
    disk::{sync_directory, sync_folder},
    job::Progress,
};

/// The name of sled's file in a generation's directory.
pub(super) const DATABASE_FILE: &str = "db";

/// The time to wait for sled's threads to unlock a database that was closed.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);

/// The key of a generation's [`Identity`] in the tree `meta`.
const IDENTITY_KEY: &[u8] = b"identity";

/// One sled database, with a tree for every kind.
pub(super) struct Generation {
    pub number: u64,
    pub identity: Identity,
    pub db: Db,
    /// The file of the database when it was opened.
    file: FileId,
    trees: PerTree<Tree>,
    /// The summary after all applied changes, durable or not.
    summary: RwLock<Arc<Summary>>,
    /// The summary after the durable changes only.
    durable_summary: RwLock<Arc<Summary>>,
    /// The end of the history after all applied changes.
    history_end: Mutex<HistoryEnd>,
    history_writing: HistoryWriting,
    /// Dropped last: keeps the data directory locked until the database is closed, also for a reader
    /// that outlives the store.
    directory: Arc<DataDirectory>,
}

/// The identity of a file, whatever its path: its device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Returns the identity of the file at `path`.
    ///
    /// # Errors
    /// The error of `stat(2)`.
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

impl Generation {
    /// Requires that the path of the database still leads to the open file. Otherwise the data directory was
    /// removed, moved or replaced, and the next start would not find a change.
    ///
    /// # Errors
    /// [`StoreError::DatabaseRemoved`].
    pub(super) fn require_file(&self) -> Result<(), StoreError> {
        let path = self.path().join(DATABASE_FILE);
        match FileId::of(&path) {
            Ok(file) if file == self.file => Ok(()),
            Ok(_) | Err(_) => Err(StoreError::DatabaseRemoved { path }),
        }
    }

    /// Creates an empty generation.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn create(
        directory: &Arc<DataDirectory>,
        number: u64,
        options: Options,
    ) -> Result<Self, StoreError> {
        let identity = Identity::random()?;
        Self::open_with(directory, number, options, |meta| {
            meta.insert(IDENTITY_KEY, format::encode(&identity))?;
            Ok((Summary::default(), identity))
        })
    }

    /// Opens an existing generation.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the database is missing, empty or unreadable, or if it holds no
    /// summary: sled creates a new database if one is missing, and takes the first unreadable part of
    /// its log for the end of the log.
    pub(super) fn open(
        directory: &Arc<DataDirectory>,
        number: u64,
        options: Options,
    ) -> Result<Self, StoreError> {
        require_database(&directory.generation(number))?;
        Self::open_with(directory, number, options, |meta| {
            let summary = meta.get(SUMMARY_KEY)?.ok_or_else(|| missing("summary"))?;
            let identity = meta.get(IDENTITY_KEY)?.ok_or_else(|| missing("identity"))?;
            Ok((format::decode("summary", &summary)?, format::decode("identity", &identity)?))
        })
    }

    /// Opens a generation that was written in format 2 of the data directory, without content
    /// hashes and identity, and adds both. The additions are not durable yet.
    ///
    /// # Errors
    /// As for [`Generation::open`].
    pub(super) fn open_earlier(
        directory: &Arc<DataDirectory>,
        number: u64,
        options: Options,
    ) -> Result<Self, StoreError> {
        require_database(&directory.generation(number))?;
        let identity = Identity::random()?;
        let generation = Self::open_with(directory, number, options, |meta| {
            let summary = match meta.get(EARLIER_SUMMARY_KEY)? {
                Some(bytes) => {
                    let earlier: EarlierSummary = format::decode("summary", &bytes)?;
                    earlier.with_content(Content::default())
                }
                // The upgrade was interrupted after this generation.
                None => {
                    let bytes = meta.get(SUMMARY_KEY)?.ok_or_else(|| missing("summary"))?;
                    format::decode("summary", &bytes)?
                }
            };
            Ok((summary, identity))
        })?;
        let mut summary = Summary::clone(&generation.summary());
        summary.content = generation.read_content()?;
        guarded("upgrading the inventory", || {
            generation.tree(TreeId::Meta).insert(SUMMARY_KEY, format::encode(&summary))?;
            generation.tree(TreeId::Meta).insert(IDENTITY_KEY, format::encode(&identity))?;
            generation.tree(TreeId::Meta).remove(EARLIER_SUMMARY_KEY)?;
            Ok(())
        })?;
        generation.note_summary(summary);
        Ok(generation)
    }

    fn open_with(
        directory: &Arc<DataDirectory>,
        number: u64,
        options: Options,
        begin: impl FnOnce(&Tree) -> Result<(Summary, Identity), StoreError>,
    ) -> Result<Self, StoreError> {
        let path = directory.generation(number);
        remove_incomplete_snapshots(&path)?;
        // sled reports some kinds of damage by a panic.
        let opened = catch_unwind(AssertUnwindSafe(|| -> Result<Self, StoreError> {
            let db = open_database(&path, options)?;
            let tree = |id: TreeId| db.open_tree(id.name());
            // First, because opening a tree that a damaged database has lost creates it.
            let (summary, identity) = begin(&tree(TreeId::Meta)?)?;
            let summary = Arc::new(summary);
            let trees = PerTree::try_new(tree)?;
            let history_end = history::end_of(&trees[TreeId::History])?;
            let file = FileId::of(&path.join(DATABASE_FILE));
            let file = file.map_err(StoreError::io("reading the file of the database"))?;
            Ok(Self {
                number,
                identity,
                trees,
                summary: RwLock::new(summary.clone()),
                durable_summary: RwLock::new(summary),
                history_end: Mutex::new(history_end),
                history_writing: options.history,
                db,
                file,
                directory: directory.clone(),
            })
        }));
        opened.unwrap_or_else(|panic| {
            let detail = panic_text(panic.as_ref());
            Err(StoreError::Damaged { part: "database", detail })
        })
    }

    /// Reads every tree and computes its content hash. The caller prevents concurrent changes.
    ///
    /// # Errors
    /// - [`StoreError::Damaged`] if a part of the database cannot be read.
    /// - [`StoreError::Io`] if the thread that reads cannot be started.
    pub(super) fn read_content(&self) -> Result<Content, StoreError> {
        let mut content = Content::default();
        for tree in Content::trees() {
            for entry in self.trees().tree(tree).prefix(&[]) {
                let (key, value) = entry?;
                content[tree].add(&key, &value);
            }
        }
        Ok(content)
    }

    /// Compares the content of every tree with the content hashes of the summary. Returns the first difference. The
    /// caller prevents concurrent changes.
    ///
    /// # Errors
    /// - [`StoreError::Cancelled`] if `progress` was cancelled.
    /// - [`StoreError::Damaged`] if a part of the database cannot be read.
    pub(super) fn content_difference(
        &self,
        progress: &Progress,
    ) -> Result<Option<String>, StoreError> {
        let summary = self.summary();
        for tree in Content::trees() {
            let mut content = Content::default();
            for entry in self.trees().tree(tree).prefix(&[]) {
                let (key, value) = entry?;
                content[tree].add(&key, &value);
                progress.check()?;
            }
            if content[tree] != summary.content[tree] {
                return Ok(Some(format!(
                    "the tree '{}' has {} entries ({} were written), or their content differs",
                    tree.name(),
                    content[tree].entries,
                    summary.content[tree].entries
                )));
            }
        }
        Ok(None)
    }

    /// Writes the summary that is in memory to the database.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn write_summary(&self) -> Result<(), StoreError> {
        write_entry(self.tree(TreeId::Meta), SUMMARY_KEY, &format::encode(&*self.summary()))
    }

    /// The size of the database's log on the disk, in bytes.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the metadata of the file cannot be read.
    pub(super) fn bytes(&self) -> Result<u64, StoreError> {
        let metadata = fs::metadata(self.path().join("db"));
        Ok(metadata.map_err(StoreError::io("reading the size of the database"))?.len())
    }

    /// The folder of the database.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.generation(self.number)
    }

    /// The durable state of this generation.
    pub(super) fn known(&self) -> KnownState {
        KnownState::now(self.number, self.identity, Summary::clone(&self.durable_summary()))
    }

    /// Makes all written data and the names of the files durable.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub(super) fn make_durable(&self) -> Result<(), StoreError> {
        guarded("making the inventory durable", || {
            self.db.flush()?;
            let path = self.directory.generation(self.number);
            sync_folder(&path)
                .and_then(|()| sync_directory(self.directory.path()))
                .map_err(StoreError::io("making the inventory durable"))
        })
    }

    /// Returns one tree.
    pub(super) fn tree(&self, tree: TreeId) -> &Tree {
        &self.trees[tree]
    }

    /// Returns the trees without layers of changes.
    pub(super) fn trees(&self) -> Trees<'_> {
        self.trees_under([None, None])
    }

    /// Returns the trees under these layers of changes, the top layer first.
    pub(super) fn trees_under<'a>(&'a self, layers: [Option<&'a Changes>; 2]) -> Trees<'a> {
        Trees::new(&self.trees, layers)
    }

    /// The counts and versions after all applied changes. Kept in memory, so the call is cheap.
    pub(super) fn summary(&self) -> Arc<Summary> {
        self.summary.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The counts and versions after the durable changes: only these are shown to clients.
    pub(super) fn durable_summary(&self) -> Arc<Summary> {
        self.durable_summary.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the summary of a generation that was completely written or opened.
    pub(super) fn note_summary(&self, summary: Summary) {
        self.note_applied(summary);
        self.note_durable();
    }

    /// Sets the summary after changes that are applied and not durable yet.
    pub(super) fn note_applied(&self, summary: Summary) {
        *self.summary.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(summary);
    }

    /// Notes that all applied changes are durable.
    pub(super) fn note_durable(&self) {
        let summary = self.summary();
        *self.durable_summary.write().unwrap_or_else(PoisonError::into_inner) = summary;
    }

    /// Whether changes are written to the history.
    pub(super) fn history_writing(&self) -> HistoryWriting {
        self.history_writing
    }

    /// The end of the history after all applied changes.
    pub(super) fn history_end(&self) -> HistoryEnd {
        *self.history_end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the end of the history after applied changes.
    pub(super) fn note_history_end(&self, end: HistoryEnd) {
        *self.history_end.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }

    /// Reverts the summary to that of the durable changes, because a commit failed.
    pub(super) fn forget_applied(&self) {
        let summary = self.durable_summary();
        *self.summary.write().unwrap_or_else(PoisonError::into_inner) = summary;
    }
}

/// Checks that the database exists: sled would create a missing one.
///
/// # Errors
/// [`StoreError::Damaged`] if it is missing or empty.
fn require_database(path: &Path) -> Result<(), StoreError> {
    let damaged = |detail: String| Err(StoreError::Damaged { part: "database", detail });
    let file = path.join("db");
    match fs::metadata(&file) {
        Ok(metadata) if metadata.len() == 0 => damaged(format!("{} is empty", file.display())),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            damaged(format!("{} is missing", file.display()))
        }
        Err(error) => {
            Err(StoreError::io(format!("opening the database {}", file.display()))(error))
        }
    }
}

/// The error if an entry that every generation has is missing.
fn missing(what: &str) -> StoreError {
    StoreError::Damaged { part: "database", detail: format!("the {what} is missing") }
}

/// Returns the key of a long value's chunk.
pub(super) fn chunk_key(prefix: &[u8], number: usize) -> Vec<u8> {
    let number = u32::try_from(number).expect("a value has fewer than 2^32 chunks");
    [prefix, &number.to_be_bytes()].concat()
}

/// Returns the prefix of the key of a long value's chunk. `None` if it is no such key.
pub(super) fn chunk_prefix_of(key: &[u8]) -> Option<&[u8]> {
    key.split_last_chunk::<4>().map(|(prefix, _)| prefix)
}

/// Opens sled's database. A database that this process has just closed can still be locked by one of
/// sled's threads, and sled does not tell when the thread ends. So this tries again for some time.
fn open_database(path: &Path, options: Options) -> Result<Db, StoreError> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(options.cache_bytes)
        .segment_size(SEGMENT_BYTES)
        // The committer flushes before it acknowledges a change.
        .flush_every_ms(None);
    let until = Instant::now() + LOCK_WAIT_MAX;
    loop {
        match config.open() {
            Err(error) => {
                let error = StoreError::from(error);
                if !error.is_locked() || Instant::now() >= until {
                    return Err(error);
                }
                thread::sleep(Duration::from_millis(2));
            }
            Ok(database) => return Ok(database),
        }
    }
}

/// Runs `work` and turns a panic into an error: sled reports some disk errors by a panic. `what` names
/// the work, as in [`StoreError::Io`].
///
/// # Errors
/// - The error of `work`.
/// - [`StoreError::Io`] if it panics.
pub(super) fn guarded<T>(
    what: &str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let source = io::Error::other(panic_text(panic.as_ref()));
        Err(StoreError::Io { what: what.to_owned(), source })
    })
}

/// Writes an entry of a generation that is not complete yet. Does not hash it.
///
/// # Errors
/// - [`StoreError::DiskFull`] if the file system has no space.
/// - [`StoreError::Io`] for any other error of the file system.
/// - [`StoreError::Database`] for any other error of sled.
pub(super) fn write_entry(tree: &Tree, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    guarded("writing the new inventory", || Ok(tree.insert(key, value).map(drop)?))
}

/// Removes incomplete snapshot files: sled leaves one when it is killed while it opens a database, and
/// then cannot open the database.
fn remove_incomplete_snapshots(path: &Path) -> Result<(), StoreError> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(StoreError::io("reading a generation's directory"))?;
        if entry.file_name().to_string_lossy().ends_with(".generating") {
            fs::remove_file(entry.path())
                .map_err(StoreError::io("removing an incomplete snapshot file"))?;
        }
    }
    Ok(())
}

/// Returns the message of a panic.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
