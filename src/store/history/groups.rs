//! Finds changes in the tree `history`.
//!
//! An entry of the tree holds one change, or a group: the changes that were committed together. Its key is
//! the number of the first change. So a change is in the entry with the largest key that is not greater than
//! its number. A group is one byte for its format, the list of its changes, and the bytes of each. The bytes
//! of an entry are split into parts of at most [`VALUE_BYTES_MAX`], and the list is always in the first one.

use std::ops::{Bound, Range};

use bincode::{Decode, Encode};
use sled::{IVec, Tree};

use super::{
    entry::{CONFIG, ChangeHead, HistoryEnd, StoredBefore, StoredChange, damaged},
    keys::{before_key, change_key, change_number, change_part_key},
};
use crate::store::{
    StoreError, Summary, contained,
    format::VALUE_BYTES_MAX,
    generation::{Generation, write_entry},
    layers::Changes,
    tree_id::TreeId,
};

/// The format of a group. Changes have other formats.
const GROUP_FORMAT: u8 = 3;

/// The largest number of changes in a group. Their list has at most 14 bytes each, so it is in the first part.
const GROUP_CHANGES_MAX: usize = 128;

/// The number of bytes that ends a group. A reader of a change reads only the parts that hold it, but the
/// history is trimmed by whole groups.
const GROUP_BYTES_MAX: usize = 64 * 1024;

/// An encoded change that is not in a group yet.
pub(in crate::store) struct EncodedChange {
    /// The number of the change.
    pub number: u64,
    /// The bytes of [`StoredChange::encode`].
    pub bytes: Vec<u8>,
}

/// The number of a change in a group, and the length of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
struct Member {
    number: u64,
    bytes: u32,
}

/// The place of a change in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the change.
    pub number: u64,
    /// The number of the first change in its entry.
    first: u64,
    /// The position of its bytes in those of the entry.
    at: usize,
    /// The length of its bytes. `None` for a change that has an entry of its own.
    bytes: Option<usize>,
}

/// The bytes of an entry, with the keys of its parts.
pub(super) struct Group {
    /// The number of the first change.
    pub first: u64,
    /// The keys and values of the parts.
    pub parts: Vec<(IVec, IVec)>,
}

/// The tree `history` of a database.
#[derive(Clone, Copy)]
pub(super) struct HistoryTree<'a>(&'a Tree);

impl<'a> HistoryTree<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self(tree)
    }

    /// Returns the place of a change. `None` if the tree does not have it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the entry that would have it cannot be read. All methods return this error.
    pub(super) fn at(self, number: u64) -> Result<Option<Place>, StoreError> {
        Ok(self.last_up_to(number)?.filter(|place| place.number == number))
    }

    /// Returns the place of the last change up to a number.
    pub(super) fn last_up_to(self, number: u64) -> Result<Option<Place>, StoreError> {
        let Some(first) = self.first_of_group(number)? else { return Ok(None) };
        let places = self.places(first)?;
        Ok(places.into_iter().rfind(|place| place.number <= number))
    }

    /// Returns the place of the first change from a number on.
    pub(super) fn first_from(self, number: u64) -> Result<Option<Place>, StoreError> {
        if let Some(first) = self.first_of_group(number)? {
            let found = self.places(first)?.into_iter().find(|place| place.number >= number);
            if found.is_some() {
                return Ok(found);
            }
        }
        let from = change_key(number);
        let next = contained::read(self.0, || self.0.range(from..).next().transpose())?;
        match next.and_then(|(key, _)| change_number(&key)) {
            Some(first) => Ok(self.places(first)?.into_iter().next()),
            None => Ok(None),
        }
    }

    /// Returns the number of the first change in the entry that holds a change, or the last one before it.
    pub(super) fn first_of_group(self, number: u64) -> Result<Option<u64>, StoreError> {
        let end = change_part_key(number, u32::MAX);
        let range = (Bound::Unbounded, Bound::Included(end));
        let last =
            contained::read(self.0, || self.0.range::<Vec<u8>, _>(range).next_back().transpose())?;
        Ok(last.and_then(|(key, _)| change_number(&key)))
    }

    /// Returns the places of the changes in an entry.
    fn places(self, first: u64) -> Result<Vec<Place>, StoreError> {
        let part = contained::read(self.0, || self.0.get(change_key(first)))?;
        // `None` if the entry is trimmed meanwhile.
        let Some(part) = part else { return self.require_trimmed(first) };
        places(first, &part)
    }

    /// Returns no places if an entry was removed, and an error if only its first part is missing.
    fn require_trimmed(self, first: u64) -> Result<Vec<Place>, StoreError> {
        let key = change_key(first);
        let rest = contained::read(self.0, || self.0.scan_prefix(key).next().transpose())?;
        match rest {
            Some(_) => Err(damaged(first, "its first part is missing")),
            None => Ok(Vec::new()),
        }
    }

    /// Reads the head of a change.
    pub(super) fn head(self, place: &Place) -> Result<ChangeHead, StoreError> {
        let bytes = place.bytes.map_or(VALUE_BYTES_MAX, |bytes| bytes.min(VALUE_BYTES_MAX));
        let bytes = self.read(place, bytes)?;
        Ok(ChangeHead::decode(place.number, &bytes)?.head)
    }

    /// Reads a change.
    pub(super) fn change(self, place: &Place) -> Result<StoredChange, StoreError> {
        let bytes = self.read(place, place.bytes.unwrap_or(usize::MAX))?;
        StoredChange::decode(place.number, &bytes)
    }

    /// Reads the first bytes of a change.
    fn read(self, place: &Place, bytes: usize) -> Result<Vec<u8>, StoreError> {
        let Place { number, first, at, .. } = *place;
        let (part, skipped) = (at / VALUE_BYTES_MAX, at % VALUE_BYTES_MAX);
        let part = u32::try_from(part).map_err(|_| damaged(number, "its position is wrong"))?;
        let mut parts = self.0.range(part_key(first, part)..=change_part_key(first, u32::MAX));
        let mut read = Vec::new();
        for part in part.. {
            if read.len() >= bytes.saturating_add(skipped) {
                break;
            }
            // A change with an entry of its own ends with its last part.
            let next = contained::read(self.0, || parts.next().transpose())?;
            let Some((key, value)) = next else { break };
            if *key != *part_key(first, part) {
                return Err(damaged(number, "a part of it is missing"));
            }
            read.extend_from_slice(&value);
        }
        if read.len() < skipped {
            return Err(damaged(number, "a part of it is missing"));
        }
        read.drain(..skipped);
        read.truncate(bytes);
        Ok(read)
    }

    /// Returns the entries of the tree, beginning with the one that holds a change, or the first one after
    /// it. A part that cannot be read ends the iterator.
    pub(super) fn groups_from(
        self,
        number: u64,
    ) -> impl Iterator<Item = Result<Group, StoreError>> + use<'a> {
        let mut first = Some(self.first_of_group(number));
        let mut entries: Option<sled::Iter> = None;
        let mut next_part: Option<(IVec, IVec)> = None;
        let tree = self.0;
        let mut next = move || -> Result<Option<Group>, StoreError> {
            if let Some(first) = first.take() {
                let from = change_key(first?.unwrap_or(number));
                entries = Some(tree.range(from..));
            }
            let Some(entries) = &mut entries else { return Ok(None) };
            let mut read = || contained::read(tree, || entries.next().transpose());
            let mut group: Option<Group> = None;
            loop {
                let part = match next_part.take() {
                    Some(part) => Some(part),
                    None => read()?,
                };
                let Some((key, value)) = part else { return Ok(group) };
                let Some(first) = change_number(&key) else { continue };
                match &mut group {
                    None => group = Some(Group { first, parts: vec![(key, value)] }),
                    Some(group) if group.first == first => group.parts.push((key, value)),
                    Some(_) => {
                        next_part = Some((key, value));
                        return Ok(group);
                    }
                }
            }
        };
        let mut has_ended = false;
        std::iter::from_fn(move || {
            if has_ended {
                return None;
            }
            let group = next().transpose();
            has_ended = !matches!(group, Some(Ok(_)));
            group
        })
    }
}

impl Group {
    /// Decodes the changes.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the bytes are neither a group nor a change.
    pub(super) fn changes(&self) -> Result<Vec<(u64, StoredChange)>, StoreError> {
        let bytes: Vec<u8> = self.parts.iter().flat_map(|(_, part)| part.iter().copied()).collect();
        let members = split(self.first, &bytes)?.into_iter();
        let changes = members
            .map(|(number, range)| Ok((number, StoredChange::decode(number, &bytes[range])?)));
        changes.collect()
    }
}

/// Copies the changes to another database, whose tree `before` is written already. A value inside a change that the
/// tree has now is left out of the change. A damaged entry is copied as it is: the verification reports it.
///
/// # Errors
/// [`StoreError::Damaged`] if the tree cannot be read; the errors of [`write_entry`].
pub(in crate::store) fn copy_without_moved(from: &Tree, to: &Generation) -> Result<(), StoreError> {
    for group in HistoryTree::new(from).groups_from(0) {
        let group = group?;
        let rest = match group.changes() {
            Ok(changes) => without_moved(changes, to)?,
            Err(_) => None,
        };
        let tree = to.tree(TreeId::History);
        match rest {
            Some(changes) => {
                for (key, part) in parts(group.first, &encode_group(changes)) {
                    write_entry(tree, &key, part)?;
                }
            }
            None => {
                for (key, part) in &group.parts {
                    write_entry(tree, key, part)?;
                }
            }
        }
    }
    Ok(())
}

/// Returns the changes of a group without the values that the tree `before` has. `None` if it has none of them.
fn without_moved(
    changes: Vec<(u64, StoredChange)>,
    to: &Generation,
) -> Result<Option<Vec<EncodedChange>>, StoreError> {
    let before_tree = to.tree(TreeId::Before);
    let mut is_changed = false;
    let mut encoded = Vec::with_capacity(changes.len());
    for (number, mut change) in changes {
        for (touched, before) in &mut change.touched {
            let Some(owner) = touched.owner() else { continue };
            let key = before_key(owner, &touched.key, number);
            if *before != StoredBefore::Entry
                && contained::read(before_tree, || before_tree.contains_key(&key))?
            {
                *before = StoredBefore::Entry;
                is_changed = true;
            }
        }
        encoded.push(EncodedChange { number, bytes: change.encode() });
    }
    Ok(is_changed.then_some(encoded))
}

/// Returns the end of the history in this tree, which is the tree `history` of a generation.
///
/// # Errors
/// [`StoreError::Damaged`] if the last change cannot be read.
pub(in crate::store) fn end_of(tree: &Tree) -> Result<HistoryEnd, StoreError> {
    let history = HistoryTree::new(tree);
    match history.last_up_to(u64::MAX)? {
        Some(place) => Ok(history.head(&place)?.end()),
        None => Ok(HistoryEnd::default()),
    }
}

/// Returns the key of a part of an entry. The first one has the number 0.
fn part_key(first: u64, part: u32) -> Vec<u8> {
    if part == 0 { change_key(first).to_vec() } else { change_part_key(first, part) }
}

/// Returns the keys and values of the parts of an entry.
pub(super) fn parts(first: u64, bytes: &[u8]) -> impl Iterator<Item = (Vec<u8>, &[u8])> {
    let parts = bytes.chunks(VALUE_BYTES_MAX).zip(0_u32..);
    parts.map(move |(part, index)| (part_key(first, index), part))
}

/// Returns the places of the changes in an entry with this first part.
fn places(first: u64, part: &[u8]) -> Result<Vec<Place>, StoreError> {
    if part.first() != Some(&GROUP_FORMAT) {
        return Ok(vec![Place { number: first, first, at: 0, bytes: None }]);
    }
    let decoded = bincode::decode_from_slice(&part[1..], CONFIG);
    let (members, used): (Vec<Member>, usize) =
        decoded.map_err(|error| damaged(first, &error.to_string()))?;
    let starts_with_first = members.first().is_some_and(|member| member.number == first);
    if !starts_with_first || !members.is_sorted_by(|a, b| a.number < b.number) {
        return Err(damaged(first, "the numbers of its group are wrong"));
    }
    let mut at = 1 + used;
    let places = members.into_iter().map(|Member { number, bytes }| {
        let bytes = bytes as usize;
        let place = Place { number, first, at, bytes: Some(bytes) };
        at += bytes;
        place
    });
    Ok(places.collect())
}

/// Returns the numbers of the changes in an entry, and where their bytes are.
///
/// # Errors
/// [`StoreError::Damaged`] if the list of the changes is damaged, or does not have the length of the entry.
pub(super) fn split(first: u64, bytes: &[u8]) -> Result<Vec<(u64, Range<usize>)>, StoreError> {
    let places = places(first, bytes)?;
    let ranges = places.iter().map(|place| {
        let end = place.bytes.map_or(bytes.len(), |length| place.at + length);
        (place.number, place.at..end)
    });
    let ranges: Vec<_> = ranges.collect();
    if ranges.last().is_none_or(|(_, range)| range.end != bytes.len()) {
        return Err(damaged(first, "the lengths in its group are wrong"));
    }
    Ok(ranges)
}

/// Adds the entries of changes, sorted by their numbers, to the changes of a commit and to its content
/// hashes.
pub(in crate::store) fn put_changes(
    encoded: Vec<EncodedChange>,
    changes: &mut Changes,
    summary: &mut Summary,
) {
    let mut group: Vec<EncodedChange> = Vec::new();
    let mut bytes = 0;
    let mut put = |group: Vec<EncodedChange>| {
        let Some(first) = group.first().map(|change| change.number) else { return };
        for (key, part) in parts(first, &encode_group(group)) {
            summary.content[TreeId::History].add(&key, part);
            changes.set(TreeId::History, key, Some(part.into()));
        }
    };
    for change in encoded {
        let is_full =
            bytes + change.bytes.len() > GROUP_BYTES_MAX || group.len() == GROUP_CHANGES_MAX;
        if is_full {
            put(std::mem::take(&mut group));
            bytes = 0;
        }
        bytes += change.bytes.len();
        group.push(change);
    }
    put(group);
}

/// Encodes an entry. A single change has no group.
fn encode_group(mut group: Vec<EncodedChange>) -> Vec<u8> {
    if let [single] = &mut *group {
        return std::mem::take(&mut single.bytes);
    }
    let members = group.iter().map(|change| {
        let bytes = u32::try_from(change.bytes.len()).expect("a group has less than 4 GB");
        Member { number: change.number, bytes }
    });
    let members: Vec<Member> = members.collect();
    let mut bytes = vec![GROUP_FORMAT];
    bincode::encode_into_std_write(&members, &mut bytes, CONFIG)
        .expect("writing to a Vec cannot fail");
    for change in &group {
        bytes.extend_from_slice(&change.bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::PerKind,
        store::{
            Origin,
            history::Effect,
            history::entry::{HistoryEnd, StoredTouched},
        },
    };

    /// A change with values of this length.
    fn change(number: u64, bytes: usize) -> StoredChange {
        let origin = Origin::of_user("éva", "PUT /rest/instance/device");
        let mut head =
            ChangeHead::after(HistoryEnd::default(), &origin, &PerKind::default(), number);
        head.milliseconds = 1_795_760_000_123;
        let touched = StoredTouched {
            owner: 3,
            key: format!("é>b {number}%").into_bytes(),
            effect: Effect::Updated,
        };
        let before = vec![u8::try_from(number % 256).unwrap(); bytes];
        StoredChange { head, touched: vec![(touched, StoredBefore::Value(before))] }
    }

    fn encoded(number: u64, bytes: usize) -> EncodedChange {
        EncodedChange { number, bytes: change(number, bytes).encode() }
    }

    /// Data directories contain these bytes. If this test fails, there must be a new format of a group, and
    /// this one must still decode.
    #[test]
    fn the_format_of_a_group_is_the_golden_one() {
        let bytes = encode_group(vec![encoded(7, 2), encoded(300, 3)]);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, include_str!("../../../tests/history/group-3.hex").trim());
        assert_eq!(encode_group(vec![encoded(7, 2)]), encoded(7, 2).bytes);
    }

    #[test]
    fn every_change_of_every_group_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let tree = sled::open(folder.path()).unwrap().open_tree("history").unwrap();
        // A commit of 300 changes, some of them large, one of a single change, and numbers without a change.
        let size = |number: u64| {
            if number.is_multiple_of(50) { 9_000 } else { (number % 7) as usize * 300 }
        };
        let numbers: Vec<u64> = (10..310).chain([400]).chain((500..640).step_by(3)).collect();
        let (mut changes, mut summary) = (Changes::default(), Summary::default());
        for commit in [&numbers[..300], &numbers[300..301], &numbers[301..]] {
            let commit = commit.iter().map(|number| encoded(*number, size(*number)));
            put_changes(commit.collect(), &mut changes, &mut summary);
        }
        for (key, value) in changes.tree(TreeId::History).unwrap() {
            let value = value.clone().unwrap();
            assert!(value.len() <= VALUE_BYTES_MAX);
            tree.insert(key, value).unwrap();
        }
        assert_eq!(summary.content[TreeId::History].entries, tree.len() as u64);
        let history = HistoryTree::new(&tree);
        let found = |place: Option<Place>| place.map(|place| place.number);
        for number in 0..700 {
            let place = history.at(number).unwrap();
            assert_eq!(found(place), numbers.contains(&number).then_some(number));
            let before = numbers.iter().rfind(|other| **other <= number).copied();
            assert_eq!(found(history.last_up_to(number).unwrap()), before, "{number}");
            let after = numbers.iter().find(|other| **other >= number).copied();
            assert_eq!(found(history.first_from(number).unwrap()), after, "{number}");
            let Some(place) = place else { continue };
            let expected = change(number, size(number));
            assert_eq!(history.head(&place).unwrap(), expected.head);
            assert_eq!(history.change(&place).unwrap(), expected);
        }
        for from in [0, 10, 11, 200, 310, 400, 401, 637, 638] {
            let groups: Vec<Group> = history.groups_from(from).map(Result::unwrap).collect();
            let read: Vec<(u64, StoredChange)> =
                groups.iter().flat_map(|group| group.changes().unwrap()).collect();
            let wanted = numbers.iter().filter(|number| **number >= from);
            let read: Vec<_> = read.into_iter().filter(|(number, _)| *number >= from).collect();
            let wanted: Vec<_> =
                wanted.map(|number| (*number, change(*number, size(*number)))).collect();
            assert!(read == wanted, "{from}");
        }
        let groups: Vec<Group> = history.groups_from(0).map(Result::unwrap).collect();
        assert!((6..30).contains(&groups.len()), "{}", groups.len());
        // A lost part is damage, and not an earlier change.
        let group = groups.iter().find(|group| group.parts.len() > 3).unwrap();
        let changes = group.changes().unwrap();
        for part in [0, 1] {
            tree.remove(&group.parts[part].0).unwrap();
            let read = |number: u64| -> Result<Option<StoredChange>, StoreError> {
                history.at(number)?.map(|place| history.change(&place)).transpose()
            };
            assert!(changes.iter().any(|(number, _)| read(*number).is_err()), "{part}");
            for (number, change) in &changes {
                if let Ok(read) = read(*number) {
                    assert_eq!(read.as_ref(), Some(change));
                }
            }
            tree.insert(&group.parts[part].0, &group.parts[part].1).unwrap();
        }
    }

    #[test]
    fn damaged_groups_are_errors() {
        let bytes = encode_group(vec![encoded(7, 40), encoded(8, 3), encoded(300, 3)]);
        let decode = |first: u64, bytes: &[u8]| -> Result<Vec<StoredChange>, StoreError> {
            let members = split(first, bytes)?.into_iter();
            members.map(|(number, range)| StoredChange::decode(number, &bytes[range])).collect()
        };
        assert_eq!(decode(7, &bytes).unwrap().len(), 3);
        assert!(decode(8, &bytes).is_err());
        assert!(decode(7, &[&bytes[..], &[0]].concat()).is_err());
        for length in 0..bytes.len() {
            assert!(decode(7, &bytes[..length]).is_err(), "{length}");
        }
        for at in 0..bytes.len() {
            for flipped in [0xff, 0x01, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= flipped;
                // Any result is right, but not a panic or an allocation of the declared length.
                let _ = decode(7, &changed);
            }
        }
    }
}
