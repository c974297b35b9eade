//! Changes: create, update, rename and delete instances, and write long texts.
//!
//! Each change is one transaction of the store. The record, all references to it and its
//! memberships in pools change together.
//!
//! ```text
//! request  requests and reports
//! put      create, update and rename; objects in batches
//! delete   delete one instance or several, with the records that depend on them
//! text     write a long text of a device
//! ```
//!
//! Their parts:
//!
//! ```text
//! object              one object of a request, parsed: the patch
//! plan                the planned record, or the faults of the object
//! edit                one change in progress: the transaction, and the effects of each write
//! sent_relation       a relation that an object sets from its other side, parsed
//! inverse             the changes of other records for such relations
//! rights              the records that the principal can read and change
//! missing             references to records that do not exist
//! shared_addresses    devices that share a new address with other devices
//! last_administrator  the rule that an administrator who can log in remains
//! warning             warnings about accepted objects
//! special_members     members of an object that are not set like other properties
//! abort               the end of a change that writes nothing
//! ```

mod abort;
mod delete;
mod edit;
mod inverse;
mod last_administrator;
mod look_alikes;
mod missing;
mod object;
mod plan;
mod put;
mod request;
mod rights;
mod sent_relation;
mod shared_addresses;
mod special_members;
mod text;
mod user_names;
mod warning;

pub(in crate::inventory) use abort::Abort;
pub(in crate::inventory) use edit::Editing;
pub(in crate::inventory) use plan::stamp_modified;
pub(in crate::inventory) use put::timestamp;
pub use request::{
    Atomicity, ChangeReport, ChangeRequest, Changed, DeleteReport, DeletionReport, DeletionRequest,
    Effect, ExpectedVersion, Fault, ObjectOutcome, Selected,
};
pub(in crate::inventory) use special_members::STAMPS;
