//! Whole projects in and out.

use hyper::Method;

use super::jobs::ACCEPTED;
use super::{NO_OPTIONS, text};
use crate::http::description::{json, options_bodies};
use crate::http::handlers::{migration, projects};
use crate::http::options::{
    ALLOW_EMPTY, DRY_RUN, EMPTY_FIRST, FORM_TYPE, KEEP_ABSENT, OF_EXPORT, OF_IMPORT, ON_ERROR,
    PROJECT_NAME, SECRETS, SKIP_POOL_UPDATE, TYPES,
};
use crate::http::route::{
    Access, AnswerForm, BodyRule, Content, Description, PathParameter, QueryRule, Route, Shape, Tag,
};
use crate::migration::BUNDLE_BYTES_MAX;

/// What the project library takes, so that every bundle that was downloaded from one server can be
/// uploaded to another. A million devices and their links take about 150 MB.
const BUNDLE: BodyRule = BodyRule::AtMost { bytes_max: BUNDLE_BYTES_MAX };

const PROJECT: PathParameter = text("name", "The project's name.");

const ZIP: Content = Content { media_type: "application/zip", shape: Shape::Bytes };

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::POST,
        pattern: "/rest/migrate/export",
        access: Access::Administrator,
        body: BodyRule::Options,
        description: Description {
            operation: "export_project",
            tag: Tag::Migration,
            summary: "Exports the inventory to a project in the project library.",
            path: &[],
            query: QueryRule::Known(&[
                PROJECT_NAME,
                TYPES,
                SECRETS,
                OF_IMPORT,
                SKIP_POOL_UPDATE,
                FORM_TYPE,
            ]),
            request: &options_bodies("ExportRequest"),
            answers: &[
                AnswerForm::of(
                    "It is written; the report says what.",
                    &[json(Shape::Schema("Report"))],
                ),
                ACCEPTED,
            ],
        },
        handler: |call| Box::pin(migration::export(call)),
    },
    Route {
        method: Method::POST,
        pattern: "/rest/migrate/import",
        access: Access::Administrator,
        body: BodyRule::Options,
        description: Description {
            operation: "import_project",
            tag: Tag::Migration,
            summary: "Imports a project from the project library, completely or not at all.",
            path: &[],
            query: QueryRule::Known(&[
                PROJECT_NAME,
                TYPES,
                EMPTY_FIRST,
                KEEP_ABSENT,
                ALLOW_EMPTY,
                DRY_RUN,
                ON_ERROR,
                OF_EXPORT,
                SKIP_POOL_UPDATE,
                FORM_TYPE,
            ]),
            request: &options_bodies("ImportRequest"),
            answers: &[
                AnswerForm::of(
                    "It is imported, or would be (a dry run); the report says what.",
                    &[json(Shape::Schema("Report"))],
                ),
                AnswerForm::of(
                    "It is imported but for the records that the report names.",
                    &[json(Shape::Schema("Report"))],
                )
                .status(206),
                ACCEPTED,
            ],
        },
        handler: |call| Box::pin(migration::import(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/migrate/reports/{id}",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        description: Description {
            operation: "get_report",
            tag: Tag::Migration,
            summary: "The whole report of an import, with every entry of every list.",
            path: &[text("id", "The report's name, from an import's answer.")],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of("The report.", &[json(Shape::Schema("Report"))])],
        },
        handler: |call| Box::pin(migration::report(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/migrate/projects",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        description: Description {
            operation: "list_projects",
            tag: Tag::Migration,
            summary: "Lists the projects in the project library.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of("The projects.", &[json(Shape::Schema("Projects"))])],
        },
        handler: |call| Box::pin(projects::list(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/migrate/projects/{name}",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        description: Description {
            operation: "download_project",
            tag: Tag::Migration,
            summary: "A project as one file, or a part of it (Range).",
            path: &[PROJECT],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[
                AnswerForm::of("The bundle.", &[ZIP]),
                AnswerForm::of("The part that Range asks for.", &[ZIP]).status(206),
                AnswerForm::empty(304, "The client has it already."),
            ],
        },
        handler: |call| Box::pin(projects::download(call)),
    },
    Route {
        method: Method::PUT,
        pattern: "/rest/migrate/projects/{name}",
        access: Access::Administrator,
        body: BUNDLE,
        description: Description {
            operation: "upload_project",
            tag: Tag::Migration,
            summary: "Uploads a project's bundle to the project library.",
            path: &[PROJECT],
            query: NO_OPTIONS,
            request: &[ZIP],
            answers: &[
                AnswerForm::of("It took the place of another.", &[json(Shape::Schema("Project"))]),
                AnswerForm::of("It is new.", &[json(Shape::Schema("Project"))]).status(201),
            ],
        },
        handler: |call| Box::pin(projects::upload(call)),
    },
    Route {
        method: Method::DELETE,
        pattern: "/rest/migrate/projects/{name}",
        access: Access::Administrator,
        body: BodyRule::Options,
        description: Description {
            operation: "delete_project",
            tag: Tag::Migration,
            summary: "Removes a project from the project library.",
            path: &[PROJECT],
            query: NO_OPTIONS,
            request: &[],
            answers: &[AnswerForm::empty(204, "It is gone.")],
        },
        handler: |call| Box::pin(projects::remove(call)),
    },
];
