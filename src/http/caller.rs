//! The caller of a request, and the check of its rights.

use super::problem::{Problem, ProblemKind};
use crate::access::{Principal, Right, Rights};

const LOGIN_NEEDED: &str = "This needs a user name and a password (HTTP basic authentication).";

/// The caller of a request.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// The request has no credentials, or the route does not ask for them.
    Anonymous,
    /// A user whose password was verified.
    Known(Principal),
    /// A program with a token. The principal is its user, with the rights of the token.
    Program {
        principal: Principal,
        /// The name of the token.
        token: String,
    },
}

impl Caller {
    /// Returns the principal; `None` for an anonymous caller.
    pub(super) fn principal(&self) -> Option<&Principal> {
        match self {
            Caller::Anonymous => None,
            Caller::Known(principal) | Caller::Program { principal, .. } => Some(principal),
        }
    }

    /// Returns the principal, on a route that needs one.
    ///
    /// # Errors
    /// 401 for an anonymous caller. It cannot occur on a route whose right was required.
    pub(super) fn require_principal(&self) -> Result<&Principal, Problem> {
        self.principal().ok_or_else(|| Problem::unauthenticated(LOGIN_NEEDED))
    }

    /// Refuses a caller who does not have a right.
    ///
    /// # Errors
    /// 401 for an anonymous caller; 403 for a user without the right.
    pub(super) fn require(&self, right: Right) -> Result<(), Problem> {
        match self {
            Caller::Anonymous if Rights::ANONYMOUS.contains(right) => Ok(()),
            Caller::Anonymous => Err(Problem::unauthenticated(LOGIN_NEEDED)),
            Caller::Program { principal, .. } if principal.rights.contains(right) => Ok(()),
            Caller::Program { principal, token } => Err(Problem::new(
                ProblemKind::Forbidden,
                format!(
                    "This needs the right “{right}”, which the token “{token}” of “{}” does not have.",
                    principal.name
                ),
            )),
            Caller::Known(principal) if principal.rights.contains(right) => Ok(()),
            Caller::Known(principal) => Err(Problem::new(
                ProblemKind::Forbidden,
                format!(
                    "This needs the right “{right}”, which “{}” does not have. Administrators have all \
                     rights.",
                    principal.name
                ),
            )),
        }
    }
}
