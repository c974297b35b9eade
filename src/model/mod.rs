//! What exists: the eleven kinds of record, their properties and relations. Pure data: no I/O, no
//! async, and neither hyper nor sled.
//!
//! [`Kind`] lists the kinds; each kind's file lists its properties; [`Record`] is what all of them
//! have in common, and [`Entity`] a record whose type is known.

mod comparison;
mod criteria;
mod entity;
mod field;
mod file_name;
mod kind;
pub mod limits;
mod name;
mod nearest;
mod projection;
pub mod python;
mod record;
mod reference;
mod relation;
mod rule;
mod secret;
mod text;
mod value;
mod view;

mod credential;
mod device;
mod file;
mod group;
mod link;
mod network;
mod pool;
mod service;
mod task;
mod user;
mod workflow_edge;

pub use comparison::{Anchors, Comparison, RegexFault};
pub use credential::Credential;
pub use criteria::{Criteria, CriterionError, Side};
pub use device::Device;
pub use entity::{Entity, InvalidRecord, Parsed, Violation};
pub use field::{
    Any, Bool, Field, Fit, Float, Hidden, Int, Many, One, Property, PropertyDefault, PropertyType,
    PropertyValue, Refused, Slot, Text,
};
pub use file::File;
pub use file_name::{
    FILE_NAME_CHARACTERS_MAX, FileNameProblem, check_file_name, is_file_name_character,
};
pub use group::Group;
pub use kind::{Kind, KindVisitor, PerKind, UnknownKind};
pub use limits::{NAME_BYTES_MAX, OverLimit, VALUE_DEPTH_MAX, check_limits};
pub use link::Link;
pub use name::Name;
pub use nearest::nearest;
pub use network::Network;
pub use pool::{Membership, Pool};
pub use projection::{Projected, Projection, PropertyPosition};
pub use record::{AnyRecord, Record, Secrets};
pub use reference::{Arity, Node, Ref, Referable, Reference, Target};
pub use relation::{Holder, InverseRelation, InverseRelations, aliases, arity, unaliased};
pub use rule::Rule;
pub use secret::Secret;
pub use service::Service;
pub use task::Task;
pub use text::{property_view, text_of};
pub use user::User;
pub use value::{Map, Shared, Value};
pub use view::View;
pub use workflow_edge::WorkflowEdge;

#[cfg(test)]
mod tests;
