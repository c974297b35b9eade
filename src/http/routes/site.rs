//! What anyone may ask.

use hyper::Method;

use crate::http::description::json;
use crate::http::handlers::{metrics, site};
use crate::http::openapi;
use crate::http::route::{
    Access, AnswerForm, BodyRule, Content, Description, QueryRule, Route, Shape, Tag,
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        pattern: "/",
        access: Access::Anonymous,
        body: BodyRule::Nothing,
        description: Description {
            operation: "welcome",
            tag: Tag::Site,
            summary: "A page for people, with the list of all routes.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of(
                "The page.",
                &[Content { media_type: "text/html", shape: Shape::Text }],
            )],
        },
        handler: |call| Box::pin(site::welcome(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/is_alive",
        access: Access::Anonymous,
        body: BodyRule::Nothing,
        description: Description {
            operation: "is_alive",
            tag: Tag::Site,
            summary: "Whether the server lives, and what it is called.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of("It lives.", &[json(Shape::Schema("Alive"))])],
        },
        handler: |call| Box::pin(site::is_alive(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/openapi.json",
        access: Access::Anonymous,
        body: BodyRule::Nothing,
        description: Description {
            operation: "openapi",
            tag: Tag::Site,
            summary: "This description.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[
                AnswerForm::of("The description.", &[json(Shape::Schema("Anything"))]),
                AnswerForm::empty(304, "The client has it already."),
            ],
        },
        handler: |call| Box::pin(openapi::show(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/metrics",
        access: Access::Authenticated,
        body: BodyRule::Nothing,
        description: Description {
            operation: "metrics",
            tag: Tag::Site,
            summary: "What the server counts of itself, in the text format of Prometheus.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of(
                "The numbers.",
                &[Content { media_type: "text/plain", shape: Shape::Text }],
            )],
        },
        handler: |call| Box::pin(metrics::show(call)),
    },
];
