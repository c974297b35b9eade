//! Custom properties: values that eNMS does not define, some of which are secrets.
//!
//! The value of a custom property whose name indicates a secret is encrypted like the secrets of eNMS. Which
//! names do is a setting ([`SecretNames`](super::SecretNames)).

use std::{collections::BTreeMap, fmt};

use bincode::{
    Decode, Encode, config,
    de::{BorrowDecoder, Decoder},
    enc::Encoder,
    error::{DecodeError, EncodeError},
};
use zeroize::{Zeroize, Zeroizing};

use super::{
    Value,
    projection::{decode_variant, skip_text},
    secret::ENCRYPTION_OVERHEAD_BYTES,
};

/// The custom properties of a record, by name. eNMS does not define them.
pub type Custom = BTreeMap<String, CustomValue>;

/// The value of a custom property.
#[derive(Clone, Debug, PartialEq)]
pub enum CustomValue {
    /// A value that is shown.
    Shown(Value),
    /// A value that is shown in documents with secrets only.
    Secret(CustomSecret),
}

/// The secret value of a custom property.
#[derive(Clone, PartialEq)]
pub enum CustomSecret {
    /// The value. It cannot be encoded for the disk: the store encrypts it first.
    Clear(ClearValue),
    /// The value, encrypted with the appliance's key.
    Encrypted(Vec<u8>),
}

/// A secret value that is not encrypted. Its texts are overwritten in memory when it is dropped.
#[derive(Clone, PartialEq)]
pub struct ClearValue(Value);

/// The number of the variant of an encrypted value on the disk. Lower numbers are the variants of [`Value`].
const ENCRYPTED_VARIANT: u8 = 12;

/// The first byte of a secret that is a text. Its other bytes are the text.
const TEXT_MARK: u8 = 0;

/// The first byte of a secret of another type. Its other bytes are the bincode of the value.
const VALUE_MARK: u8 = 1;

/// The number of bytes by which an encrypted custom text is longer than the text.
const TEXT_OVERHEAD_BYTES: usize = ENCRYPTION_OVERHEAD_BYTES + 1;

impl CustomValue {
    /// The value, unless it is a secret.
    pub fn shown(&self) -> Option<&Value> {
        match self {
            CustomValue::Shown(value) => Some(value),
            CustomValue::Secret(_) => None,
        }
    }

    /// The value, unless it is a secret that is still encrypted.
    pub fn readable(&self) -> Option<&Value> {
        match self {
            CustomValue::Shown(value) => Some(value),
            CustomValue::Secret(secret) => secret.clear(),
        }
    }

    /// Returns whether the value is a secret.
    pub fn is_secret(&self) -> bool {
        matches!(self, CustomValue::Secret(_))
    }

    /// Makes the value a secret if it can be one. Returns whether it has become one.
    pub(super) fn hide(&mut self) -> bool {
        match self {
            CustomValue::Shown(value) if can_be_secret(value) => {
                let value = std::mem::replace(value, Value::Null);
                *self = CustomValue::Secret(CustomSecret::Clear(ClearValue(value)));
                true
            }
            CustomValue::Shown(_) | CustomValue::Secret(_) => false,
        }
    }

    /// Skips an encoded value.
    pub(super) fn skip<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<(), DecodeError> {
        match decode_variant(body)? {
            ENCRYPTED_VARIANT => skip_text(body),
            variant => Value::skip_variant(variant, body),
        }
    }

    /// Decodes an encoded value unless it is a secret. Secrets are skipped.
    pub(super) fn decode_shown<'a, D: BorrowDecoder<'a, Context = ()>>(
        body: &mut D,
    ) -> Result<Option<Value>, DecodeError> {
        match decode_variant(body)? {
            ENCRYPTED_VARIANT => skip_text(body).map(|()| None),
            variant => Value::decode_variant(variant, body).map(Some),
        }
    }
}

/// Returns whether a value can be a secret. Booleans, dates and empty values tell about a secret, such as
/// `enable: true` or `token_expires: 2027-01-01`, and are none.
pub fn can_be_secret(value: &Value) -> bool {
    match value.plain() {
        Value::Null | Value::Bool(_) | Value::Timestamp(_) | Value::Shared(_) => false,
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) => true,
        Value::Text(text) => !text.is_empty(),
        Value::Binary(bytes) => !bytes.is_empty(),
        Value::List(items) | Value::Tuple(items) => !items.is_empty(),
        Value::Map(map) => !map.is_empty(),
    }
}

impl CustomSecret {
    /// The value. `None` if it is encrypted.
    pub fn clear(&self) -> Option<&Value> {
        match self {
            CustomSecret::Clear(ClearValue(value)) => Some(value),
            CustomSecret::Encrypted(_) => None,
        }
    }

    /// The bytes to encrypt. `None` if it is encrypted.
    pub(super) fn to_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        Some(match self.clear()? {
            Value::Text(text) => Zeroizing::new([&[TEXT_MARK], text.as_bytes()].concat()),
            value => {
                let mut bytes = Zeroizing::new(vec![VALUE_MARK]);
                bincode::encode_into_std_write(value, &mut *bytes, config::standard())
                    .expect("writing to a Vec cannot fail");
                bytes
            }
        })
    }

    /// Returns the secret of decrypted bytes. `None` if no secret has these bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (mark, rest) = bytes.split_first()?;
        let value = match *mark {
            TEXT_MARK => Value::Text(str::from_utf8(rest).ok()?.to_owned()),
            VALUE_MARK => {
                let decoded = bincode::decode_from_slice(rest, config::standard());
                decoded.ok().filter(|(_, used)| *used == rest.len())?.0
            }
            _ => return None,
        };
        Some(CustomSecret::Clear(ClearValue(value)))
    }

    /// The length of an encrypted text before it was encrypted, in bytes. For other values, the length of
    /// their bincode.
    pub(super) fn encrypted_text_bytes(encrypted: &[u8]) -> usize {
        encrypted.len().saturating_sub(TEXT_OVERHEAD_BYTES)
    }
}

impl Drop for ClearValue {
    fn drop(&mut self) {
        erase(&mut self.0);
    }
}

/// Overwrites the texts of a value.
fn erase(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Int(number) => number.zeroize(),
        Value::Float(number) => number.zeroize(),
        Value::BigInt(text) | Value::Text(text) | Value::Timestamp(text) => text.zeroize(),
        Value::Binary(bytes) => bytes.zeroize(),
        Value::List(items) | Value::Tuple(items) => items.iter_mut().for_each(erase),
        Value::Map(map) => map.entries_mut().for_each(|(key, value)| {
            erase(key);
            erase(value);
        }),
        Value::Shared(shared) => erase(&mut shared.value),
    }
}

impl fmt::Debug for CustomSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl From<Value> for CustomValue {
    fn from(value: Value) -> Self {
        CustomValue::Shown(value)
    }
}

impl PartialEq<Value> for CustomValue {
    fn eq(&self, other: &Value) -> bool {
        self.shown() == Some(other)
    }
}

/// A shown value is encoded as [`Value`], so that records without secret custom properties have the bytes of
/// the formats before there were any.
impl Encode for CustomValue {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match self {
            CustomValue::Shown(value) => value.encode(encoder),
            CustomValue::Secret(CustomSecret::Encrypted(bytes)) => {
                ENCRYPTED_VARIANT.encode(encoder)?;
                bytes.encode(encoder)
            }
            CustomValue::Secret(CustomSecret::Clear(_)) => {
                Err(EncodeError::Other("a secret must be encrypted before it is stored"))
            }
        }
    }
}

impl<Context> Decode<Context> for CustomValue {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match decode_variant(decoder)? {
            ENCRYPTED_VARIANT => {
                Vec::decode(decoder).map(|bytes| Self::Secret(CustomSecret::Encrypted(bytes)))
            }
            variant => Value::decode_variant(variant, decoder).map(Self::Shown),
        }
    }
}

bincode::impl_borrow_decode!(CustomValue);
