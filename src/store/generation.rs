//! One generation of the inventory: a sled database, and reading from it.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    thread,
    time::{Duration, Instant},
};

use sled::{Db, Tree};

use super::{
    DataDirectory, Options, StoreError, Summary,
    content::Content,
    format,
    known::{Identity, KnownState},
    layers::TreeId,
    log::SEGMENT_BYTES,
    summary::{EARLIER_SUMMARY_KEY, EarlierSummary, SUMMARY_KEY},
    trees::Trees,
};
use crate::disk::{sync_directory, sync_folder};
use crate::model::{Kind, PerKind};

/// How long sled's own threads may take to let go of a database that was closed.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);

/// The key of a generation's [`Identity`] in the tree `meta`.
const IDENTITY_KEY: &[u8] = b"identity";

/// One sled database, with a tree for every kind.
pub(super) struct Generation {
    pub number: u64,
    pub identity: Identity,
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
    /// Makes a new, empty generation.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`]; [`StoreError::Io`] and [`StoreError::Database`] if the disk fails.
    pub fn create(
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

    /// Opens a generation that exists.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the database is missing, empty or not readable, or if it holds no
    /// summary: sled makes a new database in the place of a missing one, and takes the first part
    /// of its log that it cannot read for the end.
    pub fn open(
        directory: &Arc<DataDirectory>,
        number: u64,
        options: Options,
    ) -> Result<Self, StoreError> {
        require_database(&directory.generation(number))?;
        Self::open_with(directory, number, options, |meta| {
            let summary = meta.get(SUMMARY_KEY)?.ok_or_else(|| lost("summary"))?;
            let identity = meta.get(IDENTITY_KEY)?.ok_or_else(|| lost("identity"))?;
            Ok((format::decode("summary", &summary)?, format::decode("identity", &identity)?))
        })
    }

    /// Opens a generation that was written in format 2 of the data directory, without content
    /// hashes and identity, and adds them. What was added is not durable yet.
    ///
    /// # Errors
    /// As for [`Generation::open`].
    pub fn open_earlier(
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
                    let bytes = meta.get(SUMMARY_KEY)?.ok_or_else(|| lost("summary"))?;
                    format::decode("summary", &bytes)?
                }
            };
            Ok((summary, identity))
        })?;
        let mut summary = Summary::clone(&generation.summary());
        summary.content = generation.read_content()?;
        guarded("upgrading the inventory", || {
            generation.meta.insert(SUMMARY_KEY, format::encode(&summary))?;
            generation.meta.insert(IDENTITY_KEY, format::encode(&identity))?;
            generation.meta.remove(EARLIER_SUMMARY_KEY)?;
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
        remove_cut_off_snapshots(&path)?;
        // sled answers some kinds of damage with a panic.
        let opened = catch_unwind(AssertUnwindSafe(|| -> Result<Self, StoreError> {
            let db = open_database(&path, options)?;
            let tree = |id: TreeId| db.open_tree(id.name());
            let meta = tree(TreeId::Meta)?;
            let (summary, identity) = begin(&meta)?;
            let summary = Arc::new(summary);
            Ok(Self {
                number,
                identity,
                kinds: PerKind::try_new(|kind| tree(TreeId::Kind(kind)))?,
                references: tree(TreeId::References)?,
                members: tree(TreeId::Members)?,
                texts: tree(TreeId::Texts)?,
                chunks: tree(TreeId::Chunks)?,
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

    /// Reads every tree and computes its content hash. Nothing changes the generation meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a part of the database cannot be read; [`StoreError::Io`].
    pub fn read_content(&self) -> Result<Content, StoreError> {
        let mut content = Content::default();
        for tree in Content::trees() {
            for entry in self.trees().tree(tree).prefix(&[]) {
                let (key, value) = entry?;
                content[tree].add(&key, &value);
            }
        }
        Ok(content)
    }

    /// Writes the summary as it is in memory.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`]; [`StoreError::Io`] and [`StoreError::Database`].
    pub fn write_summary(&self) -> Result<(), StoreError> {
        super::new_generation::write(&self.meta, SUMMARY_KEY, &format::encode(&*self.summary()))
    }

    /// The size of the database's log on the disk, in bytes.
    ///
    /// # Errors
    /// [`StoreError::Io`]
    pub fn bytes(&self) -> Result<u64, StoreError> {
        let metadata = fs::metadata(self.path().join("db"));
        Ok(metadata.map_err(StoreError::io("the size of the database"))?.len())
    }

    /// The folder of the database.
    pub fn path(&self) -> PathBuf {
        self.directory.generation(self.number)
    }

    /// The durable state of this generation.
    pub fn known(&self) -> KnownState {
        KnownState::now(self.number, self.identity, Summary::clone(&self.durable_summary()))
    }

    /// Makes everything that was written durable: the data, and the names of the files.
    pub fn make_durable(&self) -> Result<(), StoreError> {
        guarded("making the inventory durable", || {
            self.db.flush()?;
            let path = self.directory.generation(self.number);
            sync_folder(&path)
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

/// sled would make a new database where there is none.
fn require_database(path: &Path) -> Result<(), StoreError> {
    let damaged = |detail: String| Err(StoreError::Damaged { part: "database", detail });
    let file = path.join("db");
    match fs::metadata(&file) {
        Ok(metadata) if metadata.len() == 0 => damaged(format!("{} is empty", file.display())),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            damaged(format!("{} is missing", file.display()))
        }
        Err(error) => Err(StoreError::io(format!("the database {}", file.display()))(error)),
    }
}

/// Every generation holds these: a database without them lost them.
fn lost(what: &str) -> StoreError {
    StoreError::Damaged { part: "database", detail: format!("it holds no {what}") }
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
