//! The rules of `.xls` and `.xlsx` for the names of sheets.

/// The longest name of a sheet, in UTF-16 units: Excel's limit.
pub const SHEET_NAME_UNITS_MAX: usize = 31;

/// Characters that a sheet name cannot contain, because formulas use them.
const FORBIDDEN: [char; 7] = ['[', ']', ':', '*', '?', '/', '\\'];

/// The reason why a text cannot be the name of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetNameProblem {
    /// The name has no characters.
    #[error("the name is empty")]
    Empty,
    /// The name has more than [`SHEET_NAME_UNITS_MAX`] UTF-16 units.
    #[error("the name has more than {SHEET_NAME_UNITS_MAX} characters")]
    TooLong,
    /// The name has a control character, a character of formulas, or one that XML cannot hold.
    #[error("the name contains '{}'", .character.escape_debug())]
    Character {
        /// The first such character.
        character: char,
    },
    /// The name begins or ends with `'`, which encloses sheet names in formulas.
    #[error("the name begins or ends with an apostrophe")]
    Apostrophe,
    /// Excel ignores case in sheet names, so an earlier sheet has this name.
    #[error("another sheet has the same name, except for upper and lower case")]
    Duplicate,
}

/// Characters that are not control characters, but that XML cannot hold.
const NOT_IN_XML: [char; 2] = ['\u{fffe}', '\u{ffff}'];

/// Returns whether the name of a sheet can contain this character.
pub fn is_sheet_name_character(character: char) -> bool {
    !character.is_control() && !FORBIDDEN.contains(&character) && !NOT_IN_XML.contains(&character)
}

/// Checks a name against the rules and against the names of the other sheets.
pub(super) fn check(name: &str, others: &[String]) -> Result<(), SheetNameProblem> {
    let lower = name.to_lowercase();
    if name.is_empty() {
        Err(SheetNameProblem::Empty)
    } else if name.encode_utf16().count() > SHEET_NAME_UNITS_MAX {
        Err(SheetNameProblem::TooLong)
    } else if let Some(character) = name.chars().find(|c| !is_sheet_name_character(*c)) {
        Err(SheetNameProblem::Character { character })
    } else if name.starts_with('\'') || name.ends_with('\'') {
        Err(SheetNameProblem::Apostrophe)
    } else if others.iter().any(|other| other.to_lowercase() == lower) {
        Err(SheetNameProblem::Duplicate)
    } else {
        Ok(())
    }
}
