//! The message of an entry: RFC 5424, with the members of the event as structured data.

use crate::audit::{entry::AuditEntry, event::EventKind};

/// The facility "log audit" (RFC 5424, table 1).
const FACILITY: u8 = 13;

/// The id of the structured data. 32473 is the enterprise number of examples (RFC 5612): Satchel has none
/// of its own.
const DATA_ID: &str = "satchel@32473";

/// The byte order mark that begins a message in UTF-8 (RFC 5424, 6.4).
const MARK: char = '\u{feff}';

/// The longest value of a parameter in bytes, so that a message stays within the 2,048 bytes that every
/// collector accepts over UDP (RFC 5426, 3.2) in all but absurd cases.
const VALUE_BYTES_MAX: usize = 255;

/// The names of the sender in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sender {
    /// The name of the host.
    pub host: String,
    /// The id of the process.
    pub process: u32,
}

impl Sender {
    /// The name of the host as RFC 5424 allows it: printable ASCII without spaces, at most 255 characters.
    fn host(&self) -> &str {
        let is_printable = self.host.bytes().all(|byte| byte.is_ascii_graphic());
        if self.host.is_empty() || self.host.len() > 255 || !is_printable {
            "-"
        } else {
            &self.host
        }
    }
}

/// Returns the message of an entry.
pub(super) fn message(entry: &AuditEntry, sender: &Sender) -> String {
    let event = &entry.event;
    let priority = FACILITY * 8 + severity(event.kind);
    let mut text = format!(
        "<{priority}>1 {} {} satchel {} {} [{DATA_ID}",
        entry.time,
        sender.host(),
        sender.process,
        event.kind
    );
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    let changes = event.changes.as_ref().map(|link| format!("{}-{}", link.first, link.last));
    for (name, value) in [
        ("number", Some(entry.number.to_string())),
        ("user", event.user.clone()),
        ("address", event.address.map(|address| address.to_string())),
        ("operation", event.operation.clone()),
        ("request", event.request.clone()),
        ("status", event.status.map(|status| status.to_string())),
        ("subject", event.subject.clone()),
        ("count", number(event.count)),
        ("users", number(event.users)),
        ("addresses", number(event.addresses)),
        ("changes", changes),
        ("made", event.late.as_ref().map(|late| late.last.clone())),
        ("sha256", event.changes.as_ref().map(|link| link.sha256.clone())),
        ("removed", number(event.removed.as_ref().map(|removed| removed.up_to))),
        ("hash", Some(entry.hash.clone())),
    ] {
        if let Some(value) = value {
            text.push_str(&format!(" {name}=\"{}\"", parameter_value(&value)));
        }
    }
    text.push_str("] ");
    let words = words(entry);
    if !words.is_ascii() {
        text.push(MARK);
    }
    text.push_str(&words);
    text
}

/// The text for a person.
fn words(entry: &AuditEntry) -> String {
    let event = &entry.event;
    let mut words = event.kind.as_str().replace('_', " ");
    if let Some(user) = &event.user {
        words.push_str(&format!(" of {user}"));
    }
    if let Some(address) = event.address {
        words.push_str(&format!(" from {address}"));
    }
    if let Some(detail) = &event.detail {
        words.push_str(&format!(": {detail}"));
    }
    without_controls(cut(&words))
}

/// Returns the value of a parameter with its special characters escaped (RFC 5424, 6.3.3).
fn parameter_value(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in without_controls(cut(value)).chars() {
        if matches!(c, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Returns at most [`VALUE_BYTES_MAX`] bytes.
fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(VALUE_BYTES_MAX)]
}

/// Replaces control characters: they could end a message or control a terminal.
fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The severity (RFC 5424, table 2): 3 error, 4 warning, 5 notice, 6 information.
fn severity(kind: EventKind) -> u8 {
    match kind {
        EventKind::Damage => 3,
        EventKind::LoginFailed | EventKind::LoginLocked | EventKind::Recovery => 4,
        EventKind::Change
        | EventKind::Import
        | EventKind::Export
        | EventKind::Download
        | EventKind::Undo
        | EventKind::Restore
        | EventKind::Token
        | EventKind::Settings
        | EventKind::Rekey
        | EventKind::Removal => 5,
        EventKind::Login
        | EventKind::TokenUse
        | EventKind::Operation
        | EventKind::Start
        | EventKind::Stop => 6,
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::audit::{entry::ChainEnd, event::Event};

    #[test]
    fn a_message_has_its_fields_in_structured_data() {
        let event =
            Event::new(EventKind::LoginFailed).by("é\"]\\\n100%").from("192.0.2.7".parse().ok());
        let time = OffsetDateTime::from_unix_timestamp(1_795_760_000).unwrap();
        let (entry, _) = AuditEntry::after(&ChainEnd::empty(), time, event);
        let sender = Sender { host: "inventory".to_owned(), process: 42 };
        assert_eq!(
            message(&entry, &sender),
            format!(
                "<108>1 2026-11-27T06:13:20.000Z inventory satchel 42 login_failed [satchel@32473 \
                 number=\"1\" user=\"é\\\"\\]\\\\?100%\" address=\"192.0.2.7\" hash=\"{}\"] \
                 \u{feff}login failed of é\"]\\?100% from 192.0.2.7",
                entry.hash
            )
        );
        let nameless = Sender { host: "a b".to_owned(), process: 42 };
        assert!(message(&entry, &nameless).contains("Z - satchel 42 "));
    }

    #[test]
    fn a_message_is_short() {
        let event = Event {
            operation: Some("é".repeat(1000)),
            subject: Some("é".repeat(1000)),
            detail: Some("é".repeat(1000)),
            ..Event::new(EventKind::Import).by(&"é".repeat(1000))
        };
        let (entry, _) = AuditEntry::after(&ChainEnd::empty(), OffsetDateTime::UNIX_EPOCH, event);
        let sender = Sender { host: "x".repeat(255), process: u32::MAX };
        let message = message(&entry, &sender);
        assert!(message.len() <= 2048, "{}", message.len());
    }
}
