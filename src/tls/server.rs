//! The server's side of TLS.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::{CertificateFiles, TlsError, certificate::FileState};

/// An encrypted connection, as the server sees it.
pub type TlsStream<S> = tokio_rustls::server::TlsStream<S>;

/// The time between two looks at the files of the certificate.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

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
    /// Loads the certificate.
    ///
    /// # Errors
    /// [`TlsError`] if a file cannot be read or used.
    pub fn new(files: CertificateFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        // Before the files are read: a change in between is noticed later.
        let state = files.state();
        let current = RwLock::new(Arc::new(files.load(&provider)?));
        let read = Mutex::new(state);
        let certificate =
            Arc::new(Certificate { files, provider: provider.clone(), current, read });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&VERSIONS)
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(certificate.clone());
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
        loop {
            tokio::time::sleep(RELOAD_INTERVAL).await;
            let certificate = self.certificate.clone();
            // The task ends with the runtime.
            let _ = tokio::task::spawn_blocking(move || certificate.reload_if_changed()).await;
        }
    }
}

impl Certificate {
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
        let tls = ServerTls::new(files.clone()).unwrap();
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
        assert!(matches!(ServerTls::new(mixed), Err(TlsError::Unusable { .. })));
        let (mut empty, written) = (make("one"), folder.path().join("empty"));
        fs::write(&written, "").unwrap();
        empty.certificate = written;
        assert!(matches!(ServerTls::new(empty.clone()), Err(TlsError::NoCertificate(_))));
        let missing = CertificateFiles { certificate: folder.path().join("none"), ..empty };
        assert!(matches!(ServerTls::new(missing), Err(TlsError::Unreadable { .. })));
    }
}
