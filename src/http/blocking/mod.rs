//! Runs all blocking work for async code: the store, documents, files, argon2.
//!
//! Work is sorted into lanes. Each lane has a limited number of jobs that run at the same time, so
//! that imports cannot starve logins, and logins cannot use all the memory. A job that has started
//! runs to its end, also if its client has disconnected. A job that waits for its permit is dropped
//! with its client. Imports, exports and verifications can also be cancelled (`operations`).
//!
//! ```text
//! queue      the permits of a lane and the jobs that wait for one
//! read_pool  the threads of the quick lane
//! offloaded  values that only blocking code may use and drop
//! ```

mod offloaded;
mod queue;
mod read_pool;

use tokio::{sync::OwnedSemaphorePermit, task::spawn_blocking};
use tracing::Span;

pub(super) use self::offloaded::Offloaded;
use self::{
    queue::{Queue, QueuePlace},
    read_pool::ReadPool,
};

/// The kind of work of a job.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lane {
    /// Microseconds to milliseconds: one read of the store, a chunk of a file, a list.
    Quick,
    /// A change of the inventory: milliseconds, most of them spent waiting for the disk.
    Change,
    /// A walk over all instances of a kind: milliseconds to seconds of a core.
    Search,
    /// Rows and backups that are sent as fast as the client receives them: up to hours, nearly all of
    /// them spent waiting. A search moves to this lane when its result is long.
    Stream,
    /// Seconds to minutes: an import, an export, the check of an uploaded bundle.
    Operation,
    /// An argon2 check: 190 ms and 104 MB with the parameters of eNMS.
    Password,
    /// An argon2 check for a user who has logged in from the same address before. Wrong passwords from
    /// other addresses do not delay it.
    KnownPassword,
}

/// Jobs that run at the same time, by lane. Quick jobs share the threads of the [`ReadPool`].
/// Waiting changes share one flush, so more concurrent changes cost few more flushes; measured with
/// 64. Searches need a core each. A stream needs a thread and a few hundred KiB. Writers of the
/// store wait for each other; two more operations may read. A password check uses up to 104 MB.
const QUICK_JOBS_MAX: usize = 512;
const CHANGE_JOBS_MAX: usize = 64;
const SEARCH_JOBS_MAX: usize = 4;
pub(super) const STREAM_JOBS_MAX: usize = 32;
const OPERATION_JOBS_MAX: usize = 3;
const PASSWORD_JOBS_MAX: usize = 1;
const KNOWN_PASSWORD_JOBS_MAX: usize = 1;

/// Jobs that wait for a permit, by lane. Further jobs are refused with 503. A password check waits
/// at most 256 × 190 ms = 49 s, and those of one address take a quarter of the places
/// (`limited_places`). Nobody waits for a slow client to receive its stream.
const QUICK_WAITING_MAX: usize = 512;
const CHANGE_WAITING_MAX: usize = 1024;
const SEARCH_WAITING_MAX: usize = 256;
const STREAM_WAITING_MAX: usize = 0;
const OPERATION_WAITING_MAX: usize = 16;
pub(super) const PASSWORD_WAITING_MAX: usize = 256;
const KNOWN_PASSWORD_WAITING_MAX: usize = 256;

/// The reason why a job gave no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum BlockingError {
    #[error("no thread can be started")]
    NoThread(#[source] std::io::Error),
    #[error("too many jobs of this kind are waiting")]
    Busy,
    #[error("the job ended in a panic")]
    Panicked,
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// The lanes of the process. One for the process.
pub(super) struct Blocking {
    read_pool: ReadPool,
    quick: Queue,
    change: Queue,
    search: Queue,
    stream: Queue,
    operation: Queue,
    password: Queue,
    known_password: Queue,
}

impl Default for Blocking {
    fn default() -> Self {
        Self {
            read_pool: ReadPool::default(),
            quick: Queue::new(QUICK_JOBS_MAX, QUICK_WAITING_MAX),
            change: Queue::new(CHANGE_JOBS_MAX, CHANGE_WAITING_MAX),
            search: Queue::new(SEARCH_JOBS_MAX, SEARCH_WAITING_MAX),
            stream: Queue::new(STREAM_JOBS_MAX, STREAM_WAITING_MAX),
            operation: Queue::new(OPERATION_JOBS_MAX, OPERATION_WAITING_MAX),
            password: Queue::new(PASSWORD_JOBS_MAX, PASSWORD_WAITING_MAX),
            known_password: Queue::new(KNOWN_PASSWORD_JOBS_MAX, KNOWN_PASSWORD_WAITING_MAX),
        }
    }
}

impl Blocking {
    /// Runs a job on a thread that may block, and waits for its result.
    ///
    /// # Errors
    /// [`BlockingError::Busy`] if too many jobs wait in the lane; [`BlockingError::Panicked`] if
    /// the job panics; [`BlockingError::NoThread`] and [`BlockingError::ShuttingDown`] if no
    /// thread is available.
    pub(super) async fn run<T, F>(&self, lane: Lane, job: F) -> Result<T, BlockingError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = self.queue(lane).permit().await?;
        self.run_with_permit(lane, permit, job).await
    }

    /// Runs a job that has its permit, and releases the permit at the end of the job.
    async fn run_with_permit<T, F>(
        &self,
        lane: Lane,
        permit: OwnedSemaphorePermit,
        job: F,
    ) -> Result<T, BlockingError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        // The log lines of the job carry the id of the request.
        let span = Span::current();
        let job = move || {
            let _permit = permit;
            span.in_scope(job)
        };
        match lane {
            Lane::Quick => self.read_pool.run(job).await,
            Lane::Change
            | Lane::Search
            | Lane::Stream
            | Lane::Operation
            | Lane::Password
            | Lane::KnownPassword => spawn_blocking(job).await.map_err(|error| {
                if error.is_panic() { BlockingError::Panicked } else { BlockingError::ShuttingDown }
            }),
        }
    }

    /// Starts a job that reports its result in another way, such as a channel. The job gets its
    /// permit, and can exchange it for a permit of another lane.
    ///
    /// # Errors
    /// [`BlockingError::Busy`] or [`BlockingError::ShuttingDown`]
    pub(super) async fn start(
        &self,
        lane: Lane,
        job: Box<dyn FnOnce(LanePermit) + Send>,
    ) -> Result<(), BlockingError> {
        let permit = LanePermit { lane, permit: self.queue(lane).permit().await? };
        let span = Span::current();
        spawn_blocking(move || span.in_scope(|| job(permit)));
        Ok(())
    }

    /// Starts a job like [`start`](Self::start), without waiting for a permit. The job keeps the permit to
    /// its end.
    ///
    /// # Errors
    /// [`BlockingError::Busy`] if no permit is free, or [`BlockingError::ShuttingDown`].
    pub(super) fn start_now(
        &self,
        lane: Lane,
        job: Box<dyn FnOnce() + Send>,
    ) -> Result<(), BlockingError> {
        let permit = self.try_permit(lane)?;
        let span = Span::current();
        spawn_blocking(move || {
            let _permit = permit;
            span.in_scope(job);
        });
        Ok(())
    }

    /// Joins the queue of a lane without waiting.
    ///
    /// # Errors
    /// [`BlockingError::Busy`] if too many jobs wait already.
    pub(super) fn join_queue(&self, lane: Lane) -> Result<Queued, BlockingError> {
        Ok(Queued { lane, place: self.queue(lane).join()? })
    }

    /// Returns a permit of a lane if one is free. Does not wait.
    ///
    /// # Errors
    /// [`BlockingError::Busy`] or [`BlockingError::ShuttingDown`]
    pub(super) fn try_permit(&self, lane: Lane) -> Result<LanePermit, BlockingError> {
        Ok(LanePermit { lane, permit: self.queue(lane).try_permit()? })
    }

    /// Waits until no job runs, and refuses new jobs.
    pub(super) async fn drain(&self) {
        let Self {
            read_pool: _,
            quick,
            change,
            search,
            stream,
            operation,
            password,
            known_password,
        } = self;
        // A search can move to the lane of streams, so that lane is closed after the lane of
        // searches.
        for queue in [quick, change, search, stream, operation, password, known_password] {
            queue.drain().await;
        }
    }

    fn queue(&self, lane: Lane) -> &Queue {
        match lane {
            Lane::Quick => &self.quick,
            Lane::Change => &self.change,
            Lane::Search => &self.search,
            Lane::Stream => &self.stream,
            Lane::Operation => &self.operation,
            Lane::Password => &self.password,
            Lane::KnownPassword => &self.known_password,
        }
    }
}

/// The permit of one job to run in a lane, released when this is dropped.
pub(super) struct LanePermit {
    lane: Lane,
    permit: OwnedSemaphorePermit,
}

/// A place in the queue of a lane.
pub(super) struct Queued {
    lane: Lane,
    place: QueuePlace,
}

impl Queued {
    /// Waits for the permit.
    ///
    /// # Errors
    /// [`BlockingError::ShuttingDown`]
    pub(super) async fn permit(self) -> Result<LanePermit, BlockingError> {
        Ok(LanePermit { lane: self.lane, permit: self.place.permit().await? })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::{read_pool::THREADS_MAX, *};

    #[tokio::test]
    async fn a_full_queue_refuses_jobs_until_it_empties() {
        let blocking = Arc::new(Blocking::default());
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(std::sync::Mutex::new(released));
        let jobs: Vec<_> = (0..PASSWORD_JOBS_MAX + PASSWORD_WAITING_MAX)
            .map(|_| {
                let (blocking, released) = (blocking.clone(), released.clone());
                tokio::spawn(async move {
                    let job = move || released.lock().unwrap().recv().unwrap();
                    blocking.run(Lane::Password, job).await
                })
            })
            .collect();
        while blocking.password.waiting() < PASSWORD_WAITING_MAX {
            tokio::task::yield_now().await;
        }
        let refused = blocking.run(Lane::Password, || ()).await;
        assert!(matches!(refused, Err(BlockingError::Busy)));
        // Other lanes are not affected.
        blocking.run(Lane::Quick, || ()).await.unwrap();

        for _ in &jobs {
            release.send(()).unwrap();
        }
        for job in jobs {
            job.await.unwrap().unwrap();
        }
        blocking.run(Lane::Password, || ()).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_releases_its_permit() {
        let blocking = Blocking::default();
        for _ in 0..=PASSWORD_JOBS_MAX {
            let result = blocking.run(Lane::Password, || panic!("on purpose")).await;
            assert!(matches!(result, Err(BlockingError::Panicked)));
        }
    }

    #[tokio::test]
    async fn draining_waits_for_a_job_whose_client_disconnected() {
        let blocking = Arc::new(Blocking::default());
        let (started, has_started) = mpsc::channel();
        let (ended, has_ended) = mpsc::channel();
        let client = tokio::spawn({
            let blocking = blocking.clone();
            async move {
                let job = move || {
                    started.send(()).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    ended.send(()).unwrap();
                };
                blocking.run(Lane::Operation, job).await
            }
        });
        tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
        client.abort();
        blocking.drain().await;
        assert!(has_ended.try_recv().is_ok());
        let late = blocking.run(Lane::Operation, || ()).await;
        assert!(matches!(late, Err(BlockingError::ShuttingDown)));
    }

    #[tokio::test]
    async fn read_pool_jobs_return_their_results_and_a_panic_is_an_error() {
        let pool = ReadPool::default();
        for number in 0..100 {
            assert_eq!(pool.run(move || number * 2).await.unwrap(), number * 2);
        }
        let result = pool.run(|| panic!("on purpose")).await;
        assert!(matches!(result, Err::<(), _>(BlockingError::Panicked)));
        assert_eq!(pool.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_read_pool_job_does_not_wait_for_blocked_jobs() {
        let pool = Arc::new(ReadPool::default());
        let (started, has_started) = mpsc::channel();
        let mut releases = Vec::new();
        let mut blocked = Vec::new();
        for _ in 0..THREADS_MAX - 1 {
            let (release, released) = mpsc::channel::<()>();
            let (pool, started) = (pool.clone(), started.clone());
            blocked.push(tokio::spawn(async move {
                let job = move || {
                    started.send(()).unwrap();
                    released.recv().unwrap();
                };
                pool.run(job).await
            }));
            releases.push(release);
        }
        tokio::task::spawn_blocking(move || {
            (0..THREADS_MAX - 1).for_each(|_| has_started.recv().unwrap());
        })
        .await
        .unwrap();
        // All threads but one are blocked.
        for number in 0..50 {
            assert_eq!(pool.run(move || number).await.unwrap(), number);
        }
        releases.into_iter().for_each(|release| release.send(()).unwrap());
        for job in blocked {
            job.await.unwrap().unwrap();
        }
    }
}
