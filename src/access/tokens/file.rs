//! The file `tokens` in the data directory.
//!
//! The first line is `satchel tokens 2 SHA256`: the format, and the hash of its number and of all following
//! bytes. Each following line is a token as JSON, with the keyed hash of its secret. The file is replaced as a whole.
//!
//! A file of format 1 does not tell which tokens were made with public passwords, and its hash does not
//! contain the number. It is read too, and the next change writes it in format 2.

use std::path::PathBuf;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::token::{Scope, StoredToken, Token};
use crate::access::PasswordSecrecy;
use crate::disk;
use crate::model::Networks;
use crate::wording::hex;

const HEADER: &str = "satchel tokens ";
const FORMAT: u32 = 2;

/// The format without the secrecy of passwords.
const WITHOUT_SECRECY_FORMAT: u32 = 1;

/// The file with the tokens cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It cannot be read.
    #[error("cannot read the tokens in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write the tokens to {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
    /// Its contents do not match their hash.
    #[error(
        "the file {} with the tokens is damaged. Move it away; then all tokens must be made again",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Its format is newer than this executable.
    #[error(
        "a newer version of Satchel wrote the file {} with the tokens. Use that version, or move the \
         file away; then all tokens must be made again",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
    },
}

/// The contents of the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub tokens: Vec<StoredToken>,
    pub secrecy: SecrecyOfTokens,
}

/// Tells whether the secrecy of the passwords with which tokens were made is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SecrecyOfTokens {
    #[default]
    Known,
    /// The file is of format 1. All tokens are [`PasswordSecrecy::Public`].
    Unknown,
}

/// The file of a data directory.
pub(super) struct TokensFile {
    path: PathBuf,
    /// The new file while it is written.
    temporary: PathBuf,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    secret_hash: String,
    /// The keyed hash of the user's password hash.
    password: String,
    name: String,
    user: String,
    scope: String,
    /// True for a token that was made with a public password.
    #[serde(default, skip_serializing_if = "is_false")]
    public_password: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    from: String,
    #[serde(with = "time::serde::rfc3339")]
    created: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires: OffsetDateTime,
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    last_used: Option<OffsetDateTime>,
}

impl TokensFile {
    /// The file at `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { temporary: path.with_extension("new"), path }
    }

    /// Returns whether the file exists.
    ///
    /// # Errors
    /// [`TokensError::Read`].
    pub(super) fn exists(&self) -> Result<bool, TokensError> {
        let exists = self.path.try_exists();
        exists.map_err(|source| TokensError::Read { path: self.path.clone(), source })
    }

    /// Reads the tokens. A missing file has none.
    ///
    /// # Errors
    /// [`TokensError::Damaged`], [`TokensError::Newer`], [`TokensError::Read`].
    pub(super) fn read(&self) -> Result<Contents, TokensError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::default()),
            Err(source) => return Err(TokensError::Read { path: self.path.clone(), source }),
        };
        match parse(&bytes) {
            Parsed::Contents(contents) => Ok(contents),
            Parsed::Newer => Err(TokensError::Newer { path: self.path.clone() }),
            Parsed::Damaged => Err(TokensError::Damaged { path: self.path.clone() }),
        }
    }

    /// Replaces the file, durably.
    ///
    /// # Errors
    /// [`TokensError::Write`].
    pub(super) fn write(&self, tokens: &[StoredToken]) -> Result<(), TokensError> {
        let failed = |source| TokensError::Write { path: self.path.clone(), source };
        let mut lines = String::new();
        for token in tokens {
            lines +=
                &serde_json::to_string(&line_of(token)).map_err(|error| failed(error.into()))?;
            lines.push('\n');
        }
        let contents = format!("{HEADER}{FORMAT} {}\n{lines}", hash(FORMAT, &lines));
        disk::write_private_file(&self.path, &self.temporary, contents.as_bytes()).map_err(failed)
    }
}

/// The hash of the lines of a file of this format.
fn hash(format: u32, lines: &str) -> String {
    match format {
        WITHOUT_SECRECY_FORMAT => hex(&Sha256::digest(lines)),
        format => hex(&Sha256::digest(format!("{format}\n{lines}"))),
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// The result of parsing a file.
enum Parsed {
    Contents(Contents),
    /// A higher format, with the right hash.
    Newer,
    Damaged,
}

fn parse(bytes: &[u8]) -> Parsed {
    let Some((format, lines)) = checked_lines(bytes) else { return Parsed::Damaged };
    let secrecy = match format {
        FORMAT => SecrecyOfTokens::Known,
        WITHOUT_SECRECY_FORMAT => SecrecyOfTokens::Unknown,
        newer if newer > FORMAT => return Parsed::Newer,
        _ => return Parsed::Damaged,
    };
    let parse_line = |line| token_of(serde_json::from_str(line).ok()?, secrecy);
    match lines.lines().map(parse_line).collect() {
        Some(tokens) => Parsed::Contents(Contents { tokens, secrecy }),
        None => Parsed::Damaged,
    }
}

/// The format and the lines of the tokens. `None` if they do not match their hash.
fn checked_lines(bytes: &[u8]) -> Option<(u32, &str)> {
    let (header, lines) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let (format, sum) = header.strip_prefix(HEADER)?.split_once(' ')?;
    let format = format.parse().ok()?;
    (sum == hash(format, lines)).then_some((format, lines))
}

fn line_of(StoredToken { token, secret_hash }: &StoredToken) -> Line {
    Line {
        key: token.key.clone(),
        secret_hash: secret_hash.clone(),
        password: token.password.clone(),
        name: token.name.clone(),
        user: token.user.clone(),
        scope: token.scope.as_str().to_owned(),
        public_password: token.secrecy == PasswordSecrecy::Public,
        from: token.from.to_string(),
        created: token.created,
        expires: token.expires,
        last_used: token.last_used,
    }
}

/// The token of a line. `None` if it is not one.
fn token_of(line: Line, secrecy: SecrecyOfTokens) -> Option<StoredToken> {
    let is_public = match secrecy {
        SecrecyOfTokens::Known => line.public_password,
        SecrecyOfTokens::Unknown => true,
    };
    let from = match line.from.as_str() {
        "" => Networks::default(),
        text => Networks::parse(text).ok()?,
    };
    let token = Token {
        key: line.key,
        password: line.password,
        secrecy: if is_public { PasswordSecrecy::Public } else { PasswordSecrecy::Secret },
        name: line.name,
        user: line.user,
        scope: Scope::parse(&line.scope)?,
        from,
        created: line.created,
        expires: line.expires,
        last_used: line.last_used,
    };
    Some(StoredToken { token, secret_hash: line.secret_hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokensFile::new(folder.path().join("tokens"));
        assert_eq!(file.read().unwrap(), Contents::default());
        let time = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
        let token = |name: &str, from, last_used, secrecy| StoredToken {
            token: Token {
                key: "0123".to_owned(),
                name: name.to_owned(),
                user: "é>b 100%".to_owned(),
                scope: Scope::Backup,
                from,
                created: time,
                expires: time,
                last_used,
                password: "cd".to_owned(),
                secrecy,
            },
            secret_hash: "ab".to_owned(),
        };
        let networks = Networks::parse("10.0.0.0/8, ::1").unwrap();
        let tokens = vec![
            token("a\n\"b", networks, None, PasswordSecrecy::Public),
            token("c", Networks::default(), Some(time), PasswordSecrecy::Secret),
        ];
        file.write(&tokens).unwrap();
        assert_eq!(file.read().unwrap(), Contents { tokens, secrecy: SecrecyOfTokens::Known });

        let bytes = fs::read(&file.path).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&file.path, &changed).unwrap();
            assert!(matches!(file.read(), Err(TokensError::Damaged { .. })), "byte {at}");
        }
        fs::write(&file.path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(matches!(file.read(), Err(TokensError::Damaged { .. })));
    }

    #[test]
    fn earlier_and_later_formats_are_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokensFile::new(folder.path().join("tokens"));
        // As the executable that wrote format 1 wrote it.
        let line = r#"{"key":"0123456789abcdef","secret_hash":"ab","password":"cd","name":"é>b","user":"admin","scope":"read","created":"2026-11-28T00:00:00Z","expires":"2027-11-28T00:00:00Z"}"#;
        let sum = "fd64d0e56e7c2d10096b7e9bd8a46e1bc564ddf24ed1673d130b94b04d70e3d4";
        fs::write(&file.path, format!("satchel tokens 1 {sum}\n{line}\n")).unwrap();
        let read = file.read().unwrap();
        assert_eq!(read.secrecy, SecrecyOfTokens::Unknown);
        assert_eq!(read.tokens[0].token.secrecy, PasswordSecrecy::Public);
        file.write(&read.tokens).unwrap();
        assert_eq!(file.read().unwrap().secrecy, SecrecyOfTokens::Known);

        fs::write(&file.path, format!("satchel tokens 3 {}\nx\n", hash(3, "x\n"))).unwrap();
        assert!(matches!(file.read(), Err(TokensError::Newer { .. })));
    }
}
