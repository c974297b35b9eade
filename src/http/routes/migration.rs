//! Export, import, upload and download of projects.

use hyper::Method;

use super::{NO_OPTIONS, jobs::ACCEPTED, text};
use crate::{
    access::Right,
    http::{
        description::{
            BodyRule, Content, Description, PathParameter, QueryRule, ResponseForm, Shape, Tag,
            json, options_bodies,
        },
        endpoint::Endpoint,
        handlers::{migration, projects},
        options::{
            ALLOW_EMPTY, DRY_RUN, EMPTY_FIRST, FORM_TYPE, KEEP_ABSENT, OF_EXPORT, OF_IMPORT,
            ON_ERROR, PROJECT_NAME, SECRETS, SKIP_POOL_UPDATE, TYPES,
        },
        paths,
        route::Route,
    },
    migration::BUNDLE_BYTES_MAX,
};

/// The size limit of the project library, so that every bundle downloaded from one server can be
/// uploaded to another. A million devices with their links have about 150 MB.
const BUNDLE: BodyRule = BodyRule::AtMost { bytes_max: BUNDLE_BYTES_MAX };

const PROJECT: PathParameter = text("name", "The project's name.");

const ZIP: Content = Content { media_type: "application/zip", shape: Shape::Bytes };

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
        method: Method::POST,
        pattern: paths::EXPORT_PROJECT.pattern(),
        right: Right::Backup,
        body: BodyRule::Options,
        description: Description {
            operation: "export_project",
            tag: Tag::Migration,
            summary: "Exports the inventory to a project in the library.",
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
            responses: &[
                ResponseForm::of(
                    "The project is written; the report describes it.",
                    &[json(Shape::Schema("ProjectExportResponse"))],
                ),
                ACCEPTED,
            ],
        },
        },
        handler: |call| Box::pin(migration::export(call)),
    },
    Endpoint {
        route: Route {
        method: Method::POST,
        pattern: paths::IMPORT_PROJECT.pattern(),
        right: Right::Import,
        body: BodyRule::Options,
        description: Description {
            operation: "import_project",
            tag: Tag::Migration,
            summary: "Imports a project from the library, completely or not at all.",
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
            responses: &[
                ResponseForm::of(
                    "The project is imported, or would be (dry run); the report lists the changes.",
                    &[json(Shape::Schema("ProjectImportResponse"))],
                ),
                ResponseForm::of(
                    "The project is imported without the invalid records, which the report lists.",
                    &[json(Shape::Schema("ProjectImportResponse"))],
                )
                .status(206),
                ACCEPTED,
            ],
        },
        },
        handler: |call| Box::pin(migration::import(call)),
    },
    Endpoint {
        route: Route {
        method: Method::GET,
        pattern: paths::PROJECT_REPORT.pattern(),
        right: Right::Import,
        body: BodyRule::Nothing,
        description: Description {
            operation: "get_report",
            tag: Tag::Migration,
            summary: "The full report of an import, with every entry of every list.",
            path: &[text("id", "The id of the report, from the response to an import.")],
            query: QueryRule::Nothing,
            request: &[],
            responses: &[ResponseForm::of("The report.", &[json(Shape::Schema("ProjectImportFullReport"))])],
        },
        },
        handler: |call| Box::pin(migration::report(call)),
    },
    Endpoint {
        route: Route {
        method: Method::GET,
        pattern: paths::PROJECTS.pattern(),
        right: Right::Backup,
        body: BodyRule::Nothing,
        description: Description {
            operation: "list_projects",
            tag: Tag::Migration,
            summary: "The projects in the library.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            responses: &[ResponseForm::of("The projects.", &[json(Shape::Schema("Projects"))])],
        },
        },
        handler: |call| Box::pin(projects::list(call)),
    },
    Endpoint {
        route: Route {
        method: Method::GET,
        pattern: paths::PROJECT.pattern(),
        right: Right::Backup,
        body: BodyRule::Nothing,
        description: Description {
            operation: "download_project",
            tag: Tag::Migration,
            summary: "A project as one file, or a range of it.",
            path: &[PROJECT],
            query: QueryRule::Nothing,
            request: &[],
            responses: &[
                ResponseForm::of("The bundle.", &[ZIP]),
                ResponseForm::of("The requested range.", &[ZIP]).status(206),
                ResponseForm::empty(304, "The client has the current version."),
            ],
        },
        },
        handler: |call| Box::pin(projects::download(call)),
    },
    Endpoint {
        route: Route {
        method: Method::PUT,
        pattern: paths::PROJECT.pattern(),
        right: Right::Import,
        body: BUNDLE,
        description: Description {
            operation: "upload_project",
            tag: Tag::Migration,
            summary: "Uploads a project's bundle to the library.",
            path: &[PROJECT],
            query: NO_OPTIONS,
            request: &[ZIP],
            responses: &[
                ResponseForm::of("The bundle replaced another.", &[json(Shape::Schema("Project"))]),
                ResponseForm::of("The project is new.", &[json(Shape::Schema("Project"))]).status(201),
            ],
        },
        },
        handler: |call| Box::pin(projects::upload(call)),
    },
    Endpoint {
        route: Route {
        method: Method::DELETE,
        pattern: paths::PROJECT.pattern(),
        right: Right::Administer,
        body: BodyRule::Options,
        description: Description {
            operation: "delete_project",
            tag: Tag::Migration,
            summary: "Deletes a project from the library.",
            path: &[PROJECT],
            query: NO_OPTIONS,
            request: &[],
            responses: &[ResponseForm::empty(204, "The project is deleted.")],
        },
        },
        handler: |call| Box::pin(projects::remove(call)),
    },
];
