//! What a request says of its call's options, and whether that can be taken.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{OptionValue, Options};
use crate::http::members::{Flaws, called, capital, found, truth};
use crate::http::problem::{Flaw, Place, Problem, ProblemKind, escape_pointer, shorten};
use crate::http::query_string::Query;
use crate::http::route::{CallOption, Need, ValueType};
use crate::migration::ProjectName;
use crate::model::{Kind, nearest};
use crate::topology::{NameError, WorkbookName};

/// Flaws of one request that are answered.
const FLAWS_MAX: usize = 100;

/// What a request says of its call's options, as it came, wherever it stands.
#[derive(Debug, Default)]
pub(in crate::http) struct Given(Vec<Said>);

/// One name with its value, and where they stand.
#[derive(Debug)]
struct Said {
    name: String,
    value: Value,
    place: Place,
}

impl Given {
    /// Adds the members of a JSON object.
    pub(in crate::http) fn add_object(&mut self, object: Map<String, Value>) {
        for (name, value) in object {
            let place = Place::Pointer(format!("/{}", escape_pointer(&name)));
            self.0.push(Said { name, value, place });
        }
    }

    /// Adds a field of a form.
    pub(in crate::http) fn add_field(&mut self, name: String, value: Value) {
        self.0.push(Said { place: Place::FormField(name.clone()), name, value });
    }

    /// Adds the parameters of a query.
    pub(in crate::http) fn add_query(&mut self, query: Query) {
        for (name, value) in query.into_pairs() {
            let place = Place::QueryParameter(name.clone());
            self.0.push(Said { name, value: value.into(), place });
        }
    }

    /// The options of the call, whose definitions are `known`.
    ///
    /// # Errors
    /// 400 with all flaws: a name that is unknown or stands twice, values that contradict each
    /// other or are wrong, a required option that is missing.
    pub(in crate::http) fn check(self, known: &'static [CallOption]) -> Result<Options, Problem> {
        let mut flaws = Vec::new();
        let mut options = Options::default();
        for option in known {
            let said: Vec<&Said> = self.0.iter().filter(|said| said.is_of(option)).collect();
            if let Some(value) = check_option(option, &said, &mut flaws)
                && option.need != Need::Ignored
            {
                options.0.push((option.name, value));
            }
        }
        let unknown = self.0.iter().filter(|said| !known.iter().any(|option| said.is_of(option)));
        let unknown = unknown.take(FLAWS_MAX);
        flaws.extend(unknown.map(|said| unknown_option(said.place.clone(), &said.name, known)));
        if flaws.is_empty() { Ok(options) } else { Err(refusal(flaws)) }
    }
}

impl Said {
    fn is_of(&self, option: &CallOption) -> bool {
        option.names().any(|name| name == self.name)
    }
}

/// The value of one option, from all that is said of it.
fn check_option(option: &CallOption, said: &[&Said], flaws: &mut Vec<Flaw>) -> Option<OptionValue> {
    let Some((first, others)) = said.split_first() else {
        if option.need == Need::Required {
            let names: Vec<_> = option.names().collect();
            let detail = format!("The option “{}” is missing.", names.join("” or “"));
            flaws.push(Flaw::new(Place::Pointer(format!("/{}", option.name)), detail));
        }
        return None;
    };
    let value = read(option, first, flaws);
    let mut seen = vec![&first.place];
    for other in others {
        if seen.contains(&&other.place) {
            flaws.push(doubled(option, &other.place));
            continue;
        }
        seen.push(&other.place);
        let another = read(option, other, flaws);
        if let (Some(value), Some(another)) = (&value, &another)
            && !is_same(value, another)
        {
            let (a, b) = (capital(&called(&first.place)), called(&other.place));
            let detail = format!("{a} and {b} mean the same and differ. Send only one of them.");
            flaws.push(Flaw::new(other.place.clone(), detail));
        }
    }
    value
}

/// An option that stands twice in one place, even with the same value: which of the two was meant
/// cannot be told.
fn doubled(option: &CallOption, place: &Place) -> Flaw {
    let how = match option.value {
        ValueType::Kinds | ValueType::Texts => {
            " Send it once, with commas between the items of the list."
        }
        ValueType::Text
        | ValueType::ProjectName
        | ValueType::WorkbookName
        | ValueType::Word(_)
        | ValueType::Kind
        | ValueType::Whole
        | ValueType::Switch => " Send it once.",
    };
    Flaw::new(place.clone(), format!("{} stands more than once.{how}", capital(&called(place))))
}

fn is_same(a: &OptionValue, b: &OptionValue) -> bool {
    match (a, b) {
        (OptionValue::Kinds(a), OptionValue::Kinds(b)) => {
            a.len() == b.len() && a.iter().all(|kind| b.contains(kind))
        }
        (a, b) => a == b,
    }
}

/// Reads a value by the option's type, or notes what is wrong with it.
fn read(option: &CallOption, said: &Said, flaws: &mut Vec<Flaw>) -> Option<OptionValue> {
    let Said { value, place, .. } = said;
    let mut flaws = Flaws::new(place.clone(), flaws);
    let text = |flaws: &mut Flaws<'_>, expected: &str| match value {
        Value::String(text) => Some(text.clone()),
        other => {
            flaws.wrong(other, &format!("{}; {expected} is expected", found(other)));
            None
        }
    };
    match option.value {
        ValueType::Switch => {
            // A parameter that stands alone in a query is a switch that is on.
            let is_alone = matches!(place, Place::QueryParameter(_)) && value == "";
            let on = if is_alone { Some(true) } else { truth(value) };
            if on.is_none() {
                let found = match value {
                    Value::String(text) => format!("is “{}”", shorten(text)),
                    other => found(other),
                };
                flaws.wrong(value, &format!("{found}; true or false is expected"));
            }
            on.map(OptionValue::Switch)
        }
        ValueType::Text | ValueType::Kind | ValueType::Whole | ValueType::Texts => {
            text(&mut flaws, "a text").map(OptionValue::Text)
        }
        ValueType::Word(words) => {
            let text = text(&mut flaws, &format!("“{}”", words.join("” or “")))?;
            if words.contains(&text.as_str()) {
                return Some(OptionValue::Text(text));
            }
            flaws.unknown_word(&text, words);
            None
        }
        ValueType::ProjectName => {
            let text = text(&mut flaws, "a project's name")?;
            match text.parse::<ProjectName>() {
                Ok(_) => Some(OptionValue::Text(text)),
                Err(error) => {
                    flaws.wrong(value, &format!("is “{}”; {error}", shorten(&text)));
                    None
                }
            }
        }
        ValueType::WorkbookName => {
            let text = text(&mut flaws, "a workbook's name")?;
            match text.parse::<WorkbookName>() {
                // An ending that is no format is refused by the handler, with 422.
                Ok(_) | Err(NameError::Ending(_)) => Some(OptionValue::Text(text)),
                Err(error) => {
                    flaws.wrong(value, &format!("is “{}”; {error}", shorten(&text)));
                    None
                }
            }
        }
        ValueType::Kinds => kinds(value, place, &mut flaws).map(OptionValue::Kinds),
    }
}

/// A list of kinds: a list in JSON, a text with commas in a query or a form.
fn kinds(value: &Value, place: &Place, flaws: &mut Flaws<'_>) -> Option<Vec<Kind>> {
    let is_json = matches!(place, Place::Pointer(_));
    let items: Vec<Cow<'_, Value>> = match value {
        Value::Array(items) => items.iter().map(Cow::Borrowed).collect(),
        Value::String(text) if !is_json => text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(|word| Cow::Owned(Value::from(word)))
            .collect(),
        other => {
            flaws.wrong(other, &format!("{}; a list of types is expected", found(other)));
            return None;
        }
    };
    if items.is_empty() {
        // A backup of nothing must not look like one.
        flaws.wrong(value, "is empty; it must name at least one type");
        return None;
    }
    let mut kinds = Vec::new();
    let mut are_right = true;
    for (index, item) in items.iter().enumerate() {
        match &**item {
            Value::String(word) => match word.parse::<Kind>() {
                Ok(kind) if kinds.contains(&kind) => {}
                Ok(kind) => kinds.push(kind),
                Err(_) => {
                    are_right = false;
                    flaws.item(index).unknown_word(word, &Kind::ALL.map(Kind::as_str));
                }
            },
            other => {
                are_right = false;
                flaws.item(index).wrong(other, &format!("{}; a type is expected", found(other)));
            }
        }
    }
    are_right.then_some(kinds)
}

/// An option that the call does not know, with the nearest that it does.
pub(in crate::http) fn unknown_option(
    place: Place,
    name: &str,
    known: &'static [CallOption],
) -> Flaw {
    let valid: Vec<_> = known.iter().flat_map(CallOption::names).collect();
    let nearest = nearest(name, valid.iter().copied());
    let called = capital(&called(&place));
    let detail = match nearest {
        Some(near) => format!("{called} is not an option of this call. Did you mean “{near}”?"),
        None if valid.is_empty() => {
            format!("{called} is not an option of this call. The call has no options.")
        }
        None => format!(
            "{called} is not an option of this call. Its options are: {}.",
            valid.join(", ")
        ),
    };
    Flaw {
        code: Some("unknown-option"),
        value: None,
        nearest: nearest.map(Cow::Borrowed),
        valid,
        ..Flaw::new(place, detail)
    }
}

/// The problem with all flaws. It is of the body unless all of them stand in the query.
fn refusal(mut flaws: Vec<Flaw>) -> Problem {
    let detail = match &*flaws {
        [only] => only.detail.clone(),
        flaws => format!("{} things are wrong with the request.", flaws.len()),
    };
    let in_query = |flaw: &Flaw| matches!(flaw.place, Place::QueryParameter(_));
    let kind = if flaws.iter().all(in_query) {
        ProblemKind::MalformedRequest
    } else {
        ProblemKind::MalformedBody
    };
    flaws.truncate(FLAWS_MAX);
    Problem::new(kind, detail).with_flaws(flaws)
}
