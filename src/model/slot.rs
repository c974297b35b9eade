//! Slots: where a record holds the values of its typed properties.

use std::any;

use bincode::{Decode, Encode};

use super::{Fit, Name, PropertyType, PropertyValue, Ref, Refused, Secret, Secrets, Value, View};

/// A slot that can be empty.
///
/// A document can omit properties, and an export must return the project unchanged. So a slot has
/// three states: absent, null, or a value.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub enum Field<T> {
    /// The document omits the property.
    #[default]
    Absent,
    /// The document gives the property as null.
    Null,
    /// The property has this value.
    Set(T),
}

impl<T> Field<T> {
    /// The value, if the property is neither absent nor null.
    pub fn get(&self) -> Option<&T> {
        match self {
            Field::Set(value) => Some(value),
            Field::Absent | Field::Null => None,
        }
    }

    fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Field::Set(value) => Some(value),
            Field::Absent | Field::Null => None,
        }
    }
}

/// A text. This type and the next ones are written in the lists of properties.
pub type Text = Field<String>;
/// A whole number.
pub type Int = Field<i64>;
/// A truth value.
pub type Bool = Field<bool>;
/// A number with a fraction.
pub type Float = Field<f64>;
/// A property that eNMS knows and whose value may be a tree of any types.
pub type Any = Field<Value>;
/// A relation to one record.
pub type One<E> = Field<Ref<E>>;
/// A relation to a list of records.
pub type Many<E> = Field<Vec<Ref<E>>>;
/// A password, key or token.
pub type Hidden = Field<Secret>;

/// The operations on a typed property. A slot is a [`Field`], or the name, which every record has.
pub trait Slot: any::Any {
    /// Puts a value in.
    ///
    /// # Errors
    /// The rule that the value breaks; the slot keeps its value.
    fn fill(&mut self, value: Value) -> Result<Fit, Refused>;

    /// Shows the value. None if the slot is empty, or holds a secret that is not to be shown.
    fn view(&self, secrets: Secrets) -> Option<View<'_>>;

    /// Moves the value of `newer`, a slot of the same type, into this slot. If `newer` is absent,
    /// this slot keeps its value. `newer` is empty afterwards.
    fn merge(&mut self, newer: &mut (dyn Slot + 'static));

    /// The names in a relation. None in other slots and in empty ones.
    fn references(&self) -> Option<&dyn References>;

    /// As [`references`](Self::references), to change them.
    fn references_mut(&mut self) -> Option<&mut dyn References>;

    /// The secret, if the slot holds one.
    fn secret_mut(&mut self) -> Option<&mut Secret>;
}

/// The names of records in a relation: one name, or a list.
pub trait References {
    /// Calls `each` with every name that is not empty.
    fn for_each<'a>(&'a self, each: &mut dyn FnMut(&'a str));

    /// Removes every name for which `removed` returns true from a list. The name in a relation
    /// to one record stays. Returns whether a name was removed.
    fn remove(&mut self, removed: &dyn Fn(&str) -> bool) -> bool;

    /// Replaces the name `from` by `to`. Returns whether the relation contained `from`.
    fn rename(&mut self, from: &str, to: &str) -> bool;
}

/// A slot whose type and empty value are known when the program is compiled.
pub trait TypedSlot: Slot + Sized {
    /// The type of the property.
    const TYPE: PropertyType;
    /// The slot of a record that does not have the property.
    const EMPTY: Self;
}

impl<T: PropertyValue> TypedSlot for Field<T> {
    const TYPE: PropertyType = T::TYPE;
    const EMPTY: Self = Field::Absent;
}

impl<T: PropertyValue> Slot for Field<T> {
    fn fill(&mut self, value: Value) -> Result<Fit, Refused> {
        if matches!(value.plain(), Value::Null) {
            *self = Field::Null;
            return Ok(Fit::Exact);
        }
        let (parsed, fit) = T::parse(value)?;
        *self = Field::Set(parsed);
        Ok(fit)
    }

    fn view(&self, secrets: Secrets) -> Option<View<'_>> {
        match self {
            Field::Absent => None,
            Field::Null => Some(View::Null),
            Field::Set(value) => value.view(secrets),
        }
    }

    fn merge(&mut self, newer: &mut (dyn Slot + 'static)) {
        let newer: &mut dyn any::Any = newer;
        if let Some(newer @ (Field::Null | Field::Set(_))) = newer.downcast_mut() {
            *self = std::mem::take(newer);
        }
    }

    fn references(&self) -> Option<&dyn References> {
        self.get()?.references()
    }

    fn references_mut(&mut self) -> Option<&mut dyn References> {
        self.get_mut()?.references_mut()
    }

    fn secret_mut(&mut self) -> Option<&mut Secret> {
        self.get_mut()?.secret_mut()
    }
}

impl TypedSlot for Name {
    const TYPE: PropertyType = PropertyType::Name;
    const EMPTY: Self = Name::unset();
}

impl Slot for Name {
    fn fill(&mut self, value: Value) -> Result<Fit, Refused> {
        let (text, fit) = String::parse(value)?;
        match Name::parse(text) {
            Ok(name) => *self = name,
            Err((rule, text)) => return Err(Refused { rule, value: Some(Value::Text(text)) }),
        }
        Ok(fit)
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Text(self))
    }

    fn merge(&mut self, newer: &mut (dyn Slot + 'static)) {
        let newer: &mut dyn any::Any = newer;
        if let Some(newer) = newer.downcast_mut() {
            *self = std::mem::replace(newer, Name::unset());
        }
    }

    fn references(&self) -> Option<&dyn References> {
        None
    }

    fn references_mut(&mut self) -> Option<&mut dyn References> {
        None
    }

    fn secret_mut(&mut self) -> Option<&mut Secret> {
        None
    }
}
