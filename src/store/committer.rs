//! Shared commits: changes that come while the disk is busy become durable together.
//!
//! A change is made in memory, over what is there and over the changes before it that wait. One
//! thread takes what waits, applies it as one transaction of sled's and calls its blocking `flush`
//! (`flush_async` deadlocks when it is called from many threads). All whose changes were in it are
//! told then. So a change that comes alone is written at once, and sixty-four that come together
//! cost one transaction and one wait for the disk.

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
    StoreError, Summary, format,
    generation::{Generation, guarded, panic_text},
    layers::{Changes, TreeId},
    mark::MarkFile,
    snapshot::Snapshots,
    summary::SUMMARY_KEY,
    write_lock::WriteLock,
};

/// How long a commit waits for the changes that are on their way: a few times as long as a flush
/// takes on a good disk. When there are none, it does not wait.
const GATHERING_MAX: Duration = Duration::from_millis(5);

/// Commits the changes of one generation for all who make them.
pub(super) struct Committer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Changes that are made and not applied yet. Who holds its lock sees an inventory that stands
/// still: nothing is applied meanwhile.
#[derive(Default)]
pub(super) struct Pending {
    pub changes: Changes,
    /// The counts and stamps with these changes; none while there are none.
    pub summary: Option<Summary>,
}

struct Shared {
    /// Who holds the generation may close it; a commit that is still asked for keeps it open.
    generation: Weak<Generation>,
    snapshots: Arc<Snapshots>,
    write_lock: Arc<WriteLock>,
    mark: Arc<MarkFile>,
    pending: Mutex<Pending>,
    state: Mutex<CommitState>,
    asked: Condvar,
    committed: Condvar,
    /// The version of the last change that was applied, durable or not.
    version_last: AtomicU64,
}

#[derive(Default)]
struct CommitState {
    /// The number of the last commit that was asked for.
    asked: u64,
    /// The number up to which everything is durable.
    committed: u64,
    /// Why nothing is committed any more.
    failed: Option<CommitFailure>,
    closing: bool,
}

/// The number of a commit: who waits for it waits for everything that was made before it was
/// asked for.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

impl Committer {
    /// Starts the thread. The turns say who is on their way.
    pub fn start(
        generation: &Arc<Generation>,
        snapshots: Arc<Snapshots>,
        write_lock: Arc<WriteLock>,
        mark: Arc<MarkFile>,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            generation: Arc::downgrade(generation),
            snapshots,
            write_lock,
            mark,
            pending: Mutex::default(),
            state: Mutex::default(),
            asked: Condvar::new(),
            committed: Condvar::new(),
            version_last: AtomicU64::new(0),
        });
        let theirs = shared.clone();
        let thread = thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || theirs.run())
            .map_err(StoreError::io("starting a thread"))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// What waits. Nothing is applied while this is held.
    pub fn pending(&self) -> MutexGuard<'_, Pending> {
        self.shared.pending()
    }

    /// Asks for a commit of everything that was made before this call.
    pub fn ask(&self) -> Ticket {
        let mut state = self.shared.lock();
        state.asked += 1;
        self.shared.asked.notify_one();
        Ticket(state.asked)
    }

    /// The last commit that was asked for. Nothing that was made before needs a later one.
    pub fn asked(&self) -> Ticket {
        Ticket(self.shared.lock().asked)
    }

    /// Returns when that commit is done.
    ///
    /// # Errors
    /// Why it is not. From then on every commit fails: what sled holds in memory may not be what is
    /// on the disk.
    pub fn wait(&self, Ticket(mine): Ticket) -> Result<(), StoreError> {
        let mut state = self.shared.lock();
        while state.committed < mine {
            if let Some(failure) = &state.failed {
                return Err(failure.to_error());
            }
            let waited = self.shared.committed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Returns when everything that was made is applied and durable: all of it was asked for.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.wait(self.asked())
    }

    /// Why nothing can be written any more, where that is so.
    pub fn failure(&self) -> Option<CommitFailure> {
        self.shared.lock().failed.clone()
    }

    /// The version of the last change that was applied, durable or not.
    pub fn version_last(&self) -> u64 {
        self.shared.version_last.load(Ordering::SeqCst)
    }

    /// Lets every later commit fail: a write before it did.
    pub fn fail(&self, error: &StoreError) {
        self.shared.fail(CommitFailure::of(error));
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.asked.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was caught in it.
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
        tracing::error!(reason = %failure.to_error(), "a commit failed");
        if let Some(generation) = self.generation.upgrade() {
            generation.forget_applied();
        }
        self.lock().failed.get_or_insert(failure);
        self.committed.notify_all();
    }

    fn run(&self) {
        loop {
            let mut state = self.lock();
            while state.asked == state.committed && !state.closing {
                state = self.asked.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.asked == state.committed {
                return;
            }
            drop(state);
            self.write_lock.wait_until_idle(GATHERING_MAX);
            match catch_unwind(AssertUnwindSafe(|| self.commit())) {
                Ok(Ok(all)) => {
                    self.lock().committed = all;
                    self.committed.notify_all();
                }
                Ok(Err(error)) => return self.fail(CommitFailure::of(&error)),
                Err(panic) => return self.fail(CommitFailure::Other(panic_text(panic.as_ref()))),
            }
        }
    }

    /// Applies what waits and makes it durable. Gives the number of the last commit that this is.
    fn commit(&self) -> Result<u64, StoreError> {
        let Some(generation) = self.generation.upgrade() else {
            let reason = "the inventory is closed".to_owned();
            return Err(StoreError::ReadOnly { reason });
        };
        let mut pending = self.pending();
        let all = self.lock().asked;
        let Pending { changes, summary } = std::mem::take(&mut *pending);
        let summary_bytes = summary.as_ref().map(format::encode);
        if let (Some(summary), Some(bytes)) = (summary, &summary_bytes) {
            self.version_last.store(summary.version, Ordering::SeqCst);
            guarded("applying changes", || {
                self.snapshots.change(&generation, &changes, || {
                    apply(&generation, &changes, bytes)?;
                    generation.note_applied(summary);
                    Ok(())
                })
            })?;
        }
        // The next ones need not wait for the disk.
        drop(pending);
        guarded("making changes durable", || Ok(generation.db.flush()?))?;
        generation.note_durable();
        if let Some(summary) = summary_bytes {
            self.mark.note(generation.known(), &summary);
        }
        Ok(all)
    }
}

/// Applies changes and the encoded summary: all of it, or nothing. It is visible then, but not yet
/// durable.
fn apply(generation: &Generation, changes: &Changes, summary: &[u8]) -> Result<(), StoreError> {
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
            detail: "a change met a page whose checksum is wrong".to_owned(),
        },
        TransactionError::Storage(error) => StoreError::from(error),
        TransactionError::Abort(never) => never,
    })
}

/// Why nothing is written any more.
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
    /// Whether the database takes changes and reads again once it is opened anew.
    pub fn is_mended_by_opening(&self) -> bool {
        match self {
            CommitFailure::DiskFull
            | CommitFailure::FileSizeLimit
            | CommitFailure::Damaged { .. } => true,
            CommitFailure::Other(_) => false,
        }
    }

    pub fn of(error: &StoreError) -> Self {
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

    pub fn to_error(&self) -> StoreError {
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
