//! Jobs: operations that take long, how far they are, and what became of them.
//!
//! An operation (an import, an export, a verification) gets a [`Progress`]: it reports its step and
//! the records that it has done, and asks now and then whether it was cancelled. The registry
//! ([`Jobs`]) lists the jobs that run and the last ones that ended, and keeps them in the data
//! directory.
//!
//! A job that was running when the process ended is listed as interrupted after the next start.
//! Whether its import had taken effect is read from the pointer of the inventory: the job file
//! names the generation that the import was about to make the current one.
//!
//! ```text
//! progress   the handle of the operation: step, counts, cancellation
//! record     what is known of a job, as its file keeps it
//! registry   the list of jobs, and their files
//! view       a job as REST shows it
//! ```

mod progress;
mod record;
mod registry;
#[cfg(test)]
mod tests;
mod view;

pub use progress::{CancelOutcome, Cancelled, Progress, Step};
pub use record::{About, Effect, End, EndState, Mode, Operation};
pub use registry::{CANCELLED_OUTCOME, FINISHED_JOBS_MAX, Job, Jobs, Running};
pub use view::{JobState, JobView, ViewLength};
