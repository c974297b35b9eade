//! A connection's bytes, with patience for slow clients that ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::connection::State;

/// What a client must take of an answer in each write wait: 64 KiB in 30 s are 2 KB/s. Without
/// it, a byte now and then would hold a download, and its connection, for ever.
pub(super) const PROGRESS_BYTES_MIN: usize = 64 * 1024;

/// How long what is left of an unread body is taken and thrown away after the answer. A socket
/// that is closed with unread bytes in it is reset, and the client never sees why.
const LINGER_WAIT: Duration = Duration::from_secs(5);

const LINGER_BUFFER_BYTES: usize = 16 * 1024;

/// A TCP stream whose writes fail when the client takes too little for too long.
pub(super) struct PatientStream {
    tcp: TcpStream,
    state: Arc<State>,
    write_wait: Duration,
    /// Runs while a write waits for the client.
    stalled: Option<Pin<Box<Sleep>>>,
    /// What the client took since `stalled` began to run.
    taken_bytes: usize,
    /// Runs once our side is closed and theirs is not.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl PatientStream {
    pub(super) fn new(tcp: TcpStream, state: Arc<State>, write_wait: Duration) -> Self {
        Self { tcp, state, write_wait, stalled: None, taken_bytes: 0, lingering: None }
    }

    /// Looks at how a write of `offered` bytes went.
    fn watch(
        &mut self,
        context: &mut Context<'_>,
        offered: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.taken_bytes += bytes;
                if bytes == offered || self.taken_bytes >= PROGRESS_BYTES_MIN {
                    self.stalled = None;
                    self.state.set_writing(false);
                }
                written
            }
            Poll::Ready(Err(_)) => written,
            Poll::Pending => {
                self.state.set_writing(true);
                let stalled = self.stalled.get_or_insert_with(|| {
                    self.taken_bytes = 0;
                    Box::pin(sleep(self.write_wait))
                });
                ready!(stalled.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // The waits for a head and for a body are kept by hyper and by `body`.
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(context, bytes);
        self.watch(context, bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        let written = Pin::new(&mut self.tcp).poll_write_vectored(context, slices);
        self.watch(context, offered, written)
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const WAIT: Duration = Duration::from_millis(200);

    /// More than the kernel keeps for a connection on its own.
    const MUCH: usize = 64 * 1024 * 1024;

    async fn pair() -> (PatientStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, peer) = listener.accept().await.unwrap();
        (PatientStream::new(tcp, Arc::new(State::new(peer)), WAIT), client)
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_left() {
        let (mut stream, _client) = pair().await;
        let error = stream.write_all(&vec![0; MUCH]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_takes_a_trickle_is_left() {
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
    async fn a_client_that_takes_its_time_is_served() {
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
