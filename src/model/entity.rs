//! What every kind of record has in common, and the macro that gives it to a kind from the list
//! of its properties.

use std::{collections::BTreeMap, fmt};

use bincode::{Decode, Encode, de::BorrowDecoder, error::DecodeError};

use super::{
    AnyRecord, Kind, Name, Projected, Projection, Property, Record, Referable, Rule, Value, View,
};

/// One kind of record: typed properties, and beside them the site's own. What needs no type is in
/// [`Record`].
pub trait Entity:
    Record + Referable + Clone + fmt::Debug + PartialEq + Encode + Decode<()> + Sized
{
    const KIND: Kind;

    /// The typed properties, sorted by name.
    const PROPERTIES: &'static [Property];

    /// A record that says nothing, not even its name.
    const EMPTY: Self;

    /// A record that says nothing but its name.
    fn named(name: Name) -> Self {
        let mut record = Self::EMPTY;
        record.set_name(name);
        record
    }

    /// What the bytes of a record hold in some projection, in the projection' order: what
    /// [`Record::view`] would show of the whole record. Nothing else is made of the bytes, and
    /// they are read no further than to the last place.
    ///
    /// # Errors
    /// What bincode has to say of bytes that are no such record.
    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
        projection: &Projection,
    ) -> Result<Vec<Option<Projected<'a>>>, DecodeError>;
}

/// A record, and the properties whose values came in another type.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    pub record: AnyRecord,
    pub converted: Vec<String>,
}

/// Why there is no record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InvalidRecord {
    /// The record's name, where that could be read.
    pub name: Option<String>,
    /// Never empty.
    pub violations: Vec<Violation>,
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    pub property: Option<String>,
    /// The value, where there is one and it is no secret.
    pub value: Option<Value>,
    pub rule: Rule,
}

/// Joins two sorted lists of views into one.
pub(super) fn join_views<'a>(
    typed: Vec<(&'static str, View<'a>)>,
    custom: &'a BTreeMap<String, Value>,
) -> Vec<(&'a str, View<'a>)> {
    if custom.is_empty() {
        return typed;
    }
    let mut joined = Vec::with_capacity(typed.len() + custom.len());
    let mut custom = custom.iter().peekable();
    for (name, view) in typed {
        while let Some((key, value)) = custom.next_if(|(key, _)| key.as_str() < name) {
            joined.push((key.as_str(), View::Value(value)));
        }
        joined.push((name, view));
    }
    joined.extend(custom.map(|(key, value)| (key.as_str(), View::Value(value))));
    joined
}

/// The wire's spelling of a Rust field: `r#type` is `type`.
pub(super) const fn wire_name(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', rest @ ..] => match std::str::from_utf8(rest) {
            Ok(name) => name,
            Err(_) => field,
        },
        _ => field,
    }
}

/// Makes a kind of record from the list of its properties, which are in alphabetical order; a
/// value behind `=` is eNMS's default.
macro_rules! entity {
    (
        $(#[$doc:meta])*
        $entity:ident {
            $($(#[$field_doc:meta])* $field:ident: $slot:ident $(<$target:ident>)? $(= $default:literal)?,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $entity {
            $($(#[$field_doc])* pub $field: $slot $(<$target>)?,)+
            /// The site's own properties, by name.
            pub custom: std::collections::BTreeMap<String, $crate::model::Value>,
        }

        impl $crate::model::Referable for $entity {
            const TARGET: $crate::model::Target =
                $crate::model::Target::Kind($crate::model::Kind::$entity);
        }

        impl $crate::model::Entity for $entity {
            const KIND: $crate::model::Kind = $crate::model::Kind::$entity;

            const PROPERTIES: &'static [$crate::model::Property] = &[$(
                $crate::model::Property {
                    name: $crate::model::entity::wire_name(stringify!($field)),
                    type_: <$slot $(<$target>)? as $crate::model::Slot>::TYPE,
                    default: entity!(@default $slot $($default)?),
                },
            )+];

            const EMPTY: Self = Self {
                $($field: <$slot $(<$target>)? as $crate::model::Slot>::EMPTY,)+
                custom: std::collections::BTreeMap::new(),
            };

            fn project<'a, D: bincode::de::BorrowDecoder<'a, Context = ()>>(
                body: &mut D,
                projection: &$crate::model::Projection,
            ) -> Result<Vec<Option<$crate::model::Projected<'a>>>, bincode::error::DecodeError> {
                use $crate::model::Slot;
                let mut walk = $crate::model::projection::Walk::new(projection);
                if projection.is_empty() {
                    return Ok(walk.found());
                }
                let mut position = 0;
                $(
                    if walk.wants(position) {
                        let found = <$slot $(<$target>)? as Slot>::project(body)?;
                        if walk.take(found) {
                            return Ok(walk.found());
                        }
                    } else {
                        <$slot $(<$target>)? as Slot>::skip(body)?;
                    }
                    position += 1;
                )+
                let _ = position;
                walk.custom(body)
            }
        }

        impl Clone for $entity {
            fn clone(&self) -> Self {
                use $crate::model::Slot;
                let mut copy = <Self as $crate::model::Entity>::EMPTY;
                $(copy.$field.copy(&self.$field);)+
                copy.custom = self.custom.clone();
                copy
            }
        }

        impl PartialEq for $entity {
            fn eq(&self, other: &Self) -> bool {
                use $crate::model::Slot;
                $(self.$field.is_same(&other.$field) &&)+ self.custom == other.custom
            }
        }

        impl bincode::Encode for $entity {
            fn encode<E: bincode::enc::Encoder>(
                &self,
                body: &mut E,
            ) -> Result<(), bincode::error::EncodeError> {
                use $crate::model::Slot;
                $(self.$field.encode_to(body)?;)+
                self.custom.encode(body)
            }
        }

        impl bincode::Decode<()> for $entity {
            fn decode<D: bincode::de::Decoder<Context = ()>>(
                body: &mut D,
            ) -> Result<Self, bincode::error::DecodeError> {
                use $crate::model::Slot;
                let mut record = <Self as $crate::model::Entity>::EMPTY;
                $(record.$field.decode_from(body)?;)+
                record.custom = bincode::Decode::decode(body)?;
                Ok(record)
            }
        }

        impl $crate::model::Record for $entity {
            fn kind(&self) -> $crate::model::Kind {
                <Self as $crate::model::Entity>::KIND
            }

            fn name(&self) -> &$crate::model::Name {
                &self.name
            }

            fn set_name(&mut self, name: $crate::model::Name) {
                self.name = name;
            }

            fn set(
                &mut self,
                property: &str,
                value: $crate::model::Value,
            ) -> Result<$crate::model::Fit, $crate::model::Refused> {
                use $crate::model::Slot;
                let at = $crate::model::Kind::$entity.position(property);
                entity!(@return at self [$($field)+] fill (value));
                self.custom.insert(property.to_owned(), value);
                Ok($crate::model::Fit::Exact)
            }

            fn views(
                &self,
                secrets: $crate::model::Secrets,
            ) -> Vec<(&str, $crate::model::View<'_>)> {
                use $crate::model::Slot;
                let properties = <Self as $crate::model::Entity>::PROPERTIES;
                let mut typed = Vec::with_capacity(properties.len());
                $(self.$field.push_view(
                    const { $crate::model::entity::wire_name(stringify!($field)) },
                    secrets,
                    &mut typed,
                );)+
                $crate::model::entity::join_views(typed, &self.custom)
            }

            fn view(&self, property: &str) -> Option<$crate::model::View<'_>> {
                use $crate::model::{Secrets, Slot};
                let at = $crate::model::Kind::$entity.position(property);
                entity!(@return at self [$($field)+] view (Secrets::LeftOut));
                self.custom.get(property).map($crate::model::View::Value)
            }

            fn shown(&self) -> Vec<(&str, $crate::model::View<'_>)> {
                use $crate::model::Slot;
                let properties = <Self as $crate::model::Entity>::PROPERTIES;
                let mut typed = Vec::with_capacity(properties.len());
                let mut position = 0;
                $(
                    self.$field.push_shown(&properties[position], &mut typed);
                    position += 1;
                )+
                let _ = position;
                $crate::model::entity::join_views(typed, &self.custom)
            }

            fn custom(&self) -> &std::collections::BTreeMap<String, $crate::model::Value> {
                &self.custom
            }

            fn references<'a>(&'a self, each: &mut dyn FnMut($crate::model::Reference<'a>)) {
                use $crate::model::Slot;
                $(if const { <$slot $(<$target>)? as Slot>::TYPE.relation().is_some() } {
                    self.$field.references(
                        const { $crate::model::entity::wire_name(stringify!($field)) },
                        each,
                    );
                })+
            }

            fn remove_references(&mut self, relation: &str, gone: &dyn Fn(&str) -> bool) -> bool {
                use $crate::model::Slot;
                let at = $crate::model::Kind::$entity.position(relation);
                entity!(@return at self [$($field)+] strike (gone));
                false
            }

            fn rename(&mut self, relation: &str, from: &str, to: &str) -> bool {
                use $crate::model::Slot;
                let at = $crate::model::Kind::$entity.position(relation);
                entity!(@return at self [$($field)+] rename (from, to));
                false
            }

            fn secrets(&mut self) -> Vec<(&'static str, &mut $crate::model::Secret)> {
                use $crate::model::Slot;
                let mut secrets = Vec::new();
                $(if const { <$slot $(<$target>)? as Slot>::TYPE.is_secret() }
                    && let Some(secret) = self.$field.secret()
                {
                    secrets.push((
                        const { $crate::model::entity::wire_name(stringify!($field)) },
                        secret,
                    ));
                })+
                secrets
            }

            fn merge(&mut self, newer: $crate::model::AnyRecord) {
                use $crate::model::Slot;
                if let Some(mut newer) = newer.into_kind::<Self>() {
                    $(self.$field.merge(&mut newer.$field);)+
                    self.custom.append(&mut newer.custom);
                }
            }

            fn to_any(&self) -> $crate::model::AnyRecord {
                $crate::model::AnyRecord::from(self.clone())
            }

            fn is(&self, other: &dyn $crate::model::Record) -> bool {
                other.of_kind::<Self>().is_some_and(|other| self == other)
            }

            fn to_bytes(&self) -> Result<Vec<u8>, bincode::error::EncodeError> {
                bincode::encode_to_vec(self, bincode::config::standard())
            }
        }
    };
    // Returns what a method says of the property at a position; goes on where there is none.
    (@return $at:ident $record:ident [$($field:ident)+] $method:ident $arguments:tt) => {
        let mut position = 0;
        $(
            if $at == Some(position) {
                return $record.$field.$method $arguments;
            }
            position += 1;
        )+
        let _ = position;
    };
    (@default $slot:ident) => { $crate::model::PropertyDefault::None };
    (@default $slot:ident $default:literal) => { $crate::model::PropertyDefault::$slot($default) };
}

pub(super) use entity;
