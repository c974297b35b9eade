//! A token, its scope, and the text that a program sends.

use std::fmt;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::access::{PasswordSecrecy, Right, Rights};
use crate::disk;
use crate::model::Networks;
use crate::wording::hex;

/// The time after which a token expires if its maker says nothing, in days: long enough for a script to
/// be useful, and short enough that forgotten ones end.
pub const EXPIRES_DAYS_DEFAULT: u64 = 90;

/// The longest life of a token, in days: ten years. A longer one is a mistake.
pub const EXPIRES_DAYS_MAX: u64 = 3650;

/// The beginning of every token. Programs that search files for secrets recognise it.
const PREFIX: &str = "sat_";

/// The sizes of a key and of a secret, in bytes. The secret cannot be guessed.
const KEY_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;

/// The rights of a token, at most. Its user must have them too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Reads records, configurations and the history.
    Read,
    /// Reads what other programs collect regularly.
    Feeds,
    /// Exports everything, and verifies the inventory.
    Backup,
    /// Imports projects and workbooks.
    Import,
    /// All rights of its user, except for making tokens.
    Admin,
}

impl Scope {
    /// All scopes, as words.
    pub const WORDS: [&str; 5] = ["read", "feeds", "backup", "import", "admin"];

    const ALL: [Self; 5] = [Self::Read, Self::Feeds, Self::Backup, Self::Import, Self::Admin];

    /// The word for the scope.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Feeds => "feeds",
            Self::Backup => "backup",
            Self::Import => "import",
            Self::Admin => "admin",
        }
    }

    /// The scope with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// The rights that the scope contains.
    pub const fn rights(self) -> Rights {
        match self {
            Self::Read => Rights::of(&[Right::Public, Right::Read]),
            Self::Feeds => Rights::of(&[Right::Public, Right::Feeds]),
            Self::Backup => {
                Rights::of(&[Right::Public, Right::Read, Right::Jobs, Right::Export, Right::Backup])
            }
            Self::Import => Rights::of(&[Right::Public, Right::Read, Right::Jobs, Right::Import]),
            Self::Admin => Rights::ALL.without(Right::Own),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The public part, by which the token is found.
    pub key: String,
    /// The name that its maker gave it.
    pub name: String,
    /// The user as whom it acts.
    pub user: String,
    /// Its rights, at most.
    pub scope: Scope,
    /// The networks from which it can be used. Empty means all.
    pub from: Networks,
    /// The time when it was made.
    pub created: OffsetDateTime,
    /// The time when it stops to work.
    pub expires: OffsetDateTime,
    /// The last time when it was used.
    pub last_used: Option<OffsetDateTime>,
    /// The keyed hash of the user's password hash when the token was made.
    pub(super) password: String,
    /// Tells whether everybody knows the password with which it was made.
    pub(super) secrecy: PasswordSecrecy,
}

/// A token and the keyed hash of its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredToken {
    pub token: Token,
    pub secret_hash: String,
}

/// The reason why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It has another form, or was revoked, or is of another server.
    #[error("the token is unknown or was revoked")]
    Unknown,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It was sent from an address outside of its networks.
    #[error("the token cannot be used from this address")]
    WrongAddress,
    /// It was made with a public password, and was sent to a place where that password does not work.
    #[error(
        "the token was made with a password that everybody knows, so it works on the server's machine \
         only, while no other machine can reach the server; set another password, and make a new token"
    )]
    PublicPassword,
}

/// The text of a token: `sat_KEY.SECRET`.
pub(super) struct TokenText {
    pub key: String,
    pub secret: Zeroizing<String>,
}

/// Returns the key in the text of a token, which is not secret. `None` if the text is none of a token.
pub fn token_key(text: &str) -> Option<&str> {
    TokenText::parse(text)?;
    Some(text.strip_prefix(PREFIX)?.split_once('.')?.0)
}

impl TokenText {
    /// Makes a new one.
    ///
    /// # Errors
    /// An I/O error if the system provides no random numbers.
    pub(super) fn random() -> std::io::Result<Self> {
        let mut key = [0; KEY_BYTES];
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        disk::fill_random(&mut key)?;
        disk::fill_random(secret.as_mut_slice())?;
        Ok(Self { key: hex(&key), secret: Zeroizing::new(hex(secret.as_slice())) })
    }

    /// Parses the text that a program sent. `None` if it has another form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (key, secret) = text.strip_prefix(PREFIX)?.split_once('.')?;
        let is_hex = |text: &str, bytes| {
            text.len() == 2 * bytes && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        (is_hex(key, KEY_BYTES) && is_hex(secret, SECRET_BYTES))
            .then(|| Self { key: key.to_owned(), secret: Zeroizing::new(secret.to_owned()) })
    }

    /// The whole text.
    pub(super) fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}.{}", self.key, *self.secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_back() {
        let made = TokenText::random().unwrap();
        let read = TokenText::parse(&made.text()).unwrap();
        assert_eq!((&read.key, &*read.secret), (&made.key, &*made.secret));
        assert_ne!(made.key, TokenText::random().unwrap().key);
        let text = made.text();
        for wrong in ["", "sat_", &text[1..], &text[..text.len() - 1], &text.replace('.', "-")] {
            assert!(TokenText::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn no_scope_makes_tokens() {
        for (scope, word) in Scope::ALL.into_iter().zip(Scope::WORDS) {
            assert_eq!((scope.as_str(), Scope::parse(word)), (word, Some(scope)));
            assert!(!scope.rights().contains(Right::Own), "{word}");
        }
        assert_eq!(Scope::parse("Read"), None);
        assert!(!Scope::Read.rights().contains(Right::Edit));
        assert!(Scope::Admin.rights().contains(Right::Administer));
    }
}
