//! Verifies the history of a generation: that every touched value has its before-value, and that each
//! before-value is the value that the change before it left.

use std::{collections::BTreeSet, path::Path};

use sled::IVec;

use super::{
    difference::Difference,
    entry::{Effect, StoredBefore, StoredChange, Touched},
    groups::{self, HistoryTree},
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
        if trees.tree(TreeId::Before).contains(&before_key(owner, key, version))? {
            return Ok(true);
        }
        let history = HistoryTree::new(trees.base(TreeId::History));
        let Some(place) = history.at(version)? else { return Ok(false) };
        let change = history.change(&place)?;
        let before = change.take_before(owner, key);
        Ok(before.is_some_and(|before| before != StoredBefore::Entry))
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
        let mut compared = Compared {
            expected: Expected::begin(&self.expected)?,
            last: None,
            differences: Vec::new(),
        };
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
            self.compare_inside(trees, &mut compared, Some(&entry_key), report)?;
            let Some(found) = compared.expected.take(&entry_key)? else {
                report(of_entry(&entry_key, "has a before-value that belongs to no change"));
                continue;
            };
            let Some(entry) = LastEntry::of(&entry_key, found.after) else { continue };
            if let Ok(Some((header, bytes))) = header(&value)
                && header.is_long()
            {
                long(entry.owner, &entry.key, header, bytes)?;
            }
            self.compare_next(trees, &mut compared, (entry, FoundBefore::Stored(value)), report)?;
        }
        self.compare_inside(trees, &mut compared, None, report)?;
        self.compare_present(trees, &mut compared, report)
    }

    /// Compares the before-values inside the changes whose keys are below `key`, or all that remain. Reports the
    /// missing entries of the tree `before`.
    fn compare_inside(
        &self,
        trees: Trees<'_>,
        compared: &mut Compared<'_>,
        key: Option<&[u8]>,
        report: &mut dyn FnMut(HistoryFinding),
    ) -> Result<(), StoreError> {
        while let Some((entry_key, found)) = compared.expected.take_below(key)? {
            let before = match found.before {
                StoredBefore::Entry => {
                    report(of_entry(&entry_key, "lacks the value before a change"));
                    continue;
                }
                StoredBefore::Absent => FoundBefore::Stored(IVec::default()),
                StoredBefore::Value(bytes) => FoundBefore::Stored(bytes.into()),
                StoredBefore::Difference(difference) => FoundBefore::Difference(difference),
            };
            if let Some(entry) = LastEntry::of(&entry_key, found.after) {
                self.compare_next(trees, compared, (entry, before), report)?;
            }
        }
        Ok(())
    }

    /// Compares the next before-value, in the order of the keys.
    fn compare_next(
        &self,
        trees: Trees<'_>,
        compared: &mut Compared<'_>,
        (entry, before): (LastEntry, FoundBefore),
        report: &mut dyn FnMut(HistoryFinding),
    ) -> Result<(), StoreError> {
        if compared.last.as_ref().is_some_and(|last| !last.is_of(entry.owner, &entry.key)) {
            self.compare_present(trees, compared, report)?;
        }
        let version = before.version();
        match before {
            FoundBefore::Stored(value) => compared.rebuild(Some(value), report),
            FoundBefore::Difference(difference) => {
                compared.differences.push((entry.number, difference));
            }
        }
        let is_readable = self.compare_before(&entry, compared.last.as_ref(), version, report);
        compared.last = Some(entry).filter(|_| is_readable);
        if !is_readable {
            compared.differences.clear();
        }
        Ok(())
    }

    /// Compares a before-value with the earlier change of the same value. Returns whether it can be read.
    fn compare_before(
        &self,
        entry: &LastEntry,
        last: Option<&LastEntry>,
        version: Result<Option<u64>, String>,
        report: &mut dyn FnMut(HistoryFinding),
    ) -> bool {
        let LastEntry { owner, key, number, .. } = entry;
        let mut finding = |detail: String| {
            report(HistoryFinding { value: Touched::of_key(*owner, key), detail });
        };
        let version = match version {
            Ok(version) => version,
            Err(detail) => {
                finding(format!("has a damaged value before change {number}: {detail}"));
                return false;
            }
        };
        let is_right = match last {
            Some(last) if !self.has_replacement(last.number, *number) => {
                last.is_followed_by(version)
            }
            _ => version.is_none_or(|version| version < *number),
        };
        if !is_right {
            finding(format!("has a value before change {number} that no earlier change left"));
        }
        true
    }

    /// Returns whether the whole generation was replaced between two changes.
    fn has_replacement(&self, after: u64, before: u64) -> bool {
        self.replacements.range(after..before).next().is_some()
    }

    /// Compares the last change of a value with the present value.
    fn compare_present(
        &self,
        trees: Trees<'_>,
        compared: &mut Compared<'_>,
        report: &mut dyn FnMut(HistoryFinding),
    ) -> Result<(), StoreError> {
        if self.owner == HistoryOwner::Archive {
            compared.last = None;
            return Ok(());
        }
        let Some(last) = &compared.last else { return Ok(()) };
        let present = match trees.tree(last.owner.tree()).get(&last.key) {
            Ok(present) => present,
            // Reported with the records.
            Err(error) if error.is_damage() => {
                compared.end_value();
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let version = present.as_ref().map(header).transpose();
        if let Ok(version) = version
            && !self.has_replacement(last.number, u64::MAX)
            && !last.is_followed_by(version.flatten().map(|(header, _)| header.version))
        {
            let number = last.number;
            let detail = format!("does not have the value that its last change {number} left");
            report(HistoryFinding { value: Touched::of_key(last.owner, &last.key), detail });
        }
        compared.rebuild(present, report);
        compared.end_value();
        Ok(())
    }
}

/// A before-value that was found.
enum FoundBefore {
    /// The stored bytes; none if the value did not exist.
    Stored(IVec),
    Difference(Difference),
}

impl FoundBefore {
    /// The version of the value, or the reason why it cannot be read.
    fn version(&self) -> Result<Option<u64>, String> {
        match self {
            Self::Stored(value) => Ok(header(value)?.map(|(header, _)| header.version)),
            Self::Difference(difference) => match difference.version() {
                Some(version) => Ok(Some(version)),
                None => Err("its header is damaged".to_owned()),
            },
        }
    }
}

/// The state of a comparison.
struct Compared<'a> {
    expected: Expected<'a>,
    last: Option<LastEntry>,
    /// The differences of the same value that were read since its last stored one, with the numbers of their
    /// changes. There are about 32 at most, because one change of 32 has no difference.
    differences: Vec<(u64, Difference)>,
}

impl Compared<'_> {
    /// Rebuilds the values of the differences from the later one, and reports the first that cannot be.
    fn rebuild(&mut self, later: Option<IVec>, report: &mut dyn FnMut(HistoryFinding)) {
        let mut later = later.unwrap_or_default();
        for (number, difference) in std::mem::take(&mut self.differences).into_iter().rev() {
            let Some(value) = difference.value(&later) else {
                let value = self.last.as_ref();
                let value = value.and_then(|last| Touched::of_key(last.owner, &last.key));
                let detail = format!(
                    "has a value before change {number} that cannot be rebuilt from the one after it"
                );
                return report(HistoryFinding { value, detail });
            };
            later = value.into();
        }
    }

    /// Ends the comparison of a value.
    fn end_value(&mut self) {
        self.last = None;
        self.differences.clear();
    }
}

/// The last before-value of a value.
struct LastEntry {
    owner: ValueOwner,
    key: Vec<u8>,
    number: u64,
    after: After,
}

impl LastEntry {
    /// `None` for the mark of a change of the whole generation, and for a wrong key.
    fn of(entry_key: &[u8], after: After) -> Option<Self> {
        match parse_before_key(entry_key)? {
            BeforeKey::Value { owner, key, number } => {
                Some(Self { owner, key: key.to_vec(), number, after })
            }
            BeforeKey::Generation => None,
        }
    }
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

/// An expected before-value.
struct ExpectedBefore {
    after: After,
    before: StoredBefore,
}

impl ExpectedBefore {
    /// The bytes for sorting: the code of the effect, and the before-value.
    fn encode(&self) -> Vec<u8> {
        let code = match self.after {
            After::Exists => EXISTS,
            After::Absent => ABSENT,
        };
        format::encode(&(code, &self.before))
    }

    /// Decodes the bytes.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if they are others: the temporary file was changed.
    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let (code, before) = format::decode::<(u8, StoredBefore)>("temporary file", bytes)?;
        let after = if code == EXISTS { After::Exists } else { After::Absent };
        Ok(Self { after, before })
    }
}

impl ReadChanges {
    /// Decodes an entry of which all parts were read.
    fn end(
        &mut self,
        entry: Option<(u64, Vec<u8>)>,
        expected: &mut Sorter,
        report: &mut dyn FnMut(HistoryFinding),
    ) -> Result<(), StoreError> {
        let Some((first, bytes)) = entry else { return Ok(()) };
        self.begin.get_or_insert(first);
        let members = match groups::split(first, &bytes) {
            Ok(members) => members,
            Err(error) => {
                self.count += 1;
                report(damaged(error)?);
                return Ok(());
            }
        };
        for (number, range) in members {
            self.count += 1;
            match StoredChange::decode(number, &bytes[range]) {
                Ok(change) => self.expect(number, change, expected)?,
                Err(error) => report(damaged(error)?),
            }
        }
        Ok(())
    }

    /// Notes the before-values of a change.
    fn expect(
        &mut self,
        number: u64,
        change: StoredChange,
        expected: &mut Sorter,
    ) -> Result<(), StoreError> {
        if change.head.replaced.is_some() {
            self.replacements.insert(number);
            let mark = ExpectedBefore { after: After::Absent, before: StoredBefore::Entry };
            expected.push(&generation_key(number), &mark.encode()).map_err(sort_error)?;
        }
        for (touched, before) in change.touched {
            let Some(owner) = owner_of_code(touched.owner) else { continue };
            let before = ExpectedBefore { after: After::of(&touched.effect), before };
            let key = before_key(owner, &touched.key, number);
            expected.push(&key, &before.encode()).map_err(sort_error)?;
        }
        Ok(())
    }
}

/// A cursor over the expected before-values, sorted by their keys in the tree `before`.
struct Expected<'a> {
    reader: SortedReader<'a>,
    current: Option<(Vec<u8>, ExpectedBefore)>,
}

impl<'a> Expected<'a> {
    fn begin(sorted: &'a Sorted) -> Result<Self, StoreError> {
        let mut expected = Self { reader: sorted.read(), current: None };
        expected.advance()?;
        Ok(expected)
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        let next = self.reader.next().map_err(sort_error)?;
        self.current = match next {
            Some((key, bytes)) => Some((key.to_vec(), ExpectedBefore::decode(bytes)?)),
            None => None,
        };
        Ok(())
    }

    /// Returns the next expected before-value and advances, if its key is below `key`.
    fn take_below(
        &mut self,
        key: Option<&[u8]>,
    ) -> Result<Option<(Vec<u8>, ExpectedBefore)>, StoreError> {
        let is_below = |here: &[u8]| key.is_none_or(|key| here < key);
        if !self.current.as_ref().is_some_and(|(here, _)| is_below(here)) {
            return Ok(None);
        }
        let found = self.current.take();
        self.advance()?;
        Ok(found)
    }

    /// Returns the next expected before-value and advances, if its key is `key` and it is in the tree `before`.
    fn take(&mut self, key: &[u8]) -> Result<Option<ExpectedBefore>, StoreError> {
        let is_expected = self
            .current
            .as_ref()
            .is_some_and(|(here, expected)| here == key && expected.before == StoredBefore::Entry);
        if !is_expected {
            return Ok(None);
        }
        let found = self.current.take();
        self.advance()?;
        Ok(found.map(|(_, expected)| expected))
    }
}

/// Returns the header of a stored value and the length of its body. `None` for the empty value of a
/// before-value that did not exist.
fn header(value: &IVec) -> Result<Option<(Header, usize)>, String> {
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
