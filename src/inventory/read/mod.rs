//! Reads: one instance, pages, queries, searches and long texts.
//!
//! ```text
//! request    requests and their rows
//! instance   one instance: properties, defaults, relations in both directions
//! list       all instances of a kind, paged and ordered
//! query      the instances whose properties have given values
//! search     the instances that match criteria, columns of them, lines of configurations
//! text       configurations and other long texts of a device
//! count      the number of records of each kind
//! ```
//!
//! Their parts, highest layer first:
//!
//! ```text
//! rows       the rows of a page, from a selection and an order
//! order      sorts rows by a property
//! selection  the records that match all predicates
//! columns    the values of several properties of one record, read in one pass
//! lines      the matching lines of a long text
//! property   resolves a property name
//! session    one snapshot of the inventory: records, referrers, members of pools
//! visibility  the records that the principal can read
//! ```

mod columns;
mod count;
mod instance;
mod lines;
mod list;
mod match_time;
mod order;
mod property;
mod query;
mod request;
mod rows;
mod search;
mod selection;
mod session;
mod text;
mod visibility;

pub(in crate::inventory) use instance::OwnProperties;
pub use request::{
    Criterion, Dialect, Direction, Filter, Flow, InstanceRow, ListRequest, Order, RowSink,
    RowState, SearchRequest, SearchTotals, Text,
};
pub(in crate::inventory) use visibility::{Visibility, relation_target};
