//! Reads a whole generation and holds what is written twice against each other: records and the
//! counts, references and the reverse index, long values and their chunks.
//!
//! Nothing is held in memory that grows with the inventory: what has to be compared is sorted on
//! the disk, and walked side by side.

use std::{io, str};

use super::{
    LiveView, StoreError, Stored,
    content::Content,
    format,
    generation::chunk_key,
    layers::TreeId,
    members, packed,
    references::{self, parse_posting, parse_target_key, posting, target_key},
    summary::KindSummary,
    trees::{Trees, ValueOwner, text_property},
};
use crate::disk::{Sorted, SortedReader, Sorter};
use crate::{
    job::{Progress, Step},
    model::{AnyRecord, Kind, PerKind, Side},
    wording::chain,
};

/// What may be kept in memory of a list that is sorted, in bytes.
const SORTED_BYTES: usize = 32 * 1024 * 1024;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: Option<Kind>,
    /// The record, where it is one's.
    pub name: Option<String>,
    /// A short word for scripts.
    pub code: &'static str,
    /// What is wrong, as the end of a sentence that begins with the record.
    pub detail: String,
}

/// What was read, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub kinds: PerKind<KindVerified>,
    pub references: u64,
    /// Secrets that were opened with the key.
    pub secrets: u64,
    /// Long texts of devices.
    pub texts: u64,
}

/// What was read of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindVerified {
    pub records: u64,
    /// Of their bincode.
    pub bytes: u64,
}

impl Finding {
    pub fn of(
        kind: Kind,
        name: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { kind: Some(kind), name: Some(name.into()), code, detail: detail.into() }
    }

    fn bare(kind: Option<Kind>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, name: None, code, detail: detail.into() }
    }
}

/// Takes one finding after the other.
pub type Findings<'f> = dyn FnMut(Finding) + 'f;

impl LiveView {
    /// Reads everything. While nothing else changes the inventory, every finding is one; `told` takes
    /// them. What has to be sorted is set aside in `scratch`.
    ///
    /// # Errors
    /// The disk's. That the inventory is damaged is no error here. [`StoreError::Cancelled`].
    pub fn verify(
        &self,
        scratch: &std::path::Path,
        progress: &Progress,
        told: &mut Findings<'_>,
    ) -> Result<Verified, StoreError> {
        let walk = Verification {
            reading: self,
            trees: self.trees()?,
            told,
            progress,
            verified: Verified::default(),
            references: Sorter::new(scratch, SORTED_BYTES),
            chunks: Sorter::new(scratch, SORTED_BYTES),
            content: Content::default(),
        };
        walk.run(scratch)
    }

    /// Calls `each` with every entry in the lists of computed pools' members: the ordinal of the
    /// pool's record, the side, and the member's ordinal and name. Sorted by pool, side and ordinal.
    pub fn each_membership<X: From<StoreError>>(
        &self,
        mut each: impl FnMut(u64, Side, u64, &str) -> Result<(), X>,
    ) -> Result<(), X> {
        let tree = self.trees()?.tree(TreeId::Members);
        for entry in tree.prefix(&members::LISTS) {
            let (key, block) = entry?;
            let (pool, side) = members::parse_list_key(&key).ok_or_else(packed::damaged)?;
            for member in packed::items(&block) {
                let member = member?;
                let (ordinal, name) = members::parse(member).ok_or_else(packed::damaged)?;
                each(pool, side, ordinal, name)?;
            }
        }
        Ok(())
    }
}

/// The walk over one generation.
struct Verification<'a, 'f> {
    reading: &'a LiveView,
    trees: Trees<'a>,
    told: &'a mut Findings<'f>,
    progress: &'a Progress,
    verified: Verified,
    /// The references that records hold, as the index has them.
    references: Sorter,
    /// The keys of the chunks that there should be.
    chunks: Sorter,
    /// The content hashes of what was read.
    content: Content,
}

fn aside(error: io::Error) -> StoreError {
    StoreError::io("what is set aside to be compared")(error)
}

impl Verification<'_, '_> {
    fn run(mut self, scratch: &std::path::Path) -> Result<Verified, StoreError> {
        let records = self.reading.summary()?.records();
        self.progress.step(Step::Reading, Some(records))?;
        for kind in Kind::ALL {
            self.kind(kind, scratch)?;
        }
        self.texts()?;
        let references = std::mem::replace(&mut self.references, Sorter::new(scratch, 1));
        let references = references.finish().map_err(aside)?;
        self.progress.step(Step::Comparing, None)?;
        self.blocks()?;
        self.targets(&references)?;
        self.index(&references)?;
        let chunks = std::mem::replace(&mut self.chunks, Sorter::new(scratch, 1));
        self.all_chunks(&chunks.finish().map_err(aside)?)?;
        self.hashes()?;
        Ok(self.verified)
    }

    /// One kind's records, and what is counted of them.
    fn kind(&mut self, kind: Kind, scratch: &std::path::Path) -> Result<(), StoreError> {
        let mut ordinals = Sorter::new(scratch, SORTED_BYTES);
        let mut seen = KindSummary::default();
        let mut last = None;
        for entry in self.trees.tree(TreeId::Kind(kind)).prefix(&[]) {
            let (key, value) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.unreadable(Some(kind), error)?;
                    continue;
                }
            };
            self.content[TreeId::Kind(kind)].add(&key, &value);
            self.progress.advance(1)?;
            seen.count += 1;
            let name = String::from_utf8_lossy(&key).into_owned();
            let raw = match self.trees.raw(kind, &key) {
                Ok(Some(raw)) => raw,
                Ok(None) => continue,
                Err(error) => {
                    self.damaged(kind, name, error)?;
                    continue;
                }
            };
            let verified = &mut self.verified.kinds[kind];
            verified.records += 1;
            verified.bytes += raw.body().len() as u64;
            if raw.header.is_long() {
                self.expect_chunks(ValueOwner::Record(kind), &key, &raw)?;
            }
            let ordinal = raw.header.ordinal;
            ordinals.push(&ordinal.to_be_bytes(), &key).map_err(aside)?;
            seen.ordinal_next = seen.ordinal_next.max(ordinal + 1);
            seen.in_name_order &= last.is_none_or(|last| last < ordinal);
            last = Some(ordinal);
            if raw.header.version > self.reading.summary()?.version {
                let detail = "it was written by a change that has not been";
                (self.told)(Finding::of(kind, &name, "version", detail));
            }
            match Stored::read_any(kind, &key, &raw) {
                Ok(stored) => self.record(stored.record)?,
                Err(error) => self.damaged(kind, name, error)?,
            }
        }
        self.counts(kind, seen)?;
        let ordinals = ordinals.finish().map_err(aside)?;
        self.ordinals(kind, &ordinals)
    }

    fn record(&mut self, mut record: AnyRecord) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        record.references(&mut |reference| {
            let mut key = target_key(reference.target, reference.name);
            key.extend(posting(record.kind(), reference.relation, record.name()));
            keys.push(key);
        });
        for key in keys {
            self.references.push(&key, &[]).map_err(aside)?;
        }
        let secrets = record.secrets().len() as u64;
        match self.reading.open_secrets(&mut *record) {
            Ok(()) => self.verified.secrets += secrets,
            Err(error) => {
                let name = record.name().as_str();
                (self.told)(Finding::of(record.kind(), name, "secret", chain(&error)));
            }
        }
        Ok(())
    }

    /// What is damaged is a finding; what cannot be read for the disk's sake ends the walk.
    fn damaged(&mut self, kind: Kind, name: String, error: StoreError) -> Result<(), StoreError> {
        match error {
            StoreError::Corrupt { detail, .. } | StoreError::Damaged { detail, .. } => {
                (self.told)(Finding::of(kind, name, "damaged", format!("it is damaged: {detail}")));
                Ok(())
            }
            other => Err(other),
        }
    }

    /// A range of a tree that is damaged is a finding too. The walk goes on behind it.
    fn unreadable(&mut self, kind: Option<Kind>, error: StoreError) -> Result<(), StoreError> {
        match error {
            StoreError::Damaged { part, detail } => {
                (self.told)(Finding::bare(kind, "damaged", format!("{part}: {detail}")));
                Ok(())
            }
            other => Err(other),
        }
    }

    fn counts(&mut self, kind: Kind, seen: KindSummary) -> Result<(), StoreError> {
        let kept = self.reading.summary()?.kind(kind);
        if kept.count != seen.count {
            let detail =
                format!("the stored count is {}, and {} were found", kept.count, seen.count);
            (self.told)(Finding::bare(Some(kind), "count", detail));
        }
        if kept.ordinal_next < seen.ordinal_next {
            let detail = format!(
                "the next one would be number {}, which is taken already",
                kept.ordinal_next
            );
            (self.told)(Finding::bare(Some(kind), "ordinal", detail));
        }
        if kept.in_name_order && !seen.in_name_order {
            let detail = "they are said to have come in the order of their names, and did not";
            (self.told)(Finding::bare(Some(kind), "order", detail));
        }
        Ok(())
    }

    /// No two records of a kind have one ordinal.
    fn ordinals(&mut self, kind: Kind, sorted: &Sorted) -> Result<(), StoreError> {
        let mut reader = sorted.read();
        let mut last: Option<Vec<u8>> = None;
        while let Some((ordinal, name)) = reader.next().map_err(aside)? {
            if last.as_deref() == Some(ordinal) {
                let detail = "another one has the same ordinal";
                let name = String::from_utf8_lossy(name);
                (self.told)(Finding::of(kind, name, "ordinal", detail));
            }
            last = Some(ordinal.to_vec());
        }
        Ok(())
    }

    /// The long texts of devices.
    fn texts(&mut self) -> Result<(), StoreError> {
        for entry in self.trees.tree(TreeId::Texts).prefix(&[]) {
            let (key, value) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.unreadable(Some(Kind::Device), error)?;
                    continue;
                }
            };
            self.content[TreeId::Texts].add(&key, &value);
            self.progress.check()?;
            self.verified.texts += 1;
            let device = key.split(|byte| *byte == 0).next().unwrap_or_default();
            let device = String::from_utf8_lossy(device).into_owned();
            let property = text_property(&key).unwrap_or_default();
            let raw = match self.trees.value(ValueOwner::Text, &key) {
                Ok(Some(raw)) => raw,
                Ok(None) => continue,
                Err(error) => {
                    self.damaged(Kind::Device, device, error)?;
                    continue;
                }
            };
            if raw.header.is_long() {
                self.expect_chunks(ValueOwner::Text, &key, &raw)?;
            }
            let found = match str::from_utf8(raw.body()) {
                Err(error) => Some(("damaged", format!("its {property} is no text: {error}"))),
                Ok(_) if property.is_empty() => {
                    Some(("damaged", "it has a long text without a property".to_owned()))
                }
                Ok(_) if !self.is_there(Kind::Device, &device)? => {
                    Some(("text", format!("its {property} is there, and it is not")))
                }
                Ok(_) => None,
            };
            if let Some((code, detail)) = found {
                (self.told)(Finding::of(Kind::Device, device, code, detail));
            }
        }
        Ok(())
    }

    /// Whether a record is there. One whose page is damaged may be, and was found before.
    fn is_there(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        match self.trees.contains(kind, name) {
            Err(error) if error.is_damage() => Ok(true),
            contains => contains,
        }
    }

    fn expect_chunks(
        &mut self,
        owner: ValueOwner,
        key: &[u8],
        raw: &super::Raw,
    ) -> Result<(), StoreError> {
        let prefix = owner.chunk_prefix(key, raw.header.version);
        let chunks = raw.body().len().div_ceil(format::VALUE_BYTES_MAX);
        for number in 0..chunks {
            self.chunks.push(&chunk_key(&prefix, number), &[]).map_err(aside)?;
        }
        Ok(())
    }

    /// The blocks of packed lists stand where their items are looked for. Those that are not whole
    /// are found where they are read.
    fn blocks(&mut self) -> Result<(), StoreError> {
        /// How long the list's prefix in a key is.
        type PrefixBytes = fn(&[u8]) -> Option<usize>;
        let of_references: PrefixBytes = |key| parse_target_key(key).map(|(.., bytes)| bytes);
        let of_members: PrefixBytes =
            |key| members::parse_list_key(key).map(|_| members::LIST_KEY_BYTES);
        let lists = [
            (TreeId::References, &[][..], of_references),
            (TreeId::Members, &members::LISTS[..], of_members),
        ];
        for (tree, lists, prefix_bytes) in lists {
            for entry in self.trees.tree(tree).prefix(&[]) {
                let (key, block) = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        self.unreadable(None, error)?;
                        continue;
                    }
                };
                self.content[tree].add(&key, &block);
                self.progress.check()?;
                if !key.starts_with(lists) {
                    continue;
                }
                let Some(prefix_bytes) = prefix_bytes(&key) else { continue };
                if let Ok(false) = packed::is_in_place(&key, prefix_bytes, &block) {
                    let detail = "a block of an index holds what is looked for in another one";
                    (self.told)(Finding::bare(None, "index", detail));
                }
            }
        }
        Ok(())
    }

    /// What references name is there.
    fn targets(&mut self, held: &Sorted) -> Result<(), StoreError> {
        let mut held = SortedKeys::begin(held)?;
        // Targets come sorted.
        let mut known: Option<(Vec<u8>, bool)> = None;
        while let Some(key) = held.here() {
            self.verified.references += 1;
            self.progress.advance(1)?;
            let (target, name, length) = parse_target_key(key).ok_or_else(packed::damaged)?;
            let is_there = match &known {
                Some((last, is_there)) if *last == key[..length] => *is_there,
                Some(_) | None => {
                    let mut is_there = false;
                    for kind in target.kinds() {
                        is_there |= self.is_there(*kind, name)?;
                    }
                    known = Some((key[..length].to_vec(), is_there));
                    is_there
                }
            };
            if !is_there {
                (self.told)(of_reference(key, "dangling", |relation, target| {
                    format!("its {relation} names {target}, which does not exist")
                }));
            }
            let key = key.to_vec();
            held.advance_beyond(&key)?;
        }
        Ok(())
    }

    /// The references that records hold, beside those that the index has.
    fn index(&mut self, held: &Sorted) -> Result<(), StoreError> {
        let mut held = SortedKeys::begin(held)?;
        let told = &mut *self.told;
        let unindexed = |key: &[u8]| {
            of_reference(key, "index", |relation, target| {
                format!("its {relation} names {target}, and the reverse index does not say so")
            })
        };
        let tree = self.trees.tree(TreeId::References);
        let progress = self.progress;
        let walked = references::each_reference(tree, |target, posting| {
            progress.check()?;
            let key = [target, posting].concat();
            while let Some(here) = held.here().filter(|here| *here < key.as_slice()) {
                told(unindexed(here));
                held.advance()?;
            }
            // A record may name another twice in one list: one entry of the index stands for both.
            if !held.advance_beyond(&key)? {
                told(of_reference(&key, "index", |relation, target| {
                    format!(
                        "the reverse index says that its {relation} names {target}, and it does not"
                    )
                }));
            }
            Ok(())
        });
        match walked {
            Ok(()) => {}
            Err(StoreError::Damaged { detail, .. }) => {
                let detail = format!("the reverse index is damaged: {detail}");
                told(Finding::bare(None, "index", detail));
                return Ok(());
            }
            Err(other) => return Err(other),
        }
        while let Some(here) = held.here() {
            told(unindexed(here));
            held.advance()?;
        }
        Ok(())
    }

    /// The chunks that there should be, beside those that are there.
    fn all_chunks(&mut self, expected: &Sorted) -> Result<(), StoreError> {
        let mut expected = SortedKeys::begin(expected)?;
        let mut orphans = 0_u64;
        for entry in self.trees.tree(TreeId::Chunks).prefix(&[]) {
            let (key, chunk) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.unreadable(None, error)?;
                    continue;
                }
            };
            self.content[TreeId::Chunks].add(&key, &chunk);
            self.progress.check()?;
            // What is missing was found where its value was read.
            while expected.here().is_some_and(|here| here < &*key) {
                expected.advance()?;
            }
            if expected.here() == Some(&*key) { expected.advance()? } else { orphans += 1 }
        }
        if orphans > 0 {
            let detail = format!("{orphans} parts of long values belong to nothing");
            (self.told)(Finding::bare(None, "chunk", detail));
        }
        Ok(())
    }
}

impl Verification<'_, '_> {
    /// Compares the content hash of each tree with the stored one. It finds what every other check
    /// takes for right: an entry that was lost, or that is an earlier version of itself.
    fn hashes(&mut self) -> Result<(), StoreError> {
        let stored = self.reading.summary()?;
        for tree in Content::trees() {
            let (expected, found) = (stored.content[tree], self.content[tree]);
            if expected == found {
                continue;
            }
            let kind = match tree {
                TreeId::Kind(kind) => Some(kind),
                TreeId::References
                | TreeId::Members
                | TreeId::Texts
                | TreeId::Chunks
                | TreeId::Meta => None,
            };
            let detail = format!(
                "the content hash of the tree '{}' is wrong: an entry was lost, added or changed \
                 ({} entries were written, {} were read)",
                tree.name(),
                expected.entries,
                found.entries
            );
            (self.told)(Finding::bare(kind, "content", detail));
        }
        Ok(())
    }
}

/// What is wrong with a reference, of the record that holds it.
fn of_reference(
    key: &[u8],
    code: &'static str,
    detail: impl FnOnce(&str, &str) -> String,
) -> Finding {
    let parsed = parse_target_key(key)
        .and_then(|(target, name, length)| Some((target, name, parse_posting(&key[length..])?)));
    match parsed {
        Some((target, name, referrer)) => {
            let detail = detail(&referrer.relation, &format!("the {target} '{name}'"));
            Finding::of(referrer.kind, referrer.name, code, detail)
        }
        None => Finding::bare(None, code, "what stands in the reverse index is no reference"),
    }
}

/// Keys that were sorted, one after the other.
struct SortedKeys<'a> {
    reader: SortedReader<'a>,
    here: Option<Vec<u8>>,
}

impl<'a> SortedKeys<'a> {
    fn begin(sorted: &'a Sorted) -> Result<Self, StoreError> {
        let mut held = Self { reader: sorted.read(), here: None };
        held.advance()?;
        Ok(held)
    }

    fn here(&self) -> Option<&[u8]> {
        self.here.as_deref()
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        self.here = self.reader.next().map_err(aside)?.map(|(key, _)| key.to_vec());
        Ok(())
    }

    /// Goes beyond a key, where it is here. Says whether it was.
    fn advance_beyond(&mut self, key: &[u8]) -> Result<bool, StoreError> {
        let is_here = self.here() == Some(key);
        while self.here() == Some(key) {
            self.advance()?;
        }
        Ok(is_here)
    }
}
