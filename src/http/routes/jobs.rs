//! Jobs: the list, the progress of one, and cancelling.

use hyper::Method;

use super::{NO_OPTIONS, text};
use crate::{
    access::Right,
    http::{
        description::{
            BodyRule, Content, Description, PathParameter, QueryRule, ResponseForm, ResponseHeader,
            Shape, Tag, json,
        },
        endpoint::Endpoint,
        handlers::jobs,
        paths,
        route::Route,
    },
};

const JOB: PathParameter = text("id", "The id of the job, from the list or from Location.");

const EVENTS: Content = Content { media_type: "text/event-stream", shape: Shape::Text };

/// The response to `Prefer: respond-async` of every route that starts a job.
pub(super) const ACCEPTED: ResponseForm = ResponseForm {
    status: 202,
    about: "The job has started (with Prefer: respond-async).",
    content: &[json(Shape::Schema("Job"))],
    headers: &[
        ResponseHeader { name: "Location", about: "The address of the job." },
        ResponseHeader { name: "Preference-Applied", about: "The preference that was applied." },
    ],
};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::JOBS.pattern(),
            right: Right::Jobs,
            body: BodyRule::Nothing,
            description: Description {
                operation: "list_jobs",
                tag: Tag::Jobs,
                summary: "The running jobs and the last 100 that ended, newest first.",
                path: &[],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of(
                    "The jobs, without their reports.",
                    &[json(Shape::Schema("JobList"))],
                )],
            },
        },
        handler: |call| Box::pin(jobs::list(call)),
    },
    Endpoint {
        route: Route {
            method: Method::GET,
            pattern: paths::JOB.pattern(),
            right: Right::Jobs,
            body: BodyRule::Nothing,
            description: Description {
                operation: "get_job",
                tag: Tag::Jobs,
                summary: "A job: its progress, or its outcome with the report; as a stream of events if \
                      Accept asks for it.",
                path: &[JOB],
                query: QueryRule::Nothing,
                request: &[],
                responses: &[ResponseForm::of(
                    "The job, or events until it ends.",
                    &[json(Shape::Schema("Job")), EVENTS],
                )],
            },
        },
        handler: |call| Box::pin(jobs::show(call)),
    },
    Endpoint {
        route: Route {
            method: Method::DELETE,
            pattern: paths::JOB.pattern(),
            right: Right::Jobs,
            body: BodyRule::Options,
            description: Description {
                operation: "cancel_job",
                tag: Tag::Jobs,
                summary: "Cancels a job whose result has not taken effect yet.",
                path: &[JOB],
                query: NO_OPTIONS,
                request: &[],
                responses: &[
                    ResponseForm::of(
                        "The job ends as cancelled; nothing is changed.",
                        &[json(Shape::Schema("Job"))],
                    )
                    .status(202),
                    ResponseForm::of(
                        "Too late: the job has ended, or its result is taking effect.",
                        &[Content {
                            media_type: "application/problem+json",
                            shape: Shape::Schema("Problem"),
                        }],
                    )
                    .status(409),
                ],
            },
        },
        handler: |call| Box::pin(jobs::cancel(call)),
    },
];
