//! Verifies the history of a generation: that every touched value has its before-value, and that each
//! before-value is the value that the change before it left.

use std::{collections::BTreeSet, path::Path};

use super::{
    entry::{Effect, Touched, decode_stored},
    keys::{BeforeKey, before_key, change_number, generation_key, owner_of_code, parse_before_key},
};
use crate::{
    disk::{Sorted, SortedReader, Sorter},
    job::Progress,
    model::Kind,
    store::{
        Header, StoreError,
        content::Content,
        format::{self, Head},
        tree_id::TreeId,
        trees::{Trees, ValueOwner},
    },
};

/// The memory for sorting the touched values, in bytes.
const SORTED_BYTES: usize = 16 * 1024 * 1024;

/// Receives the owner, the key, the header and the length in bytes of each long before-value.
type LongValues<'l> = dyn FnMut(ValueOwner, &[u8], Header, usize) -> Result<(), StoreError> + 'l;

/// A problem of the history.
pub(in crate::store) struct HistoryFinding {
    /// The record that the problem concerns.
    pub value: Option<Touched>,
    /// The predicate of a sentence about the problem. The subject is the record or the history.
    pub detail: String,
}

/// The changes of a generation's history, as a verification has read them.
pub(in crate::store) struct ReadHistory {
    /// The number of changes.
    pub changes: u64,
    /// The number of the first change.
    begin: Option<u64>,
    /// The numbers of the changes of the whole generation.
    replacements: BTreeSet<u64>,
    /// The expected keys of the tree `before`, with the code of the effect.
    expected: Sorted,
    owner: HistoryOwner,
}

/// The database that has the history.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HistoryOwner {
    /// A generation, which has the present values too.
    Generation,
    /// The archive, which has no present values.
    Archive,
}

/// The state of a value after a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Exists,
    Absent,
}

impl After {
    fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Created | Effect::Updated | Effect::RenamedFrom(_) => After::Exists,
            Effect::Removed | Effect::RenamedTo(_) => After::Absent,
        }
    }
}

fn sort_error(error: std::io::Error) -> StoreError {
    StoreError::io("sorting the history to compare it")(error)
}

impl ReadHistory {
    /// Reads the tree `history`, hashes its entries and reports damaged changes.
    ///
    /// # Errors
    /// - [`StoreError::Cancelled`] if `progress` was cancelled.
    /// - [`StoreError::DiskFull`] or [`StoreError::Io`] if a temporary file cannot be written.
    pub(in crate::store) fn read(
        trees: Trees<'_>,
        scratch: &Path,
        content: &mut Content,
        progress: &Progress,
        report: &mut dyn FnMut(HistoryFinding),
    ) -> Result<Self, StoreError> {
        let mut expected = Sorter::new(scratch, SORTED_BYTES);
        let mut changes = ReadChanges::default();
        let mut current: Option<(u64, Vec<u8>)> = None;
        for entry in trees.tree(TreeId::History).prefix(&[]) {
            let (key, value) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    report(damaged(error)?);
                    continue;
                }
            };
            content[TreeId::History].add(&key, &value);
            progress.check()?;
            let number = change_number(&key).unwrap_or_default();
            match &mut current {
                Some((last, bytes)) if *last == number => bytes.extend_from_slice(&value),
                _ => {
                    let ended = current.replace((number, value.to_vec()));
                    changes.end(ended, &mut expected, report)?;
                }
            }
        }
        changes.end(current, &mut expected, report)?;
        let expected = expected.finish().map_err(sort_error)?;
        let ReadChanges { count, begin, replacements } = changes;
        let owner = HistoryOwner::Generation;
        Ok(Self { changes: count, begin, replacements, expected, owner })
    }

    /// The changes of the archive, whose values are not compared with present ones.
    pub(in crate::store) fn of_archive(self) -> Self {
        Self { owner: HistoryOwner::Archive, ..self }
    }

    /// Returns whether a value was written by a change of this history that touched it. A version from before
    /// the history, or of a change of the whole generation, has no before-value.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the history cannot be read.
    pub(in crate::store) fn has_version(
        &self,
        trees: Trees<'_>,
        owner: ValueOwner,
        key: &[u8],
        version: u64,
    ) -> Result<bool, StoreError> {
        if self.begin.is_none_or(|begin| version < begin) || self.replacements.contains(&version) {
            return Ok(true);
        }
        trees.tree(TreeId::Before).contains(&before_key(owner, key, version))
    }

    /// Reads the tree `before`, hashes its entries, and compares them with the changes and with the
    /// present values. Calls `long` with the owner, the key and the header of each long before-value.
    ///
    /// # Errors
    /// As for [`ReadHistory::read`], and the errors of `long`.
    pub(in crate::store) fn compare(
        &self,
        trees: Trees<'_>,
        content: &mut Content,
        progress: &Progress,
        report: &mut dyn FnMut(HistoryFinding),
        long: &mut LongValues<'_>,
    ) -> Result<(), StoreError> {
        let mut expected = Expected::begin(&self.expected)?;
        let mut last: Option<LastEntry> = None;
        for entry in trees.tree(TreeId::Before).prefix(&[]) {
            let (entry_key, value) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    report(damaged(error)?);
                    continue;
                }
            };
            content[TreeId::Before].add(&entry_key, &value);
            progress.check()?;
            expected.report_below(&entry_key, report)?;
            let code = expected.take(&entry_key)?;
            let Some(code) = code else {
                report(of_entry(&entry_key, "has a before-value that belongs to no change"));
                continue;
            };
            let Some(BeforeKey::Value { owner, key, number }) = parse_before_key(&entry_key) else {
                continue;
            };
            if last.as_ref().is_some_and(|last| !last.is_of(owner, key)) {
                self.compare_present(trees, last.take(), report)?;
            }
            let after = if code == EXISTS { After::Exists } else { After::Absent };
            let entry = LastEntry { owner, key: key.to_vec(), number, after };
            let is_readable = self.compare_before(&entry, last.as_ref(), &value, report, long)?;
            last = is_readable.then_some(entry);
        }
        self.compare_present(trees, last, report)?;
        expected.report_rest(report)
    }

    /// Compares a before-value with the earlier change of the same value. Returns whether it can be read.
    fn compare_before(
        &self,
        entry: &LastEntry,
        last: Option<&LastEntry>,
        value: &sled::IVec,
        report: &mut dyn FnMut(HistoryFinding),
        long: &mut LongValues<'_>,
    ) -> Result<bool, StoreError> {
        let LastEntry { owner, key, number, .. } = entry;
        let mut finding = |detail: String| {
            report(HistoryFinding { value: Touched::of_key(*owner, key), detail });
        };
        let found = match header(value) {
            Ok(found) => found,
            Err(detail) => {
                finding(format!("has a damaged value before change {number}: {detail}"));
                return Ok(false);
            }
        };
        if let Some((header, bytes)) = found
            && header.is_long()
        {
            long(*owner, key, header, bytes)?;
        }
        let version = found.map(|(header, _)| header.version);
        let is_right = match last {
            Some(last) if !self.has_replacement(last.number, *number) => {
                last.is_followed_by(version)
            }
            _ => version.is_none_or(|version| version < *number),
        };
        if !is_right {
            finding(format!("has a value before change {number} that no earlier change left"));
        }
        Ok(true)
    }

    /// Returns whether the whole generation was replaced between two changes.
    fn has_replacement(&self, after: u64, before: u64) -> bool {
        self.replacements.range(after..before).next().is_some()
    }

    /// Compares the last change of a value with the present value.
    fn compare_present(
        &self,
        trees: Trees<'_>,
        last: Option<LastEntry>,
        report: &mut dyn FnMut(HistoryFinding),
    ) -> Result<(), StoreError> {
        let Some(last) = last.filter(|_| self.owner == HistoryOwner::Generation) else {
            return Ok(());
        };
        if self.has_replacement(last.number, u64::MAX) {
            return Ok(());
        }
        let present = match trees.tree(last.owner.tree()).get(&last.key) {
            Ok(present) => present,
            // Reported with the records.
            Err(error) if error.is_damage() => return Ok(()),
            Err(error) => return Err(error),
        };
        let version = match present.map(|value| header(&value)) {
            None | Some(Ok(None)) => None,
            Some(Ok(Some((header, _)))) => Some(header.version),
            // Reported with the records.
            Some(Err(_)) => return Ok(()),
        };
        if !last.is_followed_by(version) {
            let number = last.number;
            let detail = format!("does not have the value that its last change {number} left");
            report(HistoryFinding { value: Touched::of_key(last.owner, &last.key), detail });
        }
        Ok(())
    }
}

/// The last entry of a value in the tree `before`.
struct LastEntry {
    owner: ValueOwner,
    key: Vec<u8>,
    number: u64,
    after: After,
}

impl LastEntry {
    fn is_of(&self, owner: ValueOwner, key: &[u8]) -> bool {
        self.owner.tree() == owner.tree() && self.key == key
    }

    /// Returns whether a later value, or its absence, is the one that this change left.
    fn is_followed_by(&self, version: Option<u64>) -> bool {
        match self.after {
            After::Exists => version == Some(self.number),
            After::Absent => version.is_none(),
        }
    }
}

/// The changes that were read so far.
#[derive(Default)]
struct ReadChanges {
    count: u64,
    begin: Option<u64>,
    replacements: BTreeSet<u64>,
}

/// The effect code of a value that exists after the change.
const EXISTS: u8 = 1;

/// The effect code of a value that does not exist after the change.
const ABSENT: u8 = 0;

impl ReadChanges {
    /// Decodes a change of which all parts were read.
    fn end(
        &mut self,
        change: Option<(u64, Vec<u8>)>,
        expected: &mut Sorter,
        report: &mut dyn FnMut(HistoryFinding),
    ) -> Result<(), StoreError> {
        let Some((number, bytes)) = change else { return Ok(()) };
        self.count += 1;
        self.begin.get_or_insert(number);
        let (head, touched) = match decode_stored(number, &bytes) {
            Ok(decoded) => decoded,
            Err(error) => {
                report(damaged(error)?);
                return Ok(());
            }
        };
        if head.replaced.is_some() {
            self.replacements.insert(number);
            expected.push(&generation_key(number), &[ABSENT]).map_err(sort_error)?;
        }
        for touched in touched {
            let Some(owner) = owner_of_code(touched.owner) else { continue };
            let code = match After::of(&touched.effect) {
                After::Exists => EXISTS,
                After::Absent => ABSENT,
            };
            expected.push(&before_key(owner, &touched.key, number), &[code]).map_err(sort_error)?;
        }
        Ok(())
    }
}

/// A cursor over the expected keys of the tree `before`.
struct Expected<'a> {
    reader: SortedReader<'a>,
    current: Option<(Vec<u8>, u8)>,
}

impl<'a> Expected<'a> {
    fn begin(sorted: &'a Sorted) -> Result<Self, StoreError> {
        let mut expected = Self { reader: sorted.read(), current: None };
        expected.advance()?;
        Ok(expected)
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        let next = self.reader.next().map_err(sort_error)?;
        self.current =
            next.map(|(key, code)| (key.to_vec(), code.first().copied().unwrap_or(ABSENT)));
        Ok(())
    }

    /// Reports the expected keys below `key`, which are missing.
    fn report_below(
        &mut self,
        key: &[u8],
        report: &mut dyn FnMut(HistoryFinding),
    ) -> Result<(), StoreError> {
        while let Some((missing, _)) = self.current.as_ref().filter(|(here, _)| &**here < key) {
            report(of_entry(missing, "lacks the value before a change"));
            self.advance()?;
        }
        Ok(())
    }

    fn report_rest(&mut self, report: &mut dyn FnMut(HistoryFinding)) -> Result<(), StoreError> {
        while let Some((missing, _)) = &self.current {
            report(of_entry(missing, "lacks the value before a change"));
            self.advance()?;
        }
        Ok(())
    }

    /// Returns the effect code of `key` and advances, if it is the next expected key.
    fn take(&mut self, key: &[u8]) -> Result<Option<u8>, StoreError> {
        let code = self.current.as_ref().filter(|(here, _)| here == key).map(|(_, code)| *code);
        if code.is_some() {
            self.advance()?;
        }
        Ok(code)
    }
}

/// Returns the header of a stored value and the length of its body. `None` for the empty value of a
/// before-value that did not exist.
fn header(value: &sled::IVec) -> Result<Option<(Header, usize)>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    Ok(Some(match format::head(value.clone())? {
        Head::Whole(raw) => (raw.header, raw.body().len()),
        Head::Long(header, bytes) => (header, bytes),
    }))
}

/// A problem of an entry of the tree `before`.
fn of_entry(key: &[u8], detail: &str) -> HistoryFinding {
    let value = match parse_before_key(key) {
        Some(BeforeKey::Value { owner, key, .. }) => Touched::of_key(owner, key),
        Some(BeforeKey::Generation) | None => None,
    };
    HistoryFinding { value, detail: format!("{detail} in the history") }
}

/// A problem of a part of the history that cannot be read. Any other error ends the verification.
fn damaged(error: StoreError) -> Result<HistoryFinding, StoreError> {
    match error {
        StoreError::Damaged { part, detail } => {
            Ok(HistoryFinding { value: None, detail: format!("{part}: {detail}") })
        }
        other => Err(other),
    }
}

impl HistoryFinding {
    /// The kind and the name of the record that the problem concerns.
    pub(in crate::store) fn record(&self) -> Option<(Kind, &str)> {
        self.value.as_ref().map(|value| (value.kind(), value.name()))
    }
}
