//! The file `tokens` in the data directory.
//!
//! The first line is `satchel tokens 1 SHA256`: the format, and the hash of all following bytes. Each
//! following line is a token as JSON, with the keyed hash of its secret. The file is replaced as a whole.

use std::path::PathBuf;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::token::{Scope, StoredToken, Token};
use crate::disk;
use crate::model::Networks;
use crate::wording::hex;

const HEADER: &str = "satchel tokens 1 ";

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
    /// [`TokensError::Damaged`], [`TokensError::Read`].
    pub(super) fn read(&self) -> Result<Vec<StoredToken>, TokensError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(TokensError::Read { path: self.path.clone(), source }),
        };
        parse(&bytes).ok_or_else(|| TokensError::Damaged { path: self.path.clone() })
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
        let contents = format!("{HEADER}{}\n{lines}", hash(lines.as_bytes()));
        disk::write_private_file(&self.path, &self.temporary, contents.as_bytes()).map_err(failed)
    }
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Parses the contents. `None` if they are damaged.
fn parse(bytes: &[u8]) -> Option<Vec<StoredToken>> {
    let (header, lines) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    if header.strip_prefix(HEADER)? != hash(lines.as_bytes()) {
        return None;
    }
    lines.lines().map(|line| token_of(serde_json::from_str(line).ok()?)).collect()
}

fn line_of(StoredToken { token, secret_hash }: &StoredToken) -> Line {
    Line {
        key: token.key.clone(),
        secret_hash: secret_hash.clone(),
        password: token.password.clone(),
        name: token.name.clone(),
        user: token.user.clone(),
        scope: token.scope.as_str().to_owned(),
        from: token.from.to_string(),
        created: token.created,
        expires: token.expires,
        last_used: token.last_used,
    }
}

fn token_of(line: Line) -> Option<StoredToken> {
    let from = match line.from.as_str() {
        "" => Networks::default(),
        text => Networks::parse(text).ok()?,
    };
    let token = Token {
        key: line.key,
        password: line.password,
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
        assert!(file.read().unwrap().is_empty());
        let time = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
        let token = |name: &str, from, last_used| StoredToken {
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
            },
            secret_hash: "ab".to_owned(),
        };
        let networks = Networks::parse("10.0.0.0/8, ::1").unwrap();
        let tokens =
            vec![token("a\n\"b", networks, None), token("c", Networks::default(), Some(time))];
        file.write(&tokens).unwrap();
        assert_eq!(file.read().unwrap(), tokens);

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
}
