//! The reasons why a read or a change fails.

use super::{ChangeUndoReport, HistoryStart};
use crate::{audit::AuditError, import::ImportError, model::Kind, store::StoreError};

/// The reason why a read or a change failed.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The store failed, or refused the change.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The audit log cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// No record of this kind has the name.
    #[error("there is no {kind} '{name}'")]
    NotFound {
        /// The requested kind.
        kind: Kind,
        /// The requested name.
        name: String,
    },
    /// The principal can read the record, but not change it.
    #[error("you do not have the right to change the {kind} '{name}'")]
    Forbidden {
        /// The kind of the record.
        kind: Kind,
        /// The name of the record.
        name: String,
    },
    /// The principal would delete records that it cannot read.
    #[error(
        "the {kind} '{name}' cannot be deleted: records that you do not have the right to read depend on it"
    )]
    HiddenDependent {
        /// The kind of the record to delete.
        kind: Kind,
        /// The name of the record to delete.
        name: String,
    },
    /// The device exists, but the requested long text was never written, or devices have no such text.
    #[error("the device '{device}' has no {property}")]
    NoText {
        /// The name of the device.
        device: String,
        /// The requested property.
        property: String,
    },
    /// The property of a query, a column, an order or a criterion is unknown.
    #[error("a {kind} has no property '{property}'{}", .nearest.as_ref().map(|near| format!(" (did you mean '{near}'?)")).unwrap_or_default())]
    UnknownProperty {
        /// The kind of the requested records.
        kind: Kind,
        /// The unknown property.
        property: String,
        /// A known property with a similar name.
        nearest: Option<String>,
    },
    /// The property of a query cannot have the value.
    #[error("'{value}' is not a valid {property} of a {kind}: {rule}")]
    Value {
        /// The kind of the requested records.
        kind: Kind,
        /// The property of the query.
        property: String,
        /// The value of the query.
        value: String,
        /// The rule that the value violates, as a sentence without a full stop.
        rule: String,
    },
    /// The text of a [`Filter::Regex`](super::Filter::Regex) is not a regular expression.
    #[error(
        "the expression for '{property}' is not a valid regular expression: {detail} (at character \
         {position})"
    )]
    Regex {
        /// The property of the criterion.
        property: String,
        /// The fault in the expression.
        detail: String,
        /// The position of the fault, in characters of the expression from 1.
        position: usize,
    },
    /// A search or query compared records, or one long text, for a long time and found nothing.
    #[error(
        "the search found nothing for {seconds} s and was ended; use a simpler expression, or more criteria"
    )]
    SearchTooSlow {
        /// The time limit, in seconds.
        seconds: u64,
    },
    /// The instance does not have the version that the change expects.
    #[error(
        "the {kind} '{name}' does not have the version that the request expects. Read it again, then \
         repeat the change"
    )]
    Stale {
        /// The kind of the instance.
        kind: Kind,
        /// The name of the instance.
        name: String,
    },
    /// The history has no change with this number.
    #[error("there is no change {number}")]
    NoChange {
        /// The requested number.
        number: u64,
    },
    /// The requested moment is before the first change that the history keeps.
    #[error("{}", not_kept(.begin.as_ref()))]
    NotKept {
        /// The first change; `None` if the history is empty.
        begin: Option<HistoryStart>,
    },
    /// The history does not keep all changes after this one, so a program that follows has missed some.
    #[error(
        "the changes after {after} are not all kept: {}. Get the number of the last change (without \
         `after`), read the whole inventory, and follow from that number", not_kept(.begin.as_ref())
    )]
    Missed {
        /// The change from which the program follows.
        after: u64,
        /// The first change; `None` if the history is empty.
        begin: Option<HistoryStart>,
    },
    /// No change has this number yet, so a program that follows has seen another state of the inventory.
    #[error(
        "the last change is {last}, not {after} or later: the inventory is another one, or was restored \
         from a copy. Get the number of the last change (without `after`), read the whole inventory, and \
         follow from that number"
    )]
    AfterLast {
        /// The change from which the program follows.
        after: u64,
        /// The number of the last change.
        last: u64,
    },
    /// The second moment of a comparison is before the first.
    #[error(
        "change {to} is before change {since}: the end of a comparison must not be before its begin"
    )]
    MomentsReversed {
        /// The number of the last change before the comparison.
        since: u64,
        /// The number of the last change of the comparison.
        to: u64,
    },
    /// More records changed between two moments than one comparison can have.
    #[error(
        "more than {records_max} records changed since then. Compare from a later moment, or compare an \
         earlier export with `satchel diff`"
    )]
    TooManyDifferences {
        /// The largest number of records of a comparison.
        records_max: usize,
    },
    /// The value before this change is not known, because it replaced the whole inventory.
    #[error(
        "the record was changed by change {change}, an import or an undo of the whole inventory, and \
         the history does not keep the values before it"
    )]
    Replaced {
        /// The number of the change.
        change: u64,
    },
    /// The change replaced the whole inventory, and the copy from before it is not kept, so its differences are
    /// not known.
    #[error(
        "change {change} replaced the whole inventory, and the copy of the inventory from before it is no longer \
         kept. The settings generations_kept and generations_mib tell how many are kept"
    )]
    GenerationGone {
        /// The number of the change.
        change: u64,
    },
    /// The change replaced the whole inventory, and the kept copy from before it is missing: it was deleted.
    #[error(
        "change {change} replaced the whole inventory, and the copy of the inventory from before it is missing, \
         although it should be kept. `satchel verify` names its folder"
    )]
    GenerationMissing {
        /// The number of the change.
        change: u64,
    },
    /// Something that was changed since stands in the way of an undo.
    #[error("{}", .0.summary.trim_end_matches('.'))]
    UndoConflicts(Box<ChangeUndoReport>),
    /// The principal tried to delete its own user.
    #[error("the user '{name}' cannot delete itself")]
    OwnUser {
        /// The name of the user.
        name: String,
    },
    /// A deletion would affect more records than one change can contain.
    #[error(
        "the {kind} '{name}'{} cannot be deleted in one change: more than {records_max} records would \
         be deleted or lose a reference", others_text(*.others)
    )]
    TooManyReferences {
        /// The kind of the record to delete.
        kind: Kind,
        /// The name of the first record to delete.
        name: String,
        /// The number of the other records that the request deletes.
        others: usize,
        /// The largest number of records that one deletion can affect.
        records_max: usize,
    },
    /// The change would delete or disable the last administrator.
    #[error("no administrator who can log in would remain")]
    NoAdministrator,
    /// The records after an undo of an import cannot be written.
    #[error(transparent)]
    Write(#[from] ImportError),
    /// A new password cannot be hashed, because the system provides no random numbers.
    #[error("a password cannot be hashed")]
    Hash(#[from] crate::access::HashError),
}

/// The reason why a moment is not in the history, as a sentence.
fn not_kept(begin: Option<&HistoryStart>) -> String {
    match begin {
        Some(HistoryStart { number, time }) => {
            format!("the history begins with change {number} at {time}")
        }
        None => "the history is empty: nothing was changed since it is kept".to_owned(),
    }
}

/// The records that are deleted beside the first one, as a part of a sentence.
fn others_text(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => " and 1 other".to_owned(),
        _ => format!(" and {others} others"),
    }
}
