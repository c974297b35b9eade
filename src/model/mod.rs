//! The kinds of record, their properties and relations. Pure data: no I/O, no async, and neither
//! hyper nor sled.
//!
//! [`Kind`] lists the kinds. Each kind's file lists its properties and states its facts. [`Record`]
//! is a record of any kind, and [`Entity`] one whose type is known to the compiler.

mod comparison;
mod criteria;
mod custom;
mod enms_loss;
mod entity;
mod expression;
mod file_name;
mod folded;
mod instance_type;
mod inverse_relation;
mod ip_text;
mod kind;
pub mod limits;
mod look_alike;
mod name;
mod nearest;
mod networks;
mod projection;
mod property;
mod property_value;
pub mod python;
mod record;
mod reference;
mod rule;
mod secret;
mod secret_name;
mod secret_names;
mod slot;
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

pub use comparison::Comparison;
pub use credential::Credential;
pub use criteria::{Criteria, CriterionError, Side};
pub use custom::{Custom, CustomSecret, CustomValue, can_be_secret};
pub use device::Device;
pub use enms_loss::{EnmsLoss, is_gateway};
pub use entity::Entity;
pub use expression::{Anchors, Expression, OutOfTime, RegexFault};
pub use file::File;
pub use file_name::{
    FILE_NAME_CHARACTERS_MAX, FileNameProblem, check_file_name, is_file_name_character,
};
pub use folded::{folded, folded_words};
pub use group::Group;
pub use instance_type::InstanceType;
pub use inverse_relation::{Holder, InverseName, InverseRelation, InverseRelations, arity};
pub use ip_text::{IpText, NoAddress};
pub use kind::{Kind, KindFacts, KindVisitor, PerKind, UnknownKind};
pub use limits::{NAME_BYTES_MAX, OverLimit, VALUE_DEPTH_MAX, check_limits};
pub use link::Link;
pub use look_alike::{
    Difference, difference, frequent_spellings, is_latin, is_of_similar_alphabet, look_alike_key,
};
pub use name::Name;
pub use nearest::nearest;
pub use network::Network;
pub use networks::Networks;
pub use pool::{Membership, Pool};
pub use projection::{Projected, Projection, PropertyPosition, project};
pub use property::{Fit, Property, PropertyDefault, PropertyType, Refused};
pub use property_value::PropertyValue;
pub use record::{AnyRecord, InvalidRecord, Parsed, Record, Secrets, Violation};
pub use reference::{Arity, Node, Ref, Referable, Reference, Target};

pub use rule::Rule;
pub use secret::{Secret, SecretMut};
pub use secret_name::{USUAL_NAMES_REVISION, indicates_secret};
pub use secret_names::{InvalidSecretNames, SecretNames};
pub use service::Service;
pub use slot::{
    Any, Bool, Field, Float, Hidden, Int, Many, One, References, Slot, Text, TypedSlot,
};
pub use task::Task;
pub use text::{property_view, text_of};
pub use user::User;
pub use value::{Map, Shared, Value};
pub use view::View;
pub use workflow_edge::WorkflowEdge;

#[cfg(test)]
mod tests;
