//! `satchel fingerprint`: prints the SHA-256 of a server's certificate.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;
use ureq::http::Uri;

use super::{output::print, server_certificate::shown_fingerprint};
use crate::{
    store::tls_folder,
    tls::{CertificateFiles, Fingerprint},
};

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
        (Some(server), _) => shown_fingerprint(server)?,
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
