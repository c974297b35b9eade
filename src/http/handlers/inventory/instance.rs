//! The handlers of `instance/{kind}/{name}`: read and delete one instance.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{expected_version, instance_type, kind_of_instance, versioned};
use crate::{
    codec::json,
    http::{
        blocking::Lane,
        call::Call,
        conditional::ETag,
        handlers::moment::moment,
        json_response,
        options::{AT, DIALECT},
        problem::{Flaw, Problem, ProblemKind, RequestLocation, shorten},
        response::{JSON, Response},
    },
    inventory::{Dialect, InventoryError, Moment},
    model::{InstanceType, Kind},
};

/// The usual size of an instance in bytes of JSON.
const INSTANCE_BYTES: usize = 2 * 1024;

/// Handles `GET /rest/instance/{kind}/{name}`.
pub(in crate::http) async fn show(mut call: Call) -> Result<Response, Problem> {
    let of = instance_type(&call)?;
    let name = call.parameters.take("name")?;
    let dialect = match call.query.one(DIALECT.name)? {
        Some(word) => dialect(word)?,
        None => call.app.dialect,
    };

    if let Some(text) = call.query.one(AT.name)? {
        let moment = moment(AT.name, text)?;
        return show_at(&call, of, name, moment).await;
    }
    let inventory = call.inventory();
    // Within the job: writing and hashing a long instance takes time too.
    let show = move || -> Result<_, Problem> {
        let kind = match of {
            InstanceType::Kind(kind) => kind,
            InstanceType::Exact { .. } | InstanceType::Node => {
                kind_of_instance(&inventory, &of, &name)?
            }
        };
        Ok(inventory.instance(kind, &name, dialect, |shown| {
            let mut body = Vec::with_capacity(INSTANCE_BYTES);
            json::write_object(&mut body, shown.properties);
            body.push(b'\n');
            (ETag::of_version(shown.version, &body), body)
        })?)
    };
    let (etag, body) = call.app.blocking.run(Lane::Quick, show).await??;

    versioned(&call.headers, &etag, JSON, body)
}

/// Responds with an instance as it was at an earlier moment.
async fn show_at(
    call: &Call,
    of: InstanceType,
    name: String,
    moment: Moment,
) -> Result<Response, Problem> {
    let inventory = call.inventory();
    let show = move || -> Result<_, Problem> {
        let mut shown = None;
        // The instance can be deleted or of another type now, so each kind of the type is tried.
        for kind in of.kinds() {
            let read = inventory.instance_at(*kind, &name, moment, |shown| {
                let mut body = Vec::with_capacity(INSTANCE_BYTES);
                json::write_object(&mut body, shown.properties);
                body.push(b'\n');
                (ETag::of_version(shown.version, &body), body)
            });
            let is_other_kind = matches!(read, Err(InventoryError::NotFound { .. }));
            shown = Some(read);
            if !is_other_kind {
                break;
            }
        }
        let not_found = || InventoryError::NotFound { kind: of.kinds()[0], name: name.clone() };
        Ok(shown.unwrap_or_else(|| Err(not_found()))?)
    };
    let (etag, body) = call.app.blocking.run(Lane::Quick, show).await??;
    versioned(&call.headers, &etag, JSON, body)
}

/// Reads the word of a dialect.
///
/// # Errors
/// 400 with the known words.
fn dialect(word: &str) -> Result<Dialect, Problem> {
    let known = Dialect::ALL.into_iter().find(|dialect| dialect.as_str() == word);
    known.ok_or_else(|| {
        let detail = format!("“dialect” is “satchel” or “enms”, not “{}”.", shorten(word));
        let location = RequestLocation::QueryParameter(DIALECT.name.to_owned());
        Problem::new(ProblemKind::MalformedRequest, &*detail)
            .with_flaw(Flaw::new(location, &*detail))
    })
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
    let of = instance_type(&call)?;
    let name = call.parameters.take("name")?;
    let expected = expected_version(&call.headers)?;
    let origin = call.origin()?;

    let inventory = call.inventory();
    let delete = move || -> Result<_, Problem> {
        let kind = match of {
            InstanceType::Kind(kind) => kind,
            InstanceType::Exact { .. } | InstanceType::Node => {
                kind_of_instance(&inventory, &of, &name)?
            }
        };
        Ok(inventory.delete(kind, &name, &origin, &expected)?)
    };
    let report = call.app.blocking.run(Lane::Change, delete).await??;

    let deleted = Deleted { deleted: named(&report.deleted), struck: named(&report.dereferenced) };
    json_response::json(StatusCode::OK, &deleted)
}

/// Returns records for a response.
pub(super) fn named(records: &[(Kind, String)]) -> Vec<Named<'_>> {
    records.iter().map(|(kind, name)| Named { r#type: *kind, name }).collect()
}
