//! The set-up of the first administrator by a one-time link.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use super::{FIRST_USER_NAME, NewRights, PasswordError, set_password};
use crate::{
    disk,
    store::{Origin, Store},
    wording::hex,
};

/// The size of a code, in bytes: too many possibilities to guess.
const CODE_BYTES: usize = 16;

/// The one-time set-up of the first administrator. Whoever has its code sets the password.
///
/// The code lives as long as the process. A server that starts again makes another one, until somebody
/// has used it.
pub struct Setup {
    store: Arc<Store>,
    /// `None` after the code was used.
    code: Mutex<Option<String>>,
}

/// The reason why the first administrator could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The code is not the one of this start, or was used before.
    #[error("the code of the set-up link is wrong, or was used before")]
    WrongCode,
    /// The password could not be set.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

impl Setup {
    /// Makes a new code.
    ///
    /// # Errors
    /// An I/O error if the system provides no random numbers.
    pub fn new(store: Arc<Store>) -> std::io::Result<Self> {
        let mut bytes = [0; CODE_BYTES];
        disk::fill_random(&mut bytes)?;
        Ok(Self { store, code: Mutex::new(Some(hex(&bytes))) })
    }

    /// The code. `None` after it was used.
    pub fn code(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Makes the first user an administrator with this password, and makes the code useless. Takes about
    /// 20 ms.
    ///
    /// # Errors
    /// [`SetupError::WrongCode`]; [`SetupError::Password`] if the password breaks a rule or cannot be
    /// stored: the code stays valid.
    pub fn finish(&self, code: &str, password: &str) -> Result<(), SetupError> {
        // Taken out meanwhile, so that nobody waits for the hash, and nobody else can use the code.
        let taken = self.lock().take_if(|expected| is_same(expected, code));
        let Some(taken) = taken else { return Err(SetupError::WrongCode) };
        let origin = Origin::internal("set_up");
        let rights = NewRights::Administrator;
        if let Err(error) = set_password(&self.store, &origin, FIRST_USER_NAME, password, rights) {
            *self.lock() = Some(taken);
            return Err(error.into());
        }
        Ok(())
    }

    /// Returns whether this is the code. Never blocks.
    pub fn is_code(&self, code: &str) -> bool {
        self.lock().as_deref().is_some_and(|expected| is_same(expected, code))
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares hashes, so that the time reveals nothing about the code.
fn is_same(expected: &str, code: &str) -> bool {
    Sha256::digest(expected) == Sha256::digest(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{RefusedPassword, has_able_administrator};

    #[test]
    fn a_code_sets_one_password() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        let setup = Setup::new(store.clone()).unwrap();
        let code = setup.code().unwrap();
        assert_eq!(code.len(), 2 * CODE_BYTES);
        for wrong in ["", &code[1..], &Setup::new(store.clone()).unwrap().code().unwrap()] {
            let refused = setup.finish(wrong, "Oslo Fjord 9");
            assert!(matches!(refused, Err(SetupError::WrongCode)), "{wrong}");
        }
        assert!(matches!(
            setup.finish(&code, "admin"),
            Err(SetupError::Password(PasswordError::Refused(RefusedPassword::TooShort)))
        ));
        assert!(!has_able_administrator(&store).unwrap());
        setup.finish(&code, "Oslo Fjord 9").unwrap();
        assert!(has_able_administrator(&store).unwrap());
        assert_eq!(setup.code(), None);
        assert!(matches!(setup.finish(&code, "Bergen Fjord 9"), Err(SetupError::WrongCode)));
    }
}
