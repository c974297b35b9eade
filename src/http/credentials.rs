//! Authentication: from the `Authorization` header or the cookie of a session to the caller. The header is
//! Basic (RFC 7617), or Bearer (RFC 6750) with a token.

use std::{sync::Arc, time::Instant};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hyper::{
    header::{AUTHORIZATION, HeaderMap},
    http::request::Parts,
};
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::{
    app::App,
    audit,
    blocking::{BlockingError, Lane},
    caller::Caller,
    limited_places::LimitedPlace,
    problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
    session_cookie::{SessionCookie, X_SATCHEL_REQUEST},
};
use crate::access::{
    CachedLogin, Credentials, LoginError, LoginSource, PasswordChecker, PasswordSecrecy, Principal,
    ReadLogin, Right, secrecy, token_key,
};
use crate::wording::Chain;

/// The content of the `Authorization` header.
enum Authorization {
    Basic(Credentials),
    /// The text of a token.
    Bearer(Zeroizing<String>),
}

/// Accepts base64 with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Returns the caller: anonymous on a route without login and without credentials. `client_name` is the
/// name in the certificate of the client, which counts if the request has no other credentials.
///
/// # Errors
/// 401 for wrong or malformed credentials, and for a session that has ended; 403 for a change with a
/// session but without the header of a page; 429 after too many wrong passwords; 503 if too many password
/// checks wait.
pub(super) async fn authenticate(
    app: &Arc<App>,
    right: Right,
    head: &Parts,
    source: LoginSource,
    cookie: &SessionCookie,
    client_name: Option<&str>,
) -> Result<Caller, Problem> {
    if right == Right::Public {
        return Ok(Caller::Anonymous);
    }
    match parse(&head.headers)? {
        Some(Authorization::Basic(credentials)) => {
            let secrecy = secrecy(&credentials.name, &credentials.password);
            let principal = log_in(app, Arc::new(credentials), source).await?;
            Ok(Caller::Known { principal, secrecy })
        }
        Some(Authorization::Bearer(text)) => of_token(app, &text, source).await,
        None => match (&*cookie.sent(&head.headers), client_name) {
            ([], Some(name)) => of_certificate(app, name).await,
            ([], None) => Ok(Caller::Anonymous),
            (texts, _) => of_session(app, head, texts, source).await,
        },
    }
}

/// Returns the user with the name in the certificate of the client.
///
/// # Errors
/// 401 if there is no such user.
async fn of_certificate(app: &Arc<App>, name: &str) -> Result<Caller, Problem> {
    let principal = match app.login.cached_certificate_user(name) {
        Some(principal) => Some(principal),
        None => {
            let (reader, name) = (app.clone(), name.to_owned());
            let read = move || reader.login.read_certificate_user(&name);
            app.blocking.run(Lane::Quick, read).await??
        }
    };
    let known = |principal| Caller::Known { principal, secrecy: PasswordSecrecy::Secret };
    principal.map(known).ok_or_else(|| {
        Problem::unauthenticated(format!(
            "The client certificate is for “{}”, and no user has this name.",
            shorten(name)
        ))
    })
}

/// Checks a name and a password, and returns the user.
///
/// # Errors
/// 401 for a wrong name or password; 429 after too many of them; 503 if too many password checks wait.
pub(super) async fn log_in(
    app: &Arc<App>,
    credentials: Arc<Credentials>,
    source: LoginSource,
) -> Result<Principal, Problem> {
    let arrival = Instant::now();
    let checked = check(app, credentials.clone(), source).await?;
    audit::password_login(app, &credentials.name, source, checked.as_ref().err());
    if let Err(error) = &checked {
        let (name, client) = (shorten(&credentials.name), source.address);
        tracing::info!(user = &*name, %client, error = %Chain(error), "A login failed.");
    }
    if let Err(LoginError::Refused) = checked {
        // The hashes of users differ in cost, and unknown users have none. So that the time reveals
        // neither, each refusal takes as long as the most expensive one.
        sleep(app.login.refusal_time().saturating_sub(arrival.elapsed())).await;
    }
    Ok(checked?)
}

/// Returns the name and the password in the `Authorization` header; `None` without the header.
///
/// # Errors
/// 400 for a token, 401 for other credentials.
pub(super) fn basic(headers: &HeaderMap) -> Result<Option<Credentials>, Problem> {
    match parse(headers)? {
        Some(Authorization::Basic(credentials)) => Ok(Some(credentials)),
        Some(Authorization::Bearer(_)) => {
            let detail = "A session needs a user name and a password; a token cannot begin one.";
            Err(Problem::new(ProblemKind::MalformedRequest, detail)
                .with_flaw(Flaw::new(RequestLocation::Header("authorization"), detail)))
        }
        None => Ok(None),
    }
}

/// Returns the user of a session as the caller, with the rights that the user has now.
///
/// # Errors
/// 401 if the session has ended, and if the texts are those of several sessions; 403 for a change without
/// the header of a page.
async fn of_session(
    app: &Arc<App>,
    head: &Parts,
    texts: &[Zeroizing<String>],
    source: LoginSource,
) -> Result<Caller, Problem> {
    let session = app.login.check_session(texts, source)?;
    let principal = match app.login.session_principal(&session)? {
        Some(principal) => principal,
        None => {
            let (reader, session) = (app.clone(), session.clone());
            let read = move || reader.login.read_session_user(&session);
            app.blocking.run(Lane::Quick, read).await??
        }
    };
    // Browsers add the cookie to requests that their user did not want to make.
    if !head.method.is_safe() && !head.headers.contains_key(X_SATCHEL_REQUEST) {
        let detail = "A change in a session needs the header “X-Satchel-Request: 1”, which only pages of \
                      this server can send.";
        return Err(Problem::new(ProblemKind::Forbidden, detail)
            .with_flaw(Flaw::new(RequestLocation::Header(X_SATCHEL_REQUEST), detail)));
    }
    Ok(Caller::Browser { principal, session: Box::new(session) })
}

/// Returns the user of a token as the caller, with the rights that the token has too.
///
/// # Errors
/// 401 for an unknown, expired or misused token; 429 after too many failed logins.
async fn of_token(app: &Arc<App>, text: &str, source: LoginSource) -> Result<Caller, Problem> {
    let token = app
        .login
        .check_token(text, source)
        .inspect_err(|error| audit::token_failed(app, token_key(text), source, error))?;
    let name = token.name.clone();
    let principal = match app.login.token_principal(&token)? {
        Some(principal) => principal,
        None => {
            let reader = app.clone();
            let read = move || reader.login.read_token_user(&token);
            app.blocking.run(Lane::Quick, read).await??
        }
    };
    audit::token_use(app, &principal.name, &name, source);
    Ok(Caller::Program { principal, token: name })
}

/// Checks credentials: first in the caches, then with the account, and only then by the password's hash or
/// an LDAP server.
///
/// # Errors
/// 503 if too many password checks wait.
async fn check(
    app: &Arc<App>,
    credentials: Arc<Credentials>,
    source: LoginSource,
) -> Result<Result<Principal, LoginError>, Problem> {
    let checker = match known(app, &credentials, source).await? {
        Ok(ReadLogin::Verified(principal)) => return Ok(Ok(principal)),
        Ok(ReadLogin::Unverified(checker)) => checker,
        Err(error) => return Ok(Err(error)),
    };
    match checker {
        PasswordChecker::Ldap => check_by_ldap(app, credentials, source).await,
        PasswordChecker::Inventory => {
            let _turn = app.password_turns.wait(&credentials).await;
            // Another request can have checked the same password meanwhile.
            match app.login.check_cached(&credentials, source) {
                Ok(CachedLogin::Verified(principal)) => return Ok(Ok(principal)),
                Ok(CachedLogin::Unverified(_) | CachedLogin::AccountMissing) => {}
                Err(error) => return Ok(Err(error)),
            }
            let (lane, _place) = if app.login.has_succeeded(&credentials, source) {
                (Lane::KnownPassword, None)
            } else {
                (Lane::Password, Some(password_place(app, source)?))
            };
            let verifier = app.clone();
            let verify = move || verifier.login.verify(&credentials, source);
            Ok(app.blocking.run(lane, verify).await?)
        }
    }
}

/// Takes a place among the password checks of the client's address.
///
/// # Errors
/// [`BlockingError::Busy`] if too many run or wait.
fn password_place(app: &App, source: LoginSource) -> Result<LimitedPlace, BlockingError> {
    app.password_checks.join(&source.address.to_string()).map_err(|_| BlockingError::Busy)
}

/// Looks for credentials in the caches, and reads the account if it is not there.
async fn known(
    app: &Arc<App>,
    credentials: &Arc<Credentials>,
    source: LoginSource,
) -> Result<Result<ReadLogin, LoginError>, Problem> {
    match app.login.check_cached(credentials, source) {
        Ok(CachedLogin::Verified(principal)) => Ok(Ok(ReadLogin::Verified(principal))),
        Ok(CachedLogin::Unverified(checker)) => Ok(Ok(ReadLogin::Unverified(checker))),
        Ok(CachedLogin::AccountMissing) => {
            let (reader, credentials) = (app.clone(), credentials.clone());
            let read = move || reader.login.read(&credentials, source);
            Ok(app.blocking.run(Lane::Quick, read).await?)
        }
        Err(error) => Ok(Err(error)),
    }
}

/// Checks credentials at an LDAP server. Requests that arrive together are answered by one check.
async fn check_by_ldap(
    app: &Arc<App>,
    credentials: Arc<Credentials>,
    source: LoginSource,
) -> Result<Result<Principal, LoginError>, Problem> {
    let _turn = app.login.ldap_turn(&credentials.name).await;
    match known(app, &credentials, source).await? {
        Ok(ReadLogin::Verified(principal)) => return Ok(Ok(principal)),
        Ok(ReadLogin::Unverified(PasswordChecker::Ldap)) => {}
        // Another login or change gave the name to a local user meanwhile.
        Ok(ReadLogin::Unverified(PasswordChecker::Inventory)) => {
            return Ok(Err(LoginError::Refused));
        }
        Err(error) => return Ok(Err(error)),
    }
    let user = match app.login.verify_by_ldap(&credentials, source).await {
        Ok(user) => user,
        Err(error) => return Ok(Err(error)),
    };
    let admitter = app.clone();
    let admit = move || admitter.login.admit_ldap_user(&user, &credentials, source);
    Ok(app.blocking.run(Lane::Change, admit).await?)
}

/// Reads `Authorization: Basic …` or `Bearer …`; `None` without the header.
///
/// # Errors
/// 401 for another scheme, or credentials that cannot be decoded.
fn parse(headers: &HeaderMap) -> Result<Option<Authorization>, Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let malformed = || {
        Problem::unauthenticated(
            "The Authorization header must be “Basic ”, followed by the base64 of “name:password” in UTF-8, \
             or “Bearer ”, followed by a token.",
        )
    };
    let (scheme, token) =
        value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(Authorization::Bearer(Zeroizing::new(token.trim().to_owned()))));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let bytes = Zeroizing::new(BASE64.decode(token.trim()).map_err(|_| malformed())?);
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
    let (name, password) = text.split_once(':').ok_or_else(malformed)?;
    let (name, password) = (name.to_owned(), Zeroizing::new(password.to_owned()));
    Ok(Some(Authorization::Basic(Credentials { name, password })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_value(value: &str) -> Result<Option<Authorization>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        parse(&headers)
    }

    #[test]
    fn passwords_may_contain_colons() {
        // "ädmin:a:b"
        for value in ["Basic w6RkbWluOmE6Yg==", "basic  w6RkbWluOmE6Yg", "BASIC w6RkbWluOmE6Yg=="] {
            let Some(Authorization::Basic(credentials)) = parse_value(value).unwrap() else {
                panic!("{value}")
            };
            assert_eq!(credentials.name, "ädmin");
            assert_eq!(*credentials.password, "a:b");
        }
        assert!(parse(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn malformed_headers_are_refused() {
        for value in
            ["", "Basic", "Basic !!!", "Digest w6RkbWluOmE6Yg==", "Basic YWRtaW4=", "Basic /zo="]
        {
            assert!(parse_value(value).is_err(), "{value}");
        }
    }
}
