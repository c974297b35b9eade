//! Contains damage: a read that meets a damaged page of sled returns [`StoreError::Damaged`].
//!
//! sled checks the checksum of a page when it reads it from the disk. It reports damage as
//! `Error::Corruption`, as an I/O error, or by a panic: a page with another number, a page that does
//! not decode, a tree whose pages do not fit together. A read changes nothing, so catching the panic
//! is safe. A read of an intact page costs nothing extra.

use std::io;

use sled::Tree;

use super::{StoreError, tree_id::TreeId};
use crate::panics;

/// The longest key of any tree, in bytes: two names with a relation between them.
const KEY_BYTES_MAX: usize = 600;

/// The number of consecutive 255 bytes in a searched key. Names contain none: UTF-8 has no such byte.
const LARGEST_BYTES_MAX: usize = 8;

/// The longest detail of a message, in characters: a panic of sled can print a whole page.
const DETAIL_CHARS_MAX: usize = 200;

/// Runs `work`, which reads from `tree`.
///
/// # Errors
/// - [`StoreError::Damaged`] if a page is damaged.
/// - [`StoreError::Reopening`] if an earlier write failed: sled then refuses to read the pages that it
///   did not write.
pub(super) fn read<T>(
    tree: &Tree,
    work: impl FnOnce() -> sled::Result<T>,
) -> Result<T, StoreError> {
    match panics::contain(work) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(read_error(tree, error)),
        Err(panic) => Err(damaged(tree, &panic)),
    }
}

/// Converts an error that sled returns to a read.
#[cold]
fn read_error(tree: &Tree, error: sled::Error) -> StoreError {
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

/// Returns the part of the store that a tree is, for messages.
fn part(tree: &Tree) -> &'static str {
    let name = tree.name();
    TreeId::all().map(TreeId::name).find(|part| part.as_bytes() == &*name).unwrap_or("database")
}

/// Returns the first key after a damaged range of the tree from which entries are readable again.
/// `from` is the first key of the range. `None` if nothing after it is readable.
///
/// sled finds pages by keys only, so this tries keys, byte by byte. Readable entries between two
/// damaged ranges that are close to each other can be skipped.
pub(super) fn readable_after(tree: &Tree, from: &[u8]) -> Option<Vec<u8>> {
    let is_readable = |key: &[u8]| {
        let entry = read(tree, || tree.range(key..).next().transpose());
        !matches!(entry, Err(StoreError::Damaged { .. }))
    };
    if is_readable(from) { Some(from.to_vec()) } else { first_after(from, &is_readable) }
}

/// Returns the smallest key greater than `from` for which `holds` is true. `holds` must be monotonic
/// in the searched range: once true, it stays true.
fn first_after(from: &[u8], holds: &dyn Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    // Raises one byte of `from`, the last one first, so that the nearest keys are tried first.
    let raised = (0..=from.len()).rev().find_map(|at| {
        let prefix = &from[..at];
        let lowest = from.get(at).map_or(0, |byte| u16::from(*byte) + 1);
        match first_byte(prefix, lowest, holds) {
            Some(byte) => Some((prefix, lowest, u16::from(byte))),
            // Keys that begin with the largest byte can still match.
            None if u8::try_from(lowest).is_ok() => {
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
    // True for `found` and false for the key below it: the border is between them.
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

/// Returns the smallest byte, at least `lowest`, for which `prefix` plus the byte matches.
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
        /// The border between keys that do not match and keys that do is found exactly.
        #[test]
        fn the_smallest_matching_key_is_found(
            from in prop::collection::vec(any::<u8>(), 0..5),
            border in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 1..6),
        ) {
            let (from, mut border) = if from < border { (from, border) } else { (border, from) };
            // A key that ends with 0 directly follows another key, with no key between them.
            border.push(1);
            let found = first_after(&from, &|key| key >= border.as_slice());
            prop_assert_eq!(found, Some(border));
        }
    }

    #[test]
    fn nothing_is_found_if_no_key_matches() {
        assert_eq!(first_after(b"abc", &|_| false), None);
        assert_eq!(first_after(&[255, 255], &|_| false), None);
    }

    #[test]
    fn a_panic_becomes_an_error_of_damage() {
        let folder = tempfile::tempdir().unwrap();
        let tree = sled::open(folder.path()).unwrap().open_tree("device").unwrap();
        let read_badly: Result<(), _> = read(&tree, || {
            assert!(panics::is_contained());
            panic!("on purpose")
        });
        assert!(matches!(read_badly, Err(StoreError::Damaged { part: "device", .. })));
        assert!(read(&tree, || tree.get("x")).unwrap().is_none());
    }
}
