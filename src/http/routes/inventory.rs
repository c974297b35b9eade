//! One instance, queries, search, configurations and pools.

use hyper::Method;

use super::{JSON, NO_OPTIONS, text};
use crate::http::description::json;
use crate::http::handlers::inventory::{change, configuration, instance, pools, query, search};
use crate::http::options::{ATOMIC, PROPERTY};
use crate::http::route::{
    Access, AnswerForm, AnswerHeader, BodyRule, CallOption, Content, Description, PathParameter,
    QueryRule, Route, Shape, Tag, ValueType,
};
use crate::model::limits::{LONG_TEXT_BYTES_MAX, TEXT_BYTES_MAX};

/// Of the instances of one change: room for the longest text that a record may have. Lists of
/// 10,000 devices have about 20 MB. A record with more than that is put together property by
/// property, or imported.
const INSTANCES_BYTES_MAX: u64 = 64 * 1024 * 1024;

const _: () = assert!(INSTANCES_BYTES_MAX >= 2 * TEXT_BYTES_MAX as u64);

const INSTANCES: BodyRule = BodyRule::AtMost { bytes_max: INSTANCES_BYTES_MAX };
const TEXT: BodyRule = BodyRule::AtMost { bytes_max: LONG_TEXT_BYTES_MAX as u64 };

const KIND: PathParameter =
    PathParameter { name: "kind", about: "The type of instance.", value: ValueType::Kind };
const NAME: PathParameter = text("name", "The instance's name.");
const DEVICE: PathParameter = text("device", "The device's name.");

const INSTANCE: Content = json(Shape::Schema("Instance"));
const ROWS: &[Content] = &[
    json(Shape::List("Instance")),
    Content { media_type: "application/x-ndjson", shape: Shape::Schema("Instance") },
];
const PLAIN: Content = Content { media_type: "text/plain", shape: Shape::Text };

const VALIDATOR: &[AnswerHeader] = &[AnswerHeader {
    name: "ETag",
    about: "For If-None-Match on a later read, and If-Match on a change.",
}];

const HAS_IT: AnswerForm = AnswerForm::empty(304, "The client has it already.");

const TOTAL: AnswerHeader = AnswerHeader {
    name: "X-Total-Count",
    about: "How many there are in all. Left out where the answer is so long that it is sent \
            before they are counted.",
};

const TEXT_OPTIONS: QueryRule = QueryRule::Known(&[PROPERTY]);

const LIST: QueryRule = QueryRule::Known(&[
    CallOption::new("start", "How many to leave out before the first.", ValueType::Whole),
    CallOption::new("limit", "How many to answer; all where it is not given.", ValueType::Whole),
    CallOption::new(
        "columns",
        "The properties to answer; all where none is given. May be repeated.",
        ValueType::Texts,
    ),
    CallOption::new(
        "order",
        "The property to sort by; `-name` or `name:desc` for the other direction.",
        ValueType::Text,
    ),
]);

const PUT_TEXT: Description = Description {
    operation: "put_configuration",
    tag: Tag::Inventory,
    summary: "Stores a device's configuration, as it is sent, in UTF-8.",
    path: &[DEVICE],
    query: TEXT_OPTIONS,
    request: &[PLAIN],
    answers: &[
        AnswerForm::of("It is stored.", &[json(Shape::Schema("StoredText"))]).headers(VALIDATOR)
    ],
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        pattern: "/rest/instance/{kind}",
        access: Access::Authenticated,
        body: BodyRule::Nothing,
        description: Description {
            operation: "list_instances",
            tag: Tag::Inventory,
            summary: "All instances of a type, in pages; one a line where Accept asks for \
                      application/x-ndjson.",
            path: &[KIND],
            query: LIST,
            request: &[],
            answers: &[AnswerForm::of("The instances.", ROWS).headers(&[TOTAL])],
        },
        handler: |call| Box::pin(query::list(call)),
    },
    Route {
        method: Method::POST,
        pattern: "/rest/instance/{kind}",
        access: Access::Administrator,
        body: INSTANCES,
        description: Description {
            operation: "put_instances",
            tag: Tag::Inventory,
            summary: "Creates, updates and renames (`new_name`) instances.",
            path: &[KIND],
            query: QueryRule::Known(&[ATOMIC]),
            request: &[json(Shape::Schema("Changes"))],
            answers: &[
                AnswerForm::of("All were taken.", &[json(Shape::Schema("Changed"))]),
                AnswerForm::of(
                    "Some were taken; `failure` says why the others were not.",
                    &[json(Shape::Schema("Changed"))],
                )
                .status(206),
            ],
        },
        handler: |call| Box::pin(change::put(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/instance/{kind}/{name}",
        access: Access::Authenticated,
        body: BodyRule::Nothing,
        description: Description {
            operation: "get_instance",
            tag: Tag::Inventory,
            summary: "All properties and relations of an instance, but its secrets.",
            path: &[KIND, NAME],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of("The instance.", &[INSTANCE]).headers(VALIDATOR), HAS_IT],
        },
        handler: |call| Box::pin(instance::show(call)),
    },
    Route {
        method: Method::DELETE,
        pattern: "/rest/instance/{kind}/{name}",
        access: Access::Administrator,
        body: BodyRule::Options,
        description: Description {
            operation: "delete_instance",
            tag: Tag::Inventory,
            summary: "Deletes an instance and what cannot stand without it.",
            path: &[KIND, NAME],
            query: NO_OPTIONS,
            request: &[],
            answers: &[AnswerForm::of(
                "It is gone; the answer says what else is.",
                &[json(Shape::Schema("Deleted"))],
            )],
        },
        handler: |call| Box::pin(instance::remove(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/query/{kind}",
        access: Access::Authenticated,
        body: BodyRule::Nothing,
        description: Description {
            operation: "query_instances",
            tag: Tag::Inventory,
            summary: "The instances whose properties have the given values.",
            path: &[KIND],
            query: QueryRule::Any {
                about: "A property and the value that it must have; relations by name.",
            },
            request: &[],
            answers: &[AnswerForm::of("The instances.", ROWS).headers(&[TOTAL])],
        },
        handler: |call| Box::pin(query::query(call)),
    },
    Route {
        method: Method::POST,
        pattern: "/rest/search",
        access: Access::Authenticated,
        body: JSON,
        description: Description {
            operation: "search_instances",
            tag: Tag::Inventory,
            summary: "Columns of the instances that meet criteria; also lines of configurations.",
            path: &[],
            query: NO_OPTIONS,
            request: &[json(Shape::Schema("SearchRequest"))],
            answers: &[AnswerForm::of("The instances.", ROWS).headers(&[
                TOTAL,
                AnswerHeader {
                    name: "X-Kind-Count",
                    about: "How many instances of the type there are.",
                },
            ])],
        },
        handler: |call| Box::pin(search::search(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/configuration/{device}",
        access: Access::Authenticated,
        body: BodyRule::Nothing,
        description: Description {
            operation: "get_configuration",
            tag: Tag::Inventory,
            summary: "A device's configuration, or another of its long texts, as it is.",
            path: &[DEVICE],
            query: TEXT_OPTIONS,
            request: &[],
            answers: &[AnswerForm::of("The text.", &[PLAIN]).headers(VALIDATOR), HAS_IT],
        },
        handler: |call| Box::pin(configuration::show(call)),
    },
    Route {
        method: Method::PUT,
        pattern: "/rest/configuration/{device}",
        access: Access::Administrator,
        body: TEXT,
        description: PUT_TEXT,
        handler: |call| Box::pin(configuration::put(call)),
    },
    Route {
        method: Method::POST,
        pattern: "/rest/configuration/{device}",
        access: Access::Administrator,
        body: TEXT,
        description: Description { operation: "post_configuration", ..PUT_TEXT },
        handler: |call| Box::pin(configuration::put(call)),
    },
    Route {
        method: Method::POST,
        pattern: "/rest/update_all_pools",
        access: Access::Administrator,
        body: BodyRule::Options,
        description: Description {
            operation: "update_all_pools",
            tag: Tag::Inventory,
            summary: "Computes the members of all pools anew.",
            path: &[],
            query: NO_OPTIONS,
            request: &[],
            answers: &[AnswerForm::of(
                "They are right, but for those that could not be computed.",
                &[json(Shape::Schema("UpdatedPools"))],
            )],
        },
        handler: |call| Box::pin(pools::update_all(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/count",
        access: Access::Authenticated,
        body: BodyRule::Nothing,
        description: Description {
            operation: "count_instances",
            tag: Tag::Inventory,
            summary: "The number of instances of each type.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of("The numbers.", &[json(Shape::Schema("Counts"))])],
        },
        handler: |call| Box::pin(pools::count(call)),
    },
];
