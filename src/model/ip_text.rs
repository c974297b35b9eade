//! IP addresses in texts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

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

impl IpText<'_> {
    fn is_address(self) -> bool {
        matches!(self, Self::Address(_) | Self::WithPrefix { .. })
    }
}

/// The reason why a text is not an IP address. Its message continues after "this is not an IP address",
/// and is empty for [`NoAddress::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NoAddress {
    /// The address has the length of a prefix.
    #[error(": it has the length of a prefix (after the '/'). Remove it")]
    Prefix,
    /// The number after the address is larger than the address is long.
    #[error(": the length of its prefix is more than {bits_max}")]
    PrefixLong {
        /// The length of the address, in bits.
        bits_max: u8,
    },
    /// The address has a netmask.
    #[error(": it has a netmask. Write the length of the prefix (/24), or the address alone")]
    Netmask,
    /// The address has a zone, which means an interface of one computer (RFC 4007).
    #[error(
        ": it has a zone (after the '%'), which is an interface of one computer. Remove the zone"
    )]
    Zone,
    /// There is a blank in the address, or before its prefix.
    #[error(": it contains a blank. Remove the blank")]
    Blank,
    /// The address has a port.
    #[error(": it has a port. Remove the port")]
    Port,
    /// A number of an IPv4 address has a leading zero, which some programs read as octal.
    #[error(": a number in it begins with 0, which some programs read as octal. Remove the zero")]
    LeadingZero,
    /// There is more than one address.
    #[error(": it contains several addresses. Keep one")]
    Several,
    /// Any other text.
    #[error("")]
    Other,
}

impl NoAddress {
    /// Finds the reason why a text is [`IpText::WithPrefix`] or [`IpText::Other`].
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        if matches!(IpText::parse(text), IpText::WithPrefix { .. }) {
            return Self::Prefix;
        }
        let is_address = |text: &str| text.trim().parse::<IpAddr>().is_ok();
        if let Some((address, rest)) = text.split_once(['/', ' '])
            && is_address(address)
        {
            let rest = rest.trim();
            if is_netmask(rest) {
                return Self::Netmask;
            }
            let bits_max = if address.contains(':') { 128 } else { 32 };
            let is_number = rest.bytes().all(|byte| byte.is_ascii_digit());
            if is_number && rest.parse::<u64>().is_ok_and(|bits| bits > u64::from(bits_max)) {
                return Self::PrefixLong { bits_max };
            }
        }
        let mut parts =
            text.split([',', ';', '|', '\n', ' ', '\t']).filter(|part| !part.is_empty());
        if parts.clone().count() > 1 && parts.all(|part| IpText::parse(part).is_address()) {
            return Self::Several;
        }
        if let Some((address, _)) = text.split_once('%')
            && is_address(address)
        {
            return Self::Zone;
        }
        if text.parse::<SocketAddr>().is_ok() {
            return Self::Port;
        }
        let without_blanks: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if without_blanks.len() < text.len() && IpText::parse(&without_blanks).is_address() {
            return Self::Blank;
        }
        let numbers = text.split('.').map(|number| number.trim_start_matches('0'));
        let numbers: Vec<&str> =
            numbers.map(|number| if number.is_empty() { "0" } else { number }).collect();
        if text.matches('.').count() == 3 && is_address(&numbers.join(".")) {
            return Self::LeadingZero;
        }
        Self::Other
    }
}

/// Returns whether a text is a netmask of IPv4: bits that are one, and then bits that are zero.
fn is_netmask(text: &str) -> bool {
    let bits = text.parse::<Ipv4Addr>().map_or(0, u32::from);
    bits.leading_ones() + bits.trailing_zeros() == u32::BITS && bits != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_why_a_text_is_not_an_address_is_found() {
        for (text, reason) in [
            ("192.0.2.1/33", NoAddress::PrefixLong { bits_max: 32 }),
            ("2001:db8::1/129", NoAddress::PrefixLong { bits_max: 128 }),
            ("192.0.2.1/255.255.255.0", NoAddress::Netmask),
            ("192.0.2.1 255.255.255.0", NoAddress::Netmask),
            ("fe80::1%eth0", NoAddress::Zone),
            ("192.0.2.2 /24", NoAddress::Blank),
            ("192. 0.2.2", NoAddress::Blank),
            ("192.0.2.1:22", NoAddress::Port),
            ("[2001:db8::1]:22", NoAddress::Port),
            ("010.0.0.1", NoAddress::LeadingZero),
            ("192.0.2.1, 192.0.2.2", NoAddress::Several),
            ("192.0.2.1/24;192.0.2.2/24", NoAddress::Several),
            ("n/a", NoAddress::Other),
            ("-", NoAddress::Other),
            ("dhcp", NoAddress::Other),
            ("1.2", NoAddress::Other),
            ("192.0.2.256", NoAddress::Other),
            ("é>b", NoAddress::Other),
        ] {
            assert_eq!(IpText::parse(text), IpText::Other, "{text}");
            assert_eq!(NoAddress::of(text), reason, "{text}");
        }
        assert_eq!(NoAddress::of("192.0.2.1/24"), NoAddress::Prefix);
    }

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
