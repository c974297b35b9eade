//! The set-up of the first administrator.

use hyper::Method;

use crate::{
    access::Right,
    http::{
        description::{
            BodyRule, Content, Description, QueryRule, ResponseForm, Shape, Tag, options_bodies,
        },
        endpoint::Endpoint,
        handlers::setup,
        options::{NEW_PASSWORD, NEW_PASSWORD_AGAIN, SETUP_CODE},
        paths,
        route::Route,
    },
};

const PAGE: Content = Content { media_type: "text/html", shape: Shape::Text };

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::SETUP.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "setup_page",
                tag: Tag::Site,
                summary: "The form that sets the password of the first administrator; 404 after that.",
                path: &[],
                query: QueryRule::Known(&[SETUP_CODE]),
                request: &[],
                responses: &[ResponseForm::of("The form.", &[PAGE])],
            },
        },
        handler: |call| Box::pin(setup::form(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::SETUP.pattern(),
            right: Right::Public,
            body: BodyRule::Options,
            description: Description {
                operation: "set_up",
                tag: Tag::Site,
                summary: "Sets the password of the first administrator, once, with the code of the set-up link.",
                path: &[],
                query: QueryRule::Known(&[SETUP_CODE, NEW_PASSWORD, NEW_PASSWORD_AGAIN]),
                request: &options_bodies("SetUpOptions"),
                responses: &[ResponseForm::of("The password is set.", &[PAGE])],
            },
        },
        handler: |call| Box::pin(setup::submit(call)),
    },
];
