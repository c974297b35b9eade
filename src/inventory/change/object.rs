//! An object of a request, read: what it says of which record. Nothing is looked up yet, so this
//! is done before the turn to write is taken.

use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use super::{
    Fault,
    warning::{Nearest, Warning},
};
use crate::{
    access::hash_password,
    inventory::{InventoryError, long_text::LongText},
    model::{
        AnyRecord, InverseRelations, Kind, Map, Name, Property, PropertyType, Refused, Rule,
        Secret, Value,
    },
};

/// What one object says.
pub(in crate::inventory) struct ObjectPatch {
    /// The properties that it says, under the name that it says. Secrets are clear.
    pub record: AnyRecord,
    /// The name that the record is to have.
    pub new_name: Option<Name>,
    /// Secrets in the spelling of documents.
    pub secrets: Vec<(&'static str, Zeroizing<String>)>,
    /// Long texts of a device; none to remove one.
    pub texts: Vec<(LongText, Option<String>)>,
    pub warnings: Vec<Warning>,
    /// Unknown properties that nearly have the names of known ones.
    pub near: Vec<(String, &'static str)>,
}

/// What may be called otherwise: the name of a relation to one record, with this behind it.
const ALIAS_SUFFIX: &str = "_name";

/// How criteria of pools begin, which are among the site's own properties.
const CRITERIA: [&str; 2] = ["device_", "link_"];

/// What an object says of a record's own name and what only the inventory says.
const NAME: &str = "name";
const NEW_NAME: &str = "new_name";
const ID: &str = "id";
pub(in crate::inventory) const STAMPS: [&str; 2] = ["last_modified", "last_modified_by"];

/// The object as it may be shown: without its secrets.
pub(in crate::inventory) fn shown(kind: Kind, object: &Map) -> Map {
    let secret = |key: &Value| {
        let known = key.as_text().and_then(|name| kind.property(name));
        known.is_some_and(|property| property.type_ == PropertyType::Secret)
    };
    Map::from_entries(object.iter().filter(|(key, _)| !secret(key)).cloned().collect())
}

/// Reads an object: what it says, or all that is wrong with it. Blocks for some 20 ms where a
/// user's password is to be hashed.
///
/// # Errors
/// The system gives no random numbers to hash a password with.
pub(in crate::inventory) fn read(
    kind: Kind,
    object: Map,
    nearest: &mut Nearest,
) -> Result<Result<ObjectPatch, Vec<Fault>>, InventoryError> {
    let mut faults = Vec::new();
    let record = match name_of(&object) {
        Ok(name) => AnyRecord::named(kind, name),
        Err(fault) => {
            faults.push(fault);
            // The rest is looked at all the same, to say everything at once.
            AnyRecord::named(
                kind,
                Name::parse("?".to_owned()).unwrap_or_else(|_| unreachable!("it is a name")),
            )
        }
    };
    let mut reader = Reader {
        kind,
        said: ObjectPatch {
            record,
            new_name: None,
            secrets: Vec::new(),
            texts: Vec::new(),
            warnings: Vec::new(),
            near: Vec::new(),
        },
        aliases: HashMap::new(),
        faults,
        nearest,
    };
    for (key, value) in object {
        match key {
            Value::Text(key) => reader.take(key, value)?,
            other => {
                let rule = Rule::PropertyName { found: other.type_name() };
                reader.faults.push(Fault::broken(None, &rule));
            }
        }
    }
    reader.take_aliases();
    Ok(if reader.faults.is_empty() { Ok(reader.said) } else { Err(reader.faults) })
}

/// The name that an object says.
fn name_of(object: &Map) -> Result<Name, Fault> {
    match object.get(NAME) {
        None => Err(Fault::broken(Some(NAME), &Rule::NameMissing)),
        Some(value) => parse_name(NAME, value.clone()),
    }
}

/// A value as a name, by the rules of the property `name`.
fn parse_name(property: &str, value: Value) -> Result<Name, Fault> {
    use crate::model::{PropertyValue, Slot};
    let text = match String::parse(value) {
        Ok((text, _)) => text,
        Err(Refused { value, .. }) => {
            let found = value.as_ref().map_or("nothing", Value::type_name);
            let rule = Rule::Type { expected: <Name as Slot>::TYPE, found };
            return Err(Fault::broken(Some(property), &rule));
        }
    };
    Name::parse(text).map_err(|(rule, _)| Fault::broken(Some(property), &rule))
}

/// Reads one object, property by property.
struct Reader<'n> {
    kind: Kind,
    said: ObjectPatch,
    /// What was said under another word, by the relation that was meant.
    aliases: HashMap<&'static str, (String, Value)>,
    faults: Vec<Fault>,
    nearest: &'n mut Nearest,
}

impl Reader<'_> {
    fn take(&mut self, key: String, value: Value) -> Result<(), InventoryError> {
        if let Some(known) = self.kind.property(&key) {
            return self.take_known(known, value);
        }
        match key.as_str() {
            NEW_NAME => match parse_name(NEW_NAME, value) {
                Ok(name) => self.said.new_name = Some(name),
                Err(fault) => self.faults.push(fault),
            },
            ID => self.pass_over(key),
            word if is_inverse_only(self.kind, word) => self.pass_over(key),
            word => {
                if let Some(relation) = aliased(self.kind, word) {
                    self.aliases.insert(relation, (key, value));
                } else if let Some(text) = LongText::of(self.kind, word) {
                    self.take_text(text, value);
                } else {
                    self.take_custom(key, value);
                }
            }
        }
        Ok(())
    }

    fn take_known(&mut self, known: &'static Property, value: Value) -> Result<(), InventoryError> {
        // What Satchel itself says is no wish of the client's, who sends back what it was shown.
        match (self.kind, known.name) {
            (_, NAME) => return Ok(()),
            (_, stamp) if STAMPS.contains(&stamp) => return Ok(()),
            (Kind::Pool, "device_number" | "link_number") => {
                self.pass_over(known.name.to_owned());
                return Ok(());
            }
            _ => {}
        }
        match known.type_ {
            PropertyType::Secret => return self.take_secret(known.name, value),
            PropertyType::Many(_) => self.set(known.name, without_repeats(value)),
            PropertyType::Name
            | PropertyType::Text
            | PropertyType::Int
            | PropertyType::Bool
            | PropertyType::Float
            | PropertyType::Any
            | PropertyType::One(_) => self.set(known.name, value),
        }
        Ok(())
    }

    fn set(&mut self, property: &str, value: Value) {
        if let Err(Refused { rule, .. }) = self.said.record.set(property, value) {
            self.faults.push(Fault::broken(Some(property), &rule));
        }
    }

    fn take_secret(&mut self, property: &'static str, value: Value) -> Result<(), InventoryError> {
        let plain = match value {
            Value::Null => None,
            Value::Text(text) => Some(Zeroizing::new(text)).filter(|text| !text.is_empty()),
            other => {
                let found = other.type_name();
                let detail = format!("a secret is a text, and this is {found}");
                self.faults.push(Fault::new(Some(property), "type", detail));
                return Ok(());
            }
        };
        let Some(plain) = plain else {
            self.set(property, Value::Null);
            return Ok(());
        };
        let secret = match self.kind {
            Kind::User => Secret::from_plain(&hash_password(&plain)?),
            Kind::Group
            | Kind::Device
            | Kind::File
            | Kind::Link
            | Kind::Service
            | Kind::Network
            | Kind::WorkflowEdge
            | Kind::Task
            | Kind::Credential
            | Kind::Pool => Secret::from_plain(&plain),
        };
        if let Some(document) = secret.document() {
            self.set(property, Value::from(document));
            self.said.secrets.push((property, Zeroizing::new(document.to_owned())));
        }
        Ok(())
    }

    fn take_text(&mut self, text: LongText, value: Value) {
        match value {
            Value::Null => self.said.texts.push((text, None)),
            Value::Text(content) => {
                self.said.texts.push((text, Some(content).filter(|content| !content.is_empty())));
            }
            other => {
                let rule = Rule::Type { expected: PropertyType::Text, found: other.type_name() };
                self.faults.push(Fault::broken(Some(text.as_str()), &rule));
            }
        }
    }

    fn take_custom(&mut self, key: String, value: Value) {
        let criterion =
            self.kind == Kind::Pool && CRITERIA.iter().any(|word| key.starts_with(word));
        if !criterion && let Some(near) = self.nearest.of(self.kind, &key) {
            self.said.near.push((key.clone(), near));
        }
        self.set(&key, value);
    }

    fn pass_over(&mut self, word: String) {
        self.said.warnings.push(Warning::Shown { word });
    }

    /// Takes what was said under other words, where it does not contradict what was said under the
    /// relation's own.
    fn take_aliases(&mut self) {
        for (relation, (alias, value)) in std::mem::take(&mut self.aliases) {
            let held = self.said.record.view(relation).map(|view| view.to_value());
            match held {
                None => self.set(relation, value),
                Some(held) if held == value || (is_none(&held) && is_none(&value)) => {}
                Some(_) => {
                    let detail = format!("'{alias}' and '{relation}' mean the same and differ");
                    self.faults.push(Fault::new(Some(relation), "contradiction", detail));
                }
            }
        }
    }
}

/// Whether a relation that holds one names none.
fn is_none(value: &Value) -> bool {
    matches!(value, Value::Null) || value.as_text() == Some("")
}

/// Whether a record of this kind shows only those that name it under the word.
fn is_inverse_only(kind: Kind, word: &str) -> bool {
    InverseRelations::of(kind).relation(word).is_some_and(|relation| relation.own.is_none())
}

/// The relation to one record that the word means: `source` for `source_name`.
fn aliased(kind: Kind, word: &str) -> Option<&'static str> {
    let known = kind.property(word.strip_suffix(ALIAS_SUFFIX)?)?;
    matches!(known.type_, PropertyType::One(_)).then_some(known.name)
}

/// A list of names in which none stands twice: a relation is a set.
fn without_repeats(value: Value) -> Value {
    let Value::List(mut items) = value else { return value };
    let mut met = HashSet::new();
    let mut first = items.iter().map(|item| match item.as_text() {
        Some(name) => met.insert(name),
        None => true,
    });
    let firsts: Vec<bool> = first.by_ref().collect();
    drop(first);
    let mut firsts = firsts.into_iter();
    items.retain(|_| firsts.next().unwrap_or(true));
    Value::List(items)
}

impl Fault {
    pub(in crate::inventory) fn new(
        property: Option<&str>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { property: property.map(str::to_owned), code, detail: detail.into() }
    }

    pub(in crate::inventory) fn broken(property: Option<&str>, rule: &Rule) -> Self {
        Self::new(property, rule.code(), rule.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Credential, Device, Entity, Field, Link, Pool, User};

    fn map(entries: &[(&str, Value)]) -> Map {
        let entry = |(key, value): &(&str, Value)| (Value::from(*key), value.clone());
        Map::from_entries(entries.iter().map(entry).collect())
    }

    fn said<E: Entity>(entries: &[(&str, Value)]) -> Result<ObjectPatch, Vec<Fault>> {
        read(E::KIND, map(entries), &mut Nearest::default()).unwrap()
    }

    fn names(names: &[&str]) -> Value {
        Value::List(names.iter().map(|name| Value::from(*name)).collect())
    }

    #[test]
    fn every_fault_of_an_object_is_said_at_once() {
        let mut faults = said::<Device>(&[
            ("name", "a/b".into()),
            ("new_name", "".into()),
            ("port", "many".into()),
            ("configuration", Value::Int(1)),
            ("owners", Value::List(vec![Value::Null])),
        ])
        .err()
        .unwrap();
        faults.sort_by(|a, b| a.property.cmp(&b.property));
        let found: Vec<_> =
            faults.iter().map(|f| (f.property.as_deref().unwrap_or_default(), f.code)).collect();
        let expected = [
            ("configuration", "type"),
            ("name", "name-character"),
            ("new_name", "name-empty"),
            ("owners", "list-item"),
            ("port", "type"),
        ];
        assert_eq!(found, expected);
        assert_eq!(said::<Device>(&[]).err().unwrap()[0].code, "name-missing");
    }

    #[test]
    fn what_is_worked_out_is_passed_over() {
        let said = said::<Device>(&[
            ("id", Value::Int(7)),
            ("name", "R 1%".into()),
            ("pools", names(&["[Shared] x"])),
            ("last_modified", "2026-11-23 07:03:05.123456".into()),
            ("last_modified_by", "somebody".into()),
        ])
        .unwrap();
        let bare = Device::named(Name::parse("R 1%".to_owned()).unwrap());
        assert_eq!(said.record, bare.into());
        let words: Vec<_> = said.warnings.iter().map(|warning| format!("{warning:?}")).collect();
        assert_eq!(words.len(), 2, "{words:?}");
    }

    #[test]
    fn both_words_for_a_links_ends_are_understood() {
        let link = |entries: &[(&str, Value)]| {
            let mut all = vec![("name", "é>b".into())];
            all.extend_from_slice(entries);
            said::<Link>(&all)
        };
        let aliased = link(&[("source_name", "..".into())]).unwrap();
        let source = aliased.record.into_kind::<Link>().unwrap().source;
        assert_eq!(source.get().unwrap().name(), "..");
        let twice = link(&[("source_name", "..".into()), ("source", "..".into())]).unwrap();
        assert!(twice.record.custom().is_empty());
        assert!(link(&[("source_name", "".into()), ("source", Value::Null)]).is_ok());
        let differing = link(&[("source", "a".into()), ("source_name", "b".into())]).err().unwrap();
        assert_eq!((differing.len(), differing[0].code), (1, "contradiction"));
    }

    #[test]
    fn secrets_come_plain_and_are_not_shown() {
        let object =
            map(&[("name", "c".into()), ("password", "hunter2".into()), ("username", "u".into())]);
        assert_eq!(shown(Kind::Credential, &object).len(), 2);
        let said = read(Kind::Credential, object, &mut Nearest::default()).unwrap().unwrap();
        let credential = said.record.into_kind::<Credential>().unwrap();
        let Field::Set(secret) = credential.password else { panic!() };
        assert_eq!(secret.plain().unwrap().as_str(), "hunter2");
    }

    #[test]
    fn an_empty_secret_is_none() {
        let said = said::<Credential>(&[("name", "c".into()), ("password", "".into())]).unwrap();
        assert_eq!(said.record.into_kind::<Credential>().unwrap().password, Field::Null);
        let wrong = [("name", "c".into()), ("password", Value::Int(7))];
        assert!(!format!("{:?}", super::tests::said::<Credential>(&wrong).err()).contains('7'));
    }

    #[test]
    fn a_users_password_is_hashed() {
        let said = said::<User>(&[("name", "u".into()), ("password", "$argon2 is no hash".into())]);
        let user = said.unwrap().record.into_kind::<User>().unwrap();
        let Field::Set(secret) = user.password else { panic!() };
        assert!(secret.plain().unwrap().starts_with("$argon2id$v=19$"));
    }

    #[test]
    fn a_name_stands_once_in_a_list_and_a_near_word_is_noticed() {
        let said = said::<Pool>(&[
            ("name", "p".into()),
            ("devices", names(&["a", "b", "a"])),
            ("device_name", "x".into()),
            ("descripton", "x".into()),
        ])
        .unwrap();
        let pool = said.record.into_kind::<Pool>().unwrap();
        assert_eq!(pool.devices.get().unwrap().len(), 2);
        assert_eq!(said.near, [("descripton".to_owned(), "description")]);
    }
}
