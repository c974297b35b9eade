//! Packed lists: sorted lists of items, stored in blocks. Each block is one value of a tree in sled. A
//! list of two links is one block. The list of a million devices that refer to a group has a few
//! thousand blocks.
//!
//! No list prefix is the beginning of another list prefix. A block's key is its list's prefix plus
//! the largest item that the block can hold. The last block of a list has no upper bound. So the
//! block of an item is the first one whose key is greater than or equal to the prefix plus the
//! item.
//!
//! When a block is split, its last part keeps its key, and the other parts get smaller keys. A
//! concurrent reader therefore never meets an item twice.

use std::collections::BTreeMap;

use sled::IVec;

use super::{StoreError, format::VALUE_BYTES_MAX, layers::Layered};

/// The upper bound in the key of a list's last block. It is greater than every item: references
/// begin with the code of a kind, members with an ordinal of eight bytes, and neither begins with
/// 255.
const UNBOUNDED: &[u8] = &[u8::MAX];

/// The largest block, in bytes. A larger one is split.
const BLOCK_BYTES_MAX: usize = VALUE_BYTES_MAX;

/// The sorted items of one block. Each item follows its length, a little-endian `u16`.
#[derive(Default)]
struct Block(Vec<u8>);

impl Block {
    fn push(&mut self, item: &[u8]) {
        self.0.extend_from_slice(&(item.len() as u16).to_le_bytes());
        self.0.extend_from_slice(item);
    }
}

/// The bytes that an item takes in a block, with its length.
fn size_in_block(item: &[u8]) -> usize {
    2 + item.len()
}

/// Returns the items of a block.
///
/// # Errors
/// The last item is [`StoreError::Damaged`] if the block is truncated.
pub(super) fn parse_items(mut block: &[u8]) -> impl Iterator<Item = Result<&[u8], StoreError>> {
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

/// The error of a block or of an item that cannot be parsed.
pub(super) fn damaged() -> StoreError {
    StoreError::Damaged { part: "index", detail: "a block is truncated".to_owned() }
}

/// Packs the sorted items of sorted lists into blocks.
pub(super) struct Packer {
    /// The capacity of a block, in bytes.
    block_bytes_max: usize,
    /// The prefix of the current list.
    list: Vec<u8>,
    block: Block,
    /// The last item of the block.
    last: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Self {
        Self {
            block_bytes_max: BLOCK_BYTES_MAX,
            list: Vec::new(),
            block: Block::default(),
            last: Vec::new(),
        }
    }

    /// Creates a packer for the items of one block: one block if they fit, otherwise blocks of about
    /// the same size. Splitting off only the overflow would leave a full block, which the next
    /// inserted item would split again.
    fn evenly(items: &[Vec<u8>]) -> Self {
        let sizes = items.iter().map(|item| size_in_block(item));
        let bytes: usize = sizes.clone().sum();
        let blocks = bytes.div_ceil(BLOCK_BYTES_MAX);
        let block_bytes_max = match blocks {
            0 | 1 => BLOCK_BYTES_MAX,
            blocks => {
                (bytes.div_ceil(blocks) + sizes.max().unwrap_or_default()).min(BLOCK_BYTES_MAX)
            }
        };
        Self { block_bytes_max, ..Self::new() }
    }

    /// Adds the next item. Returns the key and the bytes of the previous block if the item starts a
    /// new block. An item that equals the previous one is ignored.
    pub(super) fn push(&mut self, list: &[u8], item: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let is_same_list = self.list == list;
        if is_same_list && self.last == item {
            return None;
        }
        debug_assert!(
            self.list.as_slice() < list || (is_same_list && self.last.as_slice() < item),
            "items come sorted"
        );
        let fits = self.block.0.len() + size_in_block(item) <= self.block_bytes_max;
        let full = if !is_same_list {
            self.take()
        } else if fits {
            None
        } else {
            let last = std::mem::take(&mut self.last);
            self.end_block(&last)
        };
        self.list.clear();
        self.list.extend_from_slice(list);
        self.last.clear();
        self.last.extend_from_slice(item);
        self.block.push(item);
        full
    }

    /// Returns the key and the bytes of the last block, unless it is empty.
    pub(super) fn take(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.end_block(UNBOUNDED)
    }

    fn end_block(&mut self, bound: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let block = std::mem::take(&mut self.block).0;
        (!block.is_empty()).then(|| ([&self.list, bound].concat(), block))
    }
}

/// Calls `each` with every item of a list, in order.
///
/// # Errors
/// - The first error of `each`.
/// - [`StoreError::Damaged`] if a block cannot be read.
pub(super) fn each_item<X: From<StoreError>>(
    tree: Layered<'_>,
    list: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<(), X>,
) -> Result<(), X> {
    for entry in tree.prefix(list) {
        let (_, block) = entry?;
        for item in parse_items(&block) {
            each(item?)?;
        }
    }
    Ok(())
}

/// Calls `each` with every item of a list, as if `edit` were applied to its blocks.
///
/// # Errors
/// As for [`each_item`].
pub(super) fn each_edited_item<X: From<StoreError>>(
    tree: Layered<'_>,
    list: &[u8],
    edit: &ListEdit,
    mut each: impl FnMut(&[u8]) -> Result<(), X>,
) -> Result<(), X> {
    let mut edits = edit.iter().peekable();
    each_item(tree, list, |item| {
        while let Some((edited_item, change)) =
            edits.next_if(|(edited, _)| edited.as_slice() < item)
        {
            if *change == ListChange::Insert {
                each(edited_item)?;
            }
        }
        match edits.next_if(|(edited, _)| edited.as_slice() == item) {
            Some((_, ListChange::Remove)) => Ok(()),
            Some((_, ListChange::Insert)) | None => each(item),
        }
    })?;
    for (edited_item, change) in edits {
        if *change == ListChange::Insert {
            each(edited_item)?;
        }
    }
    Ok(())
}

/// Returns whether a block's items are sorted and within the bound of its key. The first
/// `prefix_bytes` of the key are the list's prefix.
///
/// # Errors
/// [`StoreError::Damaged`] if the block is truncated.
pub(super) fn is_in_place(
    key: &[u8],
    prefix_bytes: usize,
    block: &[u8],
) -> Result<bool, StoreError> {
    let bound = key.get(prefix_bytes..).unwrap_or_default();
    let mut previous: Option<&[u8]> = None;
    for item in parse_items(block) {
        let item = item?;
        if item > bound || previous.is_some_and(|previous| item <= previous) {
            return Ok(false);
        }
        previous = Some(item);
    }
    Ok(true)
}

/// An edit of one item of a list: insert or remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListChange {
    Insert,
    Remove,
}

/// The items that an edit inserts into a list or removes from it.
pub(super) type ListEdit = BTreeMap<Vec<u8>, ListChange>;

/// The effect of a [`ListEdit`] on the blocks of a list.
pub(super) struct BlockChanges {
    /// The changed blocks by key; `None` for a removed block.
    pub blocks: Vec<(IVec, Option<Vec<u8>>)>,
    /// The number of inserted items that the list did not hold.
    pub added: u64,
    /// The number of removed items that the list held.
    pub removed: u64,
}

/// Computes the changed blocks of a list after `edit`. Writes nothing.
///
/// # Errors
/// [`StoreError::Damaged`] if a block cannot be read.
pub(super) fn edit(
    tree: Layered<'_>,
    list: &[u8],
    edit: &ListEdit,
) -> Result<BlockChanges, StoreError> {
    let (mut added, mut removed) = (0, 0);
    let mut touched: Vec<EditedBlock> = Vec::new();
    for (item, change) in edit {
        let found = tree.prefix_from(list, &[list, item].concat()).next().transpose()?;
        let key = match &found {
            Some((key, _)) => key.clone(),
            None => IVec::from([list, UNBOUNDED].concat()),
        };
        // Items are sorted, so items of the same block follow each other.
        if touched.last().is_none_or(|last| last.key != key) {
            let block = found.map(|(_, block)| block).unwrap_or_default();
            let parsed = parse_items(&block).map(|item| item.map(<[u8]>::to_vec));
            let items = parsed.collect::<Result<_, _>>()?;
            touched.push(EditedBlock { key, items, is_changed: false });
        }
        let Some(EditedBlock { items, is_changed, .. }) = touched.last_mut() else { continue };
        match (items.binary_search(item), change) {
            (Err(index), ListChange::Insert) => {
                items.insert(index, item.clone());
                added += 1;
            }
            (Ok(index), ListChange::Remove) => {
                items.remove(index);
                removed += 1;
            }
            // The list already holds the inserted item, or does not hold the removed one.
            (Ok(_), ListChange::Insert) | (Err(_), ListChange::Remove) => continue,
        }
        *is_changed = true;
    }
    let mut blocks = Vec::new();
    for EditedBlock { key, items, .. } in touched.into_iter().filter(|block| block.is_changed) {
        if items.is_empty() {
            blocks.push((key, None));
            continue;
        }
        let mut packer = Packer::evenly(&items);
        let full = items.iter().filter_map(|item| packer.push(list, item));
        blocks.extend(full.map(|(part_key, block)| (part_key.into(), Some(block))));
        // The last part keeps the block's key. The others get smaller keys.
        blocks.extend(packer.take().map(|(_, block)| (key, Some(block))));
    }
    Ok(BlockChanges { blocks, added, removed })
}

/// A block of a list, with its items after an edit.
struct EditedBlock {
    key: IVec,
    items: Vec<Vec<u8>>,
    is_changed: bool,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// After edits of any order and size, a list holds the same items as a plain set.
        #[test]
        fn an_edited_list_equals_a_set(
            steps in prop::collection::vec(prop::collection::vec((any::<bool>(), 0u16..600), 1..80), 1..30)
        ) {
            let folder = tempfile::tempdir().unwrap();
            let tree = sled::open(folder.path()).unwrap().open_tree("lists").unwrap();
            let layered = Layered::new(&tree, [None, None]);
            let mut expected = BTreeSet::new();
            for step in steps {
                let mut changes = ListEdit::new();
                for (is_insert, number) in step {
                    let change = if is_insert { ListChange::Insert } else { ListChange::Remove };
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
