//! Random sequences of changes, against a plain inventory.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{plain::*, *};
use crate::{
    model::{Arity, Backward, KindVisitor, Secrets, View},
    store::Referrer,
};

/// Names as sites have them, and as they should not. They are few, so that they meet.
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

const VENDORS: [&str; 4] = ["Cisco", "cisco systems", "é", "juniper"];

/// One in so many names that a relation holds is taken from all names, and is mostly not there.
const STRAY: u8 = 16;

/// One step, in numbers: what they mean depends on what is there.
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
    /// A record comes back as it is shown.
    Again {
        kind: usize,
        name: u8,
    },
    Text {
        name: u8,
        text: u8,
    },
    UpdatePools,
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
}

fn draft() -> impl Strategy<Value = Draft> {
    let some = |yes: u32| prop::option::weighted(f64::from(yes) / 10.0, any::<u8>());
    let relations =
        prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..4)), 0..3);
    let manual = prop::option::weighted(0.3, any::<bool>());
    let criterion = prop::option::weighted(0.5, any::<(u8, u8)>());
    let text = prop::option::weighted(0.2, prop::option::weighted(0.7, any::<u8>()));
    (any::<u8>(), some(2), relations, some(7), manual, criterion, text).prop_map(
        |(name, new_name, relations, vendor, manual, criterion, text)| Draft {
            name,
            new_name,
            relations,
            vendor,
            manual,
            criterion,
            text,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let kind = || 0..Kind::ALL.len();
    // The kinds that hang together most come most.
    let busy = prop_oneof![
        kind(),
        prop::sample::select(vec![
            Kind::Device.index(),
            Kind::Device.index(),
            Kind::Pool.index(),
            Kind::Link.index(),
            Kind::Network.index(),
            Kind::Pool.index(),
            Kind::Service.index(),
        ]),
    ];
    prop_oneof![
        10 => (busy, prop::collection::vec(draft(), 1..4), any::<bool>())
            .prop_map(|(kind, wishes, atomic)| Step::Put { kind, wishes, atomic }),
        2 => (kind(), any::<u8>()).prop_map(|(kind, name)| Step::Delete { kind, name }),
        2 => (kind(), any::<u8>()).prop_map(|(kind, name)| Step::Again { kind, name }),
        1 => any::<(u8, u8)>().prop_map(|(name, text)| Step::Text { name, text }),
        1 => Just(Step::UpdatePools),
    ]
}

fn pick<'a>(from: &[&'a str], number: u8) -> &'a str {
    from[usize::from(number) % from.len()]
}

impl Draft {
    fn wish(&self, kind: Kind, plain: &Plain) -> Wish {
        let mut wish = Wish { name: pick(&NAMES, self.name).to_owned(), ..Wish::default() };
        wish.new_name = self.new_name.map(|number| pick(&NAMES, number).to_owned());
        wish.vendor = self.vendor.map(|number| pick(&VENDORS, number).to_owned());
        let all = relations(kind);
        for (number, named) in self.relations.iter().filter(|_| !all.is_empty()) {
            let relation = all[usize::from(*number) % all.len()];
            let there = plain.names(relation.target);
            let name = |number: &u8| match there.is_empty() || number.is_multiple_of(STRAY) {
                true => pick(&NAMES, *number).to_owned(),
                false => pick(&there, *number).to_owned(),
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

/// A record as a client is shown it, as an object.
struct Shown<'a>(&'a Store, &'a str);

impl KindVisitor for Shown<'_> {
    type Output = Map;

    fn visit<E: Entity>(self) -> Map {
        let stored = self.0.read().get::<E>(self.1).unwrap().unwrap();
        let mut entries: Vec<(Value, Value)> = Vec::new();
        let backward = Backward::of(E::KIND);
        let mut referrers = Vec::new();
        for target in &backward.targets {
            referrers.extend(self.0.read().referrers(*target, self.1).unwrap());
        }
        for property in E::PROPERTIES {
            let view = stored.record.view(property.name).or_else(|| property.default.view());
            let many = matches!(property.type_, crate::model::PropertyType::Many(_));
            let view = view.or_else(|| many.then(|| View::Texts(Vec::new())));
            if backward.relation(property.name).is_none() {
                entries.extend(view.map(|view| (property.name.into(), view.to_value())));
            }
        }
        // Those that it names, and those that name it.
        for relation in &backward.relations {
            let mut named: Vec<&str> = match stored.record.view(&relation.word) {
                Some(View::Texts(names)) => names,
                _ => Vec::new(),
            };
            let holds = |referrer: &&Referrer| {
                let mut holders = relation.holders.iter();
                holders.any(|h| h.kind == referrer.kind && h.property == referrer.relation)
            };
            for other in referrers.iter().filter(holds) {
                if !named.contains(&other.name.as_str()) {
                    named.push(&other.name);
                }
            }
            entries.push((relation.word.as_str().into(), names(&named)));
        }
        for (name, view) in stored.record.views(Secrets::LeftOut) {
            if stored.record.custom().contains_key(name) {
                entries.push((name.into(), view.to_value()));
            }
        }
        Map::from_entries(entries)
    }
}

fn take(step: &Step, fixture: &Fixture, plain: &mut Plain) {
    let kind = |number: usize| Kind::ALL[number];
    let there = |plain: &Plain, kind: Kind, number: u8| {
        let names = plain.names(crate::model::Target::Kind(kind));
        (!names.is_empty()).then(|| pick(&names, number).to_owned())
    };
    match step {
        Step::Put { kind: number, wishes, atomic } => {
            let kind = kind(*number);
            let wishes: Vec<Wish> = wishes.iter().map(|draft| draft.wish(kind, plain)).collect();
            let objects = wishes.iter().map(|wish| wish.object(kind)).collect();
            let atomic = if *atomic { Atomic::All } else { Atomic::Each };
            let report = fixture.put_all(kind, objects, atomic);
            let mut after = plain.clone();
            let mut fates: Vec<Option<Fate>> =
                wishes.iter().map(|wish| after.put(kind, wish, atomic)).collect();
            if atomic == Atomic::All && (fates.contains(&None) || after.dangles()) {
                fates.fill(None);
            } else {
                *plain = after;
            }
            for (outcome, fate) in report.outcomes.iter().zip(fates) {
                let found = outcome.result.as_ref().ok().map(|changed| changed.fate);
                assert_eq!(found, fate, "{kind} {:?}", outcome);
            }
        }
        Step::Delete { kind: number, name } => {
            let kind = kind(*number);
            let name = there(plain, kind, *name).unwrap_or_else(|| pick(&NAMES, *name).to_owned());
            let result = fixture.delete(kind, &name);
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
            let object = kind.dispatch(Shown(&fixture.store, &name));
            let report = fixture.put_all(kind, vec![object], Atomic::Each);
            let changed = report.outcomes[0].result.as_ref().unwrap();
            assert_eq!(changed.fate, Fate::Unchanged, "{kind} {name}");
        }
        Step::Text { name, text } => {
            let Some(name) = there(plain, Kind::Device, *name) else { return };
            let text = format!("interface {text}\n");
            let put = |text: &str| {
                let inventory = &fixture.inventory;
                let text = text.to_owned();
                inventory.put_text(&name, "configuration", text, CALLER, &Expected::Anything)
            };
            let version = put(&text).unwrap();
            assert_eq!(put(&text).unwrap(), version, "the same text");
            plain.records[Kind::Device].get_mut(&name).unwrap().text = Some(text);
        }
        Step::UpdatePools => {
            let report = fixture.inventory.update_pools(None).unwrap();
            assert_eq!((report.changed, report.kept.len()), (0, 0), "they were right");
            let computed = plain.records[Kind::Pool].values().filter(|pool| !pool.manual).count();
            assert_eq!(report.computed, computed as u64);
        }
    }
}

proptest! {
    #![proptest_config(cases(24))]

    /// Whatever is put, renamed and deleted: nothing dangles, counts agree, both directions agree,
    /// computed pools have the members that their criteria give, and what did not change keeps its
    /// version.
    #[test]
    fn changes_do_what_they_do_to_a_plain_inventory(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let fixture = Fixture::new();
        let mut plain = Plain::new();
        plain.agrees(&fixture.store);
        for step in &steps {
            take(step, &fixture, &mut plain);
            plain.agrees(&fixture.store);
        }
    }
}
