//! One kind of record: the trait, and the macro that generates a kind from the list of its
//! properties.

use std::fmt;

use bincode::{Decode, Encode};

use super::{
    Custom, Kind, KindFacts, Name, Property, PropertyDefault, Record, Referable, Reference,
    Secrets, Slot, TypedSlot, View,
};

/// A kind of record: its typed properties and its custom properties. The macro `entity!` implements
/// it. [`Record`] has the operations on records of any kind.
pub trait Entity:
    Record + Referable + KindFacts + Clone + fmt::Debug + PartialEq + Encode + Decode<()> + Sized
{
    /// The kind whose records have this type.
    const KIND: Kind;

    /// The typed properties, sorted by name.
    const PROPERTIES: &'static [Property];

    /// The slot of each typed property, in the order of [`Entity::PROPERTIES`].
    const SLOTS: &'static [SlotAccess<Self>];

    /// A record without any property, not even a name.
    const EMPTY: Self;

    /// Adds the typed properties that the record holds to `views`.
    fn push_views<'a>(&'a self, secrets: Secrets, views: &mut Vec<(&'a str, View<'a>)>);

    /// Adds every typed property to `views`, as a response shows it, without secrets.
    fn push_shown<'a>(&'a self, views: &mut Vec<(&'a str, View<'a>)>);

    /// All slots, in the order of [`Entity::PROPERTIES`], and the custom properties.
    fn all_slots_mut(&mut self) -> (impl Iterator<Item = &mut dyn Slot>, &mut Custom);

    /// Copies the values of the typed properties of `newer` that are not absent.
    fn merge_slots(&mut self, newer: &mut Self);

    /// Calls `each` with every reference in the slots that are relations. The compiler selects
    /// these slots: most properties are not relations.
    fn relation_references<'a>(&'a self, each: &mut dyn FnMut(Reference<'a>));

    /// The name and the custom properties.
    fn fixed_parts(&self) -> (&Name, &Custom);

    /// The name and the custom properties, to change them.
    fn fixed_parts_mut(&mut self) -> (&mut Name, &mut Custom);

    /// A record without any property but its name.
    fn named(name: Name) -> Self {
        let mut record = Self::EMPTY;
        record.set_name(name);
        record
    }
}

/// The accessors of one slot of a record.
pub struct SlotAccess<E> {
    /// Returns the slot.
    pub get: fn(&E) -> &dyn Slot,
    /// Returns the slot, to change it.
    pub get_mut: fn(&mut E) -> &mut dyn Slot,
}

/// The name of a property on the wire, from the name of its Rust field: `r#type` is `type`.
pub(super) const fn wire_name(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', rest @ ..] => match std::str::from_utf8(rest) {
            Ok(name) => name,
            Err(_) => field,
        },
        _ => field,
    }
}

/// The property that a slot of type `S` holds.
pub(super) const fn property<S: TypedSlot>(
    field: &'static str,
    default: PropertyDefault,
) -> Property {
    Property { name: wire_name(field), type_: S::TYPE, default }
}

/// Generates a kind of record from the list of its properties, which are in alphabetical order. The
/// value after `=` is eNMS's default.
///
/// The order of the fields is the record's format on the disk: `custom` is last.
macro_rules! entity {
    (
        $(#[$doc:meta])*
        $entity:ident {
            $($(#[$field_doc:meta])* $field:ident: $slot:ident $(<$target:ident>)? $(= $default:literal)?,)+
        }
    ) => {
        $(#[$doc])*
        #[allow(missing_docs, reason = "eNMS defines the properties, and its manual describes them")]
        #[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
        pub struct $entity {
            $($(#[$field_doc])* pub $field: $slot $(<$target>)?,)+
            /// The custom properties, by name.
            pub custom: $crate::model::Custom,
        }

        impl $crate::model::Referable for $entity {
            const TARGET: $crate::model::Target =
                $crate::model::Target::Kind($crate::model::Kind::$entity);
        }

        impl $crate::model::Entity for $entity {
            const KIND: $crate::model::Kind = $crate::model::Kind::$entity;

            const PROPERTIES: &'static [$crate::model::Property] = &[
                $($crate::model::entity::property::<$slot $(<$target>)?>(
                    stringify!($field),
                    entity!(@default $slot $($default)?),
                ),)+
            ];

            const SLOTS: &'static [$crate::model::entity::SlotAccess<Self>] = &[
                $($crate::model::entity::SlotAccess {
                    get: |record| &record.$field,
                    get_mut: |record| &mut record.$field,
                },)+
            ];

            const EMPTY: Self = Self {
                $($field: <$slot $(<$target>)? as $crate::model::TypedSlot>::EMPTY,)+
                custom: $crate::model::Custom::new(),
            };

            fn push_views<'a>(
                &'a self,
                secrets: $crate::model::Secrets,
                views: &mut Vec<(&'a str, $crate::model::View<'a>)>,
            ) {
                let mut properties = Self::PROPERTIES.iter();
                $(if let Some(property) = properties.next() {
                    $crate::model::TypedSlot::push_view(&self.$field, property, secrets, views);
                })+
            }

            fn push_shown<'a>(&'a self, views: &mut Vec<(&'a str, $crate::model::View<'a>)>) {
                let mut properties = Self::PROPERTIES.iter();
                $(if let Some(property) = properties.next() {
                    $crate::model::TypedSlot::push_shown(&self.$field, property, views);
                })+
            }

            fn all_slots_mut(
                &mut self,
            ) -> (impl Iterator<Item = &mut dyn $crate::model::Slot>, &mut $crate::model::Custom) {
                let slots = [$(&mut self.$field as &mut dyn $crate::model::Slot),+].into_iter();
                (slots, &mut self.custom)
            }

            fn merge_slots(&mut self, newer: &mut Self) {
                $($crate::model::TypedSlot::merge(&mut self.$field, &mut newer.$field);)+
            }

            fn relation_references<'a>(
                &'a self,
                each: &mut dyn FnMut($crate::model::Reference<'a>),
            ) {
                $(if const {
                    <$slot $(<$target>)? as $crate::model::TypedSlot>::TYPE.relation().is_some()
                } {
                    $crate::model::TypedSlot::references(
                        &self.$field,
                        const { $crate::model::entity::wire_name(stringify!($field)) },
                        each,
                    );
                })+
            }

            fn fixed_parts(&self) -> (&$crate::model::Name, &$crate::model::Custom) {
                (&self.name, &self.custom)
            }

            fn fixed_parts_mut(
                &mut self,
            ) -> (&mut $crate::model::Name, &mut $crate::model::Custom) {
                (&mut self.name, &mut self.custom)
            }
        }
    };
    (@default Text $text:literal) => { $crate::model::PropertyDefault::Text($text) };
    (@default Int $number:literal) => { $crate::model::PropertyDefault::Int($number) };
    (@default Bool $truth:literal) => { $crate::model::PropertyDefault::Bool($truth) };
    (@default Float $number:literal) => { $crate::model::PropertyDefault::Float($number) };
    (@default $slot:ident) => { $crate::model::PropertyDefault::None };
}

pub(super) use entity;
