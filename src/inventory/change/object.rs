//! Parses one object of a request into a patch. Nothing is read from the inventory, so this happens
//! before the write lock is taken.

use std::collections::{BTreeMap, HashMap, HashSet};

use zeroize::Zeroizing;

use super::{
    Fault,
    sent_relation::SentRelation,
    special_members::{ID, NAME, NEW_NAME, REMOVE, STAMPS},
    warning::{Nearest, Warning},
};
use crate::{
    access::{check_new_password, hash_password},
    inventory::{InventoryError, long_text::LongText},
    model::{
        AnyRecord, InverseRelation, InverseRelations, Kind, Map, Name, Property, PropertyType,
        Refused, Rule, Secret, Value,
    },
    store::Vault,
};

/// The patch of one object: the properties that it sets in one record.
pub(in crate::inventory) struct ObjectPatch {
    /// A record with the name and the properties of the object. Its secrets are not encrypted.
    pub record: AnyRecord,
    /// The new name of the record, if the object renames it.
    pub new_name: Option<Name>,
    /// The properties that the object removes, each with the known property that an unknown one
    /// resembles. None of them is set by the object too.
    pub removed: BTreeMap<String, Option<&'static str>>,
    /// Secrets, encoded as in documents.
    pub secrets: Vec<(&'static str, Zeroizing<String>)>,
    /// Long texts of a device; `None` removes the text.
    pub texts: Vec<(LongText, Option<String>)>,
    /// Relations that are stored in other records.
    pub relations: Vec<SentRelation>,
    pub warnings: Vec<Warning>,
    /// Unknown properties, with the known properties that their names resemble.
    pub resembling: Vec<(String, &'static str)>,
}

impl ObjectPatch {
    /// The name of the record after the change.
    pub(super) fn resulting_name(&self) -> String {
        self.new_name.as_ref().unwrap_or_else(|| self.record.name()).to_string()
    }

    /// Returns whether the patch sets or removes a property.
    pub(super) fn has(&self, property: &str) -> bool {
        self.record.view(property).is_some() || self.removed.contains_key(property)
    }
}

/// The suffix of the alias of a relation to one record: `source_name` for `source`.
const ALIAS_SUFFIX: &str = "_name";

/// The prefixes of the criteria of pools. Criteria are stored as custom properties.
const CRITERION_PREFIXES: [&str; 2] = ["device_", "link_"];

/// The object without its secrets. `vault` knows the names of secret custom properties.
pub(in crate::inventory) fn without_secrets(kind: Kind, object: &Map, vault: &Vault) -> Map {
    let secret = |key: &Value| {
        let Some(name) = key.as_text() else { return false };
        match kind.property(name) {
            Some(property) => property.type_ == PropertyType::Secret,
            None => vault.is_secret_name(kind, name),
        }
    };
    Map::from_entries(object.iter().filter(|(key, _)| !secret(key)).cloned().collect())
}

/// Parses an object into a patch, or finds all its faults. Takes about 20 ms if a user's password is
/// hashed.
///
/// # Errors
/// [`InventoryError::Hash`] if a password cannot be hashed.
pub(in crate::inventory) fn parse(
    kind: Kind,
    object: Map,
    nearest: &mut Nearest,
) -> Result<Result<ObjectPatch, Vec<Fault>>, InventoryError> {
    let mut faults = Vec::new();
    let record = match name_of(&object) {
        Ok(name) => AnyRecord::named(kind, name),
        Err(fault) => {
            faults.push(fault);
            // The rest is parsed nevertheless, to report all faults at once.
            AnyRecord::named(
                kind,
                Name::parse("?".to_owned()).unwrap_or_else(|_| unreachable!("a valid name")),
            )
        }
    };
    let mut parser = ObjectParser {
        kind,
        patch: ObjectPatch {
            record,
            new_name: None,
            removed: BTreeMap::new(),
            secrets: Vec::new(),
            texts: Vec::new(),
            relations: Vec::new(),
            warnings: Vec::new(),
            resembling: Vec::new(),
        },
        aliases: HashMap::new(),
        faults,
        nearest,
    };
    let sent: HashSet<String> =
        object.iter().filter_map(|(key, _)| key.as_text().map(str::to_owned)).collect();
    for (key, value) in object {
        match key {
            Value::Text(key) => parser.take(key, value)?,
            other => {
                let rule = Rule::PropertyName { found: other.type_name() };
                parser.faults.push(Fault::broken(None, &rule));
            }
        }
    }
    parser.take_aliases();
    parser.check_removed(&sent);
    Ok(if parser.faults.is_empty() { Ok(parser.patch) } else { Err(parser.faults) })
}

/// The name of the record that an object patches.
fn name_of(object: &Map) -> Result<Name, Fault> {
    match object.get(NAME) {
        None => Err(Fault::broken(Some(NAME), &Rule::NameMissing)),
        Some(value) => parse_name(NAME, value.clone()),
    }
}

/// Parses a value as a name, by the rules of the property `name`.
fn parse_name(property: &str, value: Value) -> Result<Name, Fault> {
    use crate::model::PropertyValue;
    let text = match String::parse(value) {
        Ok((text, _)) => text,
        Err(Refused { value, .. }) => {
            let found = value.as_ref().map_or("nothing", Value::type_name);
            let rule = Rule::Type { expected: PropertyType::Name, found };
            return Err(Fault::broken(Some(property), &rule));
        }
    };
    Name::parse(text).map_err(|(rule, _)| Fault::broken(Some(property), &rule))
}

/// Parses one object, property by property.
struct ObjectParser<'n> {
    kind: Kind,
    patch: ObjectPatch,
    /// The aliases in the object with their values, by relation.
    aliases: HashMap<&'static str, (String, Value)>,
    faults: Vec<Fault>,
    nearest: &'n mut Nearest,
}

impl ObjectParser<'_> {
    fn take(&mut self, key: String, value: Value) -> Result<(), InventoryError> {
        if let Some(known) = self.kind.property(&key) {
            return self.take_known(known, value);
        }
        match key.as_str() {
            NEW_NAME => match parse_name(NEW_NAME, value) {
                Ok(name) => self.patch.new_name = Some(name),
                Err(fault) => self.faults.push(fault),
            },
            REMOVE => self.take_removed(value),
            ID => self.ignore_computed(key),
            word => {
                if let Some(relation) = inverse_only(self.kind, word) {
                    self.take_relation(relation, value);
                } else if let Some(relation) = aliased(self.kind, word) {
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
        // A client that sends an instance back also sends the properties that Satchel sets.
        match (self.kind, known.name) {
            (_, NAME) => return Ok(()),
            (_, stamp) if STAMPS.contains(&stamp) => return Ok(()),
            (Kind::Pool, "device_number" | "link_number") => {
                self.ignore_computed(known.name.to_owned());
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
        if let Err(Refused { rule, .. }) = self.patch.record.set(property, value) {
            self.faults.push(Fault::broken(Some(property), &rule));
        }
    }

    fn take_secret(&mut self, property: &'static str, value: Value) -> Result<(), InventoryError> {
        let is_password = self.kind.password_hashes().contains(&property);
        if is_password && matches!(&value, Value::Text(text) if text.is_empty()) {
            let detail = "the password is empty. To remove the password, send null";
            self.faults.push(Fault::new(Some(property), "weak-password", detail));
            return Ok(());
        }
        let plain = match value {
            Value::Null => None,
            Value::Text(text) => Some(Zeroizing::new(text)).filter(|text| !text.is_empty()),
            other => {
                let found = other.type_name();
                let detail = format!("a secret must be text, but is {found}");
                self.faults.push(Fault::new(Some(property), "type", detail));
                return Ok(());
            }
        };
        let Some(plain) = plain else {
            self.set(property, Value::Null);
            return Ok(());
        };
        let secret = if is_password {
            if let Err(rule) = check_new_password(self.patch.record.name(), &plain) {
                self.faults.push(Fault::new(Some(property), "weak-password", rule.to_string()));
                return Ok(());
            }
            Secret::from_plain(&hash_password(&plain)?)
        } else {
            Secret::from_plain(&plain)
        };
        if let Some(document) = secret.document() {
            self.set(property, Value::from(document));
            self.patch.secrets.push((property, Zeroizing::new(document.to_owned())));
        }
        Ok(())
    }

    fn take_text(&mut self, text: LongText, value: Value) {
        match value {
            Value::Null => self.patch.texts.push((text, None)),
            Value::Text(content) => {
                self.patch.texts.push((text, Some(content).filter(|content| !content.is_empty())));
            }
            other => {
                let rule = Rule::Type { expected: PropertyType::Text, found: other.type_name() };
                self.faults.push(Fault::broken(Some(text.as_str()), &rule));
            }
        }
    }

    fn take_relation(&mut self, relation: &'static InverseRelation, value: Value) {
        match SentRelation::parse(relation, value) {
            Ok(sent) => self.patch.relations.push(sent),
            Err(rule) => self.faults.push(Fault::broken(Some(&relation.name), &rule)),
        }
    }

    fn take_custom(&mut self, key: String, value: Value) {
        let is_criterion =
            self.kind == Kind::Pool && CRITERION_PREFIXES.iter().any(|word| key.starts_with(word));
        if !is_criterion && let Some(near) = self.nearest.of(self.kind, &key) {
            self.patch.resembling.push((key.clone(), near));
        }
        self.set(&key, value);
    }

    /// Takes the list of properties to remove.
    fn take_removed(&mut self, value: Value) {
        let Value::List(items) = value else {
            let detail = format!("expected a list of property names, found {}", value.type_name());
            return self.faults.push(Fault::new(Some(REMOVE), "type", detail));
        };
        for item in items {
            match item.as_text() {
                Some(word) => {
                    let property = aliased(self.kind, word).unwrap_or(word);
                    self.patch.removed.insert(property.to_owned(), None);
                }
                None => {
                    let detail = format!("expected a property name, found {}", item.type_name());
                    self.faults.push(Fault::new(Some(REMOVE), "type", detail));
                }
            }
        }
    }

    /// Finds faults in the list of properties to remove. `sent` are the names in the object. Long
    /// texts are removed as texts.
    fn check_removed(&mut self, sent: &HashSet<String>) {
        for property in std::mem::take(&mut self.patch.removed).into_keys() {
            if !is_removable(self.kind, &property) {
                let detail = format!("the property '{property}' cannot be removed");
                self.faults.push(Fault::new(Some(REMOVE), "not-removable", detail));
            } else if sent.contains(&property) || self.patch.record.view(&property).is_some() {
                let detail = format!("the property '{property}' is set and removed");
                self.faults.push(Fault::new(Some(REMOVE), "contradiction", detail));
            } else if let Some(text) = LongText::of(self.kind, &property) {
                self.patch.texts.push((text, None));
            } else {
                let is_known = self.kind.property(&property).is_some();
                let near = if is_known { None } else { self.nearest.of(self.kind, &property) };
                self.patch.removed.insert(property, near);
            }
        }
    }

    fn ignore_computed(&mut self, property: String) {
        self.patch.warnings.push(Warning::ComputedProperty { property });
    }

    /// Takes the values of aliases, unless they contradict the values of their relations.
    fn take_aliases(&mut self) {
        for (relation, (alias, value)) in std::mem::take(&mut self.aliases) {
            let value_of_relation = self.patch.record.view(relation).map(|view| view.to_value());
            match value_of_relation {
                None => self.set(relation, value),
                Some(other) if other == value || (is_none(&other) && is_none(&value)) => {}
                Some(_) => {
                    let detail = format!(
                        "'{alias}' and '{relation}' are the same property, but their values differ"
                    );
                    self.faults.push(Fault::new(Some(relation), "contradiction", detail));
                }
            }
        }
    }
}

/// Returns whether a value of a relation to one record refers to none.
fn is_none(value: &Value) -> bool {
    matches!(value, Value::Null) || value.as_text() == Some("")
}

/// The relation that a name means and that consists of the record's referrers only.
fn inverse_only(kind: Kind, word: &str) -> Option<&'static InverseRelation> {
    InverseRelations::of(kind).relation(word).filter(|relation| relation.own.is_none())
}

/// Returns whether an object can remove a property. It cannot remove the name, and properties that
/// only the inventory sets.
fn is_removable(kind: Kind, property: &str) -> bool {
    let is_number_of_members =
        kind == Kind::Pool && matches!(property, "device_number" | "link_number");
    let is_reserved = [NAME, NEW_NAME, REMOVE, ID].contains(&property);
    !is_reserved
        && !STAMPS.contains(&property)
        && !is_number_of_members
        && inverse_only(kind, property).is_none()
}

/// The relation to one record that an alias means: `source` for `source_name`.
fn aliased(kind: Kind, word: &str) -> Option<&'static str> {
    let known = kind.property(word.strip_suffix(ALIAS_SUFFIX)?)?;
    matches!(known.type_, PropertyType::One(_)).then_some(known.name)
}

/// A list of names without duplicates, because a relation is a set.
fn without_repeats(value: Value) -> Value {
    let Value::List(mut items) = value else { return value };
    let mut seen = HashSet::new();
    items.retain(|item| match item.as_text() {
        Some(name) => seen.insert(name.to_owned()),
        // An item that is not a name is refused later.
        None => true,
    });
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

    fn parsed<E: Entity>(entries: &[(&str, Value)]) -> Result<ObjectPatch, Vec<Fault>> {
        parse(E::KIND, map(entries), &mut Nearest::default()).unwrap()
    }

    fn names(names: &[&str]) -> Value {
        Value::List(names.iter().map(|name| Value::from(*name)).collect())
    }

    #[test]
    fn all_faults_of_an_object_are_reported_at_once() {
        let mut faults = parsed::<Device>(&[
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
        assert_eq!(parsed::<Device>(&[]).err().unwrap()[0].code, "name-missing");
    }

    #[test]
    fn computed_properties_are_ignored() {
        let patch = parsed::<Device>(&[
            ("id", Value::Int(7)),
            ("name", "R 1%".into()),
            ("last_modified", "2026-11-23 07:03:05.123456".into()),
            ("last_modified_by", "somebody".into()),
        ])
        .unwrap();
        let bare = Device::named(Name::parse("R 1%".to_owned()).unwrap());
        assert_eq!(patch.record, bare.into());
        let words: Vec<_> = patch.warnings.iter().map(|warning| format!("{warning:?}")).collect();
        assert_eq!(words.len(), 1, "{words:?}");
    }

    #[test]
    fn a_list_names_the_properties_to_remove() {
        let patch = parsed::<Device>(&[
            ("name", "R 1%".into()),
            ("remove", names(&["vendor", "rack é", "vendr", "vendor", "configuration"])),
        ])
        .unwrap();
        let removed = |words: &[(&str, Option<&'static str>)]| {
            words.iter().map(|(word, near)| ((*word).to_owned(), *near)).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(
            patch.removed,
            removed(&[("rack é", None), ("vendor", None), ("vendr", Some("vendor"))])
        );
        assert!(matches!(patch.texts[..], [(_, None)]));
        let link = parsed::<Link>(&[("name", "é>b".into()), ("remove", names(&["source_name"]))]);
        assert_eq!(link.unwrap().removed, removed(&[("source", None)]));
        for (property, value, removed, code) in [
            ("vendor", Value::from("x"), Value::from("vendor"), "type"),
            ("vendor", "x".into(), Value::List(vec![Value::Int(1)]), "type"),
            ("vendor", "x".into(), names(&["vendor"]), "contradiction"),
            ("rack", Value::Null, names(&["rack"]), "contradiction"),
            ("configuration", "x".into(), names(&["configuration"]), "contradiction"),
            ("port", Value::Int(1), names(&["name"]), "not-removable"),
            ("port", Value::Int(1), names(&["pools"]), "not-removable"),
            ("port", Value::Int(1), names(&["last_modified"]), "not-removable"),
        ] {
            let object = [("name", "R 1%".into()), (property, value), ("remove", removed)];
            let faults = parsed::<Device>(&object).err().unwrap();
            assert_eq!((faults.len(), faults[0].code), (1, code), "{property}: {faults:?}");
            assert_eq!(faults[0].property.as_deref(), Some("remove"));
        }
    }

    #[test]
    fn aliases_of_the_ends_of_a_link_are_accepted() {
        let link = |entries: &[(&str, Value)]| {
            let mut all = vec![("name", "é>b".into())];
            all.extend_from_slice(entries);
            parsed::<Link>(&all)
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
    fn secrets_are_sent_in_plain_text_and_not_shown() {
        let object =
            map(&[("name", "c".into()), ("password", "hunter2".into()), ("username", "u".into())]);
        let folder = tempfile::tempdir().unwrap();
        let store = crate::store::Store::open(folder.path()).unwrap();
        assert_eq!(without_secrets(Kind::Credential, &object, store.vault()).len(), 2);
        let device = map(&[("name", "d".into()), ("snmp_community", "x".into())]);
        assert_eq!(without_secrets(Kind::Device, &device, store.vault()).len(), 1);
        let patch = parse(Kind::Credential, object, &mut Nearest::default()).unwrap().unwrap();
        let credential = patch.record.into_kind::<Credential>().unwrap();
        let Field::Set(secret) = credential.password else { panic!() };
        assert_eq!(secret.plain().unwrap().as_str(), "hunter2");
    }

    #[test]
    fn an_empty_secret_is_none() {
        let patch = parsed::<Credential>(&[("name", "c".into()), ("password", "".into())]).unwrap();
        assert_eq!(patch.record.into_kind::<Credential>().unwrap().password, Field::Null);
        let wrong = [("name", "c".into()), ("password", Value::Int(7))];
        assert!(!format!("{:?}", super::tests::parsed::<Credential>(&wrong).err()).contains('7'));
    }

    #[test]
    fn a_users_password_is_hashed() {
        let patch =
            parsed::<User>(&[("name", "u".into()), ("password", "$argon2 is no hash".into())]);
        let user = patch.unwrap().record.into_kind::<User>().unwrap();
        let Field::Set(secret) = user.password else { panic!() };
        assert!(secret.plain().unwrap().starts_with("$argon2id$v=19$"));
    }

    #[test]
    fn lists_lose_duplicates_and_misspelled_properties_are_noticed() {
        let patch = parsed::<Pool>(&[
            ("name", "p".into()),
            ("devices", names(&["a", "b", "a"])),
            ("device_name", "x".into()),
            ("descripton", "x".into()),
        ])
        .unwrap();
        let pool = patch.record.into_kind::<Pool>().unwrap();
        assert_eq!(pool.devices.get().unwrap().len(), 2);
        assert_eq!(patch.resembling, [("descripton".to_owned(), "description")]);
    }
}
