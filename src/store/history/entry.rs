//! The format of a change in the tree `history`.
//!
//! A change is one byte for its format, its head, the list of touched values, and from format 2 on the place
//! of the value before each of them, in bincode. Its bytes are in an entry of their own, or in a
//! [group](super::groups). The head always fits into 4,096 bytes, so a list of changes reads no
//! more of each.

use bincode::{Decode, Encode, config, error::DecodeError};
use sled::IVec;
use time::OffsetDateTime;

use super::{difference::Difference, keys};
use crate::{
    model::{Kind, PerKind},
    store::{
        Origin, StoreError,
        format::{self, Head},
        trees::{ValueOwner, text_property},
    },
};

/// The format of changes whose before-values are all in the tree `before`: those of the archive, and those
/// of data directories up to format 6.
const ENTRIES_FORMAT: u8 = 1;

/// The format of changes that can hold before-values.
const BEFORES_FORMAT: u8 = 2;

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
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
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

/// A change on the disk.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StoredChange {
    pub head: ChangeHead,
    /// The touched values with the values before them.
    pub touched: Vec<(StoredTouched, StoredBefore)>,
}

/// The place of a before-value.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(super) enum StoredBefore {
    /// In the tree `before`.
    Entry,
    /// The value did not exist.
    Absent,
    /// The stored value. It is a short one, without chunks.
    Value(Vec<u8>),
    /// The difference of the stored value to the one that the change wrote. Both are short.
    Difference(Difference),
}

/// A decoded head, and the format and the length of the bytes before the touched values.
pub(super) struct DecodedHead {
    pub head: ChangeHead,
    format: u8,
    bytes: usize,
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

    /// Decodes the head at the beginning of a change.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the bytes are not a head.
    pub(super) fn decode(number: u64, bytes: &[u8]) -> Result<DecodedHead, StoreError> {
        let (format, rest) = match bytes.split_first() {
            Some((format @ &(ENTRIES_FORMAT | BEFORES_FORMAT), rest)) => (*format, rest),
            Some((other, _)) => return Err(damaged(number, &format!("unknown format {other}"))),
            None => return Err(damaged(number, "it is empty")),
        };
        let decoded = bincode::decode_from_slice(rest, CONFIG);
        let (head, used) = decoded.map_err(|error| damaged(number, &error.to_string()))?;
        Ok(DecodedHead { head, format, bytes: 1 + used })
    }
}

/// The longest encoded change that is decoded, in bytes. A change has at most 512 MB of entries.
const CHANGE_BYTES_MAX: usize = 512 * 1024 * 1024;

pub(super) const CONFIG: config::Configuration<
    config::LittleEndian,
    config::Varint,
    config::Limit<CHANGE_BYTES_MAX>,
> = config::standard().with_limit::<CHANGE_BYTES_MAX>();

/// The error of a change that cannot be read.
pub(super) fn damaged(number: u64, detail: &str) -> StoreError {
    StoreError::Damaged { part: PART, detail: format!("change {number}: {detail}") }
}

impl StoredChange {
    /// Encodes the change, with its before-values.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.encode_as(BEFORES_FORMAT);
        let befores = self.touched.iter().map(|(_, before)| before);
        // As bincode encodes a list, without making one of copies.
        put(&(self.touched.len() as u64), &mut bytes);
        befores.for_each(|before| put(before, &mut bytes));
        bytes
    }

    /// Encodes the change for a database that has all its before-values in the tree `before`.
    pub(super) fn encode_without_befores(&self) -> Vec<u8> {
        self.encode_as(ENTRIES_FORMAT)
    }

    fn encode_as(&self, format: u8) -> Vec<u8> {
        let mut bytes = vec![format];
        put(&self.head, &mut bytes);
        put(&(self.touched.len() as u64), &mut bytes);
        self.touched.iter().for_each(|(touched, _)| put(touched, &mut bytes));
        bytes
    }

    /// Decodes a change from all its bytes.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the bytes are not a change.
    pub(super) fn decode(number: u64, bytes: &[u8]) -> Result<Self, StoreError> {
        let DecodedHead { head, format, bytes: used } = ChangeHead::decode(number, bytes)?;
        let wrong = |error: DecodeError| damaged(number, &error.to_string());
        let rest = &bytes[used..];
        let (touched, used): (Vec<StoredTouched>, usize) =
            bincode::decode_from_slice(rest, CONFIG).map_err(wrong)?;
        let rest = &rest[used..];
        let (befores, used) = match format {
            ENTRIES_FORMAT => (vec![StoredBefore::Entry; touched.len()], 0),
            _ => bincode::decode_from_slice(rest, CONFIG).map_err(wrong)?,
        };
        if used != rest.len() {
            return Err(damaged(number, "there are bytes after it"));
        }
        if befores.len() != touched.len() {
            return Err(damaged(number, "its before-values are not those of its touched values"));
        }
        Ok(Self { head, touched: touched.into_iter().zip(befores).collect() })
    }

    /// Takes the before-value of a touched value. `None` if the change did not touch it.
    pub(super) fn take_before(self, owner: ValueOwner, key: &[u8]) -> Option<StoredBefore> {
        let code = keys::owner_code(owner);
        let mut touched = self.touched.into_iter();
        let found = touched.find(|(touched, _)| touched.owner == code && touched.key == key);
        found.map(|(_, before)| before)
    }
}

impl StoredBefore {
    /// Returns the bytes that the tree `before` would have for a value inside a change: none if it did not exist.
    /// `later` is the value that the change wrote, and `number` that of the change.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the value cannot be rebuilt from the later one, or is not inside the change.
    pub(super) fn value(&self, later: Option<&IVec>, number: u64) -> Result<IVec, StoreError> {
        match self {
            Self::Entry => Err(damaged(number, "the value before it is not inside it")),
            Self::Absent => Ok(IVec::default()),
            Self::Value(bytes) => Ok(bytes.as_slice().into()),
            Self::Difference(difference) => {
                let value = later.and_then(|later| difference.value(later));
                let detail = "the value before it cannot be rebuilt from the one after it";
                value.map(IVec::from).ok_or_else(|| damaged(number, detail))
            }
        }
    }

    /// Returns the version of a value inside a change. `None` if it did not exist.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if its header is damaged, or if it is not inside the change.
    pub(super) fn version(&self, number: u64) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Entry => Err(damaged(number, "the value before it is not inside it")),
            Self::Absent => Ok(None),
            Self::Value(bytes) => version(Some(&bytes.as_slice().into())),
            Self::Difference(difference) => match difference.version() {
                Some(version) => Ok(Some(version)),
                None => Err(damaged(number, "the header of the value before it is damaged")),
            },
        }
    }
}

/// Returns the version of a value. `None` if it does not exist.
///
/// # Errors
/// [`StoreError::Damaged`] if the bytes are not a stored value.
pub(super) fn version(value: Option<&IVec>) -> Result<Option<u64>, StoreError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    match format::head(value.clone()) {
        Ok(Head::Whole(raw)) => Ok(Some(raw.header.version)),
        Ok(Head::Long(header, _)) => Ok(Some(header.version)),
        Err(detail) => Err(StoreError::Damaged { part: "record", detail }),
    }
}

fn put(value: &impl Encode, bytes: &mut Vec<u8>) {
    bincode::encode_into_std_write(value, bytes, CONFIG).expect("writing to a Vec cannot fail");
}

impl StoredChange {
    /// Returns the change for its readers.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a key, the time or a count is out of range.
    pub(super) fn shown(self, number: u64) -> Result<HistoryChange, StoreError> {
        let touched = self.touched.into_iter().map(|(touched, _)| touched.shown());
        let touched: Option<Vec<_>> = touched.collect();
        let touched =
            touched.ok_or_else(|| damaged(number, "the key of a touched value is wrong"))?;
        let change = self.head.shown(number);
        let change = change.ok_or_else(|| damaged(number, "its time or its counts are wrong"))?;
        Ok(HistoryChange { touched, ..change })
    }
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
    use crate::store::{
        format::{VALUE_BYTES_MAX, values},
        trees::text_key,
    };

    fn change() -> StoredChange {
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
            (
                StoredTouched { owner: 3, key: b"R 1%".to_vec(), effect: Effect::Created },
                StoredBefore::Absent,
            ),
            (
                StoredTouched {
                    owner: 3,
                    key: "é>b".into(),
                    effect: Effect::RenamedTo("..".to_owned()),
                },
                StoredBefore::Entry,
            ),
            (
                StoredTouched {
                    owner: 0,
                    key: text_key("R 1%", "configuration"),
                    effect: Effect::Removed,
                },
                StoredBefore::Value(b"\x01\x00\xff".to_vec()),
            ),
            (
                StoredTouched { owner: 5, key: b"..".to_vec(), effect: Effect::Updated },
                StoredBefore::Difference(difference()),
            ),
        ];
        StoredChange { head, touched }
    }

    fn difference() -> Difference {
        let value = |version, body: &[u8]| values(300, version, body).head;
        let rest = "[Shared] x ".repeat(9);
        let before = value(7, format!("é>b{rest}R 1%{rest}").as_bytes());
        let after = value(9, format!("..{rest}admin{rest}").as_bytes());
        Difference::new(&before, &after).unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Data directories contain these bytes. If this test fails, there must be a new format of a change, and
    /// the earlier ones must still decode.
    #[test]
    fn the_formats_of_a_change_are_the_golden_ones() {
        let change = change();
        let mut earlier = change.clone();
        earlier.touched.truncate(3);
        let without = earlier.encode_without_befores();
        assert_eq!(hex(&without), include_str!("../../../tests/history/change-1.hex").trim());
        let with = change.encode();
        assert_eq!(hex(&with), include_str!("../../../tests/history/change-2.hex").trim());
        assert_eq!(StoredChange::decode(9, &with).unwrap(), change);
        let decoded = StoredChange::decode(9, &without).unwrap();
        assert!(decoded.touched.iter().all(|(_, before)| *before == StoredBefore::Entry));
        let decoded = decoded.shown(9).unwrap();
        assert_eq!(decoded.origin, change.head.origin);
        assert_eq!(decoded.counts[Kind::Device].removed, 300);
        assert_eq!(decoded.replaced, change.head.replaced);
        assert_eq!(decoded.touched.len(), 3);
        let text =
            Touched::Text { device: "R 1%".to_owned(), property: "configuration".to_owned() };
        assert_eq!(decoded.touched[2].value, text);
    }

    #[test]
    fn damaged_changes_are_errors() {
        let change = change();
        for bytes in [change.encode(), change.encode_without_befores()] {
            for length in 0..bytes.len() {
                assert!(StoredChange::decode(9, &bytes[..length]).is_err(), "{length}");
            }
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 0xff;
                // Any result is right, but not a panic or an allocation of the declared length.
                let _ = StoredChange::decode(9, &changed);
            }
            assert!(StoredChange::decode(9, &[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn the_head_is_within_the_bytes_that_a_list_reads() {
        let StoredChange { mut head, touched } = change();
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
        let change = StoredChange { head, touched: vec![touched[0].clone(); 5000] };
        let bytes = change.encode();
        assert!(bytes.len() > 2 * VALUE_BYTES_MAX);
        let decoded = ChangeHead::decode(7, &bytes[..VALUE_BYTES_MAX]).unwrap();
        assert_eq!(decoded.head, change.head);
    }
}
