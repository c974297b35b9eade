//! Reading the members of a JSON object, so that all that is wrong with it is said at once.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::body::json_type;
use super::problem::{Flaw, Place, Problem, ProblemKind, escape_pointer, shorten};
use crate::model::nearest;

/// Flaws of one body that are answered; more are counted.
const FLAWS_MAX: usize = 100;

/// A JSON object that is being read. Each reader takes a member, or notes what is wrong with it;
/// [`finish_known`](Self::finish_known) tells.
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
        for (name, value) in object {
            let place = Place::Pointer(format!("/{}", escape_pointer(&name)));
            members.given.push(Given { name, value, place });
        }
        members
    }

    /// Takes a member that has to be there; none after a flaw. `parse` gives the value, or says
    /// what is wrong with it.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&mut Flaws<'_>, &Value) -> Option<T>,
    ) -> Option<T> {
        let (mut flaws, value) = self.find(name);
        match value {
            Some(value) => parse(&mut flaws, value),
            None => {
                flaws.note(format!("The member “{name}” is missing."));
                None
            }
        }
    }

    /// Takes a member that need not be there.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&mut Flaws<'_>, Option<&Value>) -> Option<T>,
    ) -> Option<T> {
        let (mut flaws, value) = self.find(name);
        parse(&mut flaws, value)
    }

    /// The member with this name, and where to note what is wrong with it.
    fn find(&mut self, name: &'static str) -> (Flaws<'_>, Option<&Value>) {
        self.known.push(name);
        let given = self.given.iter().find(|given| given.name == name);
        let place = Place::Pointer(format!("/{name}"));
        (Flaws { place, flaws: &mut self.flaws }, given.map(|given| &given.value))
    }

    /// What was read, or a problem with all the flaws, of which each unknown member is one.
    /// `parsed` is `None` only after a flaw.
    ///
    /// # Errors
    /// 400 with all the flaws.
    pub(super) fn finish_known<T>(mut self, parsed: Option<T>) -> Result<T, Problem> {
        self.refuse_unknown();
        match parsed {
            Some(parsed) if self.flaws.is_empty() => Ok(parsed),
            _ => Err(self.problem()),
        }
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
}

/// Where a reader notes what is wrong with its member.
pub(super) struct Flaws<'a> {
    place: Place,
    flaws: &'a mut Vec<Flaw>,
}

impl<'a> Flaws<'a> {
    /// Notes in `flaws` what is wrong at `place`.
    pub(super) fn new(place: Place, flaws: &'a mut Vec<Flaw>) -> Self {
        Self { place, flaws }
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
pub(super) fn truth(value: &Value) -> Option<bool> {
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
pub(super) fn called(place: &Place) -> String {
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
pub(super) fn capital(called: &str) -> String {
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
