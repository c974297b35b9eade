//! Tests of configurations and other long texts of devices over REST.

use serde_json::json;

use crate::harness::{Answer, Server};
use crate::inventory::{ask, encode, get, hostile_names, path, put, shown};

fn config(device: &str) -> String {
    format!("/rest/configuration/{}", encode(device))
}

fn store(server: &Server, method: &str, path: &str, text: &str) -> Answer {
    let answer = ask(server, method, path).body(text).send();
    assert_eq!(answer.status, 200, "{}", shown(&answer));
    answer
}

#[test]
fn a_configuration_is_returned_unchanged() {
    let server = Server::start();
    for name in hostile_names() {
        put(&server, "device", &json!({"name": name}));
        let text = format!("hostname {name}\r\n\tbanner ^C é 日本語 ^C\n\n");
        store(&server, "PUT", &config(&name), &text);
        let answer = ask(&server, "GET", &config(&name)).send();
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(String::from_utf8(answer.body).unwrap(), text);
    }
}

#[test]
fn a_configuration_of_five_megabytes_does_not_delay_other_requests() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%"}));
    let text = "interface GigabitEthernet0/0\n ip address 10.0.0.1 255.255.255.0\n".repeat(80_000);
    assert!(text.len() > 5_000_000);
    let stored = store(&server, "POST", &config("R 1%"), &text);
    let said = json!({"device": "R 1%", "property": "configuration", "bytes": text.len()});
    assert_eq!(stored.json(), said);
    let answer = ask(&server, "GET", &config("R 1%")).send();
    assert!(answer.body == text.as_bytes());
    assert_eq!(stored.header("etag"), answer.header("etag"));
    // Reading the device does not read its configuration.
    let device = ask(&server, "GET", &path("device", "R 1%")).send();
    assert!(device.body.len() < 10_000, "{} bytes", device.body.len());
    put(&server, "device", &json!({"name": "R 1%", "new_name": ".."}));
    assert!(ask(&server, "GET", &config("..")).send().body == text.as_bytes());
}

#[test]
fn a_text_has_a_property_and_a_version() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%"}));
    let none = ask(&server, "GET", &config("R 1%")).send();
    assert_eq!((none.status, none.body.as_slice(), none.header("etag")), (200, &b""[..], None));
    let unknown = config("R 1%") + "?property=running_config";
    ask(&server, "GET", &unknown).send().problem(404, "unknown-text");
    ask(&server, "GET", &config("nowhere")).send().problem(404, "unknown-instance");
    let nowhere = ask(&server, "PUT", &config("nowhere")).body("x").send();
    nowhere.problem(404, "unknown-instance");

    let other = config("R 1%") + "?property=operational_data";
    store(&server, "PUT", &other, "up");
    store(&server, "PUT", &config("R 1%"), "a");
    assert_eq!(ask(&server, "GET", &other).send().body, b"up");
    let answer = ask(&server, "GET", &config("R 1%")).send();
    let etag = answer.header("etag").unwrap();
    let known = ask(&server, "GET", &config("R 1%")).header("If-None-Match", etag).send();
    assert_eq!(known.status, 304);
    let changed = ask(&server, "PUT", &config("R 1%")).header("If-Match", etag).body("b").send();
    assert_eq!(changed.status, 200, "{}", shown(&changed));
    let stale = ask(&server, "PUT", &config("R 1%")).header("If-Match", etag).body("c").send();
    stale.problem(412, "stale");
    assert_eq!(ask(&server, "GET", &config("R 1%")).send().body, b"b");

    let answer =
        ask(&server, "PUT", &(config("R 1%") + "?property=configuratoin")).body("x").send();
    let problem = answer.problem(400, "unknown-property");
    let error = &problem["errors"][0];
    assert_eq!(error["query_parameter"], "property");
    assert_eq!(error["nearest"], "configuration");
    let answer = ask(&server, "GET", &(config("R 1%") + "?proprety=x")).send();
    answer.problem(400, "malformed-request");
}

#[test]
fn bodies_that_are_not_texts_are_refused() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "a"}));
    let put = |bytes: &[u8], media_type: Option<&str>| {
        let request = ask(&server, "PUT", "/rest/configuration/a").body(bytes);
        match media_type {
            Some(media_type) => request.header("Content-Type", media_type).send(),
            None => request.send(),
        }
    };
    put(b"a\xffb", None).problem(400, "malformed-body");
    for wrong in [
        "application/json",
        "multipart/form-data; boundary=x",
        // The body of curl -d, which removes line ends.
        "application/x-www-form-urlencoded",
    ] {
        put(b"x", Some(wrong)).problem(415, "unsupported-media-type");
    }
    for right in ["text/plain", "Text/Plain; charset=utf-8", "application/octet-stream"] {
        assert_eq!(put(b"x", Some(right)).status, 200, "{right}");
    }
    let large = (64 * 1024 * 1024 + 1).to_string();
    let request = ask(&server, "PUT", "/rest/configuration/a").header("Content-Length", &large);
    let mut connection = server.connect();
    connection.send(request.head().as_bytes());
    connection.answer().problem(413, "body-too-large");
    assert_eq!(get(&server, "/rest/count")["device"], 1);
}

/// eNMS answers a JSON string, which its clients read with `response.json()`.
#[test]
fn a_text_is_a_json_string_if_the_client_asks_for_json() {
    let server = Server::start();
    put(&server, "device", &json!({"name": "R 1%"}));
    let get = |accept: &str| ask(&server, "GET", &config("R 1%")).header("Accept", accept).send();
    let empty = get("application/json");
    assert_eq!((empty.status, empty.json()), (200, json!("")));
    let text = "banner \"é\" \\ \n\tend\n";
    store(&server, "PUT", &config("R 1%"), text);
    let answer = get("application/json");
    assert_eq!(answer.json(), json!(text));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("vary"), Some("accept"));
    for accept in ["*/*", "text/plain", "text/plain, application/json", "text/*"] {
        assert_eq!(get(accept).body, text.as_bytes(), "{accept}");
    }
    let plain = get("*/*");
    assert_ne!(plain.header("etag"), answer.header("etag"));
}
