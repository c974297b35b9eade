//! The listeners of `satchel serve`, and the certificate of those that encrypt.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use anyhow::{Context, bail};

use crate::config::{ListenAddress, ListenList, Scheme, ServeConfig};
use crate::http::Listener;
use crate::store::DataDirectory;
use crate::tls::{CertificateFiles, ServerTls};

/// The listeners of a server, and the certificate of those that encrypt.
pub(super) struct Listeners {
    pub bound: Vec<BoundListener>,
    /// `None` if no listener encrypts.
    pub tls: Option<ServerTls>,
}

/// A listener with its address. The port is the real one.
pub(super) struct BoundListener {
    listener: TcpListener,
    address: ListenAddress,
}

/// Refuses to listen without encryption for other machines, unless the settings allow it.
///
/// # Errors
/// A listener beyond localhost does not encrypt.
pub(super) fn require_encryption(config: &ServeConfig) -> anyhow::Result<()> {
    let is_readable =
        |address: &&ListenAddress| address.scheme == Scheme::Http && !address.is_loopback();
    let Some(address) = config.listen.0.iter().find(is_readable) else { return Ok(()) };
    if !config.unencrypted_passwords {
        bail!(
            "{address} is not encrypted: passwords and secrets could be read on the network. Listen on \
             https://{}, or on 127.0.0.1 behind a proxy that encrypts. If nobody else can read that \
             network, set unencrypted_passwords = true",
            address.socket
        );
    }
    tracing::warn!(
        "{address} is not encrypted (unencrypted_passwords): passwords and secrets can be read on the \
         network."
    );
    Ok(())
}

/// Binds all addresses.
///
/// # Errors
/// An address cannot be used.
pub(super) fn bind(listen: &ListenList) -> anyhow::Result<Vec<BoundListener>> {
    listen.0.iter().map(|address| bind_one(*address)).collect()
}

fn bind_one(address: ListenAddress) -> anyhow::Result<BoundListener> {
    let listener = TcpListener::bind(address.socket)
        .with_context(|| format!("Cannot listen on {}", address.socket))?;
    listener.set_nonblocking(true).context("Cannot make the listener non-blocking")?;
    let socket = listener.local_addr().context("Cannot get the address of the listener")?;
    Ok(BoundListener { listener, address: ListenAddress { socket, ..address } })
}

/// Loads the site's certificate, or the self-signed one in the data directory, which is made at the first
/// start. Logs its fingerprint. Returns `None` if no listener encrypts.
///
/// # Errors
/// The certificate, its key or the authorities of clients cannot be read, made or used.
pub(super) fn tls(
    config: &ServeConfig,
    directory: &DataDirectory,
) -> anyhow::Result<Option<ServerTls>> {
    if !config.listen.has_https() {
        if config.tls_client_ca.is_some() {
            bail!("tls_client_ca needs an address with https:// in listen");
        }
        return Ok(None);
    }
    let (files, description) = match config.certificate() {
        Some(files) => (files, "certificate"),
        None => {
            let (names, addresses) = own_names(config);
            let files = CertificateFiles::self_signed(&directory.tls(), &names, &addresses)?;
            (files, "self-signed certificate")
        }
    };
    tracing::info!("SHA-256 of the {description}: {}", files.fingerprint()?);
    Ok(Some(ServerTls::new(files, config.tls_client_ca.as_deref())?))
}

/// The names and addresses in a self-signed certificate.
fn own_names(config: &ServeConfig) -> (Vec<String>, Vec<IpAddr>) {
    let mut addresses: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for listen in &config.listen.0 {
        let address = listen.socket.ip().to_canonical();
        if !address.is_unspecified() && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    let mut names = vec![config.host(), "localhost".to_owned()];
    names.extend(config.listed_hosts().iter().filter(|name| *name != "*").cloned());
    (names, addresses)
}

impl Listeners {
    /// The URL at which commands on this machine can connect; of a listener without TLS, if there is one.
    pub(super) fn local_url(&self) -> String {
        let addresses = || self.bound.iter().map(|bound| bound.address);
        let plain = addresses().find(|address| address.scheme == Scheme::Http);
        let address = plain.or_else(|| addresses().next());
        let local = |address: ListenAddress| {
            ListenAddress { socket: local_address(address.socket), ..address }.to_string()
        };
        address.map(local).unwrap_or_default()
    }

    /// The URLs of all listeners.
    pub(super) fn urls(&self) -> Vec<String> {
        self.bound.iter().map(|bound| bound.address.to_string()).collect()
    }

    /// The URLs at which browsers on other machines can connect. A listener on all addresses gets the name
    /// of the host.
    pub(super) fn public_urls(&self, host: &str) -> Vec<String> {
        let url = |bound: &BoundListener| {
            let ListenAddress { socket, scheme } = bound.address;
            if socket.ip().is_unspecified() {
                format!("{scheme}://{host}:{}", socket.port())
            } else {
                bound.address.to_string()
            }
        };
        self.bound.iter().map(url).collect()
    }

    /// Registers the listeners with the async runtime that runs this.
    ///
    /// # Errors
    /// The runtime has no file descriptor for a listener.
    pub(super) fn register(self) -> anyhow::Result<Vec<Listener>> {
        let register = |BoundListener { listener, address }| {
            let tcp = tokio::net::TcpListener::from_std(listener);
            let tcp = tcp.context("Cannot register the listener")?;
            let tls = match address.scheme {
                Scheme::Http => None,
                Scheme::Https => self.tls.clone(),
            };
            Ok(Listener { tcp, tls })
        };
        self.bound.into_iter().map(register).collect()
    }
}

/// The address at which commands on this machine can connect to a server that listens on `address`.
fn local_address(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    address
}
