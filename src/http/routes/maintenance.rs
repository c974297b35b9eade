//! The inventory as a whole: what it is, whether it is whole, and back to what it was.

use hyper::Method;

use super::NO_OPTIONS;
use super::jobs::ACCEPTED;
use crate::http::description::{json, options_bodies};
use crate::http::handlers::maintenance;
use crate::http::options::DRY_RUN;
use crate::http::route::{Access, AnswerForm, BodyRule, Description, QueryRule, Route, Shape, Tag};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        pattern: "/rest/state",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        description: Description {
            operation: "get_state",
            tag: Tag::Inventory,
            summary: "What the inventory holds, what an undo would go back to, and what is damaged.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of("The numbers.", &[json(Shape::Schema("State"))])],
        },
        handler: |call| Box::pin(maintenance::state(call)),
    },
    Route {
        method: Method::POST,
        pattern: "/rest/verify",
        access: Access::Administrator,
        body: BodyRule::Options,
        description: Description {
            operation: "verify",
            tag: Tag::Inventory,
            summary: "Reads the whole inventory and says what is not as it should be; changes wait.",
            path: &[],
            query: NO_OPTIONS,
            request: &[],
            answers: &[
                AnswerForm::of(
                    "It was read; the report says whether it is whole.",
                    &[json(Shape::Schema("Report"))],
                ),
                ACCEPTED,
            ],
        },
        handler: |call| Box::pin(maintenance::verify(call)),
    },
    Route {
        method: Method::POST,
        pattern: "/rest/undo",
        access: Access::Administrator,
        body: BodyRule::Options,
        description: Description {
            operation: "undo",
            tag: Tag::Inventory,
            summary: "Takes back the last import, and all changes made since; asked again, brings \
                      them back.",
            path: &[],
            query: QueryRule::Known(&[DRY_RUN]),
            request: &options_bodies("UndoOptions"),
            answers: &[AnswerForm::of(
                "It is undone, or would be (a dry run).",
                &[json(Shape::Schema("Report"))],
            )],
        },
        handler: |call| Box::pin(maintenance::undo(call)),
    },
];
