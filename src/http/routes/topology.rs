//! Devices and links in and out, as a workbook.

use hyper::Method;

use super::jobs::ACCEPTED;
use super::{NO_OPTIONS, text};
use crate::codec::workbook::Format;
use crate::http::description::{json, options_bodies};
use crate::http::handlers::topology;
use crate::http::options::{
    ALLOW_EMPTY, DRY_RUN, FORM_TYPE, KEEP_ABSENT, ON_ERROR, REPLACE, TABLE, WORKBOOK_NAME,
};
use crate::http::route::{
    Access, AnswerForm, BodyRule, Content, Description, PathParameter, QueryRule, Route, Shape, Tag,
};
use crate::topology::WORKBOOK_BYTES_MAX;

/// What a form may have beside its file.
const FORM_BYTES_MAX: u64 = 1024 * 1024;

const FORM: BodyRule = BodyRule::File { bytes_max: WORKBOOK_BYTES_MAX + FORM_BYTES_MAX };

const WORKBOOK: PathParameter =
    text("name", "The workbook's name with its ending; none means .xls.");
const REPORT: PathParameter = text("id", "The report's name, from an import's answer.");

const fn bytes(media_type: &'static str) -> Content {
    Content { media_type, shape: Shape::Bytes }
}

const XLS: Content = bytes(Format::Xls.media_type());
const XLSX: Content = bytes(Format::Xlsx.media_type());

const DOWNLOADED: &[AnswerForm] = &[
    AnswerForm::of("The workbook.", &[XLS, XLSX]),
    AnswerForm::of("The part that Range asks for.", &[XLS, XLSX]).status(206),
    AnswerForm::empty(304, "The client has it already."),
];

const IMPORT_OPTIONS: QueryRule =
    QueryRule::Known(&[REPLACE, KEEP_ABSENT, ALLOW_EMPTY, DRY_RUN, ON_ERROR, TABLE, FORM_TYPE]);

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::POST,
        pattern: "/rest/topology/export",
        access: Access::Administrator,
        body: BodyRule::Options,
        description: Description {
            operation: "export_topology",
            tag: Tag::Topology,
            summary: "Writes devices and links to a workbook; Accept may ask for it right away.",
            path: &[],
            query: QueryRule::Known(&[WORKBOOK_NAME, FORM_TYPE]),
            request: &options_bodies("TopologyExportRequest"),
            answers: &[
                AnswerForm::of(
                    "It is written; the report says what.",
                    &[json(Shape::Schema("Report")), XLS, XLSX],
                ),
                ACCEPTED,
            ],
        },
        handler: |call| Box::pin(topology::export(call)),
    },
    Route {
        method: Method::POST,
        pattern: "/rest/topology/import",
        access: Access::Administrator,
        body: FORM,
        description: Description {
            operation: "import_topology",
            tag: Tag::Topology,
            summary: "Takes devices and links from a workbook, whole or not at all.",
            path: &[],
            query: IMPORT_OPTIONS,
            request: &[
                Content {
                    media_type: "multipart/form-data",
                    shape: Shape::Options("TopologyImportForm"),
                },
                XLS,
                XLSX,
                bytes("application/vnd.oasis.opendocument.spreadsheet"),
                bytes("application/vnd.ms-excel.sheet.binary.macroenabled.12"),
                bytes("text/csv"),
            ],
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
        handler: |call| Box::pin(topology::import(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/topology/reports/{id}",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        description: Description {
            operation: "get_topology_report",
            tag: Tag::Topology,
            summary: "The whole report of an import, or by Accept the workbook with its problems.",
            path: &[REPORT],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of("The report.", &[json(Shape::Schema("Report")), XLS, XLSX])],
        },
        handler: |call| Box::pin(topology::report(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/topology/reports/{id}/workbook",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        description: Description {
            operation: "get_marked_workbook",
            tag: Tag::Topology,
            summary: "The workbook of an import, with what was wrong in its rows.",
            path: &[REPORT],
            query: QueryRule::Nothing,
            request: &[],
            answers: DOWNLOADED,
        },
        handler: |call| Box::pin(topology::marked(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/topology/workbooks",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        description: Description {
            operation: "list_workbooks",
            tag: Tag::Topology,
            summary: "The workbooks that exports wrote.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            answers: &[AnswerForm::of("The workbooks.", &[json(Shape::Schema("Workbooks"))])],
        },
        handler: |call| Box::pin(topology::list(call)),
    },
    Route {
        method: Method::GET,
        pattern: "/rest/topology/workbooks/{name}",
        access: Access::Administrator,
        body: BodyRule::Nothing,
        description: Description {
            operation: "download_workbook",
            tag: Tag::Topology,
            summary: "A workbook, or a part of it (Range).",
            path: &[WORKBOOK],
            query: QueryRule::Nothing,
            request: &[],
            answers: DOWNLOADED,
        },
        handler: |call| Box::pin(topology::download(call)),
    },
    Route {
        method: Method::DELETE,
        pattern: "/rest/topology/workbooks/{name}",
        access: Access::Administrator,
        body: BodyRule::Options,
        description: Description {
            operation: "delete_workbook",
            tag: Tag::Topology,
            summary: "Removes a workbook that an export wrote.",
            path: &[WORKBOOK],
            query: NO_OPTIONS,
            request: &[],
            answers: &[AnswerForm::empty(204, "It is gone.")],
        },
        handler: |call| Box::pin(topology::remove(call)),
    },
];
