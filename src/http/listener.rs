//! The listener: takes connections until the server is told to stop, then sees them out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::app::App;
use super::connection;

/// What is waited after an `accept` that failed for want of something (descriptors, memory):
/// without it the loop would spin until a connection ends.
const ACCEPT_RETRY_WAIT: Duration = Duration::from_millis(100);

/// How a server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request in hand was answered and every job has ended.
    Whole,
    /// Some had not when the time was up.
    DeadlinePassed,
}

/// Serves connections until `stop` is done; then takes no more, and waits for the requests and
/// jobs in hand as long as the limits allow.
pub async fn listen(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Drained {
    let connections_max = app.limits.connections_max;
    let places = Arc::new(Semaphore::new(connections_max));
    let (stopping, stopped) = watch::channel(());
    tokio::select! {
        () = accept(&app, &listener, &places, &stopped) => {}
        () = stop => {}
    }
    drop(listener);

    let deadline = Instant::now() + app.limits.shutdown_wait;
    let _ = stopping.send(());
    let all = async {
        // All places are free when all connections have ended.
        let _ = places.acquire_many(u32::try_from(connections_max).unwrap_or(u32::MAX)).await;
        app.blocking.drain().await;
    };
    match timeout_at(deadline, all).await {
        Ok(()) => Drained::Whole,
        Err(_) => Drained::DeadlinePassed,
    }
}

/// Ends only with `places` closed, which nobody does.
async fn accept(
    app: &Arc<App>,
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    stopped: &watch::Receiver<()>,
) {
    // The place comes first: a client over the limit waits in the kernel's queue and costs
    // nothing until a connection ends.
    while let Ok(place) = places.clone().acquire_owned().await {
        let (tcp, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if concerns_one_client(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(ACCEPT_RETRY_WAIT).await;
                continue;
            }
        };
        let counted = app.metrics.connection();
        let serving = connection::serve(app.clone(), tcp, peer, stopped.clone());
        tokio::spawn(async move {
            serving.await;
            drop((place, counted));
        });
    }
}

/// A client that left before it was accepted.
fn concerns_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
