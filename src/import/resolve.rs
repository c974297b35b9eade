//! The first half of the second step, planning: determines the excluded records, and the references
//! that are removed from lists.
//!
//! References are sorted by target, and records by name. Both are read side by side, so the memory
//! does not grow with the project.

use super::{
    DocumentLocation, ImportError,
    decoded::Incoming,
    log::Log,
    look_alikes::{self, Suggestions},
    problem::{DanglingReference, Problem},
    removed_references::removed_reference_key,
    scope::{ResultingNames, ResultingTargets, Scope},
    sorted_cursor::{SortedCursor, parse_record_key, record_key},
};
use crate::{
    disk::{Sorted, SortedReader, Sorter},
    model::{Arity, Kind, Record, Target, arity},
    store::{Referrer, parse_posting, parse_target_key, target_key},
};

/// The number of references in lists without a target that are kept in memory, until the names that
/// look like theirs are found.
const DANGLING_WITH_SUGGESTION_MAX: usize = 1_000;

/// The memory for each list that this step sorts, in bytes.
const SORTER_BYTES: usize = 16 * 1024 * 1024;

/// The result of checking all names and references.
pub(super) struct Resolved {
    /// The [`record_key`]s of records that will not exist: incoming records that are rejected,
    /// and existing records that depend on a removed one.
    pub excluded: Sorted,
    /// The [`removed_reference_key`]s of references that are removed from lists.
    pub removed_references: Sorted,
}

/// The two results of this step while they are collected.
struct Resolver<'a> {
    scope: &'a Scope<'a>,
    log: &'a Log,
    excluded: Sorter,
    removed_references: Sorter,
}

impl Resolved {
    /// The result for records with checked names and references.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if a list cannot be created.
    pub(super) fn checked(log: &Log) -> Result<Self, ImportError> {
        Ok(Self { excluded: finish(sorter(log))?, removed_references: finish(sorter(log))? })
    }
}

/// Checks the names and references of all records, and reports problems to the log.
///
/// # Errors
/// [`ImportError::TemporaryFile`] if a list cannot be sorted, [`ImportError::Store`] if the
/// inventory cannot be read.
pub(super) fn resolve(scope: &Scope<'_>, log: &Log) -> Result<Resolved, ImportError> {
    look_alikes::warn(scope, log)?;
    let conflicting = conflicting_names(scope, log)?;
    let unresolvable = unresolvable(scope, &conflicting, log)?;
    let mut resolver =
        Resolver { scope, log, excluded: sorter(log), removed_references: sorter(log) };
    copy(&conflicting, &mut resolver.excluded)?;
    copy(&unresolvable, &mut resolver.excluded)?;
    resolver.check_existing_references(&[&conflicting, &unresolvable])?;

    let Resolver { excluded, mut removed_references, .. } = resolver;
    let excluded = finish(excluded)?;
    report_rejected(scope, &excluded, log)?;
    remove_references_to_dependents(scope, &excluded, &mut removed_references, log)?;
    remove_dangling_references(scope, &excluded, &mut removed_references, log)?;
    Ok(Resolved { excluded, removed_references: finish(removed_references)? })
}

fn sorter(log: &Log) -> Sorter {
    Sorter::new(log.scratch(), SORTER_BYTES)
}

fn finish(sorter: Sorter) -> Result<Sorted, ImportError> {
    sorter.finish().map_err(ImportError::TemporaryFile)
}

fn push(sorter: &mut Sorter, key: &[u8], value: &[u8]) -> Result<(), ImportError> {
    sorter.push(key, value).map_err(ImportError::TemporaryFile)
}

fn copy(from: &Sorted, to: &mut Sorter) -> Result<(), ImportError> {
    let mut reader = from.read();
    while let Some((key, value)) = reader.next().map_err(ImportError::TemporaryFile)? {
        push(to, key, value)?;
    }
    Ok(())
}

/// Returns the [`record_key`]s of incoming devices and networks whose name is the name of a record
/// of the other kind. Records whose name occurs twice in their document are reported here too, but
/// are not part of the result: the first of them stays.
fn conflicting_names(scope: &Scope<'_>, log: &Log) -> Result<Sorted, ImportError> {
    // A device is refused because of existing networks, but not because of incoming ones.
    let networks = scope.existing_names(Kind::Network);
    let mut conflicting = sorter(log);
    let devices = conflicting_of_kind(scope, Kind::Device, networks, log)?;
    copy(&devices, &mut conflicting)?;
    let devices = [&devices];
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Device) {
        // A network is refused because of every device that exists after the import.
        let others = (kind == Kind::Network).then(|| scope.resulting_names(Kind::Device, &devices));
        copy(&conflicting_of_kind(scope, kind, others, log)?, &mut conflicting)?;
    }
    finish(conflicting)
}

/// Returns the [`record_key`]s of incoming records of one kind whose name is in `others`. Of
/// several records with one name, rejects all except the first.
fn conflicting_of_kind(
    scope: &Scope<'_>,
    kind: Kind,
    mut others: Option<ResultingNames<'_>>,
    log: &Log,
) -> Result<Sorted, ImportError> {
    let mut conflicting = sorter(log);
    let Some(records) = &scope.decoded.records[kind] else { return finish(conflicting) };
    let mut reader = records.read();
    let mut last: Option<Vec<u8>> = None;
    while let Some((name, value)) = reader.next().map_err(ImportError::TemporaryFile)? {
        log.progress().advance(1)?;
        if last.as_deref() == Some(name) {
            log.count_rejected(kind);
            let location = location_of(log, kind, "name", name, value)?;
            log.problem(&Problem::duplicate(log.document(kind)), location)?;
            continue;
        }
        if let Some(others) = &mut others
            && others.contains(&String::from_utf8_lossy(name))?
        {
            push(&mut conflicting, &record_key(kind, name), &[])?;
            let problem = Problem::node_taken(log.document(kind), others.kind);
            log.problem(&problem, location_of(log, kind, "name", name, value)?)?;
        }
        last = Some(name.to_vec());
    }
    finish(conflicting)
}

/// The location of a property of an incoming record.
fn location_of(
    log: &Log,
    kind: Kind,
    property: &str,
    name: &[u8],
    value: &[u8],
) -> Result<DocumentLocation, ImportError> {
    let position = Incoming::parse(value)?.position;
    let name = String::from_utf8_lossy(name).into_owned();
    Ok(log.location(kind, Some(property), position, Some(name)))
}

/// Returns the [`record_key`]s of incoming records that require a missing record. The value is the
/// target key of the missing record followed by the relation. When a name occurs twice, only the
/// first record counts: references of the duplicates are ignored.
fn unresolvable(scope: &Scope<'_>, conflicting: &Sorted, log: &Log) -> Result<Sorted, ImportError> {
    let mut candidates = sorter(log);
    let excluded = [conflicting];
    let mut dangling = DanglingReferences::new(scope, &scope.decoded.one, &excluded, log);
    while let Some(Dangling { target, name, source }) = dangling.next()? {
        let mut missing = target_key(target, &name);
        missing.extend_from_slice(source.relation.as_bytes());
        push(&mut candidates, &record_key(source.kind, source.name.as_bytes()), &missing)?;
    }
    let candidates = finish(candidates)?;

    let mut unresolvable = sorter(log);
    let mut incoming =
        scope.decoded.records.map(|_, records| records.as_ref().map(SortedCursor::new));
    let mut reader = candidates.read();
    while let Some((key, missing)) = reader.next().map_err(ImportError::TemporaryFile)? {
        log.progress().check()?;
        let (kind, name) = parse_record_key(key)?;
        let Some(incoming) = &mut incoming[kind] else { continue };
        if incoming.seek(name)?
            && let Some((_, value)) = incoming.current()
            && references(&*Incoming::parse(value)?.record(kind)?, missing)
        {
            push(&mut unresolvable, key, missing)?;
        }
    }
    finish(unresolvable)
}

/// Returns whether a record has a reference, given as a [`target_key`] followed by the relation.
fn references(record: &dyn Record, wanted: &[u8]) -> bool {
    let mut found = false;
    record.references(&mut |reference| {
        let target = target_key(reference.target, reference.name);
        found |= wanted.strip_prefix(target.as_slice()) == Some(reference.relation.as_bytes());
    });
    found
}

/// The sorted references whose target does not exist after the import.
struct DanglingReferences<'a> {
    reader: SortedReader<'a>,
    targets: ResultingTargets<'a>,
    log: &'a Log,
}

/// One reference without a target.
struct Dangling {
    target: Target,
    /// The name of the missing record.
    name: String,
    source: Referrer,
}

impl<'a> DanglingReferences<'a> {
    fn new(
        scope: &'a Scope<'a>,
        references: &'a Sorted,
        excluded: &'a [&'a Sorted],
        log: &'a Log,
    ) -> Self {
        let targets = ResultingTargets::new(scope, excluded);
        Self { reader: references.read(), targets, log }
    }

    fn next(&mut self) -> Result<Option<Dangling>, ImportError> {
        while let Some((key, _)) = self.reader.next().map_err(ImportError::TemporaryFile)? {
            self.log.progress().advance(1)?;
            let (target, name, end) =
                parse_target_key(key).ok_or(ImportError::TemporaryFileDamaged)?;
            if !self.targets.contains(target, name)? {
                let source = parse_posting(&key[end..]).ok_or(ImportError::TemporaryFileDamaged)?;
                return Ok(Some(Dangling { target, name: name.to_owned(), source }));
            }
        }
        Ok(None)
    }
}

impl Resolver<'_> {
    /// Finds the references of remaining records to records of emptied kinds. Those in lists are
    /// removed. A record that depends on a removed one is excluded.
    fn check_existing_references(&mut self, excluded: &[&Sorted]) -> Result<(), ImportError> {
        let scope = self.scope;
        let any_emptied = scope.emptied.iter().any(|(_, emptied)| *emptied);
        let any_kept = Kind::ALL.into_iter().any(|kind| scope.keeps_existing(kind));
        // A kept user has no references; a kept group has.
        let group_kept = scope.survivors(Kind::Group).next().is_some();
        if !any_emptied || !(any_kept || group_kept) {
            return Ok(());
        }
        let mut targets = ResultingTargets::new(scope, excluded);
        scope.existing.each_reference(|key, posting| {
            self.check_existing_reference(&mut targets, key, posting)
        })
    }

    fn check_existing_reference(
        &mut self,
        targets: &mut ResultingTargets<'_>,
        key: &[u8],
        posting: &[u8],
    ) -> Result<(), ImportError> {
        let scope = self.scope;
        self.log.progress().check()?;
        let (target, name, _) = parse_target_key(key).ok_or(ImportError::TemporaryFileDamaged)?;
        let is_affected = target.kinds().iter().any(|kind| scope.emptied[*kind]);
        if !is_affected || targets.contains(target, name)? {
            return Ok(());
        }
        let source = parse_posting(posting).ok_or(ImportError::TemporaryFileDamaged)?;
        if !scope.keeps_record(source.kind, &source.name) {
            return Ok(());
        }
        if arity(source.kind, &source.relation) == Some(Arity::One) {
            let dependent = record_key(source.kind, source.name.as_bytes());
            push(&mut self.excluded, &dependent, &[])
        } else {
            remove_reference(source, name, &mut self.removed_references, self.log)
        }
    }
}

/// Removes the references of existing records to existing records that are excluded because they
/// depend on a removed one.
fn remove_references_to_dependents(
    scope: &Scope<'_>,
    excluded: &Sorted,
    removed_references: &mut Sorter,
    log: &Log,
) -> Result<(), ImportError> {
    let mut cursor = SortedCursor::new(excluded);
    while let Some((key, _)) = cursor.advance()? {
        log.progress().check()?;
        let (kind, name) = parse_record_key(key)?;
        if scope.has_incoming(kind) || scope.emptied[kind] {
            continue;
        }
        let name = String::from_utf8_lossy(name).into_owned();
        for source in scope.existing.referrers(Target::Kind(kind), &name)? {
            if scope.keeps_record(source.kind, &source.name) {
                remove_reference(source, &name, removed_references, log)?;
            }
        }
    }
    Ok(())
}

/// Removes a reference to a removed record, and reports it.
fn remove_reference(
    source: Referrer,
    name: &str,
    removed_references: &mut Sorter,
    log: &Log,
) -> Result<(), ImportError> {
    let Referrer { kind, name: record, relation } = source;
    let key = removed_reference_key(kind, &record, &relation, name);
    push(removed_references, &key, &[])?;
    let removed =
        DanglingReference { kind, property: relation, missing: name.to_owned(), nearest: None };
    log.removed_reference(&removed, DocumentLocation::of_record(record))
}

/// Removes the references in lists of incoming records that have no target, and reports them with
/// names that look like the missing ones.
fn remove_dangling_references(
    scope: &Scope<'_>,
    excluded: &Sorted,
    removed_references: &mut Sorter,
    log: &Log,
) -> Result<(), ImportError> {
    let excluded = [excluded];
    let mut dangling = DanglingReferences::new(scope, &scope.decoded.many, &excluded, log);
    let mut report = |found: Dangling, suggestions: &Suggestions| {
        let Dangling { target, name, source } = found;
        let Referrer { kind, name: record, relation } = source;
        let key = removed_reference_key(kind, &record, &relation, &name);
        push(removed_references, &key, &[])?;
        let nearest = suggestions.of(target, &name).map(str::to_owned);
        let dangling = DanglingReference { kind, property: relation, missing: name, nearest };
        log.dangling(&dangling, DocumentLocation::of_record(record))
    };
    // The names that look like the first missing ones are sought in one pass.
    let mut suggestions = Suggestions::default();
    let mut first = Vec::new();
    while first.len() < DANGLING_WITH_SUGGESTION_MAX
        && let Some(found) = dangling.next()?
    {
        suggestions.add(found.target, &found.name);
        first.push(found);
    }
    suggestions.seek(scope)?;
    for found in first {
        report(found, &suggestions)?;
    }
    while let Some(found) = dangling.next()? {
        report(found, &suggestions)?;
    }
    Ok(())
}

/// Seeks names that look like those of missing targets.
fn suggestions(scope: &Scope<'_>, excluded: &Sorted) -> Result<Suggestions, ImportError> {
    let mut suggestions = Suggestions::default();
    let mut reader = excluded.read();
    while let Some((_, missing)) = reader.next().map_err(ImportError::TemporaryFile)? {
        if let Some((target, name, _)) = parse_target_key(missing) {
            suggestions.add(target, name);
        }
    }
    suggestions.seek(scope)?;
    Ok(suggestions)
}

/// Counts the incoming records that are rejected because of their names or references, and reports
/// the references without a target.
fn report_rejected(scope: &Scope<'_>, excluded: &Sorted, log: &Log) -> Result<(), ImportError> {
    let mut incoming =
        scope.decoded.records.map(|_, records| records.as_ref().map(SortedCursor::new));
    let suggestions = suggestions(scope, excluded)?;
    let mut reader = excluded.read();
    let mut last: Option<Vec<u8>> = None;
    while let Some((key, missing)) = reader.next().map_err(ImportError::TemporaryFile)? {
        let (kind, name) = parse_record_key(key)?;
        let Some(incoming) = &mut incoming[kind] else { continue };
        if !incoming.seek(name)? {
            continue;
        }
        if last.as_deref() != Some(key) {
            log.count_rejected(kind);
            last = Some(key.to_vec());
        }
        if missing.is_empty() {
            // The conflict of its name was reported when it was found.
            continue;
        }
        let (target, missing_name, end) =
            parse_target_key(missing).ok_or(ImportError::TemporaryFileDamaged)?;
        let relation = String::from_utf8_lossy(&missing[end..]);
        let location = match incoming.current() {
            Some((name, value)) => location_of(log, kind, &relation, name, value)?,
            None => DocumentLocation::default(),
        };
        let near = suggestions.of(target, missing_name);
        let problem = Problem::missing(log.document(kind), &relation, target, missing_name, near);
        log.problem(&problem, location)?;
    }
    Ok(())
}
