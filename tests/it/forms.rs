//! Forms with files: valid and invalid ones.

use serde_json::{Value, json};

use crate::harness::{ADMIN, Answer, Request, Server};

pub(crate) const BOUNDARY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// Builds a form part by part.
#[derive(Clone, Default)]
pub(crate) struct Form(Vec<u8>);

impl Form {
    /// A form with this file alone, as Python's `requests` sends it.
    pub(crate) fn of_file(name: &str, bytes: &[u8]) -> Self {
        Self::default().file(name, bytes)
    }

    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.part(&format!("form-data; name=\"file\"; filename=\"{name}\""), None, bytes)
    }

    /// A field, as Python's `data=` sends it.
    pub(crate) fn field(self, name: &str, value: &str) -> Self {
        self.part(&format!("form-data; name=\"{name}\""), None, value.as_bytes())
    }

    pub(crate) fn json(self, name: &str, value: &Value) -> Self {
        let disposition = format!("form-data; name=\"{name}\"");
        self.part(&disposition, Some("application/json"), value.to_string().as_bytes())
    }

    pub(crate) fn part(mut self, disposition: &str, media_type: Option<&str>, data: &[u8]) -> Self {
        let mut head = format!("--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n");
        if let Some(media_type) = media_type {
            head += &format!("Content-Type: {media_type}\r\n");
        }
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(b"\r\n");
        self.0.extend_from_slice(data);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// The whole body.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.0
    }
}

/// A request to `topology/import` with this form and query.
pub(crate) fn posted<'s>(server: &'s Server, query: &str, body: Vec<u8>) -> Request<'s> {
    let media_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = server.request("POST", &format!("/rest/topology/import{query}")).login(ADMIN);
    request.header("Content-Type", &media_type).body(body)
}

/// Imports a form.
pub(crate) fn import(server: &Server, form: Form) -> Answer {
    posted(server, "", form.bytes()).send()
}

/// Imports and expects success.
pub(crate) fn imported(server: &Server, form: Form) -> Value {
    let answer = import(server, form);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// Exports devices and links. Returns the workbook.
pub(crate) fn exported(server: &Server, name: &str) -> Vec<u8> {
    let body = json!({"name": name});
    let answer = server.request("POST", "/rest/topology/export").login(ADMIN).json(&body).send();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let place = answer.json()["download"].as_str().unwrap().to_owned();
    let answer = server.request("GET", &place).login(ADMIN).send();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.body
}
