//! The kind of value that a number format shows.

/// The kind of value that a number format shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormatClass {
    Number,
    /// A date, a time of day, or both.
    Date,
    /// A duration, such as `[h]:mm`.
    Duration,
}

impl FormatClass {
    /// The class of a format string such as `yyyy-mm-dd` (ECMA-376, part 1, 18.8.31). Its first
    /// section decides.
    pub(super) fn of(format: &str) -> Self {
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            match character {
                ';' => return Self::Number,
                '"' => {
                    characters.by_ref().find(|c| *c == '"');
                }
                // The next character is shown as it is, or gives a width.
                '\\' | '_' | '*' => {
                    characters.next();
                }
                '[' => {
                    let inner: String = characters.by_ref().take_while(|c| *c != ']').collect();
                    if is_elapsed(&inner) {
                        return Self::Duration;
                    }
                }
                'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' => return Self::Date,
                _ => {}
            }
        }
        Self::Number
    }

    /// A built-in format of this class. No workbook gives its number another meaning for calamine.
    pub(super) fn built_in(self) -> u16 {
        match self {
            Self::Number => 0,
            Self::Date => 14,
            Self::Duration => 46,
        }
    }
}

/// Returns whether brackets hold hours, minutes or seconds of a duration: `[h]`, `[mm]`.
fn is_elapsed(inner: &str) -> bool {
    let mut letters = inner.chars().map(|c| c.to_ascii_lowercase());
    match letters.next() {
        Some(first @ ('h' | 'm' | 's')) => letters.all(|letter| letter == first),
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_shows_a_number_a_date_or_a_duration() {
        for format in [
            "",
            "General",
            "0.00",
            "#,##0.00 \"EUR\"",
            "#,##0.00\\ _M\"H\"_);[Red]#,##0.00\\ _M",
            "\\Y000000",
            "#,##0*y",
            "[$-404]0",
            "[>=100][Magenta]General",
            "0;yyyy",
            "[Red]0.0",
        ] {
            assert_eq!(FormatClass::of(format), FormatClass::Number, "{format}");
        }
        for format in ["yyyy-mm-dd", "h:mm AM/PM", "[$-407]D. MMMM YYYY", "\"le \"d", "mm:ss.0"] {
            assert_eq!(FormatClass::of(format), FormatClass::Date, "{format}");
        }
        for format in ["[h]:mm:ss", "[mm]", "[Blue]\\+[H]:mm;[Red]\\-[h]:mm", "[ss].000"] {
            assert_eq!(FormatClass::of(format), FormatClass::Duration, "{format}");
        }
    }
}
