//! Content hashes: one number for each tree that changes whenever an entry of the tree changes.
//!
//! The hash of a tree is the sum of the hashes of its entries (128 bits, wrapping). A sum does not
//! depend on the order of the entries, and a change adds and subtracts only the entries that it
//! touches. The hash finds damage. It does not withstand a forger, who can reach the disk anyway.

use std::{
    collections::BTreeMap,
    ops::{Index, IndexMut},
};

use bincode::{
    Decode, Encode,
    de::Decoder,
    enc::Encoder,
    error::{DecodeError, EncodeError},
};
use twox_hash::{XxHash3_64, XxHash3_128};

use super::{
    format::encode_by_name,
    tree_id::{PerTree, TreeId},
};
use crate::model::Kind;

/// The number of entries of one tree, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct TreeContent {
    pub entries: u64,
    sum: u128,
}

impl TreeContent {
    /// Adds an entry.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.entries = self.entries.wrapping_add(1);
        self.sum = self.sum.wrapping_add(entry_hash(key, value));
    }

    /// Removes an entry.
    pub(super) fn subtract(&mut self, key: &[u8], value: &[u8]) {
        self.entries = self.entries.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(entry_hash(key, value));
    }

    /// Adds all entries of another content hash.
    pub(super) fn merge(&mut self, other: TreeContent) {
        self.entries = self.entries.wrapping_add(other.entries);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// The hash of one entry: XXH3-128 of the value, seeded with the XXH3-64 of the key.
fn entry_hash(key: &[u8], value: &[u8]) -> u128 {
    XxHash3_128::oneshot_with_seed(XxHash3_64::oneshot(key), value)
}

/// The content hashes of all trees of a generation except `meta`, which stores them. The hash of
/// `meta` stays empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Content(PerTree<TreeContent>);

impl Content {
    /// Returns the trees that are hashed.
    pub(super) fn trees() -> impl Iterator<Item = TreeId> {
        TreeId::all().filter(|tree| *tree != TreeId::Meta)
    }
}

impl Index<TreeId> for Content {
    type Output = TreeContent;

    fn index(&self, tree: TreeId) -> &TreeContent {
        &self.0[tree]
    }
}

impl IndexMut<TreeId> for Content {
    fn index_mut(&mut self, tree: TreeId) -> &mut TreeContent {
        &mut self.0[tree]
    }
}

/// Trees are stored by their names, so that a new kind does not change the format.
impl Encode for Content {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        encode_by_name(Self::trees().map(|tree| (tree.name(), self[tree])), encoder)
    }
}

impl<Context> Decode<Context> for Content {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let mut content = Self::default();
        for (name, tree) in BTreeMap::<String, TreeContent>::decode(decoder)? {
            let id = tree_of(&name)
                .ok_or_else(|| DecodeError::OtherString(format!("'{name}' is not a tree")))?;
            content[id] = tree;
        }
        Ok(content)
    }
}

fn tree_of(name: &str) -> Option<TreeId> {
    let kind = || name.parse::<Kind>().ok().map(TreeId::Kind);
    Content::trees().find(|tree| tree.name() == name).or_else(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_every_byte_and_not_on_the_order() {
        let entries = [(&b"R 1%"[..], &b"x"[..]), (b"\xc3\xa9>b", b""), (b"", b"R 1%")];
        let sum = |entries: &[(&[u8], &[u8])]| {
            let mut content = TreeContent::default();
            entries.iter().for_each(|(key, value)| content.add(key, value));
            content
        };
        let mut reversed = entries;
        reversed.reverse();
        assert_eq!(sum(&entries), sum(&reversed));
        // A byte that moves from the key to the value changes the hash.
        assert_ne!(sum(&[(b"ab", b"c")]), sum(&[(b"a", b"bc")]));
        assert_ne!(sum(&[(b"a", b"b")]), sum(&[(b"b", b"a")]));
        assert_ne!(sum(&entries), sum(&entries[..2]));

        let mut changed = sum(&entries);
        changed.subtract(b"R 1%", b"x");
        changed.add(b"R 1%", b"y");
        assert_ne!(changed, sum(&entries));
        changed.subtract(b"R 1%", b"y");
        changed.add(b"R 1%", b"x");
        assert_eq!(changed, sum(&entries));
    }

    #[test]
    fn an_encoded_content_decodes() {
        let mut content = Content::default();
        for tree in Content::trees() {
            content[tree].add(tree.name().as_bytes(), b"\xff");
        }
        let bytes = super::super::format::encode(&content);
        assert_eq!(super::super::format::decode::<Content>("content", &bytes).unwrap(), content);
    }
}
