//! Clients that break the protocol, or use it to make the server work: each is disconnected, the memory
//! stays bounded, and others are served meanwhile.

use super::{
    MIB,
    client::{
        CONTINUATION, Client, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING,
        RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, header_block,
    },
};
use crate::tls_server::TlsServer;

/// ENHANCE_YOUR_CALM (RFC 9113, section 7).
const CALM: u32 = 11;

/// The memory that an attack by one connection may add, in KiB. Debug builds use more than others.
const MEMORY_KIB_MAX: u64 = 64 * 1024;

/// Runs an attack on a server. Checks that another client is served after it and, in between, by the
/// attack itself, and that the memory stays bounded.
async fn survives(server: &TlsServer, attack: impl AsyncFnOnce(&TlsServer)) {
    let other = Client::connect(server).await;
    assert_eq!(other.get("/rest/count").await.status, 200);
    let before = server.peak_kib();
    attack(server).await;
    assert_eq!(other.get("/rest/count").await.status, 200);
    assert_eq!(Client::connect(server).await.get("/rest/is_alive").await.status, 200);
    let added = server.peak_kib() - before;
    assert!(added < MEMORY_KIB_MAX, "{added} KiB");
}

/// Sends frames until the server closes the connection.
async fn flood(frames: &mut Frames, mut next: impl FnMut(u32) -> Vec<u8>) -> u32 {
    for number in 0..1_000_000 {
        if !frames.send(&next(number)).await {
            return number;
        }
    }
    panic!("the server accepts everything")
}

/// HEADERS and RST_STREAM of the stream with this number.
fn reset_request(block: &[u8], number: u32) -> Vec<u8> {
    let stream = 2 * number + 1;
    let cancel = 8_u32.to_be_bytes();
    [frame(HEADERS, END_HEADERS | END_STREAM, stream, block), frame(RST_STREAM, 0, stream, &cancel)]
        .concat()
}

#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let server = TlsServer::start(&[]);
    survives(&server, async |server| {
        // All in one write: the streams are reset before they are accepted.
        let mut frames = Frames::connect(server, &[]).await;
        let block = header_block(server, "GET", "/rest/count");
        let burst: Vec<u8> = (0..5_000).flat_map(|number| reset_request(&block, number)).collect();
        frames.send(&burst).await;
        assert_eq!(frames.until_closed().await, Some(CALM));
        // One by one: they are accepted first.
        let mut frames = Frames::connect(server, &[]).await;
        let sent = flood(&mut frames, |number| reset_request(&block, number)).await;
        assert!(sent < 100_000, "{sent}");
    })
    .await;
}

#[tokio::test]
async fn a_header_block_without_end_ends_the_connection() {
    let server = TlsServer::start(&[]);
    survives(&server, async |server| {
        for piece in [&[][..], &[0x00, 0x01, b'a', 0x01, b'b']] {
            let mut frames = Frames::connect(server, &[]).await;
            let block = header_block(server, "GET", "/rest/count");
            frames.send(&frame(HEADERS, END_STREAM, 1, &block)).await;
            let sent = flood(&mut frames, |_| frame(CONTINUATION, 0, 1, piece)).await;
            assert!(sent < 100_000, "{sent}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_header_list_over_the_limit_is_refused() {
    let server = TlsServer::start(&[]);
    survives(&server, async |server| {
        // One entry of 4,000 bytes in the dynamic table, and references to it: a bomb of HPACK.
        let value = [b'x'; 4000];
        // The length: 127, and the rest in groups of 7 bits (RFC 7541, section 5.1).
        let length = [0x7f, (3873 % 128) as u8 | 0x80, (3873 / 128) as u8];
        let entry = [&[0x40, 1, b'a'], &length[..], &value].concat();
        for references in [20, 10_000] {
            let mut frames = Frames::connect(server, &[]).await;
            let request = header_block(server, "GET", "/rest/count");
            let block = [request, entry.clone(), vec![0xbe; references]].concat();
            frames.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)).await;
            let refused = loop {
                match frames.next().await {
                    Some(received) if [HEADERS, GOAWAY].contains(&received.kind) => break received,
                    Some(_) => {}
                    None => panic!("the connection was closed without a reason"),
                }
            };
            // A literal status with the name of entry 8: 431 is not in the static table.
            let is_431 = refused.kind == HEADERS && refused.payload[0] & 0x0f == 8;
            assert!(is_431 || refused.kind == GOAWAY, "{references}: {refused:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn floods_of_control_frames_do_not_fill_the_memory() {
    let server = TlsServer::start(&["--write-wait-ms", "500"]);
    survives(&server, async |server| {
        // The client does not read what the server must answer.
        for flooded in
            [frame(PING, 0, 0, &[0; 8]).repeat(1000), frame(SETTINGS, 0, 0, &[]).repeat(1000)]
        {
            let mut frames = Frames::connect(server, &[]).await;
            flood(&mut frames, |_| flooded.clone()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn wrong_frames_end_the_connection_or_the_stream() {
    let server = TlsServer::start(&[]);
    survives(&server, async |server| {
        let block = header_block(server, "GET", "/rest/is_alive");
        let with =
            |line: &[u8]| frame(HEADERS, END_HEADERS | END_STREAM, 1, &[&block[..], line].concat());
        // Literals that stay out of the table: 0, length of the name, name, length of the value, value.
        let literal = |name: &str, value: &str| {
            let length = |text: &str| u8::try_from(text.len()).unwrap();
            let (name_length, value_length) = (length(name), length(value));
            [&[0, name_length], name.as_bytes(), &[value_length], value.as_bytes()].concat()
        };
        for (sent, closes) in [
            // Fields of HTTP/1.1, by which proxies and servers disagree about the end of a request.
            (with(&literal("transfer-encoding", "chunked")), false),
            (with(&literal("connection", "close")), false),
            (with(&literal("te", "gzip")), false),
            (with(&literal("X-Upper", "1")), true),
            (with(&literal(":path", "/rest/undo")), false),
            (with(&literal("x", "a\r\nb: c")), true),
            // DATA on a stream that was never opened, a window that overflows, a frame that is too long, an
            // even stream, bytes that are no frame, a block that is no HPACK.
            (frame(DATA, 0, 5, b"x"), true),
            (frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()), true),
            (frame(DATA, 0, 1, &vec![0; 20_000]), true),
            (frame(HEADERS, END_HEADERS, 2, &block), true),
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), true),
            (frame(HEADERS, END_HEADERS, 1, &[0xff; 64]), true),
        ] {
            let mut frames = Frames::connect(server, &[]).await;
            frames.send(&sent).await;
            if closes {
                let code = frames.until_closed().await;
                assert!(code.is_none_or(|code| code != 0), "{sent:?}");
            } else {
                let reset = frames.until(RST_STREAM).await;
                let reset = reset.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&sent)));
                assert_eq!(
                    reset.payload,
                    1_u32.to_be_bytes(),
                    "{}",
                    String::from_utf8_lossy(&sent)
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_read_a_response_loses_its_stream() {
    let server = TlsServer::start(&["--demo", "--write-wait-ms", "500"]);
    let text = "x".repeat(2 * MIB);
    let client = Client::connect(&server).await;
    let device = serde_json::json!({ "name": "large", "configuration": text }).to_string();
    let put = client.head("POST", "/rest/instance/device");
    assert_eq!(client.send(put, device.as_bytes()).await.unwrap().status, 200);
    survives(&server, async |server| {
        let mut streams = Vec::new();
        let slow = Client::connect(server).await;
        for _ in 0..20 {
            let head = slow.head("GET", "/rest/configuration/large");
            streams.push(slow.begin(head, b"").await.unwrap());
        }
        // The window of the connection is used up by the first of them.
        for stream in streams {
            let mut body = stream.into_body();
            let ended = loop {
                match body.data().await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => break Some(error),
                    None => break None,
                }
            };
            assert!(ended.is_some_and(|error| error.is_reset()));
        }
    })
    .await;
}
