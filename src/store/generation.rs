//! One generation of the inventory: a sled database, and reading from it.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    thread,
    time::{Duration, Instant},
};

use sled::{Db, Tree};

use super::{
    DataDirectory, Options, StoreError, Summary,
    directory::{sync_directory, sync_tree},
    format,
    layers::TreeId,
    summary::SUMMARY_KEY,
    trees::Trees,
};
use crate::model::{Kind, PerKind};

/// The size of sled's segments. A page of more than a quarter of one becomes a blob file, which sled
/// does not sync. The longest page is an inner one of the reverse index: 257 keys of at most
/// 2 + 255 + 32 + 255 bytes, 140 KB.
const SEGMENT_BYTES: usize = 1024 * 1024;

/// How long sled's own threads may take to let go of a database that was closed.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);

/// One sled database, with a tree for every kind.
pub(super) struct Generation {
    pub number: u64,
    pub db: Db,
    pub kinds: PerKind<Tree>,
    pub references: Tree,
    pub members: Tree,
    pub texts: Tree,
    pub chunks: Tree,
    pub meta: Tree,
    /// With all changes that were applied, durable or not yet.
    summary: RwLock<Arc<Summary>>,
    /// With the durable changes only.
    durable_summary: RwLock<Arc<Summary>>,
    /// The last to be dropped: the directory is held until the database is closed, also by a
    /// reader that outlives the store.
    directory: Arc<DataDirectory>,
}

impl Generation {
    /// Opens a generation, or makes an empty one.
    pub fn open(
        directory: &Arc<DataDirectory>,
        number: u64,
        options: Options,
    ) -> Result<Self, StoreError> {
        let path = directory.generation(number);
        remove_cut_off_snapshots(&path)?;
        // sled answers some kinds of damage with a panic.
        let opened = catch_unwind(AssertUnwindSafe(|| -> Result<Self, StoreError> {
            let db = open_database(&path, options)?;
            let tree = |name: &str| db.open_tree(name);
            let meta = tree("meta")?;
            let summary = match meta.get(SUMMARY_KEY)? {
                Some(bytes) => format::decode("summary", &bytes)?,
                None => Summary::default(),
            };
            let summary = Arc::new(summary);
            Ok(Self {
                number,
                kinds: PerKind::try_new(|kind| tree(kind.as_str()))?,
                references: tree("references")?,
                members: tree("members")?,
                texts: tree("texts")?,
                chunks: tree("chunks")?,
                meta,
                summary: RwLock::new(summary.clone()),
                durable_summary: RwLock::new(summary),
                db,
                directory: directory.clone(),
            })
        }));
        opened.unwrap_or_else(|panic| {
            let detail = panic_text(panic.as_ref());
            Err(StoreError::Damaged { part: "database", detail })
        })
    }

    /// Makes everything that was written durable: the data, and the names of the files.
    pub fn make_durable(&self) -> Result<(), StoreError> {
        guarded("making the inventory durable", || {
            self.db.flush()?;
            let path = self.directory.generation(self.number);
            sync_tree(&path)
                .and_then(|()| sync_directory(self.directory.path()))
                .map_err(StoreError::io("making the inventory durable"))
        })
    }

    pub fn tree(&self, tree: TreeId) -> &Tree {
        match tree {
            TreeId::Kind(kind) => &self.kinds[kind],
            TreeId::References => &self.references,
            TreeId::Members => &self.members,
            TreeId::Texts => &self.texts,
            TreeId::Chunks => &self.chunks,
            TreeId::Meta => &self.meta,
        }
    }

    /// What is there, without anything over it.
    pub fn trees(&self) -> Trees<'_> {
        Trees::new(self, [None, None])
    }

    /// Counts and stamps. They are kept in memory too: asking costs nothing.
    pub fn summary(&self) -> Arc<Summary> {
        self.summary.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts and stamps of the durable changes: what may be told to a client.
    pub fn durable_summary(&self) -> Arc<Summary> {
        self.durable_summary.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the counts and stamps of a generation that was written or opened as a whole.
    pub fn note_summary(&self, summary: Summary) {
        self.note_applied(summary);
        self.note_durable();
    }

    /// Notes the counts and stamps with changes that were applied and are not durable yet.
    pub fn note_applied(&self, summary: Summary) {
        *self.summary.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(summary);
    }

    /// Notes that everything that was applied is durable.
    pub fn note_durable(&self) {
        let summary = self.summary();
        *self.durable_summary.write().unwrap_or_else(PoisonError::into_inner) = summary;
    }

    /// Goes back to the counts and stamps of the durable changes, because a commit failed.
    pub fn forget_applied(&self) {
        let summary = self.durable_summary();
        *self.summary.write().unwrap_or_else(PoisonError::into_inner) = summary;
    }
}

pub(super) fn corrupt(kind: Kind, name: &[u8], detail: impl Into<String>) -> StoreError {
    let name = String::from_utf8_lossy(name).into_owned();
    StoreError::Corrupt { kind, name, detail: detail.into() }
}

/// The key of a long value's chunk.
pub(super) fn chunk_key(prefix: &[u8], number: usize) -> Vec<u8> {
    let number = u32::try_from(number).expect("a value has fewer than 2^32 chunks");
    [prefix, &number.to_be_bytes()].concat()
}

/// Opens sled's database. A database that this process closed a moment ago may still be locked by
/// the last of sled's threads that writes to it, about which sled says nothing.
fn open_database(path: &Path, options: Options) -> Result<Db, StoreError> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(options.cache_bytes)
        .segment_size(SEGMENT_BYTES)
        // Nothing is acknowledged before a flush of ours.
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

/// Does `work`, and answers a panic with an error: errors of the disk can come as panics of sled's.
pub(super) fn guarded<T>(
    what: &str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let source = io::Error::other(panic_text(panic.as_ref()));
        Err(StoreError::Io { what: what.to_owned(), source })
    })
}

/// Killed while it opens, sled can leave half a snapshot, which fails the next open.
fn remove_cut_off_snapshots(path: &Path) -> Result<(), StoreError> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(StoreError::io("a generation's directory"))?;
        if entry.file_name().to_string_lossy().ends_with(".generating") {
            fs::remove_file(entry.path()).map_err(StoreError::io("removing half a snapshot"))?;
        }
    }
    Ok(())
}

/// What a panic had to say.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
