//! The TLS of ureq with a check of its own: ureq itself only checks certificates against authorities.

use std::{
    fmt,
    io::{Read, Write},
    sync::Arc,
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use ureq::unversioned::{
    resolver::DefaultResolver,
    transport::{
        Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, LazyBuffers,
        NextTimeout, TcpConnector, Transport, TransportAdapter,
    },
};
use ureq::{Agent, config::Config, http::Uri};

use super::{ServerCheck, TlsError, client_config};

/// The host of an address: a name, or an IP address without brackets. Empty if there is none.
pub fn host(address: &Uri) -> &str {
    address.host().unwrap_or_default().trim_matches(['[', ']'])
}

/// The host as TLS sends it. `None` if it is neither a name nor an IP address.
pub fn server_name(address: &Uri) -> Option<ServerName<'static>> {
    ServerName::try_from(host(address).to_owned()).ok()
}

/// An HTTP client that checks the certificate of its server.
///
/// # Errors
/// [`TlsError::Setup`].
pub fn http_agent(config: Config, check: &Arc<ServerCheck>) -> Result<Agent, TlsError> {
    let tls = client_config(check)?;
    let connector =
        ().chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(EncryptingConnector { tls });
    Ok(Agent::with_parts(config, connector, DefaultResolver::default()))
}

/// Encrypts connections to `https` addresses.
#[derive(Debug)]
struct EncryptingConnector {
    tls: Arc<ClientConfig>,
}

impl<In: Transport> Connector<In> for EncryptingConnector {
    type Out = Either<In, EncryptedTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let name = server_name(details.uri)
            .ok_or(ureq::Error::Tls("the host is neither a name nor an address"))?;
        let mut connection = ClientConnection::new(self.tls.clone(), name)?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket)?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        let stream = StreamOwned::new(connection, socket);
        Ok(Some(Either::B(EncryptedTransport { buffers, stream })))
    }
}

/// An encrypted connection.
struct EncryptedTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl Transport for EncryptedTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let read = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for EncryptedTransport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("EncryptedTransport").finish_non_exhaustive()
    }
}
