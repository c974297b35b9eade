//! Backups: made, listed, downloaded, uploaded, deleted and restored.

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
        handlers::{backup, restore},
        options::{
            BACKUP_HISTORY, BACKUP_NAME, DRY_RUN, PLAN, RESTORED_BACKUP, RESTORED_NAME,
            RESTORED_TYPES,
        },
        paths,
        route::Route,
    },
    migration::BUNDLE_BYTES_MAX,
};

const NAME: PathParameter = text("name", "The backup's name.");

const ZIP: Content = Content { media_type: "application/zip", shape: Shape::Bytes };

const FILE: BodyRule = BodyRule::AtMost { bytes_max: BUNDLE_BYTES_MAX };

const RESTORE_BODY: BodyRule =
    BodyRule::OptionsOrFile { media_type: ZIP.media_type, bytes_max: BUNDLE_BYTES_MAX };

const RESTORE_BODIES: [Content; 4] = {
    let [json, form, multipart] = options_bodies("RestoreRequest");
    [json, form, multipart, ZIP]
};

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
            method: Method::PUT,
            pattern: paths::STORED_BACKUP.pattern(),
            right: Right::Administer,
            body: FILE,
            description: Description {
                operation: "upload_backup",
                tag: Tag::Backup,
                summary: "Uploads a backup and stores it. A stored backup is not replaced.",
                path: &[NAME],
                query: NO_OPTIONS,
                request: &[ZIP],
                responses: &[ResponseForm::of(
                    "The backup is stored.",
                    &[json(Shape::Schema("Backup"))],
                )
                .status(201)],
            },
        },
        handler: |call| Box::pin(restore::upload(call)),
    },
    Endpoint {
        route: Route {
            method: Method::POST,
            pattern: paths::RESTORE.pattern(),
            right: Right::Administer,
            body: RESTORE_BODY,
            description: Description {
                operation: "restore",
                tag: Tag::Backup,
                summary: "Restores a stored or uploaded backup, completely or not at all; or reports what would change.",
                path: &[],
                query: QueryRule::Known(&[
                    RESTORED_BACKUP,
                    RESTORED_TYPES,
                    RESTORED_NAME,
                    PLAN,
                    DRY_RUN,
                ]),
                request: &RESTORE_BODIES,
                responses: &[
                    ResponseForm::of(
                        "The backup is restored, or would be (dry run); the report lists the changes.",
                        &[json(Shape::Schema("RestoreResponse"))],
                    ),
                    ACCEPTED,
                ],
            },
        },
        handler: |call| Box::pin(restore::restore(call)),
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
