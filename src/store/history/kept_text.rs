//! The format of kept texts: earlier long texts of devices that stay when the changes that replaced them
//! are removed from the history.
//!
//! They are in the tree `texts` of the archive, which has no present texts:
//!
//! | key | value |
//! |---|---|
//! | key of the text, 0, version of the text, number of the part | a part of the kept text |
//!
//! A kept text without a body notes who wrote a text that is still present or in the history.

use std::io::{Read, Write};

use bincode::{Decode, Encode, config};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

use super::entry::ChangeHead;
use crate::{
    model::limits::LONG_TEXT_BYTES_MAX,
    store::{StoreError, format::VALUE_BYTES_MAX, layers::Layered},
};

/// The format of kept texts.
const KEPT_FORMAT: u8 = 1;

/// The longest encoded kept text, in bytes: a text that cannot be packed, and its writer.
const KEPT_BYTES_MAX: usize = LONG_TEXT_BYTES_MAX + 1024 * 1024;

const CONFIG: config::Configuration<
    config::LittleEndian,
    config::Varint,
    config::Limit<KEPT_BYTES_MAX>,
> = config::standard().with_limit::<KEPT_BYTES_MAX>();

/// The bytes of a version and of the number of a part at the end of a key.
const TAIL_BYTES: usize = 8 + 4;

/// A kept text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(in crate::store) struct KeptText {
    /// The user and the time. `None` if the history did not have the change that wrote the text.
    pub writer: Option<KeptWriter>,
    /// The text. `None` if it is present or in the history.
    pub body: Option<PackedText>,
}

/// Who wrote a text.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(in crate::store) struct KeptWriter {
    /// The time in milliseconds since 1970.
    pub milliseconds: u64,
    pub principal: String,
    pub operation: String,
    pub message: Option<String>,
}

/// A compressed text.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(in crate::store) struct PackedText {
    /// The length of the text, in bytes.
    pub bytes: u64,
    /// The text in raw DEFLATE.
    deflated: Vec<u8>,
}

impl KeptText {
    /// Adds the parts that are missing.
    pub(super) fn complete(&mut self, other: Self) {
        self.writer = self.writer.take().or(other.writer);
        self.body = self.body.take().or(other.body);
    }

    /// The size of the text on the disk, in bytes: that of its parts.
    pub(super) fn packed_bytes(&self) -> usize {
        let body = self.body.as_ref().map_or(0, |body| body.deflated.len());
        (body / VALUE_BYTES_MAX + 1) * VALUE_BYTES_MAX
    }
}

impl KeptWriter {
    pub(super) fn of(head: &ChangeHead) -> Self {
        Self {
            milliseconds: head.milliseconds,
            principal: head.origin.principal.clone(),
            operation: head.origin.operation.clone(),
            message: head.origin.message.clone(),
        }
    }
}

impl PackedText {
    /// Compresses a text.
    pub(super) fn pack(text: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        let packed = encoder.write_all(text).and_then(|()| encoder.finish());
        Self {
            bytes: text.len() as u64,
            deflated: packed.expect("compressing into a Vec cannot fail"),
        }
    }

    /// Decompresses the text.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it cannot be decompressed, or has another length.
    pub(in crate::store) fn unpack(&self) -> Result<String, StoreError> {
        let mut text = Vec::new();
        let mut decoder = DeflateDecoder::new(&*self.deflated).take(self.bytes + 1);
        let read = decoder.read_to_end(&mut text);
        read.map_err(|error| damaged(&error.to_string()))?;
        if text.len() as u64 != self.bytes {
            return Err(damaged("its length is wrong"));
        }
        String::from_utf8(text).map_err(|_| damaged("it is not UTF-8"))
    }
}

/// Returns the prefix of the keys of all kept texts with this text key.
pub(super) fn kept_prefix(text_key: &[u8]) -> Vec<u8> {
    [text_key, &[0]].concat()
}

/// Returns the smallest key after the keys of all kept texts with this text key.
pub(super) fn after_all_versions(text_key: &[u8]) -> Vec<u8> {
    [text_key, &[1]].concat()
}

/// Returns the prefix of the keys of one kept text.
pub(super) fn version_prefix(text_key: &[u8], version: u64) -> Vec<u8> {
    [&kept_prefix(text_key)[..], &version.to_be_bytes()].concat()
}

/// Returns the text key and the version in a key. `None` if it is no such key.
pub(in crate::store) fn parse_key(key: &[u8]) -> Option<(&[u8], u64)> {
    let (front, tail) = key.split_at_checked(key.len().checked_sub(TAIL_BYTES)?)?;
    let (end, text_key) = front.split_last()?;
    let version = u64::from_be_bytes(*tail.first_chunk()?);
    let is_text_key = memchr::memchr_iter(0, text_key).count() == 1;
    (*end == 0 && is_text_key).then_some((text_key, version))
}

/// Returns the keys and values of a kept text.
pub(super) fn entries(text_key: &[u8], version: u64, kept: &KeptText) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut bytes = vec![KEPT_FORMAT];
    let written = bincode::encode_into_std_write(kept, &mut bytes, CONFIG);
    written.expect("writing to a Vec cannot fail");
    let prefix = version_prefix(text_key, version);
    let parts = bytes.chunks(VALUE_BYTES_MAX).zip(0_u32..);
    parts
        .map(|(part, index)| ([&prefix[..], &index.to_be_bytes()].concat(), part.to_vec()))
        .collect()
}

/// Decodes a kept text from the bytes of its parts.
///
/// # Errors
/// [`StoreError::Damaged`] if they are not a kept text.
pub(in crate::store) fn decode(bytes: &[u8]) -> Result<KeptText, StoreError> {
    let Some((&KEPT_FORMAT, rest)) = bytes.split_first() else {
        return Err(damaged("its format is unknown"));
    };
    let decoded = bincode::decode_from_slice(rest, CONFIG);
    let (kept, used) = decoded.map_err(|error| damaged(&error.to_string()))?;
    if used != rest.len() {
        return Err(damaged("there are bytes after it"));
    }
    Ok(kept)
}

/// Reads the kept texts with a text key from the tree `texts` of the archive, the oldest first.
///
/// # Errors
/// [`StoreError::Damaged`] if one cannot be read.
pub(super) fn read(tree: Layered<'_>, text_key: &[u8]) -> Result<Vec<(u64, KeptText)>, StoreError> {
    let mut found: Vec<(u64, Vec<u8>)> = Vec::new();
    for entry in tree.prefix(&kept_prefix(text_key)) {
        let (key, part) = entry?;
        let Some((_, version)) = parse_key(&key) else { return Err(damaged("its key is wrong")) };
        match found.last_mut() {
            Some((last, bytes)) if *last == version => bytes.extend_from_slice(&part),
            _ => found.push((version, part.to_vec())),
        }
    }
    found.into_iter().map(|(version, bytes)| Ok((version, decode(&bytes)?))).collect()
}

fn damaged(detail: &str) -> StoreError {
    StoreError::Damaged { part: "kept text", detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::trees::text_key;

    /// Data directories contain these bytes. If this test fails, [`KEPT_FORMAT`] must increase, and the
    /// earlier format must still decode.
    #[test]
    fn the_format_of_a_kept_text_is_the_golden_one() {
        let writer = KeptWriter {
            milliseconds: 1_795_760_000_123,
            principal: "éva".to_owned(),
            operation: "put_configuration".to_owned(),
            message: Some("Rack 7 → 8".to_owned()),
        };
        let body = PackedText { bytes: 2, deflated: vec![0x4b, 0x4c, 0x02, 0x00] };
        let kept = KeptText { writer: Some(writer), body: Some(body.clone()) };
        let entries = entries(&text_key("R 1%", "configuration"), 9, &kept);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(&entries[0].0),
            "522031250\
             0636f6e66696775726174696f6e00000000000000000900000000"
        );
        assert_eq!(
            hex(&entries[0].1),
            "0101fd7b0ca31ba201000004c3a9766111\
             7075745f636f6e66696775726174696f6e010c5261636b203720e28692203801020\
             44b4c0200"
        );
        assert_eq!(decode(&entries[0].1).unwrap(), kept);
        assert_eq!(body.unpack().unwrap(), "ab");
        for length in 0..entries[0].1.len() {
            assert!(decode(&entries[0].1[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn texts_are_packed_and_wrong_ones_are_errors() {
        let text = "interface Loopback0\n".repeat(10_000);
        let packed = PackedText::pack(text.as_bytes());
        assert!(packed.deflated.len() < 2000);
        assert_eq!(packed.unpack().unwrap(), text);
        let wrong = |bytes| PackedText { bytes, ..packed.clone() }.unpack();
        for bytes in [0, 1, packed.bytes - 1, packed.bytes + 1] {
            assert!(wrong(bytes).is_err(), "{bytes}");
        }
        let key = text_key("é>b", "configuration");
        let kept = KeptText { writer: None, body: Some(packed) };
        let entries = entries(&key, u64::MAX, &kept);
        assert!(entries.iter().all(|(of, _)| parse_key(of) == Some((&*key, u64::MAX))));
    }
}
