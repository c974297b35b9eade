//! Backups: made, listed, downloaded and deleted.

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
        handlers::backup,
        options::{BACKUP_HISTORY, BACKUP_NAME},
        paths,
        route::Route,
    },
};

const NAME: PathParameter = text("name", "The backup's name.");

const ZIP: Content = Content { media_type: "application/zip", shape: Shape::Bytes };

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::BACKUP.pattern(),
            right: Right::Backup,
            body: BodyRule::Nothing,
            description: Description {
                operation: "send_backup",
                tag: Tag::Backup,
                summary: "Makes a backup and sends it while it is made. It is not stored.",
                path: &[],
                query: QueryRule::Known(&[BACKUP_HISTORY]),
                request: &[],
                responses: &[ResponseForm::of("The backup.", &[ZIP])],
            },
        },
        handler: |call| Box::pin(backup::send(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::BACKUP.pattern(),
            right: Right::Backup,
            body: BodyRule::Options,
            description: Description {
                operation: "create_backup",
                tag: Tag::Backup,
                summary: "Makes a backup and stores it in the data directory.",
                path: &[],
                query: QueryRule::Known(&[BACKUP_NAME, BACKUP_HISTORY]),
                request: &options_bodies("BackupRequest"),
                responses: &[
                    ResponseForm::of(
                        "The backup is stored; the report describes it.",
                        &[json(Shape::Schema("BackupReportResponse"))],
                    ),
                    ACCEPTED,
                ],
            },
        },
        handler: |call| Box::pin(backup::create(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::BACKUPS.pattern(),
            right: Right::Backup,
            body: BodyRule::Nothing,
            description: Description {
                operation: "list_backups",
                tag: Tag::Backup,
                summary: "The stored backups.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of(
                    "The backups.",
                    &[json(Shape::Schema("BackupList"))],
                )],
            },
        },
        handler: |call| Box::pin(backup::list(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::STORED_BACKUP.pattern(),
            right: Right::Backup,
            body: BodyRule::Nothing,
            description: Description {
                operation: "download_backup",
                tag: Tag::Backup,
                summary: "A stored backup, or a range of it.",
                path: &[NAME],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[
                    ResponseForm::of("The backup.", &[ZIP]),
                    ResponseForm::of("The requested range.", &[ZIP]).status(206),
                    ResponseForm::empty(304, "The client has the current version."),
                ],
            },
        },
        handler: |call| Box::pin(backup::download(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::VERIFY_BACKUP.pattern(),
            right: Right::Backup,
            body: BodyRule::Options,
            description: Description {
                operation: "verify_backup",
                tag: Tag::Backup,
                summary: "Restores a stored backup into a scratch inventory, verifies and compares it, and removes it again.",
                path: &[NAME],
                query: NO_OPTIONS,
                request: &[],
                responses: &[
                    ResponseForm::of(
                        "The backup was restored; the report says whether it is the same.",
                        &[json(Shape::Schema("BackupVerification"))],
                    ),
                    ACCEPTED,
                ],
            },
        },
        handler: |call| Box::pin(backup::verify(call)),
    },
    Endpoint {
        route: Route {
            method: Method::DELETE,
            pattern: paths::STORED_BACKUP.pattern(),
            right: Right::Administer,
            body: BodyRule::Options,
            description: Description {
                operation: "delete_backup",
                tag: Tag::Backup,
                summary: "Deletes a stored backup.",
                path: &[NAME],
                query: NO_OPTIONS,
                request: &[],
                responses: &[ResponseForm::empty(204, "The backup is deleted.")],
            },
        },
        handler: |call| Box::pin(backup::remove(call)),
    },
];
