//! Random sequences of changes, imports and undos, compared with a reference model in memory.
//! `PROPTEST_CASES` sets the number of cases.

mod agrees;
mod imports;
mod plain;
mod undo;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use proptest::prelude::*;
use satchel::access::create_first_user;
use satchel::import::{EmptyReplacement, ImportOutcome, Mode, OnError};
use satchel::inventory::{
    Atomicity, ChangeReport, ChangeRequest, ChangeUndoOutcome, ChangeUndoReport, ChangeUndoRequest,
    Dialect, Effect, ExpectedVersion, Inventory, InventoryError, Moment, OnConflict,
};
use satchel::job::Progress;
use satchel::migration::{EmptyFirst, ImportReport, ImportRequest, Migration};
use satchel::model::{Arity, Kind, Map, Target, Value};
use satchel::store::{GenerationLimits, KeptGenerations, Options, Origin, Store};
use tempfile::TempDir;

use imports::{Does, Project};
use plain::{CALLER, Plain, Wish, relations};
use undo::{Records, named};

/// Typical and hostile names. There are few of them, so that they collide.
const NAMES: [&str; 10] = [
    "R 1%",
    "[Shared] x",
    "é>b",
    "..",
    "100% \u{202e}(x): y; --",
    " ",
    "\u{10ffff}",
    "R 1% ",
    "a",
    "A",
];

/// The names that a new user can have: visible, without a colon, without white space around them, and not
/// like each other.
const USER_NAMES: [&str; 7] = ["R 1%", "[Shared] x", "é>b", "..", "\u{10ffff}", "a", "B"];

const VENDORS: [&str; 4] = ["Cisco", "cisco systems", "é", "juniper"];

/// One of this number of names in a relation is taken from all names, and usually does not exist.
const STRAY: u8 = 16;

/// One step, as numbers. Their meaning depends on the current inventory.
#[derive(Clone, Debug)]
enum Step {
    Put {
        kind: usize,
        wishes: Vec<Draft>,
        atomic: bool,
    },
    Delete {
        kind: usize,
        name: u8,
    },
    /// A record is sent back as it is shown.
    Again {
        kind: usize,
        name: u8,
    },
    Text {
        name: u8,
        text: u8,
    },
    Import(Import),
    /// One of the earlier changes is undone.
    Undo {
        which: u8,
        keep: bool,
    },
    /// A record is read as it was after one of the changes.
    At {
        which: u8,
        kind: usize,
        name: u8,
    },
}

/// A project, as numbers.
#[derive(Clone, Debug)]
struct Import {
    /// Bits: the kinds that are listed even without records.
    listed: u16,
    records: Vec<(usize, Draft)>,
    empty: bool,
    /// Whether valid records are imported beside invalid ones.
    skip: bool,
}

#[derive(Clone, Debug)]
struct Draft {
    name: u8,
    new_name: Option<u8>,
    relations: Vec<(u8, Vec<u8>)>,
    vendor: Option<u8>,
    manual: Option<bool>,
    criterion: Option<(u8, u8)>,
    text: Option<Option<u8>>,
    counts: bool,
}

fn draft() -> impl Strategy<Value = Draft> {
    let some = |yes: u32| prop::option::weighted(f64::from(yes) / 10.0, any::<u8>());
    let relations =
        prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..4)), 0..3);
    let manual = prop::option::weighted(0.3, any::<bool>());
    let criterion = prop::option::weighted(0.5, any::<(u8, u8)>());
    let text = prop::option::weighted(0.2, prop::option::weighted(0.7, any::<u8>()));
    let what = (relations, some(7), manual, criterion, text, any::<bool>());
    (any::<u8>(), some(2), what).prop_map(
        |(name, new_name, (relations, vendor, manual, criterion, text, counts))| Draft {
            name,
            new_name,
            relations,
            vendor,
            manual,
            criterion,
            text,
            counts,
        },
    )
}

fn import() -> impl Strategy<Value = Import> {
    let listed = prop_oneof![3 => any::<u16>(), 1 => Just(u16::MAX), 2 => Just(0)];
    let records = prop::collection::vec((kind(), draft()), 0..16);
    (listed, records, any::<bool>(), prop::bool::weighted(0.8))
        .prop_map(|(listed, records, empty, skip)| Import { listed, records, empty, skip })
}

/// Kinds with many relations are most frequent.
fn kind() -> impl Strategy<Value = usize> {
    let busy = [
        Kind::Device,
        Kind::Device,
        Kind::Pool,
        Kind::Link,
        Kind::Network,
        Kind::Pool,
        Kind::Service,
    ];
    prop_oneof![0..Kind::ALL.len(), prop::sample::select(busy.map(Kind::index).to_vec())]
}

/// Counts changes from the last one. Usually it is a recent one, of which more is left to undo.
fn recent() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0_u8), 4 => 1_u8..6, 2 => any::<u8>()]
}

fn step() -> impl Strategy<Value = Step> {
    let any_kind = || 0..Kind::ALL.len();
    prop_oneof![
        10 => (kind(), prop::collection::vec(draft(), 1..4), any::<bool>())
            .prop_map(|(kind, wishes, atomic)| Step::Put { kind, wishes, atomic }),
        2 => (any_kind(), any::<u8>()).prop_map(|(kind, name)| Step::Delete { kind, name }),
        2 => (any_kind(), any::<u8>()).prop_map(|(kind, name)| Step::Again { kind, name }),
        1 => any::<(u8, u8)>().prop_map(|(name, text)| Step::Text { name, text }),
        3 => import().prop_map(Step::Import),
        3 => (recent(), prop::bool::weighted(0.3))
            .prop_map(|(which, keep)| Step::Undo { which, keep }),
        3 => (any::<u8>(), kind(), any::<u8>())
            .prop_map(|(which, kind, name)| Step::At { which, kind, name }),
    ]
}

fn pick<'a>(from: &[&'a str], number: u8) -> &'a str {
    from[usize::from(number) % from.len()]
}

/// The names of new records of a kind.
fn names_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::User => &USER_NAMES,
        _ => &NAMES,
    }
}

impl Draft {
    fn own_name(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::User if self.name.is_multiple_of(STRAY) => CALLER,
            _ => pick(names_of(kind), self.name),
        }
    }

    /// The change to apply. `names` returns possible targets of a relation.
    fn wish<'n>(&self, kind: Kind, names: impl Fn(Target) -> Vec<&'n str>) -> Wish {
        let mut wish = Wish { name: self.own_name(kind).to_owned(), ..Wish::default() };
        // The caller is never deleted, because it is the only administrator.
        let new_name = self.new_name.filter(|_| wish.name != CALLER);
        wish.new_name = new_name.map(|number| pick(names_of(kind), number).to_owned());
        wish.vendor = self.vendor.map(|number| pick(&VENDORS, number).to_owned());
        let all = relations(kind);
        for (number, named) in self.relations.iter().filter(|_| !all.is_empty()) {
            let relation = all[usize::from(*number) % all.len()];
            let there = names(relation.target);
            let name = |number: &u8| {
                if there.is_empty() || number.is_multiple_of(STRAY) {
                    pick(&NAMES, *number).to_owned()
                } else {
                    pick(&there, *number).to_owned()
                }
            };
            let mut met = BTreeSet::new();
            let mut named: Vec<String> = named.iter().map(name).collect();
            named.retain(|name| met.insert(name.clone()));
            if relation.arity == Arity::One {
                named.truncate(1);
            }
            wish.relations.insert(relation.name, named);
        }
        if kind == Kind::Pool {
            wish.manual = self.manual;
            if let Some((which, value)) = self.criterion {
                let (key, values): (&str, &[&str]) = match which % 4 {
                    0 => ("device_vendor", &["", "CISCO", "é"]),
                    1 => ("device_name", &NAMES),
                    2 => ("link_source_name", &["R", "é", "x", ""]),
                    _ => ("link_vendor", &["", "cisco", "Jun"]),
                };
                wish.criteria = BTreeMap::from([(key.to_owned(), pick(values, value).to_owned())]);
                if key == "device_name" {
                    wish.criteria.insert("device_name_match".to_owned(), "equality".to_owned());
                }
            }
        }
        if kind == Kind::Device {
            wish.text = self.text.map(|text| text.map(|number| format!("hostname {number}\n")));
        }
        wish
    }
}

impl Import {
    fn project(&self, plain: &Plain) -> Project {
        let listed = |kind: &Kind| self.listed & (1 << kind.index()) != 0;
        let mut kinds: BTreeSet<Kind> = Kind::ALL.into_iter().filter(listed).collect();
        // Some kinds are listed without a document.
        let empty =
            kinds.iter().filter(|kind| self.listed.rotate_right(3) & (1 << kind.index()) != 0);
        let mut documents: BTreeMap<Kind, Vec<Wish>> =
            empty.map(|kind| (*kind, Vec::new())).collect();
        let records = || self.records.iter().map(|(kind, draft)| (Kind::ALL[*kind], draft));
        for (kind, draft) in records() {
            // Incoming records can refer to each other.
            let names = |target: Target| {
                let come = records().filter(|(kind, _)| target.kinds().contains(kind));
                let mut names: Vec<&str> = come.map(|(kind, draft)| draft.own_name(kind)).collect();
                names.extend(plain.names(target));
                names
            };
            let wish = Wish {
                name: draft.own_name(kind).to_owned(),
                new_name: None,
                text: None,
                counts: draft.counts,
                ..draft.wish(kind, names)
            };
            kinds.insert(kind);
            documents.entry(kind).or_default().push(wish);
        }
        if documents.is_empty() {
            // A folder without documents is not a project.
            kinds.insert(Kind::Device);
            documents.insert(Kind::Device, Vec::new());
        }
        Project {
            kinds,
            documents,
            empty: if self.empty { EmptyFirst::Yes } else { EmptyFirst::No },
            on_error: if self.skip { OnError::Skip } else { OnError::Fail },
        }
    }
}

/// The records after one change.
struct Past {
    number: u64,
    records: Records,
    /// Whether the change renamed a record. The model does not undo renames.
    renames: bool,
}

/// An appliance with one user, in a temporary folder.
struct Site {
    /// The records after each change.
    past: Vec<Past>,
    inventory: Inventory,
    migration: Migration,
    store: Arc<Store>,
    _folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits = GenerationLimits { count_max: 100, bytes_max: u64::MAX };
        let generations = KeptGenerations::UpTo(limits);
        let options = Options { generations, ..Options::default() };
        let store = Arc::new(Store::open_with(folder.path(), options).unwrap());
        create_first_user(&store).unwrap();
        let inventory = Inventory::new(store.clone());
        let migration = Migration::new(store.clone()).unwrap();
        Self { past: Vec::new(), inventory, migration, store, _folder: folder }
    }

    /// Notes the records after the last change, if there is a new one.
    fn note(&mut self, plain: &Plain) {
        let number = self.store.history().unwrap().changes(None).next().unwrap().unwrap().number;
        if self.past.last().is_some_and(|past| past.number == number) {
            let noted = &self.past.last().unwrap().records;
            assert!(same(noted, &plain.records), "a change without a number");
            return;
        }
        let change = self.inventory.change(number, None, usize::MAX).unwrap();
        let renames = change.records.iter().any(|record| record.renamed_from.is_some());
        self.past.push(Past { number, records: plain.records.clone(), renames });
    }

    fn undo(
        &self,
        number: u64,
        mode: Mode,
        keep: bool,
    ) -> Result<ChangeUndoReport, InventoryError> {
        let on_conflict = if keep { OnConflict::Keep } else { OnConflict::Refuse };
        let origin = Origin::of_user(CALLER, "undo");
        let number = Some(number);
        self.inventory.undo_change(&ChangeUndoRequest { number, mode, on_conflict, origin })
    }

    fn put(&self, kind: Kind, objects: Vec<Map>, atomicity: Atomicity) -> ChangeReport {
        let request = ChangeRequest {
            origin: Origin::of_user(CALLER, "test"),
            atomicity,
            expected_version: ExpectedVersion::Any,
            exact_type: None,
        };
        self.inventory.put(kind, objects, &request).unwrap()
    }

    fn import(&self, project: &Project, mode: Mode) -> ImportReport {
        let request = ImportRequest {
            name: "p".parse().unwrap(),
            kinds: project.kinds.iter().copied().collect(),
            empty: project.empty,
            empty_replacement: EmptyReplacement::Allowed,
            on_error: project.on_error,
            mode,
        };
        self.migration
            .import(&request, &Origin::of_user(CALLER, "test"), &Progress::detached())
            .unwrap()
    }

    /// A record as a response shows it.
    fn shown(&self, kind: Kind, name: &str) -> Map {
        let shown = self.inventory.instance(kind, name, Dialect::Satchel, |shown| {
            let properties = shown.properties.iter();
            properties.map(|(word, view)| (Value::from(*word), view.to_value())).collect()
        });
        Map::from_entries(shown.unwrap())
    }
}

fn import_project(site: &Site, plain: &mut Plain, project: &Project) {
    let folder = site.store.directory().migrations().join("p");
    project.write(&folder);
    let before = plain.clone();
    let does = plain.import(project);
    let said = site.import(project, Mode::DryRun);
    let report = site.import(project, Mode::Apply);
    fs::remove_dir_all(folder).unwrap();
    let (dry, applied) = match does {
        Does::Nothing => (ImportOutcome::Rejected, ImportOutcome::Rejected),
        Does::Part => (ImportOutcome::DryRun, ImportOutcome::ImportedInPart),
        Does::All => (ImportOutcome::DryRun, ImportOutcome::Imported),
    };
    assert_eq!((said.outcome, report.outcome), (dry, applied), "{report:?}");
    assert_eq!(said.types, report.types, "a dry run says what an import does");
    for kind in Kind::ALL {
        let (old, new) = (&before.records[kind], &plain.records[kind]);
        let created = new.keys().filter(|name| !old.contains_key(*name)).count() as u64;
        let removed = old.keys().filter(|name| !new.contains_key(*name)).count() as u64;
        match report.types.iter().find(|one| one.kind == kind) {
            Some(one) => {
                let found = (one.created, one.removed, one.total);
                assert_eq!(found, (created, removed, new.len() as u64), "{kind}");
            }
            None => assert_eq!((created, removed), (0, 0), "{kind}"),
        }
    }
}

/// Returns whether two states have the same records. The order of a pool's members is not part of the model.
fn same(one: &Records, other: &Records) -> bool {
    let sorted = |records: &Records| {
        let mut records = records.clone();
        for held in records[Kind::Pool].values_mut() {
            held.relations.values_mut().for_each(|named| named.sort());
        }
        records
    };
    sorted(one) == sorted(other)
}

/// Undoes one of the earlier changes.
fn undo_one(site: &Site, plain: &mut Plain, which: u8, keep: bool) {
    // The first change created the user who makes all others.
    let count = site.past.len() - 1;
    if count == 0 {
        return;
    }
    let at = count - usize::from(which) % count;
    let (before, change) = (&site.past[at - 1], &site.past[at]);
    let told = site.undo(change.number, Mode::DryRun, keep).unwrap();
    let done = site.undo(change.number, Mode::Apply, keep);
    if keep || change.renames {
        assert!(matches!(done, Ok(_) | Err(InventoryError::UndoConflicts(_))), "{done:?}");
        plain.take_from(&site.store);
        return;
    }
    let expected = plain.undone(&before.records, &change.records);
    match (done, expected) {
        (Ok(report), Ok(expected)) => {
            assert_eq!(
                (report.records_total, &report.records),
                (told.records_total, &told.records)
            );
            if report.outcome == ChangeUndoOutcome::Unchanged {
                assert!(same(&expected, &plain.records), "{report:?}");
            } else {
                assert_eq!(report.outcome, ChangeUndoOutcome::Undone);
                plain.records = expected;
            }
        }
        (Err(InventoryError::UndoConflicts(report)), expected) => {
            assert_eq!(report.conflicts, told.conflicts);
            // The model does not have the numbers of members that a pool's record can contain.
            let is_known = report.conflicts.iter().all(|conflict| conflict.kind == Kind::Pool);
            assert!(expected.is_err() || is_known, "{report:?}");
        }
        (Ok(report), Err(_)) => panic!("a conflict is missing: {report:?}"),
        (Err(error), _) => panic!("{error:?}"),
    }
}

/// Reads a record as it was after one of the changes.
fn read_at(site: &Site, which: u8, kind: Kind, name: &str) {
    let past = &site.past[usize::from(which) % site.past.len()];
    let held = past.records[kind].get(name);
    let moment = Moment::Change(past.number);
    let found = site.inventory.instance_at(kind, name, moment, |shown| {
        let properties = shown.properties.iter();
        properties
            .map(|(word, view)| ((*word).to_owned(), view.to_value()))
            .collect::<BTreeMap<_, _>>()
    });
    let shown = match (found, held) {
        (Ok(shown), Some(_)) => shown,
        (Err(InventoryError::NotFound { .. }), None) => return,
        (found, held) => panic!("{kind} {name} after {}: {found:?} {held:?}", past.number),
    };
    let held = held.unwrap();
    let vendor = shown.get("vendor").and_then(Value::as_text).filter(|text| !text.is_empty());
    assert_eq!(vendor, held.vendor.as_deref(), "{kind} {name} after {}", past.number);
    for relation in relations(kind) {
        let [mut found, mut expected] = [
            named(shown.get(relation.name)),
            held.relations.get(relation.name).cloned().unwrap_or_default(),
        ];
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{kind} {name} {} after {}", relation.name, past.number);
    }
}

fn take(step: &Step, site: &Site, plain: &mut Plain) {
    let kind = |number: usize| Kind::ALL[number];
    let there = |plain: &Plain, kind: Kind, number: u8| {
        let names = plain.names(Target::Kind(kind));
        (!names.is_empty()).then(|| pick(&names, number).to_owned())
    };
    match step {
        Step::Put { kind: number, wishes, atomic } => {
            let kind = kind(*number);
            let wishes: Vec<Wish> =
                wishes.iter().map(|draft| draft.wish(kind, |target| plain.names(target))).collect();
            let objects = wishes.iter().map(|wish| wish.object(kind)).collect();
            let atomicity = if *atomic { Atomicity::All } else { Atomicity::Each };
            let report = site.put(kind, objects, atomicity);
            let mut after = plain.clone();
            let mut effects: Vec<Option<Effect>> =
                wishes.iter().map(|wish| after.put(kind, wish, atomicity)).collect();
            if atomicity == Atomicity::All && (effects.contains(&None) || after.dangles()) {
                effects.fill(None);
            } else {
                *plain = after;
            }
            for (outcome, effect) in report.outcomes.iter().zip(effects) {
                let found = outcome.result.as_ref().ok().map(|changed| changed.effect);
                assert_eq!(found, effect, "{kind} {outcome:?}");
            }
        }
        Step::Delete { kind: number, name } => {
            let kind = kind(*number);
            let name = there(plain, kind, *name).unwrap_or_else(|| pick(&NAMES, *name).to_owned());
            let result = site.inventory.delete(
                kind,
                &name,
                &Origin::of_user(CALLER, "test"),
                &ExpectedVersion::Any,
            );
            if (kind, name.as_str()) == (Kind::User, CALLER) {
                assert!(matches!(result, Err(InventoryError::OwnUser { .. })), "{result:?}");
                return;
            }
            match (result, plain.delete(kind, &name)) {
                (Ok(report), Some(gone)) => {
                    assert_eq!(report.deleted.first(), Some(&(kind, name)));
                    assert_eq!(report.deleted.into_iter().collect::<BTreeSet<_>>(), gone);
                }
                (Err(InventoryError::NotFound { .. }), None) => {}
                other => panic!("{other:?}"),
            }
        }
        Step::Again { kind: number, name } => {
            let kind = kind(*number);
            let Some(name) = there(plain, kind, *name) else { return };
            let object = site.shown(kind, &name);
            let report = site.put(kind, vec![object], Atomicity::Each);
            let changed = report.outcomes[0].result.as_ref().unwrap();
            assert_eq!(changed.effect, Effect::Unchanged, "{kind} {name}");
        }
        Step::Text { name, text } => {
            let Some(name) = there(plain, Kind::Device, *name) else { return };
            let text = format!("interface {text}\n");
            let put = |text: &str| {
                let inventory = &site.inventory;
                let text = text.to_owned();
                inventory.put_text(
                    &name,
                    "configuration",
                    text,
                    &Origin::of_user(CALLER, "test"),
                    &ExpectedVersion::Any,
                )
            };
            let version = put(&text).unwrap();
            assert_eq!(put(&text).unwrap(), version, "the same text");
            plain.records[Kind::Device].get_mut(&name).unwrap().text = Some(text);
        }
        Step::Import(import) => import_project(site, plain, &import.project(plain)),
        Step::Undo { which, keep } => undo_one(site, plain, *which, *keep),
        Step::At { which, kind: number, name } => {
            read_at(site, *which, kind(*number), pick(&NAMES, *name));
        }
    }
}

/// The usual number of cases, or the number in `PROPTEST_CASES`.
fn cases(usual: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(cases.unwrap_or(usual))
}

proptest! {
    #![proptest_config(cases(24))]

    /// After any sequence of puts, renames, deletions, imports and undos: no reference dangles, counts and
    /// both directions of relations agree, computed pools have the members that match their
    /// criteria, and unchanged records keep their versions.
    #[test]
    fn the_store_equals_the_reference_model_after_random_changes(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut site = Site::new();
        let mut plain = Plain::new();
        plain.agrees(&site.store, &site.inventory);
        site.note(&plain);
        for step in &steps {
            take(step, &site, &mut plain);
            plain.agrees(&site.store, &site.inventory);
            site.note(&plain);
        }
        let verified = site.inventory.verify(&Progress::detached()).unwrap();
        assert!(verified.whole, "{verified:?}");
    }
}
