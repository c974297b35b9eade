//! The guard against a replacement that holds nothing: an import that empties a kind and brings no
//! record of it would only remove.
//!
//! A table whose rows were not recognised (another separator, other line ends, a heading that is
//! not in row 1) reads as a table without rows. Without this guard it would replace everything.

use std::fmt;

use serde::Serialize;

use super::{
    EmptyReplacement, ImportError,
    cursor::{Cursor, record_key},
    problem::Document,
    resolve::{Resolved, Scope},
    run::Import,
};
use crate::{model::Kind, wording::counted};

/// A kind of which an import would only remove records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EmptyKind {
    /// What should hold the records.
    #[serde(flatten)]
    pub document: Document,
    /// The records that the import would remove.
    pub removed: u64,
    /// The begin of a sentence: "the sheet 'device' holds no readable record".
    #[serde(skip)]
    pub found: String,
}

impl fmt::Display for EmptyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.document {
            Document::Yaml(kind) | Document::Sheet(kind) => kind,
        };
        let records = counted(self.removed, kind.as_str());
        write!(f, "{}, and the import would remove {records}", self.found)
    }
}

/// Refuses an import that would only remove records of a kind, unless that is allowed. A kind for
/// which a project has no document at all is emptied, as eNMS's manual says of the listed types.
///
/// # Errors
/// [`ImportError::EmptyReplacement`] with every such kind.
pub(super) fn require_records(
    import: &Import<'_>,
    scope: &Scope<'_>,
    resolved: &Resolved,
    document: impl Fn(Kind) -> Document,
) -> Result<(), ImportError> {
    if import.empty_replacement == EmptyReplacement::Allowed {
        return Ok(());
    }
    let mut empty = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| scope.emptied[*kind]) {
        let document = document(kind);
        let is_there = scope.decoded.records[kind].is_some();
        if matches!(document, Document::Yaml(_)) && !is_there {
            continue;
        }
        let removed = removed(scope, kind)?;
        if removed == 0 || brings_any(scope, resolved, kind)? {
            continue;
        }
        let found = match document {
            Document::Yaml(kind) => format!("the document {kind}.yaml holds no readable record"),
            Document::Sheet(_) if import.what == "table" => {
                "the table holds no readable record".to_owned()
            }
            Document::Sheet(kind) if is_there => {
                format!("the sheet '{kind}' holds no readable record")
            }
            Document::Sheet(kind) => format!("the workbook has no sheet '{kind}'"),
        };
        empty.push(EmptyKind { document, removed, found });
    }
    if empty.is_empty() { Ok(()) } else { Err(ImportError::EmptyReplacement(empty)) }
}

/// The records of a kind that emptying it removes: all but the user who calls.
fn removed(scope: &Scope<'_>, kind: Kind) -> Result<u64, ImportError> {
    let count = scope.old_summary.kind(kind).count;
    let survives = match scope.survivor(kind) {
        Some(name) => scope.old.contains(kind, name)?,
        None => false,
    };
    Ok(count.saturating_sub(u64::from(survives)))
}

/// Whether at least one record of the kind comes and is not rejected.
fn brings_any(scope: &Scope<'_>, resolved: &Resolved, kind: Kind) -> Result<bool, ImportError> {
    let Some(records) = &scope.decoded.records[kind] else { return Ok(false) };
    let mut rejected = Cursor::new(&resolved.gone);
    let mut incoming = Cursor::new(records);
    while let Some((name, _)) = incoming.advance()? {
        if !rejected.seek(&record_key(kind, name))? {
            return Ok(true);
        }
    }
    Ok(false)
}
