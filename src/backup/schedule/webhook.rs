//! The webhook: a JSON document that is sent after each scheduled backup.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use serde::Serialize;
use time::OffsetDateTime;
use ureq::{Agent, http::Uri};

use super::{failure::FailureCause, state::Success, stop::StopFlag};
use crate::tls::{ServerCheck, TlsError, http_agent};

/// The longest time of one attempt.
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(10);

/// The times between the attempts. With them, a receiver that restarts gets the document.
const WAITS: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

/// The receiver of the settings.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its address.
    pub url: WebhookUrl,
    /// The PEM file of its certificate or of the authority that signed it. `None` for the public authorities.
    pub authority: Option<PathBuf>,
    /// The name of this server in the documents.
    pub server: String,
}

/// An address with `http://` or `https://`. Its path can be a secret, so it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Uri);

/// The text is not the address of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected http://HOST/PATH or https://HOST/PATH, without a user name")]
pub struct InvalidWebhookUrl;

impl WebhookUrl {
    /// Returns whether connections are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

impl FromStr for WebhookUrl {
    type Err = InvalidWebhookUrl;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidWebhookUrl)?;
        let is_known = matches!(uri.scheme_str(), Some("http" | "https"));
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if is_known && has_host && !authority.contains('@') {
            Ok(Self(uri))
        } else {
            Err(InvalidWebhookUrl)
        }
    }
}

/// Writes the address without its path.
impl fmt::Display for WebhookUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        let authority = self.0.authority().map(|authority| authority.as_str()).unwrap_or_default();
        write!(out, "{scheme}://{authority}/…")
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "WebhookUrl({self})")
    }
}

/// The reason why a document was not received.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The file of certificates cannot be used.
    #[error("the certificates of backup_webhook_ca cannot be used")]
    Certificates(#[source] TlsError),
    /// The request failed.
    #[error("cannot send to {url}")]
    Request {
        /// The address.
        url: WebhookUrl,
        /// The reason. It is large, so it has a place of its own.
        source: Box<ureq::Error>,
    },
    /// The receiver answered with another status than 2xx.
    #[error("{url} answered with status {status}")]
    Status {
        /// The address.
        url: WebhookUrl,
        /// The HTTP status.
        status: u16,
    },
}

/// The outcome that a document reports.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome<'o> {
    Success(&'o Success),
    Failure { cause: FailureCause, detail: &'o str },
}

/// The document. Its form is described on the page `backups.md`.
#[derive(Serialize)]
struct Document<'d> {
    event: &'static str,
    server: &'d str,
    #[serde(with = "time::serde::rfc3339")]
    time: OffsetDateTime,
    succeeded: bool,
    backup: Option<&'d str>,
    bytes: Option<u64>,
    change: Option<u64>,
    cause: Option<FailureCause>,
    detail: Option<&'d str>,
}

impl Webhook {
    /// Sends a document. Tries again if the receiver does not take it, until the server has to stop.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub(super) fn send(
        &self,
        time: OffsetDateTime,
        outcome: Outcome<'_>,
        stop: &StopFlag,
    ) -> Result<(), WebhookError> {
        let text = self.document(time, outcome);
        for wait in WAITS {
            match self.attempt(&text) {
                Ok(()) => return Ok(()),
                Err(error) if stop.wait(wait) => return Err(error),
                Err(_) => {}
            }
        }
        self.attempt(&text)
    }

    /// Returns the document as JSON.
    fn document(&self, time: OffsetDateTime, outcome: Outcome<'_>) -> Vec<u8> {
        let empty = Document {
            event: "backup",
            server: &self.server,
            time,
            succeeded: false,
            backup: None,
            bytes: None,
            change: None,
            cause: None,
            detail: None,
        };
        let document = match outcome {
            Outcome::Success(success) => Document {
                succeeded: true,
                backup: Some(&success.backup),
                bytes: Some(success.bytes),
                change: Some(success.change),
                ..empty
            },
            Outcome::Failure { cause, detail } => {
                Document { cause: Some(cause), detail: Some(detail), ..empty }
            }
        };
        // Texts, numbers and times always have a form in JSON.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    fn attempt(&self, text: &[u8]) -> Result<(), WebhookError> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect could lead to another server.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(ATTEMPT_TIME_MAX))
            .user_agent(concat!("satchel/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = match &self.authority {
            None => config.into(),
            // Read each time: a renewed certificate needs no restart.
            Some(path) => ServerCheck::listed(path)
                .and_then(|check| http_agent(config, &check))
                .map_err(WebhookError::Certificates)?,
        };
        let request = agent.post(&self.url.0).header("content-type", "application/json");
        let response = request.send(text).map_err(|error| WebhookError::Request {
            url: self.url.clone(),
            source: Box::new(error),
        })?;
        if response.status().is_success() {
            Ok(())
        } else {
            let status = response.status().as_u16();
            Err(WebhookError::Status { url: self.url.clone(), status })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_webhook_is_not_shown() {
        let url: WebhookUrl = "https://hooks.example.net:8443/T0/secret?key=x".parse().unwrap();
        assert_eq!(url.to_string(), "https://hooks.example.net:8443/…");
        assert_eq!(format!("{url:?}"), "WebhookUrl(https://hooks.example.net:8443/…)");
        assert!(url.is_encrypted());
        assert!(!"http://[::1]:80".parse::<WebhookUrl>().unwrap().is_encrypted());
        for text in [
            "",
            "hooks.example.net",
            "/path",
            "ftp://a/b",
            "https://",
            "https:///b",
            "https://user:secret@a/b",
            "https://a b/",
        ] {
            assert_eq!(text.parse::<WebhookUrl>(), Err(InvalidWebhookUrl), "{text}");
        }
    }
}
