//! Distinguished names (RFC 4514), as far as they must be compared.

/// A distinguished name, such as `CN=Operators,OU=Groups,DC=example,DC=net`, in a form in which equal names
/// are equal: lower case, no spaces around separators, and one way of escaping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DistinguishedName {
    /// The parts with their types, from the entry to the root: `cn=operators`.
    parts: Vec<(String, String)>,
}

impl DistinguishedName {
    /// Parses a name. `None` if it has no part, or a part without a type or a value.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        for part in split_unescaped(text, ',') {
            let (kind, value) = part.split_once('=')?;
            let kind = kind.trim().to_lowercase();
            let value = canonical_value(value.trim_start());
            if kind.is_empty() || value.is_empty() {
                return None;
            }
            parts.push((kind, value));
        }
        Some(Self { parts })
    }

    /// The value of the first part: `operators`.
    pub(super) fn first_value(&self) -> &str {
        &self.parts[0].1
    }

    /// Returns whether the entry is below `base`.
    pub(super) fn is_below(&self, base: &Self) -> bool {
        self.parts.len() > base.parts.len() && self.parts.ends_with(&base.parts)
    }
}

/// Splits a text at a separator that no backslash escapes.
pub(super) fn split_unescaped(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut is_escaped) = (0, false);
    for (at, character) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else if character == separator {
            parts.push(&text[start..at]);
            start = at + separator.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The value in lower case, in which only special characters are escaped, each by a backslash. LDAP servers
/// escape the same character as `\,` or `\2C`.
pub(super) fn canonical_value(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    // The length up to the last character that is not a space, or is an escaped one.
    let mut kept = 0;
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, length) = match (first, after) {
            (b'\\', [high, low, ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (*high, 2),
            },
            (b'\\', [escaped]) => (*escaped, 2),
            (byte, _) => (*byte, 1),
        };
        let is_escaped = length > 1;
        if is_escaped && b",+\"\\<>;=# ".contains(&byte) {
            bytes.push(b'\\');
        }
        bytes.push(byte);
        if is_escaped || byte != b' ' {
            kept = bytes.len();
        }
        rest = &rest[length..];
    }
    bytes.truncate(kept);
    String::from_utf8_lossy(&bytes).to_lowercase()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).unwrap()
    }

    #[test]
    fn equal_names_are_equal_in_every_spelling() {
        for text in [
            "cn=ops\\, net,ou=groups,dc=example",
            "CN=Ops\\2C Net , OU = Groups, DC=Example",
            "cn=\\6fps\\2c net,ou=groups,dc=example",
        ] {
            assert_eq!(name(text), name("CN=Ops\\, Net,OU=Groups,DC=example"), "{text}");
        }
        assert_eq!(name("cn=Zürich\\20,dc=x"), name("cn=z\\c3\\bcrich\\ ,dc=x"));
        assert_eq!(name("cn=ops,dc=x").first_value(), "ops");
    }

    #[test]
    fn an_escaped_separator_is_a_part_of_the_value() {
        assert_ne!(name("cn=a\\,dc=x"), name("cn=a,dc=x"));
        assert_ne!(name("cn=a\\+b,dc=x"), name("cn=a+b,dc=x"));
        assert_ne!(name("cn=a\\3Db,dc=x"), name("cn=ab,dc=x"));
        assert!(!name("cn=ops\\,ou=groups,dc=x").is_below(&name("ou=groups,dc=x")));
        assert!(name("cn=ops,ou=groups,dc=x").is_below(&name("OU=groups, dc=x")));
        assert!(!name("ou=groups,dc=x").is_below(&name("ou=groups,dc=x")));
    }

    #[test]
    fn other_texts_are_no_names() {
        for text in ["", "operators", "cn=", "=x", "cn=a,,dc=x", "cn=a,x"] {
            assert!(DistinguishedName::parse(text).is_none(), "{text}");
        }
    }
}
