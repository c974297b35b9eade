//! The client of a request: its address, also behind a proxy, and its distance.

use std::net::IpAddr;

use hyper::Version;
use hyper::header::{FORWARDED, HeaderMap};

use super::connection_state::Transport;
use super::host_names::BrowserTransport;
use super::problem::{Flaw, Problem, ProblemKind, RequestLocation};
use crate::access::Distance;
use crate::model::Networks;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

const X_FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The machines that can reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Only the server's own: all listeners have loopback addresses.
    SameMachine,
    /// Others too.
    Network,
}

/// The clients that may ask about the health without a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthAccess {
    /// Programs on the same machine, not through a proxy.
    Local,
    /// Every client.
    Network,
}

impl HealthAccess {
    /// Returns whether a client at this distance may ask.
    pub(super) fn admits(self, distance: Distance) -> bool {
        match self {
            Self::Local => distance != Distance::Network,
            Self::Network => true,
        }
    }
}

/// The headers by which proxies say that they forward a request.
const PROXY_HEADERS: [&str; 11] = [
    "cdn-loop",
    "cf-connecting-ip",
    "fastly-client-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-original-forwarded-for",
    "x-real-ip",
];

/// The beginnings of more such headers: `X-Forwarded-For`, `X-Forwarded-Host` and others.
const PROXY_HEADER_PREFIXES: [&str; 2] = ["x-forwarded", "x_forwarded"];

/// Returns the distance of a peer that sent this version of HTTP and these headers. Proxies such as nginx use
/// HTTP/1.0 if nobody configured them.
pub(super) fn distance(
    exposure: Exposure,
    peer: IpAddr,
    version: Version,
    headers: &HeaderMap,
) -> Distance {
    if !peer.to_canonical().is_loopback() || is_forwarded(version, headers) {
        return Distance::Network;
    }
    match exposure {
        Exposure::SameMachine => Distance::SameMachineOnly,
        Exposure::Network => Distance::SameMachine,
    }
}

/// Returns whether the version of HTTP or a header says that a proxy forwards the request.
fn is_forwarded(version: Version, headers: &HeaderMap) -> bool {
    let is_of_proxy = |name: &str| {
        PROXY_HEADERS.contains(&name)
            || PROXY_HEADER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    version < Version::HTTP_11 || headers.keys().any(|name| is_of_proxy(name.as_str()))
}

/// The proxies whose word about the address of a client counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Networks);

impl TrustedProxies {
    /// Parses addresses and networks, separated by commas.
    ///
    /// # Errors
    /// As [`Networks::parse`].
    pub fn parse(text: &str) -> Result<Self, String> {
        Networks::parse(text).map(Self)
    }

    /// Returns whether this is the address of a trusted proxy.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        self.0.contain(address)
    }

    /// The address of the client: the peer's, or, if the peer is a trusted proxy, the last address in
    /// `X-Forwarded-For` or `Forwarded` (RFC 7239) that is not a trusted proxy's. Each proxy appends the
    /// address that it saw, so a client can only invent the addresses before it.
    ///
    /// # Errors
    /// 400 if a trusted proxy sends both headers: one of them is the client's own.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Result<IpAddr, Problem> {
        let mut client = peer.to_canonical();
        if !self.0.contain(client) {
            return Ok(client);
        }
        let forwarded_for = list(headers, X_FORWARDED_FOR);
        let forwarded = list(headers, FORWARDED.as_str());
        if !forwarded_for.is_empty() && !forwarded.is_empty() {
            let detail = "The proxy sent both X-Forwarded-For and Forwarded. It must remove the one \
                          that it does not set.";
            return Err(Problem::new(ProblemKind::MalformedRequest, detail)
                .with_flaw(Flaw::new(RequestLocation::Header(X_FORWARDED_FOR), detail)));
        }
        let hops =
            forwarded_for.iter().copied().chain(forwarded.iter().map(|hop| member(hop, "for")));
        for hop in hops.rev() {
            // A proxy can hide the address: `unknown`, `_name`.
            let Some(address) = parse_hop(hop) else { break };
            client = address;
            if !self.0.contain(client) {
                break;
            }
        }
        Ok(client)
    }
}

impl TrustedProxies {
    /// The transport of the client: that of the connection, or TLS if a trusted proxy says `https` in
    /// `X-Forwarded-Proto` or `Forwarded`. A client that invents the header only gets a cookie that its
    /// browser does not keep.
    pub(super) fn transport(
        &self,
        transport: Transport,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Transport {
        if transport == Transport::Tls || !self.0.contain(peer.to_canonical()) {
            return transport;
        }
        if is_forwarded_from_tls(headers) { Transport::Tls } else { Transport::Plain }
    }

    /// Returns whether the browser certainly uses TLS: a trusted proxy says so, or the connection has TLS
    /// and nothing says that a proxy forwards the request. A page of another site cannot add the headers
    /// of a proxy to a request.
    pub(super) fn browser_transport(
        &self,
        transport: Transport,
        peer: IpAddr,
        version: Version,
        headers: &HeaderMap,
    ) -> BrowserTransport {
        let is_certain = if self.0.contain(peer.to_canonical()) {
            is_forwarded_from_tls(headers)
        } else {
            transport == Transport::Tls && !is_forwarded(version, headers)
        };
        if is_certain { BrowserTransport::Tls } else { BrowserTransport::Unknown }
    }
}

/// Returns whether `X-Forwarded-Proto` or `Forwarded` says that the client uses TLS.
fn is_forwarded_from_tls(headers: &HeaderMap) -> bool {
    let protocols = list(headers, X_FORWARDED_PROTO);
    let forwarded = list(headers, FORWARDED.as_str());
    let mut words =
        protocols.into_iter().chain(forwarded.into_iter().map(|hop| member(hop, "proto")));
    words.any(|word| word.eq_ignore_ascii_case("https"))
}

/// The items of a header that is a list, over all its lines.
fn list<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).collect()
}

/// The value of a member in an item of `Forwarded`: `for="[2001:db8::1]:4711";proto=https`. Empty if it
/// is missing.
fn member<'h>(item: &'h str, name: &str) -> &'h str {
    let pairs = item.split(';').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(known, _)| known.trim().eq_ignore_ascii_case(name));
    values.next().map_or("", |(_, value)| value.trim().trim_matches('"'))
}

/// The address in `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let address = match hop.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if hop.matches(':').count() == 1 => hop.split_once(':')?.0,
        None => hop,
    };
    address.parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &str, peer: &str, headers: &[(&str, &str)]) -> Option<String> {
        let proxies = TrustedProxies::parse(proxies).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: hyper::header::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &map).ok().map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_that_is_not_a_proxys_is_the_clients() {
        const PROXIES: &str = "127.0.0.1, 10.0.0.0/8, 2001:db8::/32";
        for (peer, headers, expected) in [
            ("192.0.2.9", &[("x-forwarded-for", "198.51.100.1")][..], "192.0.2.9"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &[("x-forwarded-for", "198.51.100.1")], "198.51.100.1"),
            ("::ffff:127.0.0.1", &[("x-forwarded-for", "198.51.100.1")], "198.51.100.1"),
            ("127.0.0.1", &[("x-forwarded-for", "1.1.1.1, 198.51.100.1,10.9.9.9")], "198.51.100.1"),
            (
                "127.0.0.1",
                &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "198.51.100.1:80")],
                "198.51.100.1",
            ),
            (
                "2001:db8::7",
                &[("forwarded", "for=1.1.1.1, For=\"[2001:dead::1]:80\";proto=https")],
                "2001:dead::1",
            ),
            ("127.0.0.1", &[("forwarded", "for=_hidden, for=10.0.0.1")], "10.0.0.1"),
            ("127.0.0.1", &[("x-forwarded-for", "1.1.1.1, unknown")], "127.0.0.1"),
            ("127.0.0.1", &[("x-forwarded-for", "10.0.0.2")], "10.0.0.2"),
            ("127.0.0.1", &[("forwarded", "proto=https")], "127.0.0.1"),
        ] {
            let found = client(PROXIES, peer, headers);
            assert_eq!(found.as_deref(), Some(expected), "{peer} {headers:?}");
        }
        let both = [("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "1.1.1.1")];
        assert_eq!(client(PROXIES, "127.0.0.1", &both), None);
        // Nobody else can cause the refusal of a request.
        assert_eq!(client(PROXIES, "192.0.2.9", &both).as_deref(), Some("192.0.2.9"));
    }

    #[test]
    fn a_trusted_proxy_says_that_its_client_uses_tls() {
        let proxies = TrustedProxies::parse("10.0.0.0/8").unwrap();
        let of = |transport, peer: &str, header: Option<(&'static str, &str)>| {
            let mut headers = HeaderMap::new();
            if let Some((name, value)) = header {
                headers.insert(name, value.parse().unwrap());
            }
            proxies.transport(transport, peer.parse().unwrap(), &headers)
        };
        use Transport::{Plain, Tls};
        let https = Some(("x-forwarded-proto", "https"));
        assert_eq!(of(Tls, "192.0.2.1", None), Tls);
        assert_eq!(of(Plain, "192.0.2.1", https), Plain);
        assert_eq!(of(Plain, "10.0.0.1", https), Tls);
        assert_eq!(of(Plain, "::ffff:10.0.0.1", https), Tls);
        assert_eq!(of(Plain, "10.0.0.1", Some(("x-forwarded-proto", "http"))), Plain);
        let forwarded = Some(("forwarded", "for=1.1.1.1;Proto=\"HTTPS\", for=10.0.0.2;proto=http"));
        assert_eq!(of(Plain, "10.0.0.1", forwarded), Tls);
        assert_eq!(of(Plain, "10.0.0.1", None), Plain);
    }

    #[test]
    fn a_browser_certainly_uses_tls_without_a_proxy_or_with_the_word_of_a_trusted_one() {
        let proxies = TrustedProxies::parse("10.0.0.0/8").unwrap();
        use Transport::{Plain, Tls};
        const HTTPS: &[(&str, &str)] = &[("x-forwarded-proto", "https")];
        const HTTP: &[(&str, &str)] = &[("x-forwarded-proto", "http")];
        for (transport, peer, version, headers, is_tls) in [
            (Tls, "192.0.2.1", Version::HTTP_2, &[][..], true),
            (Tls, "192.0.2.1", Version::HTTP_11, &[], true),
            (Tls, "192.0.2.1", Version::HTTP_10, &[], false),
            (Tls, "192.0.2.1", Version::HTTP_11, HTTP, false),
            (Tls, "192.0.2.1", Version::HTTP_11, &[("via", "1.1 é")], false),
            (Plain, "192.0.2.1", Version::HTTP_11, HTTPS, false),
            (Plain, "10.0.0.1", Version::HTTP_11, HTTPS, true),
            (Plain, "10.0.0.1", Version::HTTP_10, HTTPS, true),
            (Plain, "10.0.0.1", Version::HTTP_11, HTTP, false),
            (Tls, "10.0.0.1", Version::HTTP_2, &[], false),
            (Tls, "10.0.0.1", Version::HTTP_2, HTTPS, true),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                let value = hyper::header::HeaderValue::from_bytes(value.as_bytes()).unwrap();
                map.insert(*name, value);
            }
            let peer = peer.parse().unwrap();
            let found = proxies.browser_transport(transport, peer, version, &map);
            let expected = if is_tls { BrowserTransport::Tls } else { BrowserTransport::Unknown };
            assert_eq!(found, expected, "{transport:?} {peer} {version:?} {headers:?}");
        }
    }

    #[test]
    fn a_proxy_on_this_machine_is_not_this_machine() {
        let of = |exposure, peer: &str, header: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for name in header {
                headers.insert(*name, "x".parse().unwrap());
            }
            distance(exposure, peer.parse().unwrap(), Version::HTTP_11, &headers)
        };
        assert_eq!(of(Exposure::SameMachine, "127.0.0.1", &[]), Distance::SameMachineOnly);
        assert_eq!(
            of(Exposure::SameMachine, "::ffff:127.0.0.9", &["host"]),
            Distance::SameMachineOnly
        );
        assert_eq!(of(Exposure::Network, "::1", &[]), Distance::SameMachine);
        assert_eq!(of(Exposure::SameMachine, "192.0.2.1", &[]), Distance::Network);
        let old = Version::HTTP_10;
        let peer = "127.0.0.1".parse().unwrap();
        let distance = distance(Exposure::SameMachine, peer, old, &HeaderMap::new());
        assert_eq!(distance, Distance::Network);
        let others = ["x-forwarded-for", "x-forwarded-host", "x_forwarded_for", "x-forwarded"];
        for name in PROXY_HEADERS.into_iter().chain(others) {
            assert_eq!(
                of(Exposure::SameMachine, "127.0.0.1", &[name]),
                Distance::Network,
                "{name}"
            );
        }
    }
}
