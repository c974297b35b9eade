//! `satchel decode-workbook`: not for people. The server starts it to decode a workbook.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::codec::workbook;

/// What the server says to its child, if this is one. It stands in no help and in no completion,
/// so it is no part of the command line that those are made from.
pub(super) fn arguments(words: &[OsString]) -> Option<Vec<String>> {
    let (subcommand, arguments) = words.get(1..)?.split_first()?;
    let said = arguments.iter().map(|word| word.to_string_lossy().into_owned());
    (subcommand == workbook::SUBCOMMAND).then(|| said.collect())
}

/// Is the child until it ends.
pub(super) fn run(arguments: &[String]) -> ExitCode {
    workbook::decode_main(arguments)
}
