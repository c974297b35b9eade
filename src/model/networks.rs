//! IP networks, as settings and tokens list them.

use std::fmt;
use std::net::IpAddr;

use super::IpText;

/// The bits before the IPv4 address in an IPv6 address that contains one (RFC 4291, section 2.5.5.2).
const MAPPED_BITS: u8 = 96;

/// A list of networks and single addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

/// A network, or a single address, whose prefix has all bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Networks {
    /// Parses addresses and networks such as `192.0.2.1` and `2001:db8::/32`, separated by commas.
    ///
    /// # Errors
    /// A message with the text that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let networks = text.split(',').map(|text| match IpText::parse(text) {
            IpText::Address(address) => {
                let address = address.to_canonical();
                Ok(Network { address, prefix: bits(address) })
            }
            IpText::WithPrefix { address, prefix } => {
                let address: IpAddr = address.parse().map_err(|_| wrong(text))?;
                // A network of IPv4 addresses in IPv6 form: ::ffff:10.0.0.0/104 is 10.0.0.0/8.
                match (address, address.to_canonical()) {
                    (IpAddr::V6(_), IpAddr::V4(canonical)) => {
                        let prefix = prefix.checked_sub(MAPPED_BITS).ok_or_else(|| wrong(text))?;
                        Ok(Network { address: canonical.into(), prefix })
                    }
                    (address, _) => Ok(Network { address, prefix }),
                }
            }
            IpText::Blank | IpText::Other => Err(wrong(text)),
        });
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// Returns whether one of the networks contains the address.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Returns whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The list in the form that [`Networks::parse`] reads.
impl fmt::Display for Networks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Network { address, prefix }) in self.0.iter().enumerate() {
            if at > 0 {
                out.write_str(", ")?;
            }
            write!(out, "{address}")?;
            if *prefix < bits(*address) {
                write!(out, "/{prefix}")?;
            }
        }
        Ok(())
    }
}

fn wrong(text: &str) -> String {
    format!("expected IP addresses or networks, separated by commas, but found “{}”", text.trim())
}

/// The number of bits of an address.
fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_back() {
        for text in ["10.0.0.0/8", "192.0.2.1, 2001:db8::/32", "::1", "0.0.0.0/0"] {
            let networks = Networks::parse(text).unwrap();
            assert_eq!(networks.to_string(), text);
            assert_eq!(Networks::parse(&networks.to_string()).unwrap(), networks);
        }
    }

    #[test]
    fn texts_that_are_no_networks_are_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "::ffff:10.0.0.0/95",
            "proxy.example",
            "10.0.0.1,",
            "10.0.0.1 10.0.0.2",
        ] {
            let refused = Networks::parse(text).unwrap_err();
            assert!(refused.starts_with("expected IP addresses"), "{text}: {refused}");
        }
    }

    #[test]
    fn a_network_contains_its_addresses() {
        let contain = |text: &str, address: &str| {
            Networks::parse(text).unwrap().contain(address.parse().unwrap())
        };
        assert!(contain("10.0.0.0/8", "10.255.0.1") && contain("10.0.0.0/8", "::ffff:10.1.1.1"));
        assert!(!contain("10.0.0.0/8", "11.0.0.1"));
        assert!(contain("::ffff:127.0.0.1/104", "127.9.9.9"));
        assert!(!contain("::ffff:127.0.0.1/104", "126.0.0.1"));
        assert!(
            contain("2001:db8::/32", "2001:db8::7") && !contain("2001:db8::/32", "2001:db9::7")
        );
        assert!(contain("0.0.0.0/0", "203.0.113.7") && !contain("0.0.0.0/0", "::1"));
    }
}
