//! Responses with instances: a list, a query or a search of the inventory as a stream of rows.

use std::ops::ControlFlow;

use crate::{
    http::{
        accept::RowFormat,
        app::App,
        problem::Problem,
        row_stream::{self, ErrorHandling, RowResponse, RowSink},
    },
    inventory::{Flow, InventoryError, RowSink as InventoryRowSink},
};

/// A read of the inventory that produces rows.
pub(super) type InventoryRead<T> =
    Box<dyn FnOnce(&mut InventoryRowSink<'_>) -> Result<T, InventoryError> + Send + 'static>;

/// Returns a response with the rows of `read`. `problem` converts its error.
///
/// # Errors
/// As [`row_stream::respond`].
pub(super) async fn respond<T: Send + 'static>(
    app: &App,
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
    row_stream::respond(&app.blocking, format, Box::new(job), errors).await
}
