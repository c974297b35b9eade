//! Runs the parts of a long operation on several threads.

use std::{
    num::NonZero,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// The largest number of threads of one operation, independent of the number of cores, because each
/// thread holds buffers.
const WORKERS_MAX: usize = 8;

/// Calls `work` with every part, on as many threads as there are cores, and returns the results in
/// no particular order. Parts begin in their order, so the longest should be first.
///
/// # Errors
/// The first error. Parts that have not begun by then are not run.
pub fn in_parallel<P: Send, T: Send, X: Send>(
    parts: Vec<P>,
    work: impl Fn(P) -> Result<T, X> + Sync,
) -> Result<Vec<T>, X> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let workers = cores.min(WORKERS_MAX).min(parts.len());
    let left = Mutex::new(parts.into_iter());
    let done = Mutex::new(Ok(Vec::new()));
    let failed = AtomicBool::new(false);
    let work_on_parts = || {
        while !failed.load(Ordering::Relaxed) {
            let Some(part) = left.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                return;
            };
            let result = work(part);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            match (result, &mut *done) {
                (Ok(value), Ok(values)) => values.push(value),
                (Err(error), Ok(_)) => {
                    failed.store(true, Ordering::Relaxed);
                    *done = Err(error);
                }
                (Ok(_) | Err(_), Err(_)) => {}
            }
        }
    };
    if workers <= 1 {
        work_on_parts();
    } else {
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work_on_parts);
            }
        });
    }
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}
