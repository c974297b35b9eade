//! Clients of HTTP/2: one that follows the protocol, and one that sends any frames.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use h2::{Reason, RecvStream, client::SendRequest};
use hyper::{HeaderMap, Method, Request, Response, header::AUTHORIZATION};
use satchel::tls::{ServerCheck, client_config};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    harness::{ADMIN, PATIENCE},
    tls_server::TlsServer,
};

/// Connects with TLS, and offers these protocols.
///
/// # Errors
/// The server refuses the handshake.
pub(crate) async fn connect(
    server: &TlsServer,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let address: SocketAddr = server.https.strip_prefix("https://").unwrap().parse().unwrap();
    let mut config = (*client_config(&ServerCheck::any()).unwrap()).clone();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let tcp = TcpStream::connect(address).await?;
    let name = address.ip().into();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

/// A response that was received completely.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Checks that the response is this problem.
    pub(crate) fn problem(&self, status: u16, word: &str) -> serde_json::Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        let problem = self.json();
        assert!(problem["type"].as_str().unwrap().ends_with(&format!("/{word}")));
        problem
    }
}

/// A connection of a client that follows the protocol.
#[derive(Clone)]
pub(crate) struct Client {
    sender: SendRequest<Bytes>,
    base: String,
}

impl Client {
    pub(crate) async fn connect(server: &TlsServer) -> Self {
        let stream = connect(server, &["h2"]).await.unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        // Its errors are those of the requests.
        tokio::spawn(async move { drop(connection.await) });
        Self { sender, base: server.https.clone() }
    }

    /// The head of a request of the administrator.
    pub(crate) fn head(&self, method: &str, path: &str) -> Request<()> {
        let (name, password) = ADMIN;
        let login = STANDARD.encode(format!("{name}:{password}"));
        Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("{}{path}", self.base))
            .header(AUTHORIZATION, format!("Basic {login}"))
            .body(())
            .unwrap()
    }

    /// Sends a request, and a body unless it is empty. Waits for the head of the response.
    pub(crate) async fn begin(
        &self,
        head: Request<()>,
        body: &[u8],
    ) -> Result<Response<RecvStream>, h2::Error> {
        let (response, mut stream) = {
            let mut sender = self.sender.clone().ready().await?;
            sender.send_request(head, body.is_empty())?
        };
        if !body.is_empty() {
            // A server that refuses a body resets the stream after its response.
            let _ = send_body(&mut stream, body).await;
        }
        timeout(PATIENCE, response).await.unwrap()
    }

    /// Sends a request, and reads the response.
    pub(crate) async fn send(&self, head: Request<()>, body: &[u8]) -> Result<Answer, h2::Error> {
        read(self.begin(head, body).await?).await
    }

    /// Sends the head of a request whose body does not end.
    pub(crate) async fn open(&self, head: Request<()>) -> (h2::client::ResponseFuture, Upload) {
        let mut sender = self.sender.clone().ready().await.unwrap();
        let (response, stream) = sender.send_request(head, false).unwrap();
        (response, Upload(stream))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.head("GET", path), b"").await.unwrap()
    }
}

/// The body of a request, held open.
pub(crate) struct Upload(h2::SendStream<Bytes>);

impl Upload {
    pub(crate) fn end(mut self, rest: &str) {
        self.0.send_data(Bytes::from(rest.to_owned()), true).unwrap();
    }
}

/// Reads the body of a response.
pub(crate) async fn read(response: Response<RecvStream>) -> Result<Answer, h2::Error> {
    let (head, mut stream) = response.into_parts();
    let mut body = Vec::new();
    while let Some(chunk) = timeout(PATIENCE, stream.data()).await.unwrap() {
        let chunk = chunk?;
        stream.flow_control().release_capacity(chunk.len())?;
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}

async fn send_body(stream: &mut h2::SendStream<Bytes>, body: &[u8]) -> Result<(), h2::Error> {
    let mut rest = Bytes::copy_from_slice(body);
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len());
        let capacity = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let Some(capacity) = capacity else { return Err(Reason::CANCEL.into()) };
        let piece = rest.split_to(capacity?.min(rest.len()));
        stream.send_data(piece, rest.is_empty())?;
    }
    Ok(())
}

/// The types of frames (RFC 9113, section 6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame as bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block (RFC 7541) without compression: `GET`, or another method, for a path of a server.
pub(crate) fn header_block(server: &TlsServer, method: &str, path: &str) -> Vec<u8> {
    let text = |index: u8, value: &str| {
        let length = u8::try_from(value.len()).ok().filter(|length| *length < 127).unwrap();
        [&[index, length], value.as_bytes()].concat()
    };
    let authority = server.https.strip_prefix("https://").unwrap();
    let scheme: &[u8] = &[0x87];
    [text(0x02, method), scheme.to_vec(), text(0x04, path), text(0x01, authority)].concat()
}

/// A connection that sends any frames.
pub(crate) struct Frames(TlsStream<TcpStream>);

/// A frame that the server sent.
#[derive(Debug)]
pub(crate) struct Received {
    pub kind: u8,
    pub payload: Vec<u8>,
}

impl Frames {
    /// Connects, and sends the preface with these settings.
    pub(crate) async fn connect(server: &TlsServer, settings: &[u8]) -> Self {
        let mut frames = Self(connect(server, &["h2"]).await.unwrap());
        frames.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        frames.send(&frame(SETTINGS, 0, 0, settings)).await;
        frames
    }

    /// Connects without a preface.
    pub(crate) async fn silent(server: &TlsServer) -> Self {
        Self(connect(server, &["h2"]).await.unwrap())
    }

    /// Sends bytes. Returns false if the server has closed the connection.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        let sending = async {
            self.0.write_all(bytes).await?;
            self.0.flush().await
        };
        matches!(timeout(Duration::from_secs(20), sending).await, Ok(Ok(())))
    }

    /// The next frame. `None` if the server has closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Received> {
        let reading = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Received { kind: head[3], payload })
        };
        timeout(PATIENCE, reading).await.expect("the server neither sends nor closes")
    }

    /// Reads until the server closes the connection. Returns the error code of GOAWAY, if there was one.
    pub(crate) async fn until_closed(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(received) = self.next().await {
            if received.kind == GOAWAY {
                code = Some(u32::from_be_bytes(received.payload[4..8].try_into().unwrap()));
            }
        }
        code
    }

    /// Reads until a frame of this kind arrives. `None` if the server has closed the connection.
    pub(crate) async fn until(&mut self, kind: u8) -> Option<Received> {
        loop {
            let received = self.next().await?;
            if received.kind == kind {
                return Some(received);
            }
        }
    }
}
