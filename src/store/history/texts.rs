//! Reads the versions of a long text: the present one, those that later changes replaced, and those that
//! the archive keeps.

use std::collections::BTreeMap;

use sled::IVec;
use time::OffsetDateTime;

use super::{
    entry::Touched,
    kept_text::{self, KeptText, KeptWriter},
    keys::before_prefix,
    read::HistoryView,
};
use crate::store::{
    StoreError,
    format::{self, Head},
    tree_id::TreeId,
    trees::{ValueOwner, text_key},
};

/// The largest number of versions of one text that are listed.
const VERSIONS_MAX: usize = 1000;

/// A version of a long text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextVersion {
    /// The number of the change that wrote the text.
    pub number: u64,
    /// Who wrote it. `None` if neither the history nor the archive has this.
    pub writer: Option<TextWriter>,
    /// The length of the text, in bytes.
    pub bytes: u64,
    place: TextPlace,
}

/// The user who wrote a text, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextWriter {
    /// When the text was written.
    pub time: OffsetDateTime,
    /// The name of the user.
    pub principal: String,
    /// The name of the route or command.
    pub operation: String,
    /// The message of the user.
    pub message: Option<String>,
}

/// Where a version is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextPlace {
    Present,
    /// Before the change with this number.
    Before(u64),
    /// In the archive, packed.
    Kept,
}

impl TextVersion {
    /// Returns whether it is the present text.
    pub fn is_present(&self) -> bool {
        self.place == TextPlace::Present
    }
}

impl TextWriter {
    /// `None` if the time is out of range.
    fn of(writer: KeptWriter) -> Option<Self> {
        let nanoseconds = i128::from(writer.milliseconds) * 1_000_000;
        let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?;
        let KeptWriter { principal, operation, message, .. } = writer;
        Some(Self { time, principal, operation, message })
    }
}

/// An earlier text of a device, which the archive keeps longer than the change that replaced it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTextVersion {
    /// The device.
    pub device: String,
    /// The property of the text.
    pub property: String,
    /// The number of the change that wrote the text.
    pub number: u64,
    /// Who wrote it, if this is known.
    pub writer: Option<TextWriter>,
    /// The text. `None` if the history holds it, or if it is the present one.
    pub text: Option<String>,
}

/// A kept text of the archive, with its key.
pub(in crate::store) struct KeptTextEntry {
    text_key: Vec<u8>,
    /// The number of the change that wrote the text.
    pub number: u64,
    kept: KeptText,
}

impl KeptTextEntry {
    /// Decompresses the text.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it cannot be decompressed, or its key is wrong.
    pub(in crate::store) fn version(self) -> Result<KeptTextVersion, StoreError> {
        let value = Touched::of_key(ValueOwner::Text, &self.text_key);
        let Some(Touched::Text { device, property }) = value else {
            let detail = "its key is wrong".to_owned();
            return Err(StoreError::Damaged { part: "kept text", detail });
        };
        let KeptText { writer, body } = self.kept;
        Ok(KeptTextVersion {
            device,
            property,
            number: self.number,
            writer: writer.and_then(TextWriter::of),
            text: body.map(|body| body.unpack()).transpose()?,
        })
    }
}

impl HistoryView {
    /// Returns all kept texts of the archive, sorted by text and version.
    pub(in crate::store) fn all_kept_texts(
        &self,
    ) -> impl Iterator<Item = Result<KeptTextEntry, StoreError>> {
        let archive = self.archive().map(|archive| archive.trees().tree(TreeId::Texts));
        let mut from = Vec::new();
        // The kept texts of one device and property, the newest first.
        let mut waiting: Vec<KeptTextEntry> = Vec::new();
        let mut next = move || -> Result<Option<KeptTextEntry>, StoreError> {
            while waiting.is_empty() {
                let Some(texts) = archive else { return Ok(None) };
                let first = texts.prefix_from(&[], &from).next().transpose()?;
                let Some((key, _)) = first else { return Ok(None) };
                let Some((text_key, _)) = kept_text::parse_key(&key) else {
                    let detail = "its key is wrong".to_owned();
                    return Err(StoreError::Damaged { part: "kept text", detail });
                };
                from = kept_text::after_all_versions(text_key);
                let text_key = text_key.to_vec();
                let kept = kept_text::read(texts, &text_key)?.into_iter().rev();
                waiting.extend(kept.map(|(number, kept)| KeptTextEntry {
                    text_key: text_key.clone(),
                    number,
                    kept,
                }));
            }
            Ok(waiting.pop())
        };
        let mut has_failed = false;
        std::iter::from_fn(move || {
            if has_failed {
                return None;
            }
            let entry = next().transpose();
            has_failed = matches!(entry, Some(Err(_)));
            entry
        })
    }

    /// The versions of a long text of a device, the newest first, at most 1,000.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if one cannot be read.
    pub fn text_versions(
        &self,
        device: &str,
        property: &str,
    ) -> Result<Vec<TextVersion>, StoreError> {
        let key = text_key(device, property);
        let mut found: BTreeMap<u64, (u64, TextPlace)> = BTreeMap::new();
        let mut writers: BTreeMap<u64, KeptWriter> = BTreeMap::new();
        for (version, KeptText { writer, body }) in self.kept_texts(&key)? {
            if let Some(writer) = writer {
                writers.insert(version, writer);
            }
            if let Some(body) = body {
                found.insert(version, (body.bytes, TextPlace::Kept));
            }
        }
        let prefix = before_prefix(ValueOwner::Text, &key);
        let mut below = None;
        while found.len() < VERSIONS_MAX
            && let Some((number, value)) = self.last_entry_with_prefix(&prefix, below)?
        {
            below = Some(number);
            if !value.is_empty() {
                let (version, bytes) = head(value)?;
                found.insert(version, (bytes, TextPlace::Before(number)));
            }
        }
        if let Some(value) = self.present_value(ValueOwner::Text, &key)? {
            let (version, bytes) = head(value)?;
            found.insert(version, (bytes, TextPlace::Present));
        }
        let versions = found.into_iter().rev().map(|(number, (bytes, place))| {
            let writer = match self.change_head(number)? {
                Some(head) => Some(KeptWriter::of(&head)),
                None => writers.remove(&number),
            };
            let writer = writer.and_then(TextWriter::of);
            Ok(TextVersion { number, writer, bytes, place })
        });
        versions.collect()
    }

    /// Returns the text of a version. `None` if it was removed from the history meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it cannot be read.
    pub fn text_of(
        &self,
        device: &str,
        property: &str,
        version: &TextVersion,
    ) -> Result<Option<String>, StoreError> {
        match version.place {
            TextPlace::Present => self.present_text(device, property),
            TextPlace::Before(number) => self.text_before(device, property, number),
            TextPlace::Kept => {
                let kept = self.kept_texts(&text_key(device, property))?;
                let kept = kept.into_iter().find(|(number, _)| *number == version.number);
                let body = kept.and_then(|(_, kept)| kept.body);
                body.map(|body| body.unpack()).transpose()
            }
        }
    }

    fn kept_texts(&self, key: &[u8]) -> Result<Vec<(u64, KeptText)>, StoreError> {
        match self.archive() {
            Some(archive) => kept_text::read(archive.trees().tree(TreeId::Texts), key),
            None => Ok(Vec::new()),
        }
    }
}

/// The version of a stored value, and the length of its body in bytes.
fn head(value: IVec) -> Result<(u64, u64), StoreError> {
    match format::head(value) {
        Ok(Head::Whole(raw)) => Ok((raw.header.version, raw.body().len() as u64)),
        Ok(Head::Long(header, bytes)) => Ok((header.version, bytes as u64)),
        Err(detail) => Err(StoreError::Damaged { part: "text", detail }),
    }
}
