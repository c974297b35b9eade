//! The keys of the trees `history` and `before`.

use crate::{
    model::Kind,
    store::trees::{ValueOwner, text_property},
};

/// The owner code of long texts. No kind has the code 0.
const TEXT_CODE: u8 = 0;

/// The owner code of the entries that mark changes of the whole generation. No kind has it.
const GENERATION_CODE: u8 = 255;

/// Terminates the key of a value in a key of the tree `before`. Names contain no control characters.
const END: u8 = 0;

/// The length of a change's number in a key, in bytes.
const NUMBER_BYTES: usize = 8;

/// Returns the key of a change's first part.
pub(in crate::store) fn change_key(number: u64) -> [u8; NUMBER_BYTES] {
    number.to_be_bytes()
}

/// Returns the key of a later part of a change. Parts count from 1.
pub(super) fn change_part_key(number: u64, part: u32) -> Vec<u8> {
    [&number.to_be_bytes()[..], &part.to_be_bytes()].concat()
}

/// Returns the number of the change in a key of the tree `history`.
pub(in crate::store) fn change_number(key: &[u8]) -> Option<u64> {
    key.first_chunk().map(|number| u64::from_be_bytes(*number))
}

/// The code of an owner on the disk.
pub(super) fn owner_code(owner: ValueOwner) -> u8 {
    match owner {
        ValueOwner::Record(kind) => kind.code(),
        ValueOwner::Text => TEXT_CODE,
    }
}

/// Returns the owner with a code. `None` for the marks of generations and for unknown codes.
pub(super) fn owner_of_code(code: u8) -> Option<ValueOwner> {
    if code == TEXT_CODE {
        return Some(ValueOwner::Text);
    }
    Kind::of_code(code).map(ValueOwner::Record)
}

/// Returns the prefix of the before-values of one value.
pub(super) fn before_prefix(owner: ValueOwner, key: &[u8]) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(2 + key.len() + NUMBER_BYTES);
    prefix.push(owner_code(owner));
    prefix.extend_from_slice(key);
    prefix.push(END);
    prefix
}

/// Returns the key of a value's before-value.
pub(in crate::store) fn before_key(owner: ValueOwner, key: &[u8], number: u64) -> Vec<u8> {
    let mut before = before_prefix(owner, key);
    before.extend_from_slice(&number.to_be_bytes());
    before
}

/// Returns the prefix of the marks of changes of the whole generation.
pub(super) fn generation_prefix() -> [u8; 2] {
    [GENERATION_CODE, END]
}

/// Returns the key that marks a change of the whole generation.
pub(super) fn generation_key(number: u64) -> Vec<u8> {
    [&generation_prefix()[..], &number.to_be_bytes()].concat()
}

/// A parsed key of the tree `before`.
#[derive(Clone, Copy)]
pub(in crate::store) enum BeforeKey<'k> {
    /// The before-value of a record or a text.
    Value {
        /// The owner of the value.
        owner: ValueOwner,
        /// The key of the value in the owner's tree.
        key: &'k [u8],
        /// The number of the change that replaced it.
        number: u64,
    },
    /// The mark of a change of the whole generation.
    Generation,
}

/// Parses a key of the tree `before`. `None` if it is no such key.
pub(in crate::store) fn parse_before_key(key: &[u8]) -> Option<BeforeKey<'_>> {
    let (key, number) = key.split_last_chunk::<NUMBER_BYTES>()?;
    let number = u64::from_be_bytes(*number);
    let (&code, key) = key.split_first()?;
    let (&end, key) = key.split_last()?;
    if end != END {
        return None;
    }
    if code == GENERATION_CODE {
        return key.is_empty().then_some(BeforeKey::Generation);
    }
    let owner = owner_of_code(code)?;
    let is_key = match owner {
        ValueOwner::Record(_) => !key.is_empty() && !key.contains(&END),
        ValueOwner::Text => text_property(key).is_some_and(|property| !property.contains('\0')),
    };
    is_key.then_some(BeforeKey::Value { owner, key, number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::trees::text_key;

    #[test]
    fn the_keys_of_one_value_are_together_and_sorted_by_number() {
        let owner = ValueOwner::Record(Kind::Device);
        let mut keys = vec![
            before_key(owner, b"a", 1),
            before_key(owner, b"a", 256),
            before_key(owner, b"a!", 2),
            before_key(owner, "\u{10ffff}".as_bytes(), 1),
            before_key(ValueOwner::Text, &text_key("a", "configuration"), u64::MAX),
            generation_key(3),
        ];
        for key in &keys {
            assert!(parse_before_key(key).is_some(), "{key:?}");
            for shorter in 0..key.len() {
                let parsed = parse_before_key(&key[..shorter]);
                assert!(!matches!(parsed, Some(BeforeKey::Generation)), "{key:?} {shorter}");
            }
        }
        let sorted = [&keys[4..5], &keys[..4], &keys[5..]].concat();
        keys.sort();
        assert_eq!(keys, sorted);
        assert!(keys[1].starts_with(&before_prefix(owner, b"a")));
        assert!(!keys[3].starts_with(&before_prefix(owner, b"a")));
        match parse_before_key(&keys[0]) {
            Some(BeforeKey::Value { owner: ValueOwner::Text, key, number: u64::MAX }) => {
                assert_eq!(key, text_key("a", "configuration"));
            }
            _ => panic!("a text"),
        }
    }
}
