//! Odd and forged heads of requests: no odd login header logs in, and no request hides another one.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD as STANDARD};

use crate::harness::{ADMIN, Server, until};

const COUNT: &str = "/rest/count";

/// The path of the hidden request. The access log has a line for each request that the server reads.
const HIDDEN: &str = "/rest/hidden";

/// A valid login.
fn valid() -> String {
    STANDARD.encode(format!("{}:{}", ADMIN.0, ADMIN.1))
}

#[test]
fn the_login_header_has_few_spellings() {
    let server = Server::start();
    let valid = valid();
    for spelling in [
        format!("Basic {valid}"),
        format!("basic {valid}"),
        format!("BASIC {valid}"),
        format!("Basic   {valid}"),
        format!("Basic {}", valid.trim_end_matches('=')),
    ] {
        let answer = server.request("GET", COUNT).header("Authorization", &spelling).send();
        assert_eq!(answer.status, 200, "{spelling}");
    }
}

#[test]
fn no_odd_login_header_logs_in() {
    let server = Server::start();
    let valid = valid();
    let encoded = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let odd = [
        String::new(),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic :".to_owned(),
        "Basic !".to_owned(),
        "Basic =".to_owned(),
        "Basic ====".to_owned(),
        format!("Basic{valid}"),
        format!("Basic:{valid}"),
        format!("Basic={valid}"),
        format!("Basic \"{valid}\""),
        format!("Basic {valid},"),
        format!("Basic {valid} x"),
        format!("Basic {valid}, Basic {valid}"),
        format!("Basic {valid}{valid}"),
        format!("Basic user={valid}"),
        format!("Basic {}", valid.replace('=', "%3D") + "%00"),
        format!("Negotiate {valid}"),
        format!("Digest username=\"admin\", response=\"{valid}\""),
        format!("Bearer {valid}"),
        "Bearer".to_owned(),
        "Bearer sat_".to_owned(),
        "Bearer sat_AAAA.BBBB".to_owned(),
        format!("Token {valid}"),
        valid.clone(),
        "admin:admin".to_owned(),
        encoded("admin"),
        encoded(":admin"),
        encoded("admin:"),
        encoded("admin:admin\0"),
        encoded("\0admin:admin"),
        encoded("admin\0:admin"),
        encoded("admin:admin\n"),
        encoded("admin:admin:"),
        encoded(" admin:admin"),
        encoded("admin :admin"),
        encoded("ADMIN:admin"),
        encoded("admin:ADMIN"),
        encoded("\u{feff}admin:admin"),
        encoded("аdmin:admin"),
        format!("Basic {}", STANDARD.encode([b'a', b'd', 0xff, b':', b'x'])),
        format!("Basic {}", "A".repeat(16_000)),
        encoded(&format!("admin:{}", "x".repeat(8_000))),
    ];
    for header in odd {
        let answer = server.request("GET", COUNT).header("Authorization", &header).send();
        // A head over the limit is refused before the login is read.
        let is_refused = matches!(answer.status, 400 | 401 | 431);
        assert!(is_refused, "{} for {:.100}", answer.status, header);
    }
    // The oddities were no guesses that lock the server's own machine.
    assert_eq!(server.request("GET", COUNT).login(ADMIN).send().status, 200);
}

/// The headers and the bodies of requests that two programs can read in different ways. Each hides a
/// request for a reader that takes the other way.
fn forged_requests() -> Vec<(&'static str, String)> {
    let hidden = format!("GET {HIDDEN} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let length = hidden.len();
    let after_end = format!("0\r\n\r\n{hidden}");
    let whole = after_end.len();
    // One chunk with the hidden request in it, and the last chunk.
    let chunked = format!("{length:x}\r\n{hidden}\r\n0\r\n\r\n");
    let mut forged = Vec::new();
    let mut add = |name, headers: String, body: &str| {
        forged.push((name, format!("{headers}\r\n{body}")));
    };
    for (name, header) in [
        ("both lengths", "Transfer-Encoding: chunked\r\n"),
        ("blank before the colon", "Transfer-Encoding : chunked\r\n"),
        ("tab before the colon", "Transfer-Encoding\t: chunked\r\n"),
        ("vertical tab", "Transfer-Encoding: \u{b}chunked\r\n"),
        ("quoted", "Transfer-Encoding: \"chunked\"\r\n"),
        ("with a parameter", "Transfer-Encoding: chunked;a=b\r\n"),
        ("misspelt", "Transfer-Encoding: xchunked\r\n"),
        ("folded", "Transfer-Encoding:\r\n chunked\r\n"),
        ("after another coding", "Transfer-Encoding: identity, chunked\r\n"),
        ("before another coding", "Transfer-Encoding: chunked, identity\r\n"),
        ("two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        ("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        ("upper case", "TRANSFER-ENCODING: CHUNKED\r\n"),
        ("after a bare line feed", "A: b\nTransfer-Encoding: chunked\r\n"),
        ("after a bare carriage return", "A: b\rTransfer-Encoding: chunked\r\n"),
        ("after a NUL", "A: b\0Transfer-Encoding: chunked\r\n"),
        ("with an underscore", "Transfer_Encoding: chunked\r\n"),
    ] {
        add(name, format!("{header}Content-Length: {whole}\r\n"), &after_end);
    }
    for (name, value) in [
        ("signed", format!("+{length}")),
        ("negative", "-1".to_owned()),
        ("hexadecimal", format!("0x{length:x}")),
        ("with a comma", format!("{length}, {length}")),
        ("two values", format!("0, {length}")),
        ("with a blank", format!("0 {length}")),
        ("with a fraction", "0.0".to_owned()),
        ("too long", "18446744073709551616".to_owned()),
        ("no value", String::new()),
        ("not a number", "zero".to_owned()),
        ("in Arabic digits", "٠".to_owned()),
    ] {
        add(name, format!("Content-Length: {value}\r\n"), &hidden);
    }
    add("two lengths", format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), &hidden);
    add("length twice", format!("Content-Length: {length}\r\nContent-Length: 0\r\n"), &hidden);
    let coded = "Transfer-Encoding: chunked\r\n";
    for (name, size) in [
        ("a signed chunk", "+0".to_owned()),
        ("a negative chunk", "-0".to_owned()),
        ("a chunk with 0x", "0x0".to_owned()),
        ("a chunk with a blank", "0 0".to_owned()),
        ("a chunk longer than 64 bits", format!("1{}", "0".repeat(16))),
        ("a chunk without a size", String::new()),
        ("a chunk that is no number", "z".to_owned()),
        ("a line feed in a chunk's extension", "0;a=\nb".to_owned()),
        ("a carriage return in a chunk's extension", "0;a=\rb".to_owned()),
    ] {
        add(name, coded.to_owned(), &format!("{size}\r\n\r\n{hidden}"));
    }
    add("chunked and a length of zero", format!("{coded}Content-Length: 0\r\n"), &chunked);
    add("a chunk longer than its size", coded.to_owned(), &format!("1\r\nxx\r\n{after_end}"));
    add("a forged trailer", coded.to_owned(), &format!("0\r\nContent-Length: 5\r\n{hidden}"));
    forged
}

#[test]
fn no_forged_length_hides_a_request() {
    let server = Server::start();
    for (name, rest) in forged_requests() {
        let mut request = String::new();
        write!(request, "POST /rest/undo HTTP/1.1\r\nHost: {}\r\n", server.address).unwrap();
        write!(request, "Content-Type: application/json\r\n{rest}").unwrap();
        let mut connection = server.connect();
        connection.offer(request.as_bytes());
        let status = connection.status();
        // No login: the answer to an honest request would be 401.
        assert!(matches!(status, None | Some(400 | 401 | 411 | 413 | 501)), "{name}: {status:?}");
        connection.read_to_end();
    }
    assert_eq!(requests_for(&server, HIDDEN), 0);

    // A request that is not hidden has a line in the log.
    let honest = server.request("POST", "/rest/undo").head();
    let mut connection = server.connect();
    connection.send(format!("{honest}{}", server.request("GET", HIDDEN).head()).as_bytes());
    // The end of the client's stream would drop a request that is not answered yet.
    for _ in 0..2 {
        connection.read_answer(false);
    }
    assert_eq!(requests_for(&server, HIDDEN), 1);
}

/// The number of requests for a path that the server has read up to now.
fn requests_for(server: &Server, path: &str) -> usize {
    let last = server.request("GET", COUNT).send();
    let id = last.header("x-request-id").unwrap();
    until(|| server.log().iter().any(|line| line["id"] == id));
    server.log().iter().filter(|line| line["path"] == path).count()
}
