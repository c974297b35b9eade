//! Verifies a generation: reads every entry and compares redundant data: records with the counts,
//! references with the reverse index, long values with their chunks, trees with their content hashes.
//!
//! Memory does not grow with the inventory: lists to compare are sorted on the disk and merged.

use std::{io, str};

use super::{
    LiveView, StoreError, Stored, Touched,
    content::Content,
    format,
    generation::chunk_key,
    history::{HistoryFinding, ReadHistory},
    members, packed,
    references::{self, parse_posting, parse_target_key, posting, target_key},
    summary::KindSummary,
    tree_id::TreeId,
    trees::{Trees, ValueOwner, text_property},
};
use crate::disk::{Sorted, SortedReader, Sorter};
use crate::{
    job::{Progress, Step},
    model::{AnyRecord, Kind, PerKind, Side},
    wording::chain,
};

/// The memory for sorting one list, in bytes.
const SORTED_BYTES: usize = 32 * 1024 * 1024;

/// A problem that a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind of record. `None` if the problem concerns the whole inventory.
    pub kind: Option<Kind>,
    /// The record, if the problem is one of a single record.
    pub name: Option<String>,
    /// The code of the problem, for scripts: `damaged`, `count`, `index` …
    pub code: &'static str,
    /// The predicate of a sentence about the problem. The subject is the record.
    pub detail: String,
}

/// The numbers of verified entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// The numbers of verified records, by kind.
    pub kinds: PerKind<KindVerified>,
    /// The number of references between records.
    pub references: u64,
    /// Secrets that were decrypted with the key.
    pub secrets: u64,
    /// Long texts of devices.
    pub texts: u64,
    /// Changes in the history.
    pub changes: u64,
}

/// The numbers of verified entries of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindVerified {
    /// The number of records whose stored bytes were read.
    pub records: u64,
    /// The size of the encoded records, in bytes.
    pub bytes: u64,
}

impl Finding {
    /// A problem of one record.
    pub fn of(
        kind: Kind,
        name: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { kind: Some(kind), name: Some(name.into()), code, detail: detail.into() }
    }

    /// A problem of a kind, or of the whole inventory.
    fn general(kind: Option<Kind>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, name: None, code, detail: detail.into() }
    }
}

/// Receives the findings.
pub type Findings<'f> = dyn FnMut(Finding) + 'f;

impl LiveView {
    /// Verifies the generation and calls `report` with each finding. Writes temporary files to
    /// `scratch`. A concurrent change can cause wrong findings, so the caller holds the write lock.
    ///
    /// # Errors
    /// Damage is a finding and not an error.
    /// - [`StoreError::Cancelled`] if `progress` was cancelled.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub fn verify(
        &self,
        scratch: &std::path::Path,
        progress: &Progress,
        report: &mut Findings<'_>,
    ) -> Result<Verified, StoreError> {
        let walk = Verification {
            view: self,
            trees: self.trees()?,
            report,
            progress,
            verified: Verified::default(),
            references: Sorter::new(scratch, SORTED_BYTES),
            chunks: Sorter::new(scratch, SORTED_BYTES),
            content: Content::default(),
            history: None,
        };
        walk.run(scratch)
    }

    /// Calls `each` with every member of every computed pool: the ordinal of the pool's record, the
    /// side, and the member's ordinal and name. Sorted by pool, side and ordinal of the member.
    ///
    /// # Errors
    /// - The first error of `each`.
    /// - [`StoreError::Damaged`] if a list cannot be read.
    pub fn each_membership<X: From<StoreError>>(
        &self,
        mut each: impl FnMut(u64, Side, u64, &str) -> Result<(), X>,
    ) -> Result<(), X> {
        let tree = self.trees()?.tree(TreeId::Members);
        for entry in tree.prefix(&members::LISTS) {
            let (key, block) = entry?;
            let (pool, side) = members::parse_list_key(&key).ok_or_else(packed::damaged)?;
            for member in packed::parse_items(&block) {
                let member = member?;
                let (ordinal, name) = members::parse(member).ok_or_else(packed::damaged)?;
                each(pool, side, ordinal, name)?;
            }
        }
        Ok(())
    }
}

/// A running verification of one generation.
struct Verification<'a, 'f> {
    view: &'a LiveView,
    trees: Trees<'a>,
    report: &'a mut Findings<'f>,
    progress: &'a Progress,
    verified: Verified,
    /// The references of all records, as entries of the reverse index.
    references: Sorter,
    /// The expected keys of chunks.
    chunks: Sorter,
    /// The content hashes of the entries that were read.
    content: Content,
    /// The changes of the history; `None` before they are read.
    history: Option<ReadHistory>,
}

fn sort_error(error: io::Error) -> StoreError {
    StoreError::io("sorting entries to compare them")(error)
}

impl Verification<'_, '_> {
    fn run(mut self, scratch: &std::path::Path) -> Result<Verified, StoreError> {
        let records = self.view.summary()?.records();
        self.progress.step(Step::Reading, Some(records))?;
        let history = ReadHistory::read(
            self.trees,
            scratch,
            &mut self.content,
            self.progress,
            &mut |finding| (self.report)(finding.into()),
        )?;
        self.verified.changes = history.changes;
        self.history = Some(history);
        for kind in Kind::ALL {
            self.verify_kind(kind, scratch)?;
        }
        self.verify_texts()?;
        let references = std::mem::replace(&mut self.references, Sorter::new(scratch, 1));
        let references = references.finish().map_err(sort_error)?;
        self.progress.step(Step::Comparing, None)?;
        self.verify_history()?;
        self.verify_blocks()?;
        self.verify_targets(&references)?;
        self.verify_index(&references)?;
        let chunks = std::mem::replace(&mut self.chunks, Sorter::new(scratch, 1));
        self.verify_chunks(&chunks.finish().map_err(sort_error)?)?;
        self.verify_hashes()?;
        Ok(self.verified)
    }

    /// Verifies the records of one kind and their counts.
    fn verify_kind(&mut self, kind: Kind, scratch: &std::path::Path) -> Result<(), StoreError> {
        let mut ordinals = Sorter::new(scratch, SORTED_BYTES);
        let mut seen = KindSummary::default();
        let mut last = None;
        for entry in self.trees.tree(TreeId::Kind(kind)).prefix(&[]) {
            let (key, value) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.report_unreadable(Some(kind), error)?;
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
                    self.report_damaged(kind, name, error)?;
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
            ordinals.push(&ordinal.to_be_bytes(), &key).map_err(sort_error)?;
            seen.ordinal_next = seen.ordinal_next.max(ordinal + 1);
            seen.in_name_order &= last.is_none_or(|last| last < ordinal);
            last = Some(ordinal);
            if raw.header.version > self.view.summary()?.version {
                let detail = "its version is newer than the last change of the database";
                (self.report)(Finding::of(kind, &name, "version", detail));
            }
            self.verify_version(ValueOwner::Record(kind), &key, raw.header.version)?;
            match Stored::read_any(kind, &key, &raw) {
                Ok(stored) => self.verify_record(stored.record)?,
                Err(error) => self.report_damaged(kind, name, error)?,
            }
        }
        self.verify_counts(kind, seen)?;
        let ordinals = ordinals.finish().map_err(sort_error)?;
        self.verify_ordinals(kind, &ordinals)
    }

    /// Collects the references of a record, and decrypts its secrets.
    fn verify_record(&mut self, mut record: AnyRecord) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        record.references(&mut |reference| {
            let mut key = target_key(reference.target, reference.name);
            key.extend(posting(record.kind(), reference.relation, record.name()));
            keys.push(key);
        });
        for key in keys {
            self.references.push(&key, &[]).map_err(sort_error)?;
        }
        let secrets = record.secrets().len() as u64;
        match self.view.decrypt_secrets(&mut *record) {
            Ok(()) => self.verified.secrets += secrets,
            Err(error) => {
                let name = record.name().as_str();
                (self.report)(Finding::of(record.kind(), name, "secret", chain(&error)));
            }
        }
        Ok(())
    }

    /// Reports a damaged value. Any other error ends the verification.
    fn report_damaged(
        &mut self,
        kind: Kind,
        name: String,
        error: StoreError,
    ) -> Result<(), StoreError> {
        match error {
            StoreError::Corrupt { detail, .. } | StoreError::Damaged { detail, .. } => {
                (self.report)(Finding::of(
                    kind,
                    name,
                    "damaged",
                    format!("it is damaged: {detail}"),
                ));
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Reports a damaged range of a tree. The verification continues after it.
    fn report_unreadable(
        &mut self,
        kind: Option<Kind>,
        error: StoreError,
    ) -> Result<(), StoreError> {
        match error {
            StoreError::Damaged { part, detail } => {
                (self.report)(Finding::general(kind, "damaged", format!("{part}: {detail}")));
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Compares the stored counts of a kind with its records.
    fn verify_counts(&mut self, kind: Kind, seen: KindSummary) -> Result<(), StoreError> {
        let stored = self.view.summary()?.kind(kind);
        if stored.count != seen.count {
            let detail =
                format!("the stored count is {}, but {} were found", stored.count, seen.count);
            (self.report)(Finding::general(Some(kind), "count", detail));
        }
        if stored.ordinal_next < seen.ordinal_next {
            let detail = format!(
                "the next ordinal is {}, but a record has this or a greater one",
                stored.ordinal_next
            );
            (self.report)(Finding::general(Some(kind), "ordinal", detail));
        }
        if stored.in_name_order && !seen.in_name_order {
            let detail = "the records are marked as sorted by ordinal, but are not";
            (self.report)(Finding::general(Some(kind), "order", detail));
        }
        Ok(())
    }

    /// Checks that no two records of a kind have the same ordinal.
    fn verify_ordinals(&mut self, kind: Kind, sorted: &Sorted) -> Result<(), StoreError> {
        let mut reader = sorted.read();
        let mut last: Option<Vec<u8>> = None;
        while let Some((ordinal, name)) = reader.next().map_err(sort_error)? {
            if last.as_deref() == Some(ordinal) {
                let detail = "another record has the same ordinal";
                let name = String::from_utf8_lossy(name);
                (self.report)(Finding::of(kind, name, "ordinal", detail));
            }
            last = Some(ordinal.to_vec());
        }
        Ok(())
    }

    /// Verifies the long texts of devices.
    fn verify_texts(&mut self) -> Result<(), StoreError> {
        for entry in self.trees.tree(TreeId::Texts).prefix(&[]) {
            let (key, value) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.report_unreadable(Some(Kind::Device), error)?;
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
                    self.report_damaged(Kind::Device, device, error)?;
                    continue;
                }
            };
            if raw.header.is_long() {
                self.expect_chunks(ValueOwner::Text, &key, &raw)?;
            }
            self.verify_version(ValueOwner::Text, &key, raw.header.version)?;
            let found = match str::from_utf8(raw.body()) {
                Err(error) => {
                    Some(("damaged", format!("its {property} is not UTF-8 text: {error}")))
                }
                Ok(_) if property.is_empty() => {
                    Some(("damaged", "it has a long text without a property".to_owned()))
                }
                Ok(_) if !self.exists(Kind::Device, &device)? => {
                    Some(("text", format!("its {property} exists, but the device does not")))
                }
                Ok(_) => None,
            };
            if let Some((code, detail)) = found {
                (self.report)(Finding::of(Kind::Device, device, code, detail));
            }
        }
        Ok(())
    }

    /// Returns whether a record exists. `true` if its page is damaged, which is reported elsewhere.
    fn exists(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        match self.trees.contains(kind, name) {
            Err(error) if error.is_damage() => Ok(true),
            contains => contains,
        }
    }

    /// Notes the keys of a long value's chunks.
    fn expect_chunks(
        &mut self,
        owner: ValueOwner,
        key: &[u8],
        raw: &super::Raw,
    ) -> Result<(), StoreError> {
        let prefix = owner.chunk_prefix(key, raw.header.version);
        expect_chunks(&mut self.chunks, &prefix, raw.body().len())
    }

    /// Checks that the history has the change that wrote a value.
    fn verify_version(
        &mut self,
        owner: ValueOwner,
        key: &[u8],
        version: u64,
    ) -> Result<(), StoreError> {
        let Some(history) = &self.history else { return Ok(()) };
        let found = match history.has_version(self.trees, owner, key, version) {
            // Reported with the history.
            Err(error) if error.is_damage() => true,
            found => found?,
        };
        if !found && let Some(value) = Touched::of_key(owner, key) {
            let detail = format!("was written by change {version}, which the history lacks");
            (self.report)(HistoryFinding { value: Some(value), detail }.into());
        }
        Ok(())
    }

    /// Compares the before-values with the changes of the history and with the present values.
    fn verify_history(&mut self) -> Result<(), StoreError> {
        let Some(history) = self.history.take() else { return Ok(()) };
        let chunks = &mut self.chunks;
        history.compare(
            self.trees,
            &mut self.content,
            self.progress,
            &mut |finding| (self.report)(finding.into()),
            &mut |owner, key, header, bytes| {
                expect_chunks(chunks, &owner.chunk_prefix(key, header.version), bytes)
            },
        )
    }

    /// Checks that the items of each block of a packed list are within the bound of its key. Truncated
    /// blocks are reported where the lists are read.
    fn verify_blocks(&mut self) -> Result<(), StoreError> {
        /// Returns the length of the list's prefix in a key.
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
                        self.report_unreadable(None, error)?;
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
                    let detail = "a block of an index holds an item that belongs in another block";
                    (self.report)(Finding::general(None, "index", detail));
                }
            }
        }
        Ok(())
    }

    /// Checks that the target of each reference exists.
    fn verify_targets(&mut self, references: &Sorted) -> Result<(), StoreError> {
        let mut references = SortedKeys::begin(references)?;
        // Sorted by target: the references to one target follow each other.
        let mut last_target: Option<(Vec<u8>, bool)> = None;
        while let Some(key) = references.current() {
            self.verified.references += 1;
            self.progress.advance(1)?;
            let (target, name, length) = parse_target_key(key).ok_or_else(packed::damaged)?;
            let exists = match &last_target {
                Some((last, exists)) if *last == key[..length] => *exists,
                Some(_) | None => {
                    let mut exists = false;
                    for kind in target.kinds() {
                        exists |= self.exists(*kind, name)?;
                    }
                    last_target = Some((key[..length].to_vec(), exists));
                    exists
                }
            };
            if !exists {
                (self.report)(of_reference(key, "dangling", |relation, target| {
                    format!("its {relation} refers to {target}, which does not exist")
                }));
            }
            let key = key.to_vec();
            references.skip(&key)?;
        }
        Ok(())
    }

    /// Compares the references of the records with the reverse index.
    fn verify_index(&mut self, references: &Sorted) -> Result<(), StoreError> {
        let mut held = SortedKeys::begin(references)?;
        let report = &mut *self.report;
        let unindexed = |key: &[u8]| {
            of_reference(key, "index", |relation, target| {
                format!("its {relation} refers to {target}, but the reverse index lacks this")
            })
        };
        let tree = self.trees.tree(TreeId::References);
        let progress = self.progress;
        let compared = references::each_reference(tree, |target, posting| {
            progress.check()?;
            let key = [target, posting].concat();
            while let Some(here) = held.current().filter(|here| *here < key.as_slice()) {
                report(unindexed(here));
                held.advance()?;
            }
            // A record can refer to another one twice in one list. The index has one entry for both.
            if !held.skip(&key)? {
                report(of_reference(&key, "index", |relation, target| {
                    format!(
                        "the reverse index contains a reference from its {relation} to {target}, \
                         which the record does not have"
                    )
                }));
            }
            Ok(())
        });
        match compared {
            Ok(()) => {}
            Err(StoreError::Damaged { detail, .. }) => {
                let detail = format!("the reverse index is damaged: {detail}");
                report(Finding::general(None, "index", detail));
                return Ok(());
            }
            Err(other) => return Err(other),
        }
        while let Some(here) = held.current() {
            report(unindexed(here));
            held.advance()?;
        }
        Ok(())
    }

    /// Compares the stored chunks with the expected ones. A missing chunk is reported with its value.
    fn verify_chunks(&mut self, expected: &Sorted) -> Result<(), StoreError> {
        let mut expected = SortedKeys::begin(expected)?;
        let mut orphans = 0_u64;
        for entry in self.trees.tree(TreeId::Chunks).prefix(&[]) {
            let (key, chunk) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.report_unreadable(None, error)?;
                    continue;
                }
            };
            self.content[TreeId::Chunks].add(&key, &chunk);
            self.progress.check()?;
            while expected.current().is_some_and(|current| current < &*key) {
                expected.advance()?;
            }
            if expected.current() == Some(&*key) { expected.advance()? } else { orphans += 1 }
        }
        if orphans > 0 {
            let detail = format!("{orphans} chunks belong to no value");
            (self.report)(Finding::general(None, "chunk", detail));
        }
        Ok(())
    }
}

impl Verification<'_, '_> {
    /// Compares the content hash of each tree with the stored one. Only this finds an entry that was
    /// lost or that reverted to an earlier version.
    fn verify_hashes(&mut self) -> Result<(), StoreError> {
        let stored = self.view.summary()?;
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
                | TreeId::History
                | TreeId::Before
                | TreeId::Meta => None,
            };
            let detail = format!(
                "the content hash of the tree '{}' is wrong: an entry was lost, added or changed \
                 ({} entries were written, {} were read)",
                tree.name(),
                expected.entries,
                found.entries
            );
            (self.report)(Finding::general(kind, "content", detail));
        }
        Ok(())
    }
}

/// Notes the keys of the chunks of a long value.
fn expect_chunks(chunks: &mut Sorter, prefix: &[u8], bytes: usize) -> Result<(), StoreError> {
    for number in 0..bytes.div_ceil(format::VALUE_BYTES_MAX) {
        chunks.push(&chunk_key(prefix, number), &[]).map_err(sort_error)?;
    }
    Ok(())
}

impl From<HistoryFinding> for Finding {
    fn from(finding: HistoryFinding) -> Self {
        let (kind, name) = finding.record().unzip();
        let name = name.map(str::to_owned);
        Self { kind, name, code: "history", detail: finding.detail }
    }
}

/// A problem of a reference, reported for the record that holds it.
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
        None => Finding::general(None, code, "an entry of the reverse index is not a reference"),
    }
}

/// A cursor over sorted keys.
struct SortedKeys<'a> {
    reader: SortedReader<'a>,
    current: Option<Vec<u8>>,
}

impl<'a> SortedKeys<'a> {
    fn begin(sorted: &'a Sorted) -> Result<Self, StoreError> {
        let mut keys = Self { reader: sorted.read(), current: None };
        keys.advance()?;
        Ok(keys)
    }

    fn current(&self) -> Option<&[u8]> {
        self.current.as_deref()
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        self.current = self.reader.next().map_err(sort_error)?.map(|(key, _)| key.to_vec());
        Ok(())
    }

    /// Skips all keys equal to `key`. Returns whether there was one.
    fn skip(&mut self, key: &[u8]) -> Result<bool, StoreError> {
        let is_current = self.current() == Some(key);
        while self.current() == Some(key) {
            self.advance()?;
        }
        Ok(is_current)
    }
}
