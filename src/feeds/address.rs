//! The address of a device.

use std::net::IpAddr;

use crate::model::IpText;

/// The address of a device, from its property `ip_address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address<'h> {
    None,
    Ip(IpAddr),
    /// A text that is no IP address.
    Other(&'h str),
}

impl<'h> Address<'h> {
    pub(super) fn parse(text: &'h str) -> Self {
        match IpText::parse(text) {
            IpText::Blank => Self::None,
            IpText::Address(address) => Self::Ip(address),
            IpText::WithPrefix { address, .. } => {
                address.parse().map_or(Self::Other(text), Self::Ip)
            }
            IpText::Other => Self::Other(text.trim()),
        }
    }
}
