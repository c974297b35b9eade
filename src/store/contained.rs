//! Reads of sled's trees that meet a damaged page.
//!
//! sled checks the checksum of a page when it reads it from the disk. It answers damage with
//! `Error::Corruption`, with errors of the file, or with a panic: a page of another number, a page
//! that does not decode, a tree whose pages do not fit together. None of these leaves anything
//! half done, because a read changes nothing; so the panic is caught, and all of them become
//! [`StoreError::Damaged`]. A read that meets no damage pays nothing for it.

use std::{
    cell::Cell,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use sled::Tree;

use super::{StoreError, generation::panic_text, layers::TreeId};

/// The longest key of any tree, in bytes: two names and what stands between them.
const KEY_BYTES_MAX: usize = 600;

/// How often the largest byte may follow itself in a key that is searched: no name has it.
const LARGEST_BYTES_MAX: usize = 8;

/// What is shown of a text of sled's, in characters: a panic may print a whole page.
const DETAIL_CHARS_MAX: usize = 200;

thread_local! {
    /// Whether a panic of this thread is caught here, and reported as damage.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is reported as damage by the one who reads. A panic hook need
/// not report it once more.
pub fn is_panic_contained() -> bool {
    CONTAINED.get()
}

/// Reads from a tree.
///
/// # Errors
/// [`StoreError::Damaged`] if what is read is damaged; [`StoreError::Reopening`] if a write failed
/// before, and sled refuses to read what it did not write.
pub(super) fn read<T>(
    tree: &Tree,
    work: impl FnOnce() -> sled::Result<T>,
) -> Result<T, StoreError> {
    let outer = CONTAINED.replace(true);
    let read = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(outer);
    match read {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(of_read(tree, error)),
        Err(panic) => Err(damaged(tree, &panic_text(panic.as_ref()))),
    }
}

/// What an error of sled's means to a read.
#[cold]
fn of_read(tree: &Tree, error: sled::Error) -> StoreError {
    match &error {
        sled::Error::Corruption { .. } => damaged(tree, "the checksum of a page is wrong"),
        sled::Error::Io(source) => match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => StoreError::Reopening,
            _ => damaged(tree, &source.to_string()),
        },
        sled::Error::ReportableBug(detail) => damaged(tree, detail),
        sled::Error::CollectionNotFound(_) | sled::Error::Unsupported(_) => error.into(),
        // Errors of sled's own tests.
        #[allow(unreachable_patterns, reason = "sled has more variants with other features")]
        _ => error.into(),
    }
}

#[cold]
fn damaged(tree: &Tree, detail: &str) -> StoreError {
    StoreError::Damaged {
        part: part(tree),
        detail: detail.chars().take(DETAIL_CHARS_MAX).collect(),
    }
}

/// The part of the store that a tree is.
fn part(tree: &Tree) -> &'static str {
    let name = tree.name();
    TreeId::all().map(TreeId::name).find(|part| part.as_bytes() == &*name).unwrap_or("database")
}

/// The first key behind a damaged range of the tree from which entries can be read again. `from` is
/// the first key of the range. `None` if nothing behind it can be read.
///
/// Pages are found by keys alone, so keys are tried, byte by byte. Where another damaged range is
/// close behind, what is readable between the two may be passed over.
pub(super) fn readable_after(tree: &Tree, from: &[u8]) -> Option<Vec<u8>> {
    let is_readable = |key: &[u8]| {
        let entry = read(tree, || tree.range(key..).next().transpose());
        !matches!(entry, Err(StoreError::Damaged { .. }))
    };
    if is_readable(from) { Some(from.to_vec()) } else { first_after(from, &is_readable) }
}

/// The smallest key behind `from` for which `holds`, where it holds for all behind that as far as
/// is looked.
fn first_after(from: &[u8], holds: &dyn Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    // A byte of `from` is raised, the last one first: the nearest keys come first.
    let raised = (0..=from.len()).rev().find_map(|at| {
        let prefix = &from[..at];
        let lowest = from.get(at).map_or(0, |byte| u16::from(*byte) + 1);
        match first_byte(prefix, lowest, holds) {
            Some(byte) => Some((prefix, lowest, u16::from(byte))),
            // It may hold for some of the keys that begin with the largest byte.
            None if lowest <= u16::from(u8::MAX) => {
                let largest = [prefix, &[u8::MAX; LARGEST_BYTES_MAX]].concat();
                holds(&largest).then_some((prefix, lowest, u16::from(u8::MAX) + 1))
            }
            None => None,
        }
    });
    let (prefix, lowest, byte) = raised?;
    let mut found = match u8::try_from(byte) {
        Ok(byte) => [prefix, &[byte]].concat(),
        Err(_) => [prefix, &[u8::MAX; LARGEST_BYTES_MAX]].concat(),
    };
    if byte == lowest {
        return Some(found);
    }
    // It holds for `found`, and not for the key below it: the border is between them.
    let below = u8::try_from(byte - 1).unwrap_or(u8::MAX);
    let mut below = [prefix, &[below]].concat();
    let mut largest = 0;
    while below.len() < KEY_BYTES_MAX && largest < LARGEST_BYTES_MAX {
        match first_byte(&below, 0, holds) {
            Some(byte) => {
                largest = 0;
                found = [&below[..], &[byte]].concat();
                if byte == 0 {
                    break;
                }
                below.push(byte - 1);
            }
            None => {
                largest += 1;
                below.push(u8::MAX);
            }
        }
    }
    Some(found)
}

/// The smallest byte from `lowest` on with which the key that begins with `prefix` holds.
fn first_byte(prefix: &[u8], lowest: u16, holds: &dyn Fn(&[u8]) -> bool) -> Option<u8> {
    let at = |byte: u16| -> Option<u8> {
        let byte = u8::try_from(byte).ok()?;
        holds(&[prefix, &[byte]].concat()).then_some(byte)
    };
    if lowest > u16::from(u8::MAX) {
        return None;
    }
    let mut found = at(u8::MAX.into())?;
    let mut low = lowest;
    while low < u16::from(found) {
        let middle = low.midpoint(found.into());
        match at(middle) {
            Some(byte) => found = byte,
            None => low = middle + 1,
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The border between keys for which something does not hold and those for which it does
        /// is found to the byte.
        #[test]
        fn the_border_is_found(
            from in prop::collection::vec(any::<u8>(), 0..5),
            border in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 1..6),
        ) {
            let (from, mut border) = if from < border { (from, border) } else { (border, from) };
            // A key that ends with 0 is the first behind another one: nothing is between them.
            border.push(1);
            let found = first_after(&from, &|key| key >= border.as_slice());
            prop_assert_eq!(found, Some(border));
        }
    }

    #[test]
    fn a_border_that_is_not_there_is_not_found() {
        assert_eq!(first_after(b"abc", &|_| false), None);
        assert_eq!(first_after(&[255, 255], &|_| false), None);
    }

    #[test]
    fn a_panic_is_damage_and_the_thread_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let tree = sled::open(folder.path()).unwrap().open_tree("device").unwrap();
        let read_badly: Result<(), _> = read(&tree, || {
            assert!(is_panic_contained());
            panic!("on purpose")
        });
        assert!(matches!(read_badly, Err(StoreError::Damaged { part: "device", .. })));
        assert!(!is_panic_contained());
        assert!(read(&tree, || tree.get("x")).unwrap().is_none());
    }
}
