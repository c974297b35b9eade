//! Inventories for tests, with ordinary and hostile names.

use crate::{
    inventory::{Dialect, Flow, InstanceRow, Inventory, InventoryError, RowSink},
    model::{AnyRecord, Entity, Kind, KindVisitor, Map, Pool, PropertyType, Side, Target, Value},
    store::{LiveView, Origin, Store, StoreError, Transaction},
};
use std::sync::Arc;

/// An inventory in a temporary folder.
pub(super) struct Sample {
    pub inventory: Inventory,
    store: Arc<Store>,
    _folder: tempfile::TempDir,
}

/// A reference: kind and name of its holder, property, target and name.
pub(super) type Reference = (Kind, String, &'static str, Target, String);

/// A row with owned values.
pub(super) type Row = Vec<(String, Value)>;

pub(super) fn list(names: &[&str]) -> Value {
    Value::List(names.iter().map(|name| Value::from(*name)).collect())
}

pub(super) fn object(properties: &[(&str, Value)]) -> Map {
    let entries = properties.iter().map(|(name, value)| ((*name).into(), value.clone()));
    Map::from_entries(entries.collect())
}

fn row(shown: &InstanceRow<'_>) -> Row {
    shown.properties.iter().map(|(name, view)| ((*name).to_owned(), view.to_value())).collect()
}

impl Sample {
    pub(super) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        Self { inventory: Inventory::new(store.clone()), store, _folder: folder }
    }

    /// An inventory with a few records of most kinds.
    pub(super) fn small() -> Self {
        let sample = Self::empty();
        let put = |kind, properties: &[(&str, Value)]| sample.put(kind, object(properties));
        put(Kind::User, &[("name", "admin".into()), ("password", "c2VjcmV0".into())]);
        put(
            Kind::Device,
            &[
                ("name", "R 1%".into()),
                ("vendor", Value::Null),
                ("gateways", list(&["é>b", "[Shared] x"])),
                ("rack", Value::Int(7)),
            ],
        );
        put(Kind::Device, &[("name", "é>b".into()), ("vendor", "Cisco".into())]);
        put(
            Kind::Device,
            &[
                ("name", "[Shared] x".into()),
                ("port", Value::Int(2222)),
                ("reachable", Value::Bool(true)),
                ("devices", list(&["R 1%"])),
            ],
        );
        put(
            Kind::Device,
            &[
                ("name", "gw".into()),
                ("type", "gateway".into()),
                ("devices", list(&["R 1%"])),
                ("rack", "7".into()),
                ("owners", list(&["admin"])),
            ],
        );
        put(Kind::Network, &[("name", "sub".into())]);
        put(
            Kind::Link,
            &[
                ("name", "l 1%".into()),
                ("source", "R 1%".into()),
                ("destination", "sub".into()),
                ("owners", list(&["admin"])),
            ],
        );
        put(
            Kind::Link,
            &[("name", "..>l".into()), ("source", "R 1%".into()), ("destination", "".into())],
        );
        put(
            Kind::Network,
            &[
                ("name", "net [x]".into()),
                ("nodes", list(&["R 1%", "sub"])),
                ("networks", list(&["sub"])),
                ("links", list(&["l 1%"])),
            ],
        );
        put(Kind::Pool, &[("name", "cisco".into()), ("device_vendor", "CISCO".into())]);
        put(
            Kind::Pool,
            &[
                ("name", "pool %".into()),
                ("manually_defined", Value::Bool(true)),
                ("devices", list(&["é>b", "R 1%"])),
                ("device_number", Value::Int(99)),
            ],
        );
        // Its criterion is invalid.
        put(
            Kind::Pool,
            &[
                ("name", "odd".into()),
                ("link_name", "(".into()),
                ("link_name_match", "regex".into()),
                ("links", list(&["l 1%"])),
            ],
        );
        put(
            Kind::Service,
            &[
                ("name", "[Shared] s".into()),
                ("target_devices", list(&["R 1%"])),
                ("target_pools", list(&["pool %"])),
            ],
        );
        put(Kind::Service, &[("name", "s 2".into()), ("target_pools", list(&["pool %"]))]);
        put(
            Kind::Task,
            &[
                ("name", "t %".into()),
                ("service", "[Shared] s".into()),
                ("devices", list(&["R 1%"])),
            ],
        );
        sample
    }

    /// An inventory with random records of every kind. Pools are manual.
    pub(super) fn random(seed: u64) -> Self {
        let sample = Self::empty();
        let mut rng = Rng(seed | 1);
        let names = |kind: Kind| {
            ["R 1%", "[Shared] x", "é>b", "..", "100% \u{202e}(x): y"]
                .map(|n| format!("{n} {kind}"))
        };
        for kind in Kind::ALL {
            for name in names(kind) {
                sample.put(kind, kind.dispatch(MakeRecord { name, rng: &mut rng, names: &names }));
            }
        }
        sample
    }

    pub(super) fn put(&self, kind: Kind, properties: Map) {
        let record = AnyRecord::parse(kind, properties).unwrap().record;
        self.store
            .change(&Origin::internal("test"), |t| -> Result<_, StoreError> { t.put(record) })
            .unwrap();
    }

    /// Stores the members of a computed pool.
    pub(super) fn fill(&self, pool: &str, side: Side, members: &[(u64, &str)]) {
        let pool = self.store.read().get::<Pool>(pool).unwrap().unwrap().ordinal;
        let fill = |t: &mut Transaction<'_>| -> Result<(), StoreError> {
            t.add_members(pool, side, members);
            Ok(())
        };
        self.store.change(&Origin::internal("test"), fill).unwrap();
    }

    /// Stores a long text of a device.
    pub(super) fn write(&self, device: &str, property: &str, text: &str) {
        let write = |t: &mut Transaction<'_>| -> Result<_, StoreError> {
            t.put_text(device, property, text)
        };
        self.store.change(&Origin::internal("test"), write).unwrap();
    }

    pub(super) fn shown(&self, kind: Kind, name: &str) -> Row {
        self.inventory.instance(kind, name, Dialect::Satchel, row).unwrap()
    }

    pub(super) fn shown_property(&self, kind: Kind, name: &str, property: &str) -> Value {
        let shown = self.shown(kind, name);
        let found = shown.into_iter().find(|(known, _)| known == property);
        found.unwrap_or_else(|| panic!("{kind} {name} has no {property}")).1
    }

    /// The names of the records of a kind.
    pub(super) fn names(&self, kind: Kind) -> Vec<String> {
        let reading = self.store.read();
        let names = reading.scan_raw(kind).map(|entry| entry.unwrap().0);
        names.map(|name| String::from_utf8(name).unwrap()).collect()
    }

    /// All references of all records.
    pub(super) fn references(&self) -> Vec<Reference> {
        struct References<'s>(&'s LiveView);
        impl KindVisitor for References<'_> {
            type Output = Vec<Reference>;
            fn visit<E: Entity>(self) -> Vec<Reference> {
                let mut all = Vec::new();
                for stored in self.0.scan::<E>() {
                    let record = stored.unwrap().record;
                    let name = record.name().as_str();
                    record.references(&mut |found| {
                        let to = found.name.to_owned();
                        all.push((E::KIND, name.to_owned(), found.relation, found.target, to));
                    });
                }
                all
            }
        }
        let reading = self.store.read();
        Kind::ALL.into_iter().flat_map(|kind| kind.dispatch(References(&reading))).collect()
    }
}

/// The rows that an operation sends, and its result.
pub(super) fn rows<T>(
    operation: impl FnOnce(&mut RowSink<'_>) -> Result<T, InventoryError>,
) -> Result<(Vec<Row>, T), InventoryError> {
    let mut all = Vec::new();
    let result = operation(&mut |shown| {
        all.push(row(shown));
        Flow::Continue
    })?;
    Ok((all, result))
}

/// The values of one column.
pub(super) fn column(rows: &[Row], name: &str) -> Vec<String> {
    let value = |row: &Row| row.iter().find(|(known, _)| known == name).unwrap().1.clone();
    rows.iter().map(|row| value(row).as_text().unwrap().to_owned()).collect()
}

/// A reproducible random number generator (xorshift).
pub(super) struct Rng(pub u64);

impl Rng {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Builds a random record of a kind.
struct MakeRecord<'d, N> {
    name: String,
    rng: &'d mut Rng,
    names: &'d N,
}

impl<N: Fn(Kind) -> [String; 5]> KindVisitor for MakeRecord<'_, N> {
    type Output = Map;
    fn visit<E: Entity>(self) -> Map {
        let Self { name, rng, names } = self;
        let mut entries: Vec<(Value, Value)> = vec![("name".into(), name.into())];
        for property in E::PROPERTIES {
            let mut named = |target: Target| {
                let kinds = target.kinds();
                names(kinds[rng.below(kinds.len())])[rng.below(5)].clone()
            };
            let value: Value = match property.type_ {
                PropertyType::Name | PropertyType::Secret => continue,
                PropertyType::One(target) => named(target).into(),
                PropertyType::Many(target) => {
                    let mut chosen = vec![named(target), named(target)];
                    chosen.dedup();
                    chosen.truncate(rng.below(3));
                    Value::List(chosen.into_iter().map(Value::from).collect())
                }
                _ if rng.below(2) == 0 => continue,
                PropertyType::Text => ["", "Cisco", "é>b 1%", "cis"][rng.below(4)].into(),
                PropertyType::Int => Value::Int(rng.below(3) as i64 + 21),
                PropertyType::Bool if property.name == "manually_defined" => continue,
                PropertyType::Bool => Value::Bool(rng.below(2) == 0),
                PropertyType::Float => Value::Float(rng.below(2) as f64 / 2.0),
                PropertyType::Any => Value::List(vec![Value::Int(rng.below(2) as i64)]),
            };
            entries.push((property.name.into(), value));
        }
        if E::KIND == Kind::Pool {
            entries.push(("manually_defined".into(), Value::Bool(true)));
        }
        if rng.below(3) > 0 {
            entries.push(("rack".into(), [Value::Int(7), "7".into()][rng.below(2)].clone()));
        }
        Map::from_entries(entries)
    }
}
