//! References from a record to another record. A reference is stored in the record whose project
//! document contains it.

use std::{fmt, marker::PhantomData};

use bincode::{
    Decode, Encode,
    de::Decoder,
    enc::Encoder,
    error::{DecodeError, EncodeError},
};

use super::Kind;

/// The kinds to whose records a reference can point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The records of one kind.
    Kind(Kind),
    /// eNMS's node: a device or a network, which share one name space.
    Node,
}

impl Target {
    /// The kinds of the target: one, or the two kinds of nodes.
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Target::Node => &[Kind::Device, Kind::Network],
            Target::Kind(kind) => &Kind::ALL[kind.index()..=kind.index()],
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Node => out.write_str("device or network"),
            Target::Kind(kind) => kind.fmt(out),
        }
    }
}

/// Tells whether a relation refers to one record or to a list. It decides what happens to a
/// dangling reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// A relation to one record. A record with a dangling reference is rejected. Removing the
    /// target removes the record.
    One,
    /// A relation to a list of records. The names of dangling references, and of targets that are
    /// removed, are removed from the list.
    Many,
}

/// A type to which a reference can point: each kind's record, and [`Node`].
pub trait Referable: 'static {
    /// The kinds of the records that have this type.
    const TARGET: Target;
}

/// A device or a network, as a link's end or a network's member.
#[derive(Clone, Copy, Debug)]
pub enum Node {}

impl Referable for Node {
    const TARGET: Target = Target::Node;
}

/// The name of a record of type `E`. In a relation to one record, an empty name means none.
pub struct Ref<E> {
    name: String,
    target: PhantomData<fn() -> E>,
}

impl<E: Referable> Ref<E> {
    /// Refers to the record of this name, which does not have to exist.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), target: PhantomData }
    }

    /// The name of the record.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<E> Clone for Ref<E> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), target: PhantomData }
    }
}

impl<E> PartialEq for Ref<E> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl<E> fmt::Debug for Ref<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(out)
    }
}

impl<E> Encode for Ref<E> {
    fn encode<C: Encoder>(&self, encoder: &mut C) -> Result<(), EncodeError> {
        self.name.encode(encoder)
    }
}

impl<E, Context> Decode<Context> for Ref<E> {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Ok(Self { name: String::decode(decoder)?, target: PhantomData })
    }
}

bincode::impl_borrow_decode!(Ref<E>, E);

/// One reference of a record, without its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The property that holds it.
    pub relation: &'static str,
    /// The kinds that the record with the name can have.
    pub target: Target,
    /// Whether the property holds one reference or a list.
    pub arity: Arity,
    /// The name of the record. Never empty.
    pub name: &'a str,
}
