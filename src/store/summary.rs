//! What the store keeps of itself: counts and stamps, in the same transaction as what they count.

use std::collections::BTreeMap;

use bincode::{
    Decode, Encode,
    de::Decoder,
    enc::Encoder,
    error::{DecodeError, EncodeError},
};

use crate::model::{Kind, PerKind};

/// The key in the tree `meta`.
pub(super) const SUMMARY_KEY: &[u8] = b"summary";

/// Counts and stamps of a generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of the last change: the version of what it wrote.
    pub version: u64,
    kinds: PerKind<KindSummary>,
}

/// Counts and stamps of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KindSummary {
    pub count: u64,
    /// The ordinal of the next record that is created.
    pub ordinal_next: u64,
    /// Whether the records' ordinals ascend with their names, so that a scan by name is in their
    /// order.
    pub in_name_order: bool,
    /// The version of the last change of a record of this kind.
    pub changed: u64,
}

impl Default for KindSummary {
    fn default() -> Self {
        Self { count: 0, ordinal_next: 0, in_name_order: true, changed: 0 }
    }
}

impl Summary {
    pub fn kind(&self, kind: Kind) -> KindSummary {
        self.kinds[kind]
    }

    pub(super) fn kind_mut(&mut self, kind: Kind) -> &mut KindSummary {
        &mut self.kinds[kind]
    }

    /// The summary of an inventory that is written anew after this one: nothing is in it yet.
    pub(super) fn following(&self) -> Self {
        let version = self.version + 1;
        let nothing = KindSummary { changed: version, ..KindSummary::default() };
        Self { version, kinds: PerKind::new(|_| nothing) }
    }

    /// The same records, with the stamps of a change that brought them back.
    pub(super) fn restored(&self, version: u64) -> Self {
        let kinds = PerKind::new(|kind| KindSummary { changed: version, ..self.kinds[kind] });
        Self { version, kinds }
    }

    /// The number of records of all kinds.
    pub fn records(&self) -> u64 {
        self.kinds.iter().map(|(_, kind)| kind.count).sum()
    }
}

/// On the disk kinds stand by their words, so that a new kind does not change the format.
impl Encode for Summary {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.version.encode(encoder)?;
        let kinds = self.kinds.iter().map(|(kind, summary)| (kind.as_str(), *summary));
        kinds.collect::<BTreeMap<_, _>>().encode(encoder)
    }
}

impl<Context> Decode<Context> for Summary {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let version = u64::decode(decoder)?;
        let mut kinds = PerKind::default();
        for (word, summary) in BTreeMap::<String, KindSummary>::decode(decoder)? {
            let kind: Kind = word
                .parse()
                .map_err(|_| DecodeError::OtherString(format!("'{word}' is no kind of record")))?;
            kinds[kind] = summary;
        }
        Ok(Self { version, kinds })
    }
}
