//! An entry: its serialisation and its hash.
//!
//! An entry is a JSON object in one line of UTF-8. Its last member is `hash`: the SHA-256 of the line
//! without this member, in hexadecimal. The member before it is `previous`: the hash of the entry before,
//! and 64 zeros for the first entry. So the chain can be checked without Satchel:
//!
//! ```sh
//! sed 's/,"hash":"[0-9a-f]*"}$/}/' FILE | while IFS= read -r line; do printf %s "$line" | sha256sum; done
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

use super::event::Event;
use crate::wording::hex;

/// The hash before the first entry.
pub(super) const FIRST_PREVIOUS: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// The text before the hash at the end of a line.
const HASH_MEMBER: &str = ",\"hash\":\"";

/// The length of a SHA-256 in hexadecimal.
pub(super) const HASH_CHARS: usize = 64;

/// The text after the hash at the end of a line.
const LINE_END: &str = "\"}";

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// The number of the entry, from 1, without gaps.
    pub number: u64,
    /// The time of the event (RFC 3339); for several events that of the last one.
    pub time: String,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// The hash of the entry before; 64 zeros in the first entry.
    pub previous: String,
    /// The SHA-256 of this entry without this member, in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
}

/// The reason why a line is not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokenLine {
    /// It does not end with a hash, or is not an entry in JSON.
    NotAnEntry,
    /// Its hash is that of another text.
    WrongHash,
}

impl AuditEntry {
    /// Returns the next entry after `previous`, with its hash, and its line without the line end.
    pub(super) fn after(previous: &ChainEnd, time: OffsetDateTime, event: Event) -> (Self, String) {
        let mut entry = Self {
            number: previous.number + 1,
            time: timestamp(time),
            event: event.within_limits(),
            previous: previous.hash.clone(),
            hash: String::new(),
        };
        let mut line = serde_json::to_string(&entry).expect("an entry has only text keys");
        entry.hash = hash_of(&line);
        line.truncate(line.len() - 1);
        line.push_str(HASH_MEMBER);
        line.push_str(&entry.hash);
        line.push_str(LINE_END);
        (entry, line)
    }

    /// Parses a line and checks its hash.
    pub(super) fn parse(line: &str) -> Result<Self, BrokenLine> {
        let (body, hash) = split_hash(line).ok_or(BrokenLine::NotAnEntry)?;
        if hash_of(&format!("{body}}}")) != hash {
            return Err(BrokenLine::WrongHash);
        }
        serde_json::from_str(line).map_err(|_| BrokenLine::NotAnEntry)
    }

    /// The time of the entry. `None` if it is not a time.
    pub(super) fn moment(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(&self.time, &Rfc3339).ok()
    }

    /// The end of the chain after this entry.
    pub(super) fn end(&self) -> ChainEnd {
        ChainEnd { number: self.number, hash: self.hash.clone() }
    }
}

/// The end of a chain: the last entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChainEnd {
    /// The number of the last entry; 0 before the first one.
    pub number: u64,
    /// The hash of the last entry.
    pub hash: String,
}

impl ChainEnd {
    /// The end of an empty chain.
    pub(super) fn empty() -> Self {
        Self { number: 0, hash: FIRST_PREVIOUS.to_owned() }
    }
}

/// Splits a line into the text before the member `hash`, and the hash.
fn split_hash(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_suffix(LINE_END)?;
    let (rest, hash) = line.split_at_checked(line.len().checked_sub(HASH_CHARS)?)?;
    Some((rest.strip_suffix(HASH_MEMBER)?, hash))
}

fn hash_of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Returns a time in UTC in RFC 3339 with milliseconds, as entries have it.
pub fn timestamp(time: OffsetDateTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    time.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::EventKind;

    fn sample() -> (AuditEntry, String) {
        let time = OffsetDateTime::from_unix_timestamp(1_795_760_000).unwrap();
        let event = Event::new(EventKind::LoginFailed)
            .by("é\"}\n,\"hash\":\"")
            .from("2001:db8::1".parse().ok());
        AuditEntry::after(&ChainEnd::empty(), time, event)
    }

    /// Data directories and collectors hold these bytes: the serialisation must not change.
    #[test]
    fn the_serialisation_is_the_golden_one() {
        let (entry, line) = sample();
        assert_eq!(
            line,
            "{\"number\":1,\"time\":\"2026-11-27T06:13:20.000Z\",\"event\":\"login_failed\",\
             \"user\":\"é\\\"}\\n,\\\"hash\\\":\\\"\",\"address\":\"2001:db8::1\",\"previous\":\"\
             0000000000000000000000000000000000000000000000000000000000000000\",\"hash\":\"\
             0abf8972826ede403a408986828662129bdf3daeec5752cb0e42883ff4338649\"}"
        );
        assert_eq!(AuditEntry::parse(&line), Ok(entry));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let (_, line) = sample();
        for at in 0..line.len() {
            let mut bytes = line.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(AuditEntry::parse(&changed).is_err(), "{at}: {changed}");
        }
        for end in (0..line.len()).filter(|end| line.is_char_boundary(*end)) {
            assert!(AuditEntry::parse(&line[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let event = Event::new(EventKind::LoginFailed).by(&"é".repeat(10_000));
        let (entry, line) =
            AuditEntry::after(&ChainEnd::empty(), OffsetDateTime::UNIX_EPOCH, event);
        assert!(line.len() < 1000, "{}", line.len());
        assert!(entry.event.user.unwrap().ends_with("é…"));
        assert_eq!(entry.time, "1970-01-01T00:00:00.000Z");
    }
}
