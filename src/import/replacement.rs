//! The check against empty replacements: an import that empties a kind and has no record of it would
//! only remove records.
//!
//! A table whose rows are not recognised (another separator, other line ends, a heading that is not
//! in row 1) reads as a table without rows. Without this check it would replace everything.

use super::{
    EmptyReplacement, ImportOptions,
    error::{EmptyKind, ImportError},
    log::Log,
    problem::Document,
    resolve::Resolved,
    scope::Scope,
    sorted_cursor::{SortedCursor, record_key},
};
use crate::model::Kind;

/// Refuses an import that would only remove records of a kind, unless that is allowed. A listed
/// kind without a document in the project is emptied, as the manual of eNMS documents.
///
/// # Errors
/// [`ImportError::EmptyReplacement`] with every such kind.
pub(super) fn require_records(
    options: &ImportOptions<'_>,
    scope: &Scope<'_>,
    resolved: &Resolved,
    log: &Log,
) -> Result<(), ImportError> {
    if options.empty_replacement == EmptyReplacement::Allowed {
        return Ok(());
    }
    let mut empty = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| scope.emptied[*kind]) {
        let document = log.document(kind);
        let has_document = scope.has_incoming(kind);
        if matches!(document, Document::Yaml(_)) && !has_document {
            continue;
        }
        let removed = removed(scope, kind);
        if removed == 0 || has_valid_record(scope, resolved, kind)? {
            continue;
        }
        let found = match document {
            Document::Yaml(kind) => format!("the document {kind}.yaml contains no readable record"),
            Document::Sheet(_) if options.what == "table" => {
                "the table contains no readable record".to_owned()
            }
            Document::Sheet(kind) if has_document => {
                format!("the sheet '{}' contains no readable record", log.sheet_name(kind))
            }
            Document::Sheet(kind) => format!("the workbook has no sheet '{kind}'"),
        };
        empty.push(EmptyKind { document, removed, found });
    }
    if empty.is_empty() { Ok(()) } else { Err(ImportError::EmptyReplacement(empty)) }
}

/// The number of records that are removed if a kind is emptied: all but those that are kept.
fn removed(scope: &Scope<'_>, kind: Kind) -> u64 {
    let count = scope.existing_summary.kind(kind).count;
    count.saturating_sub(scope.survivors(kind).count() as u64)
}

/// Returns whether at least one incoming record of the kind is not rejected.
fn has_valid_record(
    scope: &Scope<'_>,
    resolved: &Resolved,
    kind: Kind,
) -> Result<bool, ImportError> {
    let Some(records) = &scope.decoded.records[kind] else { return Ok(false) };
    let mut rejected = SortedCursor::new(&resolved.excluded);
    let mut incoming = SortedCursor::new(records);
    while let Some((name, _)) = incoming.advance()? {
        if !rejected.seek(&record_key(kind, name))? {
            return Ok(true);
        }
    }
    Ok(false)
}
