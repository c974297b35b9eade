//! Import: the steps of every import, of projects ([`crate::migration`]) and of workbooks
//! ([`crate::topology`]).
//!
//! An import has four steps: decode (parses the documents), plan (decides for every record),
//! apply (a new generation of the store, or one change if the import is small) and recompute (the
//! members of pools). The last two are one change. The caller decodes with an [`Intake`], and passes
//! the result to [`apply()`]. Everything that has to be sorted is sorted on the disk if it is large,
//! so the memory does not grow with the import.
//!
//! ```text
//! run                   the steps in their order, and the report
//! intake                decode: checks records one by one, sorts them, and their references
//! findings              names that indicate a secret, wrong and shared addresses
//! decoded               the result of decoding
//! incoming_texts        long texts that the change sets, of an undo or a restore
//! checked               complete records of an undo, which are written like an import
//! scope                 the incoming and existing records, and which of them remain
//! resolve               plan: the rejected records and the removed references
//! plan                  the way of an import: nothing, one change, or a new generation
//! pairs                 existing records beside incoming records, merged by name
//! decide                plan: the decision for each record
//! adjust                changes of a record that are not in the documents
//! replacement           the check against empty replacements
//! merging               how incoming records are combined with existing ones
//! look_alikes           names that look alike, and suggestions for missing ones
//! existing_look_alikes  existing names that look like new ones
//! gateways              devices that are listed as gateways and are none
//! result_findings       findings of the resulting records: what eNMS loses of them, and the three above
//! apply                 apply: each decision, written into a new generation, collected or reported
//! one_change            small imports: the limits, and the collected change
//! members               recompute: the members of computed pools
//! removed_references    references to missing records, removed from lists
//! log, listing          the lists of the report while the import runs
//! report, reports       the report, and the files with complete reports
//! ```

mod adjust;
mod administrators;
mod apply;
mod checked;
mod decide;
mod decoded;
mod diff;
mod error;
mod existing_look_alikes;
mod findings;
mod gateways;
mod incoming_texts;
mod intake;
mod listing;
mod location;
mod log;
mod look_alikes;
mod members;
mod merging;
mod one_change;
mod pairs;
mod parallel;
mod plan;
mod problem;
mod reference;
mod removed_references;
mod replacement;
mod report;
mod reports;
mod request;
mod resolve;
mod result_findings;
mod run;
mod scope;
mod sorted_cursor;
#[cfg(test)]
mod tests;

pub use administrators::{PasswordFlaws, administrator_changes, is_password_new};
pub use checked::CheckedRecords;
pub use decoded::{Decoded, DecodedNames};
pub use diff::{ValueSide, differences, values};
pub use error::{EmptyKind, ImportError};
pub use incoming_texts::{EarlierTexts, IncomingTexts, OtherTexts, PutText};
pub use intake::{Intake, KindRecords, SortedRecords};
pub use listing::{EntryGroup, ListExcerpt};
pub use location::{DocumentLocation, RecordPosition};
pub use log::{ImportSource, Log};
pub use merging::{Merging, PrincipalRecord};
pub use one_change::SmallImport;
pub use parallel::in_parallel;
pub use problem::{
    AdministratorChange, AdministratorChangeKind, Change, ChangeKind, ChangedRecord, Conversion,
    DanglingReference, Document, Problem, PropertyChange, ShownValue,
};
pub use report::{ImportOutcome, ImportReport, KindReport, Milliseconds, Written};
pub use reports::{FullReport, Reports};
pub use request::{EmptyReplacement, Emptying, ImportOptions, Mode, OnError};
pub use run::{ImportRun, apply, apply_locked};
