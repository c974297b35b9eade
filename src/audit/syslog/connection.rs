//! The connection to the collector.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    path::PathBuf,
    time::Duration,
};

use super::target::{SyslogTarget, Transport};
use crate::tls::{ClientStream, ServerCheck, TlsError, client_config};

/// The longest time for a connection, a handshake and a write.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The reason why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    /// The name of the host is unknown, or nothing listens there.
    #[error("connecting to {0}")]
    Connect(String, #[source] io::Error),
    /// The certificate of the authority cannot be used.
    #[error("setting up TLS for {0}")]
    Tls(String, #[source] Box<TlsError>),
    /// The connection ended.
    #[error("sending to {0}")]
    Send(String, #[source] io::Error),
}

/// An open connection.
pub(super) enum Connection {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<ClientStream>),
}

impl Connection {
    /// Connects. `authority` is the PEM file of the collector's certificate or authority.
    pub(super) fn open(
        target: &SyslogTarget,
        authority: Option<&PathBuf>,
    ) -> Result<Self, ConnectionError> {
        let failed = |error| ConnectionError::Connect(target.to_string(), error);
        let addresses = (&*target.host, target.port).to_socket_addrs().map_err(failed)?;
        let mut last = io::Error::new(ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            let opened = match target.transport {
                Transport::Udp => udp(address).map(Self::Udp),
                Transport::Tcp | Transport::Tls => tcp(address).map(Self::Tcp),
            };
            match (opened, target.transport) {
                (Ok(Self::Tcp(stream)), Transport::Tls) => {
                    return encrypted(target, authority, stream);
                }
                (Ok(connection), _) => return Ok(connection),
                (Err(error), _) => last = error,
            }
        }
        Err(failed(last))
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The connection must not be used any more, except over UDP.
    pub(super) fn send(&mut self, message: &str) -> io::Result<()> {
        // Octet counting (RFC 6587, 3.4.1; RFC 5425, 4.3).
        let framed = || format!("{} {message}", message.len());
        match self {
            Self::Udp(socket) => socket.send(message.as_bytes()).map(drop),
            Self::Tcp(stream) => {
                require_open(stream, TcpStream::set_nonblocking)?;
                stream.write_all(framed().as_bytes())
            }
            Self::Tls(stream) => {
                require_open(&mut **stream, ClientStream::set_nonblocking)?;
                stream.write_all(framed().as_bytes())?;
                stream.flush()
            }
        }
    }

    /// Returns whether a failed message is lost, instead of being sent again on a new connection.
    pub(super) fn is_datagram(&self) -> bool {
        matches!(self, Self::Udp(_))
    }
}

fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let own = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(own)?;
    socket.connect(address)?;
    Ok(socket)
}

fn tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, WAIT_MAX)?;
    stream.set_write_timeout(Some(WAIT_MAX))?;
    stream.set_read_timeout(Some(WAIT_MAX))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn encrypted(
    target: &SyslogTarget,
    authority: Option<&PathBuf>,
    stream: TcpStream,
) -> Result<Connection, ConnectionError> {
    let refused = |error| ConnectionError::Tls(target.to_string(), Box::new(error));
    let authority = authority.ok_or_else(|| {
        let missing = io::Error::new(ErrorKind::InvalidInput, "syslog_ca is not set");
        ConnectionError::Connect(target.to_string(), missing)
    })?;
    let check = ServerCheck::listed(authority).map_err(refused)?;
    let config = client_config(&check).map_err(refused)?;
    let connected = ClientStream::connect(config, &target.host, stream);
    let connected =
        connected.map_err(|error| ConnectionError::Connect(target.to_string(), error))?;
    Ok(Connection::Tls(Box::new(connected)))
}

/// Fails if the collector has closed the connection: the first write after that would succeed, and its
/// message would be lost.
fn require_open<S: Read>(
    stream: &mut S,
    set_nonblocking: impl Fn(&S, bool) -> io::Result<()>,
) -> io::Result<()> {
    set_nonblocking(stream, true)?;
    let mut ignored = [0; 1024];
    let read = stream.read(&mut ignored);
    set_nonblocking(stream, false)?;
    match read {
        Ok(0) => Err(ErrorKind::ConnectionReset.into()),
        // A collector has nothing to say.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
    }
}
