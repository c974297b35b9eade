//! Responses with instances: a list, a query or a search of the inventory as a stream of rows.

use std::ops::ControlFlow;

use crate::{
    http::{
        accept::RowFormat,
        app::App,
        call::Call,
        problem::Problem,
        row_stream::{self, ErrorHandling, RowResponse, RowSink, StreamUser},
    },
    inventory::{ClientPresence, Flow, Inventory, InventoryError, RowSink as InventoryRowSink},
};

/// A read of the inventory that produces rows.
pub(super) type InventoryRead<T> =
    Box<dyn FnOnce(&mut InventoryRowSink<'_>) -> Result<T, InventoryError> + Send + 'static>;

/// The client of a request. If it leaves before the response begins, its search ends.
pub(super) struct Client {
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
    pub(super) fn of(call: &Call) -> Result<(Self, Inventory), Problem> {
        let user = call.caller.require_principal()?.name.clone();
        let presence = ClientPresence::default();
        let inventory = call.inventory().for_client(presence.clone());
        Ok((Self { user, presence, waiting: Waiting::Yes }, inventory))
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
    mut client: Client,
    format: RowFormat,
    read: InventoryRead<T>,
    problem: Box<dyn FnOnce(InventoryError) -> Problem + Send>,
) -> Result<RowResponse<T>, Problem> {
    let job = move |sink: &mut RowSink<'_>| {
        read(&mut |shown| match sink(shown.properties) {
            ControlFlow::Continue(()) => Flow::Continue,
            ControlFlow::Break(()) => Flow::Stop,
        })
    };
    let inventory = app.inventory.clone();
    // The pipeline counts the damage of problems; an error after the head is not a problem.
    let on_cut_off = move |error: &InventoryError| {
        if let InventoryError::Store(error) = error
            && let Some(damage) = error.damage()
        {
            inventory.note_damage(damage);
        }
    };
    let errors = ErrorHandling { problem, on_cut_off: Box::new(on_cut_off) };
    let place = app.search_places.place(&client.user).await?;
    let user = StreamUser { places: app.streams.clone(), name: client.user.clone() };
    let job = Box::new(job);
    let responded = row_stream::respond(&app.blocking, user, format, place, job, errors).await;
    // A stream notices by itself if its client leaves.
    client.waiting = Waiting::No;
    responded
}
