//! The cookie of a session, and the header that pages send with it.

use hyper::{
    header::{COOKIE, HeaderMap, HeaderValue},
    http::uri::Authority,
};
use zeroize::Zeroizing;

use super::{connection_state::Transport, problem::Problem};

/// The header that a page of this server sends with each request. A page of another site cannot send it
/// without asking first (CORS), which is always refused.
pub(super) const X_SATCHEL_REQUEST: &str = "x-satchel-request";

/// The beginning of the name of every session's cookie. The port of the server follows.
const NAME: &str = "satchel_session_";

/// The prefix over TLS. Browsers accept it only for a cookie that this host set over TLS, so another host
/// of the domain cannot set it (RFC 6265bis, section 4.1.3.2).
const TLS_PREFIX: &str = "__Host-";

/// The cookie of a session: its name, and the transport over which a browser sends it.
///
/// Browsers send a cookie to all ports of a host (RFC 6265, section 8.5). The port in the name keeps two
/// servers on one host from replacing the sessions of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionCookie {
    transport: Transport,
    /// The port to which the browser sends its requests.
    port: u16,
}

impl SessionCookie {
    /// The cookie of requests to this host. A host without a port has the default port of the transport.
    pub(super) fn new(transport: Transport, host: Option<&Authority>) -> Self {
        let default = match transport {
            Transport::Plain => 80,
            Transport::Tls => 443,
        };
        Self { transport, port: host.and_then(Authority::port_u16).unwrap_or(default) }
    }

    /// The texts of all cookies with this name in a request. Several are sent if another server on this
    /// host, or one of its domain, has set one too.
    pub(super) fn sent(&self, headers: &HeaderMap) -> Vec<Zeroizing<String>> {
        let name = self.name();
        let own = pairs(headers).filter(|(known, _)| *known == name);
        own.map(|(_, value)| Zeroizing::new(value.to_owned())).collect()
    }

    /// The header `Set-Cookie` of a new session. The browser forgets the cookie when it is closed.
    ///
    /// # Errors
    /// Never: the text consists of hexadecimal digits.
    pub(super) fn set(&self, text: &str) -> Result<HeaderValue, Problem> {
        let value = format!("{}={text}; {}", self.name(), attributes(self.transport));
        let mut value = HeaderValue::try_from(value).map_err(|error| Problem::internal(&error))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The header `Set-Cookie` that removes the cookie.
    ///
    /// # Errors
    /// Never, as [`set`](Self::set).
    pub(super) fn removed(&self) -> Result<HeaderValue, Problem> {
        let value = format!("{}=; Max-Age=0; {}", self.name(), attributes(self.transport));
        HeaderValue::try_from(value).map_err(|error| Problem::internal(&error))
    }

    fn name(&self) -> String {
        let prefix = match self.transport {
            Transport::Plain => "",
            Transport::Tls => TLS_PREFIX,
        };
        format!("{prefix}{NAME}{}", self.port)
    }
}

/// The names and values of the cookies in a request. Those that are not text are left out: another server
/// on this host can have set them.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).into_iter().map(HeaderValue::as_bytes);
    let cookies = lines.flat_map(|line| line.split(|byte| *byte == b';'));
    let texts = cookies.filter_map(|cookie| std::str::from_utf8(cookie).ok());
    let pairs = texts.filter_map(|cookie| cookie.split_once('='));
    pairs.map(|(name, value)| (name.trim(), value.trim()))
}

/// Returns whether a script of a page made the request. A 401 must not make the browser ask for a
/// password itself.
pub(super) fn is_of_page(headers: &HeaderMap) -> bool {
    let is_session = |name: &str| name.strip_prefix(TLS_PREFIX).unwrap_or(name).starts_with(NAME);
    headers.contains_key(X_SATCHEL_REQUEST) || pairs(headers).any(|(name, _)| is_session(name))
}

/// The attributes that keep the cookie from scripts, from requests of other sites, and from plain HTTP.
fn attributes(transport: Transport) -> &'static str {
    match transport {
        Transport::Plain => "Path=/; HttpOnly; SameSite=Strict",
        Transport::Tls => "Path=/; HttpOnly; SameSite=Strict; Secure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(lines: &[&str]) -> HeaderMap {
        let lines = lines.iter().map(|line| HeaderValue::from_bytes(line.as_bytes()).unwrap());
        lines.map(|line| (COOKIE, line)).collect()
    }

    fn cookie(transport: Transport, host: &str) -> SessionCookie {
        SessionCookie::new(transport, Some(&host.parse().unwrap()))
    }

    #[test]
    fn the_cookies_of_the_port_and_the_transport_are_read() {
        for (lines, expected) in [
            (&["satchel_session_81=ab"][..], &["ab"][..]),
            (&["a=b; satchel_session_81=ab; c=d"], &["ab"]),
            (&["a=b", "satchel_session_81=ab"], &["ab"]),
            (&["é=>b 100%; satchel_session_81=ab"], &["ab"]),
            (&["satchel_session_81=ab; satchel_session_81=cd"], &["ab", "cd"]),
            (&["satchel_session_81=ab", "satchel_session_81 = cd "], &["ab", "cd"]),
            (&["satchel_session_80=ab; satchel_session_811=cd; satchel_session_=ef"], &[]),
            (&["xsatchel_session_81=ab; SATCHEL_SESSION_81=ab; satchel_session_81"], &[]),
            (&["__Host-satchel_session_81=ab"], &[]),
            (&[], &[]),
        ] {
            let sent = cookie(Transport::Plain, "b:81").sent(&cookies(lines));
            assert_eq!(sent.iter().map(|text| &***text).collect::<Vec<_>>(), expected, "{lines:?}");
        }
        let both = cookies(&["satchel_session_81=ab; __Host-satchel_session_81=cd"]);
        assert_eq!(*cookie(Transport::Tls, "[::1]:81").sent(&both)[0], "cd");
    }

    #[test]
    fn a_host_without_a_port_has_the_default_port() {
        for (transport, port) in [(Transport::Plain, "b:80"), (Transport::Tls, "b:443")] {
            assert_eq!(cookie(transport, "b"), cookie(transport, port));
            assert_eq!(SessionCookie::new(transport, None), cookie(transport, port));
        }
    }

    #[test]
    fn the_cookie_is_kept_from_scripts_and_other_sites() {
        let set_over =
            |transport| cookie(transport, "b:81").set("ab").unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            set_over(Transport::Plain),
            "satchel_session_81=ab; Path=/; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            set_over(Transport::Tls),
            "__Host-satchel_session_81=ab; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
        let removed = cookie(Transport::Tls, "b").removed().unwrap();
        assert!(removed.to_str().unwrap().starts_with("__Host-satchel_session_443=; Max-Age=0; "));
    }

    #[test]
    fn requests_of_pages_are_recognised() {
        assert!(is_of_page(&cookies(&["satchel_session_81=old"])));
        assert!(is_of_page(&cookies(&["a=b; __Host-satchel_session_81=old"])));
        assert!(!is_of_page(&cookies(&["a=b; satchel_session=x"])));
        let mut headers = HeaderMap::new();
        headers.insert(X_SATCHEL_REQUEST, "1".parse().unwrap());
        assert!(is_of_page(&headers));
    }
}
