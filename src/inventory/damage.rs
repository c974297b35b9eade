//! The damage that reads have found since the start.
//!
//! The store detects damage. Here it is counted for `GET /metrics`, logged with a limited rate for
//! each record, and kept for `GET /rest/state`.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    model::Kind,
    store::{Damage, Finding},
};

/// The largest number of damaged records in the state. The most recently read ones are kept.
const SHOWN_MAX: usize = 10;

/// The interval between two log lines about one record, so that a list in a loop does not fill the
/// log.
const LOG_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// The largest number of records whose last log line is remembered. With more damaged records, the
/// same line can be logged again earlier.
const LOGGED_MAX: usize = 1_000;

/// The log of damage since the start.
#[derive(Default)]
pub(super) struct DamageLog(Mutex<DamageRecord>);

#[derive(Default)]
struct DamageRecord {
    total: u64,
    first: Option<String>,
    by_part: BTreeMap<&'static str, u64>,
    last: VecDeque<DamageShown>,
    logged: HashMap<(&'static str, Option<String>), Instant>,
}

/// The damage since the start, as the state shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "Damage")]
pub struct DamageReport {
    /// The number of reads that found damage.
    pub total: u64,
    /// The time of the first damaged read, in the format of RFC 3339.
    pub first: Option<String>,
    /// The damaged records that were read last, the newest first.
    pub last: Vec<DamageShown>,
}

/// A damaged record, or another damaged part of the store.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "DamagedPart")]
pub struct DamageShown {
    /// The part of the store: a kind of records, or an internal tree.
    pub part: &'static str,
    /// The kind of the damaged record. Absent if the damage is not in a record.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The name of the damaged record. Absent if the damage is not in a single record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The fault, for a technician.
    pub detail: String,
    /// The time of the last damaged read, in the format of RFC 3339.
    pub time: String,
}

impl DamageLog {
    /// Counts damage that a read found. Logs it at level ERROR, unless it was logged within
    /// [`LOG_INTERVAL`].
    pub(super) fn note(&self, damage: Damage) {
        let Damage { part, kind, name, detail } = damage;
        let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        record.total += 1;
        record.first.get_or_insert_with(|| time.clone());
        *record.by_part.entry(part).or_default() += 1;
        let key = (part, name.clone());
        let now = Instant::now();
        let is_due = record.logged.get(&key).is_none_or(|last| now - *last >= LOG_INTERVAL);
        if is_due {
            if record.logged.len() >= LOGGED_MAX {
                record.logged.clear();
            }
            record.logged.insert(key, now);
        }
        record.last.retain(|shown| (shown.part, &shown.name) != (part, &name));
        record.last.truncate(SHOWN_MAX - 1);
        let shown = DamageShown { part, kind, name, detail, time };
        if is_due {
            let DamageShown { name, detail, .. } = &shown;
            tracing::error!(part, name, detail, "A stored record is damaged.");
        }
        record.last.push_front(shown);
    }

    /// Counts damage that a verification found.
    pub(super) fn note_finding(&self, finding: &Finding) {
        let Finding { kind, name, detail, .. } = finding;
        let part = kind.map_or("index", Kind::as_str);
        self.note(Damage { part, kind: *kind, name: name.clone(), detail: detail.clone() });
    }

    /// The damage so far.
    pub(super) fn report(&self) -> DamageReport {
        let record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        DamageReport {
            total: record.total,
            first: record.first.clone(),
            last: record.last.iter().cloned().collect(),
        }
    }

    /// The number of reads that found damage, by the part of the store.
    pub(super) fn by_part(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_part.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damage(name: &str) -> Damage {
        let kind = Kind::Device;
        let name = Some(name.to_owned());
        Damage { part: kind.as_str(), kind: Some(kind), name, detail: "truncated".to_owned() }
    }

    #[test]
    fn damage_is_counted_and_each_record_is_shown_once() {
        let log = DamageLog::default();
        assert_eq!(log.report(), DamageReport::default());
        for number in 0..30 {
            log.note(damage(&format!("R {}%", number % 15)));
        }
        log.note(Damage { part: "references", kind: None, name: None, detail: String::new() });
        let report = log.report();
        assert_eq!(report.total, 31);
        assert!(report.first.is_some());
        let names: Vec<_> = report.last.iter().map(|shown| shown.name.as_deref()).collect();
        let mut expected = vec![None];
        let devices: Vec<String> = (6..15).rev().map(|number| format!("R {number}%")).collect();
        expected.extend(devices.iter().map(|name| Some(name.as_str())));
        assert_eq!(names, expected);
        assert_eq!(log.by_part(), BTreeMap::from([("device", 30), ("references", 1)]));
    }

    #[test]
    fn the_number_of_remembered_log_lines_is_limited() {
        let log = DamageLog::default();
        for number in 0..2 * LOGGED_MAX {
            log.note(damage(&number.to_string()));
        }
        assert!(log.0.lock().unwrap().logged.len() <= LOGGED_MAX);
    }
}
