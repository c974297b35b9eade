//! The names of custom properties that are secrets: the setting `secret_properties`.

use std::{fmt, str::FromStr};

use super::{Kind, indicates_secret};

/// The word for the names of [`indicates_secret`].
const USUAL: &str = "usual";

/// The word for no name at all.
const NONE: &str = "none";

/// The prefix of a pattern whose names are no secrets.
const EXCEPT: char = '!';

/// The largest number of patterns. Each name is compared with all of them once, and its result is remembered.
const PATTERNS_MAX: usize = 200;

/// The longest pattern, in bytes: the length of a long property name.
const PATTERN_BYTES_MAX: usize = 255;

/// The prefixes of a pool's criteria, before the name of the compared property.
const CRITERION_PREFIXES: [&str; 2] = ["device_", "link_"];

/// The suffixes of further parts of a criterion, which do not contain the compared text.
const CRITERION_SUFFIXES: [&str; 2] = ["_match", "_invert"];

/// Tells which names of custom properties indicate a secret.
///
/// It is written as a list with commas: patterns in which `*` stands for any text, `usual` for the names of
/// [`indicates_secret`], and patterns after `!` for names that are no secrets. `none` stands for no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretNames {
    usual: UsualNames,
    secret: Vec<Pattern>,
    excepted: Vec<Pattern>,
}

/// Tells whether the names of [`indicates_secret`] are secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UsualNames {
    Secret,
    Shown,
}

/// A pattern in small letters: the texts between its `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(Vec<String>);

/// A text that is not a list of names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecretNames {
    /// The text has no pattern, or an empty one between two commas.
    #[error(
        "a pattern is empty. Write 'none' to encrypt no custom property, 'usual' for the usual names"
    )]
    Empty,
    /// `none` stands beside other patterns.
    #[error("'none' must stand alone")]
    NoneBesideOthers,
    /// A pattern is too long.
    #[error("a pattern has {bytes} bytes; at most {PATTERN_BYTES_MAX} are allowed")]
    Long {
        /// The length of the pattern, in bytes.
        bytes: usize,
    },
    /// There are too many patterns.
    #[error("there are {count} patterns; at most {PATTERNS_MAX} are allowed")]
    Many {
        /// The number of patterns.
        count: usize,
    },
    /// A pattern contains a control character.
    #[error("a pattern contains a control character")]
    Control,
}

impl SecretNames {
    /// The names of [`indicates_secret`].
    pub const USUAL: Self =
        Self { usual: UsualNames::Secret, secret: Vec::new(), excepted: Vec::new() };

    /// Returns whether a custom property of a kind with this name is a secret. The criterion of a pool is one
    /// if the compared property is one.
    pub fn contain(&self, kind: Kind, property: &str) -> bool {
        if kind != Kind::Pool {
            return self.contain_name(property);
        }
        let is_further = CRITERION_SUFFIXES.iter().any(|suffix| property.ends_with(suffix));
        let compared = CRITERION_PREFIXES.iter().find_map(|prefix| property.strip_prefix(prefix));
        match compared {
            Some(_) if is_further => false,
            Some(compared) => self.contain_name(compared),
            None => self.contain_name(property),
        }
    }

    fn contain_name(&self, name: &str) -> bool {
        let small = name.to_lowercase();
        let fits = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.fits(&small));
        if fits(&self.excepted) {
            return false;
        }
        fits(&self.secret) || (self.usual == UsualNames::Secret && indicates_secret(name))
    }
}

impl FromStr for SecretNames {
    type Err = InvalidSecretNames;

    fn from_str(text: &str) -> Result<Self, InvalidSecretNames> {
        let mut names = Self { usual: UsualNames::Shown, secret: Vec::new(), excepted: Vec::new() };
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        if words == [NONE] {
            return Ok(names);
        }
        if words.len() > PATTERNS_MAX {
            return Err(InvalidSecretNames::Many { count: words.len() });
        }
        for word in words {
            match word.strip_prefix(EXCEPT).map(str::trim) {
                _ if word == USUAL => names.usual = UsualNames::Secret,
                _ if word == NONE => return Err(InvalidSecretNames::NoneBesideOthers),
                Some(excepted) => names.excepted.push(Pattern::parse(excepted)?),
                None => names.secret.push(Pattern::parse(word)?),
            }
        }
        Ok(names)
    }
}

/// As the setting is written.
impl fmt::Display for SecretNames {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = match self.usual {
            UsualNames::Secret => Some(USUAL.to_owned()),
            UsualNames::Shown => None,
        };
        let secret = self.secret.iter().map(Pattern::to_string);
        let excepted = self.excepted.iter().map(|pattern| format!("{EXCEPT}{pattern}"));
        let words: Vec<String> = usual.into_iter().chain(secret).chain(excepted).collect();
        out.write_str(if words.is_empty() { NONE } else { "" })?;
        out.write_str(&words.join(", "))
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, InvalidSecretNames> {
        if text.is_empty() {
            return Err(InvalidSecretNames::Empty);
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err(InvalidSecretNames::Long { bytes: text.len() });
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidSecretNames::Control);
        }
        Ok(Self(text.to_lowercase().split('*').map(str::to_owned).collect()))
    }

    /// Returns whether the pattern fits a whole name in small letters. Each text between two `*` is taken
    /// where it occurs first, which leaves most for those after it.
    fn fits(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_first() else { return name.is_empty() };
        let Some((last, between)) = rest.split_last() else { return name == first };
        let Some(mut left) = name.strip_prefix(first.as_str()) else { return false };
        for text in between {
            let Some(at) = left.find(text.as_str()) else { return false };
            left = &left[at + text.len()..];
        }
        left.ends_with(last.as_str())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> SecretNames {
        text.parse().unwrap()
    }

    #[test]
    fn patterns_fit_whole_names_in_any_case() {
        let names = names("vault_*, *-PIN,a*b*b, é>b, !vault_url, ! *_public");
        for secret in ["vault_path", "Vault_", "door-pin", "-PIN", "abb", "a x b y b", "É>B"] {
            assert!(names.contain(Kind::Device, secret), "{secret}");
        }
        for shown in
            ["vault", "vault_url", "VAULT_URL", "vault_public", "ab", "pin", "a", "password"]
        {
            assert!(!names.contain(Kind::Device, shown), "{shown}");
        }
        assert!(!names.contain(Kind::Device, "*"));
    }

    #[test]
    fn the_usual_names_can_be_combined_with_patterns() {
        let more = names("usual, rack, !snmp_community");
        assert!(more.contain(Kind::Link, "enable_password") && more.contain(Kind::Link, "rack"));
        assert!(!more.contain(Kind::Link, "snmp_community"));
        assert!(!names("none").contain(Kind::Device, "password"));
        assert!(names("usual").contain(Kind::Device, "password"));
        assert_eq!(names("usual"), SecretNames::USUAL);
        assert!(names("*").contain(Kind::Device, "anything"));
    }

    #[test]
    fn the_criterion_of_a_pool_is_a_secret_if_it_compares_one() {
        let usual = SecretNames::USUAL;
        assert!(
            usual.contain(Kind::Pool, "device_community") && usual.contain(Kind::Pool, "link_psk")
        );
        assert!(usual.contain(Kind::Pool, "password"));
        for shown in ["device_name", "device_community_match", "device_community_invert"] {
            assert!(!usual.contain(Kind::Pool, shown), "{shown}");
        }
        assert!(names("rack").contain(Kind::Pool, "device_rack"));
    }

    #[test]
    fn a_list_is_written_as_it_is_read() {
        for text in ["none", "usual", "usual, a*, *b*c, !d", "é>b", "!*"] {
            assert_eq!(names(text).to_string(), text);
        }
    }

    #[test]
    fn invalid_lists_are_refused() {
        use InvalidSecretNames::{Control, Empty, Long, Many, NoneBesideOthers};
        let refused = |text: &str| text.parse::<SecretNames>().unwrap_err();
        for empty in ["", " ", "usual,", ",a", "!", "a, ,b"] {
            assert_eq!(refused(empty), Empty, "{empty}");
        }
        assert_eq!(refused("usual, none"), NoneBesideOthers);
        assert_eq!(refused("a\0b"), Control);
        let long = "x".repeat(PATTERN_BYTES_MAX + 1);
        assert_eq!(refused(&long), Long { bytes: PATTERN_BYTES_MAX + 1 });
        let many = vec!["x"; PATTERNS_MAX + 1].join(",");
        assert_eq!(refused(&many), Many { count: PATTERNS_MAX + 1 });
    }
}
