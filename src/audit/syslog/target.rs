//! The address of the collector, as in the setting `syslog`.

use std::{fmt, str::FromStr};

/// The transport of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Tls];

    fn scheme(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The usual port: 514 by RFC 5426, and by habit for TCP; 6514 by RFC 5425.
    fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 514,
            Self::Tls => 6514,
        }
    }
}

/// A collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogTarget {
    pub(super) transport: Transport,
    /// A host name or an IP address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// The text is not the address of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT")]
pub struct UnknownTarget;

impl SyslogTarget {
    /// Returns whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.transport == Transport::Tls
    }
}

impl fmt::Display for SyslogTarget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport, host, port } = self;
        let scheme = transport.scheme();
        if host.contains(':') {
            write!(out, "{scheme}://[{host}]:{port}")
        } else {
            write!(out, "{scheme}://{host}:{port}")
        }
    }
}

impl FromStr for SyslogTarget {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, UnknownTarget> {
        let (scheme, address) = text.split_once("://").ok_or(UnknownTarget)?;
        let transport = Transport::ALL.into_iter().find(|one| one.scheme() == scheme);
        let transport = transport.ok_or(UnknownTarget)?;
        let (host, port) = match address.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(UnknownTarget)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| UnknownTarget)?;
                (host, port.strip_prefix(':').or(port.is_empty().then_some("")))
            }
            None => match address.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (address, Some("")),
            },
        };
        let port = match port.ok_or(UnknownTarget)? {
            "" if !address.ends_with(':') => transport.default_port(),
            port => port.parse().map_err(|_| UnknownTarget)?,
        };
        let is_host = |c: char| !(c.is_whitespace() || c.is_control() || "/@?#:[]".contains(c));
        let is_v6 = address.starts_with('[');
        if host.is_empty() || port == 0 || !(is_v6 || host.chars().all(is_host)) {
            return Err(UnknownTarget);
        }
        Ok(Self { transport, host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_transport_and_a_port() {
        for (text, shown) in [
            ("udp://10.0.0.5:514", "udp://10.0.0.5:514"),
            ("udp://10.0.0.5", "udp://10.0.0.5:514"),
            ("tcp://logs.example.net:601", "tcp://logs.example.net:601"),
            ("tls://logs.example.net", "tls://logs.example.net:6514"),
            ("tls://[2001:db8::5]:6514", "tls://[2001:db8::5]:6514"),
            ("udp://[::1]", "udp://[::1]:514"),
        ] {
            assert_eq!(text.parse::<SyslogTarget>().unwrap().to_string(), shown);
        }
        for wrong in [
            "",
            "10.0.0.5:514",
            "http://10.0.0.5:514",
            "UDP://10.0.0.5",
            "udp://",
            "udp://:514",
            "udp://host:",
            "udp://host:0",
            "udp://host:65536",
            "udp://2001:db8::5",
            "udp://[host]:514",
            "udp://[::1]514",
            "tcp://user:password@host:514",
            "tcp://host:514/path",
            "tcp://a b:514",
        ] {
            assert_eq!(wrong.parse::<SyslogTarget>(), Err(UnknownTarget), "{wrong}");
        }
    }
}
