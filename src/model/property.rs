//! The typed properties of a kind: their names, types and defaults.

use std::fmt;

use super::{Arity, PropertyValue, Rule, Target, Value, View};

/// The type of a property, for messages, columns and queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PropertyType {
    /// The name of the record itself.
    Name,
    /// A text. A number is converted to its digits.
    Text,
    /// An integer that fits into 64 bits.
    Int,
    /// A boolean.
    Bool,
    /// A number, with or without a fraction.
    Float,
    /// A value of any type, also a tree. Custom properties have this type.
    Any,
    /// The name of one record of the target.
    One(Target),
    /// A list of names of records of the target.
    Many(Target),
    /// A password, key or token.
    Secret,
}

impl PropertyType {
    /// The arity and the target of a relation. `None` for other types.
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

    /// Returns whether values of this type are secrets.
    pub const fn is_secret(self) -> bool {
        matches!(self, PropertyType::Secret)
    }
}

impl fmt::Display for PropertyType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PropertyType::Name => out.write_str("a name"),
            PropertyType::Text => out.write_str("text"),
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

/// The default of a property in eNMS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PropertyDefault {
    /// No value: the property is null.
    None,
    /// The property is this text.
    Text(&'static str),
    /// The property is this integer.
    Int(i64),
    /// The property is this boolean.
    Bool(bool),
    /// The property is this number.
    Float(f64),
}

impl PropertyDefault {
    /// The default as a value.
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
    /// The name on the wire, in documents and as a column heading.
    pub name: &'static str,
    /// The type of its values.
    pub type_: PropertyType,
    /// The value that a response shows if the record does not hold the property.
    pub default: PropertyDefault,
}

impl Property {
    /// The value that a response shows for the value `held` by a record: the default for an absent
    /// property, an empty list for a relation without names, and null for an empty name.
    pub fn shown<'a>(&self, held: Option<View<'a>>) -> View<'a> {
        match (self.type_, held) {
            (PropertyType::Many(_), None | Some(View::Null)) => View::Texts(Vec::new()),
            (PropertyType::One(_), Some(View::Text(""))) => View::Null,
            (_, Some(view)) => view,
            (_, None) => self.default.view().unwrap_or(View::Null),
        }
    }
}

/// Tells whether a value was converted to the type of its property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The value has the type of the property.
    Exact,
    /// The value had another type and the same meaning: the text `"22"` for the port 22.
    Converted,
}

/// A value that a property refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The rule that the value breaks.
    pub rule: Rule,
    /// The value, unless it is a secret.
    pub value: Option<Value>,
}

impl Refused {
    /// Returns the refusal of a value of a wrong type.
    pub(super) fn wrong_type<T: PropertyValue>(value: Value) -> Self {
        let rule = Rule::Type { expected: T::TYPE, found: value.type_name() };
        Refused { rule, value: Some(value) }
    }
}
