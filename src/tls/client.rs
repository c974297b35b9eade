//! The client's side of TLS, for servers that no public authority vouches for.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{Fingerprint, TlsError, certificate::read_certificates};

/// Decides about the certificate of a server, and keeps its fingerprint.
#[derive(Debug)]
pub struct ServerCheck {
    trusted: Trusted,
    met: Mutex<Option<Fingerprint>>,
    provider: Arc<CryptoProvider>,
}

/// The certificates that a client accepts.
#[derive(Debug)]
enum Trusted {
    /// Every certificate, to ask for its fingerprint. No password may be sent.
    Any,
    /// The certificate with this fingerprint, whoever signed it and for whatever name.
    Pinned(Fingerprint),
    /// The certificates in a file, for whatever name, and those that they signed for the name of the
    /// server.
    Listed { certificates: Vec<CertificateDer<'static>>, signed: Arc<WebPkiServerVerifier> },
}

impl ServerCheck {
    fn new(trusted: Trusted) -> Arc<Self> {
        let provider = Arc::new(ring::default_provider());
        Arc::new(Self { trusted, met: Mutex::default(), provider })
    }

    /// Accepts every certificate, to ask for its fingerprint.
    pub fn any() -> Arc<Self> {
        Self::new(Trusted::Any)
    }

    /// Accepts the certificate with this fingerprint.
    pub fn pinned(fingerprint: Fingerprint) -> Arc<Self> {
        Self::new(Trusted::Pinned(fingerprint))
    }

    /// Accepts the certificates in a PEM file, and those that they signed. So the file can contain the
    /// certificate of an authority, or the self-signed one of the server.
    ///
    /// # Errors
    /// [`TlsError::Unreadable`], [`TlsError::NoCertificate`]; [`TlsError::Setup`] if a certificate is
    /// malformed.
    pub fn listed(path: &Path) -> Result<Arc<Self>, TlsError> {
        let certificates = read_certificates(path)?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(TlsError::Setup)?;
        }
        let provider = Arc::new(ring::default_provider());
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| TlsError::Setup(Error::General(error.to_string())))?;
        Ok(Self::new(Trusted::Listed { certificates, signed }))
    }

    /// The fingerprint of the server's certificate. `None` before a handshake.
    pub fn met(&self) -> Option<Fingerprint> {
        *self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The settings of a client that checks servers so.
///
/// # Errors
/// [`TlsError::Setup`].
pub fn client_config(check: &Arc<ServerCheck>) -> Result<Arc<ClientConfig>, TlsError> {
    let config = ClientConfig::builder_with_provider(check.provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        // rustls calls every own check dangerous, because it can accept too much.
        .dangerous()
        .with_custom_certificate_verifier(check.clone())
        .with_no_client_auth();
    Ok(Arc::new(config))
}

impl ServerCertVerifier for ServerCheck {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let met = Fingerprint::of(certificate);
        *self.met.lock().unwrap_or_else(PoisonError::into_inner) = Some(met);
        match &self.trusted {
            Trusted::Pinned(expected) if *expected != met => Err(Error::General(format!(
                "the server's certificate has the fingerprint {met} instead of {expected}"
            ))),
            Trusted::Any | Trusted::Pinned(_) => Ok(ServerCertVerified::assertion()),
            Trusted::Listed { certificates, .. } if certificates.contains(certificate) => {
                Ok(ServerCertVerified::assertion())
            }
            Trusted::Listed { signed, .. } => {
                signed.verify_server_cert(certificate, intermediates, name, ocsp, now)
            }
        }
    }

    // The signatures prove that the server has the key of the certificate.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
