//! Keys and items of the members of computed pools: one packed list for each pool and side, sorted
//! by the members' ordinals, and its length under a key of its own. A pool is identified by the
//! ordinal of its record, so that renaming it changes none of its lists.

use crate::model::Side;

/// The first byte of a list's prefix.
const LIST: u8 = 0;
/// The first byte of a length's key.
const LENGTH: u8 = 1;

fn key(first: u8, pool: u64, side: Side) -> Vec<u8> {
    let mut key = Vec::with_capacity(LIST_KEY_BYTES);
    key.push(first);
    key.extend_from_slice(&pool.to_be_bytes());
    key.push(match side {
        Side::Device => 0,
        Side::Link => 1,
    });
    key
}

/// The length of a [`list_key`], in bytes.
pub(super) const LIST_KEY_BYTES: usize = 10;

/// Returns the prefix of the list of a pool's members.
pub(super) fn list_key(pool: u64, side: Side) -> Vec<u8> {
    key(LIST, pool, side)
}

/// Returns the key of a list's length from the list's prefix.
pub(super) fn length_key(list: &[u8]) -> Vec<u8> {
    let mut key = list.to_vec();
    if let Some(first) = key.first_mut() {
        *first = LENGTH;
    }
    key
}

/// Returns a member as an item of a list.
pub(super) fn member(ordinal: u64, name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + name.len());
    bytes.extend_from_slice(&ordinal.to_be_bytes());
    bytes.extend_from_slice(name.as_bytes());
    bytes
}

/// Parses the name in a [`member`].
pub(super) fn member_name(member: &[u8]) -> Option<&str> {
    std::str::from_utf8(member.get(8..)?).ok()
}

/// The common prefix of all lists.
pub(super) const LISTS: [u8; 1] = [LIST];

/// Parses the ordinal of the pool's record and the side in a key that begins with a [`list_key`].
pub(super) fn parse_list_key(key: &[u8]) -> Option<(u64, Side)> {
    let (pool, rest) = key.strip_prefix(&LISTS)?.split_first_chunk()?;
    let side = match rest.first()? {
        0 => Side::Device,
        1 => Side::Link,
        _ => return None,
    };
    Some((u64::from_be_bytes(*pool), side))
}

/// Parses the ordinal and the name in a [`member`].
pub(super) fn parse(member: &[u8]) -> Option<(u64, &str)> {
    let (ordinal, name) = member.split_first_chunk()?;
    Some((u64::from_be_bytes(*ordinal), std::str::from_utf8(name).ok()?))
}
