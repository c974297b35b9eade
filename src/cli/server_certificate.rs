//! The certificate that a server shows.

use std::{net::TcpStream, time::Duration};

use anyhow::{Context, anyhow, bail};
use rustls::ClientConnection;
use ureq::http::Uri;

use super::server_address::{host, server_name};
use crate::tls::{Fingerprint, ServerCheck, client_config};

/// The maximum time to connect, and for each answer of the server.
const WAIT_MAX: Duration = Duration::from_secs(20);

const HTTPS_PORT: u16 = 443;

/// Asks a server for its certificate, and returns the fingerprint. Sends it nothing else.
///
/// # Errors
/// The address has another scheme or no host, the server cannot be reached, or it does not use TLS.
pub(super) fn shown_fingerprint(server: &Uri) -> anyhow::Result<Fingerprint> {
    if server.scheme_str() != Some("https") {
        bail!("The address of the server must begin with https://");
    }
    let host = host(server);
    let port = server.port_u16().unwrap_or(HTTPS_PORT);
    let name = server_name(server).context("The host is not a name or address")?;
    let failed = || format!("Cannot connect to {server}");
    let mut socket = TcpStream::connect((host, port)).with_context(failed)?;
    socket.set_read_timeout(Some(WAIT_MAX)).with_context(failed)?;
    socket.set_write_timeout(Some(WAIT_MAX)).with_context(failed)?;
    let check = ServerCheck::any();
    let mut connection = ClientConnection::new(client_config(&check)?, name)?;
    let handshake = connection.complete_io(&mut socket);
    match (check.met(), handshake) {
        (Some(fingerprint), Ok(_)) => Ok(fingerprint),
        (_, Err(error)) => {
            Err(error).context("The TLS handshake failed. Does the server use https?")
        }
        (None, Ok(_)) => Err(anyhow!("The server sent no certificate")),
    }
}
