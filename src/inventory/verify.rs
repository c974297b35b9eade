//! Whether all of the inventory is as it should be: what the store finds of records, references and
//! chunks, and here the members of computed pools.

use std::{io, time::Instant};

use serde::Serialize;

use super::{Inventory, InventoryError, pools::computed::ComputedPools};
use crate::{
    disk::Sorter,
    job::Progress,
    model::{Device, Entity, Kind, Link, Pool, Side, check_limits, limits::SURELY_KEPT_BYTES},
    store::{Finding, LiveView, StoreError, Verified},
    wording::counted,
};

/// Findings that a report shows. All are counted.
const FINDINGS_SHOWN_MAX: usize = 1000;

/// What members may take in memory while they are sorted, in bytes.
const SORTED_BYTES: usize = 32 * 1024 * 1024;

/// What was read, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Whether nothing was found.
    pub whole: bool,
    /// A sentence for a person.
    pub summary: String,
    pub records: u64,
    pub types: Vec<KindRead>,
    pub references: u64,
    /// Of computed pools.
    pub members: u64,
    /// Of devices.
    pub texts: u64,
    /// Secrets that were opened with the key.
    pub secrets: u64,
    pub findings: FindingsReport,
    pub milliseconds: u64,
}

/// What was read of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KindRead {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub records: u64,
    pub bytes: u64,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FindingsReport {
    pub total: u64,
    /// The first of them.
    pub shown: Vec<FindingShown>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingShown {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A short word for scripts.
    pub rule: &'static str,
    /// The end of a sentence that begins with the record.
    pub detail: String,
}

impl FindingsReport {
    fn take(&mut self, finding: Finding) {
        self.total += 1;
        if self.shown.len() < FINDINGS_SHOWN_MAX {
            let Finding { kind, name, code, detail } = finding;
            self.shown.push(FindingShown { kind, name, rule: code, detail });
        }
    }
}

impl Inventory {
    /// Reads the whole inventory. Nothing changes it meanwhile: changes wait, and are answered
    /// "busy" when that takes too long; reads go on.
    ///
    /// # Errors
    /// The inventory cannot be read at all, or the disk's. What is damaged is in the report.
    /// [`StoreError::Cancelled`] within [`InventoryError::Store`].
    pub fn verify(&self, progress: &Progress) -> Result<VerifyReport, InventoryError> {
        let begun = Instant::now();
        let store = &self.0.store;
        let store_lock = store.lock(progress)?;
        let reading = store.read();
        let scratch = store.directory().scratch();
        let mut findings = FindingsReport::default();
        let verified = reading.verify(&scratch, progress, &mut |finding| {
            if finding.code == "damaged" {
                self.0.damage.note_finding(&finding);
            }
            findings.take(finding);
        })?;
        over_limit(&reading, &mut findings)?;
        let mut members = Sorter::new(&scratch, SORTED_BYTES);
        let pools = ComputedPools::of(reading.scan::<Pool>(), &self.0.damage)?;
        admit::<Device>(&reading, &pools, Side::Device, &mut members, progress)?;
        admit::<Link>(&reading, &pools, Side::Link, &mut members, progress)?;
        let members = compare(&reading, &pools, members, &mut findings, progress)?;
        drop(store_lock);
        Ok(report(&verified, members, findings, begun))
    }
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
        format!("The inventory is whole: {} checked.", counted(records, "record"))
    } else {
        format!(
            "The inventory is not whole: {} in {}.",
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
        secrets: verified.secrets,
        findings,
        milliseconds: begun.elapsed().as_millis() as u64,
    }
}

/// Finds the records that are over a limit: they were stored before it was checked, and a project
/// with them cannot be imported. Those that cannot be read were found to be damaged before.
fn over_limit(reading: &LiveView, findings: &mut FindingsReport) -> Result<(), StoreError> {
    for kind in Kind::ALL {
        for raw in reading.scan_raw(kind).filter(is_readable) {
            let (name, raw) = raw?;
            if raw.body().len() <= SURELY_KEPT_BYTES {
                continue;
            }
            let Ok(mut record) = raw.record(kind, &name) else { continue };
            if let Err(over) = check_limits(&mut *record) {
                let detail = format!("is over a limit, so that no import takes it: {over}");
                findings.take(Finding::of(kind, record.name().as_str(), "over-limit", detail));
            }
        }
    }
    Ok(())
}

/// Whether it is no damage, which was found before.
fn is_readable<T>(read: &Result<T, StoreError>) -> bool {
    !read.as_ref().is_err_and(StoreError::is_damage)
}

fn aside(error: io::Error) -> StoreError {
    StoreError::io("what is set aside to be compared")(error)
}

/// The members that the pools' criteria give, as the store sorts them.
fn admit<E: Entity>(
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
                members.push(&key(ordinal, side, stored.ordinal, name), &[]).map_err(aside)?;
            }
        }
    }
    Ok(())
}

/// A membership, sorted as the store's.
fn key(pool: u64, side: Side, ordinal: u64, name: &str) -> Vec<u8> {
    let side = match side {
        Side::Device => 0,
        Side::Link => 1,
    };
    [&pool.to_be_bytes()[..], &[side], &ordinal.to_be_bytes(), name.as_bytes()].concat()
}

/// Holds the members that the store has against those that there should be. Gives their number.
fn compare(
    reading: &LiveView,
    pools: &ComputedPools,
    expected: Sorter,
    findings: &mut FindingsReport,
    progress: &Progress,
) -> Result<u64, StoreError> {
    let expected = expected.finish().map_err(aside)?;
    let mut reader = expected.read();
    let mut next = reader.next().map_err(aside)?.map(|(key, _)| key.to_vec());
    let mut members = 0;
    let missing = |key: &[u8], findings: &mut FindingsReport| {
        let pool = key.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
        let name = String::from_utf8_lossy(key.get(17..).unwrap_or_default());
        let side = if key.get(8) == Some(&0) { Side::Device } else { Side::Link };
        let detail = format!(
            "its criteria admit the {} '{name}', which is not among its members",
            kind_of(side)
        );
        findings.take(of_pool(pools, pool, detail));
    };
    let walked = reading.each_membership(|pool, side, ordinal, name| {
        members += 1;
        progress.advance(1)?;
        let key = key(pool, side, ordinal, name);
        while let Some(here) = next.as_ref().filter(|here| **here < key) {
            missing(here, findings);
            next = reader.next().map_err(aside)?.map(|(key, _)| key.to_vec());
        }
        if next.as_ref() == Some(&key) {
            next = reader.next().map_err(aside)?.map(|(key, _)| key.to_vec());
        } else {
            let detail = format!(
                "the {} '{name}' is among its members, and its criteria do not admit it",
                kind_of(side)
            );
            findings.take(of_pool(pools, pool, detail));
        }
        Ok::<_, StoreError>(())
    });
    match walked {
        Err(error) if error.is_damage() => {
            let detail = format!("the lists of members cannot be read: {error}");
            findings.take(Finding { kind: Some(Kind::Pool), name: None, code: "damaged", detail });
            return Ok(members);
        }
        walked => walked?,
    }
    while let Some(here) = next {
        missing(&here, findings);
        next = reader.next().map_err(aside)?.map(|(key, _)| key.to_vec());
    }
    for (ordinal, pool) in pools.iter() {
        for side in [Side::Device, Side::Link] {
            let (kept, there) =
                (reading.member_count(ordinal, side)?, reading.members(ordinal, side)?.len());
            if kept != there as u64 {
                let kept = counted(kept, kind_of(side).as_str());
                let detail = format!("its stored count is {kept}, and {there} were found");
                findings.take(Finding::of(Kind::Pool, &pool.name, "members", detail));
            }
        }
    }
    Ok(members)
}

fn kind_of(side: Side) -> Kind {
    match side {
        Side::Device => Kind::Device,
        Side::Link => Kind::Link,
    }
}

fn of_pool(pools: &ComputedPools, pool: u64, detail: String) -> Finding {
    match pools.get(pool) {
        Some(pool) => Finding::of(Kind::Pool, &pool.name, "members", detail),
        None => Finding {
            kind: Some(Kind::Pool),
            name: None,
            code: "members",
            detail: format!("the pool number {pool} is none that is computed; {detail}"),
        },
    }
}
