//! Views: borrowed properties. A codec writes a typed record from them without converting it to a
//! [`Value`] first.

use super::Value;

/// The content of one property, borrowed from its record.
#[derive(Clone, Debug)]
pub enum View<'a> {
    /// Null, in Python `None`.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text, or the name in a relation to one record.
    Text(&'a str),
    /// A list of texts: the names in a relation.
    Texts(Vec<&'a str>),
    /// A value of any type: a custom property, or one of the type [`PropertyType::Any`](super::PropertyType::Any).
    Value(&'a Value),
}

/// Equality of type and value, floats by their bits as in [`Value`].
impl PartialEq for View<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (View::Null, View::Null) => true,
            (View::Bool(a), View::Bool(b)) => a == b,
            (View::Int(a), View::Int(b)) => a == b,
            (View::Float(a), View::Float(b)) => a.to_bits() == b.to_bits(),
            (View::Text(a), View::Text(b)) => a == b,
            (View::Texts(a), View::Texts(b)) => a == b,
            (View::Value(a), View::Value(b)) => a == b,
            _ => false,
        }
    }
}

impl View<'_> {
    /// An owned copy.
    pub fn to_value(&self) -> Value {
        match self {
            View::Null => Value::Null,
            View::Bool(value) => Value::Bool(*value),
            View::Int(value) => Value::Int(*value),
            View::Float(value) => Value::Float(*value),
            View::Text(text) => Value::from(*text),
            View::Texts(texts) => {
                Value::List(texts.iter().map(|text| Value::from(*text)).collect())
            }
            View::Value(value) => (*value).clone(),
        }
    }
}
