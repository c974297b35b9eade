//! The addresses on which a server listens.

use std::{fmt, net::SocketAddr};

/// An address on which a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// The IP address and the port.
    pub socket: SocketAddr,
    /// With or without encryption.
    pub scheme: Scheme,
}

impl ListenAddress {
    /// Returns whether only this machine can connect to the address.
    pub fn is_loopback(&self) -> bool {
        self.socket.ip().to_canonical().is_loopback()
    }
}

/// The address as a URL.
impl fmt::Display for ListenAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", self.scheme, self.socket)
    }
}

/// The protocol of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP without encryption.
    Http,
    /// HTTP over TLS.
    Https,
}

impl fmt::Display for Scheme {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// The value of the setting `listen`: at least one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenList(pub Vec<ListenAddress>);

impl ListenList {
    /// Parses addresses with or without a scheme, separated by commas. Host names are not resolved: their
    /// address can change, and with it the set of possible clients.
    ///
    /// # Errors
    /// A message with the expected form.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        text.split(',').map(|text| parse_address(text.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// Returns whether only this machine can connect to all of the addresses.
    pub fn is_loopback(&self) -> bool {
        self.0.iter().all(ListenAddress::is_loopback)
    }

    /// Returns whether one of the listeners encrypts.
    pub fn has_https(&self) -> bool {
        self.0.iter().any(|listen| listen.scheme == Scheme::Https)
    }
}

fn parse_address(text: &str) -> Result<ListenAddress, String> {
    let (scheme, address) = match text.split_once("://") {
        None => (Some(Scheme::Http), text),
        Some(("http", address)) => (Some(Scheme::Http), address),
        Some(("https", address)) => (Some(Scheme::Https), address),
        Some((_, address)) => (None, address),
    };
    match (scheme, address.trim_end_matches('/').parse()) {
        (Some(scheme), Ok(socket)) => Ok(ListenAddress { socket, scheme }),
        (None, _) | (_, Err(_)) => {
            Err("expected an IP address and a port, such as 127.0.0.1:8080, [::1]:8080 or \
                    https://0.0.0.0:8443; several are separated by commas"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_or_means_http() {
        let parsed = |text: &str| {
            let list = ListenList::parse(text).map(|list| list.0);
            list.map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(parsed("127.0.0.1:8080").unwrap(), ["http://127.0.0.1:8080"]);
        assert_eq!(
            parsed("https://[::]:8443/, http://127.0.0.1:80").unwrap(),
            ["https://[::]:8443", "http://127.0.0.1:80"]
        );
        for wrong in ["", "localhost:80", "https://a:1", "ftp://127.0.0.1:80", "127.0.0.1:80,", "1"]
        {
            assert!(parsed(wrong).unwrap_err().starts_with("expected"), "{wrong}");
        }
    }
}
