//! The host in the address of a server.

use std::net::IpAddr;

use ureq::http::Uri;

pub(super) use crate::tls::{host, server_name};

/// Returns whether the host is an IP address of this machine. Names are not resolved.
pub(super) fn is_loopback(address: &Uri) -> bool {
    host(address).parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_read_without_brackets() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        for (text, expected, loopback) in [
            ("https://[::1]:8443", "::1", true),
            ("http://127.0.0.9", "127.0.0.9", true),
            ("http://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1", true),
            ("https://localhost:1", "localhost", false),
            ("https://inventory.example.net", "inventory.example.net", false),
        ] {
            assert_eq!((host(&uri(text)), is_loopback(&uri(text))), (expected, loopback), "{text}");
            assert!(server_name(&uri(text)).is_some(), "{text}");
        }
        // A label of a name has at most 63 characters.
        assert!(server_name(&uri(&format!("https://{}", "a".repeat(64)))).is_none());
    }
}
