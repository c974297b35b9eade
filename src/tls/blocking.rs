//! The client's side of an encrypted connection for a thread that can wait.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::Arc,
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

/// An encrypted connection to a server.
pub struct ClientStream(StreamOwned<ClientConnection, TcpStream>);

impl ClientStream {
    /// Does the handshake. `host` is the name or the IP address that the certificate must be valid for.
    ///
    /// # Errors
    /// Any error of the connection; [`io::ErrorKind::InvalidData`] for a certificate that is not accepted.
    pub fn connect(config: Arc<ClientConfig>, host: &str, stream: TcpStream) -> io::Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self(stream))
    }

    /// Lets reads and writes fail instead of waiting, or wait again.
    ///
    /// # Errors
    /// Any error of `ioctl(2)`.
    pub fn set_nonblocking(&self, is_nonblocking: bool) -> io::Result<()> {
        self.0.sock.set_nonblocking(is_nonblocking)
    }
}

impl Read for ClientStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for ClientStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
