//! The expected state of a generation, stored outside of its database to detect damage.
//!
//! sled takes the first unreadable part of its log for the end of the log, without an error. So the
//! state of a generation is also written to small files beside the database: to the generation's
//! [seal](super::seal) when it is finished, and to the [high-water mark](super::mark) after each
//! commit. A database that opens with an older state is damaged.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use bincode::{Decode, Encode};
use twox_hash::XxHash3_64;

use super::{StoreError, Summary, format, inventory_damage::KnownCounts};

/// The random identity of a generation. It is stored in the database and in the files beside it, so
/// that the database of another generation is not mistaken for this one.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(super) struct Identity([u8; 16]);

impl Identity {
    /// Creates an identity.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the kernel returns no random bytes.
    pub(super) fn random() -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        crate::disk::fill_random(&mut bytes).map_err(StoreError::io("getting random bytes"))?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// The state of a generation after one of its commits.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct KnownState {
    pub generation: u64,
    pub identity: Identity,
    /// When this state was recorded, in seconds since 1970.
    pub time: u64,
    pub summary: Summary,
}

impl KnownState {
    /// Returns a state that is recorded now.
    pub(super) fn now(generation: u64, identity: Identity, summary: Summary) -> Self {
        Self { generation, identity, time: unix_seconds(), summary }
    }
}

impl From<&KnownState> for KnownCounts {
    fn from(known: &KnownState) -> Self {
        Self {
            generation: known.generation,
            version: known.summary.version,
            records: known.summary.records(),
            time: known.time,
        }
    }
}

fn unix_seconds() -> u64 {
    // A clock that is set before 1970 counts as 1970.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The length of the header in bytes: the format, the length and the checksum of the value.
const CHECKED_HEAD_BYTES: usize = 1 + 4 + 8;

/// The format of the files beside the database.
pub(super) const CHECKED_FORMAT: u8 = 1;

/// Encodes a value with its format, its length and a checksum (XXH3-64), which reveal a damaged or
/// incomplete value.
pub(super) fn encode_checked(value: &impl Encode) -> Vec<u8> {
    checked(&format::encode(value))
}

/// Encoded bytes with their format, their length and their checksum.
pub(super) fn checked(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CHECKED_HEAD_BYTES + body.len());
    bytes.push(CHECKED_FORMAT);
    let length = u32::try_from(body.len()).expect("a mark or a seal is far below 4 GiB");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&XxHash3_64::oneshot(body).to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// The reason why checked bytes could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CheckedError {
    /// They are truncated, changed or zeroed.
    Damaged,
    /// They have a format that this version does not know.
    OtherFormat { found: u8 },
}

/// Decodes a value that [`encode_checked`] encoded. Ignores the bytes after it.
///
/// # Errors
/// [`CheckedError::Damaged`] if the checksum is wrong; [`CheckedError::OtherFormat`].
pub(super) fn decode_checked<T: Decode<()>>(bytes: &[u8]) -> Result<T, CheckedError> {
    let body = checked_body(bytes).ok_or(CheckedError::Damaged)?;
    match bytes[0] {
        CHECKED_FORMAT => format::decode("known state", body).map_err(|_| CheckedError::Damaged),
        found => Err(CheckedError::OtherFormat { found }),
    }
}

fn checked_body(bytes: &[u8]) -> Option<&[u8]> {
    let (_, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<8>()?;
    let body = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    (XxHash3_64::oneshot(body) == u64::from_le_bytes(*checksum)).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_bit_and_every_truncation_is_detected() {
        let known = KnownState::now(7, Identity::random().unwrap(), Summary::default());
        let bytes = encode_checked(&known);
        assert_eq!(decode_checked::<KnownState>(&bytes), Ok(known.clone()));
        let longer = [&bytes[..], &[0; 100]].concat();
        assert_eq!(decode_checked::<KnownState>(&longer), Ok(known));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(decode_checked::<KnownState>(&changed).is_err(), "bit {bit} of byte {at}");
            }
            assert_eq!(decode_checked::<KnownState>(&bytes[..at]), Err(CheckedError::Damaged));
        }
        assert_eq!(decode_checked::<KnownState>(&[0; 4096]), Err(CheckedError::Damaged));
    }

    #[test]
    fn a_newer_format_is_not_damage() {
        let known = KnownState::now(7, Identity::random().unwrap(), Summary::default());
        let mut bytes = encode_checked(&known);
        bytes[0] = 2;
        let decoded = decode_checked::<KnownState>(&bytes);
        assert_eq!(decoded, Err(CheckedError::OtherFormat { found: 2 }));
    }

    #[test]
    fn a_state_is_displayed_with_its_time() {
        let known = KnownState { time: 1_795_760_000, ..known_with_version(12) };
        assert_eq!(
            KnownCounts::from(&known).to_string(),
            "0 records after change 12 at 2026-11-27 06:13:20 UTC"
        );
    }

    fn known_with_version(version: u64) -> KnownState {
        let summary = Summary::default().restored(version);
        KnownState::now(1, Identity::random().unwrap(), summary)
    }
}
