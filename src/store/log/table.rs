//! The page table: the locations of the pages, from a snapshot file or from the messages of the log.

use std::collections::HashMap;

use super::{
    Lsn,
    message::{Message, MessageKind, fixed, varint},
};

/// The location of a message in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Location {
    pub lsn: Lsn,
    pub offset: u64,
    /// The length of the message, in bytes; 0 for a free page from a snapshot file.
    pub length: u64,
    /// The length of its header, in bytes; 0 if it comes from a snapshot file.
    pub header: u64,
}

/// The state of one page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PageState {
    /// The newest complete content, and the later changes in order.
    Present {
        base: Location,
        links: Vec<Location>,
    },
    Free(Location),
    /// Changes without the content that they change.
    Dangling(Location),
}

impl PageState {
    /// Returns whether a message at `lsn` is part of this state, or older than it.
    pub(super) fn covers(&self, lsn: Lsn) -> bool {
        match self {
            PageState::Present { base, links } => {
                lsn <= base.lsn || links.iter().any(|link| link.lsn == lsn)
            }
            PageState::Free(location) => lsn <= location.lsn,
            PageState::Dangling(location) => lsn == location.lsn,
        }
    }

    pub(super) fn locations(&self) -> impl Iterator<Item = &Location> {
        let (first, links) = match self {
            PageState::Present { base, links } => (base, links.as_slice()),
            PageState::Free(location) | PageState::Dangling(location) => (location, [].as_slice()),
        };
        std::iter::once(first).chain(links)
    }
}

/// The states of all pages, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct PageTable {
    pub pages: HashMap<u64, PageState>,
}

impl PageTable {
    /// Adds a message. The caller adds messages in the order of their LSNs.
    pub(super) fn apply(&mut self, kind: MessageKind, page: u64, location: Location) {
        match kind {
            MessageKind::Counter | MessageKind::Meta | MessageKind::Node => {
                self.pages.insert(page, PageState::Present { base: location, links: Vec::new() });
            }
            MessageKind::Free => {
                self.pages.insert(page, PageState::Free(location));
            }
            MessageKind::Link => match self.pages.get_mut(&page) {
                Some(PageState::Present { base, links }) => {
                    if links.last().map_or(base.lsn, |link| link.lsn) < location.lsn {
                        links.push(location);
                    }
                }
                Some(PageState::Free(_)) => {}
                Some(PageState::Dangling(first)) => *first = location,
                None => {
                    self.pages.insert(page, PageState::Dangling(location));
                }
            },
            MessageKind::Canceled
            | MessageKind::Cap
            | MessageKind::BatchManifest
            | MessageKind::Blob => {}
        }
    }
}

/// Returns the location of a segment's message.
pub(super) fn location(message: &Message, segment_lsn: Lsn, slot: u64) -> Location {
    Location {
        lsn: segment_lsn + message.at as Lsn,
        offset: slot + message.at as u64,
        length: (message.end - message.at) as u64,
        header: (message.body - message.at) as u64,
    }
}

/// The content of a snapshot file.
#[derive(Debug)]
pub(super) struct SledSnapshot {
    /// The LSN after the last message in the table.
    pub stable: Lsn,
    /// The slot of the segment that was being written.
    pub active: Option<u64>,
    pub table: PageTable,
}

impl SledSnapshot {
    /// Reads a snapshot file. `None` if it is damaged.
    pub(super) fn parse(file: &[u8]) -> Option<Self> {
        let (content, trailer) = file.split_at_checked(file.len().checked_sub(12)?)?;
        let stored = u32::from_le_bytes(*trailer.last_chunk::<4>()?);
        if content.is_empty() || crc32fast::hash(content) != stored {
            return None;
        }
        let mut rest = content;
        // Zero stands for none, so positive numbers are stored one higher.
        let stable = fixed(&mut rest).filter(|lsn| *lsn > 0)? - 1;
        let active = varint(&mut rest)?.checked_sub(1);
        let mut table = PageTable::default();
        let mut page = 0;
        while let Some((count, tail)) = rest.split_first() {
            rest = tail;
            let state = match count {
                0 => {
                    let (lsn, offset) = (fixed(&mut rest)?, pointer(&mut rest)?);
                    PageState::Free(Location { lsn, offset, length: 0, header: 0 })
                }
                count => {
                    let mut locations = (0..*count).map(|_| {
                        let (lsn, offset) = (fixed(&mut rest)?, pointer(&mut rest)?);
                        Some(Location { lsn, offset, length: varint(&mut rest)?, header: 0 })
                    });
                    let base = locations.next()??;
                    PageState::Present { base, links: locations.collect::<Option<_>>()? }
                }
            };
            table.pages.insert(page, state);
            page += 1;
        }
        Some(Self { stable, active, table })
    }
}

/// Reads the offset of a message. Skips the name of a blob after it.
fn pointer(bytes: &mut &[u8]) -> Option<u64> {
    let (kind, rest) = bytes.split_first()?;
    *bytes = rest;
    let offset = varint(bytes)?;
    match kind {
        0 => Some(offset),
        1 => fixed(bytes).map(|_| offset),
        _ => None,
    }
}
