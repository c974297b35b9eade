//! A response body that a task or thread sends chunk by chunk.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper::body::{Body, Bytes, Frame};
use tokio::sync::mpsc;

/// Chunks that wait for the client. With the chunk that is being sent and the one that is being
/// made, a stream holds three.
const CHUNKS_WAITING: usize = 1;

/// A message from the sender to the body.
enum Message {
    Chunk(Bytes),
    /// The body is complete.
    End,
}

/// The sending side of a [`StreamedBody`]. If it is dropped before [`end`](Self::end), the body
/// and its connection end with an error, so that a client cannot mistake the part of a response
/// for a complete one.
///
/// `http_body_util::channel` treats a dropped sender as the end of the body, and loses the last
/// chunk if the sender is dropped while the body is polled.
pub(super) struct BodySender(mpsc::Sender<Message>);

/// The client disconnected.
#[derive(Debug)]
pub(super) struct ClientDisconnected;

impl BodySender {
    /// Sends a chunk. Waits until the previous chunks are sent.
    ///
    /// # Errors
    /// [`ClientDisconnected`]
    pub(super) async fn send(&self, chunk: Bytes) -> Result<(), ClientDisconnected> {
        self.0.send(Message::Chunk(chunk)).await.map_err(|_| ClientDisconnected)
    }

    /// Waits until the client disconnects.
    pub(super) async fn disconnected(&self) {
        self.0.closed().await;
    }

    /// Marks the body as complete.
    ///
    /// # Errors
    /// [`ClientDisconnected`]
    pub(super) async fn end(self) -> Result<(), ClientDisconnected> {
        self.0.send(Message::End).await.map_err(|_| ClientDisconnected)
    }

    /// Sends a chunk like [`send`](Self::send), on a thread that can block.
    ///
    /// # Errors
    /// [`ClientDisconnected`]
    pub(super) fn blocking_send(&self, chunk: Vec<u8>) -> Result<(), ClientDisconnected> {
        self.0.blocking_send(Message::Chunk(chunk.into())).map_err(|_| ClientDisconnected)
    }

    /// Marks the body as complete like [`end`](Self::end), on a thread that can block.
    ///
    /// # Errors
    /// [`ClientDisconnected`]
    pub(super) fn blocking_end(self) -> Result<(), ClientDisconnected> {
        self.0.blocking_send(Message::End).map_err(|_| ClientDisconnected)
    }
}

/// A body whose chunks come from a [`BodySender`].
pub(super) struct StreamedBody {
    receiver: mpsc::Receiver<Message>,
    ended: bool,
}

/// Returns a body and its sending side.
pub(super) fn channel() -> (BodySender, StreamedBody) {
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
    (BodySender(sender), StreamedBody { receiver, ended: false })
}

impl Body for StreamedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.receiver.poll_recv(context)) {
            Some(Message::Chunk(chunk)) => Some(Ok(Frame::data(chunk))),
            Some(Message::End) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(io::Error::other("the response was aborted before its end")))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::task::spawn_blocking;

    use super::*;

    #[tokio::test]
    async fn chunks_arrive_in_order_and_the_body_ends() {
        let (sender, body) = channel();
        let sending = spawn_blocking(move || {
            for chunk in ["a", "b", "c"] {
                sender.blocking_send(chunk.into()).unwrap();
            }
            sender.blocking_end().unwrap();
        });
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
        sending.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_last_chunk_arrives_when_the_sender_is_dropped_at_once() {
        for _ in 0..10_000 {
            let (sender, body) = channel();
            tokio::spawn(async move {
                sender.send("a".into()).await.unwrap();
                sender.end().await.unwrap();
            });
            assert_eq!(body.collect().await.unwrap().to_bytes(), "a");
        }
    }

    #[tokio::test]
    async fn a_sender_dropped_before_the_end_is_an_error() {
        let (sender, body) = channel();
        sender.send("a".into()).await.unwrap();
        drop(sender);
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_dropped_body_is_reported_to_the_sender() {
        let (sender, body) = channel();
        drop(body);
        assert!(sender.send("a".into()).await.is_err());
    }
}
