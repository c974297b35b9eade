//! Requests without encryption on a listener with TLS: a person who typed `http://` instead of `https://`.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const RESPONSE: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 79\r\n\
    x-content-type-options: nosniff\r\n\
    cache-control: no-store\r\n\
    connection: close\r\n\
    \r\n\
    This port speaks TLS only. Begin the address with https:// instead of http://.\n";

/// The time for which the rest of the request is received and discarded. Closing a socket with unread bytes
/// resets the connection, and the client never sees the response.
const LINGER_WAIT: Duration = Duration::from_secs(2);

/// The size of the buffer for discarded bytes.
const LINGER_BUFFER_BYTES: usize = 4 * 1024;

/// Waits for the first byte of a client, and returns whether it begins a request of HTTP. The byte stays
/// unread. A method is in capital letters (RFC 9110, section 9.1); a TLS connection begins with the byte
/// 22 (RFC 8446, section 5.1).
///
/// # Errors
/// The error of the connection.
pub(super) async fn is_plain_http(tcp: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let length = tcp.peek(&mut first).await?;
    Ok(length == 1 && first[0].is_ascii_uppercase())
}

/// Answers that this port speaks TLS only, and closes the connection.
///
/// # Errors
/// The error of the connection.
pub(super) async fn refuse(mut tcp: TcpStream) -> io::Result<()> {
    let answer = async {
        tcp.write_all(RESPONSE).await?;
        tcp.shutdown().await?;
        let mut discarded = [0; LINGER_BUFFER_BYTES];
        while tcp.read(&mut discarded).await? > 0 {}
        Ok(())
    };
    timeout(LINGER_WAIT, answer).await.unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_response_is_right() {
        let text = std::str::from_utf8(RESPONSE).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
