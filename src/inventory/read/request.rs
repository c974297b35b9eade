//! The requests of reads, and the rows that they produce.

use crate::model::{InstanceType, View};

/// One instance, or the requested columns of it.
#[derive(Debug)]
pub struct InstanceRow<'a> {
    /// The number of the change that wrote the record.
    pub version: u64,
    /// The number of the record in the creation order of its kind.
    pub ordinal: u64,
    /// The state of the record: read, or damaged.
    pub state: RowState,
    /// Names and values without secrets, sorted by name or in the order of the requested columns.
    pub properties: &'a [(&'a str, View<'a>)],
}

/// Tells whether the record of a row was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowState {
    /// The properties are those of the record.
    Read,
    /// The record is damaged. Its name is the only property of it, or null.
    Damaged,
}

/// The names under which an instance shows its relations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Satchel's names.
    #[default]
    Satchel,
    /// Satchel's names, and beside them those of eNMS's models that are other words.
    Enms,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 2] = [Self::Satchel, Self::Enms];

    /// The word in requests and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Satchel => "satchel",
            Self::Enms => "enms",
        }
    }
}

/// Tells whether the receiver of rows wants more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next row can be sent.
    Continue,
    /// No more rows are needed, for example because the client has disconnected.
    Stop,
}

/// Receives the rows of a result, one after the other.
pub type RowSink<'r> = dyn FnMut(&InstanceRow<'_>) -> Flow + 'r;

/// A page of the instances of a kind.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// The number of instances to skip.
    pub start: u64,
    /// The largest number of rows to return; `None` for all.
    pub limit: Option<u64>,
    /// The properties to show; empty for all.
    pub columns: Vec<String>,
    /// `None` to sort by name.
    pub order: Option<Order>,
}

/// The order of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The property whose values are compared.
    pub property: String,
    /// Whether the smallest or the largest value comes first.
    pub direction: Direction,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The smallest value comes first.
    Ascending,
    /// The largest value comes first.
    Descending,
}

/// The comparison of the text of a criterion with a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The property contains the text, ignoring case.
    Inclusion,
    /// The property equals the text.
    Equality,
    /// The text is a regular expression that matches a part of the property.
    Regex,
    /// The property is empty. The text is ignored.
    Empty,
}

/// One criterion of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// The property to compare.
    pub property: String,
    /// The text to compare it with. A criterion without a text is ignored, unless its filter is
    /// [`Filter::Empty`].
    pub value: String,
    /// The comparison of the two.
    pub filter: Filter,
    /// Whether the criterion is negated.
    pub invert: bool,
}

/// A search.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// The instances to search.
    pub of: InstanceType,
    /// The properties to show; empty for all.
    pub columns: Vec<String>,
    /// An instance matches if all criteria hold.
    pub criteria: Vec<Criterion>,
    /// The order of the matches. `None` sorts by name.
    pub order: Option<Order>,
    /// The number of matches to skip.
    pub start: u64,
    /// The largest number of rows to return.
    pub limit: u64,
    /// The lines shown before and after each matching line of a long text.
    pub context_lines: u32,
}

/// The totals of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchTotals {
    /// The number of instances that match all criteria.
    pub matched: u64,
    /// The number of all instances of the kind.
    pub total: u64,
}

/// A long text of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The whole text.
    pub text: String,
    /// The number of the change that wrote the text; `None` if the device has none.
    pub version: Option<u64>,
}
