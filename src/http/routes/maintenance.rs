//! The inventory as a whole: state, verification and undo.

use hyper::Method;

use super::{NO_OPTIONS, jobs::ACCEPTED};
use crate::{
    access::Right,
    http::{
        description::{
            BodyRule, Description, QueryRule, ResponseForm, Shape, Tag, json, options_bodies,
        },
        endpoint::Endpoint,
        handlers::maintenance,
        options::{CHANGE, DRY_RUN, ON_CONFLICT},
        paths,
        route::Route,
    },
    inventory::UNDO_OPERATION,
};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::STATE.pattern(),
            right: Right::Backup,
            body: BodyRule::Nothing,
            description: Description {
                operation: "get_state",
                tag: Tag::Inventory,
                summary: "The contents of the inventory, the kept copies from before the last imports, and damage.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of("The state.", &[json(Shape::Schema("State"))])],
            },
        },
        handler: |call| Box::pin(maintenance::state(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::VERIFY.pattern(),
            right: Right::Backup,
            body: BodyRule::Options,
            description: Description {
                operation: "verify",
                tag: Tag::Inventory,
                summary: "Reads the complete inventory and reports damage and inconsistencies. Changes wait meanwhile.",
                path: &[],
                query: NO_OPTIONS,
                request: &[],
                responses: &[
                    ResponseForm::of(
                        "The inventory was read; the report says whether it is intact.",
                        &[json(Shape::Schema("VerifyReport"))],
                    ),
                    ACCEPTED,
                ],
            },
        },
        handler: |call| Box::pin(maintenance::verify(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::UNDO.pattern(),
            right: Right::Administer,
            body: BodyRule::Options,
            description: Description {
                operation: UNDO_OPERATION,
                tag: Tag::Inventory,
                summary: "Undoes a change, without a body the last one, and keeps what was changed since. An undo can be undone.",
                path: &[],
                query: QueryRule::Known(&[CHANGE, ON_CONFLICT, DRY_RUN]),
                request: &options_bodies("UndoOptions"),
                responses: &[ResponseForm::of(
                    "The change is undone, or would be (dry run).",
                    &[json(Shape::Schema("UndoReport"))],
                )],
            },
        },
        handler: |call| Box::pin(maintenance::undo(call)),
    },
];
