//! The history of the inventory.

use hyper::Method;

use super::text;
use crate::{
    access::Right,
    http::{
        description::{
            BodyRule, Content, Description, PathParameter, QueryRule, ResponseForm, ResponseHeader,
            Shape, Tag, ValueType, json,
        },
        endpoint::Endpoint,
        handlers::{changes, history},
        options::{
            AFTER, AFTER_RECORD, BELOW, DIFF_SINCE, DIFF_TO, HISTORY_LIMIT, HISTORY_NAME,
            OPERATION, PRINCIPAL, RECORDS_LIMIT, SINCE, TEXT, TYPE, UNTIL, WAIT,
        },
        paths,
        route::Route,
    },
};

const KIND: PathParameter = PathParameter {
    name: "kind",
    about: "The type of instance; also an exact type of eNMS, such as router or workflow, or node.",
    value: ValueType::Kind,
};

const BEGIN: ResponseHeader = ResponseHeader {
    name: "X-History-Begin",
    about: "The number of the first change that the history keeps. Absent if it is empty.",
};

const CHANGES: &[Content] = &[
    json(Shape::List("HistoryChange")),
    Content { media_type: "application/x-ndjson", shape: Shape::Schema("HistoryChange") },
];

const FOLLOWED: &[Content] = &[
    json(Shape::Schema("FollowedChanges")),
    Content { media_type: "text/event-stream", shape: Shape::Text },
];

const DETAILS: &[Content] = &[
    json(Shape::List("HistoryChangeDetails")),
    Content { media_type: "application/x-ndjson", shape: Shape::Schema("HistoryChangeDetails") },
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::HISTORY.pattern(),
            right: Right::Read,
            body: BodyRule::Nothing,
            description: Description {
                operation: "list_history",
                tag: Tag::Inventory,
                summary: "The changes of the inventory, the newest first; one a line if Accept asks for application/x-ndjson.",
                path: &[],
                query: QueryRule::Known(&[
                    TYPE,
                    HISTORY_NAME,
                    PRINCIPAL,
                    OPERATION,
                    SINCE,
                    UNTIL,
                    TEXT,
                    BELOW,
                    HISTORY_LIMIT,
                ]),
                request: &[],
                responses: &[ResponseForm::of("The changes.", CHANGES).headers(&[BEGIN])],
            },
        },
        handler: |call| Box::pin(history::list(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::CHANGE.pattern(),
            right: Right::Read,
            body: BodyRule::Nothing,
            description: Description {
                operation: "get_change",
                tag: Tag::Inventory,
                summary: "One change, with the differences of the records that it changed.",
                path: &[text("number", "The number of the change.")],
                query: QueryRule::Known(&[AFTER_RECORD, RECORDS_LIMIT]),
                request: &[],
                responses: &[ResponseForm::of(
                    "The change.",
                    &[json(Shape::Schema("HistoryChangeDetails"))],
                )],
            },
        },
        handler: |call| Box::pin(history::show(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::CHANGES.pattern(),
            right: Right::Feeds,
            body: BodyRule::Nothing,
            description: Description {
                operation: "follow_changes",
                tag: Tag::Inventory,
                summary: "The changes after a given one, the oldest first, with the names of their records. Waits for the next change, or sends events if Accept asks for text/event-stream.",
                path: &[],
                query: QueryRule::Known(&[AFTER, WAIT]),
                request: &[],
                responses: &[ResponseForm::of(
                    "The changes, or events until the server stops.",
                    FOLLOWED,
                )],
            },
        },
        handler: |call| Box::pin(changes::follow(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::DIFFERENCE.pattern(),
            right: Right::Read,
            body: BodyRule::Nothing,
            description: Description {
                operation: "compare_moments",
                tag: Tag::Inventory,
                summary: "The differences of the inventory between two moments of the history, property by property.",
                path: &[],
                query: QueryRule::Known(&[DIFF_SINCE, DIFF_TO]),
                request: &[],
                responses: &[ResponseForm::of(
                    "The differences.",
                    &[json(Shape::Schema("InventoryDifference"))],
                )],
            },
        },
        handler: |call| Box::pin(history::difference(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::INSTANCE_HISTORY.pattern(),
            right: Right::Read,
            body: BodyRule::Nothing,
            description: Description {
                operation: "get_instance_history",
                tag: Tag::Inventory,
                summary: "The changes of an instance, the newest first, each with its differences; also the imports and undos that changed it with the whole inventory. The instance can be deleted.",
                path: &[KIND, text("name", "The instance's name.")],
                query: QueryRule::Known(&[BELOW, HISTORY_LIMIT]),
                request: &[],
                responses: &[ResponseForm::of("The changes.", DETAILS).headers(&[BEGIN])],
            },
        },
        handler: |call| Box::pin(history::of_instance(call)),
    },
];
