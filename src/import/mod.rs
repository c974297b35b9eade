//! Import: what every import does, whatever its records come from: projects ([`crate::migration`])
//! and workbooks ([`crate::topology`]).
//!
//! An import is four steps: decode (bytes only), plan (what becomes of every record), apply (a new
//! generation of the store) and recompute (pools), of which the last two are one change. Everything
//! that has to be sorted is sorted on the disk where it is large, so memory does not grow with what
//! is imported:
//!
//! ```text
//! intake    records by name, references by what they name
//! resolve   the references walk beside the names: who is rejected, what is struck
//! walk      what is there beside what comes: what becomes of each record
//! replacement  the guard against a replacement that holds nothing
//! apply     each walk, written into a new generation or into a dry run's report
//! members   the devices and links that computed pools admit, found on the walk
//! run       the steps, one after the other
//! ```

mod administrators;
mod apply;
mod cursor;
mod diff;
mod error;
mod intake;
mod listing;
mod log;
mod members;
mod problem;
mod reference;
mod replacement;
mod report;
mod reports;
mod request;
mod resolve;
mod run;
mod walk;
mod workers;

pub use administrators::{AdministratorChange, AdministratorChangeKind};
pub use error::ImportError;
pub use intake::{At, Decoded, Intake, Kindred};
pub use listing::{Counted, Shown};
pub use log::{Log, Source};
pub use problem::{
    Change, ChangeKind, ChangedRecord, Conversion, Dangling, Document, Place, Problem,
    PropertyChange, ShownValue,
};
pub use replacement::EmptyKind;
pub use report::{ImportOutcome, ImportReport, KindReport, Milliseconds};
pub use reports::Reports;
pub use request::{EmptyReplacement, Emptying, Mode, OnError};
pub use run::{Import, Ran, run};
