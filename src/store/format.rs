//! The encoding of a record on the disk: a header, then bincode.
//!
//! bincode is not self-describing, so every value begins with the number of its format. A long
//! record's bincode is stored in chunks under keys of their own: sled moves a page larger than a
//! quarter of a segment to a blob file, which it does not make durable.

use bincode::{
    Decode, Encode, config,
    de::{DecoderImpl, read::SliceReader},
    enc::Encoder,
    error::{DecodeError, EncodeError},
};
use sled::IVec;

use super::{RECORD_BYTES_MAX, StoreError, error::corrupt};
use crate::model::{
    AnyRecord, Entity, Kind, KindVisitor, Projected, Projection, Record, Value, project,
};

/// The format of written records, and the newest that can be read.
pub const RECORD_FORMAT: u8 = 1;

/// The longest value of a tree, in bytes. sled splits a leaf of more than 16 values and merges up to
/// 20. So a page has at most 20 × (4,096 + 300) bytes, less than the quarter of a segment above which
/// sled moves a page to a blob file, which is not synced.
pub(super) const VALUE_BYTES_MAX: usize = 4096;

const CONFIG: config::Configuration<
    config::LittleEndian,
    config::Varint,
    config::Limit<RECORD_BYTES_MAX>,
> = config::standard().with_limit::<RECORD_BYTES_MAX>();

/// The store's own data of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Header {
    format: u8,
    /// The record's position in the creation order of its kind.
    pub ordinal: u64,
    /// The number of the change that wrote the record. Every change of the record changes it.
    pub version: u64,
    body: Body,
}

impl Header {
    /// Returns whether the record's bincode is in chunks.
    pub(super) fn is_long(&self) -> bool {
        matches!(self.body, Body::Chunks { .. })
    }
}

/// The location of the record's bincode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
enum Body {
    /// After the header, in the same value.
    Inline,
    /// In chunks of [`VALUE_BYTES_MAX`] bytes, whose keys contain the record's version.
    Chunks { bytes: u64 },
}

/// A record as bytes, with all its chunks.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The ordinal, the version and the location of the body.
    pub header: Header,
    bytes: IVec,
    body_offset: usize,
}

impl Raw {
    /// The record's bincode.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body_offset..]
    }

    /// The value of the record's own key: the header, and the body of a short record.
    pub(super) fn head(&self) -> IVec {
        if self.header.is_long() {
            let Header { ordinal, version, .. } = self.header;
            values(ordinal, version, self.body()).head.into()
        } else {
            self.bytes.clone()
        }
    }

    /// Decodes the record.
    ///
    /// # Errors
    /// The error of bincode if the bytes are not a record of this kind.
    pub fn decode<E: Entity>(&self) -> Result<E, DecodeError> {
        decode_body(self.body())
    }

    /// Decodes the record. `name` is its key, for the error.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the bytes are not a record of this kind.
    pub fn record(&self, kind: Kind, name: &[u8]) -> Result<AnyRecord, StoreError> {
        decode_record(kind, name, self.body())
    }

    /// Decodes only the values of a projection; see [`project`].
    ///
    /// # Errors
    /// The error of bincode if the bytes are not a record of this kind.
    pub fn project(
        &self,
        kind: Kind,
        projection: &Projection,
    ) -> Result<Vec<Option<Projected<'_>>>, DecodeError> {
        let mut body = DecoderImpl::new(SliceReader::new(self.body()), CONFIG, ());
        project(kind, &mut body, projection)
    }
}

/// Encodes a record whose secrets are encrypted.
///
/// # Errors
/// - [`StoreError::RecordLarge`] if the record exceeds [`RECORD_BYTES_MAX`], encoded or decoded.
/// - [`StoreError::Damaged`] if a secret is not encrypted.
pub fn encode_body(record: &dyn Record) -> Result<Vec<u8>, StoreError> {
    let bytes = record
        .to_bytes()
        .map_err(|error| StoreError::Damaged { part: "record", detail: error.to_string() })?;
    let large = bytes.len() > RECORD_BYTES_MAX
        // The decoder limits the memory of a record. Lists and maps of small values take far more
        // memory than bytes, so a record that could not be decoded again is refused here.
        || (bytes.len() > SURELY_DECODABLE_BYTES_MAX && decode_any_body(record.kind(), &bytes).is_err());
    if large {
        Err(StoreError::RecordLarge { kind: record.kind(), bytes: bytes.len() })
    } else {
        Ok(bytes)
    }
}

/// A record of at most this many bytes is below the decoder's limit on memory: no byte takes more than
/// an entry of a map of values.
const SURELY_DECODABLE_BYTES_MAX: usize = RECORD_BYTES_MAX / size_of::<(Value, Value)>();

/// Decodes a record from its bincode.
///
/// # Errors
/// The error of bincode if the bytes are not exactly one record of this kind.
pub(super) fn decode_body<E: Entity>(bytes: &[u8]) -> Result<E, DecodeError> {
    match bincode::decode_from_slice(bytes, CONFIG)? {
        (record, used) if used == bytes.len() => Ok(record),
        _ => Err(DecodeError::Other("there are bytes after the record")),
    }
}

/// Decodes a record of a kind that is known at run time only.
///
/// # Errors
/// The error of bincode if the bytes are not exactly one record of this kind.
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

/// Decodes a stored record. `name` is its key, for the error.
///
/// # Errors
/// [`StoreError::Corrupt`] if the bytes are not a record of this kind.
pub fn decode_record(kind: Kind, name: &[u8], body: &[u8]) -> Result<AnyRecord, StoreError> {
    decode_any_body(kind, body).map_err(|error| corrupt(kind, name, error.to_string()))
}

/// The values to write for a record: the value of its own key, and the values of its chunks if it
/// is long.
pub(super) struct Values<'a> {
    pub head: Vec<u8>,
    pub chunks: std::slice::Chunks<'a, u8>,
}

/// Returns the values to write for a record.
pub(super) fn values(ordinal: u64, version: u64, body: &[u8]) -> Values<'_> {
    let write = |body, capacity: usize| {
        let header = Header { format: RECORD_FORMAT, ordinal, version, body };
        let mut head = Vec::with_capacity(HEADER_BYTES_MAX + capacity);
        bincode::encode_into_std_write(header, &mut head, config::standard())
            .expect("writing to a Vec cannot fail");
        head
    };
    if HEADER_BYTES_MAX + body.len() <= VALUE_BYTES_MAX {
        let mut head = write(Body::Inline, body.len());
        head.extend_from_slice(body);
        Values { head, chunks: [].chunks(VALUE_BYTES_MAX) }
    } else {
        let head = write(Body::Chunks { bytes: body.len() as u64 }, 0);
        Values { head, chunks: body.chunks(VALUE_BYTES_MAX) }
    }
}

/// The longest header, in bytes: the format, three numbers of at most nine bytes each, and the tag of
/// the body's location.
const HEADER_BYTES_MAX: usize = 1 + 3 * 9 + 1;

/// The value of a record's own key.
pub(super) enum Head {
    /// A complete record.
    Whole(Raw),
    /// The header of a long record, and the length of its bincode in bytes.
    Long(Header, usize),
}

/// Parses the value of a record's own key.
///
/// # Errors
/// The reason, for a message, if the bytes are not such a value.
pub(super) fn head(bytes: IVec) -> Result<Head, String> {
    match bytes.first() {
        Some(&RECORD_FORMAT) => {}
        Some(other) => return Err(format!("the format {other} is unknown")),
        None => return Err("the value is empty".to_owned()),
    }
    let (header, body_offset): (Header, usize) =
        bincode::decode_from_slice(&bytes, CONFIG).map_err(|error| error.to_string())?;
    match header.body {
        Body::Inline => Ok(Head::Whole(Raw { header, bytes, body_offset })),
        Body::Chunks { bytes } => match usize::try_from(bytes) {
            Ok(length) if length <= RECORD_BYTES_MAX => Ok(Head::Long(header, length)),
            _ => Err(format!("the header declares the invalid length {bytes}")),
        },
    }
}

/// Returns a long record from the bytes of all its chunks.
pub(super) fn assembled(header: Header, body: Vec<u8>) -> Raw {
    Raw { header, bytes: body.into(), body_offset: 0 }
}

/// Encodes a value that is not a record, such as the summary.
pub(super) fn encode(value: &impl Encode) -> Vec<u8> {
    // bincode's `encode_to_vec` encodes a value twice: the first time to learn its length.
    let mut bytes = Vec::new();
    bincode::encode_into_std_write(value, &mut bytes, config::standard())
        .expect("writing to a Vec cannot fail");
    bytes
}

/// Encodes values with their names as bincode encodes a `BTreeMap<String, T>`, without making one:
/// each commit does this twice.
///
/// # Errors
/// [`EncodeError`] if the encoder cannot write: the writer failed, or a value is not encodable.
pub(super) fn encode_by_name<T: Encode, E: Encoder>(
    values: impl Iterator<Item = (&'static str, T)>,
    encoder: &mut E,
) -> Result<(), EncodeError> {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by_key(|(name, _)| *name);
    values.encode(encoder)
}

/// Decodes a value that is not a record. `part` names it in the error.
///
/// # Errors
/// [`StoreError::Damaged`] if the bytes are not exactly one such value.
pub(super) fn decode<T: Decode<()>>(part: &'static str, bytes: &[u8]) -> Result<T, StoreError> {
    match bincode::decode_from_slice(bytes, CONFIG) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        Ok(_) => Err(StoreError::Damaged {
            part,
            detail: "there are bytes after the \
            value"
                .to_owned(),
        }),
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
