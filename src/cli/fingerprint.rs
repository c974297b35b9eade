//! `satchel fingerprint`: prints the SHA-256 of a server's certificate.

use std::{net::TcpStream, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use rustls::ClientConnection;
use ureq::http::Uri;

use super::{
    output::print,
    server_address::{host, server_name},
};
use crate::{
    store::tls_folder,
    tls::{CertificateFiles, Fingerprint, ServerCheck, client_config},
};

/// The maximum time to connect, and for each answer of the server.
const WAIT_MAX: Duration = Duration::from_secs(20);

const HTTPS_PORT: u16 = 443;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel fingerprint --data /var/lib/satchel
      prints the fingerprint of the self-signed certificate, on the server's machine
  satchel fingerprint --server https://satchel.example:8443
      prints the fingerprint of the certificate that a server shows. Compare it with the one on the
      server's machine before you trust it";

/// `satchel fingerprint`
#[derive(Args, Debug)]
pub(super) struct FingerprintArgs {
    /// Data directory with a self-signed certificate
    #[arg(long, env = "SATCHEL_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,

    /// Server to ask instead: https://HOST:PORT
    #[arg(long, value_name = "URL")]
    server: Option<Uri>,

    /// PEM file of a certificate to read instead
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    certificate: Option<PathBuf>,
}

/// Prints one line.
pub(super) fn run(args: &FingerprintArgs) -> anyhow::Result<ExitCode> {
    let fingerprint = match (&args.server, &args.certificate) {
        (Some(server), _) => of_server(server)?,
        (None, Some(certificate)) => of_file(certificate.clone())?,
        (None, None) => {
            let path = CertificateFiles::in_folder(&tls_folder(&args.data)).certificate;
            if !path.exists() {
                bail!(
                    "{} does not exist. A server makes its self-signed certificate when it first \
                     listens on https:// without --tls-certificate",
                    path.display()
                );
            }
            of_file(path)?
        }
    };
    print(&format!("{fingerprint}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn of_file(certificate: PathBuf) -> anyhow::Result<Fingerprint> {
    // The key is not read.
    Ok(CertificateFiles { certificate, key: PathBuf::new() }.fingerprint()?)
}

/// Asks a server for its certificate. Sends it nothing else.
fn of_server(server: &Uri) -> anyhow::Result<Fingerprint> {
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
