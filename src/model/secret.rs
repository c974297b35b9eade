//! Secrets. Their own type prevents showing, logging or storing them by accident.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use bincode::{
    Decode, Encode,
    de::Decoder,
    enc::Encoder,
    error::{DecodeError, EncodeError},
};
use zeroize::Zeroizing;

use super::CustomSecret;

/// The number of bytes by which an encrypted secret is longer than its text: the nonce of XChaCha20
/// and the tag of Poly1305.
pub(super) const ENCRYPTION_OVERHEAD_BYTES: usize = 24 + 16;

/// A password, key or token.
///
/// It holds the text of a project's document, which is base64, so that the document is exported byte
/// for byte. A clear secret cannot be encoded for the disk: the store encrypts it first.
#[derive(Clone, PartialEq)]
pub enum Secret {
    /// The text of the document. Overwritten in memory when dropped.
    Clear(Zeroizing<String>),
    /// Encrypted with the appliance's key.
    Encrypted(Vec<u8>),
}

impl Secret {
    /// Creates a secret from the text of a document.
    pub fn from_document(text: String) -> Self {
        Secret::Clear(Zeroizing::new(text))
    }

    /// Creates a secret from its plain text.
    pub fn from_plain(plain: &str) -> Self {
        Secret::Clear(Zeroizing::new(BASE64_STANDARD.encode(plain)))
    }

    /// The text of a document. `None` for an encrypted secret.
    pub fn document(&self) -> Option<&str> {
        match self {
            Secret::Clear(text) => Some(text),
            Secret::Encrypted(_) => None,
        }
    }

    /// The secret itself. `None` if it is encrypted, or if the document's text is not base64 of UTF-8.
    pub fn plain(&self) -> Option<Zeroizing<String>> {
        let decoded = BASE64_STANDARD.decode(self.document()?).ok()?;
        String::from_utf8(decoded).ok().map(Zeroizing::new)
    }

    /// Returns whether the secret is the empty text.
    pub fn is_empty(&self) -> bool {
        match self {
            Secret::Clear(text) => text.is_empty(),
            Secret::Encrypted(_) => false,
        }
    }
}

/// A secret of a record: that of a typed property, or the value of a custom one.
#[derive(Debug)]
pub enum SecretMut<'a> {
    /// The secret of a typed property.
    Typed(&'a mut Secret),
    /// The value of a custom property.
    Custom(&'a mut CustomSecret),
}

impl SecretMut<'_> {
    /// The encrypted bytes. `None` if the secret is not encrypted.
    pub fn encrypted(&self) -> Option<&[u8]> {
        match self {
            SecretMut::Typed(Secret::Encrypted(bytes))
            | SecretMut::Custom(CustomSecret::Encrypted(bytes)) => Some(bytes),
            SecretMut::Typed(Secret::Clear(_)) | SecretMut::Custom(CustomSecret::Clear(_)) => None,
        }
    }

    /// The number of bytes of the text that was encrypted, or of the bincode of another value. `None` if the
    /// secret is not encrypted.
    pub fn encrypted_text_bytes(&self) -> Option<usize> {
        let encrypted = self.encrypted()?;
        Some(match self {
            SecretMut::Typed(_) => encrypted.len().saturating_sub(ENCRYPTION_OVERHEAD_BYTES),
            SecretMut::Custom(_) => CustomSecret::encrypted_text_bytes(encrypted),
        })
    }

    /// The bytes to encrypt. `None` if the secret is encrypted or empty.
    pub fn clear_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            SecretMut::Typed(secret) => {
                let text = secret.document().filter(|text| !text.is_empty())?;
                Some(Zeroizing::new(text.as_bytes().to_vec()))
            }
            SecretMut::Custom(secret) => secret.to_bytes(),
        }
    }

    /// Replaces the secret by encrypted bytes.
    pub fn set_encrypted(&mut self, bytes: Vec<u8>) {
        match self {
            SecretMut::Typed(secret) => **secret = Secret::Encrypted(bytes),
            SecretMut::Custom(secret) => **secret = CustomSecret::Encrypted(bytes),
        }
    }

    /// Replaces the secret by the one that has these decrypted bytes. Returns whether there is one.
    pub fn set_clear(&mut self, bytes: &[u8]) -> bool {
        match self {
            SecretMut::Typed(secret) => match str::from_utf8(bytes) {
                Ok(text) => **secret = Secret::from_document(text.to_owned()),
                Err(_) => return false,
            },
            SecretMut::Custom(secret) => match CustomSecret::from_bytes(bytes) {
                Some(clear) => **secret = clear,
                None => return false,
            },
        }
        true
    }

    /// Returns whether two secrets are equal.
    pub fn equals(&self, other: &SecretMut<'_>) -> bool {
        match (self, other) {
            (SecretMut::Typed(one), SecretMut::Typed(other)) => one == other,
            (SecretMut::Custom(one), SecretMut::Custom(other)) => one == other,
            (SecretMut::Typed(_), SecretMut::Custom(_))
            | (SecretMut::Custom(_), SecretMut::Typed(_)) => false,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl Encode for Secret {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match self {
            Secret::Encrypted(bytes) => bytes.encode(encoder),
            Secret::Clear(text) if text.is_empty() => Vec::<u8>::new().encode(encoder),
            Secret::Clear(_) => {
                Err(EncodeError::Other("a secret must be encrypted before it is stored"))
            }
        }
    }
}

impl<Context> Decode<Context> for Secret {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let bytes = Vec::<u8>::decode(decoder)?;
        Ok(if bytes.is_empty() {
            Secret::Clear(Zeroizing::default())
        } else {
            Secret::Encrypted(bytes)
        })
    }
}

bincode::impl_borrow_decode!(Secret);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_secret_is_neither_shown_nor_stored() {
        let secret = Secret::from_plain("hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(!format!("{secret:?}").contains(secret.document().unwrap()));
        assert!(bincode::encode_to_vec(&secret, bincode::config::standard()).is_err());
        assert_eq!(secret.plain().unwrap().as_str(), "hunter2");
    }
}
