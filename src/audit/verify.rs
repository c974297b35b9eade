//! Checks the chain of entries.

use std::collections::BTreeMap;

use super::{
    AuditError,
    end::{KnownEnd, Mark},
    entry::{AuditEntry, BrokenLine, ChainEnd, FIRST_PREVIOUS},
    event::{ChangeLink, EventKind, RemovedEntries},
    segments::AuditFolder,
};

/// The largest number of findings. The first ones tell where the damage begins.
const FINDINGS_MAX: usize = 100;

/// Damage of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFinding {
    /// A sentence without its end.
    pub detail: String,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFindings {
    /// The number of undamaged entries.
    pub entries: u64,
    /// The damage, at most 100 findings.
    pub findings: Vec<AuditFinding>,
    /// The last link to each range of changes, by its last change.
    pub links: BTreeMap<u64, ChangeLink>,
}

impl AuditFindings {
    fn add(&mut self, detail: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(AuditFinding { detail });
        }
    }

    /// Notes a link. An inventory that was restored from a copy has other changes of the same numbers: the
    /// last link counts.
    fn link(&mut self, link: ChangeLink) {
        self.links.retain(|last, _| *last < link.first);
        self.links.insert(link.last, link);
    }
}

/// Checks every entry, its hash, and its reference to the entry before.
///
/// # Errors
/// [`AuditError::Read`].
pub fn verify(folder: &AuditFolder) -> Result<AuditFindings, AuditError> {
    // First the end: the entries that are read then are at least as many.
    let (known, mark) = (KnownEnd::read(folder)?, Mark::read(folder)?);
    let mut found = AuditFindings::default();
    let mut walk = Walk::default();
    for segment in folder.segments()? {
        let name = segment.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (line, number) in lines_of(&segment.read()?).zip(1_u64..) {
            let place = || format!("line {number} of audit/{name}");
            match AuditEntry::parse(line) {
                Ok(entry) => {
                    if number == 1 && entry.number != segment.first {
                        found.add(format!(
                            "the file audit/{name} was renamed: its first entry is {}",
                            entry.number
                        ));
                    }
                    walk.entry(entry, &place(), &mut found);
                }
                Err(broken) => {
                    walk.is_after_damage = true;
                    found.add(match broken {
                        BrokenLine::NotAnEntry => format!("{} is not an entry", place()),
                        BrokenLine::WrongHash => {
                            format!("{} was changed: its hash is wrong", place())
                        }
                    });
                }
            }
        }
    }
    walk.check_begin(&mut found);
    walk.check_end(known, mark, &mut found);
    Ok(found)
}

/// Returns the complete lines of a file, also empty ones, which Satchel does not write.
fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
}

/// The state of a check between two entries.
#[derive(Default)]
struct Walk {
    /// The first entry.
    first: Option<AuditEntry>,
    /// The last entry.
    last: Option<ChainEnd>,
    /// Damage was reported since the last entry, so a gap is not reported again.
    is_after_damage: bool,
    /// The last removal of old entries.
    removed: Option<RemovedEntries>,
}

impl Walk {
    fn entry(&mut self, entry: AuditEntry, place: &str, found: &mut AuditFindings) {
        if let Some(last) = &self.last
            && (entry.number, &entry.previous) != (last.number + 1, &last.hash)
            && !self.is_after_damage
        {
            found.add(if entry.number > last.number + 1 {
                format!("the entries {} to {} are missing", last.number + 1, entry.number - 1)
            } else {
                format!(
                    "entry {} at {place} does not follow entry {}: one of them was changed, inserted or \
                     moved",
                    entry.number, last.number
                )
            });
        }
        self.is_after_damage = false;
        found.entries += 1;
        if let Some(link) = &entry.event.changes {
            found.link(link.clone());
        }
        match entry.event.kind {
            EventKind::Removal => self.removed.clone_from(&entry.event.removed),
            // The numbers of earlier changes can belong to others now. The entries after this one name them.
            EventKind::Recovery => found.links.clear(),
            _ => {}
        }
        self.last = Some(entry.end());
        self.first.get_or_insert(entry);
    }

    /// Checks that nothing was removed before the first entry but what the log says.
    fn check_begin(&self, found: &mut AuditFindings) {
        let Some(first) = &self.first else { return };
        let before = first.number - 1;
        let is_anchored = match &self.removed {
            // A process that was killed while it removed entries left some of them.
            Some(removed) if before < removed.up_to => true,
            Some(removed) => before == removed.up_to && first.previous == removed.hash,
            None => before == 0 && first.previous == FIRST_PREVIOUS,
        };
        if !is_anchored {
            found.add(format!(
                "the log begins with entry {}, and no entry says that those before were removed",
                first.number
            ));
        }
    }

    /// Checks that no entry is missing at the end.
    fn check_end(&self, known: KnownEnd, mark: Mark, found: &mut AuditFindings) {
        let last = self.last.as_ref().map_or(0, |last| last.number);
        let noted = known.clone().entry().map_or(0, |end| end.number);
        match mark {
            Mark::Damaged => found.add("the file MARK.audit is damaged".to_owned()),
            // Otherwise the file AUDIT tells about the same loss.
            Mark::Number(number) if number > last.max(noted) => found.add(format!(
                "{} missing: the file MARK.audit says that the last one is {number}",
                match last {
                    0 => "all entries are".to_owned(),
                    last => format!("the entries after {last} are"),
                }
            )),
            Mark::Number(_) | Mark::Missing => {}
        }
        match (known, &self.last) {
            (KnownEnd::Entry(end), Some(last)) if end.number > last.number => found.add(format!(
                "the entries after {} are missing: the file AUDIT says that the last one is {}",
                last.number, end.number
            )),
            (KnownEnd::Entry(end), None) if end.number > 0 => found.add(format!(
                "all entries are missing: the file AUDIT says that the last one is {}",
                end.number
            )),
            (KnownEnd::Damaged, _) => found.add("the file AUDIT is damaged".to_owned()),
            (KnownEnd::Missing, Some(_)) => found.add("the file AUDIT is missing".to_owned()),
            (KnownEnd::Entry(_) | KnownEnd::Missing, _) => {}
        }
    }
}
