//! Jobs: long operations, their progress and their outcome.
//!
//! An operation (an import, an export, a verification) gets a [`Progress`]: it reports its step and
//! the number of its records, and checks regularly whether it was cancelled. The registry ([`Jobs`])
//! lists the running jobs and the last ended ones, and keeps them in the data directory.
//!
//! A job that was running when the process ended is listed as interrupted after the next start.
//! Whether its import had taken effect follows from the inventory: the job file contains the
//! generation or the change that the import was about to make the current one.
//!
//! ```text
//! progress   the handle of the operation: step, counts, cancellation
//! record     the content of a job file
//! registry   the list of jobs, and their files
//! view       a job as the REST API returns it
//! ```

mod progress;
mod record;
mod registry;
#[cfg(test)]
mod tests;
mod view;

pub use progress::{CancelOutcome, Cancelled, Progress, Step};
pub use record::{About, Effect, End, EndState, ImportedState, Mode, Operation};
pub use registry::{CANCELLED_OUTCOME, FINISHED_JOBS_MAX, Job, Jobs, Running};
pub use view::{JobState, JobView, ViewLength};
