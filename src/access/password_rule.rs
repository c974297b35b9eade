//! The rules for new passwords, and the passwords that everybody knows.

use std::collections::HashSet;
use std::sync::LazyLock;

/// The smallest number of characters of a new password. With the limits on failed logins, more than ten
/// are only needed against somebody who has a copy of the hashes.
pub const PASSWORD_CHARACTERS_MIN: usize = 10;

/// The largest size of a new password, in bytes. A longer one is a mistake, such as a whole file, and
/// would not fit into the head of a request.
pub const PASSWORD_BYTES_MAX: usize = 1024;

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
    require_private(user, password)
}

/// Returns whether everybody knows this password: it is empty, one of the most common ones, or the name of
/// the user.
pub(super) fn is_public(user: &str, password: &str) -> bool {
    require_private(user, password).is_err()
}

fn require_private(user: &str, password: &str) -> Result<(), RefusedPassword> {
    let password = password.to_lowercase();
    if password.is_empty() {
        return Err(RefusedPassword::TooShort);
    }
    if password == user.to_lowercase() {
        return Err(RefusedPassword::UserName);
    }
    if PUBLIC_PASSWORDS.contains(password.as_str()) {
        return Err(RefusedPassword::Common);
    }
    Ok(())
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
            ("Öffentlichkeit", "öffentlichKEIT", RefusedPassword::UserName),
        ] {
            assert_eq!(check_new_password(user, password), Err(expected), "{password}");
        }
        for password in ["äöüäöüäöüä", "correct horse", &"x".repeat(PASSWORD_BYTES_MAX)] {
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
