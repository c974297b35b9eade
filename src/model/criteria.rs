//! The criteria of a computed pool, which determine its devices and links.

use super::{Anchors, Comparison, CustomValue, Kind, Pool, Record, Value, property_view, text_of};

/// The kind of a pool's members: a pool has a list, a number and criteria for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The members that are devices.
    Device,
    /// The members that are links.
    Link,
}

impl Side {
    /// The side whose members are records of this kind. `None` for kinds that pools do not have.
    pub fn of(kind: Kind) -> Option<Self> {
        [Side::Device, Side::Link].into_iter().find(|side| side.kind() == kind)
    }

    /// The name of the pool's list of members.
    pub fn list(self) -> &'static str {
        match self {
            Side::Device => "devices",
            Side::Link => "links",
        }
    }

    /// The name of the pool's number of members.
    pub fn count(self) -> &'static str {
        match self {
            Side::Device => "device_number",
            Side::Link => "link_number",
        }
    }

    /// The kind of the members.
    pub fn kind(self) -> Kind {
        match self {
            Side::Device => Kind::Device,
            Side::Link => Kind::Link,
        }
    }

    /// The prefix of the names of the criteria.
    fn prefix(self) -> &'static str {
        match self {
            Side::Device => "device_",
            Side::Link => "link_",
        }
    }
}

/// The longest text that the expression of a pool is compared with, in bytes. A record with a longer one is no
/// member, also if the criterion is inverted. Names, models and descriptions are shorter. Every change and every
/// import compares records with pools while others wait: 0.1 s for this length in the worst case.
const POOL_TEXT_BYTES_MAX: usize = 16 * 1024;

/// The criteria of a pool for one side. A member matches all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Criteria(Vec<Criterion>);

#[derive(Clone, Debug, PartialEq)]
struct Criterion {
    property: String,
    /// `None` for a secret, which is not compared. No record meets the criterion.
    comparison: Option<Comparison>,
    wanted: bool,
}

/// A criterion that cannot be evaluated. The pool keeps its members.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CriterionError {
    /// A regular expression does not compile, or takes too much memory.
    #[error("the regular expression in '{property}' is invalid or not supported: {detail}")]
    Regex {
        /// The custom property of the pool that holds the expression, such as `device_name`.
        property: String,
        /// The reason and the position in the expression.
        detail: String,
    },
    /// The criterion compares a property that is a secret. A stored one is met by no record.
    #[error(
        "'{property}' compares a secret. A pool cannot compare secrets, because its members would tell them"
    )]
    Secret {
        /// The custom property of the pool, such as `device_snmp_community`.
        property: String,
    },
    /// The comparison is not one of the four of eNMS.
    #[error("'{property}' is '{found}'; allowed are 'inclusion', 'equality', 'regex' and 'empty'")]
    Match {
        /// The custom property of the pool with the comparison, such as `device_name_match`.
        property: String,
        /// The value of that property.
        found: String,
    },
}

impl Criteria {
    /// The criteria of a pool for one side.
    ///
    /// # Errors
    /// `CriterionError` for the first criterion that cannot be evaluated.
    pub fn of(pool: &Pool, side: Side) -> Result<Self, CriterionError> {
        let mut criteria = Vec::new();
        let shown = |key: &str| pool.custom().get(key).and_then(CustomValue::shown);
        let text = |key: &str| shown(key).and_then(|value| value.plain().as_text()).unwrap_or("");
        let truth = |key: &str| match shown(key) {
            Some(Value::Bool(truth)) => *truth,
            Some(Value::Text(text)) => matches!(text.as_str(), "true" | "True"),
            _ => false,
        };
        for (key, value) in pool.custom() {
            let Some(property) = key.strip_prefix(side.prefix()) else { continue };
            if property.ends_with("_match") || property.ends_with("_invert") {
                continue;
            }
            if value.is_secret() {
                // No record meets it, whether inverted or not: the members would tell the secret.
                let property = side.kind().unaliased(property).to_owned();
                criteria.push(Criterion { property, comparison: None, wanted: true });
                continue;
            }
            let match_key = format!("{key}_match");
            let value = text(key);
            let comparison = match text(&match_key) {
                // An empty text is not a criterion, but the comparison "empty" needs no text.
                "empty" => Comparison::Empty,
                _ if value.is_empty() => continue,
                "inclusion" | "" => Comparison::inclusion(value),
                "equality" => Comparison::Equality(value.to_owned()),
                "regex" => Comparison::regex(value, Anchors::Text).map_err(|fault| {
                    CriterionError::Regex { property: key.clone(), detail: fault.to_string() }
                })?,
                found => {
                    let found = found.to_owned();
                    return Err(CriterionError::Match { property: match_key, found });
                }
            };
            let property = side.kind().unaliased(property).to_owned();
            let wanted = !truth(&format!("{key}_invert"));
            criteria.push(Criterion { property, comparison: Some(comparison), wanted });
        }
        Ok(Self(criteria))
    }

    /// Returns whether a custom property of a pool is a criterion.
    pub fn is_criterion(property: &str) -> bool {
        [Side::Device, Side::Link].iter().any(|side| property.starts_with(side.prefix()))
    }

    /// Returns whether there is no criterion. Then no record is a member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The properties that the criteria compare. A change of other properties does not change
    /// membership.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|criterion| criterion.property.as_str())
    }

    /// Returns whether a record is a member. Without criteria, no record is a member.
    pub fn matches(&self, record: &dyn Record) -> bool {
        !self.0.is_empty() && self.0.iter().all(|criterion| criterion.is_met_by(record))
    }
}

impl Criterion {
    fn is_met_by(&self, record: &dyn Record) -> bool {
        let Some(comparison) = &self.comparison else { return false };
        let view = property_view(record, &self.property);
        if matches!(comparison, Comparison::Regex(_)) && text_of(&view).len() > POOL_TEXT_BYTES_MAX
        {
            return false;
        }
        comparison.holds_of(&view) == self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Device, Entity, Field, Link, Name, Ref};

    fn name(text: &str) -> Name {
        Name::parse(text.to_owned()).unwrap()
    }

    fn pool(criteria: &[(&str, Value)]) -> Pool {
        let mut pool = Pool::named(name("p"));
        for (key, value) in criteria {
            pool.set(key, value.clone()).unwrap();
        }
        pool
    }

    fn device() -> Device {
        let mut device = Device::named(name("Router-1"));
        device.vendor = Field::Set("Cisco".to_owned());
        device.set("rack", Value::Int(7)).unwrap();
        device
    }

    fn admits(criteria: &[(&str, Value)]) -> bool {
        Criteria::of(&pool(criteria), Side::Device).unwrap().matches(&device())
    }

    #[test]
    fn every_comparison_and_its_inverse_is_evaluated() {
        assert!(admits(&[("device_vendor", "ISC".into())]));
        assert!(!admits(&[
            ("device_vendor", "ISC".into()),
            ("device_vendor_match", "equality".into())
        ]));
        assert!(admits(&[("device_name", r"-\d$".into()), ("device_name_match", "regex".into())]));
        assert!(!admits(&[
            ("device_vendor", "isc".into()),
            ("device_vendor_invert", Value::Bool(true))
        ]));
        assert!(admits(&[("device_model", "".into()), ("device_model_match", "empty".into())]));
        assert!(admits(&[("device_port", "22".into())]), "the default counts");
        assert!(admits(&[("device_rack", "7".into())]), "custom properties count");
        assert!(!admits(&[("device_vendor", "cisco".into()), ("device_rack", "8".into())]));
    }

    #[test]
    fn a_pool_without_criteria_has_no_members() {
        assert!(!admits(&[]));
        assert!(!admits(&[("device_vendor", "".into()), ("link_name", "x".into())]));
    }

    #[test]
    fn criteria_are_equal_if_they_compare_the_same() {
        let criteria = |name: &str, regex: &str| {
            let name = [
                ("device_name", name.into()),
                ("device_vendor", regex.into()),
                ("device_vendor_match", "regex".into()),
            ];
            Criteria::of(&pool(&name), Side::Device).unwrap()
        };
        assert_eq!(criteria("a", "b.*"), criteria("A", "b.*"), "the case does not matter");
        assert_ne!(criteria("a", "b.*"), criteria("a", "b.+"));
        assert_eq!(criteria("a", "b").properties().collect::<Vec<_>>(), ["name", "vendor"]);
        assert!(!criteria("a", "b").is_empty());
        assert!(criteria("", "").is_empty());
    }

    #[test]
    fn a_criterion_can_name_a_links_end_by_its_alias() {
        let mut link = Link::named(name("l"));
        link.source = Field::Set(Ref::new("Router-1"));
        let pool = pool(&[("link_source_name", "router".into())]);
        assert!(Criteria::of(&pool, Side::Link).unwrap().matches(&link));
    }

    #[test]
    fn an_expression_is_not_compared_with_a_very_long_text() {
        let criteria = |inverted: bool| {
            let criteria = [
                ("device_description", "a$".into()),
                ("device_description_match", "regex".into()),
                ("device_description_invert", Value::Bool(inverted)),
            ];
            Criteria::of(&pool(&criteria), Side::Device).unwrap()
        };
        let mut device = device();
        device.description = Field::Set("a".repeat(POOL_TEXT_BYTES_MAX));
        assert!(criteria(false).matches(&device));
        device.description = Field::Set("a".repeat(POOL_TEXT_BYTES_MAX + 1));
        assert!(!criteria(false).matches(&device));
        assert!(!criteria(true).matches(&device));
    }

    #[test]
    fn a_criterion_that_cannot_be_evaluated_is_an_error() {
        let bad =
            |criteria: &[(&str, Value)]| Criteria::of(&pool(criteria), Side::Device).unwrap_err();
        assert!(matches!(
            bad(&[("device_name", "(?=a)".into()), ("device_name_match", "regex".into())]),
            CriterionError::Regex { .. }
        ));
        let slow = "(?:a?b?){4000}[^ab]";
        assert!(matches!(
            bad(&[("device_name", slow.into()), ("device_name_match", "regex".into())]),
            CriterionError::Regex { property, .. } if property == "device_name"
        ));
        assert!(matches!(
            bad(&[("device_name", "a".into()), ("device_name_match", "like".into())]),
            CriterionError::Match { .. }
        ));
    }
}
