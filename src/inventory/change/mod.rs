//! Changes: create, update, rename and delete instances, and write long texts.
//!
//! Each change is one transaction of the store. The record, every reference to it and the pools
//! that it concerns change together.
//!
//! ```text
//! request  requests and reports
//! put      create, update and rename; objects in batches
//! delete   delete one instance or several, with the records that depend on them
//! text     write a long text of a device
//! ```
//!
//! What they are made of:
//!
//! ```text
//! object              one object of a request, parsed: the patch
//! plan                what a patch does to its record, or why it is refused
//! edit                one change in progress: the transaction, and what follows from each write
//! missing             references to records that do not exist
//! last_administrator  the rule that an administrator who can log in remains
//! warning             what the caller should know about objects that were accepted
//! ```

mod delete;
mod edit;
mod last_administrator;
mod missing;
mod object;
mod plan;
mod put;
mod request;
mod text;
mod warning;

pub use request::{
    Atomicity, ChangeReport, ChangeRequest, Changed, DeleteReport, DeletionReport, DeletionRequest,
    Effect, ExpectedVersion, Fault, ObjectOutcome, Selected,
};
