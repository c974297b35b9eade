//! `satchel decode-workbook`: a hidden subcommand. The server starts its own executable with it to
//! decode a workbook in a child process.

use std::ffi::OsString;
use std::process::ExitCode;

use super::privileges;
use crate::codec::workbook;

/// Returns the arguments of the hidden subcommand, if it was started. It is not declared to clap,
/// so that help and completions do not contain it.
pub(super) fn arguments(words: &[OsString]) -> Option<Vec<String>> {
    let (subcommand, arguments) = words.get(1..)?.split_first()?;
    let arguments = arguments.iter().map(|word| word.to_string_lossy().into_owned());
    (subcommand == workbook::SUBCOMMAND).then(|| arguments.collect())
}

/// Decodes the workbook on standard input, as the child process.
pub(super) fn run(arguments: &[String]) -> ExitCode {
    privileges::close_other_descriptors();
    workbook::decode_main(arguments)
}
