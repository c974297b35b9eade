//! The TCP stream of a connection, with a timeout for clients that read too slowly.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use super::connection_state::ConnectionState;

/// The bytes of a response that a client must read within each write timeout: 64 KiB in 30 s are 2
/// KB/s. Without a minimum, a client could keep a download and its connection open forever by
/// reading a byte from time to time.
pub(super) const PROGRESS_BYTES_MIN: usize = 64 * 1024;

/// The time for which the rest of an unread body is received and discarded after the response.
/// Closing a socket with unread bytes resets the connection, and the client never sees the
/// response.
const LINGER_WAIT: Duration = Duration::from_secs(5);

/// The size of the buffer for discarded bytes.
const LINGER_BUFFER_BYTES: usize = 16 * 1024;

/// A TCP stream whose writes fail with `TimedOut` if the client reads too little for too long.
pub(super) struct TimeoutStream {
    tcp: TcpStream,
    state: Arc<ConnectionState>,
    write_wait: Duration,
    /// Runs while a write waits for the client.
    stalled: Option<Pin<Box<Sleep>>>,
    /// The bytes that the client read since `stalled` began to run.
    read_bytes: usize,
    /// Runs from the close of our side until the client closes its side.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl TimeoutStream {
    pub(super) fn new(tcp: TcpStream, state: Arc<ConnectionState>, write_wait: Duration) -> Self {
        Self { tcp, state, write_wait, stalled: None, read_bytes: 0, lingering: None }
    }

    /// Checks the result of a write of `offered` bytes against the timeout.
    fn check_progress(
        &mut self,
        context: &mut Context<'_>,
        offered: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.read_bytes += bytes;
                if bytes == offered || self.read_bytes >= PROGRESS_BYTES_MIN {
                    self.stalled = None;
                    self.state.set_writing(false);
                }
                written
            }
            Poll::Ready(Err(_)) => written,
            Poll::Pending => {
                self.state.set_writing(true);
                let stalled = self.stalled.get_or_insert_with(|| {
                    self.read_bytes = 0;
                    Box::pin(sleep(self.write_wait))
                });
                ready!(stalled.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for TimeoutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // hyper limits the wait for a head, `request_body` the wait for a body.
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for TimeoutStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(context, bytes);
        self.check_progress(context, bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        let written = Pin::new(&mut self.tcp).poll_write_vectored(context, slices);
        self.check_progress(context, offered, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.tcp).poll_shutdown(context))?;
            if !self.state.is_body_unread() {
                return Poll::Ready(Ok(()));
            }
            self.lingering = Some(Box::pin(sleep(LINGER_WAIT)));
        }
        let this = &mut *self;
        if let Some(lingering) = &mut this.lingering
            && lingering.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Ok(()));
        }
        let mut buffer = [0; LINGER_BUFFER_BYTES];
        loop {
            let mut buffer = ReadBuf::new(&mut buffer);
            let read = ready!(Pin::new(&mut this.tcp).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::{super::connection_state::Transport, *};

    const WAIT: Duration = Duration::from_millis(200);

    /// More than the kernel buffers for one connection.
    const MUCH: usize = 64 * 1024 * 1024;

    async fn pair() -> (TimeoutStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, peer) = listener.accept().await.unwrap();
        (
            TimeoutStream::new(tcp, Arc::new(ConnectionState::new(peer, Transport::Plain)), WAIT),
            client,
        )
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_disconnected() {
        let (mut stream, _client) = pair().await;
        let error = stream.write_all(&vec![0; MUCH]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_reads_too_little_is_disconnected() {
        let (mut stream, mut client) = pair().await;
        let trickle = tokio::spawn(async move {
            let mut byte = [0; 1];
            while client.read_exact(&mut byte).await.is_ok() {
                sleep(WAIT / 10).await;
            }
        });
        let error = stream.write_all(&vec![0; MUCH]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        trickle.abort();
    }

    #[tokio::test]
    async fn a_slow_client_that_reads_enough_is_served() {
        let (mut stream, mut client) = pair().await;
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; 1024 * 1024];
            let mut bytes = 0;
            while bytes < MUCH {
                bytes += client.read(&mut buffer).await.unwrap();
                sleep(WAIT / 50).await;
            }
        });
        stream.write_all(&vec![0; MUCH]).await.unwrap();
        reader.await.unwrap();
    }
}
