//! Feeds: the inventory in the formats of other tools.

use hyper::Method;

use super::text;
use crate::{
    access::Right,
    http::{
        description::{
            BodyRule, Content, Description, PathParameter, QueryRule, ResponseForm, ResponseHeader,
            Shape, Tag, json,
        },
        endpoint::Endpoint,
        handlers::feeds,
        paths,
        route::Route,
    },
};

const FEED: PathParameter = text("feed", "The name of the feed, as in the list of feeds.");

const VALIDATOR: &[ResponseHeader] = &[ResponseHeader {
    name: "ETag",
    about: "For If-None-Match of the next request. It changes with every change of the inventory.",
}];

const NOT_MODIFIED: ResponseForm =
    ResponseForm::empty(304, "The inventory has not changed since the client's version.");

const PARAMETERS: QueryRule = QueryRule::Any {
    about: "An option of the feed, or a filter: a property and its value, or `pool` and the name of a \
            pool. The list of feeds has the options of each feed.",
};

/// The feeds have different media types. Those with JSON have different shapes.
const FEEDS: &[Content] = &[
    Content { media_type: "text/plain", shape: Shape::Text },
    json(Shape::Schema("Anything")),
    Content { media_type: "text/csv", shape: Shape::Text },
    Content { media_type: "application/xml", shape: Shape::Text },
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::FEEDS.pattern(),
            right: Right::Feeds,
            body: BodyRule::Nothing,
            description: Description {
                operation: "list_feeds",
                tag: Tag::Inventory,
                summary: "The feeds with their options: the inventory in the formats of other tools.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of("The feeds.", &[json(Shape::Schema("FeedList"))])],
            },
        },
        handler: |call| Box::pin(feeds::list(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::FEED.pattern(),
            right: Right::Feeds,
            body: BodyRule::Nothing,
            description: Description {
                operation: "get_feed",
                tag: Tag::Inventory,
                summary: "The selected devices in the format of another tool; with `report=true`, the \
                          devices that are left out.",
                path: &[FEED],
                query: PARAMETERS,
                request: &[],
                responses: &[
                    ResponseForm::of("The feed, or its report.", FEEDS).headers(VALIDATOR),
                    NOT_MODIFIED,
                ],
            },
        },
        handler: |call| Box::pin(feeds::show(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::FEED_HOST.pattern(),
            right: Right::Feeds,
            body: BodyRule::Nothing,
            description: Description {
                operation: "get_feed_host",
                tag: Tag::Inventory,
                summary: "The entry of one host in a feed, if the feed has such entries.",
                path: &[
                    FEED,
                    text("host", "The name of the host in the feed, or in the inventory."),
                ],
                query: PARAMETERS,
                request: &[],
                responses: &[
                    ResponseForm::of("The entry.", &[json(Shape::Schema("Anything"))])
                        .headers(VALIDATOR),
                    NOT_MODIFIED,
                ],
            },
        },
        handler: |call| Box::pin(feeds::show_host(call)),
    },
];
