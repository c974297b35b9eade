//! Routes as data: what a request's method and path lead to, who may go there, how much it may
//! bring, and what is said of it.

use std::pin::Pin;

use hyper::Method;

pub use super::description::{
    AnswerForm, AnswerHeader, CallOption, Content, Description, Need, PathParameter, QueryRule,
    Shape, Tag, ValueType,
};
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
    pub description: Description,
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
    /// None. What is sent nevertheless is not looked at. Only GET calls have this rule.
    Nothing,
    /// The call's options and nothing else: none, JSON or a form, of at most
    /// [`OPTIONS_BYTES_MAX`]. They are read before the handler is called.
    Options,
    /// A file of at most this many bytes, alone or as a part of a form. The other parts of the
    /// form are options, which the handler reads.
    File { bytes_max: u64 },
    /// At most this many bytes of something else. The call's options stand in the query.
    AtMost { bytes_max: u64 },
}

/// The size limit of a body that holds options, in bytes. The longest that the manual knows have
/// a few hundred.
pub(super) const OPTIONS_BYTES_MAX: u64 = 1024 * 1024;

impl BodyRule {
    /// The size limit of the body in bytes; `None` if the route takes no body.
    pub(super) fn bytes_max(self) -> Option<u64> {
        match self {
            BodyRule::Nothing => None,
            BodyRule::Options => Some(OPTIONS_BYTES_MAX),
            BodyRule::File { bytes_max } | BodyRule::AtMost { bytes_max } => Some(bytes_max),
        }
    }
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
