//! The matching lines of a long text.

use std::time::Instant;

use crate::model::{Comparison, OutOfTime};

/// The lines that match at least one comparison, with `context_lines` lines before and after each,
/// in the form of eNMS: `L12: ` and the trimmed line. Each line is returned once.
///
/// # Errors
/// [`OutOfTime`] if the expressions are not compared before `end`.
pub(in crate::inventory) fn matching_lines(
    text: &str,
    comparisons: &[Comparison],
    context_lines: usize,
    end: Instant,
) -> Result<Vec<String>, OutOfTime> {
    let lines: Vec<&str> = text.lines().collect();
    let mut shown = Vec::new();
    // The first line that is not returned yet.
    let mut next = 0;
    for (number, line) in lines.iter().enumerate() {
        if any_holds(comparisons, line, end)? {
            let last = number.saturating_add(context_lines).saturating_add(1).min(lines.len());
            let start = number.saturating_sub(context_lines).max(next);
            let near = (start + 1..).zip(&lines[start..last]);
            shown.extend(near.map(|(number, line)| format!("L{number}: {}", line.trim())));
            next = last.max(next);
        }
    }
    Ok(shown)
}

fn any_holds(comparisons: &[Comparison], line: &str, end: Instant) -> Result<bool, OutOfTime> {
    for comparison in comparisons {
        if comparison.holds_before(line, end)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Anchors;

    fn matching_lines(text: &str, comparisons: &[Comparison], context_lines: usize) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(60);
        super::matching_lines(text, comparisons, context_lines, end).unwrap()
    }

    const TEXT: &str =
        "hostname R 1%\r\n interface é\n  shutdown\n!\n interface b\n  mtu 9000\nend";

    #[test]
    fn each_line_is_returned_once_with_its_number() {
        let interface = Comparison::regex(r"^\s*interface", Anchors::Lines).unwrap();
        let lines = |context| matching_lines(TEXT, std::slice::from_ref(&interface), context);
        assert_eq!(lines(0), ["L2: interface é", "L5: interface b"]);
        assert_eq!(
            lines(1),
            [
                "L1: hostname R 1%",
                "L2: interface é",
                "L3: shutdown",
                "L4: !",
                "L5: interface b",
                "L6: mtu 9000"
            ]
        );
        assert_eq!(lines(2).len(), 7);
        assert_eq!(lines(usize::MAX).len(), 7);
    }

    #[test]
    fn one_matching_comparison_is_enough() {
        let asked = [Comparison::inclusion("MTU"), Comparison::Equality("!".to_owned())];
        assert_eq!(matching_lines(TEXT, &asked, 0), ["L4: !", "L6: mtu 9000"]);
        assert!(matching_lines(TEXT, &[], 3).is_empty());
        assert!(matching_lines("", &asked, 3).is_empty());
    }
}
