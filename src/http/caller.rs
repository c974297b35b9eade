//! The caller of a request, and which routes it may use.

use super::{
    description::Access,
    problem::{Problem, ProblemKind},
};
use crate::access::{Principal, Role};

const LOGIN_NEEDED: &str = "This needs a user name and a password (HTTP basic authentication).";

/// The caller of a request.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// The request has no credentials, or the route does not ask for them.
    Anonymous,
    /// A user whose password was verified.
    Known(Principal),
}

impl Caller {
    /// Returns the principal; `None` for an anonymous caller.
    pub(super) fn principal(&self) -> Option<&Principal> {
        match self {
            Caller::Anonymous => None,
            Caller::Known(principal) => Some(principal),
        }
    }

    /// Returns the principal, on a route that needs one.
    ///
    /// # Errors
    /// 401 for an anonymous caller. It cannot occur on a route whose [`Access`] was required.
    pub(super) fn require_principal(&self) -> Result<&Principal, Problem> {
        self.principal().ok_or_else(|| Problem::unauthenticated(LOGIN_NEEDED))
    }

    /// Refuses a caller who must not use a route with this access.
    ///
    /// # Errors
    /// 401 for an anonymous caller; 403 for a user who is not an administrator.
    pub(super) fn require_access(&self, access: Access) -> Result<(), Problem> {
        match (access, self) {
            (Access::Anonymous, _)
            | (Access::Authenticated, Caller::Known(_))
            | (Access::Administrator, Caller::Known(Principal { role: Role::Administrator, .. })) => {
                Ok(())
            }
            (Access::Administrator, Caller::Known(principal)) => Err(Problem::new(
                ProblemKind::Forbidden,
                format!(
                    "Administrator rights are needed; “{}” is not an administrator.",
                    principal.name
                ),
            )),
            (_, Caller::Anonymous) => Err(Problem::unauthenticated(LOGIN_NEEDED)),
        }
    }
}
