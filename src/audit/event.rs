//! The events that are recorded.

use std::{collections::BTreeMap, fmt, net::IpAddr, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest text of an entry, in characters. A longer one, such as an invented user name, is cut.
const TEXT_CHARS_MAX: usize = 255;

/// The kind of an event.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A user logged in. Only the first login of a user from an address in an hour.
    Login,
    /// A user name or a password was wrong, or a token was not accepted.
    LoginFailed,
    /// A login was refused because of too many failed ones before.
    LoginLocked,
    /// A token was used. Only the first use from an address in an hour.
    TokenUse,
    /// The inventory was changed. `changes` names the changes of the history.
    Change,
    /// A project or a workbook was imported or uploaded, or a backup was uploaded.
    Import,
    /// A project or a workbook was exported.
    Export,
    /// A project or a workbook was downloaded.
    Download,
    /// A change was undone.
    Undo,
    /// A backup was restored.
    Restore,
    /// A token was made or revoked.
    Token,
    /// Another operation that is not a change of the inventory.
    Operation,
    /// The server was started with other settings than before.
    Settings,
    /// The server was started.
    Start,
    /// The server was stopped.
    Stop,
    /// The inventory was recovered, or its directory was copied back: the history ends earlier than before.
    Recovery,
    /// The key was replaced.
    Rekey,
    /// Old entries of this log were removed.
    Removal,
    /// Entries of this log are lost or damaged.
    Damage,
}

impl EventKind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 19] = [
        Self::Login,
        Self::LoginFailed,
        Self::LoginLocked,
        Self::TokenUse,
        Self::Change,
        Self::Import,
        Self::Export,
        Self::Download,
        Self::Undo,
        Self::Restore,
        Self::Token,
        Self::Operation,
        Self::Settings,
        Self::Start,
        Self::Stop,
        Self::Recovery,
        Self::Rekey,
        Self::Removal,
        Self::Damage,
    ];

    /// The words of all kinds, in the same order.
    pub const WORDS: [&'static str; 19] = {
        let mut words = [""; 19];
        let mut at = 0;
        while at < words.len() {
            words[at] = Self::ALL[at].as_str();
            at += 1;
        }
        words
    };

    /// The word in entries and filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginFailed => "login_failed",
            Self::LoginLocked => "login_locked",
            Self::TokenUse => "token_use",
            Self::Change => "change",
            Self::Import => "import",
            Self::Export => "export",
            Self::Download => "download",
            Self::Undo => "undo",
            Self::Restore => "restore",
            Self::Token => "token",
            Self::Operation => "operation",
            Self::Settings => "settings",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Recovery => "recovery",
            Self::Rekey => "rekey",
            Self::Removal => "removal",
            Self::Damage => "damage",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(())
    }
}

/// The changes of the history that an entry covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeLink {
    /// The number of the first change.
    pub first: u64,
    /// The number of the last change.
    pub last: u64,
    /// The SHA-256 of the stored entries of these changes in the history, one after the other.
    pub sha256: String,
}

/// The entries that were removed because they were too old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemovedEntries {
    /// The number of the last removed entry.
    pub up_to: u64,
    /// The hash of that entry, to which the first kept entry refers.
    pub hash: String,
}

/// When changes were made that the log got later, such as after a loss of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MadeEarlier {
    /// The time of the first change (RFC 3339).
    pub first: String,
    /// The time of the last change (RFC 3339).
    pub last: String,
}

/// A setting that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingChange {
    /// The value at the start before; absent if the setting had its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub before: Option<String>,
    /// The value now; absent if the setting has its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub after: Option<String>,
}

/// An event. Absent members are unknown, or do not belong to this kind of event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The kind of the event.
    #[serde(rename = "event")]
    pub kind: EventKind,
    /// The user; for a failed login the name that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub user: Option<String>,
    /// The address of the client. Absent for a command on the data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub address: Option<IpAddr>,
    /// The operation, as in the OpenAPI description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub operation: Option<String>,
    /// The id of the request, as in its response and in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub request: Option<String>,
    /// The HTTP status of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u16")]
    pub status: Option<u16>,
    /// The name of the project, workbook, backup or token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub subject: Option<String>,
    /// The number of equal events, if the entry stands for several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub count: Option<u64>,
    /// The number of different user names of these events, if it is more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub users: Option<u64>,
    /// The number of different addresses of these events, if it is more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub addresses: Option<u64>,
    /// The changes of the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ChangeLink")]
    pub changes: Option<ChangeLink>,
    /// When the changes were made, if they are recorded late: more than a minute after the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "MadeEarlier")]
    pub late: Option<MadeEarlier>,
    /// The settings in force that do not have their default, at a start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub settings: Option<BTreeMap<String, String>>,
    /// The settings that differ from those of the start before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BTreeMap<String, SettingChange>")]
    pub changed: Option<BTreeMap<String, SettingChange>>,
    /// The removed entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RemovedEntries")]
    pub removed: Option<RemovedEntries>,
    /// More about the event, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub detail: Option<String>,
}

impl Event {
    /// Returns an event of this kind without any other member.
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            user: None,
            address: None,
            operation: None,
            request: None,
            status: None,
            subject: None,
            count: None,
            users: None,
            addresses: None,
            changes: None,
            late: None,
            settings: None,
            changed: None,
            removed: None,
            detail: None,
        }
    }

    /// Adds the user.
    #[must_use]
    pub fn by(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// Adds the address.
    #[must_use]
    pub fn from(mut self, address: Option<IpAddr>) -> Self {
        self.address = address;
        self
    }

    /// Adds a detail for a person.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Returns the event with its texts cut to the longest length.
    pub(super) fn within_limits(mut self) -> Self {
        for text in [
            &mut self.user,
            &mut self.operation,
            &mut self.request,
            &mut self.subject,
            &mut self.detail,
        ]
        .into_iter()
        .flatten()
        {
            if let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
                text.truncate(end);
                text.push('…');
            }
        }
        self
    }
}
