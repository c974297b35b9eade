//! Routes as data: what a request's method and path lead to, who may go there, and how much it
//! may bring.

use std::pin::Pin;

use hyper::Method;
use hyper::header::HeaderValue;

use super::path::Path;
use super::problem::{Problem, ProblemKind};
use super::request::Call;
use super::response::Response;
use crate::access::{Principal, Role};

/// What a handler returns.
pub(super) type Answering = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// One route.
pub struct Route {
    pub method: Method,
    /// Segments as they stand, or `{name}` for any one segment that is not empty.
    pub pattern: &'static str,
    pub access: Access,
    pub body: BodyRule,
    pub(super) handler: fn(Call) -> Answering,
}

/// Who may take a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever can connect.
    Anonymous,
    /// Users with a right password.
    Authenticated,
    /// Users who are administrators.
    Administrator,
}

/// What body a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRule {
    /// None. What is sent nevertheless is not looked at.
    Nothing,
    /// At most this many bytes.
    AtMost { bytes_max: u64 },
}

/// Who calls.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// Nobody was asked.
    Anonymous,
    Known(Principal),
}

impl Caller {
    pub(super) fn principal(&self) -> Option<&Principal> {
        match self {
            Caller::Anonymous => None,
            Caller::Known(principal) => Some(principal),
        }
    }

    /// The principal, on a route that lets no other in.
    ///
    /// # Errors
    /// 401, should the route have let one in.
    pub(super) fn require_principal(&self) -> Result<&Principal, Problem> {
        self.principal().ok_or_else(|| Problem::unauthenticated(LOGIN_NEEDED))
    }
}

const LOGIN_NEEDED: &str = "This needs a user name and a password (HTTP basic authentication).";

impl Access {
    /// Refuses a caller who may not take the route: 401 or 403.
    pub(super) fn require(self, caller: &Caller) -> Result<(), Problem> {
        match (self, caller) {
            (Access::Anonymous, _)
            | (Access::Authenticated, Caller::Known(_))
            | (Access::Administrator, Caller::Known(Principal { role: Role::Administrator, .. })) => {
                Ok(())
            }
            (Access::Administrator, Caller::Known(principal)) => Err(Problem::new(
                ProblemKind::Forbidden,
                format!("Only administrators may do this, and “{}” is none.", principal.name),
            )),
            (_, Caller::Anonymous) => Err(Problem::unauthenticated(LOGIN_NEEDED)),
        }
    }
}

/// What a pattern's `{name}` segments stood for.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// The segment that stood for `{name}`.
    ///
    /// # Errors
    /// The pattern has no such segment: a mistake of ours.
    pub(super) fn get(&self, name: &'static str) -> Result<&str, Problem> {
        match self.0.iter().find(|(known, _)| *known == name) {
            Some((_, segment)) => Ok(segment),
            None => Err(Problem::internal(&NoSuchParameter(name))),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the route's pattern has no parameter {0:?}")]
struct NoSuchParameter(&'static str);

/// Where a method and a path lead.
pub(super) enum Found<'r> {
    Route(&'r Route, Parameters),
    /// To the question what the path allows; the answer is in the Allow header.
    Options(HeaderValue),
}

/// All routes.
pub struct Routes(pub(super) &'static [Route]);

impl Routes {
    /// Each route.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// Finds the route of a request. HEAD takes the route of GET, unless it has one of its own.
    ///
    /// # Errors
    /// 404 where no pattern fits the path; 405 with `Allow` where only other methods do.
    pub(super) fn find(&self, method: &Method, path: &Path) -> Result<Found<'_>, Problem> {
        let is_server_wide = *method == Method::OPTIONS && path.segments() == ["*"];
        let on_path: Vec<(&Route, Parameters)> = self
            .0
            .iter()
            .filter_map(|route| match is_server_wide {
                true => Some((route, Parameters::default())),
                false => Some((route, fit(route.pattern, path)?)),
            })
            .collect();
        if on_path.is_empty() {
            let shown = path.segments().join("/");
            let detail = format!("There is nothing at “/{}”.", super::problem::shorten(&shown));
            return Err(Problem::new(ProblemKind::UnknownPath, detail));
        }
        let allow = allowed(on_path.iter().map(|(route, _)| &route.method));
        if *method == Method::OPTIONS {
            return Ok(Found::Options(allow));
        }
        let takes = |wanted: &Method| on_path.iter().position(|(route, _)| route.method == *wanted);
        let position = takes(method).or_else(|| match *method {
            Method::HEAD => takes(&Method::GET),
            _ => None,
        });
        match position.and_then(|position| on_path.into_iter().nth(position)) {
            Some((route, parameters)) => Ok(Found::Route(route, parameters)),
            None => Err(Problem::method_not_allowed(method, allow)),
        }
    }
}

/// What stands for the pattern's `{name}` segments, if the path has its form.
fn fit(pattern: &'static str, path: &Path) -> Option<Parameters> {
    let wanted = pattern.strip_prefix('/')?.split('/');
    if wanted.clone().count() != path.segments().len() {
        return None;
    }
    let mut parameters = Parameters::default();
    for (wanted, segment) in wanted.zip(path.segments()) {
        match wanted.strip_prefix('{').and_then(|wanted| wanted.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => parameters.0.push((name, segment.clone())),
            None if wanted == segment => {}
            _ => return None,
        }
    }
    Some(parameters)
}

/// The value of `Allow`: these methods, HEAD where there is GET, and OPTIONS; each once.
fn allowed<'m>(methods: impl Iterator<Item = &'m Method>) -> HeaderValue {
    let mut words: Vec<&str> = vec![Method::OPTIONS.as_str()];
    for method in methods {
        words.push(method.as_str());
        if *method == Method::GET {
            words.push(Method::HEAD.as_str());
        }
    }
    words.sort_unstable();
    words.dedup();
    // Method names are always a header value.
    HeaderValue::try_from(words.join(", ")).unwrap_or(HeaderValue::from_static("OPTIONS"))
}
