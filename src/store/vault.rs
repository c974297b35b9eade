//! Encrypts secrets on the disk with the key of the data directory.
//!
//! XChaCha20-Poly1305 with a nonce derived from the secret, its record and its property (HMAC-SHA-256
//! under a second key). Kind, property and name of the record are the associated data: a secret that is
//! copied into another record does not decrypt there. The key itself is that of one data directory. The same secret in the same property has always the same ciphertext, so an
//! import sees that it is unchanged. Equal passwords of two records have different ciphertexts.

use std::{fs, io, path::Path};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    StoreError,
    key_error::{KEY_BYTES, KeyError},
};
use crate::{
    disk::{fill_random, write_private_file},
    model::{Kind, Record, Secret},
    wording::hex,
};

/// The length of an XChaCha20 nonce, in bytes. The nonce is stored before the ciphertext.
const NONCE_BYTES: usize = 24;

/// Encrypts and decrypts secrets with the key of a data directory.
pub struct Vault {
    cipher: XChaCha20Poly1305,
    nonces: Hmac<Sha256>,
    /// Hashes the secrets of tokens.
    tokens: Hmac<Sha256>,
    earlier_binding: EarlierBinding,
}

/// Tells whether secrets are decrypted that are bound to their kind and property only, as in data
/// directories up to format 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EarlierBinding {
    Accepted,
    Refused,
}

impl Vault {
    /// Creates a key and writes it to `path`, readable by its owner only.
    ///
    /// # Errors
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        fill_random(key.as_mut_slice()).map_err(StoreError::io("getting random bytes"))?;
        // In one step: a truncated key would lose every secret.
        let written = write_private_file(path, &path.with_extension("new"), key.as_slice());
        written.map_err(StoreError::io(format!("writing the key {}", path.display())))?;
        Ok(Self::new(&key))
    }

    /// Reads the key at `path`.
    ///
    /// # Errors
    /// - [`StoreError::Key`] if the file is missing or has the wrong length.
    /// - [`StoreError::Io`] if it cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let key = match fs::read(path) {
            Ok(key) => Zeroizing::new(key),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(KeyError::Missing { path: path.to_owned() }.into());
            }
            Err(error) => {
                return Err(StoreError::io(format!("reading the key {}", path.display()))(error));
            }
        };
        let broken = |_| KeyError::Length { path: path.to_owned(), bytes: key.len() };
        let key: &[u8; KEY_BYTES] = key.as_slice().try_into().map_err(broken)?;
        Ok(Self::new(key))
    }

    fn new(key: &[u8; KEY_BYTES]) -> Self {
        let mac =
            <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
        let derive = |purpose: &[u8]| -> Zeroizing<[u8; KEY_BYTES]> {
            Zeroizing::new(mac.clone().chain_update(purpose).finalize().into_bytes().into())
        };
        let keyed = |key: &[u8; KEY_BYTES]| {
            <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length")
        };
        Self {
            cipher: XChaCha20Poly1305::new((&*derive(b"satchel secrets: cipher")).into()),
            nonces: keyed(&derive(b"satchel secrets: nonces")),
            tokens: keyed(&derive(b"satchel tokens")),
            earlier_binding: EarlierBinding::Refused,
        }
    }

    /// Returns the vault for a data directory of an earlier format, until its secrets are sealed again.
    pub(super) fn accepting_earlier_binding(mut self) -> Self {
        self.earlier_binding = EarlierBinding::Accepted;
        self
    }

    /// Encrypts every plain secret of a record. Empty secrets stay plain.
    pub fn encrypt_secrets(&self, record: &mut dyn Record) {
        let (kind, name) = (record.kind(), record.name().clone());
        for (property, secret) in record.secrets() {
            let Some(clear) = secret.document().filter(|clear| !clear.is_empty()) else { continue };
            let nonce = self.nonce(&[kind.as_str(), &name, property, clear]);
            let context = context(kind, property, &name);
            *secret = Secret::Encrypted(self.encrypted(&nonce, &context, clear));
        }
    }

    /// Decrypts every encrypted secret of a record.
    ///
    /// # Errors
    /// [`StoreError::UndecryptableSecret`] if a secret was encrypted with another key or for another record or
    /// property, or is damaged.
    pub fn decrypt_secrets(&self, record: &mut dyn Record) -> Result<(), StoreError> {
        let name = record.name().clone();
        self.decrypt_secrets_of(record, &[&name])
    }

    /// Decrypts every encrypted secret of a record that gets another name: they are bound to its earlier name
    /// or, if they were set with the new name, to that.
    ///
    /// # Errors
    /// As for [`Vault::decrypt_secrets`].
    pub fn decrypt_secrets_renamed_from(
        &self,
        record: &mut dyn Record,
        earlier_name: &str,
    ) -> Result<(), StoreError> {
        let name = record.name().clone();
        self.decrypt_secrets_of(record, &[earlier_name, &name])
    }

    fn decrypt_secrets_of(
        &self,
        record: &mut dyn Record,
        names: &[&str],
    ) -> Result<(), StoreError> {
        let (kind, name) = (record.kind(), record.name().clone());
        for (property, secret) in record.secrets() {
            let Secret::Encrypted(encrypted) = &*secret else { continue };
            let bound = names.iter().map(|name| context(kind, property, name));
            let unbound = match self.earlier_binding {
                EarlierBinding::Accepted => Some(earlier_context(kind, property)),
                EarlierBinding::Refused => None,
            };
            let clear = bound
                .chain(unbound)
                .find_map(|context| self.decrypted(&context, encrypted))
                .and_then(|clear| String::from_utf8(clear).ok())
                .ok_or_else(|| StoreError::UndecryptableSecret {
                    kind,
                    name: name.as_str().to_owned(),
                })?;
            *secret = Secret::from_document(clear);
        }
        Ok(())
    }

    /// The keyed hash of the secret of a token, in hexadecimal. Without the key of the data directory,
    /// nobody can tell whether a secret belongs to a hash.
    pub fn token_hash(&self, key: &str, secret: &str) -> String {
        let mut mac = self.tokens.clone();
        for part in [key, secret] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        hex(&mac.finalize().into_bytes())
    }

    /// Encrypts a text that is not part of a record. `purpose` must not equal `kind.property` of a record.
    pub(super) fn encrypt_text(&self, purpose: &str, text: &str) -> Vec<u8> {
        self.encrypted(&self.nonce(&[purpose, text]), purpose, text)
    }

    /// Returns whether `encrypted` decrypts with this key and purpose to `text`.
    pub(super) fn decrypts_to(&self, purpose: &str, encrypted: &[u8], text: &str) -> bool {
        self.decrypted(purpose, encrypted).is_some_and(|clear| clear == text.as_bytes())
    }

    fn encrypted(&self, nonce: &XNonce, context: &str, clear: &str) -> Vec<u8> {
        let payload = Payload { msg: clear.as_bytes(), aad: context.as_bytes() };
        let encrypted = self.cipher.encrypt(nonce, payload).expect("a secret is far below 256 GB");
        [nonce.as_slice(), &encrypted].concat()
    }

    /// Returns `None` if the secret was encrypted with another key or context, or is damaged.
    fn decrypted(&self, context: &str, encrypted: &[u8]) -> Option<Vec<u8>> {
        let (nonce, msg) = encrypted.split_at_checked(NONCE_BYTES)?;
        let payload = Payload { msg, aad: context.as_bytes() };
        self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok()
    }

    fn nonce(&self, parts: &[&str]) -> XNonce {
        let mut mac = self.nonces.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        *XNonce::from_slice(&mac.finalize().into_bytes()[..NONCE_BYTES])
    }
}

/// Returns the associated data of a secret: it decrypts only in this property of this record. The key binds it
/// to the data directory. Neither a property of eNMS nor a name contains the separator.
fn context(kind: Kind, property: &str, name: &str) -> String {
    format!("{kind}.{property}\0{name}")
}

/// Returns the associated data of a secret in data directories up to format 5.
fn earlier_context(kind: Kind, property: &str) -> String {
    format!("{kind}.{property}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Credential, Entity, Field, Name, limits::record_bytes};

    fn credential(name: &str, password: &str) -> Credential {
        let mut record = Credential::named(Name::parse(name.to_owned()).unwrap());
        record.password = Field::Set(Secret::from_plain(password));
        record
    }

    #[test]
    fn encryption_is_deterministic_and_reversible() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::create(&folder.path().join("key")).unwrap();
        let again = Vault::open(&folder.path().join("key")).unwrap();
        let clear = credential("a", "hunter2");
        let (mut one, mut two, mut other) =
            (clear.clone(), clear.clone(), credential("b", "hunter2"));
        vault.encrypt_secrets(&mut one);
        again.encrypt_secrets(&mut two);
        vault.encrypt_secrets(&mut other);
        assert_eq!(one, two);
        assert_ne!(one.password, other.password);
        assert_ne!(one, clear);
        // The overhead of encryption does not count.
        assert_eq!(record_bytes(&mut one), record_bytes(&mut clear.clone()));
        again.decrypt_secrets(&mut one).unwrap();
        assert_eq!(one, clear);
    }

    #[test]
    fn another_key_property_or_record_does_not_decrypt_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::create(&folder.path().join("one")).unwrap();
        let stranger = Vault::create(&folder.path().join("two")).unwrap();
        let mut record = credential("a", "hunter2");
        vault.encrypt_secrets(&mut record);
        assert!(stranger.decrypt_secrets(&mut record.clone()).is_err());
        let mut moved = record.clone();
        moved.enable_password = std::mem::take(&mut moved.password);
        assert!(vault.decrypt_secrets(&mut moved).is_err());
        // Nor in another record, unless that was renamed.
        let mut copied = credential("b", "");
        copied.password = record.password.clone();
        assert!(vault.decrypt_secrets(&mut copied.clone()).is_err());
        assert!(vault.decrypt_secrets_renamed_from(&mut copied.clone(), "c").is_err());
        vault.decrypt_secrets_renamed_from(&mut copied, "a").unwrap();
        assert_eq!(copied.password, credential("b", "hunter2").password);
    }
}
