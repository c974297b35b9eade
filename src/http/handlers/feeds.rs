//! The handlers of feeds.

use std::ops::ControlFlow;

use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, ETAG, HeaderValue},
};

use super::inventory::rows::{self, Client};
use crate::{
    feeds::{Discard, FeedError, FeedList, FeedRequest, Form, Output, feed, write},
    http::{
        blocking::Lane,
        call::Call,
        chunk_stream::{ChunkJob, ChunkSink},
        conditional::{ETag, Freshness, Hash, freshness},
        json_response,
        problem::Problem,
        response::{self, JSON, Response},
    },
    inventory::{Flow, Inventory, InventoryError},
};

/// A client must ask before it uses a stored feed again, and no proxy may give it to another user.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Handles `GET /feeds`.
pub(in crate::http) async fn list(_call: Call) -> Result<Response, Problem> {
    json_response::json(StatusCode::OK, &FeedList::new())
}

/// Handles `GET /feeds/{feed}`.
pub(in crate::http) async fn show(call: Call) -> Result<Response, Problem> {
    let request = request(&call)?;
    respond(call, request).await
}

/// Handles `GET /feeds/{feed}/{host}`.
pub(in crate::http) async fn show_host(call: Call) -> Result<Response, Problem> {
    let request = request(&call)?.of_host(call.parameters.get("host")?.to_owned())?;
    respond(call, request).await
}

/// Parses the feed and its parameters.
fn request(call: &Call) -> Result<FeedRequest, Problem> {
    let feed = feed(call.parameters.get("feed")?)?;
    Ok(FeedRequest::parse(feed, call.query.pairs().to_vec())?)
}

async fn respond(call: Call, request: FeedRequest) -> Result<Response, Problem> {
    let inventory = call.inventory();
    // The version is read before the feed. A change in between makes the ETag too old, never too new.
    let version = call.app.blocking.run(Lane::Quick, move || inventory.version()).await??;
    let etag = etag(&call, version)?;
    let mut response = match freshness(&call.headers, &etag, None)? {
        Freshness::NotModified => response::empty(StatusCode::NOT_MODIFIED),
        Freshness::Modified => send(call, request).await?,
    };
    response.headers_mut().insert(ETAG, (&etag).into());
    response.headers_mut().insert(CACHE_CONTROL, REVALIDATE);
    Ok(response)
}

/// Returns the ETag of all feeds of a caller: the version of the inventory, and a hash of the rest on
/// which a feed depends: the records that the caller can read, and the version of this program.
fn etag(call: &Call, version: u64) -> Result<ETag, Problem> {
    let principal = call.caller.require_principal()?;
    let rights = principal.grants.records.fingerprint();
    let hashed = format!("{}\n{rights}", env!("CARGO_PKG_VERSION"));
    Ok(ETag::of_hash(version, Hash::of(hashed.as_bytes())))
}

async fn send(call: Call, request: FeedRequest) -> Result<Response, Problem> {
    let (client, inventory) = Client::of(&call)?;
    let media_type = match request.form() {
        Form::Feed => HeaderValue::from_static(request.media_type()),
        Form::Report => JSON,
    };
    let problem_request = request.clone();
    let problem = Box::new(move |error| Problem::of_feed(error, &problem_request));
    let job = job(inventory, request);
    rows::respond_chunks(&call.app, client, media_type, job, problem, inventory_error).await
}

fn inventory_error(error: &FeedError) -> Option<&InventoryError> {
    match error {
        FeedError::Inventory(error) => Some(error),
        _ => None,
    }
}

/// Returns the job that writes the feed or its report.
fn job(inventory: Inventory, request: FeedRequest) -> ChunkJob<(), FeedError> {
    Box::new(move |sink| {
        match request.form() {
            Form::Feed => {
                write(&inventory, &request, &mut SinkOutput(sink))?;
            }
            Form::Report => {
                let report = write(&inventory, &request, &mut Discard::default())?;
                report.write_json(sink.bytes());
            }
        }
        Ok(())
    })
}

/// The buffer of a response as the output of a feed.
struct SinkOutput<'s>(&'s mut dyn ChunkSink);

impl Output for SinkOutput<'_> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        self.0.bytes()
    }

    fn checkpoint(&mut self) -> Flow {
        match self.0.checkpoint() {
            ControlFlow::Continue(()) => Flow::Continue,
            ControlFlow::Break(()) => Flow::Stop,
        }
    }
}
