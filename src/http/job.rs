//! Work without its type: a closure, and behind it the room for its result.
//!
//! Handlers have some fifty sorts of work. What queues, runs and watches over it is compiled once,
//! and not for each of them.

use std::any::Any;

use tokio::sync::OwnedSemaphorePermit;
use tracing::Span;

/// Work that waits for a thread, with what it has until it is done.
pub(super) struct Job {
    work: Box<dyn Work>,
    /// The log lines of the work carry the request's id.
    span: Span,
    turn: Option<OwnedSemaphorePermit>,
}

impl Job {
    /// A job in the current span, that gives its turn back once it has run.
    pub(super) fn new(work: Box<dyn Work>, turn: Option<OwnedSemaphorePermit>) -> Self {
        Self { work, span: Span::current(), turn }
    }

    /// Runs the work, which then holds its result.
    pub(super) fn run(self) -> Box<dyn Work> {
        let Self { mut work, span, turn: _turn } = self;
        span.in_scope(|| work.run());
        work
    }
}

/// A closure, or its result: see [`boxed`].
pub(super) trait Work: Any + Send {
    /// Makes the closure its result, the first time that it is called.
    fn run(&mut self);
}

enum Stage<T, F> {
    Waiting(F),
    /// Or ended by a panic.
    Running,
    Done(T),
}

impl<T, F> Work for Stage<T, F>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    fn run(&mut self) {
        *self = match std::mem::replace(self, Self::Running) {
            Self::Waiting(closure) => Self::Done(closure()),
            stage @ (Self::Running | Self::Done(_)) => stage,
        };
    }
}

/// A closure as work. One allocation holds it, and later its result.
pub(super) fn boxed<T, F>(closure: F) -> Box<dyn Work>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Box::new(Stage::<T, F>::Waiting(closure))
}

/// The result of work that was [`boxed`] from this type of closure; none before it has run.
pub(super) fn result<T, F>(work: Box<dyn Work>) -> Option<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let work: Box<dyn Any> = work;
    match *work.downcast::<Stage<T, F>>().ok()? {
        Stage::Done(result) => Some(result),
        Stage::Waiting(_) | Stage::Running => None,
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// Boxes a closure, does something with it, and asks for the result.
    fn after<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        closure: F,
        act: impl FnOnce(&mut dyn Work),
    ) -> Option<T> {
        let mut work = boxed(closure);
        act(&mut *work);
        result::<T, F>(work)
    }

    #[test]
    fn work_runs_once_and_keeps_its_result() {
        let name = "R 1%".to_owned();
        let mut count = 0;
        let closure = move || {
            count += 1;
            (name, count)
        };
        let twice = |work: &mut dyn Work| {
            work.run();
            work.run();
        };
        assert_eq!(after(closure, twice), Some(("R 1%".to_owned(), 1)));
    }

    #[test]
    fn work_that_did_not_end_has_no_result() {
        assert_eq!(after(|| 7, |_| {}), None);
        let panicking = || -> u32 { panic!("on purpose") };
        let run = |work: &mut dyn Work| {
            catch_unwind(AssertUnwindSafe(|| work.run())).unwrap_err();
        };
        assert_eq!(after(panicking, run), None);
    }

    #[test]
    fn a_result_is_not_taken_for_another() {
        let mut work = boxed(|| 7_u32);
        work.run();
        let other = || 7_u64;
        fn as_by<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
            work: Box<dyn Work>,
            _: F,
        ) -> Option<T> {
            result::<T, F>(work)
        }
        assert_eq!(as_by(work, other), None);
    }
}
