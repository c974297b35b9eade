//! The server's side of TLS.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
};
use time::{Duration as Days, OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::{
    CertificateDetails, CertificateFiles, TlsError,
    certificate::{FileState, read_certificates},
};

/// An encrypted connection, as the server sees it.
pub type TlsStream<S> = tokio_rustls::server::TlsStream<S>;

/// The time between two looks at the files of the certificate.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// A certificate that ends within this time is logged as a warning: time to get another one.
const EXPIRY_WARNING: Days = Days::days(30);

/// The time between two warnings.
const WARNING_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The versions of TLS that are offered. 1.2 is needed by old network appliances.
const VERSIONS: [&rustls::SupportedProtocolVersion; 2] =
    [&rustls::version::TLS12, &rustls::version::TLS13];

/// The names of the application protocols (RFC 7301, RFC 9113).
const HTTP_1_1: &[u8] = b"http/1.1";
const HTTP_2: &[u8] = b"h2";

/// The version of HTTP that a client and the server agreed on in the handshake (ALPN).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1, also for a client that does not name a protocol.
    Http1,
    /// HTTP/2.
    Http2,
}

/// The version of HTTP that the handshake of a connection chose.
pub fn http_version<S>(stream: &TlsStream<S>) -> HttpVersion {
    let (_, session) = stream.get_ref();
    if session.alpn_protocol() == Some(HTTP_2) { HttpVersion::Http2 } else { HttpVersion::Http1 }
}

/// The common name in the certificate with which the client logged in. `None` without a certificate, or
/// without a common name in it.
pub fn client_name<S>(stream: &TlsStream<S>) -> Option<String> {
    let (_, session) = stream.get_ref();
    CertificateDetails::of(session.peer_certificates()?.first()?)?.common_name
}

/// Makes TLS connections with the certificate of the server.
#[derive(Clone)]
pub struct ServerTls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

/// The certificate in use. Open connections keep theirs when it changes.
#[derive(Debug)]
struct Certificate {
    files: CertificateFiles,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    /// The state of the files when they were last read.
    read: Mutex<FileState>,
}

impl ServerTls {
    /// Loads the certificate. With `client_ca`, clients can send a certificate that one of the authorities in
    /// this PEM file signed. Another certificate ends the handshake.
    ///
    /// # Errors
    /// [`TlsError`] if a file cannot be read or used.
    pub fn new(files: CertificateFiles, client_ca: Option<&Path>) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        // Before the files are read: a change in between is noticed later.
        let state = files.state();
        let current = RwLock::new(Arc::new(files.load(&provider)?));
        let read = Mutex::new(state);
        let certificate =
            Arc::new(Certificate { files, provider: provider.clone(), current, read });
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&VERSIONS)
            .map_err(TlsError::Setup)?;
        let builder = match client_ca {
            Some(path) => builder.with_client_cert_verifier(client_verifier(path, provider)?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(certificate.clone());
        // A client that names none of them gets HTTP/1.1, one that names only others no connection.
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }

    /// Does the handshake with a client.
    ///
    /// # Errors
    /// The error of the connection, or of the handshake as [`io::ErrorKind::InvalidData`].
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        self.acceptor.accept(stream).await
    }

    /// Loads the files again whenever they change. Never returns. If the new files cannot be used, the
    /// server keeps the certificate that it has, and logs an error.
    pub async fn watch(&self) {
        let mut warned = None;
        loop {
            if warned.is_none_or(|warned: Instant| warned.elapsed() >= WARNING_INTERVAL) {
                warned = Some(Instant::now());
                self.certificate.warn_of_end();
            }
            tokio::time::sleep(RELOAD_INTERVAL).await;
            let certificate = self.certificate.clone();
            // The task ends with the runtime.
            let _ = tokio::task::spawn_blocking(move || certificate.reload_if_changed()).await;
        }
    }

    /// The time until which the certificate in use is valid. `None` if it cannot be read from it.
    pub fn not_after(&self) -> Option<OffsetDateTime> {
        self.certificate.not_after()
    }
}

/// Accepts clients without a certificate, and those with one that an authority in the file signed.
fn client_verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(path)? {
        roots.add(certificate).map_err(TlsError::Setup)?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| TlsError::Setup(rustls::Error::General(error.to_string())))
}

impl Certificate {
    fn not_after(&self) -> Option<OffsetDateTime> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(CertificateDetails::of(current.cert.first()?)?.not_after)
    }

    /// Warns of a certificate that has ended, or ends soon.
    fn warn_of_end(&self) {
        let Some(not_after) = self.not_after() else { return };
        if not_after - OffsetDateTime::now_utc() < EXPIRY_WARNING {
            let end = not_after.format(&Rfc3339).unwrap_or_default();
            tracing::warn!(
                "The certificate {} is valid until {end}. Clients refuse it afterwards.",
                self.files.certificate.display()
            );
        }
    }

    fn reload_if_changed(&self) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.files.state();
        if *read == state {
            return;
        }
        *read = state;
        let path = self.files.certificate.display();
        match self.files.load(&self.provider) {
            Ok(loaded) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
                tracing::info!("Loaded the changed certificate {path}.");
                self.warn_of_end();
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    "The changed certificate {path} cannot be used. The server keeps the one before."
                );
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn fingerprint(certificate: &Certificate) -> super::super::Fingerprint {
        let current = certificate.current.read().unwrap();
        super::super::Fingerprint::of(&current.cert[0])
    }

    #[test]
    fn changed_files_are_loaded_and_unusable_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let folder = folder.path().join(name);
            CertificateFiles::self_signed(&folder, &["é".to_owned(), "a.lan".to_owned()], &[])
                .unwrap()
        };
        let (files, other) = (make("one"), make("two"));
        assert_eq!(make("one").fingerprint().unwrap(), files.fingerprint().unwrap());
        let before = files.fingerprint().unwrap();
        let tls = ServerTls::new(files.clone(), None).unwrap();
        tls.certificate.reload_if_changed();
        assert_eq!(fingerprint(&tls.certificate), before);

        // The key of another certificate, then no PEM at all.
        fs::copy(&other.key, &files.key).unwrap();
        fs::File::options().append(true).open(&files.key).unwrap().set_len(0).unwrap();
        tls.certificate.reload_if_changed();
        assert_eq!(fingerprint(&tls.certificate), before);

        fs::copy(&other.key, &files.key).unwrap();
        fs::copy(&other.certificate, &files.certificate).unwrap();
        tls.certificate.reload_if_changed();
        assert_eq!(fingerprint(&tls.certificate), other.fingerprint().unwrap());
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let make =
            |name| CertificateFiles::self_signed(&folder.path().join(name), &[], &[]).unwrap();
        let mixed = CertificateFiles { key: make("two").key, ..make("one") };
        assert!(matches!(ServerTls::new(mixed, None), Err(TlsError::Unusable { .. })));
        let (mut empty, written) = (make("one"), folder.path().join("empty"));
        fs::write(&written, "").unwrap();
        empty.certificate = written;
        assert!(matches!(ServerTls::new(empty.clone(), None), Err(TlsError::NoCertificate(_))));
        let missing = CertificateFiles { certificate: folder.path().join("none"), ..empty };
        assert!(matches!(ServerTls::new(missing, None), Err(TlsError::Unreadable { .. })));
    }
}
