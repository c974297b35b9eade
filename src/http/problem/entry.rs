//! The entries of a problem's `errors`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::import::{self, DocumentLocation, EmptyKind};

/// The location of a flaw in a request. The name of the variant becomes a member of the error.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum RequestLocation {
    /// A JSON pointer (RFC 6901) into the body; empty for the complete body.
    Pointer(String),
    /// A field of a form.
    FormField(String),
    /// A header.
    Header(&'static str),
    /// The path as the client sent it.
    Path(String),
    /// A parameter of the path.
    PathParameter(&'static str),
    /// A parameter of the query; empty for the complete query.
    QueryParameter(String),
    /// A text position in the body. Both count from 1.
    #[serde(untagged)]
    Text {
        /// The line in the body, from 1.
        line: usize,
        /// The column in that line, from 1.
        column: usize,
    },
}

/// One error of a request: its location, the reason and the valid values.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(in crate::http) struct Flaw {
    /// The part of the request with the error.
    #[serde(flatten)]
    pub(in crate::http) location: RequestLocation,
    /// A code for scripts, if the location alone does not identify the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) code: Option<&'static str>,
    /// A sentence.
    pub(in crate::http) detail: String,
    /// The value at the location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) value: Option<Value>,
    /// The valid value that is nearest to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) nearest: Option<Cow<'static, str>>,
    /// The position in the value, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) position: Option<usize>,
    /// All valid values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::http) valid: Vec<&'static str>,
}

impl Flaw {
    pub(in crate::http) fn new(location: RequestLocation, detail: impl Into<String>) -> Self {
        Self {
            location,
            code: None,
            detail: detail.into(),
            value: None,
            nearest: None,
            position: None,
            valid: Vec::new(),
        }
    }
}

/// One error of a failed request.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(untagged)]
#[schemars(rename = "ProblemError")]
pub(in crate::http) enum ErrorEntry {
    /// A flaw of the request.
    Request(Flaw),
    /// The rule that a bundle breaks.
    Bundle(BundleFlaw),
    /// The rule that a workbook breaks.
    Workbook(WorkbookFlaw),
    /// A kind of which an import would only delete records.
    EmptyKind(EmptyKindFlaw),
    /// A problem that occurs in an import, once or several times.
    Import(Box<ImportFlaw>),
}

/// The rule that a bundle breaks.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::http) struct BundleFlaw {
    /// The name of the entry in the archive; null if the error concerns the whole bundle.
    pub(super) entry: Option<String>,
    /// A code for scripts.
    pub(super) rule: &'static str,
    /// A sentence.
    pub(super) detail: String,
}

/// The rule that a workbook breaks.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::http) struct WorkbookFlaw {
    /// A code for scripts.
    pub(super) rule: &'static str,
    /// A sentence.
    pub(super) detail: String,
}

/// A kind of which an import would only delete records.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::http) struct EmptyKindFlaw {
    /// The kind, and the number of its records.
    #[serde(flatten)]
    pub(super) kind: EmptyKind,
    /// A code for scripts.
    pub(super) rule: &'static str,
    /// A sentence.
    pub(super) detail: String,
}

/// A problem of an import: its first location, how often it occurs, and the first locations.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::http) struct ImportFlaw {
    /// The problem.
    #[serde(flatten)]
    pub(in crate::http) problem: import::Problem,
    /// The first location.
    #[serde(flatten)]
    pub(in crate::http) location: Option<DocumentLocation>,
    /// The number of occurrences of the problem.
    pub(in crate::http) count: u64,
    /// The first locations in sorted order. There can be fewer than `count`.
    #[serde(rename = "places")]
    pub(in crate::http) locations: Vec<DocumentLocation>,
}
