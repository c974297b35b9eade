//! The cookie of a session, and the header that pages send with it.

use hyper::header::{COOKIE, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::{connection_state::Transport, problem::Problem};

/// The header that a page of this server sends with each request. A page of another site cannot send it
/// without asking first (CORS), which is always refused.
pub(super) const X_SATCHEL_REQUEST: &str = "x-satchel-request";

/// The name of the cookie over plain HTTP.
const PLAIN_NAME: &str = "satchel_session";

/// The name over TLS. Browsers accept this prefix only for a cookie that this host set over TLS, so
/// another host of the domain cannot set it (RFC 6265bis, section 4.1.3.2).
const TLS_NAME: &str = "__Host-satchel_session";

fn name(transport: Transport) -> &'static str {
    match transport {
        Transport::Plain => PLAIN_NAME,
        Transport::Tls => TLS_NAME,
    }
}

/// The text of the session in the cookies of a request. `None` without one, and if there are several: one
/// of them was set by somebody else.
pub(super) fn sent(headers: &HeaderMap, transport: Transport) -> Option<Zeroizing<String>> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(known, _)| known.trim() == name(transport));
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(Zeroizing::new(value.trim().to_owned())),
        _ => None,
    }
}

/// Returns whether a script of a page made the request. A 401 must not make the browser ask for a
/// password itself.
pub(super) fn is_of_page(headers: &HeaderMap) -> bool {
    headers.contains_key(X_SATCHEL_REQUEST)
        || [Transport::Plain, Transport::Tls]
            .into_iter()
            .any(|transport| sent(headers, transport).is_some())
}

/// The header `Set-Cookie` of a new session. The browser forgets the cookie when it is closed.
///
/// # Errors
/// Never: the text consists of hexadecimal digits.
pub(super) fn set(text: &str, transport: Transport) -> Result<HeaderValue, Problem> {
    let value = format!("{}={text}; {}", name(transport), attributes(transport));
    let mut value = HeaderValue::try_from(value).map_err(|error| Problem::internal(&error))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The header `Set-Cookie` that removes the cookie.
///
/// # Errors
/// Never, as [`set`].
pub(super) fn removed(transport: Transport) -> Result<HeaderValue, Problem> {
    let value = format!("{}=; Max-Age=0; {}", name(transport), attributes(transport));
    HeaderValue::try_from(value).map_err(|error| Problem::internal(&error))
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
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn one_cookie_of_the_transport_is_read() {
        let read = |lines: &[&str], transport| {
            sent(&cookies(lines), transport).map(|text| text.to_string())
        };
        for (lines, expected) in [
            (&["satchel_session=ab"][..], Some("ab")),
            (&["a=b; satchel_session=ab; c=d"], Some("ab")),
            (&["a=b", "satchel_session=ab"], Some("ab")),
            (&["satchel_session=ab; satchel_session=cd"], None),
            (&["satchel_session=ab", "satchel_session=cd"], None),
            (&["xsatchel_session=ab; SATCHEL_SESSION=ab; satchel_session"], None),
            (&["__Host-satchel_session=ab"], None),
            (&[], None),
        ] {
            assert_eq!(read(lines, Transport::Plain).as_deref(), expected, "{lines:?}");
        }
        let both = ["satchel_session=ab; __Host-satchel_session=cd"];
        assert_eq!(read(&both, Transport::Tls).as_deref(), Some("cd"));
    }

    #[test]
    fn the_cookie_is_kept_from_scripts_and_other_sites() {
        let set_over = |transport| set("ab", transport).unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            set_over(Transport::Plain),
            "satchel_session=ab; Path=/; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            set_over(Transport::Tls),
            "__Host-satchel_session=ab; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(removed(Transport::Tls).unwrap().to_str().unwrap().contains("=; Max-Age=0; "));
    }

    #[test]
    fn requests_of_pages_are_recognised() {
        assert!(is_of_page(&cookies(&["satchel_session=old"])));
        assert!(!is_of_page(&cookies(&["a=b"])));
        let mut headers = HeaderMap::new();
        headers.insert(X_SATCHEL_REQUEST, "1".parse().unwrap());
        assert!(is_of_page(&headers));
    }
}
