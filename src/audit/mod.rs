//! The audit log: who logged in, from where, and what was imported, exported, changed and set.
//!
//! Each entry is one line of JSON in a file that only grows, and carries the SHA-256 of the entry before
//! it. So a later edit, removal or insertion is visible, unless all later entries are written again too;
//! a copy that leaves the machine (syslog) shows that as well.
//!
//! ```text
//! event       the events that are recorded
//! entry       an entry: its serialisation and its hash
//! end         the file with the last entry, by which lost entries are noticed
//! segments    the files of the log
//! filter      selects entries
//! read        reads entries, the newest first
//! verify      checks the chain
//! writer      appends entries, and removes old ones
//! repetitions combines equal events, so that a flood of them stays small
//! first_uses  the first use of an hour
//! log         the handle: takes events and writes them in a thread of its own
//! syslog      sends entries to a collector (RFC 5424)
//! error       the errors
//! ```

mod end;
mod entry;
mod error;
mod event;
mod filter;
mod first_uses;
mod log;
mod read;
mod repetitions;
mod segments;
mod syslog;
mod verify;
mod writer;

pub use entry::{AuditEntry, timestamp};
pub use error::AuditError;
pub use event::{ChangeLink, Event, EventKind, MadeEarlier, RemovedEntries, SettingChange};
pub use filter::AuditFilter;
pub use log::{AuditLog, AuditOptions, AuditState, ChangeSource, Recorded, SourceError};
pub use read::{AuditPage, read_page};
pub use segments::AuditFolder;
pub use syslog::{SyslogOptions, SyslogState, SyslogTarget, UnknownTarget};
pub use verify::{AuditFinding, AuditFindings, verify};
pub use writer::{KeptEntries, record_now};
