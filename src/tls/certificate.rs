//! The files of a certificate and its key.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use time::{Duration, OffsetDateTime};

use super::{Fingerprint, TlsError};
use crate::disk::{create_directory_durably, write_private_file};

/// The days for which a self-signed certificate is valid: ten years. Nobody checks who signed it, so a
/// short time would only break the clients that pin it.
const SELF_SIGNED_DAYS: i64 = 3650;

/// A self-signed certificate is valid from this many days ago, for clients whose clock is late.
const BACKDATED_DAYS: i64 = 1;

/// The organisation in a self-signed certificate.
const ORGANISATION: &str = "Satchel, self-signed";

/// A certificate with the certificates of its authorities, and its key: two PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, followed by those of its authorities.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The times and lengths of both files, by which a change is noticed.
pub(super) type FileState = [Option<(SystemTime, u64)>; 2];

impl CertificateFiles {
    /// The files of the self-signed certificate in a folder, which need not exist.
    pub fn in_folder(folder: &Path) -> Self {
        Self { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") }
    }

    /// Returns the self-signed certificate in a folder. Makes it for these names and addresses if it is
    /// missing. Only the owner can read the files.
    ///
    /// # Errors
    /// [`TlsError::SelfSigned`] if it cannot be made, [`TlsError::File`] if it cannot be kept.
    pub fn self_signed(
        folder: &Path,
        names: &[String],
        addresses: &[IpAddr],
    ) -> Result<Self, TlsError> {
        let files = Self::in_folder(folder);
        let kept = |path: &Path| {
            let failed = |source| TlsError::File { path: path.to_owned(), source };
            path.try_exists().map_err(failed)
        };
        // The certificate is written last.
        if kept(&files.certificate)? {
            return Ok(files);
        }
        let made = make(names, addresses).map_err(TlsError::SelfSigned)?;
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| TlsError::File { path, source }
        };
        create_directory_durably(folder).map_err(failed(folder))?;
        for (path, text) in [(&files.key, &*made.key), (&files.certificate, &made.certificate)] {
            write_private_file(path, &path.with_extension("new"), text.as_bytes())
                .map_err(failed(path))?;
        }
        Ok(files)
    }

    /// Returns the fingerprint of the certificate.
    ///
    /// # Errors
    /// [`TlsError::Unreadable`], [`TlsError::NoCertificate`].
    pub fn fingerprint(&self) -> Result<Fingerprint, TlsError> {
        Ok(Fingerprint::of(&read_certificates(&self.certificate)?[0]))
    }

    /// Reads both files.
    ///
    /// # Errors
    /// [`TlsError::Unreadable`], [`TlsError::NoCertificate`], [`TlsError::Unusable`].
    pub(super) fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let chain = read_certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|source| TlsError::Unreadable { path: self.key.clone(), source })?;
        CertifiedKey::from_der(chain, key, provider).map_err(|source| {
            let Self { certificate, key } = self.clone();
            TlsError::Unusable { certificate, key, source }
        })
    }

    pub(super) fn state(&self) -> FileState {
        [&self.certificate, &self.key].map(|path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

/// Reads the certificates in a PEM file; at least one.
///
/// # Errors
/// [`TlsError::Unreadable`], [`TlsError::NoCertificate`].
pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { path: path.to_owned(), source };
    let read = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let certificates: Vec<_> = read.collect::<Result<_, _>>().map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(certificates)
}

/// A certificate and its key, in PEM.
struct Made {
    certificate: String,
    key: zeroize::Zeroizing<String>,
}

/// Makes a key (ECDSA, P-256) and signs its certificate with it. It is the certificate of a server, and
/// not of an authority, so that clients can trust it without trusting others that it signs.
fn make(names: &[String], addresses: &[IpAddr]) -> Result<Made, rcgen::Error> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    let common_name = names.first().map_or("satchel", String::as_str);
    subject.push(DnType::CommonName, common_name);
    subject.push(DnType::OrganizationName, ORGANISATION);
    params.distinguished_name = subject;
    for name in names {
        // A host name that is not ASCII has no form in a certificate.
        if let Ok(name) = name.clone().try_into() {
            params.subject_alt_names.push(SanType::DnsName(name));
        }
    }
    params.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(BACKDATED_DAYS);
    params.not_after = now + Duration::days(SELF_SIGNED_DAYS);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    Ok(Made { certificate, key: zeroize::Zeroizing::new(key.serialize_pem()) })
}
