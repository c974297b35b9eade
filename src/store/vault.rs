//! Seals secrets for the disk with the appliance's key.
//!
//! XChaCha20-Poly1305 with a nonce that is derived from the secret and its place (HMAC-SHA-256
//! under a second key). So the same secret in the same place is always the same bytes, and an
//! import can see that nothing changed, while equal passwords of two records look different.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{KeyError, StoreError};
use crate::model::{Kind, Record, Secret};

/// The length of the appliance's key.
pub(super) const KEY_BYTES: usize = 32;

/// The length of an XChaCha20 nonce, which stands before the sealed bytes.
const NONCE_BYTES: usize = 24;

/// The appliance's key, ready for use.
pub struct Vault {
    cipher: XChaCha20Poly1305,
    nonces: Hmac<Sha256>,
}

impl Vault {
    /// Makes a key and writes it to `path`, for the owner's eyes only.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        crate::disk::fill_random(key.as_mut_slice()).map_err(StoreError::io("random numbers"))?;
        // Written aside and renamed: a key that is half there would lose every secret.
        let aside = path.with_extension("new");
        let write = || -> io::Result<()> {
            // The mode is given to a new file only; one that is left over may have another.
            match fs::remove_file(&aside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&aside)?;
            file.write_all(key.as_slice())?;
            file.sync_all()?;
            fs::rename(&aside, path)
        };
        write().map_err(StoreError::io(format!("writing the key {}", path.display())))?;
        Ok(Self::new(&key))
    }

    /// Reads the key at `path`.
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
        let derive = |purpose: &[u8]| mac.clone().chain_update(purpose).finalize().into_bytes();
        Self {
            cipher: XChaCha20Poly1305::new(&derive(b"satchel secrets: cipher")),
            nonces: <Hmac<Sha256> as Mac>::new_from_slice(&derive(b"satchel secrets: nonces"))
                .expect("HMAC takes keys of any length"),
        }
    }

    /// Seals every clear secret of a record. What is empty stays as it is: it hides nothing.
    pub fn seal(&self, record: &mut dyn Record) {
        let (kind, name) = (record.kind(), record.name().clone());
        for (property, secret) in record.secrets() {
            let Some(clear) = secret.document().filter(|clear| !clear.is_empty()) else { continue };
            let nonce = self.nonce(&[kind.as_str(), &name, property, clear]);
            *secret = Secret::Sealed(self.sealed(&nonce, &place(kind, property), clear));
        }
    }

    /// Opens every sealed secret of a record.
    ///
    /// # Errors
    /// [`StoreError::Unsealable`] when one was sealed with another key, or is damaged.
    pub fn open_secrets(&self, record: &mut dyn Record) -> Result<(), StoreError> {
        let (kind, name) = (record.kind(), record.name().clone());
        for (property, secret) in record.secrets() {
            let Secret::Sealed(sealed) = &*secret else { continue };
            let clear = self
                .opened(&place(kind, property), sealed)
                .and_then(|clear| String::from_utf8(clear).ok())
                .ok_or_else(|| StoreError::Unsealable { kind, name: name.as_str().to_owned() })?;
            *secret = Secret::from_document(clear);
        }
        Ok(())
    }

    /// Seals a text that belongs to no record.
    pub(super) fn seal_text(&self, purpose: &str, text: &str) -> Vec<u8> {
        self.sealed(&self.nonce(&[purpose, text]), purpose, text)
    }

    /// Whether this opens to the text.
    pub(super) fn opens(&self, purpose: &str, sealed: &[u8], text: &str) -> bool {
        self.opened(purpose, sealed).is_some_and(|clear| clear == text.as_bytes())
    }

    fn sealed(&self, nonce: &XNonce, place: &str, clear: &str) -> Vec<u8> {
        let payload = Payload { msg: clear.as_bytes(), aad: place.as_bytes() };
        let sealed = self.cipher.encrypt(nonce, payload).expect("a secret is far below 256 GB");
        [nonce.as_slice(), &sealed].concat()
    }

    /// None where it was sealed with another key or for another place, or is damaged.
    fn opened(&self, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, msg) = sealed.split_at_checked(NONCE_BYTES)?;
        let payload = Payload { msg, aad: place.as_bytes() };
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

/// What a secret is sealed for. A record's name is not in it, so that a renamed record keeps it.
fn place(kind: Kind, property: &str) -> String {
    format!("{kind}.{property}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Credential, Entity, Field, Name, limits::weight};

    fn credential(name: &str, password: &str) -> Credential {
        let mut record = Credential::named(Name::parse(name.to_owned()).unwrap());
        record.password = Field::Set(Secret::from_plain(password));
        record
    }

    #[test]
    fn what_was_sealed_opens_and_the_same_is_sealed_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::create(&folder.path().join("key")).unwrap();
        let again = Vault::open(&folder.path().join("key")).unwrap();
        let clear = credential("a", "hunter2");
        let (mut one, mut two, mut other) =
            (clear.clone(), clear.clone(), credential("b", "hunter2"));
        vault.seal(&mut one);
        again.seal(&mut two);
        vault.seal(&mut other);
        assert_eq!(one, two);
        assert_ne!(one.password, other.password);
        assert_ne!(one, clear);
        // What sealing adds is not counted.
        assert_eq!(weight(&mut one), weight(&mut clear.clone()));
        again.open_secrets(&mut one).unwrap();
        assert_eq!(one, clear);
    }

    #[test]
    fn another_key_or_another_place_does_not_open() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::create(&folder.path().join("one")).unwrap();
        let stranger = Vault::create(&folder.path().join("two")).unwrap();
        let mut record = credential("a", "hunter2");
        vault.seal(&mut record);
        assert!(stranger.open_secrets(&mut record.clone()).is_err());
        record.enable_password = std::mem::take(&mut record.password);
        assert!(vault.open_secrets(&mut record).is_err());
    }
}
