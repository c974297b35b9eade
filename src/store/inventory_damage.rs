//! The damage of an inventory, for messages.

use std::{fmt, path::PathBuf};

use time::{OffsetDateTime, macros::format_description};

use crate::wording::counted;

/// The damage of an inventory, and its last known states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryDamage {
    /// The path of the data directory.
    pub directory: PathBuf,
    /// The findings, one sentence each, without a full stop.
    pub findings: Vec<String>,
    /// The last state that was recorded as durable.
    pub known: Option<KnownCounts>,
    /// The state of the previous generation when it was replaced.
    pub previous: Option<KnownCounts>,
}

impl fmt::Display for InventoryDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = self.directory.display();
        write!(f, "The inventory in {directory} is damaged: {}.", self.findings.join("; "))?;
        if let Some(known) = &self.known {
            write!(f, " Last known good state: {known}.")?;
        }
        if let Some(previous) = &self.previous {
            write!(f, " Previous generation: {previous}.")?;
        }
        write!(
            f,
            " Nothing was changed. To list the ways to recover, run: satchel recover --data \
             {directory}"
        )
    }
}

/// The numbers of a known state, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownCounts {
    /// The number of the generation.
    pub generation: u64,
    /// The number of its last change.
    pub version: u64,
    /// The number of records of all kinds.
    pub records: u64,
    /// When this state was recorded, in seconds since 1970.
    pub time: u64,
}

impl fmt::Display for KnownCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, records, time, .. } = self;
        let records = counted(*records, "record");
        write!(f, "{records} after change {version} at {}", utc(*time))
    }
}

/// A time as `2026-11-27 06:10:51 UTC`.
fn utc(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok();
    let time = time.and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok());
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    match time.and_then(|time| time.format(&format).ok()) {
        Some(text) => text,
        None => format!("{seconds} seconds after 1970-01-01"),
    }
}
