//! The handlers of `instance/{kind}/{name}`: read and delete one instance.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{expected_version, kind, versioned};
use crate::{
    codec::json,
    http::{
        blocking::Lane,
        call::Call,
        conditional::ETag,
        json_response,
        problem::Problem,
        response::{JSON, Response},
    },
    model::Kind,
};

/// The usual size of an instance in bytes of JSON.
const INSTANCE_BYTES: usize = 2 * 1024;

/// Handles `GET /rest/instance/{kind}/{name}`.
pub(in crate::http) async fn show(mut call: Call) -> Result<Response, Problem> {
    let kind = kind(&call)?;
    let name = call.parameters.take("name")?;

    let inventory = call.app.inventory.clone();
    // Within the job: writing and hashing a long instance takes time too.
    let show = move || {
        inventory.instance(kind, &name, |shown| {
            let mut body = Vec::with_capacity(INSTANCE_BYTES);
            json::write_object(&mut body, shown.properties);
            body.push(b'\n');
            (ETag::of_version(shown.version, &body), body)
        })
    };
    let (etag, body) = call.app.blocking.run(Lane::Quick, show).await??;

    versioned(&call.headers, &etag, JSON, body)
}

/// The records that a deletion deleted and changed.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct Deleted<'a> {
    /// The deleted records.
    deleted: Vec<Named<'a>>,
    /// The records with a removed reference: their lists contained the name of the deleted record.
    struck: Vec<Named<'a>>,
}

/// A record by its type and name.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "NamedRecord")]
pub(in crate::http) struct Named<'a> {
    /// The kind of the record.
    pub r#type: Kind,
    /// The name of the record.
    name: &'a str,
}

/// Handles `DELETE /rest/instance/{kind}/{name}`.
pub(in crate::http) async fn remove(mut call: Call) -> Result<Response, Problem> {
    let kind = kind(&call)?;
    let name = call.parameters.take("name")?;
    let expected = expected_version(&call.headers)?;
    let caller = call.caller.require_principal()?.name.clone();

    let inventory = call.app.inventory.clone();
    let delete = move || inventory.delete(kind, &name, &caller, &expected);
    let report = call.app.blocking.run(Lane::Change, delete).await??;

    let deleted = Deleted { deleted: named(&report.deleted), struck: named(&report.dereferenced) };
    json_response::json(StatusCode::OK, &deleted)
}

/// Returns records for a response.
pub(super) fn named(records: &[(Kind, String)]) -> Vec<Named<'_>> {
    records.iter().map(|(kind, name)| Named { r#type: *kind, name }).collect()
}
