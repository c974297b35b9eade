//! Rewrites a damaged inventory: copies every record that decodes and whose required references exist
//! to a new generation.

use std::{collections::HashSet, io, sync::Arc};

use super::report::RewriteReport;
use crate::{
    disk::Sorter,
    model::{AnyRecord, Arity, Kind, PerKind, Reference, Target, Value},
    store::{
        DataDirectory, Options, StoreError, Stored, Summary, format,
        history::ReplacementEntries,
        new_generation::NewGeneration,
        references::{parse_target_key, posting, target_key},
        tree_id::TreeId,
        trees::{Trees, ValueOwner},
    },
};

/// The memory for sorting references, in bytes.
const SORTED_BYTES: usize = 32 * 1024 * 1024;

/// The input of a rewrite.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub trees: Trees<'a>,
    pub secrets: Secrets,
}

/// The version of the written records, and the entries of the recovery in the history.
pub(super) struct RecordedVersion {
    pub version: u64,
    pub history: ReplacementEntries,
}

/// Tells whether to keep encrypted secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Keep,
    /// Removes them, because their key is lost.
    Remove,
}

/// The names of the kept records.
type Names = PerKind<HashSet<Box<[u8]>>>;

/// Writes the records to a new generation. Computed pools have no members in it. Unreadable records are
/// not an error: the report lists them.
///
/// # Errors
/// - [`StoreError::DiskFull`] if the file system has no space.
/// - [`StoreError::Io`] for any other error of the file system.
/// - [`StoreError::Database`] for any other error of sled.
pub(super) fn rewrite(
    directory: &Arc<DataDirectory>,
    number: u64,
    options: Options,
    recorded: RecordedVersion,
    input: Input<'_>,
) -> Result<(NewGeneration, RewriteReport), StoreError> {
    let mut report = RewriteReport::default();
    let mut names = readable_names(input.trees, &mut report)?;
    reject_dangling(input.trees, &mut names, &mut report)?;
    let RecordedVersion { version, history } = recorded;
    let summary = Summary::default().restored(version);
    let new = NewGeneration::begin(directory, number, options, summary)?;
    new.write_history(&history)?;
    let references = Sorter::new(&directory.scratch(), SORTED_BYTES);
    let mut rewrite = Rewrite { new, version, input, names, references, report };
    for kind in Kind::ALL {
        rewrite.write_kind(kind)?;
    }
    rewrite.finish()
}

fn sort_error(error: io::Error) -> StoreError {
    StoreError::io("sorting references")(error)
}

/// A running rewrite.
struct Rewrite<'a> {
    new: NewGeneration,
    /// The version of the written records.
    version: u64,
    input: Input<'a>,
    /// The records to keep.
    names: Names,
    /// The references of the written records.
    references: Sorter,
    report: RewriteReport,
}

impl Rewrite<'_> {
    /// Writes the kept records of one kind.
    fn write_kind(&mut self, kind: Kind) -> Result<(), StoreError> {
        let trees = self.input.trees;
        let mut table = self.new.table(kind);
        let mut ordinals = HashSet::new();
        for entry in trees.tree(TreeId::Kind(kind)).prefix(&[]) {
            let (name, _) = entry?;
            if !self.names[kind].contains(&*name) {
                continue;
            }
            let Stored { mut record, mut ordinal, .. } = read(trees, kind, &name)?;
            self.report.references_removed += remove_dangling(&mut record, &self.names);
            if self.input.secrets == Secrets::Remove {
                self.report.secrets_dropped += remove_secrets(&mut record);
            }
            let mut keys = Vec::new();
            record.references(&mut |reference| {
                let mut key = target_key(reference.target, reference.name);
                key.extend(posting(kind, reference.relation, record.name()));
                keys.push(key);
            });
            for key in keys {
                self.references.push(&key, &[]).map_err(sort_error)?;
            }
            // A page in an earlier state can hold a record whose ordinal was assigned to another one
            // since.
            while !ordinals.insert(ordinal) {
                ordinal += 1;
            }
            table.put(&name, ordinal, self.version, &format::encode_body(&*record)?)?;
            self.report.kinds[kind].kept += 1;
        }
        table.finish();
        Ok(())
    }

    /// Writes the reverse index and the long texts, and completes the generation.
    fn finish(self) -> Result<(NewGeneration, RewriteReport), StoreError> {
        let Self { new, input, references, mut report, .. } = self;
        let references = references.finish().map_err(sort_error)?;
        new.references(|push| {
            let mut reader = references.read();
            while let Some((key, _)) = reader.next().map_err(sort_error)? {
                if let Some((_, _, length)) = parse_target_key(key) {
                    push(&key[..length], &key[length..])?;
                }
            }
            Ok::<_, StoreError>(())
        })?;
        copy_texts(&new, input.trees, &mut report)?;
        new.complete()?;
        Ok((new, report))
    }
}

/// Returns the names of the records that decode.
fn readable_names(trees: Trees<'_>, report: &mut RewriteReport) -> Result<Names, StoreError> {
    let mut names = Names::default();
    for kind in Kind::ALL {
        for entry in trees.tree(TreeId::Kind(kind)).prefix(&[]) {
            let (name, _) = entry?;
            match read(trees, kind, &name) {
                Ok(_) => {
                    names[kind].insert(name.to_vec().into());
                }
                Err(error) => {
                    report.kinds[kind].unreadable += 1;
                    report.lose(kind, &name, unreadable(error)?);
                }
            }
        }
    }
    Ok(names)
}

/// Returns why a record cannot be read. An error that is not damage is returned as an error.
fn unreadable(error: StoreError) -> Result<String, StoreError> {
    match error {
        StoreError::Corrupt { detail, .. } | StoreError::Damaged { detail, .. } => {
            Ok(format!("it cannot be read: {detail}"))
        }
        other => Err(other),
    }
}

/// Reads a record.
fn read(trees: Trees<'_>, kind: Kind, name: &[u8]) -> Result<Stored<AnyRecord>, StoreError> {
    let missing = || crate::store::error::corrupt(kind, name, "the record is missing");
    let raw = trees.raw(kind, name)?.ok_or_else(missing)?;
    Stored::read_any(kind, name, &raw)
}

/// Returns whether the target of a reference is kept.
fn is_kept(names: &Names, target: Target, name: &str) -> bool {
    target.kinds().iter().any(|kind| names[*kind].contains(name.as_bytes()))
}

/// Removes the names of records that require a lost record. Repeats this until the targets of all
/// required references are kept.
fn reject_dangling(
    trees: Trees<'_>,
    names: &mut Names,
    report: &mut RewriteReport,
) -> Result<(), StoreError> {
    loop {
        let mut rejected = Vec::new();
        for kind in Kind::ALL {
            for name in &names[kind] {
                let Ok(stored) = read(trees, kind, name) else { continue };
                let mut missing = None;
                stored.record.references(&mut |Reference { target, arity, name, .. }| {
                    if arity == Arity::One && !is_kept(names, target, name) {
                        missing = Some(format!("it requires the {target} '{name}', which is lost"));
                    }
                });
                if let Some(why) = missing {
                    rejected.push((kind, name.clone(), why));
                }
            }
        }
        if rejected.is_empty() {
            return Ok(());
        }
        rejected.sort_unstable();
        for (kind, name, why) in rejected {
            names[kind].remove(&name);
            report.kinds[kind].rejected += 1;
            report.lose(kind, &name, why);
        }
    }
}

/// Removes the references to lost records from lists. Returns their number.
fn remove_dangling(record: &mut AnyRecord, names: &Names) -> u64 {
    let mut dangling = Vec::new();
    record.references(&mut |Reference { relation, target, arity, name }| {
        if arity == Arity::Many && !is_kept(names, target, name) {
            dangling.push((relation, name.to_owned()));
        }
    });
    for (relation, name) in &dangling {
        record.remove_reference(relation, name);
    }
    dangling.len() as u64
}

/// Sets every encrypted secret to null. Returns their number.
fn remove_secrets(record: &mut AnyRecord) -> u64 {
    let secrets = record.secrets().into_iter();
    let encrypted = secrets.filter(|(_, secret)| secret.encrypted().is_some());
    let properties: Vec<String> = encrypted.map(|(property, _)| property.to_owned()).collect();
    for property in &properties {
        if record.set(property, Value::Null).is_err() {
            unreachable!("every secret can be null");
        }
    }
    properties.len() as u64
}

/// Copies the long texts of the kept devices.
fn copy_texts(
    new: &NewGeneration,
    trees: Trees<'_>,
    report: &mut RewriteReport,
) -> Result<(), StoreError> {
    let mut texts = new.text_writer();
    for entry in trees.tree(TreeId::Texts).prefix(&[]) {
        let (key, value) = entry?;
        let device = key.split(|byte| *byte == 0).next().unwrap_or_default();
        let raw = match trees.value(ValueOwner::Text, &key) {
            Ok(Some(raw))
                if new.generation().tree(TreeId::Kind(Kind::Device)).contains_key(device)? =>
            {
                raw
            }
            Ok(_) | Err(StoreError::Damaged { .. } | StoreError::Corrupt { .. }) => {
                report.texts_lost += 1;
                continue;
            }
            Err(other) => return Err(other),
        };
        texts.copy(trees, &key, &value, &raw)?;
        report.texts += 1;
    }
    Ok(())
}
