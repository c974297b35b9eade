//! Threads for work of microseconds that may block: reads of the store, pieces of files.
//!
//! Waking a thread costs more than such a job. So while one reader is awake the next job waits for
//! it, and only a queue that grows, or a job that waits too long because the one before it really
//! blocks, wakes another. Under load nobody sleeps, and nobody has to be woken.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::job::{Job, Work};

/// Readers at the same time. They wait for the disk rather than for a core.
const READERS_MAX: usize = 16;

/// Jobs that one reader is left alone with.
const JOBS_PER_READER: usize = 8;

/// How long a job waits before another reader is woken for it: a few times what a queue of jobs
/// takes that do not block.
const PATIENCE: Duration = Duration::from_millis(2);

/// Why a job gave no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReaderError {
    #[error("the job ended in a panic")]
    Panicked,
    #[error("no thread can be started")]
    NoThread(#[source] io::Error),
}

/// The readers. Threads are started when they are needed first, and end when this is dropped.
#[derive(Default)]
pub(super) struct Readers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Queued>,
    /// Readers that run, or are on their way to.
    awake: usize,
    asleep: usize,
    /// Of those asleep, how many are called.
    called: usize,
    closing: bool,
}

/// A job, and who waits for it.
struct Queued {
    job: Job,
    done: oneshot::Sender<Box<dyn Work>>,
}

impl Queued {
    fn run(self) {
        let Self { job, done } = self;
        // After a panic nothing is sent, which says so.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            // Who does not wait any more does not need it.
            let _ = done.send(job.run());
        }));
    }
}

impl Readers {
    /// Runs a job on one of the threads and waits for it.
    pub async fn run(&self, job: Job) -> Result<Box<dyn Work>, ReaderError> {
        let (done, mut is_done) = oneshot::channel();
        self.push(Queued { job, done })?;
        let work = match timeout(PATIENCE, &mut is_done).await {
            Ok(work) => work,
            Err(_) => {
                self.hurry()?;
                is_done.await
            }
        };
        work.map_err(|_| ReaderError::Panicked)
    }

    /// Puts a job in the queue, and wakes who is missing for one that is so long.
    fn push(&self, job: Queued) -> Result<(), ReaderError> {
        let mut state = self.0.lock();
        state.jobs.push_back(job);
        let wanted = 1 + state.jobs.len() / JOBS_PER_READER;
        self.wake(state, wanted)
    }

    /// Wakes one more reader, if there is something for it to do.
    fn hurry(&self) -> Result<(), ReaderError> {
        let state = self.0.lock();
        let wanted = if state.jobs.is_empty() { 0 } else { state.awake + 1 };
        self.wake(state, wanted)
    }

    /// Wakes a reader, or starts one, where fewer are awake than are wanted.
    fn wake(&self, mut state: MutexGuard<'_, State>, wanted: usize) -> Result<(), ReaderError> {
        if state.awake >= wanted.min(READERS_MAX) {
            return Ok(());
        }
        if state.asleep > state.called {
            state.called += 1;
            state.awake += 1;
            drop(state);
            self.0.work.notify_one();
            return Ok(());
        }
        let shared = self.0.clone();
        let started = thread::Builder::new().name("reader".to_owned()).spawn(move || shared.read());
        match started {
            Ok(_) => state.awake += 1,
            // Those who are awake will come to it.
            Err(_) if state.awake > 0 => {}
            Err(error) => {
                state.jobs.pop_back();
                return Err(ReaderError::NoThread(error));
            }
        }
        Ok(())
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.0.lock().closing = true;
        self.0.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) {
        let mut state = self.lock();
        let mut is_rested = false;
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job.run();
                is_rested = false;
                state = self.lock();
            } else if state.closing {
                return;
            } else if !is_rested {
                // Those who make work come first: it is cheaper to look again than to be woken.
                drop(state);
                thread::yield_now();
                is_rested = true;
                state = self.lock();
            } else {
                state.awake -= 1;
                state.asleep += 1;
                while state.called == 0 && !state.closing {
                    state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                // Who is called was counted as awake by the one who called.
                state.called = state.called.saturating_sub(1);
                state.asleep -= 1;
                is_rested = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::job;
    use super::*;

    async fn run<T, F>(readers: &Readers, work: F) -> Result<T, ReaderError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let done = readers.run(Job::new(job::boxed(work), None)).await?;
        Ok(job::result::<T, F>(done).expect("it has run"))
    }

    #[tokio::test]
    async fn jobs_give_their_results_and_a_panic_is_an_error() {
        let readers = Readers::default();
        for number in 0..100 {
            assert_eq!(run(&readers, move || number * 2).await.unwrap(), number * 2);
        }
        let result = run(&readers, || panic!("on purpose")).await;
        assert!(matches!(result, Err::<(), _>(ReaderError::Panicked)));
        assert_eq!(run(&readers, || 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_job_does_not_wait_for_one_that_blocks() {
        let readers = Arc::new(Readers::default());
        let (begun, has_begun) = mpsc::channel();
        let mut releases = Vec::new();
        let mut blocked = Vec::new();
        for _ in 0..READERS_MAX - 1 {
            let (release, released) = mpsc::channel::<()>();
            let (readers, begun) = (readers.clone(), begun.clone());
            blocked.push(tokio::spawn(async move {
                let job = move || {
                    begun.send(()).unwrap();
                    released.recv().unwrap();
                };
                run(&readers, job).await
            }));
            releases.push(release);
        }
        tokio::task::spawn_blocking(move || {
            (0..READERS_MAX - 1).for_each(|_| has_begun.recv().unwrap());
        })
        .await
        .unwrap();
        // All but one are blocked, and one is left for everyone else.
        for number in 0..50 {
            assert_eq!(run(&readers, move || number).await.unwrap(), number);
        }
        releases.into_iter().for_each(|release| release.send(()).unwrap());
        for job in blocked {
            job.await.unwrap().unwrap();
        }
    }
}
