//! A body that comes piece by piece from somewhere else, and says itself when it is whole.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame};
use tokio::sync::mpsc;

/// Pieces that wait for the client beside the one that it is taking and the one that is being
/// made: with those a stream takes three.
const PIECES_WAITING: usize = 1;

enum Piece {
    Data(Bytes),
    /// Nothing follows, and nothing is missing.
    End,
}

/// The sending side. Dropped before its end is said, it ends the body, and with it the connection,
/// in the middle: what a panic or an error leaves behind cannot be taken for a whole answer.
///
/// `http_body_util`'s channel takes a sender that is gone for the end; and where the sender goes
/// while the body looks, it loses the piece that was sent last.
pub(super) struct Sender(mpsc::Sender<Piece>);

/// The client left.
#[derive(Debug)]
pub(super) struct ClientLeft;

impl Sender {
    /// Sends a piece, once the client has taken those before.
    pub(super) async fn send(&self, piece: Bytes) -> Result<(), ClientLeft> {
        self.0.send(Piece::Data(piece)).await.map_err(|_| ClientLeft)
    }

    /// Says that the body is whole.
    pub(super) async fn end(self) -> Result<(), ClientLeft> {
        self.0.send(Piece::End).await.map_err(|_| ClientLeft)
    }

    /// The same as [`send`](Self::send) for a thread that may block, until then.
    pub(super) fn blocking_send(&self, piece: Vec<u8>) -> Result<(), ClientLeft> {
        self.0.blocking_send(Piece::Data(piece.into())).map_err(|_| ClientLeft)
    }

    /// The same as [`end`](Self::end) for a thread that may block.
    pub(super) fn blocking_end(self) -> Result<(), ClientLeft> {
        self.0.blocking_send(Piece::End).map_err(|_| ClientLeft)
    }
}

/// The body.
pub(super) struct Pieces {
    receiver: mpsc::Receiver<Piece>,
    ended: bool,
}

/// A body and the side that fills it.
pub(super) fn channel() -> (Sender, Pieces) {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING);
    (Sender(sender), Pieces { receiver, ended: false })
}

impl Body for Pieces {
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
            Some(Piece::Data(piece)) => Some(Ok(Frame::data(piece))),
            Some(Piece::End) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(io::Error::other("the answer was given up in the middle")))
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
    async fn what_is_sent_arrives_and_ends() {
        let (sender, body) = channel();
        let sending = spawn_blocking(move || {
            for piece in ["a", "b", "c"] {
                sender.blocking_send(piece.into()).unwrap();
            }
            sender.blocking_end().unwrap();
        });
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
        sending.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_last_piece_arrives_however_soon_the_sender_goes() {
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
    async fn a_sender_that_is_gone_is_an_error() {
        let (sender, body) = channel();
        sender.send("a".into()).await.unwrap();
        drop(sender);
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn a_client_that_is_gone_is_noticed() {
        let (sender, body) = channel();
        drop(body);
        assert!(sender.send("a".into()).await.is_err());
    }
}
