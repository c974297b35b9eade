//! Checks the lines of `history.ndjson`: their order, their counts and every value.

use std::ops::ControlFlow;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    BackupError, BackupFindings, Manifest,
    lines::{ChangeLine, ValueLine},
    parts::PartLines,
};
use crate::{
    codec::{bundle::PARTS_FOLDER, yaml},
    job::Progress,
    model::{AnyRecord, Kind, Value},
    wording::counted,
};

/// Reads every line of the history. Returns the number of changes.
///
/// # Errors
/// [`BackupError::Refused`] if a line cannot be read, or [`BackupError::Store`] if the operation was cancelled.
pub(super) fn check_history(
    mut lines: PartLines<'_>,
    manifest: &Manifest,
    findings: &mut BackupFindings,
    progress: &Progress,
) -> Result<u64, BackupError> {
    let mut line = Vec::new();
    let mut changes = 0;
    let mut last = 0;
    while lines.next(&mut line)? {
        progress.check()?;
        let change: ChangeLine = lines.parse(&line)?;
        changes += 1;
        let number = change.number;
        if number <= last || number > manifest.change {
            findings.add(format!("change {number} is out of order"));
        }
        last = number;
        if OffsetDateTime::parse(&change.time, &Rfc3339).is_err() {
            findings.add(format!("change {number} has the unreadable time '{}'", change.time));
        }
        if let Some(kind) = change.counts.keys().find(|kind| kind.parse::<Kind>().is_err()) {
            findings.add(format!("change {number} counts the unknown type '{kind}'"));
        }
        for _ in 0..change.values {
            if !lines.next(&mut line)? {
                findings.add(format!("values of change {number} are missing"));
                return Ok(changes);
            }
            if let Err(problem) = check_value(&lines.parse(&line)?) {
                findings.add(format!("change {number}: {problem}"));
            }
        }
    }
    let part = format!("{PARTS_FOLDER}{}", super::read::HISTORY_PART);
    if manifest.records_of(&part) != Some(changes) {
        findings.add(format!("the history has {}, not as declared", counted(changes, "change")));
    }
    Ok(changes)
}

/// Checks a touched value. Returns the problem as a part of a sentence.
fn check_value(line: &ValueLine) -> Result<(), String> {
    let ValueLine { kind, name, property, before, .. } = line;
    let kind: Kind = kind.parse().map_err(|_| format!("the type '{kind}' is unknown"))?;
    if let Some(property) = property {
        let is_text = kind == Kind::Device && kind.long_texts().contains(&&**property);
        return if is_text { Ok(()) } else { Err(format!("the text '{property}' is unknown")) };
    }
    let Some(before) = before else { return Ok(()) };
    let mut found = Err("it has no value before it".to_owned());
    let read = yaml::read_records(before.as_bytes(), |item| {
        found = match item.value {
            Value::Map(properties) => AnyRecord::parse(kind, properties)
                .map(|parsed| parsed.record)
                .map_err(|_| "its value before it is not a valid record".to_owned()),
            _ => Err("its value before it is not a record".to_owned()),
        };
        ControlFlow::Continue(())
    });
    let named = |problem: String| format!("the {kind} '{name}': {problem}");
    match (read, found) {
        (Ok(1), Ok(record)) if record.name().as_str() == name => Ok(()),
        (Ok(1), Ok(_)) => Err(named("its value before it has another name".to_owned())),
        (Ok(_), Ok(_)) => Err(named("it has several values before it".to_owned())),
        (Ok(_), Err(problem)) => Err(named(problem)),
        (Err(error), _) => Err(named(crate::wording::chain(&error))),
    }
}
