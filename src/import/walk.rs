//! The second step of an import, second half: one ordered walk over what is there and what comes.

use super::{
    ImportError,
    cursor::{Cursor, record_key},
    intake::Incoming,
    resolve::{Resolved, Scope, Strikes},
};
use crate::{
    model::{AnyRecord, Kind, Record, check_limits, limits::SURELY_KEPT_BYTES},
    store::{Raw, StoreError, decode_any_body, encode_body},
};

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is not in the project, and stays as it is.
    Kept,
    /// It is not in the project, but its lists follow those of other records.
    Adjusted,
    /// The project says what the inventory says.
    Unchanged,
    Created,
    Updated,
    Removed,
}

/// One record on the walk.
pub(super) struct Step<'a> {
    pub name: &'a str,
    pub fate: Fate,
    pub before: Option<&'a Raw>,
    /// What it will be; nothing when it is removed.
    pub after: Option<After<'a>>,
}

impl Step<'_> {
    /// How many records the step has read: one of the inventory, one of what comes, or both.
    pub fn sides(&self) -> u64 {
        match self.fate {
            Fate::Kept | Fate::Adjusted | Fate::Created => 1,
            Fate::Unchanged | Fate::Updated => 2,
            Fate::Removed => 1,
        }
    }
}

/// A record as it will be.
pub(super) struct After<'a> {
    pub record: &'a dyn Record,
    pub ordinal: u64,
    /// The version of the record where it does not change.
    pub version: Option<u64>,
    pub body: &'a [u8],
}

/// Changes a record beyond what the import says of it; of one that was there, its bytes are beside
/// it. Says whether it did.
pub(super) type Amend<'a> =
    dyn FnMut(&mut dyn Record, Option<&Raw>) -> Result<bool, ImportError> + 'a;

/// Walks over one kind's records by name, and calls `each` with what becomes of each. `amend` may
/// change a record before that, knowing the one that was there; it says whether it did.
pub(super) fn walk(
    kind: Kind,
    scope: &Scope<'_>,
    resolved: &Resolved,
    amend: &mut Amend<'_>,
    each: &mut dyn FnMut(Step<'_>) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let emptied = scope.emptied[kind];
    let survivor = scope.survivor(kind);
    let mut strikes = Strikes::new(&resolved.strikes);
    let mut gone = Cursor::new(&resolved.gone);
    let mut gone = |name: &[u8]| gone.seek(&record_key(kind, name));
    let ordinals = first_ordinal(scope, kind)?;

    let mut old = scope.old.scan_raw(kind);
    let mut old_next = old.next().transpose()?;
    let mut incoming = scope.decoded.records[kind].as_ref().map(Cursor::new);
    if let Some(incoming) = &mut incoming {
        incoming.advance()?;
    }
    loop {
        let new = incoming.as_ref().and_then(|incoming| incoming.here());
        let order = match (&old_next, new) {
            (None, None) => return Ok(()),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.as_slice().cmp(new),
        };
        let before = if order.is_le() { old_next.take() } else { None };
        let new = if order.is_ge() { new } else { None };
        let name = match (&before, new) {
            (Some((name, _)), _) => name.clone(),
            (None, Some((name, _))) => name.to_vec(),
            (None, None) => return Ok(()),
        };
        let is_gone = gone(&name)?;
        let name = String::from_utf8(name).map_err(|_| ImportError::NameBytes { kind })?;
        let before = before.map(|(_, raw)| raw);
        // A rejected record of the project is as if it were not in it.
        let new = new.filter(|_| !is_gone);
        let brought = scope.decoded.records[kind].is_some();
        match (before, new) {
            (None, None) => {}
            (Some(before), None) => {
                let stays = match (emptied, brought) {
                    (true, _) => survivor == Some(name.as_str()),
                    (false, true) => true,
                    (false, false) => !is_gone,
                };
                if stays {
                    let mut record = before.record(kind, name.as_bytes())?;
                    let struck = strikes.apply(&mut *record)?;
                    let amended = amend(&mut *record, Some(&before))?;
                    let body = if struck | amended {
                        Some(encode_body(&*record)?).filter(|body| body != before.body())
                    } else {
                        None
                    };
                    each(Step {
                        name: &name,
                        fate: if body.is_some() { Fate::Adjusted } else { Fate::Kept },
                        before: Some(&before),
                        after: Some(After {
                            record: &*record,
                            ordinal: before.header.ordinal,
                            version: body.is_none().then_some(before.header.version),
                            body: body.as_deref().unwrap_or(before.body()),
                        }),
                    })?;
                } else {
                    let fate = Fate::Removed;
                    each(Step { name: &name, fate, before: Some(&before), after: None })?;
                }
            }
            (before, Some((_, value))) => {
                let incoming = Incoming::read(value)?;
                let mut record = decode_incoming(kind, incoming.body)?;
                let mut changed = false;
                if let (Some(before), false) = (&before, emptied) {
                    let mut merged = before.record(kind, name.as_bytes())?;
                    merged.merge(record);
                    record = merged;
                    changed = true;
                }
                changed |= strikes.apply(&mut *record)?;
                changed |= amend(&mut *record, before.as_ref())?;
                let body = if changed { Some(encode_body(&*record)?) } else { None };
                let body = body.as_deref().unwrap_or(incoming.body);
                // Each of the two keeps the limits, and together they might not; nor might a pool that
                // takes over the members that were computed.
                if changed && body.len() > SURELY_KEPT_BYTES {
                    check_grown(before.as_ref(), &mut *record, body)?;
                }
                let same = before.as_ref().filter(|before| before.body() == body);
                let fate = match (&before, same) {
                    (None, _) => Fate::Created,
                    (Some(_), Some(_)) => Fate::Unchanged,
                    (Some(_), None) => Fate::Updated,
                };
                let ordinal = match &before {
                    Some(before) if !emptied => before.header.ordinal,
                    Some(_) | None => ordinals + incoming.at.position,
                };
                let version = same.map(|same| same.header.version);
                let after = Some(After { record: &*record, ordinal, version, body });
                each(Step { name: &name, fate, before: before.as_ref(), after })?;
            }
        }
        if order.is_le() {
            old_next = old.next().transpose()?;
        }
        if order.is_ge()
            && let Some(incoming) = &mut incoming
        {
            incoming.advance()?;
        }
    }
}

/// Refuses a record that grew over a limit because it was merged or amended.
fn check_grown(
    before: Option<&Raw>,
    record: &mut dyn Record,
    body: &[u8],
) -> Result<(), StoreError> {
    let grows = before.is_none_or(|before| before.body().len() < body.len());
    match check_limits(record) {
        Err(over) if grows => {
            let name = record.name().to_string();
            Err(StoreError::OverLimit { kind: record.kind(), name, over })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The ordinal of the first record of the project's document.
fn first_ordinal(scope: &Scope<'_>, kind: Kind) -> Result<u64, ImportError> {
    if !scope.emptied[kind] {
        return Ok(scope.old_summary.kind(kind).ordinal_next);
    }
    let survivor = match scope.survivor(kind) {
        Some(name) => scope.old.get_raw(kind, name)?,
        None => None,
    };
    Ok(survivor.map_or(0, |survivor| survivor.header.ordinal + 1))
}

/// Decodes a record of what comes.
pub(super) fn decode_incoming(kind: Kind, body: &[u8]) -> Result<AnyRecord, ImportError> {
    decode_any_body(kind, body).map_err(|error| ImportError::Scratch(std::io::Error::other(error)))
}
