//! Jobs: what runs, how far it is, and how to cancel it.

use hyper::Method;

use super::{NO_OPTIONS, text};
use crate::http::description::json;
use crate::http::handlers::jobs;
use crate::http::route::{
    Access, AnswerForm, AnswerHeader, BodyRule, Content, Description, PathParameter, QueryRule,
    Route, Shape, Tag,
};

const JOB: PathParameter = text("id", "The job's id, from the list or from Location.");

const EVENTS: Content = Content { media_type: "text/event-stream", shape: Shape::Text };

/// The answer to `Prefer: respond-async`, of every route that begins a job.
pub(super) const ACCEPTED: AnswerForm = AnswerForm {
    status: 202,
    about: "The job has begun (with Prefer: respond-async).",
    content: &[json(Shape::Schema("Job"))],
    headers: &[
        AnswerHeader { name: "Location", about: "The address of the job." },
        AnswerHeader { name: "Preference-Applied", about: "That Prefer was followed." },
    ],
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        pattern: "/rest/jobs",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        description: Description {
            operation: "list_jobs",
            tag: Tag::Jobs,
            summary: "The jobs that run and the last 100 that ended, the newest first.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of(
                "The jobs, without their reports.",
                &[json(Shape::Schema("JobList"))],
            )],
        },
        handler: |call| Box::pin(jobs::list(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/jobs/{id}",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        description: Description {
            operation: "get_job",
            tag: Tag::Jobs,
            summary: "A job: its progress, or its outcome with the report; Accept may ask for a \
                      stream of events.",
            path: &[JOB],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of(
                "The job, or events until it ends.",
                &[json(Shape::Schema("Job")), EVENTS],
            )],
        },
        handler: |call| Box::pin(jobs::show(call)),
    },
    Route {
        method: Method::DELETE,
        pattern: "/rest/jobs/{id}",
        access: Access::Administrator,
        body: BodyRule::Options,
        description: Description {
            operation: "cancel_job",
            tag: Tag::Jobs,
            summary: "Cancels a job that has not put its result in place yet.",
            path: &[JOB],
            query: NO_OPTIONS,
            request: &[],
            answers: &[
                AnswerForm::of(
                    "The job ends as cancelled, and nothing is changed.",
                    &[json(Shape::Schema("Job"))],
                )
                .status(202),
                AnswerForm::of(
                    "It is too late: the job has ended, or its result is being put in place.",
                    &[Content {
                        media_type: "application/problem+json",
                        shape: Shape::Schema("Problem"),
                    }],
                )
                .status(409),
            ],
        },
        handler: |call| Box::pin(jobs::cancel(call)),
    },
];
