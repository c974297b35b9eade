//! The history: each committed change, written in the transaction of the change.
//!
//! The number of a change is the version that it gives to the records that it writes. Two trees of a
//! generation hold the history:
//!
//! | tree | key | value |
//! |---|---|---|
//! | `history` | number of the first change, and the number of the part after the first | the changes that were committed together: time, origin, counts, touched values, and short values before the change |
//! | `before` | owner, key of the value, number of the change | any other stored value before the change; empty if it did not exist |
//!
//! Most changes update one record. The value before is inside the change, as a difference to the value after it,
//! so such a change costs no entry of its own: only a part of the entry of its commit. A reader finds it because
//! the present record has the number of the change that wrote it.
//!
//! A long value stays in the tree `chunks` when it is replaced: the keys of its chunks contain the
//! version of the value, so they belong to the before-value from then on.
//!
//! When a generation is replaced, its history is copied to the archive, which is a database of its own.
//!
//! ```text
//! keys     the keys of both trees
//! entry    the format of a change on the disk
//! groups   the format of the changes of one commit, and how a change is found
//! difference  the difference of a value to the one that replaced it
//! chain    follows the changes of a record backwards, to the before-values inside them
//! touched  the values that a transaction touches, and their before-values
//! replace  the entry of a change that replaces the generation: an import or an undo
//! replacements  finds the changes that replaced the generation and can have changed a record
//! archive  the history of replaced generations; `archive_mark` says that there is one
//! loss     lost parts of the history: a damaged or missing archive
//! cutoff   the limits of the history
//! trim     removes the oldest changes; `trimmer` is its thread
//! keep_texts  keeps the last texts of each device before that; `kept_text` is their format
//! texts    reads the versions of a long text
//! hold     keeps the history as it is while a backup reads it
//! verify   compares the history with itself and with the present values
//! past     the values of one generation as they were after a change
//! read     reads changes, newest first, and earlier states of values
//! ```

mod archive;
mod archive_mark;
mod chain;
mod cutoff;
mod difference;
mod entry;
mod groups;
mod hold;
mod keep_texts;
mod kept_text;
mod keys;
mod loss;
mod past;
mod read;
mod replace;
mod replacements;
mod sweep_texts;
mod texts;
mod touched;
mod trim;
mod trimmer;
mod verify;

pub use cutoff::HistoryLimits;
pub use entry::{
    ChangeCounts, Effect, HistoryChange, ReplacedGeneration, Replacement, Touched, TouchedValue,
};
pub use loss::HistoryLoss;
pub use read::{AtChange, HistoryBegin, HistoryView};
pub use replace::LoadRecord;
pub(super) use texts::KeptTextEntry;
pub use texts::{KeptTextVersion, TextVersion, TextWriter};
pub use trim::Trimmed;
pub use trimmer::HistoryTrimmer;

pub(super) use archive::Archive;
pub(super) use chain::{Touch, ValueChain};
pub(super) use entry::HistoryEnd;
pub(super) use groups::{EncodedChange, copy_without_moved, end_of, put_changes};
pub(super) use hold::{HistoryHold, HistoryHolds};
pub(super) use kept_text::{decode as decode_kept_text, parse_key as parse_kept_key};
pub(super) use keys::{BeforeKey, before_key, change_key, parse_before_key};
pub(super) use past::{Differences, PastState};
pub(super) use read::before_next_change;
pub(super) use replace::{ReplacementEntries, discard};
pub(super) use replacements::ReplacementWalk;
pub(super) use touched::TouchedValues;
pub(super) use verify::{HistoryFinding, ReadHistory};
