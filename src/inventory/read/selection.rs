//! The records that a query or a search selects.

use std::time::{Duration, Instant};

use super::{
    Flow,
    columns::Columns,
    match_time::{end_of_record, too_slow},
    property::PropertyRef,
    session::{ReadSession, corrupt},
};
use crate::{
    inventory::InventoryError,
    model::{
        Comparison, InstanceType, Kind, OutOfTime, PropertyPosition, Target, Value, View, text_of,
    },
    store::{Raw, StoreError},
};

/// A condition on the value of a property.
#[derive(Clone, Debug)]
pub(in crate::inventory) enum Predicate {
    /// Matches if the result of the comparison equals `wanted`. A list of names is compared name by
    /// name, and one matching name is enough.
    Compare { comparison: Comparison, wanted: bool },
    /// The value equals this one, which has the type of the property. Null equals an empty text.
    Equals(Value),
    /// The value, formatted as text, equals this text.
    EqualsText(String),
    /// The list contains this name. An empty name means that the list is empty.
    Contains(String),
}

/// The longest time in which a selection compares records without finding one. A scan of a million
/// records takes 2 s. It frees the places of searches whose expressions are slow, and of those whose
/// clients have left.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The property with the exact type of a record.
const TYPE: &str = "type";

impl Predicate {
    /// The condition that records have the exact type, if the request names one.
    pub(super) fn of_type(kind: Kind, of: &InstanceType) -> Option<(PropertyRef, Self)> {
        let (exact, property) = of.exact().zip(kind.property(TYPE))?;
        let position = PropertyPosition::of(kind, TYPE);
        let predicate = Predicate::Equals(Value::from(exact));
        Some((PropertyRef::Property { property, position }, predicate))
    }

    /// Returns whether the condition holds for a value.
    ///
    /// # Errors
    /// [`OutOfTime`] if an expression is not compared before `end`.
    fn holds(&self, view: &View<'_>, end: Instant) -> Result<bool, OutOfTime> {
        Ok(match self {
            Predicate::Compare { comparison, wanted } => compare(comparison, view, end)? == *wanted,
            Predicate::Equals(value) => match (view, value) {
                (View::Bool(a), Value::Bool(b)) => a == b,
                (View::Int(a), Value::Int(b)) => a == b,
                (View::Float(a), Value::Float(b)) => a == b,
                (View::Text(a), Value::Text(b)) => a == b,
                (View::Null, Value::Text(text)) => text.is_empty(),
                _ => false,
            },
            Predicate::EqualsText(text) => equals_text(view, text),
            Predicate::Contains(name) => match view {
                View::Texts(names) if name.is_empty() => names.is_empty(),
                View::Texts(names) => names.contains(&name.as_str()),
                _ => false,
            },
        })
    }

    /// The only name or text for which the condition holds, if there is only one.
    fn exact_name(&self) -> Option<&str> {
        match self {
            Predicate::Compare { comparison: Comparison::Equality(text), wanted: true }
            | Predicate::Equals(Value::Text(text))
            | Predicate::Contains(text) => Some(text),
            Predicate::Compare { .. } | Predicate::Equals(_) | Predicate::EqualsText(_) => None,
        }
    }
}

fn compare(comparison: &Comparison, view: &View<'_>, end: Instant) -> Result<bool, OutOfTime> {
    match (view, comparison) {
        (
            View::Texts(names),
            Comparison::Inclusion(_) | Comparison::Equality(_) | Comparison::Regex(_),
        ) => {
            for name in names {
                if comparison.holds_before(name, end)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        (_, Comparison::Equality(text)) => Ok(equals_text(view, text)),
        _ => comparison.holds_of_before(view, end),
    }
}

/// Returns whether a value, formatted as text, equals a text. A boolean can have the form of
/// Python, of JSON or of eNMS's database.
fn equals_text(view: &View<'_>, text: &str) -> bool {
    match (view, text) {
        (View::Bool(truth) | View::Value(Value::Bool(truth)), "true" | "1") => *truth,
        (View::Bool(truth) | View::Value(Value::Bool(truth)), "false" | "0") => !*truth,
        _ => text_of(view) == text,
    }
}

/// A record that a selection found.
pub(in crate::inventory) enum Candidate<'r> {
    Record(&'r str, &'r Raw),
    /// A record or a range of records that cannot be read, with the name if it is known.
    Damaged(Option<&'r str>, StoreError),
}

/// The records of one kind that match all predicates.
pub(in crate::inventory) struct Selection {
    pub kind: Kind,
    /// The only names that can match, found in the reverse index; `None` for all names.
    indexed: Option<Vec<String>>,
    /// The predicates on values in the record's bytes, which are read in one pass.
    stored: PredicateSet,
    /// The predicates on values that need other records or texts, in the order of the request.
    computed: Vec<PredicateSet>,
}

/// Predicates with the properties that they compare.
struct PredicateSet {
    columns: Columns,
    predicates: Vec<Predicate>,
}

impl PredicateSet {
    fn new(kind: Kind, predicates: Vec<(PropertyRef, Predicate)>) -> Self {
        let (properties, predicates) = predicates.into_iter().unzip();
        Self { columns: Columns::new(kind, properties), predicates }
    }

    fn hold(
        &self,
        session: &ReadSession<'_>,
        name: &str,
        raw: &Raw,
        end: Instant,
    ) -> Result<bool, InventoryError> {
        if self.predicates.is_empty() {
            return Ok(true);
        }
        let values = self.columns.values(session, name, raw)?;
        for (predicate, value) in self.predicates.iter().zip(&values) {
            if !predicate.holds(&value.view(), end).map_err(too_slow)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Selection {
    /// Looks names and relations up in the reverse index at once. The other predicates are evaluated
    /// for the records that remain.
    ///
    /// # Errors
    /// [`InventoryError::Store`] if the index cannot be read.
    pub(super) fn new(
        session: &ReadSession<'_>,
        kind: Kind,
        predicates: Vec<(PropertyRef, Predicate)>,
    ) -> Result<Self, InventoryError> {
        let mut indexed: Option<Vec<String>> = None;
        let mut stored = Vec::new();
        let mut computed = Vec::new();
        for (property, predicate) in predicates {
            let exact_name = predicate.exact_name().filter(|name| !name.is_empty());
            let found =
                exact_name.map(|name| indexed_names(session, kind, &property, name)).transpose()?;
            match found.flatten() {
                Some(names) => indexed = Some(intersection(indexed, names)),
                None if property.is_stored() => stored.push((property, predicate)),
                None => computed.push(PredicateSet::new(kind, vec![(property, predicate)])),
            }
        }
        Ok(Self { kind, indexed, stored: PredicateSet::new(kind, stored), computed })
    }

    /// Returns whether every record of the kind is selected.
    pub(super) fn is_everything(&self) -> bool {
        self.indexed.is_none() && self.stored.predicates.is_empty() && self.computed.is_empty()
    }

    /// Returns whether a record matches all predicates.
    fn matches(
        &self,
        session: &ReadSession<'_>,
        name: &str,
        raw: &Raw,
    ) -> Result<bool, InventoryError> {
        let end = end_of_record();
        if !self.stored.hold(session, name, raw, end)? {
            return Ok(false);
        }
        for predicates in &self.computed {
            if !predicates.hold(session, name, raw, end)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Calls `each` with every selected record, sorted by name, after skipping `skipped` of them,
    /// until it returns [`Flow::Stop`] or the client leaves. A damaged record is selected, because it is unknown whether
    /// it matches.
    ///
    /// # Errors
    /// [`InventoryError::SearchTooSlow`] if no record is selected for [`PAUSE_MAX`]; the errors of `each`
    /// and of reading.
    pub(super) fn each(
        &self,
        session: &ReadSession<'_>,
        skipped: u64,
        each: impl FnMut(Candidate<'_>) -> Result<Flow, InventoryError>,
    ) -> Result<(), InventoryError> {
        self.each_within(PAUSE_MAX, session, skipped, each)
    }

    fn each_within(
        &self,
        pause_max: Duration,
        session: &ReadSession<'_>,
        skipped: u64,
        mut each: impl FnMut(Candidate<'_>) -> Result<Flow, InventoryError>,
    ) -> Result<(), InventoryError> {
        let mut left = skipped;
        let mut pause_begun = Instant::now();
        let mut offer = |candidate: Candidate<'_>| {
            if session.is_abandoned() {
                return Ok(Flow::Stop);
            }
            if pause_begun.elapsed() > pause_max {
                return Err(InventoryError::SearchTooSlow { seconds: pause_max.as_secs() });
            }
            let Some(selected) = self.select(session, candidate)? else {
                return Ok(Flow::Continue);
            };
            if left > 0 {
                left -= 1;
                pause_begun = Instant::now();
                return Ok(Flow::Continue);
            }
            let flow = each(selected);
            // A client can take any time to receive a row.
            pause_begun = Instant::now();
            flow
        };
        match &self.indexed {
            Some(names) => self.each_indexed(session, names, &mut offer),
            None => self.each_scanned(session, &mut offer),
        }
    }

    /// The candidate if it is selected. The principal must be able to read it.
    fn select<'c>(
        &self,
        session: &ReadSession<'_>,
        candidate: Candidate<'c>,
    ) -> Result<Option<Candidate<'c>>, InventoryError> {
        let (name, raw) = match candidate {
            // It is unknown whether the principal can read a damaged record.
            Candidate::Damaged(..) if !session.shows_everything() => return Ok(None),
            damaged @ Candidate::Damaged(..) => return Ok(Some(damaged)),
            Candidate::Record(_, raw) if !session.shows(self.kind, raw)? => return Ok(None),
            Candidate::Record(name, raw) => (name, raw),
        };
        match self.matches(session, name, raw) {
            Ok(true) => Ok(Some(Candidate::Record(name, raw))),
            Ok(false) => Ok(None),
            Err(InventoryError::Store(error)) if error.is_damage() => {
                Ok(Some(Candidate::Damaged(Some(name), error)))
            }
            Err(error) => Err(error),
        }
    }

    /// Calls `offer` with the records of these names.
    fn each_indexed(
        &self,
        session: &ReadSession<'_>,
        names: &[String],
        offer: &mut Offer<'_>,
    ) -> Result<(), InventoryError> {
        for name in names {
            let flow = match session.reading.get_raw(self.kind, name) {
                Ok(Some(raw)) => offer(Candidate::Record(name, &raw))?,
                // It might have been removed since it was found.
                Ok(None) => Flow::Continue,
                Err(error) if error.is_damage() => offer(Candidate::Damaged(Some(name), error))?,
                Err(error) => return Err(error.into()),
            };
            if flow == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Calls `offer` with all records of the kind.
    fn each_scanned(
        &self,
        session: &ReadSession<'_>,
        offer: &mut Offer<'_>,
    ) -> Result<(), InventoryError> {
        for entry in session.reading.scan_raw(self.kind) {
            let flow = match entry {
                Ok((name, raw)) => match std::str::from_utf8(&name) {
                    Ok(name) => offer(Candidate::Record(name, &raw))?,
                    Err(error) => {
                        let name = String::from_utf8_lossy(&name);
                        let error = corrupt(self.kind, &name, error);
                        offer(Candidate::Damaged(Some(&name), error))?
                    }
                },
                Err(error) if error.is_damage() => offer(Candidate::Damaged(None, error))?,
                Err(error) => return Err(error.into()),
            };
            if flow == Flow::Stop {
                break;
            }
        }
        Ok(())
    }
}

/// Receives the records that might be selected.
type Offer<'o> = dyn FnMut(Candidate<'_>) -> Result<Flow, InventoryError> + 'o;

/// The names of the records whose property contains `name`, sorted; `None` if they cannot be found
/// in the index.
fn indexed_names(
    session: &ReadSession<'_>,
    kind: Kind,
    property: &PropertyRef,
    name: &str,
) -> Result<Option<Vec<String>>, InventoryError> {
    Ok(match property {
        PropertyRef::Name => Some(vec![name.to_owned()]),
        PropertyRef::Property { property, .. } => match property.type_.relation() {
            Some((_, target)) if !session.shows_target(target, name)? => Some(Vec::new()),
            Some((_, target)) => Some(session.referring(kind, property.name, target, name)?),
            None => None,
        },
        PropertyRef::Relation(relation) => Some(session.records_showing(kind, relation, name)?),
        PropertyRef::Members(side) if !session.shows_target(Target::Kind(side.kind()), name)? => {
            Some(Vec::new())
        }
        PropertyRef::Members(side) => Some(session.pools_of(*side, name)?),
        PropertyRef::Custom { .. }
        | PropertyRef::MemberCount(_)
        | PropertyRef::LongText(_)
        | PropertyRef::Lines { .. } => None,
    })
}

/// The names that are in both lists, which are sorted.
fn intersection(first: Option<Vec<String>>, mut second: Vec<String>) -> Vec<String> {
    if let Some(first) = first {
        second.retain(|name| first.binary_search(name).is_ok());
    }
    second
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{ClientPresence, sample::Sample};

    #[test]
    fn a_selection_that_finds_nothing_for_too_long_ends() {
        let sample = Sample::small();
        let session = sample.inventory.session();
        let nothing =
            Predicate::Compare { comparison: Comparison::inclusion("nothing"), wanted: true };
        let property = Kind::Device.property("vendor").unwrap();
        let position = PropertyPosition::of(Kind::Device, "vendor");
        let predicates = vec![(PropertyRef::Property { property, position }, nothing)];
        let selection = Selection::new(&session, Kind::Device, predicates).unwrap();
        let each =
            |pause_max| selection.each_within(pause_max, &session, 0, |_| Ok(Flow::Continue));
        assert!(matches!(each(Duration::ZERO), Err(InventoryError::SearchTooSlow { seconds: 0 })));
        assert!(each(PAUSE_MAX).is_ok());

        // Nobody waits for the rows any more.
        let client = ClientPresence::default();
        let abandoned = sample.inventory.for_client(client.clone());
        let session = abandoned.session();
        client.leave();
        let mut compared = 0;
        let count = |_: Candidate<'_>| {
            compared += 1;
            Ok(Flow::Continue)
        };
        let everything = Selection::new(&session, Kind::Device, Vec::new()).unwrap();
        everything.each(&session, 0, count).unwrap();
        assert_eq!(compared, 0);
        let session = sample.inventory.session();

        // The time that a client takes to receive a row does not count.
        let all = Selection::new(&session, Kind::Device, Vec::new()).unwrap();
        let mut found = 0;
        let slow = |_: Candidate<'_>| {
            found += 1;
            std::thread::sleep(Duration::from_millis(60));
            Ok(Flow::Continue)
        };
        all.each_within(Duration::from_millis(50), &session, 0, slow).unwrap();
        assert_eq!(found, 4);
    }
}
