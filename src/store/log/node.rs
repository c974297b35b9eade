//! The content of pages: the names of the trees, leaves and inner pages, and changes of them.

use std::collections::BTreeMap;

use super::message::{sized, varint};

/// A page of a tree. Its keys are stored without their common prefix.
#[derive(Debug, PartialEq)]
pub(super) struct Node {
    /// The page to the right.
    pub next: Option<u64>,
    /// The child page that is being merged into its left neighbour.
    merging_child: Option<u64>,
    /// Whether the content is being merged into the left neighbour, or already was.
    pub merging: bool,
    /// The lower bound of the page's keys, inclusive.
    pub low: Vec<u8>,
    /// The upper bound of the page's keys, exclusive. Empty for the last page of a tree.
    pub high: Vec<u8>,
    prefix: Vec<u8>,
    pub content: Content,
}

/// The content of a page.
#[derive(Debug, PartialEq)]
pub(super) enum Content {
    Leaf(BTreeMap<Vec<u8>, Vec<u8>>),
    /// The numbers of the child pages.
    Inner(Vec<u64>),
}

impl Node {
    /// Reads a page. `None` if it is malformed.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let rest = &mut bytes;
        let next = Some(varint(rest)?).filter(|page| *page != 0);
        let merging_child = Some(varint(rest)?).filter(|page| *page != 0);
        let (flags, tail) = rest.split_first_chunk::<2>()?;
        *rest = tail;
        let [merging, prefix_length] = *flags;
        let low = sized(rest)?.to_vec();
        let high = sized(rest)?.to_vec();
        let prefix = low.get(..usize::from(prefix_length))?.to_vec();
        let (kind, tail) = rest.split_first()?;
        *rest = tail;
        // A key has at least one byte, so a larger count is wrong and must not allocate memory.
        let count = usize::try_from(varint(rest)?).ok().filter(|count| *count <= rest.len())?;
        let keys = (0..count).map(|_| sized(rest)).collect::<Option<Vec<_>>>()?;
        let content = match kind {
            0 => {
                let entry = |key: &[u8]| Some((key.to_vec(), sized(rest)?.to_vec()));
                Content::Leaf(keys.into_iter().map(entry).collect::<Option<_>>()?)
            }
            1 => Content::Inner(keys.iter().map(|_| varint(rest)).collect::<Option<_>>()?),
            _ => return None,
        };
        Some(Self { next, merging_child, merging: merging != 0, low, high, prefix, content })
    }

    /// Applies a change. `None` if it is malformed or does not fit.
    pub(super) fn apply(&mut self, mut bytes: &[u8]) -> Option<()> {
        let rest = &mut bytes;
        let (kind, tail) = rest.split_first()?;
        *rest = tail;
        match (kind, &mut self.content) {
            (0, Content::Leaf(entries)) => {
                let (key, value) = (sized(rest)?, sized(rest)?);
                entries.insert(key.to_vec(), value.to_vec());
            }
            (1, Content::Leaf(entries)) => {
                entries.remove(sized(rest)?);
            }
            (2, Content::Inner(_)) => self.merging_child = Some(varint(rest)?),
            (3, Content::Inner(pages)) => {
                let merged = self.merging_child.take()?;
                pages.retain(|page| *page != merged);
            }
            (4, _) => self.merging = true,
            _ => return None,
        }
        Some(())
    }

    /// Returns the entries with their full keys. Keys outside of the page's bounds are skipped: they come
    /// from a change of another state of the page.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Vec<u8>, &[u8])> {
        let entries = match &self.content {
            Content::Leaf(entries) => Some(entries),
            Content::Inner(_) => None,
        };
        let with_full_key =
            |(key, value): (&Vec<u8>, _)| ([&self.prefix, key.as_slice()].concat(), value);
        let entries =
            entries.into_iter().flatten().map(move |(key, value)| with_full_key((key, value)));
        entries
            .filter(|(key, _)| *key >= self.low && (self.high.is_empty() || *key < self.high))
            .map(|(key, value): (_, &Vec<u8>)| (key, value.as_slice()))
    }
}

/// Reads the names of the trees and their first pages. `None` if the page is malformed.
pub(super) fn parse_trees(mut bytes: &[u8]) -> Option<BTreeMap<Vec<u8>, u64>> {
    let mut trees = BTreeMap::new();
    while !bytes.is_empty() {
        let name = sized(&mut bytes)?.to_vec();
        trees.insert(name, varint(&mut bytes)?);
    }
    Some(trees)
}
