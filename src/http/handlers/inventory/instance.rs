//! `instance/{kind}/{name}`: one instance, shown or deleted.

use hyper::StatusCode;
use serde::Serialize;

use super::{kind, versioned};
use crate::codec::json;
use crate::http::blocking::Lane;
use crate::http::conditional::{ETag, expected};
use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::{self, JSON, Response};
use crate::model::Kind;

/// What an instance takes as a rule, in bytes of JSON.
const INSTANCE_BYTES: usize = 2 * 1024;

/// `GET /rest/instance/{kind}/{name}`
pub(in crate::http) async fn show(mut call: Call) -> Result<Response, Problem> {
    let kind = kind(&call)?;
    let name = call.parameters.take("name")?;

    let inventory = call.app.inventory.clone();
    // In one job: the bytes of a long instance take their time too.
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

#[derive(Serialize)]
struct Deleted<'a> {
    deleted: Vec<Named<'a>>,
    /// The records from whose lists names were struck.
    struck: Vec<Named<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    r#type: Kind,
    name: &'a str,
}

/// `DELETE /rest/instance/{kind}/{name}`
pub(in crate::http) async fn remove(mut call: Call) -> Result<Response, Problem> {
    let kind = kind(&call)?;
    let name = call.parameters.take("name")?;
    let expected = expected(&call.headers)?;
    let caller = call.caller.require_principal()?.name.clone();

    let inventory = call.app.inventory.clone();
    let delete = move || inventory.delete(kind, &name, &caller, &expected);
    let report = call.app.blocking.run(Lane::Change, delete).await??;

    let deleted = Deleted { deleted: named(&report.deleted), struck: named(&report.dereferenced) };
    response::json(StatusCode::OK, &deleted)
}

fn named(records: &[(Kind, String)]) -> Vec<Named<'_>> {
    records.iter().map(|(kind, name)| Named { r#type: *kind, name }).collect()
}
