//! The options that a request sends, and their check against the definitions of the call.

use std::{borrow::Cow, ops::RangeInclusive};

use serde_json::{Map, Value};

use super::{OptionValue, Options};
use crate::{
    backup::BackupName,
    http::{
        description::{CallOption, Need, ValueType},
        flaws::{
            FLAWS_MAX, Flaws, boolean, capitalized, is_type, subject, summary, unknown_option,
        },
        problem::{Flaw, Problem, ProblemKind, RequestLocation, escape_pointer, shorten},
        query_string::Query,
    },
    migration::ProjectName,
    model::Kind,
    topology::{Mapping, NameError, SHEET_ROWS_MAX, WorkbookName},
    wording::chain,
};

/// The options that a request sends, unchecked, from its query, its body or both.
#[derive(Debug, Default)]
pub(in crate::http) struct SentOptions(Vec<SentOption>);

/// One option of a request.
#[derive(Debug)]
struct SentOption {
    name: String,
    value: Value,
    location: RequestLocation,
}

impl SentOptions {
    /// Adds the members of a JSON object.
    pub(in crate::http) fn add_object(&mut self, object: Map<String, Value>) {
        for (name, value) in object {
            let location = RequestLocation::Pointer(format!("/{}", escape_pointer(&name)));
            self.0.push(SentOption { name, value, location });
        }
    }

    /// Adds a field of a form.
    pub(in crate::http) fn add_field(&mut self, name: String, value: Value) {
        let location = RequestLocation::FormField(name.clone());
        self.0.push(SentOption { name, value, location });
    }

    /// Adds the parameters of a query.
    pub(in crate::http) fn add_query(&mut self, query: Query) {
        for (name, value) in query.into_pairs() {
            let location = RequestLocation::QueryParameter(name.clone());
            self.0.push(SentOption { name, value: value.into(), location });
        }
    }

    /// Checks the options against the definitions of the call.
    ///
    /// # Errors
    /// 400 with all flaws: unknown and duplicate names, wrong and contradicting values, missing
    /// required options.
    pub(in crate::http) fn check(self, known: &'static [CallOption]) -> Result<Options, Problem> {
        let mut flaws = Vec::new();
        let mut options = Options::default();
        for option in known {
            let sent: Vec<_> = self.0.iter().filter(|sent| sent.names(option)).collect();
            if let Some(value) = check_option(option, &sent, &mut flaws)
                && option.need != Need::Ignored
            {
                options.0.push((option.name, value));
            }
        }
        let unknown = self.0.iter().filter(|sent| !known.iter().any(|option| sent.names(option)));
        let unknown = unknown.take(FLAWS_MAX);
        flaws.extend(unknown.map(|sent| unknown_option(sent.location.clone(), &sent.name, known)));
        if flaws.is_empty() { Ok(options) } else { Err(problem(flaws)) }
    }
}

impl SentOption {
    /// Returns whether this is a value of `option`, by its name or an alias.
    fn names(&self, option: &CallOption) -> bool {
        option.names().any(|name| name == self.name)
    }
}

/// Returns the value of one option. `sent` are all values that the request sends for it.
fn check_option(
    option: &CallOption,
    sent: &[&SentOption],
    flaws: &mut Vec<Flaw>,
) -> Option<OptionValue> {
    let Some((first, others)) = sent.split_first() else {
        if option.need == Need::Required {
            let names: Vec<_> = option.names().collect();
            let detail = format!("The option “{}” is missing.", names.join("” or “"));
            let location = RequestLocation::Pointer(format!("/{}", option.name));
            flaws.push(Flaw::new(location, detail));
        }
        return None;
    };
    let value = read(option, first, flaws);
    let mut seen = vec![&first.location];
    for other in others {
        if seen.contains(&&other.location) {
            flaws.push(duplicate(option, &other.location));
            continue;
        }
        seen.push(&other.location);
        let other_value = read(option, other, flaws);
        if let (Some(value), Some(other_value)) = (&value, &other_value)
            && !is_same(value, other_value)
        {
            let (a, b) = (capitalized(&subject(&first.location)), subject(&other.location));
            let detail = format!(
                "{a} and {b} are the same option, but their values differ. Send only one of them."
            );
            flaws.push(Flaw::new(other.location.clone(), detail));
        }
    }
    value
}

/// Returns the flaw that an option occurs twice at one location. Equal values are refused too: the
/// rule is the same for all options.
fn duplicate(option: &CallOption, location: &RequestLocation) -> Flaw {
    let advice = match option.value {
        ValueType::Kinds | ValueType::Texts => {
            "Send it once, with commas between the items of the list."
        }
        ValueType::Text
        | ValueType::ProjectName
        | ValueType::WorkbookName
        | ValueType::BackupName
        | ValueType::Word(_)
        | ValueType::Kind
        | ValueType::Whole
        | ValueType::RowNumber
        | ValueType::Mapping
        | ValueType::Headings
        | ValueType::Switch => "Send it once.",
    };
    let subject = capitalized(&subject(location));
    Flaw::new(location.clone(), format!("{subject} occurs more than once. {advice}"))
}

/// Returns whether two values mean the same. The order of kinds does not matter.
fn is_same(a: &OptionValue, b: &OptionValue) -> bool {
    match (a, b) {
        (OptionValue::Kinds(a), OptionValue::Kinds(b)) => {
            a.len() == b.len() && a.iter().all(|kind| b.contains(kind))
        }
        (a, b) => a == b,
    }
}

/// Returns the problem with all flaws. It is a problem of the query if all flaws are in the query,
/// otherwise of the body.
fn problem(mut flaws: Vec<Flaw>) -> Problem {
    let in_query = |flaw: &Flaw| matches!(flaw.location, RequestLocation::QueryParameter(_));
    let kind = if flaws.iter().all(in_query) {
        ProblemKind::MalformedRequest
    } else {
        ProblemKind::MalformedBody
    };
    let detail = summary(&flaws);
    flaws.truncate(FLAWS_MAX);
    Problem::new(kind, detail).with_flaws(flaws)
}

/// Reads a value as the type of the option, or adds a flaw.
fn read(option: &CallOption, sent: &SentOption, flaws: &mut Vec<Flaw>) -> Option<OptionValue> {
    let SentOption { value, location, .. } = sent;
    let mut flaws = Flaws::new(location.clone(), flaws);
    let text = |flaws: &mut Flaws<'_>, expected: &str| match value {
        Value::String(text) => Some(text.clone()),
        other => {
            flaws.wrong(other, &format!("{}; {expected} is expected", is_type(other)));
            None
        }
    };
    match option.value {
        ValueType::Switch => {
            // A query parameter without a value turns the switch on.
            let is_alone = matches!(location, RequestLocation::QueryParameter(_)) && value == "";
            let on = if is_alone { Some(true) } else { boolean(value) };
            if on.is_none() {
                let found = match value {
                    Value::String(text) => format!("is “{}”", shorten(text)),
                    other => is_type(other),
                };
                flaws.wrong(value, &format!("{found}; true or false is expected"));
            }
            on.map(OptionValue::Switch)
        }
        ValueType::Text | ValueType::Kind | ValueType::Texts => {
            text(&mut flaws, "text").map(OptionValue::Text)
        }
        ValueType::Whole => {
            whole(value, 0..=u64::MAX, "a whole number", &mut flaws).map(OptionValue::Whole)
        }
        ValueType::RowNumber => {
            let expected = format!("a row from 1 to {SHEET_ROWS_MAX}");
            let rows = 1..=u64::from(SHEET_ROWS_MAX);
            whole(value, rows, &expected, &mut flaws).map(OptionValue::Whole)
        }
        ValueType::Mapping => mapping(value, &mut flaws).map(OptionValue::Mapping),
        ValueType::Headings => headings(value, &mut flaws).map(OptionValue::Mapping),
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
        ValueType::BackupName => {
            let text = text(&mut flaws, "a backup's name")?;
            match text.parse::<BackupName>() {
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
                // The handler refuses an unknown extension, with 422.
                Ok(_) | Err(NameError::Ending(_)) => Some(OptionValue::Text(text)),
                Err(error) => {
                    flaws.wrong(value, &format!("is “{}”; {error}", shorten(&text)));
                    None
                }
            }
        }
        ValueType::Kinds => kinds(value, location, &mut flaws).map(OptionValue::Kinds),
    }
}

/// Reads a whole number within a range: a number in JSON, digits in a query or a form.
fn whole(
    value: &Value,
    range: RangeInclusive<u64>,
    expected: &str,
    flaws: &mut Flaws<'_>,
) -> Option<u64> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    let number = number.filter(|number| range.contains(number));
    if number.is_none() {
        let found = match value {
            Value::String(text) => format!("is “{}”", shorten(text)),
            Value::Number(number) => format!("is {number}"),
            other => is_type(other),
        };
        flaws.wrong(value, &format!("{found}; {expected} is expected"));
    }
    number
}

/// Reads a mapping: an object in JSON, pairs or the text of a JSON object elsewhere.
fn mapping(value: &Value, flaws: &mut Flaws<'_>) -> Option<Mapping> {
    let mapping = match value {
        Value::String(text) => Mapping::parse(text),
        Value::Object(object) => Mapping::EMPTY.with_object(object.clone()),
        other => {
            flaws
                .wrong(other, &format!("{}; headings and properties are expected", is_type(other)));
            return None;
        }
    };
    mapping.map_err(|error| flaws.wrong(value, &format!("is wrong: {}", chain(&error)))).ok()
}

/// Reads the headings of columns to ignore, as a mapping that only ignores.
fn headings(value: &Value, flaws: &mut Flaws<'_>) -> Option<Mapping> {
    let mapping = match value {
        Value::String(text) => Mapping::EMPTY.with_ignored_text(text),
        Value::Array(headings) => Mapping::EMPTY.with_ignored(headings),
        other => {
            flaws.wrong(other, &format!("{}; a list of headings is expected", is_type(other)));
            return None;
        }
    };
    mapping.map_err(|error| flaws.wrong(value, &format!("is wrong: {}", chain(&error)))).ok()
}

/// Reads a list of kinds: a list in JSON, a text with commas in a query or a form.
fn kinds(value: &Value, location: &RequestLocation, flaws: &mut Flaws<'_>) -> Option<Vec<Kind>> {
    let is_json = matches!(location, RequestLocation::Pointer(_));
    let items: Vec<Cow<'_, Value>> = match value {
        Value::Array(items) => items.iter().map(Cow::Borrowed).collect(),
        Value::String(text) if !is_json => text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(|word| Cow::Owned(Value::from(word)))
            .collect(),
        other => {
            flaws.wrong(other, &format!("{}; a list of types is expected", is_type(other)));
            return None;
        }
    };
    if items.is_empty() {
        // An export of nothing must not look like a backup.
        flaws.wrong(value, "is empty; it must contain at least one type");
        return None;
    }
    let mut kinds = Vec::new();
    let mut are_valid = true;
    for (index, item) in items.iter().enumerate() {
        match &**item {
            Value::String(word) => match word.parse::<Kind>() {
                Ok(kind) if kinds.contains(&kind) => {}
                Ok(kind) => kinds.push(kind),
                Err(_) => {
                    are_valid = false;
                    flaws.item(index).unknown_word(word, &Kind::ALL.map(Kind::as_str));
                }
            },
            other => {
                are_valid = false;
                flaws.item(index).wrong(other, &format!("{}; a type is expected", is_type(other)));
            }
        }
    }
    are_valid.then_some(kinds)
}
