//! The queue of a lane: the permits of the jobs that run, and a limit on the jobs that wait.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::BlockingError;

/// The permits of one lane, and the number of jobs that wait for one.
pub(super) struct Queue {
    permits: Arc<Semaphore>,
    jobs_max: usize,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
}

impl Queue {
    /// Creates a queue: `jobs_max` jobs run at the same time, and `waiting_max` jobs can wait.
    pub(super) fn new(jobs_max: usize, waiting_max: usize) -> Self {
        let permits = Arc::new(Semaphore::new(jobs_max));
        Self { permits, jobs_max, waiting: Arc::default(), waiting_max }
    }

    /// Joins the queue.
    ///
    /// # Errors
    /// [`BlockingError::Busy`] if too many jobs wait already.
    pub(super) fn join(&self) -> Result<QueuePlace, BlockingError> {
        let waiting_before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = QueuePlace { permits: self.permits.clone(), waiting: self.waiting.clone() };
        if waiting_before < self.waiting_max { Ok(place) } else { Err(BlockingError::Busy) }
    }

    /// Joins the queue and waits for a permit.
    ///
    /// # Errors
    /// [`BlockingError::Busy`] or [`BlockingError::ShuttingDown`]
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, BlockingError> {
        self.join()?.permit().await
    }

    /// Returns a permit if one is free.
    ///
    /// # Errors
    /// [`BlockingError::Busy`] or [`BlockingError::ShuttingDown`]
    pub(super) fn try_permit(&self) -> Result<OwnedSemaphorePermit, BlockingError> {
        self.permits.clone().try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits => BlockingError::Busy,
            TryAcquireError::Closed => BlockingError::ShuttingDown,
        })
    }

    /// Waits until no job runs, and refuses new jobs.
    pub(super) async fn drain(&self) {
        let jobs_max = u32::try_from(self.jobs_max).unwrap_or(u32::MAX);
        // Fails only if the queue was drained before.
        let _ = self.permits.acquire_many(jobs_max).await;
        self.permits.close();
    }

    /// Returns the number of jobs that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// A place in a queue. Dropping it leaves the queue.
pub(super) struct QueuePlace {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl QueuePlace {
    /// Waits for a permit, and leaves the queue.
    ///
    /// # Errors
    /// [`BlockingError::ShuttingDown`]
    pub(super) async fn permit(self) -> Result<OwnedSemaphorePermit, BlockingError> {
        self.permits.clone().acquire_owned().await.map_err(|_| BlockingError::ShuttingDown)
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
