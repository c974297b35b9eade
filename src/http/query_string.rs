//! The query of a request, decoded once.

use std::{borrow::Cow, ops::RangeInclusive};

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{
    description::QueryRule,
    flaws::unknown_option,
    problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
};

/// The largest number of parameters. A query for every property of a kind has fewer.
const PARAMETERS_MAX: usize = 256;

/// The parameters of a query in their order, percent-decoded. Names and values hold no control
/// character.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes `a=b%20c&d`. A `+` is a space, as in forms; a parameter without `=` has an empty
    /// value.
    ///
    /// # Errors
    /// 400 for an incomplete `%`, invalid UTF-8, a control character, too many parameters, or a
    /// parameter that `rule` does not know, with the nearest known one.
    pub(super) fn parse(query: Option<&str>, rule: QueryRule) -> Result<Self, Problem> {
        let Some(query) = query else { return Ok(Self::default()) };
        if rule == QueryRule::Nothing {
            return Ok(Self::default());
        }
        let parameters = decode_pairs(query)
            .map_err(|PairError { name, reason }| wrong(name, format!("The query {reason}.")))?;
        for (name, _) in &parameters {
            require_known(name, rule)?;
        }
        Ok(Self(parameters))
    }

    /// Returns all parameters.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Returns all parameters.
    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// Returns the values of one parameter.
    pub(super) fn all<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a parameter that can occur at most once.
    ///
    /// # Errors
    /// 400 if it occurs more often.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        let first = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            None => Ok(first),
            Some(_) => Err(wrong(
                name.to_owned(),
                format!("The query parameter “{name}” occurs more than once."),
            )),
        }
    }

    /// Returns the value of a parameter that is an integer.
    ///
    /// # Errors
    /// 400 for another value.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.number_within(name, 0..=u64::MAX)
    }

    /// Returns the value of a parameter that is an integer within a range.
    ///
    /// # Errors
    /// 400 for another value. The message names the range.
    pub(super) fn number_within(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if is_number && range.contains(&number) => Ok(Some(number)),
            Ok(_) | Err(_) => Err(wrong_value(
                name,
                text,
                &format!("an integer from {} to {} is expected", range.start(), range.end()),
            )),
        }
    }
}

/// Returns the problem of a parameter with an unexpected value.
pub(super) fn wrong_value(name: &str, value: &str, expected: &str) -> Problem {
    let detail = format!("The query parameter “{name}” is “{}”; {expected}.", shorten(value));
    let flaw = Flaw {
        value: Some(Value::from(shorten(value))),
        ..Flaw::new(RequestLocation::QueryParameter(name.to_owned()), &*detail)
    };
    Problem::new(ProblemKind::MalformedRequest, detail).with_flaw(flaw)
}

fn wrong(name: String, detail: String) -> Problem {
    Problem::new(ProblemKind::MalformedRequest, &*detail)
        .with_flaw(Flaw::new(RequestLocation::QueryParameter(name), &*detail))
}

/// The reason why a pair of a query or form cannot be decoded.
pub(super) struct PairError {
    /// The name of the pair, as far as it is known; empty for an error of the whole text.
    pub(super) name: String,
    /// The predicate of a sentence about the query or form: “has a control character”.
    pub(super) reason: Cow<'static, str>,
}

/// Decodes `a=b%20c&d`, the encoding of queries and forms. The pairs keep their order.
///
/// # Errors
/// [`PairError`] for an incomplete `%`, invalid UTF-8, a control character, or too many pairs.
pub(super) fn decode_pairs(text: &str) -> Result<Vec<(String, String)>, PairError> {
    let error = |name: &str, reason: &'static str| PairError {
        name: shorten(name).into_owned(),
        reason: Cow::Borrowed(reason),
    };
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == PARAMETERS_MAX {
            let reason = format!("has more than {PARAMETERS_MAX} parameters").into();
            return Err(PairError { name: String::new(), reason });
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).map_err(|reason| error(name, reason))?;
        let value = decode(value).map_err(|reason| error(&name, reason))?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// Refuses a parameter that the route does not know. Ignoring a misspelt parameter would give a
/// wrong response that looks right.
fn require_known(name: &str, rule: QueryRule) -> Result<(), Problem> {
    let QueryRule::Known(known) = rule else { return Ok(()) };
    if known.iter().any(|option| option.names().any(|known| known == name)) {
        return Ok(());
    }
    let flaw =
        unknown_option(RequestLocation::QueryParameter(shorten(name).into_owned()), name, known);
    let detail = flaw.detail.clone();
    Err(Problem::new(ProblemKind::MalformedRequest, detail).with_flaw(flaw))
}

/// Decodes a name or a value. The error is the predicate of a sentence about the query or form.
fn decode(raw: &str) -> Result<String, &'static str> {
    if !super::path::is_percent_encoded(raw) {
        return Err("has a “%” without two hexadecimal digits after it");
    }
    let raw =
        if raw.contains('+') { Cow::Owned(raw.replace('+', " ")) } else { Cow::Borrowed(raw) };
    let decoded = percent_decode_str(&raw).decode_utf8().map_err(|_| "is not UTF-8")?;
    if decoded.chars().any(char::is_control) {
        Err("has a control character")
    } else {
        Ok(decoded.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::description::{CallOption, ValueType};

    const KNOWN: QueryRule = QueryRule::Known(&[
        CallOption::new("start", "", ValueType::Whole),
        CallOption::new("atomic", "", ValueType::Switch),
    ]);

    fn any(query: &str) -> Vec<(String, String)> {
        Query::parse(Some(query), QueryRule::Any { about: "" }).unwrap().into_pairs()
    }

    #[test]
    fn names_and_values_are_decoded_once_and_keep_their_order() {
        let pairs = any("b=%5BShared%5D+x&a=R+1%25&&b=%2B&c&=v&d=1=2&e=%C3%A9%3Eb");
        let expected = [
            ("b", "[Shared] x"),
            ("a", "R 1%"),
            ("b", "+"),
            ("c", ""),
            ("", "v"),
            ("d", "1=2"),
            ("e", "é>b"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs, expected);
        assert_eq!(any(""), []);
    }

    #[test]
    fn undecodable_queries_are_refused() {
        for query in ["a=%", "a=%2", "a=%zz", "%ff=1", "a=%ff", "a=%00", "a%0a=1"] {
            let parsed = Query::parse(Some(query), QueryRule::Any { about: "" });
            assert!(parsed.is_err(), "{query}");
        }
        let many = "a&".repeat(PARAMETERS_MAX + 1);
        assert!(Query::parse(Some(&many), QueryRule::Any { about: "" }).is_err());
        // A query that no handler reads is not decoded.
        assert!(Query::parse(Some("a=%"), QueryRule::Nothing).is_ok());
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_the_nearest() {
        let problem = Query::parse(Some("sart=1"), KNOWN).unwrap_err();
        assert_eq!(problem.flaws()[0].nearest.as_deref(), Some("start"));
    }

    #[test]
    fn numbers_are_read() {
        let query = |text| Query::parse(Some(text), KNOWN).unwrap();
        assert_eq!(query("start=07").number("start").unwrap(), Some(7));
        assert_eq!(query("").number("start").unwrap(), None);
        for wrong in [
            "start",
            "start=-1",
            "start=+1",
            "start=1.0",
            "start=1&start=1",
            "start=99999999999999999999",
        ] {
            assert!(query(wrong).number("start").is_err(), "{wrong}");
        }
    }
}
