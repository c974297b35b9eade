//! Compares the text of a criterion with a property, in the four ways of eNMS.

use std::time::Instant;

use super::expression::{Anchors, Expression, OutOfTime, RegexFault};

/// A condition on a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    /// The text contains this part, which is in lower case. Case is ignored.
    Inclusion(String),
    /// The text equals this one. Case matters.
    Equality(String),
    /// The expression matches a part of the text.
    Regex(Expression),
    /// The text is empty.
    Empty,
}

impl Comparison {
    /// A search for a part of the text, ignoring case.
    pub fn inclusion(part: &str) -> Self {
        Comparison::Inclusion(part.to_lowercase())
    }

    /// A search for the expression. Its time is linear in the length of the text.
    ///
    /// # Errors
    /// [`RegexFault`] for an expression that does not compile, takes too much memory, or repeats too much.
    pub fn regex(expression: &str, anchors: Anchors) -> Result<Self, RegexFault> {
        Expression::new(expression, anchors).map(Comparison::Regex)
    }

    /// Returns whether a text meets the condition.
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Comparison::Inclusion(part) => holds_lowercase(text, part),
            Comparison::Equality(all) => text == all,
            Comparison::Regex(regex) => regex.is_match(text),
            Comparison::Empty => text.is_empty(),
        }
    }

    /// Returns whether a text of any length meets the condition.
    ///
    /// # Errors
    /// [`OutOfTime`] if an expression is not compared before `end`. Other conditions take microseconds.
    pub fn holds_before(&self, text: &str, end: Instant) -> Result<bool, OutOfTime> {
        match self {
            Comparison::Regex(regex) => regex.is_match_before(text, end),
            Comparison::Inclusion(_) | Comparison::Equality(_) | Comparison::Empty => {
                Ok(self.holds(text))
            }
        }
    }
}

/// Returns whether the text in lower case contains the part. Does not build the lower case of ASCII
/// text.
fn holds_lowercase(text: &str, part: &str) -> bool {
    if !text.is_ascii() {
        return text.to_lowercase().contains(part);
    }
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let Some(&first) = part.first() else { return true };
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), text).any(|at| {
        text[at..].get(..part.len()).is_some_and(|found| found.eq_ignore_ascii_case(part))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn inclusion_equals_pythons_in_on_lower_case_texts(text in "[a-cA-C ß-éİΣK]{0,12}", part in "[a-cA-C ß-éİΣk]{0,3}") {
            let expected = text.to_lowercase().contains(&part.to_lowercase());
            prop_assert_eq!(Comparison::inclusion(&part).holds(&text), expected);
        }
    }

    #[test]
    fn a_fault_of_an_expression_has_its_position() {
        for (expression, position) in [
            ("é(a", 2),
            ("a{2,1}", 2),
            ("(?=a)", 1),
            (r"é\q", 2),
            (r"x\p{nosuch}", 2),
            ("[b-a]", 2),
        ] {
            let fault = Comparison::regex(expression, Anchors::Text).unwrap_err();
            assert_eq!(fault.position, position, "{expression}: {fault}");
            assert!(!fault.detail.contains('\n'), "{fault}");
        }
        let fault = Comparison::regex(r"\w{1000}{1000}", Anchors::Text).unwrap_err();
        assert!(fault.detail.contains("size"), "{fault}");
    }

    #[test]
    fn anchors_match_at_lines_only_if_asked() {
        let holds = |anchors| Comparison::regex("^b$", anchors).unwrap().holds("a\r\nb\r\nc");
        assert!(holds(Anchors::Lines));
        assert!(!holds(Anchors::Text));
    }

    #[test]
    fn an_expression_takes_linear_time() {
        let evil = Comparison::regex("(a+)+$", Anchors::Text).unwrap();
        assert!(!evil.holds(&format!("{}b", "a".repeat(100_000))));
    }
}
