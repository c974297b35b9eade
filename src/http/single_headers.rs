//! The headers that occur once in a request.

use hyper::{
    header::{
        AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN, REFERER,
    },
    http::request::Parts,
};

use super::{
    host_names::SEC_FETCH_SITE,
    problem::{Flaw, Problem, ProblemKind, RequestLocation},
    session_cookie::X_SATCHEL_REQUEST,
};

/// The headers that decide whether and how a request is served. None of them is a list (RFC 9110, section
/// 5.3). If one is sent twice, a proxy and this server could use different lines.
static SINGLE_HEADERS: [HeaderName; 8] = [
    AUTHORIZATION,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    HOST,
    ORIGIN,
    REFERER,
    HeaderName::from_static(SEC_FETCH_SITE),
    HeaderName::from_static(X_SATCHEL_REQUEST),
];

/// Refuses a request with two lines of a header that decides about access.
///
/// # Errors
/// 400 with the name of the header.
pub(super) fn check(head: &Parts) -> Result<(), Problem> {
    match SINGLE_HEADERS.iter().find(|name| is_repeated(&head.headers, name)) {
        Some(name) => {
            let detail = format!("The header “{name}” is sent twice. Send it once.");
            Err(Problem::new(ProblemKind::MalformedRequest, detail.clone())
                .with_flaw(Flaw::new(RequestLocation::Header(name.as_str()), detail)))
        }
        None => Ok(()),
    }
}

fn is_repeated(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_some()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn refused(names: &[&HeaderName]) -> bool {
        let request = names.iter().fold(Request::new(()), |mut request, name| {
            request.headers_mut().append(*name, "é>b".parse().unwrap());
            request
        });
        check(&request.into_parts().0).is_err_and(|error| error.is(ProblemKind::MalformedRequest))
    }

    #[test]
    fn each_header_that_decides_about_access_occurs_once() {
        for name in &SINGLE_HEADERS {
            assert!(refused(&[name, name]), "{name}");
            assert!(!refused(&[name]), "{name}");
        }
        let list = HeaderName::from_static("x-forwarded-for");
        assert!(!refused(&[&list, &list]));
    }
}
