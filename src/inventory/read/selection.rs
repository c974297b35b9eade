//! Which records a query or a search is about.

use super::{
    Flow,
    columns::Columns,
    property::PropertyRef,
    session::{ReadSession, corrupt},
};
use crate::{
    inventory::InventoryError,
    model::{Comparison, Kind, Value, View, text_of},
    store::{Raw, StoreError},
};

/// What is asked of what a word shows.
#[derive(Clone, Debug)]
pub(in crate::inventory) enum Predicate {
    /// Whether the comparison holds, as is wanted; of several names, for any of them.
    Compare { comparison: Comparison, wanted: bool },
    /// That it is this value of its own type. An empty text is what nothing is, too.
    Value(Value),
    /// That it is spelled so.
    Spelled(String),
    /// That this name is among its names; the empty name: that it has none.
    Among(String),
}

impl Predicate {
    fn is_met(&self, view: &View<'_>) -> bool {
        match self {
            Predicate::Compare { comparison, wanted } => compare(comparison, view) == *wanted,
            Predicate::Value(value) => match (view, value) {
                (View::Bool(a), Value::Bool(b)) => a == b,
                (View::Int(a), Value::Int(b)) => a == b,
                (View::Float(a), Value::Float(b)) => a == b,
                (View::Text(a), Value::Text(b)) => a == b,
                (View::Null, Value::Text(text)) => text.is_empty(),
                _ => false,
            },
            Predicate::Spelled(text) => spells(view, text),
            Predicate::Among(name) => match view {
                View::Texts(names) if name.is_empty() => names.is_empty(),
                View::Texts(names) => names.contains(&name.as_str()),
                _ => false,
            },
        }
    }

    /// The one name or text that is asked for, where nothing else would do.
    fn exactly(&self) -> Option<&str> {
        match self {
            Predicate::Compare { comparison: Comparison::Equality(text), wanted: true }
            | Predicate::Value(Value::Text(text))
            | Predicate::Among(text) => Some(text),
            Predicate::Compare { .. } | Predicate::Value(_) | Predicate::Spelled(_) => None,
        }
    }
}

fn compare(comparison: &Comparison, view: &View<'_>) -> bool {
    match (view, comparison) {
        (View::Texts(names), Comparison::Empty) => names.is_empty(),
        (View::Texts(names), _) => names.iter().any(|name| comparison.holds(name)),
        (_, Comparison::Equality(text)) => spells(view, text),
        _ => comparison.holds(&text_of(view)),
    }
}

/// Whether a view is spelled so; a boolean in Python's or in JSON's spelling.
fn spells(view: &View<'_>, text: &str) -> bool {
    match (view, text) {
        (View::Bool(truth) | View::Value(Value::Bool(truth)), "true" | "false") => {
            *truth == (text == "true")
        }
        _ => text_of(view) == text,
    }
}

/// What a selection finds.
pub(in crate::inventory) enum Found<'r> {
    Record(&'r str, &'r Raw),
    /// A record, or a range of them, that cannot be read. The name, where the error does not have
    /// it.
    Damaged(Option<&'r str>, StoreError),
}

/// The records of one kind that meet everything that is asked.
pub(in crate::inventory) struct Selection {
    pub kind: Kind,
    /// The only names that can, by the reverse index; None: any.
    only: Option<Vec<String>>,
    /// What can be read from a record's bytes, in one walk.
    cheap: Test,
    /// What costs more, in the order in which it was asked.
    dear: Vec<Test>,
}

/// What is asked of several words.
struct Test {
    columns: Columns,
    asked: Vec<Predicate>,
}

impl Test {
    fn new(kind: Kind, checks: Vec<(PropertyRef, Predicate)>) -> Self {
        let (words, asked) = checks.into_iter().unzip();
        Self { columns: Columns::new(kind, words), asked }
    }

    fn is_met(
        &self,
        session: &ReadSession<'_>,
        name: &str,
        raw: &Raw,
    ) -> Result<bool, InventoryError> {
        if self.asked.is_empty() {
            return Ok(true);
        }
        let seen = self.columns.see(session, name, raw)?;
        Ok(self.asked.iter().zip(&seen).all(|(asked, seen)| asked.is_met(&seen.view())))
    }
}

impl Selection {
    /// What names a record, or is named by one, is looked up at once; the rest is asked of the
    /// records that remain.
    pub fn new(
        session: &ReadSession<'_>,
        kind: Kind,
        checks: Vec<(PropertyRef, Predicate)>,
    ) -> Result<Self, InventoryError> {
        let mut only: Option<Vec<String>> = None;
        let mut cheap = Vec::new();
        let mut dear = Vec::new();
        for (word, asked) in checks {
            let exactly = asked.exactly().filter(|name| !name.is_empty());
            let named = exactly.map(|name| candidates(session, kind, &word, name)).transpose()?;
            match named.flatten() {
                Some(names) => only = Some(both(only, names)),
                None if word.is_cheap() => cheap.push((word, asked)),
                None => dear.push(Test::new(kind, vec![(word, asked)])),
            }
        }
        Ok(Self { kind, only, cheap: Test::new(kind, cheap), dear })
    }

    /// Whether nothing is asked.
    pub fn is_everything(&self) -> bool {
        self.only.is_none() && self.cheap.asked.is_empty() && self.dear.is_empty()
    }

    fn admits(
        &self,
        session: &ReadSession<'_>,
        name: &str,
        raw: &Raw,
    ) -> Result<bool, InventoryError> {
        if !self.cheap.is_met(session, name, raw)? {
            return Ok(false);
        }
        for test in &self.dear {
            if !test.is_met(session, name, raw)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Calls `each` with every selected record by name, from the `skipped`th on, until it says to
    /// stop. A damaged record is selected: whether it meets what is asked is not known.
    pub fn each(
        &self,
        session: &ReadSession<'_>,
        skipped: u64,
        mut each: impl FnMut(Found<'_>) -> Result<Flow, InventoryError>,
    ) -> Result<(), InventoryError> {
        let mut left = skipped;
        let mut offer = |found: Found<'_>| {
            let found = match found {
                Found::Record(name, raw) => match self.admits(session, name, raw) {
                    Ok(true) => found,
                    Ok(false) => return Ok(Flow::Continue),
                    Err(InventoryError::Store(error)) if error.is_damage() => {
                        Found::Damaged(Some(name), error)
                    }
                    Err(error) => return Err(error),
                },
                Found::Damaged(..) => found,
            };
            if left > 0 {
                left -= 1;
                return Ok(Flow::Continue);
            }
            each(found)
        };
        match &self.only {
            Some(names) => {
                for name in names {
                    // It may have gone since it was found.
                    let flow = match session.reading.get_raw(self.kind, name) {
                        Ok(Some(raw)) => offer(Found::Record(name, &raw))?,
                        Ok(None) => Flow::Continue,
                        Err(error) if error.is_damage() => {
                            offer(Found::Damaged(Some(name), error))?
                        }
                        Err(error) => return Err(error.into()),
                    };
                    if flow == Flow::Stop {
                        break;
                    }
                }
            }
            None => {
                for entry in session.reading.scan_raw(self.kind) {
                    let flow = match entry {
                        Ok((name, raw)) => match std::str::from_utf8(&name) {
                            Ok(name) => offer(Found::Record(name, &raw))?,
                            Err(error) => {
                                let name = String::from_utf8_lossy(&name);
                                let error = corrupt(self.kind, &name, error);
                                offer(Found::Damaged(Some(&name), error))?
                            }
                        },
                        Err(error) if error.is_damage() => offer(Found::Damaged(None, error))?,
                        Err(error) => return Err(error.into()),
                    };
                    if flow == Flow::Stop {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The names of the records whose word shows this name, where they can be found without looking
/// at every record; sorted.
fn candidates(
    session: &ReadSession<'_>,
    kind: Kind,
    word: &PropertyRef,
    name: &str,
) -> Result<Option<Vec<String>>, InventoryError> {
    Ok(match word {
        PropertyRef::Name => Some(vec![name.to_owned()]),
        PropertyRef::Property { property, .. } => match property.type_.relation() {
            Some((_, target)) => Some(session.naming(kind, property.name, target, name)?),
            None => None,
        },
        PropertyRef::Relation(relation) => Some(session.showing(kind, relation, name)?),
        PropertyRef::Members(side) => Some(session.pools_with(*side, name)?),
        PropertyRef::Custom(_)
        | PropertyRef::MemberCount(_)
        | PropertyRef::LongText(_)
        | PropertyRef::Lines { .. } => None,
    })
}

/// The names in both of two sorted lists.
fn both(first: Option<Vec<String>>, mut second: Vec<String>) -> Vec<String> {
    if let Some(first) = first {
        second.retain(|name| first.binary_search(name).is_ok());
    }
    second
}
