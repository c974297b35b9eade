//! Correction of the sector table (FAT) of an OLE2 container, which the crate `cfb` reads strictly.
//!
//! The table has whole sectors, so its last entries can belong to sectors that do not exist. They are
//! "free" (MS-CFB 2.3). SheetJS marks them as ends of chains, and `cfb` then refuses the container.

use std::ops::Range;

/// The entry of a free sector.
const FREE: [u8; 4] = u32::MAX.to_le_bytes();
/// The largest number of a sector. Greater ones have other meanings.
const SECTOR_MAX: u32 = 0xFFFF_FFFA;

/// Positions in the header (MS-CFB 2.2).
const SECTOR_SHIFT_AT: usize = 0x1E;
const TABLE_SECTORS_AT: usize = 0x2C;
const FIRST_LIST_AT: usize = 0x44;
const LIST_AT: usize = 0x4C;
/// The number of sectors of the table that the header lists.
const LISTED_IN_HEADER: usize = 109;

/// Bytes of an entry of the table, and of a list of its sectors.
const ENTRY_BYTES: usize = 4;

/// Marks the entries of sectors that do not exist as free. Leaves a damaged container unchanged.
pub(super) fn free_missing_sectors(container: &mut [u8]) {
    let Some(missing) = missing(container) else { return };
    for range in missing {
        if let Some(entries) = container.get_mut(range) {
            entries.chunks_exact_mut(ENTRY_BYTES).for_each(|entry| entry.copy_from_slice(&FREE));
        }
    }
}

/// Returns the positions of the entries of sectors that do not exist.
fn missing(container: &[u8]) -> Option<Vec<Range<usize>>> {
    let shift = u16::from_le_bytes(*container.get(SECTOR_SHIFT_AT..)?.first_chunk()?);
    // 512 or 4,096 bytes.
    let sector_bytes = matches!(shift, 9 | 12).then(|| 1_usize << shift)?;
    let sectors = container.len().div_ceil(sector_bytes).checked_sub(1)?;
    let per_sector = sector_bytes / ENTRY_BYTES;
    let count = usize::try_from(u32_at(container, TABLE_SECTORS_AT)?).ok()?;
    // Each sector of the table needs an existing sector.
    if count > sectors {
        return None;
    }
    let mut missing = Vec::new();
    for (number, sector) in table_sectors(container, sector_bytes, count)?.into_iter().enumerate() {
        let start = sector_at(sector, sector_bytes)?;
        let existing = sectors.saturating_sub(number * per_sector).min(per_sector);
        if existing < per_sector {
            missing.push(start + existing * ENTRY_BYTES..start + sector_bytes);
        }
    }
    Some(missing)
}

/// Returns the sectors of the table: the header lists the first ones, and a chain of lists the others.
fn table_sectors(container: &[u8], sector_bytes: usize, count: usize) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for at in 0..count.min(LISTED_IN_HEADER) {
        found.push(u32_at(container, LIST_AT + at * ENTRY_BYTES)?);
    }
    let mut list = u32_at(container, FIRST_LIST_AT)?;
    let per_list = sector_bytes / ENTRY_BYTES - 1;
    while found.len() < count {
        if list > SECTOR_MAX {
            return None;
        }
        let start = sector_at(list, sector_bytes)?;
        for at in 0..per_list.min(count - found.len()) {
            found.push(u32_at(container, start + at * ENTRY_BYTES)?);
        }
        list = u32_at(container, start + per_list * ENTRY_BYTES)?;
    }
    Some(found)
}

/// Returns the position of a sector, behind the header.
fn sector_at(sector: u32, sector_bytes: usize) -> Option<usize> {
    usize::try_from(sector).ok()?.checked_add(1)?.checked_mul(sector_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn container(stream_bytes: usize) -> Vec<u8> {
        let out = Cursor::new(Vec::new());
        let mut container = cfb::CompoundFile::create_with_version(cfb::Version::V3, out).unwrap();
        container.create_stream("/Workbook").unwrap().write_all(&vec![7; stream_bytes]).unwrap();
        container.flush().unwrap();
        container.into_inner().into_inner()
    }

    #[test]
    fn the_end_of_the_sector_table_is_freed_and_nothing_else() {
        // The second one needs a list of sectors beside that of the header.
        for stream_bytes in [10_000, 8 << 20] {
            let right = container(stream_bytes);
            let mut wrong = right.clone();
            let ranges = missing(&right).unwrap();
            assert_eq!(ranges.len(), 1, "{stream_bytes}");
            for entry in wrong[ranges[0].clone()].chunks_exact_mut(ENTRY_BYTES) {
                entry.copy_from_slice(&0xFFFF_FFFE_u32.to_le_bytes());
            }
            assert!(cfb::CompoundFile::open(Cursor::new(&wrong)).is_err());
            free_missing_sectors(&mut wrong);
            assert!(wrong == right, "{stream_bytes}");
        }
    }

    #[test]
    fn a_damaged_container_is_left_unchanged() {
        let right = container(10_000);
        for (at, byte) in [(SECTOR_SHIFT_AT, 40), (TABLE_SECTORS_AT + 3, 0xFF), (LIST_AT + 3, 0x7F)]
        {
            let mut damaged = right.clone();
            damaged[at] = byte;
            let before = damaged.clone();
            free_missing_sectors(&mut damaged);
            assert!(damaged == before, "{at}");
        }
        free_missing_sectors(&mut []);
        free_missing_sectors(&mut right[..600].to_vec());
    }
}
