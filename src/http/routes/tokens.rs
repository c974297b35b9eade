//! Tokens: credentials of programs.

use hyper::Method;

use super::{NO_OPTIONS, text};
use crate::{
    access::Right,
    http::{
        description::{
            BodyRule, Description, PathParameter, QueryRule, ResponseForm, Shape, Tag, json,
            options_bodies,
        },
        endpoint::Endpoint,
        handlers::tokens,
        options::{EXPIRES_DAYS, FROM, SCOPE, TOKEN_NAME},
        paths,
        route::Route,
    },
};

const KEY: PathParameter = text("key", "The key of the token, or the name of an own token.");

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::TOKENS.pattern(),
            right: Right::Own,
            body: BodyRule::Nothing,
            description: Description {
                operation: "list_tokens",
                tag: Tag::Site,
                summary: "The own tokens, or all for an administrator, without their secrets.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of("The tokens.", &[json(Shape::Schema("TokenList"))])],
            },
        },
        handler: |call| Box::pin(tokens::list(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::TOKENS.pattern(),
            right: Right::Own,
            body: BodyRule::Options,
            description: Description {
                operation: "make_token",
                tag: Tag::Site,
                summary: "Makes a token, with which a program acts as the caller. Its text is shown once.",
                path: &[],
                query: QueryRule::Known(&[TOKEN_NAME, SCOPE, EXPIRES_DAYS, FROM]),
                request: &options_bodies("TokenOptions"),
                responses: &[ResponseForm {
                    status: 201,
                    about: "The token was made.",
                    content: &[json(Shape::Schema("NewToken"))],
                    headers: &[],
                }],
            },
        },
        handler: |call| Box::pin(tokens::make(call)),
    },
    Endpoint {
        route: Route {
            method: Method::DELETE,
            pattern: paths::TOKEN.pattern(),
            right: Right::Own,
            body: BodyRule::Options,
            description: Description {
                operation: "revoke_token",
                tag: Tag::Site,
                summary: "Revokes a token. It stops to work at once.",
                path: &[KEY],
                query: NO_OPTIONS,
                request: &[],
                responses: &[ResponseForm::of(
                    "The token that was revoked.",
                    &[json(Shape::Schema("Token"))],
                )],
            },
        },
        handler: |call| Box::pin(tokens::revoke(call)),
    },
];
