//! Typed properties: what a property's type takes, gives and refers to.

use std::fmt;

use bincode::{
    BorrowDecode, Decode, Encode,
    de::{BorrowDecoder, Decoder},
    enc::Encoder,
    error::{DecodeError, EncodeError},
};

use super::{
    Arity, Name, Projected, Ref, Referable, Reference, Rule, Secret, Secrets, Target, Value, View,
    projection::{decode_variant, skip_text},
    python,
};

/// A typed property of a record.
///
/// A document need not hold every property, and a project must leave as it came: "not said" and
/// "said to be nothing" are kept apart from a value.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub enum Field<T> {
    #[default]
    Absent,
    Null,
    Set(T),
}

impl<T> Field<T> {
    /// The value, where there is one.
    pub fn get(&self) -> Option<&T> {
        match self {
            Field::Set(value) => Some(value),
            Field::Absent | Field::Null => None,
        }
    }
}

pub type Text = Field<String>;
pub type Int = Field<i64>;
pub type Bool = Field<bool>;
pub type Float = Field<f64>;
/// A property that eNMS knows and whose value is a tree of any types.
pub type Any = Field<Value>;
pub type One<E> = Field<Ref<E>>;
pub type Many<E> = Field<Vec<Ref<E>>>;
pub type Hidden = Field<Secret>;

/// The type of a property, for messages, columns and queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PropertyType {
    Name,
    Text,
    Int,
    Bool,
    Float,
    Any,
    One(Target),
    Many(Target),
    Secret,
}

impl PropertyType {
    /// What a relation refers to, and how many it holds; nothing of what is none.
    pub const fn relation(self) -> Option<(Arity, Target)> {
        match self {
            PropertyType::One(target) => Some((Arity::One, target)),
            PropertyType::Many(target) => Some((Arity::Many, target)),
            PropertyType::Name
            | PropertyType::Text
            | PropertyType::Int
            | PropertyType::Bool
            | PropertyType::Float
            | PropertyType::Any
            | PropertyType::Secret => None,
        }
    }

    pub const fn is_secret(self) -> bool {
        matches!(self, PropertyType::Secret)
    }
}

impl fmt::Display for PropertyType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PropertyType::Name => out.write_str("a name"),
            PropertyType::Text => out.write_str("a text"),
            PropertyType::Int => out.write_str("an integer"),
            PropertyType::Bool => out.write_str("a boolean"),
            PropertyType::Float => out.write_str("a number"),
            PropertyType::Any => out.write_str("any value"),
            PropertyType::One(target) => write!(out, "the name of a {target}"),
            PropertyType::Many(target) => write!(out, "a list of names of {target}s"),
            PropertyType::Secret => out.write_str("a secret in base64"),
        }
    }
}

/// What eNMS takes a property to be while nothing is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PropertyDefault {
    None,
    Text(&'static str),
    Int(i64),
    Bool(bool),
    Float(f64),
}

impl PropertyDefault {
    /// The default, as a record that says it would show it.
    pub fn view(&self) -> Option<View<'static>> {
        match *self {
            PropertyDefault::None => None,
            PropertyDefault::Text(text) => Some(View::Text(text)),
            PropertyDefault::Int(number) => Some(View::Int(number)),
            PropertyDefault::Bool(truth) => Some(View::Bool(truth)),
            PropertyDefault::Float(number) => Some(View::Float(number)),
        }
    }
}

/// One typed property of a kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Property {
    pub name: &'static str,
    pub type_: PropertyType,
    pub default: PropertyDefault,
}

impl Property {
    /// What an answer shows for what a record holds: the default where it says nothing, an empty
    /// list for a relation that names nobody, and null for one that names none.
    pub fn shown<'a>(&self, held: Option<View<'a>>) -> View<'a> {
        match (self.type_, held) {
            (PropertyType::Many(_), None | Some(View::Null)) => View::Texts(Vec::new()),
            (PropertyType::One(_), Some(View::Text(""))) => View::Null,
            (_, Some(view)) => view,
            (_, None) => self.default.view().unwrap_or(View::Null),
        }
    }
}

/// How a value fitted its property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Exact,
    /// It was of another type and said the same: the text `"22"` for the port 22.
    Converted,
}

/// A value that a property does not take.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    pub rule: Rule,
    /// The value, unless it is a secret.
    pub value: Option<Value>,
}

impl Refused {
    /// The refusal of a value that is not of the property's type.
    fn not<T: PropertyValue>(value: Value) -> Self {
        let rule = Rule::Type { expected: T::TYPE, found: value.type_name() };
        Refused { rule, value: Some(value) }
    }
}

/// A type that a property can have.
pub trait PropertyValue: Sized + Clone + PartialEq + Encode + Decode<()> + 'static {
    const TYPE: PropertyType;

    /// Takes a value of this type, or one that says the same in another type.
    fn parse(value: Value) -> Result<(Self, Fit), Refused>;

    /// What to show of it.
    fn view(&self, secrets: Secrets) -> Option<View<'_>>;

    /// Passes over an encoded one.
    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError>;

    /// What [`PropertyValue::view`] shows of an encoded one, without its secrets.
    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError>;

    /// Calls `each` with every record that it names.
    fn references<'a>(&'a self, _relation: &'static str, _each: &mut dyn FnMut(Reference<'a>)) {}

    /// Takes the names that are `gone` out, where this is a list. Says whether one was there.
    fn strike(&mut self, _gone: &dyn Fn(&str) -> bool) -> bool {
        false
    }

    /// Names `to` wherever it named `from`. Says whether it did.
    fn rename(&mut self, _from: &str, _to: &str) -> bool {
        false
    }

    fn secret(&mut self) -> Option<&mut Secret> {
        None
    }
}

/// A place for a property in a record: a [`Field`], or the name, which is always there.
///
/// Records have hundreds of them in all, of a dozen types. What is done to one is compiled once
/// for its type and called, and not once more for each place: that is the difference of a megabyte
/// of code.
pub trait Slot: Sized + Clone + PartialEq + Encode + Decode<()> {
    const TYPE: PropertyType;
    const EMPTY: Self;

    /// Appends its bincode.
    #[inline(never)]
    fn encode_to<E: Encoder>(&self, body: &mut E) -> Result<(), EncodeError> {
        self.encode(body)
    }

    /// Becomes what its bincode says.
    #[inline(never)]
    fn decode_from<D: Decoder<Context = ()>>(&mut self, body: &mut D) -> Result<(), DecodeError> {
        *self = Self::decode(body)?;
        Ok(())
    }

    /// Becomes a copy.
    #[inline(never)]
    fn copy(&mut self, other: &Self) {
        *self = other.clone();
    }

    #[inline(never)]
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }

    /// Takes over what the newer one says, which is left empty.
    fn merge(&mut self, newer: &mut Self);

    /// Adds the property of this name and what it holds, if that is to be shown.
    #[inline(never)]
    fn push_view<'a>(
        &'a self,
        name: &'static str,
        secrets: Secrets,
        views: &mut Vec<(&'static str, View<'a>)>,
    ) {
        if let Some(view) = self.view(secrets) {
            views.push((name, view));
        }
    }

    /// Adds a property and what an answer shows of it, as [`Property::shown`] says; nothing of a
    /// secret.
    #[inline(never)]
    fn push_shown<'a>(
        &'a self,
        property: &'static Property,
        views: &mut Vec<(&'static str, View<'a>)>,
    ) {
        if Self::TYPE != PropertyType::Secret {
            views.push((property.name, property.shown(self.view(Secrets::LeftOut))));
        }
    }

    /// Puts a value there.
    ///
    /// # Errors
    /// The rule that it breaks; what was there stays.
    fn fill(&mut self, value: Value) -> Result<Fit, Refused>;

    /// What it holds; nothing when it is absent or a secret that is not to be shown.
    fn view(&self, secrets: Secrets) -> Option<View<'_>>;

    /// Passes over an encoded one.
    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError>;

    /// What [`Slot::view`] shows of an encoded one, without its secrets.
    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError>;

    fn references<'a>(&'a self, relation: &'static str, each: &mut dyn FnMut(Reference<'a>));
    fn strike(&mut self, gone: &dyn Fn(&str) -> bool) -> bool;
    fn rename(&mut self, from: &str, to: &str) -> bool;
    fn secret(&mut self) -> Option<&mut Secret>;
}

impl<T: PropertyValue> Slot for Field<T> {
    const TYPE: PropertyType = T::TYPE;
    const EMPTY: Self = Field::Absent;

    #[inline(never)]
    fn fill(&mut self, value: Value) -> Result<Fit, Refused> {
        if matches!(value.plain(), Value::Null) {
            *self = Field::Null;
            return Ok(Fit::Exact);
        }
        let (parsed, fit) = T::parse(value)?;
        *self = Field::Set(parsed);
        Ok(fit)
    }

    #[inline(never)]
    fn merge(&mut self, newer: &mut Self) {
        match newer {
            Field::Absent => {}
            Field::Null | Field::Set(_) => *self = std::mem::replace(newer, Field::Absent),
        }
    }

    #[inline(never)]
    fn view(&self, secrets: Secrets) -> Option<View<'_>> {
        match self {
            Field::Absent => None,
            Field::Null => Some(View::Null),
            Field::Set(value) => value.view(secrets),
        }
    }

    #[inline(never)]
    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError> {
        match decode_variant(body)? {
            0 | 1 => Ok(()),
            2 => T::skip(body),
            _ => Err(DecodeError::Other("a property is neither absent nor null nor set")),
        }
    }

    #[inline(never)]
    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError> {
        match decode_variant(body)? {
            0 => Ok(None),
            1 => Ok(Some(Projected::View(View::Null))),
            2 => T::project(body),
            _ => Err(DecodeError::Other("a property is neither absent nor null nor set")),
        }
    }

    #[inline(never)]
    fn references<'a>(&'a self, relation: &'static str, each: &mut dyn FnMut(Reference<'a>)) {
        if let Field::Set(value) = self {
            value.references(relation, each);
        }
    }

    #[inline(never)]
    fn strike(&mut self, gone: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Field::Set(value) => value.strike(gone),
            Field::Absent | Field::Null => false,
        }
    }

    #[inline(never)]
    fn rename(&mut self, from: &str, to: &str) -> bool {
        match self {
            Field::Set(value) => value.rename(from, to),
            Field::Absent | Field::Null => false,
        }
    }

    #[inline(never)]
    fn secret(&mut self) -> Option<&mut Secret> {
        match self {
            Field::Set(value) => value.secret(),
            Field::Absent | Field::Null => None,
        }
    }
}

impl Slot for Name {
    const TYPE: PropertyType = PropertyType::Name;
    const EMPTY: Self = Name::unset();

    fn fill(&mut self, value: Value) -> Result<Fit, Refused> {
        let (text, fit) = String::parse(value)?;
        match Name::parse(text) {
            Ok(name) => *self = name,
            Err((rule, text)) => return Err(Refused { rule, value: Some(Value::Text(text)) }),
        }
        Ok(fit)
    }

    fn merge(&mut self, newer: &mut Self) {
        *self = std::mem::replace(newer, Name::unset());
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Text(self))
    }

    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError> {
        skip_text(body)
    }

    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError> {
        Ok(Some(Projected::View(View::Text(<&'a str>::borrow_decode(body)?))))
    }

    fn references<'a>(&'a self, _: &'static str, _: &mut dyn FnMut(Reference<'a>)) {}

    fn strike(&mut self, _: &dyn Fn(&str) -> bool) -> bool {
        false
    }

    fn rename(&mut self, _: &str, _: &str) -> bool {
        false
    }

    fn secret(&mut self) -> Option<&mut Secret> {
        None
    }
}

/// The value without the mark that it is shared, which means nothing in a typed property.
fn unshared(value: Value) -> Value {
    match value {
        Value::Shared(shared) => unshared(*shared.value),
        other => other,
    }
}

impl PropertyValue for String {
    const TYPE: PropertyType = PropertyType::Text;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match value {
            Value::Text(text) => Ok((text, Fit::Exact)),
            Value::Int(number) => Ok((number.to_string(), Fit::Converted)),
            Value::Float(number) => Ok((python::float_repr(number), Fit::Converted)),
            Value::BigInt(text) | Value::Timestamp(text) => Ok((text, Fit::Converted)),
            other => Err(Refused::not::<Self>(other)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Text(self))
    }

    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError> {
        skip_text(body)
    }

    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError> {
        Ok(Some(Projected::View(View::Text(<&'a str>::borrow_decode(body)?))))
    }
}

impl PropertyValue for i64 {
    const TYPE: PropertyType = PropertyType::Int;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        // Beyond 2^53 a float no longer says which whole number was meant.
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        match &value {
            Value::Int(number) => Ok((*number, Fit::Exact)),
            Value::Text(text) => match text.trim().parse() {
                Ok(number) => Ok((number, Fit::Converted)),
                Err(_) => Err(Refused::not::<Self>(value)),
            },
            Value::Float(number) if number.fract() == 0.0 && number.abs() <= EXACT_MAX => {
                Ok((*number as i64, Fit::Converted))
            }
            _ => Err(Refused::not::<Self>(value)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Int(*self))
    }

    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError> {
        i64::decode(body).map(drop)
    }

    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError> {
        Ok(Some(Projected::View(View::Int(i64::decode(body)?))))
    }
}

impl PropertyValue for bool {
    const TYPE: PropertyType = PropertyType::Bool;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match &value {
            Value::Bool(truth) => Ok((*truth, Fit::Exact)),
            Value::Int(number @ (0 | 1)) => Ok((*number == 1, Fit::Converted)),
            Value::Text(text) => match text.as_str() {
                "true" | "True" => Ok((true, Fit::Converted)),
                "false" | "False" => Ok((false, Fit::Converted)),
                _ => Err(Refused::not::<Self>(value)),
            },
            _ => Err(Refused::not::<Self>(value)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Bool(*self))
    }

    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError> {
        bool::decode(body).map(drop)
    }

    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError> {
        Ok(Some(Projected::View(View::Bool(bool::decode(body)?))))
    }
}

impl PropertyValue for f64 {
    const TYPE: PropertyType = PropertyType::Float;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match &value {
            Value::Float(number) => Ok((*number, Fit::Exact)),
            Value::Int(number) => Ok((*number as f64, Fit::Converted)),
            Value::Text(text) => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok((number, Fit::Converted)),
                Ok(_) | Err(_) => Err(Refused::not::<Self>(value)),
            },
            _ => Err(Refused::not::<Self>(value)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Float(*self))
    }

    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError> {
        f64::decode(body).map(drop)
    }

    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError> {
        Ok(Some(Projected::View(View::Float(f64::decode(body)?))))
    }
}

impl PropertyValue for Value {
    const TYPE: PropertyType = PropertyType::Any;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        Ok((value, Fit::Exact))
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Value(self))
    }

    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError> {
        Value::skip(body)
    }

    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError> {
        Ok(Some(Projected::Value(Value::decode(body)?)))
    }
}

impl PropertyValue for Secret {
    const TYPE: PropertyType = PropertyType::Secret;

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match value {
            Value::Text(text) => Ok((Secret::from_document(text), Fit::Exact)),
            other => Err(Refused { value: None, ..Refused::not::<Self>(other) }),
        }
    }

    fn view(&self, secrets: Secrets) -> Option<View<'_>> {
        match secrets {
            Secrets::LeftOut => None,
            Secrets::Included => self.document().map(View::Text),
        }
    }

    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError> {
        skip_text(body)
    }

    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError> {
        skip_text(body).map(|()| None)
    }

    fn secret(&mut self) -> Option<&mut Secret> {
        Some(self)
    }
}

/// The name of another record. What could be no record's name is missing where it is looked for,
/// and said so there; but NUL ends a name in the keys of references, and may not come that far.
fn named<E: Referable>(name: String) -> Result<Ref<E>, Refused> {
    if !name.contains('\0') {
        Ok(Ref::new(name))
    } else {
        Err(Refused {
            rule: Rule::NameCharacter { character: '\0' },
            value: Some(Value::Text(name)),
        })
    }
}

impl<E: Referable> PropertyValue for Ref<E> {
    const TYPE: PropertyType = PropertyType::One(E::TARGET);

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match value {
            Value::Text(name) => Ok((named(name)?, Fit::Exact)),
            other => Err(Refused::not::<Self>(other)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Text(self.name()))
    }

    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError> {
        skip_text(body)
    }

    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError> {
        Ok(Some(Projected::View(View::Text(<&'a str>::borrow_decode(body)?))))
    }

    fn references<'a>(&'a self, relation: &'static str, each: &mut dyn FnMut(Reference<'a>)) {
        if !self.name().is_empty() {
            each(Reference { relation, target: E::TARGET, arity: Arity::One, name: self.name() });
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        let named = self.name() == from;
        if named {
            *self = Ref::new(to);
        }
        named
    }
}

impl<E: Referable> PropertyValue for Vec<Ref<E>> {
    const TYPE: PropertyType = PropertyType::Many(E::TARGET);

    fn parse(value: Value) -> Result<(Self, Fit), Refused> {
        match unshared(value) {
            Value::List(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::Text(name) if !name.is_empty() => named(name),
                    Value::Text(_) => {
                        Err(Refused { rule: Rule::ListItem { found: "empty" }, value: Some(item) })
                    }
                    other => {
                        let rule = Rule::ListItem { found: other.type_name() };
                        Err(Refused { rule, value: Some(other) })
                    }
                })
                .collect::<Result<Self, Refused>>()
                .map(|names| (names, Fit::Exact)),
            other => Err(Refused::not::<Self>(other)),
        }
    }

    fn view(&self, _: Secrets) -> Option<View<'_>> {
        Some(View::Texts(self.iter().map(Ref::name).collect()))
    }

    fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(body: &mut D) -> Result<(), DecodeError> {
        for _ in 0..u64::decode(body)? {
            skip_text(body)?;
        }
        Ok(())
    }

    fn project<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Projected<'a>>, DecodeError> {
        let names = (0..u64::decode(body)?).map(|_| <&'a str>::borrow_decode(body));
        Ok(Some(Projected::View(View::Texts(names.collect::<Result<_, _>>()?))))
    }

    fn references<'a>(&'a self, relation: &'static str, each: &mut dyn FnMut(Reference<'a>)) {
        for item in self {
            each(Reference { relation, target: E::TARGET, arity: Arity::Many, name: item.name() });
        }
    }

    fn strike(&mut self, gone: &dyn Fn(&str) -> bool) -> bool {
        let before = self.len();
        self.retain(|item| !gone(item.name()));
        self.len() != before
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        let mut renamed = false;
        for item in self.iter_mut().filter(|item| item.name() == from) {
            *item = Ref::new(to);
            renamed = true;
        }
        renamed
    }
}
