//! Reads the pages of a damaged log from its remaining messages.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    Lsn, Reach, SEGMENT_BYTES, SEGMENT_LSN, SalvageReport,
    check::Examined,
    message::{MESSAGE_HEADER_MAX, Message, MessageKind, Repaired, fixed},
    node::Node,
    segment::{HEADER_BYTES, LogFile, SlotHeader, segment_number},
    table::{Location, PageState, PageTable, SledSnapshot, location},
};

/// Segments without a header are searched for messages whose segment number is at most this much higher
/// than the last known one.
const SEGMENTS_AHEAD_MAX: u64 = 64;

/// The readable pages of a log.
pub(super) struct Pages<'a> {
    log: &'a LogFile,
    pub table: PageTable,
    /// Messages up to this LSN might be missing because of damage, so a page with an older LSN might be
    /// outdated.
    unknown: Lsn,
    /// The LSNs of damaged messages whose pages are known.
    damaged: HashMap<u64, Lsn>,
    /// The repaired single bytes: the value to XOR each with, by its offset in the file.
    flipped: BTreeMap<u64, u8>,
}

/// The state of one replay.
struct Replay<'a, 'r> {
    pages: Pages<'a>,
    reach: Reach,
    /// Messages from this LSN on are not read: the log ends there, or a batch without its end begins.
    limit: Lsn,
    /// The pages of the messages from the limit on, and the LSNs of these messages.
    unread: Vec<(u64, Lsn)>,
    /// Whether a message after the limit is damaged. Then the unread messages can be changes that were
    /// completely written.
    is_end_damaged: bool,
    /// The pages of the messages in the snapshot, by LSN.
    known: BTreeMap<Lsn, u64>,
    stable: Lsn,
    report: &'r mut SalvageReport,
}

impl<'a> Pages<'a> {
    /// Reads all segments, sorted by LSN.
    pub(super) fn read(
        log: &'a LogFile,
        examined: &Examined,
        limit: Option<Lsn>,
        report: &mut SalvageReport,
    ) -> Self {
        let segments = segments(log, limit.is_none(), report);
        let snapshot = examined.snapshot.as_ref().filter(|_| limit.is_none());
        let pages = Pages {
            log,
            table: PageTable::default(),
            unknown: -1,
            damaged: HashMap::new(),
            flipped: BTreeMap::new(),
        };
        let known = snapshot.map(known_messages).unwrap_or_default();
        let stable = snapshot.map_or(0, |snapshot| snapshot.stable);
        let limit_lsn = limit.unwrap_or_else(|| unfinished_batch(log, &segments));
        let mut replay = Replay {
            pages,
            reach: if limit.is_some() { Reach::Recovered } else { Reach::Everything },
            limit: limit_lsn,
            unread: Vec::new(),
            is_end_damaged: false,
            known,
            stable,
            report,
        };
        let mut bytes = Vec::new();
        for (lsn, slot) in &segments {
            log.read_slot(*slot, &mut bytes);
            let is_last = segments.last().is_some_and(|(last, _)| last == lsn);
            replay.read_segment(&bytes, *lsn, *slot, is_last);
        }
        let Replay { mut pages, known, unread, is_end_damaged, .. } = replay;
        if limit.is_some() {
            // Up to the limit, the examination found no damage.
            pages.unknown = -1;
            pages.damaged.clear();
            return pages;
        }
        for (page, lsn) in unread.into_iter().filter(|_| is_end_damaged) {
            pages.note_damaged(page, lsn);
        }
        for (lsn, page) in known {
            if !pages.table.pages.get(&page).is_some_and(|state| state.covers(lsn)) {
                pages.note_damaged(page, lsn);
            }
        }
        if snapshot.is_none() && (examined.hides_segments() || report.segments_unreadable > 0) {
            pages.unknown = Lsn::MAX;
        }
        pages
    }

    fn note_damaged(&mut self, page: u64, lsn: Lsn) {
        let newest = self.damaged.entry(page).or_insert(lsn);
        *newest = lsn.max(*newest);
    }

    /// Returns whether a page with this base is known to be in its newest state.
    pub(super) fn is_complete(&self, page: u64, base: Lsn) -> bool {
        self.unknown <= base && self.damaged.get(&page).is_none_or(|lsn| *lsn <= base)
    }

    /// Reads the content of a page's base. `None` if no message contains the page.
    pub(super) fn base(&self, page: u64) -> Option<(Lsn, Vec<u8>)> {
        match self.table.pages.get(&page)? {
            PageState::Present { base, .. } => Some((base.lsn, self.body(base)?)),
            PageState::Free(_) | PageState::Dangling(_) => None,
        }
    }

    /// Reads a page of a tree with its changes. The number is the base's LSN; the boolean says
    /// whether the state is the newest one.
    pub(super) fn node(&self, page: u64) -> Option<(Node, Lsn, bool)> {
        let PageState::Present { base, links } = self.table.pages.get(&page)? else { return None };
        let mut node = Node::parse(&self.body(base)?)?;
        let mut is_complete = self.is_complete(page, base.lsn);
        for link in links {
            let applied = self.body(link).and_then(|change| node.apply(&change));
            if applied.is_none() {
                is_complete = false;
                break;
            }
        }
        Some((node, base.lsn, is_complete))
    }

    fn body(&self, location: &Location) -> Option<Vec<u8>> {
        let length = usize::try_from(location.length.checked_sub(location.header)?).ok()?;
        let begin = location.offset + location.header;
        let mut bytes = self.log.read(begin, length)?;
        for (at, flipped) in self.flipped.range(begin..begin + length as u64) {
            let byte = usize::try_from(at - begin).ok().and_then(|at| bytes.get_mut(at))?;
            *byte ^= flipped;
        }
        Some(bytes)
    }
}

impl Replay<'_, '_> {
    /// Reads the messages of one segment, and notes the damaged locations between them.
    fn read_segment(&mut self, bytes: &[u8], lsn: Lsn, slot: u64, is_last: bool) {
        let number = segment_number(lsn);
        let mut at = HEADER_BYTES;
        self.report.segments += 1;
        while at <= SEGMENT_BYTES - MESSAGE_HEADER_MAX {
            let Some(message) = Message::read(bytes, at, number) else {
                match self.damaged(bytes, at, lsn, slot, is_last) {
                    Some(next) => at = next,
                    None => return,
                }
                continue;
            };
            if message.kind == MessageKind::Cap {
                return;
            }
            let message_lsn = lsn + at as Lsn;
            if message_lsn < self.limit {
                self.note(&message, lsn, slot);
            } else if self.reach == Reach::Everything {
                self.unread.push((message.page, message_lsn));
            } else {
                return;
            }
            at = message.end;
        }
    }

    fn note(&mut self, message: &Message, lsn: Lsn, slot: u64) {
        self.report.messages += 1;
        let location = location(message, lsn, slot);
        if message.kind == MessageKind::Blob {
            self.pages.note_damaged(message.page, location.lsn);
            return;
        }
        // A change after a damaged state of its page cannot be applied: its key can lack a prefix that is
        // unknown.
        let damaged = self.pages.damaged.get(&message.page);
        let is_stale = match (self.pages.table.pages.get(&message.page), damaged) {
            (Some(PageState::Present { base, .. }), Some(damaged)) => base.lsn < *damaged,
            _ => false,
        };
        if message.kind != MessageKind::Link || !is_stale {
            self.pages.table.apply(message.kind, message.page, location);
        }
    }

    /// Notes damage at `at`, and returns the offset of the next message.
    fn damaged(
        &mut self,
        bytes: &[u8],
        at: usize,
        lsn: Lsn,
        slot: u64,
        is_last: bool,
    ) -> Option<usize> {
        let number = segment_number(lsn);
        let first = lsn + at as Lsn;
        let next = Message::find_after(bytes, at, number);
        let looks_begun = Message::parse(bytes, at).filter(|begun| begun.segment == number);
        let repaired = Message::repair_any(bytes, at, number);
        // In a reused slot, messages of an earlier segment follow the end of the log.
        let is_end = is_last && (lsn != slot.cast_signed() || bytes[at..].iter().all(|b| *b == 0));
        if is_end && next.is_none() && looks_begun.is_none() && repaired.is_none() {
            return None;
        }
        self.report.messages_damaged += 1;
        self.is_end_damaged |= first >= self.limit;
        if let Some(repaired) = repaired.filter(|found| found.is_certain() && first < self.limit) {
            self.pages.flipped.insert(slot + repaired.byte as u64, repaired.flipped);
            self.note(&repaired.message, lsn, slot);
            return Some(repaired.message.end);
        }
        let end = lsn + next.map_or(SEGMENT_BYTES, |next| next.at) as Lsn;
        let nearest = Message::find(bytes, at + 1, |found| found == number);
        let is_one = next == nearest
            && next.is_some_and(|next| looks_begun.is_some_and(|one| one.end == next.at));
        if end <= self.stable {
            let pages: Vec<_> = self.known.range(first..end).map(|(a, b)| (*a, *b)).collect();
            for (lsn, page) in pages {
                self.pages.note_damaged(page, lsn);
            }
        } else if let Some(one) = looks_begun.filter(|_| is_one) {
            self.pages.note_damaged(one.page, first);
        } else {
            self.pages.unknown = self.pages.unknown.max(end);
        }
        next.map(|next| next.at)
    }
}

/// Returns the pages of the messages in a snapshot, by LSN.
fn known_messages(snapshot: &SledSnapshot) -> BTreeMap<Lsn, u64> {
    let pages = snapshot.table.pages.iter();
    pages
        .flat_map(|(page, state)| state.locations().map(|location| (location.lsn, *page)))
        .collect()
}

/// The LSNs and slots of all segments, in the order of their LSNs.
fn segments(log: &LogFile, with_lost: bool, report: &mut SalvageReport) -> Vec<(Lsn, u64)> {
    let headers = log.headers();
    let (mut segments, mut lost) = (Vec::new(), Vec::new());
    for (slot, header) in headers {
        match header {
            SlotHeader::Valid(header)
                if header.lsn % SEGMENT_LSN == 0 && header.lsn >= slot.cast_signed() =>
            {
                segments.push((header.lsn, slot));
            }
            header => lost.push((slot, header)),
        }
    }
    let last = segments.iter().map(|(lsn, _)| *lsn).max().unwrap_or(0);
    let mut bytes = Vec::new();
    for (slot, header) in lost.into_iter().filter(|_| with_lost) {
        log.read_slot(slot, &mut bytes);
        let slots = log.length / SEGMENT_BYTES as u64;
        let highest = segment_number(last).max(slots) + SEGMENTS_AHEAD_MAX;
        let numbers = numbers(&bytes, slot / SEGMENT_BYTES as u64, highest);
        if numbers.is_empty() && header != SlotHeader::Zero {
            report.segments_unreadable += 1;
        }
        let lsns = numbers.into_iter().map(|number| number.cast_signed() * SEGMENT_LSN);
        segments.extend(lsns.map(|lsn| (lsn, slot)));
    }
    segments.sort_unstable();
    segments
}

/// The numbers of the segments that have messages in a slot.
fn numbers(bytes: &[u8], lowest: u64, highest: u64) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    let mut at = HEADER_BYTES;
    while let Some(message) =
        Message::find(bytes, at, |number| (lowest..=highest).contains(&number))
    {
        numbers.insert(message.segment);
        at = message.end.max(at + 1);
    }
    numbers
}

/// Returns the message at `at`, or else the next one. Repairs the message at `at` if exactly one byte of it
/// is damaged for certain.
fn this_or_next(segment: &mut [u8], at: usize, number: u64) -> Option<Message> {
    if let Some(message) = Message::read(segment, at, number) {
        return Some(message);
    }
    if segment.get(at..)?.iter().all(|byte| *byte == 0) {
        return None;
    }
    if let Some(repaired) = Message::repair_any(segment, at, number).filter(Repaired::is_certain) {
        segment[repaired.byte] ^= repaired.flipped;
        return Some(repaired.message);
    }
    Message::find_after(segment, at, number)
}

/// The LSN of the first batch without its end, at the end of the log. A crash leaves such a batch, and so
/// does damage of its last messages.
fn unfinished_batch(log: &LogFile, segments: &[(Lsn, u64)]) -> Lsn {
    let Some((last, _)) = segments.last() else { return Lsn::MAX };
    let mut bytes = Vec::new();
    let mut batches = Vec::new();
    let mut end = 0;
    // A batch that began earlier than in the segment before the last is long.
    for (lsn, slot) in segments.iter().filter(|(lsn, _)| *lsn + 64 * SEGMENT_LSN >= *last) {
        log.read_slot(*slot, &mut bytes);
        let number = segment_number(*lsn);
        let mut at = HEADER_BYTES;
        while let Some(message) = this_or_next(&mut bytes, at, number) {
            if message.kind == MessageKind::Cap {
                break;
            }
            if message.kind == MessageKind::BatchManifest
                && let Some(batch_end) = fixed(&mut &bytes[message.body..message.end])
            {
                batches.push((lsn + message.at as Lsn, batch_end));
            }
            at = message.end;
            end = end.max(lsn + at as Lsn);
        }
    }
    let unfinished = batches.into_iter().find(|(_, batch_end)| *batch_end >= end);
    unfinished.map_or(Lsn::MAX, |(begin, _)| begin)
}
