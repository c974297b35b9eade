//! Inventory: one instance, queries, search, pools.
//!
//! A **read** looks at the inventory as it is and decodes no more than it must; results of any
//! length are given row by row to the one who asked. A **change** is one transaction of the store:
//! the record, every reference to it and the pools that it concerns change together.
//!
//! ```text
//! shown     an instance as it is shown: properties, defaults, relations in both directions
//! list      all instances of a kind, paged and ordered
//! query     those whose properties have given values
//! search    those that meet criteria, columns of them, and lines of configurations
//! text      configurations and other long texts of a device
//! change    create, update, rename
//! delete    and what goes with it
//! refill    the members of computed pools, on request
//! keeping   what the inventory is as a whole, and back to what it was
//! verify    whether all of it is as it should be
//! ```
//!
//! What reads are made of:
//!
//! ```text
//! look       one look at the inventory: records, who names them, who is in a pool
//! word       what a word of a request means;   columns  what words show of a record
//! selection  which records are meant;          order    rows in another order than by name
//! rows       from a selection to rows
//! ```
//!
//! What changes are made of:
//!
//! ```text
//! object  what an object of a request says;     plan     what that comes to, good or faulty
//! edit    one change in the making;             pools    what it means to computed pools
//! guard   what no change may do;                warning  what the caller should know of it
//! ```
//!
//! And both of them:
//!
//! ```text
//! computed  the computed pools, their criteria compiled;   damage  what was found to be damaged
//! ```

mod change;
mod columns;
mod computed;
mod damage;
mod delete;
mod edit;
mod error;
mod guard;
mod keeping;
mod lines;
mod list;
mod look;
mod object;
mod order;
mod plan;
mod pools;
mod query;
mod refill;
mod rows;
#[cfg(test)]
mod sample;
mod search;
mod selection;
mod shown;
#[cfg(test)]
mod tests;
mod text;
mod verify;
mod warning;
mod word;

use std::{collections::BTreeMap, sync::Arc};

pub use damage::{DamageReport, DamageShown};
pub use error::InventoryError;
pub use keeping::{GenerationState, KindCount, State, UndoOutcome, UndoReport};
pub use verify::{FindingShown, FindingsReport, KindRead, VerifyReport};

use crate::{
    disk::DiskSpace,
    model::{Kind, Map, PerKind, View},
    store::{Damage, Store},
};

/// The instances of one inventory. Everything here blocks.
#[derive(Clone)]
pub struct Inventory(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    /// The computed pools, their criteria compiled.
    computed: computed::ComputedCache,
    /// The damage that reads met.
    damage: damage::DamageLog,
}

/// One instance, or the columns of it that were asked for.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The change that wrote the record.
    pub version: u64,
    /// Names and values; by name, or in the order in which columns were asked for. No secrets.
    pub properties: &'a [(&'a str, View<'a>)],
}

/// Whether the one who asked wants more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Go,
    /// The client left: nothing more is needed.
    Stop,
}

/// Takes one row of a result after the other.
pub type Rows<'r> = dyn FnMut(&Shown<'_>) -> Flow + 'r;

/// A page of a kind's instances.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    pub start: u64,
    /// None: all.
    pub limit: Option<u64>,
    /// Empty: all properties.
    pub columns: Vec<String>,
    /// None: by name.
    pub order: Option<Order>,
}

/// How rows are sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub property: String,
    pub direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// How a criterion's text is compared with a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The property holds the text; upper and lower case are the same.
    Inclusion,
    Equality,
    Regex,
    /// The property is empty; the text does not matter.
    Empty,
}

/// One criterion of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    pub property: String,
    pub value: String,
    pub filter: Filter,
    pub invert: bool,
}

/// A search.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    pub kind: Kind,
    pub columns: Vec<String>,
    pub criteria: Vec<Criterion>,
    pub order: Option<Order>,
    pub start: u64,
    pub limit: u64,
    /// Lines around a matching one that are shown with it.
    pub context_lines: u32,
}

/// How many instances a search is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchTotals {
    /// Those that meet the criteria.
    pub matched: u64,
    /// All of the kind.
    pub total: u64,
}

/// What a change of instances is asked for.
#[derive(Clone, Debug)]
pub struct ChangeRequest {
    /// Who asks.
    pub caller: String,
    /// Whether all objects are one change, or each its own.
    pub atomic: Atomic,
    /// The version that the instance must still have (`If-Match`); for a single object only.
    pub expected: Expected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atomic {
    /// All objects are one transaction: one failure, and nothing is changed.
    All,
    /// Each object is a transaction of its own.
    Each,
}

/// What a change expects to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    Anything,
    /// One of these versions (`If-Match: "a", "b"`).
    Versions(Vec<u64>),
    /// That it is there (`If-Match: *`).
    Present,
    /// That it is not there (`If-None-Match: *`).
    Nothing,
}

/// What became of the objects of a change, in their order.
#[derive(Debug)]
pub struct ChangeReport {
    pub outcomes: Vec<ObjectOutcome>,
    /// What the caller should know: unknown properties that were kept, with the nearest known.
    pub warnings: Vec<String>,
}

/// What became of one object.
#[derive(Debug)]
pub struct ObjectOutcome {
    /// The object as it came, its secrets left out.
    pub object: Map,
    pub result: Result<Changed, Vec<Fault>>,
}

/// What a change did to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The name that it has now.
    pub name: String,
    pub version: u64,
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Created,
    Updated,
    Unchanged,
}

/// Something that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The property, where it is one property's.
    pub property: Option<String>,
    /// A short word for scripts.
    pub code: &'static str,
    /// A sentence.
    pub detail: String,
}

/// What a deletion took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteReport {
    /// The records that are gone, the one asked for first: a device's links, a service's edges.
    pub deleted: Vec<(Kind, String)>,
    /// The records from whose lists names were struck.
    pub struck: Vec<(Kind, String)>,
}

/// A long text of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    pub version: u64,
}

/// What a recomputation of the pools found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolsReport {
    /// Pools that are computed.
    pub computed: u64,
    /// Of these, pools whose members were not what they should have been.
    pub changed: u64,
    /// Pools that keep the members that they have, and why.
    pub kept: Vec<(String, String)>,
}

impl Inventory {
    pub fn new(store: Arc<Store>) -> Self {
        Self(Arc::new(Inner { store, computed: Default::default(), damage: Default::default() }))
    }

    /// The number of instances of each kind, as of the last durable change.
    pub fn count(&self) -> Result<PerKind<u64>, InventoryError> {
        let summary = self.0.store.read().durable_summary()?;
        Ok(PerKind::new(|kind| summary.kind(kind).count))
    }

    /// Returns the space of the file system that holds the data directory.
    pub fn disk_space(&self) -> Result<DiskSpace, InventoryError> {
        Ok(self.0.store.disk_space()?)
    }

    /// Counts and logs damage that a request met.
    pub fn note_damage(&self, damage: Damage) {
        self.0.damage.note(damage);
    }

    /// How often damage was met since the start, by the part of the store.
    pub fn damage_by_part(&self) -> BTreeMap<&'static str, u64> {
        self.0.damage.by_part()
    }

    /// Whether changes are taken: not after a full disk, nor after a write that failed.
    pub fn is_writable(&self) -> bool {
        self.0.store.is_writable()
    }
}
