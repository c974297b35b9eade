//! The listener: accepts connections until a stop signal, then waits for them to end.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use super::{
    app::App,
    connection,
    connection_state::{ConnectionState, Transport},
    pipeline::Server,
    router::Router,
    routes::endpoints,
};
use crate::tls::ServerTls;

/// The wait after an `accept` that failed because descriptors or memory ran out. Without it the
/// loop would spin until a connection ends.
const ACCEPT_RETRY_WAIT: Duration = Duration::from_millis(100);

/// A socket on which the server listens.
pub struct Listener {
    /// The socket.
    pub tcp: TcpListener,
    /// The certificate. `None` for plain HTTP.
    pub tls: Option<ServerTls>,
}

/// The way in which a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request has its response, and every job has ended.
    Complete,
    /// Some requests or jobs had not ended within the limit.
    DeadlinePassed,
}

/// Serves connections until `stop` is done. Then it accepts no more, and waits for the requests
/// and jobs in progress, at most as long as the limits allow.
pub async fn listen(
    app: Arc<App>,
    listeners: Vec<Listener>,
    stop: impl Future<Output = ()>,
) -> Drained {
    let server = Arc::new(Server { app, router: Router::new(endpoints()) });
    let stopped = server.app.stopping.subscribe();
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(server.clone(), listener, stopped.clone()));
    }
    stop.await;
    accepting.shutdown().await;

    let app = &server.app;
    let deadline = Instant::now() + app.limits.shutdown_wait;
    app.stopping.send_replace(true);
    let all = async {
        app.connections.drained().await;
        app.blocking.drain().await;
    };
    match timeout_at(deadline, all).await {
        Ok(()) => Drained::Complete,
        Err(_) => Drained::DeadlinePassed,
    }
}

/// Accepts connections and serves each in a task. Never returns.
async fn accept(server: Arc<Server>, listener: Listener, stopped: watch::Receiver<bool>) {
    let Listener { tcp: listener, tls } = listener;
    loop {
        let (tcp, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if concerns_one_client(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "Cannot accept a connection.");
                sleep(ACCEPT_RETRY_WAIT).await;
                continue;
            }
        };
        let transport = if tls.is_some() { Transport::Tls } else { Transport::Plain };
        let state = Arc::new(ConnectionState::new(peer, transport));
        let (server, tls, stopped) = (server.clone(), tls.clone(), stopped.clone());
        tokio::spawn(async move {
            match server.app.connections.place(&state).await {
                Ok(_place) => {
                    let _counted = server.app.metrics.connection();
                    connection::serve(server, tcp, tls, state, stopped).await;
                }
                Err(no_place) => server.app.connections.note_refusal(peer, no_place),
            }
        });
    }
}

/// Returns whether only one client is concerned, which disconnected before it was accepted.
fn concerns_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
