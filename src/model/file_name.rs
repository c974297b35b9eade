//! The rule for names of projects and workbooks, which become names of files.

use super::rule::shown_character;

/// The longest name in characters, which are bytes because all are ASCII. With an extension it is
/// shorter than the limit of every file system (255 bytes).
pub const FILE_NAME_CHARACTERS_MAX: usize = 128;

/// The reason why a text cannot be the name of a file. Its message continues "the name of a project
/// …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileNameProblem {
    /// The text has no characters.
    #[error("must not be empty")]
    Empty,
    /// The text exceeds [`FILE_NAME_CHARACTERS_MAX`].
    #[error("must have at most {FILE_NAME_CHARACTERS_MAX} characters, but has {characters}")]
    TooLong {
        /// The length of the text, in characters.
        characters: usize,
    },
    /// The text starts with a dot, which hides a file and is a folder of its own in `.` and `..`.
    #[error("must not start with a dot")]
    LeadingDot,
    /// The text contains a character that is not allowed.
    #[error(
        "must not contain {}; allowed are the letters a to z and A to Z, \
         digits, spaces, '.', '_' and '-'",
        shown_character(*.character)
    )]
    Character {
        /// The first such character.
        character: char,
    },
}

/// Checks that a text has 1 to [`FILE_NAME_CHARACTERS_MAX`] of the letters a to z and A to Z,
/// digits, space, `.`, `_` and `-`, and does not start with a dot.
///
/// The file can also be copied to a USB stick, and every file system stores ASCII in the same way.
/// Nothing is unescaped: a `%2e` in an address was decoded before, and `%` is not allowed.
///
/// # Errors
/// The first rule that the text breaks: [`FileNameProblem`].
pub fn check_file_name(text: &str) -> Result<(), FileNameProblem> {
    if text.is_empty() {
        Err(FileNameProblem::Empty)
    } else if text.chars().nth(FILE_NAME_CHARACTERS_MAX).is_some() {
        Err(FileNameProblem::TooLong { characters: text.chars().count() })
    } else if let Some(character) = text.chars().find(|c| !is_file_name_character(*c)) {
        Err(FileNameProblem::Character { character })
    } else if text.starts_with('.') {
        Err(FileNameProblem::LeadingDot)
    } else {
        Ok(())
    }
}

/// Returns whether a character is allowed in the name of a project or workbook.
pub fn is_file_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, ' ' | '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_allowed() {
        for text in ["test_project", "Backup", "2026-05-23 nightly", "a.zip", "a..b", "-", "x."] {
            assert_eq!(check_file_name(text), Ok(()), "{text}");
        }
        assert_eq!(check_file_name(&"x".repeat(128)), Ok(()));
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        let problem = |text: &str| check_file_name(text).unwrap_err();
        assert_eq!(problem(""), FileNameProblem::Empty);
        for text in [".", "..", ".hidden", ".aside-1"] {
            assert_eq!(problem(text), FileNameProblem::LeadingDot, "{text}");
        }
        for characters in [129, 1 << 20] {
            let expected = FileNameProblem::TooLong { characters };
            assert_eq!(problem(&"x".repeat(characters)), expected);
        }
        for (text, character) in [
            ("../x", '/'),
            ("/etc/passwd", '/'),
            ("a\\b", '\\'),
            ("%2e%2e", '%'),
            ("a\0", '\0'),
            ("a\n", '\n'),
            ("C:x", ':'),
            ("é", 'é'),
            ("a\u{202e}b", '\u{202e}'),
        ] {
            assert_eq!(problem(text), FileNameProblem::Character { character }, "{text:?}");
        }
    }
}
