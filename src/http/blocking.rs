//! The one door from async code to work that blocks: the store, documents, files, argon2.
//!
//! The work is sorted into lanes with a bounded number of threads each, so that imports cannot
//! starve logins, nor logins take all the memory. A job that has begun runs to its end, whether
//! or not the client still waits; a job that waits for its turn leaves with its client. Imports,
//! exports and verifications are jobs of another kind as well, which can be cancelled
//! (`operations`).

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::task::spawn_blocking;

use super::job::{self, Job, Work};
use super::readers::{ReaderError, Readers};

/// What sort of work a job is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lane {
    /// Milliseconds: one read of the store, a piece of a file, a list.
    Quick,
    /// A change of the inventory: milliseconds, most of them spent waiting for the disk.
    Change,
    /// A walk over all instances of a kind: milliseconds to seconds of a core.
    Search,
    /// Rows on their way to a client that takes them as fast as it likes: up to hours, nearly all
    /// of them spent waiting. Nothing begins in this lane: a search moves to it when its result
    /// turns out to be long.
    Stream,
    /// Seconds to minutes: an import, an export, the check of an uploaded bundle.
    Operation,
    /// An argon2 check: 190 ms and 104 MB with the parameters of eNMS.
    Password,
}

/// Jobs at the same time, by lane. Quick jobs share the threads of [`Readers`]. Changes
/// wait for a flush that they share: the more wait, the more share it, and 64 are as many as the
/// store's batches are measured with. Searches need a core each, and there are few. A stream needs
/// a thread, a few hundred KiB for what waits to be sent, and nothing else. Writers of the store wait
/// for each other anyway; two more operations may read. Two password checks take 208 MB.
const QUICK_JOBS_MAX: usize = 512;
const CHANGE_JOBS_MAX: usize = 64;
const SEARCH_JOBS_MAX: usize = 4;
const STREAM_JOBS_MAX: usize = 32;
const OPERATION_JOBS_MAX: usize = 3;
const PASSWORD_JOBS_MAX: usize = 2;

/// Jobs waiting for their turn, by lane; who comes then is told to come again. A password waits
/// at most 32 / 2 × 190 ms = 3 s. Nobody waits for a slow client to be done with its stream.
const QUICK_WAITING_MAX: usize = 512;
const CHANGE_WAITING_MAX: usize = 1024;
const SEARCH_WAITING_MAX: usize = 256;
const STREAM_WAITING_MAX: usize = 0;
const OPERATION_WAITING_MAX: usize = 16;
const PASSWORD_WAITING_MAX: usize = 32;

/// Why a job gave no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum BlockingError {
    #[error("no thread can be started")]
    NoThread(#[source] std::io::Error),
    #[error("too much of this work is waiting already")]
    Busy,
    #[error("the job ended in a panic")]
    Panicked,
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl From<ReaderError> for BlockingError {
    fn from(error: ReaderError) -> Self {
        match error {
            ReaderError::Panicked => Self::Panicked,
            ReaderError::NoThread(error) => Self::NoThread(error),
        }
    }
}

/// The door. One for the process.
pub(super) struct Blocking {
    readers: Readers,
    quick: Queue,
    change: Queue,
    search: Queue,
    stream: Queue,
    operation: Queue,
    password: Queue,
}

struct Queue {
    turns: Arc<Semaphore>,
    jobs_max: usize,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
}

impl Default for Blocking {
    fn default() -> Self {
        Self {
            readers: Readers::default(),
            quick: Queue::new(QUICK_JOBS_MAX, QUICK_WAITING_MAX),
            change: Queue::new(CHANGE_JOBS_MAX, CHANGE_WAITING_MAX),
            search: Queue::new(SEARCH_JOBS_MAX, SEARCH_WAITING_MAX),
            stream: Queue::new(STREAM_JOBS_MAX, STREAM_WAITING_MAX),
            operation: Queue::new(OPERATION_JOBS_MAX, OPERATION_WAITING_MAX),
            password: Queue::new(PASSWORD_JOBS_MAX, PASSWORD_WAITING_MAX),
        }
    }
}

impl Blocking {
    /// Runs a job on a thread of its own and waits for the result.
    pub(super) fn run<T, F>(
        &self,
        lane: Lane,
        job: F,
    ) -> impl Future<Output = Result<T, BlockingError>> + Send
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let work = job::boxed(job);
        async move { result::<T, F>(self.in_turn(lane, work).await) }
    }

    fn begin<T, F>(
        &self,
        lane: Lane,
        turn: OwnedSemaphorePermit,
        job: F,
    ) -> impl Future<Output = Result<T, BlockingError>> + Send
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let work = job::boxed(job);
        async move { result::<T, F>(self.with_turn(lane, turn, work).await) }
    }

    async fn in_turn(
        &self,
        lane: Lane,
        work: Box<dyn Work>,
    ) -> Result<Box<dyn Work>, BlockingError> {
        let turn = self.queue(lane).turn().await?;
        self.with_turn(lane, turn, work).await
    }

    async fn with_turn(
        &self,
        lane: Lane,
        turn: OwnedSemaphorePermit,
        work: Box<dyn Work>,
    ) -> Result<Box<dyn Work>, BlockingError> {
        let job = Job::new(work, Some(turn));
        match lane {
            Lane::Quick => Ok(self.readers.run(job).await?),
            Lane::Change | Lane::Search | Lane::Stream | Lane::Operation | Lane::Password => {
                spawn_blocking(|| job.run()).await.map_err(|error| {
                    if error.is_panic() {
                        BlockingError::Panicked
                    } else {
                        BlockingError::ShuttingDown
                    }
                })
            }
        }
    }

    /// Lets a job begin on a thread of its own, for what it sends by other ways. The job holds
    /// its turn, and may change it for one of another lane.
    pub(super) async fn start(
        &self,
        lane: Lane,
        job: Box<dyn FnOnce(Turn) + Send>,
    ) -> Result<(), BlockingError> {
        let turn = Turn(self.queue(lane).turn().await?);
        let span = tracing::Span::current();
        spawn_blocking(move || span.in_scope(|| job(turn)));
        Ok(())
    }

    /// Takes a place in the queue of a lane.
    ///
    /// # Errors
    /// [`BlockingError::Busy`] when too many wait already.
    pub(super) fn queue_up(&self, lane: Lane) -> Result<Queued, BlockingError> {
        let queue = self.queue(lane);
        let place = Place::take(&queue.waiting);
        if place.waiting_before >= queue.waiting_max {
            return Err(BlockingError::Busy);
        }
        Ok(Queued { lane, turns: queue.turns.clone(), _place: place })
    }

    /// A turn in a lane, if one is free just now. Does not wait.
    pub(super) fn try_turn(&self, lane: Lane) -> Result<Turn, BlockingError> {
        match self.queue(lane).turns.clone().try_acquire_owned() {
            Ok(turn) => Ok(Turn(turn)),
            Err(TryAcquireError::NoPermits) => Err(BlockingError::Busy),
            Err(TryAcquireError::Closed) => Err(BlockingError::ShuttingDown),
        }
    }

    /// Waits until no job runs, and lets no new one begin.
    pub(super) async fn drain(&self) {
        let Self { readers: _, quick, change, search, stream, operation, password } = self;
        // A search may move to the lane of streams: that one is closed after it.
        for queue in [quick, change, search, stream, operation, password] {
            let jobs_max = u32::try_from(queue.jobs_max).unwrap_or(u32::MAX);
            // Fails only if it was closed before, which is the state asked for.
            let _ = queue.turns.acquire_many(jobs_max).await;
            queue.turns.close();
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
        }
    }
}

/// What a job that has run gives: nothing after a panic.
fn result<T, F>(worked: Result<Box<dyn Work>, BlockingError>) -> Result<T, BlockingError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    job::result::<T, F>(worked?).ok_or(BlockingError::Panicked)
}

/// A job's place in its lane, given back when this is dropped.
pub(super) struct Turn(
    #[expect(dead_code, reason = "what it does, it does when it is dropped")] OwnedSemaphorePermit,
);

/// A place in the queue of a lane.
pub(super) struct Queued {
    lane: Lane,
    turns: Arc<Semaphore>,
    _place: Place,
}

/// A turn in a lane, for one job.
pub(super) struct LaneTurn {
    lane: Lane,
    turn: OwnedSemaphorePermit,
}

impl Queued {
    /// Waits for the turn.
    ///
    /// # Errors
    /// [`BlockingError::ShuttingDown`]
    pub(super) async fn turn(self) -> Result<LaneTurn, BlockingError> {
        let turn = self.turns.acquire_owned().await.map_err(|_| BlockingError::ShuttingDown)?;
        Ok(LaneTurn { lane: self.lane, turn })
    }
}

impl Queue {
    fn new(jobs_max: usize, waiting_max: usize) -> Self {
        let turns = Arc::new(Semaphore::new(jobs_max));
        Self { turns, jobs_max, waiting: Arc::default(), waiting_max }
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, BlockingError> {
        let place = Place::take(&self.waiting);
        if place.waiting_before >= self.waiting_max {
            return Err(BlockingError::Busy);
        }
        self.turns.clone().acquire_owned().await.map_err(|_| BlockingError::ShuttingDown)
    }
}

/// A place in the queue, given up when the wait ends, however it ends.
struct Place {
    waiting: Arc<AtomicUsize>,
    waiting_before: usize,
}

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Self {
        let waiting_before = waiting.fetch_add(1, Ordering::Relaxed);
        Self { waiting: waiting.clone(), waiting_before }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A value whose every use blocks, its drop included: a file, an upload that is removed when it
/// is not finished.
pub(super) struct Offloaded<T: Send + 'static> {
    blocking: Arc<Blocking>,
    /// None only while a job has it, and after a job that panicked.
    value: Option<T>,
}

impl<T: Send + 'static> Offloaded<T> {
    /// Keeps the value away from async code.
    pub(super) fn new(blocking: Arc<Blocking>, value: T) -> Self {
        Self { blocking, value: Some(value) }
    }

    /// Uses the value in a job.
    pub(super) async fn with<R, F>(&mut self, lane: Lane, job: F) -> Result<R, BlockingError>
    where
        R: Send + 'static,
        F: FnOnce(&mut T) -> R + Send + 'static,
    {
        let use_ = move |mut value: T| {
            let result = job(&mut value);
            (value, result)
        };
        let (value, result) = self.use_value(lane, use_).await?;
        self.value = Some(value);
        Ok(result)
    }

    /// Uses the value up in a job whose turn has come.
    pub(super) async fn consume_in_turn<R, F>(
        mut self,
        turn: LaneTurn,
        job: F,
    ) -> Result<R, BlockingError>
    where
        R: Send + 'static,
        F: FnOnce(T) -> R + Send + 'static,
    {
        let LaneTurn { lane, turn } = turn;
        let value = self.value.take().ok_or(BlockingError::Panicked)?;
        self.blocking.begin(lane, turn, move || job(value)).await
    }

    /// The value itself, for a caller that keeps it away from async code in another way.
    ///
    /// # Errors
    /// [`BlockingError::Panicked`] after a job that did.
    pub(super) fn into_inner(mut self) -> Result<T, BlockingError> {
        self.value.take().ok_or(BlockingError::Panicked)
    }

    /// Uses the value up in a job.
    pub(super) async fn consume<R, F>(mut self, lane: Lane, job: F) -> Result<R, BlockingError>
    where
        R: Send + 'static,
        F: FnOnce(T) -> R + Send + 'static,
    {
        self.use_value(lane, job).await
    }

    async fn use_value<R, F>(&mut self, lane: Lane, job: F) -> Result<R, BlockingError>
    where
        R: Send + 'static,
        F: FnOnce(T) -> R + Send + 'static,
    {
        // Who leaves while waiting leaves the value where it is.
        let turn = self.blocking.queue(lane).turn().await?;
        let value = self.value.take().ok_or(BlockingError::Panicked)?;
        self.blocking.begin(lane, turn, move || job(value)).await
    }
}

impl<T: Send + 'static> Drop for Offloaded<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            drop_blocking(Box::new(value));
        }
    }
}

fn drop_blocking(value: Box<dyn Any + Send>) {
    // Without a runtime there are no async threads to keep free.
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn_blocking(move || drop(value));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_turns_away_and_empties() {
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
        while blocking.password.waiting.load(Ordering::Relaxed) < PASSWORD_WAITING_MAX {
            tokio::task::yield_now().await;
        }
        let refused = blocking.run(Lane::Password, || ()).await;
        assert!(matches!(refused, Err(BlockingError::Busy)));
        // Another lane goes on.
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
    async fn a_panic_is_an_error_and_its_turn_comes_back() {
        let blocking = Blocking::default();
        for _ in 0..=PASSWORD_JOBS_MAX {
            let result = blocking.run(Lane::Password, || panic!("on purpose")).await;
            assert!(matches!(result, Err(BlockingError::Panicked)));
        }
    }

    #[tokio::test]
    async fn draining_waits_for_a_job_whose_client_left() {
        let blocking = Arc::new(Blocking::default());
        let (begun, has_begun) = mpsc::channel();
        let (ended, has_ended) = mpsc::channel();
        let client = tokio::spawn({
            let blocking = blocking.clone();
            async move {
                let job = move || {
                    begun.send(()).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    ended.send(()).unwrap();
                };
                blocking.run(Lane::Operation, job).await
            }
        });
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        client.abort();
        blocking.drain().await;
        assert!(has_ended.try_recv().is_ok());
        let late = blocking.run(Lane::Operation, || ()).await;
        assert!(matches!(late, Err(BlockingError::ShuttingDown)));
    }
}
