//! The handlers of the inventory: instances, lists, queries, search, configurations, pools, counts.

pub(in crate::http) mod change;
pub(in crate::http) mod configuration;
pub(in crate::http) mod delete;
pub(in crate::http) mod instance;
pub(in crate::http) mod pools;
pub(in crate::http) mod query;
pub(in crate::http::handlers) mod rows;
pub(in crate::http) mod search;
mod search_body;

use hyper::{
    StatusCode,
    header::{ETAG, HeaderMap, HeaderName, HeaderValue},
};

use crate::{
    http::{
        call::Call,
        conditional::{ETag, Freshness, Precondition, freshness, precondition},
        problem::{Problem, ProblemKind, shorten},
        response::{self, Response},
    },
    inventory::{ExpectedVersion, Inventory, InventoryError},
    model::{InstanceType, Kind},
};

/// The total number of instances, for a response with a page of them.
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// The number of all instances of the kind, also those that do not match the criteria of a search.
const X_KIND_COUNT: HeaderName = HeaderName::from_static("x-kind-count");

/// Returns the type that the path names: a kind, an exact type such as `router`, or `node`.
///
/// # Errors
/// 404 with the nearest kind.
fn instance_type(call: &Call) -> Result<InstanceType, Problem> {
    let word = call.parameters.get("kind")?;
    word.parse().map_err(|error| Problem::unknown_kind(&error, "kind"))
}

/// Finds the kind of the instance `name` among the kinds of a type. Blocks.
///
/// # Errors
/// 404 if there is no such instance, or if it has another exact type.
fn kind_of_instance(inventory: &Inventory, of: &InstanceType, name: &str) -> Result<Kind, Problem> {
    let kinds = of.kinds();
    let found = kinds.iter().find_map(|kind| match inventory.exact_type(*kind, name) {
        Ok(None) => None,
        Ok(Some(stored)) => Some(Ok((*kind, stored))),
        Err(error) => Some(Err(error)),
    });
    match (found.transpose()?, of.exact()) {
        (Some((kind, stored)), Some(exact)) if stored != exact => {
            let detail = format!(
                "There is no {exact} “{}”: the {kind} of this name has the type “{}”.",
                shorten(name),
                shorten(&stored)
            );
            Err(Problem::new(ProblemKind::UnknownInstance, detail))
        }
        (Some((kind, _)), _) => Ok(kind),
        (None, _) => {
            let kind = kinds[0];
            Err(InventoryError::NotFound { kind, name: name.to_owned() }.into())
        }
    }
}

/// Returns a response with its ETag, or 304 if the client has the current version.
///
/// # Errors
/// 412 if a condition of the request does not hold.
fn versioned(
    headers: &HeaderMap,
    etag: &ETag,
    media_type: HeaderValue,
    body: Vec<u8>,
) -> Result<Response, Problem> {
    let mut response = match freshness(headers, etag, None)? {
        Freshness::NotModified => response::empty(StatusCode::NOT_MODIFIED),
        Freshness::Modified => response::whole(StatusCode::OK, media_type, body),
    };
    response.headers_mut().insert(ETAG, etag.into());
    Ok(response)
}

/// Returns the version that a change expects, from the conditions of its request.
///
/// # Errors
/// 400 for conditions that contradict each other, or that changes do not support.
fn expected_version(headers: &HeaderMap) -> Result<ExpectedVersion, Problem> {
    Ok(match precondition(headers)? {
        Precondition::None => ExpectedVersion::Any,
        Precondition::Absent => ExpectedVersion::Absent,
        Precondition::Present => ExpectedVersion::Exists,
        Precondition::Versions(versions) => ExpectedVersion::OneOf(versions),
    })
}
