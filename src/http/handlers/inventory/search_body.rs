//! The body of a search.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    http::{
        flaws::{Flaws, is_type},
        object_reader::ObjectReader,
        problem::Problem,
    },
    inventory::{Criterion, Direction, Filter, Order, SearchRequest},
    model::{InstanceType, Kind},
};

pub(super) const TYPE: &str = "type";
const COLUMNS: &str = "columns";
pub(super) const CRITERIA: &str = "search_criteria";
const ORDER: &str = "order";
const START: &str = "start";
const LIMIT: &str = "maximum_return_records";

/// A member of the criteria that is not a criterion.
const CONTEXT_LINES: &str = "context-lines";

/// The suffixes of the members that determine how a property is compared.
const FILTER: &str = "_filter";
const INVERT: &str = "_invert";

const FILTERS: [(&str, Filter); 4] = [
    ("inclusion", Filter::Inclusion),
    ("equality", Filter::Equality),
    ("regex", Filter::Regex),
    ("empty", Filter::Empty),
];

/// The default limit.
const DEFAULT_LIMIT: u64 = 10;

/// The largest number of columns, and of criteria. A kind has about fifty properties.
const COLUMNS_MAX: usize = 256;

/// The largest number of lines around a matching line.
const CONTEXT_LINES_MAX: u64 = 1000;

/// Reads the body of a search.
///
/// # Errors
/// 400 with all flaws; unknown members are flaws.
pub(super) fn parse_search(object: Map<String, Value>) -> Result<SearchRequest, Problem> {
    let mut reader = ObjectReader::new(object);
    let of = reader.required(TYPE, instance_type);
    let columns = reader.required(COLUMNS, columns);
    let criteria = reader.optional(CRITERIA, criteria);
    let order = reader.optional(ORDER, |flaws, value| {
        order(flaws, value, columns.as_deref().unwrap_or_default())
    });
    let start = reader.optional(START, |flaws, value| number(flaws, value, 0, u64::MAX));
    let limit =
        reader.optional(LIMIT, |flaws, value| number(flaws, value, DEFAULT_LIMIT, u64::MAX));
    let request = match (of, columns, criteria, order, start, limit) {
        (Some(of), Some(columns), Some(criteria), Some(order), Some(start), Some(limit)) => {
            let Criteria { criteria, context_lines } = criteria;
            Some(SearchRequest { of, columns, criteria, order, start, limit, context_lines })
        }
        _ => None,
    };
    reader.finish(request)
}

/// Reads the kind, and the exact type if the word is one.
pub(super) fn kind(flaws: &mut Flaws<'_>, value: &Value) -> Option<(Kind, Option<String>)> {
    match instance_type(flaws, value)? {
        InstanceType::Kind(kind) => Some((kind, None)),
        InstanceType::Exact { kind, word } => Some((kind, Some(word))),
        InstanceType::Node => {
            flaws.wrong(value, "means two kinds; device or network is expected");
            None
        }
    }
}

/// Reads the type of the instances.
fn instance_type(flaws: &mut Flaws<'_>, value: &Value) -> Option<InstanceType> {
    let Value::String(word) = value else {
        flaws.wrong(value, &format!("{}; a type is expected", is_type(value)));
        return None;
    };
    let of = word.parse();
    if of.is_err() {
        flaws.unknown_word(word, &Kind::ALL.map(Kind::as_str));
    }
    of.ok()
}

/// Reads the list of columns.
fn columns(flaws: &mut Flaws<'_>, value: &Value) -> Option<Vec<String>> {
    let items = list(flaws, value, "a list of properties", "one property")?;
    if items.len() > COLUMNS_MAX {
        flaws.wrong(value, &format!("has more than {COLUMNS_MAX} items"));
        return None;
    }
    texts(flaws, items, "a property's name")
}

/// Returns the items of a list that is not empty. A flaw names what is expected: `whole`, for example
/// “a list of names”, with at least `one`, for example “one name”.
pub(super) fn list<'v>(
    flaws: &mut Flaws<'_>,
    value: &'v Value,
    whole: &str,
    one: &str,
) -> Option<&'v [Value]> {
    let Value::Array(items) = value else {
        flaws.wrong(value, &format!("{}; {whole} is expected", is_type(value)));
        return None;
    };
    if items.is_empty() {
        flaws.wrong(value, &format!("is empty; it must contain at least {one}"));
        return None;
    }
    Some(items)
}

/// Reads items that must be texts. Each other item is a flaw, which names what is `expected`.
pub(super) fn texts(flaws: &mut Flaws<'_>, items: &[Value], expected: &str) -> Option<Vec<String>> {
    let mut texts = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match item {
            Value::String(text) => texts.push(text.clone()),
            other => {
                let what = format!("{}; {expected} is expected", is_type(other));
                flaws.item(index).wrong(other, &what);
            }
        }
    }
    (texts.len() == items.len()).then_some(texts)
}

/// The criteria of a search.
#[derive(Default)]
pub(super) struct Criteria {
    pub criteria: Vec<Criterion>,
    context_lines: u32,
}

/// Returns the property that a member of the criteria compares. `None` for a member that sets how a
/// property is compared.
pub(super) fn property_of(member: &str) -> Option<&str> {
    let is_setting =
        member == CONTEXT_LINES || member.ends_with(FILTER) || member.ends_with(INVERT);
    (!is_setting).then_some(member)
}

/// The members of the body about one property.
#[derive(Default)]
struct PropertyCriterion {
    value: Option<String>,
    filter: Option<Filter>,
    invert: bool,
}

/// Reads the criteria.
pub(super) fn criteria(flaws: &mut Flaws<'_>, value: Option<&Value>) -> Option<Criteria> {
    let members = match value {
        None => return Some(Criteria::default()),
        Some(Value::Object(members)) => members,
        Some(other) => {
            flaws.wrong(other, &format!("{}; an object is expected", is_type(other)));
            return None;
        }
    };
    if members.len() > COLUMNS_MAX {
        flaws.note(format!("The criteria have more than {COLUMNS_MAX} members."));
        return None;
    }
    let mut is_valid = true;
    let mut context_lines = 0;
    let mut by_property: BTreeMap<&str, PropertyCriterion> = BTreeMap::new();
    for (name, value) in members {
        let mut flaws = flaws.member(name);
        if name == CONTEXT_LINES {
            match number(&mut flaws, Some(value), 0, CONTEXT_LINES_MAX) {
                Some(lines) => context_lines = u32::try_from(lines).unwrap_or(u32::MAX),
                None => is_valid = false,
            }
        } else if let Some(property) = name.strip_suffix(FILTER) {
            match filter(&mut flaws, value) {
                Some(filter) => by_property.entry(property).or_default().filter = Some(filter),
                None => is_valid = false,
            }
        } else if let Some(property) = name.strip_suffix(INVERT) {
            match boolean(&mut flaws, value) {
                Some(invert) => by_property.entry(property).or_default().invert = invert,
                None => is_valid = false,
            }
        } else {
            match text(&mut flaws, value) {
                Some(value) => by_property.entry(name).or_default().value = Some(value),
                None => is_valid = false,
            }
        }
    }
    let criteria = by_property.into_iter();
    let criteria = criteria.filter_map(|(property, members)| members.criterion(property));
    is_valid.then(|| Criteria { criteria: criteria.collect(), context_lines })
}

impl PropertyCriterion {
    /// Returns the criterion. An empty text is not a criterion, unless the filter is `empty`: forms
    /// send all of their fields.
    fn criterion(self, property: &str) -> Option<Criterion> {
        let filter = self.filter.unwrap_or(Filter::Inclusion);
        let value = self.value.unwrap_or_default();
        (filter == Filter::Empty || !value.is_empty()).then(|| Criterion {
            property: property.to_owned(),
            value,
            filter,
            invert: self.invert,
        })
    }
}

/// Reads a filter.
fn filter(flaws: &mut Flaws<'_>, value: &Value) -> Option<Filter> {
    match value {
        Value::String(word) => {
            let known = FILTERS.iter().find(|(known, _)| known == word);
            if known.is_none() {
                flaws.unknown_word(word, &FILTERS.map(|(known, _)| known));
            }
            known.map(|(_, filter)| *filter)
        }
        other => {
            flaws.wrong(other, &format!("{}; a filter's name is expected", is_type(other)));
            None
        }
    }
}

/// Reads a boolean.
fn boolean(flaws: &mut Flaws<'_>, value: &Value) -> Option<bool> {
    match value {
        Value::Bool(boolean) => Some(*boolean),
        Value::String(text) if matches!(&**text, "true" | "True") => Some(true),
        Value::String(text) if matches!(&**text, "false" | "False" | "") => Some(false),
        other => {
            flaws.wrong(other, &format!("{}; true or false is expected", is_type(other)));
            None
        }
    }
}

/// Returns a scalar in the format of Python's `str`, in which criteria compare properties.
fn text(flaws: &mut Flaws<'_>, value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => {
            flaws.wrong(value, &format!("{}; text is expected", is_type(value)));
            None
        }
    }
}

/// Reads the order, `[{"column": 0, "dir": "asc"}]`. The column is a position in the list of columns
/// or a name.
fn order(
    flaws: &mut Flaws<'_>,
    value: Option<&Value>,
    columns: &[String],
) -> Option<Option<Order>> {
    let item = match value {
        None => return Some(None),
        Some(Value::Array(items)) => match items.as_slice() {
            [] => return Some(None),
            [item] => item,
            [_, ..] => {
                flaws.note("Only one order is supported; the list has more.".to_owned());
                return None;
            }
        },
        Some(other) => {
            flaws.wrong(other, &format!("{}; a list is expected", is_type(other)));
            return None;
        }
    };
    let mut flaws = flaws.item(0);
    let Value::Object(members) = item else {
        flaws.wrong(item, &format!("{}; an object is expected", is_type(item)));
        return None;
    };
    let mut unknown = members.keys().filter(|name| !matches!(name.as_str(), "column" | "dir"));
    if let Some(name) = unknown.next() {
        flaws.member(name).unknown_word(name, &["column", "dir"]);
        return None;
    }
    let column = members.get("column").unwrap_or(&Value::Null);
    let property = match column {
        Value::String(name) => Some(name.clone()),
        Value::Number(number) => {
            let position = number.as_u64().and_then(|number| usize::try_from(number).ok());
            position.and_then(|position| columns.get(position).cloned())
        }
        _ => None,
    };
    if property.is_none() {
        let what = "must be a position in “columns”, from 0, or a property's name";
        flaws.member("column").wrong(column, what);
    }
    let direction = match members.get("dir") {
        None => Some(Direction::Ascending),
        Some(Value::String(word)) if word == "asc" => Some(Direction::Ascending),
        Some(Value::String(word)) if word == "desc" => Some(Direction::Descending),
        Some(other) => {
            flaws.member("dir").wrong(other, "must be “asc” or “desc”");
            None
        }
    };
    Some(Some(Order { property: property?, direction: direction? }))
}

/// Reads an integer, or its digits as a text.
fn number(flaws: &mut Flaws<'_>, value: Option<&Value>, default: u64, max: u64) -> Option<u64> {
    let Some(value) = value else { return Some(default) };
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    let number = number.filter(|number| *number <= max);
    if number.is_none() {
        flaws.wrong(value, &format!("must be an integer from 0 to {max}"));
    }
    number
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::problem::{Flaw, RequestLocation};

    fn has_flaw_at(problem: &Problem, pointer: &str) -> bool {
        let location = RequestLocation::Pointer(pointer.to_owned());
        problem.flaws().iter().any(|flaw| flaw.location == location)
    }

    fn parse(body: Value) -> Result<SearchRequest, Problem> {
        let Value::Object(object) = body else { panic!("{body} is not an object") };
        parse_search(object)
    }

    #[test]
    fn the_example_of_the_manual_is_accepted() {
        let request = parse(json!({
            "type": "device",
            "columns": ["name", "ip_address", "configuration", "configuration_matches"],
            "maximum_return_records": 3,
            "search_criteria": {"configuration_filter": "inclusion", "configuration": "i"},
        }))
        .unwrap();
        assert_eq!((request.of, request.start, request.limit), (Kind::Device.into(), 0, 3));
        assert_eq!(request.columns.len(), 4);
        let criterion = Criterion {
            property: "configuration".to_owned(),
            value: "i".to_owned(),
            filter: Filter::Inclusion,
            invert: false,
        };
        assert_eq!(request.criteria, [criterion]);
        assert_eq!((request.order, request.context_lines), (None, 0));
    }

    #[test]
    fn criteria_are_grouped_by_property() {
        let request = parse(json!({
            "type": "device",
            "columns": ["name", "port"],
            "search_criteria": {
                "name": "", "name_filter": "equality",
                "port": 22, "port_invert": "true",
                "vendor_filter": "empty", "vendor_invert": false,
                "model": "a.c", "model_filter": "regex",
                "reachable": true,
                "context-lines": "2",
            },
            "order": [{"column": 1, "dir": "desc"}],
            "start": "7",
        }))
        .unwrap();
        let criteria: Vec<_> = request
            .criteria
            .iter()
            .map(|it| (&*it.property, &*it.value, it.filter, it.invert))
            .collect();
        let expected = [
            ("model", "a.c", Filter::Regex, false),
            ("port", "22", Filter::Inclusion, true),
            ("reachable", "True", Filter::Inclusion, false),
            ("vendor", "", Filter::Empty, false),
        ];
        assert_eq!(criteria, expected);
        let order = Order { property: "port".to_owned(), direction: Direction::Descending };
        assert_eq!(request.order, Some(order));
        assert_eq!((request.start, request.limit, request.context_lines), (7, 10, 2));
    }

    #[test]
    fn all_flaws_are_reported_at_once() {
        let problem = parse(json!({
            "type": "divice",
            "columns": ["name", 7],
            "search_criteria": {
                "name": ["R 1%"], "name_filter": "inclusoin", "name_invert": "perhaps",
                "context-lines": -1,
            },
            "order": [{"column": 9, "dir": "up"}],
            "start": -1,
            "maximum_return_recrods": 5,
        }))
        .unwrap_err();
        for pointer in [
            "/type",
            "/columns/1",
            "/search_criteria/name",
            "/search_criteria/name_filter",
            "/search_criteria/name_invert",
            "/search_criteria/context-lines",
            "/order/0/column",
            "/order/0/dir",
            "/start",
            "/maximum_return_recrods",
        ] {
            assert!(has_flaw_at(&problem, pointer), "{pointer}: {problem:?}");
        }
        for near in ["device", "inclusion", "maximum_return_records"] {
            let is_near = |flaw: &&Flaw| flaw.nearest.as_deref() == Some(near);
            assert!(problem.flaws().iter().any(is_near), "{near}: {problem:?}");
        }
        for body in [json!({"type": "device"}), json!({"type": "device", "columns": []})] {
            assert!(has_flaw_at(&parse(body).unwrap_err(), "/columns"));
        }
    }
}
