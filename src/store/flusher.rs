//! Shared flushes: everyone who waits for the disk waits for the same flush.
//!
//! One thread calls sled's blocking `flush`; sled's `flush_async` deadlocks when it is called
//! from many threads.
//!
//! While it flushes, sled holds a lock (for all databases of the process) that a transaction takes
//! exclusively. Left to itself, every flush would carry one change, and the change that waits for
//! the flush would let every read wait too. So a change waits at a gate of ours instead, and a
//! flush first lets those through who are on their way.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{StoreError, generation::panic_text, turn::Turns};

/// How long a flush waits for the changes that are on their way: a few times as long as a flush
/// takes on a good disk. When there are none, it does not wait.
const GATHERING_MAX: Duration = Duration::from_millis(5);

/// Flushes one database for all who ask.
pub(super) struct Flusher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    asked: Condvar,
    flushed: Condvar,
    gate: Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The number of the last flush that was asked for.
    asked: u64,
    /// The number up to which everything is durable.
    flushed: u64,
    /// Why nothing is flushed any more.
    failed: Option<Failure>,
    closing: bool,
}

/// Why nothing is written any more.
#[derive(Clone)]
pub(super) enum Failure {
    DiskFull,
    Other(String),
}

/// The number of a flush: who waits for it waits for everything that was written before it was
/// asked for.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flusher {
    /// Starts the thread. The turns say who is on their way.
    pub fn start(db: sled::Db, turns: Arc<Turns>) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let thread = thread::Builder::new()
            .name("flusher".to_owned())
            .spawn(move || theirs.run(&db, &turns))
            .map_err(StoreError::io("starting a thread"))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The gate: nothing is flushed while it is held. To be held while a change is applied.
    pub fn gate(&self) -> MutexGuard<'_, ()> {
        self.shared.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a flush of everything that was written before this call.
    pub fn ask(&self) -> Ticket {
        let mut state = self.shared.lock();
        state.asked += 1;
        self.shared.asked.notify_one();
        Ticket(state.asked)
    }

    /// The last flush that was asked for. Nothing that is visible needs a later one.
    pub fn asked(&self) -> Ticket {
        Ticket(self.shared.lock().asked)
    }

    /// Returns when that flush is done.
    ///
    /// # Errors
    /// Why it is not. From then on every flush fails: what sled holds in memory may not be what is
    /// on the disk.
    pub fn wait(&self, Ticket(mine): Ticket) -> Result<(), StoreError> {
        let mut state = self.shared.lock();
        while state.flushed < mine {
            if let Some(failure) = &state.failed {
                return Err(failure.to_error());
            }
            let waited = self.shared.flushed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Why nothing can be written any more, where that is so.
    pub fn failure(&self) -> Result<(), StoreError> {
        match &self.shared.lock().failed {
            Some(failure) => Err(failure.to_error()),
            None => Ok(()),
        }
    }

    /// Lets every later flush fail: a write before it did.
    pub fn fail(&self, error: &StoreError) {
        let failure = Failure::of(error);
        self.shared.lock().failed.get_or_insert(failure);
        self.shared.flushed.notify_all();
    }
}

impl Drop for Flusher {
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
    fn run(&self, db: &sled::Db, turns: &Turns) {
        loop {
            let mut state = self.lock();
            while state.asked == state.flushed && !state.closing {
                state = self.asked.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.closing && state.asked == state.flushed {
                return;
            }
            drop(state);
            turns.wait_until_idle(GATHERING_MAX);
            let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
            let all = self.lock().asked;
            let flushed = catch_unwind(AssertUnwindSafe(|| db.flush()));
            drop(gate);
            let mut state = self.lock();
            match flushed {
                Ok(Ok(_)) => state.flushed = all,
                Ok(Err(error)) => {
                    state.failed = Some(Failure::of(&error.into()));
                }
                Err(panic) => {
                    state.failed = Some(Failure::Other(panic_text(panic.as_ref())));
                }
            }
            let failed = state.failed.is_some();
            drop(state);
            self.flushed.notify_all();
            if failed {
                return;
            }
        }
    }
}

impl Failure {
    pub fn of(error: &StoreError) -> Self {
        match error {
            StoreError::DiskFull => Failure::DiskFull,
            StoreError::ReadOnly { reason } => Failure::Other(reason.clone()),
            other => Failure::Other(other.to_string()),
        }
    }

    pub fn to_error(&self) -> StoreError {
        match self {
            Failure::DiskFull => StoreError::DiskFull,
            Failure::Other(reason) => StoreError::ReadOnly { reason: reason.clone() },
        }
    }
}
