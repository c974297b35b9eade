//! The summary of a generation: counts and versions, written in the same transaction as the records
//! that they describe.

use std::collections::BTreeMap;

use bincode::{
    Decode, Encode,
    de::Decoder,
    enc::Encoder,
    error::{DecodeError, EncodeError},
};

use super::{content::Content, format::encode_by_name};
use crate::model::{Kind, PerKind};

/// The key of the summary in the tree `meta`.
pub(super) const SUMMARY_KEY: &[u8] = b"summary 2";

/// The key of an [`EarlierSummary`] in the tree `meta`.
pub(super) const EARLIER_SUMMARY_KEY: &[u8] = b"summary";

/// The counts and versions of a generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of the last change, which is the version of the records that it wrote.
    pub version: u64,
    kinds: PerKind<KindSummary>,
    /// The content hashes of the trees.
    pub(super) content: Content,
}

/// The summary in format 2 of the data directory: without content hashes.
#[derive(Decode)]
pub(super) struct EarlierSummary {
    version: u64,
    kinds: KindSummaries,
}

impl EarlierSummary {
    /// Returns the summary in the current format.
    pub(super) fn with_content(self, content: Content) -> Summary {
        Summary { version: self.version, kinds: self.kinds.0, content }
    }
}

/// The counts and versions of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KindSummary {
    /// The number of records.
    pub count: u64,
    /// The ordinal of the next created record.
    pub ordinal_next: u64,
    /// Whether the ordinals of the records ascend with their names. A scan by name is then also in the
    /// order of the ordinals.
    pub in_name_order: bool,
    /// The number of the last change of a record of this kind.
    pub changed: u64,
}

impl Default for KindSummary {
    fn default() -> Self {
        Self { count: 0, ordinal_next: 0, in_name_order: true, changed: 0 }
    }
}

impl Summary {
    /// Returns the counts and versions of one kind.
    pub fn kind(&self, kind: Kind) -> KindSummary {
        self.kinds[kind]
    }

    pub(super) fn kind_mut(&mut self, kind: Kind) -> &mut KindSummary {
        &mut self.kinds[kind]
    }

    /// Returns the summary of an empty generation that replaces this one.
    pub(super) fn following(&self) -> Self {
        let version = self.version + 1;
        let empty = KindSummary { changed: version, ..KindSummary::default() };
        Self { version, kinds: PerKind::new(|_| empty), content: Content::default() }
    }

    /// Returns the summary of the same records after an undo with this version.
    pub(super) fn restored(&self, version: u64) -> Self {
        let kinds = PerKind::new(|kind| KindSummary { changed: version, ..self.kinds[kind] });
        Self { version, kinds, content: self.content.clone() }
    }

    /// The number of records of all kinds.
    pub fn records(&self) -> u64 {
        self.kinds.iter().map(|(_, kind)| kind.count).sum()
    }
}

impl Encode for Summary {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.version.encode(encoder)?;
        let kinds = self.kinds.iter().map(|(kind, summary)| (kind.as_str(), *summary));
        encode_by_name(kinds, encoder)?;
        self.content.encode(encoder)
    }
}

impl<Context> Decode<Context> for Summary {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let version = u64::decode(decoder)?;
        let KindSummaries(kinds) = KindSummaries::decode(decoder)?;
        Ok(Self { version, kinds, content: Content::decode(decoder)? })
    }
}

bincode::impl_borrow_decode!(Summary);

/// Kinds are stored by their names, so that a new kind does not change the format.
struct KindSummaries(PerKind<KindSummary>);

impl<Context> Decode<Context> for KindSummaries {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let mut kinds = PerKind::default();
        for (word, summary) in BTreeMap::<String, KindSummary>::decode(decoder)? {
            let kind: Kind = word.parse().map_err(|_| {
                DecodeError::OtherString(format!("'{word}' is not a kind of record"))
            })?;
            kinds[kind] = summary;
        }
        Ok(Self(kinds))
    }
}

bincode::impl_borrow_decode!(KindSummaries);
