//! Reads the members of a JSON object, so that a response reports all flaws of the object at once.

use serde_json::{Map, Value};

use super::{
    flaws::{FLAWS_MAX, Flaws, summary},
    problem::{Flaw, Problem, ProblemKind, RequestLocation, escape_pointer},
};

/// A JSON object that is being read. Each call reads a member or collects its flaws;
/// [`finish`](Self::finish) reports them.
pub(super) struct ObjectReader {
    object: Map<String, Value>,
    known: Vec<&'static str>,
    flaws: Vec<Flaw>,
}

impl ObjectReader {
    pub(super) fn new(object: Map<String, Value>) -> Self {
        Self { object, known: Vec::new(), flaws: Vec::new() }
    }

    /// Reads a required member; `None` after a flaw. `parse` returns the value, or adds a flaw.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&mut Flaws<'_>, &Value) -> Option<T>,
    ) -> Option<T> {
        self.optional(name, |flaws, value| match value {
            Some(value) => parse(flaws, value),
            None => {
                flaws.note(format!("The member “{name}” is missing."));
                None
            }
        })
    }

    /// Reads an optional member; `None` after a flaw. `parse` returns the value, or adds a flaw.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&mut Flaws<'_>, Option<&Value>) -> Option<T>,
    ) -> Option<T> {
        self.known.push(name);
        let location = RequestLocation::Pointer(format!("/{name}"));
        let mut flaws = Flaws::new(location, &mut self.flaws);
        parse(&mut flaws, self.object.get(name))
    }

    /// Returns `parsed`, the value built from the members. `parsed` must be `None` only if a flaw
    /// was noted. An unknown member is a flaw.
    ///
    /// # Errors
    /// 400 with all flaws.
    pub(super) fn finish<T>(mut self, parsed: Option<T>) -> Result<T, Problem> {
        let unknown = self.object.keys().filter(|name| !self.known.contains(&name.as_str()));
        for name in unknown.take(FLAWS_MAX) {
            let location = RequestLocation::Pointer(format!("/{}", escape_pointer(name)));
            Flaws::new(location, &mut self.flaws).unknown_word(name, &self.known);
        }
        match parsed {
            Some(parsed) if self.flaws.is_empty() => Ok(parsed),
            _ => {
                let detail = summary(&self.flaws);
                self.flaws.truncate(FLAWS_MAX);
                Err(Problem::new(ProblemKind::MalformedBody, detail).with_flaws(self.flaws))
            }
        }
    }
}
