//! The import of a project: its documents, and what is said of it beside what every import says.

use std::{io, ops::ControlFlow};

use super::{
    EmptyFirst, ImportReport, ImportRequest, Imported, MigrationError, RELEASE,
    library::{Layout, Project},
};
use crate::{
    codec::yaml,
    import::{
        self, Decoded, DocumentLocation, Emptying, ImportOptions, Intake, KindRecords, Log,
        Problem, RecordPosition,
    },
    job::Step,
    model::{Kind, Secrets},
    store::Store,
    wording::{chain, counted},
};

/// Imports a project, or says what an import would do.
pub(super) fn import(
    store: &Store,
    project: &Project,
    request: &ImportRequest,
    caller: &str,
    log: &Log,
) -> Result<ImportReport, MigrationError> {
    let documents_bytes = project.documents();
    let mut kinds: Vec<Kind> =
        Kind::ALL.into_iter().filter(|k| request.kinds.contains(k)).collect();
    // The longest document first, so that no thread is left alone with it at the end.
    kinds.sort_unstable_by_key(|kind| (std::cmp::Reverse(documents_bytes[*kind]), *kind));
    let options = ImportOptions {
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
        principal: caller,
    };
    let decoded = decode(store, project, &kinds, log)?;
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
struct Document {
    kind: Kind,
    text: Box<dyn io::Read + Send>,
    /// The records that the project says are in it.
    declared: Option<u64>,
}

/// The first step: documents become records. It looks at nothing but the bytes.
fn decode(
    store: &Store,
    project: &Project,
    kinds: &[Kind],
    log: &Log,
) -> Result<Decoded, MigrationError> {
    let intake = Intake::new(store.vault(), log);
    let mut documents = Vec::new();
    for kind in kinds {
        if let Some(text) = project.document(*kind)? {
            // A folder is there to be edited; what it once held does not count.
            let declared = match project.layout() {
                Layout::Bundle => project.metadata().document(*kind).map(|info| info.records),
                Layout::Folder => None,
            };
            documents.push(Document { kind: *kind, text, declared });
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

/// Takes the records of one document in.
fn read(
    document: Document,
    intake: &Intake<'_>,
    records: &mut KindRecords,
) -> Result<(), MigrationError> {
    let Document { kind, text, declared } = document;
    let log = intake.log();
    let mut failed = None;
    let read = yaml::read_records(text, |item| {
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
                    format!("the project declares {declared} here, and {found} were found");
                let document = log.document(kind);
                let problem = Problem::of(document, None, "record-count", detail);
                Ok(log.problem(&problem, DocumentLocation::default())?)
            }
            Some(_) | None => Ok(()),
        },
        Err(error) => unreadable(log, kind, error),
    }
}

/// Takes down why a document cannot be read; an error of the disk ends the import.
fn unreadable(log: &Log, kind: Kind, error: yaml::ReadError) -> Result<(), MigrationError> {
    let (line, column) = match error {
        yaml::ReadError::Io(_) => return Err(MigrationError::of_read(kind, error)),
        yaml::ReadError::Refused { line, column, .. } => (Some(line), Some(column)),
    };
    let problem = Problem::of(log.document(kind), None, "document", chain(&error));
    Ok(log.unreadable(&problem, DocumentLocation { line, column, ..DocumentLocation::default() })?)
}

/// What the caller should know of the project.
fn warn(project: &Project, log: &Log) {
    if let Some(release) = &project.metadata().release
        && release.to_string() != RELEASE.to_string()
    {
        log.warn(format!(
            "the project is of release {release}, and this Satchel writes the documents of \
             {RELEASE}: look whether everything came as you expect"
        ));
    }
    if project.metadata().secrets() == Some(Secrets::LeftOut) {
        log.warn(
            "the project was exported without its secrets: what it creates has no passwords and \
             keys, and what is there keeps its own unless it is emptied"
                .to_owned(),
        );
    }
    if project.hides_folder() {
        log.warn("a folder and a bundle of this name are there; the bundle was read".to_owned());
    }
    for document in project.ignored() {
        log.warn(format!("the document '{document}' is not one of a project's"));
    }
}
