//! The audit log.

use hyper::Method;

use crate::{
    access::Right,
    http::{
        description::{BodyRule, Content, Description, QueryRule, ResponseForm, Shape, Tag, json},
        endpoint::Endpoint,
        handlers::audit,
        options::{
            AUDIT_ADDRESS, AUDIT_BELOW, AUDIT_EVENT, AUDIT_SINCE, AUDIT_TEXT, AUDIT_UNTIL,
            AUDIT_USER, HISTORY_LIMIT,
        },
        paths,
        route::Route,
    },
};

const ENTRIES: &[Content] = &[
    json(Shape::List("AuditEntry")),
    Content { media_type: "application/x-ndjson", shape: Shape::Schema("AuditEntry") },
];

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    route: Route {
        method: Method::GET,
        pattern: paths::AUDIT.pattern(),
        right: Right::Administer,
        body: BodyRule::Nothing,
        description: Description {
            operation: "list_audit",
            tag: Tag::Site,
            summary: "The entries of the audit log, the newest first; one a line if Accept asks for application/x-ndjson.",
            path: &[],
            query: QueryRule::Known(&[
                AUDIT_EVENT,
                AUDIT_USER,
                AUDIT_ADDRESS,
                AUDIT_SINCE,
                AUDIT_UNTIL,
                AUDIT_TEXT,
                AUDIT_BELOW,
                HISTORY_LIMIT,
            ]),
            request: &[],
            responses: &[ResponseForm::of("The entries.", ENTRIES)],
        },
    },
    handler: |call| Box::pin(audit::list(call)),
}];
