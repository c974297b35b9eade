//! The list of the eleven kinds of record, and the step from a kind known at run time to its type.

use std::{fmt, ops, str::FromStr};

use super::{
    Credential, Device, Entity, File, Group, Link, Network, Pool, Property, Service, Task, User,
    WorkflowEdge, nearest,
};

/// Work that is written once for every kind. [`Kind::dispatch`] calls it with the kind's own type.
pub trait KindVisitor {
    type Output;
    fn visit<E: Entity>(self) -> Self::Output;
}

macro_rules! kinds {
    ($($variant:ident = $word:literal),+ $(,)?) => {
        /// One of the types of record. The order is that of the manual, and of reports.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($variant),+ }

        impl Kind {
            pub const ALL: [Kind; [$($word),+].len()] = [$(Kind::$variant),+];

            /// The word for this kind on the wire and on the disk.
            pub const fn as_str(self) -> &'static str {
                match self { $(Kind::$variant => $word),+ }
            }

            /// The typed properties of this kind's records, sorted by name.
            pub const fn properties(self) -> &'static [Property] {
                match self { $(Kind::$variant => <$variant as Entity>::PROPERTIES),+ }
            }

            /// Calls `visitor` with the type of this kind's records.
            pub fn dispatch<V: KindVisitor>(self, visitor: V) -> V::Output {
                match self { $(Kind::$variant => visitor.visit::<$variant>()),+ }
            }
        }
    };
}

kinds! {
    User = "user",
    Group = "group",
    Device = "device",
    File = "file",
    Link = "link",
    Service = "service",
    Network = "network",
    WorkflowEdge = "workflow_edge",
    Task = "task",
    Credential = "credential",
    Pool = "pool",
}

impl Kind {
    /// The position in [`Kind::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The typed property of this name; none, where it would be one of the site's own.
    pub fn property(self, name: &str) -> Option<&'static Property> {
        self.position(name).map(|at| &self.properties()[at])
    }

    /// The position of the typed property of this name among [`Kind::properties`].
    pub fn position(self, name: &str) -> Option<usize> {
        self.properties().binary_search_by(|known| known.name.cmp(name)).ok()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl serde::Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A word that is no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{word}' is not a type of instance{}", .nearest.map(|kind| format!(" (did you mean '{kind}'?)")).unwrap_or_default())]
pub struct UnknownKind {
    pub word: String,
    /// The kind whose word is near, where one is.
    pub nearest: Option<Kind>,
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| UnknownKind {
            word: word.to_owned(),
            nearest: nearest(word, Kind::ALL.iter().map(|kind| kind.as_str()))
                .and_then(|near| Kind::ALL.into_iter().find(|kind| kind.as_str() == near)),
        })
    }
}

/// One `T` for every kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerKind<T>([T; Kind::ALL.len()]);

impl<T> PerKind<T> {
    /// Makes each kind's `T` with `make`.
    pub fn new(make: impl FnMut(Kind) -> T) -> Self {
        Self(Kind::ALL.map(make))
    }

    /// Makes each kind's `T` with a `make` that can fail.
    pub fn try_new<X>(mut make: impl FnMut(Kind) -> Result<T, X>) -> Result<Self, X> {
        let made: Vec<T> = Kind::ALL.into_iter().map(&mut make).collect::<Result<_, X>>()?;
        let mut made = made.into_iter();
        Ok(Self(Kind::ALL.map(|_| made.next().expect("one was made for every kind"))))
    }

    /// Kinds and their `T`, in the order of [`Kind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &T)> {
        Kind::ALL.into_iter().zip(&self.0)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Kind, &mut T)> {
        Kind::ALL.into_iter().zip(&mut self.0)
    }

    pub fn map<'a, U>(&'a self, mut make: impl FnMut(Kind, &'a T) -> U) -> PerKind<U> {
        PerKind::new(|kind| make(kind, &self[kind]))
    }
}

impl<T> ops::Index<Kind> for PerKind<T> {
    type Output = T;
    fn index(&self, kind: Kind) -> &T {
        &self.0[kind.index()]
    }
}

impl<T> ops::IndexMut<Kind> for PerKind<T> {
    fn index_mut(&mut self, kind: Kind) -> &mut T {
        &mut self.0[kind.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    #[test]
    fn a_near_word_is_suggested() {
        assert_eq!("divice".parse::<Kind>().unwrap_err().nearest, Some(Kind::Device));
        assert_eq!("banana".parse::<Kind>().unwrap_err().nearest, None);
    }
}
