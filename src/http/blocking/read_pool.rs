//! The read pool: threads for work of microseconds that may block, such as reads of the store and
//! chunks of files.
//!
//! Waking a thread costs more than such a job. So while one thread is awake, the next job waits for
//! it. Another thread is woken only if the queue grows, or if a job waits too long because the job
//! before it really blocks. Under load no thread sleeps, and none has to be woken.
//!
//! `benches/read_pool.rs` compares it with `tokio::task::spawn_blocking`, by jobs of 3 µs on two cores:
//! as many jobs a second for one waiting client, 1.5 times as many for 4, 7 to 8 times as many for 16
//! and 64.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use super::BlockingError;

/// The largest number of threads. They wait for the disk rather than for a core.
pub(super) const THREADS_MAX: usize = 16;

/// The jobs in the queue for each thread that is awake. More jobs wake another thread.
const JOBS_PER_THREAD: usize = 8;

/// The time for which a job waits before another thread is woken for it: a few times the duration
/// of a queue of jobs that do not block.
const WAKE_UP_DELAY: Duration = Duration::from_millis(2);

/// The threads. They are started when they are first needed, and end when the pool is dropped.
#[derive(Default)]
pub(super) struct ReadPool(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<JobQueue>,
    wake_up: Condvar,
}

#[derive(Default)]
struct JobQueue {
    jobs: VecDeque<Box<dyn FnOnce() + Send>>,
    /// Threads that run, or were woken.
    awake: usize,
    asleep: usize,
    /// The sleeping threads that were woken and have not noticed yet.
    woken: usize,
    closing: bool,
}

impl ReadPool {
    /// Runs a job on one of the threads and waits for its result.
    ///
    /// # Errors
    /// [`BlockingError::Panicked`] if the job panics; [`BlockingError::NoThread`] if the pool has
    /// no thread and cannot start one.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BlockingError> {
        let (sender, mut result) = oneshot::channel();
        self.push(Box::new(move || {
            // Fails if the caller does not wait any more.
            let _ = sender.send(job());
        }))?;
        let result = match timeout(WAKE_UP_DELAY, &mut result).await {
            Ok(result) => result,
            Err(_) => {
                self.wake_for_waiting_job()?;
                result.await
            }
        };
        // A job that panics drops its sender.
        result.map_err(|_| BlockingError::Panicked)
    }

    /// Adds a job to the queue, and wakes a thread if too few are awake for the queue's length.
    fn push(&self, job: Box<dyn FnOnce() + Send>) -> Result<(), BlockingError> {
        let mut queue = self.0.lock();
        queue.jobs.push_back(job);
        let needed = 1 + queue.jobs.len() / JOBS_PER_THREAD;
        self.wake(queue, needed)
    }

    /// Wakes one more thread if a job waits.
    fn wake_for_waiting_job(&self) -> Result<(), BlockingError> {
        let queue = self.0.lock();
        let needed = if queue.jobs.is_empty() { 0 } else { queue.awake + 1 };
        self.wake(queue, needed)
    }

    /// Wakes or starts a thread if fewer are awake than needed.
    fn wake(
        &self,
        mut queue: MutexGuard<'_, JobQueue>,
        needed: usize,
    ) -> Result<(), BlockingError> {
        if queue.awake >= needed.min(THREADS_MAX) {
            return Ok(());
        }
        if queue.asleep > queue.woken {
            queue.woken += 1;
            queue.awake += 1;
            drop(queue);
            self.0.wake_up.notify_one();
            return Ok(());
        }
        let shared = self.0.clone();
        let started =
            thread::Builder::new().name("reader".to_owned()).spawn(move || shared.run_jobs());
        match started {
            Ok(_) => queue.awake += 1,
            // The threads that are awake will run the job.
            Err(_) if queue.awake > 0 => {}
            Err(error) => {
                queue.jobs.pop_back();
                return Err(BlockingError::NoThread(error));
            }
        }
        Ok(())
    }
}

impl Drop for ReadPool {
    fn drop(&mut self) {
        self.0.lock().closing = true;
        self.0.wake_up.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, JobQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs jobs until the pool is dropped: the main function of every thread.
    fn run_jobs(&self) {
        let mut queue = self.lock();
        let mut has_yielded = false;
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                // The caller sees a panic as a dropped sender.
                let _ = catch_unwind(AssertUnwindSafe(job));
                has_yielded = false;
                queue = self.lock();
            } else if queue.closing {
                return;
            } else if has_yielded {
                queue.awake -= 1;
                queue.asleep += 1;
                while queue.woken == 0 && !queue.closing {
                    queue = self.wake_up.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                // The caller that woke this thread has counted it as awake.
                queue.woken = queue.woken.saturating_sub(1);
                queue.asleep -= 1;
                has_yielded = false;
            } else {
                // Lets the async threads add jobs: looking again is cheaper than being woken.
                drop(queue);
                thread::yield_now();
                has_yielded = true;
                queue = self.lock();
            }
        }
    }
}
