//! How a record stands on the disk: a header, then bincode.
//!
//! bincode does not describe itself, so every value begins with the format in which it was
//! written. A long record's bincode stands in chunks beside it: sled keeps pages of more than a
//! quarter of a segment in files of their own, which it does not make durable.

use bincode::{
    Decode, Encode, config,
    de::{DecoderImpl, read::SliceReader},
    enc::Encoder,
    error::{DecodeError, EncodeError},
};
use sled::IVec;

use super::{RECORD_BYTES_MAX, StoreError, generation::corrupt};
use crate::model::{AnyRecord, Entity, Kind, KindVisitor, Projected, Projection, Record, Value};

/// The format of records that is written, and the newest that is read.
pub const RECORD_FORMAT: u8 = 1;

/// The longest value of a tree. sled splits a leaf of more than 16 values and merges up to 20, so
/// that a page has at most 20 × (4,096 + 300) bytes and stays below the quarter of a segment from
/// which sled puts a page into a blob file, which is not synced.
pub(super) const VALUE_BYTES_MAX: usize = 4096;

const CONFIG: config::Configuration<
    config::LittleEndian,
    config::Varint,
    config::Limit<RECORD_BYTES_MAX>,
> = config::standard().with_limit::<RECORD_BYTES_MAX>();

/// What the store knows of a record beside the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Header {
    format: u8,
    /// The record's place in the order in which its kind's records came.
    pub ordinal: u64,
    /// The change that wrote the record: it differs whenever the record differs.
    pub version: u64,
    body: Body,
}

impl Header {
    /// Whether the record's bincode is in chunks.
    pub(super) fn is_long(&self) -> bool {
        matches!(self.body, Body::Chunks { .. })
    }
}

/// Where the record's bincode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
enum Body {
    /// Behind the header.
    Here,
    /// In chunks of [`VALUE_BYTES_MAX`], under the record's version.
    Chunks { bytes: u64 },
}

/// A record as bytes, whole.
#[derive(Clone, Debug)]
pub struct Raw {
    pub header: Header,
    bytes: IVec,
    body_at: usize,
}

impl Raw {
    /// The record's bincode.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body_at..]
    }

    /// # Errors
    /// What bincode has to say of bytes that are no such record.
    pub fn decode<E: Entity>(&self) -> Result<E, DecodeError> {
        decode_body(self.body())
    }

    /// The record of this kind and name.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for bytes that are no such record.
    pub fn record(&self, kind: Kind, name: &[u8]) -> Result<AnyRecord, StoreError> {
        decode_record(kind, name, self.body())
    }

    /// What a record of this kind holds in some projection, without decoding the rest; see
    /// [`Entity::project`].
    ///
    /// # Errors
    /// What bincode has to say of bytes that are no such record.
    pub fn project(
        &self,
        kind: Kind,
        projection: &Projection,
    ) -> Result<Vec<Option<Projected<'_>>>, DecodeError> {
        struct Project<'r, 'p>(&'r [u8], &'p Projection);
        impl<'r> KindVisitor for Project<'r, '_> {
            type Output = Result<Vec<Option<Projected<'r>>>, DecodeError>;
            fn visit<E: Entity>(self) -> Self::Output {
                E::project(&mut DecoderImpl::new(SliceReader::new(self.0), CONFIG, ()), self.1)
            }
        }
        kind.dispatch(Project(self.body(), projection))
    }
}

/// The bincode of a record whose secrets are sealed.
///
/// # Errors
/// [`StoreError::RecordLarge`], also for one that could not be read back. A clear secret is refused too, as damage.
pub fn encode_body(record: &dyn Record) -> Result<Vec<u8>, StoreError> {
    let bytes = record
        .to_bytes()
        .map_err(|error| StoreError::Damaged { part: "record", detail: error.to_string() })?;
    let large = bytes.len() > RECORD_BYTES_MAX
        // The decoder's limit is on what the record takes in memory, which for lists and maps of
        // small values is far more than their bytes: what could not be read is not written.
        || (bytes.len() > DECODED_SURELY_BYTES && decode_any_body(record.kind(), &bytes).is_err());
    if large {
        Err(StoreError::RecordLarge { kind: record.kind(), bytes: bytes.len() })
    } else {
        Ok(bytes)
    }
}

/// What the decoder takes for sure: no byte claims more than an entry of a map of values.
const DECODED_SURELY_BYTES: usize = RECORD_BYTES_MAX / size_of::<(Value, Value)>();

/// # Errors
/// What bincode has to say of bytes that are no such record, all of them.
pub fn decode_body<E: Entity>(bytes: &[u8]) -> Result<E, DecodeError> {
    match bincode::decode_from_slice(bytes, CONFIG)? {
        (record, used) if used == bytes.len() => Ok(record),
        _ => Err(DecodeError::Other("there is more than a record")),
    }
}

/// The same, of a kind that is known at run time.
///
/// # Errors
/// What bincode has to say of bytes that are no such record, all of them.
pub fn decode_any_body(kind: Kind, bytes: &[u8]) -> Result<AnyRecord, DecodeError> {
    struct DecodeBody<'r>(&'r [u8]);
    impl KindVisitor for DecodeBody<'_> {
        type Output = Result<AnyRecord, DecodeError>;
        fn visit<E: Entity>(self) -> Self::Output {
            decode_body::<E>(self.0).map(AnyRecord::from)
        }
    }
    kind.dispatch(DecodeBody(bytes))
}

/// The record of this kind and name that the store has as these bytes.
///
/// # Errors
/// [`StoreError::Corrupt`] for bytes that are no such record.
pub fn decode_record(kind: Kind, name: &[u8], body: &[u8]) -> Result<AnyRecord, StoreError> {
    decode_any_body(kind, body).map_err(|error| corrupt(kind, name, error.to_string()))
}

/// The value of a record's key, and the values of its chunks where it is long.
pub(super) struct Values<'a> {
    pub head: Vec<u8>,
    pub chunks: std::slice::Chunks<'a, u8>,
}

pub(super) fn values(ordinal: u64, version: u64, body: &[u8]) -> Values<'_> {
    let write = |place, room: usize| {
        let header = Header { format: RECORD_FORMAT, ordinal, version, body: place };
        let mut head = Vec::with_capacity(HEADER_BYTES_MAX + room);
        bincode::encode_into_std_write(header, &mut head, config::standard())
            .expect("a header can be encoded, and a Vec written to");
        head
    };
    if HEADER_BYTES_MAX + body.len() <= VALUE_BYTES_MAX {
        let mut head = write(Body::Here, body.len());
        head.extend_from_slice(body);
        Values { head, chunks: [].chunks(VALUE_BYTES_MAX) }
    } else {
        let head = write(Body::Chunks { bytes: body.len() as u64 }, 0);
        Values { head, chunks: body.chunks(VALUE_BYTES_MAX) }
    }
}

/// The format, three numbers of at most nine bytes, and the place.
const HEADER_BYTES_MAX: usize = 1 + 3 * 9 + 1;

/// A value as it was read: whole, or the head of chunks that are still to be fetched.
pub(super) enum Head {
    Whole(Raw),
    Long(Header, usize),
}

/// Reads a record's value.
pub(super) fn head(bytes: IVec) -> Result<Head, String> {
    match bytes.first() {
        Some(&RECORD_FORMAT) => {}
        Some(other) => return Err(format!("format {other} is not known")),
        None => return Err("it is empty".to_owned()),
    }
    let (header, body_at): (Header, usize) =
        bincode::decode_from_slice(&bytes, CONFIG).map_err(|error| error.to_string())?;
    match header.body {
        Body::Here => Ok(Head::Whole(Raw { header, bytes, body_at })),
        Body::Chunks { bytes } => match usize::try_from(bytes) {
            Ok(length) if length <= RECORD_BYTES_MAX => Ok(Head::Long(header, length)),
            _ => Err(format!("it claims {bytes} bytes")),
        },
    }
}

/// A long record whose chunks were put together.
pub(super) fn assembled(header: Header, body: Vec<u8>) -> Raw {
    Raw { header, bytes: body.into(), body_at: 0 }
}

/// Encodes one of the store's own values.
pub(super) fn encode(value: &impl Encode) -> Vec<u8> {
    // bincode's `encode_to_vec` encodes a value twice: the first time to learn its length.
    let mut bytes = Vec::new();
    bincode::encode_into_std_write(value, &mut bytes, config::standard())
        .expect("the store's own values can be encoded");
    bytes
}

/// Encodes values with their names as bincode encodes a `BTreeMap<String, T>`, without making one:
/// each commit does this twice.
///
/// # Errors
/// Those of the encoder.
pub(super) fn encode_by_name<T: Encode, E: Encoder>(
    values: impl Iterator<Item = (&'static str, T)>,
    encoder: &mut E,
) -> Result<(), EncodeError> {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by_key(|(name, _)| *name);
    values.encode(encoder)
}

/// Decodes one of the store's own values.
pub(super) fn decode<T: Decode<()>>(part: &'static str, bytes: &[u8]) -> Result<T, StoreError> {
    match bincode::decode_from_slice(bytes, CONFIG) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        Ok(_) => Err(StoreError::Damaged { part, detail: "it is too long".to_owned() }),
        Err(error) => Err(StoreError::Damaged { part, detail: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Named<'a>(&'a [(&'static str, u128)]);

    impl Encode for Named<'_> {
        fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
            encode_by_name(self.0.iter().copied(), encoder)
        }
    }

    #[test]
    fn values_with_names_have_the_bytes_of_a_map() {
        let values = [("é>b", u128::MAX), ("", 0), ("device", 1), ("chunks", 1 << 70)];
        let map = BTreeMap::from(values);
        let bytes = encode(&Named(&values));
        assert_eq!(bytes, bincode::encode_to_vec(&map, config::standard()).unwrap());
        assert_eq!(decode::<BTreeMap<String, u128>>("map", &bytes).unwrap().len(), 4);
    }
}
