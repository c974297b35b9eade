//! IP addresses in texts.

use std::net::IpAddr;

/// A text that should be an IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpText<'a> {
    /// Only blanks: no address.
    Blank,
    /// An address of IPv4 or IPv6.
    Address(IpAddr),
    /// An address and the length of its prefix: `192.0.2.1/24`.
    WithPrefix {
        /// The text before the `/`.
        address: &'a str,
        /// The length of the prefix, in bits.
        prefix: u8,
    },
    /// Another text.
    Other,
}

impl<'a> IpText<'a> {
    /// Parses a text. Blanks around it are ignored.
    pub fn parse(text: &'a str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            return Self::Blank;
        }
        if let Ok(address) = text.parse() {
            return Self::Address(address);
        }
        let with_prefix = || {
            let (address, prefix) = text.split_once('/')?;
            let bits_max = match address.parse::<IpAddr>().ok()? {
                IpAddr::V4(_) => 32,
                IpAddr::V6(_) => 128,
            };
            let is_number = prefix.bytes().all(|byte| byte.is_ascii_digit());
            let prefix = prefix.parse().ok().filter(|prefix| is_number && *prefix <= bits_max)?;
            Some(Self::WithPrefix { address, prefix })
        };
        with_prefix().unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_prefix_length_and_nothing_else() {
        assert_eq!(IpText::parse(" "), IpText::Blank);
        for text in ["192.0.2.1", " 192.0.2.1 ", "2001:db8::1", "::ffff:192.0.2.1"] {
            assert!(matches!(IpText::parse(text), IpText::Address(_)), "{text}");
        }
        for (text, address, prefix) in
            [("192.0.2.1/24", "192.0.2.1", 24), ("2001:db8::1/128", "2001:db8::1", 128)]
        {
            assert_eq!(IpText::parse(text), IpText::WithPrefix { address, prefix });
        }
        for text in [
            "R 1%",
            "192.0.2",
            "192.0.2.256",
            "010.0.0.1",
            "192.0.2.1/33",
            "192.0.2.1/",
            "/24",
            "192.0.2.1/+4",
            "192.0.2.1/255.255.255.0",
            "2001:db8::1/129",
            "fe80::1%eth0",
            "1.2",
        ] {
            assert_eq!(IpText::parse(text), IpText::Other, "{text}");
        }
    }
}
