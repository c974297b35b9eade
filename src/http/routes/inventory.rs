//! Instances, queries, search, configurations and pools.

use hyper::Method;

use super::{JSON, NO_OPTIONS, text};
use crate::{
    access::Right,
    http::{
        description::{
            BodyRule, CallOption, Content, Description, PathParameter, QueryRule, ResponseForm,
            ResponseHeader, Shape, Tag, ValueType, json,
        },
        endpoint::Endpoint,
        handlers::inventory::{change, configuration, delete, instance, pools, query, search},
        options::{AT, ATOMIC, DIALECT, DRY_RUN, PROPERTY, TEXT_AT, TEXT_FROM, TEXT_TO},
        paths,
        route::Route,
    },
    model::limits::{LONG_TEXT_BYTES_MAX, TEXT_BYTES_MAX},
};

/// The size limit of the instances of one change, in bytes: enough for the longest text of a
/// record. A list of 10,000 devices has about 20 MB. Larger records must be changed property by
/// property, or imported.
const INSTANCES_BYTES_MAX: u64 = 64 * 1024 * 1024;

const _: () = assert!(INSTANCES_BYTES_MAX >= 2 * TEXT_BYTES_MAX as u64);

const INSTANCES: BodyRule = BodyRule::AtMost { bytes_max: INSTANCES_BYTES_MAX };
const TEXT: BodyRule = BodyRule::AtMost { bytes_max: LONG_TEXT_BYTES_MAX as u64 };

const KIND: PathParameter = PathParameter {
    name: "kind",
    about: "The type of instance; also an exact type of eNMS, such as router or workflow, or node.",
    value: ValueType::Kind,
};
const NAME: PathParameter = text("name", "The instance's name.");
const DEVICE: PathParameter = text("device", "The device's name.");

const INSTANCE: Content = json(Shape::Schema("Instance"));
const ROWS: &[Content] = &[
    json(Shape::List("Instance")),
    Content { media_type: "application/x-ndjson", shape: Shape::Schema("Instance") },
];
const PLAIN: Content = Content { media_type: "text/plain", shape: Shape::Text };

const VALIDATOR: &[ResponseHeader] = &[ResponseHeader {
    name: "ETag",
    about: "For If-None-Match of a later read, and If-Match of a change.",
}];

const NOT_MODIFIED: ResponseForm = ResponseForm::empty(304, "The client has the current version.");

const TOTAL: ResponseHeader = ResponseHeader {
    name: "X-Total-Count",
    about: "The total number of instances. Absent in long responses, which are sent before \
            all instances are counted.",
};

const TEXT_OPTIONS: QueryRule = QueryRule::Known(&[PROPERTY]);

const LIST: QueryRule = QueryRule::Known(&[
    CallOption::new("start", "The number of instances to skip.", ValueType::Whole),
    CallOption::new(
        "limit",
        "The largest number of instances to return; the default is all.",
        ValueType::Whole,
    ),
    CallOption::new(
        "columns",
        "The properties to return; the default is all. May be repeated.",
        ValueType::Texts,
    ),
    CallOption::new(
        "order",
        "The property to sort by; `-name` or `name:desc` for descending order.",
        ValueType::Text,
    ),
]);

const PUT_TEXT: Description = Description {
    operation: "put_configuration",
    tag: Tag::Inventory,
    summary: "Stores a device's configuration. The body is the text itself, in UTF-8.",
    path: &[DEVICE],
    query: TEXT_OPTIONS,
    request: &[PLAIN],
    responses: &[ResponseForm::of("The text is stored.", &[json(Shape::Schema("StoredText"))])
        .headers(VALIDATOR)],
};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::INSTANCES.pattern(),
            right: Right::Read,
            body: BodyRule::Nothing,
            description: Description {
                operation: "list_instances",
                tag: Tag::Inventory,
                summary: "All instances of a type, in pages; one a line if Accept asks for \
                      application/x-ndjson.",
                path: &[KIND],
                query: LIST,
                request: &[],
                responses: &[ResponseForm::of("The instances.", ROWS).headers(&[TOTAL])],
            },
        },
        handler: |call| Box::pin(query::list(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::INSTANCES.pattern(),
            right: Right::Edit,
            body: INSTANCES,
            description: Description {
                operation: "put_instances",
                tag: Tag::Inventory,
                summary: "Creates, updates and renames (`new_name`) instances.",
                path: &[KIND],
                query: QueryRule::Known(&[ATOMIC]),
                request: &[json(Shape::Schema("Changes"))],
                responses: &[
                    ResponseForm::of("All objects were stored.", &[json(Shape::Schema("Changed"))]),
                    ResponseForm::of(
                        "Some objects were stored; `failure` explains why the others were not.",
                        &[json(Shape::Schema("Changed"))],
                    )
                    .status(206),
                ],
            },
        },
        handler: |call| Box::pin(change::put(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::INSTANCE.pattern(),
            right: Right::Read,
            body: BodyRule::Nothing,
            description: Description {
                operation: "get_instance",
                tag: Tag::Inventory,
                summary: "All properties and relations of an instance, except its secrets; with `at`, its properties at an earlier moment.",
                path: &[KIND, NAME],
                query: QueryRule::Known(&[DIALECT, AT]),
                request: &[],
                responses: &[
                    ResponseForm::of("The instance.", &[INSTANCE]).headers(VALIDATOR),
                    NOT_MODIFIED,
                ],
            },
        },
        handler: |call| Box::pin(instance::show(call)),
    },
    Endpoint {
        route: Route {
            method: Method::DELETE,
            pattern: paths::INSTANCE.pattern(),
            right: Right::Delete,
            body: BodyRule::Options,
            description: Description {
                operation: "delete_instance",
                tag: Tag::Inventory,
                summary: "Deletes an instance and the instances that depend on it.",
                path: &[KIND, NAME],
                query: NO_OPTIONS,
                request: &[],
                responses: &[ResponseForm::of(
                    "The instance is deleted; the response lists everything that was deleted with it.",
                    &[json(Shape::Schema("Deleted"))],
                )],
            },
        },
        handler: |call| Box::pin(instance::remove(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::QUERY.pattern(),
            right: Right::Read,
            body: BodyRule::Nothing,
            description: Description {
                operation: "query_instances",
                tag: Tag::Inventory,
                summary: "The instances whose properties have the given values.",
                path: &[KIND],
                query: QueryRule::Any {
                    about: "A property and its value; a relation by the name of the related instance.",
                },
                request: &[],
                responses: &[ResponseForm::of("The instances.", ROWS).headers(&[TOTAL])],
            },
        },
        handler: |call| Box::pin(query::query(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::SEARCH.pattern(),
            right: Right::Read,
            body: JSON,
            description: Description {
                operation: "search_instances",
                tag: Tag::Inventory,
                summary: "Searches instances by criteria and returns the chosen columns, optionally with the matching configuration lines.",
                path: &[],
                query: NO_OPTIONS,
                request: &[json(Shape::Schema("SearchRequest"))],
                responses: &[ResponseForm::of("The instances.", ROWS).headers(&[
                    TOTAL,
                    ResponseHeader {
                        name: "X-Kind-Count",
                        about: "The number of instances of the type.",
                    },
                ])],
            },
        },
        handler: |call| Box::pin(search::search(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::DELETE.pattern(),
            right: Right::Delete,
            body: INSTANCES,
            description: Description {
                operation: "delete_instances",
                tag: Tag::Inventory,
                summary: "Deletes several instances of a type, and the instances that depend on \
                          them, in one step. They are given by their names or by the criteria of \
                          a search.",
                path: &[],
                query: QueryRule::Known(&[DRY_RUN]),
                request: &[json(Shape::Schema("DeletionRequest"))],
                responses: &[ResponseForm::of(
                    "The instances are deleted, or would be (dry run).",
                    &[json(Shape::Schema("DeletedMany"))],
                )],
            },
        },
        handler: |call| Box::pin(delete::delete(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::CONFIGURATION.pattern(),
            right: Right::Read,
            body: BodyRule::Nothing,
            description: Description {
                operation: "get_configuration",
                tag: Tag::Inventory,
                summary: "A device's configuration or another of its long texts, as plain text; as a JSON \
                      string if Accept asks for application/json.",
                path: &[DEVICE],
                query: QueryRule::Known(&[PROPERTY, TEXT_AT]),
                request: &[],
                responses: &[
                    ResponseForm::of("The text.", &[PLAIN, json(Shape::Text)]).headers(VALIDATOR),
                    NOT_MODIFIED,
                ],
            },
        },
        handler: |call| Box::pin(configuration::show(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::CONFIGURATION_HISTORY.pattern(),
            right: Right::Read,
            body: BodyRule::Nothing,
            description: Description {
                operation: "list_configurations",
                tag: Tag::Inventory,
                summary: "The versions of a device's configuration or of another of its long texts, the newest first: when, by whom, and how long.",
                path: &[DEVICE],
                query: TEXT_OPTIONS,
                request: &[],
                responses: &[ResponseForm::of(
                    "The versions, at most 1000.",
                    &[json(Shape::List("ConfigurationVersion"))],
                )],
            },
        },
        handler: |call| Box::pin(configuration::versions(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::CONFIGURATION_DIFFERENCE.pattern(),
            right: Right::Read,
            body: BodyRule::Nothing,
            description: Description {
                operation: "compare_configurations",
                tag: Tag::Inventory,
                summary: "The differences of two versions of a device's text in the unified format of diff; empty if they are equal.",
                path: &[DEVICE],
                query: QueryRule::Known(&[PROPERTY, TEXT_FROM, TEXT_TO]),
                request: &[],
                responses: &[ResponseForm::of("The differences.", &[PLAIN])],
            },
        },
        handler: |call| Box::pin(configuration::difference(call)),
    },
    Endpoint {
        route: Route {
            method: Method::PUT,
            pattern: paths::CONFIGURATION.pattern(),
            right: Right::Edit,
            body: TEXT,
            description: PUT_TEXT,
        },
        handler: |call| Box::pin(configuration::put(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::CONFIGURATION.pattern(),
            right: Right::Edit,
            body: TEXT,
            description: Description { operation: "post_configuration", ..PUT_TEXT },
        },
        handler: |call| Box::pin(configuration::put(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::UPDATE_ALL_POOLS.pattern(),
            right: Right::Edit,
            body: BodyRule::Options,
            description: Description {
                operation: "update_all_pools",
                tag: Tag::Inventory,
                summary: "Computes the members of all pools again.",
                path: &[],
                query: NO_OPTIONS,
                request: &[],
                responses: &[ResponseForm::of(
                    "The pools are up to date, except those that could not be computed.",
                    &[json(Shape::Schema("UpdatedPools"))],
                )],
            },
        },
        handler: |call| Box::pin(pools::update_all(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::COUNT.pattern(),
            right: Right::Read,
            body: BodyRule::Nothing,
            description: Description {
                operation: "count_instances",
                tag: Tag::Inventory,
                summary: "The number of instances of each type.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of("The numbers.", &[json(Shape::Schema("Counts"))])],
            },
        },
        handler: |call| Box::pin(pools::count(call)),
    },
];
