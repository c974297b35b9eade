//! Reads single properties of an encoded record.
//!
//! bincode stores a record's properties one after the other, without their positions. A projection
//! skips the other properties without allocating memory. So a query over a million records decodes
//! only the matching records.

use std::cmp::Ordering;

use bincode::{
    BorrowDecode, Decode,
    de::{BorrowDecoder, Decoder},
    error::DecodeError,
};

use super::{CustomValue, Kind, Property, PropertyType, Value, View};

/// The position of a property in the records of a kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PropertyPosition {
    /// The position among the kind's [`Kind::properties`].
    Typed(usize),
    /// A custom property, by name.
    Custom(String),
}

impl PropertyPosition {
    /// The position of a property. It is a custom one if the kind has no property of this name.
    pub fn of(kind: Kind, property: &str) -> Self {
        match kind.position(property) {
            Some(position) => PropertyPosition::Typed(position),
            None => PropertyPosition::Custom(property.to_owned()),
        }
    }
}

/// The properties to decode, in the order of the record's bytes, none of them twice.
#[derive(Clone, Debug, Default)]
pub struct Projection(Vec<PropertyPosition>);

impl Projection {
    /// Sorts the positions and removes repeated ones.
    pub fn new(mut positions: Vec<PropertyPosition>) -> Self {
        positions.sort_unstable();
        positions.dedup();
        Self(positions)
    }

    /// The index of a property among those of the projection.
    pub fn position(&self, property: &PropertyPosition) -> Option<usize> {
        self.0.binary_search(property).ok()
    }

    /// The number of its properties.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether it has no property.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A property that was decoded.
#[derive(Clone, Debug)]
pub enum Projected<'a> {
    /// A scalar or a list of names, borrowed from the bytes of the record.
    View(View<'a>),
    /// A tree, which cannot be borrowed from the bytes.
    Value(Value),
}

impl Projected<'_> {
    /// The property, borrowed.
    pub fn view(&self) -> View<'_> {
        match self {
            Projected::View(view) => view.clone(),
            Projected::Value(value) => View::Value(value),
        }
    }
}

/// Decodes the properties of a projection from the bytes of a record of this kind: one entry for
/// each, in the projection's order, as [`Record::view`](super::Record::view) would show it of the
/// whole record. Reads no further than the last property of the projection.
///
/// # Errors
/// `DecodeError` for bytes that are not a record of this kind.
pub fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
    kind: Kind,
    body: &mut D,
    projection: &Projection,
) -> Result<Vec<Option<Projected<'a>>>, DecodeError> {
    let mut walk = Walk::new(projection);
    if projection.is_empty() {
        return Ok(walk.found());
    }
    for (position, property) in kind.properties().iter().enumerate() {
        if !walk.wants(position) {
            skip_slot(property, body)?;
        } else if walk.take(project_slot(property, body)?) {
            return Ok(walk.found());
        }
    }
    walk.custom(body)
}

/// Tells whether a value follows in an encoded slot, and whether the slot is null without one. The
/// name's slot has no mark, because every record has a name.
enum SlotState {
    Absent,
    Null,
    Set,
}

fn decode_slot_state<D: Decoder>(
    property: &Property,
    body: &mut D,
) -> Result<SlotState, DecodeError> {
    if property.type_ == PropertyType::Name {
        return Ok(SlotState::Set);
    }
    match decode_variant(body)? {
        0 => Ok(SlotState::Absent),
        1 => Ok(SlotState::Null),
        2 => Ok(SlotState::Set),
        _ => Err(DecodeError::Other("a property is neither absent nor null nor set")),
    }
}

/// Skips an encoded slot.
fn skip_slot<'a, D: BorrowDecoder<'a, Context = ()>>(
    property: &Property,
    body: &mut D,
) -> Result<(), DecodeError> {
    match decode_slot_state(property, body)? {
        SlotState::Absent | SlotState::Null => Ok(()),
        SlotState::Set => match property.type_ {
            PropertyType::Name
            | PropertyType::Text
            | PropertyType::One(_)
            | PropertyType::Secret => skip_text(body),
            PropertyType::Int => i64::decode(body).map(drop),
            PropertyType::Bool => bool::decode(body).map(drop),
            PropertyType::Float => f64::decode(body).map(drop),
            PropertyType::Any => Value::skip(body),
            PropertyType::Many(_) => (0..u64::decode(body)?).try_for_each(|_| skip_text(body)),
        },
    }
}

/// Decodes a slot. `None` for one that is absent or holds a secret.
fn project_slot<'a, D: BorrowDecoder<'a, Context = ()>>(
    property: &Property,
    body: &mut D,
) -> Result<Option<Projected<'a>>, DecodeError> {
    let view = match decode_slot_state(property, body)? {
        SlotState::Absent => return Ok(None),
        SlotState::Null => View::Null,
        SlotState::Set => match property.type_ {
            PropertyType::Name | PropertyType::Text | PropertyType::One(_) => {
                View::Text(<&'a str>::borrow_decode(body)?)
            }
            PropertyType::Int => View::Int(i64::decode(body)?),
            PropertyType::Bool => View::Bool(bool::decode(body)?),
            PropertyType::Float => View::Float(f64::decode(body)?),
            PropertyType::Any => return Ok(Some(Projected::Value(Value::decode(body)?))),
            PropertyType::Many(_) => {
                let names = (0..u64::decode(body)?).map(|_| <&'a str>::borrow_decode(body));
                View::Texts(names.collect::<Result<_, _>>()?)
            }
            PropertyType::Secret => return skip_text(body).map(|()| None),
        },
    };
    Ok(Some(Projected::View(view)))
}

/// The state of reading one record.
struct Walk<'p, 'a> {
    /// The properties that are still to be decoded.
    wanted: &'p [PropertyPosition],
    /// The decoded properties.
    found: Vec<Option<Projected<'a>>>,
}

impl<'p, 'a> Walk<'p, 'a> {
    fn new(projection: &'p Projection) -> Self {
        Self { wanted: &projection.0, found: Vec::with_capacity(projection.0.len()) }
    }

    /// Returns whether the typed property at this position is the next one to decode.
    fn wants(&self, position: usize) -> bool {
        matches!(self.wanted.first(), Some(PropertyPosition::Typed(wanted)) if *wanted == position)
    }

    /// Adds the next property. Returns whether it was the last one.
    fn take(&mut self, found: Option<Projected<'a>>) -> bool {
        self.found.push(found);
        self.wanted = self.wanted.get(1..).unwrap_or_default();
        self.wanted.is_empty()
    }

    fn found(self) -> Vec<Option<Projected<'a>>> {
        self.found
    }

    /// Decodes the custom properties, which are last in a record and sorted by name.
    fn custom<D: BorrowDecoder<'a, Context = ()>>(
        mut self,
        body: &mut D,
    ) -> Result<Vec<Option<Projected<'a>>>, DecodeError> {
        let mut left = u64::decode(body)?;
        let mut next = None;
        loop {
            let wanted = match self.wanted.first() {
                None => return Ok(self.found()),
                Some(PropertyPosition::Custom(wanted)) => wanted.as_str(),
                // Cannot happen: every typed property of the kind was skipped.
                Some(PropertyPosition::Typed(_)) => "",
            };
            if next.is_none() && left > 0 {
                next = Some(<&'a str>::borrow_decode(body)?);
                left -= 1;
            }
            match next.map(|key| key.cmp(wanted)) {
                Some(Ordering::Less) => {
                    CustomValue::skip(body)?;
                    next = None;
                }
                Some(Ordering::Equal) => {
                    self.take(CustomValue::decode_shown(body)?.map(Projected::Value));
                    next = None;
                }
                // The record does not have it: the names are sorted.
                Some(Ordering::Greater) | None => {
                    self.take(None);
                }
            }
        }
    }
}

/// Skips a text or bytes.
pub(super) fn skip_text<'a, D: BorrowDecoder<'a>>(body: &mut D) -> Result<(), DecodeError> {
    <&'a [u8]>::borrow_decode(body).map(drop)
}

/// The number of the variant of an enum that follows. bincode writes a number below 251 as one byte,
/// and no enum of a record has as many variants.
pub(super) fn decode_variant<D: Decoder>(body: &mut D) -> Result<u8, DecodeError> {
    u8::decode(body)
}

#[cfg(test)]
mod tests {
    use bincode::{config, de::DecoderImpl, de::read::SliceReader};
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Entity, KindVisitor, Map, Name, PropertyType, Secrets, Shared};

    const CONFIG: config::Configuration<
        config::LittleEndian,
        config::Varint,
        config::Limit<65536>,
    > = config::standard().with_limit::<65536>();

    fn project<'a, E: Entity>(
        bytes: &'a [u8],
        projection: &Projection,
    ) -> Result<Vec<Option<Projected<'a>>>, DecodeError> {
        let mut decoder = DecoderImpl::new(SliceReader::new(bytes), CONFIG, ());
        super::project(E::KIND, &mut decoder, projection)
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_map(Value::Float),
            Just(Value::BigInt("99999999999999999999".to_owned())),
            ".{0,6}".prop_map(Value::Text),
            Just(Value::Timestamp("2026-11-23".to_owned())),
            prop::collection::vec(any::<u8>(), 0..5).prop_map(Value::Binary),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Tuple),
                inner
                    .clone()
                    .prop_map(|value| Value::Shared(Shared { label: 300, value: value.into() })),
                prop::collection::vec(inner, 0..3).prop_map(|values| {
                    let entries = values.into_iter().enumerate();
                    Value::Map(Map::from_entries(
                        entries.map(|(key, value)| (Value::Int(key as i64), value)).collect(),
                    ))
                }),
            ]
        })
    }

    /// The content of a property in a test.
    #[derive(Clone, Debug)]
    struct Given {
        /// Absent, null, or a value.
        state: u8,
        text: String,
        number: i64,
        value: Value,
    }

    fn given() -> impl Strategy<Value = Given> {
        (0u8..4, ".{0,300}", any::<i64>(), values())
            .prop_map(|(state, text, number, value)| Given { state, text, number, value })
    }

    /// Fills a record by the recipe, and compares every projection with the complete record.
    struct Agrees<'g> {
        given: &'g [Given],
        custom: &'g [(String, Value)],
        picks: &'g [usize],
    }

    impl KindVisitor for Agrees<'_> {
        type Output = ();
        fn visit<E: Entity>(self) {
            let mut record = E::named(Name::parse("R 1% é>b".to_owned()).unwrap());
            for (property, given) in E::PROPERTIES.iter().zip(self.given.iter().cycle()) {
                let text = Value::from(given.text.as_str());
                // The one character that a reference never contains.
                let name = Value::from(given.text.replace('\0', "_"));
                let value = match (property.type_, given.state) {
                    (PropertyType::Name, _) | (_, 0) => continue,
                    (_, 1) => Value::Null,
                    (PropertyType::Text | PropertyType::Secret, _) => text,
                    (PropertyType::Int, _) => Value::Int(given.number),
                    (PropertyType::Bool, _) => Value::Bool(given.number % 2 == 0),
                    (PropertyType::Float, _) => Value::Float(given.number as f64 / 7.0),
                    (PropertyType::Any, _) => given.value.clone(),
                    (PropertyType::One(_), _) => name,
                    (PropertyType::Many(_), _) if given.text.is_empty() => Value::List(vec![]),
                    (PropertyType::Many(_), _) => Value::List(vec![name.clone(), name]),
                };
                record.set(property.name, value).unwrap();
            }
            for (name, value) in self.custom {
                if E::PROPERTIES.iter().all(|property| property.name != name) {
                    record.set(name, value.clone()).unwrap();
                }
            }
            record.hide_custom(&|name| name.len() % 2 == 0);
            for (_, mut secret) in record.secrets() {
                secret.set_encrypted(vec![7; 300]);
            }
            let bytes = bincode::encode_to_vec(&record, config::standard()).unwrap();
            let mut names: Vec<&str> = E::PROPERTIES.iter().map(|property| property.name).collect();
            names.extend(self.custom.iter().map(|(name, _)| name.as_str()));
            names.extend(["", "a", "zz_nobody", "\u{10ffff}"]);
            let shown = |name: &str| record.view(name).map(|view| view.to_value());
            let seen =
                |probed: &Option<Projected<'_>>| probed.as_ref().map(|p| p.view().to_value());
            let projection = |names: &[&str]| {
                Projection::new(names.iter().map(|n| PropertyPosition::of(E::KIND, n)).collect())
            };
            // Each property alone, some together, and all.
            for name in &names {
                let found = project::<E>(&bytes, &projection(&[name])).unwrap();
                assert_eq!(seen(&found[0]), shown(name), "{} {name}", E::KIND);
            }
            let some: Vec<&str> = self.picks.iter().map(|pick| names[pick % names.len()]).collect();
            for names in [&some, &names] {
                let projection = projection(names);
                let found = project::<E>(&bytes, &projection).unwrap();
                assert_eq!(found.len(), projection.len());
                for name in names {
                    let at = projection.position(&PropertyPosition::of(E::KIND, name)).unwrap();
                    assert_eq!(seen(&found[at]), shown(name), "{} {name}", E::KIND);
                }
            }
            assert!(project::<E>(&bytes, &Projection::default()).unwrap().is_empty());
            // The views of the whole record without secrets equal the projections.
            let all = record.views(Secrets::LeftOut);
            for (name, view) in all {
                let hidden =
                    E::PROPERTIES.iter().any(|p| p.name == name && p.type_ == PropertyType::Secret);
                if !hidden {
                    let found = project::<E>(&bytes, &projection(&[name])).unwrap();
                    assert_eq!(seen(&found[0]), Some(view.to_value()));
                }
            }
            // Bytes that end early are an error, and never a panic.
            let all = projection(&names);
            for end in [0, 1, bytes.len() / 3, bytes.len() / 2] {
                if end < bytes.len() {
                    assert!(project::<E>(&bytes[..end], &all).is_err(), "{}", E::KIND);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn a_projection_equals_the_whole_record(
            given in prop::collection::vec(given(), 1..100),
            custom in prop::collection::vec(("[a-zé>%. ]{0,5}", values()), 0..6),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let picks: Vec<usize> = picks.iter().map(|pick| pick.index(1000)).collect();
            for kind in Kind::ALL {
                kind.dispatch(Agrees { given: &given, custom: &custom, picks: &picks });
            }
        }

        #[test]
        fn no_bytes_make_a_projection_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            struct Answered<'b>(&'b [u8]);
            impl KindVisitor for Answered<'_> {
                type Output = ();
                fn visit<E: Entity>(self) {
                    let _ = project::<E>(self.0, &Projection::new(vec![PropertyPosition::of(E::KIND, "zz")]));
                }
            }
            for kind in Kind::ALL {
                kind.dispatch(Answered(&bytes));
            }
        }
    }

    #[test]
    fn nesting_without_end_is_refused() {
        // A list (8) of one (1) list, and so on.
        let bytes = [8, 1].repeat(100_000);
        let mut decoder = DecoderImpl::new(SliceReader::new(&bytes), config::standard(), ());
        assert!(matches!(Value::skip(&mut decoder), Err(DecodeError::Other(_))));
    }
}
