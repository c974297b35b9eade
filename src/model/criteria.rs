//! What a computed pool asks of devices and of links.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use super::{Entity, Pool, Value, View};

/// The most memory that one compiled expression may take, in bytes.
const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// Which of its two kinds of member a pool's criterion is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Device,
    Link,
}

impl Side {
    /// What the names of this side's criteria begin with.
    fn prefix(self) -> &'static str {
        match self {
            Side::Device => "device_",
            Side::Link => "link_",
        }
    }
}

/// All that a pool asks of one side's members. They have to meet every criterion.
#[derive(Clone, Debug, PartialEq)]
pub struct Criteria(Vec<Criterion>);

#[derive(Clone, Debug, PartialEq)]
struct Criterion {
    property: String,
    ask: Ask,
    wanted: bool,
}

#[derive(Clone, Debug)]
enum Ask {
    /// The text holds this one; upper and lower case are the same.
    Inclusion(String),
    Equality(String),
    Regex(Regex),
    Empty,
}

/// Expressions are the same when they are spelled the same.
impl PartialEq for Ask {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Ask::Inclusion(a), Ask::Inclusion(b)) | (Ask::Equality(a), Ask::Equality(b)) => a == b,
            (Ask::Regex(a), Ask::Regex(b)) => a.as_str() == b.as_str(),
            (Ask::Empty, Ask::Empty) => true,
            _ => false,
        }
    }
}

/// A criterion that cannot be asked: the pool keeps the members that it has.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CriterionError {
    #[error("'{property}' is no regular expression that Satchel can search for: {detail}")]
    Regex { property: String, detail: String },
    #[error("'{property}' is '{found}', and inclusion, equality, regex and empty are known")]
    Match { property: String, found: String },
}

impl Criteria {
    /// The criteria of a pool for one side.
    ///
    /// # Errors
    /// The first that cannot be asked.
    pub fn of(pool: &Pool, side: Side) -> Result<Self, CriterionError> {
        let mut criteria = Vec::new();
        let text = |key: &str| match pool.custom().get(key).map(|value| value.plain().as_text()) {
            Some(Some(text)) => text,
            Some(None) | None => "",
        };
        let truth = |key: &str| match pool.custom().get(key) {
            Some(Value::Bool(truth)) => *truth,
            Some(Value::Text(text)) => matches!(text.as_str(), "true" | "True"),
            _ => false,
        };
        for key in pool.custom().keys() {
            let Some(property) = key.strip_prefix(side.prefix()) else { continue };
            if property.ends_with("_match") || property.ends_with("_invert") {
                continue;
            }
            let match_key = format!("{key}_match");
            let value = text(key);
            let ask = match text(&match_key) {
                // Nothing is asked, unless it is asked for nothing.
                "empty" => Ask::Empty,
                _ if value.is_empty() => continue,
                "inclusion" | "" => Ask::Inclusion(value.to_lowercase()),
                "equality" => Ask::Equality(value.to_owned()),
                "regex" => {
                    let built = RegexBuilder::new(value).size_limit(REGEX_BYTES_MAX).build();
                    Ask::Regex(built.map_err(|error| CriterionError::Regex {
                        property: key.clone(),
                        detail: error.to_string(),
                    })?)
                }
                found => {
                    let found = found.to_owned();
                    return Err(CriterionError::Match { property: match_key, found });
                }
            };
            let property = match (side, property) {
                (Side::Link, "source_name") => "source",
                (Side::Link, "destination_name") => "destination",
                (Side::Device | Side::Link, property) => property,
            };
            let wanted = !truth(&format!("{key}_invert"));
            criteria.push(Criterion { property: property.to_owned(), ask, wanted });
        }
        Ok(Self(criteria))
    }

    /// Whether nothing is asked: then no record is a member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The properties that are asked about: a record in which none of them changes stays what it
    /// is, a member or none.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|criterion| criterion.property.as_str())
    }

    /// Whether a record is a member. Where nothing is asked, none is.
    pub fn admit<E: Entity>(&self, record: &E) -> bool {
        !self.0.is_empty() && self.0.iter().all(|criterion| criterion.admits(record))
    }
}

impl Criterion {
    fn admits<E: Entity>(&self, record: &E) -> bool {
        let text = text_of(record, &self.property);
        let met = match &self.ask {
            Ask::Inclusion(part) => text.to_lowercase().contains(part),
            Ask::Equality(all) => text == *all,
            Ask::Regex(regex) => regex.is_match(&text),
            Ask::Empty => text.is_empty(),
        };
        met == self.wanted
    }
}

/// A property as text, as Python's `str` spells it; its default where the record does not say.
fn text_of<'a, E: Entity>(record: &'a E, property: &str) -> Cow<'a, str> {
    let default = || E::PROPERTIES.iter().find(|known| known.name == property)?.default.view();
    match record.view(property).or_else(default) {
        None => "".into(),
        Some(View::Text(text)) => text.into(),
        Some(View::Value(Value::Text(text))) => text.into(),
        Some(other) => value_text(&other.to_value()).into(),
    }
}

/// A value as text.
fn value_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::BigInt(text) | Value::Text(text) | Value::Timestamp(text) => text.clone(),
        Value::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::List(items) | Value::Tuple(items) => {
            items.iter().map(value_text).collect::<Vec<_>>().join(", ")
        }
        Value::Map(map) => map
            .iter()
            .map(|(key, value)| format!("{}: {}", value_text(key), value_text(value)))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Shared(shared) => value_text(&shared.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Device, Field, Link, Name, Ref};

    fn name(text: &str) -> Name {
        Name::parse(text.to_owned()).unwrap()
    }

    fn pool(criteria: &[(&str, Value)]) -> Pool {
        let mut pool = Pool::named(name("p"));
        for (key, value) in criteria {
            pool.set(key, value.clone()).unwrap();
        }
        pool
    }

    fn device() -> Device {
        let mut device = Device::named(name("Router-1"));
        device.vendor = Field::Set("Cisco".to_owned());
        device.set("rack", Value::Int(7)).unwrap();
        device
    }

    fn admits(criteria: &[(&str, Value)]) -> bool {
        Criteria::of(&pool(criteria), Side::Device).unwrap().admit(&device())
    }

    #[test]
    fn every_match_and_its_opposite() {
        assert!(admits(&[("device_vendor", "ISC".into())]));
        assert!(!admits(&[
            ("device_vendor", "ISC".into()),
            ("device_vendor_match", "equality".into())
        ]));
        assert!(admits(&[("device_name", r"-\d$".into()), ("device_name_match", "regex".into())]));
        assert!(!admits(&[
            ("device_vendor", "isc".into()),
            ("device_vendor_invert", Value::Bool(true))
        ]));
        assert!(admits(&[("device_model", "".into()), ("device_model_match", "empty".into())]));
        assert!(admits(&[("device_port", "22".into())]), "the default counts");
        assert!(admits(&[("device_rack", "7".into())]), "the site's own properties count");
        assert!(!admits(&[("device_vendor", "cisco".into()), ("device_rack", "8".into())]));
    }

    #[test]
    fn nothing_asked_admits_nothing() {
        assert!(!admits(&[]));
        assert!(!admits(&[("device_vendor", "".into()), ("link_name", "x".into())]));
    }

    #[test]
    fn criteria_are_equal_when_they_ask_the_same() {
        let criteria = |name: &str, regex: &str| {
            let name = [
                ("device_name", name.into()),
                ("device_vendor", regex.into()),
                ("device_vendor_match", "regex".into()),
            ];
            Criteria::of(&pool(&name), Side::Device).unwrap()
        };
        assert_eq!(criteria("a", "b.*"), criteria("A", "b.*"), "the case does not matter");
        assert_ne!(criteria("a", "b.*"), criteria("a", "b.+"));
        assert_eq!(criteria("a", "b").properties().collect::<Vec<_>>(), ["name", "vendor"]);
        assert!(!criteria("a", "b").is_empty());
        assert!(criteria("", "").is_empty());
    }

    #[test]
    fn a_links_ends_have_two_names() {
        let mut link = Link::named(name("l"));
        link.source = Field::Set(Ref::new("Router-1"));
        let pool = pool(&[("link_source_name", "router".into())]);
        assert!(Criteria::of(&pool, Side::Link).unwrap().admit(&link));
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        let bad =
            |criteria: &[(&str, Value)]| Criteria::of(&pool(criteria), Side::Device).unwrap_err();
        assert!(matches!(
            bad(&[("device_name", "(?=a)".into()), ("device_name_match", "regex".into())]),
            CriterionError::Regex { .. }
        ));
        assert!(matches!(
            bad(&[("device_name", "a".into()), ("device_name_match", "like".into())]),
            CriterionError::Match { .. }
        ));
    }
}
