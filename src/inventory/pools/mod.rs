//! Computed pools: their compiled criteria, and their members.
//!
//! ```text
//! report    the report of a recomputation
//! computed  the computed pools, their criteria compiled, cached by version
//! follow    the memberships that the change of one record adds and removes
//! refill    computes all members of a pool again
//! ```

pub(super) mod computed;
pub(super) mod follow;
pub(super) mod refill;
mod report;

pub use report::PoolsReport;
