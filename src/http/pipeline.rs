//! The request pipeline: every step from a request's head to its response, in order.

use std::sync::Arc;

use hyper::{
    Method, Version,
    body::Incoming,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HOST},
    http::request::Parts,
};
use tracing::Instrument;

use super::{
    accept,
    access_log::{Entry, LoggedBody},
    app::App,
    audit::RequestEvent,
    body_memory::Holder,
    call::Call,
    client_address::distance,
    connection_state::ConnectionState,
    credentials,
    description::BodyRule,
    handlers::docs,
    host_names,
    limits::HEADERS_MAX,
    media_type::media_type,
    options::{Options, SentOptions, add_body},
    path::Path,
    paths,
    problem::{Flaw, Problem, ProblemKind, RequestLocation},
    query_string::Query,
    request_body::RequestBody,
    request_id::RequestId,
    response::{self, Response},
    route::Route,
    router::{Match, Router},
    session_cookie::{self, SessionCookie},
    single_headers,
};
use crate::access::LoginSource;

/// The size limit of a path with its query, in bytes: many times the longest name.
const TARGET_BYTES_MAX: usize = 8 * 1024;

/// The appliance and the routes that it serves. One for the process, shared by all connections.
pub(super) struct Server {
    pub(super) app: Arc<App>,
    pub(super) router: Router,
}

/// Returns the response to a request. Every request and every error passes through this function.
pub(super) async fn respond(
    server: Arc<Server>,
    state: Arc<ConnectionState>,
    request: hyper::Request<Incoming>,
) -> hyper::Response<LoggedBody> {
    let id = RequestId::next();
    let transport = state.transport;
    let app = &server.app;
    let mut entry =
        Entry::begin(&app.metrics, state.clone(), id, request.method(), request.uri().path());
    let span = tracing::info_span!("request", %id);
    // A browser that asks for an unknown page of the documentation gets a page instead of JSON.
    let wants_docs_page = request.uri().path().starts_with(paths::DOCS_FRONT.pattern())
        && accept::wants_page(request.headers());
    let is_of_page = session_cookie::is_of_page(request.headers());
    let mut event = RequestEvent::new(app.clone(), id);
    let steps = steps(&server, state, request, id, &mut entry, &mut event).instrument(span);
    let mut response = match steps.await {
        Ok(response) => response,
        Err(problem) if wants_docs_page && problem.is(ProblemKind::UnknownPath) => {
            docs::not_found().unwrap_or_else(|problem| problem.render(id))
        }
        Err(mut problem) => {
            if let Some(damage) = problem.take_damage() {
                app.inventory.note_damage(damage);
            }
            if is_of_page {
                problem.ask_for_session();
            }
            problem.render(id)
        }
    };
    event.set_status(response.status());
    response::finish(response.headers_mut(), transport, id);
    entry.follow(response)
}

/// Runs the steps between the access log and the last headers of the response, in order.
async fn steps(
    server: &Server,
    state: Arc<ConnectionState>,
    request: hyper::Request<Incoming>,
    id: RequestId,
    entry: &mut Entry,
    event: &mut RequestEvent,
) -> Result<Response, Problem> {
    let app = server.app.clone();
    let (head, incoming) = request.into_parts();
    let mut body = RequestBody::new(incoming, head.version, state.clone(), app.limits.body_wait);

    check_places(&app, &head)?;
    check_limits(&head)?;
    let peer = state.peer.ip();
    let proxies = &app.trusted_proxies;
    let browser = proxies.browser_transport(state.transport, peer, head.version, &head.headers);
    let host = host_names::check(&app.host_names, &head, browser)?;

    let path = Path::parse(head.uri.path())?;
    let (endpoint, parameters) = match server.router.find(&head.method, &path)? {
        Match::Endpoint(endpoint, parameters) => (endpoint, parameters),
        Match::Options(allow) => return Ok(response::options(allow)),
    };
    let route = &endpoint.route;
    entry.set_operation(route.description.operation);
    host_names::check_read(route.right, &head, browser)?;
    let sent = head.headers.get(CONTENT_TYPE).map(|value| media_type(value.as_bytes()));
    let body_rule = route.body.of_request(sent.as_deref());
    body.set_limit(body_rule, &head.headers)?;

    let client = proxies.client(peer, &head.headers)?;
    entry.set_client(client);
    let distance = distance(app.exposure, peer, head.version, &head.headers);
    let source = LoginSource { address: client, distance };
    let transport = proxies.transport(state.transport, peer, &head.headers);
    let cookie = SessionCookie::new(transport, host.as_ref());
    let client_name = state.client_name();
    let caller =
        credentials::authenticate(&app, route.right, &head, source, &cookie, client_name).await?;
    body.set_holder(Holder::Address(client));
    if let Some(principal) = caller.principal() {
        entry.set_user(&principal.name);
        app.connections.note_login(peer);
        body.set_holder(Holder::User(principal.name.clone()));
    }
    event.begin(route, &caller, client, &parameters);
    caller.require(route)?;

    // Only after the check of the right: the names of a route's options are for its users.
    let query = Query::parse(head.uri.query(), route.description.query)?;
    let Parts { method, headers, .. } = head;
    let mut call = Call {
        app,
        id,
        caller,
        source,
        session_cookie: cookie,
        operation: route.description.operation,
        method,
        headers,
        parameters,
        query,
        options: Options::default(),
        known_options: route.description.query.options(),
        body_rule,
        body,
    };
    read_options(&mut call, route).await?;
    event.set_options(&call.options);
    (endpoint.handler)(call).await
}

/// Reads and checks the options of a call that changes something, before its handler runs.
async fn read_options(call: &mut Call, route: &Route) -> Result<(), Problem> {
    if route.method == Method::GET {
        return Ok(());
    }
    let mut sent = SentOptions::default();
    match call.body_rule {
        // The handler reads the form, and checks its options together with the query's.
        BodyRule::File { .. } => return Ok(()),
        BodyRule::Options => {
            sent.add_query(std::mem::take(&mut call.query));
            let known = call.known_options;
            let memory = &call.app.body_memory;
            add_body(&mut sent, &mut call.body, &call.headers, memory, known).await?;
        }
        BodyRule::Nothing | BodyRule::AtMost { .. } | BodyRule::OptionsOrFile { .. } => {
            sent.add_query(std::mem::take(&mut call.query));
        }
    }
    call.options = sent.check(call.known_options)?;
    Ok(())
}

/// Refuses a request over HTTP/2 if as many requests are in progress as there can be connections. Over
/// HTTP/1.1 each request in progress has a connection of its own.
///
/// # Errors
/// 503.
fn check_places(app: &App, head: &Parts) -> Result<(), Problem> {
    // The request itself is counted.
    let others = app.metrics.requests_in_progress().saturating_sub(1);
    if head.version < Version::HTTP_2 || others < app.limits.connections_max as u64 {
        return Ok(());
    }
    Err(Problem::unavailable("Too many requests are in progress. Try again later."))
}

/// Refuses request heads that no route accepts. hyper has limited their size before.
///
/// # Errors
/// 414 for a long target; 431 for too many header lines; 400 for a header that occurs twice, and for a
/// request that does not name exactly one host; 415 for a content coding.
fn check_limits(head: &Parts) -> Result<(), Problem> {
    let target_bytes = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target_bytes > TARGET_BYTES_MAX {
        let detail = format!(
            "The path and query are {target_bytes} bytes long, more than the {TARGET_BYTES_MAX} allowed."
        );
        return Err(Problem::new(ProblemKind::PathTooLong, detail));
    }
    // hyper checks it only over HTTP/1.1.
    let headers = head.headers.len();
    if headers > HEADERS_MAX {
        let detail =
            format!("The request has {headers} header lines, more than the {HEADERS_MAX} allowed.");
        return Err(Problem::new(ProblemKind::HeadTooLarge, detail));
    }
    single_headers::check(head)?;
    check_host(head)?;
    match head.headers.get(CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => {
            let detail =
                "Compressed bodies, such as gzip, are not supported. Send the body uncompressed.";
            Err(Problem::new(ProblemKind::UnsupportedMediaType, detail)
                .with_flaw(Flaw::new(RequestLocation::Header("content-encoding"), detail)))
        }
        _ => Ok(()),
    }
}

/// Refuses a request that does not say exactly which host it is for. Two servers that a request passes
/// could understand it in two ways.
///
/// # Errors
/// 400.
fn check_host(head: &Parts) -> Result<(), Problem> {
    let hosts = head.headers.get_all(HOST).iter().count();
    let detail = match (head.version, head.uri.authority()) {
        (Version::HTTP_11, _) if hosts != 1 => "An HTTP/1.1 request needs exactly one Host header.",
        (Version::HTTP_2, None) if hosts != 1 => {
            "An HTTP/2 request needs :authority or exactly one Host header."
        }
        // RFC 9113, section 8.3.1.
        (Version::HTTP_2, Some(authority))
            if head.headers.get_all(HOST).iter().any(|host| {
                !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())
            }) =>
        {
            "The Host header differs from :authority."
        }
        _ => return Ok(()),
    };
    Err(Problem::new(ProblemKind::MalformedRequest, detail)
        .with_flaw(Flaw::new(RequestLocation::Header("host"), detail)))
}
