//! The way of every request, from its head to its answer.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, HOST, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Version};
use tracing::Instrument;

use super::accept;
use super::access_log::{Entry, Followed};
use super::app::App;
use super::body::Body;
use super::connection::State;
use super::credentials;
use super::handlers::docs;
use super::options::{Given, Options, add_body};
use super::path::Path;
use super::problem::{Flaw, Place, Problem, ProblemKind};
use super::query_string::Query;
use super::response::{self, Response};
use super::route::{BodyRule, Caller, Route};
use super::routes::ROUTES;
use super::routing::{Found, Parameters};

/// Of a path with its query. Every name that a path holds fits many times.
const TARGET_BYTES_MAX: usize = 8 * 1024;

/// A request whose route is found and whose caller is known: what a handler gets.
pub(super) struct Call {
    pub(super) app: Arc<App>,
    pub(super) id: RequestId,
    pub(super) caller: Caller,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) parameters: Parameters,
    /// The query of a GET call, and of one whose options the handler reads from a form as well.
    pub(super) query: Query,
    /// The options of every other call.
    pub(super) options: Options,
    pub(super) body: Body,
    pub(super) route: &'static Route,
}

/// Answers a request. Every request, and every error, comes through here.
pub(super) async fn answer(
    app: Arc<App>,
    state: Arc<State>,
    request: hyper::Request<Incoming>,
) -> hyper::Response<Followed> {
    let id = RequestId::next();
    let mut entry =
        Entry::begin(&app.metrics, state.clone(), id, request.method(), request.uri().path());
    let span = tracing::info_span!("request", %id);
    // A person who is lost among the pages gets a page.
    let reads_docs =
        request.uri().path().starts_with("/docs/") && accept::wants_page(request.headers());
    let inventory = app.inventory.clone();
    let mut response = match steps(app, state, request, id, &mut entry).instrument(span).await {
        Ok(response) => response,
        Err(problem) if reads_docs && problem.is(ProblemKind::UnknownPath) => {
            docs::lost().unwrap_or_else(|problem| problem.render(id))
        }
        Err(mut problem) => {
            if let Some(damage) = problem.take_damage() {
                inventory.note_damage(damage);
            }
            problem.render(id)
        }
    };
    response::finish(response.headers_mut(), id);
    entry.follow(response)
}

/// The steps between the log and the answer's last headers, in order.
async fn steps(
    app: Arc<App>,
    state: Arc<State>,
    request: hyper::Request<Incoming>,
    id: RequestId,
    entry: &mut Entry,
) -> Result<Response, Problem> {
    let (head, incoming) = request.into_parts();
    let mut body = Body::new(incoming, state.clone(), app.limits.body_wait);

    check_limits(&head)?;

    let path = Path::parse(head.uri.path())?;
    let (route, parameters) = match ROUTES.find(&head.method, &path)? {
        Found::Route(route, parameters) => (route, parameters),
        Found::Options(allow) => return Ok(response::options(allow)),
    };
    entry.set_route(route);
    body.set_limit(route.body, &head.headers)?;

    let caller = credentials::authenticate(&app, route.access, &head, state.peer.ip()).await?;
    if let Some(principal) = caller.principal() {
        entry.set_user(&principal.name);
    }
    route.access.require(&caller)?;

    // Only now: what a route knows is told to those who may take it.
    let query = Query::parse(head.uri.query(), route.description.query)?;
    let Parts { method, headers, .. } = head;
    let mut call = Call {
        app,
        id,
        caller,
        method,
        headers,
        parameters,
        query,
        options: Options::default(),
        body,
        route,
    };
    call.read_options().await?;
    (route.handler)(call).await
}

impl Call {
    /// Reads the options of a call that changes something, before its handler can do anything.
    async fn read_options(&mut self) -> Result<(), Problem> {
        if self.route.method == Method::GET {
            return Ok(());
        }
        let known = self.route.description.query.options();
        let mut given = Given::default();
        match self.route.body {
            // The handler adds those of the form.
            BodyRule::File { .. } => return Ok(()),
            BodyRule::Options => {
                given.add_query(std::mem::take(&mut self.query));
                add_body(&mut given, &mut self.body, &self.headers, &self.app.room, known).await?;
            }
            BodyRule::Nothing | BodyRule::AtMost { .. } => {
                given.add_query(std::mem::take(&mut self.query));
            }
        }
        self.options = given.check(known)?;
        Ok(())
    }
}

/// Refuses heads that no route could want. hyper has bounded their size before.
fn check_limits(head: &Parts) -> Result<(), Problem> {
    let target_bytes = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target_bytes > TARGET_BYTES_MAX {
        let detail = format!(
            "The path and query are {target_bytes} bytes long, more than the {TARGET_BYTES_MAX} allowed."
        );
        return Err(Problem::new(ProblemKind::PathTooLong, detail));
    }
    if head.version == Version::HTTP_11 && head.headers.get_all(HOST).iter().count() != 1 {
        let detail = "An HTTP/1.1 request needs exactly one Host header.";
        return Err(Problem::new(ProblemKind::MalformedRequest, detail)
            .with_flaw(Flaw::new(Place::Header("host"), detail)));
    }
    match head.headers.get(CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => {
            let detail = "Bodies are taken as they are, without a content coding such as gzip.";
            Err(Problem::new(ProblemKind::UnsupportedMediaType, detail)
                .with_flaw(Flaw::new(Place::Header("content-encoding"), detail)))
        }
        _ => Ok(()),
    }
}

/// What joins an answer, its problem and its lines in the log: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestId(u64);

impl RequestId {
    /// An id that no other request has and nobody can guess: a counter, hashed under a random
    /// key of this process.
    pub(super) fn next() -> Self {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self(KEY.hash_one(COUNT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<RequestId> for HeaderValue {
    fn from(id: RequestId) -> Self {
        // Hexadecimal digits are always a header value.
        HeaderValue::try_from(id.to_string()).unwrap_or(HeaderValue::from_static("-"))
    }
}
