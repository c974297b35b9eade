//! A short value, as the difference to the value that replaced it.
//!
//! A change of one property leaves most bytes of a record as they are, so the difference is a small part of
//! the value. It is a list of pieces: bytes that are copied from the later value, and bytes after them that it
//! does not have. A hash of the value tells whether it was rebuilt from the right one.

use bincode::{Decode, Encode};
use twox_hash::XxHash3_64;

use crate::store::format::{self, Head};

/// A value with a longer difference is stored as it is: it is found without the later value.
const DIFFERENCE_PART_MAX: usize = 2;

/// The number of bytes that are compared at once.
const WINDOW: usize = 8;

/// Shorter ranges are not searched for equal bytes.
const SEARCHED_BYTES_MIN: usize = 3 * WINDOW;

/// The number of bits of a hash of a window. The table of windows fits into a processor's cache.
const TABLE_BITS: u32 = 10;

/// The difference of a value to the later one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Difference {
    /// The header of the value.
    header: Vec<u8>,
    /// The lower half of the hash of the value.
    hash: u32,
    pieces: Vec<Piece>,
}

/// A piece of the body.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Piece {
    /// The position in the later body from which bytes are copied, and their number.
    from: u32,
    copied: u32,
    /// The bytes after the copied ones.
    new: Vec<u8>,
}

impl Difference {
    /// Returns the difference of a stored value to the later one. `None` if one of them is long, or if the
    /// difference is not much smaller than the value.
    pub(super) fn new(value: &[u8], later: &[u8]) -> Option<Self> {
        let (header, body) = parts(value)?;
        let (_, later) = parts(later)?;
        let pieces = pieces(body, later)?;
        let new: usize = pieces.iter().map(|piece| piece.new.len() + size_of::<u32>()).sum();
        let difference = Self { header: header.to_vec(), hash: hash(value), pieces };
        (DIFFERENCE_PART_MAX * (header.len() + new) <= value.len()).then_some(difference)
    }

    /// Returns the stored value. `None` if `later` is not the value that replaced it.
    pub(super) fn value(&self, later: &[u8]) -> Option<Vec<u8>> {
        let (_, later) = parts(later)?;
        let mut value = self.header.clone();
        for Piece { from, copied, new } in &self.pieces {
            let from = *from as usize;
            let to = from.checked_add(*copied as usize)?;
            value.extend_from_slice(later.get(from..to)?);
            value.extend_from_slice(new);
            if value.len() > format::VALUE_BYTES_MAX {
                return None;
            }
        }
        (hash(&value) == self.hash).then_some(value)
    }

    /// Returns the version of the value. `None` if its header is damaged.
    pub(super) fn version(&self) -> Option<u64> {
        match format::head(self.header.as_slice().into()) {
            Ok(Head::Whole(raw)) if raw.body().is_empty() => Some(raw.header.version),
            Ok(Head::Whole(_) | Head::Long(..)) | Err(_) => None,
        }
    }
}

fn hash(value: &[u8]) -> u32 {
    // The lower half.
    XxHash3_64::oneshot(value) as u32
}

/// Splits a short stored value into its header and its body. `None` for a long one.
fn parts(value: &[u8]) -> Option<(&[u8], &[u8])> {
    match format::head(value.into()) {
        Ok(Head::Whole(raw)) => value.split_at_checked(value.len() - raw.body().len()),
        Ok(Head::Long(..)) | Err(_) => None,
    }
}

/// Returns the pieces of a body. `None` if it is too long.
fn pieces(body: &[u8], later: &[u8]) -> Option<Vec<Piece>> {
    if body.len().max(later.len()) > format::VALUE_BYTES_MAX {
        return None;
    }
    let piece = |from: usize, copied: usize, new: &[u8]| {
        Some(Piece {
            from: u32::try_from(from).ok()?,
            copied: u32::try_from(copied).ok()?,
            new: new.to_vec(),
        })
    };
    let equal = |one: &mut dyn Iterator<Item = (&u8, &u8)>| one.take_while(|(a, b)| a == b).count();
    let start = equal(&mut body.iter().zip(later));
    let end = equal(&mut body[start..].iter().rev().zip(later[start..].iter().rev()));
    let (middle, later_middle) = (&body[start..body.len() - end], &later[start..later.len() - end]);

    let mut pieces = Vec::new();
    // The copied range before the bytes that are not copied yet, and their position in the middle.
    let (mut from, mut copied, mut at) = (0, start, 0);
    if middle.len() >= SEARCHED_BYTES_MIN && later_middle.len() >= SEARCHED_BYTES_MIN {
        let table = table(later_middle);
        let mut here = 0;
        while let Some(window) = window(middle, here) {
            let found = usize::from(table[slot(window)]);
            let is_equal = found > 0 && self::window(later_middle, found - 1) == Some(window);
            if !is_equal {
                here += 1;
                continue;
            }
            let mut found = found - 1;
            while here > at && found > 0 && middle[here - 1] == later_middle[found - 1] {
                (here, found) = (here - 1, found - 1);
            }
            pieces.push(piece(from, copied, &middle[at..here])?);
            let length = equal(&mut middle[here..].iter().zip(&later_middle[found..]));
            (from, copied) = (start + found, length);
            here += length;
            at = here;
        }
    }
    pieces.push(piece(from, copied, &middle[at..])?);
    pieces.push(piece(later.len() - end, end, &[])?);
    Some(pieces)
}

fn window(bytes: &[u8], at: usize) -> Option<u64> {
    let window = bytes.get(at..)?.first_chunk::<WINDOW>()?;
    Some(u64::from_le_bytes(*window))
}

/// Returns the position of each window in `bytes`, increased by one, by its slot.
fn table(bytes: &[u8]) -> [u16; 1 << TABLE_BITS] {
    let mut table = [0; 1 << TABLE_BITS];
    for at in (0..bytes.len()).step_by(WINDOW) {
        if let (Some(window), Ok(position)) = (window(bytes, at), u16::try_from(at + 1)) {
            table[slot(window)] = position;
        }
    }
    table
}

/// The slot of a window: Fibonacci hashing.
fn slot(window: u64) -> usize {
    (window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - TABLE_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(version: u64, body: &[u8]) -> Vec<u8> {
        format::values(7, version, body).head
    }

    #[test]
    fn a_changed_property_takes_few_bytes() {
        let body = |edition: &str, user: &str| {
            let rest: String = (0..60).map(|it| format!("{} é>b ", it * 7919)).collect();
            format!("{edition}{rest}{user}{rest}").into_bytes()
        };
        let value = stored(300, &body("edition 7", "éva"));
        let later = stored(301, &body("edition 10", "admin"));
        let difference = Difference::new(&value, &later).unwrap();
        assert_eq!(difference.value(&later).unwrap(), value);
        assert_eq!(difference.version(), Some(300));
        let bytes = bincode::encode_to_vec(&difference, bincode::config::standard()).unwrap();
        assert!(bytes.len() < 64, "{} of {}", bytes.len(), value.len());
        // Another later value does not rebuild it.
        let other = stored(301, &body("edition 11", "admin "));
        assert_eq!(difference.value(&other), None);
        assert_eq!(difference.value(b""), None);
        let random: Vec<u8> =
            (0..1000_u32).map(|it| (it.wrapping_mul(2_654_435_769) >> 24) as u8).collect();
        assert_eq!(Difference::new(&value, &stored(301, &random)), None);
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..12),
            (0..4_usize).prop_map(|it| ["vendor Acme 1%", "é>b", "0123456789", ".."][it]
                .repeat(9)
                .into_bytes()),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_value_is_rebuilt_from_its_difference((body, later) in (bytes(), bytes())) {
            let pieces = pieces(&body, &later).unwrap();
            let (value, later) = (stored(8, &body), stored(9, &later));
            let header = parts(&value).unwrap().0.to_vec();
            let difference = Difference { header, hash: hash(&value), pieces };
            prop_assert_eq!(difference.value(&later), Some(value));
        }

        #[test]
        fn a_damaged_difference_is_no_value(later in bytes(), damaged in prop::collection::vec(any::<u8>(), 0..60)) {
            let later = stored(9, &later);
            let config = bincode::config::standard().with_limit::<65536>();
            if let Ok((difference, _)) = bincode::decode_from_slice::<Difference, _>(&damaged, config) {
                let _ = (difference.value(&later), difference.version());
            }
        }
    }
}
