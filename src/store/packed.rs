//! Long sorted lists, packed into blocks: so that a group that a million devices name takes a few
//! thousand values and a device with two links takes one.
//!
//! A list has a prefix, of which no list's prefix is a prefix itself. A block's key is the list's
//! prefix and the last item that may stand in the block; in the list's last block any may that
//! comes behind those of the others. So the block of an item is the first one whose key is not
//! before it, and a block that is split keeps its key: who reads the list meanwhile finds the new
//! blocks before the one where their items were, never behind it.

use std::collections::BTreeMap;

use sled::IVec;

use super::{StoreError, format::VALUE_BYTES_MAX, layers::Layered};

/// Stands for the last item in the key of a list's last block. No item begins with it: references
/// begin with the number of a kind, members with an ordinal in eight bytes.
const ANY: &[u8] = &[u8::MAX];

/// What splits a block in two.
const BLOCK_BYTES_MAX: usize = VALUE_BYTES_MAX;

/// The items of one block, sorted. Each has its length in two bytes before it.
#[derive(Default)]
struct Block(Vec<u8>);

impl Block {
    fn push(&mut self, item: &[u8]) {
        self.0.extend_from_slice(&(item.len() as u16).to_le_bytes());
        self.0.extend_from_slice(item);
    }
}

/// The bytes that an item takes in a block.
fn size_in_block(item: &[u8]) -> usize {
    2 + item.len()
}

/// The items in a block's bytes.
pub(super) fn items(mut block: &[u8]) -> impl Iterator<Item = Result<&[u8], StoreError>> {
    std::iter::from_fn(move || {
        if block.is_empty() {
            return None;
        }
        let split = block.split_first_chunk().and_then(|(length, rest)| {
            rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
        });
        let Some((item, rest)) = split else {
            block = &[];
            return Some(Err(damaged()));
        };
        block = rest;
        Some(Ok(item))
    })
}

pub(super) fn damaged() -> StoreError {
    StoreError::Damaged { part: "index", detail: "a block is not whole".to_owned() }
}

/// Packs sorted items of sorted lists into blocks.
pub(super) struct Packer {
    /// How much goes into a block.
    room: usize,
    list: Vec<u8>,
    block: Block,
    last: Vec<u8>,
}

impl Packer {
    pub fn new() -> Self {
        Self { room: BLOCK_BYTES_MAX, list: Vec::new(), block: Block::default(), last: Vec::new() }
    }

    /// Packs one block's items: into one block if they fit, into blocks of about the same
    /// size if not. A full block and a crumb would become a crumb more with every item that
    /// comes into the full one.
    fn evenly(held: &[Vec<u8>]) -> Self {
        let sizes = held.iter().map(|item| size_in_block(item));
        let bytes: usize = sizes.clone().sum();
        let blocks = bytes.div_ceil(BLOCK_BYTES_MAX);
        let room = match blocks {
            0 | 1 => BLOCK_BYTES_MAX,
            blocks => {
                (bytes.div_ceil(blocks) + sizes.max().unwrap_or_default()).min(BLOCK_BYTES_MAX)
            }
        };
        Self { room, ..Self::new() }
    }

    /// Takes the next item; gives the block before it, with its key, when that is full or was its
    /// list's last.
    pub fn push(&mut self, list: &[u8], item: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let same = self.list == list;
        if same && self.last == item {
            return None;
        }
        debug_assert!(
            self.list.as_slice() < list || (same && self.last.as_slice() < item),
            "items come sorted"
        );
        let fits = self.block.0.len() + size_in_block(item) <= self.room;
        let full = match (same, fits) {
            (true, true) => None,
            (true, false) => {
                let last = std::mem::take(&mut self.last);
                self.end(&last)
            }
            (false, _) => self.take(),
        };
        self.list.clear();
        self.list.extend_from_slice(list);
        self.last.clear();
        self.last.extend_from_slice(item);
        self.block.push(item);
        full
    }

    /// Gives the last block.
    pub fn take(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.end(ANY)
    }

    fn end(&mut self, last: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let block = std::mem::take(&mut self.block).0;
        (!block.is_empty()).then(|| ([&self.list, last].concat(), block))
    }
}

/// Calls `each` with every item of the list.
pub(super) fn each_item<X: From<StoreError>>(
    tree: Layered<'_>,
    list: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<(), X>,
) -> Result<(), X> {
    for entry in tree.prefix(list) {
        let (_, block) = entry?;
        for item in items(&block) {
            each(item?)?;
        }
    }
    Ok(())
}

/// Whether a block's items are sorted and may all stand under its key, of which so many bytes are
/// the list's prefix.
///
/// # Errors
/// The block is not whole.
pub(super) fn is_in_place(
    key: &[u8],
    prefix_bytes: usize,
    block: &[u8],
) -> Result<bool, StoreError> {
    let last = key.get(prefix_bytes..).unwrap_or_default();
    let mut before: Option<&[u8]> = None;
    for item in items(block) {
        let item = item?;
        if item > last || before.is_some_and(|before| item <= before) {
            return Ok(false);
        }
        before = Some(item);
    }
    Ok(true)
}

/// What becomes of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListChange {
    Insert,
    Remove,
}

/// Items that come into a list, or go.
pub(super) type ListEdit = BTreeMap<Vec<u8>, ListChange>;

/// What has to change in a list's blocks.
pub(super) struct Edited {
    /// Blocks by key, with their bytes where they stay.
    pub blocks: Vec<(IVec, Option<Vec<u8>>)>,
    /// Items that were not there.
    pub added: u64,
    /// Items that were.
    pub removed: u64,
}

/// Works out what has to change in one list's blocks so that `edit` holds.
pub(super) fn edit(tree: Layered<'_>, list: &[u8], edit: &ListEdit) -> Result<Edited, StoreError> {
    let (mut added, mut removed) = (0, 0);
    // The blocks that are looked at.
    let mut touched: Vec<Touched> = Vec::new();
    for (item, change) in edit {
        let found = tree.prefix_from(list, &[list, item].concat()).next().transpose()?;
        let key = match &found {
            Some((key, _)) => key.clone(),
            None => IVec::from([list, ANY].concat()),
        };
        // Items come sorted, and so do the blocks that they belong into.
        if touched.last().is_none_or(|last| last.key != key) {
            let block = found.map(|(_, block)| block).unwrap_or_default();
            let held = items(&block).map(|item| item.map(<[u8]>::to_vec));
            touched.push(Touched { key, held: held.collect::<Result<_, _>>()?, changed: false });
        }
        let Some(Touched { held, changed, .. }) = touched.last_mut() else { continue };
        match (held.binary_search(item), change) {
            (Err(place), ListChange::Insert) => {
                held.insert(place, item.clone());
                added += 1;
            }
            (Ok(place), ListChange::Remove) => {
                held.remove(place);
                removed += 1;
            }
            // A record that is put again says most of what it said before.
            (Ok(_), ListChange::Insert) | (Err(_), ListChange::Remove) => continue,
        }
        *changed = true;
    }
    let mut blocks = Vec::new();
    for Touched { key, held, .. } in touched.into_iter().filter(|touched| touched.changed) {
        if held.is_empty() {
            blocks.push((key, None));
            continue;
        }
        let mut packer = Packer::evenly(&held);
        let full = held.iter().filter_map(|item| packer.push(list, item));
        blocks.extend(full.map(|(own_key, block)| (own_key.into(), Some(block))));
        // The last of them stays where the block was; the others have keys of their own.
        blocks.extend(packer.take().map(|(_, block)| (key, Some(block))));
    }
    Ok(Edited { blocks, added, removed })
}

/// A block that a change looks at, with its items after it.
struct Touched {
    key: IVec,
    held: Vec<Vec<u8>>,
    changed: bool,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Edits of any order and size hold what a plain set holds.
        #[test]
        fn edits_hold_what_a_set_holds(
            steps in prop::collection::vec(prop::collection::vec((any::<bool>(), 0u16..600), 1..80), 1..30)
        ) {
            let folder = tempfile::tempdir().unwrap();
            let tree = sled::open(folder.path()).unwrap().open_tree("lists").unwrap();
            let layered = Layered::new(&tree, [None, None]);
            let mut expected = BTreeSet::new();
            for step in steps {
                let mut changes = ListEdit::new();
                for (comes, number) in step {
                    let change = if comes { ListChange::Insert } else { ListChange::Remove };
                    changes.insert(format!("device {number:0>60}").into_bytes(), change);
                }
                let before = expected.len() as u64;
                for (item, change) in &changes {
                    match change {
                        ListChange::Insert => expected.insert(item.clone()),
                        ListChange::Remove => expected.remove(item),
                    };
                }
                let edited = edit(layered, b"list", &changes).unwrap();
                prop_assert_eq!(before + edited.added - edited.removed, expected.len() as u64);
                for (key, block) in edited.blocks {
                    match block {
                        Some(block) => {
                            prop_assert!(block.len() <= BLOCK_BYTES_MAX);
                            tree.insert(key, block).unwrap();
                        }
                        None => { tree.remove(key).unwrap(); }
                    }
                }
                let mut found = Vec::new();
                each_item(layered, b"list", |item| -> Result<(), StoreError> {
                    found.push(item.to_vec());
                    Ok(())
                }).unwrap();
                prop_assert!(found.iter().eq(&expected));
            }
        }
    }
}
