//! A plain in-memory inventory as a model, and the comparison of a store with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proptest::prelude::*;

use crate::{
    job::Progress,
    model::{
        Entity, Kind, KindVisitor, Name, PerKind, PropertyType, Target, Value, indicates_secret,
    },
    store::{
        AtChange, HistoryView, LiveView, LoadRecord, Origin, Referrer, Snapshot, Store, StoreError,
        Stored, Summary, Transaction,
        format::{self, Head},
        generation::Generation,
        history::{BeforeKey, parse_before_key},
        parse_posting, parse_target_key,
        tree_id::TreeId,
        trees::ValueOwner,
    },
};

/// The origin of the changes of tests.
pub(super) fn origin() -> Origin {
    Origin::of_user("é>b 100%", "test")
}

/// The record of the loads of tests.
pub(super) fn record() -> LoadRecord {
    LoadRecord::of(origin())
}

/// Typical and hostile names.
pub(super) fn name(number: u8) -> String {
    match number % 12 {
        0 => "[Shared] Start".to_owned(),
        1 => "R3 -> R2 L1".to_owned(),
        2 => "é".repeat(127),
        3 => "A".repeat(255),
        4 => format!("{}B", "A".repeat(254)),
        5 => "..".to_owned(),
        6 => " ".to_owned(),
        7 => "100% \u{202e}(x): y; --".to_owned(),
        8 => ">a>b.yml".to_owned(),
        9 => "a".to_owned(),
        10 => "aa".to_owned(),
        _ => "\u{10ffff}".to_owned(),
    }
}

/// The parameters of a generated record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recipe {
    pub kind: Kind,
    pub name: String,
    /// The length of its description, in bytes.
    pub bytes: usize,
    /// The targets of its relations: a list has all of them, a single reference has the first one.
    pub named: Vec<String>,
    /// Distinguishes otherwise equal records.
    pub salt: u8,
}

impl Recipe {
    pub(super) fn new(kind: Kind, name: &str, bytes: usize) -> Self {
        Self { kind, name: name.to_owned(), bytes, named: Vec::new(), salt: 0 }
    }

    /// The record: every relation and every secret of its kind is set.
    pub(super) fn make<E: Entity>(&self) -> E {
        let mut record = E::named(Name::parse(self.name.clone()).unwrap());
        let mut set = |property: &str, value: Value| record.set(property, value).map(drop).unwrap();
        for property in E::PROPERTIES {
            match property.type_ {
                PropertyType::Many(_) => {
                    let names = self.named.iter().map(|name| Value::from(name.as_str()));
                    set(property.name, Value::List(names.collect()));
                }
                PropertyType::One(_) => {
                    if let Some(name) = self.named.first() {
                        set(property.name, Value::from(name.as_str()));
                    }
                }
                PropertyType::Secret => {
                    set(property.name, format!("hunter{}", self.salt).into());
                }
                _ => {}
            }
        }
        set("zz_text", "x".repeat(self.bytes).into());
        set("zz_salt", Value::Int(self.salt.into()));
        // Custom properties whose names are secrets.
        set("snmp_community", format!("é>b {}", self.salt).into());
        set("tokens", Value::List(vec![Value::Int(self.salt.into()), Value::Null]));
        record
    }

    /// The record as it is read and decrypted.
    fn read<E: Entity>(&self) -> E {
        let mut record = self.make::<E>();
        record.hide_custom(&indicates_secret);
        record
    }
}

/// One step of a change.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Put(Recipe),
    Remove(Kind, String),
}

/// A change that is committed, or abandoned at its end.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub steps: Vec<Step>,
    pub is_abandoned: bool,
}

/// The reason why a change was not committed.
#[derive(Debug)]
pub(super) enum Refusal {
    Abandoned,
    #[expect(dead_code, reason = "shown when a test fails")]
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refusal::Store(error)
    }
}

/// A record of the plain inventory.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub recipe: Recipe,
    pub ordinal: u64,
    pub version: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Plain {
    pub records: PerKind<BTreeMap<String, Held>>,
    ordinals: PerKind<u64>,
    pub version: u64,
    /// The records after each earlier change.
    past: Vec<(u64, PerKind<BTreeMap<String, Held>>)>,
}

impl Plain {
    /// The inventory after a load of these records, at this version.
    pub(super) fn loaded(version: u64, records: PerKind<BTreeMap<String, Held>>) -> Self {
        let ordinals = records.map(|_, records| {
            records.values().map(|held| held.ordinal + 1).max().unwrap_or_default()
        });
        Self { past: vec![(version, records.clone())], records, ordinals, version }
    }

    /// This inventory with the past of the inventory that it replaced.
    pub(super) fn replacing(mut self, replaced: &Plain) -> Self {
        self.past.splice(0..0, replaced.past.iter().cloned());
        self
    }

    /// This inventory after an undo with this version, which replaced another one.
    pub(super) fn restored(mut self, version: u64, replaced: &Plain) -> Self {
        self.version = version;
        self.past = replaced.past.clone();
        self.past.push((version, self.records.clone()));
        self
    }

    /// The record of a load that replaces this inventory by another one.
    pub(super) fn replaced_by(&self, loaded: &Plain) -> LoadRecord {
        let mut record = record();
        for (kind, counts) in record.counts.iter_mut() {
            let (before, after) = (&self.records[kind], &loaded.records[kind]);
            let missing = |from: &BTreeMap<String, Held>, in_: &BTreeMap<String, Held>| {
                from.keys().filter(|name| !in_.contains_key(*name)).count() as u64
            };
            counts.created = missing(after, before);
            counts.removed = missing(before, after);
            counts.updated = after.len() as u64 - counts.created;
        }
        record
    }

    /// Asserts that the history has every record as it was after each change, or says that a load or
    /// an undo replaced it, and that a verification has no finding about it.
    pub(super) fn agrees_with_past(&self, store: &Store) {
        let history = store.history().unwrap();
        for (version, records) in &self.past {
            for kind in Kind::ALL {
                for name in (0..12).map(name) {
                    let held = records[kind].get(&name);
                    let (history, version) = (&history, *version);
                    kind.dispatch(InPast { store, history, version, name, held });
                }
            }
        }
        let mut findings = Vec::new();
        let scratch = store.directory().scratch();
        let verified = store.read().verify(&scratch, &Progress::detached(), &mut |finding| {
            // The recipes refer to missing records.
            if finding.code != "dangling" {
                findings.push(finding);
            }
        });
        assert_eq!(findings, []);
        verified.unwrap();
    }

    /// Makes the change in the store and in this model, and compares the two within the transaction.
    pub(super) fn change(&mut self, store: &Store, change: &Change) {
        let mut after = self.clone();
        after.version += 1;
        let mut effective = false;
        let result = store.change(&origin(), |transaction| -> Result<(), Refusal> {
            for step in &change.steps {
                effective |= after.step(step);
                let (kind, name) = match step {
                    Step::Put(recipe) => (recipe.kind, &recipe.name),
                    Step::Remove(kind, name) => (*kind, name),
                };
                kind.dispatch(MakeStep { transaction, step })?;
                let held = after.records[kind].get(name);
                assert_eq!(transaction.contains(kind, name)?, held.is_some());
                kind.dispatch(Inside { transaction, name, held })?;
            }
            if change.is_abandoned { Err(Refusal::Abandoned) } else { Ok(()) }
        });
        match (result, change.is_abandoned) {
            (Ok(()), false) if effective => {
                *self = after;
                self.past.push((self.version, self.records.clone()));
            }
            (Ok(()), false) | (Err(Refusal::Abandoned), true) => {}
            (other, _) => panic!("{other:?}"),
        }
    }

    fn step(&mut self, step: &Step) -> bool {
        match step {
            Step::Put(recipe) => {
                let kind = recipe.kind;
                // Putting an equal record changes nothing.
                if self.records[kind].get(&recipe.name).is_some_and(|held| held.recipe == *recipe) {
                    return false;
                }
                let ordinal = match self.records[kind].get(&recipe.name) {
                    Some(held) => held.ordinal,
                    None => {
                        self.ordinals[kind] += 1;
                        self.ordinals[kind] - 1
                    }
                };
                let held = Held { recipe: recipe.clone(), ordinal, version: self.version };
                self.records[kind].insert(recipe.name.clone(), held);
                true
            }
            Step::Remove(kind, name) => self.records[*kind].remove(name).is_some(),
        }
    }

    /// Asserts that the store holds exactly the records of this model.
    pub(super) fn agrees(&self, store: &Store) {
        let reading = store.read();
        let summary = reading.summary().unwrap();
        self.agrees_with_summary(&summary);
        let mut references = BTreeMap::<(Target, String), BTreeSet<Referrer>>::new();
        for kind in Kind::ALL {
            kind.dispatch(Compare { plain: self, from: &reading, references: &mut references });
        }
        self.agrees_with_index(&reading, &references);
        self.owns_every_chunk(store);
        no_blobs(store.directory().path());
    }

    fn agrees_with_summary(&self, summary: &Summary) {
        assert_eq!(summary.version, self.version);
        for (kind, records) in self.records.iter() {
            let stamps = summary.kind(kind);
            assert_eq!(stamps.count, records.len() as u64, "{kind}");
            assert_eq!(stamps.ordinal_next, self.ordinals[kind], "{kind}");
            if stamps.in_name_order {
                assert!(records.values().map(|held| held.ordinal).is_sorted(), "{kind}");
            }
        }
        let records: usize = self.records.iter().map(|(_, records)| records.len()).sum();
        assert_eq!(summary.records(), records as u64);
    }

    fn agrees_with_index(
        &self,
        reading: &LiveView,
        references: &BTreeMap<(Target, String), BTreeSet<Referrer>>,
    ) {
        let mut found = BTreeMap::<(Target, String), BTreeSet<Referrer>>::new();
        reading
            .each_reference(|target, posting| {
                let (target, name, _) = parse_target_key(target).unwrap();
                let referrers = found.entry((target, name.to_owned())).or_default();
                assert!(referrers.insert(parse_posting(posting).unwrap()), "duplicate posting");
                Ok::<_, StoreError>(())
            })
            .unwrap();
        assert_eq!(&found, references);
        for ((target, name), expected) in references {
            let mut referrers = reading.referrers(*target, name).unwrap();
            referrers.sort();
            assert!(referrers.iter().eq(expected), "{target} {name}");
        }
        let nobody = reading.referrers(Target::Node, "nobody's").unwrap();
        assert_eq!(nobody, []);
        let tree = reading.generation().unwrap().tree(TreeId::References);
        assert!(tree.iter().all(|block| !block.unwrap().1.is_empty()));
    }

    fn owns_every_chunk(&self, store: &Store) {
        let generation = store.current().ok().unwrap().generation;
        let mut owned = 0;
        for (kind, records) in self.records.iter() {
            for (name, held) in records {
                let prefix = ValueOwner::Record(kind).chunk_prefix(name.as_bytes(), held.version);
                owned += generation.tree(TreeId::Chunks).scan_prefix(prefix).count();
            }
        }
        owned += chunks_of_history(&generation);
        assert_eq!(
            generation.tree(TreeId::Chunks).iter().count(),
            owned,
            "chunks without an owner"
        );
    }

    /// Asserts that the snapshot contains exactly the records of this model.
    pub(super) fn is_in(&self, snapshot: &Snapshot) {
        self.agrees_with_summary(snapshot.summary());
        for kind in Kind::ALL {
            kind.dispatch(CompareSnapshot { plain: self, snapshot });
        }
    }

    /// Asserts that the records of a kind were read completely and correctly. Decrypts their secrets.
    pub(super) fn compare<E: Entity>(
        &self,
        stored: Vec<Stored<E>>,
        open: impl Fn(&mut E) -> Result<(), StoreError>,
    ) {
        let expected = &self.records[E::KIND];
        // Messages show the first letters and the length of long names.
        let brief = |name: &str| format!("{name:.16} ({})", name.len());
        let found: Vec<String> = stored.iter().map(|one| brief(one.record.name())).collect();
        let wanted: Vec<String> = expected.keys().map(|name| brief(name)).collect();
        assert_eq!(found, wanted, "{}", E::KIND);
        for (mut stored, held) in stored.into_iter().zip(expected.values()) {
            let secrets = stored.record.secrets();
            assert!(secrets.iter().any(|(property, _)| *property == "snmp_community"));
            assert!(secrets.iter().all(|(_, secret)| secret.clear_bytes().is_none()));
            open(&mut stored.record).unwrap();
            // No `assert_eq`: its message could have 70 KB.
            let expected = held.recipe.read::<E>();
            assert!(stored.record == expected, "{} {:.40?}", E::KIND, held.recipe);
            assert_eq!((stored.ordinal, stored.version), (held.ordinal, held.version));
        }
    }
}

/// The number of chunks that belong to before-values.
pub(super) fn chunks_of_history(generation: &Generation) -> usize {
    let mut owned = 0;
    for (key, value) in generation.tree(TreeId::Before).iter().map(Result::unwrap) {
        let Some(BeforeKey::Value { owner, key, .. }) = parse_before_key(&key) else { continue };
        if !value.is_empty()
            && let Head::Long(header, _) = format::head(value).unwrap()
        {
            let prefix = owner.chunk_prefix(key, header.version);
            owned += generation.tree(TreeId::Chunks).scan_prefix(prefix).count();
        }
    }
    owned
}

/// Asserts that sled wrote no blob files, because it does not make them durable.
pub(super) fn no_blobs(data: &Path) {
    for entry in fs::read_dir(data).unwrap() {
        let blobs = entry.unwrap().path().join("blobs");
        if blobs.is_dir() {
            assert_eq!(fs::read_dir(&blobs).unwrap().count(), 0, "{}", blobs.display());
        }
    }
}

struct MakeStep<'a, 's> {
    transaction: &'a mut Transaction<'s>,
    step: &'a Step,
}

impl KindVisitor for MakeStep<'_, '_> {
    type Output = Result<(), StoreError>;
    fn visit<E: Entity>(self) -> Self::Output {
        match self.step {
            Step::Put(recipe) => self.transaction.put(recipe.make::<E>()).map(drop),
            Step::Remove(_, name) => {
                let there = self.transaction.contains(E::KIND, name)?;
                assert_eq!(self.transaction.remove(E::KIND, name)?, there);
                Ok(())
            }
        }
    }
}

/// Compares the transaction's own changes, as it reads them, with the model.
struct Inside<'a, 's> {
    transaction: &'a Transaction<'s>,
    name: &'a str,
    held: Option<&'a Held>,
}

impl KindVisitor for Inside<'_, '_> {
    type Output = Result<(), StoreError>;
    fn visit<E: Entity>(self) -> Self::Output {
        let seen = self.transaction.get::<E>(self.name)?;
        let seen = seen.map(|seen| (seen.record.name().to_string(), seen.ordinal, seen.version));
        assert_eq!(seen, self.held.map(|h| (h.recipe.name.clone(), h.ordinal, h.version)));
        Ok(())
    }
}

struct Compare<'a> {
    plain: &'a Plain,
    from: &'a LiveView,
    references: &'a mut BTreeMap<(Target, String), BTreeSet<Referrer>>,
}

impl KindVisitor for Compare<'_> {
    type Output = ();
    fn visit<E: Entity>(self) {
        let stored: Vec<Stored<E>> = self.from.scan().collect::<Result<_, _>>().unwrap();
        for one in &stored {
            let name = one.record.name();
            assert_eq!(self.from.get::<E>(name).unwrap().as_ref(), Some(one));
            assert!(self.from.contains(E::KIND, name).unwrap());
            one.record.references(&mut |reference| {
                let target = (reference.target, reference.name.to_owned());
                self.references.entry(target).or_default().insert(Referrer {
                    kind: E::KIND,
                    name: name.to_string(),
                    relation: reference.relation.to_owned(),
                });
            });
        }
        assert_eq!(self.from.get::<E>("nobody's").unwrap(), None);
        self.plain.compare(stored, |record| self.from.decrypt_secrets(record));
    }
}

/// Compares an earlier state of a record with the history.
struct InPast<'a> {
    store: &'a Store,
    history: &'a HistoryView,
    version: u64,
    name: String,
    held: Option<&'a Held>,
}

impl KindVisitor for InPast<'_> {
    type Output = ();
    fn visit<E: Entity>(self) {
        let Self { store, history, version, name, held } = self;
        let brief = format!("{} {name:.16} after change {version}", E::KIND);
        match (history.record_at(E::KIND, &name, version).unwrap(), held) {
            (AtChange::Value(mut stored), Some(held)) => {
                history.decrypt_secrets(&mut stored.record).unwrap();
                let record = stored.record.into_kind::<E>().unwrap();
                assert!(record == held.recipe.read::<E>(), "{brief}: {:.40?}", held.recipe);
                assert_eq!((stored.ordinal, stored.version), (held.ordinal, held.version));
            }
            (AtChange::Absent, None) => {}
            (AtChange::Replaced(number), _) => {
                assert!(number > version, "{brief}");
                let replacement = history.first_replacement_after(version).unwrap().unwrap();
                // It is known while the generation is kept.
                let Some(state) = store.earlier_state(version, &replacement).unwrap() else {
                    return;
                };
                let stored = state.record(E::KIND, &name).unwrap();
                assert_eq!(stored.is_some(), held.is_some(), "{brief}");
                if let (Some(mut stored), Some(held)) = (stored, held) {
                    history.decrypt_secrets(&mut stored.record).unwrap();
                    let record = stored.record.into_kind::<E>().unwrap();
                    assert!(record == held.recipe.read::<E>(), "{brief}: {:.40?}", held.recipe);
                }
            }
            (other, held) => panic!("{brief}: {:.200} {}", format!("{other:?}"), held.is_some()),
        }
    }
}

struct CompareSnapshot<'a> {
    plain: &'a Plain,
    snapshot: &'a Snapshot,
}

impl KindVisitor for CompareSnapshot<'_> {
    type Output = ();
    fn visit<E: Entity>(self) {
        let stored = self.snapshot.scan::<E>().collect::<Result<_, _>>().unwrap();
        self.plain.compare::<E>(stored, |record| self.snapshot.decrypt_secrets(record));
    }
}

/// Sizes of short records, of records near the limit of short ones, and of long ones.
fn bytes() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0usize..300, 1 => 3800usize..4300, 1 => 8_000usize..70_000]
}

/// Few kinds, so that names and references collide.
fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => Just(Kind::Device),
        2 => Just(Kind::Link),
        1 => prop::sample::select(&Kind::ALL[..]),
    ]
}

pub(super) fn recipe() -> impl Strategy<Value = Recipe> {
    let named = prop::collection::vec(any::<u8>().prop_map(name), 0..5);
    (kind(), any::<u8>(), bytes(), named, any::<u8>()).prop_map(
        |(kind, number, bytes, named, salt)| {
            let salt = salt % 4;
            Recipe { kind, name: name(number), bytes, named, salt }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => recipe().prop_map(Step::Put),
        1 => (kind(), any::<u8>()).prop_map(|(kind, number)| Step::Remove(kind, name(number))),
    ]
}

pub(super) fn change() -> impl Strategy<Value = Change> {
    (prop::collection::vec(step(), 1..6), prop::bool::weighted(0.15))
        .prop_map(|(steps, is_abandoned)| Change { steps, is_abandoned })
}
