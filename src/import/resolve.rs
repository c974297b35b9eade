//! The second step of an import, first half: do the references hold? Which records have to go,
//! and which names have to be struck from which lists.
//!
//! References are sorted by what they name, and so are the records, so one walk beside another
//! finds what is not there, in memory that does not grow with the project.

use std::{io, sync::Arc};

use super::{
    ImportError,
    cursor::{Cursor, parse_record_key, record_key},
    intake::{Decoded, Incoming},
    log::Log,
    problem::{Dangling, Place, Problem},
    walk::decode_incoming,
};
use crate::{
    disk::{Sorted, Sorter},
    model::{Arity, Kind, PerKind, Record, Target, arity},
    store::{LiveView, Referrer, Summary, parse_posting, parse_target_key, target_key},
};

/// What a sorter of this step may take in memory, in bytes.
const SORTER_BYTES: usize = 16 * 1024 * 1024;

/// What an import is about: what comes, the inventory, and what is to become of it.
pub(super) struct Scope<'a> {
    pub old: &'a LiveView,
    pub old_summary: Arc<Summary>,
    pub decoded: Decoded,
    /// The kinds that are emptied first.
    pub emptied: PerKind<bool>,
    /// The name of the user who calls.
    pub caller: &'a str,
    /// Whether the caller stays although users are emptied: the project does not bring them.
    pub caller_survives: bool,
}

/// What the references ask for.
pub(super) struct Resolved {
    /// Records that are not to be, as [`record_key`]s: those of what comes that are rejected,
    /// and those of the inventory that cannot stand without what is removed.
    pub gone: Sorted,
    /// Names to be struck: a [`record_key`] with the relation and the name.
    pub strikes: Sorted,
}

impl Scope<'_> {
    /// A walk over the names of one kind that will be there.
    fn presence<'s>(&'s self, kind: Kind, gone: &'s [&'s Sorted]) -> Presence<'s> {
        Presence {
            kind,
            incoming: self.decoded.records[kind].as_ref().map(Cursor::new),
            gone: gone.iter().map(|sorted| Cursor::new(sorted)).collect(),
            old: Some(self.old).filter(|_| self.old_summary.kind(kind).count > 0),
            emptied: self.emptied[kind],
            survivor: self.survivor(kind),
        }
    }

    /// The record of this kind that stays although the kind is emptied.
    pub fn survivor(&self, kind: Kind) -> Option<&str> {
        (kind == Kind::User && self.emptied[kind] && self.caller_survives).then_some(self.caller)
    }
}

/// Says of names, in ascending order, whether a record of one kind will be there.
struct Presence<'a> {
    kind: Kind,
    incoming: Option<Cursor<'a>>,
    gone: Vec<Cursor<'a>>,
    old: Option<&'a LiveView>,
    emptied: bool,
    survivor: Option<&'a str>,
}

impl Presence<'_> {
    fn has(&mut self, name: &str) -> Result<bool, ImportError> {
        let mut gone = false;
        let key = record_key(self.kind, name.as_bytes());
        for cursor in &mut self.gone {
            gone |= cursor.seek(&key)?;
        }
        let brought = match &mut self.incoming {
            Some(incoming) => incoming.seek(name.as_bytes())?,
            None => false,
        };
        if (brought && !gone) || self.survivor == Some(name) {
            return Ok(true);
        }
        // What is gone of a kind that is not in the project goes from the inventory itself; what
        // is gone of a kind that is merged is an update that is not made.
        if self.emptied || (gone && !brought) {
            return Ok(false);
        }
        match self.old {
            Some(old) => Ok(old.contains(self.kind, name)?),
            None => Ok(false),
        }
    }
}

/// Checks every reference.
pub(super) fn resolve(scope: &Scope<'_>, log: &Log) -> Result<Resolved, ImportError> {
    let collided = collisions(scope, log)?;
    let spoilt = spoilt(scope, &collided, log)?;
    let mut gone = Sorter::new(log.scratch(), SORTER_BYTES);
    let mut strikes = Sorter::new(log.scratch(), SORTER_BYTES);
    copy(&collided, &mut gone)?;
    copy(&spoilt, &mut gone)?;
    orphans(scope, &[&collided, &spoilt], &mut gone, &mut strikes, log)?;
    let gone = gone.finish()?;
    reject(scope, &gone, log)?;
    struck_with(scope, &gone, &mut strikes, log)?;
    each_absent(scope, &scope.decoded.many, &[&gone], log, |_, name, source| {
        strikes.push(&strike_key(source.kind, &source.name, &source.relation, name), &[])?;
        let dangling =
            Dangling { kind: source.kind, property: source.relation, missing: name.to_owned() };
        let place = Place { record: Some(source.name), ..Place::default() };
        Ok(log.lists().dangling.push(&dangling, place)?)
    })?;
    Ok(Resolved { gone, strikes: strikes.finish()? })
}

fn copy(from: &Sorted, to: &mut Sorter) -> io::Result<()> {
    let mut reader = from.read();
    while let Some((key, value)) = reader.next()? {
        to.push(key, value)?;
    }
    Ok(())
}

/// The records whose names are taken: by a record of their own document that comes first, or
/// (devices and networks share their names) by one of the other kind.
fn collisions(scope: &Scope<'_>, log: &Log) -> Result<Sorted, ImportError> {
    // A device gives way to the networks that are there already, but not to those of what comes.
    let networks = Presence { incoming: None, ..scope.presence(Kind::Network, &[]) };
    let networks = Some(networks).filter(|networks| networks.old.is_some());
    let devices = collided(scope, Kind::Device, networks, log)?;
    let devices = [&devices];

    let mut all = Sorter::new(log.scratch(), SORTER_BYTES);
    copy(devices[0], &mut all)?;
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Device) {
        // A network gives way to every device that there will be.
        let others = (kind == Kind::Network).then(|| scope.presence(Kind::Device, &devices));
        copy(&collided(scope, kind, others, log)?, &mut all)?;
    }
    Ok(all.finish()?)
}

/// The records of one kind of what comes whose names `others` have. Those whose names another one
/// of their own document has are rejected right here.
fn collided(
    scope: &Scope<'_>,
    kind: Kind,
    mut others: Option<Presence<'_>>,
    log: &Log,
) -> Result<Sorted, ImportError> {
    let mut collided = Sorter::new(log.scratch(), SORTER_BYTES);
    let Some(records) = &scope.decoded.records[kind] else { return Ok(collided.finish()?) };
    let mut reader = records.read();
    let mut last: Option<Vec<u8>> = None;
    while let Some((name, value)) = reader.next()? {
        log.progress().advance(1)?;
        let place = |property| {
            let at = Incoming::read(value)?.at;
            let name = String::from_utf8_lossy(name).into_owned();
            Ok::<_, ImportError>(log.place(kind, property, at, Some(name)))
        };
        if last.as_deref() == Some(name) {
            // The first of them stands; only this one is rejected.
            log.reject(kind)?;
            log.problem(&Problem::duplicate(log.document(kind)), place(Some("name"))?)?;
            continue;
        }
        if let Some(others) = &mut others
            && others.has(&String::from_utf8_lossy(name))?
        {
            collided.push(&record_key(kind, name), &[])?;
            let problem = Problem::node_taken(log.document(kind), others.kind);
            log.problem(&problem, place(Some("name"))?)?;
        }
        last = Some(name.to_vec());
    }
    Ok(collided.finish()?)
}

/// The records of what comes that cannot stand, as [`record_key`]s, each with the target that will
/// not be there and the relation that names it. Of a name that comes twice only the first record
/// counts: what the others name must not take it along.
fn spoilt(scope: &Scope<'_>, collided: &Sorted, log: &Log) -> Result<Sorted, ImportError> {
    let mut suspects = Sorter::new(log.scratch(), SORTER_BYTES);
    each_absent(scope, &scope.decoded.one, &[collided], log, |target, name, source| {
        let mut missing = target_key(target, name);
        missing.extend_from_slice(source.relation.as_bytes());
        Ok(suspects.push(&record_key(source.kind, source.name.as_bytes()), &missing)?)
    })?;
    let suspects = suspects.finish()?;
    let mut spoilt = Sorter::new(log.scratch(), SORTER_BYTES);
    let mut incoming = scope.decoded.records.map(|_, records| records.as_ref().map(Cursor::new));
    let mut reader = suspects.read();
    while let Some((key, missing)) = reader.next()? {
        log.progress().check()?;
        let (kind, name) = parse_record_key(key).ok_or_else(ImportError::cut_off)?;
        let Some(incoming) = &mut incoming[kind] else { continue };
        if incoming.seek(name)?
            && let Some((_, value)) = incoming.here()
            && says(&*decode_incoming(kind, Incoming::read(value)?.body)?, missing)
        {
            spoilt.push(key, missing)?;
        }
    }
    Ok(spoilt.finish()?)
}

/// Whether a record names a target: a [`target_key`] with the relation behind it.
fn says(record: &dyn Record, missing: &[u8]) -> bool {
    let mut says = false;
    record.references(&mut |reference| {
        let target = target_key(reference.target, reference.name);
        says |= missing.strip_prefix(target.as_slice()) == Some(reference.relation.as_bytes());
    });
    says
}

/// Calls `each` for every one of the sorted references whose target will not be there.
fn each_absent(
    scope: &Scope<'_>,
    references: &Sorted,
    gone: &[&Sorted],
    log: &Log,
    mut each: impl FnMut(Target, &str, Referrer) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let mut targets = Targets::new(scope, gone);
    let mut reader = references.read();
    while let Some((key, _)) = reader.next()? {
        log.progress().advance(1)?;
        let (target, name, at) = parse_target_key(key).ok_or_else(ImportError::cut_off)?;
        if !targets.has(target, name)? {
            let source = parse_posting(&key[at..]).ok_or_else(ImportError::cut_off)?;
            each(target, name, source)?;
        }
    }
    Ok(())
}

/// Says of targets, sorted, whether they will be there.
struct Targets<'a> {
    scope: &'a Scope<'a>,
    gone: &'a [&'a Sorted],
    target: Option<Target>,
    presences: Vec<Presence<'a>>,
    /// The last answer: many references to one target stand one behind the other.
    last: (String, bool),
}

impl<'a> Targets<'a> {
    fn new(scope: &'a Scope<'a>, gone: &'a [&'a Sorted]) -> Self {
        Self { scope, gone, target: None, presences: Vec::new(), last: (String::new(), false) }
    }

    fn has(&mut self, target: Target, name: &str) -> Result<bool, ImportError> {
        if self.target != Some(target) {
            self.target = Some(target);
            self.presences =
                target.kinds().iter().map(|kind| self.scope.presence(*kind, self.gone)).collect();
        } else if self.last.0 == name {
            return Ok(self.last.1);
        }
        let mut has = false;
        for presence in &mut self.presences {
            has |= presence.has(name)?;
        }
        self.last.0.clear();
        self.last.0.push_str(name);
        self.last.1 = has;
        Ok(has)
    }
}

/// What other kinds still say of records that are emptied: lists are struck, and records that
/// cannot stand without them go too.
fn orphans(
    scope: &Scope<'_>,
    gone_before: &[&Sorted],
    gone: &mut Sorter,
    strikes: &mut Sorter,
    log: &Log,
) -> Result<(), ImportError> {
    let kept = |kind: Kind| !scope.emptied[kind] && scope.old_summary.kind(kind).count > 0;
    let any_emptied = scope.emptied.iter().any(|(_, emptied)| *emptied);
    if !any_emptied || !Kind::ALL.into_iter().any(kept) {
        return Ok(());
    }
    let mut targets = Targets::new(scope, gone_before);
    let mut failed = Ok(());
    scope.old.each_reference(|key, posting| {
        if failed.is_err() {
            return Ok(());
        }
        failed = (|| {
            log.progress().check()?;
            let (target, name, _) = parse_target_key(key).ok_or_else(ImportError::cut_off)?;
            let touched = target.kinds().iter().any(|kind| scope.emptied[*kind]);
            if !touched || targets.has(target, name)? {
                return Ok(());
            }
            let source = parse_posting(posting).ok_or_else(ImportError::cut_off)?;
            if !kept(source.kind) {
                return Ok(());
            }
            // It cannot stand without the one that it names.
            if arity(source.kind, &source.relation) == Some(Arity::One) {
                Ok(gone.push(&record_key(source.kind, source.name.as_bytes()), &[])?)
            } else {
                strike(source.kind, source.name, source.relation, name, strikes, log)
            }
        })();
        Ok(())
    })?;
    failed
}

/// What the inventory still says of its own records that go with others.
fn struck_with(
    scope: &Scope<'_>,
    gone: &Sorted,
    strikes: &mut Sorter,
    log: &Log,
) -> Result<(), ImportError> {
    let mut cursor = Cursor::new(gone);
    while let Some((key, _)) = cursor.advance()? {
        log.progress().check()?;
        let (kind, name) = parse_record_key(key).ok_or_else(ImportError::cut_off)?;
        let brought = scope.decoded.records[kind].is_some();
        if brought || scope.emptied[kind] {
            continue;
        }
        let name = String::from_utf8_lossy(name).into_owned();
        for source in scope.old.referrers(Target::Kind(kind), &name)? {
            if !scope.emptied[source.kind] {
                strike(source.kind, source.name, source.relation, &name, strikes, log)?;
            }
        }
    }
    Ok(())
}

fn strike(
    kind: Kind,
    record: String,
    relation: String,
    name: &str,
    strikes: &mut Sorter,
    log: &Log,
) -> Result<(), ImportError> {
    strikes.push(&strike_key(kind, &record, &relation, name), &[])?;
    let struck = Dangling { kind, property: relation, missing: name.to_owned() };
    let place = Place { record: Some(record), ..Place::default() };
    Ok(log.lists().struck.push(&struck, place)?)
}

/// Counts the records of what comes that are rejected for their names or references, and says
/// which of their references name nothing.
fn reject(scope: &Scope<'_>, gone: &Sorted, log: &Log) -> Result<(), ImportError> {
    let mut incoming = scope.decoded.records.map(|_, records| records.as_ref().map(Cursor::new));
    let mut reader = gone.read();
    let mut last: Option<Vec<u8>> = None;
    while let Some((key, missing)) = reader.next()? {
        let (kind, name) = parse_record_key(key).ok_or_else(ImportError::cut_off)?;
        let Some(incoming) = &mut incoming[kind] else { continue };
        if !incoming.seek(name)? {
            continue;
        }
        if last.as_deref() != Some(key) {
            log.reject(kind)?;
            last = Some(key.to_vec());
        }
        if missing.is_empty() {
            // Its name was taken, which was said already.
            continue;
        }
        let (target, absent, at) = parse_target_key(missing).ok_or_else(ImportError::cut_off)?;
        let relation = String::from_utf8_lossy(&missing[at..]);
        let place = match incoming.here() {
            Some((name, value)) => {
                let at = Incoming::read(value)?.at;
                let name = String::from_utf8_lossy(name).into_owned();
                log.place(kind, Some(&relation), at, Some(name))
            }
            None => Place::default(),
        };
        log.problem(&Problem::missing(log.document(kind), &relation, target, absent), place)?;
    }
    Ok(())
}

/// A record's key, the relation that holds a name, and the name.
fn strike_key(kind: Kind, record: &str, relation: &str, name: &str) -> Vec<u8> {
    let mut key = record_key(kind, record.as_bytes());
    for part in [relation, name] {
        key.push(0);
        key.extend_from_slice(part.as_bytes());
    }
    key
}

/// A walk over strikes, beside a walk over the records that they are for.
pub(super) struct Strikes<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Strikes<'a> {
    pub fn new(strikes: &'a Sorted) -> Self {
        Self { cursor: Cursor::new(strikes) }
    }

    /// Takes out of the record's lists what has to be struck. Says whether anything was.
    pub fn apply(&mut self, record: &mut dyn Record) -> Result<bool, ImportError> {
        let mut prefix = record_key(record.kind(), record.name().as_bytes());
        prefix.push(0);
        self.cursor.seek(&prefix)?;
        let mut struck = false;
        while let Some((key, _)) = self.cursor.here() {
            let Some(rest) = key.strip_prefix(&prefix[..]) else { break };
            let mut parts = rest.splitn(2, |byte| *byte == 0);
            let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default());
            let (relation, name) = (part(), part());
            struck |= record.remove_reference(&relation, &name);
            self.cursor.advance()?;
        }
        Ok(struck)
    }
}
