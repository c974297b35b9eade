//! The format of a change in the tree `history`.
//!
//! A change is one byte for its format, its head and the list of touched values, in bincode. Its bytes
//! are split into parts of at most [`VALUE_BYTES_MAX`]. The head always fits into the first part, so a
//! list of changes reads no other part.

use bincode::{Decode, Encode, config};
use sled::Tree;
use time::OffsetDateTime;

use super::keys::{self, change_key, change_part_key};
use crate::{
    model::{Kind, PerKind},
    store::{
        Origin, StoreError, contained,
        format::VALUE_BYTES_MAX,
        layers::Changes,
        tree_id::TreeId,
        trees::{ValueOwner, text_property},
    },
};

/// The format of written changes, and the newest that can be read.
const CHANGE_FORMAT: u8 = 1;

/// The part of the store in messages about damage.
const PART: &str = "history";

/// The estimated bytes of a change beside its before-values and the names of its records: its head and
/// the keys.
const HEAD_BYTES: u64 = 160;

/// The effect of a change on one value.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Effect {
    /// The value did not exist before.
    Created,
    /// The value existed and was replaced.
    Updated,
    /// The value was removed.
    Removed,
    /// The record was removed under this name and exists under another one.
    RenamedTo(String),
    /// The record was created under this name and existed under another one.
    RenamedFrom(String),
}

/// The numbers of records of one kind that a change created, updated and removed. A renamed record
/// counts as updated, and so does a device whose long text changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct ChangeCounts {
    /// Records that are new.
    pub created: u64,
    /// Records that existed and changed.
    pub updated: u64,
    /// Records that were removed.
    pub removed: u64,
}

impl ChangeCounts {
    /// The counts of the change that takes these back.
    pub(in crate::store) fn inverse(self) -> Self {
        let Self { created, updated, removed } = self;
        Self { created: removed, updated, removed: created }
    }
}

/// The generations of a change that replaced the current generation by another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReplacedGeneration {
    /// The number of the generation before the change. `None` if it is not known.
    pub before: Option<u64>,
    /// The number of the generation after the change.
    pub after: u64,
    /// How the generation was replaced.
    pub by: Replacement,
}

/// How a change replaced the current generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Replacement {
    /// By a bulk load. Records that it did not change keep their versions.
    Load,
    /// By an earlier generation: an undo.
    Undo,
    /// By a recovered generation.
    Recovery,
}

/// A value that a change touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TouchedValue {
    /// The record or text.
    pub value: Touched,
    /// What happened to it.
    pub effect: Effect,
}

/// A record, or a long text of a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    /// A record.
    Record {
        /// The kind of the record.
        kind: Kind,
        /// The name of the record.
        name: String,
    },
    /// A long text.
    Text {
        /// The name of the device.
        device: String,
        /// The property of the text.
        property: String,
    },
}

/// A change, as the history keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryChange {
    /// The number of the change: the version of the records that it wrote.
    pub number: u64,
    /// When the change was made. It is never earlier than that of the change before.
    pub time: OffsetDateTime,
    /// The user who made the change, and the request.
    pub origin: Origin,
    /// The numbers of changed records.
    pub counts: PerKind<ChangeCounts>,
    /// The generations, if the change replaced the whole generation. It has no touched values then.
    pub replaced: Option<ReplacedGeneration>,
    /// The touched values, sorted by kind and name.
    pub touched: Vec<TouchedValue>,
}

/// The end of the history: the state that the next change continues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct HistoryEnd {
    /// The estimated bytes of all changes ever written. The size of a part of the history is the
    /// difference of two such numbers.
    pub bytes: u64,
    /// The time of the last change, in milliseconds since 1970.
    pub milliseconds: u64,
}

/// The first part of a change on the disk.
#[derive(Debug, PartialEq, Encode, Decode)]
pub(super) struct ChangeHead {
    /// The estimated bytes of all earlier changes.
    pub bytes_before: u64,
    /// The estimated bytes of this change.
    pub bytes: u64,
    /// The time in milliseconds since 1970.
    pub milliseconds: u64,
    pub origin: Origin,
    /// The counts by the code of the kind.
    pub counts: Vec<(u8, ChangeCounts)>,
    pub replaced: Option<ReplacedGeneration>,
}

/// A touched value on the disk.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(super) struct StoredTouched {
    /// The code of the owner.
    pub owner: u8,
    /// The key of the value in the owner's tree.
    pub key: Vec<u8>,
    pub effect: Effect,
}

impl ChangeHead {
    /// Returns the head of the change after `end`, made now.
    pub(super) fn after(
        end: HistoryEnd,
        origin: &Origin,
        counts: &PerKind<ChangeCounts>,
        bytes: u64,
    ) -> Self {
        let now = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        let counts = counts.iter().filter(|(_, counts)| **counts != ChangeCounts::default());
        Self {
            bytes_before: end.bytes,
            bytes: bytes + HEAD_BYTES,
            // A clock that is set back must not put the changes out of order.
            milliseconds: u64::try_from(now).unwrap_or_default().max(end.milliseconds),
            origin: origin.within_limits(),
            counts: counts.map(|(kind, counts)| (kind.code(), *counts)).collect(),
            replaced: None,
        }
    }

    /// Returns the end of the history after this change.
    pub(super) fn end(&self) -> HistoryEnd {
        HistoryEnd { bytes: self.bytes_before + self.bytes, milliseconds: self.milliseconds }
    }

    /// Decodes the head in the first part of a change.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the bytes are not a head.
    pub(super) fn decode(number: u64, bytes: &[u8]) -> Result<(Self, usize), StoreError> {
        let rest = match bytes.split_first() {
            Some((&CHANGE_FORMAT, rest)) => rest,
            Some((other, _)) => return Err(damaged(number, &format!("unknown format {other}"))),
            None => return Err(damaged(number, "it is empty")),
        };
        let decoded = bincode::decode_from_slice(rest, CONFIG);
        let (head, used) = decoded.map_err(|error| damaged(number, &error.to_string()))?;
        Ok((head, 1 + used))
    }
}

/// The longest encoded change that is decoded, in bytes. A change has at most 512 MB of entries.
const CHANGE_BYTES_MAX: usize = 512 * 1024 * 1024;

const CONFIG: config::Configuration<
    config::LittleEndian,
    config::Varint,
    config::Limit<CHANGE_BYTES_MAX>,
> = config::standard().with_limit::<CHANGE_BYTES_MAX>();

/// The error of a change that cannot be read.
pub(super) fn damaged(number: u64, detail: &str) -> StoreError {
    StoreError::Damaged { part: PART, detail: format!("change {number}: {detail}") }
}

/// Encodes a change.
pub(super) fn encode_change(head: &ChangeHead, touched: &[StoredTouched]) -> Vec<u8> {
    let mut bytes = vec![CHANGE_FORMAT];
    for written in [
        bincode::encode_into_std_write(head, &mut bytes, CONFIG),
        bincode::encode_into_std_write(touched, &mut bytes, CONFIG),
    ] {
        written.expect("writing to a Vec cannot fail");
    }
    bytes
}

/// Adds the parts of an encoded change to `changes`.
pub(super) fn put_change(changes: &mut Changes, number: u64, bytes: &[u8]) {
    for (key, part) in parts(number, bytes) {
        changes.set(TreeId::History, key, Some(part.into()));
    }
}

/// Returns the keys and values of an encoded change.
pub(super) fn parts(number: u64, bytes: &[u8]) -> impl Iterator<Item = (Vec<u8>, &[u8])> {
    bytes.chunks(VALUE_BYTES_MAX).zip(0_u32..).map(move |(part, index)| {
        let key =
            if index == 0 { change_key(number).to_vec() } else { change_part_key(number, index) };
        (key, part)
    })
}

/// Returns the end of the history in this tree, which is the tree `history` of a generation.
///
/// # Errors
/// [`StoreError::Damaged`] if the last change cannot be read.
pub(in crate::store) fn end_of(tree: &Tree) -> Result<HistoryEnd, StoreError> {
    let last = contained::read(tree, || tree.last())?;
    let Some(number) = last.and_then(|(key, _)| keys::change_number(&key)) else {
        return Ok(HistoryEnd::default());
    };
    let head = contained::read(tree, || tree.get(change_key(number)))?;
    let head = head.ok_or_else(|| damaged(number, "its first part is missing"))?;
    Ok(ChangeHead::decode(number, &head)?.0.end())
}

/// Decodes a change from the bytes of all its parts.
///
/// # Errors
/// [`StoreError::Damaged`] if the bytes are not a change.
pub(in crate::store) fn decode_change(
    number: u64,
    bytes: &[u8],
) -> Result<HistoryChange, StoreError> {
    let (head, touched) = decode_stored(number, bytes)?;
    let touched: Option<Vec<_>> = touched.into_iter().map(StoredTouched::shown).collect();
    let touched = touched.ok_or_else(|| damaged(number, "the key of a touched value is wrong"))?;
    let change = head.shown(number);
    let change = change.ok_or_else(|| damaged(number, "its time or its counts are wrong"))?;
    Ok(HistoryChange { touched, ..change })
}

/// Decodes the head and the touched values of a change.
///
/// # Errors
/// [`StoreError::Damaged`] if the bytes are not a change.
pub(super) fn decode_stored(
    number: u64,
    bytes: &[u8],
) -> Result<(ChangeHead, Vec<StoredTouched>), StoreError> {
    let (head, used) = ChangeHead::decode(number, bytes)?;
    let decoded = bincode::decode_from_slice(&bytes[used..], CONFIG);
    let (touched, read) = decoded.map_err(|error| damaged(number, &error.to_string()))?;
    if used + read != bytes.len() {
        return Err(damaged(number, "there are bytes after it"));
    }
    Ok((head, touched))
}

impl ChangeHead {
    /// Returns the change without its touched values. `None` if a number is out of range.
    pub(super) fn shown(self, number: u64) -> Option<HistoryChange> {
        let nanoseconds = i128::from(self.milliseconds) * 1_000_000;
        let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?;
        let mut counts = PerKind::<ChangeCounts>::default();
        for (code, of_kind) in self.counts {
            counts[Kind::of_code(code)?] = of_kind;
        }
        let (origin, replaced) = (self.origin, self.replaced);
        Some(HistoryChange { number, time, origin, counts, replaced, touched: Vec::new() })
    }
}

impl StoredTouched {
    /// Returns the owner and the key of the value. `None` for an unknown owner.
    pub(super) fn owner(&self) -> Option<ValueOwner> {
        keys::owner_of_code(self.owner)
    }

    fn shown(self) -> Option<TouchedValue> {
        let owner = self.owner()?;
        let value = Touched::of_key(owner, &self.key)?;
        Some(TouchedValue { value, effect: self.effect })
    }
}

impl Touched {
    /// Returns the value with this key. `None` if the key is not one of the owner's tree.
    pub(in crate::store) fn of_key(owner: ValueOwner, key: &[u8]) -> Option<Self> {
        match owner {
            ValueOwner::Record(kind) => {
                Some(Self::Record { kind, name: str::from_utf8(key).ok()?.to_owned() })
            }
            ValueOwner::Text => {
                let property = text_property(key)?.to_owned();
                let device = key.split(|byte| *byte == 0).next()?;
                let device = str::from_utf8(device).ok()?.to_owned();
                Some(Self::Text { device, property })
            }
        }
    }

    /// The kind of the record: `device` for a long text.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Record { kind, .. } => *kind,
            Self::Text { .. } => Kind::Device,
        }
    }

    /// The name of the record: that of the device for a long text.
    pub fn name(&self) -> &str {
        match self {
            Self::Record { name, .. } => name,
            Self::Text { device, .. } => device,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::trees::text_key;

    fn change() -> (ChangeHead, Vec<StoredTouched>) {
        let origin = Origin {
            principal: "éva".to_owned(),
            address: Some("192.0.2.7".parse().unwrap()),
            operation: "put_instances".to_owned(),
            request: Some(0x0123_4567_89ab_cdef),
            message: Some("Rack 7 → 8".to_owned()),
        };
        let counts = vec![
            (3, ChangeCounts { created: 1, updated: 2, removed: 300 }),
            (5, ChangeCounts { created: 0, updated: 1, removed: 0 }),
        ];
        let head = ChangeHead {
            bytes_before: 70_000,
            bytes: 400,
            milliseconds: 1_795_760_000_123,
            origin,
            counts,
            replaced: Some(ReplacedGeneration { before: Some(2), after: 3, by: Replacement::Undo }),
        };
        let touched = vec![
            StoredTouched { owner: 3, key: b"R 1%".to_vec(), effect: Effect::Created },
            StoredTouched {
                owner: 3,
                key: "é>b".into(),
                effect: Effect::RenamedTo("..".to_owned()),
            },
            StoredTouched {
                owner: 0,
                key: text_key("R 1%", "configuration"),
                effect: Effect::Removed,
            },
        ];
        (head, touched)
    }

    /// Data directories contain these bytes. If this test fails, [`CHANGE_FORMAT`] must increase, and
    /// the earlier format must still decode.
    #[test]
    fn the_format_of_a_change_is_the_golden_one() {
        let (head, touched) = change();
        let bytes = encode_change(&head, &touched);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let golden = include_str!("../../../tests/history/change-1.hex");
        assert_eq!(hex, golden.trim());
        let decoded = decode_change(9, &bytes).unwrap();
        assert_eq!(decoded.origin, head.origin);
        assert_eq!(decoded.counts[Kind::Device].removed, 300);
        assert_eq!(decoded.replaced, head.replaced);
        assert_eq!(decoded.touched.len(), 3);
        let text =
            Touched::Text { device: "R 1%".to_owned(), property: "configuration".to_owned() };
        assert_eq!(decoded.touched[2].value, text);
    }

    #[test]
    fn damaged_changes_are_errors() {
        let (head, touched) = change();
        let bytes = encode_change(&head, &touched);
        for length in 0..bytes.len() {
            assert!(decode_change(9, &bytes[..length]).is_err(), "{length}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0xff;
            // Any result is right, but not a panic or an allocation of the declared length.
            let _ = decode_change(9, &changed);
        }
        assert!(decode_change(9, &[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn the_head_fits_into_the_first_part() {
        let (mut head, touched) = change();
        head.origin = Origin {
            principal: "é".repeat(5000),
            operation: "x".repeat(5000),
            message: Some("é".repeat(5000)),
            ..head.origin
        }
        .within_limits();
        head.counts = Kind::ALL
            .map(|kind| {
                let most = u64::MAX;
                (kind.code(), ChangeCounts { created: most, updated: most, removed: most })
            })
            .to_vec();
        let many = vec![touched[0].clone(); 5000];
        let bytes = encode_change(&head, &many);
        let parts: Vec<_> = parts(7, &bytes).collect();
        assert!(parts.len() > 2);
        assert!(parts.is_sorted_by_key(|(key, _)| key));
        assert_eq!(ChangeHead::decode(7, parts[0].1).unwrap().0, head);
    }
}
