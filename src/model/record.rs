//! A record of which the program does not know the type: what can be said of any record, and done
//! to it, by the names of its properties.
//!
//! What is written over [`Entity`] is compiled once for each of the eleven kinds, which is right
//! where a million records are decoded in a row. What is written over [`Record`] is compiled once.

use std::{any::Any, collections::BTreeMap, fmt, ops};

use bincode::error::EncodeError;

use super::{
    Entity, Fit, InvalidRecord, Kind, KindVisitor, Map, Name, Parsed, Reference, Refused, Rule,
    Secret, Value, View, Violation,
};

/// Whether a view of a record shows its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    LeftOut,
    /// For the documents of a project. Secrets that are still sealed are not shown.
    Included,
}

/// A record of some kind.
pub trait Record: Any + Send + Sync {
    fn kind(&self) -> Kind;

    fn name(&self) -> &Name;

    fn set_name(&mut self, name: Name);

    /// Puts a value into a property: a typed one, or one of the site's own.
    ///
    /// # Errors
    /// The rule that the value breaks; the property stays as it was.
    fn set(&mut self, property: &str, value: Value) -> Result<Fit, Refused>;

    /// The properties that the record holds, sorted by name.
    fn views(&self, secrets: Secrets) -> Vec<(&str, View<'_>)>;

    /// What one property holds; nothing when it is absent or a secret.
    fn view(&self, property: &str) -> Option<View<'_>>;

    /// Every property as an answer shows it, sorted by name: the typed ones, also those of which
    /// the record says nothing, and the site's own. No secrets.
    fn shown(&self) -> Vec<(&str, View<'_>)>;

    /// The properties that Satchel does not know, by name.
    fn custom(&self) -> &BTreeMap<String, Value>;

    /// Calls `each` with every record that this one names.
    fn references<'a>(&'a self, each: &mut dyn FnMut(Reference<'a>));

    /// Takes the names that are `gone` out of the list that `relation` holds. Says whether one was
    /// there.
    fn remove_references(&mut self, relation: &str, gone: &dyn Fn(&str) -> bool) -> bool;

    /// Takes a name out of the list that `relation` holds. Says whether it was there.
    fn remove_reference(&mut self, relation: &str, name: &str) -> bool {
        self.remove_references(relation, &|listed| listed == name)
    }

    /// Names `to` where `relation` named `from`. Says whether it did.
    fn rename(&mut self, relation: &str, from: &str, to: &str) -> bool;

    /// The secrets that are set, with the properties that hold them.
    fn secrets(&mut self) -> Vec<(&'static str, &mut Secret)>;

    /// Takes over what `newer` says; what it does not say stays. A record of another kind says
    /// nothing of this one.
    fn merge(&mut self, newer: AnyRecord);

    /// A copy.
    fn to_any(&self) -> AnyRecord;

    /// Whether the other is of the same kind and says the same.
    fn is(&self, other: &dyn Record) -> bool;

    /// The record's bincode, from which its kind can be decoded again.
    ///
    /// # Errors
    /// What bincode has to say of a secret that is not sealed.
    fn to_bytes(&self) -> Result<Vec<u8>, EncodeError>;
}

impl dyn Record {
    /// The record as what it is, where it is of the kind `T`: for what only one kind needs.
    pub fn of_kind<T: Entity>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }

    /// As [`of_kind`](Self::of_kind), to change it.
    pub fn of_kind_mut<T: Entity>(&mut self) -> Option<&mut T> {
        (self as &mut dyn Any).downcast_mut()
    }
}

/// Shows what every record has: its properties by name, and no secrets.
impl fmt::Debug for dyn Record {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ", self.kind())?;
        out.debug_map().entries(self.views(Secrets::LeftOut)).finish()
    }
}

/// A record of some kind, owned.
#[derive(Debug)]
pub struct AnyRecord(Box<dyn Record>);

impl AnyRecord {
    /// A record that says nothing but its name.
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

    /// Makes a record of what a document, a request or a row says.
    ///
    /// # Errors
    /// Every rule that is broken, with the property where it was.
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

    /// The record as what it is, where it is of the kind `T`.
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
        self.0.is(&**other)
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
