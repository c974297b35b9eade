//! The names under which clients may address the server, and the requests that pages of other sites
//! make a browser send.

use std::net::IpAddr;

use hyper::{
    header::{HOST, HeaderMap, HeaderName, ORIGIN, REFERER},
    http::{
        request::Parts,
        uri::{Authority, Uri},
    },
};

use super::problem::{Flaw, Problem, ProblemKind, RequestLocation};
use crate::access::Right;

/// The header in which a browser says where the page of a request comes from.
pub(super) const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Accepts every name.
const ANY_NAME: &str = "*";

/// The names under which clients may address the server. A page whose domain resolves to the server's
/// address (DNS rebinding) is of the same origin for a browser; only the name in `Host` tells them apart.
#[derive(Clone, Debug, Default)]
pub struct HostNames {
    /// The server's own name, and names of its domain.
    own: String,
    listed: Vec<String>,
}

impl HostNames {
    /// The names that the setting lists, and the host's own name: `inventory` accepts `inventory` and
    /// `inventory.example.net`. IP addresses and `localhost` are always accepted, and `*` accepts every
    /// name.
    #[must_use]
    pub fn new(own: &str, listed: &[String]) -> Self {
        let first_label = own.split('.').next().unwrap_or_default();
        Self {
            own: first_label.to_ascii_lowercase(),
            listed: listed.iter().map(|name| normalized(name)).collect(),
        }
    }

    fn accept(&self, host: &str) -> bool {
        if host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok() {
            return true;
        }
        let host = normalized(host);
        let first_label = host.split('.').next().unwrap_or_default();
        host == "localhost"
            || host.ends_with(".localhost")
            || !self.own.is_empty() && first_label == self.own
            || self.listed.iter().any(|listed| *listed == host || listed == ANY_NAME)
    }
}

/// A name in lower case, without the dot of the root.
fn normalized(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The transport between the browser and the first server or proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrowserTransport {
    /// Certainly TLS: the pages of this server have the scheme `https`.
    Tls,
    /// Unknown, because a proxy that does not say it can be in between.
    Unknown,
}

/// Refuses a request to a name that is not the server's, and a change that a page of another site
/// requests. Returns the host and port that the client asked for; `None` for HTTP/1.0 without `Host`.
///
/// # Errors
/// 421 for an unknown name in `Host`; 403 for a change requested by a page of another site; 400 for a
/// `Host` that cannot be read, and for a wrong scheme of the request target.
pub(super) fn check(
    names: &HostNames,
    head: &Parts,
    browser: BrowserTransport,
) -> Result<Option<Authority>, Problem> {
    check_scheme(&head.uri, browser)?;
    let Some(host) = requested_host(head)? else { return Ok(None) };
    if !names.accept(host.host()) {
        let detail = format!(
            "This server does not answer under the name “{}”. Its setting `hosts` lists the names.",
            host.host()
        );
        return Err(Problem::new(ProblemKind::UnknownHost, detail.clone())
            .with_flaw(Flaw::new(RequestLocation::Header("host"), detail)));
    }
    if !head.method.is_safe() {
        refuse_other_site(&head.headers, &host, browser)?;
    }
    Ok(Some(host))
}

/// Refuses a call that reads secrets or takes much work if a page of another site requests it. The page
/// cannot read the answer, but a browser with a remembered login makes the server produce it.
///
/// # Errors
/// 403; 400 for a `Host` that cannot be read.
pub(super) fn check_read(
    right: Right,
    head: &Parts,
    browser: BrowserTransport,
) -> Result<(), Problem> {
    match right {
        Right::Public | Right::Own | Right::Read | Right::Feeds | Right::Edit | Right::Delete => {
            Ok(())
        }
        Right::Jobs | Right::Export | Right::Import | Right::Backup | Right::Administer => {
            match requested_host(head)? {
                Some(host) => refuse_other_site(&head.headers, &host, browser),
                None => Ok(()),
            }
        }
    }
}

fn refuse_other_site(
    headers: &HeaderMap,
    host: &Authority,
    browser: BrowserTransport,
) -> Result<(), Problem> {
    if is_from_other_site(headers, host, browser) {
        let detail = "Requests from pages of other sites are refused.";
        return Err(Problem::new(ProblemKind::Forbidden, detail));
    }
    Ok(())
}

/// Refuses a request target whose scheme is not the one of this server: `:scheme` over HTTP/2, and the
/// absolute form over HTTP/1.1.
///
/// # Errors
/// 400.
fn check_scheme(target: &Uri, browser: BrowserTransport) -> Result<(), Problem> {
    let Some(scheme) = target.scheme_str() else { return Ok(()) };
    let detail = match (scheme, browser) {
        ("https", _) | ("http", BrowserTransport::Unknown) => return Ok(()),
        ("http", BrowserTransport::Tls) => {
            "The request was sent over TLS, but its target has the scheme “http”. Use “https”."
        }
        _ => "The scheme of the request target must be “http” or “https”.",
    };
    Err(Problem::new(ProblemKind::MalformedRequest, detail))
}

/// The host and port that the client asked for. `None` for HTTP/1.0 without `Host`, which no browser
/// sends.
///
/// # Errors
/// 400, also for a user name before the host (RFC 9110, section 4.2.4; RFC 9113, section 8.3.1).
fn requested_host(head: &Parts) -> Result<Option<Authority>, Problem> {
    let refused = |detail: &str| {
        Problem::new(ProblemKind::MalformedRequest, detail)
            .with_flaw(Flaw::new(RequestLocation::Header("host"), detail))
    };
    let authority = match (head.uri.authority(), head.headers.get(HOST)) {
        (Some(authority), _) => authority.clone(),
        (None, Some(host)) => Authority::try_from(host.as_bytes())
            .map_err(|_| refused("The Host header is not a host name and port."))?,
        (None, None) => return Ok(None),
    };
    if authority.as_str().contains('@') {
        return Err(refused("The host of a request must not contain a user name (“name@host”)."));
    }
    Ok(Some(authority))
}

/// Returns whether a browser says that a page of another site made the request. `Sec-Fetch-Site` is
/// missing over plain HTTP beyond localhost; `Origin` is there in every request of a page that is neither
/// GET nor HEAD, and `Referer` in those of old browsers. Other clients send none of them.
///
/// Sources: <https://www.w3.org/TR/fetch-metadata/>, <https://fetch.spec.whatwg.org/#origin-header>.
fn is_from_other_site(headers: &HeaderMap, host: &Authority, browser: BrowserTransport) -> bool {
    let site = headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes());
    if let Some(b"cross-site" | b"same-site") = site {
        return true;
    }
    let differs = |header: HeaderName| {
        headers.get(header).map(|page| {
            let page = page.to_str().ok().and_then(|page| page.parse::<Uri>().ok());
            !page.is_some_and(|page| is_same_site(&page, host, browser))
        })
    };
    differs(ORIGIN).or_else(|| differs(REFERER)).unwrap_or(false)
}

/// Returns whether the page has the host and the port of the request, and a possible scheme. A page with
/// `http` is another site if the browser uses TLS: somebody in the network can send such a page. A page
/// with `https` is always accepted, because a proxy can take away TLS without saying so.
fn is_same_site(page: &Uri, requested: &Authority, browser: BrowserTransport) -> bool {
    let Some(authority) = page.authority() else { return false };
    let default_port = match (page.scheme_str(), browser) {
        (Some("https"), _) => 443,
        (Some("http"), BrowserTransport::Unknown) => 80,
        _ => return false,
    };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default_port);
    normalized(authority.host()) == normalized(requested.host())
        && port(authority) == port(requested)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn refusal(method: &str, host: &str, headers: &[(&str, &str)]) -> Option<Problem> {
        refusal_over(BrowserTransport::Unknown, method, host, headers)
    }

    fn refusal_over(
        browser: BrowserTransport,
        method: &str,
        host: &str,
        headers: &[(&str, &str)],
    ) -> Option<Problem> {
        let names = HostNames::new("Évora-rack.example.net", &["Inventory.example.org".to_owned()]);
        let mut request = Request::builder().method(method).uri("/rest/undo").header("host", host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&names, &head, browser).err()
    }

    #[test]
    fn an_unencrypted_page_is_another_site_for_a_browser_that_uses_tls() {
        let host = "inventory.example.org";
        for header in ["origin", "referer"] {
            for (browser, scheme, refused) in [
                (BrowserTransport::Tls, "http", true),
                (BrowserTransport::Tls, "https", false),
                (BrowserTransport::Unknown, "http", false),
                (BrowserTransport::Unknown, "https", false),
                (BrowserTransport::Unknown, "ftp", true),
            ] {
                let page = format!("{scheme}://{host}");
                let found = refusal_over(browser, "POST", host, &[(header, &page)]);
                assert_eq!(found.is_some(), refused, "{header}: {page} {browser:?}");
            }
        }
    }

    #[test]
    fn a_request_target_has_a_scheme_of_this_server_and_no_user_name() {
        let names = HostNames::new("", &[]);
        let code = |target: &str, browser| {
            let (head, ()) = Request::get(target).body(()).unwrap().into_parts();
            check(&names, &head, browser)
                .err()
                .map(|problem| problem.is(ProblemKind::MalformedRequest))
        };
        let (tls, unknown) = (BrowserTransport::Tls, BrowserTransport::Unknown);
        assert_eq!(code("https://127.0.0.1:8080/", tls), None);
        assert_eq!(code("https://127.0.0.1:8080/", unknown), None);
        assert_eq!(code("http://127.0.0.1:8080/", unknown), None);
        assert_eq!(code("http://127.0.0.1:8080/", tls), Some(true));
        assert_eq!(code("ftp://127.0.0.1:8080/", unknown), Some(true));
        assert_eq!(code("https://evil@127.0.0.1:8080/", tls), Some(true));
        let host = refusal("GET", "evil@127.0.0.1", &[]);
        assert!(host.is_some_and(|refused| refused.is(ProblemKind::MalformedRequest)));
    }

    #[test]
    fn known_names_and_addresses_are_accepted() {
        for host in [
            "127.0.0.1:8080",
            "10.1.2.3",
            "[::1]:8080",
            "[fe80::1]",
            "localhost",
            "LOCALHOST.:1",
            "a.localhost",
            "inventory.example.org:8443",
            "INVENTORY.example.org.",
        ] {
            assert!(refusal("GET", host, &[]).is_none(), "{host}");
        }
        for host in ["evil.example", "inventory.example.org.evil.example", "127.0.0.1.evil", "l"] {
            assert!(
                refusal("GET", host, &[])
                    .is_some_and(|refused| refused.is(ProblemKind::UnknownHost)),
                "{host}"
            );
        }
        let own = HostNames::new("rack-7.example.net", &[]);
        for (host, accepted) in
            [("rack-7", true), ("Rack-7.lan", true), ("rack-70", false), ("x.rack-7", false)]
        {
            assert_eq!(own.accept(host), accepted, "{host}");
        }
        assert!(HostNames::new("", &["*".to_owned()]).accept("evil.example"));
        assert!(!HostNames::new("", &[]).accept("evil.example"));
    }

    #[test]
    fn a_change_requested_by_another_page_is_refused() {
        let host = "inventory.example.org:8080";
        let own = "http://inventory.example.org:8080";
        for (header, value) in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://inventory.example.org"),
            ("origin", "http://inventory.example.org:8081"),
            ("origin", "file://"),
            ("origin", ""),
            ("referer", "http://evil.example/inventory.example.org:8080"),
            ("referer", "http://inventory.example.org:8080@evil.example/"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let refused = refusal("POST", host, &[(header, value)]);
            let is_forbidden = refused.is_some_and(|refused| refused.is(ProblemKind::Forbidden));
            assert!(is_forbidden, "{header}: {value}");
            assert!(refusal("GET", host, &[(header, value)]).is_none(), "{header}: {value}");
        }
        for headers in [
            vec![],
            vec![("origin", own)],
            vec![("referer", "http://INVENTORY.example.org:8080/docs/?a=b")],
            vec![("sec-fetch-site", "same-origin"), ("origin", own)],
            vec![("sec-fetch-site", "none")],
        ] {
            assert!(refusal("DELETE", host, &headers).is_none(), "{headers:?}");
        }
        // A proxy on the standard port that takes away TLS.
        let proxied = [("origin", "https://inventory.example.org")];
        assert!(refusal("POST", "inventory.example.org", &proxied).is_none());
        let crossed = [("origin", "http://evil.example"), ("referer", own)];
        assert!(
            refusal("POST", host, &crossed)
                .is_some_and(|refused| refused.is(ProblemKind::Forbidden))
        );
    }
}
