//! The front page, the documentation, and facts about the server.

use hyper::Method;

use super::text;
use crate::{
    access::Right,
    http::{
        description::{
            BodyRule, CallOption, Content, Description, QueryRule, ResponseForm, ResponseHeader,
            Shape, Tag, ValueType, json,
        },
        endpoint::Endpoint,
        handlers::{console, docs, health, metrics, openapi, site},
        options::EXCLUDE,
        paths,
        route::Route,
    },
};

const PAGE: Content = Content { media_type: "text/html", shape: Shape::Text };

const LOCATION: &[ResponseHeader] = &[ResponseHeader { name: "Location", about: "The address." }];

const MOVED: ResponseForm =
    ResponseForm::empty(308, "The page has another address.").headers(LOCATION);

/// The types of files that the console loads.
const LOADED: &[Content] = &[
    Content { media_type: "text/javascript", shape: Shape::Text },
    Content { media_type: "text/css", shape: Shape::Text },
    Content { media_type: "image/svg+xml", shape: Shape::Text },
];

const NOT_MODIFIED: ResponseForm = ResponseForm::empty(304, "The client has the current version.");

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::FRONT_PAGE.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "welcome",
                tag: Tag::Site,
                summary: "The list of all routes; a browser, which accepts text/html, is led to the console.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[
                    ResponseForm::of("The page.", &[PAGE]),
                    ResponseForm::empty(307, "The console has another address.").headers(LOCATION),
                ],
            },
        },
        handler: |call| Box::pin(site::front_page(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::CONSOLE.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "console",
                tag: Tag::Site,
                summary: "Redirects to the web console.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[MOVED],
            },
        },
        handler: |call| Box::pin(console::root(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::CONSOLE_FRONT.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "console_front",
                tag: Tag::Site,
                summary: "The first page of the web console.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of("The page.", &[PAGE]), NOT_MODIFIED],
            },
        },
        handler: |call| Box::pin(console::front(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::CONSOLE_FILE.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "console_file",
                tag: Tag::Site,
                summary: "A file that the web console loads.",
                path: &[
                    text("version", "The version of the console, which its first page names."),
                    text("file", "The name of the file: app.js."),
                ],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of("The file.", LOADED), NOT_MODIFIED],
            },
        },
        handler: |call| Box::pin(console::file(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::CONSOLE_FOLDER_FILE.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "console_folder_file",
                tag: Tag::Site,
                summary: "A file that the web console loads, in a folder.",
                path: &[
                    text("version", "The version of the console, which its first page names."),
                    text("folder", "The folder: pages."),
                    text("file", "The name of the file: tables.js."),
                ],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of("The file.", LOADED), NOT_MODIFIED],
            },
        },
        handler: |call| Box::pin(console::folder_file(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::DOCS.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "docs",
                tag: Tag::Site,
                summary: "Redirects to the documentation.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[MOVED],
            },
        },
        handler: |call| Box::pin(docs::root(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::DOCS_FRONT.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "docs_front",
                tag: Tag::Site,
                summary: "The table of contents of the documentation.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of("The page.", &[PAGE]), NOT_MODIFIED],
            },
        },
        handler: |call| Box::pin(docs::front(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::DOCS_FILE.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "docs_file",
                tag: Tag::Site,
                summary: "A page of the documentation, or a file that a page loads.",
                path: &[text("file", "The file of the page: start.html, or its source start.md.")],
                query: QueryRule::Known(&[CallOption::new(
                    "q",
                    "The words to search for, on search.html.",
                    ValueType::Text,
                )]),
                request: &[],
                responses: &[
                    ResponseForm::of(
                        "The file.",
                        &[PAGE, Content { media_type: "text/plain", shape: Shape::Text }],
                    ),
                    NOT_MODIFIED,
                    MOVED,
                ],
            },
        },
        handler: |call| Box::pin(docs::file(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::IS_ALIVE.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "is_alive",
                tag: Tag::Site,
                summary: "Whether the server runs, and its name.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of("The server runs.", &[json(Shape::Schema("Alive"))])],
            },
        },
        handler: |call| Box::pin(site::is_alive(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::LIVEZ.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "live",
                tag: Tag::Site,
                summary: "Whether the process answers.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of("It does.", &[json(Shape::Schema("Liveness"))])],
            },
        },
        handler: |call| Box::pin(health::live(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::READYZ.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "ready",
                tag: Tag::Site,
                summary: "Whether the server can do its work: the checks and their results.",
                path: &[],
                query: QueryRule::Known(&[EXCLUDE]),
                request: &[],
                responses: &[
                    ResponseForm::of(
                        "All checks have passed.",
                        &[json(Shape::Schema("Readiness"))],
                    ),
                    ResponseForm::of(
                        "A check has not passed.",
                        &[json(Shape::Schema("Readiness"))],
                    )
                    .status(503),
                ],
            },
        },
        handler: |call| Box::pin(health::ready(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::OPENAPI.pattern(),
            right: Right::Public,
            body: BodyRule::Nothing,
            description: Description {
                operation: "openapi",
                tag: Tag::Site,
                summary: "This OpenAPI description.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[
                    ResponseForm::of("The description.", &[json(Shape::Schema("Anything"))]),
                    NOT_MODIFIED,
                ],
            },
        },
        handler: |call| Box::pin(openapi::show(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::METRICS.pattern(),
            right: Right::Feeds,
            body: BodyRule::Nothing,
            description: Description {
                operation: "metrics",
                tag: Tag::Site,
                summary: "The metrics of the server, in the text format of Prometheus.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of(
                    "The metrics.",
                    &[Content { media_type: "text/plain", shape: Shape::Text }],
                )],
            },
        },
        handler: |call| Box::pin(metrics::show(call)),
    },
];
