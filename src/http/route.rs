//! Routes as data: method, path, right, body and description. `endpoint` adds the handler.

use hyper::Method;

use super::description::{BodyRule, Description};
use crate::access::Right;

/// One route.
pub struct Route {
    /// The HTTP method.
    pub method: Method,
    /// The path: literal segments, and `{name}` for one segment that is not empty.
    pub pattern: &'static str,
    /// The right that a caller needs to use the route.
    pub right: Right,
    /// The body that the route accepts.
    pub body: BodyRule,
    /// The description for checks of requests and for OpenAPI.
    pub description: Description,
}

/// The list of all routes. OPTIONS, and HEAD for every GET route, exist without an entry.
#[derive(Clone)]
pub struct RouteTable(Vec<&'static Route>);

impl RouteTable {
    pub(super) fn new(routes: impl Iterator<Item = &'static Route>) -> Self {
        Self(routes.collect())
    }

    /// Returns each route, in the order of the documentation.
    pub fn iter(&self) -> impl Iterator<Item = &'static Route> + '_ {
        self.0.iter().copied()
    }
}
