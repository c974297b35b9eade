//! One connection: hyper on a socket, until the client or the server closes it.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    connection_state::ConnectionState,
    http2,
    limits::HEADERS_MAX,
    pipeline::{Server, respond},
    plain_http,
    timeout_stream::TimeoutStream,
};
use crate::tls::{HttpVersion, ServerTls, client_name, http_version};

/// The size limit of a request line with its headers, and of the part of a body that is read
/// ahead, in bytes. hyper answers a longer head with 431, a longer path with 414. Browsers and
/// proxies stay below 16 KB.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The time for which a connection without a request in progress stays open when the server stops:
/// time to send the last bytes of a response. hyper closes idle connections itself, but waits for
/// the rest of a head whose first bytes have arrived.
const IDLE_WAIT: Duration = Duration::from_millis(500);

/// Serves one connection until it is closed, with TLS if there is a certificate. After `stopping`
/// becomes true, the connection accepts no new request.
pub(super) async fn serve(
    server: Arc<Server>,
    tcp: TcpStream,
    tls: Option<ServerTls>,
    state: Arc<ConnectionState>,
    stopping: watch::Receiver<bool>,
) {
    tokio::select! {
        () = serve_requests(server, tcp, tls, state.clone(), stopping) => {}
        () = state.given_up() => {
            tracing::debug!(peer = %state.peer, "Closed an idle connection to make place.");
        }
    }
}

async fn serve_requests(
    server: Arc<Server>,
    tcp: TcpStream,
    tls: Option<ServerTls>,
    state: Arc<ConnectionState>,
    stopping: watch::Receiver<bool>,
) {
    let peer = state.peer;
    // Responses are written in large pieces; Nagle's algorithm would only delay their last
    // packets.
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%peer, %error, "Cannot set TCP_NODELAY.");
    }
    let limits = &server.app.limits;
    let (head_wait, write_wait) = (limits.head_wait, limits.write_wait);
    let Some(tls) = tls else {
        let stream = TimeoutStream::new(tcp, state.clone(), write_wait);
        return serve_http1(server, state, stream, stopping).await;
    };
    let handshake = async {
        if plain_http::is_plain_http(&tcp).await? {
            plain_http::refuse(tcp).await?;
            return Ok(None);
        }
        tls.accept(TimeoutStream::new(tcp, state.clone(), write_wait)).await.map(Some)
    };
    let mut stopping_meanwhile = stopping.clone();
    // A client that does not finish the handshake is an idle one.
    let handshake = tokio::select! {
        handshake = timeout(head_wait, handshake) => handshake,
        _ = stopping_meanwhile.changed() => return,
    };
    match handshake {
        Ok(Ok(None)) => tracing::debug!(%peer, "The client does not use TLS."),
        Ok(Ok(Some(stream))) => {
            if let Some(name) = client_name(&stream) {
                state.set_client_name(name);
            }
            match http_version(&stream) {
                HttpVersion::Http1 => serve_http1(server, state, stream, stopping).await,
                HttpVersion::Http2 => serve_http2(server, state, stream, stopping).await,
            }
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "The TLS handshake failed."),
        Err(_) => tracing::debug!(%peer, "The TLS handshake took too long."),
    }
}

/// Serves the requests of one connection, one after the other.
async fn serve_http1(
    server: Arc<Server>,
    state: Arc<ConnectionState>,
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    stopping: watch::Receiver<bool>,
) {
    let head_wait = server.app.limits.head_wait;
    let service = service_fn({
        let state = state.clone();
        move |request| {
            let (server, state) = (server.clone(), state.clone());
            async move { Ok::<_, Infallible>(respond(server, state, request).await) }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_wait)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    drive(&state, pin!(connection), stopping, std::future::pending()).await;
}

/// Serves the requests of one connection, several at the same time.
async fn serve_http2(
    server: Arc<Server>,
    state: Arc<ConnectionState>,
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    stopping: watch::Receiver<bool>,
) {
    let head_wait = server.app.limits.head_wait;
    let builder = http2::builder(&server.app.limits);
    let service = service_fn({
        let state = state.clone();
        move |request: hyper::Request<Incoming>| {
            let (server, state) = (server.clone(), state.clone());
            async move {
                let method = request.method().clone();
                let response = respond(server, state, request).await;
                Ok::<_, Infallible>(http2::pace(response, &method))
            }
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let is_over = http2::idle_for(&state, head_wait);
    tokio::select! {
        () = drive(&state, connection.as_mut(), stopping, is_over) => {}
        () = state.too_many_abandoned() => {
            tracing::debug!(peer = %state.peer, "The client abandoned too many requests.");
        }
    }
}

/// Drives a connection until it is closed. It accepts no new request after `stopping` changes, or after
/// `is_over`.
async fn drive<C>(
    state: &ConnectionState,
    mut connection: Pin<&mut C>,
    mut stopping: watch::Receiver<bool>,
    is_over: impl Future<Output = ()>,
) where
    C: GracefulConnection<Error = hyper::Error>,
{
    let must_stop = async {
        tokio::select! {
            _ = stopping.changed() => {}
            () = is_over => {}
        }
    };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = must_stop => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = &mut connection => ended,
                () = idle(state) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        // Clients disconnect and send malformed requests; the server has nothing to report.
        tracing::debug!(peer = %state.peer, error = &error as &dyn std::error::Error, "The \
            connection ended early.");
    }
}

/// Waits until the connection is idle at the end of an [`IDLE_WAIT`].
async fn idle(state: &ConnectionState) {
    loop {
        sleep(IDLE_WAIT).await;
        if state.is_idle() {
            return;
        }
    }
}
