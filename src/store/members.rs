//! The members of computed pools: a packed list for each pool and side, in the order of the
//! members' own ordinals, and its length beside it. A pool is named by its record's ordinal, so
//! that it can be renamed without a word of this changing.

use crate::model::Side;

/// The keys of lists begin with this, so that their lengths can stand beside them.
const LIST: u8 = 0;
const LENGTH: u8 = 1;

fn key(what: u8, pool: u64, side: Side) -> Vec<u8> {
    let mut key = Vec::with_capacity(LIST_KEY_BYTES);
    key.push(what);
    key.extend_from_slice(&pool.to_be_bytes());
    key.push(match side {
        Side::Device => 0,
        Side::Link => 1,
    });
    key
}

/// How long a [`list_key`] is.
pub(super) const LIST_KEY_BYTES: usize = 10;

/// The prefix of the list of a pool's members.
pub(super) fn list_key(pool: u64, side: Side) -> Vec<u8> {
    key(LIST, pool, side)
}

/// Where the length of the list that has this prefix stands.
pub(super) fn length_key(list: &[u8]) -> Vec<u8> {
    let mut key = list.to_vec();
    if let Some(first) = key.first_mut() {
        *first = LENGTH;
    }
    key
}

/// A member as it stands in the list.
pub(super) fn member(ordinal: u64, name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + name.len());
    bytes.extend_from_slice(&ordinal.to_be_bytes());
    bytes.extend_from_slice(name.as_bytes());
    bytes
}

/// Reads the name of a [`member`].
pub(super) fn member_name(member: &[u8]) -> Option<&str> {
    std::str::from_utf8(member.get(8..)?).ok()
}

/// What the keys of all lists begin with.
pub(super) const LISTS: [u8; 1] = [LIST];

/// Reads the ordinal of the pool's record, and the side, of a [`list_key`] with something behind it.
pub(super) fn parse_list_key(key: &[u8]) -> Option<(u64, Side)> {
    let (pool, rest) = key.strip_prefix(&LISTS)?.split_first_chunk()?;
    let side = match rest.first()? {
        0 => Side::Device,
        1 => Side::Link,
        _ => return None,
    };
    Some((u64::from_be_bytes(*pool), side))
}

/// Reads the ordinal and the name of a [`member`].
pub(super) fn parse(member: &[u8]) -> Option<(u64, &str)> {
    let (ordinal, name) = member.split_first_chunk()?;
    Some((u64::from_be_bytes(*ordinal), std::str::from_utf8(name).ok()?))
}
