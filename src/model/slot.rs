//! Slots: the fields of a record with the values of its typed properties.

use bincode::{Decode, Encode};

use super::{
    Fit, Name, Property, PropertyType, PropertyValue, Ref, Reference, Refused, Secret, Secrets,
    Value, View,
};

/// A slot that can be empty.
///
/// A document can omit properties, and an export must return the project unchanged. So a slot has
/// three states: absent, null, or a value.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub enum Field<T> {
    /// The document omits the property.
    #[default]
    Absent,
    /// The property is null in the document.
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
/// An integer.
pub type Int = Field<i64>;
/// A boolean.
pub type Bool = Field<bool>;
/// A number with a fraction.
pub type Float = Field<f64>;
/// A property of eNMS whose value can be a tree of any types.
pub type Any = Field<Value>;
/// A relation to one record.
pub type One<E> = Field<Ref<E>>;
/// A relation to a list of records.
pub type Many<E> = Field<Vec<Ref<E>>>;
/// A password, key or token.
pub type Hidden = Field<Secret>;

/// The operations on a typed property. A slot is a [`Field`], or the name, which every record has.
pub trait Slot {
    /// Sets the value.
    ///
    /// # Errors
    /// The rule that the value breaks; the slot keeps its value.
    fn fill(&mut self, value: Value) -> Result<Fit, Refused>;

    /// Makes the slot absent. A name stays: every record has one.
    fn clear(&mut self);

    /// Returns a view of the value. `None` if the slot is empty, or holds a secret that must not be
    /// shown.
    fn view(&self, secrets: Secrets) -> Option<View<'_>>;

    /// The names in a relation, to change them. `None` in other slots and in empty ones.
    fn references_mut(&mut self) -> Option<&mut dyn References>;

    /// The secret, if the slot holds one.
    fn secret_mut(&mut self) -> Option<&mut Secret>;
}

/// The names of records in a relation: one name, or a list.
pub trait References {
    /// Removes every name for which `removed` returns true from a list. The name in a relation
    /// to one record stays. Returns whether a name was removed.
    fn remove(&mut self, removed: &dyn Fn(&str) -> bool) -> bool;

    /// Replaces the name `from` by `to`. Returns whether the relation contained `from`.
    fn rename(&mut self, from: &str, to: &str) -> bool;
}

/// A slot whose type and empty value are known when the program is compiled.
///
/// A method here that is not inlined is compiled once for each type of slot, and not again for each
/// of the hundreds of properties.
pub trait TypedSlot: Slot + Sized {
    /// The type of the property.
    const TYPE: PropertyType;
    /// The slot of a record that does not have the property.
    const EMPTY: Self;

    /// Adds the property and its value to `views`, unless the slot is empty or holds a secret that
    /// must not be shown.
    #[inline(never)]
    fn push_view<'a>(
        &'a self,
        property: &'static Property,
        secrets: Secrets,
        views: &mut Vec<(&'a str, View<'a>)>,
    ) {
        if let Some(view) = self.view(secrets) {
            views.push((property.name, view));
        }
    }

    /// Adds the property to `views` as a response shows it ([`Property::shown`]), unless it is a
    /// secret.
    #[inline(never)]
    fn push_shown<'a>(&'a self, property: &'static Property, views: &mut Vec<(&'a str, View<'a>)>) {
        if !Self::TYPE.is_secret() {
            views.push((property.name, property.shown(self.view(Secrets::LeftOut))));
        }
    }

    /// Moves the value of `newer` into this slot. If `newer` is absent, this slot keeps its value.
    /// `newer` is empty afterwards.
    fn merge(&mut self, newer: &mut Self);

    /// Calls `each` with every name that is not empty, if the slot holds a relation. `relation` is
    /// the name of the property.
    fn references<'a>(&'a self, relation: &'static str, each: &mut dyn FnMut(Reference<'a>));
}

impl<T: PropertyValue> TypedSlot for Field<T> {
    const TYPE: PropertyType = T::TYPE;
    const EMPTY: Self = Field::Absent;

    #[inline(never)]
    fn merge(&mut self, newer: &mut Self) {
        if let Field::Null | Field::Set(_) = newer {
            *self = std::mem::take(newer);
        }
    }

    #[inline(never)]
    fn references<'a>(&'a self, relation: &'static str, each: &mut dyn FnMut(Reference<'a>)) {
        if let Field::Set(value) = self {
            value.references(relation, each);
        }
    }
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

    fn clear(&mut self) {
        *self = Field::Absent;
    }

    fn view(&self, secrets: Secrets) -> Option<View<'_>> {
        match self {
            Field::Absent => None,
            Field::Null => Some(View::Null),
            Field::Set(value) => value.view(secrets),
        }
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

    fn merge(&mut self, newer: &mut Self) {
        *self = std::mem::replace(newer, Name::unset());
    }

    fn references<'a>(&'a self, _: &'static str, _: &mut dyn FnMut(Reference<'a>)) {}
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

    fn clear(&mut self) {}

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Text(self))
    }

    fn references_mut(&mut self) -> Option<&mut dyn References> {
        None
    }

    fn secret_mut(&mut self) -> Option<&mut Secret> {
        None
    }
}
