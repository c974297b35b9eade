//! The origin of a change: who made it, and with which request. The history keeps it.

use std::net::IpAddr;

use bincode::{Decode, Encode};

/// The longest message of a change, in bytes of UTF-8. A few sentences, so that a history of many
/// changes stays small, and the head of a change stays below the limit of one value of the database.
pub const CHANGE_MESSAGE_BYTES_MAX: usize = 1000;

/// The longest operation that the history keeps, in bytes. Route names have at most 30.
const OPERATION_BYTES_MAX: usize = 64;

/// The user who makes a change, and the request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Origin {
    /// The name of the user; empty if Satchel itself makes the change.
    pub principal: String,
    /// The address of the client. `None` if the change was not requested over HTTP.
    pub address: Option<IpAddr>,
    /// The name of the route or command, such as `put_instances`.
    pub operation: String,
    /// The id of the request.
    pub request: Option<u64>,
    /// The message of the user, at most [`CHANGE_MESSAGE_BYTES_MAX`] bytes.
    pub message: Option<String>,
}

impl Origin {
    /// The origin of a change that Satchel makes without a request. `operation` names it.
    pub fn internal(operation: &str) -> Self {
        Self::of_user("", operation)
    }

    /// The origin of a change that a user makes without a request over HTTP.
    pub fn of_user(principal: &str, operation: &str) -> Self {
        Self {
            principal: principal.to_owned(),
            address: None,
            operation: operation.to_owned(),
            request: None,
            message: None,
        }
    }

    /// Returns the origin with texts within their limits, as the history stores it.
    pub(super) fn within_limits(&self) -> Self {
        let mut origin = self.clone();
        truncate(&mut origin.principal, crate::model::limits::NAME_BYTES_MAX);
        truncate(&mut origin.operation, OPERATION_BYTES_MAX);
        if let Some(message) = &mut origin.message {
            truncate(message, CHANGE_MESSAGE_BYTES_MAX);
        }
        origin
    }
}

/// Shortens a text to at most this many bytes, at the border of a character.
fn truncate(text: &mut String, bytes_max: usize) {
    text.truncate(text.floor_char_boundary(bytes_max));
}
