//! Distinguishes damage of a log from the states that a crash leaves.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs, io,
    ops::Range,
    path::Path,
};

use super::{
    IncompleteEnd, LogCheck, LogDamage, LogFault, Lsn, SEGMENT_BYTES, SEGMENT_LSN,
    message::{Message, MessageKind, SegmentEnd, fixed, visit},
    segment::{HEADER_BYTES, LogFile, SegmentHeader, SlotHeader, floor, segment_number},
    table::{PageTable, SledSnapshot, location},
};
use crate::store::StoreError;

/// The unit that a disk writes completely or not at all, in bytes.
const SECTOR_BYTES: usize = 512;

/// The longest message, in bytes, in which an apparent single damaged byte counts as one. A lost
/// sector looks like one in a message of this length once in 1,000 times.
const SINGLE_BYTE_DAMAGE_MAX: usize = 16 * 1024;

/// The number of consecutive zeros, in bytes, that can be a lost sector in a slot that was never
/// used before.
const ZEROS_LOST: usize = 64;

/// The numbers of sled's own pages: the names of the trees, and the counter.
const OWN_PAGES: [u64; 2] = [0, 1];

/// Examines the log of the sled database in `directory` before sled opens it. Reads what sled's
/// recovery reads, and writes nothing.
///
/// Damage near the end of the log can look like the incomplete end that a crash leaves. The high-water mark
/// tells whether changes are lost with it, once the database is open.
///
/// # Errors
/// - `StoreError::Io` if the directory or a file in it cannot be opened.
pub(crate) fn check(directory: &Path) -> Result<LogCheck, StoreError> {
    let examined = examine(directory)?;
    Ok(if !examined.damage.is_empty() {
        LogCheck::Damaged(examined.damage)
    } else if let Some(incomplete_end) = examined.incomplete_end {
        LogCheck::IncompleteEnd(incomplete_end)
    } else {
        LogCheck::Clean
    })
}

/// The result of an examination, for [`check`] and for a salvage.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub damage: Vec<LogDamage>,
    pub incomplete_end: Option<IncompleteEnd>,
    /// The LSN after the last message that sled reads.
    pub end: Lsn,
    pub snapshot: Option<SledSnapshot>,
}

pub(super) fn examine(directory: &Path) -> Result<Examined, StoreError> {
    let mut damage = Vec::new();
    check_settings(directory, &mut damage)?;
    let snapshot = read_snapshot(directory, &mut damage)?;
    let log = match LogFile::open(directory) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            damage.push(in_log(None, LogFault::FileMissing));
            return Ok(Examined { damage, ..Examined::default() });
        }
        Err(error) => return Err(StoreError::io("opening the log")(error)),
    };
    if log.length == 0 {
        damage.push(in_log(None, LogFault::FileEmpty));
    }
    if !damage.is_empty() {
        return Ok(Examined { damage, snapshot, ..Examined::default() });
    }
    let stable = snapshot.as_ref().map(|snapshot| snapshot.stable);
    let mut examination = Examination::new(&log, stable, damage);
    if let Some(snapshot) = &snapshot {
        examination.table = snapshot.table.clone();
        examination.active = snapshot.active;
    }
    examination.run();
    let Examination { damage, incomplete_end, end, .. } = examination;
    Ok(Examined { damage, incomplete_end, end, snapshot })
}

/// Damage of the file `db`.
fn in_log(offset: Option<u64>, fault: LogFault) -> LogDamage {
    LogDamage { file: "db".to_owned(), offset, fault }
}

/// Checks `conf`. sled writes it again if it is missing or empty.
fn check_settings(directory: &Path, damage: &mut Vec<LogDamage>) -> Result<(), StoreError> {
    let content = match fs::read(directory.join("conf")) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("reading the database's settings")(error)),
    };
    let Some((text, checksum)) = content.split_last_chunk::<4>() else { return Ok(()) };
    let mut report = |fault| {
        damage.push(LogDamage { file: "conf".to_owned(), offset: None, fault });
    };
    let size = format!("segment_size: {SEGMENT_BYTES}\n");
    if content.len() <= 8 {
        // sled takes such a file for a new one.
    } else if crc32fast::hash(text) != u32::from_le_bytes(*checksum) {
        report(LogFault::FileChecksum);
    } else if !text.starts_with(size.as_bytes()) {
        report(LogFault::SettingsOther);
    }
    Ok(())
}

/// Reads the newest snapshot file, and checks them all.
fn read_snapshot(
    directory: &Path,
    damage: &mut Vec<LogDamage>,
) -> Result<Option<SledSnapshot>, StoreError> {
    let failed = || StoreError::io("reading the database's snapshots");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(directory).map_err(failed())? {
        let name = entry.map_err(failed())?.file_name().to_string_lossy().into_owned();
        // A file that was being written is not read.
        if name.starts_with("snap.") && !name.ends_with(".generating") {
            names.insert(name);
        }
    }
    let mut newest = None;
    for name in names {
        let content = fs::read(directory.join(&name)).map_err(failed())?;
        newest = SledSnapshot::parse(&content);
        let fault = match &newest {
            None => LogFault::FileChecksum,
            Some(snapshot) if name != format!("snap.{:016X}", snapshot.stable) => {
                LogFault::FileOther
            }
            Some(_) => continue,
        };
        damage.push(LogDamage { file: name, offset: None, fault });
    }
    Ok(newest)
}

/// An offset in a segment without a valid message, before the end of the log.
struct Gap {
    slot: u64,
    at: usize,
}

/// The position at which the log ends.
#[derive(Clone, Copy)]
struct LogEnd {
    segment_lsn: Lsn,
    slot: u64,
    at: usize,
    /// Whether the segment has no space for another message.
    full: bool,
}

impl LogEnd {
    fn lsn(&self) -> Lsn {
        self.segment_lsn + self.at as Lsn
    }

    /// The LSN below which everything is read.
    fn read_below(&self) -> Lsn {
        if self.full { self.segment_lsn + SEGMENT_LSN } else { self.lsn() }
    }
}

/// The state of one examination.
struct Examination<'a> {
    log: &'a LogFile,
    headers: BTreeMap<u64, SlotHeader>,
    /// The segments that sled's recovery reads: their slots by LSN.
    segments: BTreeMap<Lsn, u64>,
    /// The stable LSN of the snapshot.
    stable: Option<Lsn>,
    active: Option<u64>,
    /// The highest stable LSN that a header records.
    recorded: Lsn,
    table: PageTable,
    gaps: Vec<Gap>,
    end: Lsn,
    incomplete_end: Option<IncompleteEnd>,
    damage: Vec<LogDamage>,
    bytes: Vec<u8>,
}

impl<'a> Examination<'a> {
    fn new(log: &'a LogFile, stable: Option<Lsn>, damage: Vec<LogDamage>) -> Self {
        Self {
            log,
            headers: log.headers(),
            segments: BTreeMap::new(),
            stable,
            active: None,
            recorded: floor(stable.unwrap_or(0)),
            table: PageTable::default(),
            gaps: Vec::new(),
            end: stable.unwrap_or(0),
            incomplete_end: None,
            damage,
            bytes: Vec::new(),
        }
    }

    fn report(&mut self, offset: u64, fault: LogFault) {
        let damage = in_log(Some(offset), fault);
        if !self.damage.contains(&damage) {
            self.damage.push(damage);
        }
    }

    fn run(&mut self) {
        self.check_headers();
        if self.segments.is_empty() {
            self.without_segments();
        } else if let Some(end) = self.find_end() {
            self.read(end);
        }
        self.check_gaps();
        self.check_erased();
        self.check_pages();
    }

    /// Checks the headers of the segments and sorts the segments by LSN.
    fn check_headers(&mut self) {
        let mut slots = BTreeMap::new();
        for (slot, header) in self.headers.clone() {
            match header {
                SlotHeader::Zero => {}
                SlotHeader::Damaged => self.report(slot, LogFault::HeaderDamaged),
                SlotHeader::Valid(SegmentHeader { lsn, stable }) => {
                    if lsn % SEGMENT_LSN != 0 || lsn < slot.cast_signed() {
                        self.report(slot, LogFault::SegmentMisplaced { lsn });
                    } else if slots.insert(lsn, slot).is_some() {
                        self.report(slot, LogFault::SegmentTwice { lsn });
                    }
                    if lsn >= floor(self.stable.unwrap_or(0)) {
                        self.recorded = self.recorded.max(stable);
                    }
                }
            }
        }
        self.segments = slots.split_off(&floor(self.stable.unwrap_or(0)));
    }

    /// Handles a log without a segment as new as the snapshot. It is intact if the snapshot ends with a
    /// segment.
    fn without_segments(&mut self) {
        match (self.stable, self.active) {
            (Some(stable), Some(slot)) => {
                self.report(slot, LogFault::SegmentMissing { lsn: floor(stable) });
            }
            (Some(_), None) => {}
            (None, _) => self.damage.push(in_log(None, LogFault::NoSegment)),
        }
    }

    /// Finds the first missing message in the unstable end of the log. `None` if the first segment of that
    /// end is missing: sled then erases all segments.
    fn find_end(&mut self) -> Option<LogEnd> {
        let mut expected = floor(self.recorded);
        let mut end = None;
        let mut bytes = std::mem::take(&mut self.bytes);
        while let Some(slot) = self.segments.get(&expected).copied() {
            self.log.read_slot(slot, &mut bytes);
            let number = segment_number(expected);
            let (at, full) = match visit(&bytes, HEADER_BYTES, number, |_| true) {
                SegmentEnd::Full(at) => (at, true),
                SegmentEnd::Broken(at) | SegmentEnd::Stopped(at) => (at, false),
            };
            end = Some(LogEnd { segment_lsn: expected, slot, at, full });
            if !full {
                break;
            }
            expected += SEGMENT_LSN;
        }
        self.bytes = bytes;
        if end.is_none() {
            let lsn = floor(self.recorded);
            if self.stable == Some(lsn) && self.recorded == lsn && self.active.is_none() {
                // The first segment after the snapshot was not written to the disk, but a later one
                // was.
                let erased = self.segments.values().map(|slot| self.slot_range(*slot)).collect();
                self.end = lsn;
                self.incomplete_end =
                    Some(IncompleteEnd { end: lsn, segment: None, erased, messages: 0 });
            } else {
                self.damage.push(in_log(None, LogFault::SegmentMissing { lsn }));
            }
        }
        end
    }

    /// Reads the log up to `end` as sled's recovery does.
    fn read(&mut self, end: LogEnd) {
        let mut cut = None;
        let mut bytes = std::mem::take(&mut self.bytes);
        let segments = self.segments.range(..=end.segment_lsn);
        for (lsn, slot) in segments.map(|(lsn, slot)| (*lsn, *slot)).collect::<Vec<_>>() {
            self.log.read_slot(slot, &mut bytes);
            match self.read_segment(&bytes, lsn, slot, end) {
                SegmentEnd::Stopped(at) => {
                    cut = Some(LogEnd { segment_lsn: lsn, slot, at, full: false });
                    break;
                }
                SegmentEnd::Broken(at) if lsn + (at as Lsn) < end.lsn() => {
                    self.gaps.push(Gap { slot, at });
                }
                SegmentEnd::Broken(_) | SegmentEnd::Full(_) => {}
            }
        }
        self.bytes = bytes;
        if let Some(cut) = cut {
            // The batch can lack its end because a message of it is damaged.
            if !end.full && self.is_end_damaged(end) {
                self.report(end.slot + end.at as u64, LogFault::MessageDamaged);
            }
            self.check_end(cut, true);
        } else {
            self.check_end(end, false);
        }
    }

    /// Adds the messages of one segment to the page table. Stops at a batch without its end.
    fn read_segment(&mut self, bytes: &[u8], lsn: Lsn, slot: u64, end: LogEnd) -> SegmentEnd {
        let (stable, mut blobs) = (self.stable.unwrap_or(-1), Vec::new());
        let table = &mut self.table;
        let read_to = visit(bytes, HEADER_BYTES, segment_number(lsn), |message| {
            let location = location(message, lsn, slot);
            match message.kind {
                MessageKind::BatchManifest => {
                    let mut body = &bytes[message.body..message.end];
                    return fixed(&mut body).is_some_and(|last| last < end.lsn());
                }
                MessageKind::Blob => blobs.push((location.offset, message.page)),
                _ if location.lsn >= stable => table.apply(message.kind, message.page, location),
                _ => {}
            }
            true
        });
        for (offset, page) in blobs {
            self.report(offset, LogFault::Blob { page });
        }
        read_to
    }

    /// Returns whether the message at the log's end is damaged in a way that no crash explains.
    fn is_end_damaged(&self, end: LogEnd) -> bool {
        let mut bytes = Vec::new();
        self.log.read_slot(end.slot, &mut bytes);
        let number = segment_number(end.segment_lsn);
        let is_fresh = end.segment_lsn == end.slot.cast_signed();
        let has_damaged_byte =
            Message::repair_any(&bytes, end.at, number).is_some_and(|repaired| {
                let range = repaired.message.at..repaired.message.end;
                let is_short = range.len() <= SINGLE_BYTE_DAMAGE_MAX;
                let is_written = is_fresh && longest_zeros(&bytes[range]) < ZEROS_LOST;
                repaired.is_certain() || is_short || is_written
            });
        let next = Message::find_after(&bytes, end.at, number);
        let has_valid_message_after =
            is_fresh && next.is_some_and(|next| !has_lost_sector(&bytes, end.at..next.at));
        has_damaged_byte || has_valid_message_after
    }

    /// Checks the log's end: damage, a incomplete end, or nothing.
    fn check_end(&mut self, end: LogEnd, in_batch: bool) {
        self.end = end.lsn();
        let offset = end.slot + end.at as u64;
        let stable = self.stable.unwrap_or(0);
        if end.read_below() <= self.recorded || end.lsn() < stable {
            let fault = if in_batch { LogFault::BatchUnfinished } else { LogFault::MessageDamaged };
            self.report(offset, fault);
            return;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        self.log.read_slot(end.slot, &mut bytes);
        let number = segment_number(end.segment_lsn);
        let next = if in_batch {
            Message::read(&bytes, end.at, number)
        } else {
            Message::find_after(&bytes, end.at, number)
        };
        let is_fresh = end.segment_lsn == end.slot.cast_signed();
        let begun = Message::parse(&bytes, end.at).filter(|begun| begun.segment == number);
        let is_damaged = !end.full && !in_batch && self.is_end_damaged(end);
        let mut messages = count(&bytes, next, number);
        let looks_begun = begun.is_some_and(|begun| begun.kind != MessageKind::Cap);
        let rest_is_written = is_fresh && bytes[end.at..].iter().any(|byte| *byte != 0);
        let is_incomplete = !end.full && (next.is_some() || looks_begun || rest_is_written);
        let later: Vec<_> = self.segments.range(end.segment_lsn + 1..).collect();
        for (lsn, slot) in &later {
            self.log.read_slot(**slot, &mut bytes);
            let number = segment_number(**lsn);
            messages += count(&bytes, Message::read(&bytes, HEADER_BYTES, number), number);
        }
        let own = offset..self.slot_range(end.slot).end.max(offset);
        let erased = std::iter::once(own)
            .chain(later.iter().map(|(_, slot)| self.slot_range(**slot)))
            .collect();
        let has_later = !later.is_empty();
        self.bytes = bytes;
        if is_damaged {
            self.report(offset, LogFault::MessageDamaged);
        } else if is_incomplete || has_later {
            let segment = Some(end.slot);
            self.incomplete_end = Some(IncompleteEnd { end: end.lsn(), segment, erased, messages });
        }
    }

    /// The range of a slot in the file.
    fn slot_range(&self, slot: u64) -> Range<u64> {
        slot..(slot + SEGMENT_BYTES as u64).min(self.log.length)
    }

    /// The slots that hold a current page.
    fn used_slots(&self) -> HashSet<u64> {
        let size = SEGMENT_BYTES as u64;
        let locations = self.table.pages.values().flat_map(|state| state.locations());
        locations.map(|location| location.offset / size * size).collect()
    }

    /// A gap in a segment that holds a current page is damage. So is one that hides a page's newest
    /// state. All other gaps are in segments that were about to be reused.
    fn check_gaps(&mut self) {
        let gaps = std::mem::take(&mut self.gaps);
        if gaps.is_empty() {
            return;
        }
        let used = self.used_slots();
        let mut bytes = std::mem::take(&mut self.bytes);
        for gap in &gaps {
            self.log.read_slot(gap.slot, &mut bytes);
            let is_damage = used.contains(&gap.slot)
                || self.holds_current(&bytes, gap.at)
                || self.is_current_with_damaged_byte(&bytes, gap);
            if is_damage {
                self.report(gap.slot + gap.at as u64, LogFault::MessageDamaged);
            }
        }
        self.bytes = bytes;
    }

    /// Returns whether the gap is a message with one damaged byte that is newer than the page
    /// table.
    fn is_current_with_damaged_byte(&self, bytes: &[u8], gap: &Gap) -> bool {
        let Some(SlotHeader::Valid(header)) = self.headers.get(&gap.slot) else { return false };
        let number = segment_number(header.lsn);
        let repaired = Message::repair_any(bytes, gap.at, number);
        repaired.is_some_and(|repaired| self.is_current(&repaired.message))
    }

    /// Returns whether a message is newer than the page table but not after the end of the log.
    fn is_current(&self, message: &Message) -> bool {
        let lsn = message.segment.cast_signed() * SEGMENT_LSN + message.at as Lsn;
        let counts = matches!(
            message.kind,
            MessageKind::Free
                | MessageKind::Counter
                | MessageKind::Meta
                | MessageKind::Node
                | MessageKind::Link
        );
        let is_read = lsn >= self.stable.unwrap_or(0) && lsn < self.end;
        let state = self.table.pages.get(&message.page);
        counts && is_read && !state.is_some_and(|state| state.covers(lsn))
    }

    /// Returns whether a message after `at`, of any segment, is newer than the page table but not
    /// after the end of the log.
    fn holds_current(&self, bytes: &[u8], mut at: usize) -> bool {
        let numbers = segment_number(self.stable.unwrap_or(0))..=segment_number(self.end);
        while let Some(message) = Message::find(bytes, at, |number| numbers.contains(&number)) {
            at = message.end.max(message.at + 1);
            if self.is_current(&message) {
                return true;
            }
        }
        false
    }

    /// Checks the slots without a header whose rest is not empty.
    fn check_erased(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        let zero =
            |(slot, header): (&u64, &SlotHeader)| (*header == SlotHeader::Zero).then_some(*slot);
        for slot in self.headers.iter().filter_map(zero).collect::<Vec<_>>() {
            self.log.read_slot(slot, &mut bytes);
            if bytes.iter().any(|byte| *byte != 0) && self.holds_current(&bytes, HEADER_BYTES) {
                self.report(slot, LogFault::HeaderErased);
            }
        }
        self.bytes = bytes;
    }

    /// Checks that every page is at its location in the page table, and that no page is missing.
    fn check_pages(&mut self) {
        if !self.damage.is_empty() || self.table.pages.is_empty() {
            return;
        }
        let mut lost = BTreeSet::new();
        for (page, state) in &self.table.pages {
            let is_missing = matches!(state, super::table::PageState::Dangling(_))
                || !state.locations().all(|location| {
                    let slot = location.offset / SEGMENT_BYTES as u64 * SEGMENT_BYTES as u64;
                    let header = self.headers.get(&slot);
                    let lsn = location.lsn - (location.offset - slot).cast_signed();
                    location.offset + location.length <= self.log.length
                        && matches!(header, Some(SlotHeader::Valid(found)) if found.lsn == lsn)
                });
            if is_missing {
                lost.insert(*page);
            }
        }
        let highest = self.table.pages.keys().max().copied().unwrap_or(0);
        if highest >= self.table.pages.len() as u64 {
            let known = |page: &u64| !self.table.pages.contains_key(page);
            // sled numbers pages without gaps, so few are missing.
            lost.extend((0..=highest).filter(known).take(self.table.pages.len()));
        }
        lost.extend(OWN_PAGES.into_iter().filter(|page| !self.table.pages.contains_key(page)));
        let lost = lost.into_iter().map(|page| in_log(None, LogFault::PageLost { page }));
        self.damage.extend(lost);
    }
}

/// Counts the valid messages from `first` to the end of its segment.
fn count(bytes: &[u8], first: Option<Message>, number: u64) -> usize {
    let mut next = first;
    let mut messages = 0;
    while let Some(message) = next {
        messages += 1;
        next = Message::read(bytes, message.end, number)
            .or_else(|| Message::find_after(bytes, message.end, number));
    }
    messages
}

/// The length of the longest run of zeros.
fn longest_zeros(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte != 0).map(<[u8]>::len).max().unwrap_or(0)
}

/// Returns whether the gap can come from sectors that did not reach the disk. In a slot that was
/// never used before, such sectors are zero. A buffer's last sector can be shorter, and so can the
/// first.
fn has_lost_sector(bytes: &[u8], gap: Range<usize>) -> bool {
    let mut run = bytes[..gap.start].iter().rev().take_while(|byte| **byte == 0).count();
    for at in gap.clone() {
        run = if bytes[at] == 0 { run + 1 } else { 0 };
        let ends = at + 1 == gap.end || (at + 1) % SECTOR_BYTES == 0;
        if run >= SECTOR_BYTES || (run > 0 && ends) {
            return true;
        }
    }
    false
}
