//! Compares the text of a criterion with a property, in the four ways of eNMS.

use regex::{Regex, RegexBuilder};

/// The largest memory of one compiled expression, in bytes.
const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// A condition on a text.
#[derive(Clone, Debug)]
pub enum Comparison {
    /// The text contains this part, which is in lower case. Case is ignored.
    Inclusion(String),
    /// The text equals this one. Case matters.
    Equality(String),
    /// The expression matches a part of the text.
    Regex(Regex),
    /// The text is empty.
    Empty,
}

/// Two expressions are equal if their texts are equal. Their compiled forms are not compared.
impl PartialEq for Comparison {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Inclusion(a), Self::Inclusion(b)) | (Self::Equality(a), Self::Equality(b)) => {
                a == b
            }
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            (Self::Empty, Self::Empty) => true,
            (Self::Inclusion(_) | Self::Equality(_) | Self::Regex(_) | Self::Empty, _) => false,
        }
    }
}

/// The positions at which `^` and `$` of an expression match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchors {
    /// At the ends of the text.
    Text,
    /// At the ends of every line.
    Lines,
}

/// The reason why a regular expression is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} (at character {position})")]
pub struct RegexFault {
    /// The message of the parser, without the position.
    pub detail: String,
    /// Counts characters of the expression from 1.
    pub position: usize,
}

impl Comparison {
    /// A search for a part of the text, ignoring case.
    pub fn inclusion(part: &str) -> Self {
        Comparison::Inclusion(part.to_lowercase())
    }

    /// A search for the expression. Its time is linear in the length of the text.
    ///
    /// # Errors
    /// `RegexFault` for an expression that does not compile, or takes too much memory.
    pub fn regex(expression: &str, anchors: Anchors) -> Result<Self, RegexFault> {
        let lines = match anchors {
            Anchors::Text => false,
            Anchors::Lines => true,
        };
        let built = RegexBuilder::new(expression)
            .size_limit(REGEX_BYTES_MAX)
            .multi_line(lines)
            .crlf(lines)
            .build();
        built.map(Comparison::Regex).map_err(|error| fault(expression, &error))
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
}

/// The fault of an expression, with its position, which only the parser knows.
fn fault(expression: &str, error: &regex::Error) -> RegexFault {
    let (detail, at) = match regex_syntax::parse(expression) {
        Err(regex_syntax::Error::Parse(error)) => {
            (error.kind().to_string(), error.span().start.offset)
        }
        Err(regex_syntax::Error::Translate(error)) => {
            (error.kind().to_string(), error.span().start.offset)
        }
        // The expression is too large, or the error has a variant of a later version.
        Ok(_) | Err(_) => (error.to_string(), 0),
    };
    let before = expression.get(..at).unwrap_or_default();
    RegexFault { detail, position: before.chars().count() + 1 }
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
