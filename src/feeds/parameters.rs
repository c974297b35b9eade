//! The types of the parameters of a request.

use std::net::Ipv4Addr;

/// The rule for the names of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameRule {
    /// The names of the inventory.
    Name,
    /// Labels of host names.
    Slug,
    /// IP addresses.
    Ip,
}

impl NameRule {
    /// The word in requests.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Slug => "slug",
            Self::Ip => "ip",
        }
    }
}

/// A property of each host, and its name in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Var {
    pub(super) property: String,
    pub(super) shown: String,
}

/// The options that only some feeds have.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) target_port: Option<u16>,
    pub(super) zone: Option<String>,
    pub(super) name_server: Option<String>,
    pub(super) mac: Option<String>,
    pub(super) subnet: Option<Subnet>,
    pub(super) file: Option<&'static str>,
    pub(super) node_kind: Option<String>,
    pub(super) image: Option<String>,
    pub(super) template: Option<String>,
}

/// A subnet of IPv4, as Kea has it: `10.0.0.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subnet {
    pub(super) address: Ipv4Addr,
    pub(super) prefix: u8,
}

impl Subnet {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let is_number = prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| is_number && *prefix <= 32)?;
        let subnet = Self { address: address.parse().ok()?, prefix };
        (subnet.address.to_bits() & !subnet.mask() == 0).then_some(subnet)
    }

    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0)
    }

    /// Returns whether an address is in the subnet.
    pub(super) fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask() == self.address.to_bits()
    }
}

/// Tells what a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole feed.
    Feed,
    /// The entry of one host.
    Host(String),
}

/// Tells whether a request wants the feed or its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The feed.
    Feed,
    /// The report of the feed.
    Report,
}
