//! The matching lines of a long text.

use crate::model::Comparison;

/// The lines that match at least one comparison, with `context_lines` lines before and after each,
/// in the form of eNMS: `L12: ` and the trimmed line. Each line is returned once.
pub(in crate::inventory) fn matching_lines(
    text: &str,
    comparisons: &[Comparison],
    context_lines: usize,
) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut shown = Vec::new();
    // The first line that is not returned yet.
    let mut next = 0;
    for (number, line) in lines.iter().enumerate() {
        if comparisons.iter().any(|comparison| comparison.holds(line)) {
            let end = number.saturating_add(context_lines).saturating_add(1).min(lines.len());
            let start = number.saturating_sub(context_lines).max(next);
            let near = (start + 1..).zip(&lines[start..end]);
            shown.extend(near.map(|(number, line)| format!("L{number}: {}", line.trim())));
            next = end.max(next);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Anchors;

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
