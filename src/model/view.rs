//! A borrowed look at one property, so that a codec can write a typed record without first making
//! a [`Value`] of it.

use super::Value;

/// What one property holds, borrowed from its record.
#[derive(Clone, Debug)]
pub enum View<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    /// A list of texts: the names in a relation.
    Texts(Vec<&'a str>),
    Value(&'a Value),
}

impl View<'_> {
    /// The same as a value of its own.
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
