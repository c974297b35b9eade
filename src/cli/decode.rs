//! `satchel decode-workbook`: a hidden subcommand. The server starts itself with it to decode a
//! workbook in a child process.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::codec::workbook;

/// The arguments of the hidden subcommand, if it is the one that was started. It is not declared to
/// clap, so that it appears in no help and no completion.
pub(super) fn arguments(words: &[OsString]) -> Option<Vec<String>> {
    let (subcommand, arguments) = words.get(1..)?.split_first()?;
    let arguments = arguments.iter().map(|word| word.to_string_lossy().into_owned());
    (subcommand == workbook::SUBCOMMAND).then(|| arguments.collect())
}

/// Decodes the workbook on standard input, as the child process.
pub(super) fn run(arguments: &[String]) -> ExitCode {
    workbook::decode_main(arguments)
}
