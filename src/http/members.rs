//! Reading what a request says by names (the members of a JSON body, the fields of a form, the
//! parameters of a query), so that all that is wrong with it is said at once.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::body::json_type;
use super::problem::{Flaw, Place, Problem, ProblemKind, escape_pointer, shorten};
use super::query_string::Query;
use crate::model::nearest;
use crate::wording::counted;

/// Unknown members that are named in warnings; more are counted.
const WARNINGS_MAX: usize = 20;

/// Flaws of one body that are answered; more are counted.
const FLAWS_MAX: usize = 100;

/// A word and what it stands for.
pub(super) type Choice<T> = (&'static str, T);

/// A JSON object that is being read, or whatever else says something by names. Each reader takes a
/// member, or notes what is wrong with it; [`finish`](Self::finish) tells.
#[derive(Default)]
pub(super) struct Members {
    given: Vec<Given>,
    known: Vec<&'static str>,
    flaws: Vec<Flaw>,
}

/// One thing that is said, and where.
struct Given {
    name: String,
    value: Value,
    place: Place,
}

impl Members {
    pub(super) fn new(object: Map<String, Value>) -> Self {
        let mut members = Self::default();
        members.add_object(object);
        members
    }

    /// Adds what a JSON object says.
    pub(super) fn add_object(&mut self, object: Map<String, Value>) {
        for (name, value) in object {
            let place = Place::Pointer(format!("/{}", escape_pointer(&name)));
            self.given.push(Given { name, value, place });
        }
    }

    /// Adds what a form's field says.
    pub(super) fn add_field(&mut self, name: String, value: Value) {
        self.given.push(Given { place: Place::FormField(name.clone()), name, value });
    }

    /// Adds what a query says. A parameter that stands there alone is a switch that is on.
    pub(super) fn add_query(&mut self, query: Query) {
        for (name, value) in query.into_pairs() {
            let place = Place::QueryParameter(name.clone());
            let value = if value.is_empty() { Value::Bool(true) } else { value.into() };
            self.given.push(Given { name, value, place });
        }
    }

    /// Whether one of the names is there.
    pub(super) fn has(&self, names: &[&'static str]) -> bool {
        self.given.iter().any(|given| names.contains(&given.name.as_str()))
    }

    /// Takes a member that has to be there, under the first of its names that is; none after a
    /// flaw. `parse` gives the value, or says what is wrong with it.
    pub(super) fn required<T>(
        &mut self,
        names: &[&'static str],
        parse: impl FnOnce(&mut Flaws<'_>, &Value) -> Option<T>,
    ) -> Option<T> {
        let (mut flaws, value) = self.find(names);
        match value {
            Some(value) => parse(&mut flaws, value),
            None => {
                let names = names.join("” or “");
                flaws.note(format!("The member “{names}” is missing."));
                None
            }
        }
    }

    /// A boolean, or the text that Python, JavaScript or a form would write for one; `default`
    /// where it is absent.
    pub(super) fn switch<T>(&mut self, name: &'static str, default: T, off: T, on: T) -> Option<T> {
        match self.find_switch(name) {
            None => None,
            Some(None) => Some(default),
            Some(Some(false)) => Some(off),
            Some(Some(true)) => Some(on),
        }
    }

    /// What a boolean says; none within where it is absent, and none at all after a flaw.
    fn find_switch(&mut self, name: &'static str) -> Option<Option<bool>> {
        let (mut flaws, value) = self.find(&[name]);
        let Some(value) = value else { return Some(None) };
        let truth = truth(value);
        if truth.is_none() {
            let found = match value {
                Value::String(text) => format!("is “{}”", shorten(text)),
                other => found(other),
            };
            flaws.wrong(value, &format!("{found}; true or false is expected"));
        }
        truth.map(Some)
    }

    /// One of some words; the first is what an absent member means.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[Choice<T>],
    ) -> Option<T> {
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        let choice = self.find_choice(name, &words)?;
        choices.get(choice).map(|(_, meaning)| *meaning)
    }

    /// Which of the words it is; the first where it is absent.
    fn find_choice(&mut self, name: &'static str, words: &[&'static str]) -> Option<usize> {
        let (mut flaws, value) = self.find(&[name]);
        match value {
            None => Some(0),
            Some(Value::String(text)) => {
                let known = words.iter().position(|word| word == text);
                if known.is_none() {
                    flaws.unknown_word(text, words);
                }
                known
            }
            Some(other) => {
                let listed = words.join("” or “");
                flaws.wrong(other, &format!("{}; “{listed}” is expected", found(other)));
                None
            }
        }
    }

    /// Takes a member that need not be there, under the first of its names that is.
    pub(super) fn optional<T>(
        &mut self,
        names: &[&'static str],
        parse: impl FnOnce(&mut Flaws<'_>, Option<&Value>) -> Option<T>,
    ) -> Option<T> {
        let (mut flaws, value) = self.find(names);
        parse(&mut flaws, value)
    }

    /// What stands under the first of the names that is there, and where to note what is wrong
    /// with it.
    fn find(&mut self, names: &[&'static str]) -> (Flaws<'_>, Option<&Value>) {
        self.known.extend(names);
        let mut all = names
            .iter()
            .flat_map(|name| self.given.iter().filter(move |given| given.name == **name));
        let first = all.next();
        let place = match first {
            Some(first) => first.place.clone(),
            None => Place::Pointer(format!("/{}", names.first().copied().unwrap_or_default())),
        };
        let mut flaws = Flaws { place, flaws: &mut self.flaws };
        if let Some(first) = first {
            let value = &first.value;
            for other in all.filter(|other| !is_same(&other.value, value)) {
                let (a, b) = (called(&first.place), called(&other.place));
                flaws.note(match a == b {
                    true => format!("{} stands more than once, and differs.", capital(&a)),
                    false => format!("{} and {b} mean the same and differ.", capital(&a)),
                });
            }
        }
        (flaws, first.map(|first| &first.value))
    }

    /// What was read, with a warning for each member that nothing asked for; or a problem with
    /// all the flaws. `parsed` is none only after a flaw.
    pub(super) fn finish<T>(mut self, parsed: Option<T>) -> Result<(T, Vec<String>), Problem> {
        match parsed {
            Some(parsed) if self.flaws.is_empty() => Ok((parsed, self.warnings())),
            _ => Err(self.problem()),
        }
    }

    /// The same for a body that may hold no unknown member: each is a flaw.
    pub(super) fn finish_known<T>(mut self, parsed: Option<T>) -> Result<T, Problem> {
        self.refuse_unknown();
        self.finish(parsed).map(|(parsed, _)| parsed)
    }

    fn refuse_unknown(&mut self) {
        let known = std::mem::take(&mut self.known);
        let given = std::mem::take(&mut self.given);
        let unknown = given.into_iter().filter(|given| !known.contains(&given.name.as_str()));
        for Given { name, place, .. } in unknown.take(FLAWS_MAX) {
            let mut flaws = Flaws { place, flaws: &mut self.flaws };
            flaws.unknown_word(&name, &known);
        }
    }

    /// All the flaws.
    fn problem(&mut self) -> Problem {
        let detail = match &*self.flaws {
            [only] => only.detail.clone(),
            flaws => format!("{} things are wrong with the request.", flaws.len()),
        };
        let mut flaws = std::mem::take(&mut self.flaws);
        flaws.truncate(FLAWS_MAX);
        Problem::new(ProblemKind::MalformedBody, detail).with_flaws(flaws)
    }

    fn warnings(&self) -> Vec<String> {
        let unknown: Vec<_> =
            self.given.iter().filter(|given| !self.known.contains(&given.name.as_str())).collect();
        let mut warnings: Vec<String> = unknown
            .iter()
            .take(WARNINGS_MAX)
            .map(|given| {
                let meant = nearest(&given.name, self.known.iter().copied())
                    .map(|known| format!(" Was “{known}” meant?"))
                    .unwrap_or_default();
                let called = capital(&called(&given.place));
                format!("{called} is not known and was ignored.{meant}")
            })
            .collect();
        if unknown.len() > WARNINGS_MAX {
            let more = (unknown.len() - WARNINGS_MAX) as u64;
            warnings.push(format!("And {} that nothing here knows.", counted(more, "more name")));
        }
        warnings
    }
}

/// Where a reader notes what is wrong with its member.
pub(super) struct Flaws<'a> {
    place: Place,
    flaws: &'a mut Vec<Flaw>,
}

impl Flaws<'_> {
    /// Where it is.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The same for one item of the member's list.
    pub(super) fn item(&mut self, index: usize) -> Flaws<'_> {
        Flaws { place: within(&self.place, &index.to_string()), flaws: self.flaws }
    }

    /// The same for one member of the member's object.
    pub(super) fn member(&mut self, name: &str) -> Flaws<'_> {
        Flaws { place: within(&self.place, name), flaws: self.flaws }
    }

    /// Something is wrong that has no value: a whole sentence.
    pub(super) fn note(&mut self, detail: String) {
        self.flaws.push(Flaw::new(self.place.clone(), detail));
    }

    /// The value is wrong: what follows “The member “name” ”.
    pub(super) fn wrong(&mut self, value: &Value, what: &str) {
        let detail = format!("{} {what}.", capital(&called(&self.place)));
        self.flaws.push(Flaw { value: echo(value), ..Flaw::new(self.place.clone(), detail) });
    }

    /// The text is none of the words; the nearest of them is suggested.
    pub(super) fn unknown_word(&mut self, text: &str, words: &[&'static str]) {
        let nearest = nearest(text, words.iter().copied());
        let valid = words.to_vec();
        let shown = shorten(text);
        let detail = match nearest {
            Some(word) => format!("“{shown}” is not known here; was “{word}” meant?"),
            None => format!("“{shown}” is not known here; one of these is: {}.", valid.join(", ")),
        };
        let place = self.place.clone();
        let value = Some(Value::from(shown));
        let nearest = nearest.map(Cow::Borrowed);
        self.flaws.push(Flaw { value, nearest, valid, ..Flaw::new(place, detail) });
    }
}

/// What a boolean says, or a text that stands for one.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => match text.as_str() {
            "true" | "True" | "1" | "on" => Some(true),
            "false" | "False" | "0" | "off" => Some(false),
            _ => None,
        },
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether two values say the same: a form's text for true is as true as JSON's.
fn is_same(a: &Value, b: &Value) -> bool {
    a == b || truth(a).is_some_and(|truth_a| truth(b) == Some(truth_a))
}

/// The place of an item or member of what stands at a place. Only JSON has such.
fn within(place: &Place, name: &str) -> Place {
    match place {
        Place::Pointer(pointer) => Place::Pointer(format!("{pointer}/{}", escape_pointer(name))),
        Place::FormField(_)
        | Place::Header(_)
        | Place::Path(_)
        | Place::PathParameter(_)
        | Place::QueryParameter(_)
        | Place::Text { .. } => place.clone(),
    }
}

/// What stands at a place, as the subject of a sentence.
fn called(place: &Place) -> String {
    let (sort, name) = match place {
        Place::Pointer(pointer) => ("member", pointer.strip_prefix('/').unwrap_or(pointer)),
        Place::FormField(name) => ("field", name.as_str()),
        Place::Header(name) => ("header", *name),
        Place::Path(path) => ("path", path.as_str()),
        Place::PathParameter(name) => ("path's part", *name),
        Place::QueryParameter(name) => ("query's parameter", name.as_str()),
        Place::Text { line, column } => return format!("what stands at {line}:{column}"),
    };
    format!("the {sort} “{}”", shorten(name))
}

/// The same at a sentence's begin.
fn capital(called: &str) -> String {
    let mut chars = called.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// What a value is, as the predicate of a sentence.
pub(super) fn found(value: &Value) -> String {
    format!("is {}", json_type(value))
}

/// A scalar as it is shown again. Lists and objects are not.
fn echo(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(Value::from(shorten(text))),
        Value::Array(_) | Value::Object(_) => None,
        scalar => Some(scalar.clone()),
    }
}
