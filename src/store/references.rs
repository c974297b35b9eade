//! The reverse index: which records name a record.
//!
//! The references to one target are sorted and packed into blocks, so that a group that a million
//! devices name takes a few thousand values and a device with two links takes one. A block's key
//! is its target and, but for the target's first block, the first reference in it.

use sled::{IVec, Tree};

use super::{StoreError, format::VALUE_BYTES_MAX};
use crate::model::{Kind, Target};

/// What splits a block in two.
const BLOCK_BYTES_MAX: usize = VALUE_BYTES_MAX;

/// Ends a name in a key. No name holds it.
const END: u8 = 0;

/// One record that names another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Referrer {
    pub kind: Kind,
    pub name: String,
    /// The property that holds the reference.
    pub relation: String,
}

/// The number of a kind in the index. A change of it is a change of the data directory's format.
fn kind_code(kind: Kind) -> u8 {
    kind.index() as u8 + 1
}

fn target_code(target: Target) -> u8 {
    match target {
        Target::Node => 0,
        Target::Kind(kind) => kind_code(kind),
    }
}

fn kind_of_code(code: u8) -> Option<Kind> {
    Kind::ALL.get(usize::from(code).checked_sub(1)?).copied()
}

/// The target's part of a key; all of its references have it as a prefix. Sorts by target, then
/// by name.
pub fn target_key(target: Target, name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 2);
    key.push(target_code(target));
    key.extend_from_slice(name.as_bytes());
    key.push(END);
    key
}

/// Reads a [`target_key`], also with something behind it. Gives the number of its bytes too.
pub fn parse_target_key(key: &[u8]) -> Option<(Target, &str, usize)> {
    let (&code, rest) = key.split_first()?;
    let end = memchr::memchr(END, rest)?;
    let target = match code {
        0 => Target::Node,
        code => Target::Kind(kind_of_code(code)?),
    };
    Some((target, std::str::from_utf8(&rest[..end]).ok()?, end + 2))
}

/// A reference's source as it stands in a block.
pub fn posting(kind: Kind, relation: &str, name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(relation.len() + name.len() + 2);
    bytes.push(kind_code(kind));
    bytes.extend_from_slice(relation.as_bytes());
    bytes.push(END);
    bytes.extend_from_slice(name.as_bytes());
    bytes
}

/// Reads a [`posting`].
pub fn parse_posting(posting: &[u8]) -> Option<Referrer> {
    let (&code, rest) = posting.split_first()?;
    let end = memchr::memchr(END, rest)?;
    Some(Referrer {
        kind: kind_of_code(code)?,
        relation: std::str::from_utf8(&rest[..end]).ok()?.to_owned(),
        name: std::str::from_utf8(&rest[end + 1..]).ok()?.to_owned(),
    })
}

/// The references of one block, sorted. Each has its length in two bytes before it.
#[derive(Default)]
struct Block(Vec<u8>);

impl Block {
    fn push(&mut self, posting: &[u8]) {
        self.0.extend_from_slice(&(posting.len() as u16).to_le_bytes());
        self.0.extend_from_slice(posting);
    }
}

/// The bytes that a reference takes in a block.
fn size_in_block(posting: &[u8]) -> usize {
    2 + posting.len()
}

/// The references in a block's bytes.
fn postings(mut block: &[u8]) -> impl Iterator<Item = Result<&[u8], StoreError>> {
    std::iter::from_fn(move || {
        if block.is_empty() {
            return None;
        }
        let split = block.split_first_chunk().and_then(|(length, rest)| {
            rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
        });
        let Some((posting, rest)) = split else {
            block = &[];
            return Some(Err(damaged()));
        };
        block = rest;
        Some(Ok(posting))
    })
}

fn damaged() -> StoreError {
    StoreError::Damaged { part: "reverse index", detail: "a block is not whole".to_owned() }
}

/// Packs sorted references into blocks.
pub(super) struct Packer {
    /// How much goes into a block.
    room: usize,
    target: Vec<u8>,
    key: Vec<u8>,
    block: Block,
    last: Vec<u8>,
}

impl Packer {
    pub fn new() -> Self {
        Self {
            room: BLOCK_BYTES_MAX,
            target: Vec::new(),
            key: Vec::new(),
            block: Block::default(),
            last: Vec::new(),
        }
    }

    /// Packs one block's references: into one block if they fit, into blocks of about the same
    /// size if not. A full block and a crumb would become a crumb more with every reference that
    /// comes into the full one.
    fn evenly(postings: &[Vec<u8>]) -> Self {
        let sizes = postings.iter().map(|posting| size_in_block(posting));
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

    /// Takes the next reference; gives the block before it when that is full.
    pub fn push(&mut self, target: &[u8], posting: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        if self.target == target && self.last == posting {
            return None;
        }
        let same = self.target == target;
        debug_assert!(
            self.target.as_slice() < target || (same && self.last.as_slice() < posting),
            "references come sorted"
        );
        let fits = self.block.0.len() + size_in_block(posting) <= self.room;
        let full = match same && fits {
            true => None,
            false => {
                let mut key = target.to_vec();
                if same {
                    key.extend_from_slice(posting);
                }
                let full = self.take();
                self.key = key;
                full
            }
        };
        self.target.clear();
        self.target.extend_from_slice(target);
        self.last.clear();
        self.last.extend_from_slice(posting);
        self.block.push(posting);
        full
    }

    /// Gives the last block.
    pub fn take(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        let block = std::mem::take(&mut self.block).0;
        (!block.is_empty()).then(|| (std::mem::take(&mut self.key), block))
    }
}

/// A change of a block: its key, and its bytes where it stays.
pub(super) type BlockEdit = (IVec, Option<Vec<u8>>);

/// Calls `each` with every reference to the target.
pub(super) fn each_posting(
    tree: &Tree,
    target: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for block in tree.scan_prefix(target).values() {
        for posting in postings(&block?) {
            each(posting?)?;
        }
    }
    Ok(())
}

/// Calls `each` with every target that is referred to, and each reference to it, in order.
pub(super) fn each_reference(
    tree: &Tree,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for entry in tree.iter() {
        let (key, block) = entry?;
        let (.., target) = parse_target_key(&key).ok_or_else(damaged)?;
        for posting in postings(&block) {
            each(&key[..target], posting?)?;
        }
    }
    Ok(())
}

/// What has to change in one target's blocks so that `add` and `remove`, both sorted, hold.
pub(super) fn edit(
    tree: &Tree,
    target: &[u8],
    add: &[Vec<u8>],
    remove: &[Vec<u8>],
) -> Result<Vec<BlockEdit>, StoreError> {
    // The blocks that are looked at.
    let mut edits: Vec<Touched> = Vec::new();
    let changes = add.iter().map(|p| (p, true)).chain(remove.iter().map(|p| (p, false)));
    for (posting, adds) in changes {
        let mut bound = target.to_vec();
        bound.extend_from_slice(posting);
        let found = tree.range(target.to_vec()..=bound).next_back().transpose()?;
        let key = found.as_ref().map_or_else(|| IVec::from(target), |(key, _)| key.clone());
        // Sorted as the changes are, it is nearly always the last one.
        let at = match edits.iter().rposition(|touched| touched.key == key) {
            Some(at) => at,
            None => {
                let block = found.map(|(_, block)| block).unwrap_or_default();
                let held =
                    postings(&block).map(|p| p.map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
                edits.push(Touched { key, held, changed: false });
                edits.len() - 1
            }
        };
        let Touched { held, changed, .. } = &mut edits[at];
        match (held.binary_search(posting), adds) {
            (Err(place), true) => held.insert(place, posting.clone()),
            (Ok(place), false) => drop(held.remove(place)),
            // A record that is put again says most of what it said before.
            (Ok(_), true) | (Err(_), false) => continue,
        }
        *changed = true;
    }
    let mut blocks = Vec::new();
    for Touched { key, held, .. } in edits.into_iter().filter(|touched| touched.changed) {
        if held.is_empty() {
            blocks.push((key, None));
            continue;
        }
        let mut packer = Packer::evenly(&held);
        let mut packed: Vec<_> =
            held.iter().filter_map(|posting| packer.push(target, posting)).collect();
        packed.extend(packer.take());
        // The first of them stays where the block was; the others have keys of their own.
        for (place, (own_key, block)) in packed.into_iter().enumerate() {
            let key = if place == 0 { key.clone() } else { own_key.into() };
            blocks.push((key, Some(block)));
        }
    }
    Ok(blocks)
}

/// A block that a change looks at, with its references after it.
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

    fn tree() -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        let db = sled::open(folder.path()).unwrap();
        (folder, db.open_tree("references").unwrap())
    }

    fn held(tree: &Tree, target: &[u8]) -> Vec<Referrer> {
        let mut held = Vec::new();
        each_posting(tree, target, |posting| {
            held.push(parse_posting(posting).unwrap());
            Ok(())
        })
        .unwrap();
        held
    }

    #[test]
    fn keys_and_postings_are_read_back() {
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

    /// The numbers stand in every data directory.
    #[test]
    fn the_codes_of_kinds_do_not_change() {
        let codes: Vec<_> =
            Kind::ALL.iter().map(|kind| (kind.as_str(), kind_code(*kind))).collect();
        assert_eq!(
            codes,
            [
                ("user", 1),
                ("group", 2),
                ("device", 3),
                ("file", 4),
                ("link", 5),
                ("service", 6),
                ("network", 7),
                ("workflow_edge", 8),
                ("task", 9),
                ("credential", 10),
                ("pool", 11)
            ]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Edits of any order and size hold what a plain set holds.
        #[test]
        fn edits_hold_what_a_set_holds(
            steps in prop::collection::vec(prop::collection::vec((any::<bool>(), 0u16..600), 1..80), 1..30)
        ) {
            let (_folder, tree) = tree();
            let target = target_key(Target::Kind(Kind::Group), "g");
            let mut expected = BTreeSet::new();
            for step in steps {
                let mut add = BTreeSet::new();
                let mut remove = BTreeSet::new();
                for (adds, number) in step {
                    let bytes = posting(Kind::Device, "rbac_read", &format!("device {number:0>60}"));
                    add.remove(&bytes);
                    remove.remove(&bytes);
                    if adds { add.insert(bytes); } else { remove.insert(bytes); }
                }
                expected.retain(|p| !remove.contains(p));
                expected.extend(add.iter().cloned());
                let (add, remove): (Vec<_>, Vec<_>) = (add.into_iter().collect(), remove.into_iter().collect());
                for (key, block) in edit(&tree, &target, &add, &remove).unwrap() {
                    match block {
                        Some(block) => {
                            prop_assert!(block.len() <= BLOCK_BYTES_MAX);
                            tree.insert(key, block).unwrap();
                        }
                        None => { tree.remove(key).unwrap(); }
                    }
                }
                let found: BTreeSet<_> = held(&tree, &target).into_iter().collect();
                let wanted: BTreeSet<_> = expected.iter().map(|p: &Vec<u8>| parse_posting(p).unwrap()).collect();
                prop_assert_eq!(found, wanted);
            }
        }
    }
}
