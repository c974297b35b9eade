//! Responses with instances: a list, a query or a search of the inventory as a stream of rows.

use std::{error::Error, ops::ControlFlow};

use hyper::header::HeaderValue;

use crate::{
    http::{
        accept::RowFormat,
        app::App,
        call::Call,
        chunk_stream::{self, ChunkJob, ChunkResponse, ErrorHandling, StreamUser},
        problem::Problem,
        response::Response,
        row_stream::{self, RowSink},
    },
    inventory::{ClientPresence, Flow, Inventory, InventoryError, RowSink as InventoryRowSink},
};

/// A read of the inventory that produces rows.
pub(super) type InventoryRead<T> =
    Box<dyn FnOnce(&mut InventoryRowSink<'_>) -> Result<T, InventoryError> + Send + 'static>;

/// The client of a request. If it leaves before the response begins, its search ends.
pub(in crate::http::handlers) struct Client {
    user: String,
    presence: ClientPresence,
    waiting: Waiting,
}

/// Whether a response is awaited.
#[derive(PartialEq)]
enum Waiting {
    Yes,
    No,
}

impl Client {
    /// The client of a call, and the inventory whose searches end when the client leaves.
    ///
    /// # Errors
    /// 401 for an anonymous caller.
    pub(in crate::http::handlers) fn of(call: &Call) -> Result<(Self, Inventory), Problem> {
        let user = call.caller.require_principal()?.name.clone();
        let presence = ClientPresence::default();
        let inventory = call.inventory().for_client(presence.clone());
        Ok((Self { user, presence, waiting: Waiting::Yes }, inventory))
    }

    fn stream_user(&self, app: &App) -> StreamUser {
        StreamUser { places: app.streams.clone(), name: self.user.clone() }
    }

    /// Leaves it to the response to notice that the client leaves.
    fn stay(mut self) {
        self.waiting = Waiting::No;
    }
}

/// hyper drops the handler, and this with it, when a client disconnects.
impl Drop for Client {
    fn drop(&mut self) {
        if self.waiting == Waiting::Yes {
            self.presence.leave();
        }
    }
}

/// Returns a response with the rows of `read`. `problem` converts its error.
///
/// # Errors
/// As [`row_stream::respond`]; 503 if too many searches of the user wait.
pub(super) async fn respond<T: Send + 'static>(
    app: &App,
    client: Client,
    format: RowFormat,
    read: InventoryRead<T>,
    problem: Box<dyn FnOnce(InventoryError) -> Problem + Send>,
) -> Result<ChunkResponse<T>, Problem> {
    let job = move |sink: &mut RowSink<'_>| {
        read(&mut |shown| match sink(shown.properties) {
            ControlFlow::Continue(()) => Flow::Continue,
            ControlFlow::Break(()) => Flow::Stop,
        })
    };
    let errors = ErrorHandling { problem, on_cut_off: on_cut_off(app, |error| Some(error)) };
    let place = app.search_places.place(&client.user).await?;
    let user = client.stream_user(app);
    let job = Box::new(job);
    let responded = row_stream::respond(&app.blocking, user, format, place, job, errors).await;
    // A stream notices by itself if its client leaves.
    client.stay();
    responded
}

/// Returns a response with the bytes of `job`. `problem` converts its error.
///
/// # Errors
/// As [`chunk_stream::respond`]; 503 if too many searches of the user wait.
pub(in crate::http::handlers) async fn respond_chunks<T, E>(
    app: &App,
    client: Client,
    media_type: HeaderValue,
    job: ChunkJob<T, E>,
    problem: Box<dyn FnOnce(E) -> Problem + Send>,
    inventory_error: fn(&E) -> Option<&InventoryError>,
) -> Result<Response, Problem>
where
    T: Send + 'static,
    E: Error + Send + 'static,
{
    let errors = ErrorHandling { problem, on_cut_off: on_cut_off(app, inventory_error) };
    let place = app.search_places.place(&client.user).await?;
    let user = client.stream_user(app);
    let responded =
        chunk_stream::respond(&app.blocking, user, media_type, place, job, errors).await;
    client.stay();
    Ok(responded?.response)
}

/// Returns the function that counts the damage of an error after the head of a response. The pipeline
/// counts the damage of problems; an error after the head is not a problem.
fn on_cut_off<E: 'static>(
    app: &App,
    inventory_error: fn(&E) -> Option<&InventoryError>,
) -> Box<dyn FnOnce(&E) + Send> {
    let inventory = app.inventory.clone();
    Box::new(move |error| {
        if let Some(InventoryError::Store(error)) = inventory_error(error)
            && let Some(damage) = error.damage()
        {
            inventory.note_damage(damage);
        }
    })
}
