//! A record of any kind, read and changed by the names of its properties.
//!
//! A function over [`Entity`] is compiled once for each kind, which pays where a million records
//! are decoded in a row. A function over [`Record`] is compiled once.

use std::{any::Any, fmt, ops};

use bincode::error::EncodeError;

use super::{
    Custom, CustomValue, Entity, Fit, Kind, KindVisitor, Map, Name, Reference, Refused, Rule,
    SecretMut, Slot, Value, View, can_be_secret,
};

/// Tells whether a view of a record shows its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Secrets are omitted.
    LeftOut,
    /// For the documents of a project. Secrets that are still encrypted are not shown.
    Included,
}

/// A record of any kind. Every [`Entity`] is one.
pub trait Record: Any + Send + Sync {
    /// The kind of the record.
    fn kind(&self) -> Kind;

    /// The name of the record, unique within its kind. Empty only while a record is parsed.
    fn name(&self) -> &Name;

    /// Changes the name. References of other records to the old name do not change.
    fn set_name(&mut self, name: Name);

    /// Sets a property, typed or custom.
    ///
    /// # Errors
    /// The rule that the value breaks; the property keeps its value.
    fn set(&mut self, property: &str, value: Value) -> Result<Fit, Refused>;

    /// Removes a property, typed or custom: afterwards the record does not have it. The name stays.
    fn remove(&mut self, property: &str);

    /// The properties that the record holds, sorted by name.
    fn views(&self, secrets: Secrets) -> Vec<(&str, View<'_>)>;

    /// One property. `None` if it is absent or a secret.
    fn view(&self, property: &str) -> Option<View<'_>>;

    /// All properties as a REST response shows them, sorted by name. Absent typed properties have
    /// their defaults ([`Property::shown`](super::Property::shown)). Secrets are omitted.
    fn shown(&self) -> Vec<(&str, View<'_>)>;

    /// The custom properties, by name.
    fn custom(&self) -> &Custom;

    /// Calls `each` with every reference of this record to another one.
    fn references<'a>(&'a self, each: &mut dyn FnMut(Reference<'a>));

    /// Removes every name for which `removed` returns true from the list of a relation. Returns
    /// whether a name was removed.
    fn remove_references(&mut self, relation: &str, removed: &dyn Fn(&str) -> bool) -> bool;

    /// Removes a name from the list of a relation. Returns whether the list contained it.
    fn remove_reference(&mut self, relation: &str, name: &str) -> bool {
        self.remove_references(relation, &|listed| listed == name)
    }

    /// Replaces the name `from` in a relation by `to`. Returns whether the relation contained `from`.
    fn rename(&mut self, relation: &str, from: &str, to: &str) -> bool;

    /// Sets the value of a custom property, also a secret one. Does nothing for a typed property.
    fn set_custom(&mut self, property: &str, value: CustomValue);

    /// Makes the custom properties secret for whose names `is_secret` returns true, unless their values
    /// cannot be secrets. Returns whether one has become a secret.
    fn hide_custom(&mut self, is_secret: &dyn Fn(&str) -> bool) -> bool;

    /// The secrets that are set, with the names of their properties: first those of typed properties.
    fn secrets(&mut self) -> Vec<(&str, SecretMut<'_>)>;

    /// Copies the properties that `newer` has. Properties that `newer` lacks keep their values. A
    /// record of another kind changes nothing.
    fn merge(&mut self, newer: AnyRecord);

    /// A copy.
    fn to_any(&self) -> AnyRecord;

    /// Returns whether the other record has the same kind and the same properties.
    fn eq_dyn(&self, other: &dyn Record) -> bool;

    /// The record's bincode, from which a record of its kind can be decoded again.
    ///
    /// # Errors
    /// `EncodeError::Other` for a secret that is not encrypted.
    fn to_bytes(&self) -> Result<Vec<u8>, EncodeError>;
}

impl<E: Entity> Record for E {
    fn kind(&self) -> Kind {
        E::KIND
    }

    fn name(&self) -> &Name {
        self.fixed_parts().0
    }

    fn set_name(&mut self, name: Name) {
        *self.fixed_parts_mut().0 = name;
    }

    fn set(&mut self, property: &str, value: Value) -> Result<Fit, Refused> {
        match slot_mut(self, property) {
            Some(slot) => slot.fill(value),
            None => {
                self.fixed_parts_mut().1.insert(property.to_owned(), value.into());
                Ok(Fit::Exact)
            }
        }
    }

    fn remove(&mut self, property: &str) {
        match slot_mut(self, property) {
            Some(slot) => slot.clear(),
            None => {
                self.fixed_parts_mut().1.remove(property);
            }
        }
    }

    fn views(&self, secrets: Secrets) -> Vec<(&str, View<'_>)> {
        let mut views = Vec::with_capacity(E::SLOTS.len() + self.custom().len());
        self.push_views(secrets, &mut views);
        insert_custom(&mut views, self.custom(), secrets);
        views
    }

    fn view(&self, property: &str) -> Option<View<'_>> {
        match E::KIND.position(property) {
            Some(position) => (E::SLOTS[position].get)(self).view(Secrets::LeftOut),
            None => self.custom().get(property)?.shown().map(View::Value),
        }
    }

    fn shown(&self) -> Vec<(&str, View<'_>)> {
        let mut views = Vec::with_capacity(E::SLOTS.len() + self.custom().len());
        self.push_shown(&mut views);
        insert_custom(&mut views, self.custom(), Secrets::LeftOut);
        views
    }

    fn custom(&self) -> &Custom {
        self.fixed_parts().1
    }

    fn references<'a>(&'a self, each: &mut dyn FnMut(Reference<'a>)) {
        self.relation_references(each);
    }

    fn remove_references(&mut self, relation: &str, removed: &dyn Fn(&str) -> bool) -> bool {
        slot_mut(self, relation)
            .and_then(Slot::references_mut)
            .is_some_and(|references| references.remove(removed))
    }

    fn rename(&mut self, relation: &str, from: &str, to: &str) -> bool {
        slot_mut(self, relation)
            .and_then(Slot::references_mut)
            .is_some_and(|references| references.rename(from, to))
    }

    fn set_custom(&mut self, property: &str, value: CustomValue) {
        if E::KIND.position(property).is_none() {
            self.fixed_parts_mut().1.insert(property.to_owned(), value);
        }
    }

    fn hide_custom(&mut self, is_secret: &dyn Fn(&str) -> bool) -> bool {
        let mut is_hidden = false;
        for (property, value) in self.fixed_parts_mut().1.iter_mut() {
            if value.shown().is_some_and(can_be_secret) && is_secret(property) {
                is_hidden |= value.hide();
            }
        }
        is_hidden
    }

    fn secrets(&mut self) -> Vec<(&str, SecretMut<'_>)> {
        let has_typed = E::PROPERTIES.iter().any(|property| property.type_.is_secret());
        if !has_typed && !self.custom().values().any(CustomValue::is_secret) {
            return Vec::new();
        }
        let (slots, custom) = self.all_slots_mut();
        let slots = E::PROPERTIES.iter().zip(slots);
        let typed = slots.filter_map(|(property, slot)| {
            Some((property.name, SecretMut::Typed(slot.secret_mut()?)))
        });
        let custom = custom.iter_mut().filter_map(|(property, value)| match value {
            CustomValue::Secret(secret) => Some((property.as_str(), SecretMut::Custom(secret))),
            CustomValue::Shown(_) => None,
        });
        typed.chain(custom).collect()
    }

    fn merge(&mut self, newer: AnyRecord) {
        let Some(mut newer) = newer.into_kind::<E>() else { return };
        self.merge_slots(&mut newer);
        self.fixed_parts_mut().1.append(newer.fixed_parts_mut().1);
    }

    fn to_any(&self) -> AnyRecord {
        AnyRecord::from(self.clone())
    }

    fn eq_dyn(&self, other: &dyn Record) -> bool {
        other.of_kind::<E>().is_some_and(|other| self == other)
    }

    fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        bincode::encode_to_vec(self, bincode::config::standard())
    }
}

/// The slot of a typed property. `None` for a custom one.
fn slot_mut<'a, E: Entity>(record: &'a mut E, property: &str) -> Option<&'a mut dyn Slot> {
    E::KIND.position(property).map(|position| (E::SLOTS[position].get_mut)(record))
}

/// Inserts the custom properties into views of the typed ones; both are sorted by name.
fn insert_custom<'a>(views: &mut Vec<(&'a str, View<'a>)>, custom: &'a Custom, secrets: Secrets) {
    if custom.is_empty() {
        return;
    }
    let capacity = views.len() + custom.len();
    let mut typed = std::mem::replace(views, Vec::with_capacity(capacity)).into_iter();
    for (key, value) in custom {
        let shown = match secrets {
            Secrets::LeftOut => value.shown(),
            Secrets::Included => value.readable(),
        };
        let Some(value) = shown else { continue };
        let before = typed.as_slice().partition_point(|(name, _)| *name < key.as_str());
        views.extend(typed.by_ref().take(before));
        views.push((key, View::Value(value)));
    }
    views.extend(typed);
}

impl dyn Record {
    /// The record as a `T`, for code that is specific to one kind. `None` if it is of another kind.
    pub fn of_kind<T: Entity>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }

    /// The record as a mutable `T`; see `of_kind`.
    pub fn of_kind_mut<T: Entity>(&mut self) -> Option<&mut T> {
        (self as &mut dyn Any).downcast_mut()
    }
}

/// Shows the kind and the properties by name, without secrets.
impl fmt::Debug for dyn Record {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ", self.kind())?;
        out.debug_map().entries(self.views(Secrets::LeftOut)).finish()
    }
}

/// A record, and the names of the properties whose values were converted ([`Fit::Converted`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The record.
    pub record: AnyRecord,
    /// The names of those properties, in the order of the document.
    pub converted: Vec<String>,
}

/// The reason why a map of properties is not a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InvalidRecord {
    /// The name of the record, if it has a valid one.
    pub name: Option<String>,
    /// The rules that the properties break; never empty.
    pub violations: Vec<Violation>,
}

/// A rule that a map of properties breaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The property with the value. `None` if its name is not a text.
    pub property: Option<String>,
    /// The value, if there is one and it is not a secret.
    pub value: Option<Value>,
    /// The rule.
    pub rule: Rule,
}

/// An owned record of any kind.
#[derive(Debug)]
pub struct AnyRecord(Box<dyn Record>);

impl AnyRecord {
    /// A record without any property but its name.
    pub fn named(kind: Kind, name: Name) -> Self {
        struct Named(Name);
        impl KindVisitor for Named {
            type Output = AnyRecord;
            fn visit<E: Entity>(self) -> AnyRecord {
                E::named(self.0).into()
            }
        }
        kind.dispatch(Named(name))
    }

    /// Converts the properties in a document, a request or a row to a record.
    ///
    /// # Errors
    /// Every rule that the properties break, with the name of the property.
    pub fn parse(kind: Kind, properties: Map) -> Result<Parsed, InvalidRecord> {
        let mut record = Self::named(kind, Name::unset());
        let mut invalid = InvalidRecord::default();
        let mut converted = Vec::new();
        for (key, value) in properties {
            let property = match key {
                Value::Text(property) => property,
                other => {
                    let rule = Rule::PropertyName { found: other.type_name() };
                    invalid.violations.push(Violation { property: None, value: Some(other), rule });
                    continue;
                }
            };
            match record.set(&property, value) {
                Ok(Fit::Exact) => {}
                Ok(Fit::Converted) => converted.push(property),
                Err(Refused { rule, value }) => {
                    invalid.violations.push(Violation { property: Some(property), value, rule });
                }
            }
        }
        let name_broken = invalid.violations.iter().any(|b| b.property.as_deref() == Some("name"));
        if record.name().is_empty() && !name_broken {
            let rule = Rule::NameMissing;
            invalid.violations.push(Violation {
                property: Some("name".to_owned()),
                value: None,
                rule,
            });
        }
        if invalid.violations.is_empty() {
            return Ok(Parsed { record, converted });
        }
        invalid.name = Some(record.name().as_str().to_owned()).filter(|name| !name.is_empty());
        Err(invalid)
    }

    /// The record as a `T`. `None` if it is of another kind.
    pub fn into_kind<T: Entity>(self) -> Option<T> {
        let record: Box<dyn Any> = self.0;
        record.downcast().ok().map(|record| *record)
    }
}

impl<E: Entity> From<E> for AnyRecord {
    fn from(record: E) -> Self {
        Self(Box::new(record))
    }
}

impl Clone for AnyRecord {
    fn clone(&self) -> Self {
        self.0.to_any()
    }
}

impl PartialEq for AnyRecord {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_dyn(&**other)
    }
}

impl ops::Deref for AnyRecord {
    type Target = dyn Record;
    fn deref(&self) -> &(dyn Record + 'static) {
        &*self.0
    }
}

impl ops::DerefMut for AnyRecord {
    fn deref_mut(&mut self) -> &mut (dyn Record + 'static) {
        &mut *self.0
    }
}
