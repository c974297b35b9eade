//! The list of the kinds of record, and the dispatch from a kind known at run time to its type.

use std::{fmt, ops, str::FromStr};

use super::{
    Credential, Device, Entity, File, Group, InverseName, Link, Network, Pool, Property,
    PropertyDefault, Service, Task, User, WorkflowEdge, nearest,
};

/// A function that is written once and compiled for every kind. [`Kind::dispatch`] calls it with
/// the kind's own type.
pub trait KindVisitor {
    /// The result of the function, the same type for every kind.
    type Output;
    /// Runs the function for the kind whose records have the type `E`.
    fn visit<E: Entity>(self) -> Self::Output;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $code:literal: $variant:ident = $word:literal),+ $(,)?) => {
        /// A type of record. The order is that of eNMS's manual, and of reports.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $variant),+ }

        impl Kind {
            /// Every kind, in the order of reports.
            pub const ALL: [Kind; [$($word),+].len()] = [$(Kind::$variant),+];

            /// The word for this kind on the wire, in documents and in the names of trees.
            pub const fn as_str(self) -> &'static str {
                match self { $(Kind::$variant => $word),+ }
            }

            /// The number of this kind in the store's index of references. Never 0.
            pub const fn code(self) -> u8 {
                match self { $(Kind::$variant => $code),+ }
            }

            /// Returns the kind with this [`code`](Self::code).
            pub const fn of_code(code: u8) -> Option<Kind> {
                match code { $($code => Some(Kind::$variant),)+ _ => None }
            }

            /// The typed properties of this kind's records, sorted by name.
            pub const fn properties(self) -> &'static [Property] {
                match self { $(Kind::$variant => <$variant as Entity>::PROPERTIES),+ }
            }

            /// Other names of properties on the wire, each with the property's name, sorted.
            pub const fn aliases(self) -> &'static [(&'static str, &'static str)] {
                match self { $(Kind::$variant => <$variant as KindFacts>::ALIASES),+ }
            }

            /// The names of this kind's relations as seen from the other side.
            pub const fn inverse_names(self) -> &'static [InverseName] {
                match self { $(Kind::$variant => <$variant as KindFacts>::INVERSE_NAMES),+ }
            }

            /// The long texts that are stored beside this kind's records.
            pub const fn long_texts(self) -> &'static [&'static str] {
                match self { $(Kind::$variant => <$variant as KindFacts>::LONG_TEXTS),+ }
            }

            /// Custom properties that every record of eNMS has, each with its default.
            pub const fn custom_defaults(self) -> &'static [(&'static str, PropertyDefault)] {
                match self { $(Kind::$variant => <$variant as KindFacts>::CUSTOM_DEFAULTS),+ }
            }

            /// The secrets of this kind's records that hold the hash of a password.
            pub const fn password_hashes(self) -> &'static [&'static str] {
                match self { $(Kind::$variant => <$variant as KindFacts>::PASSWORD_HASHES),+ }
            }

            /// Calls `visitor` with the type of this kind's records.
            pub fn dispatch<V: KindVisitor>(self, visitor: V) -> V::Output {
                match self { $(Kind::$variant => visitor.visit::<$variant>()),+ }
            }
        }
    };
}

// The number is the kind's code on the disk. It never changes and is never used again: data
// directories hold it. A new kind takes the next number, wherever it is in the list.
kinds! {
    /// A person who logs in. Records can have users as owners.
    1: User = "user",
    /// A set of users, to which eNMS grants access rights.
    2: Group = "group",
    /// A device of the network, such as a router.
    3: Device = "device",
    /// A file or folder on the disk of an eNMS server; only its description is stored.
    4: File = "file",
    /// A connection between two devices or networks.
    5: Link = "link",
    /// A step of automation in eNMS, or a workflow of such steps.
    6: Service = "service",
    /// A group of devices, links and other networks, which eNMS draws as one map.
    7: Network = "network",
    /// An arrow from one service of a workflow to the next.
    8: WorkflowEdge = "workflow_edge",
    /// A schedule by which eNMS runs a service.
    9: Task = "task",
    /// A user name with a password or key, with which eNMS logs in to devices.
    10: Credential = "credential",
    /// A set of devices and links, listed one by one or computed from criteria.
    11: Pool = "pool",
}

/// Facts about one kind beside its properties. The file of each kind implements them.
pub trait KindFacts {
    /// Other names of properties on the wire, each with the property's name, sorted.
    const ALIASES: &'static [(&'static str, &'static str)] = &[];

    /// The names of this kind's relations as seen from the other side. The first matching entry
    /// counts. A relation without one is called `owned_KINDs` if it is `owners`, and
    /// `RELATION_KINDs` otherwise.
    const INVERSE_NAMES: &'static [InverseName] = &[];

    /// Long texts that are stored beside the records, and not in projects.
    const LONG_TEXTS: &'static [&'static str] = &[];

    /// Custom properties that every record of eNMS has, each with its default. Responses show them;
    /// documents have them only if a client has set them.
    const CUSTOM_DEFAULTS: &'static [(&'static str, PropertyDefault)] = &[];

    /// The secrets that hold the hash of a password, and not the password.
    const PASSWORD_HASHES: &'static [&'static str] = &[];
}

impl Kind {
    /// The position in [`Kind::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The typed property of this name. `None` for a custom property.
    pub fn property(self, name: &str) -> Option<&'static Property> {
        self.position(name).map(|at| &self.properties()[at])
    }

    /// The position of the typed property of this name in [`Kind::properties`].
    pub fn position(self, name: &str) -> Option<usize> {
        self.properties().binary_search_by(|known| known.name.cmp(name)).ok()
    }

    /// The default of a custom property that every record of eNMS has.
    pub fn custom_default(self, name: &str) -> Option<PropertyDefault> {
        let known = self.custom_defaults().iter().find(|(known, _)| *known == name);
        known.map(|(_, default)| *default)
    }

    /// Resolves a name on the wire: an alias to the name of its property, any other name to itself.
    pub fn unaliased(self, name: &str) -> &str {
        let alias = self.aliases().iter().find(|(alias, _)| *alias == name);
        alias.map_or(name, |(_, property)| property)
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

impl schemars::JsonSchema for Kind {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Kind".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "enum": Kind::ALL.map(Kind::as_str)})
    }
}

/// A word that is not the name of a kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{word}' is not a type of instance{}", .nearest.map(|kind| format!(" (did you mean '{kind}'?)")).unwrap_or_default())]
pub struct UnknownKind {
    /// The word as it was given.
    pub word: String,
    /// The kind with the most similar word, if one is similar.
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
    /// Creates the value of each kind with `make`.
    pub fn new(make: impl FnMut(Kind) -> T) -> Self {
        Self(Kind::ALL.map(make))
    }

    /// Creates the value of each kind with `make`, which can fail.
    pub fn try_new<X>(mut make: impl FnMut(Kind) -> Result<T, X>) -> Result<Self, X> {
        let made: Vec<T> = Kind::ALL.into_iter().map(&mut make).collect::<Result<_, X>>()?;
        let mut made = made.into_iter();
        Ok(Self(Kind::ALL.map(|_| made.next().expect("one was made for every kind"))))
    }

    /// Kinds and their `T`, in the order of [`Kind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &T)> {
        Kind::ALL.into_iter().zip(&self.0)
    }

    /// Kinds and their `T`, to change it, in the order of [`Kind::ALL`].
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Kind, &mut T)> {
        Kind::ALL.into_iter().zip(&mut self.0)
    }

    /// Converts the value of each kind.
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
    fn every_word_parses_to_its_kind() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    /// The codes are in every data directory.
    #[test]
    fn the_codes_of_kinds_do_not_change() {
        let codes = [
            ("user", 1),
            ("group", 2),
            ("device", 3),
            ("file", 4),
            ("link", 5),
            ("service", 6),
            ("network", 7),
            ("workflow_edge", 8),
            ("task", 9),
            ("credential", 10),
            ("pool", 11),
        ];
        for (word, code) in codes {
            assert_eq!(word.parse::<Kind>().unwrap().code(), code, "{word}");
        }
        let mut used = std::collections::HashSet::new();
        for kind in Kind::ALL {
            assert!(kind.code() > 0 && used.insert(kind.code()), "{kind}");
            assert_eq!(Kind::of_code(kind.code()), Some(kind));
        }
        assert_eq!(Kind::of_code(0), None);
    }

    #[test]
    fn a_misspelt_word_suggests_a_kind() {
        assert_eq!("divice".parse::<Kind>().unwrap_err().nearest, Some(Kind::Device));
        assert_eq!("banana".parse::<Kind>().unwrap_err().nearest, None);
    }
}
