//! The types that the value of a typed property can have.

use bincode::{Decode, Encode};

use super::{
    Arity, Fit, PropertyType, Ref, Referable, Reference, References, Refused, Rule, Secret,
    Secrets, Value, View, python,
};

/// A type that the value of a property can have. [`Field`](super::Field) is its slot.
pub trait PropertyValue: Sized + Clone + PartialEq + Encode + Decode<()> + 'static {
    /// The type of such a value in messages and workbooks.
    const TYPE: PropertyType;

    /// Converts a value of this type, or of another type with the same meaning.
    ///
    /// # Errors
    /// The rule that the value breaks.
    fn parse(value: Value) -> Result<(Self, Fit), Refused>;

    /// Returns a view of the value. `None` for a secret that must not be shown.
    fn view(&self, secrets: Secrets) -> Option<View<'_>>;

    /// Calls `each` with every name that is not empty, if this is a relation. `relation` is the
    /// name of the property.
    fn references<'a>(&'a self, _relation: &'static str, _each: &mut dyn FnMut(Reference<'a>)) {}

    /// The names in it, to change them, if this is a relation.
    fn references_mut(&mut self) -> Option<&mut dyn References> {
        None
    }

    /// The secret, if this is one.
    fn secret_mut(&mut self) -> Option<&mut Secret> {
        None
    }
}

/// The value without [`Value::Shared`], which means nothing in a typed property.
fn unshared(value: Value) -> Value {
    match value {
        Value::Shared(shared) => unshared(*shared.value),
        other => other,
    }
}

impl PropertyValue for String {
    const TYPE: PropertyType = PropertyType::Text;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match value {
            Value::Text(text) => Ok((text, Fit::Exact)),
            Value::Int(number) => Ok((number.to_string(), Fit::Converted)),
            Value::Float(number) => Ok((python::float_repr(number), Fit::Converted)),
            Value::BigInt(text) | Value::Timestamp(text) => Ok((text, Fit::Converted)),
            other => Err(Refused::wrong_type::<Self>(other)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Text(self))
    }
}

impl PropertyValue for i64 {
    const TYPE: PropertyType = PropertyType::Int;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        // Beyond 2^53 a float no longer identifies one integer.
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        match &value {
            Value::Int(number) => Ok((*number, Fit::Exact)),
            Value::Text(text) => match text.trim().parse() {
                Ok(number) => Ok((number, Fit::Converted)),
                Err(_) => Err(Refused::wrong_type::<Self>(value)),
            },
            Value::Float(number) if number.fract() == 0.0 && number.abs() <= EXACT_MAX => {
                Ok((*number as i64, Fit::Converted))
            }
            _ => Err(Refused::wrong_type::<Self>(value)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Int(*self))
    }
}

impl PropertyValue for bool {
    const TYPE: PropertyType = PropertyType::Bool;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match &value {
            Value::Bool(truth) => Ok((*truth, Fit::Exact)),
            Value::Int(number @ (0 | 1)) => Ok((*number == 1, Fit::Converted)),
            Value::Text(text) => match text.as_str() {
                "true" | "True" => Ok((true, Fit::Converted)),
                "false" | "False" => Ok((false, Fit::Converted)),
                _ => Err(Refused::wrong_type::<Self>(value)),
            },
            _ => Err(Refused::wrong_type::<Self>(value)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Bool(*self))
    }
}

impl PropertyValue for f64 {
    const TYPE: PropertyType = PropertyType::Float;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match &value {
            Value::Float(number) => Ok((*number, Fit::Exact)),
            Value::Int(number) => Ok((*number as f64, Fit::Converted)),
            Value::Text(text) => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok((number, Fit::Converted)),
                Ok(_) | Err(_) => Err(Refused::wrong_type::<Self>(value)),
            },
            _ => Err(Refused::wrong_type::<Self>(value)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Float(*self))
    }
}

impl PropertyValue for Value {
    const TYPE: PropertyType = PropertyType::Any;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        Ok((value, Fit::Exact))
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Value(self))
    }
}

impl PropertyValue for Secret {
    const TYPE: PropertyType = PropertyType::Secret;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match value {
            Value::Text(text) => Ok((Secret::from_document(text), Fit::Exact)),
            other => Err(Refused { value: None, ..Refused::wrong_type::<Self>(other) }),
        }
    }

    fn view(&self, secrets: Secrets) -> Option<View<'_>> {
        match secrets {
            Secrets::LeftOut => None,
            Secrets::Included => self.document().map(View::Text),
        }
    }

    fn secret_mut(&mut self) -> Option<&mut Secret> {
        Some(self)
    }
}

/// Converts a text to the name of another record. A text that breaks the rules of names is reported
/// as a missing record when it is looked up. Only NUL is refused here, because it ends a name in
/// the store's index of references.
fn reference<E: Referable>(name: String) -> Result<Ref<E>, Refused> {
    if name.contains('\0') {
        Err(Refused {
            rule: Rule::NameCharacter { character: '\0' },
            value: Some(Value::Text(name)),
        })
    } else {
        Ok(Ref::new(name))
    }
}

impl<E: Referable> PropertyValue for Ref<E> {
    const TYPE: PropertyType = PropertyType::One(E::TARGET);

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match value {
            Value::Text(name) => Ok((reference(name)?, Fit::Exact)),
            other => Err(Refused::wrong_type::<Self>(other)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Text(self.name()))
    }

    fn references<'a>(&'a self, relation: &'static str, each: &mut dyn FnMut(Reference<'a>)) {
        if !self.name().is_empty() {
            let (target, arity) = (E::TARGET, Arity::One);
            each(Reference { relation, target, arity, name: self.name() });
        }
    }

    fn references_mut(&mut self) -> Option<&mut dyn References> {
        Some(self)
    }
}

impl<E: Referable> References for Ref<E> {
    fn remove(&mut self, _: &dyn Fn(&str) -> bool) -> bool {
        false
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        let is_renamed = self.name() == from;
        if is_renamed {
            *self = Ref::new(to);
        }
        is_renamed
    }
}

impl<E: Referable> PropertyValue for Vec<Ref<E>> {
    const TYPE: PropertyType = PropertyType::Many(E::TARGET);

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match unshared(value) {
            Value::List(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::Text(name) if !name.is_empty() => reference(name),
                    Value::Text(_) => {
                        Err(Refused { rule: Rule::ListItem { found: "empty" }, value: Some(item) })
                    }
                    other => {
                        let rule = Rule::ListItem { found: other.type_name() };
                        Err(Refused { rule, value: Some(other) })
                    }
                })
                .collect::<Result<Self, Refused>>()
                .map(|names| (names, Fit::Exact)),
            other => Err(Refused::wrong_type::<Self>(other)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Texts(self.iter().map(Ref::name).collect()))
    }

    fn references<'a>(&'a self, relation: &'static str, each: &mut dyn FnMut(Reference<'a>)) {
        for name in self.iter().map(Ref::name) {
            each(Reference { relation, target: E::TARGET, arity: Arity::Many, name });
        }
    }

    fn references_mut(&mut self) -> Option<&mut dyn References> {
        Some(self)
    }
}

impl<E: Referable> References for Vec<Ref<E>> {
    fn remove(&mut self, removed: &dyn Fn(&str) -> bool) -> bool {
        let before = self.len();
        self.retain(|item| !removed(item.name()));
        self.len() != before
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        let mut renamed = false;
        for item in self.iter_mut().filter(|item| item.name() == from) {
            *item = Ref::new(to);
            renamed = true;
        }
        renamed
    }
}
