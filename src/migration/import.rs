//! Imports a project: decodes its documents, applies them, and adds the warnings of projects.

use std::{io, ops::ControlFlow};

use super::{
    EmptyFirst, ImportReport, ImportRequest, Imported, MigrationError, RELEASE,
    library::{Layout, Project},
};
use crate::{
    codec::yaml,
    import::{
        self, Decoded, DocumentLocation, Emptying, ImportOptions, Intake, KindRecords, Log,
        Merging, PrincipalRecord, Problem, RecordPosition, SmallImport,
    },
    job::Step,
    model::{Kind, PropertyType, Secrets, Value, python},
    store::{Origin, Store},
    wording::{chain, counted},
};

/// Number of warnings about unusual spellings, for each document.
const RESPELLED_WARNINGS_MAX: u64 = 20;

/// Imports a project. A dry run only reports the changes.
pub(super) fn import(
    store: &Store,
    project: &Project,
    request: &ImportRequest,
    origin: &Origin,
    log: &Log,
) -> Result<ImportReport, MigrationError> {
    let documents_bytes = project.documents();
    let mut kinds: Vec<Kind> =
        Kind::ALL.into_iter().filter(|k| request.kinds.contains(k)).collect();
    // The longest document first: otherwise one thread would decode it alone at the end.
    kinds.sort_unstable_by_key(|kind| (std::cmp::Reverse(documents_bytes[*kind]), *kind));
    let options = ImportOptions {
        merging: Merging::MergeRecords,
        principal_record: PrincipalRecord::Kept,
        // A document contains every property.
        kept_by_replacement: None,
        what: "project",
        kinds: &kinds,
        emptying: match request.empty {
            EmptyFirst::Yes => Emptying::Listed,
            EmptyFirst::WithDocument => Emptying::Present,
            EmptyFirst::No => Emptying::Nothing,
        },
        empty_replacement: request.empty_replacement,
        on_error: request.on_error,
        mode: request.mode,
        small: SmallImport::DEFAULT,
        origin,
    };
    let decoded = decode(store, project, &kinds, None, log)?;
    let run = import::apply(store, &options, log, decoded)?;
    warn(project, log);
    for kind in kinds.iter().filter(|kind| documents_bytes[**kind].is_none()) {
        run.warn_of_absent(*kind, &format!("the project has no document {kind}.yaml"), log);
    }
    let release = project.metadata().release.as_ref().map(ToString::to_string);
    let source = Imported { project: project.name().to_string(), release };
    Ok(run.report(source, &kinds, log))
}

/// A document that is to be decoded.
struct Document<'n> {
    kind: Kind,
    text: Box<dyn io::Read + Send>,
    /// The number of records that the project declares.
    declared: Option<u64>,
    /// The name of the records to decode. `None` for all.
    name: Option<&'n str>,
}

/// Decodes the documents to records, all or those with a name. Does not read the inventory.
pub(super) fn decode(
    store: &Store,
    project: &Project,
    kinds: &[Kind],
    name: Option<&str>,
    log: &Log,
) -> Result<Decoded, MigrationError> {
    let intake = Intake::new(store.vault(), log);
    let mut documents = Vec::new();
    for kind in kinds {
        if let Some(text) = project.document(*kind)? {
            // Users can edit folders, so the declared counts are ignored.
            let declared = match project.layout() {
                Layout::Bundle => project.metadata().document(*kind).map(|info| info.records),
                Layout::Folder => None,
            };
            documents.push(Document { kind: *kind, text, declared, name });
        }
    }
    let declared = documents.iter().map(|document| document.declared).sum();
    log.progress().step(Step::Decoding, declared)?;
    let records = import::in_parallel(documents, |document| {
        let mut records = intake.records(document.kind);
        read(document, &intake, &mut records)?;
        Ok::<_, MigrationError>(records.finish()?)
    })?;
    Ok(intake.finish(records)?)
}

/// Decodes the records of one document.
fn read(
    document: Document<'_>,
    intake: &Intake<'_>,
    records: &mut KindRecords,
) -> Result<(), MigrationError> {
    let Document { kind, text, declared, name } = document;
    let log = intake.log();
    let mut failed = None;
    let mut respelled = 0;
    let read = yaml::read_records(text, |item| {
        if name.is_some_and(|name| !is_named(&item.value, name)) {
            return ControlFlow::Continue(());
        }
        for sentence in respelled_sentences(kind, &item) {
            respelled += 1;
            if respelled <= RESPELLED_WARNINGS_MAX {
                log.warn(sentence);
            }
        }
        let position = RecordPosition { index: item.index, line: item.line };
        match intake.take_item(records, item.value, position) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    match read {
        Ok(found) => match declared {
            Some(declared) if declared != found => {
                let declared = counted(declared, "record");
                let detail =
                    format!("the project declares {declared}, but the document has {found}");
                let document = log.document(kind);
                let problem = Problem::of(document, None, "record-count", detail);
                Ok(log.problem(&problem, DocumentLocation::default())?)
            }
            Some(_) | None => Ok(()),
        },
        Err(error) => unreadable(log, kind, error),
    }
}

/// Returns whether a record has this name. An item that is not a record with a name is not the one.
fn is_named(item: &Value, name: &str) -> bool {
    let Value::Map(properties) = item else { return false };
    properties
        .iter()
        .any(|(key, value)| key.as_text() == Some("name") && value.as_text() == Some(name))
}

/// Returns a sentence for each text property of a record whose value YAML reads as a number or a
/// boolean that is spelled differently: `22:30` is 1350, `010` is 8, and `yes` is true.
fn respelled_sentences(kind: Kind, item: &yaml::Item) -> Vec<String> {
    let Value::Map(properties) = &item.value else { return Vec::new() };
    if item.respelled.is_empty() {
        return Vec::new();
    }
    let is_text = |name: &str| {
        kind.property(name).is_some_and(|property| match property.type_ {
            PropertyType::Name | PropertyType::Text | PropertyType::One(_) => true,
            PropertyType::Int
            | PropertyType::Bool
            | PropertyType::Float
            | PropertyType::Any
            | PropertyType::Many(_)
            | PropertyType::Secret => false,
        })
    };
    let named = properties.iter().filter_map(|(key, value)| Some((key.as_text()?, value)));
    let texts = named.filter(|(name, _)| is_text(name));
    let sentence = |(name, value): (&str, &Value)| {
        let found = item.respelled.iter().find(|scalar| scalar.value == *value.plain())?;
        let written = &found.written;
        let value = match &found.value {
            Value::Int(number) => number.to_string(),
            Value::Float(number) => python::float_repr(*number),
            Value::Bool(value) => {
                return Some(format!(
                    "{kind}.yaml, record in line {}: {name} is written as {written}, which YAML reads as \
                     the boolean {value}, as eNMS does. Write '{written}' in quotes if it is text",
                    item.line
                ));
            }
            _ => return None,
        };
        Some(format!(
            "{kind}.yaml, record in line {}: {name} is written as {written}, which YAML reads as the \
             number {value}, as eNMS does. The value is '{value}'. Write '{written}' in quotes if it is \
             text",
            item.line
        ))
    };
    texts.filter_map(sentence).collect()
}

/// Reports the reason why a document cannot be read. An I/O error ends the import.
fn unreadable(log: &Log, kind: Kind, error: yaml::ReadError) -> Result<(), MigrationError> {
    let (line, column) = match error {
        yaml::ReadError::Io(_) => return Err(MigrationError::of_read(kind, error)),
        yaml::ReadError::Refused { line, column, .. } => (Some(line), Some(column)),
    };
    let problem = Problem::of(log.document(kind), None, "document", chain(&error));
    Ok(log.unreadable(&problem, DocumentLocation { line, column, ..DocumentLocation::default() })?)
}

/// Adds the warnings about the project.
pub(super) fn warn(project: &Project, log: &Log) {
    if let Some(release) = &project.metadata().release
        && release.to_string() != RELEASE.to_string()
    {
        log.warn(format!(
            "the project has release {release}, but Satchel reads and writes documents of release \
             {RELEASE}. Check the records after the import"
        ));
    }
    if project.metadata().secrets() == Some(Secrets::LeftOut) {
        log.warn(
            "the project was exported without its secrets. New records have no passwords and keys; \
             existing records keep theirs unless they are emptied"
                .to_owned(),
        );
    }
    project.warnings().into_iter().for_each(|warning| log.warn(warning));
}
