//! Values that only blocking code may use and drop.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Blocking, BlockingError, Lane, LanePermit};

/// A value whose methods and drop can block: a file, or an upload that is removed if it is not
/// completed.
pub(in crate::http) struct Offloaded<T: Send + 'static> {
    blocking: Arc<Blocking>,
    /// `None` while a job has the value, and after a job that panicked.
    value: Option<T>,
}

impl<T: Send + 'static> Offloaded<T> {
    pub(in crate::http) fn new(blocking: Arc<Blocking>, value: T) -> Self {
        Self { blocking, value: Some(value) }
    }

    /// Uses the value in a job.
    ///
    /// # Errors
    /// As [`Blocking::run`]; [`BlockingError::Panicked`] also after an earlier job that panicked.
    pub(in crate::http) async fn with<R, F>(
        &mut self,
        lane: Lane,
        job: F,
    ) -> Result<R, BlockingError>
    where
        R: Send + 'static,
        F: FnOnce(&mut T) -> R + Send + 'static,
    {
        let job = move |mut value: T| {
            let result = job(&mut value);
            (value, result)
        };
        let (value, result) = self.run(lane, job).await?;
        self.value = Some(value);
        Ok(result)
    }

    /// Consumes the value in a job.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub(in crate::http) async fn consume<R, F>(
        mut self,
        lane: Lane,
        job: F,
    ) -> Result<R, BlockingError>
    where
        R: Send + 'static,
        F: FnOnce(T) -> R + Send + 'static,
    {
        self.run(lane, job).await
    }

    /// Consumes the value in a job that has its permit.
    ///
    /// # Errors
    /// As [`with`](Self::with), without [`BlockingError::Busy`].
    pub(in crate::http) async fn consume_with_permit<R, F>(
        mut self,
        permit: LanePermit,
        job: F,
    ) -> Result<R, BlockingError>
    where
        R: Send + 'static,
        F: FnOnce(T) -> R + Send + 'static,
    {
        let LanePermit { lane, permit } = permit;
        let value = self.value.take().ok_or(BlockingError::Panicked)?;
        self.blocking.run_with_permit(lane, permit, move || job(value)).await
    }

    /// Returns the value, for a caller that moves it to blocking code in another way.
    ///
    /// # Errors
    /// [`BlockingError::Panicked`] after a job that panicked.
    pub(in crate::http) fn into_inner(mut self) -> Result<T, BlockingError> {
        self.value.take().ok_or(BlockingError::Panicked)
    }

    async fn run<R, F>(&mut self, lane: Lane, job: F) -> Result<R, BlockingError>
    where
        R: Send + 'static,
        F: FnOnce(T) -> R + Send + 'static,
    {
        // The value stays here during the wait, so that a cancelled wait does not lose it.
        let permit = self.blocking.queue(lane).permit().await?;
        let value = self.value.take().ok_or(BlockingError::Panicked)?;
        self.blocking.run_with_permit(lane, permit, move || job(value)).await
    }
}

impl<T: Send + 'static> Drop for Offloaded<T> {
    fn drop(&mut self) {
        let Some(value) = self.value.take() else { return };
        // Without a runtime there are no async threads to keep free.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(value));
        }
    }
}
