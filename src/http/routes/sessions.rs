//! Sessions, the logins of browsers, and the password of the caller.

use hyper::Method;

use super::{NO_OPTIONS, text};
use crate::{
    access::Right,
    http::{
        description::{
            BodyRule, Description, PathParameter, QueryRule, ResponseForm, ResponseHeader, Shape,
            Tag, json,
        },
        endpoint::Endpoint,
        handlers::{password, sessions},
        paths,
        route::Route,
    },
};

const ID: PathParameter = text("id", "The id of the session.");

/// The size limit of a body with a name and passwords, in bytes. Everybody can send one, so it is many times
/// the longest password and no more.
const LOGIN_BYTES_MAX: u64 = 16 * 1024;

const SET_COOKIE: ResponseHeader =
    ResponseHeader { name: "Set-Cookie", about: "The cookie of the session." };

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::SESSION.pattern(),
            right: Right::Public,
            body: BodyRule::AtMost { bytes_max: LOGIN_BYTES_MAX },
            description: Description {
                operation: "begin_session",
                tag: Tag::Site,
                summary: "Logs in, and sets the cookie of a session, for browsers. The name and the password are in the body or in HTTP basic authentication.",
                path: &[],
                query: NO_OPTIONS,
                request: &[json(Shape::Schema("LoginRequest"))],
                responses: &[ResponseForm::of(
                    "The user and the new session.",
                    &[json(Shape::Schema("SessionState"))],
                )
                .status(201)
                .headers(&[SET_COOKIE])],
            },
        },
        handler: |call| Box::pin(sessions::begin(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::SESSION.pattern(),
            right: Right::Own,
            body: BodyRule::Nothing,
            description: Description {
                operation: "get_session",
                tag: Tag::Site,
                summary: "The user of the request, the user's rights, and the session with the time when it ends.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of(
                    "The user and the session.",
                    &[json(Shape::Schema("SessionState"))],
                )],
            },
        },
        handler: |call| Box::pin(sessions::show(call)),
    },
    Endpoint {
        route: Route {
            method: Method::DELETE,
            pattern: paths::SESSION.pattern(),
            right: Right::Own,
            body: BodyRule::Options,
            description: Description {
                operation: "log_out",
                tag: Tag::Site,
                summary: "Logs out: ends the session of the request, and removes its cookie.",
                path: &[],
                query: NO_OPTIONS,
                request: &[],
                responses: &[
                    ResponseForm::empty(204, "The session has ended.").headers(&[SET_COOKIE])
                ],
            },
        },
        handler: |call| Box::pin(sessions::log_out(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::SESSIONS.pattern(),
            right: Right::Own,
            body: BodyRule::Nothing,
            description: Description {
                operation: "list_sessions",
                tag: Tag::Site,
                summary: "The own sessions, or all for an administrator.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of(
                    "The sessions.",
                    &[json(Shape::Schema("SessionList"))],
                )],
            },
        },
        handler: |call| Box::pin(sessions::list(call)),
    },
    Endpoint {
        route: Route {
            method: Method::DELETE,
            pattern: paths::ONE_SESSION.pattern(),
            right: Right::Own,
            body: BodyRule::Options,
            description: Description {
                operation: "end_session",
                tag: Tag::Site,
                summary: "Ends a session. Administrators can end the sessions of all users.",
                path: &[ID],
                query: NO_OPTIONS,
                request: &[],
                responses: &[ResponseForm::of(
                    "The session that was ended.",
                    &[json(Shape::Schema("Session"))],
                )],
            },
        },
        handler: |call| Box::pin(sessions::end(call)),
    },
    Endpoint {
        route: Route {
            method: Method::PUT,
            pattern: paths::PASSWORD.pattern(),
            right: Right::Own,
            body: BodyRule::AtMost { bytes_max: LOGIN_BYTES_MAX },
            description: Description {
                operation: "change_password",
                tag: Tag::Site,
                summary: "Changes the password of the caller. The user's sessions and tokens end; a browser gets a new session.",
                path: &[],
                query: NO_OPTIONS,
                request: &[json(Shape::Schema("PasswordChange"))],
                responses: &[
                    ResponseForm::empty(204, "The password is changed.").headers(&[SET_COOKIE])
                ],
            },
        },
        handler: |call| Box::pin(password::change(call)),
    },
];
