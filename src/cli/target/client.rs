//! HTTP client: calls the REST API of a server.

use std::{
    fs::File,
    io::{self, Read, Write},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use ureq::{
    Agent, Body, RequestBuilder, SendBody,
    config::Config,
    http::{Response, Uri},
    typestate::{WithBody, WithoutBody},
};
use zeroize::Zeroizing;

use super::{Trust, message::ChangeMessage};
use crate::{
    cli::{
        interrupt::{self, Interrupted},
        progress::{Bar, Progress},
        safe_text::safe,
        server_address::is_loopback,
    },
    http::paths,
    migration::BUNDLE_BYTES_MAX,
    tls::{ServerCheck, http_agent},
    wording::counted,
};

/// The maximum time to connect. The response itself can take hours.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(20);

/// The largest size of a response that is read into memory, such as a report, in bytes. Bundles are
/// streamed.
const RESPONSE_BYTES_MAX: u64 = 1 << 30;

/// The credentials for a server.
#[derive(Clone)]
pub(super) enum Login {
    Password { user: String, password: Zeroizing<String> },
    Token(Zeroizing<String>),
}

impl Login {
    /// The value of the header `Authorization`.
    fn header(&self) -> Zeroizing<String> {
        match self {
            Self::Password { user, password } => {
                let pair = Zeroizing::new(format!("{user}:{}", **password));
                Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(&*pair)))
            }
            Self::Token(token) => Zeroizing::new(format!("Bearer {}", **token)),
        }
    }
}

/// A client of one server, with the credentials of one user.
#[derive(Clone)]
pub(in crate::cli) struct Client {
    agent: Agent,
    /// `http://127.0.0.1:8080`
    base: String,
    authorization: Zeroizing<String>,
    login: Login,
    server_location: ServerLocation,
    /// The message of the changes, which the history keeps.
    message: Option<String>,
}

/// The process in which the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerLocation {
    /// Within this process. It ends with the command, which prints the causes of failures
    /// (`cli::target::log_printer`).
    InProcess,
    Remote,
}

/// The sentence of a response that refers to the server's log.
const CAUSE_IN_LOG: &str = "The cause is in the server's log, under the request id.";

/// The sentence that replaces [`CAUSE_IN_LOG`] for a server within this process, which has no log.
const CAUSE_PRINTED: &str = "The cause is in the line before.";

/// A successful response of a server, or the report of a rejected import.
pub(in crate::cli) struct ApiResponse {
    pub status: u16,
    /// The JSON of the body, unchanged.
    pub text: String,
    /// The path of the job that the request started.
    pub location: Option<String>,
}

/// A request that the server refused, with advice.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(in crate::cli) struct RequestRefused {
    pub status: u16,
    message: String,
    /// The problem document of the response, if it is one.
    pub document: Option<String>,
}

/// The members of a problem document (RFC 9457) that are shown.
#[derive(Debug, Default, Deserialize)]
struct ProblemDocument {
    detail: Option<String>,
    #[serde(default)]
    errors: Vec<ProblemEntry>,
}

#[derive(Debug, Deserialize)]
struct ProblemEntry {
    detail: Option<String>,
    entry: Option<String>,
}

/// A file to upload.
pub(in crate::cli) struct Upload<'a> {
    pub file: &'a File,
    pub media_type: &'a str,
    /// The label of the progress bar.
    pub label: &'a str,
    /// True to replace an existing file of this name.
    pub replace: bool,
}

impl ApiResponse {
    /// Parses the response.
    ///
    /// # Errors
    /// The response has another form: the server is not Satchel, or is another version.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_str(&self.text).context(
            "Cannot read the server's response. Does the server run the same version of Satchel?",
        )
    }
}

impl Client {
    /// Creates a client for the server at `base`.
    ///
    /// # Errors
    /// The file of trusted certificates cannot be read, or contains none.
    pub(super) fn new(
        base: &Uri,
        login: &Login,
        trust: &Trust,
        server_location: ServerLocation,
    ) -> anyhow::Result<Self> {
        let config = config(base);
        let agent = match trust {
            Trust::Public => config.into(),
            Trust::Listed(path) => http_agent(config, &ServerCheck::listed(path)?)?,
            Trust::Pinned(fingerprint) => http_agent(config, &ServerCheck::pinned(*fingerprint))?,
        };
        let authorization = login.header();
        let base = base.to_string().trim_end_matches('/').to_owned();
        let login = login.clone();
        Ok(Self { agent, base, authorization, login, server_location, message: None })
    }

    /// Sends GET.
    ///
    /// # Errors
    /// [`RequestRefused`], or the server cannot be reached. The same holds for the other methods.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<ApiResponse> {
        let request = self.authorized(self.agent.get(self.url(path)?));
        self.read_response(request.call())
    }

    /// Sends POST with JSON, and shows a spinner meanwhile.
    pub(crate) fn post(
        &self,
        path: &str,
        body: &Value,
        label: &str,
        progress: &Progress,
    ) -> anyhow::Result<ApiResponse> {
        let spinner = progress.spinner(label);
        let request = self
            .authorized_with_body(self.agent.post(self.url(path)?))
            .header("content-type", "application/json");
        let sent = request.send(body.to_string());
        let response = self.read_response(sent);
        drop(spinner);
        response
    }

    /// Sends PUT with JSON.
    pub(crate) fn put_json(&self, path: &str, body: &Value) -> anyhow::Result<ApiResponse> {
        let request = self
            .authorized_with_body(self.agent.put(self.url(path)?))
            .header("content-type", "application/json");
        self.read_response(request.send(body.to_string()))
    }

    /// The user and the password of the login. `None` for a token.
    pub(in crate::cli) fn login(&self) -> Option<(&str, &str)> {
        match &self.login {
            Login::Password { user, password } => Some((user, password)),
            Login::Token(_) => None,
        }
    }

    /// Sends POST with JSON and a preference (RFC 7240).
    pub(super) fn post_preferring(
        &self,
        path: &str,
        body: &Value,
        preference: &str,
    ) -> anyhow::Result<ApiResponse> {
        let request = self
            .authorized_with_body(self.agent.post(self.url(path)?))
            .header("content-type", "application/json")
            .header("prefer", preference);
        self.read_response(request.send(body.to_string()))
    }

    /// Uploads a file with PUT.
    pub(crate) fn put(
        &self,
        path: &str,
        upload: &Upload<'_>,
        progress: &Progress,
    ) -> anyhow::Result<ApiResponse> {
        self.send(self.agent.put(self.url(path)?), upload, progress)
    }

    /// Uploads a file with POST, and waits for the response.
    pub(crate) fn post_file(
        &self,
        path: &str,
        upload: &Upload<'_>,
        progress: &Progress,
    ) -> anyhow::Result<ApiResponse> {
        self.send(self.agent.post(self.url(path)?), upload, progress)
    }

    /// Uploads a file with POST and a preference (RFC 7240).
    pub(super) fn post_file_preferring(
        &self,
        path: &str,
        upload: &Upload<'_>,
        preference: &str,
        progress: &Progress,
    ) -> anyhow::Result<ApiResponse> {
        let request = self.agent.post(self.url(path)?).header("prefer", preference);
        self.send(request, upload, progress)
    }

    fn send(
        &self,
        request: RequestBuilder<WithBody>,
        upload: &Upload<'_>,
        progress: &Progress,
    ) -> anyhow::Result<ApiResponse> {
        let bytes = upload.file.metadata().context("Cannot get the size of the file")?.len();
        // The server closes the connection before it has received such a file, so its response can be lost.
        if bytes > BUNDLE_BYTES_MAX {
            bail!("The file has {bytes} bytes. A server accepts at most {BUNDLE_BYTES_MAX}");
        }
        let mut request = self
            .authorized_with_body(request)
            .header("content-type", upload.media_type)
            .header("content-length", bytes);
        if !upload.replace {
            request = request.header("if-none-match", "*");
        }
        let mut body = UploadReader { file: upload.file, bar: progress.bytes(upload.label, bytes) };
        let sent = request.send(SendBody::from_reader(&mut body));
        drop(body);
        if sent.is_err() && interrupt::is_interrupted() {
            // The server discards an incomplete upload.
            return Err(Interrupted::Cancelled.into());
        }
        self.read_response(sent)
    }

    /// Downloads a file to `to`. Returns the number of its bytes.
    ///
    /// # Errors
    /// As [`Client::get`]; or the download is incomplete, or `to` cannot be written.
    pub(crate) fn download(
        &self,
        path: &str,
        mut to: impl Write,
        label: &str,
        progress: &Progress,
    ) -> anyhow::Result<u64> {
        let sent = self.authorized(self.agent.get(self.url(path)?)).call();
        let mut response = sent.map_err(|error| self.connection_error(error))?;
        if response.status().as_u16() != 200 {
            let refused = self.read_response(Ok(response))?;
            bail!("The server returned status {} instead of a file", refused.status);
        }
        let announced = response.body().content_length();
        let bar = progress.bytes(label, announced.unwrap_or_default());
        let mut from = response.body_mut().with_config().limit(u64::MAX).reader();
        let mut buffer = vec![0; 64 * 1024];
        let mut bytes = 0;
        loop {
            let count = from.read(&mut buffer).context("The download was interrupted")?;
            if count == 0 {
                break;
            }
            to.write_all(&buffer[..count]).context("Cannot write the downloaded file")?;
            bytes += count as u64;
            bar.add(count as u64);
        }
        match announced {
            Some(announced) if announced != bytes => {
                bail!("Downloaded {bytes} of {}. Try again", counted(announced, "byte"))
            }
            Some(_) | None => Ok(bytes),
        }
    }

    /// Sends DELETE.
    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<ApiResponse> {
        let request = self.authorized(self.agent.delete(self.url(path)?));
        self.read_response(request.call())
    }

    /// The address of a path. A path from a response must be one: `@host/` after the address of the server
    /// would send the password to that host.
    ///
    /// # Errors
    /// The path does not begin with a slash.
    pub(super) fn url(&self, path: &str) -> anyhow::Result<String> {
        if !path.starts_with('/') {
            bail!(
                "The response of {} contains “{}” instead of a path. Is it a Satchel server?",
                self.base,
                safe(path)
            );
        }
        Ok(format!("{}{path}", self.base))
    }

    /// The address of a path, for a message.
    pub(super) fn shown_url(&self, path: &str) -> String {
        safe(&format!("{}{path}", self.base))
    }

    /// Returns whether the server runs within this process.
    pub(in crate::cli) fn is_within_process(&self) -> bool {
        self.server_location == ServerLocation::InProcess
    }

    /// The arguments of curl with which the user sends a request himself.
    pub(super) fn curl_credentials(&self) -> String {
        match self.login() {
            Some((user, _)) => format!("--user {}", safe(user)),
            None => "--oauth2-bearer \"$SATCHEL_TOKEN\"".to_owned(),
        }
    }

    /// Adds the credentials.
    fn authorized(&self, request: RequestBuilder<WithoutBody>) -> RequestBuilder<WithoutBody> {
        request.header("authorization", self.authorization.as_str())
    }

    /// Sets the message of the changes that follow.
    pub(in crate::cli) fn set_message(&mut self, message: Option<&ChangeMessage>) {
        self.message = message.map(|message| message.as_str().to_owned());
    }

    /// Adds the credentials and the message of the change to a request with a body.
    fn authorized_with_body(&self, request: RequestBuilder<WithBody>) -> RequestBuilder<WithBody> {
        let request = request.header("authorization", self.authorization.as_str());
        match &self.message {
            Some(message) => request.header("x-change-message", message.as_bytes()),
            None => request,
        }
    }

    /// Reads the body. Turns a refusal into an error.
    fn read_response(
        &self,
        sent: Result<Response<Body>, ureq::Error>,
    ) -> anyhow::Result<ApiResponse> {
        let mut response = sent.map_err(|error| self.connection_error(error))?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(RESPONSE_BYTES_MAX).read_to_string();
        let text = text.with_context(|| format!("The response of {} is incomplete", self.base))?;
        let location = response.headers().get("location").and_then(|it| it.to_str().ok());
        self.checked(status, text, location.map(str::to_owned))
    }

    /// The response with this status and body.
    ///
    /// # Errors
    /// [`RequestRefused`], unless it is a success or the report of a rejected import.
    pub(super) fn checked(
        &self,
        status: u16,
        text: String,
        location: Option<String>,
    ) -> anyhow::Result<ApiResponse> {
        let is_report = status == 422 && text.contains("problem/import-rejected");
        if (200..300).contains(&status) || is_report {
            return Ok(ApiResponse { status, text, location });
        }
        Err(self.refused(status, &text))
    }

    fn refused(&self, status: u16, text: &str) -> anyhow::Error {
        let ProblemDocument { detail, errors } = serde_json::from_str(text).unwrap_or_default();
        let next = match status {
            401 => " Check --user and the password, or the token.",
            403 => " Log in as another user with --user NAME, or use another token.",
            _ => "",
        };
        let is_problem = detail.is_some();
        let message = match detail {
            Some(detail) => {
                let detail = match self.server_location {
                    ServerLocation::Remote => detail,
                    ServerLocation::InProcess => detail.replace(CAUSE_IN_LOG, CAUSE_PRINTED),
                };
                let mut message = format!("{detail}{next}");
                for ProblemEntry { detail, entry } in errors {
                    let detail = detail.unwrap_or_default();
                    if !detail.is_empty() && !message.contains(&detail) {
                        let entry = entry.map(|entry| format!("{entry}: "));
                        message += &format!("\n  {}{detail}", entry.unwrap_or_default());
                    }
                }
                message
            }
            None => format!(
                "{} returned status {status}, but is not a Satchel server. Is the address correct?",
                self.base
            ),
        };
        let document = is_problem.then(|| text.to_owned());
        RequestRefused { status, message, document }.into()
    }

    /// The error of a request without a response, with advice.
    fn connection_error(&self, error: ureq::Error) -> anyhow::Error {
        let base = &self.base;
        match error {
            ureq::Error::Io(io) if io.kind() == io::ErrorKind::ConnectionRefused => anyhow!(
                "Cannot connect to {base}: connection refused. Is the server running (satchel serve)?"
            ),
            ureq::Error::HostNotFound => anyhow!("Cannot connect to {base}: unknown host name"),
            error @ (ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Io(_))
                if base.starts_with("https:") =>
            {
                anyhow!(
                    "Cannot connect to {base}: {error}. If its certificate is self-signed, pass its \
                     fingerprint with --fingerprint (`satchel fingerprint` prints it on the server's \
                     machine). If it is signed by your own CA, pass that with --ca FILE"
                )
            }
            error => anyhow!("Cannot connect to {base}: {error}"),
        }
    }
}

/// The settings of the connections to a server.
fn config(base: &Uri) -> Config {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        // A redirect would send the request, and possibly the password, to another server.
        .max_redirects(0)
        .max_redirects_will_error(false)
        // The server closes idle connections, and a request on a closed one would fail.
        .max_idle_connections(0)
        .timeout_connect(Some(CONNECT_WAIT_MAX))
        .user_agent(concat!("satchel/", env!("CARGO_PKG_VERSION")));
    if is_loopback(base) {
        config = config.proxy(None);
    }
    config.build()
}

/// Returns whether a public authority signed the certificate of a server. A server that cannot be reached
/// counts as trusted: the request that follows reports the reason.
pub(super) fn is_publicly_trusted(base: &Uri) -> bool {
    let agent: Agent = config(base).into();
    let base = base.to_string();
    let url = format!("{}{}", base.trim_end_matches('/'), paths::IS_ALIVE.pattern());
    match agent.get(url).call() {
        Err(ureq::Error::Tls(_) | ureq::Error::Rustls(_)) => false,
        Err(ureq::Error::Io(error)) => error.kind() != io::ErrorKind::InvalidData,
        Ok(_) | Err(_) => true,
    }
}

/// Reads a file and advances a progress bar. Fails when the command must cancel its work.
struct UploadReader<'a> {
    file: &'a File,
    bar: Bar,
}

impl Read for UploadReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if interrupt::must_cancel() {
            return Err(io::Error::other("the upload was cancelled"));
        }
        let read = self.file.read(buffer)?;
        self.bar.add(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_response_stays_at_its_server() {
        let base: Uri = "http://inventory.example:8080".parse().unwrap();
        let login = Login::Token(Zeroizing::new("sat_0.1".to_owned()));
        let client = Client::new(&base, &login, &Trust::Public, ServerLocation::Remote).unwrap();
        assert_eq!(client.url("/rest/x").unwrap(), "http://inventory.example:8080/rest/x");
        assert_eq!(client.url("//a/x").unwrap(), "http://inventory.example:8080//a/x");
        for wrong in
            ["", "@evil.example/x", ".evil.example/x", "0/x", "http://evil.example/", "\u{1b}"]
        {
            let refused = client.url(wrong).unwrap_err().to_string();
            assert!(
                refused.contains("instead of a path") && !refused.contains('\u{1b}'),
                "{refused}"
            );
        }
    }
}
