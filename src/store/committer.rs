//! Group commit: changes that arrive while the disk is busy become durable together.
//!
//! A change is made in memory, over the generation and over the earlier pending changes. One thread
//! takes all pending changes, applies them as one sled transaction and calls sled's blocking `flush`
//! (`flush_async` deadlocks when many threads call it). Then it notifies the waiting callers. So a
//! single change is written at once, and sixty-four concurrent changes cost one transaction and one
//! wait for the disk.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use sled::{
    Batch, Transactional, Tree,
    transaction::{ConflictableTransactionError, TransactionError},
};

use super::{
    StoreError,
    durable_version::DurableVersion,
    format,
    generation::{Generation, guarded, panic_text},
    history::put_changes,
    layers::Changes,
    mark::MarkFile,
    pending::Pending,
    snapshot::Snapshots,
    summary::SUMMARY_KEY,
    tree_id::TreeId,
    write_lock::WriteLock,
};

/// The time for which a commit waits for changes that hold or wait for the write lock: a few times
/// as long as a flush takes on a fast disk. Without such changes it does not wait.
const GATHERING_MAX: Duration = Duration::from_millis(5);

/// Commits the changes of one generation.
pub(super) struct Committer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Weak, so that the owner of the generation can close it. A running commit keeps it open.
    generation: Weak<Generation>,
    snapshots: Arc<Snapshots>,
    write_lock: Arc<WriteLock>,
    mark: Arc<MarkFile>,
    durable_version: Arc<DurableVersion>,
    pending: Mutex<Pending>,
    state: Mutex<CommitState>,
    /// Notified when a commit is requested.
    requested: Condvar,
    /// Notified when a commit is durable or has failed.
    committed: Condvar,
    /// The number of the last applied change, durable or not.
    version_last: AtomicU64,
}

#[derive(Default)]
struct CommitState {
    /// The number of the last requested commit.
    requested: u64,
    /// The number of the last durable commit.
    committed: u64,
    /// The failure after which every commit is refused.
    failed: Option<CommitFailure>,
    closing: bool,
}

/// The number of a requested commit. It contains every change that was made before the request.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

impl Committer {
    /// Starts the thread. The write lock shows whether further changes wait for it.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the thread cannot be started.
    pub(super) fn start(
        generation: &Arc<Generation>,
        snapshots: Arc<Snapshots>,
        write_lock: Arc<WriteLock>,
        mark: Arc<MarkFile>,
        durable_version: Arc<DurableVersion>,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            generation: Arc::downgrade(generation),
            snapshots,
            write_lock,
            mark,
            durable_version,
            pending: Mutex::default(),
            state: Mutex::default(),
            requested: Condvar::new(),
            committed: Condvar::new(),
            version_last: AtomicU64::new(0),
        });
        let thread_shared = shared.clone();
        let thread = thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || thread_shared.run())
            .map_err(StoreError::io("starting a thread"))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Locks the pending changes. Nothing is applied while the guard is held.
    pub(super) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.shared.pending()
    }

    /// Requests a commit of all changes that were made before this call.
    pub(super) fn request(&self) -> Ticket {
        let mut state = self.shared.lock();
        state.requested += 1;
        self.shared.requested.notify_one();
        Ticket(state.requested)
    }

    /// Returns the last requested commit. It contains every change that is made so far.
    pub(super) fn last_requested(&self) -> Ticket {
        Ticket(self.shared.lock().requested)
    }

    /// Waits until a commit is durable.
    ///
    /// # Errors
    /// The error of the failed commit: [`StoreError::DiskFull`], [`StoreError::FileSizeLimit`],
    /// [`StoreError::Damaged`] if it met a damaged page, [`StoreError::ReadOnly`] otherwise. Every later
    /// commit fails too, because sled's memory can differ from the disk.
    pub(super) fn wait(&self, Ticket(number): Ticket) -> Result<(), StoreError> {
        let mut state = self.shared.lock();
        while state.committed < number {
            if let Some(failure) = &state.failed {
                return Err(failure.to_error());
            }
            let waited = self.shared.committed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Waits until all changes up to now are applied and durable.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        self.wait(self.last_requested())
    }

    /// Returns the failure after which every commit is refused.
    pub(super) fn failure(&self) -> Option<CommitFailure> {
        self.shared.lock().failed.clone()
    }

    /// The number of the last applied change, durable or not.
    pub(super) fn version_last(&self) -> u64 {
        self.shared.version_last.load(Ordering::SeqCst)
    }

    /// Makes every later commit fail, because a write has failed.
    pub(super) fn fail(&self, error: &StoreError) {
        self.shared.fail(CommitFailure::of(error));
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.requested.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread catches its own panics.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, CommitState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, failure: CommitFailure) {
        tracing::error!(reason = %failure.to_error(), "A commit failed. Changes are refused until the database is reopened.");
        if let Some(generation) = self.generation.upgrade() {
            generation.forget_applied();
        }
        self.lock().failed.get_or_insert(failure);
        self.committed.notify_all();
    }

    fn run(&self) {
        loop {
            let mut state = self.lock();
            while state.requested == state.committed && !state.closing {
                state = self.requested.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.requested == state.committed {
                return;
            }
            drop(state);
            self.write_lock.wait_until_idle(GATHERING_MAX);
            match catch_unwind(AssertUnwindSafe(|| self.commit())) {
                Ok(Ok(number)) => {
                    self.lock().committed = number;
                    self.committed.notify_all();
                }
                Ok(Err(error)) => return self.fail(CommitFailure::of(&error)),
                Err(panic) => return self.fail(CommitFailure::Other(panic_text(panic.as_ref()))),
            }
        }
    }

    /// Applies the pending changes and makes them durable. Returns the number of the last commit that they
    /// contain.
    fn commit(&self) -> Result<u64, StoreError> {
        let Some(generation) = self.generation.upgrade() else {
            let reason = "the inventory is closed".to_owned();
            return Err(StoreError::ReadOnly { reason });
        };
        let mut pending = self.pending();
        let number = self.lock().requested;
        let Pending { mut changes, history, mut summary, history_end } =
            std::mem::take(&mut *pending);
        if let Some(summary) = &mut summary {
            put_changes(history, &mut changes, summary);
        }
        let summary_bytes = summary.as_ref().map(format::encode);
        if let (Some(summary), Some(bytes)) = (summary, &summary_bytes) {
            self.version_last.store(summary.version, Ordering::SeqCst);
            guarded("applying changes", || {
                self.snapshots.change(&generation, &changes, || {
                    apply(&generation, &changes, bytes)?;
                    generation.note_applied(summary);
                    if let Some(end) = history_end {
                        generation.note_history_end(end);
                    }
                    Ok(())
                })
            })?;
        }
        // The next changes do not wait for the disk.
        drop(pending);
        guarded("making changes durable", || Ok(generation.db.flush()?))?;
        generation.note_durable();
        self.durable_version.note(generation.durable_summary().version);
        if let Some(summary) = summary_bytes {
            self.mark.note(generation.known(), &summary);
        }
        Ok(number)
    }
}

/// Applies all changes and the encoded summary in one transaction.
/// They are visible afterwards, but not durable yet.
///
/// # Errors
/// - [`StoreError::Damaged`] if a page is damaged.
/// - [`StoreError::DiskFull`] or [`StoreError::FileSizeLimit`] if the file system has no space.
/// - [`StoreError::Database`] for any other error of sled.
pub(super) fn apply(
    generation: &Generation,
    changes: &Changes,
    summary: &[u8],
) -> Result<(), StoreError> {
    let mut batches: Vec<(&Tree, Batch)> = Vec::new();
    for (tree, changes) in changes.iter() {
        let mut batch = Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key.as_slice(), value),
                None => batch.remove(key.as_slice()),
            }
        }
        batches.push((generation.tree(tree), batch));
    }
    let mut meta = Batch::default();
    meta.insert(SUMMARY_KEY, summary);
    batches.push((generation.tree(TreeId::Meta), meta));
    let trees: Vec<&Tree> = batches.iter().map(|(tree, _)| *tree).collect();
    let applied = trees.as_slice().transaction(|trees| {
        for (tree, (_, batch)) in trees.iter().zip(&batches) {
            tree.apply_batch(batch)?;
        }
        Ok::<(), ConflictableTransactionError<StoreError>>(())
    });
    applied.map_err(|error| match error {
        TransactionError::Storage(sled::Error::Corruption { .. }) => StoreError::Damaged {
            part: "database",
            detail: "a page in the database has a wrong checksum".to_owned(),
        },
        TransactionError::Storage(error) => StoreError::from(error),
        TransactionError::Abort(never) => never,
    })
}

/// The failure after which every write is refused.
#[derive(Clone)]
pub(super) enum CommitFailure {
    DiskFull,
    FileSizeLimit,
    /// A change met a damaged page.
    Damaged {
        part: &'static str,
        detail: String,
    },
    Other(String),
}

impl CommitFailure {
    /// Returns whether reopening the database makes it usable again.
    pub(super) fn is_cured_by_reopening(&self) -> bool {
        match self {
            CommitFailure::DiskFull
            | CommitFailure::FileSizeLimit
            | CommitFailure::Damaged { .. } => true,
            CommitFailure::Other(_) => false,
        }
    }

    /// Returns the failure that an error causes.
    pub(super) fn of(error: &StoreError) -> Self {
        match error {
            StoreError::DiskFull => CommitFailure::DiskFull,
            StoreError::FileSizeLimit => CommitFailure::FileSizeLimit,
            StoreError::Damaged { part, detail } => {
                CommitFailure::Damaged { part, detail: detail.clone() }
            }
            StoreError::ReadOnly { reason } => CommitFailure::Other(reason.clone()),
            other => CommitFailure::Other(other.to_string()),
        }
    }

    /// Returns the error for a read.
    pub(super) fn to_read_error(&self) -> StoreError {
        // A failure that reopening cures is temporary for a reader.
        if self.is_cured_by_reopening() { StoreError::Reopening } else { self.to_error() }
    }

    /// Returns the error for a refused change.
    pub(super) fn to_error(&self) -> StoreError {
        match self {
            CommitFailure::DiskFull => StoreError::DiskFull,
            CommitFailure::FileSizeLimit => StoreError::FileSizeLimit,
            CommitFailure::Damaged { part, detail } => {
                StoreError::Damaged { part, detail: detail.clone() }
            }
            CommitFailure::Other(reason) => StoreError::ReadOnly { reason: reason.clone() },
        }
    }
}
