//! Export and import of devices and links as a workbook.

use hyper::Method;

use super::{NO_OPTIONS, jobs::ACCEPTED, text};
use crate::{
    access::Right,
    codec::workbook::Format,
    http::{
        description::{
            BodyRule, Content, Description, PathParameter, QueryRule, ResponseForm, Shape, Tag,
            json, options_bodies,
        },
        endpoint::Endpoint,
        handlers::topology,
        options::{
            ALLOW_EMPTY, DRY_RUN, FORM_TYPE, HEADER_ROW, IGNORE, KEEP_ABSENT, MAP, ON_ERROR,
            REPLACE, ROW_KIND, SHEET, TEMPLATE, WORKBOOK_NAME,
        },
        paths,
        route::Route,
    },
    topology::WORKBOOK_BYTES_MAX,
};

/// The bytes that a form may have beside its file.
const FORM_BYTES_MAX: u64 = 1024 * 1024;

const FORM: BodyRule = BodyRule::File { bytes_max: WORKBOOK_BYTES_MAX + FORM_BYTES_MAX };

const WORKBOOK: PathParameter =
    text("name", "The workbook's name; without an extension it is .xls.");
const REPORT: PathParameter = text("id", "The id of the report, from the response to an import.");

const fn bytes(media_type: &'static str) -> Content {
    Content { media_type, shape: Shape::Bytes }
}

const XLS: Content = bytes(Format::Xls.media_type());
const XLSX: Content = bytes(Format::Xlsx.media_type());

const DOWNLOADED: &[ResponseForm] = &[
    ResponseForm::of("The workbook.", &[XLS, XLSX]),
    ResponseForm::of("The requested range.", &[XLS, XLSX]).status(206),
    ResponseForm::empty(304, "The client has the current version."),
];

const IMPORT_OPTIONS: QueryRule = QueryRule::Known(&[
    REPLACE,
    KEEP_ABSENT,
    ALLOW_EMPTY,
    DRY_RUN,
    ON_ERROR,
    ROW_KIND,
    SHEET,
    HEADER_ROW,
    MAP,
    IGNORE,
    FORM_TYPE,
]);

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        route: Route {
        method: Method::POST,
        pattern: paths::EXPORT_TOPOLOGY.pattern(),
        right: Right::Export,
        body: BodyRule::Options,
        description: Description {
            operation: "export_topology",
            tag: Tag::Topology,
            summary: "Exports devices and links to a workbook; Accept can ask for the workbook as the response.",
            path: &[],
            query: QueryRule::Known(&[WORKBOOK_NAME, TEMPLATE, FORM_TYPE]),
            request: &options_bodies("TopologyExportRequest"),
            responses: &[
                ResponseForm::of(
                    "The workbook is written; the report describes it.",
                    &[json(Shape::Schema("WorkbookExportResponse")), XLS, XLSX],
                ),
                ACCEPTED,
            ],
        },
        },
        handler: |call| Box::pin(topology::export(call)),
    },
    Endpoint {
        route: Route {
        method: Method::POST,
        pattern: paths::IMPORT_TOPOLOGY.pattern(),
        right: Right::Import,
        body: FORM,
        description: Description {
            operation: "import_topology",
            tag: Tag::Topology,
            summary: "Imports devices and links from a workbook, completely or not at all.",
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
            responses: &[
                ResponseForm::of(
                    "The workbook is imported, or would be (dry run); the report lists the changes.",
                    &[json(Shape::Schema("WorkbookImportResponse"))],
                ),
                ResponseForm::of(
                    "The workbook is imported without the invalid records, which the report lists.",
                    &[json(Shape::Schema("WorkbookImportResponse"))],
                )
                .status(206),
                ACCEPTED,
            ],
        },
        },
        handler: |call| Box::pin(topology::import(call)),
    },
    Endpoint {
        route: Route {
        method: Method::GET,
        pattern: paths::TOPOLOGY_REPORT.pattern(),
        right: Right::Import,
        body: BodyRule::Nothing,
        description: Description {
            operation: "get_topology_report",
            tag: Tag::Topology,
            summary: "The full report of an import; if Accept asks for it, the workbook with its errors marked.",
            path: &[REPORT],
            query: QueryRule::Nothing,
            request: &[],
            responses: &[ResponseForm::of("The report.", &[json(Shape::Schema("WorkbookImportFullReport")), XLS, XLSX])],
        },
        },
        handler: |call| Box::pin(topology::report(call)),
    },
    Endpoint {
        route: Route {
        method: Method::GET,
        pattern: paths::MARKED_WORKBOOK.pattern(),
        right: Right::Import,
        body: BodyRule::Nothing,
        description: Description {
            operation: "get_marked_workbook",
            tag: Tag::Topology,
            summary: "The workbook of an import, with the errors of its rows marked.",
            path: &[REPORT],
            query: QueryRule::Nothing,
            request: &[],
            responses: DOWNLOADED,
        },
        },
        handler: |call| Box::pin(topology::marked(call)),
    },
    Endpoint {
        route: Route {
        method: Method::GET,
        pattern: paths::WORKBOOKS.pattern(),
        right: Right::Export,
        body: BodyRule::Nothing,
        description: Description {
            operation: "list_workbooks",
            tag: Tag::Topology,
            summary: "The exported workbooks.",
            path: &[],
            query: QueryRule::Nothing,
            request: &[],
            responses: &[ResponseForm::of("The workbooks.", &[json(Shape::Schema("Workbooks"))])],
        },
        },
        handler: |call| Box::pin(topology::list(call)),
    },
    Endpoint {
        route: Route {
        method: Method::GET,
        pattern: paths::WORKBOOK.pattern(),
        right: Right::Export,
        body: BodyRule::Nothing,
        description: Description {
            operation: "download_workbook",
            tag: Tag::Topology,
            summary: "An exported workbook, or a range of it.",
            path: &[WORKBOOK],
            query: QueryRule::Nothing,
            request: &[],
            responses: DOWNLOADED,
        },
        },
        handler: |call| Box::pin(topology::download(call)),
    },
    Endpoint {
        route: Route {
        method: Method::DELETE,
        pattern: paths::WORKBOOK.pattern(),
        right: Right::Export,
        body: BodyRule::Options,
        description: Description {
            operation: "delete_workbook",
            tag: Tag::Topology,
            summary: "Deletes an exported workbook.",
            path: &[WORKBOOK],
            query: NO_OPTIONS,
            request: &[],
            responses: &[ResponseForm::empty(204, "The workbook is deleted.")],
        },
        },
        handler: |call| Box::pin(topology::remove(call)),
    },
];
