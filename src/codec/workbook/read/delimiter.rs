//! The delimiter of a table.

use std::collections::BTreeMap;

/// Delimiters between cells. Excel writes `;` in countries with a decimal comma. If two are equally
/// likely, the first one is taken.
const DELIMITERS: [u8; 3] = *b",;\t";

/// The delimiter of a table, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub delimiter: u8,
    /// The length of the line that declares the delimiter, with the blank lines before it, in bytes: 0
    /// if there is none.
    pub skipped_bytes: usize,
    /// The number of these lines.
    pub skipped_lines: u64,
}

/// Finds the delimiter: the one that the first line declares (`sep=;`, which Excel reads too), or
/// else the one that divides the most lines of the beginning into the same number of cells.
///
/// `beginning` must end with a line or with the table, unless a line is longer.
pub(super) fn find(beginning: &[u8]) -> Start {
    if let Some(start) = declared(beginning) {
        return start;
    }
    let (mut best, mut best_score) = (DELIMITERS[0], (0, 0));
    for delimiter in DELIMITERS {
        let score = score(beginning, delimiter);
        if score > best_score {
            (best, best_score) = (delimiter, score);
        }
    }
    Start { delimiter: best, skipped_bytes: 0, skipped_lines: 0 }
}

/// Reads a first line such as `sep=;`. Programs write blank lines before it.
fn declared(whole: &[u8]) -> Option<Start> {
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let blank_bytes = whole.iter().position(|byte| !is_line_end(byte))?;
    let (blank, beginning) = whole.split_at(blank_bytes);
    let end = beginning.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let line = beginning[..end].strip_prefix(b"\"").unwrap_or(&beginning[..end]);
    let (word, rest) = line.split_at_checked(4)?;
    if !word.eq_ignore_ascii_case(b"sep=") {
        return None;
    }
    // Programs that fill up each row append their own delimiters.
    let delimiter = *rest.first()?;
    let is_rest_empty = rest[1..].iter().all(|byte| matches!(byte, b'"' | b',' | b';' | b'\t'));
    if !is_rest_empty || delimiter == b'"' || !delimiter.is_ascii() {
        return None;
    }
    let is_crlf = beginning[end..].starts_with(b"\r\n");
    let skipped_bytes = blank_bytes + end + if is_crlf { 2 } else { 1 };
    Some(Start { delimiter, skipped_bytes, skipped_lines: 1 + line_ends(blank) })
}

/// The number of line ends: CR, LF or CRLF.
fn line_ends(text: &[u8]) -> u64 {
    let crlf = text.windows(2).filter(|pair| *pair == b"\r\n").count();
    (memchr::memchr2_iter(b'\r', b'\n', text).count() - crlf) as u64
}

/// The quality of a delimiter for the beginning of a table: the number of lines with the most
/// frequent number of cells, and that number. Lines without the delimiter do not count, for example
/// a title.
fn score(beginning: &[u8], delimiter: u8) -> (usize, usize) {
    let mut lines_by_count = BTreeMap::<usize, usize>::new();
    let mut count = 0;
    let mut is_quoted = false;
    let mut is_field_start = true;
    for byte in beginning.iter().chain(b"\n") {
        match byte {
            b'"' if is_quoted || is_field_start => is_quoted = !is_quoted,
            _ if is_quoted => continue,
            b'\r' | b'\n' => {
                if count > 0 {
                    *lines_by_count.entry(count).or_default() += 1;
                }
                count = 0;
            }
            byte if *byte == delimiter => count += 1,
            _ => {}
        }
        // A doubled quotation mark opens the quoted cell again.
        is_field_start = *byte == delimiter || matches!(byte, b'\r' | b'\n' | b'"');
    }
    let best = lines_by_count.into_iter().map(|(count, lines)| (lines, count)).max();
    best.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiter(beginning: &str) -> char {
        char::from(find(beginning.as_bytes()).delimiter)
    }

    #[test]
    fn the_delimiter_divides_lines_into_the_same_number_of_cells() {
        for (beginning, expected) in [
            ("", ','),
            ("name\nR1\n", ','),
            ("name,port\nR1,22\n", ','),
            ("name;port\nR1;22\n", ';'),
            ("name\tport\nR1\t22\n", '\t'),
            ("\n\n\r\nname;port\r\nR1;22\r\n", ';'),
            ("name;port\rR1;22\r", ';'),
            // The header alone would mean a comma.
            ("name, site, floor;port\nR1;22\nR2;22\n", ';'),
            ("Inventory, as of 1 May, Cologne\n\nname;port\nR1;22\n", ';'),
            ("name;cost\nR1;1,5\nR2;2,5\n", ';'),
            ("name;gateways\nR1;['a', 'b', 'c']\nR2;[]\n", ';'),
            ("name;a,b;c\n", ';'),
            ("\"a;b;c\",\"d;e\"\n\"f;g;h\",\"i;j\"\n", ','),
            ("name,note\nR1,\"a\"\";b\"\nR2,\";;;\"\nR3,\";;;\"\n", ','),
            ("name,note\n5\" disk,\";;\"\n5\" disk,\";;\"\n", ','),
            ("name,port,note\nR1\nR2\nR3\n", ','),
        ] {
            assert_eq!(delimiter(beginning), expected, "{beginning:?}");
        }
    }

    #[test]
    fn the_first_line_can_declare_the_delimiter() {
        for (beginning, delimiter, skipped_bytes, skipped_lines) in [
            ("sep=;\r\nname;port", b';', 7, 1),
            ("SEP=|\nname|port\n", b'|', 6, 1),
            ("sep=\t\rname\tport\r", b'\t', 6, 1),
            ("\"sep=;\"\nname;port\n", b';', 8, 1),
            ("sep=,,,\nname,port,\n", b',', 8, 1),
            ("\n\r\n\rsep=;\nname;port\n", b';', 10, 4),
        ] {
            let expected = Start { delimiter, skipped_bytes, skipped_lines };
            assert_eq!(find(beginning.as_bytes()), expected, "{beginning:?}");
        }
        for beginning in ["sep=\nname\n", "sep=ab\nname\n", "sep=é\nname\n", "sep=;", "separate\n"]
        {
            assert_eq!(find(beginning.as_bytes()).skipped_bytes, 0, "{beginning:?}");
        }
    }
}
