//! Encrypts secrets on the disk with the key of the data directory.
//!
//! XChaCha20-Poly1305 with a nonce derived from the secret, its record and its property (HMAC-SHA-256
//! under a second key). Kind, property and name of the record are the associated data: a secret that is
//! copied into another record does not decrypt there. The key itself is that of one data directory. The same secret in the same property has always the same ciphertext, so an
//! import sees that it is unchanged. Equal passwords of two records have different ciphertexts.

use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

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
    model::{Kind, PerKind, Record, SecretNames},
    wording::hex,
};

/// The length of an XChaCha20 nonce, in bytes. The nonce is stored before the ciphertext.
const NONCE_BYTES: usize = 24;

/// The number of names of custom properties of each kind for which the vault remembers whether they are secret.
/// A comparison with all words takes some microseconds. A hostile document can have any number of names;
/// further ones are compared each time.
const NAMES_REMEMBERED_MAX: usize = 1_000;

/// Encrypts and decrypts secrets with the key of a data directory.
pub struct Vault {
    cipher: XChaCha20Poly1305,
    nonces: Hmac<Sha256>,
    /// Hashes the secrets of tokens.
    tokens: Hmac<Sha256>,
    earlier_binding: EarlierBinding,
    /// The names of custom properties that are secrets.
    secret_names: Arc<SecretNames>,
    /// The names that were compared already: true for a secret.
    compared_names: RwLock<PerKind<HashMap<String, bool>>>,
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
            secret_names: Arc::new(SecretNames::USUAL),
            compared_names: RwLock::default(),
        }
    }

    /// Returns the vault with other names of secret custom properties.
    pub(super) fn with_secret_names(mut self, names: Arc<SecretNames>) -> Self {
        self.secret_names = names;
        self.compared_names = RwLock::default();
        self
    }

    /// The names of custom properties that are secrets.
    pub(super) fn secret_names(&self) -> Arc<SecretNames> {
        self.secret_names.clone()
    }

    /// Returns whether a custom property of a kind with this name is a secret.
    pub fn is_secret_name(&self, kind: Kind, property: &str) -> bool {
        let compared = self.compared_names.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(is_secret) = compared[kind].get(property) {
            return *is_secret;
        }
        drop(compared);
        let is_secret = self.secret_names.contain(kind, property);
        let mut compared = self.compared_names.write().unwrap_or_else(PoisonError::into_inner);
        if compared[kind].len() < NAMES_REMEMBERED_MAX {
            compared[kind].insert(property.to_owned(), is_secret);
        }
        is_secret
    }

    /// Makes the custom properties of a record secret whose names are. Returns whether one has become a
    /// secret.
    pub fn hide_secrets(&self, record: &mut dyn Record) -> bool {
        // Most records have no custom property.
        if record.custom().is_empty() {
            return false;
        }
        let kind = record.kind();
        record.hide_custom(&|property| self.is_secret_name(kind, property))
    }

    /// Returns the vault for a data directory of an earlier format, until its secrets are sealed again.
    pub(super) fn accepting_earlier_binding(mut self) -> Self {
        self.earlier_binding = EarlierBinding::Accepted;
        self
    }

    /// Encrypts every plain secret of a record, and the custom properties whose names are secret. Empty
    /// secrets stay plain.
    pub fn encrypt_secrets(&self, record: &mut dyn Record) {
        self.hide_secrets(record);
        let (kind, name) = (record.kind(), record.name().clone());
        for (property, mut secret) in record.secrets() {
            let Some(clear) = secret.clear_bytes() else { continue };
            let parts = [kind.as_str(), &name, property].map(str::as_bytes);
            let nonce = self.nonce(parts.into_iter().chain([clear.as_slice()]));
            let context = context(kind, property, &name);
            secret.set_encrypted(self.encrypted(&nonce, &context, &clear));
        }
    }

    /// Decrypts every encrypted secret of a record.
    ///
    /// # Errors
    /// [`StoreError::UndecryptableSecret`] if a secret was encrypted with another key or for another record or
    /// property, or is damaged. It stays encrypted; the others are decrypted.
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
        let mut is_whole = true;
        for (property, mut secret) in record.secrets() {
            let Some(encrypted) = secret.encrypted() else { continue };
            let bound = names.iter().map(|name| context(kind, property, name));
            let unbound = match self.earlier_binding {
                EarlierBinding::Accepted => Some(earlier_context(kind, property)),
                EarlierBinding::Refused => None,
            };
            let clear = bound
                .chain(unbound)
                .find_map(|context| self.decrypted(&context, encrypted))
                .map(Zeroizing::new);
            is_whole &= clear.is_some_and(|clear| secret.set_clear(&clear));
        }
        if is_whole {
            Ok(())
        } else {
            Err(StoreError::UndecryptableSecret { kind, name: name.as_str().to_owned() })
        }
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
        let nonce = self.nonce([purpose, text].map(str::as_bytes).into_iter());
        self.encrypted(&nonce, purpose, text.as_bytes())
    }

    /// Returns whether `encrypted` decrypts with this key and purpose to `text`.
    pub(super) fn decrypts_to(&self, purpose: &str, encrypted: &[u8], text: &str) -> bool {
        self.decrypted(purpose, encrypted).is_some_and(|clear| clear == text.as_bytes())
    }

    fn encrypted(&self, nonce: &XNonce, context: &str, clear: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: clear, aad: context.as_bytes() };
        let encrypted = self.cipher.encrypt(nonce, payload).expect("a secret is far below 256 GB");
        [nonce.as_slice(), &encrypted].concat()
    }

    /// Returns `None` if the secret was encrypted with another key or context, or is damaged.
    fn decrypted(&self, context: &str, encrypted: &[u8]) -> Option<Vec<u8>> {
        let (nonce, msg) = encrypted.split_at_checked(NONCE_BYTES)?;
        let payload = Payload { msg, aad: context.as_bytes() };
        self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok()
    }

    fn nonce<'p>(&self, parts: impl Iterator<Item = &'p [u8]>) -> XNonce {
        let mut mac = self.nonces.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        *XNonce::from_slice(&mac.finalize().into_bytes()[..NONCE_BYTES])
    }
}

/// Returns the associated data of a secret: it decrypts only in this property of this record. The key binds it
/// to the data directory. A name does not contain the separator, so the last one is before the name.
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
    use crate::model::{
        Credential, Device, Entity, Field, Name, Secret, Value, limits::record_bytes,
    };

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

    #[test]
    fn custom_properties_are_encrypted_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::create(&folder.path().join("key")).unwrap();
        let device = |name: &str| {
            let mut device = Device::named(Name::parse(name.to_owned()).unwrap());
            for (property, value) in [
                ("snmp_community", Value::from("é>b")),
                ("tokens", Value::List(vec![Value::from("t"), Value::Int(7)])),
                ("pin", Value::Int(1234)),
                ("enable", Value::Bool(true)),
                ("password", Value::from("")),
                ("token_seen", Value::Timestamp("2026-11-28".to_owned())),
                ("rack", Value::from("7")),
            ] {
                device.set(property, value).unwrap();
            }
            device
        };
        let (clear, mut one, mut other) = (device("a"), device("a"), device("b"));
        let size = record_bytes(&mut clear.clone());
        vault.encrypt_secrets(&mut one);
        vault.encrypt_secrets(&mut other);
        let secrets: Vec<_> =
            one.secrets().into_iter().map(|(property, _)| property.to_owned()).collect();
        assert_eq!(secrets, ["pin", "snmp_community", "tokens"]);
        for secret in &secrets {
            assert_ne!(one.custom[secret], other.custom[secret], "bound to the record");
            assert!(one.view(secret).is_none());
        }
        assert_eq!(one.custom["rack"], Value::from("7"));
        assert!(!format!("{one:?}").contains("é>b"));
        // The values are smaller in bincode than as nodes.
        assert!(record_bytes(&mut one) <= size);
        let bytes = one.to_bytes().unwrap();
        let (decoded, _): (Device, _) =
            bincode::decode_from_slice(&bytes, bincode::config::standard()).unwrap();
        assert_eq!(decoded, one);
        // A value that is moved to another property or record does not decrypt.
        let mut moved = one.clone();
        moved.set_custom("pin", one.custom["snmp_community"].clone());
        assert!(vault.decrypt_secrets(&mut moved).is_err());
        let mut copied = other.clone();
        copied.set_custom("pin", one.custom["pin"].clone());
        assert!(vault.decrypt_secrets(&mut copied).is_err());
        vault.decrypt_secrets(&mut one).unwrap();
        for (property, value) in &clear.custom {
            assert_eq!(one.custom[property].readable(), value.shown(), "{property}");
        }
        assert!(one.to_bytes().is_err(), "a clear secret is not stored");
        assert!(!format!("{one:?}").contains("é>b"));
    }
}
