//! Texts that `rust_xlsxwriter` escapes incorrectly.
//!
//! Characters that XML cannot hold are written by their number, as Excel does: `_x0001_` (ECMA-376
//! part 1, 22.9.2.19). The underscore of a text that looks like such an escape is escaped itself:
//! `_x005F_x0001_`. The crate does both, with one gap: the beginning of an escape right before a
//! character that is escaped, as `_x0041` before U+0001. It would write `_x0041_x0001_`, and
//! readers would decode `_x0041_` as an `A`. Such a text is split into two runs of the same format,
//! because readers decode each run separately.
//!
//! Runs and the names of sheets are escaped here: the crate does it for other texts only.

use std::borrow::Cow;

use rust_xlsxwriter::{Format, Worksheet, XlsxError};

use super::super::sheet_name::SHEET_NAME_UNITS_MAX;

/// Length of the beginning of an escape: `_x0041`.
const ESCAPE_BEGIN_BYTES: usize = 6;

/// The escape of an underscore before a text that looks like an escape.
const ESCAPED_UNDERSCORE: &str = "_x005F_";

/// Length of the markup of a run of a text with its font and of an escaped underscore, in bytes,
/// rounded up.
const RUN_BYTES: u64 = 256;

/// Upper bound of the XML bytes for each byte value. Escaped underscores are counted separately.
const XML_BYTES_OF_BYTE: [u8; 256] = {
    let mut bytes = [1; 256];
    let mut control = 0;
    while control < 0x20 {
        bytes[control] = 7;
        control += 1;
    }
    bytes[b'&' as usize] = 5;
    bytes[b'<' as usize] = 4;
    bytes[b'>' as usize] = 4;
    // First of the three bytes of U+FFFE and U+FFFF.
    bytes[0xEF] = 5;
    bytes
};

/// Upper bound of the length of a text in XML, in bytes.
pub(super) fn xml_bytes(text: &str) -> u64 {
    let bytes = text.bytes().map(|byte| u64::from(XML_BYTES_OF_BYTE[usize::from(byte)]));
    let runs_max = text.matches("_x").count() as u64;
    bytes.sum::<u64>() + runs_max * RUN_BYTES
}

/// Writes a text, with the format of the column if `format` is `None`.
pub(super) fn write(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    text: &str,
    format: Option<&Format>,
) -> Result<(), XlsxError> {
    if let Some(runs) = runs(text) {
        let font = Format::new();
        let runs: Vec<_> = runs.into_iter().map(with_escaped_underscores).collect();
        let runs: Vec<_> = runs.iter().map(|run| (&font, &**run)).collect();
        match format {
            Some(format) => sheet.write_rich_string_with_format(row, column, &runs, format)?,
            None => sheet.write_rich_string(row, column, &runs)?,
        };
        return Ok(());
    }
    match format {
        Some(format) => sheet.write_string_with_format(row, column, text, format)?,
        None => sheet.write_string(row, column, text)?,
    };
    Ok(())
}

/// Cuts a text after each beginning of an escape that the next character would complete. `None` if
/// there is none.
fn runs(text: &str) -> Option<Vec<&str>> {
    let mut runs = Vec::new();
    let mut rest = text;
    let mut searched = 0;
    while let Some(at) = rest[searched..].find("_x") {
        let end = searched + at + ESCAPE_BEGIN_BYTES;
        searched += at + 1;
        let Some((begin, after)) = rest.split_at_checked(end) else { continue };
        let digits = &begin[begin.len() - 4..];
        if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && after.starts_with(is_escaped) {
            runs.push(begin);
            rest = after;
            searched = 0;
        }
    }
    if runs.is_empty() {
        return None;
    }
    runs.push(rest);
    Some(runs)
}

/// Returns whether the crate writes a character by its number.
fn is_escaped(character: char) -> bool {
    matches!(character, '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}')
        && !matches!(character, '\t' | '\n')
}

/// The name of a sheet, escaped for its XML attribute. A name that would become too long for the
/// crate is not escaped: a reader can then show it without its underscore and digits.
pub(super) fn sheet_name(name: &str) -> Cow<'_, str> {
    let escaped = with_escaped_underscores(name);
    if escaped.encode_utf16().count() > SHEET_NAME_UNITS_MAX { name.into() } else { escaped }
}

/// Escapes the underscore of everything that looks like an escape.
fn with_escaped_underscores(text: &str) -> Cow<'_, str> {
    let mut escaped = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let (before, after) = rest.split_at(at);
        escaped.push_str(before);
        let looks_like_escape =
            after.as_bytes().first_chunk::<{ ESCAPE_BEGIN_BYTES + 1 }>().is_some_and(
                |[_, _, digits @ .., end]| digits.iter().all(u8::is_ascii_hexdigit) && *end == b'_',
            );
        escaped.push_str(if looks_like_escape { ESCAPED_UNDERSCORE } else { "_" });
        rest = &after[1..];
    }
    if escaped.is_empty() {
        return text.into();
    }
    escaped.push_str(rest);
    escaped.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_the_next_character_would_complete_an_escape() {
        for (text, expected) in [
            ("_x0041\u{1}", &["_x0041", "\u{1}"][..]),
            ("_x0041\r_x0042\u{ffff}é", &["_x0041", "\r_x0042", "\u{ffff}é"]),
            ("__x00aF\u{1f}", &["__x00aF", "\u{1f}"]),
            ("_x_x0041\u{1}", &["_x_x0041", "\u{1}"]),
        ] {
            assert_eq!(runs(text).unwrap(), expected, "{text:?}");
        }
        let whole = ["", "R 1%", "_x0041\n", "_x0041_\u{1}", "_x004g\u{1}", "_x004\u{1}"];
        for text in whole.into_iter().chain(["_x00é\u{1}", "_x004é\u{1}", "_x0041"]) {
            assert_eq!(runs(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_sheet_name_that_looks_like_an_escape_is_escaped_if_it_stays_short() {
        for (name, expected) in [
            ("device", "device"),
            ("a_x", "a_x"),
            ("a_x0041_", "a_x005F_x0041_"),
            ("_x0041_x0042_", "_x005F_x0041_x005F_x0042_"),
            ("_x004g_", "_x004g_"),
            ("_x0041_ 345678901234567890123456", "_x0041_ 345678901234567890123456"),
        ] {
            assert_eq!(sheet_name(name), expected);
        }
    }
}
