//! The rules for new passwords, and the passwords that everybody knows.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use super::user_name::is_invisible;

/// The smallest number of characters of a new password. With the limits on failed logins, more than ten
/// are only needed against somebody who has a copy of the hashes.
pub const PASSWORD_CHARACTERS_MIN: usize = 10;

/// The largest size of a new password, in bytes. A longer one is a mistake, such as a whole file, and
/// would not fit into the head of a request.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// The smallest number of different characters in a new password.
const DIFFERENT_CHARACTERS_MIN: usize = 4;

/// The 10,000 most common passwords, one a line: the first of the list that the password meter zxcvbn
/// takes from ten million passwords which Mark Burnett published in 2015 (public domain).
const COMMON_PASSWORDS: &str = include_str!("../../assets/common-passwords.txt");

/// Passwords of products as they are delivered, which [`COMMON_PASSWORDS`] does not contain.
const DELIVERED_PASSWORDS: [&str; 5] = ["admin", "changeme", "enms", "satchel", "vagrant"];

static PUBLIC_PASSWORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| COMMON_PASSWORDS.lines().chain(DELIVERED_PASSWORDS).collect());

/// The reason why a new password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedPassword {
    /// It has fewer than [`PASSWORD_CHARACTERS_MIN`] characters.
    #[error("a password needs at least {PASSWORD_CHARACTERS_MIN} characters")]
    TooShort,
    /// It has more than [`PASSWORD_BYTES_MAX`] bytes.
    #[error("a password can have at most {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// It contains a control character, such as a line break, which no login form sends.
    #[error("a password must not contain control characters, such as line breaks")]
    ControlCharacter,
    /// It contains a character that nobody sees, which a user cannot type again.
    #[error(
        "a password must not contain the character U+{:04X}, which is not visible",
        u32::from(*.character)
    )]
    Invisible {
        /// The first such character.
        character: char,
    },
    /// Each character follows the one before, such as `0123456789` or `zyxwvutsrq`.
    #[error("a password must not be a sequence, such as 0123456789 or abcdefghij")]
    Sequence,
    /// It has fewer than [`DIFFERENT_CHARACTERS_MIN`] different characters.
    #[error("a password needs at least {DIFFERENT_CHARACTERS_MIN} different characters")]
    Monotonous,
    /// Programs that guess passwords try it.
    #[error("this password is one of the 10,000 most common ones")]
    Common,
    /// It equals the name of the user.
    #[error("the password is the user's name")]
    UserName,
}

/// Checks a new password of the user `user`. Upper and lower case do not matter.
///
/// # Errors
/// The first rule that the password breaks.
pub fn check_new_password(user: &str, password: &str) -> Result<(), RefusedPassword> {
    if password.chars().count() < PASSWORD_CHARACTERS_MIN {
        return Err(RefusedPassword::TooShort);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(RefusedPassword::TooLong);
    }
    if password.contains(char::is_control) {
        return Err(RefusedPassword::ControlCharacter);
    }
    if let Some(character) = password.chars().find(|character| is_unseen(*character)) {
        return Err(RefusedPassword::Invisible { character });
    }
    if password.chars().collect::<HashSet<_>>().len() < DIFFERENT_CHARACTERS_MIN {
        return Err(RefusedPassword::Monotonous);
    }
    if is_sequence(&folded(password)) {
        return Err(RefusedPassword::Sequence);
    }
    require_private(user, password)?;
    // A sign at the beginning or the end is the first thing that programs try.
    let bare = password.trim_matches(|character: char| !character.is_alphanumeric());
    if bare.is_empty() { Ok(()) } else { require_private(user, bare) }
}

/// Returns whether a character of a password is not visible. Wide spaces are visible.
fn is_unseen(character: char) -> bool {
    is_invisible(character) && !character.is_whitespace()
}

/// Returns whether each character follows the one before, or each precedes it. After 9 comes 0, as on a
/// keyboard.
fn is_sequence(password: &str) -> bool {
    let follows = |first: char, second: char| match (first, second) {
        ('9', '0') => true,
        _ => u32::from(first) + 1 == u32::from(second),
    };
    let pairs = || password.chars().zip(password.chars().skip(1));
    pairs().all(|(first, second)| follows(first, second))
        || pairs().all(|(first, second)| follows(second, first))
}

/// Tells whether everybody knows the password with which a session or a token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordSecrecy {
    /// A password that works on a server that no other machine can reach, and nowhere else.
    Public,
    /// Any other password.
    Secret,
}

/// The secrecy of the password of a user.
pub fn secrecy(user: &str, password: &str) -> PasswordSecrecy {
    if is_public(user, password) { PasswordSecrecy::Public } else { PasswordSecrecy::Secret }
}

/// Returns whether everybody knows this password: it is empty, one of the most common ones, or the name of
/// the user.
pub(super) fn is_public(user: &str, password: &str) -> bool {
    require_private(user, password).is_err()
}

fn require_private(user: &str, password: &str) -> Result<(), RefusedPassword> {
    let password = folded(password);
    if password.is_empty() {
        return Err(RefusedPassword::TooShort);
    }
    if password == folded(user) {
        return Err(RefusedPassword::UserName);
    }
    if PUBLIC_PASSWORDS.contains(password.as_str()) {
        return Err(RefusedPassword::Common);
    }
    Ok(())
}

/// A password without differences that nobody sees: in lower case, with plain forms of the characters
/// (NFKC), such as `a` for the wide `ａ`, and without white space around it.
fn folded(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.nfkc().collect::<String>().to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused() {
        for (user, password, expected) in [
            ("é>b", "", RefusedPassword::TooShort),
            ("é>b", "äöüäöüäöü", RefusedPassword::TooShort),
            ("é>b", &"x".repeat(PASSWORD_BYTES_MAX + 1), RefusedPassword::TooLong),
            ("é>b", "QWERTYUIOP", RefusedPassword::Common),
            ("é>b", "password123", RefusedPassword::Common),
            ("é>b", " password123", RefusedPassword::Common),
            ("é>b", "Password123!", RefusedPassword::Common),
            ("é>b", "ｐａｓｓｗｏｒｄ１２３", RefusedPassword::Common),
            ("öffentlichkeit", "Öffentlichkeit!?", RefusedPassword::UserName),
            ("é>b", "          ", RefusedPassword::Monotonous),
            ("é>b", "ababcbabcb", RefusedPassword::Monotonous),
            ("é>b", "0123456789", RefusedPassword::Sequence),
            ("é>b", "1234567890123", RefusedPassword::Sequence),
            ("é>b", "9876543210987", RefusedPassword::Sequence),
            ("é>b", "ABCDEFGHIJ", RefusedPassword::Sequence),
            ("é>b", "０１２３４５６７８９", RefusedPassword::Sequence),
            (
                "é>b",
                "a\u{202e}b\u{200b}cdefghijkl",
                RefusedPassword::Invisible { character: '\u{202e}' },
            ),
            ("é>b", "correct\nhorse", RefusedPassword::ControlCharacter),
            ("é>b", "correct\0horse", RefusedPassword::ControlCharacter),
            ("Öffentlichkeit", "öffentlichKEIT", RefusedPassword::UserName),
        ] {
            assert_eq!(check_new_password(user, password), Err(expected), "{password}");
        }
        for password in [
            "äöüßäöüßäö",
            "correct horse",
            "0123456780",
            "Oslo\u{3000}Fjord 9",
            "…—»«…—»«…—",
            &"wxyz".repeat(PASSWORD_BYTES_MAX / 4),
        ] {
            assert_eq!(check_new_password("é>b", password), Ok(()), "{password}");
        }
    }

    #[test]
    fn delivered_passwords_are_public() {
        for (user, password) in [
            ("admin", "admin"),
            ("alice", ""),
            ("alice", "Admin"),
            ("readonly", "readonly"),
            ("demo", "DEMO"),
            ("demo", " ｄｅｍｏ"),
        ] {
            assert!(is_public(user, password), "{user} {password}");
        }
        assert!(!is_public("admin", "wrong"));
        assert_eq!(COMMON_PASSWORDS.lines().count(), 10_000);
        for password in COMMON_PASSWORDS.lines().chain(DELIVERED_PASSWORDS) {
            assert_eq!(password, password.trim().to_lowercase());
        }
    }
}
