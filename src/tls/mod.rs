//! TLS: the certificate of the server, its fingerprint, and the handshake of both sides.
//!
//! - [`CertificateFiles`] are the site's own certificate and key, or a self-signed pair in the data
//!   directory.
//! - [`ServerTls`] makes the server's side of a connection, and loads changed files again.
//! - [`client_config`] is the client's side, and [`ServerCheck`] decides about a server's certificate.
//! - [`http_agent`] is an HTTP client with such a check.
//! - [`ClientStream`] is a connection of a client, for a thread that can wait.
//! - [`CertificateDetails`] are the end of a certificate and the name of its subject.
//! - [`Fingerprint`] is the SHA-256 of a certificate, by which people compare it.
//!
//! rustls with ring, TLS 1.2 and 1.3. Only this module and `cli` name rustls.

mod blocking;
mod certificate;
mod client;
mod details;
mod error;
mod fingerprint;
mod http_client;
mod server;

pub use blocking::ClientStream;
pub use certificate::CertificateFiles;
pub use client::{ServerCheck, client_config};
pub use details::CertificateDetails;
pub use error::TlsError;
pub use fingerprint::Fingerprint;
pub use http_client::{host, http_agent, server_name};
pub use server::{HttpVersion, ServerTls, TlsStream, client_name, http_version};
