//! The typed properties of a kind: their names, types and defaults.

use std::fmt;

use super::{Arity, PropertyValue, Rule, Target, Value, View};

/// The type of a property, for messages, columns and queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PropertyType {
    Name,
    Text,
    Int,
    Bool,
    Float,
    Any,
    One(Target),
    Many(Target),
    Secret,
}

impl PropertyType {
    /// The target of a relation, and how many records it names. None for other types.
    pub const fn relation(self) -> Option<(Arity, Target)> {
        match self {
            PropertyType::One(target) => Some((Arity::One, target)),
            PropertyType::Many(target) => Some((Arity::Many, target)),
            PropertyType::Name
            | PropertyType::Text
            | PropertyType::Int
            | PropertyType::Bool
            | PropertyType::Float
            | PropertyType::Any
            | PropertyType::Secret => None,
        }
    }

    /// Whether values of this type are secrets.
    pub const fn is_secret(self) -> bool {
        matches!(self, PropertyType::Secret)
    }
}

impl fmt::Display for PropertyType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PropertyType::Name => out.write_str("a name"),
            PropertyType::Text => out.write_str("a text"),
            PropertyType::Int => out.write_str("an integer"),
            PropertyType::Bool => out.write_str("a boolean"),
            PropertyType::Float => out.write_str("a number"),
            PropertyType::Any => out.write_str("any value"),
            PropertyType::One(target) => write!(out, "the name of a {target}"),
            PropertyType::Many(target) => write!(out, "a list of names of {target}s"),
            PropertyType::Secret => out.write_str("a secret in base64"),
        }
    }
}

/// The value that eNMS gives a property of a new record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PropertyDefault {
    None,
    Text(&'static str),
    Int(i64),
    Bool(bool),
    Float(f64),
}

impl PropertyDefault {
    /// The default, as a record that holds it would show it.
    pub fn view(&self) -> Option<View<'static>> {
        match *self {
            PropertyDefault::None => None,
            PropertyDefault::Text(text) => Some(View::Text(text)),
            PropertyDefault::Int(number) => Some(View::Int(number)),
            PropertyDefault::Bool(truth) => Some(View::Bool(truth)),
            PropertyDefault::Float(number) => Some(View::Float(number)),
        }
    }
}

/// One typed property of a kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Property {
    pub name: &'static str,
    pub type_: PropertyType,
    pub default: PropertyDefault,
}

impl Property {
    /// What an answer shows, given what a record holds: the default for an absent property, an
    /// empty list for a relation without names, and null for an empty name.
    pub fn shown<'a>(&self, held: Option<View<'a>>) -> View<'a> {
        match (self.type_, held) {
            (PropertyType::Many(_), None | Some(View::Null)) => View::Texts(Vec::new()),
            (PropertyType::One(_), Some(View::Text(""))) => View::Null,
            (_, Some(view)) => view,
            (_, None) => self.default.view().unwrap_or(View::Null),
        }
    }
}

/// How a value fitted its property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Exact,
    /// The value had another type and the same meaning: the text `"22"` for the port 22.
    Converted,
}

/// A value that a property does not take.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    pub rule: Rule,
    /// The value, unless it is a secret.
    pub value: Option<Value>,
}

impl Refused {
    /// The refusal of a value of a wrong type.
    pub(super) fn wrong_type<T: PropertyValue>(value: Value) -> Self {
        let rule = Rule::Type { expected: T::TYPE, found: value.type_name() };
        Refused { rule, value: Some(value) }
    }
}
