//! Mapping: the properties of headings that are not property names, and the columns to ignore.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::folded;

/// The number of headings that a mapping can contain. Wide inventories have some hundred columns.
pub const MAPPING_HEADINGS_MAX: usize = 1_000;

/// The longest text of a mapping, in bytes: the command line sends it in a query, which must fit in
/// the 64 KiB of a request's head with three bytes for each one.
pub const MAPPING_BYTES_MAX: usize = 16 << 10;

/// A mapping of headings to properties, and the headings of columns to ignore.
///
/// Headings are compared without accents, punctuation and case, unless one is equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    renamed: Vec<(String, String)>,
    ignored: Vec<String>,
}

/// The reason why a text is not a mapping.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// A pair of a mapping has no `=`, no heading or no property.
    #[error(
        "'{pair}' is not a pair of a heading and a property. Write 'Gerätename=name,Standort=location'"
    )]
    NotPair {
        /// The text between two commas.
        pair: String,
    },
    /// A heading occurs twice with different properties.
    #[error("the heading '{heading}' is mapped twice, to '{first}' and '{second}'")]
    Twice {
        /// The heading.
        heading: String,
        /// The first property.
        first: String,
        /// The second property.
        second: String,
    },
    /// A heading has a property and is ignored as well.
    #[error("the heading '{heading}' is mapped to '{property}' and ignored. Remove one of the two")]
    MappedAndIgnored {
        /// The heading.
        heading: String,
        /// The property.
        property: String,
    },
    /// A member of a JSON or TOML mapping has another type.
    #[error("the value of '{heading}' is not text. A mapping has a property for each heading")]
    NotText {
        /// The heading.
        heading: String,
    },
    /// A list of ignored headings has an item that is not a text.
    #[error("the ignored headings are not a list of texts")]
    NotHeadings,
    /// The text begins like JSON and is not.
    #[error("the mapping is not valid JSON")]
    Json(#[source] serde_json::Error),
    /// More than [`MAPPING_HEADINGS_MAX`] headings or [`MAPPING_BYTES_MAX`] bytes.
    #[error(
        "the mapping is too long. It can have {MAPPING_HEADINGS_MAX} headings and \
         {MAPPING_BYTES_MAX} bytes"
    )]
    Long,
}

/// The meaning that a mapping gives to a heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mapped<'m> {
    /// The column has this property.
    Property(&'m str),
    /// The column is ignored.
    Ignored,
    /// The mapping does not contain the heading.
    No,
}

impl Mapping {
    /// A mapping without headings.
    pub const EMPTY: Self = Self { renamed: Vec::new(), ignored: Vec::new() };

    /// Parses `Gerätename=name,Standort=location`, or a JSON object of the same.
    ///
    /// # Errors
    /// A [`MappingError`].
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        if text.len() > MAPPING_BYTES_MAX {
            return Err(MappingError::Long);
        }
        if text.trim_start().starts_with('{') {
            let object = serde_json::from_str(text).map_err(MappingError::Json)?;
            return Self::EMPTY.with_object(object);
        }
        let mut mapping = Self::EMPTY;
        for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
            let not_pair = || MappingError::NotPair { pair: pair.trim().to_owned() };
            let (heading, property) = pair.rsplit_once('=').ok_or_else(not_pair)?;
            if heading.trim().is_empty() || property.trim().is_empty() {
                return Err(not_pair());
            }
            mapping.add(heading, property)?;
        }
        Ok(mapping)
    }

    /// Adds the members of an object: each is a heading and its property. If the object has the
    /// members `map` and `ignore` as an object and a list, these are the headings.
    ///
    /// # Errors
    /// A [`MappingError`].
    pub fn with_object(mut self, object: Map<String, Value>) -> Result<Self, MappingError> {
        for (heading, value) in object {
            match (heading.as_str(), value) {
                ("map", Value::Object(inner)) => {
                    for (heading, value) in inner {
                        self.add_value(&heading, &value)?;
                    }
                }
                ("ignore", Value::Array(headings)) => self = self.with_ignored(&headings)?,
                (heading, value) => self.add_value(heading, &value)?,
            }
        }
        Ok(self)
    }

    /// Adds headings of columns to ignore.
    ///
    /// # Errors
    /// [`MappingError::NotHeadings`], [`MappingError::MappedAndIgnored`] or [`MappingError::Long`].
    pub fn with_ignored(mut self, headings: &[Value]) -> Result<Self, MappingError> {
        for heading in headings {
            let Value::String(heading) = heading else { return Err(MappingError::NotHeadings) };
            self.ignored.push(heading.trim().to_owned());
        }
        self.check()?;
        Ok(self)
    }

    /// Adds headings of columns to ignore, from `Passwort,Notiz` or a JSON list.
    ///
    /// # Errors
    /// [`MappingError::Json`], and the errors of [`Mapping::with_ignored`].
    pub fn with_ignored_text(self, text: &str) -> Result<Self, MappingError> {
        if text.len() > MAPPING_BYTES_MAX {
            return Err(MappingError::Long);
        }
        if text.trim_start().starts_with('[') {
            let headings: Vec<Value> = serde_json::from_str(text).map_err(MappingError::Json)?;
            return self.with_ignored(&headings);
        }
        let headings = text.split(',').map(str::trim).filter(|heading| !heading.is_empty());
        self.with_ignored(&headings.map(Value::from).collect::<Vec<_>>())
    }

    /// Adds the headings of another mapping.
    ///
    /// # Errors
    /// [`MappingError::Twice`], [`MappingError::MappedAndIgnored`] or [`MappingError::Long`].
    pub fn with(mut self, other: Self) -> Result<Self, MappingError> {
        for (heading, property) in other.renamed {
            self.add(&heading, &property)?;
        }
        self.ignored.extend(other.ignored);
        self.check()?;
        Ok(self)
    }

    /// Returns whether the mapping contains no heading.
    pub fn is_empty(&self) -> bool {
        self.renamed.is_empty() && self.ignored.is_empty()
    }

    /// The headings and their properties.
    pub fn renamed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.renamed.iter().map(|(heading, property)| (heading.as_str(), property.as_str()))
    }

    /// The headings of columns to ignore.
    pub fn ignored(&self) -> impl Iterator<Item = &str> {
        self.ignored.iter().map(String::as_str)
    }

    /// Returns the meaning of a heading.
    pub(super) fn of(&self, heading: &str) -> Mapped<'_> {
        let matches = |mapped: &str, exact: bool| {
            if exact { mapped == heading } else { is_same(mapped, heading) }
        };
        for exact in [true, false] {
            if let Some((_, property)) = self.renamed().find(|(mapped, _)| matches(mapped, exact)) {
                return Mapped::Property(property);
            }
            if self.ignored().any(|ignored| matches(ignored, exact)) {
                return Mapped::Ignored;
            }
        }
        Mapped::No
    }

    /// The headings that none of these headings is, each with its property, or `None` for a column to
    /// ignore.
    pub(super) fn unused<'m>(
        &'m self,
        headings: &[&str],
    ) -> impl Iterator<Item = (&'m str, Option<&'m str>)> {
        let folded: HashSet<String> = headings.iter().map(|heading| folded(heading)).collect();
        let exact: HashSet<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
        let renamed = self.renamed().map(|(heading, property)| (heading, Some(property)));
        let all = renamed.chain(self.ignored().map(|heading| (heading, None)));
        all.filter(move |(heading, _)| {
            !exact.contains(*heading) && !folded.contains(&crate::model::folded(heading))
        })
    }

    fn add_value(&mut self, heading: &str, value: &Value) -> Result<(), MappingError> {
        match value {
            Value::String(property)
                if !property.trim().is_empty() && !heading.trim().is_empty() =>
            {
                self.add(heading, property)
            }
            _ => Err(MappingError::NotText { heading: heading.to_owned() }),
        }
    }

    fn add(&mut self, heading: &str, property: &str) -> Result<(), MappingError> {
        let (heading, property) = (heading.trim(), property.trim());
        match self.renamed.iter().find(|(known, _)| known == heading) {
            Some((_, known)) if known == property => Ok(()),
            Some((_, known)) => Err(MappingError::Twice {
                heading: heading.to_owned(),
                first: known.clone(),
                second: property.to_owned(),
            }),
            None => {
                self.renamed.push((heading.to_owned(), property.to_owned()));
                self.check()
            }
        }
    }

    fn check(&self) -> Result<(), MappingError> {
        if self.renamed.len() + self.ignored.len() > MAPPING_HEADINGS_MAX {
            return Err(MappingError::Long);
        }
        let both = self.renamed().find(|(heading, _)| self.ignored.iter().any(|i| i == heading));
        match both {
            Some((heading, property)) => Err(MappingError::MappedAndIgnored {
                heading: heading.to_owned(),
                property: property.to_owned(),
            }),
            None => Ok(()),
        }
    }
}

/// Returns whether two headings are the same but for accents, punctuation and case.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    let folded_a = folded(a);
    !folded_a.is_empty() && folded_a == folded(b)
}

/// A mapping that a report proposes, in the order of the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProposedMapping(pub Vec<(String, String)>);

impl Serialize for ProposedMapping {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(heading, property)| (heading, property)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mapping_is_written_as_pairs_or_as_json() {
        let pairs = Mapping::parse("Gerätename=name, Standort = location,a=b=x,").unwrap();
        let json = r#"{"Gerätename": "name", "Standort": "location", "a=b": "x"}"#;
        assert_eq!(Mapping::parse(json).unwrap(), pairs);
        let nested = json!({"map": serde_json::from_str::<Value>(json).unwrap(), "ignore": ["P"]});
        let nested = Mapping::parse(&nested.to_string()).unwrap();
        assert_eq!(pairs.clone().with_ignored_text("P").unwrap(), nested);
        assert_eq!(pairs.clone().with_ignored_text(r#"["P"]"#).unwrap(), nested);
        assert_eq!(pairs.of("gerätename:"), Mapped::Property("name"));
        assert_eq!(nested.of("p"), Mapped::Ignored);
        assert_eq!(nested.of("Ort"), Mapped::No);
        let exact = Mapping::parse("name=x,Name=y").unwrap();
        assert_eq!(
            (exact.of("Name"), exact.of("NAME")),
            (Mapped::Property("y"), Mapped::Property("x"))
        );
        // A column with the heading "map" or "ignore" can be mapped.
        assert_eq!(Mapping::parse(r#"{"map": "x"}"#).unwrap().of("map"), Mapped::Property("x"));
    }

    #[test]
    fn texts_that_are_not_mappings_are_refused_with_a_reason() {
        for (text, told) in [
            ("Gerätename", "'Gerätename' is not a pair"),
            ("=name", "not a pair"),
            ("R 1%=", "not a pair"),
            ("a=b,a=c", "mapped twice, to 'b' and 'c'"),
            (r#"{"a": 7}"#, "value of 'a' is not text"),
            (r#"{"a": "#, "not valid JSON"),
            (r#"{"ignore": [7]}"#, "not a list of texts"),
            (r#"{"ignore": ["é>b"], "map": {"é>b": "x"}}"#, "'é>b' is mapped to 'x' and ignored"),
        ] {
            let error = Mapping::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let many: String = (0..=MAPPING_HEADINGS_MAX).map(|n| format!("{n}=b,")).collect();
        assert!(matches!(Mapping::parse(&many), Err(MappingError::Long)));
        let long = format!("{}=b", "x".repeat(MAPPING_BYTES_MAX));
        assert!(matches!(Mapping::parse(&long), Err(MappingError::Long)));
    }
}
