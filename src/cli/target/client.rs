//! Calls to a server.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use ureq::{
    Agent, Body, RequestBuilder, SendBody,
    http::{Response, Uri},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
    typestate::{WithBody, WithoutBody},
};
use zeroize::Zeroizing;

use crate::{
    cli::{
        interrupt::{self, Interrupted},
        progress::{Bar, Progress},
    },
    wording::counted,
};

/// How long a server may take to be connection. What it is asked for may take hours.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(20);

/// The longest answer that is taken into memory, in bytes: of a report, not of a bundle.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// Who asks.
#[derive(Clone)]
pub(super) struct Login {
    pub user: String,
    pub password: Zeroizing<String>,
}

/// Asks a server.
#[derive(Clone)]
pub(in crate::cli) struct Client {
    agent: Agent,
    /// `http://127.0.0.1:8080`
    base: String,
    authorization: Zeroizing<String>,
    /// Who asks.
    user: String,
    server_location: ServerLocation,
}

/// Where the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerLocation {
    /// It ends with the command, which prints the causes of failures (`cli::target::log_printer`).
    InProcess,
    Remote,
}

/// What an answer says of its cause, and what is true where there is no server's log.
const CAUSE_IN_LOG: &str = "The cause is in the server's log, under the request id.";
const CAUSE_PRINTED: &str = "The cause is in the line before.";

/// What a server answered, if it is no refusal.
pub(in crate::cli) struct Answer {
    pub status: u16,
    /// JSON as it came.
    pub text: String,
    /// The address of the job that was begun.
    pub location: Option<String>,
}

/// A request that was not granted, with what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(in crate::cli) struct RequestRefused {
    pub status: u16,
    message: String,
    /// The problem as the server answered it, where it is one.
    pub document: Option<String>,
}

/// What is wrong with a request, or with what it brought (RFC 9457).
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    detail: Option<String>,
    #[serde(default)]
    errors: Vec<Flaw>,
}

#[derive(Debug, Deserialize)]
struct Flaw {
    detail: Option<String>,
    entry: Option<String>,
}

/// A file on its way to a server.
pub(in crate::cli) struct Upload<'a> {
    pub file: &'a File,
    pub media_type: &'a str,
    /// What the bar says.
    pub label: &'a str,
    /// Whether what is there under the name may be replaced.
    pub replace: bool,
}

impl Answer {
    /// Reads the answer.
    ///
    /// # Errors
    /// It is something else: the server is another version, or no Satchel.
    pub fn read<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_str(&self.text)
            .context("The server's answer is not understood; is it of the same version?")
    }
}

impl Client {
    pub(super) fn new(
        base: &Uri,
        login: &Login,
        ca: Option<&Path>,
        server_location: ServerLocation,
    ) -> anyhow::Result<Self> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would carry the request, and perhaps the password, elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A server closes connections that are idle, and a request on such a one fails.
            .max_idle_connections(0)
            .timeout_connect(Some(CONNECT_WAIT_MAX))
            .user_agent(concat!("satchel/", env!("CARGO_PKG_VERSION")));
        if is_loopback(base) {
            config = config.proxy(None);
        }
        if let Some(path) = ca {
            let tls = TlsConfig::builder().root_certs(authorities(path)?).build();
            config = config.tls_config(tls);
        }
        let pair = Zeroizing::new(format!("{}:{}", login.user, *login.password));
        let authorization = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(&*pair)));
        let base = base.to_string().trim_end_matches('/').to_owned();
        let user = login.user.clone();
        Ok(Self { agent: config.build().into(), base, authorization, user, server_location })
    }

    /// The answer to GET.
    pub fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let request = self.bare(self.agent.get(self.url(path)));
        self.answered(request.call())
    }

    /// The answer to POST with JSON, for which a spinner turns.
    pub fn post(
        &self,
        path: &str,
        body: &Value,
        label: &str,
        progress: &Progress,
    ) -> anyhow::Result<Answer> {
        let spinner = progress.spinner(label);
        let request =
            self.full(self.agent.post(self.url(path))).header("content-type", "application/json");
        let sent = request.send(body.to_string());
        let answer = self.answered(sent);
        drop(spinner);
        answer
    }

    /// The answer to POST with JSON and a preference (RFC 7240).
    pub(super) fn post_preferring(
        &self,
        path: &str,
        body: &Value,
        preference: &str,
    ) -> anyhow::Result<Answer> {
        let request = self
            .full(self.agent.post(self.url(path)))
            .header("content-type", "application/json")
            .header("prefer", preference);
        self.answered(request.send(body.to_string()))
    }

    /// Sends a file with PUT.
    pub fn put(
        &self,
        path: &str,
        upload: &Upload<'_>,
        progress: &Progress,
    ) -> anyhow::Result<Answer> {
        self.send(self.agent.put(self.url(path)), upload, progress)
    }

    /// Sends a file with POST and a preference (RFC 7240).
    pub(super) fn post_file_preferring(
        &self,
        path: &str,
        upload: &Upload<'_>,
        preference: &str,
        progress: &Progress,
    ) -> anyhow::Result<Answer> {
        let request = self.agent.post(self.url(path)).header("prefer", preference);
        self.send(request, upload, progress)
    }

    fn send(
        &self,
        request: RequestBuilder<WithBody>,
        upload: &Upload<'_>,
        progress: &Progress,
    ) -> anyhow::Result<Answer> {
        let bytes = upload.file.metadata().context("The file cannot be looked at")?.len();
        let mut request = self
            .full(request)
            .header("content-type", upload.media_type)
            .header("content-length", bytes);
        if !upload.replace {
            request = request.header("if-none-match", "*");
        }
        let mut watched = Watched { from: upload.file, bar: progress.bytes(upload.label, bytes) };
        let sent = request.send(SendBody::from_reader(&mut watched));
        drop(watched);
        if sent.is_err() && interrupt::is_asked() {
            // The server takes nothing that is not complete.
            return Err(Interrupted::Cancelled.into());
        }
        self.answered(sent)
    }

    /// Fetches a file. Gives the number of its bytes.
    pub fn download(
        &self,
        path: &str,
        mut to: impl Write,
        label: &str,
        progress: &Progress,
    ) -> anyhow::Result<u64> {
        let answer = self.bare(self.agent.get(self.url(path))).call();
        let mut response = answer.map_err(|error| self.unreached(error))?;
        if response.status().as_u16() != 200 {
            let refused = self.answered(Ok(response))?;
            bail!("The server answered {} where a file was expected", refused.status);
        }
        let announced = response.body().content_length();
        let bar = progress.bytes(label, announced.unwrap_or_default());
        let mut from = response.body_mut().with_config().limit(u64::MAX).reader();
        let mut buffer = vec![0; 64 * 1024];
        let mut bytes = 0;
        loop {
            let count = from.read(&mut buffer).context("The file does not come in whole")?;
            if count == 0 {
                break;
            }
            to.write_all(&buffer[..count]).context("The file cannot be written")?;
            bytes += count as u64;
            bar.add(count as u64);
        }
        match announced {
            Some(announced) if announced != bytes => {
                bail!("Of {} only {bytes} came; try again", counted(announced, "byte"))
            }
            Some(_) | None => Ok(bytes),
        }
    }

    /// Removes what is there.
    pub fn delete(&self, path: &str) -> anyhow::Result<()> {
        let request = self.bare(self.agent.delete(self.url(path)));
        self.answered(request.call()).map(drop)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether the server ends with this process.
    pub(super) fn is_within_process(&self) -> bool {
        self.server_location == ServerLocation::InProcess
    }

    /// Who asks.
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    fn bare(&self, request: RequestBuilder<WithoutBody>) -> RequestBuilder<WithoutBody> {
        request.header("authorization", self.authorization.as_str())
    }

    fn full(&self, request: RequestBuilder<WithBody>) -> RequestBuilder<WithBody> {
        request.header("authorization", self.authorization.as_str())
    }

    /// The answer, where it is one: a success, or an import that was rejected, which has a report.
    fn answered(&self, sent: Result<Response<Body>, ureq::Error>) -> anyhow::Result<Answer> {
        let mut response = sent.map_err(|error| self.unreached(error))?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = text.with_context(|| format!("The answer of {} ended early", self.base))?;
        let location = response.headers().get("location").and_then(|it| it.to_str().ok());
        self.granted(status, text, location.map(str::to_owned))
    }

    /// The same for an answer that has been read.
    pub(super) fn granted(
        &self,
        status: u16,
        text: String,
        location: Option<String>,
    ) -> anyhow::Result<Answer> {
        let is_report = status == 422 && text.contains("problem/import-rejected");
        if (200..300).contains(&status) || is_report {
            return Ok(Answer { status, text, location });
        }
        Err(self.refused(status, &text))
    }

    fn refused(&self, status: u16, text: &str) -> anyhow::Error {
        let Refusal { detail, errors } = serde_json::from_str(text).unwrap_or_default();
        let next = match status {
            401 => " Look at --user and the password.",
            403 => " Log in as another user: --user NAME.",
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
                for flaw in errors {
                    let said = flaw.detail.unwrap_or_default();
                    if !said.is_empty() && !message.contains(&said) {
                        let entry = flaw.entry.map(|entry| format!("{entry}: "));
                        message += &format!("\n  {}{said}", entry.unwrap_or_default());
                    }
                }
                message
            }
            None => format!(
                "{} answered {status}, and not as a Satchel does. Is the address right?",
                self.base
            ),
        };
        let document = is_problem.then(|| text.to_owned());
        RequestRefused { status, message, document }.into()
    }

    fn unreached(&self, error: ureq::Error) -> anyhow::Error {
        let next = match &error {
            ureq::Error::Io(io) if io.kind() == io::ErrorKind::ConnectionRefused => {
                ": nothing listens there. Is the server running (satchel serve)?"
            }
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Io(_)
                if self.base.starts_with("https:") =>
            {
                ". If its certificate is of the site's own authority, say --ca FILE"
            }
            ureq::Error::HostNotFound => ": there is no host of this name",
            _ => "",
        };
        anyhow!("{error}").context(format!("{} cannot be asked{next}", self.base))
    }
}

fn is_loopback(base: &Uri) -> bool {
    let host = base.host().unwrap_or_default().trim_matches(['[', ']']);
    host.parse().is_ok_and(|ip: std::net::IpAddr| ip.to_canonical().is_loopback())
}

/// Reads certificate authorities.
fn authorities(path: &Path) -> anyhow::Result<RootCerts> {
    let shown = path.display();
    let pem = fs::read(path).with_context(|| format!("The file {shown} cannot be read"))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&pem) {
        let item = item.with_context(|| format!("The file {shown} is not PEM"))?;
        if let PemItem::Certificate(certificate) = item {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        bail!("There is no certificate in the file {shown}")
    } else {
        Ok(RootCerts::new_with_certs(&certificates))
    }
}

/// Tells a bar of what is read.
struct Watched<'a> {
    from: &'a File,
    bar: Bar,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if interrupt::is_deferred_and_asked() {
            return Err(io::Error::other("the upload was cancelled"));
        }
        let read = self.from.read(buffer)?;
        self.bar.add(read as u64);
        Ok(read)
    }
}
