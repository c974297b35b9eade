//! The reverse index: the records that refer to a target. The references to one target are a packed
//! list of postings. A posting is the entry of one referring record: its kind, its relation and its
//! name.

use super::{
    StoreError,
    layers::Layered,
    packed::{self, damaged},
};
use crate::model::{Kind, Target};

/// Terminates a name in a key. Names hold no control characters.
const END: u8 = 0;

/// A record that refers to another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Referrer {
    /// The kind of the referring record.
    pub kind: Kind,
    /// The name of the referring record.
    pub name: String,
    /// The property that holds the reference.
    pub relation: String,
}

fn target_code(target: Target) -> u8 {
    match target {
        Target::Node => 0,
        Target::Kind(kind) => kind.code(),
    }
}

/// Returns the prefix of the list of a target's references. Prefixes sort by the target's kind, then
/// by its name.
pub fn target_key(target: Target, name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 2);
    key.push(target_code(target));
    key.extend_from_slice(name.as_bytes());
    key.push(END);
    key
}

/// Parses a key that begins with a [`target_key`]. Returns the target, its name and the length of
/// the prefix in bytes.
pub fn parse_target_key(key: &[u8]) -> Option<(Target, &str, usize)> {
    let (&code, rest) = key.split_first()?;
    let end = memchr::memchr(END, rest)?;
    let target = match code {
        0 => Target::Node,
        code => Target::Kind(Kind::of_code(code)?),
    };
    Some((target, std::str::from_utf8(&rest[..end]).ok()?, end + 2))
}

/// Returns a reference as an item of a list: the kind of the referring record, the relation and the
/// record's name.
pub fn posting(kind: Kind, relation: &str, name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(relation.len() + name.len() + 2);
    bytes.push(kind.code());
    bytes.extend_from_slice(relation.as_bytes());
    bytes.push(END);
    bytes.extend_from_slice(name.as_bytes());
    bytes
}

/// Parses a [`posting`].
pub fn parse_posting(posting: &[u8]) -> Option<Referrer> {
    parts(posting).map(Referrer::new)
}

fn parts(posting: &[u8]) -> Option<(Kind, &str, &str)> {
    let (&code, rest) = posting.split_first()?;
    let end = memchr::memchr(END, rest)?;
    let relation = std::str::from_utf8(&rest[..end]).ok()?;
    Some((Kind::of_code(code)?, relation, std::str::from_utf8(&rest[end + 1..]).ok()?))
}

/// Parses a [`posting`] of the index. Returns the kind of the referring record, the relation and the
/// record's name.
///
/// # Errors
/// [`StoreError::Damaged`] if it is not a posting.
pub(super) fn referrer(posting: &[u8]) -> Result<(Kind, &str, &str), StoreError> {
    parts(posting).ok_or_else(|| StoreError::Damaged {
        part: "index",
        detail: "an entry is not a reference".to_owned(),
    })
}

impl Referrer {
    pub(super) fn new((kind, relation, name): (Kind, &str, &str)) -> Self {
        Self { kind, name: name.to_owned(), relation: relation.to_owned() }
    }
}

/// Calls `each` with the [`target_key`] and the [`posting`] of every reference, in order.
///
/// # Errors
/// - The first error of `each`.
/// - [`StoreError::Damaged`] if the index cannot be read.
pub(super) fn each_reference<X: From<StoreError>>(
    tree: Layered<'_>,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), X>,
) -> Result<(), X> {
    for entry in tree.prefix(&[]) {
        let (key, block) = entry?;
        let (.., target) = parse_target_key(&key).ok_or_else(damaged)?;
        for posting in packed::parse_items(&block) {
            each(&key[..target], posting?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_postings_are_parsed() {
        let key = target_key(Target::Kind(Kind::Pool), "All é");
        assert_eq!(
            parse_target_key(&[&key[..], b"more"].concat()),
            Some((Target::Kind(Kind::Pool), "All é", key.len()))
        );
        let referrer = Referrer {
            kind: Kind::WorkflowEdge,
            name: "[a] b".to_owned(),
            relation: "source".to_owned(),
        };
        let bytes = posting(referrer.kind, &referrer.relation, &referrer.name);
        assert_eq!(parse_posting(&bytes), Some(referrer));
    }
}
