//! A route with its handler.

use std::pin::Pin;

use super::{call::Call, problem::Problem, response::Response, route::Route};

/// The future that a handler returns.
pub(super) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// A route with the function that serves it.
pub(super) struct Endpoint {
    pub(super) route: Route,
    pub(super) handler: fn(Call) -> HandlerFuture,
}
