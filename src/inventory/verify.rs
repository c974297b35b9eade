//! Verifies that the inventory is consistent: the store checks records, references and texts; this
//! module checks limits and the members of computed pools.

use std::{io, time::Instant};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Inventory, InventoryError, pools::computed::ComputedPools};
use crate::{
    disk::Sorter,
    job::Progress,
    model::{
        Device, Entity, Kind, Link, Pool, Side, check_limits, limits::UNCHECKED_RECORD_BYTES_MAX,
    },
    store::{
        ChangeCounts, EarlierGeneration, Finding, HistoryChange, LiveView, ReplacedStates,
        StoreError, Verified,
    },
    wording::counted,
};

/// The largest number of findings in a report. All findings are counted.
const FINDINGS_SHOWN_MAX: usize = 1000;

/// The memory for sorting members, in bytes. Beyond it they are sorted on the disk.
const SORTED_BYTES: usize = 32 * 1024 * 1024;

/// The rule of a finding about a lost part of the history. It does not concern the present records.
pub const HISTORY_LOST: &str = "history-lost";

/// The rule of a finding about the audit log, or about a change of the history that is not the one that the
/// audit log names. It does not concern the present records.
pub const AUDIT_DAMAGED: &str = "audit";

/// The report of a verification.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct VerifyReport {
    /// Whether there are no findings.
    pub whole: bool,
    /// A sentence for a person.
    pub summary: String,
    /// The number of records of all kinds that were read.
    pub records: u64,
    /// The records that were read, by kind.
    pub types: Vec<KindRead>,
    /// The number of references between records.
    pub references: u64,
    /// The number of members of computed pools.
    pub members: u64,
    /// The number of long texts of devices.
    pub texts: u64,
    /// The number of kept copies of the inventory that were read, and compared with the imports in the history.
    pub earlier_generations: u64,
    /// The number of secrets that were decrypted with the key.
    pub secrets: u64,
    /// The problems that were found.
    pub findings: FindingsReport,
    /// The duration of the verification.
    pub milliseconds: u64,
}

/// The records of one kind that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct KindRead {
    /// The kind of the records.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The number of its records that were read.
    pub records: u64,
    /// The size of its encoded records, in bytes.
    pub bytes: u64,
}

/// The findings of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "Findings")]
pub struct FindingsReport {
    /// The number of all findings, also of those that are not shown.
    pub total: u64,
    /// The first findings, at most 1,000.
    pub shown: Vec<FindingShown>,
}

/// An inconsistency.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "Finding")]
pub struct FindingShown {
    /// The kind of record. Absent if the problem concerns the whole inventory.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The name of the record. Absent if the problem does not concern a single record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A short identifier for scripts.
    pub rule: &'static str,
    /// The predicate of a sentence about the problem. The subject is the record.
    pub detail: String,
}

impl FindingsReport {
    fn add(&mut self, finding: Finding) {
        self.total += 1;
        if self.shown.len() < FINDINGS_SHOWN_MAX {
            let Finding { kind, name, code, detail } = finding;
            self.shown.push(FindingShown { kind, name, rule: code, detail });
        }
    }
}

impl Inventory {
    /// Verifies the whole inventory under the write lock: changes wait, and are refused with
    /// [`StoreError::Busy`] if they wait too long. Reads continue. Damage is part of the report.
    ///
    /// # Errors
    /// Within [`InventoryError::Store`]: [`StoreError::Cancelled`] if `progress` was cancelled,
    /// [`StoreError::Io`] if a temporary file cannot be written, and other variants if the inventory
    /// cannot be read at all.
    pub fn verify(&self, progress: &Progress) -> Result<VerifyReport, InventoryError> {
        let begun = Instant::now();
        let store = &self.0.store;
        let store_lock = store.lock(progress)?;
        let reading = store.read();
        let scratch = store.directory().scratch();
        let mut findings = FindingsReport::default();
        for loss in store.history_losses()? {
            let (kind, name, detail) = (None, None, loss.to_string());
            findings.add(Finding { kind, name, code: HISTORY_LOST, detail });
        }
        self.verify_audit(|detail| {
            findings.add(Finding { kind: None, name: None, code: AUDIT_DAMAGED, detail });
        })?;
        let verified = reading.verify(&scratch, progress, &mut |finding| {
            if finding.code == "damaged" {
                self.0.damage.note_finding(&finding);
            }
            findings.add(finding);
        })?;
        store.verify_archive(progress, &mut |finding| findings.add(finding))?;
        check_limits_of_records(&reading, &mut findings)?;
        let mut members = Sorter::new(&scratch, SORTED_BYTES);
        let pools = ComputedPools::of(reading.scan::<Pool>(), &self.0.damage)?;
        expect_members::<Device>(&reading, &pools, Side::Device, &mut members, progress)?;
        expect_members::<Link>(&reading, &pools, Side::Link, &mut members, progress)?;
        let members = compare(&reading, &pools, members, &mut findings, progress)?;
        drop(store_lock);
        // Kept generations do not change, so changes of the inventory can continue.
        let earlier_generations = self.verify_earlier(&mut findings, progress)?;
        Ok(VerifyReport { earlier_generations, ..report(&verified, members, findings, begun) })
    }

    /// Reads the kept generations, and compares the changes that replaced one with their differences. Returns the
    /// number of kept generations.
    fn verify_earlier(
        &self,
        findings: &mut FindingsReport,
        progress: &Progress,
    ) -> Result<u64, InventoryError> {
        let store = &self.0.store;
        let kept = store.earlier_generations()?;
        for EarlierGeneration { number, .. } in &kept {
            if let Some(damage) = store.verify_earlier(*number, progress)? {
                findings.add(Finding {
                    kind: None,
                    name: None,
                    code: "generation",
                    detail: format!("the kept generation {number} is damaged: {damage}"),
                });
                return Ok(kept.len() as u64);
            }
        }
        let history = store.history()?;
        let mut last = 0;
        while let Some(change) = history.first_replacement_after(last)? {
            last = change.number;
            let Some(states) = store.replaced_states(&change)? else { continue };
            for (kind, counts) in change.counts.iter() {
                let found = match counts_of(&states, kind, progress) {
                    Ok(found) => found,
                    // The verification of the records has reported the damage.
                    Err(error) if error.is_damage() => continue,
                    Err(error) => return Err(error.into()),
                };
                if !agrees(kind, counts, &found, &change) {
                    let detail = format!(
                        "change {last} counts {} created, {} updated and {} removed records, and the kept \
                         generations have {}, {} and {}",
                        counts.created,
                        counts.updated,
                        counts.removed,
                        found.created,
                        found.updated,
                        found.removed
                    );
                    findings.add(Finding { kind: Some(kind), name: None, code: "history", detail });
                }
            }
        }
        Ok(kept.len() as u64)
    }
}

/// The numbers of records of one kind that differ between the generations before and after a change.
fn counts_of(
    states: &ReplacedStates,
    kind: Kind,
    progress: &Progress,
) -> Result<ChangeCounts, StoreError> {
    let mut counts = ChangeCounts::default();
    for different in states.records(kind, None) {
        progress.check()?;
        let different = different?;
        match (different.before, different.after) {
            (None, _) => counts.created += 1,
            (Some(_), None) => counts.removed += 1,
            (Some(_), Some(_)) => counts.updated += 1,
        }
    }
    Ok(counts)
}

/// Returns whether the counts of a change can have these differences. A pool also counts as updated if only its
/// members changed. A recovery has no counts, and neither has an undo of an earlier version of Satchel.
fn agrees(kind: Kind, counts: &ChangeCounts, found: &ChangeCounts, change: &HistoryChange) -> bool {
    if change.counts.iter().all(|(_, counts)| *counts == ChangeCounts::default()) {
        return true;
    }
    let updated = match kind {
        Kind::Pool => found.updated <= counts.updated,
        _ => found.updated == counts.updated,
    };
    (found.created, found.removed) == (counts.created, counts.removed) && updated
}

fn report(
    verified: &Verified,
    members: u64,
    findings: FindingsReport,
    begun: Instant,
) -> VerifyReport {
    let types: Vec<KindRead> = verified
        .kinds
        .iter()
        .map(|(kind, read)| KindRead { kind, records: read.records, bytes: read.bytes })
        .collect();
    let records = types.iter().map(|kind| kind.records).sum();
    let whole = findings.total == 0;
    let summary = if whole {
        format!("Inventory OK: {} checked.", counted(records, "record"))
    } else {
        format!(
            "The inventory is damaged: {} in {}.",
            counted(findings.total, "finding"),
            counted(records, "record")
        )
    };
    VerifyReport {
        whole,
        summary,
        records,
        types,
        references: verified.references,
        members,
        texts: verified.texts,
        earlier_generations: 0,
        secrets: verified.secrets,
        findings,
        milliseconds: begun.elapsed().as_millis() as u64,
    }
}

/// Finds the records that are over a limit. They were stored before the limit existed, and a project
/// with them cannot be imported. Unreadable records are skipped: the store reports them.
fn check_limits_of_records(
    reading: &LiveView,
    findings: &mut FindingsReport,
) -> Result<(), StoreError> {
    for kind in Kind::ALL {
        for raw in reading.scan_raw(kind).filter(is_readable) {
            let (name, raw) = raw?;
            if raw.body().len() <= UNCHECKED_RECORD_BYTES_MAX {
                continue;
            }
            let Ok(mut record) = raw.record(kind, &name) else { continue };
            if let Err(over) = check_limits(&mut *record) {
                let detail =
                    format!("is over a limit, so a project with it cannot be imported: {over}");
                findings.add(Finding::of(kind, record.name().as_str(), "over-limit", detail));
            }
        }
    }
    Ok(())
}

/// Returns whether a record can be read. The store reports damaged records.
fn is_readable<T>(read: &Result<T, StoreError>) -> bool {
    !read.as_ref().is_err_and(StoreError::is_damage)
}

fn temporary_file(error: io::Error) -> StoreError {
    StoreError::io("writing the temporary file of a verification")(error)
}

/// Adds the members that result from the criteria of the pools, in the order of the store.
fn expect_members<E: Entity>(
    reading: &LiveView,
    pools: &ComputedPools,
    side: Side,
    members: &mut Sorter,
    progress: &Progress,
) -> Result<(), StoreError> {
    for stored in reading.scan::<E>().filter(is_readable) {
        let stored = stored?;
        progress.advance(1)?;
        for (ordinal, pool) in pools.iter() {
            let criteria = pool.criteria(side);
            if !criteria.is_empty() && criteria.matches(&stored.record) {
                let name = stored.record.name().as_str();
                members
                    .push(&key(ordinal, side, stored.ordinal, name), &[])
                    .map_err(temporary_file)?;
            }
        }
    }
    Ok(())
}

/// The key of a membership, in the order of the store.
fn key(pool: u64, side: Side, ordinal: u64, name: &str) -> Vec<u8> {
    let side = match side {
        Side::Device => 0,
        Side::Link => 1,
    };
    [&pool.to_be_bytes()[..], &[side], &ordinal.to_be_bytes(), name.as_bytes()].concat()
}

/// Compares the stored members with the expected ones. Returns the number of stored members.
fn compare(
    reading: &LiveView,
    pools: &ComputedPools,
    expected: Sorter,
    findings: &mut FindingsReport,
    progress: &Progress,
) -> Result<u64, StoreError> {
    let expected = expected.finish().map_err(temporary_file)?;
    let mut reader = expected.read();
    let mut next = reader.next().map_err(temporary_file)?.map(|(key, _)| key.to_vec());
    let mut members = 0;
    let missing = |key: &[u8], findings: &mut FindingsReport| {
        let pool = key.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
        let name = String::from_utf8_lossy(key.get(17..).unwrap_or_default());
        let side = if key.get(8) == Some(&0) { Side::Device } else { Side::Link };
        let detail = format!(
            "the {} '{name}' matches the criteria of the pool, but is not in its list of members",
            kind_of(side)
        );
        findings.add(of_pool(pools, pool, detail));
    };
    let walked = reading.each_membership(|pool, side, ordinal, name| {
        members += 1;
        progress.advance(1)?;
        let key = key(pool, side, ordinal, name);
        while let Some(here) = next.as_ref().filter(|here| **here < key) {
            missing(here, findings);
            next = reader.next().map_err(temporary_file)?.map(|(key, _)| key.to_vec());
        }
        if next.as_ref() == Some(&key) {
            next = reader.next().map_err(temporary_file)?.map(|(key, _)| key.to_vec());
        } else {
            let detail = format!(
                "the {} '{name}' is in the list of members, but does not match the criteria of the \
                 pool",
                kind_of(side)
            );
            findings.add(of_pool(pools, pool, detail));
        }
        Ok::<_, StoreError>(())
    });
    match walked {
        Err(error) if error.is_damage() => {
            let detail = format!("the lists of members cannot be read: {error}");
            findings.add(Finding { kind: Some(Kind::Pool), name: None, code: "damaged", detail });
            return Ok(members);
        }
        walked => walked?,
    }
    while let Some(here) = next {
        missing(&here, findings);
        next = reader.next().map_err(temporary_file)?.map(|(key, _)| key.to_vec());
    }
    compare_counts(reading, pools, findings)?;
    Ok(members)
}

/// Compares the stored number of members of each pool with its stored members.
fn compare_counts(
    reading: &LiveView,
    pools: &ComputedPools,
    findings: &mut FindingsReport,
) -> Result<(), StoreError> {
    for (ordinal, pool) in pools.iter() {
        for side in [Side::Device, Side::Link] {
            let (stored, found) =
                (reading.member_count(ordinal, side)?, reading.members(ordinal, side)?.len());
            if stored != found as u64 {
                let stored = counted(stored, kind_of(side).as_str());
                let detail = format!(
                    "the stored number of members is {stored}, but it has \
                                      {found}"
                );
                findings.add(Finding::of(Kind::Pool, &pool.name, "members", detail));
            }
        }
    }
    Ok(())
}

/// The kind of the members of a side.
fn kind_of(side: Side) -> Kind {
    match side {
        Side::Device => Kind::Device,
        Side::Link => Kind::Link,
    }
}

/// A finding about a pool, given by its ordinal.
fn of_pool(pools: &ComputedPools, pool: u64, detail: String) -> Finding {
    match pools.get(pool) {
        Some(pool) => Finding::of(Kind::Pool, &pool.name, "members", detail),
        None => Finding {
            kind: Some(Kind::Pool),
            name: None,
            code: "members",
            detail: format!("no computed pool has the ordinal {pool}; {detail}"),
        },
    }
}
