//! The interface of writers: what a format gets, and where it writes.

use std::{borrow::Cow, net::IpAddr};

use super::{
    address::Address,
    groups::Groups,
    host_names::HostNames,
    parameters::Var,
    report::{FeedReport, LeftOut},
    shown,
};
use crate::{inventory::Flow, model::View};

/// Receives the bytes of a feed.
pub trait Output {
    /// The bytes that are not sent yet.
    fn bytes(&mut self) -> &mut Vec<u8>;

    /// Sends the bytes if there are enough. [`Flow::Stop`] if nobody wants more.
    fn checkpoint(&mut self) -> Flow;
}

/// Keeps all bytes.
impl Output for Vec<u8> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        self
    }

    fn checkpoint(&mut self) -> Flow {
        Flow::Continue
    }
}

/// Forgets the bytes, for a report without its feed.
#[derive(Debug, Default)]
pub struct Discard(Vec<u8>);

impl Output for Discard {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    fn checkpoint(&mut self) -> Flow {
        self.0.clear();
        Flow::Continue
    }
}

/// One device of the selection.
pub(super) struct Host<'h> {
    /// The name in the inventory.
    pub(super) name: &'h str,
    /// The name by the rule of the feed.
    pub(super) host: &'h str,
    pub(super) address: Address<'h>,
    /// The names of all hosts by the rule of the feed.
    pub(super) names: &'h HostNames,
    /// The names of its groups.
    pub(super) groups: &'h [Cow<'h, str>],
    /// The values of the feed's properties, in their order.
    pub(super) properties: &'h [&'h View<'h>],
    pub(super) vars: &'h [Var],
    /// The values of `vars`; `None` for the column `host`.
    pub(super) values: &'h [Option<&'h View<'h>>],
}

impl Host<'_> {
    /// The IP address.
    ///
    /// # Errors
    /// The reason why the device cannot be in a feed that needs an address.
    pub(super) fn ip(&self) -> Result<IpAddr, LeftOut> {
        match self.address {
            Address::Ip(address) => Ok(address),
            Address::None => Err(LeftOut::NoAddress),
            Address::Other(_) => Err(LeftOut::WrongAddress),
        }
    }

    /// The address to which a program connects: the IP address, or a host name in its place. `None`
    /// for another text: it could be read as an option of a command.
    pub(super) fn target(&self) -> Option<String> {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        match self.address {
            Address::Ip(address) => Some(address.to_string()),
            Address::Other(text) if text.chars().all(valid) && !text.starts_with(['-', '.']) => {
                Some(text.to_owned())
            }
            Address::None | Address::Other(_) => None,
        }
    }

    /// The value of a property of the feed as text.
    pub(super) fn text(&self, property: usize) -> Cow<'_, str> {
        self.properties.get(property).map_or(Cow::Borrowed(""), |view| shown::text(view))
    }

    /// The MAC address in the last property of the feed, as `52:54:00:12:34:56`.
    ///
    /// # Errors
    /// [`LeftOut::NoMacAddress`] for another text.
    pub(super) fn mac(&self) -> Result<String, LeftOut> {
        const DIGITS: usize = 12;
        let text = self.properties.last().map(|view| shown::text(view)).unwrap_or_default();
        let text = text.trim();
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        let is_separator = |c: char| matches!(c, ':' | '-' | '.');
        let is_mac = digits.len() == DIGITS
            && text.chars().all(|c| c.is_ascii_hexdigit() || is_separator(c));
        if !is_mac {
            return Err(LeftOut::NoMacAddress);
        }
        let digits = digits.to_ascii_lowercase();
        let pairs = digits.as_bytes().chunks(2);
        Ok(pairs.filter_map(|pair| str::from_utf8(pair).ok()).collect::<Vec<_>>().join(":"))
    }

    /// The value of a property of the feed if it is a port from 1 to 65535.
    pub(super) fn port(&self, property: usize) -> Option<u16> {
        match self.properties.get(property) {
            Some(View::Int(port)) => u16::try_from(*port).ok().filter(|port| *port > 0),
            _ => None,
        }
    }

    /// The variables: names and values.
    pub(super) fn vars(&self) -> impl Iterator<Item = (&str, View<'_>)> {
        self.vars.iter().zip(self.values).map(|(var, value)| {
            let value = value.map_or(View::Text(self.host), Clone::clone);
            (var.shown.as_str(), value)
        })
    }
}

/// A network that is the end of a link.
pub(super) struct NetworkNode<'h> {
    pub(super) name: &'h str,
    pub(super) host: &'h str,
}

/// A link between two nodes of the feed.
pub(super) struct FeedLink<'h> {
    pub(super) name: &'h str,
    /// The names of its ends by the rule of the feed.
    pub(super) source: &'h str,
    pub(super) destination: &'h str,
}

/// The end of a feed.
pub(super) struct End<'e> {
    pub(super) groups: &'e Groups,
    pub(super) report: &'e FeedReport,
}

/// A writer of one format. Formats need only the functions for what they contain.
pub(super) trait FeedWriter {
    /// Begins the feed. `version` is the number of the last change of the inventory.
    fn begin(&mut self, _out: &mut Vec<u8>, _version: u64) {}

    /// Writes a device.
    ///
    /// # Errors
    /// The reason why the format cannot have the device. Nothing is written then.
    fn host(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut>;

    /// Writes a network that is the end of a link.
    fn network(&mut self, _out: &mut Vec<u8>, _network: &NetworkNode<'_>) {}

    /// Writes a link. All nodes are written before.
    fn link(&mut self, _out: &mut Vec<u8>, _link: &FeedLink<'_>) {}

    /// Ends the feed.
    fn end(&mut self, _out: &mut dyn Output, _end: &End<'_>) {}

    /// Writes the entry of one host, in place of the feed.
    ///
    /// # Errors
    /// As for [`FeedWriter::host`].
    fn single(&mut self, out: &mut Vec<u8>, host: &Host<'_>) -> Result<(), LeftOut> {
        self.host(out, host)
    }
}
