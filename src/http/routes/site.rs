//! What anyone may ask.

use hyper::Method;

use crate::http::description::json;
use crate::http::handlers::{docs, metrics, site};
use crate::http::openapi;
use crate::http::route::{
    Access, AnswerForm, AnswerHeader, BodyRule, CallOption, Content, Description, QueryRule, Route,
    Shape, Tag, ValueType,
};

use super::text;

const PAGE: Content = Content { media_type: "text/html", shape: Shape::Text };

const MOVED: AnswerForm = AnswerForm::empty(308, "It is elsewhere.")
    .headers(&[AnswerHeader { name: "Location", about: "Where." }]);

const HAS_IT: AnswerForm = AnswerForm::empty(304, "The client has it already.");

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
            answers: &[AnswerForm::of("The page.", &[PAGE])],
        },
        handler: |call| Box::pin(site::welcome(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/docs",
        access: Access::Anonymous,
        body: BodyRule::Nothing,
        description: Description {
            operation: "docs",
            tag: Tag::Site,
            summary: "Leads to the pages about Satchel.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[MOVED],
        },
        handler: |call| Box::pin(docs::root(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/docs/",
        access: Access::Anonymous,
        body: BodyRule::Nothing,
        description: Description {
            operation: "docs_front",
            tag: Tag::Site,
            summary: "The list of the pages about Satchel.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of("The page.", &[PAGE]), HAS_IT],
        },
        handler: |call| Box::pin(docs::front(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/docs/{file}",
        access: Access::Anonymous,
        body: BodyRule::Nothing,
        description: Description {
            operation: "docs_file",
            tag: Tag::Site,
            summary: "A page about Satchel, or what a page loads.",
            path: &[text(
                "file",
                "The page's file, as start.html; start.md is what it is made from.",
            )],
            query: QueryRule::Known(&[CallOption::new(
                "q",
                "Words to look for, on search.html.",
                ValueType::Text,
            )]),
            request: &[],
            answers: &[
                AnswerForm::of(
                    "The file.",
                    &[PAGE, Content { media_type: "text/plain", shape: Shape::Text }],
                ),
                HAS_IT,
                MOVED,
            ],
        },
        handler: |call| Box::pin(docs::file(call)),
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
                HAS_IT,
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
