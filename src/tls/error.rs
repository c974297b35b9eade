//! The errors of certificates and keys.

use std::{io, path::PathBuf};

/// The reason why TLS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is not PEM.
    #[error("reading {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: rustls::pki_types::pem::Error,
    },
    /// A file contains no certificate.
    #[error("{} contains no certificate in PEM", .0.display())]
    NoCertificate(PathBuf),
    /// The key does not belong to the certificate, or its algorithm is not supported.
    #[error("using the certificate {} with the key {}", .certificate.display(), .key.display())]
    Unusable {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// The reason.
        source: rustls::Error,
    },
    /// A self-signed certificate cannot be made.
    #[error("making a self-signed certificate")]
    SelfSigned(#[source] rcgen::Error),
    /// A file of the self-signed certificate cannot be looked up or written.
    #[error("keeping {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// rustls refuses the settings.
    #[error("setting up TLS")]
    Setup(#[source] rustls::Error),
}
