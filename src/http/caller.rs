//! The caller of a request, and the check of its rights.

use time::OffsetDateTime;

use super::{
    app::App,
    problem::{Problem, ProblemKind},
    route::Route,
};
use crate::access::{
    BuiltInGroup, PasswordSecrecy, Principal, RecordRights, Right, Rights, Session,
};

const LOGIN_NEEDED: &str = "This needs a user name and a password (HTTP basic authentication).";

/// The caller of a request.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// The request has no credentials, or the route does not ask for them.
    Anonymous,
    /// A user whose password or certificate was verified.
    Known {
        principal: Principal,
        /// That of the password; a certificate is secret.
        secrecy: PasswordSecrecy,
    },
    /// A program with a token. The principal is its user, with the rights of the token.
    Program {
        principal: Principal,
        /// The name of the token.
        token: String,
    },
    /// A browser with a session. The principal is the session's user.
    Browser { principal: Principal, session: Box<Session> },
}

impl Caller {
    /// Returns the principal; `None` for an anonymous caller.
    pub(super) fn principal(&self) -> Option<&Principal> {
        match self {
            Caller::Anonymous => None,
            Caller::Known { principal, .. }
            | Caller::Program { principal, .. }
            | Caller::Browser { principal, .. } => Some(principal),
        }
    }

    /// Returns the session of a browser; `None` for other callers.
    pub(super) fn session(&self) -> Option<&Session> {
        match self {
            Caller::Browser { session, .. } => Some(session),
            Caller::Anonymous | Caller::Known { .. } | Caller::Program { .. } => None,
        }
    }

    /// Tells whether everybody knows the password with which the caller has logged in.
    pub(super) fn secrecy(&self) -> PasswordSecrecy {
        match self {
            Caller::Known { secrecy, .. } => *secrecy,
            Caller::Browser { session, .. } => session.password,
            // Neither of them can make tokens.
            Caller::Anonymous | Caller::Program { .. } => PasswordSecrecy::Secret,
        }
    }

    /// Returns whether the session or the token of the caller is still valid, for a response that takes
    /// longer than a moment. A password is checked with each request.
    pub(super) fn is_current(&self, app: &App) -> bool {
        match self {
            Caller::Anonymous | Caller::Known { .. } => true,
            Caller::Browser { session, .. } => app.login.sessions().is_live(&session.id),
            Caller::Program { principal, token } => {
                app.tokens.is_valid(&principal.name, token, OffsetDateTime::now_utc())
            }
        }
    }

    /// Returns the principal, on a route that needs one.
    ///
    /// # Errors
    /// 401 for an anonymous caller. It cannot occur on a route whose right was required.
    pub(super) fn require_principal(&self) -> Result<&Principal, Problem> {
        self.principal().ok_or_else(|| Problem::unauthenticated(LOGIN_NEEDED))
    }

    /// Refuses a caller who does not have the right that a route needs.
    ///
    /// # Errors
    /// 401 for an anonymous caller; 403 for a user without the right.
    pub(super) fn require(&self, route: &Route) -> Result<(), Problem> {
        let right = route.right;
        match self {
            Caller::Anonymous if Rights::ANONYMOUS.contains(right) => Ok(()),
            Caller::Anonymous => Err(Problem::unauthenticated(LOGIN_NEEDED)),
            Caller::Known { principal, .. }
            | Caller::Program { principal, .. }
            | Caller::Browser { principal, .. }
                if principal.grants.allow(right, route.method.as_str(), route.pattern) =>
            {
                Ok(())
            }
            Caller::Program { principal, token } => Err(Problem::new(
                ProblemKind::Forbidden,
                format!(
                    "This needs the right “{right}”, which the token “{token}” of “{}” does not have.",
                    principal.name
                ),
            )),
            Caller::Known { principal, .. } | Caller::Browser { principal, .. } => {
                Err(refused(right, principal))
            }
        }
    }
}

/// The problem of a user without a right.
fn refused(right: Right, principal: &Principal) -> Problem {
    let name = &principal.name;
    let holders = match &principal.grants.records {
        RecordRights::All => "Administrators have all rights.".to_owned(),
        RecordRights::Groups(_) => {
            let groups = BuiltInGroup::ALL.into_iter();
            let groups = groups.filter(|group| group.rights().contains(right));
            let names: Vec<_> = groups.map(|group| format!("“{}”", group.name())).collect();
            match names.len() {
                0 => "Only administrators have it.".to_owned(),
                1 => format!("Administrators and the group {} have it.", names.concat()),
                _ => format!("Administrators and the groups {} have it.", names.join(", ")),
            }
        }
    };
    let detail = format!("This needs the right “{right}”, which “{name}” does not have. {holders}");
    Problem::new(ProblemKind::Forbidden, detail)
}
