//! The damage that reads met since the start: counted, logged and shown in the inventory's state.
//!
//! The store says what is damaged; here it is counted for `GET /metrics`, logged once in a while
//! for each record, and kept for `GET /rest/state`.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    model::Kind,
    store::{Damage, Finding},
};

/// The records that the state shows, the last ones that were met.
const SHOWN_MAX: usize = 10;

/// How long the damage of one record is not logged again: a list in a loop must not fill the log.
const LOG_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// The records of which it is remembered when their damage was logged. With more of them, the log
/// repeats itself earlier.
const LOGGED_MAX: usize = 1_000;

/// The damage that was met since the start.
#[derive(Default)]
pub(super) struct DamageLog(Mutex<Met>);

#[derive(Default)]
struct Met {
    total: u64,
    first: Option<String>,
    by_part: BTreeMap<&'static str, u64>,
    last: VecDeque<DamageShown>,
    logged: HashMap<(&'static str, Option<String>), Instant>,
}

/// The damage that was met since the start, as the state shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DamageReport {
    /// How often a read met damage.
    pub total: u64,
    /// When the first one did.
    pub first: Option<String>,
    /// The records that were met last, the newest first.
    pub last: Vec<DamageShown>,
}

/// Something that is damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DamageShown {
    /// The part of the store: a type of record, or one of the store's own trees.
    pub part: &'static str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub detail: String,
    /// When it was met last.
    pub time: String,
}

impl DamageLog {
    /// Counts damage that a read met. It is logged at ERROR, unless that was done a short time ago.
    pub fn note(&self, damage: Damage) {
        let Damage { part, kind, name, detail } = damage;
        let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        met.total += 1;
        met.first.get_or_insert_with(|| time.clone());
        *met.by_part.entry(part).or_default() += 1;
        let key = (part, name.clone());
        let now = Instant::now();
        let is_due = met.logged.get(&key).is_none_or(|last| now - *last >= LOG_INTERVAL);
        if is_due {
            if met.logged.len() >= LOGGED_MAX {
                met.logged.clear();
            }
            met.logged.insert(key, now);
        }
        met.last.retain(|shown| (shown.part, &shown.name) != (part, &name));
        met.last.truncate(SHOWN_MAX - 1);
        let shown = DamageShown { part, kind, name, detail, time };
        if is_due {
            let DamageShown { name, detail, .. } = &shown;
            tracing::error!(part, name, detail, "something stored is damaged");
        }
        met.last.push_front(shown);
    }

    /// Counts what a verification found to be damaged.
    pub fn note_finding(&self, finding: &Finding) {
        let Finding { kind, name, detail, .. } = finding;
        let part = kind.map_or("index", Kind::as_str);
        self.note(Damage { part, kind: *kind, name: name.clone(), detail: detail.clone() });
    }

    pub fn report(&self) -> DamageReport {
        let met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        DamageReport {
            total: met.total,
            first: met.first.clone(),
            last: met.last.iter().cloned().collect(),
        }
    }

    /// How often damage was met, by the part of the store.
    pub fn by_part(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_part.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damage(name: &str) -> Damage {
        let kind = Kind::Device;
        let name = Some(name.to_owned());
        Damage { part: kind.as_str(), kind: Some(kind), name, detail: "torn".to_owned() }
    }

    #[test]
    fn damage_is_counted_and_the_last_records_are_shown_once() {
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
    fn the_memory_of_what_was_logged_is_bounded() {
        let log = DamageLog::default();
        for number in 0..2 * LOGGED_MAX {
            log.note(damage(&number.to_string()));
        }
        assert!(log.0.lock().unwrap().logged.len() <= LOGGED_MAX);
    }
}
