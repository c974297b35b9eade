//! Reading the members of a JSON body, so that all that is wrong with it is said at once.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::body::json_type;
use super::problem::{Flaw, Place, Problem, ProblemKind, escape_pointer, shorten};
use crate::model::nearest;

/// Unknown members that are named in warnings; more are counted.
const WARNINGS_MAX: usize = 20;

/// Flaws of one body that are answered; more are counted.
const FLAWS_MAX: usize = 100;

/// A word and what it stands for.
pub(super) type Choice<T> = (&'static str, T);

/// A JSON object that is being read. Each reader takes a member, or notes what is wrong with it;
/// [`finish`](Self::finish) tells.
pub(super) struct Members {
    object: Map<String, Value>,
    known: Vec<&'static str>,
    flaws: Vec<Flaw>,
}

impl Members {
    pub(super) fn new(object: Map<String, Value>) -> Self {
        Self { object, known: Vec::new(), flaws: Vec::new() }
    }

    /// Takes a member that has to be there, under the first of its names that is; none after a
    /// flaw. `parse` gives the value, or says what is wrong with it.
    pub(super) fn required<T>(
        &mut self,
        names: &[&'static str],
        parse: impl FnOnce(&mut Flaws<'_>, &Value) -> Option<T>,
    ) -> Option<T> {
        self.optional(names, |flaws, value| match value {
            Some(value) => parse(flaws, value),
            None => {
                let names = names.join("” or “");
                flaws.note(format!("The member “{names}” is missing."));
                None
            }
        })
    }

    /// A boolean, or the text that Python or JavaScript would write for one; `default` where it
    /// is absent.
    pub(super) fn switch<T>(&mut self, name: &'static str, default: T, off: T, on: T) -> Option<T> {
        self.optional(&[name], |flaws, value| match value {
            None => Some(default),
            Some(Value::Bool(false)) => Some(off),
            Some(Value::Bool(true)) => Some(on),
            Some(Value::String(text)) if matches!(&**text, "false" | "False") => Some(off),
            Some(Value::String(text)) if matches!(&**text, "true" | "True") => Some(on),
            Some(other) => {
                flaws.wrong(other, &format!("{}; true or false is expected", found(other)));
                None
            }
        })
    }

    /// One of some words; the first is what an absent member means.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[Choice<T>],
    ) -> Option<T> {
        let words = choices.iter().map(|(word, _)| *word);
        self.optional(&[name], |flaws, value| match value {
            None => choices.first().map(|(_, meaning)| *meaning),
            Some(Value::String(text)) => {
                let known = choices.iter().find(|(word, _)| word == text);
                if known.is_none() {
                    flaws.unknown_word(text, words);
                }
                known.map(|(_, meaning)| *meaning)
            }
            Some(other) => {
                let listed = words.collect::<Vec<_>>().join("” or “");
                flaws.wrong(other, &format!("{}; “{listed}” is expected", found(other)));
                None
            }
        })
    }

    /// Takes a member that need not be there, under the first of its names that is.
    pub(super) fn optional<T>(
        &mut self,
        names: &[&'static str],
        parse: impl FnOnce(&mut Flaws<'_>, Option<&Value>) -> Option<T>,
    ) -> Option<T> {
        self.known.extend(names);
        let present = names.iter().copied().find(|name| self.object.contains_key(*name));
        let name = present.or(names.first().copied()).unwrap_or_default();
        let value = self.object.get(name);
        let mut flaws = Flaws { pointer: format!("/{name}"), flaws: &mut self.flaws };
        for other in names.iter().filter(|other| self.object.contains_key(**other)) {
            if self.object.get(*other) != value {
                flaws.note(format!("The members “{name}” and “{other}” mean the same and differ."));
            }
        }
        parse(&mut flaws, value)
    }

    /// What was read, with a warning for each member that nothing asked for; or a problem with
    /// all the flaws. `parsed` is none only after a flaw.
    pub(super) fn finish<T>(mut self, parsed: Option<T>) -> Result<(T, Vec<String>), Problem> {
        match parsed {
            Some(parsed) if self.flaws.is_empty() => Ok((parsed, self.warnings())),
            _ => {
                let detail = match &*self.flaws {
                    [only] => only.detail.clone(),
                    flaws => format!("{} things are wrong with the body.", flaws.len()),
                };
                self.flaws.truncate(FLAWS_MAX);
                Err(Problem::new(ProblemKind::MalformedBody, detail).with_flaws(self.flaws))
            }
        }
    }

    /// The same for a body that may hold no unknown member: each is a flaw.
    pub(super) fn finish_known<T>(mut self, parsed: Option<T>) -> Result<T, Problem> {
        let known = std::mem::take(&mut self.known);
        let unknown = self.object.keys().filter(|name| !known.contains(&name.as_str()));
        for name in unknown.take(FLAWS_MAX) {
            let pointer = format!("/{}", escape_pointer(name));
            let mut flaws = Flaws { pointer, flaws: &mut self.flaws };
            flaws.unknown_word(name, known.iter().copied());
        }
        self.object.clear();
        self.finish(parsed).map(|(parsed, _)| parsed)
    }

    fn warnings(&self) -> Vec<String> {
        let unknown: Vec<_> =
            self.object.keys().filter(|name| !self.known.contains(&name.as_str())).collect();
        let mut warnings: Vec<String> = unknown
            .iter()
            .take(WARNINGS_MAX)
            .map(|name| {
                let meant = nearest(name, self.known.iter().copied())
                    .map(|known| format!(" Was “{known}” meant?"))
                    .unwrap_or_default();
                format!("The member “{}” is not known and was ignored.{meant}", shorten(name))
            })
            .collect();
        if unknown.len() > WARNINGS_MAX {
            warnings.push(format!("{} more members are not known.", unknown.len() - WARNINGS_MAX));
        }
        warnings
    }
}

/// Where a reader notes what is wrong with its member.
pub(super) struct Flaws<'a> {
    pointer: String,
    flaws: &'a mut Vec<Flaw>,
}

impl Flaws<'_> {
    /// The same for one item of the member's list.
    pub(super) fn item(&mut self, index: usize) -> Flaws<'_> {
        Flaws { pointer: format!("{}/{index}", self.pointer), flaws: self.flaws }
    }

    /// The same for one member of the member's object.
    pub(super) fn member(&mut self, name: &str) -> Flaws<'_> {
        let pointer = format!("{}/{}", self.pointer, escape_pointer(name));
        Flaws { pointer, flaws: self.flaws }
    }

    /// Something is wrong that has no value: a whole sentence.
    pub(super) fn note(&mut self, detail: String) {
        self.flaws.push(Flaw::new(Place::Pointer(self.pointer.clone()), detail));
    }

    /// The value is wrong: what follows “The member “name” ”.
    pub(super) fn wrong(&mut self, value: &Value, what: &str) {
        let detail = format!("The member “{}” {what}.", &self.pointer[1..]);
        let place = Place::Pointer(self.pointer.clone());
        self.flaws.push(Flaw { value: echo(value), ..Flaw::new(place, detail) });
    }

    /// The text is none of the words; the nearest of them is suggested.
    pub(super) fn unknown_word(
        &mut self,
        text: &str,
        words: impl Iterator<Item = &'static str> + Clone,
    ) {
        let nearest = nearest(text, words.clone());
        let valid: Vec<_> = words.collect();
        let shown = shorten(text);
        let detail = match nearest {
            Some(word) => format!("“{shown}” is not known here; was “{word}” meant?"),
            None => format!("“{shown}” is not known here; one of these is: {}.", valid.join(", ")),
        };
        let place = Place::Pointer(self.pointer.clone());
        let value = Some(Value::from(shown));
        let nearest = nearest.map(Cow::Borrowed);
        self.flaws.push(Flaw { value, nearest, valid, ..Flaw::new(place, detail) });
    }
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
