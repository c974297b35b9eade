//! The message of a change, from an argument.

use clap::{
    Arg, Command,
    builder::{StringValueParser, TypedValueParser, ValueParserFactory},
    error::ErrorKind,
};

use crate::store::CHANGE_MESSAGE_BYTES_MAX;

/// The message of a change: one line of at most [`CHANGE_MESSAGE_BYTES_MAX`] bytes.
#[derive(Clone, Debug)]
pub(in crate::cli) struct ChangeMessage(String);

impl ChangeMessage {
    pub(in crate::cli) fn as_str(&self) -> &str {
        &self.0
    }
}

impl ValueParserFactory for ChangeMessage {
    type Parser = ChangeMessageParser;

    fn value_parser() -> ChangeMessageParser {
        ChangeMessageParser
    }
}

/// Parses a [`ChangeMessage`]. The error of clap's own parsers would print the whole text.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct ChangeMessageParser;

impl TypedValueParser for ChangeMessageParser {
    type Value = ChangeMessage;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<ChangeMessage, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, argument, value)?;
        let wrong = if text.len() > CHANGE_MESSAGE_BYTES_MAX {
            format!("has {} bytes; the limit is {CHANGE_MESSAGE_BYTES_MAX}", text.len())
        } else if text.contains(char::is_control) {
            "contains a line break or another control character".to_owned()
        } else {
            return Ok(ChangeMessage(text));
        };
        let message = format!("the message {wrong}\n");
        Err(clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command))
    }
}
