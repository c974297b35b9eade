//! The rules for the names of new users and tokens.

use crate::model::{is_latin, is_of_similar_alphabet};

/// The reason why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedName {
    /// It contains a colon.
    #[error("a user's name must not contain a colon: HTTP basic authentication cannot send it")]
    Colon,
    /// It is empty, or begins or ends with white space.
    #[error("the name must not be empty, and must not begin or end with white space")]
    Padded,
    /// It contains a character that nobody sees, or that changes the direction of the text.
    #[error(
        "the name must not contain the character U+{:04X}, which is not visible",
        u32::from(*.character)
    )]
    Invisible {
        /// The first such character.
        character: char,
    },
    /// It mixes Latin letters with those of an alphabet in which some letters look the same.
    #[error(
        "the name must not mix Latin letters with letters of another alphabet that look like them, here \
         “{character}” (U+{:04X})",
        u32::from(*.character)
    )]
    MixedAlphabets {
        /// The first letter of the other alphabet.
        character: char,
    },
    /// It looks like the name of an existing user.
    #[error("the name looks like that of the existing user “{existing}”; choose another one")]
    LooksLike {
        /// The existing user.
        existing: String,
    },
}

/// Checks the name of a new user: the rules for every [user name](check_user_name), and one alphabet.
///
/// # Errors
/// The first rule that the name breaks. [`RefusedName::LooksLike`] needs the names of the other users.
pub fn check_new_user_name(name: &str) -> Result<(), RefusedName> {
    check_user_name(name)?;
    let other = name.chars().find(|character| is_of_similar_alphabet(*character));
    match other.filter(|_| name.chars().any(is_latin)) {
        Some(character) => Err(RefusedName::MixedAlphabets { character }),
        None => Ok(()),
    }
}

/// Checks the name of a user: a person must be able to read it, and HTTP must be able to send it. Earlier
/// versions and imports accepted names that [`check_new_user_name`] refuses; their users can log in.
///
/// # Errors
/// The first rule that the name breaks.
pub fn check_user_name(name: &str) -> Result<(), RefusedName> {
    check_visible(name)?;
    if name.contains(':') { Err(RefusedName::Colon) } else { Ok(()) }
}

/// Checks that a person can tell a name from other names.
///
/// # Errors
/// [`RefusedName::Padded`], [`RefusedName::Invisible`].
pub(super) fn check_visible(name: &str) -> Result<(), RefusedName> {
    if let Some(character) = name.chars().find(|character| is_invisible(*character)) {
        return Err(RefusedName::Invisible { character });
    }
    if name.is_empty() || name.trim() != name { Err(RefusedName::Padded) } else { Ok(()) }
}

/// Returns whether a character has no shape of its own: control characters, white space other than the
/// space, and the characters that programs are to ignore if they cannot show them
/// (`Default_Ignorable_Code_Point` of Unicode 16), to which the marks of the direction belong.
pub fn is_invisible(character: char) -> bool {
    let is_ignorable = matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    // The braille pattern without dots looks like a space.
    let is_blank = character == '\u{2800}' || character.is_whitespace() && character != ' ';
    is_ignorable || is_blank || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_people_can_tell_apart_are_accepted() {
        for name in ["é>b 100%", "o-hara", "[Shared] x", "аdmin", "🦀", "a  b", "..", "u@x.example"]
        {
            assert_eq!(check_user_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn new_names_have_one_alphabet() {
        for name in ["Василий", "Ελένη-2", "José Ñandú", "田中 tanaka", "é>b 100%", "Zoë"]
        {
            assert_eq!(check_new_user_name(name), Ok(()), "{name}");
        }
        for (name, character) in [("аdmin", 'а'), ("adminα", 'α'), ("é>bж", 'ж'), ("ａdmіn", 'і')]
        {
            let refused = Err(RefusedName::MixedAlphabets { character });
            assert_eq!(check_new_user_name(name), refused, "{name}");
        }
        assert_eq!(check_new_user_name("a:b"), Err(RefusedName::Colon));
    }

    #[test]
    fn invisible_and_padded_names_and_colons_are_refused() {
        for (name, expected) in [
            ("", RefusedName::Padded),
            (" ", RefusedName::Padded),
            ("u1 ", RefusedName::Padded),
            (" u1", RefusedName::Padded),
            ("u:1", RefusedName::Colon),
            (":", RefusedName::Colon),
        ] {
            assert_eq!(check_user_name(name), Err(expected.clone()), "{name:?}");
        }
        for character in [
            '\u{200b}',
            '\u{202e}',
            '\u{a0}',
            '\u{feff}',
            '\u{ad}',
            '\u{2066}',
            '\u{3164}',
            '\n',
            '\u{1b}',
            '\u{2028}',
            '\u{e0041}',
            '\u{2800}',
        ] {
            for name in [format!("ad{character}min"), character.to_string()] {
                let refused = check_user_name(&name);
                assert_eq!(refused, Err(RefusedName::Invisible { character }), "{name:?}");
            }
        }
    }
}
