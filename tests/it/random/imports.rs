//! Generated projects, and the effect of their import on the reference model.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::mem;
use std::path::Path;

use satchel::codec::yaml::RecordWriter;
use satchel::import::OnError;
use satchel::migration::EmptyFirst;
use satchel::model::{Arity, Kind, PerKind, Target, View};

use super::plain::{CALLER, Plain, Wish, relations};

/// A project and the options of its import.
#[derive(Debug)]
pub(super) struct Project {
    pub kinds: BTreeSet<Kind>,
    /// The listed kinds. A listed kind can lack a document.
    pub documents: BTreeMap<Kind, Vec<Wish>>,
    pub empty: EmptyFirst,
    pub on_error: OnError,
}

impl Project {
    /// Writes its documents into a folder.
    pub(super) fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for (kind, wishes) in &self.documents {
            let mut writer = RecordWriter::new(Vec::new());
            for wish in wishes {
                let object = wish.object(*kind);
                let entries = object.iter().map(|(key, value)| (key.as_text().unwrap(), value));
                let entries: BTreeMap<_, _> = entries.collect();
                let views = entries.into_iter().map(|(key, value)| (key, View::Value(value)));
                writer.record(views).unwrap();
            }
            fs::write(folder.join(format!("{kind}.yaml")), writer.finish().unwrap()).unwrap();
        }
    }

    fn empties(&self, kind: Kind) -> bool {
        self.empty == EmptyFirst::Yes && self.kinds.contains(&kind)
    }
}

/// The outcome of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Nothing,
    /// The valid records are imported, and some records are invalid.
    Part,
    All,
}

/// The candidates of an import during planning.
type Coming<'p> = PerKind<BTreeMap<String, &'p Wish>>;

impl Plain {
    /// Imports a project.
    pub(super) fn import(&mut self, project: &Project) -> Does {
        let mut coming = Coming::default();
        let mut given = 0;
        for (kind, wishes) in &project.documents {
            given += wishes.len();
            for wish in wishes {
                // Of several records with one name, the first is imported.
                coming[*kind].entry(wish.name.clone()).or_insert(wish);
            }
        }
        // A device with the name of a remaining network is rejected, and so is a network with the
        // name of any device.
        let taken = self.staying(project, &coming);
        coming[Kind::Device].retain(|name, _| !taken[Kind::Network].contains(name));
        let mut taken = taken[Kind::Device].clone();
        taken.extend(coming[Kind::Device].keys().cloned());
        coming[Kind::Network].retain(|name, _| !taken.contains(name));

        let mut there = self.staying(project, &coming);
        for (kind, coming) in coming.iter() {
            there[kind].extend(coming.keys().cloned());
        }
        for kind in Kind::ALL {
            coming[kind].retain(|_, wish| {
                let mut ones = relations(kind).into_iter().filter(|one| one.arity == Arity::One);
                ones.all(|one| {
                    let mut named = wish.relations.get(one.name).into_iter().flatten();
                    named.all(|name| is_there(&there, one.target, name))
                })
            });
        }
        let left: usize = coming.iter().map(|(_, coming)| coming.len()).sum();
        if left < given && project.on_error == OnError::Fail {
            return Does::Nothing;
        }

        let staying = self.staying(project, &coming);
        let mut old = mem::take(&mut self.records);
        let texts: BTreeMap<String, Option<String>> = old[Kind::Device]
            .iter()
            .map(|(name, held)| (name.clone(), held.text.clone()))
            .collect();
        for (kind, coming) in coming.iter() {
            old[kind].retain(|name, _| staying[kind].contains(name));
            for (name, wish) in coming {
                old[kind].entry(name.clone()).or_default().take(kind, wish);
            }
        }
        self.records = old;
        // A device that is imported again under its name keeps its long text.
        for (name, held) in &mut self.records[Kind::Device] {
            held.text = texts.get(name).cloned().flatten();
        }
        self.remove_dangling_references();
        if left < given { Does::Part } else { Does::All }
    }

    /// The names of the records that an import keeps or changes.
    fn staying(&self, project: &Project, coming: &Coming<'_>) -> PerKind<BTreeSet<String>> {
        PerKind::new(|kind| {
            let survives = |name: &String| {
                kind == Kind::User && name == CALLER && !coming[kind].contains_key(name)
            };
            let names = self.records[kind].keys();
            names.filter(|name| !project.empties(kind) || survives(name)).cloned().collect()
        })
    }

    /// Removes records whose required target is missing, and removes their names from all lists.
    fn remove_dangling_references(&mut self) {
        loop {
            let there = PerKind::new(|kind| self.records[kind].keys().cloned().collect());
            let mut gone = false;
            for kind in Kind::ALL {
                for relation in relations(kind) {
                    let dangles = |name: &String| !is_there(&there, relation.target, name);
                    match relation.arity {
                        Arity::One => self.records[kind].retain(|_, held| {
                            let mut named = held.relations.get(relation.name).into_iter().flatten();
                            let goes = named.any(dangles);
                            gone |= goes;
                            !goes
                        }),
                        Arity::Many => {
                            for held in self.records[kind].values_mut() {
                                if let Some(named) = held.relations.get_mut(relation.name) {
                                    named.retain(|name| !dangles(name));
                                }
                                held.relations.retain(|_, named| !named.is_empty());
                            }
                        }
                    }
                }
            }
            if !gone {
                return;
            }
        }
    }
}

fn is_there(there: &PerKind<BTreeSet<String>>, target: Target, name: &str) -> bool {
    target.kinds().iter().any(|kind| there[*kind].contains(name))
}
