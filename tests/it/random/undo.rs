//! Undo on the reference model, and the model of a store.

use std::collections::{BTreeMap, BTreeSet};

use satchel::model::{Arity, Kind, PerKind, Pool, Target, Value};
use satchel::store::Store;

use super::plain::{CALLER, Held, Plain, relations};

/// The records of the model.
pub(super) type Records = PerKind<BTreeMap<String, Held>>;

/// The properties of a pool with a criterion.
const CRITERIA: [&str; 5] =
    ["device_vendor", "device_name", "device_name_match", "link_source_name", "link_vendor"];

/// Something stands in the way of the undo.
pub(super) struct Conflict;

impl Plain {
    /// The records after the undo of a change, from the records before and after it.
    pub(super) fn undone(&self, before: &Records, after: &Records) -> Result<Records, Conflict> {
        let mut result = self.records.clone();
        for kind in Kind::ALL {
            let names: BTreeSet<&String> = before[kind].keys().chain(after[kind].keys()).collect();
            for name in names {
                let states = [&before[kind], &after[kind], &self.records[kind]];
                match states.map(|records| records.get(name)) {
                    [old, new, _] if old == new => {}
                    [None, _, None] => {}
                    [None, Some(new), Some(now)]
                        if new == now && (kind != Kind::User || name != CALLER) =>
                    {
                        result[kind].remove(name);
                    }
                    [Some(old), None, None] => drop(result[kind].insert(name.clone(), old.clone())),
                    [Some(old), Some(new), Some(now)] => {
                        let merged = merged(kind, old, new, now)?;
                        result[kind].insert(name.clone(), merged);
                    }
                    // Only a new text was written, and it went with the device.
                    [Some(old), Some(new), None]
                        if old.text.is_none() && Held { text: None, ..new.clone() } == *old => {}
                    _ => return Err(Conflict),
                }
            }
        }
        self.leave_out_missing(&mut result)?;
        let [device, network] = [Kind::Device, Kind::Network].map(|kind| &result[kind]);
        if device.keys().any(|name| network.contains_key(name)) {
            return Err(Conflict);
        }
        Ok(result)
    }

    /// Leaves new references in lists to missing records out.
    fn leave_out_missing(&self, result: &mut Records) -> Result<(), Conflict> {
        let there: PerKind<BTreeSet<String>> =
            PerKind::new(|kind| result[kind].keys().cloned().collect());
        let exists = |target: Target, name: &String| {
            target.kinds().iter().any(|kind| there[*kind].contains(name))
        };
        for kind in Kind::ALL {
            for (name, held) in &mut result[kind] {
                let now = self.records[kind].get(name);
                for relation in relations(kind) {
                    let known = now.and_then(|now| now.relations.get(relation.name));
                    let Some(named) = held.relations.get_mut(relation.name) else { continue };
                    let is_known = |name: &String| known.is_some_and(|known| known.contains(name));
                    let is_missing = |name: &&String| !exists(relation.target, name);
                    let needs = |name: &String| relation.arity == Arity::One || is_known(name);
                    if named.iter().filter(is_missing).any(needs) {
                        return Err(Conflict);
                    }
                    named.retain(|name| exists(relation.target, name));
                }
                held.relations.retain(|_, named| !named.is_empty());
            }
        }
        Ok(())
    }

    /// Takes the records from a store, for an undo that the model does not follow.
    pub(super) fn take_from(&mut self, store: &Store) {
        let reading = store.read();
        for kind in Kind::ALL {
            self.records[kind].clear();
            for entry in reading.scan_raw(kind) {
                let name = String::from_utf8(entry.unwrap().0).unwrap();
                let record = reading.get_any(kind, &name).unwrap().unwrap().record;
                let mut held = Held::default();
                record.references(&mut |reference| {
                    let named = held.relations.entry(reference.relation).or_default();
                    named.push(reference.name.to_owned());
                });
                let text = |property: &str| {
                    let value = record.view(property).map(|view| view.to_value());
                    value.and_then(|value| value.as_text().map(str::to_owned))
                };
                held.vendor = text("vendor");
                held.creator = text("creator");
                if let Some(pool) = record.of_kind::<Pool>() {
                    held.manual = pool.manually_defined.get() == Some(&true);
                    let criteria =
                        CRITERIA.iter().filter_map(|key| Some(((*key).to_owned(), text(key)?)));
                    held.criteria = criteria.collect();
                }
                if kind == Kind::Device {
                    held.text = reading.text(&name, "configuration").unwrap().map(|text| text.text);
                }
                self.records[kind].insert(name, held);
            }
        }
    }
}

/// The present record without the differences of a change.
fn merged(kind: Kind, old: &Held, new: &Held, now: &Held) -> Result<Held, Conflict> {
    let mut merged = now.clone();
    merged.creator = back(&old.creator, &new.creator, &now.creator)?;
    merged.vendor = back(&old.vendor, &new.vendor, &now.vendor)?;
    merged.manual = back(&old.manual, &new.manual, &now.manual)?;
    merged.text = back(&old.text, &new.text, &now.text)?;
    let keys: BTreeSet<&String> = old.criteria.keys().chain(new.criteria.keys()).collect();
    for key in keys {
        let states = [old, new, now].map(|held| held.criteria.get(key).cloned());
        match back(&states[0], &states[1], &states[2])? {
            Some(value) => drop(merged.criteria.insert(key.clone(), value)),
            None => drop(merged.criteria.remove(key)),
        }
    }
    for relation in relations(kind) {
        let states = [old, new, now]
            .map(|held| held.relations.get(relation.name).cloned().unwrap_or_default());
        let [old, new, now] = &states;
        let named = if old == new || now == old {
            continue;
        } else if now == new {
            old.clone()
        } else if relation.arity == Arity::One {
            return Err(Conflict);
        } else {
            listed(old, new, now)
        };
        merged.relations.insert(relation.name, named);
    }
    if kind == Kind::Pool && !merged.manual {
        merged.relations.remove("devices");
        merged.relations.remove("links");
    }
    merged.relations.retain(|_, named| !named.is_empty());
    Ok(merged)
}

/// The present names without those that the change added, and with those that it removed.
fn listed(old: &[String], new: &[String], now: &[String]) -> Vec<String> {
    let kept = now.iter().filter(|name| !new.contains(name) || old.contains(name));
    let removed = old.iter().filter(|name| !new.contains(name) && !now.contains(name));
    kept.chain(removed).cloned().collect()
}

fn back<T: Clone + PartialEq>(old: &T, new: &T, now: &T) -> Result<T, Conflict> {
    if old == new || now == old {
        Ok(now.clone())
    } else if now == new {
        Ok(old.clone())
    } else {
        Err(Conflict)
    }
}

/// The names in a relation, as a response shows it.
pub(super) fn named(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::List(items)) => {
            items.iter().map(|item| item.as_text().unwrap().to_owned()).collect()
        }
        Some(one) => {
            one.as_text().filter(|name| !name.is_empty()).map(str::to_owned).into_iter().collect()
        }
        None => Vec::new(),
    }
}
